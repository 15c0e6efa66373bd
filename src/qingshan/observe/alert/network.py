"""Alert rules of a stored network over its history: the readings with their flags, the events, and the log of events.

networks/ID/alerts.csv             the rules (`rule.py`)
networks/ID/episodes.csv           what is known to have happened, to score a replay by (`replay.py`); may be absent
alerts/ZONE/ID/events.jsonl        transitions, append-only, under the home folder
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.observed import observed_property
from qingshan.zone.home import home, zone_key

from ..dense import MISSING, SCALE, Block, Lattice, block_of, grouped, site_of
from ..quality.flags import append_lines, read_lines
from ..quality.kernels import FAIL, GOOD, NO_VALUE
from ..quality.network import flagged_rows, network_series, step_of
from ..series.model import Network
from ..series.store import Observations
from .engine import AlertEvent, Reading, evaluated, events_of, linked
from .replay import Episode, read_episodes
from .rule import AlertRule, expression, read_alert_rules

__all__ = ["EventLog", "History", "episodes_of", "replayed", "rules_of", "site_readings"]


@dataclass(frozen=True)
class History:
    """What replaying found: events in order of time, the period, the sites the rules were evaluated at."""

    events: list[AlertEvent]
    first: datetime
    last: datetime
    sites: tuple[str, ...]


class EventLog:
    """Transitions of a network that were recorded."""

    def __init__(self, store: Observations, network: str) -> None:
        self.path = home() / "alerts" / zone_key(store.zone) / store.network(network).id / "events.jsonl"

    def record(self, events: Sequence[AlertEvent]) -> int:
        """Append those that do not stand there yet; returns how many. A transition decided on other inputs is another event."""
        known = {tuple(r[k] for k in KEYS) for _, r in self.standing()}
        new = [e.record() for e in events if (e.rule, e.site, e.time.isoformat(), e.after, e.inputs) not in known]
        self.append(new)
        return len(new)

    def append(self, records: Sequence[Mapping[str, object]]) -> None:
        append_lines(self.path, records)

    def all(self) -> list[dict[str, object]]:
        return read_lines(self.path)

    def standing(self) -> list[tuple[int, dict[str, object]]]:
        """Events with their numbers, from 1, without those that were withdrawn later."""
        held: dict[tuple[object, ...], tuple[int, dict[str, object]]] = {}
        for number, record in enumerate(self.all(), 1):
            if record["after"] == "withdrawn":
                held.pop((record["rule"], record["site"], record["time"], record["before"], record["inputs"]), None)
            else:
                held[tuple(record[k] for k in KEYS)] = (number, record)
        return sorted(held.values(), key=lambda pair: pair[0])


KEYS = ("rule", "site", "time", "after", "inputs")
"""What makes two events the same."""


def rules_of(network: Network, path: Path | None = None) -> list[AlertRule]:
    """The rules of a network, or of a file. Raises `UnknownName` where it has none."""
    file = path or (network.folder / "alerts.csv" if network.folder else None)
    if file is None or not file.is_file():
        raise UnknownName(
            f"the network {network.id} has no alert rules.", f"监测网 {network.id} 没有预警规则。",
            fix=f"write networks/{network.id}/alerts.csv in the zone, or give --rules / 在区域中写 networks/{network.id}/alerts.csv，或用 --rules 指定",
        )  # fmt: skip
    return [_in_own_unit(rule) for rule in read_alert_rules(file)]


def episodes_of(network: Network, path: Path | None = None) -> list[Episode]:
    """The known episodes of a network's zone (`networks/ID/episodes.csv`), or of a file; none where the zone names none."""
    file = path or (network.folder / "episodes.csv" if network.folder else None)
    return read_episodes(file) if file is not None and (path is not None or file.is_file()) else []


def _in_own_unit(rule: AlertRule) -> AlertRule:
    """The limits in the unit the properties are stored in. Raises `UnitError` where it does not fit."""
    units = {observed_property(p).unit for p in expression(rule.expression).properties}
    return rule.in_unit(units.pop()) if len(units) == 1 else rule


