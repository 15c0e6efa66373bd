"""SEEA-EA tables of an account: extent (4.1), change matrix (4.2), supply and use (7.1, 9.1), monetary asset (10.1).

Every table is made of the account's figures as exact fractions, so what must balance balances exactly: opening + additions -
reductions = closing, row and column sums of the change matrix, supply = use, opening + changes = closing of the asset. What an
account does not have is not in the table and is noted. SEEA's total is not the Chinese GEP: neither is printed under the
other's name.

    [[conversion]] from = "arable", to = "forest", kind = "managed", source            in zone.toml: managed or unmanaged change
    [[holder]]     class = "forest", to = "government", share = "0.6", source, status   which economic unit holds a class
    [[use]]        service = "G02", to = "households", share = "0.6", source, status    who uses a service
    [assets]       discount_rate = "2.0", years = "100", source, status                 rate in %, life in years, annuity in arrears
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.units import factor
from qingshan.zone.zone import Zone

from .balance import Head, Table, fraction, shares_of
from .cells import STOCK, Fact
from .extent import CHANGE, UNALLOCATED
from .run import Run

if TYPE_CHECKING:
    from .condition import ConditionAccount, Means

__all__ = [
    "UNITS",
    "asset_account",
    "change_table",
    "condition",
    "condition_tables",
    "extent_table",
    "seea_tables",
    "supply_table",
    "units_table",
    "use_table",
]

CONDITION = "condition"
"""The raster account whose sealed run the condition tables read."""
UNITS = (
    Head("agriculture", "农林牧渔业", "agriculture, forestry and fishing"),
    Head("industry", "工业和建筑业", "manufacturing, utilities and construction"),
    Head("services", "服务业", "services"),
    Head("government", "政府", "government"),
    Head("households", "住户", "households"),
    Head("ecosystems", "生态系统（中间使用）", "ecosystems (intermediate)"),
    Head("exports", "区域外", "rest of the world"),
    Head("undeclared", "使用者未声明", "user not declared"),
)
WHOLE = Head("whole", "未分生态系统", "not by ecosystem")
FLOWS = tuple(f"{flow}_{kind}" for flow in ("addition", "reduction") for kind in ("managed", "unmanaged", "undeclared"))
EXTENT_ROWS = (
    Head("opening", "期初面积", "opening extent"),
    Head("addition_managed", "人为增加", "managed additions"),
    Head("addition_unmanaged", "自然增加", "unmanaged additions"),
    Head("addition_undeclared", "增加（未声明人为或自然）", "additions not declared managed or unmanaged"),
    Head("reduction_managed", "人为减少", "managed reductions"),
    Head("reduction_unmanaged", "自然减少", "unmanaged reductions"),
    Head("reduction_undeclared", "减少（未声明人为或自然）", "reductions not declared managed or unmanaged"),
    Head("net", "净变化", "net change"),
    Head("closing", "期末面积", "closing extent"),
)
ASSET_ROWS = (
    Head("opening", "期初价值", "opening value"),
    Head("enhancement", "生态改善", "enhancement"),
    Head("degradation", "生态退化", "degradation"),
    Head("conversion_additions", "转入", "additions by conversion"),
    Head("conversion_reductions", "转出", "reductions by conversion"),
    Head("other_volume_changes", "其他物量变化", "other changes in volume"),
    Head("revaluations", "重估价", "revaluations"),
    Head("net", "净变化", "net change"),
    Head("closing", "期末价值", "closing value"),
)
SIGNS = {
    "enhancement": 1,
    "degradation": -1,
    "conversion_additions": 1,
    "conversion_reductions": -1,
    "other_volume_changes": 1,
    "revaluations": 1,
}


def seea_tables(run: Run, place: str = "", period: str = "", basis: str = "") -> dict[str, Table]:
    """Every table that the account allows, by id. Raises `DeclarationError` where zone.toml declares shares that do not add up."""
    place, period = run.zone.place(place or run.zone.root).code, period or run.default_period
    bases = (
        [basis] if basis else [b for b in run.profile.bases() if any(f.basis == b and not f.refused for f in run.facts)]
    )
    made = [
        change_table(run, place, period),
        extent_table(run, place, period),
        units_table(run, place, period),
        supply_table(run, place, period),
        use_table(run, place, period),
    ]
    for b in bases:
        made += [
            supply_table(run, place, period, b),
            use_table(run, place, period, b),
            asset_account(run, place, period, b),
        ]
    return {table.id: table for table in made if table.cells}


# ---- extent ---------------------------------------------------------------------------------------------------------


def change_table(run: Run, place: str, period: str) -> Table:
    """Opening class × closing class, hm2: row sums are the opening, column sums the closing extent."""
    heads = _classes(run)
    cells: dict[tuple[str, str], Fraction] = {}
    for fact in run.select(CHANGE, place, period=period):
        start, _, end = fact.cls.partition(">")
        if fact.value is not None:
            cells[start, end] = fraction(fact.value)
    rows = tuple(h for h in heads if any(r == h.id for r, _ in cells))
    columns = tuple(h for h in heads if any(c == h.id for _, c in cells))
    return Table("4.2", "生态系统转移矩阵", "ecosystem change matrix", "hm2", rows, columns, cells, _labels(run))


def extent_table(run: Run, place: str, period: str) -> Table:
    """Table 4.1 from the change matrix: opening + additions - reductions = closing, exactly, for every class."""
    matrix, kinds = change_table(run, place, period), _conversions(run.zone)
    cells: dict[tuple[str, str], Fraction] = {}
    heads = tuple(h for h in _classes(run) if h in matrix.rows or h in matrix.columns)
    for head in heads:
        column = {flow: Fraction() for flow in FLOWS}
        for (start, end), area in matrix.cells.items():
            if start != end and head.id in (start, end):
                flow = "addition" if end == head.id else "reduction"
                column[f"{flow}_{kinds.get((start, end), 'undeclared')}"] += area
        opening, closing = matrix.row(head.id), matrix.column(head.id)
        column |= {"opening": opening, "closing": closing, "net": closing - opening}
        cells |= {(row, head.id): area for row, area in column.items()}
    return Table("4.1", "生态系统面积账户", "ecosystem extent account", "hm2", EXTENT_ROWS, heads, cells, _labels(run))


def units_table(run: Run, place: str, period: str) -> Table:
    """Table 4.4: the closing extent of every class by the declared shares of the economic units that hold it, hm2; it adds up to 4.1."""
    extent, known = extent_table(run, place, period), {h.id for h in UNITS}
    cells: dict[tuple[str, str], Fraction] = {}
    for head in extent.columns:
        declared = [r for r in run.zone.config.get("holder", ()) if r.get("class") == head.id]
        shares = shares_of(declared, head.id, f"zone.toml [[holder]] {head.id}") or {"undeclared": Fraction(1)}
        if stray := sorted(set(shares) - known):
            raise DeclarationError(f"holder of {head.id}: no unit {', '.join(stray)}.", f"{head.id} 的持有者 {'、'.join(stray)} 不在单位表中。",
                                   where="zone.toml [[holder]]", fix=f"one of {', '.join(sorted(known))}")  # fmt: skip
        cells |= {(unit, head.id): share * extent.cells["closing", head.id] for unit, share in shares.items()}
    units = [replace(h, zh="未声明", en="not declared") if h.id == "undeclared" else h for h in UNITS]
    rows = tuple(h for h in units if any(r == h.id for r, _ in cells))
    zh, en = "按经济单位的生态系统面积", "ecosystem extent by economic unit"
    return Table("4.4", zh, en, "hm2", rows, extent.columns, cells, _labels(run))


def _conversions(zone: Zone) -> dict[tuple[str, str], str]:
    found = {}
    for row in zone.config.get("conversion", ()):
        if row.get("kind") not in ("managed", "unmanaged") or not row.get("source"):
            raise DeclarationError(
                f"conversion {row.get('from')} > {row.get('to')}: kind is managed or unmanaged, with a source.",
                f"地类转换 {row.get('from')}→{row.get('to')}：kind 写 managed 或 unmanaged，并注明来源。", where="zone.toml [[conversion]]",
            )  # fmt: skip
        found[str(row["from"]), str(row["to"])] = str(row["kind"])
    return found


# ---- supply and use -------------------------------------------------------------------------------------------------


def supply_table(run: Run, place: str, period: str, basis: str = "") -> Table:
    """Services × ecosystem classes: physical (7.1a), or with `basis` in yuan (9.1a). A service without classes stands under `whole`."""
    cells, rows, units, notes = _supply(run, place, period, basis)
    columns = tuple(h for h in (*_classes(run), WHOLE) if any(c == h.id for _, c in cells))
    if basis:
        return Table(
            f"9.1a {basis}",
            "生态系统服务供给表（价值量）",
            "ecosystem services supply, monetary",
            "元",
            rows,
            columns,
            cells,
            _labels(run),
            notes,
        )
    return Table(
        "7.1a",
        "生态系统服务供给表（实物量）",
        "ecosystem services supply, physical",
        "",
        rows,
        columns,
        cells,
        _labels(run),
        notes,
        units,
    )


def use_table(run: Run, place: str, period: str, basis: str = "") -> Table:
    """Services × economic units (7.1b, 9.1b): the supply of each service by the declared shares of its users."""
    supply, rows, units, notes = _supply(run, place, period, basis)
    cells: dict[tuple[str, str], Fraction] = {}
    known = {h.id for h in UNITS}
    for head in rows:
        declared = [r for r in run.zone.config.get("use", ()) if r.get("service") == head.id]
        shares = shares_of(declared, head.id, f"zone.toml [[use]] {head.id}") or {"undeclared": Fraction(1)}
        if stray := sorted(set(shares) - known):
            raise DeclarationError(f"use of {head.id}: no unit {', '.join(stray)}.", f"{head.id} 的使用者 {'、'.join(stray)} 不在单位表中。",
                                   where="zone.toml [[use]]", fix=f"one of {', '.join(sorted(known))}")  # fmt: skip
        whole = sum((v for (service, _), v in supply.items() if service == head.id), Fraction())
        cells |= {(head.id, unit): share * whole for unit, share in shares.items()}
    columns = tuple(h for h in UNITS if any(c == h.id for _, c in cells))
    if basis:
        return Table(
            f"9.1b {basis}",
            "生态系统服务使用表（价值量）",
            "ecosystem services use, monetary",
            "元",
            rows,
            columns,
            cells,
            _labels(run),
            notes,
        )
    return Table(
        "7.1b",
        "生态系统服务使用表（实物量）",
        "ecosystem services use, physical",
        "",
        rows,
        columns,
        cells,
        _labels(run),
        notes,
        units,
    )


Supply = tuple[dict[tuple[str, str], Fraction], tuple[Head, ...], dict[str, str], tuple[Finding, ...]]


def _supply(run: Run, place: str, period: str, basis: str) -> Supply:
    """Figure of every service by class, exactly as published; the sum of a service's classes is its supply."""
    role = "value" if basis else "physical"
    facts = [f for f in run.facts if f.place == place and f.period == period and f.role == role and f.basis == basis]
    cells: dict[tuple[str, str], Fraction] = {}
    rows, units, notes = [], {}, []
    for line in run.services(place, period):
        service = line.service
        if line.included != "yes" or service.category == STOCK:
            continue
        own = [f for f in facts if f.service == service.id and f.value is not None]
        parts = [f for f in own if f.cls] or [f for f in own if not f.cls]
        if not parts:
            notes.append(
                Finding(
                    "note",
                    "service_refused",
                    f"{service.id} {service.en} has no figure.",
                    f"{service.id} {service.zh}没有数。",
                    file=service.id,
                )
            )
            continue
        rows.append(Head(service.id, service.zh, service.en))
        units[service.id] = parts[0].unit
        for fact in parts:
            cells[service.id, fact.cls or WHOLE.id] = fraction(fact.value or 0.0) * fraction(
                factor(fact.unit, parts[0].unit)
            )
    return cells, tuple(rows), units, tuple(notes)


