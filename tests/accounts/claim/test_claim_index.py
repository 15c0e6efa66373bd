"""Double counting: FOR-23 of forest.md, geometry, identity, what is refused before, and a province of parcels."""

import dataclasses
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.claim.index import Claim, DoubleCounted, check_claims, overlaps, refuse_double_counting
from qingshan.accounts.claim.words import claim_word, declaration
from qingshan.core.errors import OutOfBounds

FIELD = shapely.box(500_000, 2_900_000, 500_100, 2_900_100)
BESIDE = shapely.box(500_100, 2_900_000, 500_200, 2_900_100)
CCER = Claim("A", "ccer", "p1", "2021-01-01", "2026-01-01", "tree", "removal", FIELD)


def ticket(**k):
    return dataclasses.replace(CCER, id="B", scheme="carbon_ticket", start="2025-01-01", end="2030-01-01", **k)


def test_for_23_same_land_in_overlapping_years_is_refused_with_a_map():
    with pytest.raises(DoubleCounted, match="p1") as refused:
        refuse_double_counting([CCER], [ticket()], 1.0)
    feature = refused.value.map["features"][0]
    assert feature["properties"] == {"first": "A", "second": "B", "area_m2": 10_000.0, "identity": True}
    assert feature["geometry"]["type"] == "Polygon"
    assert "2025-01-01 to 2026-01-01" in refused.value.en and "p1" in refused.value.zh


def test_for_23_later_years_and_a_neighbour_are_accepted():
    later = dataclasses.replace(ticket(), start="2026-01-01", end="2031-01-01")
    refuse_double_counting([CCER], [later, ticket(parcel="p2", geometry=BESIDE)], 1.0)


def test_land_is_what_counts_whatever_its_number():
    moved = shapely.transform(FIELD, lambda xy: xy + np.array([90.0, 0.0]))
    with pytest.raises(DoubleCounted, match=r"share 1000\.0 m2"):
        refuse_double_counting([CCER], [ticket(parcel="other", geometry=moved)], 1.0)
    refuse_double_counting([CCER], [ticket(parcel="other", geometry=moved)], 1000.0)  # not beyond the tolerance


def test_another_pool_or_a_claim_that_was_rejected_does_not_hold_the_land():
    refuse_double_counting([CCER], [ticket(pool="soil")], 1.0)
    for state in ("rejected", "cancelled"):
        refuse_double_counting([dataclasses.replace(CCER, state=state)], [ticket()], 1.0)
    with pytest.raises(DoubleCounted):
        refuse_double_counting([dataclasses.replace(CCER, state="retired")], [ticket()], 1.0)


def test_a_single_tree_is_known_by_its_number_only():
    tree = dataclasses.replace(CCER, scheme="single_tree", parcel="tree-7", geometry=None)
    assert [o.identity for o in overlaps([tree, dataclasses.replace(tree, id="C")], 0.0)] == [True]
    assert overlaps([tree, dataclasses.replace(tree, id="C", parcel="tree-8")], 0.0) == []


def test_three_claims_on_one_parcel_are_three_pairs():
    assert len(overlaps([dataclasses.replace(CCER, id=i) for i in "abc"], 0.0)) == 3


def test_old_quarrels_do_not_refuse_a_new_claim():
    old = [CCER, dataclasses.replace(CCER, id="A2")]
    refuse_double_counting(old, [ticket(parcel="p2", geometry=BESIDE)], 1.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"geometry": shapely.Polygon([(5e5, 0), (5e5 + 9, 9), (5e5 + 9, 0), (5e5, 9)])}, "self_intersection"),
        ({"geometry": shapely.LineString([(5e5, 0), (5e5, 9)])}, "no_area"),
        ({"geometry": shapely.box(106.1, 26.1, 106.2, 26.2)}, "degrees"),
        ({"end": "2021-01-01"}, "dates"),
        ({"scheme": "club"}, "unknown_word"),
        ({"benefit": "karst_sink"}, "separate_account"),
        ({"benefit": "grass_stock"}, "separate_account"),
    ],
)
def test_wrong_claims_are_named_and_refused(change, code):
    wrong = dataclasses.replace(CCER, **change)
    assert [f.code for f in check_claims([CCER, wrong])] == [code]
    with pytest.raises(OutOfBounds):
        refuse_double_counting([], [wrong], 1.0)


