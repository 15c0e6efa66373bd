"""The stage "habitat": by hand, both readings of a threat's reach, rarity, NoData, refusals, agreement with InVEST 3.20.2."""

from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.focal import around, habitat
from qingshan.core.errors import DeclarationError, OutOfBounds
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

DATA = Path(__file__).parent / "data" / "invest_focal.npz"
NAN = float("nan")
TABLES = {
    "suitability": np.array([NAN, 1.0, 0.5]),
    "sensitivity_road": np.array([NAN, 0.8, 0.4]),
    "sensitivity_town": np.array([NAN, 1.0, 1.0]),
}
CONSTANTS = {
    "half_saturation": 0.5,
    "scaling": 2.5,
    "distance_road": 300.0,
    "weight_road": 1.0,
    "distance_town": 200.0,
    "weight_town": 3.0,
}
OPTIONS = {"decay_road": "linear", "decay_town": "exponential"}
ROAD, TOWN = [[1, 0, 0, 0]], [[0, 0, 0, 1]]


def grid_of(shape, cell=100.0):
    return Grid("EPSG:32648", (cell, 0.0, 5e5, 0.0, -cell, 3e6), shape[1], shape[0])


def run(
    codes, folder, inputs=None, outputs=("degradation", "quality"), options=None, tables=TABLES, cell=100.0, **extra
):
    codes = np.asarray(codes, np.uint8)
    threats = {"threat_road": ROAD, "threat_town": TOWN} if inputs is None else inputs
    sources = {
        k: ArraySource(
            np.asarray(v, np.uint8 if k == "base_classes" else np.float32), 0 if k == "base_classes" else NAN
        )
        for k, v in threats.items()
    }
    decays = {k: v for k, v in OPTIONS.items() if k.replace("decay", "threat") in threats}
    fields = habitat.run(
        grid_of(codes.shape, cell), sources, tables, CONSTANTS, {**decays, **(options or {})}, list(outputs), folder,
        classes=ArraySource(codes, 0), **extra,
    )  # fmt: skip
    return {name: f.read(f.grid.whole) for name, f in fields.items()}, fields


