"""`zone.toml`: reading it, and checking what it declares. Only what the zone cannot be opened without raises."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from qingshan.core.errors import QingshanError, ZoneError
from qingshan.core.units import same_dimension

from .period import Period
from .place import COMPARISON, Level, Place
from .quantity import Catalogue, Quantity, catalogue, parse_quantity
from .report import Report
from .table import ZONE_FILE, read_bytes

ZONE_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_HEAD = ("id", "name_zh", "name_en", "root")
_ENTRY_KEYS = {
    "level": ("id", "zh", "en"),
    "period": ("id", "year", "zh", "en"),
    "comparison": ("code", "name_zh", "name_en"),
    "merge": ("quantity", "rule"),
    "class": ("id", "fact", "zh", "en"),
    "group": ("id", "classes", "zh", "en"),
    "raster": ("id", "title", "licence"),
    "series": ("id", "title", "licence"),
}
MERGE_RULES = ("sum",)
RESERVED_GROUPS = ("all", "moved", "unallocated")  # what the change of a place is shown of besides its groups
_PERIOD_EXAMPLE = 'id = "2020", year = 2020, also = ["static"], month_pattern = ["2020-{:02d}"]'


def read_config(folder: Path, report: Report) -> tuple[dict[str, Any], str]:
    """The parsed zone.toml and its sha-256. Raises `ZoneError` where the file or its [zone] head cannot be used."""
    raw = read_bytes(folder / ZONE_FILE, ZONE_FILE, report)
    if raw is None:
        why = report.last()
        raise _unusable(
            folder,
            why.en,
            why.zh,
            "make a zone with `qingshan init DIR --id ID` / 用 `qingshan init DIR --id ID` 新建区域",
        )
    try:
        config = tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(
            folder,
            f"not readable: {error}.",
            f"读不懂：{error}。",
            "write it as TOML in UTF-8 / 按 TOML 语法书写，存为 UTF-8",
        ) from None
    head = config.get("zone")
    absent = [key for key in _HEAD if not isinstance(head, dict) or not _is_text(head.get(key))]
    if absent:
        keys = ", ".join(absent)
        fix = "compare with the template that `qingshan init` makes / 对照 `qingshan init` 生成的模板补齐"
        raise _unusable(folder, f"[zone] lacks {keys}.", f"[zone] 缺少 {keys}。", fix)
    if not ZONE_ID.fullmatch(config["zone"]["id"]):
        word = config["zone"]["id"]
        fix = "small letters, digits, '-' and '_', a letter first / 小写字母开头，只用小写字母、数字、- 和 _"
        raise _unusable(folder, f"the id {word!r} is not a plain word.", f"id {word!r} 不合规范。", fix)
    return config, hashlib.sha256(raw).hexdigest()


def _unusable(folder: Path, en: str, zh: str, fix: str) -> ZoneError:
    return ZoneError(en, zh, where=str(folder / ZONE_FILE), fix=fix)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def entries(config: Mapping[str, Any], table: str, report: Report) -> list[dict[str, Any]]:
    """The entries of `[[table]]` that carry the keys they need; each of the others is one finding."""
    needed, found = _ENTRY_KEYS[table], config.get(table, [])
    good: list[dict[str, Any]] = []
    for number, raw in enumerate(found if isinstance(found, list) else [found], 1):
        absent = [key for key in needed if not isinstance(raw, dict) or raw.get(key) in (None, "")]
        if absent:
            where: dict[str, Any] = {"file": ZONE_FILE, "field": table, "limit": ", ".join(needed)}
            report.add("bad_entry", **where, number=number, table=table, keys=", ".join(absent))
        else:
            good.append(raw)
    return good


def levels(config: Mapping[str, Any], report: Report) -> tuple[Level, ...]:
    """The storeys of the place tree, from the root down. Raises `ZoneError` where none is declared."""
    declared = {raw["id"]: Level(raw["id"], raw["zh"], raw["en"]) for raw in entries(config, "level", report)}
    if not declared:
        fix = "declare the levels from the root down: id, zh, en / 自根地点往下逐级声明 id、zh、en"
        raise ZoneError("no [[level]] is declared.", "没有声明 [[level]]。", where=ZONE_FILE, fix=fix)
    return tuple(declared.values())


def comparison_places(config: Mapping[str, Any], report: Report) -> dict[str, Place]:
    """Places outside the tree that rows may name."""
    return {
        raw["code"]: Place(raw["code"], raw["name_zh"], raw["name_en"], COMPARISON, "")
        for raw in entries(config, "comparison", report)
    }


def merges(config: Mapping[str, Any], report: Report) -> list[dict[str, Any]]:
    """The rules by which rows of one present code become one figure."""
    declared = entries(config, "merge", report)
    for raw in declared:
        if raw["rule"] not in MERGE_RULES:
            where: dict[str, Any] = {"file": ZONE_FILE, "field": "merge.rule", "limit": ", ".join(MERGE_RULES)}
            report.add("bad_merge_rule", **where, rule=raw["rule"], quantity=raw["quantity"])
    return [raw for raw in declared if raw["rule"] in MERGE_RULES]


def periods(config: Mapping[str, Any], report: Report) -> list[Period]:
    """The accounting periods, in file order."""
    made: list[Period] = []
    for raw in entries(config, "period", report):
        try:
            made.append(_period(raw))
        except (ValueError, TypeError, IndexError, KeyError) as error:
            where: dict[str, Any] = {"file": ZONE_FILE, "field": "period", "limit": _PERIOD_EXAMPLE}
            report.add("bad_period_entry", **where, id=raw["id"], why=error)
    if not made:
        report.add("no_period", file=ZONE_FILE, field="period")
    return made


def _period(raw: Mapping[str, Any]) -> Period:
    also, pattern = _words(raw.get("also", [])), _words(raw.get("month_pattern", []))
    period = Period(str(raw["id"]), int(raw["year"]), str(raw["zh"]), str(raw["en"]), also, pattern)
    period.months(1)  # a pattern that cannot be filled shows here
    return period


def _words(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(word, str) for word in raw):
        raise TypeError(f"{raw!r} is not a list of words")
    return tuple(raw)


def quantities(config: Mapping[str, Any], report: Report) -> Catalogue:
    """What the installed domains declare, and the zone's own `[[quantity]]` entries over it."""
    own: list[Quantity] = []
    declared = config.get("quantity", [])
    for raw in declared if isinstance(declared, list) else [declared]:
        try:
            own.append(parse_quantity(raw, "zone"))
        except QingshanError as error:
            report.add("bad_quantity_entry", file=ZONE_FILE, field="quantity", en=error.sentence(), zh=error.zh)
    return catalogue().with_more(own)


