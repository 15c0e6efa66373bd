"""The stage "habitat": what threats reach a cell, degradation, habitat quality, and rarity against a base land cover.

Each threat NAME is an input `threat_NAME` (0-1), a table `sensitivity_NAME` by class, the constants `distance_NAME` (m) and
`weight_NAME`, and the option `decay_NAME` (linear or exponential). `effect = "sum"` adds up all cells of a threat's map as
the guide prints it: D then grows as cells get smaller. `effect = "nearest"` takes the nearest cell of the threat, whatever its
intensity, as InVEST does since 3.13; `compat = "invest"` is that. NoData in a threat is no threat, as there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
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
from ..declared import habitat as declared
from ..declared.habitat import CONSTANTS, EDITION, INPUTS, LIMITS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from . import around, cellwise, nearest, stage
from .around import TILE, Around, radial, side_for
from .cellwise import cellwise as loop
from .cellwise import steps_of
from .nearest import effect_of_nearest, effect_table
from .stage import Results, codes_of, floats_of, limited, metres, on_tiles, require

__all__ = ["CONSTANTS", "EDITION", "INPUTS", "LIMITS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run", "threats_of"]


def threats_of(inputs: Mapping[str, Any]) -> list[str]:
    """Names of the threats among the inputs, sorted."""
    return sorted(name.removeprefix("threat_") for name in inputs if name.startswith("threat_"))


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Habitat quality on the zone grid; names and units as above; float32 fields, NaN for NoData.

    A cell is NoData where its class is, where a table has no row for it, or where `access` is NoData or outside 0-1. NoData
    of a threat means that there is none, as in the guide: its map marks where the threat is. Rarity comes from the
    table `rarity` by class, or from the areas of both maps on this grid, and then holds for this grid only. Raises
    `DeclarationError` where something is not bound, `OutOfBounds` for threats outside 0-1, weights that sum to 0, a geographic grid.
    """
    plan = _Plan.of(grid, inputs, tables, constants, options, outputs, classes, workers, memory, progress)
    made = {
        "inputs": {k: dict(v.identity()) for k, v in sorted({**inputs, "classes": plan.classes}.items())},
        "tables": {k: [repr(float(x)) for x in v] for k, v in sorted(tables.items())},
        "constants": {k: float(v) for k, v in sorted(constants.items())}, "options": dict(sorted(options.items())),
    }  # fmt: skip
    modules = (sys.modules[__name__], declared, around, cellwise, nearest, stage)
    results = Results("habitat", grid, folder, sorted(outputs), modules, made)
    try:
        unknown = _threatened(plan, results) if set(outputs) - {"rarity"} else {}
        if "rarity" in outputs:
            _rarity(plan, results)
        return results.finish(outputs, unknown)
    finally:
        results.discard()


@dataclass(frozen=True)
class _Threat:
    name: str
    source: Source
    reach: float
    share: float
    decay: Callable[[NDArray[np.float64]], Any]
    table: NDArray[np.float32]


@dataclass(frozen=True)
class _Plan:
    grid: Grid
    inputs: Mapping[str, Source]
    classes: Source
    tables: Mapping[str, NDArray[np.float64]]
    constants: Mapping[str, float]
    threats: list[_Threat]
    sums: bool
    cell: tuple[float, float]
    outputs: Sequence[str]
    workers: int | None
    memory: int | str
    progress: Progress | None

    @classmethod
    def of(cls, grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
           options: Mapping[str, str], outputs: Sequence[str], classes: Source | None, workers: int | None, memory: int | str,
           progress: Progress | None) -> _Plan:  # fmt: skip
        """Check what is bound."""
        load_domains()
        names = threats_of(inputs)
        known = {"degradation", "quality", "rarity", *(f"{w}_{n}" for n in names for w in ("effect", "degradation"))}
        words = {
            "compat": OPTIONS["compat"],
            "effect": OPTIONS["effect"],
            **{f"decay_{n}": OPTIONS["decay_NAME"] for n in names},
        }
        wrong = [f"{k} = {v!r}" for k, v in options.items() if v not in words.get(k, ())]
        if wrong or not outputs or not set(outputs) <= known:
            raise DeclarationError(
                f"{', '.join(wrong) or f'outputs {list(outputs)}'}: not known here.", where="stage habitat",
                fix=f"options {words}; outputs {', '.join(sorted(known))}",
            )  # fmt: skip
        if classes is None:
            require("habitat", "class layer", ["classes"], {})
        if set(outputs) - {"rarity"}:
            require("habitat", "input", [] if names else ["threat_NAME"], inputs)
            require("habitat", "table", ["suitability", *(f"sensitivity_{n}" for n in names)], tables)
            need = ["half_saturation", "scaling"] if "quality" in outputs else []
            require(
                "habitat", "constant", [*need, *(f"{w}_{n}" for n in names for w in ("distance", "weight"))], constants
            )
            require("habitat", "option", [f"decay_{n}" for n in names], options)
        if "rarity" in outputs and "rarity" not in tables:
            require("habitat", "input", ["base_classes"], inputs)
        invest = options.get("compat", "") == "invest"
        if invest and options.get("effect", "nearest") != "nearest":
            raise DeclarationError(
                "compat = invest takes the nearest threat.", where="stage habitat", fix="leave `effect` out"
            )
        cell = metres(grid, "habitat")
        sums = options.get("effect", "nearest" if invest else "sum") == "sum"
        assert classes is not None
        threats = _threats(names, inputs, constants, options, cell, sums) if set(outputs) - {"rarity"} else []
        return cls(
            grid,
            limited(inputs, LIMITS),
            classes,
            tables,
            constants,
            threats,
            sums,
            cell,
            outputs,
            workers,
            memory,
            progress,
        )


