"""What the pages of registers share: the frame, values in words, the shapes of records on the zone's map."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from qingshan.faces.access.registers import register_of
from qingshan.publish import numbers
from qingshan.registers.actors import roles
from qingshan.registers.calendar import CHINA
from qingshan.registers.declaration import Field, Register

from .site import Ask
from .trading import asset_name, desk_of, signed
from .woods import Ground, ground

__all__ = [
    "clock",
    "deadline_shown",
    "frame",
    "held_by",
    "mapped",
    "name_of",
    "record_href",
    "role_words",
    "unit_of",
    "value_shown",
]

WIDE, NARROW = (560, 420), (358, 300)


def frame(ask: Ask, register: Register | None = None) -> dict[str, Any]:
    """The rail, who is signed in, what was just done."""
    desk = desk_of(ask)
    here = f"/{ask.lang}{ask.view.path}".format(**{k: quote(v, safe="") for k, v in ask.params.items()})
    rail = [{"id": r.id, "name": name_of(ask, r), "href": f"/{ask.lang}/registers/{r.id}", "here": register is not None and r.id == register.id}
            for r in desk.registers.values()]  # fmt: skip
    return {"who": signed(ask, here), "registers": rail, "synthetic": desk.synthetic, "here": ask.zone.root, "back": here, "told": ask.told,
            "done": ask.query.get("done", ""), "fresh": partial(secrets.token_hex, 12)}  # fmt: skip


def held_by(ask: Ask) -> Register:
    """The register of the address. Raises `UnknownName`."""
    return register_of(desk_of(ask), ask.params["register"])


def name_of(ask: Ask, declared: Any) -> str:
    """A declared thing in words."""
    return str(ask.t.pick(declared.zh, declared.en))


def role_words(ask: Ask, ids: Sequence[str]) -> str:
    names = {r.id: ask.t.pick(r.zh, r.en) for r in roles()}
    return ("、" if ask.lang == "zh" else ", ").join(names[i] for i in ids)


def record_href(ask: Ask, register: str, id: str) -> str:
    return f"/{ask.lang}/registers/{register}/record/{quote(id, safe='')}"


def unit_of(ask: Ask, f: Field, fields: Mapping[str, Any] | None = None) -> str:
    """The unit of a field in words; of one whose unit is chosen, that of the record at hand."""
    unit = str((fields or {}).get(f.unit_field, "")) if f.unit_field else f.unit
    return numbers.unit_word(unit, ask.lang) if unit and unit != "1" else ""


def clock(at: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def value_shown(ask: Ask, f: Field, value: Any) -> list[dict[str, str]]:
    """A value as text and, where it leads somewhere, an address: places, references."""
    return [
        {"href": "", "title": ""} | _one(ask, f, v)
        for v in (value if isinstance(value, list) else [value])
        if v is not None
    ]


def _one(ask: Ask, f: Field, v: Any) -> dict[str, str]:  # noqa: PLR0911 - one line a kind
    if f.kind == "decimal":
        return {"text": f"{Decimal(v):,f}"}
    if f.kind == "yes_no":
        return {"text": ask.t("choice.true" if v else "choice.false")}
    if f.kind == "choice":
        return {"text": f.word(v, ask.lang)}
    if f.kind == "place" and v in ask.zone.places:
        return {"text": ask.short(v), "title": v, "href": ask.place_address(v)}
    if f.kind == "reference":
        return {"text": str(v), "href": record_href(ask, f.register, str(v))}
    if f.kind == "file":
        return {"text": f"{v[:16]}…", "title": str(v)}
    if f.kind == "geometry":
        return {"text": _shape(ask, v)}
    return _known(ask, str(v)) if f.kind == "text" else {"text": str(v)}


def _known(ask: Ask, text: str) -> dict[str, str]:
    """An instrument or a rule set by its name, where the text is the id of one."""
    desk = desk_of(ask)
    if text in desk.tape.strips:
        return {
            "text": asset_name(ask, text),
            "title": text,
            "href": f"/{ask.lang}/exchange?{urlencode({'asset': text})}",
        }
    editions = [s for s in desk.rules.every() if s.id == text]
    if editions:
        return {
            "text": name_of(ask, editions[-1]),
            "title": text,
            "href": f"/{ask.lang}/exchange/operator#sets",
        }
    return {"text": text}


def _shape(ask: Ask, v: Mapping[str, Any]) -> str:
    from qingshan.registers.rules import area_of, drawn  # noqa: PLC0415 - the extra geo

    shape = drawn(v)
    middle = shape.representative_point()
    where = f"{middle.x:.5f}°E {middle.y:.5f}°N"
    if not shape.area:
        return where
    hectares = numbers.write(area_of(shape) / 1e4, "hm2", ask.lang)
    return f"{hectares.text}{ask.t('comma')}{where}"


def deadline_shown(ask: Ask, d: Mapping[str, Any]) -> dict[str, Any]:
    """A deadline in words."""
    desk = desk_of(ask)
    declared = desk.registers[d["register"]]
    said = ask.t("registers.due_on", day=d["on"]) if d["on"] else ask.t("registers.due_unknown")
    if d["overdue"]:
        said = ask.t("registers.overdue_since", day=d["on"])
    return {"name": ask.t.pick(d["zh"], d["en"]), "said": said, "why": ask.t.pick(d["why_zh"], d["why"]), "clause": d["clause"], "overdue": d["overdue"],
            "register": name_of(ask, declared), "id": d["id"], "href": record_href(ask, d["register"], d["id"]), "on": d["on"]}  # fmt: skip


# ---- maps ------------------------------------------------------------------------------------------------------------


def mapped(
    ask: Ask, features: Mapping[str, Any], names: Mapping[str, str], address: str, *, close: bool = False
) -> dict[str, Any] | None:
    """The shapes as drawings in two widths over the zone's places, and where a moving map gets them; None where there are none."""
    rows = features["features"]
    points = [_middle(f["geometry"]) for f in rows]
    if not points:
        return None
    maps = []
    for size in (WIDE, NARROW):
        g = ground(ask, _corners(rows), size, close=close)
        if g is not None:
            maps.append({"ground": g, "marks": [_mark(ask, g, f, p, names) for f, p in zip(rows, points, strict=True)]})
    return {"maps": maps, "address": address, "count": len(rows)} if maps else None


