"""What an entitled reader is shown, in decimal texts: accounts, orders, statements, what waits, freezes, compliance, fees.

Nothing here asks who reads: `Desk.read` did, and noted it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from heapq import nsmallest
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.serials import Range
from qingshan.registers.actors import ACTORS
from qingshan.rights.commands import SCALES, FieldRow, commands
from qingshan.rights.eyes import PROPOSALS, acted_for, last_day

from .desk import Desk, Visitor

__all__ = [
    "account_told",
    "compliance_told",
    "fees_told",
    "holds_told",
    "orders_told",
    "proposals_told",
    "recent_orders_told",
    "statement_told",
    "told_amount",
]


def told_amount(asset: str, value: int) -> str:
    """A quantity or money as decimal text."""
    return decimal_text(value, YUAN if asset.startswith("cash:") else MICRO)


def _range(asset: str, r: Range, held: str = "") -> dict[str, str]:
    return {"asset": asset, "lot": r.lot, "start": decimal_text(r.start, MICRO), "end": decimal_text(r.end, MICRO),
            "quantity": decimal_text(r.end - r.start, MICRO), "free_on": date.fromordinal(719163 + r.free_on).isoformat() if r.free_on else "",
            "held": held}  # fmt: skip


def account_told(desk: Desk, account: str) -> dict[str, Any]:
    """Balances, serial ranges and holds. Raises `UnknownName`."""
    with desk.reading() as book:
        if account not in book.accounts:
            raise UnknownName(f"there is no account {account!r}.", f"没有账户 {account!r}。")
        balances = [
            {"asset": asset, "balance": told_amount(asset, b.value), "held": told_amount(asset, b.held), "available": told_amount(asset, b.available)}
            for (a, asset), b in sorted(book.balances.items()) if a == account and (b.value or b.held)
        ]  # fmt: skip
        ranges = [_range(asset, r) for (a, asset), shelf in sorted(book.shelves.items()) if a == account for r in shelf]
        mine = sorted((id, h) for id, h in book.holds.items() if h.account == account)
        ranges += [_range(h.asset, r, h.reason) for _, h in mine for r in h.shelf]
        holds = [
            {"id": id, "asset": h.asset, "quantity": told_amount(h.asset, h.quantity), "reason": h.reason, "ref": h.ref}
            for id, h in mine
        ]
        next_ = desk.venue.next
    ranges.sort(key=lambda r: (r["asset"], r["lot"], Decimal(r["start"])))
    return {"account": account, "record": next_ - 1, "balances": balances, "ranges": ranges, "holds": holds}


def orders_told(desk: Desk, account: str, after: str = "", limit: int = 101) -> list[dict[str, Any]]:
    """Orders of an account by id."""
    with desk.reading() as book:
        rows = [book.records["order", id] for id in desk.running.orders_after(account, after, limit)]
    return [_order(r) for r in rows]


def recent_orders_told(desk: Desk, account: str, day: str) -> list[dict[str, Any]]:
    """An account's open orders and those entered on a day, the newest first."""
    with desk.reading() as book:
        rows = [book.records["order", id] for id in desk.running.recent_orders(account, day)]
    return [_order(r) for r in sorted(rows, key=lambda r: -r.content["arrival"])]


def _order(r: RegisterEntry) -> dict[str, Any]:
    return {
        "id": r.id, "asset": r.content["asset"], "side": r.content["side"], "price": decimal_text(r.content["price"], YUAN), "day": r.content["day"],
        "quantity": decimal_text(r.content["quantity"], MICRO), "left": decimal_text(r.content["left"], MICRO), "state": r.state.partition(":")[0],
        "version": r.version, "arrival": r.content["arrival"],
    }  # fmt: skip


