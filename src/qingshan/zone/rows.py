"""Fact rows: every rule a row must pass, and the merging of rows that belong to one present place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
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
from .report import Report
from .table import Table

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
MORE_MISSING_COLUMNS = ("name_en", "place", "needed_by", "needed_by_zh", "rule", "note")
KINDS = ("", "target", "plan", "done")
OPERATORS = ("", ">=", "<=", ">", "<", "=", "plan")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_QUANTITY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", re.ASCII)
_MONTH = r"(0[1-9]|1[0-2])"
_PERIOD = re.compile(
    rf"\d{{4}}(-{_MONTH}(-\d{{2}}|/{_MONTH})?|-\d{{4}}|H[12]|Q[1-4])?|static|normal(-{_MONTH})?", re.ASCII
)
_PERIOD_EXAMPLES = "2019, 2023-10, 2024-01/09, 2016-2020, 2021H1, 2021Q3, static, normal-01"
_UNIT_EXAMPLES = "km2, hm2, 万亩, 亿m3, 万t, t/(km2*a), 亿元, 万人, Mt CO2, %, mm, degC, 1"
_IDENTITY = ("place_code", "place", "period", "quantity", "unit", "value", "source_title", "kind")
_SHARES = ("share", "rate", "cover")
_SIGNED_WORDS = ("change", "growth", "anomaly", "balance")
_DERIVED = "derived"
_LARGEST_NUMBER = 1e30  # beyond any figure of statistics; sums and products of such figures still fit a float
_EARTH_KM2 = 510_100_000.0  # surface of the Earth: no place and no land class is larger


@dataclass
class Reading:
    """What a fact row is read against, and where its faults go."""

    places: Mapping[str, Place]
    comparison: Mapping[str, Place]
    quantities: Catalogue
    merges: Sequence[Mapping[str, Any]]
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
        identity = tuple(row.get(column, "") for column in _IDENTITY)
        if identity in seen:
            reading.report.add("duplicate_row", file=table.name, row=line, first=seen[identity])
            continue
        seen[identity] = line
        if fact := _fact(row, _At(table.name, line, reading.report), reading):
            facts.append(fact)
    if derived:
        reading.report.add("derived_rows", file=table.name, count=derived)
    return _merged(facts, table.name, reading) if "place_code_now" in table.header else facts


@dataclass(frozen=True, slots=True)
class _At:
    """A row, and where its findings go."""

    file: str
    row: int
    report: Report

    def add(self, code: str, field: str, limit: str = "", /, **values: Any) -> None:
        self.report.add(code, file=self.file, row=self.row, field=field, limit=limit, **values)


def _fact(row: dict[str, str], at: _At, reading: Reading) -> InputFact | None:
    place = _place(row, at, reading)
    value = _value(row["value"], at)
    sound = [
        _unit_is_known(row["unit"], at),
        _has_form(row["period"], _PERIOD, "bad_period", "period", at),
        _has_form(row["quantity"], _QUANTITY, "bad_quantity", "quantity", at),
        _is_one_of(row["status"], FACT_STATUSES, "status", at),
        _is_one_of(row.get("kind", ""), KINDS, "kind", at),
        _is_one_of(row.get("op", ""), OPERATORS, "op", at),
        _has_source(row["source_title"], at),
    ]
    if place is None or value is None or not all(sound):
        return None
    if not _fits_quantity(row["quantity"], value, row["unit"], reading.quantities, at):
        return None
    moved = row.get("place_code_now") and row["place_code_now"] != row["place_code"]
    note = "; ".join(filter(None, (row.get("note", ""), f"printed code {row['place_code']}" if moved else "")))
    return InputFact(
        place=place,
        period=row["period"],
        quantity=row["quantity"],
        value=value,
        unit=row["unit"],
        name_zh=row.get("name_zh", ""),
        source_title=row["source_title"],
        issuer=row.get("issuer", ""),
        status=row["status"],
        note=note,
        preferred=row.get("preferred", "") == "yes",
        kind=row.get("kind", ""),
        op=row.get("op", ""),
        file=at.file,
        row=at.row,
        place_zh=row.get("place", ""),
        printed=row["value"],
    )


def _place(row: Mapping[str, str], at: _At, reading: Reading) -> str | None:
    """The place a row belongs to: its present code, several codes joined by ';', or a declared place of comparison."""
    field = next((c for c in ("place_code_now", "place_code", "place") if row.get(c)), "place_code")
    code = row.get(field, "")
    for part in code.split(";"):
        if part not in reading.places and part not in reading.comparison:
            known = dict(reading.places) | dict(reading.comparison)
            alike = near(part, known) or near(row.get("place", ""), known)
            at.add("unknown_place", field, ", ".join(alike) or "places.csv", word=part)
            return None
    return code


def _value(text: str, at: _At) -> float | None:
    if _NUMBER.fullmatch(text):
        value = float(text)
        if abs(value) <= _LARGEST_NUMBER:
            return value
        at.add("number_too_large", "value", f"{_LARGEST_NUMBER:g}", text=text)
    elif not text:
        at.add("empty_value", "value")
    else:
        plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
        hint = plain if _NUMBER.fullmatch(plain) else "1234.5"
        at.add("not_a_number", "value", "ASCII digits and '.', no thousands separator", text=text, plain=hint)
    return None


def _unit_is_known(text: str, at: _At) -> bool:
    if not text:
        at.add("empty_unit", "unit", _UNIT_EXAMPLES)
        return False
    try:
        parse_unit(text)
    except UnitError as error:
        at.add("unknown_unit", "unit", _UNIT_EXAMPLES, en=error.en, zh=error.zh)
        return False
    return True


def _has_form(text: str, pattern: re.Pattern[str], code: str, field: str, at: _At) -> bool:
    if pattern.fullmatch(text):
        return True
    at.add(code, field, _PERIOD_EXAMPLES if field == "period" else "land.forest.arbor", text=text)
    return False


def _is_one_of(text: str, allowed: tuple[str, ...], field: str, at: _At) -> bool:
    if text in allowed:
        return True
    at.add("bad_word", field, ", ".join(filter(None, allowed)), column=field, text=text)
    return False


def _has_source(text: str, at: _At) -> bool:
    if not text:
        at.add("no_source", "source_title")
    return bool(text)


def _fits_quantity(quantity: str, value: float, unit: str, known: Catalogue, at: _At) -> bool:
    """Whether unit and value are possible for the quantity: dimension, sign, declared limits, shares within 0-100 %."""
    declared, parsed = known.get(quantity), parse_unit(unit)
    shown: dict[str, Any] = {"quantity": quantity, "value": value, "unit": unit}
    if declared is None:
        at.add("unknown_quantity", "quantity", _alike(quantity, known), quantity=quantity)
    elif parsed.dimensions != parse_unit(declared.unit).dimensions:
        expected, found = parse_unit(declared.unit).words(), parsed.words()
        names = {"expected": expected, "found": found, "name": declared.zh, "declared": declared.unit}
        at.add("wrong_unit", "unit", declared.unit, quantity=quantity, unit=unit, **names)
        return False
    signed = declared.signed if declared else any(word in quantity for word in _SIGNED_WORDS)
    dimensions = {name for name, _ in parsed.dimensions}
    if value < 0 and dimensions - {"K"} and not signed:
        at.add("negative_value", "value", ">= 0", **shown)
        return False
    if parsed.dimensions == parse_unit("km2").dimensions and value * factor(unit, "km2") > _EARTH_KM2:
        at.add("out_of_limits", "value", f"<= {_EARTH_KM2:,.0f} km2", **shown)
        return False
    if parsed.offset and value + parsed.offset < 0:
        at.add("out_of_limits", "value", f">= {-parsed.offset:g} {unit}", **shown)
        return False
    if declared and not _within(float(convert(value, unit, declared.unit)), declared):
        at.add("out_of_limits", "value", f"{declared.low:g} to {declared.high:g} {declared.unit}", **shown)
        return False
    if not dimensions and quantity.endswith(_SHARES) and not signed and not 0 <= value * factor(unit, "%") <= 100:
        at.add("share_out_of_range", "value", "0 to 100 %", **shown)
    return True


def _alike(quantity: str, known: Catalogue) -> str:
    return ", ".join(get_close_matches(quantity, [q.id for q in known], n=3)) or "quantities.toml"


def _within(value: float, declared: Quantity) -> bool:
    return declared.low <= value <= declared.high


# --- rows of one present place --------------------------------------------------------------------------------------


def _merged(facts: list[InputFact], file: str, reading: Reading) -> list[InputFact]:
    """Rows that a present code collects from several printed codes become one figure, by a rule of zone.toml."""
    groups: dict[tuple[str, ...], list[InputFact]] = {}
    for fact in facts:
        identity = (fact.place, fact.period, fact.quantity, fact.unit, fact.source_title, fact.kind)
        groups.setdefault(identity, []).append(fact)
    rules = {rule["quantity"]: rule["rule"] for rule in reading.merges}
    merged: list[InputFact] = []
    for (place, period, quantity, *_), group in groups.items():
        if len(group) == 1:
            merged += group
        elif rules.get(quantity) == "sum":
            merged.append(_summed(group))
        else:
            at = _At(file, group[0].row, reading.report)
            values: dict[str, Any] = {"count": len(group), "quantity": quantity, "period": period, "place": place}
            at.add("no_merge_rule", "place_code_now", **values)
    return merged


def _summed(group: list[InputFact]) -> InputFact:
    """Sum of the printed figures, exact in decimal; the status is the worst of the parts."""
    total = sum((Decimal(fact.printed) for fact in group), Decimal(0))
    worst = max((fact.status for fact in group), key=FACT_STATUSES.index)
    note = "sum of " + " + ".join(f"{fact.place_zh} {fact.printed}" for fact in group)
    parts = tuple(group)
    return replace(group[0], value=float(total), printed=str(total), status=worst, note=note, parts=parts, place_zh="")


# --- gaps -----------------------------------------------------------------------------------------------------------


def read_missing(table: Table, reading: Reading, levels: set[str]) -> list[Missing]:
    """The declared gaps. `place_code` is a code, several joined by ';', or `level:NAME` for every place of a level."""
    gaps: list[Missing] = []
    for line, row in table.rows:
        at = _At(table.name, line, reading.report)
        codes = [c for c in row["place_code"].split(";") if not (c.startswith("level:") and c[6:] in levels)]
        known = all(_place({"place_code": code}, at, reading) for code in codes)
        if not row["document"]:
            at.add("no_document", "document")
        if _has_form(row["quantity"], _QUANTITY, "bad_quantity", "quantity", at) and known:
            gaps.append(
                Missing(
                    quantity=row["quantity"],
                    name_zh=row["name_zh"],
                    name_en=row.get("name_en", ""),
                    place=row["place_code"],
                    place_zh=row.get("place", ""),
                    period=row["period"],
                    needed_by=row.get("needed_by", ""),
                    needed_by_zh=row.get("needed_by_zh", ""),
                    document=row["document"],
                    rule=row.get("rule", ""),
                    note=row.get("note", ""),
                    file=table.name,
                    row=line,
                )
            )
    return gaps
