"""The index of claims: one parcel, time, pool and benefit backs at most one unit, across all schemes.

Two claims meet where their half-open times overlap, pool and benefit are the same, and either the parcel is the same or the
shared area is larger than the tolerance. Touching edges and an end that is the other's start do not meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds, QingshanError
from qingshan.core.finding import Finding
from qingshan.core.outline import reason_zh

from .words import claim_word, declaration

__all__ = ["Claim", "DoubleCounted", "Overlap", "check_claims", "overlaps", "refuse_double_counting"]

Index = NDArray[np.int64]
LISTED = 10


class DoubleCounted(QingshanError):
    """Land that would back two units. `overlaps` are all of them, `map` a GeoJSON feature collection of the shared areas."""

    code = "double_counted"

    def __init__(self, found: Sequence[Overlap]) -> None:
        self.overlaps = tuple(found)
        first = found[0]
        also = f" and {len(found) - 1} more" if len(found) > 1 else ""
        super().__init__(
            f"{first.sentence('en')}{also}.",
            f"{first.sentence('zh')}{f'，另有 {len(found) - 1} 处' if len(found) > 1 else ''}。",
            fix="take the shared land out, or have the other claim withdrawn first / 剔除重叠地块，或先由另一方撤回其主张",
        )

    @property
    def map(self) -> dict[str, Any]:
        return {"type": "FeatureCollection", "features": [o.feature() for o in self.overlaps]}


@dataclass(frozen=True, slots=True)
class Claim:
    """`parcel` is the parcel's (or single tree's) own number; `geometry` in metres of a projected grid, None where only
    the number is known. `start` and `end` are ISO dates, `end` excluded."""

    id: str
    scheme: str
    parcel: str
    start: str
    end: str
    pool: str
    benefit: str
    geometry: shapely.Geometry | None = None
    state: str = "declared"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two claims that meet: by `identity` of the parcel or by `area` m2 of shared ground, drawn in `geometry`."""

    first: Claim
    second: Claim
    area: float
    identity: bool
    geometry: shapely.Geometry | None

    def sentence(self, lang: str) -> str:
        a, b = self.first, self.second
        if lang == "zh":
            how = f"同为地块 {a.parcel}" if self.identity else f"重叠 {self.area:.1f} m2"
            joined, when = "与", f"{max(a.start, b.start)} 至 {min(a.end, b.end)}"
        else:
            how = f"claim the parcel {a.parcel}" if self.identity else f"share {self.area:.1f} m2"
            joined, when = "and", f"{max(a.start, b.start)} to {min(a.end, b.end)}"
        schemes, pool = [claim_word(c.scheme, lang) for c in (a, b)], claim_word(a.pool, lang)
        open_, close, comma = ("（", "）", "，") if lang == "zh" else (" (", ")", ", ")
        return f"{schemes[0]} {a.id} {joined} {schemes[1]} {b.id} {how}{open_}{pool}{comma}{when}{close}"

    def feature(self) -> dict[str, Any]:
        drawn = None if self.geometry is None else shapely.geometry.mapping(self.geometry)
        about = {"first": self.first.id, "second": self.second.id, "area_m2": self.area, "identity": self.identity}
        return {"type": "Feature", "geometry": drawn, "properties": about}


def check_claims(claims: Sequence[Claim]) -> list[Finding]:
    """What is wrong with single claims: words, dates, geometries that cross themselves, are empty or in degrees."""
    return [*_wrong_words(claims), *_wrong_outlines(claims)]


def _fault(claims: Sequence[Claim], row: int, code: str, field: str, en: str, zh: str, fix: str) -> Finding:
    id = claims[row].id
    return Finding("error", code, f"{id}: {en}.", f"{id}：{zh}。", "claims", row + 1, field, fix=fix)


def _wrong_words(claims: Sequence[Claim]) -> Iterator[Finding]:
    rule = declaration()
    for row, c in enumerate(claims):
        declared = (
            c.benefit in rule["benefits"] and c.pool in rule["pools"] and c.scheme in rule["schemes"] and c.state in rule["states"]
        )  # fmt: skip
        if c.benefit in rule["separate"]:
            yield _fault(
                claims, row, "separate_account", "benefit", f"{c.benefit} belongs to a separate account and is never a unit",
                f"{c.benefit} 属于单独账户，不能成为可交易单位", "report it in its own account / 只在其单独账户中报告",
            )  # fmt: skip
        elif not declared:
            yield _fault(
                claims, row, "unknown_word", "scheme", "scheme, pool, benefit or state is not declared", "机制、碳库、效益或状态不在规定之列",
                "use the words of claims.toml / 用 claims.toml 里的词",
            )  # fmt: skip
        if not c.start < c.end:
            yield _fault(
                claims, row, "dates", "end", f"ends {c.end}, not after its start {c.start}", f"止期 {c.end} 不晚于起期 {c.start}",
                "give start < end / 起期应早于止期",
            )  # fmt: skip


