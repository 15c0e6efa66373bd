"""Alarms of rising counts and of clusters: CUSUM, and the space-time scan of reports of sick or dead wildlife."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

__all__ = ["Cluster", "Cusum", "cusum", "space_time_scan"]

Floats = NDArray[np.float64]
EARTH_KM = 6371.0088


@dataclass(frozen=True)
class Cusum:
    """`high` and `low` after each value, and the places where each is above the decision interval."""

    high: Floats
    low: Floats
    alarms_high: tuple[int, ...]
    alarms_low: tuple[int, ...]


def cusum(values: Sequence[float], target: float, k: float, h: float, *, restart: bool = False) -> Cusum:
    """Tabular CUSUM (Page 1954): high_i = max(0, high_(i-1) + x_i - target - k), low_i = max(0, low_(i-1) + target - k - x_i); an alarm where
    one is above h. A missing value (NaN) changes nothing. `restart`: begin at 0 after an alarm. k and h in the unit of the values."""
    if not (k >= 0 and h > 0 and math.isfinite(target)):
        raise OutOfBounds(
            f"k = {k} and h = {h} must be 0 or more, and above 0.", f"k = {k} 不得为负，h = {h} 应大于 0。"
        )
    high, low = np.zeros(len(values)), np.zeros(len(values))
    up = down = 0.0
    above: list[int] = []
    below: list[int] = []
    for i, x in enumerate(values):
        if not math.isnan(x):
            up, down = max(0.0, up + x - target - k), max(0.0, down + target - k - x)
            if up > h:
                above.append(i)
            if down > h:
                below.append(i)
        high[i], low[i] = up, down
        if restart:
            up, down = (0.0 if up > h else up), (0.0 if down > h else down)
    return Cusum(high, low, tuple(above), tuple(below))


@dataclass(frozen=True)
class Cluster:
    """The most likely cluster: sites within `radius_km` of `centre`, periods `first` to `last`, with observed and expected cases, the log
    likelihood ratio and the p value of `draws` Monte Carlo permutations."""

    centre: int
    radius_km: float
    sites: tuple[int, ...]
    first: int
    last: int
    observed: int
    expected: float
    llr: float
    p: float
    draws: int


def space_time_scan(
    cases: NDArray[np.int64],
    lon: Floats,
    lat: Floats,
    *,
    radius_km: float,
    periods: int,
    draws: int = 999,
    seed: int = 0,
) -> Cluster | None:
    """Prospective space-time permutation scan (Kulldorff et al. 2005, PLoS Med 2:e59): `cases` (sites, periods) need no population.

    Cylinders: circles about each site up to `radius_km`, the last 1 to `periods` periods. A cylinder expects (cases of its sites) x (cases of its
    periods) / all. Its ratio is c ln(c/e) + (C - c) ln((C - c)/(C - e)) where c > e, else 0. The p value is the rank of the largest ratio among
    `draws` permutations of the cases' periods, the seed fixes them. None where no cylinder has more than expected.
    Raises `OutOfBounds` for negative cases, sites without position, or more periods than there are."""
    counts = np.asarray(cases, dtype=np.int64)
    if (
        counts.ndim != 2
        or (counts < 0).any()
        or not 1 <= periods <= counts.shape[1]
        or not np.isfinite([lon, lat]).all()
        or draws < 1
    ):
        raise OutOfBounds(
            "the scan needs (sites, periods) of counts, positions of all sites, and no more periods than there are.",
            "时空扫描需要（站点，时段）计数、全部站点的位置，且时段数不超过已有时段。",
        )
    total = int(counts.sum())
    circles = _circles(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float), radius_km)
    if total == 0 or not circles:
        return None
    member = np.zeros((len(circles), len(counts)), dtype=np.int64)
    for i, (_, _, sites) in enumerate(circles):
        member[i, list(sites)] = 1
    ratio, observed, expected = _ratios(member, counts, periods, total)
    i, j = divmod(int(np.argmax(ratio)), ratio.shape[1])
    best = float(ratio[i, j])
    if best <= 0:
        return None
    lot = np.random.default_rng(seed)
    site = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    period = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.reshape(-1))
    as_large = 0
    for _ in range(draws):
        mixed = np.zeros_like(counts)
        np.add.at(mixed, (site, lot.permutation(period)), 1)
        as_large += float(_ratios(member, mixed, periods, total)[0].max()) >= best - 1e-12
    centre, radius, sites = circles[i]
    last = counts.shape[1] - 1
    return Cluster(
        centre,
        radius,
        sites,
        last - j,
        last,
        int(observed[i, j]),
        float(expected[i, j]),
        best,
        (as_large + 1) / (draws + 1),
        draws,
    )


def _circles(lon: Floats, lat: Floats, radius_km: float) -> list[tuple[int, float, tuple[int, ...]]]:
    """(centre, radius, sites) of each distinct set of sites, by growing circles about each site."""
    found: dict[tuple[int, ...], tuple[int, float]] = {}
    x, y = np.radians(lon), np.radians(lat)
    for i in range(len(lon)):
        a = np.sin((y - y[i]) / 2) ** 2 + np.cos(y) * np.cos(y[i]) * np.sin((x - x[i]) / 2) ** 2
        far = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(a, 0, 1)))
        for radius in np.unique(far[far <= radius_km]):
            found.setdefault(tuple(np.flatnonzero(far <= radius).tolist()), (i, float(radius)))
    return [(centre, radius, sites) for sites, (centre, radius) in found.items()]


def _ratios(
    member: NDArray[np.int64], counts: NDArray[np.int64], periods: int, total: int
) -> tuple[Floats, Floats, Floats]:
    """(circles, periods) of the ratio, observed and expected; column j is the last j + 1 periods."""
    recent = counts[:, ::-1][:, :periods].cumsum(axis=1)
    c = (member @ recent).astype(float)
    e = np.outer(member @ counts.sum(axis=1), recent.sum(axis=0)) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(c > 0, c * np.log(c / e), 0.0)
        outside = np.where(total - c > 0, (total - c) * np.log((total - c) / (total - e)), 0.0)
    return np.where(c > e, inside + outside, 0.0), c, e
