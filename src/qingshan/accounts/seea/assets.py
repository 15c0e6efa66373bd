"""Table 10.1: the monetary asset of ecosystems, net present value of the flows of their services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from qingshan.core.domain import load_domains
from qingshan.core.finding import Finding
from qingshan.zone.zone import Zone

from ..balance import Head, Table, fraction
from ..cells import STOCK, Fact
from ..run import Run
from .extent import extent_table
from .heads import class_heads, labels_of

ASSET_ROWS = (
    Head("opening", "期初价值", "opening value"),
    Head("enhancement", "生态改善", "enhancement"),
    Head("degradation", "生态退化", "degradation"),
    Head("conversion_additions", "转入", "additions by conversion"),
    Head("conversion_reductions", "转出", "reductions by conversion"),
    Head("other_volume_changes", "其他物量变化", "other changes in volume"),
    Head("revaluations", "重估价", "revaluations"),
    Head("net", "净变化", "net change"),
    Head("closing", "期末价值", "closing value"),
)


@dataclass(frozen=True)
class _Flow:
    """One service of one class at opening and closing: value of the year in current terms and at the opening's prices."""

    opening: Fraction
    closing: Fraction
    closing_at_opening_prices: Fraction


def asset_account(run: Run, place: str, period: str, basis: str) -> Table:
    """Table 10.1 by ecosystem class, yuan: the present value of the services' flows at opening and closing, and why it changed.

    With a = annuity factor, A = area, v = flow per area at the opening's prices: conversions are a v0 times the area gained and
    lost, enhancement and degradation a A1 (v1 - v0), revaluation what prices did to the closing flow. A class that was not
    there at the opening enters at its closing v. Each entry is computed, none is a residual. Empty, with a note, without a
    period before, areas or `[assets]`.
    """
    factor_, note = annuity_of(run.zone)
    order = [p.id for p in run.zone.periods]
    at = order.index(period) - 1
    before = order[at] if at >= 0 else ""
    notes = [n for n in (note, *_no_opening(run, before)) if n]
    title = ("生态资产账户（价值量）", "monetary ecosystem asset account")
    id = f"10.1 {basis}"
    if factor_ is None or notes:
        return Table(id, *title, "元", ASSET_ROWS, (), {}, labels_of(run), tuple(notes))
    areas, columns = extent_table(run, place, period), []
    cells: dict[tuple[str, str], Fraction] = {}
    for head in class_heads(run):
        flows = [flow for _, flow in flows_of(run, place, before, period, basis, head.id)]
        if flows and head in areas.columns:
            column = _asset_column(factor_, areas, head.id, flows)
            cells |= {(row, head.id): v for row, v in column.items()}
            columns.append(head)
    return Table(
        id,
        *title,
        "元",
        ASSET_ROWS,
        tuple(columns),
        cells,
        labels_of(run),
        tuple(_unlike(run, place, before, period, basis)),
    )


def _asset_column(annuity: Fraction, areas: Table, cls: str, flows: list[_Flow]) -> dict[str, Fraction]:
    opening_area, closing_area = (areas.get(row, cls) or Fraction() for row in ("opening", "closing"))
    gained = sum(
        (areas.get(f"addition_{k}", cls) or Fraction() for k in ("managed", "unmanaged", "undeclared")), Fraction()
    )
    lost = sum(
        (areas.get(f"reduction_{k}", cls) or Fraction() for k in ("managed", "unmanaged", "undeclared")), Fraction()
    )
    opening, closing = (sum((getattr(f, name) for f in flows), Fraction()) for name in ("opening", "closing"))
    real = sum((f.closing_at_opening_prices for f in flows), Fraction())
    after = real / closing_area if closing_area else Fraction()
    per_area = opening / opening_area if opening_area else after
    better = annuity * closing_area * (after - per_area) if closing_area else Fraction()
    column = {
        "opening": annuity * opening, "enhancement": max(better, Fraction()), "degradation": max(-better, Fraction()),
        "conversion_additions": annuity * per_area * gained, "conversion_reductions": annuity * per_area * lost,
        "other_volume_changes": Fraction(), "revaluations": annuity * (closing - real), "closing": annuity * closing,
    }  # fmt: skip
    return column | {"net": column["closing"] - column["opening"]}


