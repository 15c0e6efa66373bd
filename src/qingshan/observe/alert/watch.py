"""Alerts as they come: a network is looked at again whenever its readings, flags or rules changed, and what is new gets a number.

    watch = Watch(store, "water_demo")
    watch.follow()            # -> how many events came with this look
    watch.after(17)           # -> [(18, {...}), ...]: what a reader who has seen 17 has missed

alerts/ZONE/ID/events.jsonl   one event a line, append-only; its number is its place among the lines, from 1
alerts/ZONE/ID/seen.json      what each year was made of when it was last looked at
alerts/ZONE/ID/messages.jsonl what recipients were told of these events (`outbox.py`)

An event that no longer follows from the readings (one was corrected, or called invalid) stays, and a line `withdrawn` names it.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from qingshan.core.canonical import digest

from ..quality.network import flagged_rows, layer, review, step_of
from ..series.model import Network
from ..series.store import Observations
from .engine import AlertEvent
from .network import EventLog, replayed, rules_of
from .outbox import Outbox, limits_of
from .rule import AlertRule, expression

__all__ = ["Alert", "Raised", "Watch", "alerts_of", "alerts_of_year", "raised_by", "signature"]

WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a rule at a site: pending or active since `begin`; `end` is None while it is open."""

    rule: str
    site: str
    begin: datetime
    end: datetime | None
    state: str
    raised: AlertEvent

    @property
    def open(self) -> bool:
        return self.end is None


@dataclass(frozen=True, slots=True)
class Raised:
    """One reading an alert was decided on."""

    series: str
    start: datetime
    text: str
    flag: int


def signature(store: Observations, network: str, rules: Sequence[AlertRule]) -> dict[str, str]:
    """Year -> a hash of what its alerts follow from: parts of readings, runs of flags, decisions and rules."""
    ruled = digest([r.hash for r in rules])
    runs = [str(r) for r in layer(store, network).runs()]
    said = len(review(store, network).all())
    parts: dict[int, list[str]] = {}
    for path, year in store.catalogue(network).ask("SELECT path, year FROM part ORDER BY path"):
        parts.setdefault(int(year), []).append(str(path))
    return {str(year): digest([ruled, runs, said, names]) for year, names in sorted(parts.items())}


def alerts_of(events: Iterable[AlertEvent]) -> list[Alert]:
    """Alerts from events, newest first. One that was pending and went back to normal without becoming active is none; one that is pending
    at the end is open and pending."""
    found: list[Alert] = []
    waiting: dict[tuple[str, str], AlertEvent] = {}
    active: dict[tuple[str, str], AlertEvent] = {}
    for e in sorted(events, key=lambda e: (e.time, e.site, e.rule)):
        key = (e.rule, e.site)
        if e.after == "active":
            active[key] = e
            waiting.pop(key, None)
        elif e.before == "active":
            begun = active.pop(key, e)
            found.append(Alert(e.rule, e.site, begun.time, e.time, "cleared", begun))
        elif e.after == "pending":
            waiting[key] = e
        else:
            waiting.pop(key, None)
    found += [Alert(r, s, e.time, None, "active", e) for (r, s), e in active.items()]
    found += [Alert(r, s, e.time, None, "pending", e) for (r, s), e in waiting.items()]
    return sorted(found, key=lambda a: (a.begin, a.site, a.rule), reverse=True)


def _replayed(
    store: Observations, network: str, rules: Sequence[AlertRule], years: Collection[int]
) -> Iterator[AlertEvent]:
    """Events of the years, each run of years replayed from the year before it, so that what was active then is known."""
    kept = set(store.years(network))
    for run in _runs(sorted(set(years) & kept)):
        before = [y for y in (run[0] - 1,) if y in kept]
        for e in replayed(store, network, rules, years=[*before, *run]).events:
            if e.time.year in run:
                yield e


def _runs(years: Sequence[int]) -> list[list[int]]:
    """Years cut where one is missing."""
    found: list[list[int]] = []
    for year in years:
        if found and found[-1][-1] == year - 1:
            found[-1].append(year)
        else:
            found.append([year])
    return found


def alerts_of_year(store: Observations, network: str, rules: Sequence[AlertRule], year: int) -> list[Alert]:
    """Alerts that were open at some time of a year. One is open at its end only where the data end."""
    kept = store.years(network)
    span = [y for y in (year - 1, year, year + 1) if y in kept]
    events = [e for run in _runs(span) if year in run for e in replayed(store, network, rules, years=run).events]
    first, after = datetime(year, 1, 1), datetime(year + 1, 1, 1)
    return [a for a in alerts_of(events) if a.begin < after and (a.end is None or a.end >= first)]


