"""How one figure gets its key, its value and its pedigree.

`Resolver.quantity(id, place, ...)` walks a profile's recipes from the asked quantity down to input facts and parameter
rows. Every step becomes a `Node` whose key is the hash of everything it depends on; a node whose key is in the store is
not computed again. Values carry a scenario axis first: row s of the axis is one combination of the profile's declared
parameter ranges and class spans, so one call of a method computes figure, span and range together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains
from qingshan.core.errors import QingshanError
from qingshan.core.method import Choice, Method, Q
from qingshan.core.parameter import Parameters
from qingshan.core.units import convert, factor
from qingshan.zone.zone import Zone

from .figure import Node, Refusal
from .profile import Item, Profile, Recipe
from .sources import DERIVED_LABELS, OUTSIDE, Sources, Where, dependency, first, merged
from .store import Store

MONTHS = 12


@dataclass
class Stats:
    """What a run did: methods computed, nodes found in the store, refusals."""

    computed: int = 0
    reused: int = 0


class Resolver(Sources):
    """Resolves quantities of one zone under one profile. Memoised; ask as often as you like."""

    def __init__(self, zone: Zone, profile: Profile, domains: Domains, parameters: Parameters, store: Store) -> None:
        super().__init__(zone, profile, domains, parameters)
        self.store, self.stats = store, Stats()

    # ---- public -------------------------------------------------------------------------------------------------

    def quantity(self, id: str, place: str, period: str, cls: str = "", basis: str = "") -> Node:
        """The node of a quantity: for one class or item, or (cls='') for the place as a whole. Without a recipe: an input."""
        recipe = self.profile.recipes.get(id)
        if recipe is None:
            return self.fact(id, place, period)
        if not self._needs_basis(id):
            basis = ""
        return self._once(
            ("q", id, place, period, cls, basis), lambda: self._quantity(recipe, place, period, cls, basis)
        )

    def class_area(self, cls: str, place: str, period: str) -> Node:
        entry = self.extent_classes[cls]
        return self.fact(entry["fact"], place, period)

    def total(
        self, quantity: str, parts: Iterable[Node], place: str, period: str, basis: str = "", unit: str = ""
    ) -> Node:
        """Sum of nodes, exact (`math.fsum`), refused parts left out and named in the notes."""
        parts = list(parts)
        good = [p for p in parts if p.refusal is None]
        bad = [p for p in parts if p.refusal is not None]
        where = {"place": place, "period": period, "basis": basis}
        if not good:
            return self._refuse(quantity, where, dependency([p.refusal for p in bad if p.refusal]))
        return self._sum("sum", quantity, good, where, unit or good[0].unit, left_out=bad)

    def classes_at(self, place: str, period: str) -> list[str]:
        """Ecosystem classes with an area on file (or rolled up) at the place. A class without a cell in the rasters is none."""
        areas = {c: self.class_area(c, place, period) for c in self.extent_classes}
        return [c for c, area in areas.items() if area.refusal is None and not (self.rasters and area.value == [0.0])]

    def runs_by_class(self, quantity: str) -> bool:
        """True where a quantity has a figure for every ecosystem class: a recipe by class, or a sum over cells."""
        recipe = self.profile.recipes.get(quantity)
        return recipe.by == "class" if recipe else self.rasters is not None and quantity in self._raster_sums

    def class_figure(self, quantity: str, cls: str, place: str, period: str, basis: str) -> Node:
        """The figure of one class; a sum over cells stands under the quantity's own id."""
        if quantity in self.profile.recipes:
            return self.quantity(quantity, place, period, cls, basis)
        where = {"place": place, "period": period, "cls": cls}
        found = self.fact(f"{quantity}.{cls}", place, period)
        if found.refusal:
            return self.refuse(quantity, where, found.refusal)
        return self.joined(quantity, [(cls, found)], where, found.unit, list(found.value), {"rule": "restated"})

    def applied(
        self, quantity: str, ref: str, args: Mapping[str, list[Node]], where: Where, unit: str = "", *,
        choices: Mapping[str, str] | None = None, numbers: Mapping[str, tuple[float, str]] | None = None,
    ) -> Node:  # fmt: skip
        """A method applied to nodes by argument (several where the argument carries an axis), in `unit` if given.

        `choices` are words for the method's choices, `numbers` plain values with units, such as years between two periods.
        """
        method = self.domains.registry[ref]
        flat = [(name, node) for name, nodes in args.items() for node in nodes]
        if refused := [n.refusal for _, n in flat if n.refusal]:
            return self._refuse(quantity, where, dependency(refused))
        declared = method.arguments
        given = {name: _stacked(nodes, getattr(declared[name], "axis", "")) for name, nodes in args.items()}
        payload = self._compute(method, {**given, **(choices or {}), **(numbers or {})})
        if "refusal" in payload:
            return self._refuse(quantity, where, Refusal.of(payload["refusal"]))
        chosen = tuple(sorted((choices or {}).items()))
        notes = {"numbers": {k: list(v) for k, v in numbers.items()}} if numbers else {}
        ratio = factor(method.result.unit, unit or method.result.unit)
        value = [v * ratio for v in payload["value"]]
        own = {"open": "project"}.get(method.status, method.status)
        identity = {
            "kind": "method", "quantity": quantity, **where, "method": method.ref, "code": method.code, "unit": unit,
            "args": [[n, a.key] for n, a in flat], "scenarios": list(self.scenarios.rows), "choices": chosen, "notes": notes,
        }  # fmt: skip
        node = Node(
            digest(identity), "method", quantity, **where, unit=unit or method.result.unit, value=value, method=method.ref,
            code=method.code, args=tuple((n, a.key) for n, a in flat), labels=merged((n for _, n in flat), {own} & DERIVED_LABELS),
            flags=tuple(sorted({f for _, n in flat for f in n.flags})), choices=chosen, notes=notes,
        )  # fmt: skip
        self.nodes |= {n.key: n for _, n in flat} | {node.key: node}
        return node

    # ---- steps --------------------------------------------------------------------------------------------------

    def _needs_basis(self, id: str) -> bool:
        """True where a price stands anywhere below the quantity."""
        return any(
            binding.get("year") == "price"
            or any(
                self._needs_basis(q) for q in (*binding.get("quantities", ()), *filter(None, [binding.get("quantity")]))
            )
            for binding in self.profile.recipes[id].bind.values()
        )

    def _quantity(self, recipe: Recipe, place: str, period: str, cls: str, basis: str) -> Node:
        where = {"place": place, "period": period, "basis": basis}
        below = self.zone.children(place)
        if recipe.level == "leaf" and below:
            parts = [self.quantity(recipe.id, child, period, cls, basis) for child in below]
            return self._rolled(recipe.id, recipe.rollup, parts, below, period, {**where, "cls": cls})
        if recipe.by != "place" and not cls:
            members = (
                self.classes_at(place, period) if recipe.by == "class" else [i.id for i in self._items(recipe.items)]
            )
            return self._over_members(recipe, members, place, period, basis)
        return self._apply(recipe, place, period, cls, basis)

    def _items(self, name: str) -> tuple[Item, ...]:
        return self.profile.items.get(name, ())

    def _over_members(self, recipe: Recipe, members: list[str], place: str, period: str, basis: str) -> Node:
        """Sum over the place's ecosystem classes, or over the entries of a list."""
        where = {"place": place, "period": period, "basis": basis}
        if not members:
            return self._refuse(recipe.id, where, self._no_members(recipe, place, period))
        parts = [self.quantity(recipe.id, place, period, member, basis) for member in members]
        outside = [p for p in parts if p.refusal and _only(p.refusal, OUTSIDE)]
        failed = [p for p in parts if p.refusal and p not in outside]
        if failed or (outside and recipe.unmapped == "refuse") or len(outside) == len(parts):
            return self._refuse(recipe.id, where, dependency([p.refusal for p in failed or outside if p.refusal]))
        good = [p for p in parts if p.refusal is None]
        node = self._sum("sum", recipe.id, good, where, good[0].unit, left_out=outside)
        if outside and recipe.by == "class":
            areas = {
                p.cls: first(convert(np.asarray(a.value), a.unit, "km2"))
                for p in outside
                for a in [self.class_area(p.cls, place, period)]
            }
            node = replace(node, flags=(*node.flags, "classes_excluded"), notes={**node.notes, "excluded_km2": areas})
        return node

    def _no_members(self, recipe: Recipe, place: str, period: str) -> Refusal:
        if recipe.by == "item":
            zh = f"{self.zone.name_zh}没有列出“{recipe.items}”的各项。"
            en = f"the zone {self.zone.id!r} lists no {recipe.items!r} under [items]."
            return Refusal(
                "missing_fact", zh, en, needs=f"items.{recipe.items}", document=self._document(f"items.{recipe.items}")
            )
        wanted = [r for c in self.extent_classes if (r := self.class_area(c, place, period).refusal)]
        return dependency(wanted) if wanted else _no_extent(self.zone)

    def _apply(self, recipe: Recipe, place: str, period: str, cls: str, basis: str) -> Node:
        """Bind the arguments, then compute or reuse."""
        method = self.domains.registry[recipe.method]
        where = {"place": place, "period": period, "basis": basis, "cls": cls}
        args: list[tuple[str, Node]] = []
        given: dict[str, Any] = {}
        choices: list[tuple[str, str]] = []
        refused: list[Refusal] = []
        for name, binding in recipe.bind.items():
            if "policy" in binding or "choice" in binding:
                word = binding.get("choice") or self.profile.policies.get(binding.get("policy", ""), "")
                if not word:
                    refused.append(
                        _no_policy(binding["policy"], method.arguments[name], self._document(binding["policy"]))
                    )
                choices.append((name, word))
                given[name] = word
                continue
            found = self._bound(recipe, binding, place, period, cls, basis)
            refused += [node.refusal for node in found if node.refusal]
            args += [(name, node) for node in found]
            if not any(node.refusal for node in found):
                given[name] = _stacked(found, binding.get("axis", ""))
        if refused:
            return self._refuse(recipe.id, where, dependency(refused))
        return self._computed(recipe, method, where, args, given, choices)

    def _computed(self, recipe: Recipe, method: Method, where: Where, args: list[tuple[str, Node]], given: dict[str, Any],
                  choices: list[tuple[str, str]]) -> Node:  # fmt: skip
        identity = {
            "kind": "method", "quantity": recipe.id, **where, "method": method.ref, "code": method.code,
            "args": [[n, a.key] for n, a in args], "choices": choices, "scenarios": list(self.scenarios.rows),
        }  # fmt: skip
        key = digest(identity)
        payload = self.store.get(key)
        if payload is None:
            payload = self._compute(method, given)
            self.store.put(key, payload)
            self.stats.computed += 1
        else:
            self.stats.reused += 1
        own = {"open": "project"}.get(method.status, method.status)  # a formula we had to settle is a choice of ours
        labels = merged((node for _, node in args), {own} & DERIVED_LABELS)
        if "refusal" in payload:
            refusal = Refusal.of(payload["refusal"])
            return Node(key, "refusal", recipe.id, **where, method=method.ref, code=method.code, refusal=refusal,
                        args=tuple((n, a.key) for n, a in args), choices=tuple(choices))  # fmt: skip
        return Node(
            key, "method", recipe.id, **where, unit=method.result.unit, value=payload["value"], method=method.ref, code=method.code,
            args=tuple((n, a.key) for n, a in args), choices=tuple(choices), labels=labels,
        )  # fmt: skip

    def _compute(self, method: Method, given: dict[str, Any]) -> dict[str, Any]:
        """Call the method on all scenarios at once; a named error or a missing value becomes a refusal, never a number."""
        try:
            value = np.atleast_1d(method.apply(given))
        except QingshanError as error:
            return {"refusal": Refusal("method_error", error.zh, error.en, needs=method.ref).record()}
        if not np.all(np.isfinite(value)):
            zh = f"{method.zh}：按方法的规定，此处没有取值。"
            en = f"{method.en}: by the rule of {method.ref} there is no value here."
            return {"refusal": Refusal("undefined", zh, en, needs=method.ref).record()}
        return {"value": value.tolist()}

    def _bound(
        self, recipe: Recipe, binding: Mapping[str, Any], place: str, period: str, cls: str, basis: str
    ) -> list[Node]:
        """The nodes of one argument; several where it carries an axis (months, entries of a list, parts of a sum)."""
        if binding.get("axis") == "month":
            return [self._month(binding["fact"], place, self._periods[period], m) for m in range(1, MONTHS + 1)]
        if "items" in binding:
            return self._listed(recipe, binding, place, period, basis)
        if "quantity" in binding or "quantities" in binding:
            asked = binding.get("quantities") or [binding["quantity"]]
            return [self.quantity(q, place, period, cls if self._runs_by(q) == recipe.by else "", basis) for q in asked]
        if read := self._input_id(binding, cls):
            return [self.fact(read, place, period)]
        if "class_parameter" in binding:
            return [self._class_parameter(binding, cls, place, period, basis)]
        item = next((i.cls for i in self._items(recipe.items) if i.id == cls), None)
        return [self._row(binding, item if "item_parameter" in binding else binding.get("class"), period, basis)]

    def _input_id(self, binding: Mapping[str, Any], cls: str) -> str:
        """The input quantity an argument reads; '' where it is not an input."""
        if "class_area" in binding:
            return str(self.extent_classes[cls]["fact"])
        stem = binding.get("class_fact") or binding.get("item_fact")
        return f"{stem}.{cls}" if stem else str(binding.get("fact", ""))

    def _listed(self, recipe: Recipe, binding: Mapping[str, Any], place: str, period: str, basis: str) -> list[Node]:
        """One node per entry of a list: the input `<fact>.<id>`, or the parameter row of the entry's class."""
        entries = self._items(binding["items"])
        if not entries:
            empty = replace(recipe, by="item", items=binding["items"])
            return [self._refuse(recipe.id, {"place": place, "period": period}, self._no_members(empty, place, period))]
        if "fact" in binding:
            return [self.fact(f"{binding['fact']}.{i.id}", place, period) for i in entries]
        return [self._row(binding, i.cls, period, basis) for i in entries]

    def _row(self, binding: Mapping[str, Any], cls: str | None, period: str, basis: str) -> Node:
        """The one parameter row in force at the end of the account year, or why there is none."""
        year = self._year(binding, period, basis)
        # a named set is the edition the profile has chosen, whenever the data are from; without one the day decides
        on = None if binding.get("set") else f"{self._periods[period].year}-12-31"
        asked = (
            binding.get("parameter") or binding["item_parameter"],
            cls,
            binding.get("set"),
            year,
            on,
        )
        return self._find(asked, bool(binding.get("transferred")))

    def _runs_by(self, quantity: str) -> str:
        return self.profile.recipes[quantity].by

    def _year(self, binding: Mapping[str, Any], period: str, basis: str) -> str | None:
        """The year a bound row must have: a literal one, or `price`, the price year of the money basis."""
        year = binding.get("year")
        return self.profile.price_year(basis, str(self._periods[period].year)) if year == "price" else year

    def _class_parameter(self, binding: Mapping[str, Any], cls: str, place: str, period: str, basis: str) -> Node:
        """Parameter of an ecosystem class, through the profile's declared class map; several targets give a span."""
        mapping = self.profile.maps[binding["map"]]
        targets = mapping.rows.get(cls) or mapping.rows.get(str(self.extent_classes.get(cls, {}).get("code", "")))
        name = binding["class_parameter"]
        if not targets:
            zh = self.extent_classes.get(cls, {}).get("zh", cls)
            return self._refuse(name, {"place": place, "period": period, "cls": cls}, Refusal(
                "unmapped_class", f"地类“{zh}”在参数表 {name} 中没有对应类型。", f"class {cls!r} has no counterpart in the table {name}.",
                needs=f"{mapping.id}:{cls}",
            ))  # fmt: skip
        year = self._year(binding, period, basis)
        nodes = [
            self._find((name, t, binding.get("set"), year, None), bool(binding.get("transferred"))) for t in targets
        ]
        if refused := [n.refusal for n in nodes if n.refusal]:
            return self._refuse(name, {"place": place, "period": period, "cls": cls}, dependency(refused))
        if len(nodes) == 1:
            return nodes[0]
        if mapping.id not in self.profile.scenarios.get("span", ()):
            zh = f"对照表 {mapping.id} 给“{cls}”列出 {len(nodes)} 个类型，口径没有声明按区间计算。"
            en = f"the map {mapping.id!r} gives {len(nodes)} types for {cls!r}, and the profile declares no span over it."
            return self._refuse(
                name,
                {"place": place, "period": period, "cls": cls},
                Refusal("policy", zh, en, needs=f"{mapping.id}:{cls}"),
            )
        values = [first(n.value) for n in nodes]
        span = self.scenarios.pick(f"span:{mapping.id}", float("nan"), min(values), max(values))
        key = digest(
            {
                "kind": "span",
                "map": mapping.id,
                "cls": cls,
                "rows": [n.key for n in nodes],
                "scenarios": list(self.scenarios.rows),
            }
        )
        node = Node(
            key, "span", name, cls=cls, unit=nodes[0].unit, value=span, args=tuple((t, n.key) for t, n in zip(targets, nodes, strict=True)),
            labels=merged(nodes, {mapping.status} & DERIVED_LABELS), notes={"map": mapping.id, "source": mapping.source, "status": mapping.status},
        )  # fmt: skip
        self.nodes[key] = node
        return node


# ---- small parts ----------------------------------------------------------------------------------------------------


def _stacked(nodes: list[Node], axis: str) -> tuple[Any, str]:
    """Argument array: (scenario,) or, for a series, (scenario, axis)."""
    unit = nodes[0].unit
    if not axis:
        return np.asarray(nodes[0].value, dtype=np.float64), unit
    columns = [np.asarray(convert(np.asarray(n.value, dtype=np.float64), n.unit, unit)) for n in nodes]
    return np.stack(np.broadcast_arrays(*columns), axis=-1), unit


def _only(refusal: Refusal, codes: tuple[str, ...]) -> bool:
    return all(leaf.code in codes for leaf in refusal.leaves())


def _no_policy(name: str, declared: Q | Choice, document: str) -> Refusal:
    zh = f"口径和区域都没有声明“{declared.zh}”（{name}）。"
    en = f"neither the profile nor the zone states {name!r} ({declared.en})."
    return Refusal("policy", zh, en, needs=name, document=document)


def _no_extent(zone: Zone) -> Refusal:
    return Refusal(
        "missing_fact",
        f"{zone.name_zh}没有声明地类。",
        f"the zone {zone.id!r} declares no ecosystem classes.",
        needs="extent",
    )