# ---- assets ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Flow:
    """One service of one class at opening and closing: value of the year in current terms and at the opening's prices."""

    opening: Fraction
    closing: Fraction
    closing_at_opening_prices: Fraction


def asset_account(run: Run, place: str, period: str, basis: str) -> Table:
    """Table 10.1 by ecosystem class, yuan: the present value of the services' flows at opening and closing, and why it changed.

    With a = annuity factor, A = area, v = flow per area at the opening's prices: conversions are a v0 times the area gained and
    lost, enhancement and degradation a A1 (v1 - v0), revaluation what prices did to the closing flow. A class that was not
    there at the opening enters at its closing v. Each entry is computed, none is a residual. Empty, with a note, without a
    period before, areas or `[assets]`.
    """
    factor_, note = _annuity(run.zone)
    order = [p.id for p in run.zone.periods]
    at = order.index(period) - 1
    before = order[at] if at >= 0 else ""
    notes = [n for n in (note, *_no_opening(run, before)) if n]
    title = ("生态资产账户（价值量）", "monetary ecosystem asset account")
    id = f"10.1 {basis}"
    if factor_ is None or notes:
        return Table(id, *title, "元", ASSET_ROWS, (), {}, _labels(run), tuple(notes))
    areas, columns = extent_table(run, place, period), []
    cells: dict[tuple[str, str], Fraction] = {}
    for head in _classes(run):
        flows = _flows(run, place, before, period, basis, head.id)
        if flows and head in areas.columns:
            column = _asset_column(factor_, areas, head.id, flows)
            cells |= {(row, head.id): v for row, v in column.items()}
            columns.append(head)
    return Table(
        id,
        *title,
        "元",
        ASSET_ROWS,
        tuple(columns),
        cells,
        _labels(run),
        tuple(_unlike(run, place, before, period, basis)),
    )


