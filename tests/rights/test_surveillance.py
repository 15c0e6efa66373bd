"""What the journal shows: each declared row raised by events made for it, figures by hand beside them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError
from qingshan.rights.surveillance import Anomaly, Watch, anomalies, read_rules, surveillance_rules

from .hall import YUAN, Hall, T, rules_of

FRIDAY = date(2024, 10, 4)
ROW = '[[rule]]\nid = "{id}"\nzh = "甲"\nen = "a"\nper = "trade"\nsource = "s"\nstatus = "{status}"\n'


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path, rules_of("price_time"))
    for holder in "YZC":
        made.money(holder, 200_000)
        made.issue(f"L{holder}", holder, 1_000 * T)
    return made


def trade(hall: Hall, id: str, seller: str, buyer: str, yuan: float = 50, tonnes: int = 10) -> None:
    hall.order(f"{id}s", seller, "sell", yuan, tonnes)
    hall.order(f"{id}b", buyer, "buy", yuan, tonnes)


def found(hall: Hall, days: int = 0) -> dict[str, list[Anomaly]]:
    told: dict[str, list[Anomaly]] = {}
    for a in anomalies(hall.venue.journal.read(), hall.rules, FRIDAY, FRIDAY + timedelta(days=days)):
        told.setdefault(a.kind, []).append(a)
    return told


def test_the_edge_of_the_band(hall: Hall) -> None:
    """Close before 50 yuan, band 10 %: 55 is its edge, 54.99 is not."""
    trade(hall, "a", "X", "Y", 55)
    trade(hall, "b", "X", "Y", 54.99)
    (edge,) = found(hall)["band_edge"]
    assert (edge.price, edge.accounts, edge.trades) == (55 * YUAN, ("X", "Y"), ("ab/0",))
    assert hall.venue.journal.next > edge.events[0].seq > 0


def test_two_and_three_in_a_circle(hall: Hall) -> None:
    """X to Y and back; Y to Z to C to Y. A chain that does not close raises nothing."""
    trade(hall, "a", "X", "Y")
    trade(hall, "b", "Y", "X")
    trade(hall, "c", "Y", "Z")
    trade(hall, "d", "Z", "C")
    assert "round_trip" not in found(hall)
    trade(hall, "e", "C", "Y")
    told = found(hall)
    (ways,), (circle,) = told["both_ways"], told["round_trip"]
    assert (ways.accounts, ways.trades, ways.quantity) == (("X", "Y"), ("ab/0", "bb/0"), 20 * T)
    assert (circle.accounts, circle.trades) == (("C", "Y", "Z"), ("cb/0", "db/0", "eb/0"))


def test_one_person_behind_both_sides(hall: Hall) -> None:
    trade(hall, "a", "X", "Y")
    assert "common_person" not in found(hall)
    record = hall.venue.book.records["rights_holder", "Z"]
    watch = Watch(hall.rules)
    for r in hall.venue.journal.read():
        watch.apply(r)
    watch._persons["Z"] = watch._persons["Z"] | {"P-ownerX"}
    trade(hall, "b", "X", "Z")
    for r in hall.venue.journal.read(hall.venue.next - 1):
        watch.apply(r)
    (common,) = [a for a in watch.found(FRIDAY, FRIDAY) if a.kind == "common_person"]
    assert record.state == "open" and common.accounts == ("X", "Z") and common.measure == "1"


def test_a_price_far_from_the_days_before(hall: Hall) -> None:
    """Friday 10 t at 50 and 30 t at 46: mean 47. Monday's close before is 47; 50.76 is 8 % above it and 50.75 is not."""
    trade(hall, "a", "X", "Y", 50, 10)
    trade(hall, "b", "X", "Y", 46, 30)
    hall.next_day()
    trade(hall, "c", "X", "Y", 50.75)
    trade(hall, "d", "X", "Y", 50.76)
    told = found(hall, 3)["price_outlier"]
    assert [(a.trades, a.measure) for a in told] == [(("db/0",), "8.0")]


