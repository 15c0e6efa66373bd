"""SEEA-EA extent account (table 4.1): opening, additions, reductions, net change, closing per ecosystem class.

Areas come from the zone's class facts. Additions and reductions (managed and unmanaged) are facts of their own,
`<class fact>.addition_managed` and so on; where they are not on file they refuse and only the net change is given.
The row `unallocated` is the place's area less the classes, so that the account closes on the total.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qingshan.core.units import factor

from .figure import Node, Refusal

if TYPE_CHECKING:
    from .resolver import Resolver

ENTRIES = ("opening", "addition_managed", "addition_unmanaged", "reduction_managed", "reduction_unmanaged", "net", "closing")
UNALLOCATED = "unallocated"
_UNIT = "hm2"


def extent_cells(resolver: Resolver, place: str, period: str) -> list[Node]:
    """Nodes of the extent account of one place: every entry × class, then `unallocated`. Empty where no class is known."""
    classes = resolver.classes_at(place, period)
    if not classes:
        return []
    cells: list[Node] = []
    for cls in classes:
        cells += _class_cells(resolver, cls, place, period)
    closing = [c for c in cells if c.quantity == "extent.closing"]
    opening = [c for c in cells if c.quantity == "extent.opening"]
    total = resolver.fact(resolver.zone.config["extent"].get("total", "place.area"), place, period)
    for entry, parts in (("opening", opening), ("closing", closing)):
        cells.append(_difference(resolver, f"extent.{entry}", total, parts, {"place": place, "period": period, "cls": UNALLOCATED}))
    return cells


def _class_cells(resolver: Resolver, cls: str, place: str, period: str) -> list[Node]:
    where = {"place": place, "period": period, "cls": cls}
    closing = _restated(resolver, "extent.closing", resolver.class_area(cls, place, period), where)
    before = _previous(resolver, period)
    if before is None:
        zh, en = "没有期初年份的地类面积，期初拒算。", "no class areas of an earlier year on file: the opening is refused."
        refusal = Refusal("missing_fact", zh, en, needs=resolver.extent_classes[cls]["fact"], document=_opening_document(resolver, cls))
        opening = resolver.refuse("extent.opening", where, refusal)
    else:
        opening = _restated(resolver, "extent.opening", resolver.class_area(cls, place, before), where)
    net = _difference(resolver, "extent.net", closing, [opening], where)
    flows = []
    for entry in ENTRIES[1:5]:
        fact = resolver.fact(f"{resolver.extent_classes[cls]['fact']}.{entry}", place, period)
        flows.append(_restated(resolver, f"extent.{entry}", fact, where))
    return [opening, *flows, net, closing]


def _previous(resolver: Resolver, period: str) -> str | None:
    ids = [p.id for p in resolver.zone.periods]
    at = ids.index(period)
    return ids[at - 1] if at else None


def _opening_document(resolver: Resolver, cls: str) -> str:
    return str(resolver.zone.config.get("extent", {}).get("opening_document", ""))


def _restated(resolver: Resolver, quantity: str, node: Node, where: dict[str, str]) -> Node:
    """The same figure in the account's unit, under the account's name."""
    if node.refusal:
        return resolver.refuse(quantity, where, node.refusal)
    return resolver.joined(quantity, [(where["cls"], node)], where, _UNIT, [v * factor(node.unit, _UNIT) for v in node.value], {"rule": "restated"})


def _difference(resolver: Resolver, quantity: str, whole: Node, parts: list[Node], where: dict[str, str]) -> Node:
    """`whole` less the parts, in the account's unit; refused where any part is."""
    refused = [n.refusal for n in (whole, *parts) if n.refusal]
    if refused:
        return resolver.refuse(quantity, where, refused[0])
    numbers = [whole.value[0] * factor(whole.unit, _UNIT), *(-p.value[0] * factor(p.unit, _UNIT) for p in parts)]
    args = [("whole", whole), *((f"less:{p.cls}", p) for p in parts)]
    return resolver.joined(quantity, args, where, _UNIT, [math.fsum(numbers)], {"rule": "difference"})
