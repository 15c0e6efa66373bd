"""A rule replayed over history beside known episodes, and what each recipient would have been sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from qingshan.core.errors import DeclarationError

from ..declared import declared_rows
from .engine import AlertEvent

__all__ = ["EPISODE", "Episode", "Limit", "Message", "Score", "messages", "read_episodes", "score"]

EPISODE = ("site", "begin", "end")

YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Episode:
    """A thing that happened at a site: what the rule should have told. `rule` '' is meant for every rule."""

    site: str
    begin: datetime
    end: datetime
    rule: str = ""


def read_episodes(path: Path) -> list[Episode]:
    """Known episodes of a CSV file: `site,begin,end` in wall time, and `rule` where one is meant for a single rule. Raises `DeclarationError`
    naming file, row and column."""
    return [_episode(cells, f"{path.name}:{line}") for line, cells in declared_rows(path, EPISODE)]


def _episode(cells: dict[str, str], where: str) -> Episode:
    moments: list[datetime] = []
    for column in ("begin", "end"):
        try:
            moments.append(datetime.fromisoformat(cells[column]))
            if moments[-1].tzinfo is not None:
                raise ValueError
        except ValueError:
            raise DeclarationError(
                f"{column} is {cells[column]!r}.", f"{column} 为 {cells[column]!r}。", where=f"{where} [{column}]",
                fix="write 2020-03-01T08:00, wall time without zone / 写作 2020-03-01T08:00，不带时区",
            ) from None  # fmt: skip
    if not cells["site"] or moments[0] > moments[1]:
        raise DeclarationError(
            "an episode has a site and ends after it began.", "过程须有站点，且终点不早于起点。", where=where
        )
    return Episode(cells["site"], moments[0], moments[1], cells.get("rule", ""))


@dataclass(frozen=True)
class Score:
    """`leads` in hours by hit (positive: before it began). Rates are per year and site of the period replayed."""

    hits: int
    misses: int
    false_alarms: int
    leads: tuple[float, ...]
    site_years: float

    @property
    def hit_rate(self) -> float | None:
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None

    @property
    def false_alarms_per_year(self) -> float:
        return self.false_alarms / self.site_years

    @property
    def median_lead(self) -> float | None:
        ordered, n = sorted(self.leads), len(self.leads)
        return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else None


def _alerts(events: Iterable[AlertEvent], end: datetime) -> list[tuple[str, datetime, datetime]]:
    """(site, begin, end) of each active alert; one that is active at the end of the history ends there."""
    begun: dict[tuple[str, str], datetime] = {}
    found = []
    for e in sorted(events, key=lambda e: e.time):
        key = (e.rule, e.site)
        if e.after == "active":
            begun[key] = e.time
        elif e.before == "active":
            found.append((e.site, begun.pop(key), e.time))
    return found + [(site, at, end) for (_, site), at in begun.items()]


def score(
    events: Iterable[AlertEvent],
    episodes: Sequence[Episode],
    first: datetime,
    last: datetime,
    sites: int,
    horizon: timedelta,
) -> Score:
    """Hits, misses and false alarms of one rule.

    An alert belongs to an episode of its site if it is active at some time from `horizon` before the episode to its end. An episode with an
    alert is a hit, its lead is from the first such alert to its begin; an alert without episode is a false alarm."""
    alerts = _alerts(events, last)
    used: set[int] = set()
    leads = []
    for episode in episodes:
        mine = [
            i for i, (site, begin, end) in enumerate(alerts)
            if site == episode.site and begin <= episode.end and end >= episode.begin - horizon
        ]  # fmt: skip
        used.update(mine)
        if mine:
            earliest = min(alerts[i][1] for i in mine)
            leads.append((episode.begin - earliest).total_seconds() / 3600)
    years = (last - first) / timedelta(days=YEAR) * sites
    return Score(len(leads), len(episodes) - len(leads), len(alerts) - len(used), tuple(leads), years)


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than `count` messages to one recipient within `span`."""

    count: int
    span: timedelta


@dataclass(frozen=True, slots=True)
class Message:
    """What one recipient gets: an event, and how many earlier ones were held back and go with it."""

    recipient: str
    event: AlertEvent
    sent: bool
    held: int = 0


TOLD = ("active", "cleared")


def messages(events: Iterable[AlertEvent], limit: Limit | Callable[[str], Limit]) -> list[Message]:
    """Each event that is told (active, cleared) for each recipient, sent or held back by the limit (one for all, or that of each).
    The next message that is sent says how many were held since the last; nothing is lost, the event log has them all."""
    of = limit if callable(limit) else lambda who: limit
    sent: dict[str, list[datetime]] = {}
    held: dict[str, int] = {}
    found = []
    for event in sorted(events, key=lambda e: (e.time, e.rule, e.site)):
        if event.after not in TOLD:
            continue
        for who in event.recipients:
            recent = [t for t in sent.get(who, []) if event.time - t < of(who).span]
            if len(recent) < of(who).count:
                found.append(Message(who, event, sent=True, held=held.pop(who, 0)))
                sent[who] = [*recent, event.time]
            else:
                held[who] = held.get(who, 0) + 1
                found.append(Message(who, event, sent=False))
    return found
