"""What is owed for a year: obligation, order of surrender, cap on offsets, carry-over, and what a shortfall costs.

Pure functions on whole micro-units and 1e-4 yuan. A rule that is open returns candidates, never a single figure (market.md section 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from qingshan.ledger.amounts import MICRO, units
from qingshan.ledger.book import Refused

__all__ = [
    "ENERGY_SOURCE",
    "Shortfall",
    "carry_over",
    "check_surrender",
    "energy_purchase",
    "offset_limit",
    "shortfall",
    "surrender_plan",
]


ENERGY_SOURCE = {"source": "Henan 2022, read at b4dc4.cn", "source_zh": "河南 2022，据 b4dc4.cn", "status": "secondary"}
"""Where the formula of `energy_purchase` was read; the zone's own rule is open."""


def offset_limit(obligation: int, percent: int) -> int:
    """Most offsets for an obligation: the share, floored to whole units."""
    return obligation * percent // 100 // MICRO * MICRO


def check_surrender(obligation: int, own: int, offsets: int, percent: int) -> None:
    """Raises `Refused` where offsets pass their cap or more is delivered than is owed."""
    if offsets > offset_limit(obligation, percent):
        raise Refused(
            "offset_cap",
            f"offsets may be at most {units(offset_limit(obligation, percent))}.",
            f"抵消量至多 {units(offset_limit(obligation, percent))}。",
        )
    if own + offsets > obligation:
        raise Refused(
            "over_delivery",
            f"{units(own + offsets)} are delivered, {units(obligation)} are owed.",
            f"交付 {units(own + offsets)}，应缴 {units(obligation)}。",
        )


def surrender_plan(obligation: int, holdings: Mapping[str, int], offsets: int, percent: int) -> dict[str, int]:
    """Own units, the oldest vintage first, then offsets up to their cap. `holdings`: vintage -> units, sorted by the vintage's name."""
    plan, left = {}, obligation
    for vintage in sorted(holdings):
        plan[vintage] = min(holdings[vintage], left)
        left -= plan[vintage]
    plan["offsets"] = min(left, offsets, offset_limit(obligation, percent))
    return {k: v for k, v in plan.items() if v}


def carry_over(
    base: int, net_sales: int, holdings: int, *, multiple: Fraction = Fraction(3, 2), floor_negative: bool | None = None
) -> int:
    """min(base + multiple x net sales, holdings). For negative net sales the rule set must say whether they count as none.

    Raises `Refused` where it does not.
    """
    if net_sales < 0:
        if floor_negative is None:
            raise Refused(
                "net_sales",
                "the rule set does not say what negative net sales mean.",
                "规则集未说明净卖出为负时如何处理。",
            )
        net_sales = 0 if floor_negative else net_sales
    return min(base + int(multiple * net_sales), holdings)


def energy_purchase(new_energy: int, factor: Fraction, intensity: Fraction, mean_intensity: Fraction) -> int:
    """Energy-use rights that a new project has to buy, in micro-tce: A x B x C / mean of the province (Henan 2022, `secondary`).

    A `new_energy` is its new use without coal in micro-tce, B `factor` from 0.3 to 1, C `intensity` the project's energy intensity in the unit of
    `mean_intensity`. Rounded half to even. Raises `Refused` for a factor or intensity outside.
    """
    if not Fraction(3, 10) <= factor <= 1:
        raise Refused(
            "factor",
            f"the factor B is from 0.3 to 1, not {float(factor):g}.",
            f"系数 B 应在 0.3 至 1 之间，给的是 {float(factor):g}。",
        )
    if new_energy <= 0 or intensity <= 0 or mean_intensity <= 0:
        raise Refused("quantity", "energy and intensities are positive.", "用能量与强度须为正。")
    return round(new_energy * factor * intensity / mean_intensity)


@dataclass(frozen=True)
class Shortfall:
    """Fine in yuan between two multiples of a mean price, and the cut of next year's units on refusal to mend."""

    window: str
    mean_price: Fraction
    lowest: Fraction
    highest: Fraction
    cut: int


def shortfall(
    missing: int,
    windows: Mapping[str, tuple[Fraction, Fraction]],
    chosen: str = "",
    multiples: tuple[int, int] = (5, 10),
) -> list[Shortfall]:
    """The fine per candidate price window (window -> amount in yuan, volume in base units). One only where the rule set chose it.

    Raises `Refused` for a window that is not among the candidates or without trades.
    """
    names = [chosen] if chosen else list(windows)
    found = []
    for name in names:
        if name not in windows or not windows[name][1]:
            raise Refused("window", f"there are no trades in the window {name!r}.", f"窗口 {name!r} 没有成交。")
        mean = windows[name][0] / windows[name][1]
        units = Fraction(missing, MICRO)
        found.append(Shortfall(name, mean, units * multiples[0] * mean, units * multiples[1] * mean, missing))
    return found
