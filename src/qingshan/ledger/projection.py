"""The ledger as SQL tables for reading: rebuilt from the journal at any time, on SQLite or PostgreSQL.

Only `Projection` writes here, never a command. It remembers the last record it applied and goes on from there; a whole
batch of records is one SQL transaction. The tables are those of market.md section 6; quantities are whole micro-units,
money 1e-4 yuan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from qingshan.core.canonical import canonical

from .book import Book
from .bulk import collector_paused
from .entry import ENTRIES
from .journal import Record
from .merkle import leaf_hash
from .settlement import trade_ids
from .venue import Venue, upcast

__all__ = ["METADATA", "Projection", "open_engine"]

METADATA = sa.MetaData()
Row = tuple[Any, ...]
_WORD, _HASH = sa.String(200), sa.String(64)


def _table(name: str, *columns: sa.Column[Any], **options: Any) -> sa.Table:
    return sa.Table(name, METADATA, *columns, **options)


BY_KEY = {"sqlite_with_rowid": False}
"""The large tables are kept in the order of their key: one tree less to write."""


ACCOUNT = _table(
    "account", sa.Column("id", _WORD, primary_key=True), sa.Column("owner", _WORD), sa.Column("kind", _WORD)
)
ASSET = _table(
    "asset", sa.Column("id", _WORD, primary_key=True), sa.Column("unit", _WORD), sa.Column("cap", sa.BigInteger)
)
BALANCE = _table(
    "balance", sa.Column("account", _WORD, primary_key=True), sa.Column("asset", _WORD, primary_key=True),
    sa.Column("dr", sa.BigInteger), sa.Column("cr", sa.BigInteger), sa.Column("held", sa.BigInteger),
    **BY_KEY,
)  # fmt: skip
TX = _table(
    "tx", sa.Column("seq", sa.BigInteger, primary_key=True), sa.Column("at", sa.BigInteger), sa.Column("idem_key", _WORD, unique=True),
    sa.Column("actor", _WORD), sa.Column("kind", _WORD), sa.Column("command", sa.Text), sa.Column("answer", sa.Text),
    sa.Column("rule_set_id", _WORD), sa.Column("rule_set_hash", _HASH), sa.Column("leaf", _HASH),
)  # fmt: skip
TRANSFER = _table(
    "transfer", sa.Column("seq", sa.BigInteger, primary_key=True), sa.Column("leg", sa.Integer, primary_key=True), sa.Column("debit", _WORD, index=True),
    sa.Column("credit", _WORD, index=True), sa.Column("asset", _WORD), sa.Column("quantity", sa.BigInteger), sa.Column("why", _WORD),
    sa.Column("trade", _WORD), sa.Column("obligation", _WORD), sa.Column("hold", _WORD), sa.Column("ranges", sa.Text),
    **BY_KEY,
)  # fmt: skip
TRADE = _table(
    "trade", sa.Column("id", _WORD, primary_key=True), sa.Column("seq", sa.BigInteger), sa.Column("at", sa.BigInteger),
    sa.Column("asset", _WORD), sa.Column("quantity", sa.BigInteger), sa.Column("price", sa.BigInteger), sa.Column("money", sa.BigInteger),
    sa.Column("seller", _WORD), sa.Column("buyer", _WORD),
    **BY_KEY,
)  # fmt: skip
LOT = _table(
    "lot", sa.Column("id", _WORD, primary_key=True), sa.Column("issue", sa.Integer), sa.Column("asset", _WORD, index=True),
    sa.Column("issued", sa.BigInteger), sa.Column("evidence", _HASH), sa.Column("status", _WORD),
)  # fmt: skip
SERIAL_RANGE = _table(
    "serial_range", sa.Column("lot", _WORD, primary_key=True), sa.Column("start", sa.BigInteger, primary_key=True), sa.Column("end", sa.BigInteger),
    sa.Column("account", _WORD, index=True), sa.Column("asset", _WORD), sa.Column("hold", _WORD), sa.Column("free_on", sa.BigInteger),
    **BY_KEY,
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
"""Records that one SQL transaction brings, fewer where they are long."""
LONGEST = 32 << 20
"""Bytes of records of one SQL transaction; one record may be longer."""


def open_engine(url: str) -> sa.Engine:
    """An engine with the tables made: `sqlite:///path` (WAL, synchronous FULL) or `postgresql+psycopg://…`."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _durable(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA cache_size=-65536")  # KiB

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
        for batch in _portions(venue.journal.read(start)):
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
        with collector_paused(), self.engine.begin() as c:
            if self._next(c) != records[0].seq:
                raise ValueError(f"the tables stand at record {self._next(c)}, not {records[0].seq}")
            rows = _Rows(book)
            for record in records:
                rows.take(record)
            rows.write(c)
            c.execute(sa.update(APPLIED).where(APPLIED.c.venue == self.venue).values(next=records[-1].seq + 1))

    def _next(self, c: sa.Connection) -> int | None:
        return c.execute(sa.select(APPLIED.c.next).where(APPLIED.c.venue == self.venue)).scalar()


