"""Classes and pattern: NS-21, NS-22, patch rules against a slow oracle, refusals, invariants."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.method import REGISTRY

DOMAINS = load_domains()
SET = "hj1171_2021"
ABC = {"A": 0, "B": 1, "C": 2}


def run(name, set_=SET, **arguments):
    return REGISTRY[f"nature.{name}@{set_}"].apply(arguments)


def landscape(*rows):
    return {
        "landscape": ([[ABC.get(c, np.nan) for c in row] for row in rows], "class"),
        "classes": ([0, 1, 2], "class"),
    }


NS_21 = landscape("AABB", "AABB", "ACCB", "CCCB")
CELL = {"cell_width": (100, "m"), "cell_height": (100, "m")}
NS_22 = ([[80, 20], [10, 90]], "hm2")


def test_ns_21_patches_edges_contagion():
    assert run("patch_count", **NS_21, neighbours="4").tolist() == [1, 1, 1]
    area = run("class_area", **NS_21, **CELL)
    assert area.tolist() == [5, 6, 5]
    edge = run("edge_length", **NS_21, **CELL)
    assert edge.tolist() == [500, 500, 600]
    density = run("edge_density", edge=(edge, "m"), class_area=(area, "hm2"))
    assert density == pytest.approx([100, 83.3333, 120], abs=1e-4)
    p = run("adjacency", **NS_21)
    assert run("contagion", adjacency=(p, "1"), cmax_definition="two_ln_m") == pytest.approx(0.239076, abs=1e-4)
    by_legend = run("contagion", adjacency=(p, "1"), cmax_definition="max_p_ij")
    assert by_legend - p.max() == pytest.approx(-1.958149, abs=1e-4)  # sum P ln P


def test_ns_22_directions_and_dynamic_degree():
    assert run("direction_from", transition=NS_22) == pytest.approx(np.array([[80, 20], [10, 90]]), abs=1e-4)
    expected = np.array([[88.8889, 18.1818], [11.1111, 81.8182]])
    assert run("direction_to", transition=NS_22) == pytest.approx(expected, abs=1e-4)
    assert run("dynamic_degree", transition=NS_22) == pytest.approx(15, abs=1e-4)
    areas = {"area_start": (100, "hm2"), "area_end": (90, "hm2")}
    assert run("area_change", **areas) == pytest.approx(-10, abs=1e-4)
    assert run("k_t", "hj1175_2021", **areas, years=(5, "a")) == pytest.approx(-2, abs=1e-4)
    turned = {"area_turned": (20, "hm2"), "area": (100, "hm2"), "zone_turned": (30, "hm2"), "zone_area": (200, "hm2")}
    assert run("r_t", "hj1175_2021", **turned) == pytest.approx(1.333333, abs=1e-4)


def test_corner_neighbours_join_patches_only_under_rule_8():
    corner = landscape("AB", "BA")
    assert run("patch_count", **corner, neighbours="4").tolist() == [2, 2, 0]
    assert run("patch_count", **corner, neighbours="8").tolist() == [1, 1, 0]


def test_rules_have_no_default():
    with pytest.raises(UnknownName, match="neighbours"):
        run("patch_count", **NS_21)
    with pytest.raises(UnknownName, match="cmax_definition"):
        run("contagion", adjacency=([[1.0]], "1"))


def test_nodata_takes_part_in_nothing():
    holed = landscape("A.B", "A.B")
    assert run("edge_length", **holed, **CELL).tolist() == [0, 0, 0]
    assert run("class_area", **holed, **CELL).tolist() == [2, 2, 0]
    assert run("patch_count", **holed, neighbours="8").tolist() == [1, 1, 0]
    assert run("adjacency", **holed)[0, 1] == 0


def test_cell_sides_have_their_own_length():
    edge = run("edge_length", **landscape("AB"), cell_width=(30, "m"), cell_height=(20, "m"))
    assert edge.tolist() == [20, 20, 0]  # a vertical side is as long as the cell is high
    edge = run("edge_length", **landscape("A", "B"), cell_width=(30, "m"), cell_height=(20, "m"))
    assert edge.tolist() == [30, 30, 0]


def test_mean_patch_and_share():
    areas = ([5, 6, 0], "hm2")
    np.testing.assert_array_equal(run("mean_patch", class_area=areas, patches=([2, 1, 0], "count")), [2.5, 6, np.nan])
    assert run("share", class_area=areas) == pytest.approx([500 / 11, 600 / 11, 0], rel=1e-12)


def test_new_class_is_undefined():
    assert np.isnan(run("area_change", area_start=(0, "hm2"), area_end=(3, "hm2")))


def test_unmapped_class_and_other_grid_are_refused():
    with pytest.raises(UnknownName, match="'9'"):
        run("patch_count", landscape=([[0, 9]], "class"), classes=([0, 1], "class"), neighbours="4")
    maps = {"landscape_start": ([[0, 1]], "class"), "landscape_end": ([[0], [1]], "class")}
    with pytest.raises(OutOfBounds, match="cells"):
        run("transition_area", **maps, classes=([0, 1], "class"), **CELL)


def test_transition_area_of_two_maps():
    maps = {"landscape_start": ([[0, 0, 1, np.nan]], "class"), "landscape_end": ([[0, 1, 1, 1]], "class")}
    assert run("transition_area", **maps, classes=([0, 1], "class"), **CELL).tolist() == [[1, 1], [0, 1]]


def test_forest_classes():
    found = run(
        "forest_class",
        "hj1166_2021",
        height=([10, 10, 10, 10, 10, 10, 2.9, 31], "m"),
        cover=([0.2, 0.5, 0.5, 0.5, 0.19, 0.03, 0.5, 0.5], "fraction"),
        needleleaf=([25, 25.1, 74.9, 75, 50, 50, 50, 50], "%"),
    )
    np.testing.assert_array_equal(found, [11, 13, 13, 12, 14, np.nan, np.nan, np.nan])


def test_shrub_and_grass_classes():
    shrub = run(
        "shrub_class",
        "hj1166_2021",
        height=([0.3, 5, 4, 5.1], "m"),
        cover=([0.2, 0.2, 0.04, 0.5], "fraction"),
        leaf=([0, 1, 0, 0], "class"),
    )
    np.testing.assert_array_equal(shrub, [21, 22, 23, np.nan])
    grass = run(
        "grass_class",
        "hj1166_2021",
        height=(0.5, "m"),
        cover=([0.2, 0.2, 0.2, 0.1, np.nan], "fraction"),
        humidity=([1, 1, 0.99, 1, 1], "1"),
        moist_soil=([1, 0, 1, 0, 0], "class"),
    )
    np.testing.assert_array_equal(grass, [31, 33, 32, 34, np.nan])


def test_class_list_of_hj_1166():
    folder = Path(DOMAINS.by_name["nature"].folder, "standards")
    with (folder / "ecosystem_classes.csv").open(encoding="utf-8") as stream:
        classes = list(csv.DictReader(stream))
    assert len(classes) == 24
    assert len({row["level1_code"] for row in classes}) == 8
    assert all(row["code"].startswith(row["level1_code"]) for row in classes)
    with (folder / "class_factors.csv").open(encoding="utf-8") as stream:
        factors = list(csv.DictReader(stream))
    assert {row["code"] for row in factors} == {row["code"] for row in classes}


def oracle_patches(grid, diagonal):
    """Flood fill, one cell at a time."""
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else [])
    seen, count = set(), [0, 0]
    for start in np.ndindex(grid.shape):
        if start in seen:
            continue
        count[int(grid[start])] += 1
        stack = [start]
        while stack:
            cell = stack.pop()
            if cell in seen:
                continue
            seen.add(cell)
            for dr, dc in steps:
                near = (cell[0] + dr, cell[1] + dc)
                if 0 <= near[0] < grid.shape[0] and 0 <= near[1] < grid.shape[1] and grid[near] == grid[cell]:
                    stack.append(near)
    return count


@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0.0, 1.0])))
def test_patches_match_a_flood_fill(grid):
    raster = {"landscape": (grid, "class"), "classes": ([0, 1], "class")}
    for rule in ("4", "8"):
        assert run("patch_count", **raster, neighbours=rule).tolist() == oracle_patches(grid, rule == "8")


positive = arrays(np.float64, (4, 4), elements=st.floats(0.01, 1e4))


@given(positive)
def test_rows_of_a_and_columns_of_b_are_100_percent(transition):
    assert run("direction_from", transition=(transition, "hm2")).sum(axis=1) == pytest.approx(np.full(4, 100), rel=1e-9)
    assert run("direction_to", transition=(transition, "hm2")).sum(axis=0) == pytest.approx(np.full(4, 100), rel=1e-9)
    assert run("share", class_area=(transition[0], "hm2")).sum() == pytest.approx(100, rel=1e-9)


@given(arrays(np.float64, (5, 6), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_transition_keeps_the_opening_and_closing_areas(end):
    start = end[::-1]
    maps = {"landscape_start": (start, "class"), "landscape_end": (end, "class")}
    classes = ([0, 1, 2], "class")
    a = run("transition_area", **maps, classes=classes, **CELL)
    opening = run("class_area", landscape=(start, "class"), classes=classes, **CELL)
    closing = run("class_area", landscape=(end, "class"), classes=classes, **CELL)
    np.testing.assert_allclose(a.sum(axis=1), opening, rtol=1e-12)
    np.testing.assert_allclose(a.sum(axis=0), closing, rtol=1e-12)


@given(arrays(np.float64, (4, 5), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_contagion_lies_between_evenly_mixed_and_one_class(grid):
    p = run("adjacency", landscape=(grid, "class"), classes=([0, 1, 2], "class"))
    assert p.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_array_equal(p, p.T)
    found = run("contagion", adjacency=(p, "1"), cmax_definition="two_ln_m")
    assert -1e-12 <= found <= 2 * np.log(3) + 1e-12
