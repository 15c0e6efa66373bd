"""Matters of loads and of PM2.5 and ozone together, from rows of text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

from ...core.errors import MissingParameter, OutOfBounds, UnitError
from ...core.limit import LimitRow, limit_table
from ...core.rounding import Exact
from ..loads.load import FLOW_METHODS, Flow, annual_load, monthly_loads
from ..loads.river import river
from ..loads.share import Source, export_load, source_shares
from .cocontrol import correlations, formation_potential, ranked, regimes
from .editions import RuleSet, usable
from .samples import Options, Row, Rows, grouped, option
from .verdict import INSUFFICIENT, NOT_APPLICABLE, REFUSALS, UNJUDGED, Note, Result, citation, converted, note_of, shown

MIR = "voc_reactivity"
COEFFICIENTS = "export_coefficients"
MEASURED = "measured"
FLOW = "Q"
"""Item of a row that is the flow itself."""


def loads(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Monthly loads C x Q and the year's, by the mean of a month's flows (m3/s): those of the column `flow`, or rows of the item Q of the same
    site, as a network with a series of flow gives them. `flow_method` says how they were had."""
    by_site = grouped([r for r in rows if r.text("item") == FLOW], "site")
    made = []
    for (site, item), found in grouped([r for r in rows if r.text("item") != FLOW], "site", "item").items():
        flows: dict[tuple[int, int], list[Fraction]] = {}
        method: dict[tuple[int, int], str] = {}
        beside = [r for r in by_site.get((site,), ()) if r.text("value")]
        for r, column in [*((r, "flow") for r in found if r.text("flow")), *((r, "value") for r in beside)]:
            month = (r.day().year, r.day().month)
            flows.setdefault(month, []).append(_discharge(r, column))
            method[month] = _method(r, options)
        readings = [(datetime.combine(r.day(), datetime.min.time()), r.reading(), r.text("unit")) for r in found]
        named = [Flow(y, m, sum(q, Fraction()) / len(q), method[y, m], len(q)) for (y, m), q in sorted(flows.items())]
        try:
            months = monthly_loads(readings, named)
        except UnitError as error:  # a network measures pH and conductivity too
            made.append(Result("water.load", site, item, verdict=NOT_APPLICABLE, notes=(note_of(error),)))
            continue
        for m in months:
            notes = (Note("no_load", m.reason, m.reason),) if m.reason else ()
            made.append(
                Result("water.load_month", site, item, date(m.year, m.month, 1), value=m.tonnes, value_text=shown(m.tonnes, 6), unit="t",
                       limit=m.method, n_valid=m.readings, verdict="" if m.tonnes is not None else INSUFFICIENT, notes=notes)
            )  # fmt: skip
        made += [annual_load(site, item, months, year) for year in sorted({m.year for m in months})]
    return made


def _discharge(row: Row, column: str) -> Fraction:
    """A flow in m3/s; a row of the item Q has its own unit. Raises `UnitError`."""
    value = row.number(column)
    return Fraction(converted(value, row.text("unit"), "m3/s") if column == "value" else value)


def _method(row: Row, options: Options) -> str:
    """How the flow of a row was had. Raises `MissingParameter` where neither the row nor an option says so."""
    found = row.text("flow_method") or options.get("flow_method", "")
    if found in FLOW_METHODS:
        return found
    said = f"is {found!r}" if found else "is not said"
    raise MissingParameter(
        "flow_method", f"how the flow was had {said}: a column flow_method or --set flow_method=, one of {', '.join(FLOW_METHODS)}.",
        f"没有写明可用的流量方法（{found or '空'}）：加一列 flow_method，或 --set flow_method=，取 {'、'.join(FLOW_METHODS)}。", where=row.where,
    )  # fmt: skip


# ---- whose load ------------------------------------------------------------------------------------------------------


