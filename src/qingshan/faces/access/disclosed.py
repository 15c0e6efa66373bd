"""Units of the registry as anyone may read them, in the field names of the CAD Trust unit table: blocks of what is gone, sums of what lives.

Serial numbers of live holdings are not public (market.md section 10), so a lot's live units are one row without a block; what was retired or
cancelled has its serial block, half open, with the reason. For whose obligation units were surrendered is not told.
"""

from __future__ import annotations

from collections.abc import Iterator

from qingshan.ledger.amounts import MICRO, decimal_text
from qingshan.rights.instruments import parse_asset
from qingshan.rights.running import Retired

from .desk import Desk

__all__ = ["FIELDS", "gone_of", "units"]

FIELDS = (
    "lot",
    "instrument",
    "unitBlockStart",
    "unitBlockEnd",
    "unitCount",
    "unitStatus",
    "unitStatusReason",
    "vintageYear",
    "record",
    "day",
)
STATUS = {"surrendered": "Retired", "retired": "Retired", "cancelled": "Cancelled"}


def units(desk: Desk, after: str = "", limit: int = 101) -> list[dict[str, str]]:
    """Lots after an id, each with its live units and then with the blocks that are gone. Hold nothing: the book is read at one moment."""
    with desk.reading() as book:
        lots = sorted(lot for lot in book.lots if lot > after)[:limit]
        wanted = set(lots)
        gone: dict[str, list[dict[str, str]]] = {lot: [] for lot in lots}
        for g in desk.running.gone:
            for lot, start, end in g.ranges:
                if lot in wanted:
                    gone[lot].append(_block(g, lot, start, end))
        rows: list[dict[str, str]] = []
        for lot in lots:
            state = book.lots[lot]
            live = state.quantity - desk.running.gone_of.get(lot, 0)
            if live:
                status = "Inactive" if state.status == "under_review" else "Held"
                rows.append(dict.fromkeys(FIELDS, "") | {"lot": lot, "instrument": state.asset, "unitCount": decimal_text(live, MICRO), "unitStatus": status,
                                                          "vintageYear": str(parse_asset(state.asset).start.year)})  # fmt: skip
            rows += gone[lot]
    return rows


def gone_of(desk: Desk, newest: int) -> Iterator[dict[str, str]]:
    """The blocks that left last, the newest first."""
    with desk.reading():
        rows = desk.running.gone[-newest:]
    for g in reversed(rows):
        for lot, start, end in g.ranges:
            yield _block(g, lot, start, end)


def _block(g: Retired, lot: str, start: int, end: int) -> dict[str, str]:
    status = "Expired" if g.why == "expired" else STATUS[g.how]
    return {"lot": lot, "instrument": g.asset, "unitBlockStart": decimal_text(start, MICRO), "unitBlockEnd": decimal_text(end, MICRO),
            "unitCount": decimal_text(end - start, MICRO), "unitStatus": status, "unitStatusReason": "compliance" if g.how == "surrendered" else g.why,
            "vintageYear": str(parse_asset(g.asset).start.year), "record": str(g.seq), "day": g.day.isoformat()}  # fmt: skip
