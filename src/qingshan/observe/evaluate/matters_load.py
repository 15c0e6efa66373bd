"""Matters of loads and of PM2.5 and ozone together, from rows of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

from ...core.errors import MissingParameter, OutOfBounds, UnitError
from ...core.limit import LimitRow, limit_table
from ...core.rounding import Exact
from ..loads.load import FLOW_METHODS, Flow, annual_load, flow_estimated, method_zh, monthly_loads, unmeasured
from ..loads.river import River, river
from ..loads.share import KIND_ZH, Measured, Share, Source, export_load, source_shares
from .cocontrol import correlations, formation_potential, ranked, regimes
from .editions import RuleSet, usable
from .samples import Options, Row, Rows, grouped, option
from .verdict import (
    INSUFFICIENT,
    NOT_APPLICABLE,
    REFUSALS,
    STATUSES,
    UNJUDGED,
    Note,
    Result,
    citation,
    estimate_note,
    note_of,
    shown,
    worst_status,
)

MIR = "voc_reactivity"
COEFFICIENTS = "export_coefficients"
MEASURED = "measured"
FLOW = "Q"
"""Item of a row that is the flow itself."""


def loads(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Monthly loads C x Q and the year's, by the mean of a month's flows (m3/s): those of the column `flow`, or rows of the item Q of the same
    site, as a network with a series of flow gives them. `flow_method` says how they were had. Both ways or two methods in one month, and a
    row whose unit is no concentration among others that are, are errors naming the row; an item without any concentration has no load."""
    by_site = grouped([r for r in rows if r.text("item") == FLOW], "site")
    items = grouped([r for r in rows if r.text("item") != FLOW], "site", "item")
    only = Note("only_flow", "there are flows and no concentration: no load.", "只有流量，没有浓度，不能计算通量。")
    made = [
        Result("water.load", site, FLOW, verdict=INSUFFICIENT, notes=(only,))
        for (site,) in by_site
        if site not in {s for s, _ in items}
    ]
    for (site, item), found in items.items():
        named = _flows([*found, *by_site.get((site,), ())], options)
        readings = [(datetime.combine(r.day(), datetime.min.time()), r.reading(), r.text("unit")) for r in found]
        if error := _no_concentration(found):  # a network measures pH and conductivity too
            made.append(Result("water.load", site, item, verdict=NOT_APPLICABLE, notes=(note_of(error),)))
            continue
        months = monthly_loads(readings, named)
        for m in months:
            notes = (
                (Note("no_load", f"{m.reason}.", f"{m.reason_zh}。"),)
                if m.reason
                else tuple(flow_estimated([m.method]))
            )
            made.append(
                Result("water.load_month", site, item, date(m.year, m.month, 1), value=m.tonnes, value_text=shown(m.tonnes, 6), unit="t",
                       limit=m.method, n_valid=m.readings, verdict="" if m.tonnes is not None else INSUFFICIENT, notes=notes)
            )  # fmt: skip
        made += [annual_load(site, item, months, year) for year in sorted({m.year for m in months})]
    return made


def _flows(rows: Rows, options: Options) -> list[Flow]:
    """The mean flow of each month. Raises `OutOfBounds` naming the row that gives a month a second way or method."""
    values: dict[tuple[int, int], list[Fraction]] = {}
    first: dict[tuple[int, int], tuple[str, str]] = {}
    for r in rows:
        column = "value" if r.text("item") == FLOW else "flow"
        if not r.text(column):
            continue
        month, way = (r.day().year, r.day().month), (column, _method(r, options))
        if (before := first.setdefault(month, way)) != way:
            said = [f"{'rows of Q' if c == 'value' else 'column flow'}, {m}" for c, m in (before, way)]
            raise OutOfBounds(
                f"the flow of {month[0]}-{month[1]:02d} is given in two ways ({said[0]}; {said[1]}): their mean is no flow.",
                f"{month[0]}-{month[1]:02d} 的流量有两种给法（{said[0]}；{said[1]}），不能平均。", where=r.where,
                fix="keep one for the month: the column flow or rows of Q, by one method / 每月只留一种：flow 列或项目 Q 的行，方法相同",
            )  # fmt: skip
        values.setdefault(month, []).append(_discharge(r, column))
    return [Flow(y, m, sum(q, Fraction()) / len(q), first[y, m][1], len(q)) for (y, m), q in sorted(values.items())]


