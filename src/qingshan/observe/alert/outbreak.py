"""Alarms from reports of sick or dead animals (野生动物疫源疫病): counts by period, CUSUM of the whole, the scan for a cluster.

The parameters are the caller's: a target, k and h in counts for the CUSUM, radius and periods for the scan. None is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

from ..quality.network import flagged_rows
from ..series.store import Observations
from .clusters import Cluster, Cusum, cusum, space_time_scan

__all__ = ["Counts", "Outbreak", "counts_of", "outbreak"]


@dataclass(frozen=True)
class Counts:
    """`cases` (sites, periods) of a property; `sites` have positions, `nowhere` counts cases of sites that have none."""

    cases: NDArray[np.int64]
    sites: tuple[str, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: datetime
    span: timedelta
    nowhere: int

    @property
    def periods(self) -> int:
        return self.cases.shape[1]

    def begin(self, period: int) -> datetime:
        return self.first + period * self.span


@dataclass(frozen=True)
class Outbreak:
    """What the last periods of reports say. `cluster` is None where no place has more than expected."""

    counts: Counts
    course: Cusum
    cluster: Cluster | None

    @property
    def rising(self) -> bool:
        """Whether the CUSUM is above its interval after the last period."""
        return self.counts.periods - 1 in self.course.alarms_high


def counts_of(store: Observations, network: str, property: str, first: datetime, last: datetime, days: int) -> Counts:
    """Sums of a property by site and period of `days`, from `first` to before `last`; values that may not be used are left out.

    Raises `OutOfBounds` where the time is no whole number of periods or a count is no whole number."""
    span = timedelta(days=days)
    if days < 1 or first >= last or (last - first) % span:
        raise OutOfBounds(
            f"{first:%Y-%m-%d} to {last:%Y-%m-%d} is no whole number of {days} days.",
            f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d} 不是 {days} 天的整数倍。",
        )
    wanted = store.series(network).filter(pl.col("property") == property).select("id", "site")
    rows = (
        flagged_rows(store, network, years=range(first.year, last.year + 1), series=wanted["id"].to_list())
        .filter(pl.col("start").is_between(first, last, closed="left"), "use", pl.col("value").is_not_null())
        .select("series", "start", "value").collect().join(wanted, left_on="series", right_on="id")
    )  # fmt: skip
    values = rows["value"].cast(pl.Float64).to_numpy()
    if (values != np.floor(values)).any() or (values < 0).any():
        raise OutOfBounds(f"{property} has values that are no counts.", f"{property} 有不是计数的值。", where=network)
    places = store.sites(network).filter(pl.col("lon").is_not_null() & pl.col("lat").is_not_null()).sort("id")
    order = {site: i for i, site in enumerate(places["id"])}
    at = np.array([order.get(s, -1) for s in rows["site"]], dtype=np.int64)
    period = np.array([(t - first) // span for t in rows["start"]], dtype=np.int64)
    cases = np.zeros((len(order), (last - first) // span), dtype=np.int64)
    np.add.at(cases, (at[at >= 0], period[at >= 0]), values[at >= 0].astype(np.int64))
    lon, lat = (places[c].to_numpy().astype(np.float64) for c in ("lon", "lat"))
    return Counts(cases, tuple(order), lon, lat, first, span, int(values[at < 0].sum()))


def outbreak(
    counts: Counts,
    *,
    target: float,
    k: float,
    h: float,
    radius_km: float,
    periods: int,
    draws: int = 999,
    seed: int = 0,
) -> Outbreak:
    """CUSUM of the cases of all sites by period, and the most likely cluster that reaches into the last period."""
    course = cusum(counts.cases.sum(axis=0).tolist(), target, k, h)
    cluster = space_time_scan(
        counts.cases, counts.lon, counts.lat, radius_km=radius_km, periods=periods, draws=draws, seed=seed
    )
    return Outbreak(counts, course, cluster)
