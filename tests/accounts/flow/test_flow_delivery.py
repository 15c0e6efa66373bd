"""Stages slope_length, sediment, nutrient, baseflow: strips by hand, balances, InVEST on a small grid, threads."""

import math
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.flow import baseflow, nutrient, sediment, slope_length, stage
from qingshan.accounts.flow.lattice import Lattice
from qingshan.accounts.flow.stage import Graph
from qingshan.accounts.flow.weave import At
from qingshan.core.errors import DeclarationError, QingshanError

from .conftest import grid_of, layer, routed, slope_of

TABLES = {"c": np.array([np.nan, 0.003, 0.04, 0.31]), "p": np.array([np.nan, 1.0, 1.0, 0.35])}
RATIO = {"ic0": 0.5, "k": 2.0, "ratio_max": 0.8}
ALL = (
    "potential",
    "loss",
    "ic",
    "sdr",
    "export",
    "deposition",
    "avoided_erosion",
    "avoided_export",
    "stream",
    "upslope",
    "downslope",
)
N = {
    "load_n": [np.nan, 2, 4, 45],
    "efficiency_n": [np.nan, 0.8, 0.5, 0.2],
    "length_n": [np.nan, 150, 60, 30],
    "subsurface_n": [np.nan, 0.1, 0.3, 0.2],
}
BELOW = {"subsurface_efficiency": 0.8, "subsurface_length": 150.0}


def arrays(made, grid):
    return {k: f.read(grid.whole) for k, f in made.items()}


def graph_inputs(stored, kind):
    """InVEST's directions as ours: flow off the grid is an outlet."""
    raw = stored[f"{kind}_flow_direction"]
    to = raw.astype(np.uint8) if kind == "D8" else raw.astype(np.int64).astype(np.uint32)
    rows, cols = to.shape
    edge = {0: (slice(None), cols - 1), 2: (0, slice(None)), 4: (slice(None), 0), 6: (rows - 1, slice(None))}
    off = {k: [edge[k]] if k % 2 == 0 else [edge[k - 1], edge[(k + 1) % 8]] for k in range(8)}
    for k, places in off.items():
        for place in places:
            if kind == "D8":
                to[place] = np.where(to[place] == k, 8, to[place])
            else:
                to[place] &= np.uint32(0xFFFFFFFF ^ (15 << (4 * k)))
    return {
        "direction": layer(to), "accumulation": layer(stored[f"{kind}_flow_accumulation"]), "slope": layer(stored[f"{kind}_slope"]),
    }  # fmt: skip


def same(found, expected, rtol):
    known = ~np.isnan(expected)
    assert (np.isfinite(found) == known).all()
    np.testing.assert_allclose(found[known], expected[known], rtol=rtol)


@pytest.mark.parametrize("kind", ["D8", "MFD"])
def test_sediment_is_invests_on_its_directions(tmp_path, invest, kind):
    """SP-5: LS, RKLS, USLE at 1e-6; the rest at its median and 99 %."""
    given = graph_inputs(invest, kind)
    grid = grid_of(invest["dem"])
    compat = {"compat": "invest"}
    made = slope_length.run(
        grid, {k: given[k] for k in ("accumulation", "slope")}, {}, {"l_max": 122.0}, compat, ("ls",), tmp_path
    )
    same(made["ls"].read(grid.whole), invest[f"{kind}_ls"], 1e-6)
    inputs = given | {
        "ls": made["ls"], "erosivity": layer(invest["erosivity"]), "erodibility": layer(invest["erodibility"]),
        "streams": layer((invest[f"{kind}_stream"] == 1).astype(np.uint8)),
    }  # fmt: skip
    out = arrays(sediment.run(grid, inputs, TABLES, RATIO, compat, ALL, tmp_path, classes=layer(invest["lulc"])), grid)
    same(out["potential"], invest[f"{kind}_rkls"], 1.2e-6)
    same(out["loss"], invest[f"{kind}_usle"], 1.2e-6)
    pairs = {
        "ic": "ic", "sdr": "sdr_factor", "export": "sed_export", "deposition": "sed_deposition", "avoided_export": "avoided_export",
    }  # fmt: skip
    for name, file in pairs.items():
        a, b = out[name], invest[f"{kind}_{file}"]
        known = np.isfinite(a) & np.isfinite(b)
        assert known.sum() == np.isfinite(b).sum()
        relative = np.abs(a - b)[known] / np.maximum(np.abs(b[known]), 1e-6)
        assert np.median(relative) < 1e-6 and np.quantile(relative, 0.99) < 1e-3, name


