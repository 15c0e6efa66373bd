"""JSON schemas from a register's declaration."""

from __future__ import annotations

from typing import Any

from qingshan.registers.declaration import Field, Register

__all__ = ["change_body", "create_body", "step_body"]

HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
VERSION = {"type": "integer", "minimum": 1, "description": "the version that was seen"}
ID = {"type": "string", "pattern": r"^[\w.:-]{1,80}$"}
_KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "maxLength": 300},
    "long_text": {"type": "string", "maxLength": 20_000},
    "whole": {"type": "integer"},
    "decimal": {"type": "string", "pattern": r"^-?\d{1,18}(\.\d{1,12})?$"},
    "date": {"type": "string", "format": "date"},
    "yes_no": {"type": "boolean"},
    "place": {"type": "string", "maxLength": 40},
    "person": {"type": "string", "maxLength": 100},
    "reference": {"type": "string", "maxLength": 100},
    "choice": {"type": "string"},
    "file": HASH | {"description": "sha-256 of the file; POST it to /files to have it kept"},
    "geometry": {
        "type": "object",
        "description": "GeoJSON Point, LineString, Polygon or MultiPolygon in degrees (WGS 84)",
    },
}


def _field(f: Field) -> dict[str, Any]:
    one = dict(_KINDS[f.kind]) | ({"enum": list(f.choices)} if f.choices else {})
    if f.kind == "whole":
        one |= {k: int(v) for k, v in (("minimum", f.low), ("maximum", f.high)) if v}
    title = f"{f.en} {f.zh}" + (f" ({f.unit})" if f.unit else f" (unit: {f.unit_field})" if f.unit_field else "")
    limits = ", ".join(
        f"{sign} {limit}" for sign, limit in ((">=", f.low), ("<=", f.high)) if limit and f.kind != "whole"
    )
    said = {"title": title} | ({"description": limits} if limits else {})
    return {"type": "array", "maxItems": 1000, "items": one} | said if f.many else one | said


def _fields(register: Register, names: list[str] | None = None, *, required: bool = False) -> dict[str, Any]:
    chosen = [f for f in register.fields if names is None or f.id in names]
    made: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {f.id: _field(f) for f in chosen},
    }
    needed = [f.id for f in chosen if f.required]
    return made | ({"required": needed} if required and needed else {})


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def create_body(register: Register) -> dict[str, Any]:
    return _object({"id": ID, "fields": _fields(register, required=True)}, ["id", "fields"])


def change_body(register: Register) -> dict[str, Any]:
    return _object({"version": VERSION, "fields": _fields(register)}, ["version", "fields"])


def step_body(register: Register) -> dict[str, Any]:
    """Of all steps together: which fields and evidence a step needs stands in the declaration."""
    needs = sorted({n for t in register.transitions for n in t.needs})
    evidence = sorted({e for t in register.transitions for e in t.evidence})
    return _object({
        "version": VERSION, "fields": _fields(register, needs), "note": {"type": "string", "maxLength": 2000},
        "evidence": {"type": "object", "properties": dict.fromkeys(evidence, HASH), "additionalProperties": HASH},
    }, ["version"])  # fmt: skip