def raised_by(
    store: Observations, network: Network, rules: Sequence[AlertRule], alerts: Sequence[Alert]
) -> dict[tuple[str, str, datetime], list[Raised]]:
    """(rule, site, begin) -> the readings within the averaging and the last n steps before an alert, newest first; one query for all."""
    step = step_of(network) or timedelta(days=1)
    by_id = {r.id: r for r in rules}
    wanted = {(a.site, p) for a in alerts if a.rule in by_id for p in expression(by_id[a.rule].expression).properties}
    held = store.series(network.id).sort("id")
    series: dict[tuple[str, str], str] = {}
    for row in held.select("id", "site", "property").iter_rows():
        if (row[1], row[2]) in wanted:
            series.setdefault((row[1], row[2]), row[0])
    if not series:
        return {}
    spans = {
        (a.rule, a.site, a.begin): (
            a.begin - step * (by_id[a.rule].steps(step) + by_id[a.rule].n - 1), a.begin,
            [s for p in expression(by_id[a.rule].expression).properties if (s := series.get((a.site, p)))],
        )
        for a in alerts if a.rule in by_id
    }  # fmt: skip
    first, last = min(lo for lo, _, _ in spans.values()), max(hi for _, hi, _ in spans.values())
    rows = (
        flagged_rows(store, network.id, years=range(first.year, last.year + 1), series=sorted(set(series.values())))
        .filter(pl.col("start").is_between(first, last), pl.col("value").is_not_null())
        .select("series", "start", "value_text", "flag").sort("series", "start").collect()
    )  # fmt: skip
    by_series = {str(k[0]): g for k, g in rows.group_by("series")}
    found: dict[tuple[str, str, datetime], list[Raised]] = {}
    for key, (after, until, names) in spans.items():
        mine = [by_series[n].filter(pl.col("start") > after, pl.col("start") <= until) for n in names if n in by_series]
        found[key] = sorted(
            (Raised(*row) for frame in mine for row in frame.iter_rows()), key=lambda r: r.start, reverse=True
        )
    return found


class Watch:
    """The numbered events of one network. Several processes may follow the same one: a lock makes each event once."""

    def __init__(self, store: Observations, network: str) -> None:
        self.store, self.network = store, network
        self.log = EventLog(store, network)
        self.outbox = Outbox(self.log.path.with_name("messages.jsonl"))
        self._kept: tuple[int, list[dict[str, Any]]] = (-1, [])

    def follow(self, at: datetime | None = None) -> int:
        """Look at what changed since the last look, tell recipients what is due (`at`: now); returns how many events came. A network
        without rules or step has none."""
        declared = self.store.network(self.network)
        if step_of(declared) is None or declared.folder is None or not (declared.folder / "alerts.csv").is_file():
            return 0
        rules = rules_of(declared)
        now = signature(self.store, self.network, rules)
        if self._seen() == now:
            if self.outbox.waiting():
                with self._locked():
                    self._tell(at)
            return 0
        with self._locked():
            seen = self._seen()
            changed = {int(y) for y, mark in now.items() if seen.get(y) != mark}
            changed |= {y + 1 for y in changed if str(y + 1) in now}
            events = list(_replayed(self.store, self.network, rules, changed)) if changed else []
            made = self.log.record(events) + self._withdraw(events, changed)
            self._tell(at)
            beside = self.log.path.with_name("seen.json.part")
            beside.write_text(json.dumps(now), encoding="utf-8")
            beside.replace(self.log.path.with_name("seen.json"))
        return made

    def _tell(self, at: datetime | None) -> None:
        """Messages of what the log has and recipients were not told yet."""
        newest = self.store.series(self.network)["last"].max()
        self.outbox.tell(
            self.log.all(), newest if isinstance(newest, datetime) else None, limits_of(self.store.network(self.network)), at
        )  # fmt: skip

    def _withdraw(self, events: Sequence[AlertEvent], years: Collection[int]) -> int:
        """A line for each event of the years that the readings no longer give."""
        holds = {(e.rule, e.site, e.time.isoformat(), e.after, e.inputs) for e in events}
        gone = [
            {**record, "before": record["after"], "after": WITHDRAWN, "of": number, "linked": []}
            for number, record in self.log.standing()
            if int(str(record["time"])[:4]) in years
            and tuple(record[k] for k in ("rule", "site", "time", "after", "inputs")) not in holds
        ]
        self.log.append(gone)
        return len(gone)

    def after(self, number: int) -> list[tuple[int, dict[str, Any]]]:
        """Events whose number is above one, oldest first. Read again only where the file grew."""
        return list(enumerate(self._events()[max(number, 0) :], max(number, 0) + 1))

    @property
    def last(self) -> int:
        """The number of the newest event, 0 where there is none."""
        return len(self._events())

    def _events(self) -> list[dict[str, Any]]:
        """Every event. Several threads may ask: what is kept is exchanged as one."""
        kept, size = self._kept, self.log.path.stat().st_size if self.log.path.is_file() else 0
        if size != kept[0]:
            kept = self._kept = size, self.log.all()
        return kept[1]

    def _seen(self) -> dict[str, str]:
        file = self.log.path.with_name("seen.json")
        try:
            found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.log.path.parent.mkdir(parents=True, exist_ok=True)
        with self.log.path.with_name(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
