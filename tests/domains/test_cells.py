"""Every cell form of a `domains/*/cells.py` says what its method says, on limits, breaks, NaN and anything between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY

load_domains()
SIZE = 400
POOL = [
    -10.0, -1.0, 0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 5.14, 5.1428, 6.0, 7.0, 10.0, 10.2, 12.0, 14.0362, 15.0, 20.0, 25.0,
    28.81, 30.0, 35.0, 40.0, 50.0, 60.0, 70.0, 78.3, 80.0, 90.0, 100.0, 200.0, 500.0, 1000.0, 2500.0, 5000.0, 8000.0, 15000.0,
]  # fmt: skip
"""Where published tables break."""
GUARDED = {
    "soil.loss_grade@hj1174_2021": ("tolerance", "cuts"), "soil.loss_grade@sl190_2007": ("tolerance", "cuts"),
    "land.krd_slope_grade@hj1174_2021": ("cuts",), "land.krd_cover_grade@hj1174_2021": ("cuts",),
    "land.krd_exposure_grade@xiong2002": ("cuts",), "land.krd_cover_grade@xiong2002": ("cuts",),
    "water.curve_number@neh630": ("curve_numbers",), "soil.c_cover@hj1173_2021": ("table",), "soil.c@hj1173_2021": ("table",),
    "soil.l@huanghua2011": ("m",), "water.storm_runoff@neh630": ("rain", "retention", "abstraction_ratio"),
}  # fmt: skip
"""Rows of a table are never NaN where a cell runs: the engine asks for all of them first."""
AREA = {"km2": "km2", "hm2": "hm2", "m2": "m2"}


def drawn(rng, declared, low, high):
    """Values inside the limits: half of them any, half on the breaks."""
    wide = rng.uniform(low, high, SIZE)
    steps = np.array([v for v in POOL if low <= v <= high] or [low])
    values = np.where(rng.random(SIZE) < 0.5, wide, rng.choice(steps, SIZE))
    return np.floor(values) if declared.unit == "class" else values


def inputs(cell, method, rng):
    """One array per argument of the cell."""
    found = {}
    for name, declared in cell.declared(method).items():
        low = -50.0 if declared.low is None else declared.low
        high = low + 10.0 ** rng.integers(0, 5) if declared.high is None else declared.high
        found[name] = drawn(rng, declared, low, high)
        stem = name.rpartition("_")[0] if name not in method.arguments else name
        if stem not in GUARDED.get(cell.method, ()):
            found[name][rng.random(SIZE) < 0.05] = np.nan
    for stem in {n.rpartition("_")[0] for n in found if n not in method.arguments}:
        if "cuts" in stem:  # a table of cuts rises, and from the tolerance where there is one
            names = [n for n in found if n.rpartition("_")[0] == stem]
            rising = np.cumsum(
                [found.get("tolerance", np.zeros(SIZE)), *(np.abs(found[n]) / 8 + 1 for n in names)], axis=0
            )
            found |= dict(zip(names, rising[1:], strict=True))
    if "texture" in cell.name or {"sand", "silt", "clay"} <= set(found):  # most textures close
        closing = rng.random(SIZE) < 0.8
        share = rng.dirichlet((1, 1, 1), SIZE).T * 100
        for i, n in enumerate(("sand", "silt", "clay")):
            found[n] = np.where(closing & ~np.isnan(found[n]), share[i], found[n])
    return found


def by_method(cell, method, found):
    """The method on the same numbers: axes put together, the area one unit."""
    given = {n: v for n, v in found.items() if n in method.arguments}
    given = {n: v[..., np.newaxis] if method.arguments[n].axis else v for n, v in given.items()}  # one on the axis
    for stem in dict.fromkeys(n.rpartition("_")[0] for n in found if n not in method.arguments):
        stacked = np.stack(
            [v for n, v in found.items() if n not in method.arguments and n.rpartition("_")[0] == stem], axis=-1
        )
        given[stem] = stacked[..., np.newaxis, :] if " " in method.arguments[stem].axis else stacked
    if "area" in cell.left_out(method) or (cell.per and "area" in method.arguments):
        assert method.arguments["area"].unit == AREA[cell.per]
        given["area"] = np.float64(1)
    return method(**given, **cell.choices)


@pytest.mark.parametrize("name", sorted(n for n, c in CELLS.items() if c.function.__module__.endswith(".cells")))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_cell_is_its_method(name, seed):
    cell, method = CELLS[name], REGISTRY[CELLS[name].method]
    assert cell.left_out(method) == []
    rng = np.random.default_rng(seed)
    found = inputs(cell, method, rng)
    with np.errstate(all="ignore"):
        wanted = np.broadcast_to(np.asarray(by_method(cell, method, found), dtype=np.float64), (SIZE,))
        got = np.array(
            [cell.function(*row) for row in zip(*(found[a] for a in cell.arguments), strict=True)], dtype=np.float64
        )
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-11, equal_nan=True)
