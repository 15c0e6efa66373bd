"""Quality, biodiversity and accuracy: NS-13, NS-20, NS-24 to NS-27; undefined cases, verdict sides, invariants."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.method import REGISTRY

DOMAINS = load_domains()
PARAMETERS = DOMAINS.parameters()


def run(ref, **arguments):
    return REGISTRY[f"nature.{ref}"].apply(arguments)


def words(ref, codes):
    return [REGISTRY[f"nature.{ref}"].result.labels[int(c)] for c in np.atleast_1d(codes)]


def cuts(parameter, set_, unit="1"):
    return [row.value for row in PARAMETERS.rows(parameter, set=set_)], unit


def eqi(lai, fvc, gpp, scope):
    measured = {"lai": (lai, "1"), "fvc": (fvc, "%"), "gpp": (gpp, "g C/m2")}
    return run("survey_eqi@hj1172_2021", **measured, normalise_scope=scope)


def eqi_words(values):
    found = run("eqi_grade@hj1172_2021", eqi=(values, "1"), cuts=cuts("nature.eqi_cut", "hj1172_2021"))
    return words("eqi_grade@hj1172_2021", found)


NS_20 = ([4, 2, 5], [80, 60, 90], [1500, 900, 1800])


def test_ns_20_quality_index():
    group = eqi(*NS_20, "group")
    assert group == pytest.approx([66.6667, 0, 100], abs=1e-4)
    assert eqi_words(group) == ["良", "差", "优"]
    plain = eqi(*NS_20, "none")
    assert plain == pytest.approx([84.0741, 52.2222, 100], abs=1e-4)
    assert eqi_words(plain) == ["优", "中", "优"]


def test_area_scope_spans_the_groups():
    groups = [[4, 2, 5], [1, 1, np.nan]]  # relative: .8 .4 1 and 1 1; over the area min .4, max 1
    found = eqi(groups, groups, groups, "area")
    np.testing.assert_allclose(found, [[200 / 3, 0, 100], [100, 100, np.nan]], rtol=1e-12, atol=1e-12)


def test_a_flat_group_is_undefined_and_nodata_stays():
    assert np.isnan(eqi([3, 3], [50, 50], [900, 900], "group")).all()
    assert np.isnan(eqi([0, 0], [0, 0], [0, 0], "none")).all()
    assert np.isnan(eqi([4, np.nan, 5], [80, 60, 90], [1500, 900, 1800], "none")).tolist() == [False, True, False]


def test_scope_has_no_default():
    with pytest.raises(UnknownName, match="normalise_scope"):
        run("survey_eqi@hj1172_2021", lai=(1, "1"), fvc=(1, "%"), gpp=(1, "g C/m2"))
    with pytest.raises(MissingParameter, match="归一化"):
        PARAMETERS.find("nature.eqi_scope", set="hj1172_2021")


def test_quality_grades_include_their_lower_bound():
    assert eqi_words([100, 75, 74.9, 55, 35, 20, 19.9, 0]) == ["优", "优", "良", "良", "中", "低", "差", "差"]


def test_the_reference_cell_is_reported():
    found = run("reference_cell@hj1172_2021", value=([[4, np.nan, 5], [np.nan] * 3], "1"))
    assert found[0] == 2 and np.isnan(found[1])


def test_cover_is_not_clipped():
    ends = {"ndvi_soil": (0.1, "1"), "ndvi_veg": (0.9, "1")}
    assert run("fvc@hj1172_2021", ndvi=([0.1, 0.5, 1.0], "1"), **ends) == pytest.approx([0, 0.5, 1.125], rel=1e-12)
    assert np.isnan(run("fvc@hj1172_2021", ndvi=(0.5, "1"), ndvi_soil=(0.5, "1"), ndvi_veg=(0.5, "1")))


def objective(selected):
    """NS-13: equal cost, BLM 0; a species without its one unit costs more than any plan."""
    a_missing, b_missing = not selected[0], not (selected[1] or selected[2])
    return float(
        run(
            "marxan_objective@hj1173_2021",
            selected=(selected, "class"),
            cost=([1, 1, 1], "1"),
            boundary=(6, "1"),
            boundary_modifier=(0, "1"),
            penalty=([a_missing, b_missing], "1"),
            penalty_factor=([10, 10], "1"),
            cost_threshold_penalty=(0, "1"),
        )
    )


def test_ns_13_irreplaceability():
    plans = list(product([0.0, 1.0], repeat=3))
    best = min(map(objective, plans))
    optimal = [plan for plan in plans if objective(plan) == best]
    assert optimal == [(1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
    drawn = np.random.default_rng(2021).integers(len(optimal), size=100)
    selected = (np.array(optimal)[drawn].T, "class")  # unit x run
    runs = run("irreplaceability_count@hj1173_2021", selected=selected)
    share = run("irreplaceability_share@hj1173_2021", selected=selected)
    assert runs[0] == 100 and runs[1] + runs[2] == 100
    assert share[0] == 1.0 and share[1] + share[2] == pytest.approx(1.0, rel=1e-12)


def test_objective_adds_its_four_terms():
    found = run(
        "marxan_objective@hj1173_2021",
        selected=([1, 0, 1], "class"),
        cost=([2, 3, 4], "1"),
        boundary=(8, "1"),
        boundary_modifier=(0.5, "1"),
        penalty=([1, 0], "1"),
        penalty_factor=([7, 9], "1"),
        cost_threshold_penalty=(11, "1"),
    )
    assert found == 2 + 4 + 0.5 * 8 + 7 + 11


def test_species_count_once():
    plots = ([[1, 0, 0, 1], [1, 1, 0, 0]], "class")
    assert run("species_richness@hj1173_2021", present=plots) == 3
    found = run(
        "threatened_species@hj1173_2021",
        present=([1, 1, 1, 1, 0], "class"),
        protected=([1, 0, 0, 0, 1], "class"),
        iucn=([5, 4, 3, 1, 5], "class"),  # CR and protected; EN; VU; LC; CR but absent
    )
    assert found == 2


CONFUSION = ([[45, 5], [10, 40]], "count")


def kappa_words(kappa):
    found = run("kappa_grade@hj1176_2021", kappa=(kappa, "1"), cuts=cuts("nature.kappa_cut", "hj1176_2021"))
    return words("kappa_grade@hj1176_2021", found)


def test_ns_24_kappa():
    assert run("overall_accuracy@hj1176_2021", confusion=CONFUSION) == pytest.approx(0.85, abs=1e-12)
    kappa = run("kappa@hj1176_2021", confusion=CONFUSION)
    assert kappa == pytest.approx(0.70, abs=1e-12)
    assert kappa_words(kappa) == ["很好"]


def test_kappa_sides_and_undefined():
    assert kappa_words([-0.01, 0, 0.2, 0.21, 0.4, 0.6, 0.8, 0.81, 1]) == [
        "很差", "差", "差", "一般", "一般", "好", "很好", "极好", "极好",
    ]  # fmt: skip
    assert np.isnan(run("kappa@hj1176_2021", confusion=([[7, 0], [0, 0]], "count")))  # pe = 1
    assert np.isnan(run("kappa@hj1176_2021", confusion=(np.zeros((2, 2)), "count")))


NS_25 = {"measured": ([0.5, 0.6, 0.8], "1"), "inverted": ([0.55, 0.6, 0.75], "1")}


def test_ns_25_inversion_precision():
    ree = run("ree@hj1176_2021", **NS_25)
    assert ree == pytest.approx(0.06508688, abs=1e-8)
    precision = run("inversion_precision@hj1176_2021", ree=(ree, "1"))
    assert precision == pytest.approx(0.93491312, abs=1e-8)
    limit = PARAMETERS.find("nature.inversion_limit", set="hj1176_2021").value
    verdict = run("inversion_verdict@hj1176_2021", precision=(precision, "fraction"), limit=(limit, "%"))
    assert words("inversion_verdict@hj1176_2021", verdict) == ["合格"]
    swapped = {"measured": NS_25["inverted"], "inverted": NS_25["measured"]}
    assert run("ree@hj1176_2021", **swapped) == pytest.approx(0.06808389, abs=1e-8)  # dividing by measured


def test_inverted_zero_is_left_out_and_counted():
    samples = {"measured": ([0.5, 0.6, 0.8, 0.1], "1"), "inverted": ([0.55, 0.6, 0.75, 0], "1")}
    assert run("ree@hj1176_2021", **samples) == run("ree@hj1176_2021", **NS_25)
    assert run("ree_excluded@hj1176_2021", **samples) == 1
    assert np.isnan(run("ree@hj1176_2021", measured=([1], "1"), inverted=([0], "1")))


def verdict(set_, accuracy, cls="一级类"):
    limit = PARAMETERS.find("nature.accuracy_limit", cls=cls, set=set_).value
    return words(
        f"accuracy_verdict@{set_}", run(f"accuracy_verdict@{set_}", accuracy=(accuracy, "%"), limit=(limit, "%"))
    )


def test_ns_26_both_verdicts_at_the_limit():
    accuracy = run("class_accuracy@hj1166_2021", right=(190, "count"), points=(200, "count"))
    assert accuracy == 95.0
    assert verdict("hj1166_2021", accuracy) == ["合格"]
    assert verdict("hj1176_2021", accuracy) == ["不合格"]
    assert verdict("hj1166_2021", 84.9, "二级类") == ["不合格"]
    assert verdict("hj1176_2021", 85.1, "总体") == ["合格"]


def test_a_class_without_points_is_not_verified():
    accuracy = run("class_accuracy@hj1166_2021", right=(0, "count"), points=(0, "count"))
    assert np.isnan(accuracy)
    assert verdict("hj1166_2021", accuracy) == verdict("hj1176_2021", accuracy) == ["未核查"]


def test_more_right_points_than_points_are_refused():
    with pytest.raises(OutOfBounds, match="more points are right"):
        run("class_accuracy@hj1166_2021", right=([3, 6], "count"), points=([5, 5], "count"))


def test_leaf_area_index_by_hand():
    """HJ 1172-2021 B.1, B.2: 2*0.5^3 - 1*0.5^2 + 4*0.5 + 0.1 = 2.1; 0.2 + 3*0.25^0.5 = 1.7."""
    one = "1"
    cubic = run("lai_cubic@hj1172_2021", x=(0.5, one), a=(2, one), b=(-1, one), c=(4, one), d=(0.1, one))
    assert cubic == pytest.approx(2.1, rel=1e-12)
    assert run("lai_power@hj1172_2021", x=(0.25, one), a=(0.2, one), b=(3, one), c=(0.5, one)) == pytest.approx(1.7)
    with pytest.raises(OutOfBounds):
        run("lai_power@hj1172_2021", x=(-0.1, one), a=(0, one), b=(1, one), c=(0.5, one))


def test_the_logarithm_of_leaf_area_waits_for_a_page_check():
    with pytest.raises(MissingParameter, match="lai_logarithm"):
        PARAMETERS.find("nature.lai_logarithm", set="hj1172_2021")


def test_ns_27_points_and_plots():
    required = []
    for parameter in ("nature.area_per_check_point", "nature.area_per_plot"):
        per_point = PARAMETERS.find(parameter, set="hj1176_2021").value
        required.append(run("points_required@hj1176_2021", area=(17620, "km2"), area_per_point=(per_point, "km2")))
    assert required == [177, 2]
    whole = run("points_required@hj1176_2021", area=(1_760_000, "hm2"), area_per_point=(100, "km2"))
    assert whole == 176


def test_accuracy_limits():
    with pytest.raises(OutOfBounds, match="accuracy"):
        run("accuracy_verdict@hj1166_2021", accuracy=(101, "%"), limit=(95, "%"))
    with pytest.raises(OutOfBounds, match="rising"):
        run("eqi_grade@hj1172_2021", eqi=(50, "1"), cuts=([75, 55, 35, 20], "1"))


def test_labels_are_those_of_the_grade_table():
    with Path(DOMAINS.by_name["nature"].folder, "standards/grades.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    for ref, system, factor in (
        ("nature.eqi_grade@hj1172_2021", "ecosystem_quality", "EQI"),
        ("nature.kappa_grade@hj1176_2021", "kappa", "Kappa"),
        ("nature.forest_degradation_grade@hj1174_2021", "forest_degradation", "FDI"),
        ("nature.grass_degradation_grade@hj1174_2021", "grass_degradation", "GDI"),
        ("nature.sandification_grade@hj1174_2021", "sandification", "植被覆盖度"),
        ("wetland.area_loss_grade@hj1174_2021", "wetland_degradation", "面积减少率"),
        ("wetland.tli_grade@hj1174_2021", "wetland_degradation", "TLI"),
        ("water.trophic_class@hj1174_2021", "trophic_state", "TLI"),
    ):
        rows = {int(r["code"]): r["zh"] for r in table if (r["system"], r["factor"]) == (system, factor)}
        assert tuple(rows[i] for i in sorted(rows)) == REGISTRY[ref].result.labels


positive = st.lists(st.floats(0.1, 100), min_size=3, max_size=12, unique=True)


@given(positive, st.floats(0.5, 20))
def test_under_group_scope_fmax_cancels_out(values, scale):
    """national-survey.md section 3, trap 3: min-max inside the group undoes any common factor."""
    x = np.array(values)
    one = eqi(x, x, x, "group")
    other = eqi(x * scale, x, x, "group")
    assert other == pytest.approx(one, abs=1e-6)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20))
def test_quality_grade_rises_with_the_index(values):
    found = run("eqi_grade@hj1172_2021", eqi=(sorted(values), "1"), cuts=cuts("nature.eqi_cut", "hj1172_2021"))
    assert np.all(np.diff(found) >= 0)


@given(st.lists(st.integers(0, 50), min_size=9, max_size=9).filter(lambda n: sum(n) > 0))
def test_kappa_is_at_most_overall_accuracy_and_one_when_all_right(counts):
    matrix = np.array(counts, dtype=float).reshape(3, 3)
    kappa = run("kappa@hj1176_2021", confusion=(matrix, "count"))
    overall = run("overall_accuracy@hj1176_2021", confusion=(matrix, "count"))
    assert np.isnan(kappa) or kappa <= overall + 1e-12
    diagonal = np.diag([3.0, 4.0, 5.0])
    assert run("kappa@hj1176_2021", confusion=(diagonal, "count")) == pytest.approx(1, rel=1e-12)