@pytest.mark.parametrize("kind", ["D8", "MFD"])
def test_streams_are_invests_on_its_directions(tmp_path, invest, kind):
    """More than 40 cells; with shared flow 40 and more, traced from the outlets, gaps from 0.7 of it joined."""
    given = graph_inputs(invest, kind)
    grid = grid_of(invest["dem"])
    area = 40 * grid.cell_length[0] ** 2 / 1e6
    inputs = given | {
        "ls": layer(invest[f"{kind}_ls"]),
        "erosivity": layer(invest["erosivity"]),
        "erodibility": layer(invest["erodibility"]),
    }
    made = sediment.run(
        grid,
        inputs,
        TABLES,
        RATIO | {"stream_area": area},
        {"compat": "invest"},
        ("stream",),
        tmp_path,
        classes=layer(invest["lulc"]),
    )
    found = made["stream"].read(grid.whole) == 1
    np.testing.assert_array_equal(found, invest[f"{kind}_stream"] == 1)


@pytest.mark.parametrize("kind", ["D8", "MFD"])
def test_nutrients_are_invests_on_its_directions(tmp_path, invest, kind):
    """IC, the ratio below ground and, where InVEST's retention does not hang on its order of blocks, the ratio over land."""
    grid = grid_of(invest["dem"])
    stream = np.isnan(invest[f"{kind}_ic_factor"]).astype(np.uint8)
    inputs = graph_inputs(invest, kind) | {"runoff": layer(invest["runoff"]), "streams": layer(stream)}
    tables = {k: np.array(v, float) for k, v in N.items()}
    names = ("ic", "ndr_below", "retained_n", "ndr_n", "export_n")
    made = nutrient.run(
        grid, inputs, tables, {"k": 2.0, **BELOW}, {"compat": "invest"}, names, tmp_path, classes=layer(invest["lulc"])
    )
    out = arrays(made, grid)
    same(out["ic"], invest[f"{kind}_ic_factor"], 2e-5)
    same(out["ndr_below"], invest[f"{kind}_sub_ndr_n"], 1e-6)
    agree = np.isclose(out["retained_n"], invest[f"{kind}_effective_retention_n"], rtol=1e-6, atol=1e-7)
    assert agree.mean() > 0.9
    for name, file in (("ndr_n", "ndr_n"), ("export_n", "n_total_export")):
        known = np.isfinite(out[name]) & agree
        np.testing.assert_allclose(out[name][known], invest[f"{kind}_{file}"][known], rtol=2e-6)


@pytest.fixture(scope="module", params=["d8", "mfd"])
def land(request, tmp_path_factory):
    """A noisy valley routed by ourselves."""
    folder = tmp_path_factory.mktemp("land")
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:50, 0:64]
    z = (300 + 6 * np.abs(x - 30) + 2 * (50 - y) + rng.normal(0, 1.5, x.shape)).astype(np.float32)
    z[8:11, 40:44] = np.nan
    out = routed(z, folder, options={"routing": request.param})
    slopes = slope_of(out["filled"], folder)
    grid = grid_of(z)
    inputs = {
        "direction": layer(out["direction"]),
        "accumulation": layer(out["accumulation"]),
        "slope": layer(slopes["slope"]),
    }
    made = slope_length.run(
        grid, {"accumulation": inputs["accumulation"], "slope": inputs["slope"], "aspect": layer(slopes["aspect"])}, {},
        {"length_max": 122.0}, {}, ("ls",), folder,
    )  # fmt: skip
    inputs["ls"] = made["ls"]
    inputs["erosivity"] = layer(rng.uniform(3000, 5000, z.shape).astype(np.float32))
    inputs["erodibility"] = layer(rng.uniform(0.02, 0.05, z.shape).astype(np.float32))
    return grid, inputs, layer(rng.integers(1, 4, z.shape).astype(np.uint8)), rng


AREA = {"stream_area": 60 * 900 / 1e6}


def test_no_sediment_is_lost_or_made(land, tmp_path):
    """Loss of the cells that drain to a stream = export + deposition."""
    grid, inputs, classes, _ = land
    out = arrays(sediment.run(grid, inputs, TABLES, RATIO | AREA, {}, ALL, tmp_path, classes=classes), grid)
    delivered = np.isfinite(out["export"])
    assert 0 < delivered.sum() < np.isfinite(out["loss"]).sum() + 1
    total = out["loss"][delivered].sum(dtype=float)
    kept = np.nansum(out["deposition"].astype(float))
    assert total == pytest.approx(out["export"][delivered].sum(dtype=float) + kept, rel=1e-7)  # float32 layers
    avoided = out["potential"] - out["loss"]
    np.testing.assert_allclose(out["avoided_erosion"][delivered], avoided[delivered], rtol=1e-4)
    assert (out["sdr"][out["stream"] == 1] == 1).all()
    assert np.isnan(out["loss"][out["stream"] == 1]).all()