def flows_of(run: Run, place: str, before: str, period: str, basis: str, cls: str) -> list[tuple[str, _Flow]]:
    """The services of a class that are valued at both moments. At constant prices the opening's prices are the closing's."""
    constant = next((b for b in run.profile.bases() if b.startswith("constant")), "")
    flows: list[tuple[str, _Flow]] = []
    for line in run.services(place, period):
        values = {p: _value(run, line.service.id, place, p, basis, cls) for p in (before, period)}
        opening, closing = values[before], values[period]
        if line.service.category == STOCK or opening is None or closing is None:
            continue
        real: Fraction | None = closing
        if basis == "current":
            at_base = {p: _value(run, line.service.id, place, p, constant, cls) for p in (before, period)}
            real = _at_opening_prices(opening, at_base[before], at_base[period])
        if real is not None:
            flows.append((line.service.id, _Flow(opening, closing, real)))
    return flows


def _at_opening_prices(
    opening: Fraction, base_opening: Fraction | None, base_closing: Fraction | None
) -> Fraction | None:
    """Closing quantity at the opening's price: V0 x (Q1/Q0), the ratio of quantities taken at one constant price."""
    if not base_opening or base_closing is None:
        return None
    return opening * base_closing / base_opening


def _value(run: Run, service: str, place: str, period: str, basis: str, cls: str) -> Fraction | None:
    found: list[Fact] = [
        f for f in run.facts
        if f.service == service and f.place == place and f.period == period and f.role == "value" and f.basis == basis and f.cls == cls
    ]  # fmt: skip
    return fraction(found[0].value) if found and found[0].value is not None else None


def annuity_of(zone: Zone) -> tuple[Fraction | None, Finding | None]:
    """Present value of one yuan a year by `economy.present_value`, from the zone's `[assets]`."""
    declared = zone.config.get("assets")
    if not isinstance(declared, Mapping) or not {"discount_rate", "years", "source"} <= set(declared):
        return None, Finding(
            "note", "no_asset_rule", "the zone declares no discount rate and life: there is no asset account.",
            "区域没有声明折现率和年限，不编资产账户。", file="zone.toml", field="assets", fix="[assets] discount_rate, years, source",
        )  # fmt: skip
    method = load_domains().registry["economy.present_value@annuity_ordinary"]
    given: dict[str, Any] = {
        "flow": (1.0, "元"), "discount_rate": (float(declared["discount_rate"]), "%"), "years": (float(declared["years"]), "a"),
    }  # fmt: skip
    return fraction(float(method.apply(given))), None


def _no_opening(run: Run, before: str) -> list[Finding]:
    if before and before in run.manifest["periods"]:
        return []
    return [
        Finding(
            "note",
            "no_opening",
            "there is no account of an earlier period: no opening value.",
            "没有更早一期的账户，没有期初价值。",
        )
    ]


def _unlike(run: Run, place: str, before: str, period: str, basis: str) -> list[Finding]:
    """Services valued at one moment only: they are in neither value."""
    found = []
    for line in run.services(place, period):
        known = [any(f.basis == basis and f.value is not None and f.cls for f in run.facts
                     if f.service == line.service.id and f.place == place and f.period == p and f.role == "value") for p in (before, period)]  # fmt: skip
        if known[0] != known[1]:
            found.append(Finding("note", "valued_once", f"{line.service.id} is valued at one moment only and left out.",
                                 f"{line.service.id} 只有一期有价值量，未计入。", file=line.service.id))  # fmt: skip
    return found