def site_readings(
    store: Observations,
    network: str,
    first: datetime,
    last: datetime,
    step: timedelta,
    *,
    properties: Collection[str] = (),
) -> Iterator[tuple[str, np.ndarray, dict[str, Reading]]]:
    """(site, times, property -> reading) of each site, some sites in memory at a time.

    A value that a reviewer called valid counts as good, one called invalid as failed. A property with several series at a site is read from the
    first of them by name.
    """
    lattice = Lattice(first, last, step)
    years = range(first.year, (last - step).year + 1)
    wanted = [s for s in network_series(store, network) if not properties or s.split("|")[1] in properties]
    rows = flagged_rows(store, network, years=years).filter(pl.col("start").is_between(first, last, closed="left"))
    for group in grouped(wanted):
        frame = rows.filter(pl.col("series").is_between(pl.lit(group[0]), pl.lit(group[-1]))).select(
            "series", pl.col("start").cast(pl.Datetime("ms")).to_physical(),
            pl.col("value").to_physical().cast(pl.Int64),
            level=pl.when(pl.col("use")).then(pl.min_horizontal(pl.col("flag"), pl.lit(2, dtype=pl.UInt8)))
            .when(pl.col("decision") == "invalid").then(pl.lit(FAIL, dtype=pl.UInt8)).otherwise(pl.col("flag")).cast(pl.Int64),
        ).collect()  # fmt: skip
        values = block_of(frame, group, lattice)
        flags = block_of(frame.with_columns(value=pl.col("level")), group, lattice)
        yield from _of_sites(values, flags)


def _of_sites(values: Block, flags: Block) -> Iterator[tuple[str, np.ndarray, dict[str, Reading]]]:
    sites: dict[str, dict[str, Reading]] = {}
    for i, name in enumerate(values.series):
        kind = name.split("|")[1]
        if kind in sites.setdefault(site_of(name), {}):
            continue
        row = values.values[i]
        number = np.where(row == MISSING, np.nan, row / SCALE)
        level = np.where(flags.values[i] == MISSING, NO_VALUE, flags.values[i]).astype(np.uint8)
        sites[site_of(name)][kind] = Reading(
            number, np.where(np.isnan(number), NO_VALUE, np.maximum(level, GOOD)).astype(np.uint8)
        )
    for site in sorted(sites):
        yield site, values.times, sites[site]


def replayed(
    store: Observations,
    network: str,
    rules: Sequence[AlertRule],
    *,
    years: Collection[int] | None = None,
    window: timedelta = timedelta(hours=24),
) -> History:
    """Every transition of the rules over whole years, those of sites downstream linked with what was active upstream within `window`.

    Raises `DeclarationError` for a network of samples, `UnknownName` for years without data."""
    declared = store.network(network)
    step = step_of(declared)
    if step is None:
        raise DeclarationError(
            f"{network} has no step: a rule over time needs a regular network.",
            f"{network} 没有固定步长，时间规则需要定时监测网。",
            where=network,
        )
    kept = store.years(network)
    wanted = sorted(set(kept if years is None else years))
    if not wanted or not set(wanted) <= set(kept):
        raise UnknownName(
            f"{network} has no data of {wanted or 'any year'}.", f"{network} 没有 {wanted or '任何年份'} 的数据。"
        )
    first, last = datetime(wanted[0], 1, 1), datetime(wanted[-1] + 1, 1, 1)
    used = {p for rule in rules for p in expression(rule.expression).properties}
    events: list[AlertEvent] = []
    sites: list[str] = []
    for site, times, readings in site_readings(store, network, first, last, step, properties=used):
        mine = [r for r in rules if all(p in readings for p in expression(r.expression).properties)]
        if mine:
            sites.append(site)
        for rule in mine:
            events += events_of(evaluated(rule, site, times, readings, step))
    return History(linked(events, upstream_of(store, network), window), first, last, tuple(sites))


def upstream_of(store: Observations, network: str) -> Mapping[str, list[tuple[str, float]]]:
    """site -> sites just above it, by the `downstream` of the sites, with the hours of travel: their distance by `river_km` at the
    network's `flow_speed_km_h`; 0 where one of them is not declared."""
    speed = store.network(network).flow_speed_km_h
    sites = store.sites(network)
    at = dict(sites.select("id", "river_km").iter_rows())
    found: dict[str, list[tuple[str, float]]] = {}
    for row in sites.filter(pl.col("downstream").is_not_null() & (pl.col("downstream") != "")).iter_rows(named=True):
        above, below = at[row["id"]], at.get(row["downstream"])
        known = speed > 0 and above is not None and below is not None and above >= below
        found.setdefault(row["downstream"], []).append((row["id"], (above - below) / speed if known else 0.0))
    return found
