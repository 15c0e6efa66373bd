"""Problems of HJ 1174-2021 and the project scale of HJ 1175-2021: NS-18, NS-19, NS-23; refusals, invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError, UnknownName
from qingshan.core.method import REGISTRY

PARAMETERS = load_domains().parameters()
SET = "hj1174_2021"


def run(name, set_=SET, **arguments):
    return REGISTRY[f"{name}@{set_}"].apply(arguments)


def words(name, codes):
    return [REGISTRY[f"{name}@{SET}"].result.labels[int(c)] for c in np.atleast_1d(codes)]


def cuts(parameter, unit="%"):
    return [row.value for row in PARAMETERS.rows(parameter, set=SET)], unit


def forest(index):
    return run("nature.forest_degradation_grade", index=(index, "%"), cuts=cuts("nature.fdi_cut"))


def grass(index):
    return run("nature.grass_degradation_grade", index=(index, "%"), cuts=cuts("nature.gdi_cut"))


def wetland(loss):
    return run("wetland.area_loss_grade", loss=(loss, "%"), cuts=cuts("wetland.area_loss_cut"))


def test_ns_18_degradation():
    fdi = run("nature.fdi", biomass=(67.5, "t/hm2"), climax_biomass=(90, "t/hm2"))
    assert fdi == pytest.approx(75, rel=1e-12)
    assert words("nature.forest_degradation_grade", forest(fdi)) == ["轻度"]
    gdi = run("nature.gdi", cover=(56, "%"), undegraded_cover=(80, "%"))
    assert gdi == pytest.approx(70, rel=1e-12)
    assert words("nature.grass_degradation_grade", grass(gdi)) == ["中度"]
    loss = run("wetland.area_loss", base_area=(100, "hm2"), area=([85, 50, 110], "hm2"))
    assert words("wetland.area_loss_grade", wetland(loss)) == ["轻度", "重度", "未退化"]
    assert run("wetland.expanded", loss=(loss, "%")).tolist() == [0, 0, 1]


def test_printed_sides():
    assert forest([90, 89.9, 75, 60, 30, 29.9]).tolist() == [0, 1, 1, 2, 3, 4]
    assert grass([90, 89.9, 80, 70, 50, 49.9]).tolist() == [0, 1, 1, 2, 3, 4]
    assert wetland([4.9, 5, 15, 15.1, 30, 50, 50.1]).tolist() == [0, 1, 1, 2, 2, 3, 4]


def test_above_the_reference_is_kept_and_flagged():
    fdi = run("nature.fdi", biomass=(99, "t/hm2"), climax_biomass=([90, 0], "t/hm2"))
    assert fdi[0] == pytest.approx(110, rel=1e-12) and np.isnan(fdi[1])
    np.testing.assert_array_equal(run("nature.above_reference", index=(fdi, "%")), [1, np.nan])


def test_references_and_weights_are_open():
    for parameter, cls in (
        ("nature.climax_biomass", ""),
        ("nature.undegraded_grass_cover", ""),
        ("water.tli_weight", "tp"),
    ):
        with pytest.raises(MissingParameter):
            PARAMETERS.find(parameter, cls=cls, set=SET)


def item(name, concentration, unit):
    return run("water.tli_item", concentration=(concentration, unit), item=name)


def tli_items():
    return [item("chla", 10, "mg/m3"), item("tp", 0.05, "mg/L"), item("tn", 1, "mg/L"), item("codmn", 4, "mg/L")]


def trophic(tli):
    return words("water.trophic_class", run("water.trophic_class", tli=(tli, "1"), cuts=cuts("water.trophic_cut", "1")))


def test_ns_19_trophic_index():
    items = tli_items()
    assert [float(i) for i in items] == pytest.approx([50.006074, 45.709308, 54.53, 37.979293], abs=1e-6)
    tli = run("water.tli", items=(items, "1"), weights=([0.25] * 4, "1"))
    assert tli == pytest.approx(47.056168, abs=1e-6)
    assert trophic(tli) == ["中营养"]


def test_trophic_sides():
    assert trophic([29.9, 30, 50, 50.1, 60, 70, 70.1]) == [
        "贫营养", "中营养", "中营养", "轻度富营养", "轻度富营养", "中度富营养", "重度富营养",
    ]  # fmt: skip


def test_chlorophyll_is_read_in_its_unit():
    assert item("chla", 0.01, "mg/L") == pytest.approx(float(item("chla", 10, "mg/m3")), rel=1e-12)
    with pytest.raises(UnitError, match="concentration"):
        item("chla", 10, "mg")


@pytest.mark.parametrize("concentration", [0, -1])
def test_no_logarithm_of_nothing(concentration):
    with pytest.raises(OutOfBounds, match="0 or less"):
        item("tn", concentration, "mg/L")


def test_weights_sum_to_one():
    with pytest.raises(OutOfBounds, match="sum to 1"):
        run("water.tli", items=(tli_items(), "1"), weights=([0.25, 0.25, 0.25, 0.2], "1"))


def test_every_mesotrophic_lake_is_slightly_degraded():
    grade = run("wetland.tli_grade", tli=([29, 40, 55, 65, 75], "1"), cuts=cuts("wetland.tli_cut", "1"))
    assert words("wetland.tli_grade", grade) == ["未退化", "轻度", "中度", "重度", "极重度"]


@pytest.mark.parametrize(("rule", "expected"), [("worse", 3), ("area_first", 0), ("tli_first", 3), ("flag_only", 5)])
def test_area_and_tli_disagree(rule, expected):
    grades = {"area_grade": ([0, 2, np.nan], "class"), "tli_grade": ([3, 2, 1], "class")}
    found = run("wetland.degradation_grade", **grades, conflict_rule=rule)
    np.testing.assert_array_equal(found, [expected, 2, np.nan])


def test_wetland_rule_has_no_default():
    with pytest.raises(UnknownName, match="conflict_rule"):
        run("wetland.degradation_grade", area_grade=(0, "class"), tli_grade=(1, "class"))


def test_sandified_land():
    found = run(
        "nature.sandification_grade",
        cover=([50.1, 50, 30, 29.9, 10, 9.9, 60, 9, np.nan], "%"),
        bare_landform=([0, 0, 0, 0, 0, 0, 1, 1, 0], "class"),
        cuts=cuts("nature.sand_cover_cut"),
    )
    assert words("nature.sandification_grade", found[:-1]) == [
        "轻度", "中度", "中度", "重度", "重度", "极重度", "重度", "极重度",
    ]  # fmt: skip
    assert np.isnan(found[-1])


def test_wrong_ladders_are_refused():
    with pytest.raises(OutOfBounds, match="rising"):
        run("nature.forest_degradation_grade", index=(50, "%"), cuts=([90, 75, 60, 30], "%"))
    with pytest.raises(OutOfBounds, match="3 rising"):
        run(
            "nature.sandification_grade",
            cover=(50, "%"), bare_landform=(0, "class"), cuts=([10, 30], "%"),
        )  # fmt: skip


def test_ns_23_project_water():
    rain = run("water.project_rain", "hj1175_2021", rain=(1200, "mm"), runoff_share=(0.6, "fraction"))
    assert rain == pytest.approx(720, rel=1e-9)
    ratios = {"bare": (0.4, "fraction"), "ecosystem": (0.15, "fraction")}
    reduction = run("water.project_runoff_reduction", "hj1175_2021", **ratios)
    terms = {"rain": (rain, "mm"), "reduction": (reduction, "fraction")}
    assert run("water.project_retention", "hj1175_2021", area=(100_000, "m2"), **terms) == pytest.approx(
        18_000, rel=1e-9
    )
    assert run("water.project_retention", "hj1175_2021", area=(10, "hm2"), **terms) == pytest.approx(18_000, rel=1e-9)


def test_project_change_and_loss():
    turned = {"area_turned": (0, "hm2"), "area": (100, "hm2"), "zone_turned": (0, "hm2"), "zone_area": (200, "hm2")}
    assert np.isnan(run("nature.r_t", "hj1175_2021", **turned))  # nothing turned in the whole zone
    areas = {"area_start": ([0, 10], "hm2"), "area_end": (5, "hm2")}
    assert np.isnan(run("nature.k_t", "hj1175_2021", **areas, years=([5, 0], "a"))).all()
    loss = run("nature.project_loss", "hj1175_2021", before=([10, 10], "1"), after=([7, 12], "1"))
    assert loss.tolist() == [3, -2]
    with pytest.raises(MissingParameter, match="打分"):
        PARAMETERS.find("nature.project_verdict_scale", set="hj1175_2021")


percent = st.lists(st.floats(0, 100), min_size=2, max_size=20)


@given(percent)
def test_grades_are_monotone_in_their_factor(values):
    rising = sorted(values)
    assert np.all(np.diff(forest(rising)) <= 0)
    assert np.all(np.diff(grass(rising)) <= 0)
    assert np.all(np.diff(wetland(rising)) >= 0)
    bare = run(
        "nature.sandification_grade",
        cover=(rising, "%"), bare_landform=(0, "class"), cuts=cuts("nature.sand_cover_cut"),
    )  # fmt: skip
    assert np.all(np.diff(bare) <= 0)


@given(st.sampled_from(["chla", "tp", "tn", "codmn"]), st.floats(1e-4, 1e3), st.floats(1.001, 10))
def test_trophic_items_rise_with_concentration(name, concentration, more):
    assert item(name, concentration * more, "mg/L") > item(name, concentration, "mg/L")
