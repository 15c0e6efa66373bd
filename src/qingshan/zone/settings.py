"""`zone.toml`: reading it, and checking what it declares. Only what the zone cannot be opened without raises."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qingshan.core.errors import QingshanError, ZoneError
from qingshan.core.units import same_dimension

from .period import Period
from .place import COMPARISON, Level, Place
from .quantity import Catalogue, Quantity, catalogue, parse_quantity
from .table import Report, read_bytes

ZONE_FILE = "zone.toml"
ZONE_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_HEAD = ("id", "name_zh", "name_en", "root")
_ENTRY_KEYS = {
    "level": ("id", "zh", "en"),
    "period": ("id", "year", "zh", "en"),
    "comparison": ("code", "name_zh", "name_en"),
    "merge": ("quantity", "rule"),
    "class": ("id", "fact", "zh", "en"),
    "raster": ("id", "title", "crs", "resolution", "licence"),
    "series": ("id", "title", "licence"),
}
MERGE_RULES = ("sum",)


def read_config(folder: Path, report: Report) -> tuple[dict[str, Any], str]:
    """The parsed zone.toml and its sha-256. Raises `ZoneError` where the file or its [zone] head cannot be used."""
    raw = read_bytes(folder / ZONE_FILE, ZONE_FILE, report)
    if raw is None:
        last = report.findings()[-1]
        raise ZoneError(
            f"{ZONE_FILE}: {last.en}",
            f"{ZONE_FILE}：{last.zh}",
            where=str(folder),
            fix="make a zone with `qingshan init DIR`",
        )
    try:
        config = tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZoneError(
            f"{ZONE_FILE} cannot be read: {error}.", f"{ZONE_FILE} 读不懂：{error}。", where=str(folder), fix="write it as TOML in UTF-8",
        ) from None  # fmt: skip
    head = config.get("zone")
    absent = [
        key
        for key in _HEAD
        if not isinstance(head, dict) or not isinstance(head.get(key), str) or not head[key].strip()
    ]
    if absent:
        raise ZoneError(
            f"[zone] in {ZONE_FILE} lacks {', '.join(absent)}.", f"{ZONE_FILE} 的 [zone] 缺少 {'、'.join(absent)}。", where=str(folder),
            fix="compare with the template that `qingshan init` makes",
        )  # fmt: skip
    if not ZONE_ID.fullmatch(config["zone"]["id"]):
        raise ZoneError(
            f"the zone id {config['zone']['id']!r} is not a plain word.", f"区域 id {config['zone']['id']!r} 不合规范。",
            where=str(folder / ZONE_FILE), fix="small letters, digits, '-' and '_', a letter first",
        )  # fmt: skip
    return config, hashlib.sha256(raw).hexdigest()


def entries(config: Mapping[str, Any], table: str, report: Report) -> list[dict[str, Any]]:
    """The entries of `[[table]]` that carry the keys they need; each of the others is one finding."""
    needed, raw_entries = _ENTRY_KEYS[table], config.get(table, [])
    good: list[dict[str, Any]] = []
    for number, raw in enumerate(raw_entries if isinstance(raw_entries, list) else [raw_entries], 1):
        absent = [key for key in needed if not isinstance(raw, dict) or raw.get(key) in (None, "")]
        if not absent:
            good.append(raw)
            continue
        report.add(
            "error", "bad_entry", f"entry {number} of [[{table}]] lacks {', '.join(absent)}.",
            f"[[{table}]] 第 {number} 项缺少 {'、'.join(absent)}。", file=ZONE_FILE, field=table, limit=", ".join(needed),
            fix=("add the keys", "补全各键"),
        )  # fmt: skip
    return good


def levels(config: Mapping[str, Any], report: Report) -> tuple[Level, ...]:
    """The storeys of the place tree, from the root down. Raises `ZoneError` where none is declared."""
    declared = {raw["id"]: Level(raw["id"], raw["zh"], raw["en"]) for raw in entries(config, "level", report)}
    if not declared:
        raise ZoneError(
            f"{ZONE_FILE} declares no [[level]].",
            f"{ZONE_FILE} 没有声明 [[level]]。",
            fix="declare the levels from the root down: id, zh, en",
        )
    return tuple(declared.values())


def comparison_places(config: Mapping[str, Any], report: Report) -> dict[str, Place]:
    """Places outside the tree that rows may name."""
    return {
        raw["code"]: Place(raw["code"], raw["name_zh"], raw["name_en"], COMPARISON, "")
        for raw in entries(config, "comparison", report)
    }


def merges(config: Mapping[str, Any], report: Report) -> list[dict[str, Any]]:
    """The rules by which rows of one present code become one figure."""
    good = []
    for raw in entries(config, "merge", report):
        if raw["rule"] in MERGE_RULES:
            good.append(raw)
            continue
        report.add(
            "error", "bad_merge_rule", f"the rule {raw['rule']!r} of {raw['quantity']} is unknown.", f"合并规则 {raw['rule']!r} 不认识。",
            file=ZONE_FILE, field="merge.rule", limit=", ".join(MERGE_RULES), fix=("use one of these words", "只能取上述各词"),
        )  # fmt: skip
    return good


def periods(config: Mapping[str, Any], report: Report) -> list[Period]:
    """The accounting periods, in file order."""
    made: list[Period] = []
    for raw in entries(config, "period", report):
        try:
            period = Period(
                str(raw["id"]), int(raw["year"]), str(raw["zh"]), str(raw["en"]), _words(raw.get("also", [])),
                _words(raw.get("month_pattern", [])),
            )  # fmt: skip
            period.months(1)
        except (ValueError, TypeError, IndexError, KeyError) as error:
            report.add(
                "error", "bad_period", f"the period {raw['id']!r} cannot be read: {error}.", f"时期 {raw['id']!r} 读不懂：{error}。",
                file=ZONE_FILE, field="period", limit='year = 2020, also = ["static"], month_pattern = ["2020-{:02d}"]',
                fix=("write it like this", "照此填写"),
            )  # fmt: skip
            continue
        made.append(period)
    if not made:
        report.add(
            "warning", "no_period", "no [[period]] is declared: no account can run.", "没有声明 [[period]]，无法编制账户。",
            file=ZONE_FILE, field="period", fix=("add a [[period]] with id, year, zh, en", "添加 [[period]]：id、year、zh、en"),
        )  # fmt: skip
    return made


def _words(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(word, str) for word in raw):
        raise TypeError(f"{raw!r} is not a list of words")
    return tuple(raw)


def quantities(config: Mapping[str, Any], report: Report) -> Catalogue:
    """What the installed domains declare, and the zone's own `[[quantity]]` entries over it."""
    own: list[Quantity] = []
    for raw in config.get("quantity", []):
        try:
            own.append(parse_quantity(raw, "zone"))
        except QingshanError as error:
            report.add("error", "bad_quantity", error.sentence(), error.zh, file=ZONE_FILE, field="quantity",
                       fix=("write id, zh, en, unit, rollup", "写明 id、zh、en、unit、rollup"))  # fmt: skip
    return catalogue().with_more(own)