def test_the_tolerance_has_no_default_and_is_not_negative():
    with pytest.raises(TypeError):
        refuse_double_counting([], [CCER])  # type: ignore[call-arg]
    with pytest.raises(OutOfBounds, match="tolerance"):
        overlaps([CCER], -1.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_index_finds_what_comparing_every_pair_finds(seed):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (25, 2)) + np.array([500_000, 2_900_000])
    sizes = rng.integers(1, 15, (25, 2))
    years = rng.integers(2020, 2030, 25)
    claims = [
        Claim(str(i), "ccer", f"p{rng.integers(0, 20)}", f"{y}-01-01", f"{y + rng.integers(1, 4)}-01-01", str(rng.choice(["tree", "soil"])), "removal",
              shapely.box(*c, *(c + s)))
        for i, (c, s, y) in enumerate(zip(corners, sizes, years, strict=True))
    ]  # fmt: skip
    slow = []
    for i, a in enumerate(claims):
        for b in claims[i + 1 :]:
            meet = a.pool == b.pool and a.start < b.end and b.start < a.end
            if meet and (a.parcel == b.parcel or a.geometry.intersection(b.geometry).area > 3):
                slow.append((a.id, b.id))
    assert [(o.first.id, o.second.id) for o in overlaps(claims, 3.0)] == slow


def test_a_province_of_parcels_is_checked_in_seconds():
    """100 000 parcels side by side with one intruder; the time is printed, not asserted."""
    side = 317
    y, x = np.divmod(np.arange(side * side), side)
    shapes = shapely.box(5e5 + x * 60, 29e5 + y * 60, 5e5 + x * 60 + 60, 29e5 + y * 60 + 60)
    claims = [
        Claim(f"c{i}", "ccer", f"p{i}", "2021-01-01", "2041-01-01", "tree", "removal", g) for i, g in enumerate(shapes)
    ]
    intruder = Claim(
        "x",
        "carbon_ticket",
        "px",
        "2030-01-01",
        "2035-01-01",
        "tree",
        "removal",
        shapely.box(5e5 + 90, 29e5 + 90, 5e5 + 130, 29e5 + 110),
    )
    begun = time.process_time()
    found = overlaps([*claims, intruder], 1.0)
    print(f"{len(claims)} parcels: {time.process_time() - begun:.2f} CPU s")
    assert len(claims) > 100_000
    # x 90..130 lies in columns 1 and 2 (60..120, 120..180), y 90..110 in row 1: 30 * 20 and 10 * 20 m2
    assert {(o.first.id, o.area) for o in found} == {("c318", 600.0), ("c319", 200.0)}


def test_every_scheme_pool_and_benefit_has_a_name_and_a_refusal_says_it():
    words = declaration()
    assert set(words["names"]) == {*words["schemes"], *words["pools"], *words["benefits"]}
    assert claim_word("carbon_ticket", "zh") == "林业碳票" and claim_word("nobody", "en") == "nobody"
    box = shapely.box(0, 0, 100, 100)
    both = [
        Claim(i, s, i, "2020-01-01", "2021-01-01", "tree", "removal", box)
        for i, s in (("a", "ccer"), ("b", "carbon_ticket"))
    ]
    (found,) = overlaps(both, 1.0)
    assert found.sentence("en") == (
        "China certified emission reduction (CCER) a and forest carbon ticket b share 10000.0 m2 (trees, 2020-01-01 to 2021-01-01)"
    )
    assert (
        found.sentence("zh")
        == "国家核证自愿减排量（CCER） a 与 林业碳票 b 重叠 10000.0 m2（林木，2020-01-01 至 2021-01-01）"
    )
