"""The compiled ecosystem account gives what its cell forms give one by one, unit factors and areas included."""

import math

import numpy as np
import pytest

from qingshan.accounts.block.engine import run_sheet
from qingshan.accounts.block.sheet import PER
from qingshan.accounts.raster.declaration import find_raster_account, sheet_of
from qingshan.core.domain import load_domains
from qingshan.core.units import factor, same_dimension
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

DOMAINS = load_domains()
SHAPE, CELL, CODES = (6, 8), 30.0, (11, 33, 51)
AREA = {"m2": CELL**2, "hm2": CELL**2 / 1e4, "km2": CELL**2 / 1e6, "cell": 1.0}
LAYERS = {
    "rain": (900, 1500), "et0": (700, 1000), "depth": (200, 1500), "pawc": (0.05, 0.25), "storm_rain": (60, 200), "r": (2000, 6000),
    "k": (0.01, 0.05), "ls": (0.1, 12), "solar": (4000, 5200), "temperature": (10, 22), "ndvi": (0.1, 0.9), "cover": (0, 1),
    "slope": (0, 45), "cooler": (-0.5, 3), "quality": (0, 1), "degradation": (0, 1), "sediment_export": (0, 9), "sediment_avoided": (0, 40),
    "n_load": (4, 50), "n_export": (0, 4), "p_load": (1, 5), "p_export": (0, 1),
}  # fmt: skip
CODED = {"soil_group": (1, 4), "lithology": (0, 4), "karst": (0, 1)}


def numbers(rng, units):
    """A table or constant of some plausible size: a share where the unit is one, else 1 to 100."""
    return rng.uniform(0.1, 0.9) if units in ("fraction", "1", "class") else rng.uniform(1, 100)


def python_sums(sheet, layers, tables, constants, classes):
    """Every sum by the cell functions themselves, in plain Python."""
    totals = {s.id: np.zeros(max(s.codes, 1)) for s in sheet.sums}
    steps = [(s.id, sheet.cell(s).function, [(b.source, b.factor) for b in sheet.bound(s)]) for s in sheet.steps]
    units = {s.id: unit_of(sheet, s) * AREA[s.per] for s in sheet.sums}
    for at in np.ndindex(SHAPE):
        value = (
            {k: float(v[at]) for k, v in layers.items()}
            | {k: float(v[classes[at]]) for k, v in tables.items()}
            | constants
        )
        for name, function, bound in steps:
            value[name] = function(*(value[source] * ratio for source, ratio in bound))
        for s in sheet.sums:
            x = 1.0 if s.of == "1" else value[s.of]
            split = value[s.by] if s.by else 0
            if math.isnan(x) or math.isnan(split) or (s.on and math.isnan(value[s.on])):
                continue
            totals[s.id][int(split)] += x * units[s.id]
    return totals


def unit_of(sheet, s):
    """Factor from the printed unit times area to the unit of the sum; a rate counts for one year."""
    of = "1" if s.of == "1" else sheet.units[s.of]
    whole = f"({of})*{PER[s.per] or '1'}"
    return factor(whole if same_dimension(whole, s.unit) else f"{whole}*a", s.unit)


@pytest.mark.long
def test_the_kernel_says_what_the_cells_say():
    rng = np.random.default_rng(7)
    account = find_raster_account(DOMAINS, "ecosystem")
    sheet = sheet_of(account, account.sums, {})
    layers = {k: rng.uniform(*LAYERS[k], SHAPE) for k in LAYERS} | {
        k: rng.integers(a, b + 1, SHAPE).astype(float) for k, (a, b) in CODED.items()
    }
    assert set(layers) == {x.id for x in sheet.layers}
    tables = {t.id: np.full(max(CODES) + 1, np.nan) for t in sheet.tables}
    for t in sheet.tables:
        tables[t.id][list(CODES)] = [numbers(rng, t.unit) for _ in CODES]
    tables["vegetated"][list(CODES)] = (1, 1, 0)
    for g in "abcd":
        tables[f"cn_{g}"][list(CODES)] = (55, 70, 85)
    tables["ndvi_min"][list(CODES)], tables["ndvi_max"][list(CODES)] = 0.1, 0.9
    constants = {c.id: numbers(rng, c.unit) for c in sheet.constants} | {f"bare_{g}": 90.0 for g in "abcd"}
    for name, rising in (("cut", (2500, 5000, 8000, 15000)), ("s", (5, 15, 25, 35)), ("v", (20, 40, 60, 80))):
        constants |= {f"{name}{i}": float(v) for i, v in enumerate(rising, 1)}
    constants |= {"tolerance": 500.0, "fpar_min": 0.001, "fpar_max": 0.95, "abstraction": 0.2}
    classes = rng.choice(CODES, SHAPE).astype(np.uint8)
    grid = Grid("EPSG:32648", (CELL, 0.0, 0.0, 0.0, -CELL, 0.0), SHAPE[1], SHAPE[0])
    result = run_sheet(
        sheet, grid, {k: ArraySource(v, None, k) for k, v in layers.items()}, tables, constants, ArraySource(np.zeros(SHAPE, np.int32), -1),
        ArraySource(classes, 0), n_places=1, codes=CODES, scheduler="sync",
    )  # fmt: skip
    wanted = python_sums(sheet, layers, tables, constants, classes)
    for s in sheet.sums:
        got = result.values[s.id].sum(axis=(0, 1))
        np.testing.assert_allclose(np.atleast_1d(got), wanted[s.id], rtol=1e-9, atol=1e-9, err_msg=s.id)
    assert result.values["yield"].sum() + result.values["aet"].sum() == pytest.approx(
        layers["rain"].sum() * CELL**2 / 1000, rel=1e-9
    )


def test_what_is_kept_of_a_nutrient_is_its_load_as_modified_by_runoff():
    """The guide's retention is modified load less export, and export is a share of the modified load: where twice the mean
    rain falls, load less export of the unmodified load could turn negative."""
    account = find_raster_account(DOMAINS, "ecosystem")
    for n in "np":
        bound = account.steps[f"{n}_kept"].bind
        stages = {k: account.layers[source].stage for k, source in bound.items()}
        assert stages == {"load": f"nutrient.load_{n}", "export": f"nutrient.export_{n}"}