def _threats(
    names: Sequence[str], inputs: Mapping[str, Source], constants: Mapping[str, float], options: Mapping[str, str],
    cell: tuple[float, float], sums: bool,
) -> list[_Threat]:  # fmt: skip
    weights = {n: float(constants[f"weight_{n}"]) for n in names}
    whole = sum(weights.values())
    if whole <= 0 or min(weights.values()) < 0:
        raise OutOfBounds(
            "threat weights must be 0 or more and not all 0.", "威胁权重不能为负，也不能全为 0。", where="stage habitat"
        )
    method = REGISTRY["nature.threat_decay" + EDITION]
    found = []
    for name in names:
        reach, form = float(constants[f"distance_{name}"]), options[f"decay_{name}"]
        if not 0 < reach < 1e7:
            raise OutOfBounds(
                f"distance_{name} must be above 0 and below 10,000 km.",
                f"distance_{name} 应大于 0、小于 1 万公里。",
                where="stage habitat",
            )

        def decay(distance: NDArray[np.float64], reach: float = reach, form: str = form) -> Any:
            return method(distance, reach, form)

        table = np.empty(0, np.float32) if sums else effect_table(decay, reach, cell)
        found.append(_Threat(name, inputs[f"threat_{name}"], reach, weights[name] / whole, decay, table))
    return found


def _threatened(plan: _Plan, results: Results) -> dict[str, float]:
    """Effects, degradation and quality in one pass; gives the area (m2) of cells with a class that have no value."""
    effects, side, bytes_each, held = _effects(plan)
    kernel = _kernel(plan)
    tables = [np.asarray(plan.tables["suitability"], np.float64)]
    tables += [np.asarray(plan.tables[f"sensitivity_{t.name}"], np.float64) for t in plan.threats]
    k, z = (float(plan.constants.get(n, 1.0)) for n in ("half_saturation", "scaling"))

    def work(window: Window) -> float:
        codes = codes_of(plan.classes, window)
        found = [effect(window) for effect in effects]
        access = (
            floats_of(plan.inputs["access"], window) if "access" in plan.inputs else np.ones(codes.shape, np.float32)
        )
        out = [np.empty(codes.shape, np.float32) for _ in range(2 + len(plan.threats))]
        kernel(codes, *found, access, *tables, *(t.share for t in plan.threats), k, z, *out)
        unknown = np.isnan(out[0])
        for t, effect, part in zip(plan.threats, found, out[2:], strict=True):
            results.write(f"effect_{t.name}", window, np.where(unknown, np.float32(np.nan), effect))
            results.write(f"degradation_{t.name}", window, part)
        results.write("degradation", window, out[0])
        results.write("quality", window, out[1])
        row_area = plan.grid.row_area[window.row : window.row + window.height]
        return float(((unknown & (codes != -1)).sum(axis=1) * row_area).sum())

    areas = on_tiles(
        list(plan.grid.blocks(side, side)), work, bytes_each=bytes_each, held=held, workers=plan.workers, memory=plan.memory,
        progress=plan.progress,
    )  # fmt: skip
    return {"classed_without_value_m2": float(np.sum(areas))}


def _effects(plan: _Plan) -> tuple[list[Callable[[Window], NDArray[np.float32]]], int, int, int]:
    """For each threat what reaches the cells of a window; side of the tiles; memory of one and of all."""
    if plan.sums:
        kernels = [radial(t.decay, t.reach, plan.cell) for t in plan.threats]
        side = max(side_for(*k.reach) for k in kernels)
        arounds = [Around(plan.grid, [k], side, precise=True) for k in kernels]

        def summed(threat: _Threat, sums: Around, total: float) -> Callable[[Window], NDArray[np.float32]]:
            def effect(window: Window) -> NDArray[np.float32]:
                ((mean, _),) = sums.tile(window, lambda w: _intensity(threat, w))
                return np.maximum(mean * total, 0).astype(np.float32)

            return effect

        found = [summed(t, a, k.total) for t, a, k in zip(plan.threats, arounds, kernels, strict=True)]
        return found, side, max(a.bytes for a in arounds), sum(a.held for a in arounds)
    side = TILE
    halo = [int(t.reach / min(plan.cell) * (1 + 1e-12)) for t in plan.threats]

    def nearby(threat: _Threat, margin: int) -> Callable[[Window], NDArray[np.float32]]:
        def effect(window: Window) -> NDArray[np.float32]:
            wide = window.padded(margin, plan.grid)
            values, _ = _intensity(threat, wide)
            rows = slice(window.row - wide.row, window.row - wide.row + window.height)
            cols = slice(window.col - wide.col, window.col - wide.col + window.width)
            return effect_of_nearest(values > 0, threat.decay, threat.table, threat.reach, plan.cell, rows, cols)

        return effect

    cells = (side + 2 * max(halo, default=0)) ** 2
    return (
        [nearby(t, m) for t, m in zip(plan.threats, halo, strict=True)],
        side,
        cells * 20 + side * side * 4 * (len(halo) + 3),
        0,
    )