def _no_concentration(rows: Rows) -> UnitError | None:
    """Why an item has no load: no row is a concentration. Raises the `UnitError`, naming the row, where only some are none."""
    read = [r for r in rows if not r.reading().missing]
    errors = []
    for r in read:
        try:
            r.in_unit(Fraction(1), "mg/L")
        except UnitError as error:
            errors.append(error)
    if errors and len(errors) < len(read):
        raise errors[0]
    return errors[0] if errors else None


def _discharge(row: Row, column: str) -> Fraction:
    """A flow in m3/s; a row of the item Q has its own unit. Raises `UnitError`."""
    value = row.number(column)
    return Fraction(row.in_unit(value, "m3/s") if column == "value" else value)


def _method(row: Row, options: Options) -> str:
    """How the flow of a row was had. Raises `MissingParameter` where neither the row nor an option says so."""
    found = row.text("flow_method") or options.get("flow_method", "")
    if found in FLOW_METHODS:
        return found
    said = f"is {found!r}" if found else "is not said"
    raise MissingParameter(
        "flow_method", f"how the flow was had {said}: a column flow_method or --set flow_method=, one of {', '.join(FLOW_METHODS)}.",
        f"没有写明可用的流量方法（{found or '空'}）：加一列 flow_method，或 --set flow_method=，取 {'、'.join(FLOW_METHODS)}。", where=row.where,
        fix="add the column flow_method, or --set flow_method=measured / 加一列 flow_method，或 --set flow_method=measured",
    )  # fmt: skip


# ---- whose load ------------------------------------------------------------------------------------------------------


