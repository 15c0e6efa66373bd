"""Tables 4.1 (extent), 4.2 (change matrix) and 4.4 (extent by economic unit)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from qingshan.core.errors import DeclarationError
from qingshan.zone.zone import Zone

from ..balance import Head, Table, fraction, shares_of
from ..extent import CHANGE
from ..run import Run
from .heads import UNITS, class_heads, labels_of

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


def change_table(run: Run, place: str, period: str) -> Table:
    """Opening class × closing class, hm2: row sums are the opening, column sums the closing extent."""
    heads = class_heads(run)
    cells: dict[tuple[str, str], Fraction] = {}
    for fact in run.select(CHANGE, place, period=period):
        start, _, end = fact.cls.partition(">")
        if fact.value is not None:
            cells[start, end] = fraction(fact.value)
    rows = tuple(h for h in heads if any(r == h.id for r, _ in cells))
    columns = tuple(h for h in heads if any(c == h.id for _, c in cells))
    return Table("4.2", "生态系统转移矩阵", "ecosystem change matrix", "hm2", rows, columns, cells, labels_of(run))


def extent_table(run: Run, place: str, period: str) -> Table:
    """Table 4.1 from the change matrix: opening + additions - reductions = closing, exactly, for every class."""
    matrix, kinds = change_table(run, place, period), conversion_kinds(run.zone)
    cells: dict[tuple[str, str], Fraction] = {}
    heads = tuple(h for h in class_heads(run) if h in matrix.rows or h in matrix.columns)
    for head in heads:
        column = {flow: Fraction() for flow in FLOWS}
        for (start, end), area in matrix.cells.items():
            if start != end and head.id in (start, end):
                flow = "addition" if end == head.id else "reduction"
                column[f"{flow}_{kinds.get((start, end), 'undeclared')}"] += area
        opening, closing = matrix.row(head.id), matrix.column(head.id)
        column |= {"opening": opening, "closing": closing, "net": closing - opening}
        cells |= {(row, head.id): area for row, area in column.items()}
    return Table(
        "4.1", "生态系统面积账户", "ecosystem extent account", "hm2", EXTENT_ROWS, heads, cells, labels_of(run)
    )


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
    return Table("4.4", zh, en, "hm2", rows, extent.columns, cells, labels_of(run))


def conversion_kinds(zone: Zone) -> dict[tuple[str, str], str]:
    """managed or unmanaged by (opening class, closing class), as the zone declares."""
    found = {}
    for row in zone.config.get("conversion", ()):
        if row.get("kind") not in ("managed", "unmanaged") or not row.get("source"):
            raise DeclarationError(
                f"conversion {row.get('from')} > {row.get('to')}: kind is managed or unmanaged, with a source.",
                f"地类转换 {row.get('from')}→{row.get('to')}：kind 写 managed 或 unmanaged，并注明来源。", where="zone.toml [[conversion]]",
            )  # fmt: skip
        found[str(row["from"]), str(row["to"])] = str(row["kind"])
    return found