def _intensity(threat: _Threat, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Intensity 0-1 with 0 for NoData, all of it known. Raises `OutOfBounds` for a value outside."""
    block = floats_of(threat.source, window)
    known = ~np.isnan(block)
    values = np.where(known, block, 0).astype(np.float32, copy=False)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise OutOfBounds(
            f"threat {threat.name} is {float(values.min()):g} to {float(values.max()):g}, must be 0 to 1.",
            f"威胁 {threat.name} 的取值为 {float(values.min()):g} 至 {float(values.max()):g}，应在 0 到 1 之间。",
            where="stage habitat", fix="give its intensity, or 1 where it is present / 改为强度（0 到 1），或有为 1、无为 0",
        )  # fmt: skip
    return values, np.ones(values.shape, np.bool_)


def _kernel(plan: _Plan) -> Any:
    """codes, effect of each threat, access, suitability, sensitivities, weights, k, z -> D, Q, D of each threat."""
    count = range(len(plan.threats))
    steps = steps_of(
        *(
            (f"part{i}", f"nature.habitat_degradation{EDITION}:one_threat",
             {"effect": f"effect{i}", "weight": f"weight{i}", "sensitivity": f"sensitivity{i}", "access": "access"})
            for i in count
        ),
        ("whole", "+", {f"part{i}": f"part{i}" for i in count}),
        ("quality", "nature.habitat_quality" + EDITION,
         {"suitability": "suitability", "degradation": "whole", "half_saturation": "k", "scaling": "z"}),
    )  # fmt: skip
    return loop(
        steps, (*(f"effect{i}" for i in count), "access"), ("suitability", *(f"sensitivity{i}" for i in count)),
        (*(f"weight{i}" for i in count), "k", "z"), ("whole", "quality", *(f"part{i}" for i in count)),
    )  # fmt: skip


def _rarity(plan: _Plan, results: Results) -> None:
    """Rarity of the class of each cell: declared by class, or from the areas where both maps have a class."""
    table = plan.tables.get("rarity")
    if table is None:
        now, base = _both_areas(plan)
        table = np.asarray(REGISTRY["nature.habitat_rarity" + EDITION](now, base))
    table = np.append(np.asarray(table, np.float64), np.nan).astype(np.float32)

    def work(window: Window) -> None:
        codes = codes_of(plan.classes, window).astype(np.int64)
        if "base_classes" in plan.inputs:
            codes = np.where(codes_of(plan.inputs["base_classes"], window) == -1, -1, codes)
        codes = np.where((codes < 0) | (codes >= len(table)), len(table) - 1, codes)
        results.write("rarity", window, table[codes])

    on_tiles(
        list(plan.grid.blocks(TILE, TILE)),
        work,
        bytes_each=TILE * TILE * 32,
        held=0,
        workers=plan.workers,
        memory=plan.memory,
    )


def _both_areas(plan: _Plan) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area (hm2) by class code now and at the base. The map of now is cut to where the base has a class; the base is whole."""
    row_area = plan.grid.row_area / 1e4

    def work(window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        now = codes_of(plan.classes, window).astype(np.int64)
        base = codes_of(plan.inputs["base_classes"], window).astype(np.int64)
        return _by_row(np.where(base == -1, -1, now)), _by_row(base)

    windows = list(plan.grid.blocks(TILE, TILE))
    parts = on_tiles(windows, work, bytes_each=TILE * TILE * 48, held=0, workers=plan.workers, memory=plan.memory)
    counts = np.zeros((2, plan.grid.height, max(max(p[0].shape[1], p[1].shape[1]) for p in parts)), np.int64)
    for window, pair in zip(windows, parts, strict=True):
        for side, part in enumerate(pair):
            counts[side, window.row : window.row + window.height, : part.shape[1]] += part
    areas = np.tensordot(counts, row_area, axes=([1], [0]))
    return areas[0], areas[1]


def _by_row(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cells of each code in each row, shape (row, code)."""
    width = int(codes.max(initial=0)) + 1
    index = np.where(codes < 0, width, codes) + np.arange(len(codes))[:, None] * (width + 1)
    return np.bincount(index.ravel(), minlength=len(codes) * (width + 1)).reshape(len(codes), width + 1)[:, :width]
