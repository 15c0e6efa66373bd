"""Cell forms of `delivery.py` (see `core/cell.py`): the same formulas for one cell."""

from __future__ import annotations

import math

from qingshan.core.cell import cell

REFERENCE_LENGTH = 22.13  # m, standard plot
RILL = 0.0896  # constant of the rill ratio
NONE = math.nan


@cell("soil.area_above@grid")
def area_above(cells: float, cell: float) -> float:
    return (cells - 1.0) * cell * cell


@cell("soil.area_through@grid")
def area_through(cells: float, cell: float) -> float:
    return cells * cell * cell


@cell("soil.l@desmet_govers1996")
def l_grid(area: float, cell: float, slope: float, aspect: float, length_max: float) -> float:
    sine = math.sin(math.atan(slope / 100.0))
    if slope <= 1.0:
        m = 0.2
    elif slope <= 3.5:
        m = 0.3
    elif slope <= 5.0:
        m = 0.4
    elif slope <= 9.0:
        m = 0.5
    else:
        beta = (sine / RILL) / (3.0 * sine**0.8 + 0.56)
        m = beta / (1.0 + beta)
    x = abs(math.sin(aspect)) + abs(math.cos(aspect))
    cap = (length_max / REFERENCE_LENGTH) ** m
    length = ((area + cell * cell) ** (m + 1.0) - area ** (m + 1.0)) / (
        cell * cell * (cell * x * REFERENCE_LENGTH) ** m
    )
    return min(length, cap)


@cell("soil.l@invest3")
def l_invest(cells: float, cell: float, slope: float, l_max: float) -> float:
    angle = math.atan(slope / 100.0)
    sine, cosine = math.sin(angle), math.cos(angle)
    if slope <= 1.0:
        m = 0.2
    elif slope <= 3.5:
        m = 0.3
    elif slope <= 5.0:
        m = 0.4
    elif slope <= 9.0:
        m = 0.5
    else:
        beta = (sine / RILL) / (3.0 * sine**0.8 + 0.56)
        m = beta / (1.0 + beta)
    x = abs(sine) + abs(cosine)
    area = math.sqrt((cells - 1.0) * cell * cell)
    length = ((area + cell * cell) ** (m + 1.0) - area ** (m + 1.0)) / (
        cell * cell * (cell * x * REFERENCE_LENGTH) ** m
    )
    return min(length, l_max)


@cell("soil.s@renard1997")
def s_renard(slope: float) -> float:
    sine = math.sin(math.atan(slope / 100.0))
    return 10.8 * sine + 0.03 if slope < 9.0 else 16.8 * sine - 0.5


@cell("soil.s@liu1994")
def s_liu(slope: float) -> float:
    angle = math.atan(slope / 100.0)
    sine = math.sin(angle)
    if slope < 9.0:
        return 10.8 * sine + 0.03
    return 16.8 * sine - 0.5 if math.degrees(angle) < 10.0 else 21.91 * sine - 0.96


@cell("soil.ls@product")
def ls(l: float, s: float) -> float:  # noqa: E741 - the symbol of the paper
    return l * s


@cell("soil.potential_loss@renard1997")
def potential_loss(r: float, k: float, ls: float) -> float:
    return r * k * ls


@cell("soil.actual_loss@renard1997")
def actual_loss(potential: float, c: float, p: float) -> float:
    return potential * c * p


@cell("soil.connectivity_weight@borselli2008")
def connectivity_weight(c: float) -> float:
    return max(c, 0.001)


@cell("soil.connectivity_slope@cavalli2013")
def connectivity_slope(slope: float) -> float:
    return min(max(slope / 100.0, 0.005), 1.0)


@cell("soil.upslope_component@borselli2008")
def upslope_component(weight: float, slope: float, area: float) -> float:
    return weight * slope * math.sqrt(area)


@cell("soil.downslope_component@borselli2008")
def downslope_component(weight: float, slope: float, length: float, below: float) -> float:
    return length / (weight * slope) + below


@cell("soil.connectivity_index@borselli2008")
def connectivity_index(up: float, down: float) -> float:
    return math.log10(up / down) if up > 0.0 and down > 0.0 else NONE


@cell("soil.delivery_ratio@vigiak2012")
def delivery_ratio(index: float, ic0: float, k: float, ratio_max: float) -> float:
    return ratio_max / (1.0 + math.exp((ic0 - index) / k))


@cell("soil.sediment_export@invest3")
def sediment_export(loss: float, ratio: float) -> float:
    return loss * ratio


@cell("soil.undelivered@invest3")
def undelivered(loss: float, ratio: float) -> float:
    return loss * (1.0 - ratio)


@cell("soil.trap_share@invest3")
def trap_share(ratio: float, below: float) -> float:
    if ratio >= 1.0:
        return 1.0
    return max(0.0, (below - ratio) / (1.0 - ratio))


@cell("soil.trapped@invest3")
def trapped(share: float, inflow: float) -> float:
    return share * inflow


@cell("soil.sediment_passed@invest3")
def sediment_passed(share: float, own: float, inflow: float) -> float:
    return (1.0 - share) * inflow + own


@cell("soil.avoided_erosion@invest3")
def avoided_erosion(potential: float, loss: float) -> float:
    return potential - loss


@cell("soil.avoided_export@invest3")
def avoided_export(avoided: float, ratio: float, trapped: float) -> float:
    return avoided * ratio + trapped
