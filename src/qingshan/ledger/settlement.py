"""Many trades of one asset as one entry: columns instead of objects, netted by account before anything is posted.

A `Settlement` means what the same trades mean as `Trade` and `Leg` entries, where the units come out of the seller's hold
`{hold}:{account}:units` and money goes from and to the holds `{hold}:{account}:cash`: there what is received can be spent again at once.
Holds and balances are judged after the whole entry. `spelled` writes it out trade by trade, for readers who want to see each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .amounts import LARGEST, amount
from .entry import Settlement
from .refused import Refused
from .serials import Range

__all__ = ["Netted", "net", "spelled", "trade_ids"]

TRADES = ("seller", "buyer", "price", "quantity", "money", "parts")
RANGES = ("lot", "start", "end")


class _Lot(Protocol):
    order: int
    asset: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Netted:
    """What a settlement does to each of its accounts, in their order there."""

    ids: list[str]
    sold: list[int]
    bought: list[int]
    paid: list[int]
    received: list[int]
    taken: list[list[Range]]
    """Ranges that leave the account's hold."""
    given: list[list[Range]]
    """Ranges that come to the account, free from `free_on`."""


def net(e: Settlement, lots: Mapping[str, _Lot]) -> Netted:
    """Sums and ranges by account. Raises `Refused` for columns that do not fit, for an amount that is not price times quantity,
    and for ranges that are not the quantity."""
    _check_columns(e)
    _check_money(e)
    size = len(e.accounts)
    sold, bought, paid, received = ([0] * size for _ in range(4))
    for seller, buyer, quantity, money in zip(e.seller, e.buyer, e.quantity, e.money, strict=True):
        if seller == buyer:
            raise Refused(
                "same_account",
                f"{e.accounts[seller]} cannot trade with itself.",
                f"{e.accounts[seller]} 不能与自己成交。",
            )
        sold[seller] += quantity
        bought[buyer] += quantity
        paid[buyer] += money
        received[seller] += money
    taken: list[list[Range]] = [[] for _ in e.accounts]
    given: list[list[Range]] = [[] for _ in e.accounts]
    ranges = iter(_ranges(e, lots))
    for seller, buyer, quantity, parts in zip(e.seller, e.buyer, e.quantity, e.parts, strict=True):
        left = quantity
        for _ in range(parts):
            part = next(ranges)
            left -= part[2] - part[1]
            taken[seller].append(part)
            given[buyer].append(part)
        if left:
            raise Refused(
                "ranges_length", f"the ranges do not add up to {quantity}.", f"区间长度合计不等于 {quantity}。"
            )
    return Netted(trade_ids(e.mark, e.first, len(e.price)), sold, bought, paid, received, taken, given)


def trade_ids(mark: str, first: int, count: int) -> list[str]:
    """Names of consecutive trades."""
    return [f"{mark}/{n}" for n in range(first, first + count)]


def _check_columns(e: Settlement) -> None:
    trades, ranges = [getattr(e, name) for name in TRADES], [getattr(e, name) for name in RANGES]
    whole = set[type]().union(*(map(type, column) for column in (*trades, *ranges)))
    if whole - {int}:
        raise Refused("quantity", "a settlement's columns hold whole numbers.", "批量结算各列须为整数。")
    if (
        len({len(c) for c in trades}) != 1
        or len({len(c) for c in ranges}) != 1
        or sum(e.parts) != len(e.lot)
        or not e.price
    ):
        raise Refused("columns", "the columns of a settlement do not fit each other.", "批量结算各列的长度不一致。")
    parties = {*e.seller, *e.buyer}
    if (
        not 0 <= min(parties) <= max(parties) < len(e.accounts)
        or not 0 <= min(e.lot) <= max(e.lot) < len(e.lots)
        or len(set(e.accounts)) != len(e.accounts)
    ):
        raise Refused(
            "columns",
            "a settlement names an account or lot that it does not list.",
            "批量结算引用了未列出的账户或批次。",
        )
    if min(e.quantity) <= 0 or max(e.quantity) > LARGEST or min(e.price) <= 0 or min(e.parts) <= 0:
        raise Refused("quantity", "quantities, prices and parts are positive.", "数量、价格与区间数须为正。")


def _check_money(e: Settlement) -> None:
    wrong = (n for n, (p, q, m) in enumerate(zip(e.price, e.quantity, e.money, strict=True)) if amount(p, q) != m)
    if (n := next(wrong, None)) is not None:
        id = f"{e.mark}/{e.first + n}"
        raise Refused("money", f"the money of {id} is not price times quantity.", f"成交 {id} 的金额不等于价格乘数量。")


def _ranges(e: Settlement, lots: Mapping[str, _Lot]) -> Iterator[Range]:
    for id in e.lots:
        if id not in lots or lots[id].asset != e.asset:
            raise Refused("unknown_range", f"there is no lot {id!r} of {e.asset}.", f"没有 {e.asset} 的批次 {id!r}。")
    order, size = [lots[id].order for id in e.lots], [lots[id].quantity for id in e.lots]
    for lot, start, end in zip(e.lot, e.start, e.end, strict=True):
        if not 0 <= start < end <= size[lot]:
            raise Refused("unknown_range", f"there are no units {start} to {end} of the lot {e.lots[lot]!r}.",
                           f"批次 {e.lots[lot]!r} 没有 {start}–{end} 的单位。")  # fmt: skip
        yield Range(order[lot], start, end, e.lots[lot], e.free_on)


# ---- for readers -----------------------------------------------------------------------------------------------------


def spelled(entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The entries of a journal line, a settlement written out: releases, then each trade with its legs, then holds anew."""
    for e in entries:
        if e["do"] == "settle":
            yield from _written_out(e)
        else:
            yield e


def _written_out(e: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    names, money_asset = e["accounts"], e["money_asset"]
    change = [0] * len(names)
    for seller, buyer, money in zip(e["seller"], e["buyer"], e["money"], strict=True):
        change[seller] += money
        change[buyer] -= money
    for name, value in zip(names, change, strict=True):
        if value < 0:
            yield {
                "do": "release",
                "id": f"{e['hold']}:{name}:cash",
                "account": name,
                "asset": money_asset,
                "quantity": -value,
            }
    at = 0
    for n, (s, b, price, quantity, money, parts) in enumerate(zip(*(e[k] for k in TRADES), strict=True)):
        id, seller, buyer = f"{e['mark']}/{e['first'] + n}", names[s], names[b]
        ranges = [[e["lots"][e["lot"][i]], e["start"][i], e["end"][i]] for i in range(at, at + parts)]
        at += parts
        yield {"do": "trade", "id": id, "asset": e["asset"], "quantity": quantity, "seller": seller, "buyer": buyer, "money_asset": money_asset,
               "price": price, "money": money}  # fmt: skip
        yield {"do": "leg", "debit": seller, "credit": buyer, "asset": e["asset"], "quantity": quantity, "why": "settlement", "ranges": ranges,
               "hold": f"{e['hold']}:{seller}:units", "trade": id, "free_on": e["free_on"]}  # fmt: skip
        if money:
            yield {
                "do": "leg",
                "debit": buyer,
                "credit": seller,
                "asset": money_asset,
                "quantity": money,
                "why": "settlement",
                "trade": id,
            }
    for name, value in zip(names, change, strict=True):
        if value > 0:
            yield {
                "do": "hold",
                "id": f"{e['hold']}:{name}:cash",
                "account": name,
                "asset": money_asset,
                "quantity": value,
                "reason": "order",
            }
