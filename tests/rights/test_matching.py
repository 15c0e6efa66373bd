"""Pure matching: M1-M4 of market.md section 14, properties against slow and obvious rules."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.ledger.book import Refused
from qingshan.rights.matching import Bid, Quote, band, call_auction, close_price, price_time, single_auction

YUAN = 10_000


def quote(id: str, side: str, price: int, left: int, arrival: int, account: str = "") -> Quote:
    return Quote(id, account or id, side, price, left, arrival)


def test_m1_band() -> None:
    assert band(50 * YUAN, 10, 100) == (45 * YUAN, 55 * YUAN)
    assert band(50 * YUAN, 30, 100) == (35 * YUAN, 65 * YUAN)
    assert band(506_700, 10, 100) == (456_100, 557_300)  # 45.603 up, 55.737 down: to the tick inside


def test_m2_close() -> None:
    value = 50 * YUAN * 100 + 51 * YUAN * 200
    assert Fraction(value, 300 * YUAN) == Fraction(152, 3)
    assert close_price(value, 300, 0, 100) == 506_700
    assert close_price(0, 0, 506_700, 100) == 506_700
    assert [close_price(v, 2, 0, 100) for v in (100, 300, 301)] == [0, 200, 200]  # half to even


def test_m4_call_auction() -> None:
    buys = [quote(f"b{p}", "buy", p, q, n) for n, (p, q) in enumerate(((55, 300), (54, 200), (53, 400), (52, 100)))]
    sells = [quote(f"s{p}", "sell", p, q, n) for n, (p, q) in enumerate(((51, 250), (52, 150), (53, 200), (54, 300)))]
    found = call_auction(buys + sells, 53, lot=1)
    assert found is not None
    assert (found.price, found.volume) == (53, 600)
    assert found.fills == {"b55": 300, "b54": 200, "b53": 100, "s51": 250, "s52": 150, "s53": 200}


def test_ties_of_a_call_auction_by_hand() -> None:
    """One buy at 10 and one sell at 8 of 5 each: 5 at either price, no imbalance; nearest to the reference, then the lower."""
    both = [quote("b", "buy", 10, 5, 0), quote("s", "sell", 8, 5, 1)]
    assert [call_auction(both, r, lot=1).price for r in (12, 7, 9)] == [10, 8, 8]  # type: ignore[union-attr]
    assert call_auction([quote("b", "buy", 7, 5, 0), quote("s", "sell", 8, 5, 1)], 8) is None


def test_rationing_at_the_margin() -> None:
    """Sold are 10; at the margin 3, 9 and 6 are asked: by time 3, 7, 0; pro rata floor(30/18), floor(90/18), floor(60/18) = 1, 5, 3, rest 1 by time."""
    orders = [
        quote("s", "sell", 5, 10, 0),
        *(quote(i, "buy", 5, q, n) for n, (i, q) in enumerate((("a", 3), ("b", 9), ("c", 6)), 1)),
    ]
    assert call_auction(orders, 5, lot=1).fills == {"s": 10, "a": 3, "b": 7}  # type: ignore[union-attr]
    assert call_auction(orders, 5, ration="pro_rata", lot=1).fills == {"s": 10, "a": 2, "b": 5, "c": 3}  # type: ignore[union-attr]


orders = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 12), st.integers(1, 9)), max_size=14)


@settings(max_examples=300)
@given(orders, st.integers(1, 12), st.sampled_from(["time", "pro_rata"]))
def test_a_call_auction_is_the_best_and_fair(raw: list[tuple[str, int, int]], reference: int, ration: str) -> None:
    quotes = [quote(str(n), side, price, left, n) for n, (side, price, left) in enumerate(raw)]
    found = call_auction(quotes, reference, ration=ration, lot=1)
    volumes = {
        p: min(
            sum(q.left for q in quotes if q.side == "buy" and q.price >= p),
            sum(q.left for q in quotes if q.side == "sell" and q.price <= p),
        )
        for p in range(1, 13)
    }
    if found is None:
        assert max(volumes.values()) == 0
        return
    assert found.volume == max(volumes.values()) == volumes[found.price]
    for side, sign in (("buy", 1), ("sell", -1)):
        mine = [q for q in quotes if q.side == side]
        assert sum(found.fills.get(q.id, 0) for q in mine) == found.volume
        assert all(found.fills.get(q.id, 0) <= q.left for q in mine)
        assert all(found.fills.get(q.id, 0) == 0 for q in mine if sign * q.price < sign * found.price)
        short = [q for q in mine if found.fills.get(q.id, 0) < q.left]
        assert all(
            found.fills.get(q.id, 0) == 0 for q in mine for b in short if sign * q.price < sign * b.price
        )  # the better price first


@given(orders, st.sampled_from(["buy", "sell"]), st.integers(1, 12), st.integers(1, 30))
def test_price_then_time(raw: list[tuple[str, int, int]], side: str, price: int, quantity: int) -> None:
    """Against unit by unit: each unit goes to the best price, the earliest of them."""
    quotes = [quote(str(n), s, p, left, n) for n, (s, p, left) in enumerate(raw)]
    fills = price_time(quotes, "taker", side, price, quantity)
    left = {q.id: q.left for q in quotes}
    by_unit: dict[str, int] = {}
    for _ in range(quantity):
        open_ = [
            q
            for q in quotes
            if q.side != side and left[q.id] and (q.price <= price if side == "buy" else q.price >= price)
        ]
        if not open_:
            break
        best = min(open_, key=lambda q: (q.price if side == "buy" else -q.price, q.arrival))
        left[best.id] -= 1
        by_unit[best.id] = by_unit.get(best.id, 0) + 1
    assert {f.quote: f.quantity for f in fills} == by_unit
    prices = {q.id: q.price for q in quotes}
    assert all(f.price == prices[f.quote] for f in fills)


def test_a_trade_with_oneself_is_refused() -> None:
    with pytest.raises(Refused) as told:
        price_time([quote("1", "sell", 5, 5, 0, account="A")], "A", "buy", 5, 1)
    assert told.value.code == "self_trade"
    assert (
        price_time([quote("1", "sell", 5, 5, 0), quote("2", "sell", 5, 5, 1, account="A")], "A", "buy", 5, 5)[0].quote
        == "1"
    )


def test_single_auction_by_hand() -> None:
    """10 t offered at a reserve of 5: bids 4@9 (late), 4@9 (early), 6@7, 9@5, 3@4."""
    bids = [
        Bid("late", "l", 9, 4, 3),
        Bid("early", "e", 9, 4, 1),
        Bid("mid", "m", 7, 6, 2),
        Bid("low", "o", 5, 9, 0),
        Bid("under", "u", 4, 3, 4),
    ]
    fills, left = single_auction(bids, 10, 5)
    assert [(f.quote, f.quantity, f.price) for f in fills] == [("early", 4, 7), ("late", 4, 7), ("mid", 2, 7)]
    assert left == 0
    assert [f.price for f in single_auction(bids, 10, 5, pricing="pay_as_bid")[0]] == [9, 9, 7]
    assert single_auction(bids, 30, 5)[1] == 7
    buying, _ = single_auction(bids, 5, 7, selling=False)
    assert [(f.quote, f.quantity) for f in buying] == [("under", 3), ("low", 2)]
