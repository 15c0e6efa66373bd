"""Cataloguing a raster: opened, checked, hashed, then one `[[raster]]` entry at the end of zone.toml, its comments kept."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qingshan.core.canonical import write_atomic
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.zone.settings import ZONE_ID
from qingshan.zone.table import ZONE_FILE
from qingshan.zone.zone import Zone, builtin_zones, open_zone, zone_path

from .cache import Cache
from .catalogue import RasterBook
from .content import content_digest
from .layer import location
from .remote import Remote, is_remote
from .review import review_entry
from .review_cells import review_cells, review_classes

__all__ = ["Added", "CannotAdd", "add_fetched", "add_raster"]

FOLDER = "rasters"
"""Where copies lie, inside the zone."""


class CannotAdd(QingshanError):
    """A raster that cannot be catalogued as asked; the zone is as it was."""

    code = "cannot_add"


@dataclass(frozen=True)
class Added:
    """The entry, its findings, and whether it was written: an error finding keeps it out."""

    entry: Mapping[str, Any]
    findings: list[Finding]
    written: bool


def add_raster(
    zone: str | Path, file: str, entry: Mapping[str, Any], *, copy: bool = False, cache: Cache | None = None
) -> Added:
    """Catalogue `file` (a path or an http(s) address) with the keys of `entry`: id, quantity, unit, period and others.

    Nothing is copied unless `copy`; a path inside the zone is kept relative. An entry with an error finding is not
    written. Raises `CannotAdd` (built-in zone, id or figure taken), `CannotRead`, `ZoneError` (no [grid]), and what
    fetching raises.
    """
    opened = _writable(zone)
    book = RasterBook.of(opened)
    _check_free(book, entry)
    made = {key: value for key, value in entry.items() if value not in ("", None)}
    made.setdefault("title", made["id"])
    made.setdefault("licence", "unknown")
    if is_remote(file):
        kept = Remote.of({**made, "path": file}).kept(cache)
        made |= {"url": file, "sha256": kept.sha256}
    else:
        made["path"] = _path(Path(file).resolve(), opened.path.resolve())
        place = Path(location(made, opened.path))
        if place.exists():
            made["sha256"] = content_digest(place)
    return _reviewed(opened, book, made, copy=copy)


def add_fetched(zone: str | Path, entry: Mapping[str, Any], found: list[Finding]) -> Added:
    """Catalogue the layer that `fetch_layer` made: its file is copied into the zone."""
    opened = _writable(zone)
    book = RasterBook.of(opened)
    _check_free(book, entry)
    added = _reviewed(opened, book, dict(entry), copy=True)
    return Added(added.entry, [*found, *added.findings], added.written)


def _reviewed(zone: Zone, book: RasterBook, entry: dict[str, Any], *, copy: bool) -> Added:
    found = review_entry(book, entry)
    if not any(f.level == "error" for f in found):
        found += review_cells(book, entry)
        if entry["quantity"] == (zone.config.get("landcover") or {}).get("quantity"):
            found += review_classes(RasterBook(zone, book.grid, (entry,)))
    if any(f.level == "error" for f in found):
        return Added(entry, found, False)
    if copy and "path" in entry:
        entry["path"] = _copied(Path(location(entry, zone.path)), zone.path, str(entry["id"]))
    _append(zone.path / ZONE_FILE, entry)
    return Added(entry, found, True)


def _writable(zone: str | Path) -> Zone:
    folder = zone_path(zone)
    if folder.resolve() in {p.resolve() for p in builtin_zones().values()}:
        raise CannotAdd(
            f"{folder.name} is a built-in zone and is not written to.", f"{folder.name} 是内置区域，不能写入。",
            fix="make a zone of your own with `qingshan init DIR --id ID` / 用 `qingshan init DIR --id ID` 新建自己的区域",
        )  # fmt: skip
    return open_zone(folder)


def _check_free(book: RasterBook, entry: Mapping[str, Any]) -> None:
    id = str(entry.get("id", ""))
    taken = {str(raw.get("id")) for raw in book.zone.config.get("raster", ()) if isinstance(raw, Mapping)}
    if not ZONE_ID.fullmatch(id):
        raise CannotAdd(
            f"the id {id!r} is not a plain word.", f"id {id!r} 不合规范。",
            fix="small letters, digits, '-' and '_', a letter first / 小写字母开头，只用小写字母、数字、- 和 _",
        )  # fmt: skip
    if id in taken:
        raise CannotAdd(
            f"the id {id!r} is taken.", f"id {id!r} 已被使用。", where=ZONE_FILE, fix="choose another / 换一个"
        )
    for other in book.entries:
        if (other["quantity"], str(other["period"])) == (entry.get("quantity"), str(entry.get("period"))):
            raise CannotAdd(
                f"{other['quantity']} for {other['period']} is catalogued as {other['id']!r}.",
                f"{other['quantity']} 在 {other['period']} 已登记为 {other['id']!r}。",
                where=ZONE_FILE,
                fix="remove that entry first, or give another period / 先删去原登记，或换一个时期",
            )


def _path(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


def _copied(file: Path, folder: Path, id: str) -> str:
    """Copy into the zone under the id, whole or not at all."""
    target = folder / FOLDER / f"{id}{file.suffix}"
    if file.resolve() == target.resolve():
        return _path(target.resolve(), folder.resolve())
    target.parent.mkdir(exist_ok=True)
    draft = target.with_name(f".{target.name}.tmp")
    if file.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(file, draft)
        shutil.rmtree(target, ignore_errors=True)
    else:
        shutil.copyfile(file, draft)
    draft.replace(target)
    return target.relative_to(folder).as_posix()


def _append(path: Path, entry: Mapping[str, Any]) -> None:
    """Put the entry at the end of the file; refused where the file would not then say exactly that."""
    raw = path.read_bytes()
    end = b"\r\n" if b"\r\n" in raw else b"\n"
    lines = ["", "[[raster]]", *(f"{key} = {_toml(value)}" for key, value in entry.items()), ""]
    text = raw + (b"" if raw.endswith(b"\n") else end) + end.join(line.encode() for line in lines)
    before = tomllib.loads(raw.decode("utf-8-sig"))
    try:
        after = tomllib.loads(text.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError:
        after = {}
    if after != {**before, "raster": [*before.get("raster", []), dict(entry)]}:
        raise CannotAdd(
            "zone.toml keeps its rasters in a form that cannot be added to.", "zone.toml 中栅格的写法无法追加。",
            where=str(path), fix="write them as [[raster]] tables / 改写为 [[raster]] 表",
        )  # fmt: skip
    write_atomic(path, text)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {_toml(v)}" for k, v in value.items()) + " }"
    return repr(value)