def _asset_column(annuity: Fraction, areas: Table, cls: str, flows: list[_Flow]) -> dict[str, Fraction]:
    opening_area, closing_area = (areas.get(row, cls) or Fraction() for row in ("opening", "closing"))
    gained = sum(
        (areas.get(f"addition_{k}", cls) or Fraction() for k in ("managed", "unmanaged", "undeclared")), Fraction()
    )
    lost = sum(
        (areas.get(f"reduction_{k}", cls) or Fraction() for k in ("managed", "unmanaged", "undeclared")), Fraction()
    )
    opening, closing = (sum((getattr(f, name) for f in flows), Fraction()) for name in ("opening", "closing"))
    real = sum((f.closing_at_opening_prices for f in flows), Fraction())
    after = real / closing_area if closing_area else Fraction()
    per_area = opening / opening_area if opening_area else after
    better = annuity * closing_area * (after - per_area) if closing_area else Fraction()
    column = {
        "opening": annuity * opening, "enhancement": max(better, Fraction()), "degradation": max(-better, Fraction()),
        "conversion_additions": annuity * per_area * gained, "conversion_reductions": annuity * per_area * lost,
        "other_volume_changes": Fraction(), "revaluations": annuity * (closing - real), "closing": annuity * closing,
    }  # fmt: skip
    return column | {"net": column["closing"] - column["opening"]}


