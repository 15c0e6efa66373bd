"""Public: what was traded at what price, what was issued on which evidence, what was retired, and how can I check it?"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from qingshan.faces.access.disclosed import FIELDS, gone_of, units
from qingshan.faces.api.exchange.public import statistics_told
from qingshan.faces.web.filed import record_href
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.proofs import prover
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, asset_name, desk_of, markets_of, signed, unit_of
from qingshan.publish import numbers
from qingshan.registers.calendar import day_of
from qingshan.rights.lineage import public_summary

SHOWN = 50


def build(ask: Ask) -> Page:
    """`?first=&last=`: the figures between two days, by default of the last 60."""
    desk = desk_of(ask)
    last = _day(ask.query.get("last", "")) or day_of(desk.clock())
    first = _day(ask.query.get("first", "")) or last - timedelta(days=60)
    rows = statistics_told(desk, first, last)
    told = [_row(ask, r) for r in rows]
    with desk.reading() as book:
        lots = [public_summary(desk.venue, desk.registers, id, desk.history) for id in sorted(book.lots)[-SHOWN:]]
        count, records = len(book.lots), desk.venue.next
    roots = [json.loads(p.read_bytes()) for p in sorted((desk.folder / "roots").glob("*.json"))[-10:]]
    trades = sum(r["trades"] for r in rows)
    here = f"/{ask.lang}/exchange/public"
    context: dict[str, Any] = {
        "rows": told, "lots": [_lot(ask, x) for x in lots], "count": count, "records": records, "roots": roots, "first": first.isoformat(),
        "last": last.isoformat(), "trades": trades, "who": signed(ask, here), "rail": markets_of(ask, "", "/exchange"), "synthetic": desk.synthetic,
        "here": ask.zone.root, "action": here, "headline": ask.t("exchange.public.headline", n=trades, first=first.isoformat(), last=last.isoformat()),
    }  # fmt: skip
    for r in context["roots"]:
        r["inclusion"] = "/api/exchange/proofs/inclusion?" + urlencode({"record": 0, "day": r["day"]})
    for older, newer in zip(context["roots"], context["roots"][1:], strict=False):
        newer["consistency"] = "/api/exchange/proofs/consistency?" + urlencode(
            {"since": older["day"], "day": newer["day"]}
        )
    proof = prover(ask)
    context["gone"] = [_gone(ask, g) | {"proof": proof(int(g["record"]))} for g in gone_of(desk, SHOWN)]
    registry = Table(
        "units",
        "登记单位（CAD Trust 字段）",
        "units (CAD Trust fields)",
        tuple(Column(k, k, k) for k in FIELDS),
        units(desk, limit=500),
    )
    tables = [_statistics_table(rows), _lots_table(lots), registry]
    return Page(
        "exchange_public.html",
        ask.t("exchange.public.title"),
        context,
        tables,
        labels=("synthetic",) if desk.synthetic else (),
    )


def _gone(ask: Ask, g: dict[str, str]) -> dict[str, str]:
    reason = ask.t("exchange.public.compliance") if g["unitStatusReason"] == "compliance" else g["unitStatusReason"]
    return g | {"name": asset_name(ask, g["instrument"]), "unit": unit_of(ask, g["instrument"]), "count": amount_text(g["unitCount"]),
                "range": f"[{amount_text(g['unitBlockStart'])}, {amount_text(g['unitBlockEnd'])})", "reason": reason,
                "status": ask.t(f"exchange.unit_status.{g['unitStatus']}")}  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _row(ask: Ask, r: dict[str, Any]) -> dict[str, Any]:
    unit = unit_of(ask, r["asset"])
    ways = [
        (ask.t(f"exchange.way.{w}"), v["trades"], f"{amount_text(v['quantity'])} {unit}", amount_text(v["money"], 2))
        for w, v in sorted(r["ways"].items())
    ]
    quantities = {k: amount_text(r[k]) for k in ("issued", "surrendered", "retired", "cancelled")}
    return {"asset": r["asset"], "name": asset_name(ask, r["asset"]), "unit": unit, "trades": r["trades"], "ways": ways,
            **quantities, "mean": amount_text(r["mean_price"], 2) if r["mean_price"] else "—",
            "href": f"/{ask.lang}/exchange?{urlencode({'asset': r['asset']})}",
            "tape": f"/{ask.lang}/exchange.csv?{urlencode({'asset': r['asset'], 'table': 'trades'})}"}  # fmt: skip


def _lot(ask: Ask, x: dict[str, Any]) -> dict[str, Any]:
    scheme = x["scheme"]
    fields = x.get("source", {}).get("fields", {})
    return {"lot": x["lot"], "name": asset_name(ask, x["asset"]), "scheme": scheme, "issued": amount_text(str(int(x["issued"]) // 10**6)),
            "unit": numbers.unit_word(x["unit"], ask.lang), "file_list": [f"{f[:8]}…{f[-8:]}" for f in x["files"]],
            "record": record_href(ask, x["source"]["register"], x["source"]["id"]) if "source" in x else "",
            "status": ask.t(f"exchange.lot.{x['status']}"),
            "project": fields.get("name", ""), "verified": amount_text(fields["verified"]) if fields.get("verified") else "",
            "corrected": len(x["corrected"])}  # fmt: skip


def _statistics_table(rows: list[dict[str, Any]]) -> Table:
    names = (("asset", "标的", "instrument"), ("trades", "成交笔数", "trades"), ("mean_price", "挂牌均价", "mean listed price"), ("issued", "签发", "issued"),
             ("surrendered", "清缴", "surrendered"), ("retired", "自愿注销", "retired"), ("cancelled", "撤销", "cancelled"))  # fmt: skip
    return Table("statistics", "成交与签发", "trades and issues", tuple(Column(k, zh, en) for k, zh, en in names), rows)


def _lots_table(lots: list[dict[str, Any]]) -> Table:
    names = (("lot", "批次", "lot"), ("scheme", "权种", "scheme"), ("subtype", "类别", "subtype"), ("area", "区域或项目", "area"), ("from", "起", "from"),
             ("to", "止", "to"), ("unit", "单位", "unit"), ("issued", "签发（微单位）", "issued (micro-units)"), ("status", "状态", "status"))  # fmt: skip
    keys = [k for k, _, _ in names]
    return Table(
        "lots", "批次", "lots", tuple(Column(k, zh, en) for k, zh, en in names), [{k: x[k] for k in keys} for x in lots]
    )


VIEW = View("exchange_public", "/exchange/public", build, under="exchange")
