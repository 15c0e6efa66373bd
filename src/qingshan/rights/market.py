"""The exchange's commands: market days, orders, cancels, replacements, call and single auctions, blocks, closing.

Every order is a record of the register `order` and a hold on the ledger: a seller's serial ranges, a buyer's cash. A trade is posted in the
transaction that makes it (units against cash), so it cannot fail for lack of either. Prices are 1e-4 yuan per base unit, quantities micro-units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from qingshan.ledger.amounts import amount, units, yuan
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, Leg, RegisterEntry, Release, Trade
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.actors import roles_of
from qingshan.registers.calendar import CHINA, day_of

from .commands import guarded
from .instruments import parse_asset
from .matching import Fill, Quote, band, call_auction, close_price, listed_pick, price_time
from .registry import CASH, operator_of, own_id, whole, word
from .rulesets import RuleSets
from .sides import MarketDay, Side, cash_of, paired

__all__ = ["market_handlers", "open_orders", "operates"]

ORDER, MARKET = "order", "market"
MOST_ORDERS = 100_000
"""Open orders that one market may have."""


def market_handlers(rules: RuleSets, zone: timezone = CHINA) -> dict[str, Handler]:
    """The handlers by command kind, under these rule sets."""
    desk = _Exchange(rules, zone)
    words = ("open_day", "close_day", "suspend", "resume", "order", "cancel", "replace", "call", "block")
    return guarded({f"market.{w}": getattr(desk, w) for w in words})


def open_orders(book: Book, asset: str) -> list[Quote]:
    """The resting orders of a market, by arrival."""
    return [_quote(r) for r in book.standing(ORDER, f"open:{asset}")]


def _against(book: Book, asset: str, side: str, price: int | None) -> list[Quote]:
    """The resting orders of the other side, those at `price` or better for the taker where one is given: what does not meet an order costs it
    one look. By arrival."""
    found = []
    for id in book.in_state.get((ORDER, f"open:{asset}"), ()):
        record = book.records[ORDER, id]
        c = record.content
        if c["side"] != side and (price is None or (c["price"] <= price if side == "buy" else c["price"] >= price)):
            found.append(_quote(record))
    return sorted(found, key=lambda q: q.arrival)


def _quote(record: RegisterEntry) -> Quote:
    c = record.content
    return Quote(record.id, c["account"], c["side"], c["price"], c["left"], c["arrival"])


class _Exchange:
    def __init__(self, rules: RuleSets, zone: timezone) -> None:
        self.rules, self.zone = rules, zone

    # ---- the day ---------------------------------------------------------------------------------------------------

    def open_day(self, book: Book, command: Command) -> Decision:
        """{asset, reference?}: opens the day; the reference price is the last close, the first one is given."""
        market = self._market(book, command)
        if market.record.state != "closed":
            raise Refused("market_state", f"the market is {market.record.state}.", "市场不在收市状态。")
        if not market.trades_on(market.day):
            raise Refused("no_trading_day", f"{market.day} is no trading day.", f"{market.day} 不是交易日。")
        if market.day >= parse_asset(market.asset).end:
            raise Refused(
                "expired", f"{market.asset} was good until {parse_asset(market.asset).end}.", f"{market.asset} 已到期。"
            )
        if market.record.content.get("day", "") >= market.day.isoformat():
            raise Refused("same_day", "a market opens once a day.", "一个交易日只开市一次。")
        reference = market.record.content.get("close") or whole(command.body, "reference")
        content = {
            **market.record.content,
            "day": market.day.isoformat(),
            "reference": reference,
            "volume": 0,
            "value": 0,
            "by": command.by,
        }
        return Decision([self._next(market, "open", content)], {"reference": str(reference)}, market.rules.mark)

    def close_day(self, book: Book, command: Command) -> Decision:
        """{asset}: cancels what rests and sets the close."""
        market = self._market(book, command)
        if market.record.state not in ("open", "suspended"):
            raise Refused("market_state", "the market is not open.", "市场未开市。")
        c = market.record.content
        close = close_price(c["value"], c["volume"], c["reference"], market.rules["tick"])
        entries: list[Entry] = []
        for quote in open_orders(book, market.asset):
            entries += self._withdrawn(book, market.asset, quote.id, "expired", command)
        content = {**c, "close": close, "by": command.by}
        return Decision([*entries, self._next(market, "closed", content)], {"close": str(close)}, market.rules.mark)

    def suspend(self, book: Book, command: Command) -> Decision:
        market = self._open(book, command)
        return Decision(
            [
                self._next(
                    market,
                    "suspended",
                    {**market.record.content, "because": word(command.body, "because"), "by": command.by},
                )
            ]
        )

    def resume(self, book: Book, command: Command) -> Decision:
        market = self._market(book, command)
        if market.record.state != "suspended":
            raise Refused("market_state", "the market is not suspended.", "市场未停牌。")
        return Decision(
            [self._next(market, "open", {k: v for k, v in market.record.content.items() if k != "because"})]
        )

    # ---- orders ----------------------------------------------------------------------------------------------------

    def order(self, book: Book, command: Command) -> Decision:
        """{id, asset, account, side, price, quantity, kind = limit | ioc | fok | auction, picks?}."""
        b = command.body
        market = self._open(book, command)
        self._in_session(market, command)
        id, account, side = own_id(b), word(b, "account"), b.get("side")
        operator_of(book, command.by, account)
        if (ORDER, id) in book.records:
            raise Refused("duplicate_order", f"the order {id} exists.", f"委托 {id} 已存在。")
        price, quantity, kind = whole(b, "price"), whole(b, "quantity"), b.get("kind", "limit")
        if side not in ("buy", "sell") or kind not in ("limit", "ioc", "fok", "auction"):
            raise Refused(
                "order",
                "side is buy or sell; kind is limit, ioc, fok or auction.",
                "方向为 buy 或 sell，类型为 limit、ioc、fok 或 auction。",
            )
        self._priced(market, price, quantity, "listed")
        if len(book.in_state.get((ORDER, f"open:{market.asset}"), ())) >= MOST_ORDERS:
            raise Refused("book_full", f"the market has {MOST_ORDERS} open orders.", f"挂单已达 {MOST_ORDERS} 笔。")
        fills = self._matched(book, market, account, side, price, quantity, b) if kind != "auction" else []
        done = sum(f.quantity for f in fills)
        if kind == "fok" and done < quantity:
            raise Refused(
                "not_filled",
                f"only {units(done)} of {units(quantity)} could be traded.",
                f"仅能成交 {units(done)}，不足 {units(quantity)}。",
            )
        return self._entered(
            book, command, market, id, account, side, price, quantity, fills, rests=kind in ("limit", "auction")
        )

    def _matched(
        self, book: Book, market: MarketDay, account: str, side: str, price: int, quantity: int, body: Mapping[str, Any]
    ) -> list[Fill]:
        if market.rules["policy"] == "price_time":
            return price_time(_against(book, market.asset, side, price), account, side, price, quantity)
        picks = body.get("picks")
        if picks is None:
            return []  # under listed_pick an order without picks is a quote
        if (
            not isinstance(picks, list)
            or not all(isinstance(p, str) for p in picks)
            or len(set(picks)) != len(picks)
            or len(picks) > 100
        ):
            raise Refused(
                "picks", "picks are at most 100 order ids, each once.", "picks 至多 100 个委托编号，不得重复。"
            )
        quotes = _against(book, market.asset, side, None)
        fills = listed_pick(quotes, account, side, picks, quantity, market.rules["levels"])
        if any((f.price > price) if side == "buy" else (f.price < price) for f in fills):
            raise Refused("limit", "a picked quote is worse than the limit.", "所选报价劣于限价。")
        return fills

    def _entered(self, book: Book, command: Command, market: MarketDay, id: str, account: str, side: str, price: int, quantity: int, fills: list[Fill], *,
                 rests: bool) -> Decision:  # fmt: skip
        """Hold for the whole order, trades against the resting ones, and what is left of it."""
        entries: list[Entry] = [self._held(book, market, id, account, side, price, quantity)]
        own = Side(book, market, id, account, side, price, quantity, entries[0])  # type: ignore[arg-type]
        traded = value = 0
        for n, fill in enumerate(fills):
            maker = book.records[ORDER, fill.quote]
            entries += self._settled(own, Side.resting(book, market, maker), fill, f"{id}/{n}")
            entries.append(self._after(book, maker, fill.quantity))
            traded, value = traded + fill.quantity, value + fill.price * fill.quantity
        left = quantity - traded
        state = f"open:{market.asset}" if left and rests else ("filled" if not left else "cancelled")
        if left and not rests:
            entries.append(own.freed())
        content = {
            "asset": market.asset, "account": account, "side": side, "price": price, "quantity": quantity, "left": left if rests else 0,
            "arrival": book.arrivals, "day": market.day.isoformat(), "by": command.by,
        }  # fmt: skip
        entries.append(RegisterEntry(ORDER, id, 1, state, content))
        if traded:
            entries.append(self._traded(market, traded, value, fills[-1].price))
        answer = {
            "order": id,
            "filled": str(traded),
            "left": str(left if rests else 0),
            "trades": [[f.quote, str(f.quantity), str(f.price)] for f in fills],
        }
        return Decision(entries, answer, market.rules.mark)

    def _held(self, book: Book, market: MarketDay, id: str, account: str, side: str, price: int, quantity: int) -> Hold:
        if side == "sell":
            return Hold(
                id,
                account,
                market.asset,
                quantity,
                "order",
                book.pick(account, market.asset, quantity, day=market.number),
            )
        return Hold(id, account, CASH, cash_of(price, quantity, market.rules), "order")

    def _settled(self, taker: Side, maker: Side, fill: Fill, trade: str) -> list[Entry]:
        seller, buyer = (taker, maker) if taker.side == "sell" else (maker, taker)
        market, money = taker.market, amount(fill.price, fill.quantity)
        entries: list[Entry] = [
            Trade(trade, market.asset, fill.quantity, seller.account, buyer.account, CASH, fill.price, money)
        ]
        units = seller.give_units(fill.quantity)
        free_on = market.free_on
        entries.append(
            Leg(
                seller.account,
                buyer.account,
                market.asset,
                fill.quantity,
                "settlement",
                units,
                hold=seller.id,
                trade=trade,
                free_on=free_on,
            )
        )
        if money:
            entries.append(Leg(buyer.account, seller.account, CASH, money, "settlement", hold=buyer.id, trade=trade))
        entries += buyer.give_cash(money, fill.quantity)
        if market.rules.has("fee"):
            fee = money * market.rules["fee"] // 10_000
            entries += [Leg(side.account, "fee", CASH, fee, "fee") for side in (buyer, seller) if fee]
        return entries

    def _after(self, book: Book, maker: RegisterEntry, quantity: int) -> RegisterEntry:
        left = maker.content["left"] - quantity
        state = maker.state if left else "filled"
        return RegisterEntry(ORDER, maker.id, maker.version + 1, state, {**maker.content, "left": left})

    def _traded(self, market: MarketDay, volume: int, value: int, last: int) -> RegisterEntry:
        c = market.record.content
        return self._next(
            market,
            market.record.state,
            {**c, "volume": c["volume"] + volume, "value": c["value"] + value, "last": last},
        )

    def cancel(self, book: Book, command: Command) -> Decision:
        """{asset, id}: also while the market is suspended."""
        record = self._order(book, command)
        if "exchange" not in roles_of(book, command.by):
            operator_of(book, command.by, record.content["account"])
        return Decision(
            self._withdrawn(book, record.content["asset"], record.id, "cancelled", command), {"order": record.id}
        )

    def replace(self, book: Book, command: Command) -> Decision:
        """{asset, id, quantity}: less of it keeps its place in time."""
        record = self._order(book, command)
        c, quantity = record.content, whole(command.body, "quantity")
        operator_of(book, command.by, c["account"])
        market = self._open(book, command)
        self._in_session(market, command)
        if quantity >= c["left"] or "price" in command.body:
            raise Refused(
                "loses_place", "a new price or more quantity is a new order.", "改价或增量视为新委托。",
                fix="send market.cancel, then market.order / 先撤单，再委托",
            )  # fmt: skip
        self._priced(market, c["price"], quantity, "listed")
        freed = Side.resting(book, market, record).freed(keep=quantity)
        smaller = RegisterEntry(ORDER, record.id, record.version + 1, record.state, {**c, "left": quantity})
        return Decision([freed, smaller], {"order": record.id}, market.rules.mark)

    def _order(self, book: Book, command: Command) -> RegisterEntry:
        record = book.records.get((ORDER, word(command.body, "id")))
        if record is None or not record.state.startswith("open:"):
            raise Refused(
                "unknown_order",
                f"there is no open order {command.body['id']!r}.",
                f"没有未成交的委托 {command.body['id']!r}。",
            )
        return record

    def _withdrawn(self, book: Book, asset: str, id: str, state: str, command: Command) -> list[Entry]:
        record = book.records[ORDER, id]
        hold = book.holds[id]
        ranges = () if hold.asset == CASH else book.pick("", hold.asset, hold.quantity, hold=id)
        return [Release(id, hold.account, hold.asset, hold.quantity, ranges),
                RegisterEntry(ORDER, id, record.version + 1, state, {**record.content, "left": 0, "by": command.by})]  # fmt: skip

    # ---- auctions and blocks ---------------------------------------------------------------------------------------

    def call(self, book: Book, command: Command) -> Decision:
        """{asset, ration = time | pro_rata}: crosses all resting orders at one price."""
        market = self._open(book, command)
        ration = command.body.get("ration", "time")
        if ration not in ("time", "pro_rata"):
            raise Refused("ration", "ration is time or pro_rata.", "分配方式为 time 或 pro_rata。")
        quotes = open_orders(book, market.asset)
        found = call_auction(quotes, market.record.content["reference"], ration=ration, lot=market.rules["lot"])
        if found is None:
            return Decision([], {"price": None, "volume": "0"}, market.rules.mark)
        entries: list[Entry] = []
        sides = {q.id: Side.resting(book, market, book.records[ORDER, q.id]) for q in quotes if q.id in found.fills}
        for n, (buyer, seller, quantity) in enumerate(paired(found.fills, sides)):
            if sides[buyer].account == sides[seller].account:
                raise Refused(
                    "self_trade",
                    f"{sides[buyer].account} would trade with itself.",
                    f"{sides[buyer].account} 将与自己成交。",
                )
            entries += self._settled(
                sides[buyer],
                sides[seller],
                Fill(seller, quantity, found.price),
                f"call:{market.asset}:{command.at}/{n}",
            )
        entries += [self._after(book, book.records[ORDER, id], q) for id, q in found.fills.items()]
        entries.append(self._traded(market, found.volume, found.price * found.volume, found.price))
        return Decision(entries, {"price": str(found.price), "volume": str(found.volume)}, market.rules.mark)

    def block(self, book: Book, command: Command) -> Decision:
        """{id, asset, seller, buyer, price, quantity, proposal?}: proposed by one side, settled when the other sends the same terms."""
        b = command.body
        market = self._open(book, command)
        id, seller, buyer = own_id(b), word(b, "seller"), word(b, "buyer")
        price, quantity = whole(b, "price"), whole(b, "quantity")
        self._priced(market, price, quantity, "block")
        mine = [a for a in (seller, buyer) if operates(book, command.by, a)]
        if len(mine) != 1:
            raise Refused(
                "not_operator",
                "a block is agreed by an operator of exactly one side.",
                "大宗交易须由其中一方的操作人确认。",
            )
        terms = {"asset": market.asset, "seller": seller, "buyer": buyer, "price": price, "quantity": quantity}
        known = book.records.get(("block", id))
        if known is None or {k: known.content[k] for k in terms} != terms or known.content["side"] == mine[0]:
            if known is not None and known.state != "proposed":
                raise Refused("settled_twice", f"the block {id} is {known.state}.", f"大宗交易 {id} 已结束。")
            version = known.version + 1 if known else 1
            content = {**terms, "side": mine[0], "day": market.day.isoformat(), "by": command.by}
            return Decision(
                [RegisterEntry("block", id, version, "proposed", content)],
                {"state": "proposed"},
                market.rules.mark,
            )
        if known.state != "proposed":
            raise Refused("settled_twice", f"the block {id} is {known.state}.", f"大宗交易 {id} 已结束。")
        if known.content.get("day", market.day.isoformat()) != market.day.isoformat():
            raise Refused("offer_expired", f"the offer was good on {known.content['day']}.", f"要约仅在 {known.content['day']} 当日有效。",
                          fix="propose it again / 重新提出")  # fmt: skip
        money, trade = amount(price, quantity), f"block:{id}"
        units = book.pick(seller, market.asset, quantity, day=market.number)
        free_on = market.free_on
        entries: list[Entry] = [
            Trade(trade, market.asset, quantity, seller, buyer, CASH, price, money),
            Leg(seller, buyer, market.asset, quantity, "settlement", units, trade=trade, free_on=free_on),
            *([Leg(buyer, seller, CASH, money, "settlement", trade=trade)] if money else []),
            RegisterEntry("block", id, known.version + 1, "settled", {**known.content, "by": command.by}),
        ]  # fmt: skip
        return Decision(entries, {"state": "settled", "money": str(money)}, market.rules.mark)

    # ---- checks ----------------------------------------------------------------------------------------------------

    def _market(self, book: Book, command: Command) -> MarketDay:
        asset = word(command.body, "asset")
        record = book.records.get((MARKET, asset))
        if record is None:
            raise Refused("unknown_market", f"there is no market for {asset!r}.", f"没有 {asset!r} 的市场。")
        day = day_of(command.at, self.zone)
        return MarketDay(asset, record, self.rules.on(record.content["rules"], day), day)

    def _open(self, book: Book, command: Command) -> MarketDay:
        market = self._market(book, command)
        if market.record.state != "open" or market.record.content["day"] != market.day.isoformat():
            state = market.record.state if market.record.state != "open" else "open for another day"
            raise Refused("market_state", f"the market is {state}.", "市场未开市或已停牌。")
        return market

    def _in_session(self, market: MarketDay, command: Command) -> None:
        now = (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=command.at))
            .astimezone(self.zone)
            .strftime("%H:%M")
        )
        if not any(start <= now < end for start, _, end in (s.partition("/") for s in market.rules["sessions"])):
            raise Refused(
                "session",
                f"{now} is outside the sessions {', '.join(market.rules['sessions'])}.",
                f"{now} 不在交易时段内。",
            )

    def _priced(self, market: MarketDay, price: int, quantity: int, way: str) -> None:
        rules, reference = market.rules, market.record.content["reference"]
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
        if way == "listed" and quantity >= rules["listed_below"]:
            raise Refused(
                "too_large",
                f"a listed order is below {units(rules['listed_below'])}.",
                f"挂牌委托须小于 {units(rules['listed_below'])}。",
                fix="trade it as a block / 改用大宗协议",
            )
        if way == "block" and quantity < rules["block_from"]:
            raise Refused(
                "too_small",
                f"a block is at least {units(rules['block_from'])}.",
                f"大宗交易不得小于 {units(rules['block_from'])}。",
                fix="enter a listed order / 改用挂牌协议",
            )
        low, high = band(reference, rules[f"{way}_band"], rules["tick"])
        if not low <= price <= high:
            raise Refused("band", f"{yuan(price)} yuan is outside {yuan(low)} to {yuan(high)} yuan.",
                          f"价格 {yuan(price)} 元超出 {yuan(low)}–{yuan(high)} 元。")  # fmt: skip
        amount(price, quantity)

    def _next(self, market: MarketDay, state: str, content: Mapping[str, Any]) -> RegisterEntry:
        return RegisterEntry(MARKET, market.asset, market.record.version + 1, state, content)


def operates(book: Book, actor: str, account: str) -> bool:
    """Whether the actor is an operator of the account."""
    try:
        operator_of(book, actor, account)
    except Refused:
        return False
    return True