def _flows(run: Run, place: str, before: str, period: str, basis: str, cls: str) -> list[_Flow]:
    """The services of a class that are valued at both moments. At constant prices the opening's prices are the closing's."""
    constant = next((b for b in run.profile.bases() if b.startswith("constant")), "")
    flows = []
    for line in run.services(place, period):
        values = {p: _value(run, line.service.id, place, p, basis, cls) for p in (before, period)}
        opening, closing = values[before], values[period]
        if line.service.category == STOCK or opening is None or closing is None:
            continue
        real: Fraction | None = closing
        if basis == "current":
            at_base = {p: _value(run, line.service.id, place, p, constant, cls) for p in (before, period)}
            real = _at_opening_prices(opening, at_base[before], at_base[period])
        if real is not None:
            flows.append(_Flow(opening, closing, real))
    return flows


def _at_opening_prices(
    opening: Fraction, base_opening: Fraction | None, base_closing: Fraction | None
) -> Fraction | None:
    """Closing quantity at the opening's price: V0 x (Q1/Q0), the ratio of quantities taken at one constant price."""
    if not base_opening or base_closing is None:
        return None
    return opening * base_closing / base_opening


def _value(run: Run, service: str, place: str, period: str, basis: str, cls: str) -> Fraction | None:
    found: list[Fact] = [
        f for f in run.facts
        if f.service == service and f.place == place and f.period == period and f.role == "value" and f.basis == basis and f.cls == cls
    ]  # fmt: skip
    return fraction(found[0].value) if found and found[0].value is not None else None


