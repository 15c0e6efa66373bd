"""Each methodology the contract names, as data: what it says of every step, what refuses, and that only openness drafts.

The tables below are typed from the specification of forest carbon (sections 3 to 6), not from the declarations.
"""

import datetime as dt
from dataclasses import replace

import pytest

from qingshan.accounts.claim import methodology as module
from qingshan.accounts.claim.methodology import ASPECTS, issue, methodology, reduction
from qingshan.core.domain import load_domains
from qingshan.core.errors import RefusedRelease
from qingshan.observe.estimate import Estimate

# eligibility, baseline, monitoring, leakage, deduction, buffer: known (k), open (o), or the methodology has none (n)
STEPS = {
    "ccer_14_001": "kooooo",
    "ar_cm_001": "kooooo",
    "bijie_ticket": "kooooo",
    "sanming_ticket": "kooooo",
    "single_tree": "koooon",
    "ar_tool14": "nkknkn",
    "gs403": "okkokk",
}
AFFORESTATION = {
    "forest_kind": "用材林", "planting": "竹子", "site": "荒山", "non_forest_years": 3, "clear_title": True, "area_m2": 667.0,
    "start_year": 2019, "trees_removed": False, "shrubs_removed_share": 0.2, "small_bamboo_removed_share": 0.0,
}  # fmt: skip
# on each limit, and what lies beyond it: field, value, the check that refuses
ELIGIBLE = {
    "ccer_14_001": AFFORESTATION,
    "ar_cm_001": {"non_forest_since": "2005-02-16"},
    "bijie_ticket": {"clear_title": True},
    "single_tree": {"trees": 450, "area_mu": 2},
    "sanming_ticket": {},
    "ar_tool14": {},
    "gs403": {},
}
BEYOND = [
    ("ccer_14_001", {"forest_kind": "经济林"}, "forest_kind"),
    ("ccer_14_001", {"planting": "草本"}, "planting"),
    ("ccer_14_001", {"site": "通道绿化"}, "site"),
    ("ccer_14_001", {"site": "城镇村及工矿绿化"}, "site"),
    ("ccer_14_001", {"site": "湿地"}, "site"),
    ("ccer_14_001", {"non_forest_years": 2.9}, "non_forest_years"),
    ("ccer_14_001", {"clear_title": False}, "clear_title"),
    ("ccer_14_001", {"area_m2": 666.9}, "parcel_area_before_2020"),
    ("ccer_14_001", {"area_m2": 399.9, "start_year": 2020}, "parcel_area"),
    ("ccer_14_001", {"trees_removed": True}, "trees_kept"),
    ("ccer_14_001", {"small_bamboo_removed_share": 0.001}, "shrubs_removed"),
    ("ar_cm_001", {"non_forest_since": "2005-02-17"}, "non_forest_since"),
    ("bijie_ticket", {"clear_title": False}, "clear_title"),
    ("single_tree", {"trees": 451}, "trees"),
    ("single_tree", {"area_mu": 2.1}, "area"),
    ("single_tree", {"area_mu": 1.9}, "density"),
]
DRAFT = Estimate(1000.0, 0.0, 9, 10)


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_known_open_or_none_as_the_specification_has_it(name):
    chosen = methodology(name)
    assert ASPECTS == ("eligibility", "baseline", "monitoring", "leakage", "deduction", "buffer")
    said = [chosen.aspects[a] for a in ASPECTS]
    none = {"single_tree": {"buffer"}}.get(name, set())  # told by the press: none
    letters = "".join("o" if a.status == "open" else "n" if a.status == "none" or a.id in none else "k" for a in said)
    assert letters == STEPS[name]
    for aspect in said:
        assert aspect.status in {"open", "none", "secondary", "news"}
        assert (aspect.status == "open") == bool(aspect.document and aspect.status == "open")
    # each method and row that a step names is there, with a unit and a source
    for aspect in chosen.aspects.values():
        for ref in aspect.methods:
            assert load_domains().registry[ref].ref.startswith("forest.")
        for used in aspect.parameters:
            row = load_domains().parameters().find(used["parameter"], set=used["set"])
            assert row.value is not None and row.source_title


@pytest.mark.parametrize("name", STEPS)
def test_what_lies_on_every_limit_is_eligible(name):
    assert methodology(name).check(ELIGIBLE[name]) == []


@pytest.mark.parametrize(("name", "change", "code"), BEYOND)
def test_what_lies_beyond_a_limit_is_named_in_both_languages(name, change, code):
    found, *more = methodology(name).check(ELIGIBLE[name] | change)
    assert (found.code, found.level) == (code, "error")
    assert [f.code for f in more] == (["density"] if code == "trees" else [])  # 451 trees on 2 mu
    assert methodology(name).zh in found.zh and methodology(name).en in found.en and found.limit
    with pytest.raises(RefusedRelease) as refused:
        issue(name, ELIGIBLE[name] | change, "removal")
    assert any(found.en in r for r in refused.value.reasons)


