"""What a cell of a SEEA table is made of, one step down: sealed figures by their keys, other cells, declared shares.

`sealed_keys` names the cells that are figures of a run themselves. Every other cell, and every sum of a row, is arithmetic on
them: `trace` gives its formula and parts, whose arithmetic in whole fractions is the cell again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from qingshan.core.errors import UnknownName

from ..balance import Head, Table, fraction, shares_of
from ..beneficiaries import FLOW_TABLE
from ..conditioned import INDEX, INDICATOR, MEAN
from ..extent import CHANGE
from ..run import Run
from .assets import annuity_of, flows_of
from .extent import change_table, conversion_kinds, extent_table
from .services import supply_table

__all__ = ["SUM", "Part", "Trace", "number_of", "sealed_keys", "trace"]

SUM = "sum"
"""The column that stands for the sum of a row."""
SUPPLY = {"7.1a": "physical", "9.1a": "value"}
CONDITION_STEMS = {"5.2": MEAN, "5.3": INDICATOR}
FLOW_ROWS = ("addition", "reduction")
AREA, MONEY = "hm2", "元"
Cell = tuple[str, str]


@dataclass(frozen=True)
class Part:
    """One thing a cell is made of: a sealed figure (`key`), another cell (`table`, `cell`) or a declared number (`source`)."""

    zh: str
    en: str
    value: Fraction
    unit: str
    key: str = ""
    table: str = ""
    cell: Cell | None = None
    source: str = ""
    status: str = ""


@dataclass(frozen=True)
class Trace:
    """`formula` in the names of `parts`; `column` is None for the sum of a row."""

    row: Head
    column: Head | None
    value: Fraction
    unit: str
    formula: str
    parts: tuple[Part, ...]


def trace(run: Run, tables: Mapping[str, Table], keys: Mapping[Cell, str], id: str, cell: Cell, place: str, period: str) -> Trace:  # fmt: skip
    """The cell (row, column) of the table `id` of `tables`; `keys` are the sealed ones of that table.

    Raises `UnknownName` for a table or cell that is not there.
    """
    table = tables.get(id)
    heads = {h.id: h for h in (*(table.rows if table else ()), *(table.columns if table else ()))}
    value = None if table is None else table.row(cell[0]) if cell[1] == SUM else table.get(*cell)
    if table is None or value is None or cell[0] not in heads:
        where = f"{id[:40]} {cell[0][:40]} × {cell[1][:40]}"
        raise UnknownName(f"no cell {where}.", f"没有单元格 {where}。")
    unit = table.units.get(cell[0], table.unit)
    if cell[1] == SUM:
        formula, parts = "sum", _of_row(table, keys, cell[0], unit)
    else:
        formula, parts = _of_cell(run, tables, keys, id, cell, place, period)
    return Trace(heads[cell[0]], heads.get(cell[1]), value, unit, formula, tuple(parts))


def _of_row(table: Table, keys: Mapping[Cell, str], row: str, unit: str) -> list[Part]:
    return [_cell_part(table, (row, c.id), c.zh, c.en, unit, keys) for c in table.columns if table.get(row, c.id) is not None]  # fmt: skip


def _cell_part(table: Table, at: Cell, zh: str, en: str, unit: str, keys: Mapping[Cell, str]) -> Part:
    value = table.get(*at) or Fraction()
    return Part(zh, en, value, unit, keys.get(at, ""), table.id, at)


def _of_cell(
    run: Run, tables: Mapping[str, Table], keys: Mapping[Cell, str], id: str, cell: Cell, place: str, period: str
) -> tuple[str, list[Part]]:
    number, basis = number_of(id)
    table = tables[id]
    if number == "4.1":
        return _extent(run, table, keys, cell, place, period)
    if number == "4.4":
        return _held(run, extent_table(run, place, period), cell, keys)
    if number in ("7.1b", "9.1b"):
        return _used(run, supply_table(run, place, period, basis), sealed_keys(run, None, f"{number[:3]}a {basis}".strip(), place, period), cell)  # fmt: skip
    if number == "10.1":
        return _asset(run, table, cell, place, period, basis)
    if number == FLOW_TABLE:
        return _flow(run, table, keys, cell, basis)
    if number in (*CONDITION_STEMS, "5.4"):
        stem = cell[0].rpartition(".")[0]
        ends = [(f"{stem}.{m}", cell[1]) for m in ("closing", "opening")]
        words = {h.id: h for h in table.rows}
        unit = table.units.get(cell[0], table.unit)
        return "closing - opening", [_cell_part(table, at, words[at[0]].zh, words[at[0]].en, unit, keys) for at in ends]
    raise UnknownName(f"table {id[:40]} has sealed cells only.", f"表 {id[:40]} 的单元格都是已封存的数。")


# ---- extent ---------------------------------------------------------------------------------------------------------


def _extent(run: Run, table: Table, keys: Mapping[Cell, str], cell: Cell, place: str, period: str) -> tuple[str, list[Part]]:  # fmt: skip
    """Table 4.1: additions and reductions are cells of the change matrix, opening and closing its row and column."""
    row, cls = cell
    if row == "net":
        words = {h.id: h for h in table.rows}
        return "closing - opening", [
            _cell_part(table, (r, cls), words[r].zh, words[r].en, AREA, keys) for r in ("closing", "opening")
        ]
    matrix, kinds = change_table(run, place, period), conversion_kinds(run.zone)
    own = sealed_keys(run, None, "4.2", place, period)
    flow, _, kind = row.partition("_")
    found = []
    for (start, end), _area in sorted(matrix.cells.items()):
        if flow in FLOW_ROWS:
            inside = start != end and (end if flow == "addition" else start) == cls
            inside = inside and kinds.get((start, end), "undeclared") == kind
        else:
            inside = (start if row == "opening" else end) == cls
        if inside:
            zh, en = _arrow(matrix, start, end)
            found.append(_cell_part(matrix, (start, end), zh, en, AREA, own))
    return "sum", found


def _arrow(matrix: Table, start: str, end: str) -> tuple[str, str]:
    words = {h.id: h for h in (*matrix.rows, *matrix.columns)}
    if start == end:
        return f"{words[start].zh}未变", f"{words[start].en} unchanged"
    return f"{words[start].zh}→{words[end].zh}", f"{words[start].en} to {words[end].en}"


def _held(run: Run, extent: Table, cell: Cell, keys: Mapping[Cell, str]) -> tuple[str, list[Part]]:
    """Table 4.4: the closing extent times the share that the zone declares for its holder."""
    unit, cls = cell
    declared = [r for r in run.zone.config.get("holder", ()) if r.get("class") == cls]
    share = _share(declared, cls, unit, "zone.toml [[holder]]")
    area = _cell_part(extent, ("closing", cls), "期末面积", "closing extent", AREA, {})
    return "share × whole", [area, share]


def _share(declared: list[Mapping[str, str]], what: str, to: str, where: str) -> Part:
    """A declared share with its source; everything that nobody declared is one whole."""
    shares = shares_of(declared, what, where)
    if not shares:
        return Part("份额（未声明，全部）", "share (not declared: the whole)", Fraction(1), "1", source=where)
    row = next((r for r in declared if r.get("to") == to), {})
    source, status = str(row.get("source", where)), str(row.get("status", ""))
    return Part("声明的份额", "declared share", shares.get(to, Fraction()), "1", source=source, status=status)


# ---- services -------------------------------------------------------------------------------------------------------


def _used(run: Run, supply: Table, keys: Mapping[Cell, str], cell: Cell) -> tuple[str, list[Part]]:
    """Tables 7.1b and 9.1b: the supply of the service, class by class, times the declared share of its user."""
    service, unit_of = cell
    declared = [r for r in run.zone.config.get("use", ()) if r.get("service") == service]
    unit = supply.units.get(service, supply.unit)
    return "share × sum", [_share(declared, service, unit_of, "zone.toml [[use]]"), *_of_row(supply, keys, service, unit)]  # fmt: skip


def _flow(run: Run, table: Table, keys: Mapping[Cell, str], cell: Cell, service: str) -> tuple[str, list[Part]]:
    """Supply place × use place: the figure of the place times the declared share of where it goes."""
    start, end = cell
    declared = [r for r in run.zone.config.get("flow", ()) if r.get("service") == service and r.get("from") == start]
    share = _share(declared, service, end, "zone.toml [[flow]]")
    name = next(h for h in table.rows if h.id == start)
    return "share × whole", [Part(name.zh, name.en, table.row(start), table.unit, keys.get((start, SUM), "")), share]


# ---- assets ---------------------------------------------------------------------------------------------------------

ASSET_FORMULAS = {
    "opening": "a·ΣF0", "closing": "a·ΣF1", "net": "closing - opening",
    "conversion_additions": "a·(ΣF0/A0)·A+", "conversion_reductions": "a·(ΣF0/A0)·A-",
    "enhancement": "max(0, a·A1·(ΣF1*/A1 - ΣF0/A0))", "degradation": "max(0, a·A1·(ΣF0/A0 - ΣF1*/A1))",
    "revaluations": "a·(ΣF1 - ΣF1*)", "other_volume_changes": "0",
}  # fmt: skip


def _asset(run: Run, table: Table, cell: Cell, place: str, period: str, basis: str) -> tuple[str, list[Part]]:
    """Table 10.1: the annuity factor, the yearly flows of the services at both moments, the areas."""
    row, cls = cell
    formula = ASSET_FORMULAS[row]
    if row == "net":
        words = {h.id: h for h in table.rows}
        return formula, [_cell_part(table, (r, cls), words[r].zh, words[r].en, MONEY, {}) for r in ("closing", "opening")]  # fmt: skip
    if row == "other_volume_changes":
        return formula, []
    order = [p.id for p in run.zone.periods]
    before = order[order.index(period) - 1]
    factor, _ = annuity_of(run.zone)
    declared = run.zone.config.get("assets", {})
    said = f"r = {declared.get('discount_rate')} %, n = {declared.get('years')} a; {declared.get('source', '')}"
    parts = [Part("a 年金现值系数", "a annuity factor", factor or Fraction(), "1", source=said, status=str(declared.get("status", "")))]  # fmt: skip
    flows = _asset_flows(run, formula, place, (before, period), basis, cls)
    return formula, [*parts, *flows, *_asset_areas(run, formula, cls, place, period)]


def _asset_flows(run: Run, formula: str, place: str, both: tuple[str, str], basis: str, cls: str) -> list[Part]:
    """Yearly values of the services: F0, F1, and F1* at the opening's prices, from the quantities at one constant price (C0, C1)."""
    before, period = both
    parts: list[Part] = []
    moments = [m for m in ("F0", "F1*", "F1") if m in (formula.replace("F1*", "") if m == "F1" else formula)]
    for service, flow in flows_of(run, place, before, period, basis, cls):
        zh, en = run.names(f"gep.service.{service}")
        given = {
            "F0": (flow.opening, before),
            "F1": (flow.closing, period),
            "F1*": (flow.closing_at_opening_prices, period),
        }
        for moment in moments:
            value, when = given[moment]
            asked = (service, place, when, "value", basis, cls)
            same = (f for f in run.facts if (f.service, f.place, f.period, f.role, f.basis, f.cls) == asked)
            fact = next(same, None)
            key = fact.key if fact and fact.value is not None and fraction(fact.value) == value else ""
            parts.append(Part(f"{moment} {service} {zh}", f"{moment} {service} {en}", value, MONEY, key))
    return parts


