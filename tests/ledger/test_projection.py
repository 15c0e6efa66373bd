"""The SQL tables say what the book says, on SQLite and PostgreSQL; they can be lost and made again."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from qingshan.ledger import projection
from qingshan.ledger.entry import Hold, Leg, Lot, RegisterEntry, Release, Trade
from qingshan.ledger.projection import (
    APPLIED,
    BALANCE,
    HOLD,
    LOT,
    METADATA,
    RECORD,
    SERIAL_RANGE,
    TRADE,
    TRANSFER,
    TX,
    Projection,
    open_engine,
)
from qingshan.ledger.venue import Venue

from .office import CASH, HANDLERS, UNITS, T, command, opening


def _postgres_folder() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own on loopback, without a password for the one local user of this test."""
    programs = _postgres_folder()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    # not in pytest's folder, which every run closes to other users
    folder = Path(tempfile.mkdtemp(prefix="qingshan-pg-"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        folder.chmod(0o777)
        as_user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "tester", "--auth=trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
    )
    options = f"-h 127.0.0.1 -p {port} -k {folder}"
    subprocess.run([*as_user, str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"], check=True,
                   capture_output=True)  # fmt: skip
    try:
        yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(
            [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
            check=False,
            capture_output=True,
        )
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = (
        f"sqlite:///{tmp_path / 'ledger.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    )
    made = open_engine(url)
    with made.begin() as c:
        for table in METADATA.sorted_tables:
            c.execute(sa.delete(table))
    yield made
    made.dispose()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    made = Venue(tmp_path / "venue", "test", HANDLERS)
    made.submit(command(*opening(), key="open"))
    yield made
    made.close()


def business(venue: Venue, rounds: int, seed: int = 1) -> None:
    """Random sales, pledges, releases and register records."""
    rng = random.Random(seed)
    for _ in range(rounds):
        n, quantity = venue.next, rng.randint(1, 20) * T // 7
        seller, buyer = rng.sample(["A", "B"], 2)
        if venue.book.balance(seller, UNITS).available < quantity:
            seller, buyer = buyer, seller
        ranges = venue.book.pick(seller, UNITS, quantity)
        what = rng.choice(("trade", "hold", "record"))
        if what == "trade":
            price = 500_000
            money = round(price * quantity / 10**6)
            venue.submit(command(Trade(f"t{n}", UNITS, quantity, seller, buyer, CASH, price, money),
                                 Leg(seller, buyer, UNITS, quantity, "settlement", ranges, trade=f"t{n}", free_on=20_000 + n),
                                 Leg(buyer, seller, CASH, money, "settlement", trade=f"t{n}"), key=f"k{n}", at=n))  # fmt: skip
        elif what == "hold":
            venue.submit(command(Hold(f"h{n}", seller, UNITS, quantity, "pledge", ranges, "loan"), key=f"k{n}", at=n))
            if rng.random() < 0.7:
                part = venue.book.pick("", UNITS, quantity // 2, hold=f"h{n}")
                venue.submit(command(Release(f"h{n}", seller, UNITS, quantity // 2, part), key=f"r{n}", at=n))
        else:
            known = venue.book.records.get(("site", "s"))
            venue.submit(
                command(
                    RegisterEntry("site", "s", (known.version if known else 0) + 1, "open", {"n": n}), key=f"k{n}", at=n
                )
            )


def same(engine: sa.Engine, venue: Venue, first: Mapping[str, str] | None = None) -> None:
    """`first` names the account to which a lot was issued, A where nothing is said."""
    book = venue.book
    with engine.connect() as c:
        balances = {(r.account, r.asset): (r.cr, r.dr, r.held) for r in c.execute(sa.select(BALANCE))}
        assert balances == {k: (b.cr, b.dr, b.held) for k, b in book.balances.items() if k in balances or b.cr or b.dr}
        ranges = {
            (r.account, r.asset, r.hold, r.lot, r.start, r.end, r.free_on) for r in c.execute(sa.select(SERIAL_RANGE))
        }
        free = {(*k, "", r.lot, r.start, r.end, r.free_on) for k, s in book.shelves.items() for r in s}
        held = {
            (h.account, h.asset, i, r.lot, r.start, r.end, r.free_on) for i, h in book.holds.items() for r in h.shelf
        }
        assert ranges == free | held
        assert {(r.id, r.quantity) for r in c.execute(sa.select(HOLD))} == {
            (i, h.quantity) for i, h in book.holds.items()
        }
        assert {r.id for r in c.execute(sa.select(TRADE))} == set(book.trades)
        assert {r.id: r.issued for r in c.execute(sa.select(LOT))} == {i: x.quantity for i, x in book.lots.items()}
        assert {(r.register, r.id): r.version for r in c.execute(sa.select(RECORD))} == {
            k: r.version for k, r in book.records.items()
        }
        assert c.execute(sa.select(sa.func.count()).select_from(TX)).scalar() == venue.next
        # rule 1 straight from the transfers and lots: what was moved in less what was moved out is the balance
        moved = c.execute(
            sa.select(TRANSFER.c.credit, TRANSFER.c.asset, sa.func.sum(TRANSFER.c.quantity)).group_by(
                TRANSFER.c.credit, TRANSFER.c.asset
            )
        )
        for account, asset, total in moved:
            lots = sum(
                x.quantity for i, x in book.lots.items() if (x.asset, (first or {}).get(i, "A")) == (asset, account)
            )
            assert balances[account, asset][0] == total + lots


def test_tables_follow_the_book(engine: sa.Engine, venue: Venue) -> None:
    tables = Projection(engine, "test")
    assert tables.follow(venue) == 1
    same(engine, venue)
    for _ in range(3):
        business(venue, 20, seed=venue.next)
        tables.follow(venue)
        same(engine, venue)
    assert (tables.next, tables.follow(venue)) == (venue.next, 0)


def test_tables_are_made_again_from_the_journal(
    engine: sa.Engine, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BATCH", 7)
    business(venue, 30)
    tables = Projection(engine, "test")
    tables.follow(venue)
    with engine.begin() as c:
        c.execute(sa.update(BALANCE).values(cr=BALANCE.c.cr + 1))
    tables.rebuild(venue)
    same(engine, venue)


def test_a_batch_is_written_whole_or_not_at_all(engine: sa.Engine, venue: Venue) -> None:
    tables = Projection(engine, "test")
    tables.follow(venue)
    business(venue, 5)
    records = list(venue.journal.read(1))
    with engine.begin() as c:  # a row in the way: the batch fails in its last steps
        c.execute(sa.insert(SERIAL_RANGE).values(lot="L1", start=next(iter(venue.book.shelves["A", UNITS])).start, end=1, account="x", asset="y", hold="",
                                                 free_on=0))  # fmt: skip
        c.execute(sa.delete(SERIAL_RANGE).where(SERIAL_RANGE.c.account == "A"))
    with pytest.raises(sa.exc.IntegrityError):
        tables.apply(records, venue.book)
    with engine.connect() as c:
        assert c.execute(sa.select(sa.func.count()).select_from(TX)).scalar() == 1
        assert c.execute(sa.select(APPLIED.c.next)).scalar() == 1


def test_records_out_of_turn_are_refused(engine: sa.Engine, venue: Venue) -> None:
    business(venue, 3)
    with pytest.raises(ValueError, match="stand at record 0"):
        Projection(engine, "test").apply(list(venue.journal.read(1)), venue.book)


def test_migrations_give_the_tables_of_the_code(engine: sa.Engine) -> None:
    with engine.connect() as c:
        context = MigrationContext.configure(c, opts={"version_table": "ledger_version"})
        assert compare_metadata(context, METADATA) == []


def test_a_lot_in_two_batches(engine: sa.Engine, venue: Venue) -> None:
    tables = Projection(engine, "test")
    tables.follow(venue)
    venue.submit(command(Lot("L2", UNITS, 5 * T, "B", "issue", "cd" * 32), key="l2", at=9))
    tables.follow(venue)
    same(engine, venue)


def test_a_settlement_in_columns(engine: sa.Engine, tmp_path: Path) -> None:
    from .test_settlement import SOUND, WHO, opening, planned  # noqa: PLC0415 - that file uses this one

    venue = Venue(tmp_path / "columns", "test", HANDLERS)
    venue.submit(command(*opening(), key="open"))
    tables = Projection(engine, "test")
    tables.follow(venue)
    venue.submit(command(planned(SOUND), key="settle", at=5))
    tables.follow(venue)
    same(engine, venue, {f"L{n}": WHO[n % 3] for n in range(6)})
    with engine.connect() as c:
        rows = c.execute(sa.select(TRADE.c.id, TRADE.c.money, TRADE.c.seller, TRADE.c.buyer).order_by(TRADE.c.id)).all()
    # money in 1e-4 yuan: 10 micro-units at 500,000,000 are 5,000; 5 at 400,000,000 are 2,000
    assert [tuple(r) for r in rows] == [
        ("s:day/0", 5000, "A", "B"),
        ("s:day/1", 5000, "B", "C"),
        ("s:day/2", 2000, "A", "C"),
    ]
    venue.close()