def _wrong_outlines(claims: Sequence[Claim]) -> Iterator[Finding]:
    shapes = np.array([c.geometry for c in claims], dtype=object)
    given = np.array([g is not None for g in shapes], dtype=bool)
    valid, area = shapely.is_valid(shapes), shapely.area(shapes)
    bounds = np.abs(shapely.bounds(shapes).reshape(-1, 4))
    degrees = given & (bounds[:, [0, 2]].max(1, initial=0) <= 180) & (bounds[:, [1, 3]].max(1, initial=0) <= 90)
    for row in map(int, np.flatnonzero(given & ~valid)):
        reason = shapely.is_valid_reason(shapes[row])
        yield _fault(
            claims, row, "self_intersection", "geometry", f"the outline is not valid: {reason}", f"边界不合法：{reason_zh(reason)}",
            "draw it anew / 重新勾绘",
        )  # fmt: skip
    for row in map(int, np.flatnonzero(given & valid & ~(area > 0))):
        yield _fault(
            claims, row, "no_area", "geometry", "the outline has no area", "边界没有面积", "give a polygon / 应为多边形"
        )
    for row in map(int, np.flatnonzero(degrees)):
        yield _fault(
            claims,
            row,
            "degrees",
            "geometry",
            "coordinates look like degrees",
            "坐标像是经纬度",
            "project to metres / 先投影到米",
        )


def overlaps(claims: Sequence[Claim], tolerance_m2: float, among: NDArray[np.bool_] | None = None) -> list[Overlap]:
    """Every pair of claims that meet, in the order of the claims. `among` picks new claims: only pairs with one of them.

    Raises `OutOfBounds` for a tolerance below 0 (it has no default), or with the first wrong claim.
    """
    if not tolerance_m2 >= 0:
        raise OutOfBounds("the tolerance must be 0 m2 or more.", "容差应不小于 0 m2。")
    wrong = check_claims(claims)
    if wrong:
        raise OutOfBounds(wrong[0].en, wrong[0].zh, fix=wrong[0].fix)
    holding = np.array([c.state not in declaration()["free"] for c in claims], dtype=bool)
    work = _Pairs(claims, holding, among)
    same = work.same_parcel()
    left, right = work.near(tolerance_m2)
    area, shape = work.shared(left, right)
    found = {(int(i), int(j)): Overlap(claims[i], claims[j], float(a), False, g)
             for i, j, a, g in zip(left, right, area, shape, strict=True) if a > tolerance_m2}  # fmt: skip
    for i, j in same:
        known = found.get((i, j))
        found[i, j] = Overlap(
            claims[i], claims[j], known.area if known else 0.0, True, known.geometry if known else None
        )
    return [found[key] for key in sorted(found)]


def refuse_double_counting(existing: Sequence[Claim], new: Sequence[Claim], tolerance_m2: float) -> None:
    """Raise `DoubleCounted` where a new claim meets an existing one or another new one."""
    among = np.zeros(len(existing) + len(new), dtype=bool)
    among[len(existing) :] = True
    found = overlaps([*existing, *new], tolerance_m2, among)
    if found:
        raise DoubleCounted(found)


class _Pairs:
    """Pairs of claims that could meet, narrowed from boxes to areas."""

    def __init__(self, claims: Sequence[Claim], holding: NDArray[np.bool_], among: NDArray[np.bool_] | None) -> None:
        self.holding, self.among = holding, among
        self.shapes = np.array([c.geometry for c in claims], dtype=object)
        self.parcel = np.unique([c.parcel for c in claims], return_inverse=True)[1]
        self.kind = np.unique([f"{c.pool}\x1f{c.benefit}" for c in claims], return_inverse=True)[1]
        self.start = np.array([c.start for c in claims], dtype="datetime64[D]")
        self.end = np.array([c.end for c in claims], dtype="datetime64[D]")

    def _meet(self, i: Index, j: Index) -> NDArray[np.bool_]:
        meet = self.holding[i] & self.holding[j] & (self.kind[i] == self.kind[j])
        meet &= (self.start[i] < self.end[j]) & (self.start[j] < self.end[i])
        return meet if self.among is None else meet & (self.among[i] | self.among[j])

    def same_parcel(self) -> list[tuple[int, int]]:
        order = np.argsort(self.parcel, kind="stable")
        made: list[tuple[int, int]] = []
        step = 1
        while True:  # neighbours in the sorted order, then the next but one, until no parcel has so many claims
            first, second = order[:-step], order[step:]
            same = self.parcel[first] == self.parcel[second]
            if not same.any():
                return made
            first, second = first[same], second[same]
            meet = self._meet(first, second)
            made += [(int(min(a, b)), int(max(a, b))) for a, b in zip(first[meet], second[meet], strict=True)]
            step += 1

    def near(self, tolerance: float) -> tuple[Index, Index]:
        """Pairs whose boxes share more than the tolerance."""
        tree = shapely.STRtree(self.shapes)
        asked = np.arange(len(self.shapes)) if self.among is None else np.flatnonzero(self.among)
        at, other = tree.query(self.shapes[asked])
        i, j = np.minimum(asked[at], other), np.maximum(asked[at], other)
        keep = (i < j) & self._meet(i, j)
        i, j = i[keep], j[keep]
        box = shapely.bounds(self.shapes)
        width = np.minimum(box[i, 2], box[j, 2]) - np.maximum(box[i, 0], box[j, 0])
        height = np.minimum(box[i, 3], box[j, 3]) - np.maximum(box[i, 1], box[j, 1])
        wide = (width > 0) & (height > 0) & (width * height > tolerance)
        pairs = np.unique(np.stack([i[wide], j[wide]]), axis=1)
        return pairs[0], pairs[1]

    def shared(self, i: Index, j: Index) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        shape = shapely.intersection(self.shapes[i], self.shapes[j])
        return shapely.area(shape), shape
