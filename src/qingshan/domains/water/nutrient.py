"""Nutrients on their way to streams: load by cover and runoff, delivery ratio above and below ground, export.

The formulas are those of the guide, in metres; what InVEST 3.20.2 computes instead (pixels for metres, its own rim) is said on
the stage "nutrient". NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

INVEST = "InVEST 3.20.2 User's Guide, Nutrient Delivery Ratio"
BORSELLI = "Borselli, Cassi & Torri 2008, Catena 75(3):268-277"
CAVALLI = "Cavalli et al. 2013, Geomorphology 188:31-41"
VIGIAK = "Vigiak et al. 2012, Geomorphology 138(1):74-88"

EDITION = "invest3"
LOAD = "kg/(hm2 a)"

Load = A[Array, Q(LOAD, "营养物负荷", "nutrient load", low=0, symbol="load")]
Efficiency = A[Array, Q("fraction", "最大截留效率", "largest retention efficiency", low=0, high=1, symbol="eff")]
Length = A[Array, Q("m", "截留长度", "retention length", low=0, symbol="l_crit")]
Retained = A[Array, Q("fraction", "下坡有效截留率", "retention on the way down", low=0, high=1, symbol="eff'")]
Gradient = A[Array, Q("fraction", "坡降", "slope gradient", low=0, symbol="S")]
Component = A[Array, Q("m", "连通性分量", "component of connectivity", low=0)]
Index = A[Array, Q("1", "连通性指数", "index of connectivity", symbol="IC")]
Ratio = A[Array, Q("fraction", "营养物输移比", "nutrient delivery ratio", low=0, high=1, symbol="NDR")]
Part = A[Array, Q("fraction", "地下输移比例", "share that goes below ground", low=0, high=1)]
Step = A[Array, Q("m", "到下一像元的距离", "way to the next cell", low=0, symbol="d")]
Export = A[Array, Q(LOAD, "营养物入河量", "nutrient export", low=0)]


@method(
    "water.runoff_index",
    edition=EDITION,
    clause=Clause(INVEST, "runoff potential index"),
    status="secondary",
    formula="RPI = RP / mean RP",
)
def runoff_index(
    runoff: A[Array, Q("1", "产流代用量", "runoff proxy", low=0, symbol="RP")],
    mean: A[Array, Q("1", "产流代用量均值", "mean of the runoff proxy", low=0)],
) -> A[Array, Q("1", "产流指数", "runoff potential index", low=0, symbol="RPI")]:
    """Runoff of a cell against the mean, both in one unit. No mean (0): 1. Shapes: mutually broadcastable."""
    mean = np.asarray(mean, dtype=np.float64)
    return np.where(mean > 0, runoff / np.where(mean > 0, mean, 1), np.where(np.isnan(runoff), np.nan, 1.0))


@method(
    "water.nutrient_load",
    edition=EDITION,
    clause=Clause(INVEST, "loads"),
    status="secondary",
    formula="load (1 - applied eff) RPI",
)
def nutrient_load(
    load: Load,
    efficiency: Efficiency,
    applied: A[
        Array, Q("class", "负荷是否为施用量", "load is an application rate", low=0, high=1, labels=("", "施用量"))
    ],
    index: A[Array, Q("1", "产流指数", "runoff potential index", low=0, symbol="RPI")],
) -> A[Array, Q(LOAD, "修正营养物负荷", "modified nutrient load", low=0)]:
    """Load of a cell, scaled by its runoff. An application rate is cut by what its own cover retains. Broadcastable."""
    return load * (1 - np.asarray(applied) * efficiency) * index


@method("water.area_through", edition="grid", clause=Clause(BORSELLI, "A"), status="secondary", formula="A = n D^2")
def area_through(
    cells: A[Array, Q("count", "汇流像元数（含本像元）", "cells draining through, with the cell", low=1, symbol="n")],
    cell: A[Array, Q("m", "像元边长", "cell side", low=0, symbol="D")],
) -> A[Array, Q("m2", "汇流面积", "area draining through", low=0, symbol="A")]:
    """Area that drains through a cell, with the cell. Shapes: mutually broadcastable."""
    return np.asarray(cells) * np.asarray(cell) ** 2


@method(
    "water.connectivity_slope", edition="cavalli2013", clause=Clause(CAVALLI, "limits of the slope factor"), status="secondary",
    formula="S = min(max(s, 0.005), 1)",
)  # fmt: skip
def connectivity_slope(slope: A[Array, Q("%", "坡度（百分比）", "slope", low=0, symbol="s")]) -> Gradient:
    """Slope gradient between 0.005 and 1. Shape: any."""
    return np.clip(np.asarray(slope, dtype=np.float64) / 100, 0.005, 1)


@method(
    "water.upslope_component",
    edition=EDITION,
    clause=Clause(INVEST, "D_up"),
    status="secondary",
    formula="D_up = S sqrt(A), S the mean above",
)
def upslope_component(
    slope: Gradient, area: A[Array, Q("m2", "汇流面积", "area draining through", low=0, symbol="A")]
) -> Component:
    """Upslope part of the index: topography only. Shapes: mutually broadcastable."""
    return slope * np.sqrt(area)


@method(
    "water.downslope_component",
    edition=EDITION,
    clause=Clause(INVEST, "D_dn"),
    status="secondary",
    formula="D_dn = d/S + D_dn of the cell below",
)
def downslope_component(slope: Gradient, length: Step, below: Component) -> Component:
    """One step of the way to the stream, weighted by slope. Shapes: mutually broadcastable."""
    return length / np.asarray(slope) + below


@method(
    "water.way_to_stream",
    edition=EDITION,
    clause=Clause(INVEST, "distance to stream"),
    status="secondary",
    formula="l = d + l of the cell below",
)
def way_to_stream(
    length: Step, below: Step
) -> A[Array, Q("m", "到河道的流路长度", "way to the stream", low=0, symbol="l")]:
    """Length of the flow path to the stream, one step. Shapes: mutually broadcastable."""
    return np.add(length, below)


@method(
    "water.connectivity_index",
    edition="borselli2008",
    clause=Clause(BORSELLI, "IC"),
    status="secondary",
    formula="IC = log10(D_up/D_dn)",
)
def connectivity_index(up: Component, down: Component) -> Index:
    """Index of connectivity; NaN on the stream itself. Shapes: mutually broadcastable."""
    up, down = np.asarray(up, dtype=np.float64), np.asarray(down, dtype=np.float64)
    known = (up > 0) & (down > 0)
    return np.where(known, np.log10(np.where(known, up, 1) / np.where(known, down, 1)), np.nan)


@method(
    "water.retention_on_way", edition=EDITION, clause=Clause(INVEST, "effective downslope retention"), status="secondary",
    formula="s = exp(-5 d/l_crit); eff' = eff'_down s + eff (1 - s) where eff > eff'_down, else eff'_down; 0 on streams",
)  # fmt: skip
def retention_on_way(efficiency: Efficiency, critical: Length, length: Step, below: Retained) -> Retained:
    """Retention between a cell and the stream, one step: only a better cover than those below adds to it.

    A retention length of 0 takes full effect at once. Shapes: mutually broadcastable.
    """
    efficiency, critical, length = (np.asarray(v, dtype=np.float64) for v in (efficiency, critical, length))
    decay = np.where(critical > 0, np.exp(-5 * length / np.where(critical > 0, critical, 1)), 0.0)
    decay = np.where(np.isnan(critical), np.nan, decay)
    return np.where(efficiency > below, below * decay + efficiency * (1 - decay), below + 0 * decay + 0 * efficiency)


@method(
    "water.nutrient_delivery", edition=EDITION, clause=Clause(INVEST, "surface NDR; logistic: " + VIGIAK), status="secondary",
    formula="NDR = (1 - eff')/(1 + exp((IC0 - IC)/k))",
)  # fmt: skip
def nutrient_delivery(
    retained: Retained,
    index: Index,
    ic0: A[Array, Q("1", "连通性指数中值参数 IC0", "calibration parameter IC0", symbol="IC0")],
    k: A[Array, Q("1", "斜率参数 k", "calibration parameter k", low=1e-6, symbol="k")],
) -> Ratio:
    """Share of the surface load that reaches the stream. `ic0` is the mid-range of IC in the guide: declare it, so that a
    county's figure does not hang on the extent of the run. Shapes: mutually broadcastable."""
    return (1 - np.asarray(retained)) / (1 + np.exp((ic0 - np.asarray(index)) / k))