def check_extent(config: Mapping[str, Any], known: Catalogue, report: Report) -> None:
    """Every extent class must read a declared area, and no class twice: a total beside its parts would count land twice."""
    extent = config.get("extent")
    if not isinstance(extent, dict):
        return
    read: dict[str, str] = {}
    for raw in entries(extent, "class", report):
        fact = raw["fact"]
        declared = known.get(fact)
        if declared is None or not same_dimension(declared.unit, "m2"):
            report.add(
                "error", "bad_extent_class", f"the class {raw['id']!r} reads {fact}, which is not a declared area.",
                f"地类 {raw['id']!r} 取自 {fact}，它不是已声明的面积指标。", file=ZONE_FILE, field="extent.class.fact", limit="an area",
                fix=("name a quantity with an area unit", "改为面积类指标"),
            )  # fmt: skip
        for other, name in read.items():
            if fact == other or fact.startswith(f"{other}.") or other.startswith(f"{fact}."):
                report.add(
                    "error", "overlapping_classes", f"the classes {name!r} ({other}) and {raw['id']!r} ({fact}) count the same land.",
                    f"地类 {name!r}（{other}）与 {raw['id']!r}（{fact}）重复计算。", file=ZONE_FILE, field="extent.class.fact",
                    fix=("keep the total or its parts, not both", "总数与分项只留一种"),
                )  # fmt: skip
        read[fact] = raw["id"]
