"""A second zone of invented places: no code knows Guizhou."""

from __future__ import annotations

import re
from pathlib import Path

import qingshan.zone
from qingshan.zone import Zone


def test_tree_and_periods(minizone: Zone) -> None:
    assert minizone.synthetic
    assert minizone.children("T0") == minizone.leaves("T0") == ["T1", "T2"]
    assert [p.id for p in minizone.periods] == ["2020", "2021", "2022"]
    period = minizone.period("2021")
    assert period.fact_periods() == ("2021", "static")
    assert period.months(3) == ("2021-03",)


def test_three_years_of_figures(minizone: Zone) -> None:
    for year, rain in (("2020", 1200), ("2021", 1320), ("2022", 1080)):
        months = [
            minizone.facts.best("climate.rain_month", "T1", p)
            for m in range(1, 13)
            for p in minizone.period(year).months(m)
        ]
        assert sum(f.value for f in months if f) == rain
    assert [f.value for f in minizone.facts.series("land.forest.arbor", "T1")] == [500, 505, 515]
    assert minizone.quantities.get("land.reed").domain == "zone"


def test_coordinates_of_the_table_are_used(minizone: Zone) -> None:
    (latitude,) = minizone.facts.find("place.latitude", "T2", "static")
    assert (latitude.value, latitude.file) == (30.156, "places.csv")
    assert minizone.derived_rows() == []


def test_a_gap_of_a_level(minizone: Zone) -> None:
    gap = minizone.gap("forest.cover", "T2", "2021")
    assert gap is not None
    assert gap.document == "各片森林资源年报"
    assert minizone.gap("forest.cover", "T0", "2021") is None


def test_no_code_of_the_zone_layer_knows_a_place() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in Path(qingshan.zone.__file__).parent.glob("*.py"))
    assert not re.findall(r"\b52\d{4}\b|贵州|贵阳", source)
    assert source.count("guizhou") == source.count('DEFAULT_ZONE = "guizhou"') + len(
        re.findall(r"(?:else|zone,) guizhou", source)
    )
