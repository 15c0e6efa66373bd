"""What the pages of an exchange share: instruments in words, the drawing of days, who is signed in, forms made from commands."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import UnknownName
from qingshan.faces.access.desk import Desk, Visitor
from qingshan.faces.access.private import proposals_told
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.refused import Refused
from qingshan.publish import numbers
from qingshan.registers.calendar import day_of
from qingshan.rights.commands import CommandRow, FieldRow, commands
from qingshan.rights.demo import DEMO_PEOPLE
from qingshan.rights.feed import Candle
from qingshan.rights.instruments import parse_asset, schemes
from qingshan.rights.matching import band
from qingshan.rights.rulesets import RuleSet
from qingshan.rights.sides import resale_day
from qingshan.rights.tape import Strip

from .site import Ask

__all__ = [
    "account_of",
    "amount_text",
    "area_name",
    "asset_name",
    "candles_drawn",
    "desk_of",
    "form_for",
    "markets_of",
    "open_commands",
    "rules_of",
    "signed",
    "subtype_word",
    "ticket_rules",
    "unit_of",
    "waiting_of",
]

WIDE, HIGH, VOLUME = 520, 250, 46
SIMPLE = (
    "text",
    "account",
    "asset",
    "quantity",
    "price",
    "money",
    "share",
    "whole",
    "day",
    "time",
    "choice",
    "hash",
    "yes_no",
    "texts",
)


def desk_of(ask: Ask) -> Desk:
    assert ask.site.desk is not None
    return ask.site.desk


def visitor_of(ask: Ask) -> Visitor:
    return ask.visitor or Visitor()


def account_of(ask: Ask) -> str:
    """The account asked for, else the first own one. Raises `Refused` for one who is not signed in, `UnknownName` for one without an account."""
    own = desk_of(ask).own_accounts(visitor_of(ask)) if ask.visitor else []
    asked = ask.query.get("account") or (own[0] if own else "")
    if not asked:
        if not ask.visitor:
            raise Refused("not_signed_in", "Sign in on the exchange page first.", "请先在交易页登录。")
        raise UnknownName(
            "You have no account of your own; name one: ?account=ID.", "您没有自己的账户；请指明账户：?account=编号。"
        )
    return asked


def asset_name(ask: Ask, asset: str) -> str:
    """An instrument in words: scheme, subtype where there are several, area, years of its window."""
    i = parse_asset(asset)
    scheme = schemes()[i.scheme]
    years = (
        f"{i.start.year}–{(i.end - timedelta(days=1)).year}"
        if i.start.year != (i.end - timedelta(days=1)).year
        else str(i.start.year)
    )
    return " ".join(
        w for w in (ask.t.pick(scheme.zh, scheme.en), subtype_word(ask, asset), area_name(ask, asset), years) if w
    )


def subtype_word(ask: Ask, asset: str) -> str:
    """The subtype in words; nothing where the scheme has one only."""
    i = parse_asset(asset)
    key = f"exchange.subtype.{i.subtype}"
    return "" if len(schemes()[i.scheme].subtypes) == 1 else ask.t(key) if ask.t.has(key) else i.subtype


def area_name(ask: Ask, asset: str) -> str:
    """The area's name as the registry entered it, else that of the place or of the project, else its id."""
    desk, i = desk_of(ask), parse_asset(asset)
    strip = desk.tape.strips.get(asset)
    content = strip.content if strip else {}
    if named := content.get(f"area_{ask.lang}") or content.get("area_zh"):
        return str(named)
    if place := ask.zone.places.get(i.area):
        return ask.t.pick(place.name_zh, place.name_en)
    project = desk.venue.book.records.get(("ticket_project", i.area)) if i.scheme == "ticket" else None
    return str(project.content["fields"]["name"]) if project else i.area


def unit_of(ask: Ask, asset: str) -> str:
    return numbers.unit_word(parse_asset(asset).unit, ask.lang)


def amount_text(text: str, digits: int | None = None) -> str:
    """A decimal text with thousands apart; `digits` fills up the part after the point."""
    whole, _, part = text.partition(".")
    sign, whole = ("−", whole[1:]) if whole.startswith("-") else ("", whole)
    if digits is not None:
        part = part.ljust(digits, "0")
    return sign + f"{int(whole):,}" + (f".{part}" if part else "")


