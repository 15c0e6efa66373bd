"""SEEA-EA extent account (table 4.1): opening, additions, reductions, net change, closing per ecosystem class.

Areas come from the zone's class facts. Additions and reductions (managed and unmanaged) are facts of their own,
`<class fact>.addition_managed` and so on; where they are not on file they refuse and only the net change is given.
The row `unallocated` is the place's area less the classes, so that the account closes on the total.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from qingshan.core.canonical import digest
from qingshan.core.finding import Finding
from qingshan.core.units import factor
from qingshan.zone.fact import InputFact

from .figure import Node, Refusal
from .sources import DERIVED_LABELS, merged

if TYPE_CHECKING:
    from .resolver import Resolver, Where

SIGNS = {
    "opening": 1,
    "addition_managed": 1,
    "addition_unmanaged": 1,
    "reduction_managed": -1,
    "reduction_unmanaged": -1,
    "closing": -1,
}
EPSILON = sys.float_info.epsilon
SLACK = 1e-12  # of the closing: what summing binary fractions can lose
ENTRIES = (
    "opening",
    "addition_managed",
    "addition_unmanaged",
    "reduction_managed",
    "reduction_unmanaged",
    "net",
    "closing",
)
UNALLOCATED = "unallocated"
CHANGE = "extent.change"
CLASS_CHANGES = {
    f"extent.class_{k}": f"land.class_{k}@pontius2004" for k in ("gain", "loss", "net_change", "swap", "persistence")
}
"""What the change matrix says of each class: quantity -> method of the transition areas."""
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
    where = {"place": place, "period": period, "cls": UNALLOCATED}
    rest = [
        _difference(resolver, f"extent.{entry}", total, parts, where)
        for entry, parts in (("opening", opening), ("closing", closing))
    ]
    return [*cells, *rest, _difference(resolver, "extent.net", rest[1], rest[:1], where)]


def change_cells(resolver: Resolver, place: str, period: str) -> list[Node]:
    """Nodes of the change matrix of one place (table 4.2), class `forest>grass` for each pair that occurs there; then by class."""
    changes = resolver.rasters.changes.get(period) if resolver.rasters else None
    cells: list[Node] = []
    for pair in changes.pairs() if changes else ():
        node = resolver.fact(f"{CHANGE}.{pair}", place, period)
        if node.refusal is None and node.value != [0.0]:
            cells.append(_restated(resolver, CHANGE, node, {"place": place, "period": period, "cls": pair}))
    return [*cells, *_class_changes(resolver, cells)]


def _class_changes(resolver: Resolver, cells: list[Node]) -> list[Node]:
    """Gain, loss, net change, swap (hm2) and persistence (%) of each class, on the area that has a class in both periods.

    A class absent at the opening has no persistence.
    """
    pairs = {(a, b): n for n in cells for a, _, b in [n.cls.partition(">")] if UNALLOCATED not in (a, b)}
    classes = [c for c in resolver.extent_classes if any(c in pair for pair in pairs)]
    if not classes:
        return []
    areas = np.array([[pairs[a, b].value[0] if (a, b) in pairs else 0.0 for b in classes] for a in classes])
    made = []
    for quantity, ref in CLASS_CHANGES.items():
        if ref not in resolver.domains.registry:
            continue
        for cls, value in zip(classes, np.asarray(resolver.domains.registry[ref](areas)), strict=True):
            if np.isfinite(value):
                made.append(
                    of_matrix(resolver, quantity, ref, cls, [n for p, n in pairs.items() if cls in p], float(value))
                )
    return made


def of_matrix(resolver: Resolver, quantity: str, ref: str, cls: str, parts: list[Node], value: float) -> Node:
    """The entry of a class, or of a group of them, of a method on the matrix; its arguments are the cells of its row and column."""
    method = resolver.domains.registry[ref]
    place, period = parts[0].place, parts[0].period
    name = next(iter(method.arguments))
    args = tuple((name, n.key) for n in parts)
    identity = {
        "kind": "method",
        "quantity": quantity,
        "place": place,
        "period": period,
        "cls": cls,
        "method": ref,
        "code": method.code,
        "args": [list(a) for a in args],
    }
    own = {method.status} & DERIVED_LABELS
    node = Node(
        digest(identity), "method", quantity, place, cls, period, unit=method.result.unit, value=[value], method=method.ref, code=method.code,
        args=args, labels=merged(parts, own), flags=tuple(sorted({f for n in parts for f in n.flags})),
    )  # fmt: skip
    resolver.nodes[node.key] = node
    return node


def _class_cells(resolver: Resolver, cls: str, place: str, period: str) -> list[Node]:
    where = {"place": place, "period": period, "cls": cls}
    closing = _restated(resolver, "extent.closing", resolver.class_area(cls, place, period), where)
    before = _previous(resolver, period)
    if before is None:
        zh, en = (
            "没有期初年份的地类面积，期初拒算。",
            "no class areas of an earlier year on file: the opening is refused.",
        )
        refusal = Refusal(
            "missing_fact",
            zh,
            en,
            needs=resolver.extent_classes[cls]["fact"],
            document=_opening_document(resolver, cls),
        )
        opening = resolver.refuse("extent.opening", where, refusal)
    else:
        opening = _restated(resolver, "extent.opening", resolver.class_area(cls, place, before), where)
    net = _difference(resolver, "extent.net", closing, [opening], where)
    flows = []
    for entry in ENTRIES[1:5]:
        fact = resolver.fact(f"{resolver.extent_classes[cls]['fact']}.{entry}", place, period)
        flows.append(_restated(resolver, f"extent.{entry}", fact, where))
    return [opening, *flows, net, closing]


def unbalanced(resolver: Resolver, cells: list[Node]) -> list[Finding]:
    """An error finding for each class where opening + additions - reductions is not the closing, within what is printed.

    Checked where all entries are known and the closing is printed for the place itself: a sum of places below fails
    where one of them does.
    """
    rows: dict[tuple[str, str, str], dict[str, Node]] = {}
    for node in cells:
        if node.cls != UNALLOCATED:
            rows.setdefault((node.place, node.period, node.cls), {})[node.quantity.removeprefix("extent.")] = node
    findings = []
    for (place, period, cls), row in rows.items():
        if all(entry in row and row[entry].refusal is None for entry in ENTRIES):
            source = resolver.nodes[row["closing"].args[0][1]]
            gap = math.fsum(sign * row[entry].value[0] for entry, sign in SIGNS.items())
            slack = math.fsum(_rounding(resolver, row[entry]) for entry in SIGNS) + SLACK * abs(row["closing"].value[0])
            if source.kind == "input" and abs(gap) > slack:
                name, known = resolver.zone.place(place), resolver.extent_classes[cls]
                findings.append(Finding(
                    "error", "extent_not_balanced",
                    f"{name.name_en}, {known['en']}, {period}: opening + additions - reductions is {gap:+.6g} {_UNIT} off the closing.",
                    f"{name.name_zh}{known['zh']} {period}：期初加增加减去减少，与期末差 {gap:+.6g} {_UNIT}。",
                    file=str((source.row or {}).get("file", "")), row=(source.row or {}).get("row"), field="value", limit=f"{slack:.3g} {_UNIT}",
                    fix="check the areas and the flows of the class",
                ))  # fmt: skip
    return findings


def _rounding(resolver: Resolver, node: Node) -> float:
    """Half the last printed digit of the figures behind an entry, in the account's unit."""
    if node.kind == "input" and node.row:
        return InputFact(**{k: v for k, v in node.row.items() if k not in ("key", "parts")}).rounding * factor(
            node.unit, _UNIT
        )
    return math.fsum(_rounding(resolver, resolver.nodes[key]) for _, key in node.args)


