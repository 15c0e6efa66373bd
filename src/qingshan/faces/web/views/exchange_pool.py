"""Pool: what flows from the pledged holdings through the tranches, period by period, as expected and under stress?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, asset_name, desk_of, markets_of, signed, unit_of, visitor_of
from qingshan.ledger.amounts import YUAN, decimal_text
from qingshan.rights.securities import BASE, FlowRow, Inflow, Scenario, Tranche, cash_flows, read_scenario

MOST_PERIODS = 20
WIDE, HIGH = 520, 190
ASKED = {"periods": "4", "price": "70", "yield": "80", "default": "10"}


def build(ask: Ask) -> Page:
    """`?id=&periods=&price=&yield=&default=`: a running pool; its pledged units sold in equal parts at the last price, and a stress of the reader's
    own percentages. For those who may read pools. Raises `UnknownName`, `Refused`."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    desk.read(visitor, "pool", ask.query.get("id", "*"))
    with desk.reading() as book:
        pools = {r.id: r for r in book.standing("pool", "running")}
        id = ask.query.get("id") or next(iter(sorted(pools)), "")
        if ask.query.get("id") and id not in pools:
            raise UnknownName(f"there is no running pool {id!r}.", f"没有运行中的资产池 {id!r}。")
        asked = {k: ask.query.get(k) or v for k, v in ASKED.items()}
        context: dict[str, Any] = {"id": id, "pools": sorted(pools), "asked": asked, "charts": [], "fault": "", "held": [], "tranches": [],
                                   "who": signed(ask, f"/{ask.lang}/exchange/pool"), "rail": markets_of(ask, "", "/exchange"),
                                   "synthetic": desk.synthetic, "here": ask.zone.root}  # fmt: skip
        rows: list[FlowRow] = []
        flows: list[tuple[Scenario, list[FlowRow]]] = []
        if id:
            tranches = [
                Tranche(t["id"], t["principal"], t["rate"], (), t["owed"]) for t in pools[id].content["tranches"]
            ]
            context["tranches"] = [
                {"id": t.id, "principal": amount_text(decimal_text(t.principal, YUAN), 2), "rate": f"{t.rate / 100:g}"}
                for t in tranches
            ]
            try:
                inflows, context["held"] = _inflows(ask, pools[id].content["pledges"], asked["periods"])
                stress = read_scenario({"id": "stress", "zh": "压力", "en": "stress", "price": asked["price"], "yield": asked["yield"],
                                        "default": asked["default"], "source": "the reader's own", "status": "project"})  # fmt: skip
                flows = [(scenario, cash_flows(inflows, tranches, scenario)) for scenario in (BASE, stress)]
                rows = [r for _, found in flows for r in found]
                most = max(r.cash for r in rows) or 1
                context["charts"] = [_chart(ask, scenario, found, tranches, most) for scenario, found in flows]
            except QingshanError as error:
                context["fault"] = ask.t.pick(error.zh, error.en)
    names = (("scenario", "情景", "scenario"), ("period", "期", "period"), ("cash", "现金流入", "cash in"), ("tranche", "分层", "tranche"),
             ("interest", "利息", "interest"), ("principal", "本金", "principal"), ("residual", "剩余", "residual"),
             ("outstanding", "未偿本金", "outstanding"), ("owed", "欠付利息", "interest owed"))  # fmt: skip
    money = ("cash", "interest", "principal", "residual", "outstanding", "owed")
    told = [
        {
            "scenario": r.scenario,
            "period": r.period,
            "tranche": r.tranche,
            **{k: decimal_text(getattr(r, k), YUAN) for k in money},
        }
        for r in rows
    ]
    table = Table("cash_flows", "现金流", "cash flows", tuple(Column(k, zh, en) for k, zh, en in names), told)
    words = {s.id: ask.t.pick(s.zh, s.en) for s, _ in flows}
    context["heads"] = [(ask.t.pick(zh, en), k in money) for k, zh, en in names]

    def said(k: str, v: str) -> str:
        if k in money:
            return amount_text(_cents(v), 2)
        return words[v] if k == "scenario" else v.lstrip("0") if k == "period" else v

    context["flows"] = [[(said(k, r[k]), k in money) for k, _, _ in names] for r in told]
    return Page(
        "exchange_pool.html",
        ask.t("exchange.pool.title"),
        context,
        [table],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _cents(text: str) -> str:
    """Money to the fen for the eye, half to even; the export has every digit."""
    return f"{Decimal(text):.2f}"


def _inflows(ask: Ask, pledges: list[str], periods: str) -> tuple[list[Inflow], list[dict[str, str]]]:
    """Equal sales of each pledged holding over the periods, at the market's last price. Raises `QingshanError`."""
    if not (periods.isascii() and periods.isdigit() and 1 <= int(periods) <= MOST_PERIODS):
        raise QingshanError(f"1 to {MOST_PERIODS} periods.", f"期数须为 1–{MOST_PERIODS}。")
    desk, count, inflows, held = desk_of(ask), int(periods), list[Inflow](), list[dict[str, str]]()
    for id in pledges:
        hold = desk.venue.book.holds[id]
        c = desk.tape.strips[hold.asset].content
        price = c.get("last") or c.get("close") or 0
        part, rest = divmod(hold.quantity, count)
        inflows += [Inflow(f"{n + 1:02}", id, part + (rest if n == count - 1 else 0), price) for n in range(count)]
        held.append({"id": id, "name": asset_name(ask, hold.asset), "quantity": amount_text(decimal_text(hold.quantity, 10**6)),
                     "price": amount_text(decimal_text(price, YUAN), 2), "unit": unit_of(ask, hold.asset)})  # fmt: skip
    return inflows, held


def _chart(ask: Ask, scenario: Scenario, rows: list[FlowRow], tranches: list[Tranche], most: int) -> dict[str, Any]:
    """Stacked bars: what each tranche gets in each period, from zero, on the scale that both scenarios share."""
    periods = sorted({r.period for r in rows})
    paid = {(r.period, r.tranche): r.interest + r.principal + r.residual for r in rows}
    step, bars = WIDE / max(len(periods), 4), []
    for n, period in enumerate(periods):
        low: float = HIGH
        for k, t in enumerate(tranches):
            high = round(paid[period, t.id] / most * (HIGH - 20), 1)
            low = round(low - high, 1)
            bars.append({"x": round(n * step + 8, 1), "y": low, "w": round(step - 16, 1), "h": high, "k": k % 4,
                         "said": f"{period} {t.id} {amount_text(_cents(decimal_text(paid[period, t.id], YUAN)), 2)}"})  # fmt: skip
    short = sum(r.outstanding + r.owed for r in rows if r.period == periods[-1])
    ticks = [
        (
            round(n * step + step / 2, 1),
            p.lstrip("0"),
            amount_text(decimal_text(sum(paid[p, t.id] for t in tranches) // YUAN * YUAN, YUAN)),
        )
        for n, p in enumerate(periods)
    ]
    name = ask.t.pick(scenario.zh, scenario.en)
    return {"name": name[:1].upper() + name[1:], "short": amount_text(_cents(decimal_text(short, YUAN)), 2), "repaid": short == 0, "bars": bars,
            "ticks": ticks, "legend": [(k % 4, t.id) for k, t in enumerate(tranches)], "w": WIDE, "h": HIGH,
            "measure": (scenario.price, scenario.yield_, scenario.default)}  # fmt: skip


VIEW = View("exchange_pool", "/exchange/pool", build, under="exchange")
