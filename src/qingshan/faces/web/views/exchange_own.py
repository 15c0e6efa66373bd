"""One's own papers: a statement of a day. A noted read."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import QingshanError
from qingshan.faces.access.private import statement_told
from qingshan.faces.web.movements import movement_said
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.proofs import prover
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import (
    account_of,
    amount_text,
    asset_name,
    desk_of,
    markets_of,
    signed,
    unit_of,
    visitor_of,
)
from qingshan.registers.calendar import day_of


def statement(ask: Ask) -> Page:
    """`?account=&day=`: opening, movements, closing."""
    desk, account = desk_of(ask), account_of(ask)
    try:
        day = date.fromisoformat(ask.query.get("day", "")) if ask.query.get("day") else day_of(desk.clock())
    except ValueError:
        raise QingshanError("the day is no date.", "日期有误。", fix="2026-01-30") from None
    desk.read(visitor_of(ask), "statement", f"{account} {day}", account)
    told = statement_told(desk, account, day)
    proof = prover(ask)
    assets = sorted({*told["opening"], *told["closing"], *(m["asset"] for m in told["movements"])})
    rows = [{"asset": a, "name": _name(ask, a), "unit": _unit(ask, a), **{k: amount_text(told[k].get(a, "0")) for k in ("opening", "closing", "held")},
             "moved": [_moved(ask, m) | {"proof": proof(m["record"])} for m in told["movements"] if m["asset"] == a]} for a in assets]  # fmt: skip
    here = f"/{ask.lang}/exchange/statement?{urlencode({'account': account, 'day': day.isoformat()})}"
    context: dict[str, Any] = {"account": account, "day": day.isoformat(), "rows": rows, "who": signed(ask, here), "rail": markets_of(ask, "", "/exchange"),
                               "synthetic": desk.synthetic, "here": ask.zone.root}  # fmt: skip
    columns = tuple(Column(k, zh, en) for k, zh, en in (("record", "记录号", "record"), ("asset", "标的", "instrument"), ("quantity", "数量", "quantity"),
                                                        ("other", "对方", "other side"), ("why", "事由", "why"), ("trade", "成交号", "trade")))  # fmt: skip
    table = Table("movements", "变动", "movements", columns, told["movements"])
    return Page(
        "exchange_statement.html",
        ask.t("exchange.statement.title"),
        context,
        [table],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _moved(ask: Ask, m: dict[str, Any]) -> dict[str, Any]:
    """A movement in words; a trade's counterpart is not told."""
    said, other = movement_said(ask.t, m["why"], m["other"])
    return m | {"quantity": amount_text(m["quantity"]), "said": said, "other": other}


def _name(ask: Ask, asset: str) -> str:
    return ask.t("exchange.cash") if asset.startswith("cash:") else asset_name(ask, asset)


def _unit(ask: Ask, asset: str) -> str:
    return ask.t("exchange.yuan") if asset.startswith("cash:") else unit_of(ask, asset)


VIEW = View("exchange_statement", "/exchange/statement", statement, under="exchange")
