"""The stage "cooling": by hand, NoData, refusals, workers and memory, agreement with InVEST 3.20.2."""

from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.focal import around, cooling
from qingshan.core.errors import DeclarationError, OutOfBounds, QingshanError
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

DATA = Path(__file__).parent / "data" / "invest_focal.npz"
NAN = float("nan")
TABLES = {  # code 1 wood, 2 built, 3 without a row of shade
    "crop_coefficient": np.array([NAN, 1.0, 0.2, 1.0]), "shade": np.array([NAN, 0.9, 0.1, NAN]),
    "albedo": np.array([NAN, 0.1, 0.2, 0.2]), "green": np.array([NAN, 1.0, 0.0, 1.0]),
}  # fmt: skip
CONSTANTS = {
    "reference_temperature": 24.0, "heat_island": 4.0, "cooling_distance": 100.0, "mixing_distance": 100.0, "smallest_park": 1.0,
    "shade_weight": 0.6, "albedo_weight": 0.2, "et_weight": 0.2, "largest_et": 1000.0,
}  # fmt: skip


def grid_of(shape, cell=100.0, crs="EPSG:32648"):
    return Grid(crs, (cell, 0.0, 5e5, 0.0, -cell, 3e6), shape[1], shape[0])


def run(codes, folder, et0=None, outputs=tuple(cooling.OUTPUTS), options=None, cell=100.0, **changed):
    codes = np.asarray(codes, np.uint8)
    et0 = np.full(codes.shape, 800.0, np.float32) if et0 is None else np.asarray(et0, np.float32)
    extra = {k: changed.pop(k) for k in ("workers", "memory", "progress") if k in changed}
    fields = cooling.run(
        grid_of(codes.shape, cell), {"reference_et": ArraySource(et0, -9999.0)}, TABLES, {**CONSTANTS, **changed},
        {"mixing": "disc", **(options or {})}, list(outputs), folder, classes=ArraySource(codes, 0), **extra,
    )  # fmt: skip
    return {name: f.read(f.grid.whole) for name, f in fields.items()}, fields