def markets_of(ask: Ask, chosen: str, path: str) -> list[dict[str, Any]]:
    """The rail: schemes with their markets; one that may not be issued is there with the word for it."""
    desk, groups = desk_of(ask), dict[str, dict[str, Any]]()
    for s in schemes().values():
        if s.may_issue != "no":
            groups[s.scheme] = {
                "name": ask.t.pick(s.zh, s.en),
                "never": s.may_issue == "never",
                "clause": s.clause,
                "markets": [],
            }
    for asset in sorted(desk.tape.strips):
        i = parse_asset(asset)
        row = {
            "name": " ".join(
                w for w in (subtype_word(ask, asset), area_name(ask, asset), str((i.end - timedelta(days=1)).year)) if w
            ),
            "here": asset == chosen,
            "href": f"/{ask.lang}{path}?{urlencode({'asset': asset})}",
        }
        groups[i.scheme]["markets"].append(row)
    return [g for g in groups.values() if g["markets"] or g["never"]]


def rules_of(ask: Ask, strip: Strip) -> RuleSet:
    desk = desk_of(ask)
    return desk.rules.on(strip.content["rules"], day_of(desk.clock()))


def ticket_rules(ask: Ask, strip: Strip) -> dict[str, Any]:
    """The limits that an order form prints before any error."""
    rules, desk = rules_of(ask, strip), desk_of(ask)
    low, high = (
        band(strip.content["reference"], rules["listed_band"], rules["tick"])
        if strip.content.get("reference")
        else (0, 0)
    )
    day = day_of(desk.clock())
    return {
        "block_from": amount_text(decimal_text(rules["block_from"], MICRO)), "block_band": rules["block_band"],
        "block_low": _edge(strip, rules, 0), "block_high": _edge(strip, rules, 1),
        "low": decimal_text(low, YUAN), "high": decimal_text(high, YUAN), "band": rules["listed_band"], "tick": decimal_text(rules["tick"], YUAN),
        "lot": decimal_text(rules["lot"], MICRO), "below": amount_text(decimal_text(rules["listed_below"], MICRO)), "has_fee": rules.has("fee"),
        "fee_document": rules.rules.get("fee", {}).get("document", ""), "free_on": resale_day(rules, day).isoformat(),
        "sessions": [s.replace("/", "–") for s in rules["sessions"]], "policy": rules["policy"], "name": ask.t.pick(rules.zh, rules.en),
        "since": rules.valid_from.isoformat(), "picks": rules["policy"] == "listed_pick",
    }  # fmt: skip


def _edge(strip: Strip, rules: RuleSet, side: int) -> str:
    reference = strip.content.get("reference")
    return (
        amount_text(decimal_text(band(reference, rules["block_band"], rules["tick"])[side], YUAN), 2)
        if reference
        else "—"
    )


