"""SEEA-EA condition account by ecosystem class (tables 5.2 to 5.6): variable, indicator between reference levels, index.

A variable is the area-weighted mean of a layer over a class in a place, at the opening and at the closing. An indicator needs
both reference levels, an index needs every indicator and every weight of its class: what is missing refuses by name, nothing is
rescaled. Indices of classes with different references are never averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import AmbiguousParameter, DeclarationError, MissingParameter
from qingshan.core.finding import Finding
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert

__all__ = [
    "TYPOLOGY", "ConditionAccount", "ConditionIndex", "Entry", "Means", "Missing", "Reference", "Variable",
    "condition_account", "condition_variables", "references_of", "weights_of",
]  # fmt: skip

TYPOLOGY = {
    "A1": ("物理状态", "physical state"), "A2": ("化学状态", "chemical state"), "B1": ("组成状态", "compositional state"),
    "B2": ("结构状态", "structural state"), "B3": ("功能状态", "functional state"), "C1": ("景观特征", "landscape characteristics"),
}  # fmt: skip


SPARSE = 0.5
"""Share of a class's area below which a mean is told to stand on few cells; our own choice."""


@dataclass(frozen=True)
class Variable:
    """A condition variable: `id` is the quantity of its layer, `ect` its class in the typology."""

    id: str
    zh: str
    en: str
    ect: str
    unit: str


@dataclass(frozen=True, eq=False)
class Means:
    """A layer's mean over each class of each place, shape (place, class), NaN where it has no value there.

    `known` is the area (hm2) with a value behind the mean, `area` that of the class.
    """

    value: NDArray[np.float64]
    known: NDArray[np.float64]
    area: NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Reference levels of a variable in its own unit; `set` says which reference condition they describe."""

    low: float
    high: float
    set: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """Why a number cannot be given, and the document to obtain."""

    en: str
    zh: str
    document: str = ""


@dataclass(frozen=True)
class Entry:
    """One variable of one class in one place: tables 5.2 (opening, closing, change) and 5.3 (indicators)."""

    place: str
    cls: str
    variable: Variable
    opening: float
    closing: float
    reference: Reference | None
    indicator_opening: float
    indicator_closing: float
    clipped: tuple[bool, bool]
    missing: Missing | None
    share: float = 1.0
    """Smaller share, of opening and closing, of the class's area that has a value."""

    @property
    def change(self) -> float:
        return self.closing - self.opening


@dataclass(frozen=True)
class ConditionIndex:
    """Condition index of one class in one place (5.4-5.6): `changes` by class of the typology add up from opening to closing."""

    place: str
    cls: str
    opening: float
    closing: float
    changes: Mapping[str, float]
    reference: str
    missing: Missing | None


@dataclass(frozen=True)
class ConditionAccount:
    entries: tuple[Entry, ...]
    indices: tuple[ConditionIndex, ...]

    def index(self, place: str, cls: str) -> ConditionIndex:
        return next(i for i in self.indices if (i.place, i.cls) == (place, cls))

    def place_index(self, place: str, extent: Mapping[str, float], moment: str = "closing") -> float | Missing:
        """Extent-weighted mean over the classes of a place, where all have an index under one reference; else why not."""
        given = [i for i in self.indices if i.place == place and extent.get(i.cls, 0.0) > 0]
        if not given:
            return Missing("no class of the place has extent.", "该地没有有面积的类型。")
        if refused := [i for i in given if i.missing]:
            return refused[0].missing or Missing("", "")
        names = sorted({i.reference for i in given})
        if len(names) > 1:
            return Missing(
                f"condition indices with different references cannot be averaged: {', '.join(names)}.",
                f"参照水平不同的状况指数不能平均：{'、'.join(names)}。",
            )
        return float(np.average([getattr(i, moment) for i in given], weights=[extent[i.cls] for i in given]))

    def findings(self, names: Mapping[str, tuple[str, str]] | None = None) -> list[Finding]:
        """Clipped indicators and everything that is refused, each said once per variable and class.

        `names` are the Chinese and English names of the classes; without them a class stands by its id.
        """
        zh, en = ({c: both[i] for c, both in (names or {}).items()} for i in (0, 1))
        found: dict[tuple[str, str, str], Finding] = {}
        for e in self.entries:
            if any(e.clipped):
                found.setdefault(("clipped", e.variable.id, e.cls), Finding(
                    "warning", "condition_clipped", f"{e.variable.en} of {en.get(e.cls, e.cls)} lies outside its reference levels and is clipped.",
                    f"{zh.get(e.cls, e.cls)}的{e.variable.zh}超出参照水平，已截断。", field=e.variable.id,
                ))  # fmt: skip
            if e.share < SPARSE:
                found.setdefault(("sparse", e.variable.id, e.cls), Finding(
                    "warning", "condition_sparse", f"{e.variable.en} of {en.get(e.cls, e.cls)} is known on {e.share:.0%} of its area only.",
                    f"{zh.get(e.cls, e.cls)}的{e.variable.zh}只有 {e.share:.0%} 的面积有值。", field=e.variable.id, limit=f"{SPARSE:.0%}",
                ))  # fmt: skip
            if e.missing:
                document = e.missing.document
                found.setdefault(("missing", e.variable.id, e.cls), Finding(
                    "warning", "condition_refused", f"{e.variable.en} of {en.get(e.cls, e.cls)}: {e.missing.en}",
                    f"{zh.get(e.cls, e.cls)}的{e.variable.zh}：{e.missing.zh}",
                    field=e.variable.id, fix=f"obtain {document} / 取得{document}" if document else "",
                ))  # fmt: skip
        for i in self.indices:
            if i.missing:
                found.setdefault(("index", i.missing.en, i.cls), Finding(
                    "warning", "condition_index_refused", f"condition index of {en.get(i.cls, i.cls)}: {i.missing.en}",
                    f"{zh.get(i.cls, i.cls)}的状况指数：{i.missing.zh}",
                ))  # fmt: skip
        return list(found.values())


