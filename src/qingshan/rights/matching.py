"""Who trades with whom: pure functions on whole numbers. A fill names the resting order, the quantity and the price.

Prices are 1e-4 yuan per base unit, quantities micro-units. `arrival` is the order's place in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qingshan.ledger.amounts import MICRO
from qingshan.ledger.book import Refused

__all__ = [
    "Auction",
    "Bid",
    "Fill",
    "Quote",
    "band",
    "call_auction",
    "close_price",
    "listed_pick",
    "price_time",
    "single_auction",
]


@dataclass(frozen=True, slots=True)
class Quote:
    """A resting order: `side` is buy or sell, `left` what is still open."""

    id: str
    account: str
    side: str
    price: int
    left: int
    arrival: int


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade with a resting order at its price."""

    quote: str
    quantity: int
    price: int


def band(reference: int, percent: int, tick: int) -> tuple[int, int]:
    """Lowest and highest price allowed around a reference, taken to the tick inside the band."""
    low = -(-reference * (100 - percent) // 100)
    high = reference * (100 + percent) // 100
    return -(-low // tick) * tick, high // tick * tick


def close_price(value: int, volume: int, previous: int, tick: int) -> int:
    """Mean price of a day's listed trades (sum of price x quantity, sum of quantity), to the tick, half to even; the previous close
    where there were none."""
    if not volume:
        return previous
    ticks, rest = divmod(value, volume * tick)
    return (ticks + (2 * rest > volume * tick or (2 * rest == volume * tick and ticks % 2 == 1))) * tick


def _crossing(book: Iterable[Quote], side: str, price: int) -> list[Quote]:
    """Resting orders against which an order of that side and limit may trade, the best price first, then by arrival."""
    if side == "buy":
        return sorted((q for q in book if q.side == "sell" and q.price <= price), key=lambda q: (q.price, q.arrival))
    return sorted((q for q in book if q.side == "buy" and q.price >= price), key=lambda q: (-q.price, q.arrival))


def _not_own(quotes: Sequence[Quote], account: str) -> None:
    if any(q.account == account for q in quotes):
        raise Refused("self_trade", "the order would trade with one of the same account.", "委托将与本账户的挂单成交。",
                      fix="cancel your own order first / 请先撤销自己的挂单")  # fmt: skip


def price_time(book: Iterable[Quote], account: str, side: str, price: int, quantity: int) -> list[Fill]:
    """Continuous matching by price, then time, at the resting price. Raises `Refused` for a trade with oneself."""
    fills, left, met = [], quantity, []
    for q in _crossing(book, side, price):
        if left == 0:
            break
        met.append(q)
        fills.append(Fill(q.id, min(left, q.left), q.price))
        left -= fills[-1].quantity
    _not_own(met, account)
    return fills


def listed_pick(
    book: Iterable[Quote], account: str, side: str, picked: Sequence[str], quantity: int, levels: int
) -> list[Fill]:
    """The taker picks counterparties by name inside the best level; a worse level only when all better ones are used up by the
    same command. Only the best `levels` prices are open to picking. Raises `Refused`."""
    limit = 2**63 - 1 if side == "buy" else 0
    quotes = _crossing(book, side, limit)
    prices = list(dict.fromkeys(q.price for q in quotes))[:levels]
    by_id = {q.id: q for q in quotes}
    fills, left = [], quantity
    taken: dict[str, int] = {}
    for id in picked:
        q = by_id.get(id)
        if q is None or q.price not in prices:
            raise Refused(
                "not_quoted", f"{id!r} is not among the best {levels} prices.", f"{id!r} 不在最优 {levels} 档之内。"
            )
        _not_own([q], account)
        for better in quotes:
            if (
                prices.index(q.price) > (prices.index(better.price) if better.price in prices else levels)
                and taken.get(better.id, 0) < better.left
            ):
                raise Refused(
                    "better_level",
                    f"better prices than that of {id!r} are not used up.",
                    f"优于 {id!r} 的价位尚未成交完。",
                )
        part = min(left, q.left - taken.get(id, 0))
        if part > 0:
            fills.append(Fill(id, part, q.price))
            taken[id] = taken.get(id, 0) + part
            left -= part
    return fills


@dataclass(frozen=True, slots=True)
class Auction:
    """One price for all, the volume, and what each order gets."""

    price: int
    volume: int
    fills: dict[str, int]


def call_auction(orders: Sequence[Quote], reference: int, *, ration: str = "time", lot: int = MICRO) -> Auction | None:
    """The price with the largest executable volume; ties by least imbalance, nearness to the reference, lower price. On the long side
    the marginal level is rationed by `time` or `pro_rata` (floor to lots, rest by time). None where nothing crosses."""
    best: tuple[int, int, int, int] | None = None
    for p in sorted({o.price for o in orders}):
        demand = sum(o.left for o in orders if o.side == "buy" and o.price >= p)
        supply = sum(o.left for o in orders if o.side == "sell" and o.price <= p)
        rank = (-min(demand, supply), abs(demand - supply), abs(p - reference), p)
        best = rank if best is None or rank < best else best
    if best is None or best[0] == 0:
        return None
    price, volume = best[3], -best[0]
    fills: dict[str, int] = {}
    for side, sign in (("buy", -1), ("sell", 1)):
        willing = [o for o in orders if o.side == side and sign * o.price <= sign * price]
        fills |= _rationed(willing, sign, price, volume, ration, lot)
    return Auction(price, volume, fills)


def _rationed(willing: Sequence[Quote], sign: int, price: int, volume: int, ration: str, lot: int) -> dict[str, int]:
    """Strictly better orders in full, then the marginal level by the rule."""
    fills: dict[str, int] = {}
    left = volume
    for o in sorted((o for o in willing if o.price != price), key=lambda o: (sign * o.price, o.arrival)):
        fills[o.id] = min(o.left, left)
        left -= fills[o.id]
    marginal = sorted((o for o in willing if o.price == price), key=lambda o: o.arrival)
    whole = sum(o.left for o in marginal)
    if ration == "pro_rata" and whole > left:
        for o in marginal:
            fills[o.id] = o.left * left // whole // lot * lot
        left -= sum(fills[o.id] for o in marginal)
    for o in marginal:
        more = min(o.left - fills.get(o.id, 0), left)
        fills[o.id] = fills.get(o.id, 0) + more
        left -= more
    return {id: q for id, q in fills.items() if q}


@dataclass(frozen=True, slots=True)
class Bid:
    """A bid in a single auction."""

    id: str
    account: str
    price: int
    quantity: int
    arrival: int


def single_auction(
    bids: Sequence[Bid], offered: int, reserve: int, *, selling: bool = True, pricing: str = "uniform"
) -> tuple[list[Fill], int]:
    """One seller (or, with `selling` False, one buyer) and many bidders: the best prices win, equal ones by time. `uniform`: all pay
    the last winning price; `pay_as_bid`: each its own. Returns fills and what is left over."""
    sign = -1 if selling else 1
    good = sorted(
        (b for b in bids if (b.price >= reserve if selling else b.price <= reserve)),
        key=lambda b: (sign * b.price, b.arrival),
    )
    won, left = [], offered
    for b in good:
        if left == 0:
            break
        won.append((b, min(b.quantity, left)))
        left -= won[-1][1]
    price = won[-1][0].price if won else reserve
    return [Fill(b.id, q, price if pricing == "uniform" else b.price) for b, q in won], left