def shares(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Sections against their sources: a row of kind `measured` is the load of an `item` at a section (t a year) with its `downstream`, any
    other a source of the same item in the section's own catchment (facility, non_point, background). A source without `tonnes` is its
    `area_hm2` times the row of `source_type` in the table of export coefficients, times the ratio of the row `delivery` where one is named."""
    measured = {(r.text("section"), r.text("item")): r for r in rows if r.text("kind") == MEASURED}
    for r in rows:
        if (key := (r.text("section"), r.text("item"))) not in measured:
            known = ", ".join(i or "-" for s, i in measured if s == key[0])
            what = f"{key[0]} {key[1]}".strip()
            raise OutOfBounds(
                f"no load of {what}: a row of kind {MEASURED} of the same section and item is needed"
                + (f"; measured there: {known}." if known else "."),
                f"缺 {what} 的实测通量：须有同一断面、同一 item 且 kind 为 {MEASURED} 的行" + (f"；该断面实测：{known}。" if known else "。"),
                where=r.where,
            )  # fmt: skip
    if sum(r.text("kind") == MEASURED for r in rows) > len(measured):
        raise OutOfBounds("a section has two measured loads.", "有断面给了两个实测通量。")
    graph = river(dict.fromkeys((section, r.text("downstream")) for (section, _), r in measured.items()))
    made: list[Result] = []
    for item in dict.fromkeys(i for _, i in measured):
        held = {section: _measured(r) for (section, i), r in measured.items() if i == item}
        sources = [_source(rules, r) for r in rows if r.text("kind") != MEASURED and r.text("item") == item]
        made += _shares(item, held, sources, graph)
    return made


def _shares(item: str, held: Mapping[str, Measured], sources: Sequence[Source], graph: River) -> list[Result]:
    """Shares and residual of the sections that have a load of `item`, downstream. Where it is named, it stands before each source."""
    named = f"{item}: " if item else ""
    made: list[Result] = []
    for section in (s for s in graph.order() if s in held):
        found = source_shares(section, sources, graph, held)
        if not found.shares:
            continue
        made += [
            Result("water.source_share", section, f"{named}{s.id}", value=s.percent, value_text=shown(s.percent, 6), unit="%", status=s.status,
                   notes=(_amount(s), *_guesses([_guess(s)] if s.guessed else [], section, held[section])))
            for s in found.shares
        ]  # fmt: skip
        way = held[section].method
        left, load = shown(found.residual, 6), shown(found.measured, 6)
        en, zh = (
            (f"{load} t ({way})", f"{load} t（{method_zh(way)}）") if way != MEASURED else (f"{load} t", f"{load} t ")
        )
        if not held[section].estimated:
            en, zh = en.replace(" t", " t measured", 1), f"实测 {zh}"
        whole = Note(
            "residual", f"{left} t of {en} are explained by no account.", f"{zh}中有 {left} t 无来源账户解释。"
        )
        guessed = [(s.id, s.id) for s in found.shares if s.guessed]
        made.append(
            Result("water.source_residual", section, f"{named}residual", value=found.residual_percent, value_text=shown(found.residual_percent, 6),
                   unit="%", status=found.status, notes=(whole, *_guesses(guessed, section, held[section])))
        )  # fmt: skip
    return made


def _amount(share: Share) -> Note:
    """What a source brings and how that was had, where it is said."""
    en, zh = (f", {share.method}", f"，{method_zh(share.method)}") if share.method else ("", "")
    tonnes = shown(share.tonnes, 6)
    return Note(share.kind, f"{share.kind}: {tonnes} t{en}.", f"{KIND_ZH[share.kind]}：{tonnes} t{zh}。")


def _guess(share: Share) -> tuple[str, str]:
    """What of a share was not measured, en and zh."""
    if share.kind == "upstream":
        return _flow_of(share.id, share.method)
    method = share.method if share.method != MEASURED else ""  # what is no point has no outlet to measure at
    return method or share.kind, method_zh(method) or KIND_ZH[share.kind]


def _flow_of(section: str, method: str) -> tuple[str, str]:
    return f"load of {section} by {method}", f"{section} 通量的流量方法为{method_zh(method)}"


def _guesses(of: Sequence[tuple[str, str]], section: str, load: Measured) -> list[Note]:
    """That a share or residual is an estimate: what of it, or the load it is a percentage of, was not measured."""
    said = [*of, *([_flow_of(section, load.method)] if load.estimated else ())]
    return [estimate_note(", ".join(en for en, _ in said), "、".join(zh for _, zh in said))] if said else []


def _measured(row: Row) -> Measured:
    return Measured(row.number("tonnes"), row.text("method") or MEASURED, _status(row) or "project")


def _status(row: Row) -> str:
    """The status a row gives itself, '' where it gives none. Raises `OutOfBounds` for a word that is no status."""
    said = row.text("status")
    if said not in STATUSES:
        raise OutOfBounds(
            f"status is {said!r}.", f"status 为 {said!r}。", where=f"{row.where} [status]", fix=", ".join(filter(None, STATUSES))
        )  # fmt: skip
    return said


def _source(rules: RuleSet, row: Row) -> Source:
    """A source with the worst status of its row and of the coefficients it stands on."""
    said = _status(row)
    kind, method = row.text("kind"), row.text("method")
    estimated = kind == "non_point" or unmeasured(method)
    if row.text("tonnes"):
        tonnes: Exact = row.number("tonnes")
        status = said or "project"
    else:
        coefficient = _coefficient(rules, row, row.text("source_type"))
        delivery = _coefficient(rules, row, row.text("delivery")) if row.text("delivery") else None
        tonnes, estimated = export_load(coefficient, row.number("area_hm2"), delivery), True
        status = worst_status((said, *(c.status for c in (coefficient, delivery) if c)))
    return Source(row.text("source"), row.text("section"), kind, tonnes, method, status, estimated)


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
    `share` (80) percent of it. MIR (g O3 per g) are the user's: columns `mir` and `mir_source`; species without one are named. Raises
    `OutOfBounds` for a species twice in one sample, or with two MIR."""
    given = _reactivity(rows)
    held = replace(rules, rows={**rules.rows, MIR: tuple(given.values())}) if given else rules
    made: list[Result] = []
    for (site, _), found in grouped(rows, "site", "date").items():
        day = found[0].day()
        try:
            values: dict[str, tuple[Exact, str]] = {}
            for r in found:
                species = r.text("species")
                if species in values:
                    raise OutOfBounds(
                        f"{species} stands twice in one sample.", f"{species} 在同一样品中出现两次。", where=r.where
                    )
                values[species] = (r.number("value"), r.text("unit"))
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


def _reactivity(rows: Rows) -> dict[str, LimitRow]:
    """The user's MIR by species. Raises `OutOfBounds` where two rows give one species another value or source."""
    given: dict[str, LimitRow] = {}
    for r in (r for r in rows if r.text("mir")):
        species, source = r.text("species"), r.text("mir_source") or "user's row"
        first = given.setdefault(
            species,
            LimitRow(
                MIR, species, {}, "", r.number("mir"), r.text("mir"), "1", "user", "1900-01-01", "", "", source, "project", "",
                r.where.partition(":")[0], 0,
            ),
        )  # fmt: skip
        if (first.value, first.source) != (r.number("mir"), source):
            raise OutOfBounds(
                f"two MIR of {species}: {first.text} ({first.source}) and {r.text('mir')} ({source}).",
                f"{species} 有两个 MIR：{first.text}（{first.source}）与 {r.text('mir')}（{source}）。", where=r.where,
                fix="keep one value and source for a species / 每个组分只留一个值和来源",
            )  # fmt: skip
    return given
