"""The stage "cooling": heat mitigation by green space, air temperature after mixing, temperature reduction.

Pass 1 reads the classes and reference evapotranspiration, gives the cooling capacity CC, the distance-weighted capacity of green
space around, the green area around, and HM. Pass 2 takes the weighted mean of HM over the mixing distance. Nothing is
normalised by the map: the largest evapotranspiration is declared, unless `largest_et = "map"` asks for a first pass over the
grid, after which results of different grids are not comparable.

`compat = "invest"` departs from the guide as InVEST 3.20.2 does: the park mean reaches five cooling distances instead of one,
distances are rounded to whole cells, and green area is extrapolated over NoData and beyond the rim.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, OutOfBounds
from qingshan.core.method import REGISTRY
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared import cooling as declared
from ..declared.cooling import CONSTANTS, EDITION, INPUTS, LIMITS, METHODS, OPTIONS, OUTPUTS, TABLES
from . import around, cellwise, stage
from .around import Around, Weights, radial, side_for
from .cellwise import cellwise as loop
from .cellwise import steps_of
from .stage import Results, codes_of, floats_of, limited, metres, on_tiles, require

__all__ = ["CONSTANTS", "EDITION", "INPUTS", "LIMITS", "METHODS", "OPTIONS", "OUTPUTS", "TABLES", "run"]

FAR = 5
SIGMAS = 3
DAY = ("crop_coefficient", "shade", "albedo")
FIRST = ("capacity", "park_capacity", "green_area", "mitigation")
LATER = ("temperature_unmixed", "temperature", "reduction")


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Urban cooling on the zone grid. Names and units are those of the tables above; float32 fields, NaN for NoData.

    A cell is NoData where its class or its evapotranspiration is; the means around leave such cells out. Raises
    `DeclarationError` where something is not bound, `OutOfBounds` on a geographic grid or where weights do not sum to 1.
    """
    plan = _Plan.of(grid, inputs, tables, constants, options, outputs, classes, workers, memory, progress)
    made = {
        "inputs": {k: dict(v.identity()) for k, v in sorted({**plan.inputs, "classes": plan.classes}.items())},
        "tables": {k: [repr(float(x)) for x in v] for k, v in sorted(plan.tables.items())},
        "constants": dict(sorted(plan.constants.items())), "options": dict(sorted(plan.options.items())),
    }  # fmt: skip
    modules = (sys.modules[__name__], declared, around, cellwise, stage)
    results = Results("cooling", grid, folder, sorted({*outputs, "mitigation"}), modules, made)
    try:
        unknown = _mitigation(plan, results)
        if set(outputs) & set(LATER):
            _temperature(plan, results)
        return results.finish(outputs, unknown)
    finally:
        results.discard()


