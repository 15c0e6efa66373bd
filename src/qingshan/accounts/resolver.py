"""How one figure gets its key, its value and its pedigree.

`Resolver.quantity(id, place, ...)` walks a profile's recipes from the asked quantity down to input facts and parameter
rows. Every step becomes a `Node` whose key is the hash of everything it depends on; a node whose key is in the store is
not computed again. Values carry a scenario axis first: row s of the axis is one combination of the profile's declared
parameter ranges and class spans, so one call of a method computes figure, span and range together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains
from qingshan.core.errors import AmbiguousParameter, MissingParameter, QingshanError
from qingshan.core.method import Choice, Method, Q
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert, factor
from qingshan.zone.period import Period
from qingshan.zone.zone import Zone

from .figure import Node, Refusal
from .profile import Item, Profile, Recipe
from .store import Store

MONTHS = 12
Where = dict[str, Any]  # place, period, cls, basis of a node
NAMES = {
    "gep.accounted_services": ("已核算服务价值合计", "accounted services"),
    "extent.opening": ("期初面积", "opening extent"),
    "extent.addition_managed": ("人为增加", "managed additions"),
    "extent.addition_unmanaged": ("自然增加", "unmanaged additions"),
    "extent.reduction_managed": ("人为减少", "managed reductions"),
    "extent.reduction_unmanaged": ("自然减少", "unmanaged reductions"),
    "extent.net": ("净变化", "net change"),
    "extent.closing": ("期末面积", "closing extent"),
}
DERIVED_LABELS = {"secondary", "news", "ocr_doubt", "project"}


@dataclass
class Stats:
    """What a run did: methods computed, nodes found in the store, refusals."""

    computed: int = 0
    reused: int = 0


@dataclass(frozen=True)
class Scenarios:
    """Every combination of declared parameter ranges (central, low, high) and class spans (low, high)."""

    rows: tuple[dict[str, str], ...]
    central: tuple[int, ...]

    @classmethod
    def of(cls, profile: Profile) -> Scenarios:
        ranges = [[(f"range:{p}", level) for level in ("central", "low", "high")] for p in profile.scenarios.get("range", ())]
        spans = [[(f"span:{m}", level) for level in ("low", "high")] for m in profile.scenarios.get("span", ())]
        rows = tuple(dict(combination) for combination in itertools.product(*ranges, *spans))
        central = tuple(
            i for i, row in enumerate(rows) if all(v == "central" for k, v in row.items() if k.startswith("range:"))
        )
        return cls(rows, central)

    def pick(self, group: str, central: float, low: float, high: float) -> list[float]:
        """The parameter's value in each scenario."""
        return [{"central": central, "low": low, "high": high}[row.get(group, "central")] for row in self.rows]


