"""One's own papers: a statement of a day, and what a held unit stands on down to the readings. Each is a noted read."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.faces.access.private import account_told, statement_told
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, asset_name, desk_of, markets_of, signed, unit_of, visitor_of
from qingshan.ledger.amounts import MICRO, read_decimal
from qingshan.registers.calendar import day_of
from qingshan.rights.lineage import Lineage, lineage


def _account(ask: Ask) -> str:
    """The account asked for, else the first own one. Raises `UnknownName`."""
    own = desk_of(ask).own_accounts(visitor_of(ask)) if ask.visitor else []
    asked = ask.query.get("account") or (own[0] if own else "")
    if not asked:
        raise UnknownName("sign in on the exchange page first.", "请先在交易页登录。")
    return asked


def statement(ask: Ask) -> Page:
    """`?account=&day=`: opening, movements, closing."""
    desk, account = desk_of(ask), _account(ask)
    try:
        day = date.fromisoformat(ask.query.get("day", "")) if ask.query.get("day") else day_of(desk.clock())
    except ValueError:
        raise QingshanError("the day is no date.", "日期有误。", fix="2026-01-30") from None
    desk.read(visitor_of(ask), "statement", f"{account} {day}", account)
    told = statement_told(desk, account, day)
    assets = sorted({*told["opening"], *told["closing"], *(m["asset"] for m in told["movements"])})
    rows = [{"asset": a, "name": _name(ask, a), "unit": _unit(ask, a), **{k: amount_text(told[k].get(a, "0")) for k in ("opening", "closing", "held")},
             "moved": [m | {"quantity": amount_text(m["quantity"])} for m in told["movements"] if m["asset"] == a]} for a in assets]  # fmt: skip
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


def unit_lineage(ask: Ask) -> Page:
    """`?lot=&unit=[&account=]`: the graph under a unit of an own account. Raises `UnknownName` where the account does not hold it."""
    desk, account, lot = desk_of(ask), _account(ask), ask.query.get("lot", "")
    desk.read(visitor_of(ask), "lineage", f"{lot} {ask.query.get('unit', '0')}", account)
    number = read_decimal(ask.query.get("unit", "0"), MICRO, "unit")
    told = account_told(desk, account)
    if not any(
        r["lot"] == lot and read_decimal(r["start"], MICRO) <= number < read_decimal(r["end"], MICRO)
        for r in told["ranges"]
    ):
        raise UnknownName(f"{account} does not hold this unit.", f"{account} 不持有该单位。")
    with desk.reading():
        graph = lineage(desk.venue, lot, number, desk.history)
    context: dict[str, Any] = {"steps": _steps(ask, graph), "lot": lot, "unit": amount_text(ask.query.get("unit", "0")), "root": graph.root,
                               "undeclared": graph.undeclared, "who": signed(ask, f"/{ask.lang}/exchange"), "rail": markets_of(ask, "", "/exchange"),
                               "synthetic": desk.synthetic, "here": ask.zone.root}  # fmt: skip
    columns = tuple(
        Column(k, zh, en)
        for k, zh, en in (("hash", "节点", "node"), ("kind", "类别", "kind"), ("content", "内容", "content"))
    )
    rows = [{"hash": n.hash, "kind": n.kind, "content": str(dict(n.content))} for n in graph.nodes.values()]
    page = Table("nodes", "来历", "lineage", columns, rows)
    return Page(
        "exchange_lineage.html",
        ask.t("exchange.lineage.title"),
        context,
        [page],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _steps(ask: Ask, graph: Lineage) -> list[dict[str, Any]]:
    """From the unit downwards, each node once, nearest first."""
    order, found = [graph.root], []
    for hash in order:
        node = graph.nodes[hash]
        order += [s for s in node.sources if s not in order]
        shown = {
            k: v for k, v in node.content.items() if isinstance(v, str | int) and v != "" and k not in ("content",)
        }
        kind = str(node.content.get("kind", node.kind)) if node.kind == "file" else node.kind
        found.append(
            {
                "kind": ask.t(f"exchange.node.{kind}") if ask.t.has(f"exchange.node.{kind}") else kind,
                "hash": hash,
                "facts": [
                    (ask.t(f"exchange.fact.{k}") if ask.t.has(f"exchange.fact.{k}") else k, str(v))
                    for k, v in shown.items()
                    if k != "kind"
                ],
            }
        )
    return found


def _name(ask: Ask, asset: str) -> str:
    return ask.t("exchange.cash") if asset.startswith("cash:") else asset_name(ask, asset)


def _unit(ask: Ask, asset: str) -> str:
    return ask.t("exchange.yuan") if asset.startswith("cash:") else unit_of(ask, asset)


VIEWS = (
    View("exchange_statement", "/exchange/statement", statement, under="exchange"),
    View("exchange_lineage", "/exchange/lineage", unit_lineage, under="exchange"),
)
