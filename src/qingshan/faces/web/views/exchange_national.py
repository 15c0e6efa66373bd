"""The national carbon price beside a local right: a line of the listed monthly means, and how the right's price stands to its month."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import desk_of
from qingshan.ledger.amounts import YUAN
from qingshan.rights.instruments import parse_asset
from qingshan.rights.national import National, kept
from qingshan.rights.tape import Strip

WIDE, HIGH, LEFT, RIGHT = 420, 110, 26, 66


def national_told(ask: Ask, strip: Strip) -> dict[str, Any]:
    """For rights counted in t CO2e. `national` is None where no figures were brought or the right is another one."""
    if parse_asset(strip.asset).scheme != "ticket":
        return {"national": None, "national_absent": False, "above": ""}
    found = kept(desk_of(ask).folder)
    if found is None:
        return {"national": None, "national_absent": True, "above": ""}
    last, day = strip.content.get("last") or strip.content.get("close"), strip.content.get("day", "")
    month = found.of(day[:7]) if day else None
    above = ""
    if last and month and month.listed:
        above = f"{(Decimal(last) / YUAN / month.listed - 1) * 100:+.0f}"
    return {
        "national": _drawn(found, Decimal(last) / YUAN if last else None, day),
        "national_absent": False,
        "above": above,
    }


def _drawn(found: National, own: Decimal | None, day: str) -> dict[str, Any]:
    rows = [(m.month, m.listed) for m in found.months if m.listed is not None]
    first, last = _month(rows[0][0]), _month(rows[-1][0])
    here = _month(day[:7]) if day else last
    end = max(last, here)
    top = max([p for _, p in rows] + ([own] if own else []))
    ceiling = (int(top) // 50 + 1) * 50

    def x(month: int) -> float:
        return round(LEFT + (month - first) / ((end - first) or 1) * (WIDE - LEFT - RIGHT), 1)

    def y(price: Decimal) -> float:
        return round(float(HIGH - 18 - price / ceiling * (HIGH - 30)), 1)

    return {
        "points": " ".join(f"{x(_month(m))},{y(p)}" for m, p in rows), "w": WIDE, "h": HIGH, "plot": WIDE - RIGHT, "left": LEFT,
        "lines": [(y(Decimal(v)), str(v)) for v in range(50, ceiling, 50)], "base": y(Decimal(0)), "end": (x(last), y(rows[-1][1]), f"{rows[-1][1]:.2f}"),
        "own": (x(here), y(own), f"{own:.2f}") if own else None, "first": rows[0][0], "last": rows[-1][0], "status": found.status, "source": found.source,
        "sha": found.sha256, "rows": [(m, f"{p:.2f}") for m, p in rows], "stale": here > last,
    }  # fmt: skip


def _month(text: str) -> int:
    day = date.fromisoformat(f"{text}-01")
    return day.year * 12 + day.month
