"""Where a pedigree ends, and how its nodes are made: input figures and their roll-up, parameter rows, gaps, names, sums.

`Sources` gives nodes for what a zone and the parameter tables hold. `resolver.py` builds on it with methods.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains
from qingshan.core.errors import AmbiguousParameter, MissingParameter, QingshanError
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert, factor
from qingshan.zone.fact import InputFact
from qingshan.zone.period import Period
from qingshan.zone.zone import Zone

from .figure import Node, Refusal
from .profile import Profile
from .raster.declaration import Patch, RasterAccount, code_words, find_raster_account

if TYPE_CHECKING:
    from .block.sheet import Sum
    from .raster.facts import RasterFigures

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
    "extent.change": ("地类转移面积", "area that changed class"),
    "extent.class_gain": ("转入面积", "area gained by the class"),
    "extent.class_loss": ("转出面积", "area lost by the class"),
    "extent.class_net_change": ("净变化面积", "net change of the class"),
    "extent.class_swap": ("置换面积", "area swapped by the class"),
    "extent.class_persistence": ("保持率", "persistence of the class"),
    "extent.group_opening": ("合并地类期初面积", "opening area of the group"),
    "extent.group_closing": ("合并地类期末面积", "closing area of the group"),
    "extent.group_gain": ("合并地类转入面积", "area gained by the group"),
    "extent.group_loss": ("合并地类转出面积", "area lost by the group"),
    "extent.group_net_change": ("合并地类净变化面积", "net change of the group"),
    "extent.group_swap": ("合并地类置换面积", "area swapped by the group"),
    "extent.group_persistence": ("合并地类保持率", "persistence of the group"),
}
OUTSIDE = ("unmapped_class", "undefined")  # why a class has no figure of its own and leaves the sum whole
DERIVED_LABELS = {"secondary", "news", "ocr_doubt", "project"}


@dataclass(frozen=True)
class Scenarios:
    """Every combination of declared parameter ranges (central, low, high) and class spans (low, high)."""

    rows: tuple[dict[str, str], ...]
    central: tuple[int, ...]

    @classmethod
    def of(cls, profile: Profile) -> Scenarios:
        ranges = [
            [(f"range:{p}", level) for level in ("central", "low", "high")] for p in profile.scenarios.get("range", ())
        ]
        spans = [[(f"span:{m}", level) for level in ("low", "high")] for m in profile.scenarios.get("span", ())]
        rows = tuple(dict(combination) for combination in itertools.product(*ranges, *spans))
        central = tuple(
            i for i, row in enumerate(rows) if all(v == "central" for k, v in row.items() if k.startswith("range:"))
        )
        return cls(rows, central)

    def pick(self, group: str, central: float, low: float, high: float) -> list[float]:
        """The parameter's value in each scenario."""
        return [{"central": central, "low": low, "high": high}[row.get(group, "central")] for row in self.rows]


