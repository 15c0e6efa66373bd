"""The ledger as SQL tables for reading: rebuilt from the journal at any time, on SQLite or PostgreSQL.

Only `Projection` writes here, never a command. It remembers the last record it applied and goes on from there; a whole
batch of records is one SQL transaction. The tables are those of market.md section 6; quantities are whole micro-units,
money 1e-4 yuan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from qingshan.core.canonical import canonical

from .book import Book
from .journal import Record
from .merkle import leaf_hash
from .venue import Venue, upcast

__all__ = ["METADATA", "Projection", "open_engine"]

METADATA = sa.MetaData()
_WORD, _HASH = sa.String(200), sa.String(64)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, METADATA, *columns)


ACCOUNT = _table(
    "account", sa.Column("id", _WORD, primary_key=True), sa.Column("owner", _WORD), sa.Column("kind", _WORD)
)
ASSET = _table(
    "asset", sa.Column("id", _WORD, primary_key=True), sa.Column("unit", _WORD), sa.Column("cap", sa.BigInteger)
)
BALANCE = _table(
    "balance", sa.Column("account", _WORD, primary_key=True), sa.Column("asset", _WORD, primary_key=True),
    sa.Column("dr", sa.BigInteger), sa.Column("cr", sa.BigInteger), sa.Column("held", sa.BigInteger),
)  # fmt: skip
TX = _table(
    "tx", sa.Column("seq", sa.BigInteger, primary_key=True), sa.Column("at", sa.BigInteger), sa.Column("idem_key", _WORD, unique=True),
    sa.Column("actor", _WORD), sa.Column("kind", _WORD), sa.Column("command", sa.Text), sa.Column("answer", sa.Text),
    sa.Column("rule_set_id", _WORD), sa.Column("rule_set_hash", _HASH), sa.Column("leaf", _HASH),
)  # fmt: skip
TRANSFER = _table(
    "transfer", sa.Column("seq", sa.BigInteger, primary_key=True), sa.Column("leg", sa.Integer, primary_key=True), sa.Column("debit", _WORD, index=True),
    sa.Column("credit", _WORD, index=True), sa.Column("asset", _WORD, index=True), sa.Column("quantity", sa.BigInteger), sa.Column("why", _WORD),
    sa.Column("trade", _WORD), sa.Column("obligation", _WORD), sa.Column("hold", _WORD), sa.Column("ranges", sa.Text),
)  # fmt: skip
TRADE = _table(
    "trade", sa.Column("id", _WORD, primary_key=True), sa.Column("seq", sa.BigInteger, index=True), sa.Column("at", sa.BigInteger),
    sa.Column("asset", _WORD, index=True), sa.Column("quantity", sa.BigInteger), sa.Column("price", sa.BigInteger), sa.Column("money", sa.BigInteger),
    sa.Column("seller", _WORD), sa.Column("buyer", _WORD),
)  # fmt: skip
LOT = _table(
    "lot", sa.Column("id", _WORD, primary_key=True), sa.Column("issue", sa.Integer), sa.Column("asset", _WORD, index=True),
    sa.Column("issued", sa.BigInteger), sa.Column("evidence", _HASH), sa.Column("status", _WORD),
)  # fmt: skip
SERIAL_RANGE = _table(
    "serial_range", sa.Column("lot", _WORD, primary_key=True), sa.Column("start", sa.BigInteger, primary_key=True), sa.Column("end", sa.BigInteger),
    sa.Column("account", _WORD, index=True), sa.Column("asset", _WORD), sa.Column("hold", _WORD), sa.Column("free_on", sa.BigInteger),
)  # fmt: skip
HOLD = _table(
    "hold", sa.Column("id", _WORD, primary_key=True), sa.Column("account", _WORD, index=True), sa.Column("asset", _WORD),
    sa.Column("quantity", sa.BigInteger), sa.Column("reason", _WORD), sa.Column("ref", _WORD),
)  # fmt: skip
RECORD = _table(
    "register_record", sa.Column("register", _WORD, primary_key=True), sa.Column("id", _WORD, primary_key=True), sa.Column("version", sa.Integer),
    sa.Column("state", _WORD, index=True), sa.Column("seq", sa.BigInteger), sa.Column("content", sa.Text),
)  # fmt: skip
APPLIED = _table("applied", sa.Column("venue", _WORD, primary_key=True), sa.Column("next", sa.BigInteger))

BATCH = 5000


def open_engine(url: str) -> sa.Engine:
    """An engine with the tables made: `sqlite:///path` (WAL, synchronous FULL) or `postgresql+psycopg://…`."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _durable(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    migrate(engine)
    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to the present form by the Alembic revisions beside this file."""
    from alembic import command  # noqa: PLC0415 - the extra ledger
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


class Projection:
    """The tables of one venue. `follow` brings them up to the venue's present record."""

    def __init__(self, engine: sa.Engine, venue: str) -> None:
        self.engine, self.venue = engine, venue
        with engine.begin() as c:
            if self._next(c) is None:
                c.execute(sa.insert(APPLIED).values(venue=venue, next=0))

    @property
    def next(self) -> int:
        """The first record that was not applied yet."""
        with self.engine.connect() as c:
            return self._next(c) or 0

    def follow(self, venue: Venue) -> int:
        """Apply what the venue has and the tables lack; returns how many records. The venue must not move meanwhile."""
        start = self.next
        for batch in _batches(venue.journal.read(start), BATCH):
            self.apply(batch, venue.book)
        return venue.next - start

    def rebuild(self, venue: Venue) -> None:
        """Empty the tables and make them again from the whole journal."""
        with self.engine.begin() as c:
            for table in METADATA.sorted_tables:
                c.execute(
                    sa.delete(table).where(APPLIED.c.venue == self.venue) if table is APPLIED else sa.delete(table)
                )
            c.execute(sa.insert(APPLIED).values(venue=self.venue, next=0))
        self.follow(venue)

    def apply(self, records: Sequence[Record], book: Book) -> None:
        """Write the records and, from `book`, the present state of every account, hold, lot and record they touch."""
        rows = _Rows(book)
        for record in records:
            rows.take(record)
        with self.engine.begin() as c:
            if self._next(c) != records[0].seq:
                raise ValueError(f"the tables stand at record {self._next(c)}, not {records[0].seq}")
            rows.write(c)
            c.execute(sa.update(APPLIED).where(APPLIED.c.venue == self.venue).values(next=records[-1].seq + 1))

    def _next(self, c: sa.Connection) -> int | None:
        return c.execute(sa.select(APPLIED.c.next).where(APPLIED.c.venue == self.venue)).scalar()


