"""What a view returns: words for the template and tables for everybody. The exports print the same tables.

A view is one function `(Ask) -> Page`. `Page.tables` are plain rows with declared columns; the template may show them
in any shape, `.csv`, `.xlsx`, `.json` and `.geojson` print them as they are, labels, status and source included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: key in the row, both names, and the unit where every row has the same one. `mark` names the column that
    holds the pedigree key of this one's values: a page prints it as the mark beside the value.
    """

    key: str
    zh: str
    en: str
    unit: str = ""
    mark: str = ""

    def name(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind. `place_column` names the column that holds place codes, which makes a GeoJSON possible; so do
    `point_columns`, longitude and latitude in degrees, and `shapes`, a GeoJSON geometry per row."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Cell]]
    place_column: str = ""
    point_columns: tuple[str, str] | None = None
    shapes: Sequence[Mapping[str, Any] | None] = ()

    @property
    def mapped(self) -> bool:
        return bool(self.place_column or self.point_columns or self.shapes)

    def title(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


STANDING = (
    Column("labels", "标注", "labels"),
    Column("status", "来源级别", "status"),
    Column("source", "出处", "source"),
    Column("reason", "拒算原因", "reason refused"),
    Column("document", "补它的文件", "document that fills it"),
    Column("key", "来历键", "pedigree key"),
)
"""Columns every table of figures ends with, so that no label is lost on the way out."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answered question. `context` is what the template prints; `tables` is what leaves the house.

    `record` is more for `.json` alone, made only when asked: the whole tree behind a pedigree.
    """

    template: str
    title: str
    context: Mapping[str, Any]
    tables: Sequence[Table] = ()
    places: Sequence[str] = ()
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    record: Callable[[], Any] | None = None

    def table(self, name: str = "") -> Table | None:
        return next((t for t in self.tables if not name or t.name == name), None)


@dataclass(frozen=True, slots=True)
class View:
    """One kind of page: its address after the language, its word in the top bar ('' = not in the bar), its builder.

    `path` is a FastAPI path such as `/place/{code}`; `home` is where the top bar leads, given the chosen place;
    `rail` gives the address of this page for another place (None: the page has no place); `under` names the page of the
    top bar that a page without a word of its own belongs to.
    """

    name: str
    path: str
    build: Callable[[Any], Page]
    home: Callable[[str], str] | None = None
    rail: Callable[[str], str] | None = None
    under: str = ""
    needs: frozenset[str] = field(default_factory=frozenset)