def test_four_cells_by_hand_with_the_nearest_threat(tmp_path):
    """Road in cell 0 (linear to 300 m), town in cell 3 (exp(-2.99 d/200) to 200 m), weights 1/4 and 3/4, cells of 100 m.

    Road: 1, 2/3, 1/3, 0. Town: 0 (300 m), exp(-2.99) = 0.050287, exp(-1.495) = 0.224249, 1.
    D = 1/4 S road + 3/4 S town: 0.2; 0.8 (2/3)/4 + 0.75 0.050287 = 0.171049; class 2: 0.4 (1/3)/4 + 0.75 0.224249 = 0.201520; 0.75.
    Q = H (1 - D^2.5/(D^2.5 + 0.5^2.5)), 0.5^2.5 = 0.1767767: D^2.5 of 0.2 is 0.0178885, Q = 0.1767767/0.1946652 = 0.908107;
    of 0.75 is 0.4871393, Q = 0.5 0.1767767/0.6639160 = 0.133132.
    """
    out, _ = run(
        [[1, 1, 2, 2]],
        tmp_path,
        options={"effect": "nearest"},
        outputs=["degradation", "quality", "effect_town", "degradation_road"],
    )
    np.testing.assert_allclose(out["effect_town"], [[0, 0.050287, 0.224249, 1]], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(out["degradation_road"], [[0.2, 0.8 / 6, 0.4 / 12, 0]], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(out["degradation"], [[0.2, 0.171049, 0.201520, 0.75]], rtol=1e-5)
    np.testing.assert_allclose(out["quality"][0, [0, 3]], [0.908107, 0.133132], rtol=1e-5)


def test_the_printed_sum_adds_up_every_cell_of_the_threat(tmp_path):
    """Two road cells of intensity 1 and 0.5, linear to 300 m. Cell 2 gets 1/3 of the first and (2/3) 0.5 of the second: 2/3."""
    tables = {"suitability": TABLES["suitability"], "sensitivity_road": np.array([NAN, 1.0])}
    out, _ = run([[1, 1, 1, 1]], tmp_path, {"threat_road": [[1, 0.5, 0, 0]]}, tables=tables, outputs=["degradation"])
    np.testing.assert_allclose(out["degradation"], [[1 + 1 / 3, 2 / 3 + 0.5, 1 / 3 + 1 / 3, 0.5 / 3]], rtol=1e-5)


def test_protection_lowers_degradation_and_nodata_of_it_is_nodata(tmp_path):
    threats = {"threat_road": ROAD, "threat_town": TOWN, "access": [[0.5, 1, 0, NAN]]}
    out, fields = run([[1, 1, 2, 2]], tmp_path, threats, options={"effect": "nearest"})
    np.testing.assert_allclose(out["degradation"], [[0.1, 0.171049, 0, NAN]], rtol=1e-5)
    assert fields["quality"].made_from["report"] == {"classed_without_value_m2": 10_000.0}


def test_nodata_in_a_threat_is_no_threat_and_a_cell_without_class_has_no_value(tmp_path):
    out, _ = run(
        [[1, 0, 2, 2]],
        tmp_path,
        {"threat_road": [[1, NAN, NAN, NAN]], "threat_town": TOWN},
        options={"effect": "nearest"},
    )
    np.testing.assert_allclose(out["degradation"], [[0.2, NAN, 0.201520, 0.75]], rtol=1e-5)


def test_rarity_from_both_maps_by_hand(tmp_path):
    """Base 1 1 1 2 and a cell without class; now 1 2 2 2: R(1) = 1 - 1/(3 + 1) = 0.75, R(2) = 1 - 3/(1 + 3) = 0.25."""
    codes, base = [[1, 2, 2, 2, 1]], [[1, 1, 1, 2, 0]]
    out, _ = run(codes, tmp_path, {"base_classes": base}, outputs=["rarity"])
    np.testing.assert_allclose(out["rarity"], [[0.75, 0.25, 0.25, 0.25, NAN]])
    declared, _ = run(codes, tmp_path, {}, outputs=["rarity"], tables={"rarity": np.array([NAN, 0.9, 0.1])})
    np.testing.assert_allclose(declared["rarity"], [[0.9, 0.1, 0.1, 0.1, 0.9]], rtol=1e-6)


@pytest.mark.parametrize("effect", ["sum", "nearest"])
def test_workers_do_not_change_a_byte(effect, tmp_path, monkeypatch):
    monkeypatch.setattr(around, "TILE", 32)
    monkeypatch.setattr(habitat, "TILE", 32)
    rng = np.random.default_rng(4)
    codes, threats = (
        rng.integers(0, 3, (70, 81)),
        {f"threat_{t}": rng.random((70, 81)) < 0.02 for t in ("road", "town")},
    )
    runs = [
        run(codes, tmp_path / str(n), threats, options={"effect": effect}, cell=30.0, workers=n)[0] for n in (1, 2, 3)
    ]
    for name in ("degradation", "quality"):
        assert runs[0][name].tobytes() == runs[1][name].tobytes() == runs[2][name].tobytes()


@pytest.mark.parametrize("turn", [np.rot90, np.flipud, np.transpose])
@pytest.mark.parametrize("effect", ["sum", "nearest"])
def test_turning_the_map_turns_the_result(effect, turn, tmp_path):
    rng = np.random.default_rng(6)
    codes, threats = (
        rng.integers(1, 3, (25, 25)),
        {f"threat_{t}": rng.random((25, 25)) < 0.05 for t in ("road", "town")},
    )
    straight, _ = run(codes, tmp_path / "a", threats, options={"effect": effect}, cell=30.0)
    turned, _ = run(np.ascontiguousarray(turn(codes)), tmp_path / "b", {k: np.ascontiguousarray(turn(v)) for k, v in threats.items()},
                    options={"effect": effect}, cell=30.0)  # fmt: skip
    np.testing.assert_allclose(turned["degradation"], turn(straight["degradation"]), atol=3e-6)


def test_agreement_with_invest_on_a_generated_landscape(tmp_path):
    """InVEST 3.20.2 (`data/make_invest.py`). Degradation to 1e-6; quality to 1e-5 absolute, because InVEST raises a float32 D."""
    kept = np.load(DATA)
    covers = {"suitability": [1.0, 0.7, 0.3, 0.0, 0.8], "sensitivity_crop": [0.5, 0.4, 0.1, 0.0, 0.6],
              "sensitivity_town": [0.8, 0.6, 0.3, 0.0, 0.9], "sensitivity_road": [0.6, 0.5, 0.2, 0.0, 0.3]}  # fmt: skip
    threats = {"crop": (450.0, 0.6, "linear"), "town": (1000.0, 1.0, "exponential"), "road": (300.0, 0.7, "linear")}
    constants = {"half_saturation": 0.05, "scaling": 2.5}
    options = {"compat": "invest"}
    for name, (reach, weight, decay) in threats.items():
        constants |= {f"distance_{name}": reach, f"weight_{name}": weight}
        options[f"decay_{name}"] = decay
    fields = habitat.run(
        grid_of((96, 96), 30.0), {f"threat_{t}": ArraySource(kept[f"threat_{t}"]) for t in threats},
        {k: np.array([NAN, *v]) for k, v in covers.items()}, constants, options, ["degradation", "quality"], tmp_path,
        classes=ArraySource(kept["cover"], 255),
    )  # fmt: skip
    for name, tolerance in (("degradation", 1e-6), ("quality", 1e-5)):
        ours, theirs = fields[name].read(fields[name].grid.whole), kept[f"habitat_{name}"]
        assert (np.isnan(ours) == np.isnan(theirs)).all()
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=name)


def test_refusals_name_the_fault(tmp_path):
    with pytest.raises(OutOfBounds, match="0 to 1"):
        run([[1, 1, 1, 1]], tmp_path, {"threat_road": [[2, 0, 0, 0]]}, outputs=["degradation"])
    with pytest.raises(DeclarationError, match="threat_NAME"):
        run([[1]], tmp_path, {})
    with pytest.raises(DeclarationError, match="sensitivity_road"):
        run([[1, 1, 1, 1]], tmp_path, {"threat_road": ROAD}, tables={"suitability": TABLES["suitability"]})
    with pytest.raises(DeclarationError, match="nearest"):
        run([[1, 1, 1, 1]], tmp_path, options={"compat": "invest", "effect": "sum"})
    with pytest.raises(DeclarationError, match="base_classes"):
        run([[1]], tmp_path, {}, outputs=["rarity"], tables={})
    assert not list(tmp_path.rglob("*.cells"))


def test_access_that_cannot_be_counts_as_nodata(tmp_path):
    threats = {"threat_road": ROAD, "threat_town": TOWN}
    out, _ = run([[1, 1, 2, 1]], tmp_path / "bad", threats | {"access": [[1, -9999, 1, 1]]})
    wanted, _ = run([[1, 1, 2, 1]], tmp_path / "nan", threats | {"access": [[1, NAN, 1, 1]]})
    assert np.isnan(out["quality"][0, 1]) and np.isfinite(out["quality"]).sum() == 3
    for name in out:
        np.testing.assert_array_equal(out[name], wanted[name])
