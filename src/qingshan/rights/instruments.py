"""Instruments: what may be issued here, and the key on which units are fungible.

An asset id is its key written out, `scheme:subtype:area:source:from/to`; units are fungible only where the whole key is the
same. What a province may not issue is not a setting (market.md section 1): it is refused with its clause.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from qingshan.ledger.book import Refused

__all__ = ["Instrument", "Scheme", "parse_asset", "schemes"]

_WORD = re.compile(r"[\w.-]{1,60}")


@dataclass(frozen=True)
class Scheme:
    """A row of `instruments.csv`: `may_issue` is yes, no (registered nationally) or never (forbidden)."""

    scheme: str
    subtypes: tuple[str, ...]
    unit: str
    window: str
    zh: str
    en: str
    may_issue: str
    clause: str
    source: str
    status: str


@lru_cache(maxsize=1)
def schemes() -> dict[str, Scheme]:
    """Every scheme by id."""
    with Path(__file__).with_name("instruments.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    made = [Scheme(subtypes=tuple(r.pop("subtypes").split(";")), **r) for r in rows]
    return {s.scheme: s for s in made}


@dataclass(frozen=True)
class Instrument:
    """`area` is the basin, air-shed, province or project; `start` and `end` (exclusive) the window in which units are good."""

    scheme: str
    subtype: str
    area: str
    source: str
    start: date
    end: date

    @property
    def asset(self) -> str:
        return f"{self.scheme}:{self.subtype}:{self.area}:{self.source}:{self.start}/{self.end}"

    @property
    def unit(self) -> str:
        return schemes()[self.scheme].unit

    def check(self) -> None:
        """Raises `Refused` where no such instrument may be issued here."""
        known = schemes().get(self.scheme)
        if known is None:
            raise Refused(
                "scheme",
                f"there is no scheme {self.scheme!r} ({', '.join(schemes())}).",
                f"没有 {self.scheme!r} 类权益。",
            )
        if known.may_issue != "yes":
            cited = f"{known.source}{known.clause}"
            if known.may_issue == "never":
                raise Refused(
                    "forbidden_scheme",
                    f"a province may not issue a {known.en} ({cited}).",
                    f"地方不得发放{known.zh}（{cited}）。",
                )
            raise Refused(
                "external_scheme",
                f"a {known.en} is registered nationally and only linked here ({cited}).",
                f"{known.zh}在国家登记，本平台只作链接（{cited}）。",
            )
        if self.subtype not in known.subtypes:
            raise Refused(
                "subtype",
                f"{known.en} has no subtype {self.subtype!r} ({', '.join(known.subtypes)}).",
                f"{known.zh}没有 {self.subtype!r} 这一种。",
            )
        if not all(_WORD.fullmatch(w) for w in (self.area, self.source)):
            raise Refused(
                "area", "area and source are plain words of up to 60 letters.", "区域和来源须为 60 字以内的词。"
            )
        if self.start >= self.end:
            raise Refused("window", "the window ends before it starts.", "有效期止须晚于起。")


def parse_asset(asset: str) -> Instrument:
    """The instrument of an asset id. Raises `Refused`."""
    try:
        scheme, subtype, area, source, window = asset.split(":")
        start, end = window.split("/")
        return Instrument(scheme, subtype, area, source, date.fromisoformat(start), date.fromisoformat(end))
    except ValueError:
        raise Refused("asset", f"{asset!r} is no instrument.", f"{asset!r} 不是权益品种。") from None
