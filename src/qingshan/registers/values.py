"""Field values: from what a form, a CSV cell or a command gives to what the journal keeps, with all faults at once.

A decimal stays the text that was typed (no floats on the journal); a date is ISO; a geometry is GeoJSON in WGS 84 degrees; a
file is the sha-256 of its bytes; a place is a code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from .declaration import Field, Register

__all__ = ["Fault", "as_texts", "numbers", "read_fields", "shape_typed"]

LONGEST = {"text": 300, "long_text": 20_000, "person": 100, "place": 40, "reference": 100}
MOST = 1000
POINTS = 200_000
_HASH = re.compile(r"[0-9a-f]{64}")
Fault = tuple[str, str, str]
"""Field, English, Chinese."""


def read_fields(
    register: Register, given: Mapping[str, Any], *, partial: bool = False
) -> tuple[dict[str, Any], list[Fault]]:
    """Values as the journal keeps them, and every fault. `partial`: absent required fields are no fault."""
    found: dict[str, Any] = {}
    faults: list[Fault] = [
        (name, "there is no such field.", "没有这个字段。") for name in given if name not in register.field_by_id
    ]
    for f in register.fields:
        raw = given.get(f.id)
        if raw in (None, "", [], ()):
            if f.required and not partial:
                faults.append((f.id, f"{f.en} is needed.", f"{f.zh}必填。"))
            continue
        items = (list(raw) if isinstance(raw, list | tuple) else [raw]) if f.many else [raw]
        if len(items) > MOST:
            faults.append((f.id, f"at most {MOST} values.", f"至多 {MOST} 个值。"))
            continue
        values = []
        for item in items:
            value, fault = _READERS[f.kind](f, item)
            if fault:
                faults.append((f.id, f"{f.en}: {fault[0]}", f"{f.zh}：{fault[1]}"))
            else:
                values.append(value)
        if len(values) == len(items):
            found[f.id] = values if f.many else values[0]
    return found, faults


Read = tuple[Any, tuple[str, str] | None]


def _text(f: Field, raw: Any) -> Read:
    if not isinstance(raw, str):
        return None, ("a text is needed.", "须为文本。")
    longest = LONGEST[f.kind]
    text = raw.strip()
    if len(text) > longest or any(ord(c) < 32 and c not in "\n\t" for c in text):
        return None, (
            f"at most {longest} characters, without control characters.",
            f"至多 {longest} 个字符，且不得含控制字符。",
        )
    return text, None


def _choice(f: Field, raw: Any) -> Read:
    if raw not in f.choices:
        return None, (f"{raw!r} is not one of {', '.join(f.choices)}.", f"{raw!r} 不在 {'、'.join(f.choices)} 之中。")
    return raw, None


def _within(f: Field, value: Decimal) -> tuple[str, str] | None:
    for limit, broken, sign in (
        (f.low, f.low and value < Decimal(f.low), ">="),
        (f.high, f.high and value > Decimal(f.high), "<="),
    ):
        if broken:
            unit = f" {f.unit}" if f.unit else ""
            return f"{value} must be {sign} {limit}{unit}.", f"{value} 应 {sign} {limit}{unit}。"
    return None


def _decimal(f: Field, raw: Any) -> Read:
    text = str(raw).strip() if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
    try:
        value = Decimal(text) if re.fullmatch(r"-?\d{1,18}(\.\d{1,12})?", text, re.ASCII) else None
    except InvalidOperation:
        value = None
    if value is None:
        return None, (f"{raw!r} is no decimal number.", f"{raw!r} 不是十进制数。")
    return format(value, "f"), _within(f, value)


def _whole(f: Field, raw: Any) -> Read:
    text = str(raw).strip() if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return None, (f"{raw!r} is no whole number.", f"{raw!r} 不是整数。")
    return int(text), _within(f, Decimal(text))


def _date(f: Field, raw: Any) -> Read:
    try:
        value = date.fromisoformat(raw)
    except (TypeError, ValueError):
        return None, (f"{raw!r} is no day; write 2026-01-31.", f"{raw!r} 不是日期，应写成 2026-01-31。")
    for limit, broken, sign in (
        (f.low, f.low and value.isoformat() < f.low, ">="),
        (f.high, f.high and value.isoformat() > f.high, "<="),
    ):
        if broken:
            return None, (f"{raw} must be {sign} {limit}.", f"{raw} 应 {sign} {limit}。")
    return value.isoformat(), None


def _yes_no(f: Field, raw: Any) -> Read:
    known = {True: True, False: False, "yes": True, "no": False, "是": True, "否": False, "true": True, "false": False}
    if not isinstance(raw, bool | str) or raw not in known:
        return None, (f"{raw!r} is neither yes nor no.", f"{raw!r} 应为是或否。")
    return known[raw], None


def _file(f: Field, raw: Any) -> Read:
    if not isinstance(raw, str) or not _HASH.fullmatch(raw):
        return None, (
            "the sha-256 of a file is needed (64 hexadecimal digits).",
            "须为文件的 sha-256（64 位十六进制）。",
        )
    return raw, None


def _geometry(f: Field, raw: Any) -> Read:
    """A valid Point, LineString, Polygon or MultiPolygon in degrees, its coordinates as decimal texts to 1e-7 degree."""
    from shapely.errors import ShapelyError  # noqa: PLC0415 - the extra geo
    from shapely.geometry import shape  # noqa: PLC0415
    from shapely.validation import explain_validity  # noqa: PLC0415

    from qingshan.core.outline import reason_zh  # noqa: PLC0415

    try:
        drawn = shape({"type": raw["type"], "coordinates": numbers(raw["coordinates"])})
        kept = {"type": drawn.geom_type, "coordinates": _degrees(raw["coordinates"])}
    except (ShapelyError, KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError):
        return None, (
            "it is no GeoJSON geometry and no longitude and latitude.",
            "不是 GeoJSON 几何，也不是“经度, 纬度”。",
        )
    if drawn.geom_type not in ("Point", "LineString", "Polygon", "MultiPolygon") or drawn.is_empty:
        return None, (f"{drawn.geom_type} is not taken.", f"不接受 {drawn.geom_type}。")
    west, south, east, north = drawn.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return None, (
            "longitude and latitude in degrees are needed; check the axis order.",
            "须为经纬度（度），请核对坐标顺序。",
        )
    if not drawn.is_valid:
        return None, (
            f"the geometry is not valid: {explain_validity(drawn)}.",
            f"几何无效：{reason_zh(explain_validity(drawn))}。",
        )
    return kept, None


_POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,2}(?:\.\d+)?)\s*")


def shape_typed(text: str) -> Any:
    """A geometry as it is typed: GeoJSON, or longitude and latitude of a point; anything else stays the text, which `read_fields` refuses."""
    if m := _POINT.fullmatch(text):
        return {"type": "Point", "coordinates": [m[1], m[2]]}
    try:
        return as_texts(json.loads(text))
    except (ValueError, RecursionError):
        return text


def numbers(coordinates: Any) -> Any:
    """Coordinates as GeoJSON has them, from numbers or decimal texts. Raises `ValueError`, `TypeError`."""
    return [numbers(c) for c in coordinates] if isinstance(coordinates, list | tuple) else float(coordinates)


def _degrees(coordinates: Any) -> Any:
    if isinstance(coordinates, list | tuple):
        return [_degrees(c) for c in coordinates]
    return format(Decimal(str(coordinates)).quantize(Decimal("1e-7")).normalize(), "f")


def as_texts(value: Any) -> Any:
    """Data as a client sends it, its floating numbers as the shortest decimal texts: what a command may carry."""
    if isinstance(value, Mapping):
        return {k: as_texts(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_texts(v) for v in value]
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else value


_READERS: dict[str, Callable[[Field, Any], Read]] = {
    "text": _text, "long_text": _text, "person": _text, "place": _text, "reference": _text, "choice": _choice, "whole": _whole, "decimal": _decimal,
    "date": _date, "yes_no": _yes_no, "geometry": _geometry, "file": _file,
}  # fmt: skip