def test_what_is_trapped_balances_to_nine_digits(land, tmp_path):
    """The pass itself, in float64: what is sent in stays, whatever the shares, as long as streams trap all."""
    grid, inputs, _, rng = land
    lattice, source = Lattice(grid), inputs["direction"]
    graph = Graph(lattice, lattice.read(source, source.dtype, source.nodata, 1))
    share = rng.random(lattice.size).astype(np.float32)
    share[graph.to == (8 if graph.d8 else 0)] = 1
    own = rng.random(lattice.size).astype(np.float32)
    own[graph.to == (8 if graph.d8 else 0)] = 0
    flux = np.zeros(lattice.size)
    one, two = At(("share",), frozenset({"share"})), At(("share", "own"), frozenset({"share", "own"}))
    values = {"share": share, "own": own}
    graph.descend(("soil.trapped@invest3", one), ("soil.sediment_passed@invest3", two), None, values, flux)
    flows = graph.to != graph.missing
    assert flux[flows].sum() == pytest.approx(own[flows].astype(float).sum(), rel=1e-9)


def test_threads_do_not_change_a_byte(land, tmp_path, monkeypatch):
    grid, inputs, classes, _ = land
    first = sediment.run(grid, inputs, TABLES, RATIO | AREA, {}, ALL, tmp_path / "a", classes=classes, workers=1)
    monkeypatch.setattr(stage, "WIDE", 17)
    monkeypatch.setattr(stage, "BAND", 13)
    other = sediment.run(
        grid, inputs, TABLES, RATIO | AREA, {}, ALL, tmp_path / "b", classes=classes, workers=3, memory="2GB"
    )
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(f"{n}.cells" for n in ALL)
    for name, made in first.items():
        assert made.path.read_bytes() == other[name].path.read_bytes(), name
        assert made.identity() == other[name].identity()


def test_a_strip_by_hand(tmp_path):
    """Four cells run east into a stream: C 0.1, slope 5 %, 30 m; D_dn 6000 a step, D_up = 0.1 * 0.05 * sqrt(900 n)."""
    to, count = np.array([[0, 0, 0, 8]], np.uint8), np.array([[1, 2, 3, 4]], np.uint32)
    ones = np.ones((1, 4), np.float32)
    inputs = {
        "direction": layer(to), "accumulation": layer(count), "slope": layer(5 * ones), "ls": layer(2 * ones), "erosivity": layer(100 * ones),
        "erodibility": layer(0.5 * ones), "streams": layer(np.array([[0, 0, 0, 1]], np.uint8)),
    }  # fmt: skip
    grid = grid_of(ones)
    out = arrays(
        sediment.run(
            grid,
            inputs,
            {"c": np.array([0.1]), "p": np.array([1.0])},
            RATIO,
            {},
            ALL,
            tmp_path,
            classes=layer(np.zeros((1, 4), np.uint8)),
        ),
        grid,
    )
    down = np.array([18000.0, 12000.0, 6000.0])
    index = np.log10(0.005 * np.sqrt(900 * np.array([1, 2, 3])) / down)
    ratio = 0.8 / (1 + np.exp((0.5 - index) / 2))
    np.testing.assert_allclose(out["downslope"][0], [*down, 0], rtol=1e-6)
    np.testing.assert_allclose(out["ic"][0, :3], index, rtol=1e-6)
    np.testing.assert_allclose(out["sdr"][0], [*ratio, 1], rtol=1e-6)
    np.testing.assert_allclose(out["export"][0, :3], 10 * ratio, rtol=1e-6)  # 100 * 0.5 * 2 * 0.1 = 10
    trap = np.array([0, (ratio[2] - ratio[1]) / (1 - ratio[1]), 1.0])
    passed = np.zeros(3)
    for i in range(3):
        inflow = passed[i - 1] if i else 0.0
        np.testing.assert_allclose(out["deposition"][0, i], trap[i] * inflow, rtol=1e-5, atol=1e-6)
        passed[i] = (1 - trap[i]) * inflow + 10 * (1 - ratio[i])
    assert out["deposition"][0, 3] == pytest.approx(passed[2], rel=1e-6)
    assert out["avoided_export"][0, 1] == pytest.approx(90 * ratio[1] + out["deposition"][0, 1], rel=1e-6)