def _annuity(zone: Zone) -> tuple[Fraction | None, Finding | None]:
    """Present value of one yuan a year by `economy.present_value`, from the zone's `[assets]`."""
    declared = zone.config.get("assets")
    if not isinstance(declared, Mapping) or not {"discount_rate", "years", "source"} <= set(declared):
        return None, Finding(
            "note", "no_asset_rule", "the zone declares no discount rate and life: there is no asset account.",
            "区域没有声明折现率和年限，不编资产账户。", file="zone.toml", field="assets", fix="[assets] discount_rate, years, source",
        )  # fmt: skip
    method = load_domains().registry["economy.present_value@annuity_ordinary"]
    given: dict[str, Any] = {
        "flow": (1.0, "元"), "discount_rate": (float(declared["discount_rate"]), "%"), "years": (float(declared["years"]), "a"),
    }  # fmt: skip
    return fraction(float(method.apply(given))), None


def _no_opening(run: Run, before: str) -> list[Finding]:
    if before and before in run.manifest["periods"]:
        return []
    return [
        Finding(
            "note",
            "no_opening",
            "there is no account of an earlier period: no opening value.",
            "没有更早一期的账户，没有期初价值。",
        )
    ]


def _unlike(run: Run, place: str, before: str, period: str, basis: str) -> list[Finding]:
    """Services valued at one moment only: they are in neither value."""
    found = []
    for line in run.services(place, period):
        known = [any(f.basis == basis and f.value is not None and f.cls for f in run.facts
                     if f.service == line.service.id and f.place == place and f.period == p and f.role == "value") for p in (before, period)]  # fmt: skip
        if known[0] != known[1]:
            found.append(Finding("note", "valued_once", f"{line.service.id} is valued at one moment only and left out.",
                                 f"{line.service.id} 只有一期有价值量，未计入。", file=line.service.id))  # fmt: skip
    return found


# ---- condition ------------------------------------------------------------------------------------------------------


def condition(run: Run, period: str = "", set: str | None = None, places: Sequence[str] = ()) -> ConditionAccount:
    """Tables 5.2 to 5.6 of the leaf places, or of `places`, from a sealed run of the raster account `condition`.

    Raises `DeclarationError` where the run is of another account, `UnknownName` where there is no period before.
    """
    from .condition import condition_account, condition_variables, references_of, weights_of  # noqa: PLC0415

    if run.profile.id != CONDITION:
        raise DeclarationError(
            f"{run.id} is no run of the account {CONDITION!r}.", f"{run.id} 不是账户 {CONDITION} 的核算。",
            fix=f"`qingshan run {CONDITION}` / 先运行 `qingshan run {CONDITION}`",
        )  # fmt: skip
    zone = run.zone
    period, order = period or run.default_period, [str(p) for p in run.manifest["periods"]]
    if period not in order or order.index(period) == 0:
        raise UnknownName(f"{run.id} has no period before {period}.", f"{run.id} 没有早于 {period} 的时期。")
    both = (order[order.index(period) - 1], period)
    codes, names = list(places) or zone.leaves(zone.root), list(run.classes)
    variables = [v for v in condition_variables() if all(_measured(run, v.id, p) for p in both)]
    before, after = ({v.id: _means(run, v.id, p, codes, names) for v in variables} for p in both)
    return condition_account(
        variables, before, after, references_of(run.parameters, variables, names, set), weights_of(run.parameters, variables, names, set),
        places=codes, classes=names,
    )  # fmt: skip