class _Rows:
    """Rows that a batch adds, and keys whose rows it replaces by the state of the book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.tx: list[Row] = []
        self.transfers: list[Row] = []
        self.trades: list[Row] = []
        self.moved: dict[str, set[str]] = defaultdict(set)
        """asset -> accounts whose balance or ranges changed."""
        self.touched: dict[str, set[Any]] = {k: set() for k in ("account", "asset", "lot", "hold", "record")}
        self.changed: dict[tuple[str, str], int] = {}

    def take(self, record: Record) -> None:
        line = upcast(record)
        given, rules = line["command"], line["rules"]
        body, answer = canonical(given["body"]).decode(), canonical(line["answer"]).decode()
        self.tx.append((record.seq, line["at"], given["key"], given["by"], given["kind"], body, answer, rules.get("id", ""), rules.get("hash", ""),
                        leaf_hash(record.payload).hex()))  # fmt: skip
        steps = {word: getattr(self, f"_{word}") for word in ENTRIES}
        n = 0
        for e in line["entries"]:
            steps[e["do"]](record.seq, line["at"], n, e)
            n += 2 * len(e["price"]) if e["do"] == "settle" else 1

    def _asset(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["asset"].add(e["id"])

    def _account(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["account"].add(e["id"])

    def _lot(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["lot"].add(e["id"])
        self.moved[e["asset"]] |= {e["account"], e["issuance"]}

    def _leg(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        debit, credit, asset, hold = e["debit"], e["credit"], e["asset"], e.get("hold", "")
        moved = self.moved[asset]
        moved.add(debit)
        moved.add(credit)
        ranges = ",".join(f"[{_quoted(lot)},{start},{end}]" for lot, start, end in e.get("ranges", ()))
        trade, obligation = e.get("trade", ""), e.get("obligation", "")
        row = (seq, n, debit, credit, asset, e["quantity"], e["why"], trade, obligation, hold, f"[{ranges}]")
        self.transfers.append(row)
        if hold:
            self.touched["hold"].add(hold)

    def _hold(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["hold"].add(e["id"])
        self.moved[e["asset"]].add(e["account"])

    def _release(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["hold"].add(e["id"])
        self.moved[e["asset"]].add(e["account"])

    def _trade(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.trades.append(
            (e["id"], seq, at, e["asset"], e["quantity"], e.get("price"), e.get("money"), e["seller"], e["buyer"])
        )

    def _settle(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        """Two legs and a trade for each row, column by column."""
        names, asset, money_asset = e["accounts"], e["asset"], e["money_asset"]
        ids = trade_ids(e["mark"], e["first"], len(e["price"]))
        sellers, buyers = [names[i] for i in e["seller"]], [names[i] for i in e["buyer"]]
        units, cash = ([f"{e['hold']}:{name}:{what}" for name in names] for what in ("units", "cash"))
        lots = [_quoted(lot) for lot in e["lots"]]
        texts = [f"[{lots[lot]},{start},{end}]" for lot, start, end in zip(e["lot"], e["start"], e["end"], strict=True)]
        texts = texts if len(texts) == len(ids) else list(_in_parts(texts, e["parts"]))
        self.trades += zip(
            ids, repeat(seq), repeat(at), repeat(asset), e["quantity"], e["price"], e["money"], sellers, buyers
        )
        unit_legs = [
            (seq, leg, s, b, asset, q, "settlement", id, "", units[i], f"[{text}]")
            for leg, s, b, q, id, i, text in zip(count(n, 2), sellers, buyers, e["quantity"], ids, e["seller"], texts)
        ]
        cash_legs = [
            (seq, leg, b, s, money_asset, money, "settlement", id, "", cash[i], "[]")
            for leg, s, b, money, id, i in zip(count(n + 1, 2), sellers, buyers, e["money"], ids, e["buyer"])
        ]
        pairs = chain.from_iterable(zip(unit_legs, cash_legs, strict=True))
        self.transfers += [leg for leg in pairs if leg[5]]  # in the order of the table's key
        self.moved[asset].update(names)
        self.moved[money_asset].update(names)
        self.touched["hold"].update(units, cash)

    def _lot_status(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.touched["lot"].add(e["id"])

    def _record(self, seq: int, at: int, n: int, e: Mapping[str, Any]) -> None:
        self.changed[e["register"], e["id"]] = seq

    def places(self) -> list[tuple[str, str]]:
        """Account and asset of every balance that changed."""
        return sorted((account, asset) for asset, accounts in self.moved.items() for account in accounts)

    def write(self, c: sa.Connection) -> None:
        book, touched = self.book, {k: sorted(ids) for k, ids in self.touched.items()}
        _insert(c, TX, self.tx)
        _insert(c, TRANSFER, self.transfers)
        _insert(c, TRADE, sorted(self.trades))
        _replace(c, ASSET, [(a.id, a.unit, a.cap) for a in (book.assets[i] for i in touched["asset"])])
        _replace(c, ACCOUNT, [(a.id, a.owner, a.kind) for a in (book.accounts[i] for i in touched["account"])])
        lots = [(i, book.lots[i]) for i in touched["lot"]]
        _replace(c, LOT, [(i, x.order, x.asset, x.quantity, x.evidence, x.status) for i, x in lots])
        balances = [(k, book.balances[k]) for k in self.places()]
        _replace(c, BALANCE, [(*k, b.dr, b.cr, b.held) for k, b in balances])
        records = [book.records[k] for k in sorted(self.changed)]
        seqs = self.changed
        _replace(
            c,
            RECORD,
            [
                (r.register, r.id, r.version, r.state, seqs[r.register, r.id], canonical(r.content).decode())
                for r in records
            ],
        )
        self._holds(c, touched["hold"])
        self._serials(c)

    def _holds(self, c: sa.Connection, ids: Sequence[str]) -> None:
        _delete(c, HOLD, ("id",), [(i,) for i in ids])
        there = [(i, self.book.holds[i]) for i in ids if i in self.book.holds]
        _insert(c, HOLD, [(i, h.account, h.asset, h.quantity, h.reason, h.ref) for i, h in there])

    def _serials(self, c: sa.Connection) -> None:
        """Every range of the places touched, free and held."""
        places = [p for p in self.places() if not p[1].startswith("cash:")]
        wanted = set(places)
        _delete(c, SERIAL_RANGE, ("account", "asset"), places)
        shelves = [(p, "", self.book.shelves[p]) for p in places if p in self.book.shelves]
        shelves += [
            ((h.account, h.asset), i, h.shelf) for i, h in self.book.holds.items() if (h.account, h.asset) in wanted
        ]
        _insert(
            c,
            SERIAL_RANGE,
            sorted((r.lot, r.start, r.end, *p, hold, r.free_on) for p, hold, shelf in shelves for r in shelf),
        )


@lru_cache(maxsize=10_000)
def _quoted(text: str) -> str:
    return canonical(text).decode()


def _in_parts(texts: Iterable[str], parts: Iterable[int]) -> Iterator[str]:
    """So many texts together as each trade has ranges."""
    rest = iter(texts)
    return (",".join(islice(rest, many)) for many in parts)


def _insert(c: sa.Connection, table: sa.Table, rows: Sequence[Row], more: str = "") -> None:
    """Rows in the order of the table's columns, through the driver in one call."""
    if rows:
        names = _names(c, table.columns)
        signs = ", ".join([_sign(c)] * len(table.columns))
        c.exec_driver_sql(f"INSERT INTO {_names(c, [table])} ({names}) VALUES ({signs}){more}", list(rows))  # noqa: S608 - names of our tables


