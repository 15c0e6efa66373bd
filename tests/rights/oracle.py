"""The slow and obvious market: lists, dictionaries, whole numbers, no index. It must give the tape of the compiled one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MICRO = 10**6


def money_of(price: int, quantity: int) -> int:
    whole, rest = divmod(price * quantity, MICRO)
    return whole + int(2 * rest > MICRO or (2 * rest == MICRO and whole % 2 == 1))


@dataclass
class Order:
    id: int
    account: int
    side: int
    price: int
    left: int
    arrival: int
    units: list[tuple[int, int]] = field(default_factory=list)  # single micro-units (lot, number)


@dataclass
class Oracle:
    """Holdings are sorted lists of single units, so keep the quantities small."""

    settings: dict[str, int]
    cash: list[int]
    free: list[list[tuple[int, int]]]
    bought: list[list[tuple[int, int]]]
    resting: list[Order] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    arrivals: int = 0

    def cover(self, price: int, quantity: int) -> int:
        if not quantity:
            return 0
        return -((-price * quantity) // MICRO) + (
            quantity // self.settings["lot"] if self.settings["lot"] % MICRO else 0
        )

    def held(self, account: int) -> int:
        return sum(self.cover(o.price, o.left) for o in self.resting if o.account == account and o.side == 1)

    def message(self, m: dict[str, int]) -> tuple[str, list[tuple[Any, ...]], int]:  # noqa: PLR0911 - one return for each refusal
        """Code, trades (taker, maker, seller, buyer, price, quantity, money, units), what is left resting."""
        s = self.settings
        if m["kind"] in (2, 3):
            return self.cancel(m)
        if not (s["open1"] <= m["at"] < s["shut1"] or s["open2"] <= m["at"] < s["shut2"]):
            return "session", [], 0
        for wrong, code in (
            (not 0 <= m["account"] < len(self.cash), "account"), (m["side"] not in (1, -1) or m["type"] not in (0, 1, 2), "kind"),
            (m["quantity"] <= 0 or m["price"] <= 0, "quantity"), (m["price"] % s["tick"] != 0, "tick"), (m["quantity"] % s["lot"] != 0, "lot"),
            (m["quantity"] >= s["below"], "too_large"), (not s["low"] <= m["price"] <= s["high"], "band"), (m["id"] in self.seen, "duplicate_order"),
        ):  # fmt: skip
            if wrong:
                return code, [], 0
        if m["side"] == -1 and len(self.free[m["account"]]) < m["quantity"]:
            return "too_few_units", [], 0
        if m["side"] == 1 and self.cash[m["account"]] - self.held(m["account"]) < self.cover(m["price"], m["quantity"]):
            return "too_little", [], 0
        against = [
            o
            for o in self.resting
            if o.side == -m["side"] and (o.price <= m["price"] if m["side"] == 1 else o.price >= m["price"])
        ]
        against.sort(key=lambda o: (o.price * m["side"], o.arrival))
        met, found = [], 0
        for o in against:
            if found >= m["quantity"]:
                break
            met.append(o)
            found += o.left
        if any(o.account == m["account"] for o in met):
            return "self_trade", [], 0
        if m["type"] == 2 and found < m["quantity"]:
            return "not_filled", [], 0
        self.seen.add(m["id"])
        self.arrivals += 1
        own = Order(m["id"], m["account"], m["side"], m["price"], m["quantity"], self.arrivals)
        if own.side == -1:
            own.units, self.free[own.account] = self.free[own.account][: own.left], self.free[own.account][own.left :]
        trades = [self.trade(own, maker) for maker in met]
        self.resting = [o for o in self.resting if o.left]
        if own.left and m["type"] == 0:
            self.resting.append(own)
            return "ok", trades, own.left
        self.free[own.account] = sorted(self.free[own.account] + own.units)
        return "ok", trades, 0

    def trade(self, own: Order, maker: Order) -> tuple[Any, ...]:
        seller, buyer = (own, maker) if own.side == -1 else (maker, own)
        quantity = min(own.left, maker.left)
        money = money_of(maker.price, quantity)
        units, seller.units = seller.units[:quantity], seller.units[quantity:]
        self.bought[buyer.account] = sorted(self.bought[buyer.account] + units)
        self.cash[seller.account] += money
        self.cash[buyer.account] -= money
        own.left -= quantity
        maker.left -= quantity
        return own.id, maker.id, seller.account, buyer.account, maker.price, quantity, money, units

    def cancel(self, m: dict[str, int]) -> tuple[str, list[tuple[Any, ...]], int]:
        o = next((o for o in self.resting if o.id == m["id"]), None)
        if o is None:
            return "unknown_order", [], 0
        if o.account != m["account"]:
            return "not_operator", [], o.left
        keep = 0
        if m["kind"] == 3:
            if m["quantity"] <= 0 or m["quantity"] % self.settings["lot"]:
                return "quantity", [], o.left
            if m["quantity"] >= o.left:
                return "loses_place", [], o.left
            keep = m["quantity"]
        self.free[o.account] = sorted(self.free[o.account] + o.units[keep:])
        o.units, o.left = o.units[:keep], keep
        if not keep:
            self.resting.remove(o)
        return "ok", [], keep
