"""The figures of raster runs as an account asks for them: per leaf place, class and period, with the nodes they stand on.

A class figure is asked for as `<quantity>.<class id>` (`soil.retention.forest`), with codes as `<quantity>.<code>.<class id>`,
the area of a class under the zone's own fact id, and the area of a place as `place.area`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.method import REGISTRY

from ..block.sheet import Sum
from ..figure import Node, Refusal
from ..sources import merged
from .changes import CHANGE, Changes
from .run import RasterRun

__all__ = ["TRANSITION", "RasterFact", "RasterFigures", "explained", "facts_of", "why_not"]

PLACE_AREA = "place.area"
TRANSITION = "nature.transition_area@hj1171_2021"
"""The method that the cells of a change matrix follow; `change_matrix` adds them up exactly, place by place."""
SLACK = 1e-9  # of the class area: what a difference of two exact sums may show


@dataclass(frozen=True)
class RasterFact:
    """One figure of a raster run. `covered_m2`: the area of the cells it was made from."""

    quantity: str
    place: str
    cls: str
    period: str
    value: float | None
    unit: str
    covered_m2: float
    refusal: str = ""


@dataclass
class RasterFigures:
    """Figures of several runs (accounts and periods) of one zone. `areas` are those of the places, m2."""

    runs: list[RasterRun]
    areas: Mapping[str, float] = field(default_factory=dict)
    class_facts: Mapping[str, str] = field(default_factory=dict)  # fact id of a class area -> class id
    area_pedigree: Node | None = None
    changes: Mapping[str, Changes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by: dict[tuple[str, str], tuple[RasterRun, Sum, int]] = {}
        self._period: dict[str, RasterRun] = {}
        self._known: dict[tuple[str, str, str], Node | Refusal] = {}
        for run in self.runs:
            if run.class_area is not None:
                self._period.setdefault(run.period, run)
            for s in run.sums:
                for code in range(s.codes):
                    self._by[f"{s.quantity}.{code}" if s.by else s.quantity, run.period] = (run, s, code)
        self._stems = {quantity for quantity, _ in self._by}

    def knows(self, quantity: str) -> bool:
        """True where rasters may give the quantity, so that the places above are its sum."""
        if quantity in self._stems or quantity in self.class_facts or quantity.rpartition(".")[0] in self._stems:
            return True
        return (quantity == PLACE_AREA and bool(self.areas)) or quantity.startswith(f"{CHANGE}.")

    def figure(self, quantity: str, place: str, period: str) -> Node | Refusal | tuple[str, ...] | None:
        """The node of a leaf place; why there is none; the class figures it is the sum of; None: not from rasters."""
        if quantity == PLACE_AREA and place in self.areas:
            return self._place_area(place)
        if quantity.startswith(f"{CHANGE}."):
            return self._change(quantity, place, period)
        if quantity in self.class_facts:
            return self._class_area(quantity, place, period)
        if (quantity, period) in self._by:
            return self._whole(quantity, place, period)
        stem, _, cls = quantity.rpartition(".")
        return self._cell(stem, cls, place, period) if (stem, period) in self._by else None

    def patches(self, period: str, place: str) -> list[Node]:
        """Patches of every declared grade over the whole grid, told of `place`: kept, their area, and what lies in smaller ones."""
        found = []
        for run in (r for r in self.runs if r.period == period):
            for p in (p for p in run.account.patches if p.id in run.patches):
                bound, of = run.binding.patches[p.id], run.patches[p.id]
                args = (("of", bound.grade), ("smallest", bound.row), *run.binding.pedigree.ground)
                labels = merged(run.binding.pedigree.nodes[key] for _, key in args)
                notes = {"account": run.account.id, "neighbours": p.neighbours, "smallest_hm2": of.smallest}
                columns = (
                    ("count", "count", of.kept_count),
                    ("area", "hm2", of.kept_area),
                    ("small_area", "hm2", of.small_area),
                )
                found += [
                    _node(f"{p.id}.{kind}.{code}", place, period, unit, float(vector[i]), args, notes, labels)
                    for kind, unit, vector in columns
                    for i, code in enumerate(of.codes)
                ]
        return found

    def below(self, node: Node) -> dict[str, Node]:
        """The nodes under a figure."""
        found: dict[str, Node] = {}
        known = [*(r.binding.pedigree for r in self.runs), *(c.pedigree for c in self.changes.values())]
        for _, key in node.args:
            for pedigree in known:
                if key in pedigree.nodes:
                    found |= pedigree.below(key)
                    break
            else:
                if self.area_pedigree and key == self.area_pedigree.key:
                    found[key] = self.area_pedigree
        return found

    # ---- figures -----------------------------------------------------------------------------------------------------

    def _place_area(self, place: str) -> Node:
        args = (("places", self.area_pedigree.key),) if self.area_pedigree else ()
        return _node(PLACE_AREA, place, "static", "m2", self.areas[place], args, {"sum": "1", "per": "m2"})

    def _class_area(self, quantity: str, place: str, period: str) -> Node | Refusal | None:
        run = self._period.get(period)
        at = _place(run, place)
        if run is None or at is None or run.class_area is None:
            return None
        code = _code(run, self.class_facts[quantity])
        if code is None:
            return None
        labels = merged(run.binding.pedigree.nodes[k] for _, k in run.binding.pedigree.ground)
        return _node(
            quantity,
            place,
            period,
            "m2",
            float(run.class_area[at, code]),
            run.binding.pedigree.ground,
            {"sum": "1", "per": "m2"},
            labels=labels,
        )

    def _change(self, quantity: str, place: str, period: str) -> Node | None:
        changes = self.changes.get(period)
        area = changes.of(place, quantity.removeprefix(f"{CHANGE}.")) if changes else None
        if changes is None or area is None:
            return None
        labels = merged(changes.pedigree.nodes[k] for _, k in changes.ground)
        node = _node(quantity, place, period, "m2", area, changes.ground, {"sum": "1", "per": "m2"}, labels=labels)
        method = REGISTRY[TRANSITION]
        return replace(node, method=method.ref, code=method.code)

    def _whole(self, quantity: str, place: str, period: str) -> Refusal | tuple[str, ...] | None:
        run, s, _ = self._by[quantity, period]
        if refusal := run.binding.refusals.get(s.id):
            return refusal
        at = _place(run, place)
        if at is None or run.class_area is None:
            return None
        names = run.binding.classes.names
        present = [names[c] for i, c in enumerate(run.binding.classes.codes) if run.class_area[at, i] > 0]
        return tuple(f"{quantity}.{cls}" for cls in present) or None

    def _cell(self, stem: str, cls: str, place: str, period: str) -> Node | Refusal | None:
        ask = (f"{stem}.{cls}", place, period)
        if ask not in self._known:
            found = self._made(stem, cls, place, period)
            if found is None:
                return None
            self._known[ask] = found
        return self._known[ask]

    def _made(self, stem: str, cls: str, place: str, period: str) -> Node | Refusal | None:
        run, s, code = self._by[stem, period]
        binding = run.binding
        if refusal := binding.refusals.get(s.id):
            return refusal
        at, k = _place(run, place), _code(run, cls)
        if at is None or k is None or run.class_area is None:
            return None
        area, covered = float(run.class_area[at, k]), float(run.covered[s.id][at, k])
        refusal = why_not(run, s, k, area, covered)
        if refusal:
            return refusal
        pedigree = binding.pedigree
        args = (*((("of", pedigree.of[s.id]),) if s.of != "1" else ()), *pedigree.split[s.id], *pedigree.ground)
        notes: dict[str, Any] = {"account": binding.account.id, "sum": s.of, "per": s.per} | (
            {"code": code, "by": s.by} if s.by else {}
        )
        part = area - covered > SLACK * area
        notes |= {"covered_m2": covered, "area_m2": area} if part else {}
        labels = merged(pedigree.nodes[key] for _, key in args)
        flags = ("nodata",) if part else ()
        return _node(f"{stem}.{cls}", place, period, s.unit, run.cell(s.id, at, k, code), args, notes, labels, flags)


def facts_of(run: RasterRun) -> list[RasterFact]:
    """Every figure of a run: places, then classes that occur, then quantities."""
    if run.class_area is None:
        return []
    figures, names = RasterFigures([run]), run.binding.classes.names
    found = []
    for at, place in enumerate(run.binding.places.codes):
        for k, code in enumerate(run.binding.classes.codes):
            if run.class_area[at, k] == 0:
                continue
            for s in run.sums:
                for split in range(s.codes):
                    stem = f"{s.quantity}.{split}" if s.by else s.quantity
                    got = figures._made(stem, names[code], place, run.period)
                    value = got.value[0] if isinstance(got, Node) else None
                    area = float(run.covered[s.id][at, k]) if s.id in run.covered else 0.0
                    why = got.en if isinstance(got, Refusal) else ""
                    found.append(RasterFact(stem, place, names[code], run.period, value, s.unit, area, why))
    return found


def explained(run: RasterRun, quantity: str, place: str, cls: str) -> str:
    """A figure and what it stands on, one line each. Without a class: the figures of its classes."""
    figures = RasterFigures([run])
    got = figures.figure(f"{quantity}.{cls}" if cls else quantity, place, run.period)
    if got is None:
        return f"{quantity}: no figure of {place} {cls} in {run.account.id} {run.period}."
    if isinstance(got, Refusal):
        return f"{quantity}: refused. {got.en} / 拒算：{got.zh}"
    if isinstance(got, tuple):
        return "\n".join(explained(run, quantity, place, part.rpartition(".")[2]) for part in got)
    nodes = figures.below(got)
    return "\n".join(_lines(got, nodes, "", "", set()))


def _lines(node: Node, nodes: Mapping[str, Node], role: str, indent: str, seen: set[str]) -> Iterable[str]:
    head = f"{indent}{role + ': ' if role else ''}{node.quantity}"
    value = f" = {node.value[0]:.10g} {node.unit}" if node.value else f" [{node.unit}]" if node.unit else ""
    method = f"  {node.method}" if node.method else ""
    row = node.row or {}
    source = f"  {row.get('file') or row.get('origin', '')} {str(row.get('sha256', ''))[:16]}".rstrip() if row else ""
    again = node.key in seen and bool(node.args)
    yield head + value + method + source + ("  (as above)" if again else "")
    if not again:
        seen.add(node.key)
        for name, key in node.args:
            yield from _lines(nodes[key], nodes, name, indent + "  ", seen)


# ---- small parts ----------------------------------------------------------------------------------------------------


def why_not(run: RasterRun, s: Sum, k: int, area: float, covered: float) -> Refusal | None:
    """A class that occurs but has no row, or no cell with all that the sum needs, has no figure; one that does not occur has 0."""
    if area == 0:
        return None
    code = run.binding.classes.codes[k]
    if gap := run.binding.gaps.get(s.id, {}).get(code):
        return gap
    if covered > 0:
        return None
    cls = run.binding.classes.names[code]
    zh = f"{cls} 的像元都缺 {s.quantity} 所需的图层，或按方法的规定没有取值。"
    en = f"no cell of {cls} has all that {s.quantity} needs, or a value by its method."
    return Refusal("undefined", zh, en, needs=s.quantity)


def _place(run: RasterRun | None, place: str) -> int | None:
    codes = run.binding.places.codes if run and run.binding.places else ()
    return codes.index(place) if place in codes else None


def _code(run: RasterRun, cls: str) -> int | None:
    names = run.binding.classes.names
    return next((i for i, code in enumerate(run.binding.classes.codes) if names.get(code) == cls), None)


def _node(quantity: str, place: str, period: str, unit: str, value: float, args: tuple[tuple[str, str], ...], notes: dict[str, Any],
          labels: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> Node:  # fmt: skip
    identity = {
        "kind": "raster",
        "quantity": quantity,
        "place": place,
        "period": period,
        "unit": unit,
        "value": value,
        "args": args,
        "notes": notes,
    }
    return Node(digest(identity), "raster", quantity, place=place, period=period, unit=unit, value=[value], args=args, notes=notes,
                labels=labels, flags=flags)  # fmt: skip
