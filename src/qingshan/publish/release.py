"""What may be released, and under which name. Rules of gep.md section 3; every refusal names its reasons.

A draft is always possible and carries these reasons with it. An official release is refused while there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from qingshan.accounts.figure import Node, Refusal
from qingshan.accounts.fill import doubtful_methods, open_slots, page_checked
from qingshan.accounts.profile import ClassMap
from qingshan.accounts.run import STOCK, Fact, Run, ServiceLine
from qingshan.accounts.seal import changed_files
from qingshan.core.canonical import digest
from qingshan.core.errors import RefusedRelease, UnknownName
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import RELEASE_STATUSES
from qingshan.zone.period import Period

STATUS_WORDS = {
    "open": ("待补", "open"),
    "ocr_doubt": ("存疑", "doubtful"),
    "project": ("自定", "our own choice"),
    "": ("未注明来源级别", "without a source status"),
}

GATED = {
    "parameter": ("参数", "the parameter"),
    "input": ("数据", "the input figure"),
    "constant": ("常数", "the constant"),
    "layer": ("图层", "the layer"),
}
"""Kinds of nodes that carry the status of their source."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands between an account and its official release. `document` is what would settle it."""

    code: str  # profile_not_official | open_slot | method_status | map_status | partial | seal | <kind of GATED>_status
    zh: str
    en: str
    subject: str = ""
    document: str = ""

    def text(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en

    def __str__(self) -> str:
        return f"{self.en} / {self.zh}"

    def record(self) -> dict[str, str]:
        return asdict(self)


# ---- what is published ----------------------------------------------------------------------------------------------


def period_of(run: Run, year: int | str | None = None) -> Period:
    """The accounting period of a year (None: the newest). Raises `UnknownName` listing the periods of the run."""
    if year is None:
        return run.zone.period(run.default_period)
    for period in run.zone.periods:
        if str(year) in (period.id, str(period.year)):
            return period
    known = ", ".join(p.id for p in run.zone.periods)
    raise UnknownName(
        f"{run.id} has no year {year}; it has: {known}.",
        f"这次核算没有 {year} 年；现有：{known}。",
        fix="--year with one of these / 用 --year 指定其中一个",
    )


def value_of(line: ServiceLine, basis: str) -> Fact | None:
    """The service's value on a price basis; a value with a price of its own stands for every basis."""
    return line.value.get(basis) or line.value.get("")


def missing_services(run: Run, place: str, period: str) -> list[ServiceLine]:
    """Services of the profile that have no figure here: no value on some price basis, or no quantity where there are no prices.

    A stock (the forest asset) is no service of the year and is not counted.
    """
    missing = []
    for line in run.services(place, period):
        if line.included != "yes" or line.service.category == STOCK:
            continue
        bases = run.profile.bases()
        wanted = [value_of(line, basis) for basis in bases] if bases else [line.physical]
        if any(fact is None or fact.refused for fact in wanted):
            missing.append(line)
    return missing


def refusals_of(line: ServiceLine) -> list[Refusal]:
    """The bottom causes why a service has no figure, each once."""
    heads = [f.refusal for f in (line.physical, *line.value.values()) if f is not None and f.refusal]
    leaves = {leaf.key: leaf for head in heads or [r for r in (line.refusal,) if r] for leaf in head.leaves()}
    return list(leaves.values())


def pedigree(run: Run, facts: Iterable[Fact]) -> list[Node]:
    """Every node that these cells stand on, sorted by key."""
    found: dict[str, Node] = {}
    queue = [f.key for f in facts]
    while queue:
        key = queue.pop()
        if key not in found and key in run.nodes:
            found[key] = run.nodes[key]
            queue += [child for _, child in found[key].args]
    return [found[key] for key in sorted(found)]


def published_facts(run: Run, place: str, period: str) -> list[Fact]:
    """The cells of a place and of all places below it in one period."""
    below = {place, *run.zone.children(place), *run.zone.leaves(place)}
    return [f for f in run.facts if f.place in below and f.period == period]


# ---- release --------------------------------------------------------------------------------------------------------


def check_release(run: Run, place: str | None = None, period: str | None = None) -> list[Reason]:
    """Every reason against an official release of the account of `place` (None: the zone's root) in `period`; empty if none."""
    code, when = run.zone.place(place or run.zone.root).code, period or run.default_period
    nodes = pedigree(run, published_facts(run, code, when))
    return [
        *_seal(run),
        *_profile(run),
        *_slots(run),
        *_maps(run, nodes),
        *_methods(run, nodes),
        *_statuses(nodes),
        *_partial(run, code, when),
    ]


def require_release(run: Run, reasons: list[Reason]) -> None:
    """Raise `RefusedRelease`, listing every reason, unless there is none."""
    if not reasons:
        return
    raise RefusedRelease(
        f"{run.id} cannot be released officially, {len(reasons)} reasons: " + " ".join(r.en for r in reasons),
        f"{run.id} 不能正式发布，原因 {len(reasons)} 条：" + "".join(r.zh for r in reasons),
        reasons=[str(r) for r in reasons], fix="publish a draft, or fill what is missing with `qingshan fill` / 先出草案，或用 `qingshan fill` 补齐",
    )  # fmt: skip


def require_seal(run: Run) -> None:
    """Raise `RefusedRelease` where a file of the run was changed, removed or added after sealing."""
    if broken := _seal(run):
        raise RefusedRelease(
            f"{run.id} is not as sealed: " + " ".join(r.en for r in broken), f"{run.id} 封存后被改动：" + "".join(r.zh for r in broken),
            reasons=[str(r) for r in broken], fix=f"see `qingshan verify {run.id}`, then run the account again / 用 `qingshan verify {run.id}` 查明后重新核算",
        )  # fmt: skip


def _seal(run: Run) -> list[Reason]:
    broken = changed_files(run.path, run.manifest["files"])
    if not run.id.endswith(digest(run.manifest)[:12]):
        broken = ["manifest.json", *broken]
    return [
        Reason("seal", f"封存文件 {n} 与清单不符。", f"the sealed file {n} is not what the manifest says.", n)
        for n in broken
    ]


def _profile(run: Run) -> list[Reason]:
    if run.profile.official:
        return []
    zh = f"“{run.profile.zh}”（{run.profile.id}）不是正式的核算口径。"
    return [
        Reason(
            "profile_not_official",
            zh,
            f"the profile {run.profile.en!r} ({run.profile.id}) is not official.",
            run.profile.id,
        )
    ]


def _slots(run: Run) -> list[Reason]:
    reasons = []
    for row in open_slots(run.profile, run.parameters):
        document = row.document or row.note or row.source_title
        reasons.append(
            Reason(
                "open_slot", f"参数 {row.name()} 待补。", f"the parameter {row.name()} is open.", row.name(), document
            )
        )
    for slot in run.profile.slots:
        if not run.parameters.rows(slot):
            reasons.append(
                Reason("open_slot", f"参数 {slot} 没有取值。", f"there is no row for the parameter {slot}.", slot)
            )
    return reasons


def used_maps(run: Run, nodes: Iterable[Node]) -> list[ClassMap]:
    """The class maps that these nodes went through."""
    recipes = [
        run.profile.recipes[q] for q in sorted({n.quantity for n in nodes if n.method}) if q in run.profile.recipes
    ]
    names = {binding["map"] for recipe in recipes for binding in recipe.bind.values() if "map" in binding}
    return [run.profile.maps[name] for name in sorted(names)]


def _maps(run: Run, nodes: list[Node]) -> list[Reason]:
    """Class maps of the profile, those through which tables of raster accounts found their rows, and mapped land-cover legends."""
    statuses = [(used.id, used.status) for used in used_maps(run, nodes)]
    tables = {
        (n.notes["map"], n.notes.get("map_status", "project"))
        for n in nodes
        if n.kind == "table" and n.notes.get("map")
    }
    tables |= {
        (n.row["mapping"], status)
        for n in nodes
        if n.kind == "layer" and n.row and n.row.get("mapping")
        for status in n.row.get("mapping_status", ())
    }
    reasons = []
    for id, status in [*statuses, *sorted(tables)]:
        if status not in RELEASE_STATUSES:
            zh, en = STATUS_WORDS.get(status, (status, status))
            reasons.append(Reason("map_status", f"地类对照表 {id} 为{zh}。", f"the class map {id} is {en}.", id))
    return reasons


def _methods(run: Run, nodes: list[Node]) -> list[Reason]:
    """Methods whose formula was read with doubt and not yet compared with the printed page."""
    used = {node.method for node in nodes} | {ref for node in nodes for ref in node.notes.get("methods", ())}
    doubtful = [ref for ref in doubtful_methods(run.profile) if ref in used]
    return [
        Reason(
            "method_status",
            f"方法 {ref} 的公式识读存疑，尚未逐页核对。",
            f"the formula of {ref} was read with doubt and has no page check.",
            ref,
            f"{REGISTRY[ref].clause.document} {REGISTRY[ref].clause.where}",
        )
        for ref in doubtful
        if not page_checked(run.profile, run.parameters, ref)
    ]


def _statuses(nodes: list[Node]) -> list[Reason]:
    """Parameter rows, input figures, declared constants and layers whose status keeps them out of an official release."""
    reasons: dict[tuple[str, str], Reason] = {}
    for node in nodes:
        row = node.row or {}
        status = str(row.get("status") or "")
        if node.kind not in GATED or status in RELEASE_STATUSES or _drawn(node):
            continue
        zh, en = STATUS_WORDS.get(status, (status, status))
        name, what, code = _row_name(node), GATED[node.kind], f"{node.kind}_status"
        document = str(row.get("document") or "")
        reasons[code, name] = Reason(code, f"{what[0]} {name} 为{zh}。", f"{what[1]} {name} is {en}.", name, document)
    return [reasons[key] for key in sorted(reasons)]


def _drawn(node: Node) -> bool:
    """Places drawn from the zone's boundaries stand in no catalogue, so they have no status of their own."""
    return node.kind == "layer" and node.quantity == "places" and not (node.row or {}).get("entry")


def _row_name(node: Node) -> str:
    row = node.row or {}
    inside: list[Any] = [node.place, node.period]
    if node.kind == "parameter":
        inside = [row.get("cls"), row.get("set"), row.get("year")]
    elif node.kind == "constant":
        inside = [row.get("origin")]
    return f"{node.quantity}[{', '.join(str(p) for p in inside if p)}]"


def _partial(run: Run, place: str, period: str) -> list[Reason]:
    reasons = []
    for line in missing_services(run, place, period):
        leaves = refusals_of(line)
        why_zh, why_en = "".join(leaf.zh for leaf in leaves[:3]), " ".join(leaf.en for leaf in leaves[:3])
        documents = "；".join(dict.fromkeys(leaf.document for leaf in leaves if leaf.document))
        reasons.append(Reason("partial", f"{line.service.zh}（{line.service.id}）拒算：{why_zh}",
                              f"{line.service.en} ({line.service.id}) is refused: {why_en}", line.service.id, documents))  # fmt: skip
    return reasons


# ---- names ----------------------------------------------------------------------------------------------------------


def against_gep_title(run: Run, place: str, period: str) -> list[Reason]:
    """Why the account may not be called GEP; empty where it may: the profile bears the title, is official, and nothing is missing."""
    reasons = _profile(run)
    if not run.profile.gep_title or not run.profile.bases():
        zh, en = (
            f"核算口径 {run.profile.id} 不以生态产品总值为题。",
            f"the profile {run.profile.id} does not bear the title GEP.",
        )
        reasons.append(Reason("no_gep_title", zh, en, run.profile.id))
    missing = missing_services(run, place, period)
    if missing or not any(u.included == "yes" for u in run.profile.services):
        names_zh, names_en = "、".join(m.service.zh for m in missing), ", ".join(m.service.en for m in missing)
        reasons.append(
            Reason("partial", f"服务不全，缺 {names_zh}。", f"the set of services is partial; missing: {names_en}.")
        )
    return reasons


def gep(run: Run, place: str | None = None, period: str | None = None, basis: str | None = None) -> Fact:
    """The figure under the name GEP. Raises `RefusedRelease` with the reasons wherever the name is not allowed."""
    code, when = run.zone.place(place or run.zone.root).code, period or run.default_period
    if reasons := against_gep_title(run, code, when):
        raise RefusedRelease(
            "this sum is not GEP: " + " ".join(r.en for r in reasons), "这个合计不能称为生态产品总值：" + "".join(r.zh for r in reasons),
            reasons=[str(r) for r in reasons], fix="call it accounted services / 改称已核算服务合计",
        )  # fmt: skip
    return value(run, code, when, basis)


def value(run: Run, place: str | None = None, period: str | None = None, basis: str | None = None) -> Fact:
    """The accounted services in yuan. Raises `RefusedRelease` where the profile has no prices."""
    fact = run.accounted(run.zone.place(place or run.zone.root).code, period, basis)
    if fact is None:
        zh = f"核算口径 {run.profile.id} 只有实物量，没有价格，不计价值。"
        en = f"the profile {run.profile.id} is biophysical: it has no prices, so no value in yuan."
        raise RefusedRelease(en, zh, reasons=[f"{en} / {zh}"], fix="choose a profile with prices / 换用有价格的口径")
    return fact
