"""Obligations: who owes what, what was surrendered, what a shortfall costs, and what may be done now?"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import QingshanError
from qingshan.faces.access.obligations import obligations_told
from qingshan.faces.web.filed import record_href
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, asset_name, desk_of, markets_of, signed, visitor_of
from qingshan.ledger.amounts import MICRO, AmountError, decimal_text, read_decimal
from qingshan.publish import numbers
from qingshan.rights.commands import commands
from qingshan.rights.compliance import ENERGY_SOURCE, energy_purchase

ENERGY = ("new_energy", "factor", "intensity", "mean")


def build(ask: Ask) -> Page:
    """All obligations for those who oversee, one's own for participants."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    here = f"/{ask.lang}/exchange/obligations"
    told = obligations_told(desk, visitor) if visitor else []
    rows = [obligation_row(ask, o) for o in told]
    short = sum(o["missing"] != "0" and o["passed"] for o in told)
    headline = (
        ask.t("obligations.headline", n=len(rows), short=short)
        if rows
        else ask.t("obligations.none" if visitor else "obligations.shut")
    )
    context: dict[str, Any] = {"rows": rows, "headline": headline, "who": signed(ask, here), "rail": markets_of(ask, "", "/exchange"), "back": here,
                               "synthetic": desk.synthetic, "here": ask.zone.root, "done": ask.query.get("done", ""), "waits": ask.query.get("waits",
                               "")}  # fmt: skip
    context["energy"] = _energy(ask)
    keys = ("id", "holder", "asset", "year", "unit", "state", "deadline", "owed", "own", "offsets", "missing", "fine")
    columns = tuple(Column(k, ask.t(f"obligations.{k}") if ask.lang == "zh" else k, k) for k in keys)
    table = Table("obligations", "清缴义务", "obligations", columns, [{k: o[k] for k in keys} for o in told])
    return Page(
        "exchange_obligations.html",
        ask.t("obligations.title"),
        context,
        [table],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _energy(ask: Ask) -> dict[str, Any]:
    """`?new_energy=&factor=&intensity=&mean=`: what a new project has to buy of energy-use rights, by the only formula on file."""
    given = {k: ask.query.get(k, "") for k in ENERGY}
    told: dict[str, Any] = {"given": given, "bought": "", "fault": "", "source": ask.t.pick(ENERGY_SOURCE["source_zh"], ENERGY_SOURCE["source"]),
                            "status": ENERGY_SOURCE["status"]}  # fmt: skip
    if not any(given.values()):
        return told
    try:
        new, factor, own, mean = (read_decimal(given[k], MICRO, ask.t(f"obligations.energy.{k}")) for k in ENERGY)
        bought = energy_purchase(new, Fraction(factor, MICRO), Fraction(own, MICRO), Fraction(mean, MICRO))
    except (AmountError, QingshanError) as error:
        return told | {"fault": ask.t.pick(error.zh, error.en)}
    return told | {"bought": amount_text(decimal_text(bought, MICRO)), "unit": numbers.unit_word("tce", ask.lang)}


def obligation_row(ask: Ask, o: Mapping[str, Any]) -> dict[str, Any]:
    """An obligation as pages show it: amounts as read, words, the acts that are open."""
    state = desk_of(ask).registers["obligation"].state_by_id[o["state"]]
    amounts = {k: amount_text(o[k]) for k in ("owed", "own", "offsets", "missing")}
    windows = [w | {"word": ask.t(f"exchange.window.{w['window']}")} for w in o["windows"]]
    return {**o, **amounts, "windows": windows, "name": asset_name(ask, o["asset"]), "state_word": ask.t.pick(state.zh, state.en), "acts": _acts(ask, o),
            "unit": numbers.unit_word(o["unit"], ask.lang), "href": record_href(ask, "obligation", o["id"]), "fine": amount_text(o["fine"],
            2) if o["fine"] else "",
            "late": o["passed"] and o["missing"] != "0"}  # fmt: skip


def _acts(ask: Ask, o: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the visitor may do now, with everything that is known filled in."""
    held, back = desk_of(ask).roles(visitor_of(ask)), f"/{ask.lang}/exchange/obligations"
    window = o["windows"][0] if len(o["windows"]) == 1 else {}
    known: dict[str, dict[str, str]] = {}
    if o["state"] in ("determined", "short", "penalised"):
        if o["missing"] != "0":
            known["rights.surrender"] = {"account": o["holder"], "asset": o["asset"], "quantity": o["missing"]}
        if o["missing"] == "0" or (o["state"] == "determined" and o["passed"]):
            known["rights.settle"] = {}
    if o["state"] == "short" and window:
        known["rights.penalty"] = {
            "window": window["window"],
            "turnover": window["turnover"],
            "volume": window["volume"],
        }
    if o["fine"] and not o["paid"]:
        known["rights.fine"] = {}
    return [(ask.t.pick(row.zh, row.en), f"/{ask.lang}/exchange/act/{k}?{urlencode({'obligation': o['id'], 'back': back, **v})}")
            for k, v in known.items() if held & set((row := commands()[k]).by)]  # fmt: skip


VIEW = View("exchange_obligations", "/exchange/obligations", build, under="exchange")