def test_whole_orders_withdrawn_again_and_again(hall: Hall) -> None:
    """X: 5 of 6 orders withdrawn whole, 83 % of them: raised. Y: 4 withdrawn: not. Z: 5 withdrawn but each traded in part: not."""
    for n in range(6):
        hall.order(f"x{n}", "X", "sell", 51, 10)
    for n in range(5):
        hall.send("market.cancel", "traderX", asset=hall.asset, id=f"x{n}")
    for n in range(4):
        hall.order(f"y{n}", "Y", "sell", 52, 10)
        hall.send("market.cancel", "traderY", asset=hall.asset, id=f"y{n}")
    for n in range(5):
        hall.order(f"z{n}", "Z", "sell", 50, 10)
        hall.order(f"c{n}", "C", "buy", 50, 1)
        hall.send("market.cancel", "traderZ", asset=hall.asset, id=f"z{n}")
    (layer,) = found(hall)["layering"]
    assert (layer.accounts, layer.measure, len(layer.events)) == (("X",), "5/6", 10)
    hall.send("market.cancel", "traderX", asset=hall.asset, id="x5")
    (layer,) = found(hall)["layering"]
    assert layer.measure == "6/6"


def test_one_account_is_most_of_a_days_volume(hall: Hall) -> None:
    """Five trades of 10 t: X sells 3 of 5, 60 %; Y buys 2, Z 2, C 1."""
    for n, (seller, buyer) in enumerate(("XY", "XZ", "XC", "YZ")):
        trade(hall, f"a{n}", seller, buyer)
    assert "volume_share" not in found(hall)  # four trades are too few to speak of a share
    trade(hall, "b", "C", "Y")
    (share,) = found(hall)["volume_share"]
    assert (share.accounts, share.measure, len(share.trades)) == (("X",), "60.0", 3)


def test_a_block_far_from_the_reference(hall: Hall) -> None:
    """Reference 50: 40 is 20 % below it."""
    hall.issue("L2", "X", 300_000 * T)
    hall.money("Y", 20_000_000)
    for id, price in (("b1", 40 * YUAN), ("b2", 4_001 * 100)):
        for by in ("approverX", "approverY"):
            hall.send(
                "market.block", by, id=id, asset=hall.asset, seller="X", buyer="Y", price=price, quantity=100_000 * T
            )
    (block,) = found(hall)["block_outlier"]
    assert (block.trades, block.measure) == (("block:b1",), "-20.0")


def test_following_and_reading_it_all_tell_the_same(hall: Hall) -> None:
    """A watch that follows record by record, asked in between, ends as one that reads the whole journal; ids stay."""
    watch, at = Watch(hall.rules), 0
    for n, (seller, buyer) in enumerate(("XY", "YX", "XZ", "ZX", "XC", "CX")):
        trade(hall, f"a{n}", seller, buyer, 55 if n % 2 else 50)
        for record in hall.venue.journal.read(at):
            watch.apply(record)
        at = hall.venue.next
        watch.found(FRIDAY, FRIDAY)
    whole = anomalies(hall.venue.journal.read(), hall.rules, FRIDAY, FRIDAY)
    assert watch.found(FRIDAY, FRIDAY) == whole and len(whole) > 5
    assert len({a.id for a in whole}) == len(whole)
    assert watch.one(whole[0].id, FRIDAY, FRIDAY) == whole[0]


def test_rows_need_source_status_and_value(tmp_path: Path) -> None:
    assert [r.id for r in surveillance_rules().values() if not r.runs] == ["position_limit", "self_match"]
    for text in (ROW.format(id="price_outlier", status="project"), ROW.format(id="x", status="open"), ROW.format(id="x", status="sure"),
                 ROW.format(id="x", status="project") + "colour = 1\n"):  # fmt: skip
        with pytest.raises(DeclarationError):
            read_rules(text)
    (tmp_path / "surveillance.toml").write_text(
        ROW.format(id="price_outlier", status="project") + 'value = 3\nunit = "%"\n', encoding="utf-8"
    )
    assert surveillance_rules(tmp_path)["price_outlier"].value == 3
