"""What a regulator looks at again: trades at the edge of the band, and two accounts that sold to each other on one day.

Neither is a fault; both are facts of the journal without a threshold of ours.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timezone

from qingshan.ledger.venue import Venue, told
from qingshan.registers.calendar import CHINA, day_of

from .instruments import parse_asset
from .matching import band
from .rulesets import RuleSets

__all__ = ["Anomaly", "anomalies"]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`kind` is `band_edge` or `both_ways`; `price` in 1e-4 yuan, `quantity` in micro-units."""

    kind: str
    day: date
    asset: str
    accounts: tuple[str, str]
    trades: tuple[str, ...]
    price: int
    quantity: int


def anomalies(venue: Venue, rules: RuleSets, first: date, last: date, zone: timezone = CHINA) -> list[Anomaly]:
    """Of the days `first` to `last`, the newest first."""
    found: list[Anomaly] = []
    reference: dict[str, tuple[int, str]] = {}
    pairs: dict[tuple[date, str, tuple[str, str]], list[tuple[str, str, int, int]]] = defaultdict(list)
    for record in venue.journal.read():
        line = told(record)
        day = day_of(line["at"], zone)
        for e in line["entries"]:
            if e["do"] == "record" and e["register"] == "market" and "reference" in e["content"]:
                reference[e["id"]] = (e["content"]["reference"], e["content"]["rules"])
            elif e["do"] == "trade" and e.get("price") is not None and first <= day <= last:
                pair = tuple(sorted((e["seller"], e["buyer"])))
                pairs[day, e["asset"], pair].append((e["id"], e["seller"], e["price"], e["quantity"]))
                if e["asset"] in reference and ":" not in e["id"]:
                    base, name = reference[e["asset"]]
                    used = rules.on(name, day)
                    if e["price"] in band(base, used["listed_band"], used["tick"]):
                        found.append(
                            Anomaly(
                                "band_edge",
                                day,
                                e["asset"],
                                (e["seller"], e["buyer"]),
                                (e["id"],),
                                e["price"],
                                e["quantity"],
                            )
                        )
    for (day, asset, pair), trades in pairs.items():
        if len({seller for _, seller, _, _ in trades}) == 2:
            found.append(
                Anomaly(
                    "both_ways", day, asset, pair, tuple(t[0] for t in trades), trades[-1][2], sum(t[3] for t in trades)
                )
            )
    return sorted(found, key=lambda a: (a.day, parse_asset(a.asset).scheme, a.kind, a.trades), reverse=True)