def test_a_row_of_three_cells_by_hand(tmp_path):
    """Wood, built, built; cells of 100 m (1 hm2), cooling and mixing over 100 m.

    ETI = Kc 800/1000: wood 0.8, built 0.16. CC: wood 0.6 0.9 + 0.2 0.1 + 0.2 0.8 = 0.72; built 0.06 + 0.04 + 0.032 = 0.132.
    Park mean, weights 1 and e = exp(-1) = 0.367879: first 0.72/(1 + e) = 0.526362, second e 0.72/(1 + 2e) = 0.152598, third 0.
    Green area 1, 1, 0 hm2. HM: 0.72; 0.152598 (more than 0.132, area not below 1); 0.132.
    T = 24 + 4 (1 - HM): 25.12, 27.389608, 27.472. Mixed (mean of the cell and its neighbours): 26.254804, 26.660536, 27.430804.
    """
    out, _ = run([[1, 2, 2]], tmp_path)
    np.testing.assert_allclose(out["capacity"], [[0.72, 0.132, 0.132]], rtol=1e-6)
    np.testing.assert_allclose(out["park_capacity"], [[0.526362, 0.152598, 0]], rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(out["green_area"], [[1, 1, 0]])
    np.testing.assert_allclose(out["mitigation"], [[0.72, 0.152598, 0.132]], rtol=3e-6)
    np.testing.assert_allclose(out["temperature_unmixed"], [[25.12, 27.389608, 27.472]], rtol=1e-6)
    np.testing.assert_allclose(out["temperature"], [[26.254804, 26.660536, 27.430804]], rtol=1e-6)
    np.testing.assert_allclose(out["reduction"], [[1.745196, 1.339464, 0.569196]], rtol=5e-6)


def test_a_park_below_the_smallest_size_does_not_cool_its_surroundings(tmp_path):
    out, _ = run([[1, 2, 2]], tmp_path, smallest_park=1.5)
    np.testing.assert_allclose(out["mitigation"], [[0.72, 0.132, 0.132]], rtol=1e-6)


def test_at_night_the_built_share_alone_counts(tmp_path):
    codes = ArraySource(np.array([[1, 2]], np.uint8), 0)
    tables = {"building_intensity": np.array([NAN, 0.0, 0.7]), "green": np.array([NAN, 1.0, 0.0])}
    constants = {"cooling_distance": 0.0, "smallest_park": 2.0}
    fields = cooling.run(
        grid_of((1, 2)), {}, tables, constants, {"time": "night"}, ["capacity", "mitigation"], tmp_path, classes=codes
    )
    np.testing.assert_allclose(fields["mitigation"].read(fields["mitigation"].grid.whole), [[1.0, 0.3]], rtol=1e-6)


def test_nodata_of_class_or_evapotranspiration_is_left_out_of_the_means_and_reported(tmp_path):
    """Wood, no class, wood without evapotranspiration, built: the built cell has no neighbour with data, so its own value stays."""
    out, fields = run([[1, 0, 1, 2]], tmp_path, et0=[[800, 800, -9999, 800]])
    assert np.isnan(out["mitigation"]).tolist() == [[False, True, True, False]]
    np.testing.assert_allclose(out["temperature"][0, [0, 3]], [25.12, 27.472], rtol=1e-6)
    assert fields["temperature"].made_from["report"] == {"classed_without_value_m2": 10_000.0}


def test_a_class_without_a_row_has_no_value(tmp_path):
    out, fields = run([[1, 3]], tmp_path)
    assert np.isnan(out["capacity"]).tolist() == [[False, True]]
    assert fields["capacity"].made_from["report"] == {"classed_without_value_m2": 10_000.0}


def test_the_largest_evapotranspiration_of_the_map_must_be_asked_for(tmp_path):
    """500 and 800: with the map's own 800 as 1, ETI of wood is 0.625 and 1, CC 0.56 + 0.2 ETI = 0.685 and 0.76."""
    out, _ = run([[1, 1]], tmp_path, et0=[[500, 800]], options={"largest_et": "map"}, outputs=["capacity"])
    np.testing.assert_allclose(out["capacity"], [[0.685, 0.76]], rtol=1e-6)


def test_workers_and_memory_do_not_change_a_byte_and_no_part_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(around, "TILE", 32)
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (90, 110))
    seen = []
    runs = [
        run(codes, tmp_path / str(n), cell=30.0, workers=n, memory=m, options={"mixing": "exponential"}, progress=lambda *a: seen.append(a))[0]
        for n, m in ((1, "1GB"), (2, "1GB"), (3, "300MB"))
    ]  # fmt: skip
    for name in cooling.OUTPUTS:
        assert runs[0][name].tobytes() == runs[1][name].tobytes() == runs[2][name].tobytes()
    assert not list(tmp_path.rglob(".*part"))
    assert seen[-1][:2] == (2 * codes.size, 2 * codes.size)


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.transpose])
def test_turning_the_map_turns_the_result(turn, tmp_path):
    codes = np.random.default_rng(1).integers(1, 3, (21, 21))
    straight, _ = run(codes, tmp_path / "a", cell=30.0)
    turned, _ = run(np.ascontiguousarray(turn(codes)), tmp_path / "b", cell=30.0)
    for name in cooling.OUTPUTS:
        np.testing.assert_allclose(turned[name], turn(straight[name]), atol=5e-6)