def _delete(c: sa.Connection, table: sa.Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    if rows:
        same = " AND ".join(f"{_names(c, [table.c[k]])} = {_sign(c)}" for k in keys)
        c.exec_driver_sql(f"DELETE FROM {_names(c, [table])} WHERE {same}", list(rows))  # noqa: S608 - names of our tables


def _replace(c: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Rows whose key is there are changed, the others added."""
    keys = table.primary_key.columns
    other = (_names(c, [x]) for x in table.columns if x.name not in keys)
    changes = ", ".join(f"{name} = excluded.{name}" for name in other)
    _insert(c, table, rows, f" ON CONFLICT ({_names(c, keys)}) DO UPDATE SET {changes}")


def _names(c: sa.Connection, named: Iterable[Any]) -> str:
    return ", ".join(c.dialect.identifier_preparer.quote(x.name) for x in named)


def _sign(c: sa.Connection) -> str:
    """How the driver marks a value: `?` in SQLite, `%s` in psycopg."""
    return "?" if c.dialect.paramstyle == "qmark" else "%s"


def _portions(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Records for one transaction each, by number and length."""
    part: list[Record] = []
    size = 0
    for record in records:
        if part and (len(part) == BATCH or size + len(record.payload) > LONGEST):
            yield part
            part, size = [], 0
        part.append(record)
        size += len(record.payload)
    if part:
        yield part