def statement_told(desk: Desk, account: str, day: date) -> dict[str, Any]:
    """An account on a day. Raises `UnknownName`."""
    with desk.reading() as book:
        if account not in book.accounts:
            raise UnknownName(f"there is no account {account!r}.", f"没有账户 {account!r}。")
        found = desk.running.statement(account, day)
    parts = {k: {a: told_amount(a, v) for a, v in getattr(found, k).items()} for k in ("opening", "closing", "held")}
    moved = [
        {"record": m.seq, "at": m.at, "asset": m.asset, "quantity": told_amount(m.asset, m.quantity), "other": m.other if not m.trade else "", "why": m.why,
         "trade": m.trade}
        for m in found.movements
    ]  # fmt: skip
    return {"account": account, "day": day.isoformat(), **parts, "movements": moved}


def proposals_told(desk: Desk, visitor: Visitor) -> list[dict[str, Any]]:
    """What waits: all for staff readers, else what concerns the visitor's accounts or stands in his own name or awaits his role.

    `may` tells whether the visitor could confirm it; `shown` is the body in words: (Chinese, English, value as text).
    """
    found = []
    held, person = desk.roles(visitor), _person(desk, visitor.actor)
    with desk.reading() as book:
        for r in book.standing(PROPOSALS, "waiting"):
            row, body = commands()[r.content["kind"]], r.content["body"]
            own = acted_for(book, row, body, visitor.actor)
            awaited = bool(held & set(row.second)) and person != _person(desk, r.content["by"])
            may = awaited and (not row.accounts or bool(own & acted_for(book, row, body, r.content["by"])))
            if own or may or r.content["by"] == visitor.actor or desk.may_read(visitor, "proposals"):
                shown = [(f.zh, f.en, _value(f, body[f.name])) for f in row.fields if f.name in body]
                found.append({"id": r.id, "kind": row.id, "zh": row.zh, "en": row.en, "by": r.content["by"], "since": r.content["since"],
                              "until": last_day(r.content["since"]).isoformat(), "may": may, "shown": shown})  # fmt: skip
    return found


def _person(desk: Desk, actor: str) -> str:
    record = desk.venue.book.records.get((ACTORS.id, actor))
    return str(record.content["fields"]["person"]) if record else ""


def _value(f: FieldRow, value: Any) -> str:
    return decimal_text(value, SCALES[f.kind]) if f.kind in SCALES and isinstance(value, int) else str(value)


HELD = ("freeze", "pledge", "review")


def holds_told(desk: Desk, after: str = "", limit: int = 101, reasons: Collection[str] = HELD) -> list[dict[str, Any]]:
    """Freezes, pledges and reviews by id, or those for some of these reasons."""
    with desk.reading() as book:
        rows = nsmallest(
            limit, ((id, h) for id, h in book.holds.items() if h.reason in reasons and id > after), key=lambda x: x[0]
        )
        return [{"id": id, "account": h.account, "asset": h.asset, "quantity": told_amount(h.asset, h.quantity), "reason": h.reason, "ref": h.ref}
                for id, h in rows]  # fmt: skip


def compliance_told(desk: Desk, after: str = "", limit: int = 101) -> list[dict[str, str]]:
    """Units surrendered by obligation."""
    with desk.reading() as book:
        rows = nsmallest(limit, ((o, q) for o, q in book.surrendered.items() if o > after and q))
    return [{"obligation": o, "surrendered": decimal_text(q, MICRO)} for o, q in rows]


def fees_told(desk: Desk, first: date, last: date) -> dict[str, Any]:
    """Money that came to the accounts fee, rounding and penalty, by day, and their balances now."""
    names = ("fee", "rounding", "penalty")
    with desk.reading() as book:
        days = {day.isoformat(): dict(v) for day, v in desk.running.fees.items() if first <= day <= last}
        balances = {name: decimal_text(book.balance(name, "cash:CNY").value, YUAN) for name in names}
    return {
        "days": [{"day": d, **{n: decimal_text(v.get(n, 0), YUAN) for n in names}} for d, v in sorted(days.items())],
        "balances": balances,
    }
