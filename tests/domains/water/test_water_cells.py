"""Water on rasters: SP-2, SP-4 against InVEST, GEP-10, curve numbers by hand; all through the block engine."""

from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.block.engine import run_sheet
from qingshan.accounts.block.sheet import Sheet
from qingshan.accounts.raster.declaration import find_raster_account, sheet_of
from qingshan.core.cell import find_cell
from qingshan.core.domain import load_domains
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

DOMAINS = load_domains()
INVEST = Path(__file__).parent / "data" / "invest_carbon_yield.npz"


def grid_of(shape, cell=30.0):
    return Grid("EPSG:32648", (cell, 0.0, 500_000.0, 0.0, -cell, 3_000_000.0), shape[1], shape[0])


def run(sheet, grid, layers, tables, constants, classes, codes, **more):
    sources = {
        k: v if isinstance(v, ArraySource) else ArraySource(np.asarray(v), -9999.0, k) for k, v in layers.items()
    }
    places = ArraySource(np.zeros(grid.shape, np.int32), -1, "places")
    return run_sheet(
        sheet, grid, sources, tables, constants, places, classes, n_places=1, codes=codes, scheduler="sync", **more
    )


def test_fraction_of_invest():
    """SP-2: the inline case of InVEST's unit test, Z = 6 (spatial.md)."""
    fraction, soil = find_cell("water.evaporative_fraction@invest3"), find_cell("water.available_water@invest3")
    kc = [[1.0, 0.1, 0.1], [0.6, 0.6, 0.1]]
    et0 = [[1000.0, 900, 900], [1100, 1005, 1000]]
    rain = [[100.0, 1000, 10], [500, 800, 1100]]
    roots = [[99.0, 300, 400], [5, 500, 800]]
    depth = [[600.0, 700, 700], [800, 900, 600]]
    pawc = [[0.11, 0.11, 0.12], [0.55, 0.55, 0.19]]
    vegetated = [[1, 1, 0], [0, 1, 0]]
    got = [
        [
            fraction.function(
                rain[i][j],
                et0[i][j],
                kc[i][j],
                soil.function(roots[i][j], depth[i][j], pawc[i][j]),
                vegetated[i][j],
                6.0,
            )
            for j in range(3)
        ]
        for i in range(2)
    ]
    np.testing.assert_allclose(got, [[0.9345682, 0.06896508, 1], [1, 0.6487423, 0.09090909]], rtol=1e-6)


def test_carbon_and_yield_are_those_of_invest(tmp_path):
    """SP-4 on 72 x 72 cells: carbon identical, AET/P within 1.4e-6, yield within 1e-6 (InVEST works in float32)."""
    given = np.load(INVEST)
    account = find_raster_account(DOMAINS, "carbon_yield")
    sheet = sheet_of(account, account.sums, {}, ("carbon", "evaporated", "yield_depth"))
    layers = {"rain": given["precip"], "et0": given["et0"], "depth": given["root_depth"], "pawc": given["pawc"]}
    names = {
        "above": "c_above",
        "below": "c_below",
        "humus": "c_soil",
        "dead": "c_dead",
        "kc": "kc",
        "roots": "root_depth",
        "vegetated": "lulc_veg",
    }
    tables = {k: given[f"table_{v}"] for k, v in names.items()}
    grid = grid_of(given["classes"].shape)
    written = {n: tmp_path / f"{n}.tif" for n in sheet.writes}
    result = run(
        sheet,
        grid,
        layers,
        tables,
        {"z": 10.0},
        ArraySource(given["classes"], 255, "classes"),
        range(1, 11),
        writes=written,
    )
    for ours, theirs, tolerance in (
        ("carbon", "carbon", 0),
        ("evaporated", "fractp", 1.4e-6),
        ("yield_depth", "wyield", 1e-6),
    ):
        got, wanted = _read(written[ours]), given[f"invest_{theirs}"]
        inside = ~np.isnan(wanted)
        np.testing.assert_allclose(got[inside], wanted[inside], rtol=tolerance, atol=0)
    assert np.array_equal(np.isnan(_read(written["carbon"])), np.isnan(given["invest_carbon"]))
    assert result.values["carbon"].sum() == pytest.approx(
        np.nansum(given["invest_carbon"].astype(float)) * 0.09, rel=1e-12
    )


def _read(path):
    import rasterio  # noqa: PLC0415 - only here

    with rasterio.open(path) as source:
        return source.read(1)


RETENTION = {
    "id": "retention",
    "layers": [{"id": "rain", "unit": "mm"}, {"id": "et", "unit": "mm"}],
    "tables": [{"id": "alpha", "unit": "%"}],
    "steps": [
        {
            "id": "balance", "cell": "water.retention@garze2017",
            "bind": {"precipitation": "rain", "runoff_coefficient": "alpha", "evapotranspiration": "et"},
        },
        {"id": "floored", "cell": "water.counted_volume@1:floor_zero", "bind": {"volume": "balance"}},
        {"id": "reported", "cell": "water.counted_volume@1:report_only", "bind": {"volume": "balance"}},
        {"id": "short", "cell": "water.negative_area@1", "bind": {"volume": "balance"}},
        {"id": "lacking", "cell": "water.negative_volume@1", "bind": {"volume": "balance"}},
    ],
    "sums": [{"id": s, "of": s, "per": "m2", "unit": "m3"} for s in ("balance", "floored", "reported", "lacking")]
    + [{"id": "short", "of": "short", "per": "m2", "unit": "km2"}],
}  # fmt: skip


