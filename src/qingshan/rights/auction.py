"""Single auctions (单向竞价) and linked water deals: one seller or buyer against many, and several period legs that stand or fall together.

    auction.apply   {id, asset, account, selling, quantity, reserve, pricing, opens, closes, minimum?, cap?}   by an approver of the offerer
    auction.admit   {id}                                   the exchange announces it; the notice ends when `opens` is reached
    auction.bid     {auction, id, account, price, quantity}  between `opens` and `closes`
    auction.retract {auction, id}                          before `closes`
    auction.close   {id}                                   after `closes`: settles the winners, frees everything else
    water.deal      {id, seller, buyer, legs: [{asset, quantity, price}, …]}   proposed by one side, settled when the other sends the same

Whoever offers or bids has the units or the cash set aside at once. Times in microseconds since 1970; prices in 1e-4 yuan per base unit. `price`
of a leg may be null: a deal whose price is not published; it moves units only and no mean price counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timezone
from typing import Any

from qingshan.ledger.amounts import amount, units, yuan
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, Leg, RegisterEntry, Release, Trade
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.calendar import CHINA, day_of

from .commands import guarded
from .instruments import parse_asset
from .market import operates
from .matching import Bid, Fill, single_auction
from .registry import CASH, operator_of, own_id, whole, word
from .rulesets import RuleSet, RuleSets
from .sides import cash_of, resale_day

__all__ = ["auction_handlers"]

AUCTION, BID, DEAL = "auction", "auction_bid", "water_deal"
WATER = ("water_region", "water_abstraction", "water_irrigation")
MOST_LEGS = 30
MOST_BIDS = 10_000


def auction_handlers(rules: RuleSets, zone: timezone = CHINA) -> dict[str, Handler]:
    """The handlers by command kind, under these rule sets."""
    hall = _Hall(rules, zone)
    words = ("apply", "admit", "bid", "retract", "close")
    return guarded({f"auction.{w}": getattr(hall, w) for w in words} | {"water.deal": hall.deal})


@dataclass(frozen=True)
class _Hall:
    rules: RuleSets
    zone: timezone

    # ---- single auction --------------------------------------------------------------------------------------------

    def apply(self, book: Book, command: Command) -> Decision:
        b = command.body
        id, asset, account = own_id(b), word(b, "asset"), word(b, "account")
        operator_of(book, command.by, account)
        if (AUCTION, id) in book.records:
            raise Refused("duplicate", f"the auction {id} exists.", f"竞价 {id} 已存在。")
        rules, day = self._rules(book, asset, command)
        quantity, reserve, pricing, selling = (
            whole(b, "quantity"),
            whole(b, "reserve"),
            b.get("pricing"),
            b.get("selling"),
        )
        if pricing not in ("uniform", "pay_as_bid") or not isinstance(selling, bool):
            raise Refused(
                "pricing",
                "pricing is uniform or pay_as_bid; selling is true or false.",
                "定价方式为 uniform 或 pay_as_bid，selling 为真或假。",
            )
        _on_grid(rules, reserve, quantity)
        opens, closes = whole(b, "opens"), whole(b, "closes")
        notice = rules["auction_notice_days"] if rules.has("auction_notice_days") else 0
        if not command.at < opens < closes or (day_of(opens, self.zone) - day).days < notice:
            raise Refused("window", f"the auction opens at least {notice} days from now and closes later.",
                          f"竞价开始时间须至少在 {notice} 日之后，且早于结束时间。")  # fmt: skip
        minimum, cap = whole({"minimum": b.get("minimum", 1)}, "minimum"), whole({"cap": b.get("cap", quantity)}, "cap")
        terms = {"asset": asset, "account": account, "selling": selling, "quantity": quantity, "reserve": reserve, "pricing": pricing, "opens": opens,
                 "closes": closes, "minimum": minimum, "cap": cap}  # fmt: skip
        hold = self._aside(book, rules, f"auction:{id}", account, selling, asset, reserve, quantity, day)
        return Decision(
            [hold, RegisterEntry(AUCTION, id, 1, "applied", terms | {"by": command.by})], {"auction": id}, rules.mark
        )

    def admit(self, book: Book, command: Command) -> Decision:
        record = _auction(book, command.body, "id", "applied")
        if command.at >= record.content["opens"]:
            raise Refused("window", "the time of opening is past.", "开始时间已过。", fix="apply again / 重新申请")
        return Decision([_next(record, "announced", command, {})], {"auction": record.id})

    def bid(self, book: Book, command: Command) -> Decision:
        b = command.body
        record = _auction(book, b, "auction", "announced")
        c, id, account = record.content, own_id(b), word(b, "account")
        operator_of(book, command.by, account)
        rules, day = self._rules(book, c["asset"], command)
        price, quantity = whole(b, "price"), whole(b, "quantity")
        _on_grid(rules, price, quantity)
        if not c["opens"] <= command.at < c["closes"]:
            raise Refused("window", "bids are taken between opening and closing.", "不在竞价时间内。")
        if (BID, id) in book.records:
            raise Refused("duplicate", f"the bid {id} exists.", f"报价 {id} 已存在。")
        if account == c["account"]:
            raise Refused("self_trade", "the offerer may not bid.", "发起人不得应价。")
        if price < c["reserve"] if c["selling"] else price > c["reserve"]:
            raise Refused(
                "reserve", f"the reserve price is {yuan(c['reserve'])} yuan.", f"保留价为 {yuan(c['reserve'])} 元。"
            )
        there = list(book.standing(BID, f"open:{record.id}"))
        given = sum(r.content["quantity"] for r in there if r.content["account"] == account)
        if quantity < c["minimum"] or given + quantity > c["cap"] or len(there) >= MOST_BIDS:
            raise Refused("bid_size", f"a bid is at least {units(c['minimum'])}, all of one bidder at most {units(c['cap'])}.",
                          f"每笔不少于 {units(c['minimum'])}，每户合计不超过 {units(c['cap'])}。")  # fmt: skip
        hold = self._aside(book, rules, f"bid:{id}", account, not c["selling"], c["asset"], price, quantity, day)
        content = {
            "auction": record.id,
            "account": account,
            "price": price,
            "quantity": quantity,
            "arrival": book.arrivals,
            "by": command.by,
        }
        return Decision([hold, RegisterEntry(BID, id, 1, f"open:{record.id}", content)], {"bid": id}, rules.mark)

    def retract(self, book: Book, command: Command) -> Decision:
        record = _auction(book, command.body, "auction", "announced")
        bid = book.records.get((BID, word(command.body, "id")))
        if bid is None or bid.state != f"open:{record.id}":
            raise Refused(
                "unknown_bid", f"there is no open bid {command.body['id']!r}.", f"没有有效报价 {command.body['id']!r}。"
            )
        operator_of(book, command.by, bid.content["account"])
        if command.at >= record.content["closes"]:
            raise Refused("window", "the auction has closed.", "竞价已截止。")
        return Decision([_freed(book, f"bid:{bid.id}"), _next(bid, "retracted", command, {})], {"bid": bid.id})

    def close(self, book: Book, command: Command) -> Decision:
        """Winners by price, then time; every hold is opened, what is not traded is free again."""
        record = _auction(book, command.body, "id", "announced")
        c = record.content
        if command.at < c["closes"]:
            raise Refused("window", "the auction is still open.", "竞价尚未截止。")
        rules, day = self._rules(book, c["asset"], command)
        bids = {r.id: r for r in book.standing(BID, f"open:{record.id}")}
        ranked = [
            Bid(i, r.content["account"], r.content["price"], r.content["quantity"], r.content["arrival"])
            for i, r in bids.items()
        ]
        fills, left = single_auction(ranked, c["quantity"], c["reserve"], selling=c["selling"], pricing=c["pricing"])
        opened = [_freed(book, hold) for hold in (f"auction:{record.id}", *(f"bid:{i}" for i in bids))]
        stock = {r.id: list(r.ranges) for r in opened}
        entries: list[Entry] = [*opened]
        for n, fill in enumerate(fills):
            entries += self._settled(record, bids[fill.quote], fill, f"auction:{record.id}/{n}", stock, rules, day)
        won = {f.quote: f.quantity for f in fills}
        entries += [_next(r, "won" if i in won else "lost", command, {"won": won.get(i, 0)}) for i, r in bids.items()]
        sold = c["quantity"] - left
        entries.append(
            _next(
                record, "settled" if fills else "failed", command, {"sold": sold, "trades": len(fills)} | _prices(fills)
            )
        )
        answer = {
            "sold": str(sold),
            "left": str(left),
            "fills": [[f.quote, str(f.quantity), str(f.price)] for f in fills],
        }
        return Decision(entries, answer, rules.mark)

    def _settled(self, record: RegisterEntry, bid: RegisterEntry, fill: Fill, trade: str, stock: dict[str, list[tuple[str, int, int]]], rules: RuleSet,
                 day: date) -> list[Entry]:  # fmt: skip
        offerer, bidder, asset = record.content["account"], bid.content["account"], record.content["asset"]
        seller, buyer = (offerer, bidder) if record.content["selling"] else (bidder, offerer)
        from_ = stock[f"auction:{record.id}"] if record.content["selling"] else stock[f"bid:{bid.id}"]
        free_on = _number(resale_day(rules, day))
        money = amount(fill.price, fill.quantity)
        entries: list[Entry] = [
            Trade(trade, asset, fill.quantity, seller, buyer, CASH, fill.price, money),
            Leg(
                seller,
                buyer,
                asset,
                fill.quantity,
                "settlement",
                _taken(from_, fill.quantity),
                trade=trade,
                free_on=free_on,
            ),
        ]
        if money:
            entries.append(Leg(buyer, seller, CASH, money, "settlement", trade=trade))
        if rules.has("fee") and (fee := money * rules["fee"] // 10_000):
            entries += [Leg(side, "fee", CASH, fee, "fee") for side in (buyer, seller)]
        return entries

    # ---- linked water deal -----------------------------------------------------------------------------------------

    def deal(self, book: Book, command: Command) -> Decision:
        b = command.body
        id, seller, buyer = own_id(b), word(b, "seller"), word(b, "buyer")
        legs = self._legs(book, b.get("legs"), command)
        mine = [a for a in (seller, buyer) if operates(book, command.by, a)]
        if len(mine) != 1:
            raise Refused(
                "not_operator", "a deal is agreed by an operator of exactly one side.", "交易须由其中一方的操作人确认。"
            )
        terms = {"seller": seller, "buyer": buyer, "legs": legs}
        known = book.records.get((DEAL, id))
        if known is not None and known.state != "proposed":
            raise Refused("settled_twice", f"the deal {id} is {known.state}.", f"交易 {id} 已结束。")
        version = known.version + 1 if known else 1
        if known is None or {k: known.content[k] for k in terms} != terms or known.content["side"] == mine[0]:
            content = {**terms, "side": mine[0], "day": day_of(command.at, self.zone).isoformat(), "by": command.by}
            return Decision(
                [RegisterEntry(DEAL, id, version, "proposed", content)],
                {"state": "proposed"},
            )
        entries: list[Entry] = []
        for n, leg in enumerate(legs):
            entries += self._period(book, f"water:{id}/{n}", seller, buyer, leg, command)
        entries.append(RegisterEntry(DEAL, id, version, "settled", {**known.content, "by": command.by}))
        money = [amount(x["price"], x["quantity"]) for x in legs if x["price"] is not None]
        return Decision(entries, {"state": "settled", "money": str(sum(money)) if len(money) == len(legs) else None})

    def _legs(self, book: Book, given: Any, command: Command) -> list[dict[str, Any]]:
        if (
            not isinstance(given, list)
            or not 1 <= len(given) <= MOST_LEGS
            or not all(isinstance(x, Mapping) for x in given)
        ):
            raise Refused("legs", f"a deal has 1 to {MOST_LEGS} legs.", f"交易须有 1–{MOST_LEGS} 期。")
        legs = []
        for x in given:
            asset = word(x, "asset")
            if parse_asset(asset).scheme not in WATER or asset not in book.assets:
                raise Refused("asset", f"{asset} is no water right here.", f"{asset} 不是已登记的用水权。")
            if day_of(command.at, self.zone) >= parse_asset(asset).end:
                raise Refused("expired", f"{asset} was good until {parse_asset(asset).end}.", f"{asset} 已到期。")
            legs.append(
                {
                    "asset": asset,
                    "quantity": whole(x, "quantity"),
                    "price": None if x.get("price") is None else whole(x, "price"),
                }
            )
        if len({x["asset"] for x in legs}) != len(legs):
            raise Refused("legs", "each period stands once.", "各期不得重复。")
        return legs

    def _period(
        self, book: Book, trade: str, seller: str, buyer: str, leg: Mapping[str, Any], command: Command
    ) -> list[Entry]:
        asset, quantity, price = leg["asset"], leg["quantity"], leg["price"]
        rules, day = self._rules(book, asset, command)
        money = None if price is None else amount(price, quantity)
        units = book.pick(seller, asset, quantity, day=_number(day))
        entries: list[Entry] = [
            Trade(trade, asset, quantity, seller, buyer, CASH, price, money),
            Leg(
                seller,
                buyer,
                asset,
                quantity,
                "settlement",
                units,
                trade=trade,
                free_on=_number(resale_day(rules, day)),
            ),
        ]
        return [*entries, *([Leg(buyer, seller, CASH, money, "settlement", trade=trade)] if money else [])]

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _rules(self, book: Book, asset: str, command: Command) -> tuple[RuleSet, date]:
        record = book.records.get(("market", asset))
        if record is None:
            raise Refused("unknown_market", f"there is no market for {asset!r}.", f"没有 {asset!r} 的市场。")
        day = day_of(command.at, self.zone)
        if day >= parse_asset(asset).end:
            raise Refused("expired", f"{asset} was good until {parse_asset(asset).end}.", f"{asset} 已到期。")
        return self.rules.on(record.content["rules"], day), day

    def _aside(
        self,
        book: Book,
        rules: RuleSet,
        id: str,
        account: str,
        units: bool,
        asset: str,
        price: int,
        quantity: int,
        day: date,
    ) -> Hold:
        if units:
            return Hold(id, account, asset, quantity, "order", book.pick(account, asset, quantity, day=_number(day)))
        return Hold(id, account, CASH, cash_of(price, quantity, rules), "order")


def _on_grid(rules: RuleSet, price: int, quantity: int) -> None:
    if price % rules["tick"]:
        raise Refused(
            "tick",
            f"{yuan(price)} yuan is no multiple of the tick {yuan(rules['tick'])}.",
            f"价格 {yuan(price)} 元不是最小变动价位 {yuan(rules['tick'])} 元的整数倍。",
        )
    if quantity % rules["lot"]:
        raise Refused(
            "lot",
            f"{units(quantity)} is no multiple of the lot {units(rules['lot'])}.",
            f"数量 {units(quantity)} 不是最小单位 {units(rules['lot'])} 的整数倍。",
        )
    amount(price, quantity)


def _auction(book: Book, body: Mapping[str, Any], name: str, state: str) -> RegisterEntry:
    record = book.records.get((AUCTION, word(body, name)))
    if record is None or record.state != state:
        told = "not there" if record is None else record.state
        raise Refused(
            "auction_state", f"the auction {body[name]!r} is {told}.", f"竞价 {body[name]!r} 不存在或状态不符。"
        )
    return record


def _next(record: RegisterEntry, state: str, command: Command, more: Mapping[str, Any]) -> RegisterEntry:
    return RegisterEntry(
        record.register, record.id, record.version + 1, state, {**record.content, **more, "by": command.by}
    )


def _prices(fills: list[Fill]) -> dict[str, int]:
    """The lowest and highest price that was paid: what is published of an auction, with the quantity."""
    return {"low": min(f.price for f in fills), "high": max(f.price for f in fills)} if fills else {}


def _freed(book: Book, id: str) -> Release:
    hold = book.holds[id]
    return Release(id, hold.account, hold.asset, hold.quantity, tuple((r.lot, r.start, r.end) for r in hold.shelf))


def _taken(ranges: list[tuple[str, int, int]], quantity: int) -> tuple[tuple[str, int, int], ...]:
    """Cut the first units off a list of ranges."""
    given, left = [], quantity
    while left:
        lot, start, end = ranges[0]
        part = min(left, end - start)
        given.append((lot, start, start + part))
        ranges[0:1] = [(lot, start + part, end)] if start + part < end else []
        left -= part
    return tuple(given)


def _number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days