def _mark(
    ask: Ask, g: Ground, feature: Mapping[str, Any], point: tuple[float, float], names: Mapping[str, str]
) -> dict[str, Any]:
    p, geometry = feature["properties"], feature["geometry"]
    path = _path(g, geometry)
    x, y = g.frame.at(*point)
    small = geometry["type"] == "Point" or _extent(g, geometry) < 8
    if small:
        path = f"M{x - 5:.1f} {y:.1f}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"
    state = names.get(p["state"], p["state"])
    return {
        "path": path,
        "code": p["code"],
        "name": p["name"],
        "overdue": p["overdue"],
        "said": f"{p['name']}{ask.t('comma')}{state}",
        "href": p["href"],
    }


def _rings(geometry: Mapping[str, Any]) -> list[list[tuple[float, float]]]:
    c = geometry["coordinates"]
    kinds = {
        "Point": lambda: [[c]],
        "LineString": lambda: [c],
        "Polygon": lambda: c,
        "MultiPolygon": lambda: [r for part in c for r in part],
    }
    return [[(p[0], p[1]) for p in ring] for ring in kinds[geometry["type"]]()]


def _path(g: Ground, geometry: Mapping[str, Any]) -> str:
    end = "" if geometry["type"] == "LineString" else "z"
    return "".join(
        "M" + "L".join("{:.1f} {:.1f}".format(*g.frame.at(*p)) for p in ring) + end for ring in _rings(geometry)
    )


def _extent(g: Ground, geometry: Mapping[str, Any]) -> float:
    on = [g.frame.at(*p) for ring in _rings(geometry) for p in ring]
    return max(max(p[i] for p in on) - min(p[i] for p in on) for i in (0, 1))


def _middle(geometry: Mapping[str, Any]) -> tuple[float, float]:
    every = [p for ring in _rings(geometry) for p in ring]
    return sum(p[0] for p in every) / len(every), sum(p[1] for p in every) / len(every)


def _corners(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    return [p for f in rows for ring in _rings(f["geometry"]) for p in ring]


def query(**given: str) -> str:
    """The tail of an address, without what is empty."""
    kept = {k: v for k, v in given.items() if v}
    return f"?{urlencode(kept)}" if kept else ""
