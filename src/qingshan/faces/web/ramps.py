"""Colours of raster layers: which ramp a subject has, where its classes end, and the colour of each land class.

Sequential ramps have one hue; two hues stand around a zero only where values lie on both sides of it.
"""

from __future__ import annotations

import itertools
import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scale import limits, nice_step

LOOKS = ("light", "dark")
SHADES = 6
_BOTH_SIDES = 0.01  # share of cells that must lie on each side of zero before the ramp turns there
_LEVEL_1, _LEVEL_2 = range(1, 9), range(11, 100)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("ramps.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Scale:
    """How values become colours: `breaks` between classes in the layer's unit, and one colour per class in each look."""

    breaks: tuple[float, ...]
    colours: Mapping[str, tuple[str, ...]]
    diverging: bool = False

    def index(self, value: float) -> int:
        return bisect_right(self.breaks, value)

    def paint(self, values: NDArray[Any], valid: NDArray[np.bool_], look: str) -> NDArray[np.uint8]:
        """RGBA cells (4, height, width) of values (height, width); what is not valid is transparent."""
        table = _rgba(self.colours[look])
        index = np.searchsorted(np.asarray(self.breaks), values, side="right")
        return _painted(table, index, valid)


@dataclass(frozen=True)
class Palette:
    """Colours of classes by code."""

    colours: Mapping[str, Mapping[int, str]]

    def paint(self, values: NDArray[Any], valid: NDArray[np.bool_], look: str) -> NDArray[np.uint8]:
        """RGBA cells; codes without a colour are transparent."""
        known = self.colours[look]
        codes = sorted(known)
        table = _rgba([*(known[c] for c in codes), "#000000"])
        index = np.searchsorted(codes, values)
        index = np.clip(index, 0, len(codes) - 1) if codes else index
        found = (np.asarray(codes)[index] == values) & valid if codes else np.zeros(values.shape, np.bool_)
        return _painted(table, index, found)


def _rgba(colours: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([[*bytes.fromhex(c[1:]), 255] for c in colours], np.uint8)


def _painted(table: NDArray[np.uint8], index: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    cells = table[index]
    cells[~valid] = 0
    return np.ascontiguousarray(np.moveaxis(cells, -1, 0))


def scale_of(values: Sequence[float], hue: str) -> Scale:
    """Class breaks and colours for a sample of a layer's values."""
    ordered = sorted(values)
    below = bisect_right(ordered, -1e-12) / len(ordered) if ordered else 0.0
    above = 1 - bisect_right(ordered, 1e-12) / len(ordered) if ordered else 0.0
    if min(below, above) > _BOTH_SIDES:
        return _around_zero(ordered)
    breaks = tuple(limits(ordered, SHADES))
    return Scale(breaks, {look: _spread(_table()["ramp"][hue][look], len(breaks) + 1) for look in LOOKS})


def _around_zero(ordered: Sequence[float]) -> Scale:
    """The same steps on both sides of zero, from the larger of both ends (2 % are left to the outer classes)."""
    reach = max(abs(ordered[int(len(ordered) * 0.02)]), abs(ordered[int(len(ordered) * 0.98)]))
    step = nice_step(reach, 3)
    breaks = tuple(round(step * i, 12) for i in range(-3, 4))
    table = _table()["diverging"]
    return Scale(breaks, {look: (*table[f"below_{look}"], *table[f"above_{look}"]) for look in LOOKS}, diverging=True)


def _spread(ramp: Sequence[str], count: int) -> tuple[str, ...]:
    """`count` colours from light to dark over the whole ramp; a single class takes its middle."""
    if count <= 1:
        return (ramp[len(ramp) // 2],)
    return tuple(ramp[round(i * (len(ramp) - 1) / (count - 1))] for i in range(count))


def palette_of(codes: Sequence[int]) -> Palette:
    """A colour for each class code: by family where the codes have one or two digits of HJ 1166, else in order."""
    families = _table()["family"]
    by_family = all(c in _LEVEL_2 and c // 10 in _LEVEL_1 for c in codes)
    found: dict[str, dict[int, str]] = {}
    for look in LOOKS:
        if by_family:
            found[look] = {c: _cycled(families[str(c // 10)][look], max(c % 10 - 1, 0)) for c in codes}
        else:
            found[look] = {c: _cycled(families["0"][look], i) for i, c in enumerate(sorted(codes))}
    return Palette(found)


def _cycled(colours: Sequence[str], i: int) -> str:
    return colours[i % len(colours)]


def shares(counts: NDArray[np.float64], low: float, high: float, scale: Scale) -> list[tuple[float, float, float]]:
    """Lower end, upper end and share of each class."""
    edges = [min(low, *scale.breaks[:1]), *scale.breaks, max(high, *scale.breaks[-1:])]
    whole = float(counts.sum()) or 1.0
    return [(a, b, float(n) / whole) for (a, b), n in zip(itertools.pairwise(edges), counts, strict=True)]