def condition_variables() -> list[Variable]:
    """The declared variables (`domains/*/condition.toml`). Raises `DeclarationError` for a class outside the typology."""
    found = [Variable(**raw) for _, content in load_domains().declared("condition") for raw in content["variable"]]
    if stray := [v.id for v in found if v.ect not in TYPOLOGY]:
        raise DeclarationError(
            f"{', '.join(stray)}: the typology has {', '.join(TYPOLOGY)}.",
            f"{'、'.join(stray)}：状况类型只有 {'、'.join(TYPOLOGY)}。",
        )
    return found


def references_of(
    parameters: Parameters, variables: Iterable[Variable], classes: Iterable[str], set: str | None = None
) -> dict[tuple[str, str], Reference | Missing]:
    """Reference levels by (variable, class): the rows of `VARIABLE|CLASS`, else those of `VARIABLE`; `Missing` where open or absent."""
    found: dict[tuple[str, str], Reference | Missing] = {}
    for variable in variables:
        for cls in classes:
            rows = [_row(parameters, f"economy.condition_{side}", variable.id, cls, set) for side in ("low", "high")]
            low, high = rows
            if isinstance(low, Missing) or isinstance(high, Missing):
                found[variable.id, cls] = (
                    low if isinstance(low, Missing) else high if isinstance(high, Missing) else Missing("", "")
                )
                continue
            levels = [float(convert(r.value, r.unit, variable.unit)) for r in (low, high)]
            found[variable.id, cls] = Reference(
                levels[0], levels[1], f"{low.set}/{high.set}" if low.set != high.set else low.set, (low.key, high.key)
            )
    return found


def weights_of(
    parameters: Parameters, variables: Iterable[Variable], classes: Iterable[str], set: str | None = None
) -> dict[tuple[str, str], float | Missing]:
    """Weight of each variable in the index of a class, found as `references_of` finds the levels."""
    found: dict[tuple[str, str], float | Missing] = {}
    for variable in variables:
        for cls in classes:
            row = _row(parameters, "economy.condition_weight", variable.id, cls, set)
            found[variable.id, cls] = row if isinstance(row, Missing) else float(convert(row.value, row.unit, "1"))
    return found


def _row(parameters: Parameters, parameter: str, variable: str, cls: str, set: str | None) -> ParameterRow | Missing:
    own = f"{variable}|{cls}"
    name = own if parameters.rows(parameter, cls=own, set=set) else variable
    try:
        return parameters.find(parameter, cls=name, set=set)
    except MissingParameter as error:
        return Missing(error.en, error.zh, error.document)
    except AmbiguousParameter as error:
        return Missing(error.en, error.zh)