class Resolver:
    """Resolves quantities of one zone under one profile. Memoised; ask as often as you like."""

    def __init__(self, zone: Zone, profile: Profile, domains: Domains, parameters: Parameters, store: Store) -> None:
        self.zone, self.profile, self.domains, self.parameters, self.store = zone, profile, domains, parameters, store
        self.scenarios = Scenarios.of(profile)
        self.stats = Stats()
        self.nodes: dict[str, Node] = {}
        self._memo: dict[tuple[str, ...], Node] = {}
        self._rows: dict[Any, Node] = {}
        self._active: list[tuple[str, ...]] = []
        self._periods = {p.id: p for p in zone.periods}

    # ---- public -------------------------------------------------------------------------------------------------

    def quantity(self, id: str, place: str, period: str, cls: str = "", basis: str = "") -> Node:
        """The node of a quantity: for one class or item, or (cls='') for the place as a whole. Without a recipe: an input."""
        recipe = self.profile.recipes.get(id)
        if recipe is None:
            return self.fact(id, place, period)
        if not self._needs_basis(id):
            basis = ""
        return self._once(("q", id, place, period, cls, basis), lambda: self._quantity(recipe, place, period, cls, basis))

    def fact(self, quantity: str, place: str, period: str) -> Node:
        """The node of an input figure: the zone's row, or its roll-up from the places below."""
        return self._once(("f", quantity, place, period), lambda: self._fact(quantity, place, self._periods[period]))

    def class_area(self, cls: str, place: str, period: str) -> Node:
        entry = self.extent_classes[cls]
        return self.fact(entry["fact"], place, period)

    def total(self, quantity: str, parts: Iterable[Node], place: str, period: str, basis: str = "", unit: str = "") -> Node:
        """Sum of nodes, exact (`math.fsum`), refused parts left out and named in the notes."""
        parts = list(parts)
        good = [p for p in parts if p.refusal is None]
        bad = [p for p in parts if p.refusal is not None]
        where = {"place": place, "period": period, "basis": basis}
        if not good:
            return self._refuse(quantity, where, _dependency([p.refusal for p in bad if p.refusal]))
        return self._sum("sum", quantity, good, where, unit or good[0].unit, left_out=bad)

    @cached_property
    def extent_classes(self) -> dict[str, dict[str, Any]]:
        return {c["id"]: c for c in self.zone.config.get("extent", {}).get("class", ())}

    def classes_at(self, place: str, period: str) -> list[str]:
        """Ecosystem classes with an area on file (or rolled up) at the place."""
        return [c for c in self.extent_classes if self.class_area(c, place, period).refusal is None]

    def missing(self, quantity: str, place: str) -> Refusal:
        """The refusal of a figure that is not on file, with the document that would fill it."""
        return self._missing(quantity, place)

    def refuse(self, quantity: str, where: Where, refusal: Refusal) -> Node:
        return self._refuse(quantity, where, refusal)

    def joined(self, quantity: str, args: list[tuple[str, Node]], where: Where, unit: str, value: list[float],
               notes: dict[str, Any]) -> Node:  # fmt: skip
        """A node made of others by the rule its notes name (sum, difference, restated)."""
        return self._joined_node("sum", quantity, args, where, unit, value, notes)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _once(self, ask: tuple[str, ...], make: Callable[[], Node]) -> Node:
        if ask not in self._memo:
            if ask in self._active:
                loop = " -> ".join(a[1] for a in [*self._active, ask])
                raise QingshanError(f"the profile's recipes form a loop: {loop}.", f"口径里的量互相引用：{loop}。")
            self._active.append(ask)
            try:
                self._memo[ask] = make()
            finally:
                self._active.pop()
            node = self._memo[ask]
            self.nodes[node.key] = node
        return self._memo[ask]

    def _needs_basis(self, id: str) -> bool:
        """True where a price stands anywhere below the quantity."""
        return any(
            binding.get("year") == "price"
            or any(self._needs_basis(q) for q in (*binding.get("quantities", ()), *filter(None, [binding.get("quantity")])))
            for binding in self.profile.recipes[id].bind.values()
        )

    def _quantity(self, recipe: Recipe, place: str, period: str, cls: str, basis: str) -> Node:
        where = {"place": place, "period": period, "basis": basis}
        below = self.zone.children(place)
        if recipe.level == "leaf" and below:
            parts = [self.quantity(recipe.id, child, period, cls, basis) for child in below]
            return self._rolled(recipe.id, recipe.rollup, parts, below, period, {**where, "cls": cls})
        if recipe.by != "place" and not cls:
            members = self.classes_at(place, period) if recipe.by == "class" else [i.id for i in self._items(recipe.items)]
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
        outside = [p for p in parts if p.refusal and _only(p.refusal, ("unmapped_class", "undefined"))]
        failed = [p for p in parts if p.refusal and p not in outside]
        if failed or (outside and recipe.unmapped == "refuse") or len(outside) == len(parts):
            return self._refuse(recipe.id, where, _dependency([p.refusal for p in failed or outside if p.refusal]))
        good = [p for p in parts if p.refusal is None]
        node = self._sum("sum", recipe.id, good, where, good[0].unit, left_out=outside)
        if outside and recipe.by == "class":
            areas = {p.cls: _first(convert(np.asarray(a.value), a.unit, "km2")) for p in outside for a in [self.class_area(p.cls, place, period)]}
            node = replace(node, flags=(*node.flags, "classes_excluded"), notes={**node.notes, "excluded_km2": areas})
        return node

    def _no_members(self, recipe: Recipe, place: str, period: str) -> Refusal:
        if recipe.by == "item":
            zh = f"{self.zone.name_zh}没有列出“{recipe.items}”的各项。"
            en = f"the zone {self.zone.id!r} lists no {recipe.items!r} under [items]."
            return Refusal("missing_fact", zh, en, needs=f"items.{recipe.items}", document=self._document(f"items.{recipe.items}"))
        wanted = [r for c in self.extent_classes if (r := self.class_area(c, place, period).refusal)]
        return _dependency(wanted) if wanted else _no_extent(self.zone)

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
                    refused.append(_no_policy(binding["policy"], method.arguments[name], self._document(binding["policy"])))
                choices.append((name, word))
                given[name] = word
                continue
            found = self._bound(recipe, binding, place, period, cls, basis)
            refused += [node.refusal for node in found if node.refusal]
            args += [(name, node) for node in found]
            if not any(node.refusal for node in found):
                given[name] = _stacked(found, binding.get("axis", ""))
        if refused:
            return self._refuse(recipe.id, where, _dependency(refused))
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
        labels = _merged((node for _, node in args), {own} & DERIVED_LABELS)
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

    def _bound(self, recipe: Recipe, binding: Mapping[str, Any], place: str, period: str, cls: str, basis: str) -> list[Node]:
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
        asked = (binding.get("parameter") or binding["item_parameter"], cls, binding.get("set"), year, f"{self._periods[period].year}-12-31")
        return self._find(asked, bool(binding.get("transferred")))

    def _find(self, asked: tuple[str, str | None, str | None, str | None, str | None], transferred: bool = False) -> Node:
        """Parameter row by (parameter, class, set, year, day in force). Memoised: a price is asked for at every place."""
        if (asked, transferred) not in self._rows:
            name, cls, set, year, on = asked
            try:
                node = self._parameter(self.parameters.find(name, cls=cls, set=set, year=year, on=on), transferred)
            except (MissingParameter, AmbiguousParameter) as error:
                node = self._refuse(name, {"cls": cls or ""}, _open(error))
            self._rows[asked, transferred] = node
        return self._rows[asked, transferred]

    def _runs_by(self, quantity: str) -> str:
        return self.profile.recipes[quantity].by

    def slot(self, parameter: str, cls: str | None = None, set: str | None = None) -> Refusal | None:
        """None where the row is there (it joins the pedigree), else why it is not."""
        return self._find((parameter, cls, set, None, None)).refusal

    def _parameter(self, row: ParameterRow, transferred: bool = False) -> Node:
        group = f"range:{row.parameter}"
        value: list[float] = [row.value]  # type: ignore[list-item]
        if any(group in s for s in self.scenarios.rows) and row.low is not None and row.high is not None and row.value is not None:
            value = self.scenarios.pick(group, row.value, row.low, row.high)
        labels = {row.status} & DERIVED_LABELS | ({"transferred"} if transferred else set())
        return self._leaf("parameter", row.parameter, row.unit, value, row.record(), labels, cls=row.cls)

    def _year(self, binding: Mapping[str, Any], period: str, basis: str) -> str | None:
        """The year a bound row must have: a literal one, or `price`, the price year of the money basis."""
        year = binding.get("year")
        return self.profile.price_year(basis, str(self._periods[period].year)) if year == "price" else year

    def _class_parameter(self, binding: Mapping[str, Any], cls: str, place: str, period: str, basis: str) -> Node:
        """Parameter of an ecosystem class, through the profile's declared class map; several targets give a span."""
        mapping = self.profile.maps[binding["map"]]
        targets = mapping.rows.get(cls)
        name = binding["class_parameter"]
        if not targets:
            zh = self.extent_classes.get(cls, {}).get("zh", cls)
            return self._refuse(name, {"place": place, "period": period, "cls": cls}, Refusal(
                "unmapped_class", f"地类“{zh}”在参数表 {name} 中没有对应类型。", f"class {cls!r} has no counterpart in the table {name}.",
                needs=f"{mapping.id}:{cls}",
            ))  # fmt: skip
        year = self._year(binding, period, basis)
        nodes = [self._find((name, t, binding.get("set"), year, None), bool(binding.get("transferred"))) for t in targets]
        if refused := [n.refusal for n in nodes if n.refusal]:
            return self._refuse(name, {"place": place, "period": period, "cls": cls}, _dependency(refused))
        if len(nodes) == 1:
            return nodes[0]
        if mapping.id not in self.profile.scenarios.get("span", ()):
            zh = f"对照表 {mapping.id} 给“{cls}”列出 {len(nodes)} 个类型，口径没有声明按区间计算。"
            en = f"the map {mapping.id!r} gives {len(nodes)} types for {cls!r}, and the profile declares no span over it."
            return self._refuse(name, {"place": place, "period": period, "cls": cls}, Refusal("policy", zh, en, needs=f"{mapping.id}:{cls}"))
        values = [_first(n.value) for n in nodes]
        span = self.scenarios.pick(f"span:{mapping.id}", float("nan"), min(values), max(values))
        key = digest({"kind": "span", "map": mapping.id, "cls": cls, "rows": [n.key for n in nodes], "scenarios": list(self.scenarios.rows)})
        node = Node(
            key, "span", name, cls=cls, unit=nodes[0].unit, value=span, args=tuple((t, n.key) for t, n in zip(targets, nodes, strict=True)),
            labels=_merged(nodes, {mapping.status} & DERIVED_LABELS), notes={"map": mapping.id, "source": mapping.source, "status": mapping.status},
        )  # fmt: skip
        self.nodes[key] = node
        return node

    # ---- input facts --------------------------------------------------------------------------------------------

    def _fact(self, quantity: str, place: str, period: Period) -> Node:
        rows = [r for p in (period.id, *period.also) for r in self.zone.facts.find(quantity, place, p)]
        return self._input(rows, quantity, place, period, lambda child: self.fact(quantity, child, period.id))

    def _month(self, quantity: str, place: str, period: Period, month: int) -> Node:
        def make() -> Node:
            names = [pattern.format(month) for pattern in period.month_pattern]
            rows = [r for name in names for r in self.zone.facts.find(quantity, place, name)]
            return self._input(rows, quantity, place, period, lambda child: self._month(quantity, child, period, month))

        return self._once(("m", quantity, place, period.id, str(month)), make)

    def _input(self, rows: list[Any], quantity: str, place: str, period: Period, child: Callable[[str], Node]) -> Node:
        where = {"place": place, "period": period.id}
        if rows:
            best = rows[0]
            labels = {best.status} & DERIVED_LABELS
            node = self._leaf("input", quantity, best.unit, [best.value], best.record(), labels, key=best.key, **{**where, "period": best.period})
            others = [r for r in rows[1:] if r.period == best.period and r.key != best.key]
            if others:
                node = replace(node, notes={"also_printed": [{"value": r.value, "unit": r.unit, "source_title": r.source_title} for r in others]})
            return node
        below = self.zone.children(place)
        declared = self.zone.quantities.get(quantity)
        rule = declared.rollup if declared else "none"
        if below and rule != "none":
            parts = [child(c) for c in below]
            if not all(part.refusal for part in parts):
                return self._rolled(quantity, rule, parts, below, period.id, where)
        return self._refuse(quantity, where, self._missing(quantity, place))

    def _missing(self, quantity: str, place: str) -> Refusal:
        zone = self.zone
        chain = [place, *zone.ancestors(place)]
        asked = (quantity, quantity.rpartition(".")[0])  # a gap in soil.retention covers soil.retention.arbor
        gap = next((g for q in asked for p in chain if (g := zone.gap(q, p))), None)
        gap = gap or next((m for q in asked for m in zone.missing if m.quantity == q), None)
        document = gap.document if gap else ""
        extent = zone.config.get("extent", {})
        if not document and any(c["fact"] == quantity for c in self.extent_classes.values()):
            document = extent.get("document", "")
        zh, en = self.names(quantity)
        if gap and (zh, en) == (quantity, quantity):
            zh, en = gap.name_zh, gap.name_en or gap.name_zh
        name = zone.place(place)
        document = document or self._document(quantity)
        return Refusal("missing_fact", f"{name.name_zh}缺“{zh}”。", f"{name.name_en}: no figure for {en}.", needs=quantity, document=document)

    def _document(self, quantity: str) -> str:
        """What the profile names as the source of an input, by the longest matching id."""
        known = [q for q in self.profile.documents if quantity == q or quantity.startswith(f"{q}.")]
        return self.profile.documents[max(known, key=len)] if known else ""

    def names(self, quantity: str) -> tuple[str, str]:
        """Chinese and English name of any quantity: recipe, catalogue, parameter or method result."""
        recipe = self.profile.recipes.get(quantity)
        if recipe:
            method = self.domains.registry[recipe.method]
            return recipe.zh or method.zh, recipe.en or method.en
        declared = self.zone.quantities.get(quantity)
        if declared is None:
            return NAMES.get(quantity, (quantity, quantity))
        if declared.id.endswith(".*"):  # one name for many: the class or item says which
            last = quantity[len(declared.id) - 1 :]
            member = self.extent_classes.get(last, {})
            return f"{declared.zh}（{member.get('zh', last)}）", f"{declared.en} ({member.get('en', last)})"
        return declared.zh, declared.en

    # ---- nodes --------------------------------------------------------------------------------------------------

    def _leaf(self, kind: str, quantity: str, unit: str, value: list[float], row: dict[str, Any], labels: set[str], *,
              key: str = "", **where: Any) -> Node:  # fmt: skip
        node = Node(key or row["key"], kind, quantity, unit=unit, value=value, row=row, labels=tuple(sorted(labels)), **where)
        if len(value) > 1:
            node = replace(node, key=digest({"row": node.key, "scenarios": list(self.scenarios.rows), "value": value}))
        self.nodes[node.key] = node
        return node

    def _rolled(self, quantity: str, rule: str, parts: list[Node], places: list[str], period: str, where: Where) -> Node:
        refused = [p.refusal for p in parts if p.refusal]
        if refused:
            return self._refuse(quantity, where, _dependency(self._of_places_below(refused, where["place"])))
        if rule == "sum":
            return self._sum("rollup", quantity, parts, where, parts[0].unit)
        if rule != "area_mean":
            return self._refuse(quantity, where, Refusal(
                "not_applicable", "此量不能由下级汇总。", "this quantity is not rolled up from the places below.", needs=quantity))  # fmt: skip
        areas = [self.fact("place.area", p, period) for p in places]
        if any(a.refusal for a in areas):
            return self._refuse(quantity, where, _dependency([a.refusal for a in areas if a.refusal]))
        weights = [_first(convert(np.asarray(a.value), a.unit, "km2")) for a in areas]
        unit = parts[0].unit
        columns = [_scaled(p, unit) for p in parts]
        width = max(len(c) for c in columns)
        whole = math.fsum(weights)
        value = [math.fsum(w * c[s % len(c)] for w, c in zip(weights, columns, strict=True)) / whole for s in range(width)]
        args = [(p, n) for p, n in zip(places, parts, strict=True)] + [(f"area:{p}", a) for p, a in zip(places, areas, strict=True)]
        return self._joined_node("rollup", quantity, args, where, unit, value, {"rule": "area_mean"})

    def _of_places_below(self, refusals: list[Refusal], place: str) -> list[Refusal]:
        """The bottom causes of the places below; a figure that several of them lack is said once, of the place above."""
        groups: dict[tuple[str, str, str], dict[str, Refusal]] = {}
        for leaf in (leaf for refusal in refusals for leaf in refusal.leaves()):
            groups.setdefault((leaf.code, leaf.needs, leaf.document), {})[leaf.key] = leaf
        found: list[Refusal] = []
        for (code, needs, document), leaves in groups.items():
            if code == "missing_fact" and len(leaves) > 1:
                above, (zh, en) = self.zone.place(place), self.names(needs)
                found.append(Refusal(code, f"{above.name_zh}各地缺“{zh}”。", f"{above.name_en}, places below: no figure for {en}.", needs, document))
            else:
                found += leaves.values()
        return found

    def _sum(self, kind: str, quantity: str, parts: list[Node], where: Where, unit: str, left_out: list[Node] | None = None) -> Node:
        columns = [_scaled(p, unit) for p in parts]
        width = max(len(c) for c in columns)
        value = [math.fsum(c[s % len(c)] for c in columns) for s in range(width)]
        args = [(p.cls or p.place if kind == "sum" and p.cls else (p.place if kind == "rollup" else p.quantity), p) for p in parts]
        notes: dict[str, Any] = {"rule": "sum"}
        if left_out:
            notes["left_out"] = [{"quantity": p.quantity, "cls": p.cls, "place": p.place} for p in left_out]
        return self._joined_node(kind, quantity, args, where, unit, value, notes)

    def _joined_node(self, kind: str, quantity: str, args: list[tuple[str, Node]], where: Where, unit: str,
                     value: list[float], notes: dict[str, Any]) -> Node:  # fmt: skip
        identity = {"kind": kind, "quantity": quantity, **where, "unit": unit, "args": [[r, n.key] for r, n in args], "notes": notes}
        node = Node(
            digest(identity), kind, quantity, **where, unit=unit, value=value, args=tuple((r, n.key) for r, n in args), notes=notes,
            labels=_merged(n for _, n in args), flags=tuple(sorted({f for _, n in args for f in n.flags})),
        )  # fmt: skip
        for _, part in args:
            self.nodes[part.key] = part
        self.nodes[node.key] = node
        return node

    def _refuse(self, quantity: str, where: Where, refusal: Refusal) -> Node:
        key = digest({"kind": "refusal", "quantity": quantity, **where, "refusal": refusal.record()})
        node = Node(key, "refusal", quantity, **where, refusal=refusal)
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


