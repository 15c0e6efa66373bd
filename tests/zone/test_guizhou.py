"""The built-in zone against the worked examples of spec/guizhou.md and the areas printed beside its boundaries."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from qingshan.core.canonical import file_digest
from qingshan.core.errors import UnknownName
from qingshan.zone import InputFact, Zone, check_zone, open_zone

SHARED = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[2] / "../shared"))


def census(zone: Zone, period: str) -> list[InputFact]:
    facts = [f for f in zone.facts.all() if f.quantity == "population.census_total" and f.period == period]
    return [f for f in facts if zone.level(f.place) == "county"]


def test_tree(guizhou: Zone) -> None:
    assert [len(guizhou.at_level(level.id)) for level in guizhou.levels] == [1, 9, 88]
    assert len(guizhou.leaves("520000")) == 88
    assert guizhou.ancestors("520111") == ["520100", "520000"]
    assert guizhou.place("贵阳市") == guizhou.place("guiyang") == guizhou.place("520100")
    assert guizhou.place("520526").name_en == "Weining Yi, Hui and Miao Autonomous County"


def test_an_unknown_place_names_those_that_look_alike(guizhou: Zone) -> None:
    with pytest.raises(UnknownName, match="520100 Guiyang") as told:
        guizhou.place("Guiyan")
    assert "520100 贵阳市" in told.value.zh
    with pytest.raises(UnknownName, match="520102"):
        guizhou.children("520101")


@pytest.mark.parametrize(("period", "people"), [("2010", 34_748_556), ("2020", 38_562_148)])
def test_gz1_census_of_88_counties(guizhou: Zone, period: str, people: int) -> None:
    counties = census(guizhou, period)
    assert sum(len(f.parts) or 1 for f in counties) == 88  # rows as printed, before the merge
    assert sum(f.value for f in counties) == people
    assert (
        sum(guizhou.facts.best("population.census_total", c, period).value for c in guizhou.children("520000"))
        == people
    )


def test_gz2_two_printed_rows_of_one_present_county_are_added(guizhou: Zone) -> None:
    (huaxi,) = guizhou.facts.find("population.census_total", "520111", "2010")
    assert huaxi.value == 358_981 + 248_070 == 607_051
    assert [part.printed for part in huaxi.parts] == ["358981", "248070"]
    assert "小河区 248070" in huaxi.note


def test_gz3_gdp_2022_is_in_conflict_and_the_communique_is_preferred(guizhou: Zone) -> None:
    prints = guizhou.facts.find("economy.gdp", "520000", "2022")
    assert [f.printed for f in prints] == ["20164.58", "20010.4"]
    assert [f.preferred for f in prints] == [True, False]
    assert prints in guizhou.facts.conflicts()


def test_conflicts_are_those_the_sources_hold(guizhou: Zone) -> None:
    """Not among them: GDP 2023 (20913.25 and 20913.3), and areas printed in 万hm2 and 万亩."""
    groups = {(g[0].quantity, g[0].period) for g in guizhou.facts.conflicts()}
    assert groups == {("economy.gdp", "2022"), ("wetland.parks", "2020")}


def test_gz4_gz7_gaps_name_their_document(guizhou: Zone) -> None:
    energy = guizhou.gap("energy.consumption_total", "520000", "2020")
    wetland = guizhou.gap("wetland.protection_rate", "520000", "2025")
    assert energy is not None
    assert "统计年鉴" in energy.document
    assert wetland is not None
    assert "湿地" in wetland.document
    assert guizhou.gap("forest.by_county", "520111") is not None  # declared for the level
    assert guizhou.gap("forest.by_county", "520100") is None
    assert all(gap.document and gap.name_zh and gap.name_en for gap in guizhou.missing)


def test_gz6_treated_rocky_desertification_is_a_lower_bound(guizhou: Zone) -> None:
    done = guizhou.facts.series("krd.treated_area", "520000")
    assert [(f.period, f.printed) for f in done] == [("2021", "640"), ("2024", "887.83")]
    assert sum(f.value for f in done) == pytest.approx(1527.83, abs=0.005)
    assert [bool(guizhou.gap("krd.treated_area", "520000", y)) for y in ("2021", "2022", "2023")] == [False, True, True]
    # the plan for 2025 and the target are no observations
    wanted = [(t.period, t.kind, t.op, t.value) for t in guizhou.targets if t.quantity == "krd.treated_area"]
    assert ("2021-2025", "target", ">=", 3550.0) in wanted
    assert ("2025", "plan", "plan", 600.0) in wanted


def test_gz8_cultivated_land_over_15_degrees(guizhou: Zone) -> None:
    def area(quantity: str) -> float:
        return next(f.value for f in guizhou.facts.find(quantity, "520000", "2019") if f.unit == "万hm2")

    steep = area("land.cultivated.slope_15_25") + area("land.cultivated.slope_gt25")
    assert steep == pytest.approx(154.00, abs=0.005)
    assert 100 * steep / area("land.cultivated") == pytest.approx(44.35, abs=0.005)


def test_what_is_done_is_an_observation_too(guizhou: Zone) -> None:
    (reserve,) = guizhou.facts.find("forest.national_reserve", "520000", "2021")
    assert reserve.kind == "done"
    assert reserve in guizhou.targets


def test_derived_rows_are_not_facts(guizhou: Zone) -> None:
    assert "co2.rest" not in guizhou.facts.quantities()
    assert not guizhou.facts.find("land.cultivated.slope_gt25", "520603", "2019")


def test_other_places_are_for_comparison_only(guizhou: Zone) -> None:
    assert guizhou.facts.find("land.cultivated", "CN", "2019")
    assert guizhou.facts.find("basin.area", "赤水河流域", "2018")
    assert not {"CN", "530629", "赤水河流域"} & set(guizhou.places)


def test_extent_classes_do_not_overlap_and_stay_below_the_total(guizhou: Zone) -> None:
    classes = [c["fact"] for c in guizhou.config["extent"]["class"]]
    printed = [f for c in classes if (f := guizhou.facts.best(c, "520000", "2019"))]
    # 347.26 + 1121.01 + 18.83 万hm2, the three totals of the bulletin
    assert sum(f.value for f in printed if f.unit == "万hm2") == pytest.approx(347.26 + 1121.01 + 18.83, abs=0.02)


def test_check_finds_nothing_wrong(guizhou: Zone) -> None:
    assert [f.sentence() for f in check_zone("guizhou") if f.level != "note"] == []


def test_every_file_read_is_hashed(guizhou: Zone) -> None:
    """Networks are not read with the zone: the engine of observations reads them."""
    inside = (p.relative_to(guizhou.path) for p in guizhou.path.rglob("*.csv"))
    tables = {p.as_posix() for p in inside if p.parts[0] != "networks"}
    declared = {p.name for p in guizhou.path.glob("*.toml")}
    assert set(guizhou.files) == tables | declared
    assert all(file_digest(guizhou.path / name) == sha for name, sha in guizhou.files.items())


def test_facts_are_the_same_in_every_opening(guizhou: Zone) -> None:
    again = open_zone("guizhou")
    assert [f.key for f in again.facts.all()] == [f.key for f in guizhou.facts.all()]
    assert len({f.key for f in guizhou.facts.all()}) == len(guizhou.facts)


def test_every_fact_has_a_declared_quantity_a_source_and_a_place(guizhou: Zone) -> None:
    places = set(guizhou.places) | set(guizhou.comparison)
    for fact in [*guizhou.facts.all(), *guizhou.targets]:
        assert guizhou.quantities.get(fact.quantity) is not None
        assert fact.source_title
        assert set(fact.place.split(";")) <= places


def test_no_row_of_an_undocumented_carrier(guizhou: Zone) -> None:
    assert not [q for q in guizhou.facts.quantities() if q.startswith("terrain.")]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared specification tables (QINGSHAN_SHARED)")
def test_figures_are_those_of_the_specification(guizhou: Zone) -> None:
    """Every row of the specification's tables, as printed, apart from terrain and derived rows."""
    columns = ("place_code", "place", "period", "quantity", "value", "unit", "source_title", "issuer", "status")

    def rows(folder: Path) -> set[tuple[str, ...]]:
        found = set()
        for path in (p for p in folder.glob("*.csv") if p.stem != "national_rounds"):
            with path.open(encoding="utf-8-sig", newline="") as stream:
                found |= {
                    tuple(r.get(c, "") for c in columns) for r in csv.DictReader(stream) if path.stem != "missing"
                }
        return {row for row in found if not row[3].startswith("terrain.")}

    assert rows(guizhou.path / "facts") == rows(SHARED / "spec/tables/guizhou")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared specification tables (QINGSHAN_SHARED)")
def test_the_national_rounds_are_those_of_the_specification(guizhou: Zone) -> None:
    """Each printed area, decrease and rate of the nation, as `krd_rounds.csv` has it."""
    with (SHARED / "spec/tables/land/krd_rounds.csv").open(encoding="utf-8-sig", newline="") as stream:
        printed = {(float(r["value"]), r["unit"].removesuffix("/a"), r["source_title"], r["status"]) for r in csv.DictReader(stream)
                   if r["region"] == "全国" and r["value"]}  # fmt: skip
    ours = [f for f in guizhou.facts.all() if f.file.endswith("national_rounds.csv")]
    assert len(ours) == 9 and {(f.value, f.unit, f.source_title, f.status) for f in ours} <= printed
