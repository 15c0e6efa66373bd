"""A whole exchange: every command of registers, registry, market, sessions, auctions, pools and lineage on one ledger venue.

What needs a second person waits for one (`eyes.py`).
"""

from __future__ import annotations

from datetime import date, timezone
from pathlib import Path

from qingshan.core.errors import UnknownName
from qingshan.ledger.venue import NAME, Handler, Venue
from qingshan.registers.calendar import CHINA
from qingshan.registers.declaration import registers
from qingshan.registers.engine import handlers

from .auction import auction_handlers
from .eyes import four_eyes
from .lapse import lapse_handlers
from .lineage import lineage_handlers
from .market import market_handlers
from .obligations import Prices, obligation_handlers, price_windows, traded_in
from .registry import registry_handlers
from .rulesets import RuleSets, builtin_rule_sets, venue_rule_sets
from .securities import pool_handlers
from .session import session_handlers

__all__ = ["exchange_handlers", "found_exchange", "open_exchange"]


def exchange_handlers(
    rules: RuleSets | None = None, zone: timezone = CHINA, prices: Prices | None = None
) -> dict[str, Handler]:
    """Every handler by command kind, under these rule sets (default: the templates that come with the package); `prices` of the venue's journal."""
    given = rules or builtin_rule_sets()
    every = {
        **handlers(registers(), zone),
        **registry_handlers(zone),
        **obligation_handlers(given, zone, prices),
        **market_handlers(given, zone),
        **session_handlers(zone, given),
        **auction_handlers(given, zone),
        **lapse_handlers(zone),
        **lineage_handlers(),
        **pool_handlers(),
    }
    return four_eyes(every, zone)


def found_exchange(folder: Path, name: str, rules: RuleSets | None = None) -> Venue:
    """A new, empty venue under these rule sets (default: the templates and the folder's own). Raises `UnknownName` where the folder has one."""
    if (folder / "journal").exists():
        raise UnknownName("there is a venue in this folder.", "该文件夹内已有账本处。", where=str(folder))
    return _venue(folder, name, rules)


def open_exchange(folder: Path, rules: RuleSets | None = None) -> Venue:
    """An existing venue, for writing; rule sets as `found_exchange`. Raises `UnknownName` where there is none, and as `Venue` does."""
    if not (folder / NAME).is_file():
        raise UnknownName("there is no venue in this folder.", "该文件夹内没有账本处。", where=str(folder),
                          fix="make it with `qingshan exchange found` / 用 `qingshan exchange found` 建立")  # fmt: skip
    return _venue(folder, (folder / NAME).read_text(encoding="utf-8"), rules)


def _venue(folder: Path, name: str, rules: RuleSets | None) -> Venue:
    """A venue whose penalties are held to the prices of its own journal."""
    made, given = list[Venue](), rules or venue_rule_sets(folder)

    def prices(asset: str, deadline: date) -> dict[str, tuple[int, int]]:
        return price_windows(traded_in(made[0]), asset, deadline) if made else {}

    made.append(Venue(folder, name, exchange_handlers(given, prices=prices)))
    return made[0]