@dataclass(frozen=True)
class _Plan:
    grid: Grid
    inputs: Mapping[str, Source]
    classes: Source
    tables: Mapping[str, NDArray[np.float64]]
    constants: Mapping[str, float]
    options: Mapping[str, str]
    cell: tuple[float, float]
    passes: int
    workers: int | None
    memory: int | str
    progress: Progress | None

    @classmethod
    def of(cls, grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
           options: Mapping[str, str], outputs: Sequence[str], classes: Source | None, workers: int | None, memory: int | str,
           progress: Progress | None) -> _Plan:  # fmt: skip
        """Check what is bound and keep what this run reads."""
        load_domains()
        where = "stage cooling"
        chosen = {name: options.get(name) or words[0] for name, words in OPTIONS.items()}
        wrong = [f"{k} = {v!r}" for k, v in {**options, **chosen}.items() if k not in OPTIONS or v not in OPTIONS[k]]
        if wrong or not set(outputs) <= set(OUTPUTS) or not outputs:
            raise DeclarationError(
                f"{', '.join(wrong) or f'outputs {list(outputs)}'}: not known here.", where=where,
                fix=f"options {OPTIONS}; outputs {', '.join(OUTPUTS)}",
            )  # fmt: skip
        day = chosen["time"] == "day"
        need = ["cooling_distance", "smallest_park"] + (["shade_weight", "albedo_weight", "et_weight"] if day else [])
        need += ["largest_et"] if day and chosen["largest_et"] == "declared" else []
        need += ["reference_temperature", "heat_island", "mixing_distance"] if set(outputs) & set(LATER) else []
        require("cooling", "table", [*(DAY if day else ("building_intensity",)), "green"], tables)
        require("cooling", "constant", need, constants)
        require("cooling", "input", INPUTS if day else (), inputs)
        if classes is None:
            require("cooling", "class layer", ["classes"], {})
        kept = {k: float(constants[k]) for k in need}
        if day and abs(sum(kept[w] for w in ("shade_weight", "albedo_weight", "et_weight")) - 1) > 1e-9:
            raise OutOfBounds(
                "the weights of shade, albedo and evapotranspiration must sum to 1.",
                "遮荫、反照率、蒸散三项权重之和应为 1。",
                where=where,
            )
        if bad := [k for k in need if k.endswith("distance") and not 0 <= kept[k] < 1e7]:
            raise OutOfBounds(
                f"{', '.join(bad)} must be 0 to 10,000 km.", f"{'、'.join(bad)} 应在 0 到 1 万公里之间。", where=where
            )
        used = {k: np.asarray(tables[k], np.float64) for k in (*(DAY if day else ("building_intensity",)), "green")}
        if not np.isin(used["green"][~np.isnan(used["green"])], (0, 1)).all():
            raise OutOfBounds(
                "green must be 1 for green space and 0 for all else.", "绿地一列只能填 1（绿地）或 0。", where=where
            )
        assert classes is not None
        passes = 2 if set(outputs) & set(LATER) else 1
        plan = cls(grid, limited({k: inputs[k] for k in (INPUTS if day else ())}, LIMITS), classes, used, kept, chosen, metres(grid, "cooling"), passes,
                   workers, memory, progress)  # fmt: skip
        return plan if not day or "largest_et" in kept else plan.with_largest_et()

    def with_largest_et(self) -> _Plan:
        """The same with the largest evapotranspiration of the map: a pass over the grid."""

        def largest(window: Window) -> float:
            block = floats_of(self.inputs["reference_et"], window)
            return float(np.nanmax(block)) if np.isfinite(block).any() else 0.0

        windows = list(self.grid.blocks(1024, 1024))
        found = on_tiles(
            windows, largest, bytes_each=1024 * 1024 * 16, held=0, workers=self.workers, memory=self.memory
        )
        return _Plan(**{**self.__dict__, "constants": {**self.constants, "largest_et": max(found)}})

    @property
    def invest(self) -> bool:
        return self.options["compat"] == "invest"

    def distance(self, name: str) -> float:
        """The declared distance, in metres; InVEST rounds it to whole cells of the smaller side."""
        side = min(self.cell)
        return float(np.round(self.constants[name] / side) * side) if self.invest else self.constants[name]

    def kernels(self) -> tuple[Weights, Weights]:
        """Weights of green space around a cell, and the disc in which its area counts."""
        reach = self.distance("cooling_distance")
        decay = REGISTRY["climate.park_decay" + EDITION]
        park = radial(lambda d: decay(d, reach), reach * (FAR if self.invest else 1), self.cell)
        return park, radial(np.ones_like, reach, self.cell)

    def mixing(self) -> Weights:
        reach = self.distance("mixing_distance")
        if self.options["mixing"] == "disc" or reach == 0:
            return radial(np.ones_like, reach, self.cell)
        if self.options["mixing"] == "gaussian":
            return radial(lambda d: np.exp(-0.5 * (d / reach) ** 2), SIGMAS * reach, self.cell)
        return radial(lambda d: np.exp(-d / reach), FAR * reach, self.cell)