class Sources:
    """Nodes of inputs and parameters of one zone under one profile, memoised; the base of `Resolver`."""

    rasters: RasterFigures | None = None

    def __init__(self, zone: Zone, profile: Profile, domains: Domains, parameters: Parameters) -> None:
        self.zone, self.profile, self.domains, self.parameters = zone, profile, domains, parameters
        self.scenarios = Scenarios.of(profile)
        self.nodes: dict[str, Node] = {}
        self._memo: dict[tuple[str, ...], Node] = {}
        self._rows: dict[Any, Node] = {}
        self._active: list[tuple[str, ...]] = []
        self._periods = {p.id: p for p in zone.periods}

    def fact(self, quantity: str, place: str, period: str) -> Node:
        """The node of an input figure: the zone's row, or its roll-up from the places below."""
        return self._once(("f", quantity, place, period), lambda: self._fact(quantity, place, self._periods[period]))

    @cached_property
    def extent_classes(self) -> dict[str, dict[str, Any]]:
        return {c["id"]: c for c in self.zone.config.get("extent", {}).get("class", ())}

    @cached_property
    def groups(self) -> dict[str, dict[str, Any]]:
        """Classes that the zone takes together, by id: zh, en, classes."""
        return {g["id"]: g for g in self.zone.config.get("extent", {}).get("group", ())}

    def missing(self, quantity: str, place: str) -> Refusal:
        """The refusal of a figure that is not on file, with the document that would fill it."""
        return self._missing(quantity, place)

    def refuse(self, quantity: str, where: Where, refusal: Refusal) -> Node:
        return self._refuse(quantity, where, refusal)

    def joined(self, quantity: str, args: list[tuple[str, Node]], where: Where, unit: str, value: list[float],
               notes: dict[str, Any]) -> Node:  # fmt: skip
        """A node made of others by the rule its notes name (sum, difference, restated)."""
        return self._joined_node("sum", quantity, args, where, unit, value, notes)

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

    def slot(self, parameter: str, cls: str = "", set: str = "") -> Refusal | None:
        """None where the row is there (it joins the pedigree), else why it is not."""
        return self._find((parameter, cls, set, None, None)).refusal

    def printed(self, fact: InputFact) -> Node:
        """The node of one printed figure, under the period of its print."""
        labels = {fact.status} & DERIVED_LABELS
        return self._leaf(
            "input",
            fact.quantity,
            fact.unit,
            [fact.value],
            fact.record(),
            labels,
            key=fact.key,
            place=fact.place,
            period=fact.period,
        )

    def row(self, parameter: str, cls: str = "", set: str | None = None) -> Node:
        """The node of a parameter row, or the refusal that names the document it waits for."""
        return self._find((parameter, cls, set, None, None))

    def _parameter(self, row: ParameterRow, transferred: bool = False) -> Node:
        group = f"range:{row.parameter}"
        value: list[float] = [row.value]  # type: ignore[list-item]
        if (
            any(group in s for s in self.scenarios.rows)
            and row.low is not None
            and row.high is not None
            and row.value is not None
        ):
            value = self.scenarios.pick(group, row.value, row.low, row.high)
        elsewhere = transferred and not row.origin.startswith("parameters/")  # a row of the zone's own is of the zone
        labels = {row.status} & DERIVED_LABELS | ({"transferred"} if elsewhere else set())
        return self._leaf("parameter", row.parameter, row.unit, value, row.record(), labels, cls=row.cls)

    def _find(
        self, asked: tuple[str, str | None, str | None, str | None, str | None], transferred: bool = False
    ) -> Node:
        """Parameter row by (parameter, class, set, year, day in force). Memoised: a price is asked for at every place."""
        if (asked, transferred) not in self._rows:
            name, cls, set, year, on = asked
            try:
                node = self._parameter(self.parameters.find(name, cls=cls, set=set, year=year, on=on), transferred)
            except (MissingParameter, AmbiguousParameter) as error:
                node = self._refuse(name, {"cls": cls or ""}, opened(error))
            self._rows[asked, transferred] = node
        return self._rows[asked, transferred]

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
            node = self._leaf(
                "input",
                quantity,
                best.unit,
                [best.value],
                best.record(),
                labels,
                key=best.key,
                **{**where, "period": best.period},
            )
            others = [r for r in rows[1:] if r.period == best.period and r.key != best.key]
            if others:
                node = replace(
                    node,
                    notes={
                        "also_printed": [
                            {"value": r.value, "unit": r.unit, "source_title": r.source_title} for r in others
                        ]
                    },
                )
            return node
        below = self.zone.children(place)
        if not below and (found := self._from_rasters(quantity, place, period.id)):
            return found
        declared = self.zone.quantities.get(quantity)
        rule = declared.rollup if declared else "none"
        cells = self.rasters is not None and self.rasters.knows(quantity)
        rule = "sum" if cells else rule  # figures of cells are amounts
        if below and rule != "none":
            parts = [child(c) for c in below]
            if cells or not all(part.refusal for part in parts):
                return self._rolled(quantity, rule, parts, below, period.id, where)
        return self._refuse(quantity, where, self._missing(quantity, place))

    def _from_rasters(self, quantity: str, place: str, period: str) -> Node | None:
        """A leaf place's figure from the raster accounts, with all that it stands on."""
        if self.rasters is None:
            return None
        found = self.rasters.figure(quantity, place, period)
        where = {"place": place, "period": period}
        if isinstance(found, Refusal):
            return self._refuse(quantity, where, found)
        if isinstance(found, tuple):
            return self._over_classes(quantity, [self.fact(part, place, period) for part in found], where)
        if found is not None:
            self.nodes |= self.rasters.below(found)
        return found

    def _over_classes(self, quantity: str, parts: list[Node], where: Where) -> Node:
        """Sum over the classes of a place; a class that has no row or no value is left out and named.

        Without the row of a class the sum is partial; a class that the method gives no value to leaves it whole.
        """
        outside = [p for p in parts if p.refusal and all(r.code in OUTSIDE for r in p.refusal.leaves())]
        failed = [p.refusal for p in parts if p.refusal and p not in outside]
        if failed or len(outside) == len(parts):
            return self._refuse(quantity, where, dependency(failed or [p.refusal for p in outside if p.refusal]))
        good = [p for p in parts if p.refusal is None]
        named = [replace(p, cls=p.quantity.rpartition(".")[2]) for p in outside]
        node = self._sum("sum", quantity, good, where, good[0].unit, left_out=named)
        if not outside:
            return node
        lacking = any(r.code == "unmapped_class" for p in outside if p.refusal for r in p.refusal.leaves())
        labels = tuple(sorted({*node.labels, *(["partial"] if lacking else [])}))
        made = replace(node, flags=(*node.flags, "classes_excluded"), labels=labels)
        self.nodes[made.key] = made
        return made

    @cached_property
    def _raster_accounts(self) -> list[RasterAccount]:
        return [find_raster_account(self.domains, id) for id in self.profile.rasters]

    @cached_property
    def _raster_sums(self) -> dict[str, Sum]:
        """The sums of the profile's raster accounts by the quantity they give."""
        return {quantity: s for account in self._raster_accounts for quantity, s in account.quantities.items()}

    def _raster_names(self, quantity: str) -> tuple[str, str] | None:
        """Names of a measure, or of a sum with the class or code that the id adds to the quantity."""
        for account in self._raster_accounts:
            if found := next((m for m in account.measures if m.id == quantity), None):
                return found.zh, found.en
            if found_patch := next((p for p in account.patches if quantity.startswith(f"{p.id}.")), None):
                return _patch_names(account, found_patch, quantity)
        stem, rest = quantity, list[str]()
        while stem not in self._raster_sums and "." in stem:
            stem, _, last = stem.rpartition(".")
            rest.insert(0, last)
        known = self._raster_sums.get(stem)
        if known is None or not (known.zh or known.en):
            return None
        account = next(a for a in self._raster_accounts if stem in a.quantities)
        zh, en = [], []
        for part in rest:
            cls = self.extent_classes.get(part, {})
            word_zh, word_en = (_code_word(account, known, part, lang) for lang in ("zh", "en"))
            zh.append(str(cls.get("zh") or word_zh or part))
            en.append(str(cls.get("en") or f"{part} {word_en}".strip()))
        return known.zh + (f"（{'，'.join(zh)}）" if rest else ""), known.en + (f" ({', '.join(en)})" if rest else "")

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
        return Refusal(
            "missing_fact",
            f"{name.name_zh}缺“{zh}”。",
            f"{name.name_en}: no figure for {en}.",
            needs=quantity,
            document=document,
        )

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
        if self.profile.rasters and (named := self._raster_names(quantity)):
            return named
        declared = self.zone.quantities.get(quantity)
        if declared is None:
            return NAMES.get(quantity) or NAMES.get(quantity.rpartition(".")[0]) or (quantity, quantity)
        if declared.id.endswith(".*"):  # one name for many: the class or item says which
            last = quantity[len(declared.id) - 1 :]
            member = self.extent_classes.get(last, {})
            return f"{declared.zh}（{member.get('zh', last)}）", f"{declared.en} ({member.get('en', last)})"
        return declared.zh, declared.en

    # ---- nodes --------------------------------------------------------------------------------------------------

    def _leaf(self, kind: str, quantity: str, unit: str, value: list[float], row: dict[str, Any], labels: set[str], *,
              key: str = "", **where: Any) -> Node:  # fmt: skip
        node = Node(
            key or row["key"], kind, quantity, unit=unit, value=value, row=row, labels=tuple(sorted(labels)), **where
        )
        if len(value) > 1:
            node = replace(node, key=digest({"row": node.key, "scenarios": list(self.scenarios.rows), "value": value}))
        self.nodes[node.key] = node
        return node

    def _rolled(
        self, quantity: str, rule: str, parts: list[Node], places: list[str], period: str, where: Where
    ) -> Node:
        refused = [p.refusal for p in parts if p.refusal]
        if refused:
            return self._refuse(quantity, where, dependency(self._of_places_below(refused, where["place"])))
        if rule == "sum":
            return self._sum("rollup", quantity, parts, where, parts[0].unit)
        if rule != "area_mean":
            return self._refuse(quantity, where, Refusal(
                "not_applicable", "此量不能由下级汇总。", "this quantity is not rolled up from the places below.", needs=quantity))  # fmt: skip
        areas = [self.fact("place.area", p, period) for p in places]
        if any(a.refusal for a in areas):
            return self._refuse(quantity, where, dependency([a.refusal for a in areas if a.refusal]))
        weights = [first(convert(np.asarray(a.value), a.unit, "km2")) for a in areas]
        unit = parts[0].unit
        columns = [scaled(p, unit) for p in parts]
        width = max(len(c) for c in columns)
        whole = math.fsum(weights)
        value = [
            math.fsum(w * c[s % len(c)] for w, c in zip(weights, columns, strict=True)) / whole for s in range(width)
        ]
        args = [(p, n) for p, n in zip(places, parts, strict=True)] + [
            (f"area:{p}", a) for p, a in zip(places, areas, strict=True)
        ]
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
                found.append(
                    Refusal(
                        code,
                        f"{above.name_zh}各地缺“{zh}”。",
                        f"{above.name_en}, places below: no figure for {en}.",
                        needs,
                        document,
                    )
                )
            else:
                found += leaves.values()
        return found

    def _sum(
        self, kind: str, quantity: str, parts: list[Node], where: Where, unit: str, left_out: list[Node] | None = None
    ) -> Node:
        columns = [scaled(p, unit) for p in parts]
        width = max(len(c) for c in columns)
        value = [math.fsum(c[s % len(c)] for c in columns) for s in range(width)]
        args = [
            (p.cls or p.place if kind == "sum" and p.cls else (p.place if kind == "rollup" else p.quantity), p)
            for p in parts
        ]
        notes: dict[str, Any] = {"rule": "sum"}
        if left_out:
            notes["left_out"] = [{"quantity": p.quantity, "cls": p.cls, "place": p.place} for p in left_out]
        return self._joined_node(kind, quantity, args, where, unit, value, notes)

    def _joined_node(self, kind: str, quantity: str, args: list[tuple[str, Node]], where: Where, unit: str,
                     value: list[float], notes: dict[str, Any]) -> Node:  # fmt: skip
        identity = {
            "kind": kind,
            "quantity": quantity,
            **where,
            "unit": unit,
            "args": [[r, n.key] for r, n in args],
            "notes": notes,
        }
        node = Node(
            digest(identity), kind, quantity, **where, unit=unit, value=value, args=tuple((r, n.key) for r, n in args), notes=notes,
            labels=merged(n for _, n in args), flags=tuple(sorted({f for _, n in args for f in n.flags})),
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


PATCH_WORDS = {
    "count": ("图斑数", "number"),
    "area": ("图斑面积", "area"),
    "small_area": ("更小图斑的面积", "area in smaller ones"),
}


def _patch_names(account: RasterAccount, patch: Patch, quantity: str) -> tuple[str, str]:
    """What is told of the patches, and the word of the code where there is one."""
    kind, _, code = quantity.removeprefix(f"{patch.id}.").partition(".")
    zh, en = PATCH_WORDS[kind]
    split = next((s for s in account.sums if s.by == patch.of), None)
    tails = (f"{code} {_code_word(account, split, code, lang) if split else ''}".strip() for lang in ("zh", "en"))
    tail_zh, tail_en = tails
    return f"{patch.zh}：{zh}" + (f"（{tail_zh}）" if code else ""), f"{patch.en}: {en}" + (
        f" ({tail_en})" if code else ""
    )


def _code_word(account: RasterAccount, split: Sum, code: str, lang: str) -> str:
    words = code_words(account, split, lang) if code.isdigit() else ()
    return words[int(code)] if code.isdigit() and int(code) < len(words) else ""


# ---- small parts ----------------------------------------------------------------------------------------------------


def scaled(node: Node, unit: str) -> list[float]:
    ratio = factor(node.unit, unit)
    return [v if ratio == 1.0 else v * ratio for v in node.value]


def first(values: Any) -> float:
    return float(np.atleast_1d(values)[0])


def merged(nodes: Iterable[Node], extra: Iterable[str] = ()) -> tuple[str, ...]:
    return tuple(sorted({label for node in nodes for label in node.labels} | set(extra)))


def dependency(refusals: list[Refusal]) -> Refusal:
    """One refusal as it is; several under one head that lists them."""
    unique = list({r.key: r for r in refusals}.values())
    if len(unique) == 1:
        return unique[0]
    return Refusal(
        "dependency",
        f"缺 {len(unique)} 项依据。",
        f"{len(unique)} things it stands on are missing.",
        causes=tuple(unique),
    )


def opened(error: MissingParameter | AmbiguousParameter) -> Refusal:
    if isinstance(error, MissingParameter):
        return Refusal("open_parameter", error.zh, error.en, needs=error.parameter, document=error.document)
    return Refusal("open_parameter", error.zh, error.en)
