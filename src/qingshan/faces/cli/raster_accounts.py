"""`run` of raster accounts by name: one block per place, grades by their names, measures, refusals."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qingshan.accounts.conditioned import INDEX
from qingshan.accounts.profile import profiles
from qingshan.accounts.raster.declaration import Patch, raster_accounts
from qingshan.accounts.raster.placed import PlaceFigure, placed
from qingshan.accounts.raster.run import How, RasterRun, book_of, run_raster
from qingshan.accounts.run import Run, run_account
from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName, in_language
from qingshan.core.finding import worst
from qingshan.zone.zone import Zone

from .problem import WrongCall
from .show import cells_progress, emit, four_digits

if TYPE_CHECKING:
    from qingshan.accounts.patch import Patches

WHOLE = 1 - 1e-9
MOST_REASONS = 5


def named(arguments: argparse.Namespace) -> list[str]:
    """The raster accounts of the call, empty where it names profiles. A name may be neither: that raises `UnknownName`."""
    asked = [a for a in dict.fromkeys(arguments.accounts or ()) if a != "gep"]
    known, cells = (list(profiles(load_domains())), list(raster_accounts(load_domains()))) if asked else ([], [])
    for name in asked:
        if name not in known and name not in cells:
            raise UnknownName(
                f"no account {name!r}; profiles: {', '.join(known)}; raster accounts: {', '.join(cells)}.",
                f"没有账户 {name!r}；口径：{'、'.join(known)}；栅格账户：{'、'.join(cells)}。",
            )
    chosen = [a for a in asked if a not in known]
    if chosen and len(chosen) < len(arguments.accounts):
        raise WrongCall(
            "profiles and raster accounts are run apart.", "口径和栅格账户须分开运行。", fix="run them one after the other / 分两次运行"
        )  # fmt: skip
    if chosen and arguments.draws:
        raise WrongCall(
            "--draws is for profiles, not for raster accounts.", "--draws 只用于口径，不用于栅格账户。", fix="leave it out / 去掉它"
        )  # fmt: skip
    return chosen


def run(arguments: argparse.Namespace, zone: Zone, names: list[str]) -> int:
    """Run and seal the named raster accounts, and print their figures for the place asked for and every leaf below it."""
    started = time.perf_counter()
    root = zone.place(arguments.place).code if arguments.place else zone.root
    places = list(dict.fromkeys([root, *zone.leaves(root)]))
    sealed = {name: _sealed(arguments, zone, name) for name in names}
    done = [
        _computed(arguments, zone, name, period) for name, own in sealed.items() for period in own.manifest["periods"]
    ]
    given = [{place: placed(r, zone, place) for place in places} for r in done]
    patches = [[(p, r.patches[p.id]) for p in r.account.patches if p.id in r.patches] for r in done]
    findings = list(dict.fromkeys(f for f in [*zone.findings, *(f for r in done for f in r.findings)]))
    if arguments.json:
        emit({
            "accounts": [_record(r, zone, figures, sealed[r.account.id]) | {"patches": [_patches(p, of) for p, of in own]}
                         for r, figures, own in zip(done, given, patches, strict=True)],
            "findings": [f.record() for f in findings],
            "seconds": round(time.perf_counter() - started, 3),
        })  # fmt: skip
    else:
        for r, figures, own in zip(done, given, patches, strict=True):
            _print(r, zone, figures, arguments.lang)
            for p, of in own:
                print("\n".join(_patch_lines(p, of, arguments.lang == "zh")))
        for own_run in sealed.values():
            print("\n".join(_condition_lines(own_run, places, arguments.lang == "zh")), end="")
            print(f"{'已封存：' if arguments.lang == 'zh' else 'sealed: '}{own_run.id}")
        for finding in findings:
            if finding.level != "note":
                sys.stderr.write(f"{finding.sentence(arguments.lang)}\n")  # one write: lines of a pipe stay whole
        print(f"{time.perf_counter() - started:.1f} {'秒' if arguments.lang == 'zh' else 's'}")
    refused = any(f.refusal for figures in given for each in figures.values() for f in each)
    return 1 if worst(findings) == "error" or (arguments.strict and refused) else 0


def _condition_lines(own: Run, places: list[str], zh: bool) -> list[str]:
    """The condition index of the places, where the run has one, each line ended."""
    found = [f for place in places for f in own.select(INDEX, place, "")]
    name = own.names(INDEX)[0 if zh else 1] if found else ""
    refused = "拒算" if zh else "refused"
    said = [
        f"{refused} - {f.refusal.zh if zh else f.refusal.en}"
        if f.refusal
        else "—"
        if f.value is None
        else four_digits(f.value)
        for f in found
    ]
    colon = "：" if zh else ": "
    lines = [
        f"  {f.place} {own.zone.place(f.place).name('zh' if zh else 'en')} {f.period} {name}{colon}{s}"
        for f, s in zip(found, said, strict=True)
    ]
    return [*lines, ""] if lines else []


def _sealed(arguments: argparse.Namespace, zone: Zone, name: str) -> Run:
    """The sealed run of one account: what `explain` and `verify` read. Raises `ZoneError` where the zone has no grid."""
    book_of(zone)
    with cells_progress() as cells:
        return run_account(
            zone, name, period=arguments.year, place=arguments.place, how=_how(arguments, cells)
        )  # fmt: skip


def _computed(arguments: argparse.Namespace, zone: Zone, name: str, period: str) -> RasterRun:
    """What the seal was made from, read back from home, with the rasters asked for."""
    with cells_progress() as cells:
        how = _how(arguments, cells)
        return run_raster(
            zone, name, period, scheduler=how.scheduler, workers=how.workers, memory=how.memory, writes=how.writes, progress=cells
        )  # fmt: skip


def _how(arguments: argparse.Namespace, cells: Any) -> How:
    return How(
        arguments.scheduler, arguments.workers or None, arguments.memory,
        Path(arguments.rasters) if arguments.rasters else None, not arguments.no_resume, cells,
    )  # fmt: skip


def _record(done: RasterRun, zone: Zone, figures: dict[str, list[PlaceFigure]], sealed: Run) -> dict[str, Any]:
    names = {place: zone.place(place) for place in figures}
    return {
        "account": done.account.id, "zh": done.account.zh, "en": done.account.en, "period": done.period, "key": done.key,
        "run": sealed.id, "path": str(sealed.path), "synthetic": zone.synthetic, "rasters": {k: str(p) for k, p in done.written.items()},
        "places": [
            {"place": place, "zh": names[place].name_zh, "en": names[place].name_en, "figures": [f.record() for f in each]}
            for place, each in figures.items()
        ],
    }  # fmt: skip


def _print(done: RasterRun, zone: Zone, figures: dict[str, list[PlaceFigure]], lang: str) -> None:
    account = done.account
    label = "  [synthetic]" if zone.synthetic else ""
    print(f"{account.id} {done.period}  {account.zh if lang == 'zh' else account.en}{label}")
    for place, each in figures.items():
        print(f"  {place} {zone.place(place).name(lang)}")
        for figure in each:
            for line in _lines(figure, zone, lang == "zh"):
                print(f"    {line}")


def _lines(f: PlaceFigure, zone: Zone, zh: bool) -> list[str]:
    """A figure with what limits it; one line more per code; a refusal with the document that ends it."""
    name, colon = (f.zh, "：") if zh else (f.en, ": ")
    if f.refusal:
        document = "; ".join(
            sorted({in_language(x.document, "zh" if zh else "en") for x in f.refusal.leaves() if x.document})
        )
        text = f"{name}{colon}{'拒算' if zh else 'refused'} - {f.refusal.zh if zh else f.refusal.en}"
        text += f" <- {document}" if document else ""
        reasons = [r.zh if zh else r.en for r in f.refusal.leaves()] if f.refusal.causes else []
        if len(reasons) > MOST_REASONS:
            more = len(reasons) - MOST_REASONS
            reasons[MOST_REASONS:] = [f"另有 {more} 项，见 --json" if zh else f"{more} more, see --json"]
        part = ("其余地类：" if zh else "the other classes: ") + _amounts(f, zh) if f.values else ""
        return [text, *(f"  - {r}" for r in reasons), *([f"  {part}"] if part else [])]
    notes = _notes(f, zone, zh)
    if not f.labels:
        return [f"{name}{colon}{_amounts(f, zh)}{notes}"]
    return [f"{name}{notes}", *(f"  {i} {label}{colon}{four_digits(v)} {f.unit}".replace("  :", ":") for i, (label, v) in _coded(f, zh))]  # fmt: skip


def _patches(p: Patch, of: Patches) -> dict[str, Any]:
    return {
        "id": p.id, "zh": p.zh, "en": p.en, "smallest_hm2": of.smallest, "neighbours": p.neighbours,
        "codes": [
            {"code": c, "patches": int(of.kept_count[i]), "hm2": float(of.kept_area[i]), "small_hm2": float(of.small_area[i])}
            for i, c in enumerate(of.codes)
        ],
    }  # fmt: skip


def _patch_lines(p: Patch, of: Patches, zh: bool) -> list[str]:
    """Patches of the whole grid that reach the smallest area, by code, and what lies in smaller ones."""
    head = (
        f"  {p.zh}，全图范围，不小于 {of.smallest:g} hm2"
        if zh
        else f"  {p.en}, whole grid, of {of.smallest:g} hm2 or more"
    )
    lines = [
        f"    {c}：{n} 块，{four_digits(a)} hm2；更小的 {four_digits(s)} hm2"
        if zh
        else f"    {c}: {n} {'patch' if n == 1 else 'patches'}, {four_digits(a)} hm2; in smaller ones {four_digits(s)} hm2"
        for c, n, a, s in zip(of.codes, of.kept_count, of.kept_area, of.small_area, strict=True)
    ]
    return [head, *lines]


def _coded(f: PlaceFigure, zh: bool) -> list[tuple[int, tuple[str, float]]]:
    return list(enumerate(zip(f.labels if zh else f.labels_en, f.values or (), strict=True)))


def _amounts(f: PlaceFigure, zh: bool) -> str:
    """One value, or every code's on one line."""
    if f.labels:
        return "; ".join(f"{i} {label} {four_digits(v)} {f.unit}" for i, (label, v) in _coded(f, zh))
    return f"{four_digits(f.values[0])} {f.unit}" if f.values else ""


def _notes(f: PlaceFigure, zone: Zone, zh: bool) -> str:
    """Classes left out, and the share of the area that has data where it is not the whole."""
    known = {c["id"]: c.get("zh" if zh else "en", c["id"]) for c in zone.config.get("extent", {}).get("class", ())}
    said = []
    if f.left_out:
        names = ("、" if zh else ", ").join(known.get(c, c) for c in f.left_out)
        said.append(f"不含{names}" if zh else f"without {names}")
    if f.area_m2 and f.covered_m2 < WHOLE * f.area_m2:
        said.append(
            f"有值面积占 {f.covered_m2 / f.area_m2 * 100:.1f} %"
            if zh
            else f"made on {f.covered_m2 / f.area_m2 * 100:.1f} % of the area"
        )
    if not said:
        return ""
    return f"（{'；'.join(said)}）" if zh else f" ({'; '.join(said)})"


__all__ = ["named", "run"]