def _mitigation(plan: _Plan, results: Results) -> dict[str, float]:
    """Pass 1; gives the area (m2) of cells with a class that have no value."""
    park, disc = plan.kernels()
    side = max(side_for(*park.reach), side_for(*disc.reach))
    parks, discs = Around(plan.grid, [park], side), Around(plan.grid, [disc], side)
    capacity, mitigate = _capacity_loop(plan), _mitigation_loop()
    hectares = plan.cell[0] * plan.cell[1] / 1e4
    wide = parks if max(park.reach) >= max(disc.reach) else discs

    def work(window: Window) -> float:
        around = wide.padded(window)
        codes = codes_of(plan.classes, around)
        cc, green = capacity(plan, codes, around)
        at = (slice(window.row - around.row, window.row - around.row + window.height),
              slice(window.col - around.col, window.col - around.col + window.width))  # fmt: skip
        gives = green * cc

        def part(values: NDArray[np.float32]) -> Any:
            def layer(w: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
                rows = slice(w.row - around.row, w.row - around.row + w.height)
                block = values[rows, w.col - around.col : w.col - around.col + w.width]
                return block, ~np.isnan(block)

            return layer

        ((total, seen),) = parks.tile(window, part(gives))
        ((count, known),) = discs.tile(window, part(green))
        with np.errstate(invalid="ignore", divide="ignore"):
            park_mean = (np.maximum(total, 0) / seen).astype(np.float32, copy=False)
            cells = np.rint(count * disc.total)
            if plan.invest:
                cells = cells / np.rint(known * disc.total) * disc.total
        area = (cells * hectares).astype(np.float32, copy=False)
        here, hm = cc[at], np.empty((window.height, window.width), np.float32)
        nothing = np.isnan(here)
        park_mean[nothing], area[nothing] = np.nan, np.nan
        mitigate(codes[at], here, park_mean, area, plan.constants["smallest_park"], hm)
        for name, values in zip(FIRST, (here, park_mean, area, hm), strict=True):
            results.write(name, window, values)
        row_area = plan.grid.row_area[window.row : window.row + window.height]
        return float(((nothing & (codes[at] != -1)).sum(axis=1) * row_area).sum())

    areas = on_tiles(
        list(plan.grid.blocks(side, side)), work, bytes_each=parks.bytes + discs.bytes, held=parks.held + discs.held,
        workers=plan.workers, memory=plan.memory, progress=plan.progress, whole=plan.grid.size * plan.passes,
    )  # fmt: skip
    return {"classed_without_value_m2": float(np.sum(areas))}


def _capacity_loop(plan: _Plan) -> Any:
    """Block of codes -> cooling capacity and green (1, 0, NaN) as float32."""
    if plan.options["time"] == "night":
        steps = steps_of(
            ("cc", "climate.cooling_capacity@invest_guide_night", {"building_intensity": "building_intensity"})
        )
        kernel = loop(steps, (), ("building_intensity", "green"), (), ("cc", "green"))
        numbers: list[float] = []
    else:
        steps = steps_of(
            ("eti", "climate.evapotranspiration_index" + EDITION,
             {"crop_coefficient": "crop_coefficient", "reference_et": "reference_et", "largest_et": "largest_et"}),
            ("cc", "climate.cooling_capacity" + EDITION,
             {"shade": "shade", "albedo": "albedo", "evapotranspiration_index": "eti", "shade_weight": "shade_weight",
              "albedo_weight": "albedo_weight", "et_weight": "et_weight"}),
        )  # fmt: skip
        names = ("largest_et", "shade_weight", "albedo_weight", "et_weight")
        kernel = loop(steps, ("reference_et",), (*DAY, "green"), names, ("cc", "green"))
        numbers = [plan.constants[n] for n in names]
    tables = [
        plan.tables[t] for t in ((*DAY, "green") if plan.options["time"] == "day" else ("building_intensity", "green"))
    ]

    def capacity(plan: _Plan, codes: NDArray[Any], window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        cc, green = np.empty(codes.shape, np.float32), np.empty(codes.shape, np.float32)
        layers = [floats_of(plan.inputs[i], window) for i in plan.inputs]
        kernel(codes, *layers, *tables, *numbers, cc, green)
        return cc, green

    return capacity


def _mitigation_loop() -> Any:
    bind = {"capacity": "cc", "park_capacity": "park", "green_area": "area", "smallest_park": "smallest_park"}
    return loop(
        steps_of(("hm", "climate.heat_mitigation" + EDITION, bind)),
        ("cc", "park", "area"),
        (),
        ("smallest_park",),
        ("hm",),
    )


def _temperature(plan: _Plan, results: Results) -> None:
    """Pass 2: temperature of each cell, of the air mixed around it, and how far that is below the hottest."""
    mix = Around(plan.grid, [plan.mixing()])
    bind = {"reference_temperature": "t_ref", "heat_island": "uhi"}
    steps = steps_of(
        ("unmixed", "climate.air_temperature" + EDITION, {"mitigation": "hm", **bind}),
        ("mixed", "climate.air_temperature" + EDITION, {"mitigation": "mean", **bind}),
        ("reduction", "climate.temperature_reduction" + EDITION, {"temperature": "mixed", **bind}),
    )
    kernel = loop(steps, ("hm", "mean"), (), ("t_ref", "uhi"), ("unmixed", "mixed", "reduction"))
    hm = results.fields["mitigation"]

    def work(window: Window) -> None:
        around = mix.padded(window)
        wide = hm.read(around)
        ((total, seen),) = mix.tile(window, lambda w: (wide, ~np.isnan(wide)))
        here = wide[
            window.row - around.row : window.row - around.row + window.height,
            window.col - around.col : window.col - around.col + window.width,
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(np.isnan(here), np.nan, total / seen)
        out = [np.empty(here.shape, np.float32) for _ in LATER]
        kernel(
            np.zeros(here.shape, np.int8),
            here,
            mean,
            plan.constants["reference_temperature"],
            plan.constants["heat_island"],
            *out,
        )
        for name, values in zip(LATER, out, strict=True):
            results.write(name, window, values)

    on_tiles(
        list(plan.grid.blocks(mix.side, mix.side)), work, bytes_each=mix.bytes, held=mix.held, workers=plan.workers,
        memory=plan.memory, progress=plan.progress, before=plan.grid.size, whole=2 * plan.grid.size,
    )  # fmt: skip