def check_extent(config: Mapping[str, Any], known: Catalogue, report: Report) -> None:
    """Every extent class must read a declared area, and no land twice: a total beside its parts would count it twice."""
    extent = config.get("extent")
    if not isinstance(extent, dict):
        return
    where: dict[str, Any] = {"file": ZONE_FILE, "field": "extent.class.fact"}
    read: dict[str, str] = {}
    for raw in entries(extent, "class", report):
        id, fact = raw["id"], str(raw["fact"])
        declared = known.get(fact)
        if declared is None or not same_dimension(declared.unit, "m2"):
            report.add("bad_extent_class", **where, limit="an area", id=id, fact=fact)
        for other, first in read.items():
            if fact == other or fact.startswith(f"{other}.") or other.startswith(f"{fact}."):
                report.add("overlapping_classes", **where, first=first, first_fact=other, id=id, fact=fact)
        read[fact] = id
    _check_groups(extent, set(read.values()), report)


def _check_groups(extent: Mapping[str, Any], classes: Set[str], report: Report) -> None:
    """A group of classes names declared ones, each once, at least one, and has an id that no class and no other group has.

    A reserved word, or `>` (a change from one class to another), would be taken for something else.
    """
    seen: set[str] = set()
    for raw in entries(extent, "group", report):
        id, members = str(raw["id"]), raw["classes"]
        fits = (
            isinstance(members, list)
            and members
            and len({str(m) for m in members}) == len(members)
            and {str(m) for m in members} <= classes
        )
        if not fits or id in classes | seen | {*RESERVED_GROUPS} or ">" in id:
            report.add(
                "bad_extent_group", file=ZONE_FILE, field="extent.group", limit=", ".join(sorted(classes)), id=id
            )
        seen.add(id)
