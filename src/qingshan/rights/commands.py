"""Every command as `commands.toml` declares it: names, who may give it, who confirms it, what it takes.

`guarded` puts the check of roles before handlers; `read_body` turns what a form or a program sends (decimal texts) into the whole
numbers that the ledger keeps. API, pages and the matrix test read the same rows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from qingshan.core.errors import DeclarationError
from qingshan.ledger.amounts import MICRO, YUAN, AmountError, read_decimal
from qingshan.ledger.book import Book
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.actors import require_role, roles
from qingshan.registers.engine import FaultyFields
from qingshan.registers.values import Fault

__all__ = [
    "SCALES",
    "CommandRow",
    "FieldRow",
    "Guarded",
    "ReadRow",
    "commands",
    "guarded",
    "read_body",
    "reads",
    "setting",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 1000
MOST_ROWS = 5000
"""Rows of a file that is imported."""
LONGEST = 20_000
SCALES = {"quantity": MICRO, "price": YUAN, "money": YUAN, "share": 10_000}
"""Decimal kinds -> whole units in one."""
KINDS = (
    *SCALES, "text", "account", "asset", "hash", "whole", "yes_no", "day", "time", "choice", "texts", "ranges", "weights", "rows", "object",
)  # fmt: skip


@dataclass(frozen=True)
class FieldRow:
    """A field of a command: its name in the body, its kind, both names."""

    name: str
    kind: str
    zh: str
    en: str
    required: bool = True
    choices: tuple[str, ...] = ()
    zero: bool = False
    row: tuple[FieldRow, ...] = ()


@dataclass(frozen=True)
class CommandRow:
    """A command. `by` may hold "register" (the register's declaration decides) or "second" (the proposal's does)."""

    id: str
    zh: str
    en: str
    by: tuple[str, ...]
    fields: tuple[FieldRow, ...]
    second: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    face: bool = True

    @property
    def deciders(self) -> tuple[str, ...]:
        """Roles on whose word it is done."""
        return self.second or self.by


@dataclass(frozen=True)
class ReadRow:
    """Something that is not public: roles that may read it; `own`: so may the operators of the account."""

    id: str
    zh: str
    en: str
    by: tuple[str, ...]
    own: bool = False


@lru_cache(maxsize=1)
def _raw() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("commands.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def commands() -> dict[str, CommandRow]:
    """Every command by id. Raises `DeclarationError` for a row that cannot be."""
    made = {}
    known = {r.id for r in roles()} | {"register", "second"}
    for raw in _raw()["command"]:
        where = f"command {raw['id']}"
        if strange := {*raw["by"], *raw.get("second", ())} - known:
            raise DeclarationError(f"the roles {sorted(strange)} do not exist.", where=where)
        fields = tuple(_field(text, where) for text in raw["fields"])
        if set(raw.get("accounts", ())) - {f.name for f in fields} or raw["id"] in made:
            raise DeclarationError("it is given twice or names accounts it does not take.", where=where)
        made[raw["id"]] = CommandRow(
            raw["id"], raw["zh"], raw["en"], tuple(raw["by"]), fields, tuple(raw.get("second", ())), tuple(raw.get("accounts", ())),
            raw.get("face", True),
        )  # fmt: skip
    return made


def _field(text: str, where: str) -> FieldRow:
    name, _, word = text.removesuffix("?").partition(":")
    row = _raw()["field"].get(word or name)
    if row is None or row["kind"] not in KINDS:
        raise DeclarationError(f"the field {text} is not in the vocabulary.", where=where)
    inner = tuple(_field(t, where) for t in row.get("row", ()))
    return FieldRow(name, row["kind"], row["zh"], row["en"], not text.endswith("?"), tuple(row.get("choices", ())),
                    row.get("zero", False), inner)  # fmt: skip


@lru_cache(maxsize=1)
def reads() -> dict[str, ReadRow]:
    """Everything that is not public, by id."""
    return {r["id"]: ReadRow(r["id"], r["zh"], r["en"], tuple(r["by"]), r.get("own", False)) for r in _raw()["read"]}


def setting(id: str) -> int:
    """A declared choice of the exchange itself."""
    return int(_raw()["setting"][id]["value"])


# ---- who -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guarded:
    """A handler that only the declared roles reach; `handler` is what is behind it."""

    row: CommandRow
    handler: Handler

    def __call__(self, book: Book, command: Command) -> Decision:
        require_role(book, command.by, self.row.deciders)
        return self.handler(book, command)


def guarded(handlers: Mapping[str, Handler]) -> dict[str, Handler]:
    """The handlers with the check of roles before each. Raises `DeclarationError` for one that is not declared."""
    if absent := sorted(set(handlers) - set(commands())):
        raise DeclarationError(f"the commands {', '.join(absent)} are not declared.", where="commands.toml")
    return {kind: Guarded(commands()[kind], handler) for kind, handler in handlers.items()}


# ---- what ------------------------------------------------------------------------------------------------------------


def read_body(row: CommandRow, given: Mapping[str, Any]) -> dict[str, Any]:
    """A command's body as the ledger keeps it, from decimal texts. Raises `FaultyFields` with every fault."""
    body, faults = _read_fields(row.fields, given)
    if faults:
        raise FaultyFields(faults)
    return body