def test_pixels_of_invest_against_metres(tmp_path, invest):
    """spatial.md 4.1: beside a stream D_dn W S is 1 in InVEST, 30 or 42.43 in metres."""
    grid = grid_of(invest["dem"])
    given = graph_inputs(invest, "D8") | {"streams": layer((invest["D8_stream"] == 1).astype(np.uint8))}
    given |= {
        "ls": layer(invest["D8_ls"]),
        "erosivity": layer(invest["erosivity"]),
        "erodibility": layer(invest["erodibility"]),
    }
    found = {}
    for compat in ("", "invest"):
        made = sediment.run(
            grid,
            given,
            TABLES,
            RATIO,
            {"compat": compat},
            ("downslope",),
            tmp_path / (compat or "metres"),
            classes=layer(invest["lulc"]),
        )
        found[compat] = made["downslope"].read(grid.whole)
    weight = np.maximum(TABLES["c"], 0.001)[invest["lulc"]] * np.clip(invest["D8_slope"] / 100, 0.005, 1)
    beside = np.isclose(found["invest"] * weight, 1, rtol=1e-5)
    assert beside.sum() > 100
    ways = found[""][beside] * weight[beside]
    assert (np.isclose(ways, 30, rtol=1e-5) | np.isclose(ways, 30 * math.sqrt(2), rtol=1e-5)).all()


def test_declared_constants_make_a_part_independent_of_the_rest(land, tmp_path):
    """With ic0 and runoff_mean declared, the ratio of a cell is what its own index gives."""
    grid, inputs, classes, _ = land
    given = {k: inputs[k] for k in ("direction", "accumulation", "slope")} | {"runoff": inputs["erosivity"]}
    tables = {k: np.array(v, float) for k, v in N.items()}
    constants = {"k": 2.0, "ic0": -2.0, "runoff_mean": 4000.0, **AREA, **BELOW}
    names = ("ic", "retained_n", "ndr_n", "load_n", "surface_n", "below_n", "export_n")
    made = nutrient.run(grid, given, tables, constants, {}, names, tmp_path, classes=classes)
    out = arrays(made, grid)
    known = np.isfinite(out["ndr_n"])
    expected = (1 - out["retained_n"][known]) / (1 + np.exp((-2.0 - out["ic"][known]) / 2))
    np.testing.assert_allclose(out["ndr_n"][known], expected, rtol=1e-5)
    np.testing.assert_allclose(out["export_n"][known], (out["surface_n"] + out["below_n"])[known], rtol=1e-5)
    assert made["ndr_n"].made_from["report"] == {"ic0": "-2.0", "runoff_mean": "4000.0"}


@pytest.mark.parametrize("kind", ["d8", "mfd"])
def test_a_swallow_hole_may_count_as_a_stream(tmp_path, kind):
    """A bowl with a masked sink at its bottom: its cells deliver only where the sink is a stream."""
    y, x = np.mgrid[0:9, 0:9]
    z = (100 + 3 * np.hypot(x - 4, y - 4)).astype(np.float32)
    sinks = np.zeros(z.shape, np.uint8)
    sinks[4, 4] = 1
    out = routed(z, tmp_path / "flow", sinks=sinks, options={"routing": kind})
    ones = np.ones(z.shape, np.float32)
    inputs = {
        "direction": layer(out["direction"]), "accumulation": layer(out["accumulation"]), "slope": layer(10 * ones), "ls": layer(ones),
        "erosivity": layer(ones), "erodibility": layer(ones),
    }  # fmt: skip
    found = {}
    for word in ("end", "stream"):
        made = sediment.run(
            grid_of(z), inputs, TABLES, RATIO | {"stream_area": 1.0}, {"sinks": word}, ("export", "stream"), tmp_path / word,
            classes=layer(np.full(z.shape, 3, np.uint8)),
        )  # fmt: skip
        found[word] = arrays(made, grid_of(z))
    assert found["end"]["stream"].sum() == 0 and np.isnan(found["end"]["export"]).all()
    assert found["stream"]["stream"].sum() == 1 and found["stream"]["stream"][4, 4] == 1
    assert np.isfinite(found["stream"]["export"]).sum() >= 40


