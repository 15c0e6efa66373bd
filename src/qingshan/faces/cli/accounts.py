"""Verbs on accounts: run, explain, verify, fill."""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qingshan.accounts.beneficiaries import declared_flows, use_by_place
from qingshan.accounts.block.cut import bytes_of
from qingshan.accounts.explain import as_text
from qingshan.accounts.explain import explain as explain_tree
from qingshan.accounts.fill import fill as fill_slots
from qingshan.accounts.fill import filled_rows, template
from qingshan.accounts.home import home
from qingshan.accounts.profile import find_profile
from qingshan.accounts.raster.run import How
from qingshan.accounts.rounds import declared_rounds
from qingshan.accounts.run import Fact, Run, latest_runs, run_account, services_catalogue
from qingshan.accounts.seal import changed_files
from qingshan.accounts.verify import Verdict
from qingshan.accounts.verify import verify as verify_run
from qingshan.core.domain import load_domains
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.finding import worst
from qingshan.zone.zone import Zone, open_zone

from . import raster_accounts
from .problem import WrongCall
from .show import amount, cells_progress, counted, emit, four_digits, progress, said_labels

if TYPE_CHECKING:
    from qingshan.accounts.balance import Table
    from qingshan.accounts.inventory import ForestRun


def run(arguments: argparse.Namespace) -> int:
    """Compute the profiles of a zone, or the raster accounts named, print what came out and what refuses."""
    started = time.perf_counter()
    if arguments.workers == 0:
        raise WrongCall("--workers must be at least 1.", "--workers 至少为 1。")
    bytes_of(arguments.memory)
    zone = open_zone(arguments.zone)
    if cells_asked := raster_accounts.named(arguments):
        return raster_accounts.run(arguments, zone, cells_asked)
    runs = []
    for name in _profiles_asked(arguments, zone):
        with progress(f"{zone.id} / {name}") as step, cells_progress() as cells:
            how = How(
                arguments.scheduler, arguments.workers or None, arguments.memory,
                Path(arguments.rasters) if arguments.rasters else None, not arguments.no_resume, cells,
            )  # fmt: skip
            runs.append(run_account(
                zone, name, progress=step, period=arguments.year, place=arguments.place, how=how, draws=arguments.draws, seed=arguments.seed
            ))  # fmt: skip
    woods: ForestRun | None = None if _limited(arguments) else _seal_inventories(zone)
    root = zone.place(arguments.place).code if arguments.place else zone.root
    records = [_summary(r, root) for r in runs]
    findings = list(dict.fromkeys(f for f in [*zone.findings, *(f for r in runs for f in r.findings)]))
    if arguments.json:
        emit(
            {
                "runs": records,
                **({"inventories": woods.id} if woods else {}),
                "findings": [f.record() for f in findings],
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
    else:
        for done, record in zip(runs, records, strict=True):
            _print_run(done, record, root, arguments.lang, whole=done is runs[0])
            if arguments.draws:
                _print_interval(record, arguments.lang == "zh")
        if woods is not None:
            from .woods import tell  # noqa: PLC0415 - the extra geo

            tell(woods, zone, arguments.lang)
        if any(r["refused"] for r in records):
            _tell_refusals(arguments.lang)
        for finding in findings:
            if finding.level != "note":
                sys.stderr.write(f"{finding.sentence(arguments.lang)}\n")  # one write: lines of a pipe stay whole
        print(f"{time.perf_counter() - started:.1f} {'秒' if arguments.lang == 'zh' else 's'}")
    if worst(findings) == "error":
        return 1
    return 1 if arguments.strict and any(r["refused"] for r in records) else 0


def _tell_refusals(lang: str) -> None:
    """What a refusal is, once: a reader who meets the word for the first time takes it for a failure."""
    print(
        "拒算不是运行出错：所缺数据或文件（“<-”后）尚未取得，不以任何缺省值代替；取得后用 `qingshan fill` 补录。"
        if lang == "zh"
        else "refused is no failure of the run: a figure or a document (named after <-) is not on file, and no default stands in for it;"
        " `qingshan fill` takes in what was obtained."
    )


def _limited(arguments: argparse.Namespace) -> bool:
    """Something of the zone was asked for, not all that it declares."""
    return bool(arguments.accounts or arguments.profile or arguments.year or arguments.place)


def _seal_inventories(zone: Zone) -> ForestRun | None:
    """The estimates of the zone's forest inventories, where it has any."""
    if not zone.config.get("inventory"):
        return None
    from qingshan.accounts.inventory import seal_inventories  # noqa: PLC0415 - the extra geo

    return seal_inventories(zone)


def _profiles_asked(arguments: argparse.Namespace, zone: Zone) -> list[str]:
    """The profiles of the call: those named, `gep` for the zone's default, else the zone's own list."""
    settings = zone.config["zone"]
    if arguments.accounts and arguments.profile:
        raise WrongCall("give accounts or --profile, not both.", "账户和 --profile 只给一个。")
    if arguments.accounts:
        return list(dict.fromkeys(settings["default_profile"] if a == "gep" else a for a in arguments.accounts))
    if arguments.profile and arguments.profile != "all":
        return [arguments.profile]
    return list(settings.get("profiles") or [settings["default_profile"]])


def _summary(done: Run, root: str) -> dict[str, Any]:
    lines = [line for line in done.services(root) if line.included == "yes"]
    refused = [line.service.id for line in lines if line.refusal]
    labels = [*done.profile.labels, *(["partial"] if refused else []), *(["synthetic"] if done.zone.synthetic else [])]
    return {
        "run": done.id,
        "path": str(done.path),
        "profile": done.profile.id,
        "official": done.profile.official,
        "labels": labels,
        "facts": len(done.facts),
        "computed": done.stats.computed if done.stats else 0,
        "reused": done.stats.reused if done.stats else 0,
        "given": [line.service.id for line in lines if not line.refusal],
        "refused": refused,
        "uncertainty": _interval(done, root),
        "beneficiaries": [t.record() for t in _beneficiaries(done)] if root == done.zone.root else [],
        "not_included": [line.service.id for line in done.services(root) if line.included != "yes"],
    }


def _beneficiaries(done: Run) -> list[Table]:
    """Place of supply by place of use of each accounted service whose way the zone declares, in its own unit."""
    accounted = {u.id for u in done.profile.services if u.included == "yes" and u.physical}
    tables = [use_by_place(done, service) for service in declared_flows(done.zone) if service in accounted]
    return [t for t in tables if t.cells]


def _print_beneficiaries(done: Run, lang: str) -> None:
    """Who uses what each place supplies, one line per place of supply."""
    zh = lang == "zh"
    for table in _beneficiaries(done):
        print(f"  {table.zh if zh else table.en}（{table.unit}）" if zh else f"  {table.en} ({table.unit})")
        for row in table.rows:
            uses = [(h.zh if zh else h.en, table.get(row.id, h.id)) for h in table.columns]
            said = "; ".join(f"{name} {four_digits(float(part))}" for name, part in uses if part)
            print(f"    {row.zh if zh else row.en} -> {said}")


def _interval(done: Run, root: str) -> dict[str, Any]:
    """What the draws say of the accounted services of the place; without distributions: not assessed."""
    head, *records = done.uncertainty
    bases = done.profile.bases()
    place, period = root, done.default_period
    whole = next(
        (r for r in records if r["role"] == "accounted" and (r["place"], r["period"], r["basis"]) == (place, period, bases[0])), {}
    )  # fmt: skip
    return {**head, "accounted": whole}


def _print_run(done: Run, record: dict[str, Any], root: str, lang: str, *, whole: bool) -> None:
    """The run in one line; the first of several also with its figures and refusals."""
    zh = lang == "zh"
    given, refused = len(record["given"]), len(record["refused"])
    counts = (
        f"数据 {record['facts']} 条，新算 {record['computed']} 步，沿用 {record['reused']} 步"
        if zh
        else f"{record['facts']} facts, {record['computed']} computed, {record['reused']} reused"
    )
    if given or refused:
        counts += f"；服务算出 {given} 项，拒算 {refused} 项" if zh else f"; services: {given} given, {refused} refused"
    labels = f"[{said_labels(record['labels'], lang)}]  " if record["labels"] else ""
    print(f"{done.id}  {labels}{counts}")
    if not whole:
        return
    for quantity in done.profile.figures:
        fact = done.fact(quantity, root)
        if not fact.refused:
            print(f"  {done.names(quantity)[0 if zh else 1]}: {amount(fact, done)}")
    for fact in (f for f in done.facts if declared_rounds(done.profile)):
        place, said = done.zone.place(fact.place).name(lang), done.names(fact.quantity)[0 if zh else 1]
        why = "" if fact.refusal is None else (fact.refusal.zh if zh else fact.refusal.en)
        told = "" if fact.value is None else f"{four_digits(fact.value)} {fact.unit}"
        print(f"  {place} {fact.period} {said}: {told or ('拒算 - ' if zh else 'refused - ') + why}")
    for line in done.services(root):
        if line.included != "yes":
            continue
        name = f"{line.service.id} {line.service.zh if zh else line.service.en}"
        if line.refusal:
            documents = "; ".join(sorted({x.document for x in line.refusal.leaves() if x.document}))
            print(
                f"  {name}: {'拒算' if zh else 'refused'} - {line.refusal.zh if zh else line.refusal.en}"
                + (f" <- {documents}" if documents else "")
            )
        else:
            money = "; ".join(f"{amount(v, done)} ({b})" for b, v in line.value.items() if not v.refused)
            physical = amount(line.physical, done) if line.physical and not line.physical.refused else ""
            print(f"  {name}: {' = '.join(p for p in (physical, money) if p)}")
    if root == done.zone.root:
        _print_beneficiaries(done, lang)


def _print_interval(record: dict[str, Any], zh: bool) -> None:
    """The interval of the accounted services and what drives its variance."""
    found, whole = record["uncertainty"], record["uncertainty"]["accounted"]
    if not whole:
        print(
            "  不确定性：未评估（没有声明参数分布）"
            if zh
            else "  uncertainty: not assessed (no distribution is declared)"
        )
        return
    drivers = sorted(whole["shares"].items(), key=lambda item: -item[1]["first"])
    shown = "; ".join(f"{name} {share['first']:.0%}" for name, share in drivers[:5])
    low, middle, high = (four_digits(whole[p]) for p in ("p5", "p50", "p95"))
    print(
        f"  不确定性（抽样 {found['draws']} 次）：已核算服务价值 {low}–{middle}–{high} {whole['unit']}（5、50、95 百分位）；方差来自 {shown}" if zh
        else f"  uncertainty ({found['draws']} draws): accounted services {low} - {middle} - {high} {whole['unit']} (5, 50, 95 %); variance from {shown}"
    )  # fmt: skip


def explain(arguments: argparse.Namespace) -> int:
    """Print the tree behind a figure, or the tree of reasons why there is none."""
    done = run_of(arguments)
    _require_sealed(done)
    home_place = done.facts[0].place if arguments.dossier else done.zone.root
    place = done.zone.place(arguments.place).code if arguments.place else home_place
    fact = _asked(done, arguments, place)
    tree = explain_tree(done, fact.key)
    if arguments.json:
        emit(tree)
    else:
        labels = f"  [{said_labels(fact.labels, arguments.lang)}]" if fact.labels else ""
        print(f"{done.id}  {done.zone.place(place).name(arguments.lang)}{labels}")
        print(as_text(tree, arguments.lang, arguments.full))
    return 0


def _require_sealed(done: Run) -> None:
    """Raise `QingshanError` where a file of the run is not as sealed: nothing of it is explained then."""
    if changed := changed_files(done.path, done.manifest["files"]):
        raise QingshanError(
            f"{done.id} was changed after sealing: {', '.join(changed)}.",
            f"{done.id} 封存后被改动：{'、'.join(changed)}。",
            fix=f"see `qingshan verify {done.id}`, then move {done.path} away and run again"
            f" / 用 `qingshan verify {done.id}` 查明，移走 {done.path} 后重新核算",
        )


def _asked(done: Run, arguments: argparse.Namespace, place: str) -> Fact:
    """The cell asked for: a quantity, or a service by id or code (its physical figure, or its value under a basis).

    Raises `UnknownName` naming what there is.
    """
    rounds = {
        f.period for f in done.facts if declared_rounds(done.profile)
    }  # those of a survey have years of their own
    period = arguments.period or (max(rounds) if rounds else done.default_period)
    _require(period, {*done.manifest["periods"], *rounds}, done, "period", "时期")
    quantity, cls, basis = arguments.quantity, arguments.cls, arguments.basis
    service = next(
        (s.id for s in services_catalogue(done.domains).values() if quantity in (s.id, s.code, f"gep.{s.code}")), ""
    )
    here = [f for f in done.select(place=place, period=period) if quantity == f.quantity or service == f.service != ""]
    if not here:
        raise _no_such(done, quantity, place)
    _require(cls, {f.cls for f in here}, done, "class", "类别")
    _require(basis, {f.basis for f in here} | {""}, done, "money basis", "价格口径")
    cells = [f for f in here if f.cls == cls and (not basis or f.basis == basis)]
    if not cells:
        raise _no_such(done, quantity, place)
    first_basis = next(iter(done.profile.bases()), "")

    def rank(fact: Fact) -> tuple[bool, bool, bool]:
        return (fact.quantity != quantity, fact.role != "physical", fact.basis not in ("", first_basis))

    return min(cells, key=rank)


def _require(word: str, known: Iterable[str], done: Run, en: str, zh: str) -> None:
    names = sorted(known)
    if word not in names:
        given = [name for name in names if name]
        raise UnknownName(
            f"{done.id} has no {en} {word!r} here; it has: {', '.join(given) or 'none'}.",
            f"{done.id} 在这里没有{zh} {word!r}；现有：{'、'.join(given) or '无'}。",
            fix="name one that is there / 指定其中一个",
        )


def _no_such(done: Run, quantity: str, place: str) -> UnknownName:
    known = {f.quantity for f in done.facts} | set(services_catalogue(done.domains))
    near = [] if quantity in known else get_close_matches(quantity, sorted(known), n=5, cutoff=0.4)
    name = done.zone.place(place)
    return UnknownName(
        f"{done.id} has no {quantity!r} for {name.name_en}" + (f" (near: {', '.join(near)})." if near else "."),
        f"{done.id} 中{name.name_zh}没有 {quantity!r}" + (f"（相近：{'、'.join(near)}）。" if near else "。"),
        fix="give a quantity or a service, such as gep.water_retention or G02 / 给出指标或服务，如 gep.water_retention、G02",
    )


def run_of(arguments: argparse.Namespace) -> Run:
    zone = open_zone(arguments.zone)
    if getattr(arguments, "dossier", ""):
        return _dossier_run(zone, arguments.dossier)
    if arguments.profile == "forest_inventory":
        return _inventories_of(zone)
    name = find_profile(load_domains(), arguments.profile or zone.config["zone"]["default_profile"]).id
    runs = latest_runs(zone)
    if name not in runs:
        raise UnknownName(
            f"no run of {zone.id} under {name!r} yet.",
            f"{zone.name_zh}还没有按“{name}”核算过。",
            fix="run `qingshan run` first / 先运行 `qingshan run`",
        )
    return runs[name]


def _dossier_run(zone: Zone, name: str) -> Run:
    """The sealed run behind the newest dossier of a project, or of the dossier in a folder. Raises `UnknownName`."""
    from qingshan.accounts.claim.dossier import dossiers, open_dossier  # noqa: PLC0415 - the extra geo
    from qingshan.accounts.claim.sealed import DossierRun  # noqa: PLC0415

    folder = Path(name)
    known = {d.id: d for d in dossiers(zone)}
    kept = open_dossier(folder) if (folder / "dossier.json").is_file() else known.get(name)
    if kept is None or kept.run is None:
        raise UnknownName(
            f"no dossier {name!r} of {zone.id}; there are: {', '.join(known) or '-'}.", f"{zone.name_zh}没有案卷 {name!r}；现有：{'、'.join(known) or '—'}。",
            fix="qingshan forest dossier FOLDER --zone ZONE",
        )  # fmt: skip
    return DossierRun(kept.run)


def _inventories_of(zone: Zone) -> Run:
    from qingshan.accounts.inventory import forest_run  # noqa: PLC0415 - the extra geo

    found = forest_run(zone)
    if found is None:
        raise UnknownName(
            f"no estimates of forest inventories of {zone.id} yet.", f"{zone.name_zh}还没有森林调查的估计。",
            fix="run `qingshan forest run` first / 先运行 `qingshan forest run`",
        )  # fmt: skip
    return found


def _verified(name: str, public_key: str) -> Verdict:
    """The verdict on a run, or on the folder of a release or dossier; `zone/project` is the newest dossier of a project."""
    folder = _dossier_folder(name) or Path(name)
    if not (folder.is_dir() and (folder / "manifest.json").is_file()):
        return verify_run(name)
    from qingshan.publish.dossier import is_dossier, verify_dossier  # noqa: PLC0415 - the extra report
    from qingshan.publish.forest_release import is_forest_release, verify_forest_release  # noqa: PLC0415

    if is_dossier(folder):
        return verify_dossier(folder)
    return verify_forest_release(folder, public_key) if is_forest_release(folder) else verify_run(folder)


def _dossier_folder(name: str) -> Path | None:
    """The newest dossier of `zone/project`, None where there is no such project."""
    zone, _, project = name.rpartition("/")
    projects = home() / "projects" / zone / project
    if not zone or Path(name).exists() or not projects.is_dir():
        return None
    kept = [p for p in projects.glob("v[0-9]*") if (p / "manifest.json").is_file()]
    return max(kept, key=lambda p: int(p.name[1:]), default=None)


def verify(arguments: argparse.Namespace) -> int:
    """Replay a run and name every difference; exit 1 where there is one."""
    verdict = _verified(arguments.run, arguments.public_key)
    if arguments.json:
        emit(verdict.record())
        return 0 if verdict.ok else 1
    zh = arguments.lang == "zh"
    elsewhere = bool(verdict.differences) and all(d["kind"] == "build" for d in verdict.differences)
    lead = ("另一构建：" if zh else "another build: ") if elsewhere else ("不符：" if zh else "differs: ")
    for difference in verdict.differences:
        print(lead + difference["zh" if zh else "en"])
    for note in verdict.notes:
        en, _, said = note.partition(" / ")
        print(f"{'说明：' if zh else 'note: '}{said if zh and said else en}")
    words = (
        ("逐字节一致", "数值一致，字节不同", "由另一构建生成，本构建不能核验" if elsewhere else "不一致")
        if zh
        else (
            "equal to the byte",
            "numerically equal, not byte-equal",
            "made by another build, not verified by this one" if elsewhere else "not equal",
        )
    )
    outcome = words[0] if verdict.equal else words[1] if verdict.numeric else words[2]
    counts = (
        f"数据 {verdict.facts} 条，步骤 {verdict.nodes} 个，文件 {verdict.files} 个，{verdict.seconds} 秒"
        if zh
        else f"{verdict.facts} facts, {verdict.nodes} nodes, {verdict.files} files, {verdict.seconds} s"
    )
    print(f"{verdict.run}{'：' if zh else ': '}{outcome}  {counts}")
    return 0 if verdict.ok else 1


def fill(arguments: argparse.Namespace) -> int:
    """Import rows for a profile's slots, or print them as a template; with any error nothing is imported."""
    zone: Zone = open_zone(arguments.zone)
    domains = load_domains()
    profile = find_profile(domains, arguments.profile)
    if arguments.template:
        parameters = domains.parameters()
        parameters.add(zone.parameters)
        parameters.add(filled_rows(zone, profile.id))
        text = template(profile, parameters)
        if arguments.json:
            emit(list(csv.DictReader(io.StringIO(text))))
        else:
            print(text, end="")
        return 0
    if not arguments.file:
        raise WrongCall(
            "no CSV file is given.",
            "没有给出 CSV 文件。",
            fix="give the file, or --template to print the open slots / 给出文件，或用 --template 打印待补的参数行",
        )
    rows, findings = fill_slots(
        zone, profile.id, Path(arguments.file), by=arguments.by, document=arguments.document, domains=domains
    )
    if arguments.json:
        emit({"filled": [r.record() for r in rows], "findings": [f.record() for f in findings]})
    else:
        for finding in findings:
            sys.stderr.write(f"{finding.sentence(arguments.lang)}\n")
        print(
            f"{zone.name_zh}：{profile.id} 补录 {len(rows)} 行"
            if arguments.lang == "zh"
            else f"{counted(len(rows), 'row')} filled for {profile.id} in {zone.id}"
        )
    return 1 if worst(findings) == "error" else 0


__all__ = ["explain", "fill", "run", "verify"]