def shares(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Sections against their sources: a row of kind `measured` is the load of a section (t a year) with its `downstream`, any other a
    source of the section's own catchment (facility, non_point, background). A source without `tonnes` is its `area_hm2` times the row of
    `source_type` in the table of export coefficients, times the ratio of the row `delivery` where one is named."""
    measured = {r.text("section"): r for r in rows if r.text("kind") == MEASURED}
    if lacking := sorted({r.text("section") for r in rows} - set(measured)):
        raise OutOfBounds(
            f"no load of {', '.join(lacking)}: a row of kind {MEASURED} is needed.",
            f"缺 {'、'.join(lacking)} 的实测通量：须有 kind 为 {MEASURED} 的行。",
        )
    if sum(r.text("kind") == MEASURED for r in rows) > len(measured):
        raise OutOfBounds("a section has two measured loads.", "有断面给了两个实测通量。")
    graph = river([(section, r.text("downstream")) for section, r in measured.items()])
    held = {section: r.number("tonnes") for section, r in measured.items()}
    sources = [_source(rules, r) for r in rows if r.text("kind") != MEASURED]
    made = []
    for section in graph.order():
        found = source_shares(section, held[section], sources, graph, held)
        if not found.shares:
            continue
        made += [
            Result("water.source_share", section, s.id, value=s.percent, value_text=shown(s.percent, 6), unit="%", status=s.status,
                   notes=(Note(s.kind, f"{s.kind}: {shown(s.tonnes, 6)} t, {s.method}.", f"{s.kind}：{shown(s.tonnes, 6)} t，{s.method}。"),))
            for s in found.shares
        ]  # fmt: skip
        whole = Note(
            "residual", f"{shown(found.residual, 6)} t of {shown(found.measured, 6)} t measured are explained by no account.",
            f"实测 {shown(found.measured, 6)} t 中有 {shown(found.residual, 6)} t 无来源账户解释。",
        )  # fmt: skip
        made.append(
            Result("water.source_residual", section, "residual", value=found.residual_percent, value_text=shown(found.residual_percent, 6),
                   unit="%", status=found.status, notes=(whole,))
        )  # fmt: skip
    return made


def _source(rules: RuleSet, row: Row) -> Source:
    status = row.text("status") or "project"
    if row.text("tonnes"):
        tonnes: Exact = row.number("tonnes")
    else:
        coefficient = _coefficient(rules, row, row.text("source_type"))
        delivery = _coefficient(rules, row, row.text("delivery")) if row.text("delivery") else None
        tonnes, status = export_load(coefficient, row.number("area_hm2"), delivery), coefficient.status
    return Source(row.text("source"), row.text("section"), row.text("kind"), tonnes, row.text("method"), status)


def _coefficient(rules: RuleSet, row: Row, kind: str) -> LimitRow:
    """One row of the export coefficients, by `source_type` and `item`. Raises what refuses it."""
    found = [r for r in rules.table(COEFFICIENTS).find(row.text("item")) if kind and kind in r.scope["source_type"]]
    if len(found) != 1:
        known = sorted(
            {f"{r.scope['source_type']} {r.item} ({r.scope['place']})" for r in limit_table(COEFFICIENTS).rows}
        )
        raise OutOfBounds(
            f"tonnes is empty, and {kind!r} of {row.text('item')!r} is no single export coefficient.",
            f"tonnes 为空，而 {kind!r} {row.text('item')!r} 对应不到唯一的输出系数。", where=row.where, fix="; ".join(known),
        )  # fmt: skip
    return usable(found[0], rules)


# ---- air -------------------------------------------------------------------------------------------------------------


def together(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Daily PM2.5 and MDA8 ozone: correlation by season, days by regime."""
    made = []
    for (site,), found in grouped(rows, "site").items():
        pm25 = {r.day(): r.number("pm25") for r in found if r.text("pm25")}
        o3 = {r.day(): r.number("o3_mda8") for r in found if r.text("o3_mda8")}
        made += [
            Result("air.pm25_o3_correlation", site, s.season, value_text="" if s.spearman is None else f"r {s.pearson:.3f}, rho {s.spearman:.3f}",
                   n_valid=s.days, verdict="" if s.spearman is not None else INSUFFICIENT)
            for s in correlations(pm25, o3)
        ]  # fmt: skip
        try:
            told = regimes(rules, pm25, o3, options.get("grade", "2"))
        except REFUSALS as error:
            made.append(Result("air.pm25_o3_regime", site, verdict=UNJUDGED, notes=(note_of(error),)))
            continue
        stands, days = citation(told.limits) if told.limits else {}, sum(told.days.values())
        made += [
            Result(
                "air.pm25_o3_regime",
                site,
                name,
                value_text=str(n),
                unit="d",
                n_valid=days,
                rule_set=rules.digest,
                **stands,
            )
            for name, n in told.days.items()
        ]
    return made


def potential(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Ozone formation potential (ug/m3 as O3) of the species of each sample, largest first, with their percent; which species make
    `share` (80) percent of it. MIR (g O3 per g) are the user's: columns `mir` and `mir_source`; species without one are named."""
    given = {
        r.text("species"): LimitRow(
            MIR, r.text("species"), {}, "", r.number("mir"), r.text("mir"), "1", "user", "1900-01-01", "", "",
            r.text("mir_source") or "user's row", "project", "", r.where.partition(":")[0], 0,
        )
        for r in rows if r.text("mir")
    }  # fmt: skip
    held = replace(rules, rows={**rules.rows, MIR: tuple(given.values())}) if given else rules
    made: list[Result] = []
    for (site, _), found in grouped(rows, "site", "date").items():
        day = found[0].day()
        try:
            values = {r.text("species"): (r.number("value"), r.text("unit")) for r in found}
            lines, unknown = formation_potential(held, day, values)
        except REFUSALS as error:
            made.append(Result("air.ofp", site, "VOC", day, day, verdict=UNJUDGED, notes=(note_of(error),)))
            continue
        made += [
            Result("air.ofp", site, s.species, day, day, value=s.potential, value_text=shown(s.potential, 6), unit="ug/m3", status=s.row.status,
                   notes=(Note("share", f"{shown(s.percent, 4)} % of the sum; MIR {s.row.text}: {s.row.source}.",
                               f"占合计 {shown(s.percent, 4)}%；MIR {s.row.text}：{s.row.source}。"),))
            for s in lines
        ]  # fmt: skip
        share = option(options, "share", "80")
        first = ranked(lines, share)
        notes = [Note("ranked", f"{share} % of it: {', '.join(first)}.", f"占 {share}%：{'、'.join(first)}。")]
        if unknown:
            notes.append(
                Note(
                    "without_mir",
                    f"without MIR, left out: {', '.join(unknown)}.",
                    f"没有 MIR，未计入：{'、'.join(unknown)}。",
                )
            )
        total = sum((s.potential for s in lines), Fraction())
        made.append(
            Result("air.ofp", site, "sum", day, day, value=total, value_text=shown(total, 6), unit="ug/m3", n_valid=len(lines),
                   n_required=len(values), status="project", notes=tuple(notes))
        )  # fmt: skip
    return made
