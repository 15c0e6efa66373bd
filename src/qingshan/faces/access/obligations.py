"""What an entitled reader is shown of obligations: owed, surrendered, cap, carry-over, borrowing, shortfall and its range of fines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

from qingshan.core.errors import MissingParameter
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.book import Refused
from qingshan.ledger.entry import RegisterEntry
from qingshan.registers.calendar import day_of
from qingshan.registers.engine import in_register
from qingshan.rights.compliance import shortfall
from qingshan.rights.obligations import (
    OBLIGATIONS,
    borrowing_allowed,
    carried_over,
    offsets_allowed,
    price_windows,
    recomputed,
    standing_of,
)
from qingshan.rights.rulesets import RuleSet

from .desk import Desk, Visitor

__all__ = ["obligations_told"]

SETTLED = ("settled",)


def obligations_told(desk: Desk, visitor: Visitor) -> list[dict[str, Any]]:
    """Obligations by id: all for those who read compliance, else those of the visitor's accounts. Noted. An open rule gives no figure but
    the document that would fill it: `{"open": document}`; a rule that the edition in force does not have gives its id and the day of the
    edition that brings it: `{"absent": id, "from": day}`, the day empty while none is on file."""
    every = desk.may_read(visitor, "compliance")
    own = set() if every or not visitor else set(desk.own_accounts(visitor))
    if visitor:
        desk.note(visitor, "compliance", "*" if every else ", ".join(sorted(own)))
    with desk.reading() as book:
        register = desk.registers[OBLIGATIONS]
        return [_told(desk, r) for r in in_register(register, book) if every or r.content["fields"]["holder"] in own]


def _told(desk: Desk, record: RegisterEntry) -> dict[str, Any]:
    fields, c, now = record.content["fields"], record.content, standing_of(record)
    today, deadline = day_of(desk.clock()), date.fromisoformat(fields["deadline"])
    rules = desk.rules.on(fields["rules"], today)

    def carried() -> int:
        return carried_over(desk.venue.book, record, rules, desk.running.net_sales)

    def figure(work: Callable[[], int]) -> dict[str, str]:
        told = {"value": "", "open": "", "absent": "", "from": ""}
        try:
            return told | {"value": decimal_text(work(), MICRO)}
        except MissingParameter as error:
            id = error.parameter.removeprefix("rule.")
            if id in rules.rules:
                return told | {"open": error.document}
            later = (
                s.valid_from for s in desk.rules.every() if s.id == rules.id and s.valid_from > today and id in s.rules
            )
            return told | {"absent": id, "from": min(map(str, later), default="")}

    told = {
        "id": record.id, "holder": fields["holder"], "asset": fields["asset"], "year": fields["year"], "unit": fields["unit"], "state": record.state,
        "deadline": fields["deadline"], "passed": today > deadline, "owed": decimal_text(now.owed, MICRO), "own": decimal_text(now.own, MICRO),
        "offsets": decimal_text(now.offsets, MICRO), "missing": decimal_text(now.missing, MICRO),
        "cap": figure(lambda: offsets_allowed(record, rules)), "borrowing": figure(lambda: borrowing_allowed(record, rules)),
        "carry_over": figure(carried), "fine": decimal_text(c["fine"], YUAN) if c.get("fine") else "",
        "paid": bool(c.get("paid")), "agrees": recomputed(desk.running.traded, record) if c.get("fine") else None, "rules": rules.mark, "windows": [],
        "window": _figure_text(rules, "penalty_window"),
    }  # fmt: skip
    if now.missing and record.state not in SETTLED:
        told["windows"] = _windows(desk, record, now.missing, rules, deadline)
    return told


def _figure_text(rules: RuleSet, id: str) -> str:
    return str(rules[id]) if rules.has(id) else ""


def _windows(desk: Desk, record: RegisterEntry, missing: int, rules: RuleSet, deadline: date) -> list[dict[str, Any]]:
    """The range of the fine: in the rule set's window, or in every candidate while that is open; those without trades are left out."""
    found = price_windows(desk.running.traded, record.content["fields"]["asset"], deadline)
    chosen = _figure_text(rules, "penalty_window")
    priced = {k: (Fraction(v[0], YUAN), Fraction(v[1], MICRO)) for k, v in found.items() if v[1] and k == (chosen or k)}
    low, high = rules["fine_multiples"] if rules.has("fine_multiples") else (5, 10)
    try:
        return [{"window": s.window, "mean": f"{float(s.mean_price):,.4f}", "low": f"{float(s.lowest):,.2f}", "high": f"{float(s.highest):,.2f}",
                 "turnover": decimal_text(found[s.window][0], YUAN), "volume": decimal_text(found[s.window][1], MICRO)}
                for s in shortfall(missing, priced, multiples=(low, high))]  # fmt: skip
    except Refused:
        return []