def test_retention_of_two_cells():
    """GEP-10: 10 km2 of evergreen broadleaf forest, 5 km2 of grass of the tropics, here as 15 cells of 1 km2."""
    classes = np.array([[1] * 10 + [2] * 5], np.uint8)
    rain, et = np.where(classes == 1, 1200.0, 800.0), np.where(classes == 1, 700.0, 850.0)
    result = run(Sheet.of(RETENTION), grid_of(classes.shape, 1000.0), {"rain": rain, "et": et}, {"alpha": np.array([np.nan, 4.65, 3.87])}, {},
                 ArraySource(classes, 0, "classes"), (1, 2))  # fmt: skip
    total = {k: v.sum() for k, v in result.values.items()}
    assert result.values["balance"][0] == pytest.approx([4_442_000, -404_800], rel=1e-9)
    assert total["balance"] == pytest.approx(4_037_200, rel=1e-9)
    assert total["floored"] == total["reported"] == pytest.approx(4_442_000, rel=1e-9)
    assert total["lacking"] == pytest.approx(-404_800, rel=1e-9) and total["short"] == pytest.approx(5, rel=1e-12)


def test_storm_runoff_by_hand():
    """CN 75: S = 25400/75 - 254 = 84.667 mm, Ia = 16.933; P = 100: Q = 83.0667^2/167.7333 = 41.1371 mm. P below Ia: 0.

    CN 100 sheds everything; CN 91 (bare, group C): S = 25.1209, Ia = 5.0242, Q = 94.9758^2/120.0967 = 75.1095 mm.
    """
    s, q = (
        find_cell("water.potential_maximum_retention@neh630").function,
        find_cell("water.storm_runoff@neh630").function,
    )
    assert s(75.0) == pytest.approx(84.6667, abs=1e-4) and s(100.0) == 0
    assert q(100.0, s(75.0), 0.2) == pytest.approx(41.1371, abs=1e-4)
    assert q(16.9, s(75.0), 0.2) == 0 and q(0.0, 0.0, 0.2) == 0 and q(50.0, s(100.0), 0.2) == 50
    assert q(100.0, s(91.0), 0.2) == pytest.approx(75.1095, abs=1e-4)


def test_storm_account_on_two_soils():
    """One hectare of woods in good condition on soils B and D, 100 mm: CN 55 and 77, bare 86 and 94.

    B: S 207.818, Q 58.4364^2/266.2545 = 12.8254 mm; bare S 41.3488, Q 91.7302^2/133.0791 = 63.2290; kept 50.4036 mm = 504.036 m3.
    D: S 75.8701, Q 84.8260^2/160.6961 = 44.7768; bare S 16.2128, Q 96.7574^2/112.9702 = 82.8715; kept 38.0947 mm = 380.947 m3.
    """
    account = find_raster_account(DOMAINS, "storm")
    sheet, rows = sheet_of(account, account.sums, {}), DOMAINS.parameters()
    tables = {
        f"cn_{g}": np.array([np.nan, rows.find(f"water.curve_number_{g}", cls="woods, good", set="tr55").value])
        for g in "abcd"
    }
    numbers = {f"bare_{g}": rows.find(f"water.curve_number_{g}", cls="bare soil", set="tr55").value for g in "abcd"}
    numbers["abstraction"] = rows.find("water.abstraction_ratio", set="tr55").value
    layers = {
        "storm_rain": np.full((1, 2), 100.0),
        "soil_group": ArraySource(np.array([[2, 4]], np.uint8), 0, "soil_group"),
    }
    classes = ArraySource(np.ones((1, 2), np.uint8), 0, "classes")
    result = run(sheet, grid_of((1, 2), 100.0), layers, tables, numbers, classes, (1,))
    assert result.values["kept"].sum() == pytest.approx(504.036 + 380.947, abs=0.01)
    assert result.values["runoff"].sum() == pytest.approx(10 * (12.8254 + 44.7768), abs=0.01)


def test_capacity_per_area_is_the_method():
    """12 t/(km2 a) on 3 km2 of wetland: 36 t (G13)."""
    sheet = Sheet.of({
        "id": "capacity", "layers": [], "tables": [{"id": "q", "unit": "t/km2/a"}],
        "steps": [{"id": "treated", "cell": "water.purified@capacity", "bind": {"capacity": "q"}}],
        "sums": [{"id": "treated", "of": "treated", "per": "m2", "unit": "t"}],
    })  # fmt: skip
    classes = ArraySource(np.ones((1, 3), np.uint8), 0, "classes")
    result = run(sheet, grid_of((1, 3), 1000.0), {}, {"q": np.array([np.nan, 12.0])}, {}, classes, (1,))
    assert result.values["treated"].sum() == pytest.approx(36, rel=1e-12)