def _read_fields(fields: tuple[FieldRow, ...], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    body: dict[str, Any] = {}
    strange = sorted({str(n) for n in given} - {f.name for f in fields})
    faults: list[Fault] = [(n, f"{n}: there is no such field.", f"没有字段 {n}。") for n in strange]
    for f in fields:
        raw = given.get(f.name)
        if raw is None or raw == "":
            if f.required:
                faults.append((f.name, f"{f.en} is needed.", f"{f.zh}必填。"))
            continue
        try:
            body[f.name] = _READERS[f.kind](f, raw)
        except (ValueError, TypeError, AmountError) as error:
            faults.append((f.name, f"{f.en}: {getattr(error, 'en', error)}", f"{f.zh}：{getattr(error, 'zh', error)}"))
        except FaultyFields as inner:
            faults += [(f"{f.name}.{n}", en, zh) for n, en, zh in inner.faults]
    return body, faults


class _Wrong(ValueError):
    def __init__(self, en: str, zh: str) -> None:
        self.en, self.zh = en, zh
        super().__init__(en)


def _text(f: FieldRow, raw: Any) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= (LONGEST if f.name == "note" else 200):
        raise _Wrong("a text of 1 to 200 characters.", "须为 1–200 字的文本。")
    return raw


def _decimal(f: FieldRow, raw: Any) -> int:
    value = read_decimal(raw, SCALES[f.kind], f.name)
    if value < (0 if f.zero else 1):
        raise _Wrong("must be above 0.", "须大于 0。")
    return value


def _whole(f: FieldRow, raw: Any) -> int:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 19:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 2**63:
        raise _Wrong("a whole number.", "须为整数。")
    return raw


def _yes_no(f: FieldRow, raw: Any) -> bool:
    if raw in ("true", "false"):
        return bool(raw == "true")
    if not isinstance(raw, bool):
        raise _Wrong("true or false.", "须为 true 或 false。")
    return raw


def _day(f: FieldRow, raw: Any) -> str:
    try:
        return date.fromisoformat(raw).isoformat()
    except (ValueError, TypeError):
        raise _Wrong("a day like 2026-01-30.", "须为 2026-01-30 形式的日期。") from None


def _time(f: FieldRow, raw: Any) -> int:
    try:
        moment = datetime.fromisoformat(raw)
        return (moment - EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError):
        raise _Wrong("a time with its zone, like 2026-01-30T10:00:00+08:00.", "须为 2026-01-30T10:00:00+08:00 形式、带时区的时间。") from None  # fmt: skip


def _choice(f: FieldRow, raw: Any) -> str:
    if raw not in f.choices:
        raise _Wrong(f"one of {', '.join(f.choices)}.", f"须为 {'、'.join(f.choices)} 之一。")
    return str(raw)


def _hash(f: FieldRow, raw: Any) -> str:
    if not isinstance(raw, str) or not re.fullmatch("[0-9a-f]{64}", raw):
        raise _Wrong("a sha-256 in lower-case hex.", "须为小写十六进制的 sha-256。")
    return raw


def _listed(raw: Any, most: int = MOST) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > most:
        raise _Wrong(f"a list of at most {most}.", f"须为至多 {most} 项的列表。")
    return raw


def _texts(f: FieldRow, raw: Any) -> list[str]:
    return [_text(f, one) for one in _listed([p.strip() for p in raw.split(",")] if isinstance(raw, str) else raw)]


def _ranges(f: FieldRow, raw: Any) -> list[list[Any]]:
    """[lot, start, end): serial numbers in the instrument's unit."""
    found = []
    for one in _listed(raw):
        if not isinstance(one, list) or len(one) != 3:
            raise _Wrong("ranges are [lot, start, end].", "区间须为 [批次, 起, 止]。")
        found.append([_text(f, one[0]), read_decimal(one[1], MICRO, "start"), read_decimal(one[2], MICRO, "end")])
    return found


def _weights(f: FieldRow, raw: Any) -> list[list[Any]]:
    if not all(isinstance(one, list) and len(one) == 2 for one in _listed(raw)):
        raise _Wrong("holders are [account, weight].", "持有人须为 [账户, 份额]。")
    return [[_text(f, account), _whole(f, weight)] for account, weight in raw]


def _rows(f: FieldRow, raw: Any) -> list[dict[str, Any]]:
    rows, faults = [], []
    for n, one in enumerate(_listed(raw, MOST_ROWS if f.name == "rows" else MOST)):
        if not isinstance(one, Mapping):
            raise _Wrong("each is an object.", "每项须为对象。")
        made, wrong = _read_fields(f.row, one)
        rows.append(made)
        faults += [(f"{n}.{name}", en, zh) for name, en, zh in wrong]
    if faults:
        raise FaultyFields(faults)
    return rows


def _object(f: FieldRow, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise _Wrong("an object.", "须为对象。")
    return dict(raw)


_READERS: dict[str, Callable[[FieldRow, Any], Any]] = {
    "text": _text, "account": _text, "asset": _text, "quantity": _decimal, "price": _decimal, "money": _decimal, "share": _decimal,
    "whole": _whole, "yes_no": _yes_no, "day": _day, "time": _time, "choice": _choice, "hash": _hash, "texts": _texts, "ranges": _ranges,
    "weights": _weights, "rows": _rows, "object": _object,
}  # fmt: skip