def _measured(run: Run, variable: str, period: str) -> bool:
    """True where any class of any place has a value of the variable."""
    return any(f.value for f in run.facts if f.quantity == f"condition.known.{variable}" and f.period == period)


def _means(run: Run, variable: str, period: str, places: Sequence[str], classes: Sequence[str]) -> Means:
    """Means by place and class from the sealed sums; a class without a value is NaN."""
    from .condition import Means  # noqa: PLC0415

    shape = (len(places), len(classes))
    total, known, area = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for cells, quantity in (
        (total, f"condition.sum.{variable}"), (known, f"condition.known.{variable}"), (area, "condition.class_area"),
    ):  # fmt: skip
        here = [f for f in run.facts if (f.quantity, f.period) == (quantity, period) and f.value is not None]
        for fact in here:
            if fact.cls in classes and fact.place in places:
                cells[places.index(fact.place), classes.index(fact.cls)] = fact.value or 0.0
    return Means(total / np.where(known > 0, known, np.nan), known / 1e4, area / 1e4)


def condition_tables(run: Run, place: str, period: str) -> dict[str, Table]:
    """5.2 (variables), 5.3 (indicators) and 5.4 (index) of one place; empty where the run has no period before."""
    order = [str(p) for p in run.manifest["periods"]]
    if period not in order or order.index(period) == 0:
        return {}
    account = condition(run, period, places=[place])
    columns = tuple(h for h in _classes(run) if any(e.cls == h.id for e in account.entries))
    notes, labels = tuple(account.findings()), _labels(run)
    variables = list({e.variable.id: e.variable for e in account.entries}.values())
    cells: dict[str, dict[tuple[str, str], Fraction]] = {"5.2": {}, "5.3": {}, "5.4": {}}
    for e in account.entries:
        _put(cells["5.2"], e.variable.id, e.cls, {"opening": e.opening, "closing": e.closing, "change": e.change})
        _put(cells["5.3"], e.variable.id, e.cls, {"opening": e.indicator_opening, "closing": e.indicator_closing})
    for i in account.indices:
        _put(
            cells["5.4"], "index", i.cls, {"opening": i.opening, "closing": i.closing, "change": i.closing - i.opening}
        )
    index = Head("index", "状况指数", "condition index")
    of = [Head(v.id, v.zh, v.en) for v in variables]
    made = [
        ("5.2", "生态系统状况变量账户", "ecosystem condition variable account", _moments(of, ("opening", "closing", "change")),
         {f"{v.id}.{m}": v.unit for v in variables for m in MOMENTS}),
        ("5.3", "生态系统状况指标账户", "ecosystem condition indicator account", _moments(of, ("opening", "closing")), {}),
        ("5.4", "生态系统状况指数", "ecosystem condition index", _moments([index], ("opening", "closing", "change")), {}),
    ]  # fmt: skip
    return {
        id: Table(id, zh, en, "" if units else "1", rows, columns, cells[id], labels, notes, units)
        for id, zh, en, rows, units in made
        if cells[id]
    }


MOMENTS = {"opening": ("期初", "opening"), "closing": ("期末", "closing"), "change": ("变化", "change")}


def _moments(heads: Sequence[Head], moments: Sequence[str]) -> tuple[Head, ...]:
    return tuple(
        Head(f"{h.id}.{m}", f"{h.zh}，{MOMENTS[m][0]}", f"{h.en}, {MOMENTS[m][1]}") for h in heads for m in moments
    )


def _put(cells: dict[tuple[str, str], Fraction], row: str, column: str, values: Mapping[str, float]) -> None:
    for moment, value in values.items():
        if math.isfinite(value):
            cells[f"{row}.{moment}", column] = fraction(value)


# ---- small parts ----------------------------------------------------------------------------------------------------


def _classes(run: Run) -> tuple[Head, ...]:
    known = tuple(Head(id, str(c.get("zh", id)), str(c.get("en", id))) for id, c in run.classes.items())
    return (*known, Head(UNALLOCATED, "未归类", "unallocated"))


def _labels(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*run.profile.labels, *(["synthetic"] if run.zone.synthetic else []))))