def condition_account(
    variables: Sequence[Variable], opening: Mapping[str, Means], closing: Mapping[str, Means],
    references: Mapping[tuple[str, str], Reference | Missing], weights: Mapping[tuple[str, str], float | Missing], *,
    places: Sequence[str], classes: Sequence[str],
) -> ConditionAccount:  # fmt: skip
    """The account of all places and classes; `opening` and `closing` hold the means of each variable by its id.

    A class without extent at both moments has no entry. Raises `DeclarationError` where a variable has no means.
    """
    load_domains()
    if absent := sorted({v.id for v in variables} - (set(opening) & set(closing))):
        raise DeclarationError(
            f"no means are given for {', '.join(absent)}.",
            f"缺少 {'、'.join(absent)} 的均值。",
            fix="give its layer for both periods / 两期都给出图层",
        )
    entries, indices = [], []
    for p, place in enumerate(places):
        for c, cls in enumerate(classes):
            there = [e for e in (opening, closing) if any(e[v.id].area[p, c] > 0 for v in variables)]
            if not there:
                continue
            own = [
                replace(
                    _entry(
                        v, opening[v.id].value[p, c], closing[v.id].value[p, c], references.get((v.id, cls)), place, cls
                    ),
                    share=min(
                        m[v.id].known[p, c] / m[v.id].area[p, c] if m[v.id].area[p, c] else 1.0
                        for m in (opening, closing)
                    ),
                )
                for v in variables
            ]
            entries += own
            indices.append(_index(own, [weights.get((v.id, cls)) for v in variables], place, cls))
    return ConditionAccount(tuple(entries), tuple(indices))


def _entry(
    variable: Variable, before: float, after: float, reference: Reference | Missing | None, place: str, cls: str
) -> Entry:
    reason = None
    if reference is None or isinstance(reference, Missing):
        reason = reference or Missing("no reference levels are given.", "没有给出参照水平。")
    elif reference.low == reference.high:
        reason = Missing("both reference levels are equal.", "高、低参照水平相等。")
    elif np.isnan(before) or np.isnan(after):
        moment = ("opening", "期初") if np.isnan(before) else ("closing", "期末")
        reason = Missing(f"the layer has no value at the {moment[0]}.", f"{moment[1]}图层没有取值。")
    if reason or not isinstance(reference, Reference):
        kept = reference if isinstance(reference, Reference) else None
        return Entry(place, cls, variable, float(before), float(after), kept, np.nan, np.nan, (False, False), reason)
    both = np.array([before, after])
    indicator = REGISTRY["economy.condition_indicator@seea_ea"](both, reference.low, reference.high)
    clipped = REGISTRY["economy.condition_clipped@seea_ea"](both, reference.low, reference.high)
    return Entry(
        place, cls, variable, float(before), float(after), reference, float(indicator[0]), float(indicator[1]),
        (bool(clipped[0]), bool(clipped[1])), None,
    )  # fmt: skip


def _index(entries: Sequence[Entry], weights: Sequence[float | Missing | None], place: str, cls: str) -> ConditionIndex:
    """Opening index, changes by class of the typology, closing index."""
    reason = next((e.missing for e in entries if e.missing), None)
    if reason is None:
        lacking = next((w for w in weights if not isinstance(w, float)), None)
        if lacking is not None or None in weights:
            reason = lacking if isinstance(lacking, Missing) else Missing("no weights are given.", "没有给出权重。")
    known = [w for w in weights if isinstance(w, float)]
    if reason is None and abs(sum(known) - 1) > 1e-9:
        reason = Missing(f"the weights sum to {sum(known):g}, must be 1.", f"权重之和为 {sum(known):g}，应为 1。")
    if reason:
        return ConditionIndex(place, cls, np.nan, np.nan, {}, "", reason)
    before, after = (np.array([getattr(e, f"indicator_{m}") for e in entries]) for m in ("opening", "closing"))
    opening = float(REGISTRY["economy.condition_index@seea_ea"](before, np.array(known)))
    parts = np.array(known) * (after - before)
    kinds = sorted({e.variable.ect for e in entries})
    changes = {
        k: float(sum(part for part, e in zip(parts, entries, strict=True) if e.variable.ect == k)) for k in kinds
    }
    closing = REGISTRY["economy.condition_closing@seea_ea"](opening, np.array(list(changes.values())))
    names = sorted({e.reference.set for e in entries if e.reference})
    return ConditionIndex(place, cls, opening, float(closing), changes, ", ".join(names), None)