def _asset_areas(run: Run, formula: str, cls: str, place: str, period: str) -> list[Part]:
    extent = extent_table(run, place, period)
    rows = {"A0": ("opening",), "A1": ("closing",), "A+": tuple(r.id for r in extent.rows if r.id.startswith("addition")),
            "A-": tuple(r.id for r in extent.rows if r.id.startswith("reduction"))}  # fmt: skip
    words = {h.id: h for h in extent.rows}
    return [
        _cell_part(extent, (r, cls), f"{symbol} {words[r].zh}", f"{symbol} {words[r].en}", AREA, {})
        for symbol, many in rows.items()
        if symbol in formula
        for r in many
        if extent.get(r, cls)
    ]


def number_of(id: str) -> tuple[str, str]:
    """Number and price basis of a table's id, or the word for beneficiaries and the service."""
    number, _, basis = id.partition("." if id.startswith(FLOW_TABLE) else " ")
    return number, basis


# ---- sealed cells ---------------------------------------------------------------------------------------------------


def sealed_keys(run: Run, measured: Run | None, id: str, place: str, period: str) -> dict[Cell, str]:
    """Pedigree keys of the cells of a table that are figures of the account themselves, or of the run of condition `measured`."""
    number, basis = number_of(id)
    if number in (*CONDITION_STEMS, "5.4"):
        return _condition_keys(measured, number, place, period) if measured else {}
    if number == FLOW_TABLE:
        return {(f.place, SUM): f.key for f in run.facts
                if f.service == basis and f.period == period and f.role == "physical" and not f.cls and f.value is not None}  # fmt: skip
    mine = [f for f in run.facts if f.place == place and f.period == period and f.value is not None]
    if number in SUPPLY:
        own = [f for f in mine if f.role == SUPPLY[number] and f.basis == basis]
        return {(f.service, f.cls or "whole"): f.key for f in own}
    if number == "4.2":
        pairs = [(f.cls.partition(">"), f.key) for f in mine if f.quantity == CHANGE]
        return {(a, b): key for (a, _, b), key in pairs}
    if number == "4.1":
        stem = "extent."
        return {(f.quantity.removeprefix(stem), f.cls): f.key for f in mine
                if f.quantity in ("extent.opening", "extent.closing", "extent.net")}  # fmt: skip
    return {}


def _condition_keys(run: Run, number: str, place: str, period: str) -> dict[Cell, str]:
    order = [str(p) for p in run.manifest["periods"]]
    moments = {order[order.index(period) - 1]: "opening", period: "closing"} if order.index(period) else {}
    here = [f for f in run.facts if f.place == place and f.period in moments and f.cls and f.value is not None]
    if number == "5.4":
        return {(f"index.{moments[f.period]}", f.cls): f.key for f in here if f.quantity == INDEX}
    stem = f"{CONDITION_STEMS[number]}."
    return {(f"{f.quantity.removeprefix(stem)}.{moments[f.period]}", f.cls): f.key for f in here if f.quantity.startswith(stem)}  # fmt: skip
