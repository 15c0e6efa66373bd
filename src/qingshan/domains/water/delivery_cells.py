"""Cell forms of `nutrient.py` and `baseflow.py` (see `core/cell.py`): the same formulas for one cell."""

from __future__ import annotations

import math

from qingshan.core.cell import cell

NONE = math.nan
EULER = 0.57721566490153286
TERMS = 80.0


@cell("water.runoff_index@invest3")
def runoff_index(runoff: float, mean: float) -> float:
    return runoff / mean if mean > 0.0 else 1.0


@cell("water.nutrient_load@invest3")
def nutrient_load(load: float, efficiency: float, applied: float, index: float) -> float:
    return load * (1.0 - applied * efficiency) * index


@cell("water.area_through@grid")
def area_through(cells: float, cell: float) -> float:
    return cells * cell * cell


@cell("water.connectivity_slope@cavalli2013")
def connectivity_slope(slope: float) -> float:
    return min(max(slope / 100.0, 0.005), 1.0)


@cell("water.upslope_component@invest3")
def upslope_component(slope: float, area: float) -> float:
    return slope * math.sqrt(area)


@cell("water.downslope_component@invest3")
def downslope_component(slope: float, length: float, below: float) -> float:
    return length / slope + below


@cell("water.way_to_stream@invest3")
def way_to_stream(length: float, below: float) -> float:
    return length + below


@cell("water.connectivity_index@borselli2008")
def connectivity_index(up: float, down: float) -> float:
    return math.log10(up / down) if up > 0.0 and down > 0.0 else NONE


@cell("water.retention_on_way@invest3")
def retention_on_way(efficiency: float, critical: float, length: float, below: float) -> float:
    if math.isnan(efficiency) or math.isnan(critical):
        return NONE
    if efficiency <= below:
        return below
    decay = math.exp(-5.0 * length / critical) if critical > 0.0 else 0.0
    return below * decay + efficiency * (1.0 - decay)


@cell("water.nutrient_delivery@invest3")
def nutrient_delivery(retained: float, index: float, ic0: float, k: float) -> float:
    return (1.0 - retained) / (1.0 + math.exp((ic0 - index) / k))


@cell("water.subsurface_delivery@invest3")
def subsurface_delivery(way: float, efficiency: float, critical: float) -> float:
    return 1.0 - efficiency * (1.0 - math.exp(-5.0 * way / critical))


@cell("water.surface_export@invest3")
def surface_export(load: float, share: float, ratio: float) -> float:
    return load * (1.0 - share) * ratio


@cell("water.subsurface_export@invest3")
def subsurface_export(load: float, share: float, ratio: float) -> float:
    return load * share * ratio


@cell("water.nutrient_export@invest3")
def nutrient_export(surface: float, subsurface: float) -> float:
    return surface + subsurface


@cell("water.nutrient_retention@invest3")
def nutrient_retention(load: float, export: float) -> float:
    return load - export


@cell("water.quick_flow@guswa2018")
def quick_flow(rain: float, events: float, curve_number: float) -> float:
    if not (rain > 0.0 and events > 0.0):
        return 0.0
    x = (25400.0 / curve_number - 254.0) * events / rain
    if x <= 0.0:
        return rain
    if x <= 1.0:
        term, total = 1.0, -EULER - math.log(x)
        for k in range(1, 30):
            term = -term * x / k
            total = total - term / k
        scaled = math.exp(x) * total
    else:
        tail, n = x, TERMS
        while n >= 1.0:
            tail = x + n / (1.0 + n / tail)
            n = n - 1.0
        scaled = 1.0 / tail
    return max(0.0, rain * math.exp(-0.2 * x) * (1.0 - x + x * x * scaled))


@cell("water.month_shortfall@invest3")
def month_shortfall(rain: float, quick: float, crop_coefficient: float, reference: float) -> float:
    return crop_coefficient * reference - (rain - quick)


@cell("water.local_recharge@invest3")
def local_recharge(
    shortfalls_1: float, shortfalls_2: float, shortfalls_3: float, shortfalls_4: float, shortfalls_5: float, shortfalls_6: float,
    shortfalls_7: float, shortfalls_8: float, shortfalls_9: float, shortfalls_10: float, shortfalls_11: float, shortfalls_12: float,
    alpha: float, beta: float, subsidy: float,
) -> float:  # fmt: skip
    use = alpha * beta * subsidy
    total = 0.0
    total += max(0.0, shortfalls_1 - use) - shortfalls_1
    total += max(0.0, shortfalls_2 - use) - shortfalls_2
    total += max(0.0, shortfalls_3 - use) - shortfalls_3
    total += max(0.0, shortfalls_4 - use) - shortfalls_4
    total += max(0.0, shortfalls_5 - use) - shortfalls_5
    total += max(0.0, shortfalls_6 - use) - shortfalls_6
    total += max(0.0, shortfalls_7 - use) - shortfalls_7
    total += max(0.0, shortfalls_8 - use) - shortfalls_8
    total += max(0.0, shortfalls_9 - use) - shortfalls_9
    total += max(0.0, shortfalls_10 - use) - shortfalls_10
    total += max(0.0, shortfalls_11 - use) - shortfalls_11
    total += max(0.0, shortfalls_12 - use) - shortfalls_12
    return total


@cell("water.recharge_passed@invest3")
def recharge_passed(
    shortfalls_1: float, shortfalls_2: float, shortfalls_3: float, shortfalls_4: float, shortfalls_5: float, shortfalls_6: float,
    shortfalls_7: float, shortfalls_8: float, shortfalls_9: float, shortfalls_10: float, shortfalls_11: float, shortfalls_12: float,
    alpha: float, beta: float, gamma: float, subsidy: float,
) -> float:  # fmt: skip
    use = alpha * beta * subsidy
    total = 0.0
    total += max(0.0, shortfalls_1 - use) - shortfalls_1
    total += max(0.0, shortfalls_2 - use) - shortfalls_2
    total += max(0.0, shortfalls_3 - use) - shortfalls_3
    total += max(0.0, shortfalls_4 - use) - shortfalls_4
    total += max(0.0, shortfalls_5 - use) - shortfalls_5
    total += max(0.0, shortfalls_6 - use) - shortfalls_6
    total += max(0.0, shortfalls_7 - use) - shortfalls_7
    total += max(0.0, shortfalls_8 - use) - shortfalls_8
    total += max(0.0, shortfalls_9 - use) - shortfalls_9
    total += max(0.0, shortfalls_10 - use) - shortfalls_10
    total += max(0.0, shortfalls_11 - use) - shortfalls_11
    total += max(0.0, shortfalls_12 - use) - shortfalls_12
    return min(gamma * total, total) + subsidy


@cell("water.available_recharge@invest3")
def available_recharge(recharge: float, gamma: float) -> float:
    return min(gamma * recharge, recharge)


@cell("water.baseflow_passed@invest3")
def baseflow_passed(total: float, recharge: float, gamma: float, below: float) -> float:
    from_above = total - recharge
    if math.isnan(total) or math.isnan(recharge):
        return NONE
    if from_above == 0.0 or total == 0.0:
        return 0.0
    return (total - min(gamma * recharge, recharge)) * below / from_above


@cell("water.baseflow@invest3")
def baseflow(recharge: float, below: float) -> float:
    return max(recharge * below, 0.0)
