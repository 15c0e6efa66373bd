"""Methodologies: FOR-25, FOR-26 and FOR-27 of forest.md; a separate account never becomes a unit."""

import pytest

from qingshan.accounts.claim.index import declaration
from qingshan.accounts.claim.methodology import ASPECTS, issue, load_methodologies, methodology, reduction
from qingshan.core.errors import OutOfBounds, RefusedRelease, UnknownName
from qingshan.observe.estimate import Estimate

PARCEL = {
    "forest_kind": "防护林", "planting": "乔木", "site": "荒山", "non_forest_years": 5, "clear_title": True, "area_m2": 5000.0,
    "start_year": 2023, "trees_removed": False, "shrubs_removed_share": 0.05, "small_bamboo_removed_share": 0.0,
}  # fmt: skip


def failed(name, **project):
    return [f.code for f in methodology(name).check(project)]


@pytest.mark.parametrize(
    ("trees", "area", "says"), [(450, 2, []), (451, 2, ["trees", "density"]), (226, 1, ["density"]), (450, 3, ["area"])]
)
def test_for_25_single_trees(trees, area, says):
    assert failed("single_tree", trees=trees, area_mu=area) == says


def test_for_26_afforestation():
    assert failed("ccer_14_001", **PARCEL) == []
    assert failed("ccer_14_001", **PARCEL | {"area_m2": 399}) == ["parcel_area"]
    assert failed("ccer_14_001", **PARCEL | {"area_m2": 500}) == []
    assert failed("ccer_14_001", **PARCEL | {"area_m2": 500, "start_year": 2018}) == ["parcel_area_before_2020"]
    assert failed("ccer_14_001", **PARCEL | {"shrubs_removed_share": 0.15, "small_bamboo_removed_share": 0.06}) == [
        "shrubs_removed"
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"forest_kind": "经济林"}, "forest_kind"), ({"planting": "草"}, "planting"), ({"site": "湿地"}, "site"),
        ({"non_forest_years": 2}, "non_forest_years"), ({"clear_title": False}, "clear_title"), ({"trees_removed": True}, "trees_kept"),
    ],
)  # fmt: skip
def test_every_readable_condition_refuses(change, code):
    (found,) = methodology("ccer_14_001").check(PARCEL | change)
    assert found.code == code and "造林碳汇" in found.zh and found.limit


def test_what_is_not_given_is_not_assumed():
    given = {k: v for k, v in PARCEL.items() if k not in ("start_year", "clear_title")}
    found = methodology("ccer_14_001").check(given)
    assert {f.code for f in found} == {"field_missing"} and {f.field for f in found} == {"start_year", "clear_title"}


def test_for_27_the_bijie_ticket_refuses_and_names_the_slot():
    with pytest.raises(RefusedRelease, match=r"forest\.bijie_ticket_method") as refused:
        issue("bijie_ticket", {"clear_title": True}, "removal")
    assert any("毕节市林业碳票碳减排量计量方法" in r for r in refused.value.reasons) and len(refused.value.reasons) == 2


@pytest.mark.parametrize("name", sorted(load_methodologies()))
@pytest.mark.parametrize("benefit", declaration()["separate"])
def test_a_separate_account_never_reaches_a_unit(name, benefit):
    with pytest.raises(RefusedRelease) as refused:
        issue(name, PARCEL, benefit)
    assert any("separate account" in r for r in refused.value.reasons)
    assert benefit not in declaration()["benefits"]


@pytest.mark.parametrize("name", sorted(load_methodologies()))
def test_no_methodology_can_issue_while_something_is_open(name):
    chosen = methodology(name)
    assert chosen.open or chosen.tool
    with pytest.raises(RefusedRelease):
        issue(name, PARCEL | {"trees": 1, "area_mu": 1}, "removal")


def test_a_draft_deducts_and_keeps_a_buffer_back():
    # E of GS403 from t: df 9, 90 %: 1.833113; se 20 of 100 gives E 0.3666; 100 * (1 - 0.1666) = 83.34, less a buffer of 20 %
    got = reduction("gs403", Estimate(100.0, 400.0, 9, 10), {})
    assert got.deducted == pytest.approx(100 * (1 - (1.8331129 * 0.2 - 0.2)), rel=1e-6)
    assert got.creditable == pytest.approx(got.deducted * 0.8) and got.label == "draft"
    with pytest.raises(UnknownName):
        methodology("none")


def test_an_open_deduction_gives_a_draft_that_says_so():
    got = reduction("ccer_14_001", Estimate(100.0, 1.0, 9, 10), PARCEL)
    assert got.label == "draft" and got.creditable == 100 and [f.code for f in got.findings] == ["deduction_open"]


def test_baseline_and_leakage_come_off_before_the_buffer():
    # no half-width: nothing deducted; (100 - 12 - 3) * 0.8
    got = reduction("gs403", Estimate(100.0, 0.0, 9, 10), {}, baseline=12, leakage=3)
    assert got.net == 85 and got.creditable == pytest.approx(68)
    assert reduction("gs403", Estimate(10.0, 0.0, 9, 10), {}, baseline=12).creditable == -2  # no buffer of a loss
    for wrong in ({"baseline": float("nan")}, {"leakage": -1.0}):
        with pytest.raises(OutOfBounds):
            reduction("gs403", Estimate(100.0, 0.0, 9, 10), {}, **wrong)


@pytest.mark.parametrize("name", sorted(load_methodologies()))
def test_every_methodology_says_something_of_every_step(name):
    aspects = methodology(name).aspects
    assert set(ASPECTS) <= set(aspects)
    for aspect in aspects.values():
        assert aspect.zh and aspect.en and aspect.zh != aspect.en
        assert aspect.document or aspect.status != "open"
    assert methodology(name).tool or any(a.status == "open" for a in aspects.values())


def test_the_profiles_the_contract_names_are_there():
    wanted = {
        "ccer_14_001",
        "ar_cm_001",
        "ar_cm_003",
        "bijie_ticket",
        "sanming_ticket",
        "single_tree",
        "ar_tool14",
        "gs403",
    }
    assert wanted <= set(load_methodologies())


def test_what_a_buyer_of_trees_is_promised_is_checked_in_the_period():
    kept = {"trees_felled": 0, "trees_lost_not_replanted": 0, "period_years": 5}
    assert methodology("single_tree").monitored(kept) == []
    assert [f.code for f in methodology("single_tree").monitored(kept | {"trees_felled": 1, "period_years": 6})] == [
        "no_felling",
        "period",
    ]
    assert [f.code for f in methodology("single_tree").monitored({})] == ["field_missing"] * 3
