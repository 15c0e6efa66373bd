"""Fact rows: every rule a row must pass, and the merging of rows that belong to one present place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from qingshan.core.errors import UnitError
from qingshan.core.units import convert, factor
from qingshan.core.units import unit as parse_unit

from .fact import FACT_STATUSES, InputFact, Missing
from .place import Place, near
from .quantity import Catalogue, Quantity
from .table import Report, Table

FACT_COLUMNS = ("place_code", "period", "quantity", "value", "unit", "source_title", "status")
MORE_FACT_COLUMNS = (
    "place",
    "name_zh",
    "issuer",
    "note",
    "preferred",
    "kind",
    "op",
    "place_code_now",
    "code_match",
    "level",
)
MISSING_COLUMNS = ("quantity", "name_zh", "place_code", "period", "document")
MORE_MISSING_COLUMNS = ("name_en", "place", "needed_by", "rule", "note")
KINDS = ("", "target", "plan", "done")
OPERATORS = ("", ">=", "<=", ">", "<", "=", "plan")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_QUANTITY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", re.ASCII)
_MONTH = r"(0[1-9]|1[0-2])"
_PERIOD = re.compile(
    rf"\d{{4}}|\d{{4}}-{_MONTH}(-\d{{2}})?|\d{{4}}-{_MONTH}/{_MONTH}|\d{{4}}-\d{{4}}|\d{{4}}H[12]|\d{{4}}Q[1-4]|static|normal(-{_MONTH})?",
    re.ASCII,
)
_PERIOD_WORDS = "2019, 2023-10, 2024-01/09, 2016-2020, 2021H1, 2021Q3, static, normal-01"
_SHARES = ("share", "rate", "cover")
_DERIVED = "derived"


@dataclass
class Reading:
    """What a fact row is read against, and where its faults go."""

    places: Mapping[str, Place]
    comparison: Mapping[str, Place]
    quantities: Catalogue
    merges: list[Mapping[str, Any]]
    report: Report


def read_facts(table: Table, reading: Reading) -> list[InputFact]:
    """The usable rows of one fact table: observations, targets, plans. Derived rows are left out and counted."""
    facts: list[InputFact] = []
    seen: dict[tuple[str, ...], int] = {}
    derived = 0
    for line, row in table.rows:
        if row.get("note", "").startswith(_DERIVED):
            derived += 1
            continue
        columns = ("place_code", "place", "period", "quantity", "unit", "value", "source_title", "kind")
        identity = tuple(row.get(c, "") for c in columns)
        if identity in seen:
            reading.report.add(
                "warning", "duplicate_row", f"the row repeats row {seen[identity]} and is counted once.",
                f"与第 {seen[identity]} 行重复，只计一次。", file=table.name, row=line,
                fix=("remove one of the two", "删去其中一行"),
            )  # fmt: skip
            continue
        seen[identity] = line
        if fact := _fact(row, line, table.name, reading):
            facts.append(fact)
    if derived:
        reading.report.add(
            "note", "derived_rows", f"{derived} rows marked 'derived' are arithmetic on other rows and are not loaded.",
            f"{derived} 行注明 derived（由其他行推算），未载入。", file=table.name,
        )  # fmt: skip
    return _merged(facts, table, reading) if "place_code_now" in table.header else facts


def _fact(row: dict[str, str], line: int, file: str, reading: Reading) -> InputFact | None:
    at = _At(file, line, reading.report)
    place = _place(row, at, reading)
    value = _value(row["value"], at)
    unit = row["unit"] if _unit_is_known(row["unit"], at) else None
    period = _word(row["period"], _PERIOD, _PERIOD_WORDS, "period", ("time", "时期"), at)
    quantity = _word(row["quantity"], _QUANTITY, "land.forest.arbor", "quantity", ("quantity", "指标"), at)
    words = [
        _one_of(row["status"], FACT_STATUSES, "status", at),
        _one_of(row.get("kind", ""), KINDS, "kind", at),
        _one_of(row.get("op", ""), OPERATORS, "op", at),
        _source(row["source_title"], at),
    ]
    if place is None or value is None or unit is None or period is None or quantity is None or not all(words):
        return None
    if not _fits_quantity(quantity, value, unit, reading.quantities, at):
        return None
    moved = row.get("place_code_now") and row["place_code_now"] != row["place_code"]
    printed_code = f"printed code {row['place_code']}" if moved else ""
    return InputFact(
        place=place, period=period, quantity=quantity, value=value, unit=unit, name_zh=row.get("name_zh", ""),
        source_title=row["source_title"], issuer=row.get("issuer", ""), status=row["status"],
        note="; ".join(filter(None, (row.get("note", ""), printed_code))), preferred=row.get("preferred", "") == "yes",
        kind=row.get("kind", ""), op=row.get("op", ""), file=file, row=line, place_zh=row.get("place", ""),
        printed=row["value"],
    )  # fmt: skip


@dataclass(frozen=True)
class _At:
    """A row, and where its findings go."""

    file: str
    row: int
    report: Report

    def error(self, code: str, en: str, zh: str, field: str, limit: str, fix: tuple[str, str]) -> None:
        self.report.add("error", code, en, zh, file=self.file, row=self.row, field=field, limit=limit, fix=fix)

    def warn(self, code: str, en: str, zh: str, field: str, limit: str, fix: tuple[str, str]) -> None:
        self.report.add("warning", code, en, zh, file=self.file, row=self.row, field=field, limit=limit, fix=fix)


def _place(row: dict[str, str], at: _At, reading: Reading) -> str | None:
    """The place a row belongs to: its present code, several codes joined by ';', or a declared place of comparison."""
    code = row.get("place_code_now") or row["place_code"] or row.get("place", "")
    field = "place_code_now" if row.get("place_code_now") else "place_code" if row["place_code"] else "place"
    for part in code.split(";"):
        if part not in reading.places and part not in reading.comparison:
            known = dict(reading.places) | dict(reading.comparison)
            hint = near(part, known) or near(row.get("place", ""), known)
            at.error(
                "unknown_place", f"the place {part!r} is not in places.csv.", f"地点代码 {part!r} 不在 places.csv 中。", field,
                ", ".join(hint) or "places.csv",
                ("use a code of places.csv, or declare a [[comparison]] place in zone.toml", "改用表中代码，或在 zone.toml 中声明 [[comparison]]"),
            )  # fmt: skip
            return None
    return code


def _value(text: str, at: _At) -> float | None:
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
        at.error("impossible_value", f"{text} is too large for a number.", f"{text} 超出数值范围。", "value", "1.8e308",
                 ("check the figure", "核对数值"))  # fmt: skip
        return None
    plain = "".join(str(int(c)) if c.isdecimal() else {"．": ".", "－": "-", "＋": "+"}.get(c, c) for c in text)
    plain = plain.replace(",", "").replace("，", "").replace(" ", "")
    hint = plain if _NUMBER.fullmatch(plain) else "a plain number"
    at.error(
        "not_a_number", f"{text!r} is not a plain number." if text else "the value is empty.",
        f"{text!r} 不是规范的数字。" if text else "数值为空。", "value", "ASCII digits, '.', no thousands separator",
        (f"write {hint}; an unknown figure belongs in missing.csv", f"写成 {hint}；不知道的数据登记到 missing.csv"),
    )  # fmt: skip
    return None


def _unit_is_known(text: str, at: _At) -> bool:
    try:
        parse_unit(text)
        if text:
            return True
        message, zh = "the unit is empty.", "单位为空。"
    except UnitError as error:
        message, zh = error.en, error.zh
    at.error("unknown_unit", message, zh, "unit", "km2, hm2, 万亩, 亿m3, 万t, 亿元, 万人, %, mm, degC, 1 ...",
             ("write the unit of the source; a pure number has the unit 1", "按原文写单位；无量纲写 1"))  # fmt: skip
    return False


def _word(text: str, pattern: re.Pattern[str], shown: str, field: str, names: tuple[str, str], at: _At) -> str | None:
    if pattern.fullmatch(text):
        return text
    at.error(f"bad_{field}", f"{text!r} is not a readable {names[0]}.", f"{names[1]} {text!r} 不合规范。", field, shown,
             ("write it in one of these forms", "按上述写法填写"))  # fmt: skip
    return None


def _one_of(text: str, allowed: tuple[str, ...], field: str, at: _At) -> bool:
    if text in allowed:
        return True
    at.error(f"bad_{field}", f"{field} is {text!r}.", f"{field} 为 {text!r}。", field, ", ".join(filter(None, allowed)),
             ("use one of these words", "只能取上述各词"))  # fmt: skip
    return False


def _source(text: str, at: _At) -> bool:
    if text:
        return True
    at.error("no_source", "the row names no source.", "本行没有写明来源。", "source_title", "title of the document",
             ("name the document the figure was read in", "写明数据出处"))  # fmt: skip
    return False


def _fits_quantity(quantity: str, value: float, unit: str, known: Catalogue, at: _At) -> bool:
    declared = known.get(quantity)
    if declared is None:
        alike = ", ".join(get_close_matches(quantity, [q.id for q in known], n=3)) or "quantities.toml"
        at.warn("unknown_quantity", f"{quantity} is not declared; its unit is not compared.", f"指标 {quantity} 未声明，单位无从比对。",
                "quantity", alike, ("declare it as [[quantity]] in zone.toml", "在 zone.toml 中用 [[quantity]] 声明"))  # fmt: skip
    elif parse_unit(unit).dimensions != parse_unit(declared.unit).dimensions:
        at.error(
            "wrong_unit", f"{quantity} is {parse_unit(declared.unit).words()} ({declared.unit}), {unit!r} is {parse_unit(unit).words()}.",
            f"{declared.zh}应为 {declared.unit} 一类的单位，{unit!r} 量纲不符。", "unit", declared.unit,
            ("give the figure in the unit of the source, of this dimension", "按来源的单位填写，量纲须一致"),
        )  # fmt: skip
        return False
    return _possible(quantity, value, unit, declared, at)


def _possible(quantity: str, value: float, unit: str, declared: Quantity | None, at: _At) -> bool:
    parsed = parse_unit(unit)
    signed = declared.signed if declared else "change" in quantity or "growth" in quantity
    dimensions = {name for name, _ in parsed.dimensions}
    low, high = (declared.low, declared.high) if declared else (None, None)
    check = "the figure, its sign and its unit", "核对数值、正负号和单位"
    if value < 0 and dimensions and "K" not in dimensions and not signed:
        at.error("negative_value", f"{quantity} is {value:g} {unit}.", f"{quantity} 为 {value:g} {unit}，不可能为负。", "value", ">= 0",
                 (f"check {check[0]}", check[1]))  # fmt: skip
        return False
    if parsed.offset and value + parsed.offset < 0:
        at.error("impossible_value", f"{value:g} {unit} lies below absolute zero.", f"{value:g} {unit} 低于绝对零度。", "value",
                 f">= {-parsed.offset:g}", (f"check {check[0]}", check[1]))  # fmt: skip
        return False
    if declared and (low is not None or high is not None):
        plain = float(convert(value, unit, declared.unit))
        if (low is not None and plain < low) or (high is not None and plain > high):
            limits = " and ".join(f"{s} {x:g}" for s, x in ((">=", low), ("<=", high)) if x is not None)
            at.error("impossible_value", f"{quantity} is {value:g} {unit}.", f"{declared.zh}为 {value:g} {unit}，不可能。", "value",
                     f"{limits} {declared.unit}", (f"check {check[0]}", check[1]))  # fmt: skip
            return False
    if (
        not parsed.dimensions
        and quantity.endswith(_SHARES)
        and not signed
        and not 0 <= value * factor(unit, "%") <= 100
    ):
        at.warn("share_out_of_range", f"{quantity} is {value:g} {unit}.", f"{quantity} 为 {value:g} {unit}，超出 0～100%。", "value",
                "0 to 100 %", ("check the figure and the denominator", "核对数值和分母"))  # fmt: skip
    return True


# --- rows of one present place --------------------------------------------------------------------------------------


def _merged(facts: list[InputFact], table: Table, reading: Reading) -> list[InputFact]:
    """Rows that a present code collects from several printed codes become one figure, by a rule of zone.toml."""
    groups: dict[tuple[str, ...], list[InputFact]] = {}
    for fact in facts:
        groups.setdefault((fact.place, fact.period, fact.quantity, fact.unit, fact.source_title, fact.kind), []).append(
            fact
        )
    merged: list[InputFact] = []
    for group in groups.values():
        if len(group) == 1:
            merged += group
        elif any(m.get("rule") == "sum" and m.get("quantity") == group[0].quantity for m in reading.merges):
            merged.append(_summed(group))
        else:
            reading.report.add(
                "error", "no_merge_rule", f"{len(group)} rows of {group[0].quantity} {group[0].period} fall on {group[0].place}; none is used.",
                f"{group[0].place} 有 {len(group)} 行 {group[0].quantity} {group[0].period}，均未采用。", file=table.name, row=group[0].row,
                field="place_code_now", fix=("declare a [[merge]] rule for the quantity in zone.toml", "在 zone.toml 中为该指标声明 [[merge]]"),
            )  # fmt: skip
    return merged


def _summed(group: list[InputFact]) -> InputFact:
    total = sum((Decimal(f.printed) for f in group), Decimal(0))
    shown = " + ".join(f"{f.place_zh} {f.printed}" for f in group)
    worst = max(group, key=lambda f: FACT_STATUSES.index(f.status)).status
    return replace(
        group[0],
        value=float(total),
        printed=str(total),
        status=worst,
        note=f"sum of {shown}",
        parts=tuple(group),
        place_zh="",
    )


# --- gaps -----------------------------------------------------------------------------------------------------------


def read_missing(table: Table, reading: Reading, levels: set[str]) -> list[Missing]:
    """The declared gaps. `place_code` is a code, several joined by ';', or `level:NAME` for every place of a level."""
    gaps: list[Missing] = []
    for line, row in table.rows:
        at = _At(table.name, line, reading.report)
        quantity = _word(row["quantity"], _QUANTITY, "land.forest.arbor", "quantity", ("quantity", "指标"), at)
        parts = [p for p in row["place_code"].split(";") if not (p.startswith("level:") and p[6:] in levels)]
        known = all(_place({"place_code": part}, at, reading) for part in parts)
        if not row["document"]:
            at.warn("no_document", "no document is named that would fill the gap.", "没有写明可以补缺的文件。", "document",
                    "title of a document", ("name the yearbook, bulletin or report", "写明年鉴、公报或报告名称"))  # fmt: skip
        if quantity and known:
            gaps.append(
                Missing(
                    quantity,
                    row["name_zh"],
                    row.get("name_en", ""),
                    row["place_code"],
                    row.get("place", ""),
                    row["period"],
                    row.get("needed_by", ""),
                    row["document"],
                    row.get("rule", ""),
                    row.get("note", ""),
                    table.name,
                    line,
                )  # fmt: skip
            )
    return gaps