@method(
    "water.subsurface_delivery", edition=EDITION, clause=Clause(INVEST, "subsurface NDR"), status="secondary",
    formula="NDR_sub = 1 - eff (1 - exp(-5 l/l_sub))",
)  # fmt: skip
def subsurface_delivery(
    way: A[Array, Q("m", "到河道的流路长度", "way to the stream", low=0, symbol="l")],
    efficiency: Efficiency,
    critical: Length,
) -> Ratio:
    """Share of the load below ground that reaches the stream; the length is in metres. Shapes: broadcastable."""
    return 1 - np.asarray(efficiency) * (1 - np.exp(-5 * np.asarray(way) / np.asarray(critical)))


@method(
    "water.surface_export",
    edition=EDITION,
    clause=Clause(INVEST, "export"),
    status="secondary",
    formula="x = load (1 - share) NDR",
)
def surface_export(load: Load, share: Part, ratio: Ratio) -> Export:
    """Nutrient that reaches the stream over land. Shapes: mutually broadcastable."""
    return load * (1 - np.asarray(share)) * ratio


@method(
    "water.subsurface_export",
    edition=EDITION,
    clause=Clause(INVEST, "export"),
    status="secondary",
    formula="x = load share NDR_sub",
)
def subsurface_export(load: Load, share: Part, ratio: Ratio) -> Export:
    """Nutrient that reaches the stream below ground. Shapes: mutually broadcastable."""
    return np.asarray(load) * share * ratio


@method(
    "water.nutrient_export",
    edition=EDITION,
    clause=Clause(INVEST, "export"),
    status="secondary",
    formula="x = surface + subsurface",
)
def nutrient_export(surface: Export, subsurface: Export) -> Export:
    """Nutrient that reaches the stream. Shapes: mutually broadcastable."""
    return np.add(surface, subsurface)


@method(
    "water.nutrient_retention",
    edition=EDITION,
    clause=Clause(INVEST, "evaluating retention"),
    status="secondary",
    formula="load - export",
)
def nutrient_retention(load: Load, export: Export) -> A[Array, Q(LOAD, "营养物截留量", "nutrient retained", low=0)]:
    """Load that does not reach the stream. Shapes: mutually broadcastable."""
    return np.subtract(load, export)