def candles_drawn(candles: list[Candle]) -> dict[str, Any] | None:
    """The newest 40 days as a drawing: hollow up, full down; volume below. None without any."""
    shown = candles[-40:]
    if not shown:
        return None
    top, bottom = max(c.high for c in shown), min(c.low for c in shown)
    pad = max((top - bottom) // 12, 100)
    top, bottom = top + pad, max(bottom - pad, 0)
    room = HIGH - VOLUME - 14
    most = max(c.volume for c in shown) or 1
    step = (WIDE - 62) / max(len(shown), 12)

    def y(price: int) -> float:
        return round((top - price) / (top - bottom or 1) * room + 4, 1)

    bars = [
        {"x": round(i * step + step / 2, 1), "left": round(i * step + step * 0.2, 1), "w": round(step * 0.6, 1), "high": y(c.high), "low": y(c.low),
         "top": min(y(c.open), y(c.last)), "h": max(abs(y(c.open) - y(c.last)), 1), "up": c.last >= c.open, "day": c.day.isoformat(),
         "vh": round(c.volume / most * (VOLUME - 6), 1), "vy": round(HIGH - c.volume / most * (VOLUME - 6), 1),
         "said": tuple(decimal_text(p, YUAN) for p in (c.open, c.high, c.low, c.last)), "volume": amount_text(decimal_text(c.volume, MICRO))}
        for i, c in enumerate(shown)
    ]  # fmt: skip
    lines = [
        {"y": y(p), "word": amount_text(decimal_text(p // 100 * 100, YUAN), 2)}
        for p in (bottom + (top - bottom) * n // 4 for n in range(5))
    ]
    return {"bars": bars, "lines": lines, "w": WIDE, "h": HIGH, "plot": WIDE - 62, "last": y(shown[-1].last),
            "last_word": amount_text(decimal_text(shown[-1].last, YUAN), 2), "first_day": shown[0].day.isoformat(), "last_day": shown[-1].day.isoformat(),
            "most": amount_text(decimal_text(most, MICRO)), "ups": sum(c.last >= c.open for c in shown), "days": len(shown)}  # fmt: skip


def waiting_of(ask: Ask) -> list[dict[str, Any]]:
    """What waits for a second person, instruments by their names."""
    known = desk_of(ask).tape.strips
    return [
        row | {"shown": [(zh, en, asset_name(ask, v) if v in known else v) for zh, en, v in row["shown"]]}
        for row in proposals_told(desk_of(ask), visitor_of(ask))
    ]


def signed(ask: Ask, back: str) -> dict[str, Any]:
    """The line that says who is signed in and offers to sign in or out."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    session = visitor.session
    record = desk.venue.book.records.get(("actor", visitor.actor))
    people = []
    if desk.synthetic and not visitor:
        for id in DEMO_PEOPLE:
            if known := desk.venue.book.records.get(("actor", id)):
                people.append((id, known.content["fields"]["name"]))
    return {"actor": visitor.actor, "name": record.content["fields"]["name"] if record and visitor else "", "csrf": session.csrf if session else "",
            "back": back, "people": people, "provider": ask.t.pick(desk.provider.settings.zh, desk.provider.settings.en) if desk.provider else "",
            "sign_in": f"/api/exchange/sign-in?{urlencode({'next': back})}", "roles": sorted(desk.roles(visitor)), "local": not desk.synthetic}  # fmt: skip


def open_commands(ask: Ask) -> list[tuple[str, str]]:
    """The commands that the visitor's roles may give by a form: (name, address)."""
    held = desk_of(ask).roles(visitor_of(ask))
    return [(ask.t.pick(c.zh, c.en), f"/{ask.lang}/exchange/act/{c.id}") for c in commands().values()
            if c.face and set(c.by) & held and all(f.kind in SIMPLE for f in c.fields if f.required)]  # fmt: skip


def form_for(ask: Ask, row: CommandRow, given: Mapping[str, str], back: str) -> dict[str, Any]:
    """A form of a command: fields with unit, choices and what was typed; faults where it was refused."""
    desk = desk_of(ask)
    accounts = desk.own_accounts(visitor_of(ask))
    faults = dict(ask.told.get("faults", {}))
    fields = [_field(ask, f, given, accounts, faults) for f in row.fields if f.kind in SIMPLE]
    return {"row": row, "name": ask.t.pick(row.zh, row.en), "fields": fields, "key": ask.told.get("key") or secrets.token_hex(12), "back": back,
            "action": f"/{ask.lang}/exchange/act/{row.id}", "second": [_role(ask, r) for r in row.second], "by": [_role(ask, r) for r in row.by]}  # fmt: skip


def _field(
    ask: Ask, f: FieldRow, given: Mapping[str, str], accounts: list[str], faults: Mapping[str, str]
) -> dict[str, Any]:
    options: list[tuple[str, str]] = []
    if f.kind == "choice":
        options = [(c, ask.t(f"choice.{c}") if ask.t.has(f"choice.{c}") else c) for c in f.choices]
    elif f.kind == "yes_no":
        options = [(v, ask.t(f"choice.{v}")) for v in ("true", "false")]
    elif f.kind == "asset":
        options = [(a, asset_name(ask, a)) for a in sorted(desk_of(ask).tape.strips)]
    elif f.name in ("account", "from") and accounts:
        options = [(a, a) for a in accounts]
    asset = given.get("asset", "")
    unit = {
        "price": ask.t("exchange.yuan"),
        "money": ask.t("exchange.yuan"),
        "quantity": unit_of(ask, asset) if asset in desk_of(ask).tape.strips else "",
    }
    return {"id": f.name, "kind": f.kind, "name": ask.t.pick(f.zh, f.en), "required": f.required, "options": options, "value": given.get(f.name, ""),
            "unit": unit.get(f.kind, ""), "fault": faults.get(f.name, ""),
            "type": {"day": "date"}.get(f.kind, "text"), "mode": "decimal" if f.kind in ("price", "quantity", "money", "share") else "text"}  # fmt: skip


def _role(ask: Ask, id: str) -> str:
    from qingshan.registers.actors import roles  # noqa: PLC0415 - beside its only use

    return next((ask.t.pick(r.zh, r.en) for r in roles() if r.id == id), id)
