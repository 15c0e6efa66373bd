"""Samples as rows of text, as a file or a network gives them, and what every matter needs to read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ...core.errors import OutOfBounds, UnitError
from ...core.reading import Reading, reading
from ...core.rounding import Exact, exact
from .verdict import converted


@dataclass(frozen=True)
class Row(Mapping[str, str]):
    """One row of text. `where` names it in errors."""

    cells: Mapping[str, str]
    where: str = ""

    def __getitem__(self, key: str) -> str:
        return self.cells[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def text(self, key: str) -> str:
        return (self.cells.get(key) or "").strip()

    def number(self, key: str) -> Decimal:
        """Raises `OutOfBounds` naming row and column."""
        try:
            return exact(self.text(key))
        except OutOfBounds as error:
            raise self._wrong(key, error.en, error.zh) from None

    def reading(self, key: str = "value") -> Reading:
        try:
            return reading(self.text(key))
        except OutOfBounds as error:
            raise self._wrong(key, error.en, error.zh) from None

    def in_unit(self, value: Exact, unit: str) -> Exact:
        """A value of the row, from the unit of its column `unit` to another. Raises `UnitError` naming row and column."""
        try:
            return converted(value, self.text("unit"), unit)
        except UnitError as error:
            raise UnitError(error.en, error.zh, where=f"{self.where} [unit]", fix=error.fix) from None

    def day(self, key: str = "date") -> date:
        try:
            return datetime.fromisoformat(self.text(key)).date()
        except ValueError:
            raise self._wrong(key, "write a day as 2026-03-01", "日期写作 2026-03-01") from None

    def _wrong(self, key: str, en: str, zh: str) -> OutOfBounds:
        return OutOfBounds(
            f"{key} is {self.text(key)!r}: {en}", f"{key} 为 {self.text(key)!r}：{zh}", where=f"{self.where} [{key}]"
        )


Rows = Sequence[Row]
Options = Mapping[str, str]


def grouped(rows: Rows, *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by the texts of some columns, in the order of the file."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.text(k) for k in keys), []).append(row)
    return found


def items_of(rows: Rows) -> dict[str, tuple[Reading, str]]:
    """Item -> (reading, unit). Raises `OutOfBounds` for an item that stands twice in one sample."""
    found: dict[str, tuple[Reading, str]] = {}
    for row in rows:
        item = row.text("item")
        if item in found:
            raise OutOfBounds(f"{item} stands twice in one sample.", f"{item} 在同一样品中出现两次。", where=row.where)
        found[item] = (row.reading(), row.text("unit"))
    return found


def option(options: Options, key: str, default: str = "") -> Decimal:
    """An option as a number. Raises `OutOfBounds` naming it."""
    try:
        return exact(options.get(key) or default)
    except OutOfBounds as error:
        raise OutOfBounds(f"{key}: {error.en}", f"{key}：{error.zh}", where=f"--set {key}") from None


def day_option(options: Options, key: str) -> date:
    """An option as a day. Raises `OutOfBounds` naming it."""
    try:
        return date.fromisoformat(options[key])
    except ValueError:
        raise OutOfBounds(
            f"{key} is {options[key]!r}: write 2026-03-01.",
            f"{key} 为 {options[key]!r}：写作 2026-03-01。",
            where=f"--set {key}",
        ) from None