def test_agreement_with_invest_on_a_generated_landscape(tmp_path):
    """InVEST 3.20.2 (`data/make_invest.py`): every cell to 1e-5; what is left is its float32 between the steps."""
    kept = np.load(DATA)
    rows = {"shade": [0.9, 0.3, 0.05, 0.1, 0.0], "crop_coefficient": [1.0, 0.85, 0.8, 0.3, 1.0], "albedo": [0.14, 0.18, 0.2, 0.22, 0.06],
            "green": [1, 1, 0, 0, 1]}  # fmt: skip
    tables = {k: np.array([NAN, *v], float) for k, v in rows.items()}
    constants = {**CONSTANTS, "cooling_distance": 150.0, "mixing_distance": 310.0, "smallest_park": 2.0}
    names = ["capacity", "park_capacity", "mitigation", "temperature"]
    fields = cooling.run(
        grid_of((96, 96), 30.0), {"reference_et": ArraySource(kept["cooling_aligned_et0"])}, tables, constants,
        {"compat": "invest", "largest_et": "map"}, names, tmp_path, classes=ArraySource(kept["cover"], 255),
    )  # fmt: skip
    for name in names:
        ours, theirs = fields[name].read(fields[name].grid.whole), kept[f"cooling_{name}"]
        assert (np.isnan(ours) == np.isnan(theirs)).all(), name
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=name)


def test_what_is_not_bound_or_not_known_is_named(tmp_path):
    with pytest.raises(DeclarationError, match="largest_et"):
        cooling.run(grid_of((1, 1)), {"reference_et": ArraySource(np.ones((1, 1)))}, TABLES,
                    {k: v for k, v in CONSTANTS.items() if k != "largest_et"}, {}, ["mitigation"], tmp_path,
                    classes=ArraySource(np.ones((1, 1), np.uint8)))  # fmt: skip
    with pytest.raises(DeclarationError, match="albedo"):
        cooling.run(grid_of((1, 1)), {"reference_et": ArraySource(np.ones((1, 1)))}, {k: v for k, v in TABLES.items() if k != "albedo"},
                    CONSTANTS, {}, ["mitigation"], tmp_path, classes=ArraySource(np.ones((1, 1), np.uint8)))  # fmt: skip
    with pytest.raises(DeclarationError, match="mixing"):
        run([[1]], tmp_path, options={"mixing": "cube"})
    with pytest.raises(DeclarationError, match="heat"):
        run([[1]], tmp_path, outputs=["heat"])


def test_a_geographic_grid_bad_weights_and_too_little_memory_refuse(tmp_path):
    args = ({"reference_et": ArraySource(np.ones((2, 2), np.float32))}, TABLES, CONSTANTS, {}, ["mitigation"], tmp_path)
    with pytest.raises(OutOfBounds, match="projected"):
        cooling.run(
            Grid("EPSG:4326", (0.01, 0, 106, 0, -0.01, 27), 2, 2), *args, classes=ArraySource(np.ones((2, 2), np.uint8))
        )
    with pytest.raises(OutOfBounds, match="sum to 1"):
        run([[1]], tmp_path, shade_weight=0.7)
    with pytest.raises(OutOfBounds, match="green"):
        cooling.run(grid_of((1, 1)), {"reference_et": ArraySource(np.ones((1, 1)))}, {**TABLES, "green": np.array([NAN, 0.5])}, CONSTANTS, {},
                    ["mitigation"], tmp_path, classes=ArraySource(np.ones((1, 1), np.uint8)))  # fmt: skip
    with pytest.raises(QingshanError, match="memory"):
        run([[1]], tmp_path, memory="100MB")
    assert not list(tmp_path.iterdir())


def test_evapotranspiration_that_cannot_be_counts_as_nodata(tmp_path):
    """-8888 mm is declared by nobody; the mean around must not take it either."""
    codes = [[1, 2, 2, 2]]
    out, _ = run(codes, tmp_path / "bad", et0=[[800, 800, -8888, 800]])
    wanted, _ = run(codes, tmp_path / "nan", et0=[[800, 800, NAN, 800]])
    assert np.isnan(out["mitigation"][0, 2]) and np.isfinite(out["mitigation"]).sum() == 3
    for name in out:
        np.testing.assert_array_equal(out[name], wanted[name])
