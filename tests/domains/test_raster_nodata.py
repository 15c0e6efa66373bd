"""NoData at every input of every declared raster account: the cell leaves each sum that stands on the layer, and nothing else moves.

Each cell is a place of its own, so a sum of a place is that of one cell. The kernels run as plain Python, in a process of their own.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.block.engine import SheetResult, run_sheet
from qingshan.accounts.block.sheet import Layer, Sheet, Step, Sum
from qingshan.accounts.raster.declaration import parse_raster_account, sheet_of
from qingshan.accounts.stages import find_stage
from qingshan.core.domain import load_domains
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

DOMAINS = load_domains()
SIDE, CODES = 7, 9
GRID = Grid("EPSG:32648", (30.0, 0.0, 5e5, 0.0, -30.0, 3e6), SIDE, SIDE)
CELLS = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE)
HOLES = (CELLS % 3) == 1
PLAIN = "QINGSHAN_TEST_PLAIN_KERNELS"


def sheets() -> dict[str, Sheet]:
    """The sheet of all sums of each account, by its id."""
    found = {}
    for domain in DOMAINS.by_name:
        for stem, content in DOMAINS.folder(domain, "rasters"):
            account = parse_raster_account(content, f"{domain}/rasters/{stem}.toml")
            units = {}
            for use in account.layers.values():
                if use.stage:
                    stage, output = account.stage_output(use.stage)
                    units[use.layer.id] = find_stage(account.stages[stage].run).unit("OUTPUTS", output)
            found[account.id] = sheet_of(account, account.sums, units)
    return found


def cells_of(sheet: Sheet, layer: Layer, rng: np.random.Generator) -> np.ndarray:
    """Invented values within the limits of the methods."""
    if layer.classes:
        return rng.integers(1, CODES, CELLS.shape).astype(np.uint8)
    low, high = (0.0 if v is None or math.isinf(v) else v for v in sheet.limits(layer))
    high = high if high > low else low + 1000.0
    return low + (high - low) * rng.beta(0.5, 0.5, CELLS.shape)


def run(sheet: Sheet, seed: int, holes: str = "") -> SheetResult:
    rng = np.random.default_rng(seed)
    sources = {}
    for layer in sheet.used_layers():
        values = cells_of(sheet, layer, rng)
        if layer.id == holes:
            values[HOLES] = 255 if layer.classes else np.nan
        sources[layer.id] = ArraySource(values, 255 if layer.classes else float("nan"), layer.id)
    tables = {t.id: rng.uniform(0.05, 1, 256) for t in sheet.tables}
    constants = {c.id: rng.uniform(0.05, 1) for c in sheet.constants}
    classes = ArraySource(np.ones(CELLS.shape, np.uint8), 255, "classes")
    return run_sheet(
        sheet, GRID, sources, tables, constants, ArraySource(CELLS, -1, "cells"), classes,
        n_places=CELLS.size, codes=[1], scheduler="sync",
    )  # fmt: skip


def needed(sheet: Sheet, s: Sum) -> set[str]:
    """What a sum cannot do without: every way to it but by arguments that may be unknown."""
    return stands_on(sheet, s.of) | stands_on(sheet, s.by) | stands_on(sheet, s.on)


def stands_on(sheet: Sheet, name: str) -> set[str]:
    if name in ("1", ""):
        return set()
    entry = sheet.by_id[name]
    if not isinstance(entry, Step):
        by = getattr(entry, "by", "")
        return {name} | ({by} if by else set())
    unknown = sheet.cell(entry).unknown
    return {name}.union(*(stands_on(sheet, s) for a, s in entry.bind.items() if a not in unknown))


def check(sheet: Sheet, seed: int) -> set[str]:
    """The sums of which a cell was seen to leave."""
    whole, seen = run(sheet, seed), set()
    for layer in sheet.used_layers():
        less = run(sheet, seed, layer.id)
        assert less.nodata_area[layer.id] == HOLES.sum() * 900.0
        for s in sheet.sums:
            before, after = (r.values[s.id].reshape(CELLS.size, -1) for r in (whole, less))
            where = f"{sheet.id}: {s.id} without {layer.id}"
            if layer.id not in sheet.layers_of(s):
                assert np.array_equal(before, after), where
                continue
            assert np.array_equal(before[~HOLES.ravel()], after[~HOLES.ravel()]), where
            if layer.id in needed(sheet, s):
                assert not after[HOLES.ravel()].any(), where
                seen |= {s.id} if before[HOLES.ravel()].any() else set()
    return seen


@pytest.mark.skipif(not os.environ.get(PLAIN), reason="runs in the process that the test below starts")
def test_plainly():
    seen, asked = set(), set()
    for name, sheet in sheets().items():
        asked |= {(name, s.id) for s in sheet.sums if needed(sheet, s) & set(sheet.layers_of(s))}
        for seed in range(2):
            seen |= {(name, s) for s in check(sheet, seed)}
    assert len(seen) > 0.8 * len(asked), sorted(asked - seen)  # a few need values that chance does not give


@pytest.mark.long
def test_nodata_at_every_layer_of_every_account():
    plain = {**os.environ, PLAIN: "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"{Path(__file__)}::test_plainly"]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-3000:]
