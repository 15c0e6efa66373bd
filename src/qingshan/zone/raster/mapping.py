"""Land-cover legends and what each class is called in the ecosystem classes of the account.

The rows are `standards/landcover_mappings.csv` of the installed domains (`scheme,code,name_zh,name_en,class_code,
source_title,source_where,status,note`), or a CSV of the zone with the same columns, named by `mapping = "….csv"`. A code
without `class_code` has no counterpart: its cells belong to no class and are reported.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qingshan.core.canonical import digest
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName

__all__ = ["IDENTITY", "ClassMapping", "MappingRow", "class_mapping", "schemes"]

FILE = "standards/landcover_mappings.csv"
COLUMNS = ("scheme", "code", "name_zh", "name_en", "class_code", "source_title", "source_where", "status", "note")
IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One class of a legend: its printed code, both names, the class it counts as (None: none), and why."""

    scheme: str
    code: str
    name_zh: str
    name_en: str
    class_code: int | None
    source_title: str
    source_where: str
    status: str
    note: str


@dataclass(frozen=True)
class ClassMapping:
    """A legend with its counterparts. `digest` changes with any row."""

    scheme: str
    rows: tuple[MappingRow, ...]

    @property
    def table(self) -> tuple[tuple[int, int], ...]:
        """(value in the raster, class code) of every class that has a counterpart and a numeric code."""
        return tuple((int(r.code), r.class_code) for r in self.rows if r.code.isdigit() and r.class_code is not None)

    def row(self, value: int) -> MappingRow | None:
        return next((r for r in self.rows if r.code.isdigit() and int(r.code) == value), None)

    @property
    def digest(self) -> str:
        return digest([[r.scheme, r.code, r.class_code, r.name_en] for r in self.rows])


def read_mappings(path: Path) -> list[MappingRow]:
    """Raises `DeclarationError` naming the file and row where a row cannot be used."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        absent = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if absent:
            raise _bad(path, 1, f"the columns {', '.join(absent)} are missing", f"缺少列 {'、'.join(absent)}")
        return [_row(raw, path, reader.line_num) for raw in reader]


def _row(raw: Mapping[str, str | None], path: Path, line: int) -> MappingRow:
    cells = {c: (raw.get(c) or "").strip() for c in COLUMNS}
    target = cells.pop("class_code")
    if not cells["scheme"] or not cells["code"] or not cells["source_title"]:
        raise _bad(path, line, "scheme, code or source_title is empty", "scheme、code 或 source_title 为空")
    if target and not (target.isdigit() and 0 < int(target) <= 65535):
        raise _bad(
            path,
            line,
            f"class_code {target!r} is no code of 1 to 65535",
            f"class_code {target!r} 不是 1 到 65535 的代码",
        )
    return MappingRow(**cells, class_code=int(target) if target else None)


def _bad(path: Path, line: int, en: str, zh: str) -> DeclarationError:
    return DeclarationError(f"{en}.", f"{zh}。", where=f"{path.name}:{line}", fix=f"columns: {','.join(COLUMNS)}")


@lru_cache(maxsize=1)
def _installed() -> dict[str, ClassMapping]:
    paths = [d.folder / FILE for d in load_domains().by_name.values() if (d.folder / FILE).is_file()]
    return _by_scheme(row for path in paths for row in read_mappings(path))


def _by_scheme(rows: Iterable[MappingRow]) -> dict[str, ClassMapping]:
    found: dict[str, list[MappingRow]] = {}
    for row in rows:
        found.setdefault(row.scheme, []).append(row)
    return {scheme: ClassMapping(scheme, tuple(parts)) for scheme, parts in found.items()}


def schemes() -> list[str]:
    """The mappings that come with the installed domains."""
    return sorted(_installed())


def class_mapping(name: str, folder: Path | None = None) -> ClassMapping | None:
    """A mapping by scheme, or by a CSV file of the zone folder; None for `identity`.

    Raises `UnknownName` (no such scheme), `DeclarationError` (the zone's file cannot be used).
    """
    if name == IDENTITY:
        return None
    if name.endswith(".csv"):
        path = (folder or Path()) / name
        if not path.is_file():
            raise DeclarationError(
                f"no mapping file {name!r}.", f"没有对照表 {name!r}。", where="zone.toml [landcover]"
            )
        found = _by_scheme(read_mappings(path))
        if len(found) != 1:
            raise _bad(
                path,
                1,
                f"one file holds one scheme, here are {len(found)}",
                f"一个文件只放一种分类，现有 {len(found)} 种",
            )
        return next(iter(found.values()))
    if name not in _installed():
        known = ", ".join([IDENTITY, *schemes()])
        raise UnknownName(
            f"no class mapping {name!r} (known: {known}).", f"没有地类对照 {name!r}（现有：{known}）。",
            fix="name one of them, or a CSV file of the zone / 写其中之一，或区域内的 CSV 文件",
        )  # fmt: skip
    return _installed()[name]
