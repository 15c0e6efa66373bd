"""Factors of stands that come in classes: root to shoot ratio by above-ground biomass, BCEF by growing stock.

A class that a table lacks refuses; the neighbouring class is never taken.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import lru_cache

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds
from qingshan.core.parameter import ParameterRow

__all__ = ["RootShoot", "bcef", "root_shoot"]


@dataclass(frozen=True, slots=True)
class RootShoot:
    """A row: above `lower` up to and including `upper` t dm/hm2 above ground; `value` is None where the row is open."""

    zone: str
    forest_type: str
    lower: float
    upper: float
    value: float | None
    status: str
    source_title: str
    document: str


@lru_cache(maxsize=1)
def _rows() -> tuple[RootShoot, ...]:
    made: list[RootShoot] = []
    for domain in load_domains().by_name.values():
        for path in sorted(domain.folder.glob("standards/root_shoot_*.csv")):
            with path.open(encoding="utf-8-sig", newline="") as stream:
                for r in csv.DictReader(stream):
                    made.append(
                        RootShoot(r["zone"], r["forest_type"], float(r["agb_lower"] or 0), float(r["agb_upper"] or "inf"),
                                  float(r["value"]) if r["value"] else None, r["status"], r["source_title"], r["document"])
                    )  # fmt: skip
    return tuple(made)


def root_shoot(zone: str, forest_type: str, above_ground: float) -> RootShoot:
    """The row for a stand of `above_ground` t dm/hm2; a row for the type goes before one for `all` types.

    Raises `MissingParameter` where no row or only an open one fits, `OutOfBounds` for a biomass that is not above 0.
    """
    if not above_ground > 0:
        raise OutOfBounds(f"above-ground biomass is {above_ground} t/hm2.", f"地上生物量为 {above_ground} t/hm2。")
    fits = [r for r in _rows() if r.zone == zone and r.lower < above_ground <= r.upper]
    for kind in (forest_type, "all"):
        for r in fits:
            if r.forest_type == kind and r.value is not None:
                return r
    document = next((r.document for r in fits if r.document), "2006 IPCC Guidelines vol. 4 table 4.4")
    raise MissingParameter(
        "forest.root_shoot", f"no root to shoot ratio for {zone}, {forest_type}, {above_ground:g} t/hm2.",
        f"没有 {zone}、{forest_type}、{above_ground:g} t/hm2 的根茎比。", document=document,
    )  # fmt: skip


def bcef(zone: str, forest_type: str, stock: float, factor: str = "BCEFS", set: str = "ipcc2006") -> ParameterRow:
    """BCEF for a growing stock in m3/hm2: the class with the smallest upper limit that holds it.

    `factor` is BCEFS (stock), BCEFI (increment) or BCEFR (removals). Raises `MissingParameter`, `OutOfBounds`.
    """
    if not stock >= 0:
        raise OutOfBounds(f"growing stock is {stock} m3/hm2.", f"蓄积为 {stock} m3/hm2。")
    parameters = load_domains().parameters()
    head = f"{zone}|{forest_type}|{factor}|"
    uppers = []
    for row in parameters.rows("forest.bcef", set=set):
        if row.cls.startswith(head):
            limit = row.cls.rsplit("_", 1)[1]
            uppers.append((math.inf if limit == "INF" else float(limit), row))
    for upper, row in sorted(uppers, key=lambda pair: pair[0]):
        if stock <= upper and row.status != "open":
            return row
    open_row = next((r for r in parameters.rows("forest.bcef", set=set) if r.status == "open" and r.cls == zone), None)
    document = open_row.document if open_row else "2006 IPCC Guidelines vol. 4 table 4.5"
    raise MissingParameter(
        "forest.bcef", f"no {factor} for {zone}, {forest_type}, {stock:g} m3/hm2.",
        f"没有 {zone}、{forest_type}、{stock:g} m3/hm2 的 {factor}。", document=document,
    )  # fmt: skip
