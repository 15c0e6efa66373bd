"""Matters of wastes and new pollutants from rows of samples."""

from __future__ import annotations

from dataclasses import replace

from ...core.limit import LimitRow
from .editions import RuleSet
from .pollutants import Occurrence, occurrence, ranking, risk
from .samples import Options, Row, Rows, day_option, grouped, option
from .verdict import Note, Result, shown
from .wastes import Mass, material_account, orphans, rounds_covered, stack

PNEC = "new_pollutant_pnec"


def pollutants(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Occurrence, detection frequency and risk quotient by substance and medium. PNEC: the rows that name one, the user's. Fewer
    analyses than the option `least` (1) are insufficient."""
    limits: dict[tuple[str, str], LimitRow] = {}
    for r in rows:
        if r.text("pnec"):
            key = (r.text("substance"), r.text("medium"))
            limits[key] = LimitRow(
                PNEC, key[0], {"medium": key[1]}, "<=", r.number("pnec"), r.text("pnec"), r.text("pnec_unit") or r.text("unit"), "user",
                "1900-01-01", "", "", r.text("pnec_source") or "user's row", "project", "", r.where.partition(":")[0], 0,
            )  # fmt: skip
    held = replace(rules, rows={**rules.rows, PNEC: tuple(limits.values())}) if limits else rules
    seen: dict[tuple[str, str], Occurrence] = {}
    made: list[Result] = []
    for (substance, medium), found in grouped(rows, "substance", "medium").items():
        unit = found[0].text("unit")
        here = occurrence(substance, medium, unit, [(r.reading(), r.text("unit")) for r in found])
        seen[substance, medium] = here
        share = "—" if here.frequency is None else f"{float(here.frequency):.1f} %"
        told = Note(
            "occurrence", f"{medium}: found in {here.detects} of {here.analyses} ({share}).",
            f"{medium}：{here.analyses} 次分析检出 {here.detects} 次（{share}）。",
        )  # fmt: skip
        result = risk(held, max(r.day() for r in found), here, int(option(options, "least", "1")))
        made.append(replace(result, site=medium, notes=(told, *result.notes)))
    return ranking(made, seen)


def stacks(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    def says(r: Row, key: str) -> bool:
        return r.text(key).casefold() in ("yes", "true", "1", "是")

    return [
        stack(
            rules, r.text("site"), r.day(), r.text("item"), r.text("averaging"), r.reading(), r.text("unit"),
            at_reference_oxygen=says(r, "at_reference_oxygen"), existing=says(r, "existing"),
        )
        for r in rows
    ]  # fmt: skip


def rounds(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    first, last = day_option(options, "first"), day_option(options, "last")
    return [
        rounds_covered(rules, site, rule, first, last, [r.day() for r in found])
        for (site, rule), found in grouped(rows, "site", "rule").items()
    ]


def account(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Accounts by facility, material and period, then the manifests whose two sides do not match."""
    lines = [
        Mass(
            r.text("facility"), r.text("material"), r.text("period"), r.text("kind"), r.number("tonnes"), r.text("method"),
            r.number("uncertainty") if r.text("uncertainty") else 0, r.text("document"), r.text("manifest"),
        )
        for r in rows
    ]  # fmt: skip
    accounts: dict[tuple[str, str, str], list[Mass]] = {}
    for m in lines:
        accounts.setdefault((m.facility, m.material, m.period), []).append(m)
    made = [material_account(found, option(options, "k")) for found in accounts.values()]
    for o in orphans(lines):
        sides = f"{shown(o.shipped) or '-'} / {shown(o.received) or '-'} t"
        made.append(
            Result("materials.manifest", o.manifest, value_text=sides, verdict="insufficient_data" if None in (o.shipped, o.received) else "exceeds",
                   notes=(Note("orphan", "shipped and received do not match.", "转出与接收不符。"),))
        )  # fmt: skip
    return made
