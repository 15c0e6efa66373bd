"""Figures of the account: arithmetic that can be done by hand, additivity, spans, labels, refusals."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qingshan.accounts.profile import find_profile
from qingshan.accounts.run import ACCOUNTED, compute, run_account
from qingshan.accounts.store import Store
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY
from qingshan.zone.zone import open_zone

from .conftest import EAST, ROOT, TINY, WEST, make_zone, months

YEARS = ("2020", "2021", "2022")


# ---- current and constant prices: GEP-17 -----------------------------------------------------------------------------


def test_gep_17_current_and_constant_prices_through_the_machinery(complete):
    """Reservoir capacity 200, 220 m3, share 0.5: Q 100 -> 110 m3; price 2 -> 2.5 元/m3, base 2020."""
    quantity = [complete.fact("gep.flood_reservoir", ROOT, y).value for y in YEARS[:2]]
    current, constant = (
        [complete.fact("gep.flood_reservoir_value", ROOT, y, basis=b).value for y in YEARS[:2]]
        for b in complete.profile.bases()
    )
    assert complete.profile.bases() == ("current", "constant-2020")
    assert (quantity, current, constant) == ([100, 110], [200, 275], [200, 220])
    load_domains()
    index = REGISTRY["economy.quantity_index@laspeyres"].apply(
        {"constant_value": (220, "元"), "base_value": (200, "元")}
    )
    prices = REGISTRY["economy.price_index@implicit"].apply(
        {"current_value": (275, "元"), "constant_value": (220, "元")}
    )
    assert float(index) == pytest.approx(1.10, rel=1e-12) and float(prices) == pytest.approx(1.25, rel=1e-12)


def test_products_are_priced_by_item_and_those_from_outside_deducted(complete):
    """East 2020: rice (5000-200) t x 2500 + tea 100 t x 60000; water 4e5 x 2.6 + 3e5 x 3.6 + 2e6 x 0.07; 1e6 kWh x 0.53."""
    goods = 4800 * 2500 + 100 * 60000
    water = 400000 * 2.6 + 300000 * 3.6 + 2000000 * 0.07
    assert complete.fact("gep.products_value", EAST, "2020", basis="current").value == pytest.approx(
        goods + water + 530000, rel=1e-12
    )


def test_treated_pollutants_are_capped_at_each_place_not_in_the_sum(complete):
    """NOx: East treats 8 t of 5 t, West 4 t of 5 t: 5 + 4 = 9, where the sums (12 t of 10 t) would give 10."""
    east, west = 12 + 5 + 40, 6 + 4 + 20  # SO2 + NOx + dust
    assert [complete.fact("gep.air_purified", p, "2020").value for p in (EAST, WEST, ROOT)] == [east, west, east + west]


def test_recreation_takes_the_visits_of_every_origin(complete):
    """East 2020: 2000 visits at 150 + 50 元, 1000 visits at 800 + 0 元."""
    assert complete.fact("gep.recreation_value", EAST, "2020", basis="current").value == 2000 * 200 + 1000 * 800


# ---- GEP-10: negative balances ---------------------------------------------------------------------------------------


def gep_10(folder: Path, policy: str) -> Path:
    """Cell a: evergreen broadleaf, 10 km2, P 1200, ET 700 mm; cell b: 热带亚热带草丛, 5 km2, P 800, ET 850 mm."""
    facts = [*months("1", 1200), *months("2", 800)]
    for place, wood, grass, et in (("1", 1000.0, 0.0, 700.0), ("2", 0.0, 500.0, 850.0)):
        facts += [
            (place, "2020", "land.forest.arbor", wood, "hm2"), (place, "2020", "land.grass", grass, "hm2"),
            (place, "static", "place.area", 20.0, "km2"),
            (place, "2020", "water.evapotranspiration.wood", et, "mm"), (place, "2020", "water.evapotranspiration.grass", et, "mm"),
        ]  # fmt: skip
    return make_zone(folder, facts, more=f'[policies]\nnegative_retention = "{policy}"\n' if policy else "")


@pytest.mark.parametrize(("policy", "whole"), [("keep", 4_037_200), ("floor_zero", 4_442_000)])
def test_gep_10_policies_through_the_engine(tmp_path, home, policy, whole):
    run = run_account(gep_10(tmp_path / "z", policy), "garze2017")
    assert run.fact("gep.water_retention", "1", cls="wood").value == pytest.approx(4_442_000, rel=1e-9)
    assert run.fact("gep.water_retention", "0").value == pytest.approx(whole, rel=1e-9)
    assert run.fact("water.negative_volume", "0").value == pytest.approx(-404_800, rel=1e-9)
    assert run.fact("water.negative_area", "0").value == pytest.approx(5, rel=1e-9)


def test_gep_10_report_only_counts_no_negative_cell(tmp_path, home):
    """The negative cell has no counted volume; it is left out by name, and its area and volume still stand."""
    run = run_account(gep_10(tmp_path / "z", "report_only"), "garze2017")
    assert run.fact("gep.water_retention", "1").value == pytest.approx(4_442_000, rel=1e-9)
    cell = run.fact("gep.water_retention", "2", cls="grass")
    assert cell.value is None and cell.refusal.code == "undefined"
    assert run.fact("water.negative_volume", "2").value == pytest.approx(-404_800, rel=1e-9)
    assert run.fact("water.negative_area", "2", cls="").value == pytest.approx(5, rel=1e-9)


def test_gep_10_absolute_value_is_refused(tmp_path, home):
    fact = run_account(gep_10(tmp_path / "z", "absolute"), "garze2017").fact("gep.water_retention", "1")
    assert fact.value is None
    assert {leaf.code for leaf in fact.refusal.leaves()} == {"method_error"}
    assert "keep, floor_zero, report_only" in fact.refusal.leaves()[0].en


def test_no_policy_anywhere_is_a_refusal_that_names_it(tmp_path, home):
    refusal = run_account(gep_10(tmp_path / "z", ""), "garze2017").fact("gep.water_retention", "1").refusal
    assert ("policy", "negative_retention") in {(leaf.code, leaf.needs) for leaf in refusal.leaves()}


# ---- spans and ranges ------------------------------------------------------------------------------------------------


def fu(rain: float, pet: float, omega: float) -> float:
    """Fu 1981 as printed: ET = P (1 + phi - (1 + phi^w)^(1/w)), phi = PET/P."""
    phi = pet / rain
    return rain * (1 + phi - (1 + phi**omega) ** (1 / omega))


def test_span_and_range_of_water_retained_by_hand(screening):
    """East 2020: P 1200 mm; wood 20 km2 at 4.65 %, heath 10 km2 at 3.87 to 9.37 %, fen 3 km2 at 0; omega 2.6 (2.3-2.9)."""
    pet = screening.fact("climate.pet", EAST, "2020").value

    def volume(omega: float, heath: float) -> float:
        left = 1200 - fu(1200, pet, omega)
        return 1000 * (20 * (left - 1200 * 0.0465) + 10 * (left - 1200 * heath) + 3 * left)

    fact = screening.fact("gep.water_retention", EAST, "2020")
    assert fact.value is None
    assert fact.span == pytest.approx((volume(2.6, 0.0937), volume(2.6, 0.0387)), rel=1e-12)
    assert fact.range == pytest.approx((volume(2.9, 0.0937), volume(2.3, 0.0387)), rel=1e-12)
    wood = screening.fact("gep.water_retention", EAST, "2020", cls="oakwood")
    assert wood.span is None and wood.value == pytest.approx(1000 * 20 * (1200 - fu(1200, pet, 2.6) - 55.8), rel=1e-12)


def test_class_without_a_type_is_left_out_with_its_area(screening):
    fact = screening.fact("gep.water_retention", EAST, "2020")
    node = screening.nodes[fact.key]
    assert "classes_excluded" in fact.flags
    assert node.notes["excluded_km2"] == {"town": 4.0}


def test_unmapped_classes_are_all_listed_where_the_profile_does_not_exclude_them(tmp_path, home):
    """bo2017 through the alpha map, `refuse` in place of `exclude`: both classes without a type are named, none is guessed."""
    zone = open_zone(gep_10(tmp_path / "z", "keep"))
    domains = load_domains()
    profile = find_profile(domains, "garze2017")
    strict = {id: replace(r, unmapped="refuse") for id, r in profile.recipes.items()}
    empty = {**zone.config, "map": [{**zone.config["map"][0], "rows": {}}]}
    _, cells = compute(
        replace(zone, config=empty), replace(profile, recipes=strict), domains, domains.parameters(), Store(None)
    )
    refused = next(c for c in cells if c.quantity == "gep.water_retention" and c.place == "1" and not c.cls)
    assert {leaf.needs for leaf in refused.refusal.leaves()} == {"alpha:wood", "alpha:grass"}
    assert {leaf.code for leaf in refused.refusal.leaves()} == {"unmapped_class"}


# ---- additivity ------------------------------------------------------------------------------------------------------


def test_classes_add_up_to_the_place_and_places_to_the_whole(complete):
    checked = 0
    for fact in complete.facts:
        if fact.role in ("physical", "value") and not fact.cls and fact.value is not None:
            recipe = complete.profile.recipes.get(fact.quantity)
            parts = [f for f in complete.facts if f.cls and (f.role, f.service, f.quantity, f.place, f.period, f.basis)
                     == (fact.role, fact.service, fact.quantity, fact.place, fact.period, fact.basis)]  # fmt: skip
            if recipe and recipe.by == "class":
                assert math.fsum(p.value for p in parts if p.value is not None) == pytest.approx(
                    fact.value, rel=1e-9
                ), fact
                checked += 1
            if fact.place == ROOT:
                below = [complete.select(fact.quantity, p, "", fact.period, fact.basis)[0].value for p in (EAST, WEST)]
                assert math.fsum(below) == pytest.approx(fact.value, rel=1e-9), fact
                checked += 1
    assert checked > 100


areas = st.floats(0, 5000, allow_nan=False).map(lambda v: round(v, 2))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    areas=st.tuples(areas, areas, areas, areas), rain=st.tuples(st.floats(100, 3000), st.floats(100, 3000)),
    et=st.tuples(st.floats(0, 2000), st.floats(0, 2000)),
)  # fmt: skip
def test_sums_are_exact_for_any_areas_and_rain(tmp_path_factory, monkeypatch, areas, rain, et):
    folder = tmp_path_factory.mktemp("sums")
    monkeypatch.setenv("QINGSHAN_HOME", str(folder / "home"))
    facts = []
    for n, place in enumerate(("1", "2")):
        facts += [*months(place, rain[n]), (place, "static", "place.area", 200.0, "km2")]
        for cls, fact, area in (("wood", "land.forest.arbor", areas[2 * n]), ("grass", "land.grass", areas[2 * n + 1])):
            facts += [
                (place, "2020", fact, area, "hm2"),
                (place, "2020", f"water.evapotranspiration.{cls}", et[n], "mm"),
            ]
    run = run_account(make_zone(folder / "z", facts, more='[policies]\nnegative_retention = "keep"\n'), "garze2017")

    def of(place: str, cls: str = "") -> float:
        return run.fact("gep.water_retention", place, cls=cls).value

    scale = max(abs(of(p, c)) for p in ("1", "2") for c in ("wood", "grass")) or 1.0
    for place in ("0", "1", "2"):
        assert of(place, "wood") + of(place, "grass") == pytest.approx(of(place), abs=1e-9 * scale)
    assert of("1") + of("2") == pytest.approx(of("0"), abs=1e-9 * scale)


# ---- names and labels ------------------------------------------------------------------------------------------------


def test_a_partial_set_is_labelled_everywhere_and_never_called_gep(screening, before_fill):
    for run in (screening, before_fill):
        for place in (ROOT, EAST, WEST):
            for period in YEARS:
                cell = run.accounted(place, period)
                missing = {f.removeprefix("missing:") for f in cell.flags if f.startswith("missing:")}
                assert cell.refused or ("partial" in cell.labels and missing)
        assert not any(f.quantity in ("gep", "gep.total") for f in run.facts)
        assert run.names(ACCOUNTED) == ("已核算服务价值合计", "accounted services")


def test_every_figure_of_an_invented_zone_says_so(screening, complete):
    assert all("synthetic" in f.labels for run in (screening, complete) for f in run.facts)


def test_screening_figures_carry_what_they_stand_on(screening):
    assert set(screening.fact("gep.water_retention_value", ROOT, "2020", basis="constant-2010").labels) == {
        "screening", "synthetic", "project", "secondary", "transferred",
    }  # fmt: skip


def test_a_formula_below_primary_labels_its_figures(complete):
    """A.1 of HJ 1173-2021 was read with doubt; its inputs here are all primary."""
    labels = complete.fact("water.negative_volume", EAST, "2020").labels
    assert "ocr_doubt" in labels


def test_the_asset_is_a_stock_and_stays_out_of_the_sum(screening):
    cell = screening.accounted(ROOT, "2020")
    assert "missing:A01" not in cell.flags and "missing:G03" in cell.flags


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_a_routed_service_lists_every_open_need(before_fill):
    """G03 waits for the document, for the comparison of its formula, and for the two coefficients of its route."""
    refusal = before_fill.fact("gep.silt_avoided", EAST, "2020").refusal
    assert {leaf.needs for leaf in refusal.leaves()} == {
        "gep.profile.gbt46869", "gep.confirmed", "gep.silt_fraction", "gep.soil_bulk_density",
    }  # fmt: skip
    assert all("GB/T 46869-2025" in leaf.document for leaf in refusal.leaves())


@pytest.mark.parametrize("profile", ["fgw481_2022", "guide2020"])
def test_slots_without_a_text_refuse_every_service(shared_home, profile):
    run = run_account(TINY, profile)
    yes = [line for line in run.services(ROOT, "2021") if line.included == "yes"]
    assert len(yes) == 17 and all(
        line.refusal and line.refusal.document for line in yes
    )  # G05, G06, G18 are not applicable here
    assert run.accounted(ROOT, "2021").refused


def test_a_zone_declares_what_does_not_occur_with_its_reason(complete):
    lines = {line.service.id: line for line in complete.services(EAST, "2020")}
    assert lines["G06"].included == "n/a" and lines["G06"].refusal.en == "Tinyland has no lake."
    assert not [f for f in complete.facts if f.service == "G06"]


def test_hj1173_is_biophysical(shared_home):
    run = run_account(TINY, "hj1173_2021")
    assert run.profile.bases() == () and run.accounted(ROOT) is None
    assert not any("元" in f.unit for f in run.facts)
    # East 2020: 20 km2 (1000-50-700) + 10 (1000-80-600) + 3 (1000-0-900) + 4 (1000-300-250) mm
    assert run.fact("gep.water_retention", EAST, "2020").value == pytest.approx(
        1000 * (20 * 250 + 10 * 320 + 3 * 100 + 4 * 450), rel=1e-12
    )
    assert run.services(EAST, "2020")[4].included == "n/a"
    soil = run.fact("soil.retained_mass", EAST, "2020").refusal
    assert {"soil.erosivity", "soil.slope_length_max"} <= {leaf.needs for leaf in soil.leaves()}
