"""JSON schemas of the API, from the declared fields of commands. Quantities, prices and money are decimal texts, never floats."""

from __future__ import annotations

from typing import Any

from qingshan.rights.commands import CommandRow, FieldRow

from .problems import MEDIA, PROBLEM

__all__ = ["answers", "body_of", "listed", "reads_answers"]

TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
DECIMAL = {
    "quantity": r"^\d{1,12}(\.\d{1,6})?$",
    "price": r"^\d{1,12}(\.\d{1,4})?$",
    "money": r"^\d{1,12}(\.\d{1,4})?$",
    "share": r"^\d{1,4}(\.\d{1,4})?$",
}
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
UNITS = {"quantity": "in the instrument's unit", "price": "yuan per unit", "money": "yuan", "share": "of 1"}


def body_of(row: CommandRow) -> dict[str, Any]:
    """The body of a command."""
    return _object(row.fields)


def _object(fields: tuple[FieldRow, ...]) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "properties": {f.name: _field(f) for f in fields},
        "required": [f.name for f in fields if f.required],
    }  # fmt: skip


def _field(f: FieldRow) -> dict[str, Any]:
    words = {"title": f"{f.en} {f.zh}"}
    if f.kind in DECIMAL:
        return words | {"type": "string", "pattern": DECIMAL[f.kind], "description": f"decimal text, {UNITS[f.kind]}"}
    if f.kind == "rows":
        return words | {"type": "array", "minItems": 1, "maxItems": 30, "items": _object(f.row)}
    return words | _PLAIN.get(f.kind, TEXT) | ({"enum": list(f.choices)} if f.choices else {})


_PLAIN: dict[str, dict[str, Any]] = {
    "whole": {"type": "integer", "minimum": 0, "maximum": 2**53},
    "yes_no": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
    "hash": HASH,
    "choice": {"type": "string"},
    "texts": {"type": "array", "maxItems": 100, "items": TEXT},
    "ranges": {"type": "array", "maxItems": 100, "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": TEXT},
               "description": "[lot, start, end): serial numbers in the instrument's unit"},
    "weights": {"type": "array", "minItems": 1, "maxItems": 200, "items": {"type": "array", "minItems": 2, "maxItems": 2}},
    "object": {"type": "object"},
}  # fmt: skip


def answers(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Problems that an address may answer with."""
    return {code: {"description": _WHY[code], "content": {MEDIA: {"schema": PROBLEM}}} for code in codes}


_WHY = {
    400: "the body is no JSON object", 401: "not signed in", 403: "not for this role or account, or without the form token", 404: "no such thing",
    409: "the state of the ledger forbids it, or the key belongs to another command", 410: "no longer kept: take a new picture",
    413: "the body is too large", 415: "the body is not application/json", 422: "a field or a rule", 429: "too many requests", 503: "the ledger does not write",
}  # fmt: skip
RECEIPT = {
    "type": "object", "required": ["record", "answer", "repeated"],
    "properties": {"record": {"type": "integer"}, "answer": {"type": "object"}, "repeated": {"type": "boolean"}},
}  # fmt: skip


def receipt(status: int, description: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": description, "content": {"application/json": {"schema": RECEIPT}}}}


def listed(item: dict[str, Any] | None = None) -> dict[str, Any]:
    """A page of a list: `items`, and `next` to ask for what follows (absent at the end)."""
    items = {"type": "array", "items": item or {"type": "object"}}
    return {"type": "object", "required": ["items"], "properties": {"items": items, "next": {"type": "string"}}}


def reads_answers(schema: dict[str, Any], *codes: int) -> dict[int | str, dict[str, Any]]:
    """What a read answers."""
    return {200: {"description": "found", "content": {"application/json": {"schema": schema}}}, **answers(*codes)}