def test_every_coded_check_has_a_case_beyond_it():
    assert {(n, c["id"]) for n in STEPS for c in methodology(n).checks} == {(n, code) for n, _, code in BEYOND}


@pytest.mark.parametrize(("name", "fact"), [(n, f) for n in STEPS for f in ELIGIBLE[n]])
@pytest.mark.parametrize("value", ["不详", None, float("nan"), [1]])
def test_an_answer_of_the_wrong_kind_refuses_and_breaks_nothing(name, fact, value):
    found = methodology(name).check(ELIGIBLE[name] | {fact: value})
    if fact == "site" and value == "不详":
        return  # a word of its own, and none of those that are excluded
    assert found and all(f.level == "error" and f.zh != f.en for f in found)
    assert any(fact in (f.field or "") for f in found)


def test_a_date_of_toml_is_a_date():
    for day, ok in ((dt.date(2005, 2, 16), True), (dt.date(2005, 2, 17), False), (dt.date(1999, 12, 31), True)):
        assert (methodology("ar_cm_001").check({"non_forest_since": day}) == []) is ok


@pytest.mark.parametrize("name", STEPS)
def test_a_profile_with_open_values_drafts_and_refuses_to_issue(name):
    chosen = methodology(name)
    got = reduction(name, DRAFT, ELIGIBLE[name])
    # an exact estimate has nothing to deduct; only GS403 says what is kept back (20 %)
    assert got.label == "draft" and got.creditable == pytest.approx({"gs403": 800.0}.get(name, 1000.0))
    with pytest.raises(RefusedRelease) as refused:
        issue(name, ELIGIBLE[name], "removal")
    said = " ".join(refused.value.reasons)
    for slot in chosen.open:
        assert slot["slot"] in said and slot["document"] in said
    assert bool(chosen.open) == (name != "ar_tool14") and ("issues nothing" in said) == (name == "ar_tool14")


@pytest.mark.parametrize("name", [n for n in STEPS if n != "ar_tool14"])
def test_nothing_but_openness_stands_against_an_eligible_project(name, monkeypatch):
    """With every slot filled the same project is final and may issue; with any one step open again it may not."""
    plain = methodology(name)
    filled = {a.id: replace(a, status="secondary", document="") for a in plain.aspects.values()}
    whole = replace(plain, open=(), aspects=filled, deduction="ar_tool14")
    monkeypatch.setattr(module, "load_methodologies", lambda: {name: whole})
    assert issue(name, ELIGIBLE[name], "removal") is whole
    assert reduction(name, DRAFT, ELIGIBLE[name]).label == "final"
    for separate in ("karst_sink", "grass_stock"):
        with pytest.raises(RefusedRelease, match="separate account"):
            issue(name, ELIGIBLE[name], separate)
    for aspect in ASPECTS:
        again = replace(filled[aspect], status="open", document=f"the paper on {aspect}")
        part = replace(whole, aspects=filled | {aspect: again})
        monkeypatch.setattr(module, "load_methodologies", lambda part=part: {name: part})
        with pytest.raises(RefusedRelease, match=f"the paper on {aspect}"):
            issue(name, ELIGIBLE[name], "removal")
        assert reduction(name, DRAFT, ELIGIBLE[name]).label == "draft"
    monkeypatch.setattr(module, "load_methodologies", lambda: {name: replace(whole, deduction="ccer_14_001")})
    with pytest.raises(RefusedRelease, match="deduction rule ccer_14_001 is open"):
        issue(name, ELIGIBLE[name], "removal")


# relative half-width E at 90 % and what is left of 100 t: AR-TOOL14 appendix 2 (upper bound inclusive), GS403 above 20 %
@pytest.mark.parametrize(
    ("name", "error", "left"),
    [
        ("ar_tool14", 0.10, 100), ("ar_tool14", 0.12, 97), ("ar_tool14", 0.15, 96.25), ("ar_tool14", 0.20, 90),
        ("ar_tool14", 0.30, 77.5), ("ar_tool14", 0.31, 69), ("gs403", 0.20, 80), ("gs403", 0.30, 72),
    ],
)  # fmt: skip
def test_the_deduction_and_the_buffer_are_those_of_the_profile(name, error, left):
    t = 1.8331129326536335  # two-sided 90 %, 9 degrees of freedom
    got = reduction(name, Estimate(100.0, (error * (1 - 1e-9) * 100 / t) ** 2, 9, 10), {})
    assert got.creditable == pytest.approx(left, rel=1e-8)