def test_missing_pieces_are_named(land, tmp_path):
    grid, inputs, classes, _ = land
    with pytest.raises(DeclarationError, match="does not know where the streams are"):
        sediment.run(grid, inputs, TABLES, RATIO, {}, ("sdr",), tmp_path, classes=classes)
    with pytest.raises(DeclarationError, match="no constant is given for ic0"):
        sediment.run(grid, inputs, TABLES, {"k": 2.0, "ratio_max": 0.8} | AREA, {}, ("sdr",), tmp_path, classes=classes)
    with pytest.raises(QingshanError, match="MB whatever the grid; 200MB was given"):
        sediment.run(grid, inputs, TABLES, RATIO | AREA, {}, ("sdr",), tmp_path, classes=classes, memory="200MB")
    with pytest.raises(DeclarationError, match="efficiency_p, length_p, load_p"):
        given = {k: inputs[k] for k in ("direction", "accumulation", "slope")} | {"runoff": inputs["erosivity"]}
        nutrient.run(grid, given, {}, {"k": 2.0} | AREA, {}, ("export_p",), tmp_path)
    assert not list(Path(tmp_path).iterdir())


def months(name, values, shape):
    return {f"{name}_{m}": layer(np.full(shape, values[m - 1], np.float32)) for m in range(1, 13)}


def test_baseflow_of_a_strip_by_hand(tmp_path):
    """Three cells into a stream, no quick flow (no rain events), each month P 100, ET0 60 or 150 on the third cell.

    Recharge 480, 480; the third lacks 50 a month, which the subsidy of 960 covers (960/12 = 80): AET 150, L = -600.
    Summed 480, 960, 360. Factor of the stream 1, so the third gives those above (360 + 600) * 1/960 = 1 and B of all is
    L times 1; the third gives nothing: 0.
    """
    shape = (1, 4)
    to, count = np.array([[0, 0, 0, 8]], np.uint8), np.array([[1, 2, 3, 4]], np.uint32)
    kc = np.array([1.0, 2.5])
    tables = {f"kc_{m}": kc for m in range(1, 13)} | {f"curve_number_{g}": np.array([60.0, 60.0]) for g in range(1, 5)}
    inputs = {
        "direction": layer(to), "accumulation": layer(count), "soil_group": layer(np.ones(shape, np.uint8)),
        "streams": layer(np.array([[0, 0, 0, 1]], np.uint8)), **months("rain", [100] * 12, shape), **months("et0", [60] * 12, shape),
    }  # fmt: skip
    constants = {"alpha": 1 / 12, "beta": 1.0, "gamma": 1.0, **{f"events_{m}": 0.0 for m in range(1, 13)}}
    classes = layer(np.array([[0, 0, 1, 0]], np.uint8))
    grid = grid_of(np.zeros(shape))
    names = ("quickflow", "recharge", "recharge_sum", "baseflow")
    out = arrays(baseflow.run(grid, inputs, tables, constants, {}, names, tmp_path, classes=classes), grid)
    np.testing.assert_allclose(out["quickflow"], 0)
    np.testing.assert_allclose(out["recharge"][0, :3], [480, 480, -600], rtol=1e-6)
    np.testing.assert_allclose(out["recharge_sum"][0, :3], [480, 960, 360], rtol=1e-6)
    third = (360 + 600) * 1 / (360 + 600)
    second = (960 - 480) * third / (960 - 480)
    np.testing.assert_allclose(out["baseflow"][0, :3], [480 * second, 480 * third, 0], rtol=1e-6)


def test_on_streams_all_rain_runs_off(tmp_path):
    shape = (1, 2)
    tables = {f"kc_{m}": np.array([1.0]) for m in range(1, 13)} | {
        f"curve_number_{g}": np.array([60.0]) for g in range(1, 5)
    }
    inputs = {
        "direction": layer(np.array([[0, 8]], np.uint8)), "accumulation": layer(np.array([[1, 2]], np.uint32)),
        "soil_group": layer(np.ones(shape, np.uint8)), "streams": layer(np.array([[0, 1]], np.uint8)),
        **months("rain", [90] * 12, shape), **months("et0", [20] * 12, shape),
    }  # fmt: skip
    constants = {"alpha": 1 / 12, "beta": 1.0, "gamma": 1.0, **{f"events_{m}": 6.0 for m in range(1, 13)}}
    grid = grid_of(np.zeros(shape))
    made = baseflow.run(
        grid, inputs, tables, constants, {}, ("quickflow",), tmp_path, classes=layer(np.zeros(shape, np.uint8))
    )
    flow = made["quickflow"].read(grid.whole)
    assert flow[0, 1] == pytest.approx(12 * 90)
    assert 0 < flow[0, 0] < 12 * 90