def _scaled(node: Node, unit: str) -> list[float]:
    ratio = factor(node.unit, unit)
    return [v if ratio == 1.0 else v * ratio for v in node.value]


def _first(values: Any) -> float:
    return float(np.atleast_1d(values)[0])


def _merged(nodes: Iterable[Node], extra: Iterable[str] = ()) -> tuple[str, ...]:
    return tuple(sorted({label for node in nodes for label in node.labels} | set(extra)))


def _only(refusal: Refusal, codes: tuple[str, ...]) -> bool:
    return all(leaf.code in codes for leaf in refusal.leaves())


def _dependency(refusals: list[Refusal]) -> Refusal:
    """One refusal as it is; several under one head that lists them."""
    unique = list({r.key: r for r in refusals}.values())
    if len(unique) == 1:
        return unique[0]
    return Refusal("dependency", f"缺 {len(unique)} 项依据。", f"{len(unique)} things it stands on are missing.", causes=tuple(unique))


def _open(error: MissingParameter | AmbiguousParameter) -> Refusal:
    if isinstance(error, MissingParameter):
        return Refusal("open_parameter", error.zh, error.en, needs=error.parameter, document=error.document)
    return Refusal("open_parameter", error.zh, error.en)


def _no_policy(name: str, declared: Q | Choice, document: str) -> Refusal:
    zh = f"口径和区域都没有声明“{declared.zh}”（{name}）。"
    en = f"neither the profile nor the zone states {name!r} ({declared.en})."
    return Refusal("policy", zh, en, needs=name, document=document)


def _no_extent(zone: Zone) -> Refusal:
    return Refusal("missing_fact", f"{zone.name_zh}没有声明地类。", f"the zone {zone.id!r} declares no ecosystem classes.", needs="extent")
