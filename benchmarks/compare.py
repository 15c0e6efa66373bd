"""Two rasters cell by cell: how far apart, where only one has a value, and totals by place. Block by block, any size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

BLOCK = 1024
LOWEST, HIGHEST, STEPS = -16.0, 4.0, 4000
FLOOR = 1e-3


def compare(ours: Path, peer: Path, places: NDArray[np.int32]) -> Mapping[str, float]:
    """Median, 99th percentile and largest relative difference, the largest of the totals by place, cells with one value only.

    Relative to the larger of the peer's value and a thousandth of the mean: near 0 a quotient says nothing. `places` has the
    shape of ours; the peer's raster may be a part of it.
    """
    counts = np.zeros(STEPS + 2, np.int64)
    totals = np.zeros((2, int(places.max()) + 1))
    only_ours = only_peer = common = 0
    largest = 0.0
    with rasterio.open(ours) as a, rasterio.open(peer) as b:
        floor = FLOOR * _mean(a)
        row0 = round((b.transform.f - a.transform.f) / a.transform.e)
        col0 = round((b.transform.c - a.transform.c) / a.transform.a)
        for row in range(0, b.height, BLOCK):
            for col in range(0, b.width, BLOCK):
                height, width = min(BLOCK, b.height - row), min(BLOCK, b.width - col)
                theirs, known = _read(b, Window(col, row, width, height))
                own, given = _read(a, Window(col + col0, row + row0, width, height))
                where = places[row + row0 : row + row0 + height, col + col0 : col + col0 + width]
                both = known & given
                only_ours += int((given & ~known & (where >= 0)).sum())
                only_peer += int((known & ~given).sum())
                common += int(both.sum())
                apart = np.abs(own - theirs)[both] / np.maximum(np.abs(theirs[both]), max(floor, 1e-300))
                if apart.size:
                    largest = max(largest, float(apart.max()))
                    counts += _counted(apart)
                inside = both & (where >= 0)
                for side, values in enumerate((own, theirs)):
                    totals[side] += np.bincount(where[inside], values[inside], totals.shape[1])
    by_place = np.abs(totals[0] - totals[1]) / np.maximum(np.abs(totals[1]), 1e-300)
    return {
        "median": _quantile(counts, 0.5), "p99": _quantile(counts, 0.99), "max": largest, "zonal": float(by_place.max(initial=0.0)),
        "only ours": only_ours, "only peer": only_peer, "cells": common,
    }  # fmt: skip


def same_stream_one_value(pair: tuple[Path, Path], streams: tuple[Path, Path]) -> int:
    """Cells with a value in one raster only although both programs draw the same stream there. Each pair: ours, the peer's."""
    found = 0
    with (
        rasterio.open(pair[0]) as a,
        rasterio.open(pair[1]) as b,
        rasterio.open(streams[0]) as s,
        rasterio.open(streams[1]) as t,
    ):
        row0 = round((b.transform.f - a.transform.f) / a.transform.e)
        col0 = round((b.transform.c - a.transform.c) / a.transform.a)
        for row in range(0, b.height, BLOCK):
            for col in range(0, b.width, BLOCK):
                height, width = min(BLOCK, b.height - row), min(BLOCK, b.width - col)
                there, here = Window(col, row, width, height), Window(col + col0, row + row0, width, height)
                (own, given), (theirs, known) = _read(s, here), _read(t, there)
                same = given & known & ((own == 1) == (theirs == 1))
                found += int((same & (_read(a, here)[1] != _read(b, there)[1])).sum())
    return found


def _read(f: Any, window: Window) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = f.read(1, window=window).astype(np.float64)
    known = np.isfinite(values)
    if f.nodata is not None and np.isfinite(f.nodata):
        known &= ~np.isclose(values, f.nodata, rtol=1e-6, atol=0)
    return values, known


def _mean(f: Any) -> float:
    """Mean size of the values, from the coarsest overview."""
    with (
        rasterio.open(f.name, overview_level=len(f.overviews(1)) - 1)
        if f.overviews(1)
        else rasterio.open(f.name) as small
    ):
        values, known = _read(small, Window(0, 0, small.width, small.height))
    return float(np.abs(values[known]).mean()) if known.any() else 1.0


def _counted(apart: NDArray[np.float64]) -> NDArray[np.int64]:
    """Differences counted by their logarithm: 200 steps a decade."""
    place = np.log10(np.maximum(apart, 10.0 ** (LOWEST - 1)))
    steps = np.clip(((place - LOWEST) / (HIGHEST - LOWEST) * STEPS).astype(np.int64) + 1, 0, STEPS + 1)
    return np.bincount(steps, minlength=STEPS + 2)


def _quantile(counts: NDArray[np.int64], share: float) -> float:
    if not counts.sum():
        return float("nan")
    step = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return 0.0 if step == 0 else float(10 ** (LOWEST + step * (HIGHEST - LOWEST) / STEPS))