def _previous(resolver: Resolver, period: str) -> str | None:
    ids = [p.id for p in resolver.zone.periods]
    at = ids.index(period)
    return ids[at - 1] if at else None


def _opening_document(resolver: Resolver, cls: str) -> str:
    return str(resolver.zone.config.get("extent", {}).get("opening_document", ""))


def _restated(resolver: Resolver, quantity: str, node: Node, where: Where) -> Node:
    """The same figure in the account's unit, under the account's name."""
    if node.refusal:
        return resolver.refuse(quantity, where, node.refusal)
    return resolver.joined(
        quantity,
        [(where["cls"], node)],
        where,
        _UNIT,
        [v * factor(node.unit, _UNIT) for v in node.value],
        {"rule": "restated"},
    )


def _difference(resolver: Resolver, quantity: str, whole: Node, parts: list[Node], where: Where) -> Node:
    """`whole` less the parts, in the account's unit; refused where any part is."""
    refused = [n.refusal for n in (whole, *parts) if n.refusal]
    if refused:
        return resolver.refuse(quantity, where, refused[0])
    numbers = [whole.value[0] * factor(whole.unit, _UNIT), *(-p.value[0] * factor(p.unit, _UNIT) for p in parts)]
    args = [("whole", whole), *((f"less:{p.cls}", p) for p in parts)]
    left = math.fsum(numbers)
    exact = abs(left) <= len(numbers) * EPSILON * max(
        map(abs, numbers)
    )  # what the floats themselves cannot tell from nothing
    return resolver.joined(quantity, args, where, _UNIT, [0.0 if exact else left], {"rule": "difference"})