class _Rows:
    """Rows that a batch adds, and keys whose rows it replaces by the state of the book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.tx: list[dict[str, Any]] = []
        self.transfers: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.places: set[tuple[str, str]] = set()
        self.touched: dict[str, set[Any]] = {k: set() for k in ("account", "asset", "lot", "hold", "record")}
        self.changed: dict[tuple[str, str], int] = {}

    def take(self, record: Record) -> None:
        line = upcast(record)
        given, rules = line["command"], line["rules"]
        self.tx.append({
            "seq": record.seq, "at": line["at"], "idem_key": given["key"], "actor": given["by"], "kind": given["kind"],
            "command": canonical(given["body"]).decode(), "answer": canonical(line["answer"]).decode(), "rule_set_id": rules.get("id", ""),
            "rule_set_hash": rules.get("hash", ""), "leaf": leaf_hash(record.payload).hex(),
        })  # fmt: skip
        for n, e in enumerate(line["entries"]):
            getattr(self, f"_{e['do']}")(record.seq, line["at"], n, e)

    def _asset(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["asset"].add(e["id"])

    def _account(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["account"].add(e["id"])

    def _lot(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["lot"].add(e["id"])
        self.places |= {(e["account"], e["asset"]), (e["issuance"], e["asset"])}

    def _leg(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.places |= {(e["debit"], e["asset"]), (e["credit"], e["asset"])}
        self.transfers.append({
            "seq": seq, "leg": n, "debit": e["debit"], "credit": e["credit"], "asset": e["asset"], "quantity": e["quantity"], "why": e["why"],
            "trade": e.get("trade", ""), "obligation": e.get("obligation", ""), "hold": e.get("hold", ""), "ranges": canonical(e.get("ranges", [])).decode(),
        })  # fmt: skip
        if e.get("hold"):
            self.touched["hold"].add(e["hold"])

    def _hold(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["hold"].add(e["id"])
        self.places.add((e["account"], e["asset"]))

    def _release(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["hold"].add(e["id"])
        self.places.add((e["account"], e["asset"]))

    def _trade(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.trades.append(
            {k: e.get(k) for k in ("id", "asset", "quantity", "price", "money", "seller", "buyer")}
            | {"seq": seq, "at": at}
        )

    def _lot_status(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["lot"].add(e["id"])

    def _record(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.changed[e["register"], e["id"]] = seq

    def write(self, c: sa.Connection) -> None:
        book, touched = self.book, self.touched
        _insert(c, TX, self.tx)
        _insert(c, TRANSFER, self.transfers)
        _insert(c, TRADE, self.trades)
        _replace(
            c, ASSET, [{"id": a.id, "unit": a.unit, "cap": a.cap} for a in (book.assets[i] for i in touched["asset"])]
        )
        _replace(
            c,
            ACCOUNT,
            [{"id": a.id, "owner": a.owner, "kind": a.kind} for a in (book.accounts[i] for i in touched["account"])],
        )
        lots = [(i, book.lots[i]) for i in touched["lot"]]
        _replace(
            c,
            LOT,
            [
                {
                    "id": i,
                    "issue": x.order,
                    "asset": x.asset,
                    "issued": x.quantity,
                    "evidence": x.evidence,
                    "status": x.status,
                }
                for i, x in lots
            ],
        )
        balances = [(k, book.balances[k]) for k in self.places]
        _replace(
            c, BALANCE, [{"account": k[0], "asset": k[1], "dr": b.dr, "cr": b.cr, "held": b.held} for k, b in balances]
        )
        records = [book.records[k] for k in self.changed]
        _replace(c, RECORD, [{"register": r.register, "id": r.id, "version": r.version, "state": r.state, "seq": self.changed[r.register, r.id],
                              "content": canonical(r.content).decode()} for r in records])  # fmt: skip
        self._holds(c)
        self._serials(c)

    def _holds(self, c: sa.Connection) -> None:
        ids = sorted(self.touched["hold"])
        for part in _batches(ids, 500):
            c.execute(sa.delete(HOLD).where(HOLD.c.id.in_(part)))
        there = [(i, self.book.holds[i]) for i in ids if i in self.book.holds]
        _insert(
            c,
            HOLD,
            [
                {
                    "id": i,
                    "account": h.account,
                    "asset": h.asset,
                    "quantity": h.quantity,
                    "reason": h.reason,
                    "ref": h.ref,
                }
                for i, h in there
            ],
        )

    def _serials(self, c: sa.Connection) -> None:
        """Every range of the places touched, free and held."""
        places = sorted(p for p in self.places if not p[1].startswith("cash:"))
        if not places:
            return
        c.execute(
            sa.delete(SERIAL_RANGE).where(
                SERIAL_RANGE.c.account == sa.bindparam("a"), SERIAL_RANGE.c.asset == sa.bindparam("b")
            ),
            [{"a": account, "b": asset} for account, asset in places],
        )
        wanted = set(places)
        shelves = [(p, "", self.book.shelves[p]) for p in places if p in self.book.shelves]
        shelves += [
            ((h.account, h.asset), i, h.shelf) for i, h in self.book.holds.items() if (h.account, h.asset) in wanted
        ]
        _insert(c, SERIAL_RANGE, [
            {"lot": r.lot, "start": r.start, "end": r.end, "account": p[0], "asset": p[1], "hold": hold, "free_on": r.free_on}
            for p, hold, shelf in shelves for r in shelf
        ])  # fmt: skip


def _insert(c: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        c.execute(sa.insert(table), [dict(r) for r in rows])


def _replace(c: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows whose key is there are replaced: deleted and inserted, which both databases do alike."""
    if not rows:
        return
    keys = list(table.primary_key.columns)
    gone = sa.delete(table).where(*[k == sa.bindparam(f"old_{k.name}") for k in keys])
    c.execute(gone, [{f"old_{k.name}": r[k.name] for k in keys} for r in rows])
    _insert(c, table, rows)


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
