"""Every table of `spec/tables/monitoring` beside the library: under the domain it belongs to, with as many rows, cell by cell
the same. The second, independent reading of the same standards is `test_transcriptions.py`."""

from __future__ import annotations

import csv
import os
from importlib.resources import files
from pathlib import Path

import pytest

from qingshan.core.limit import limit_table, limit_tables

SPEC = Path(os.environ.get("QINGSHAN_SHARED", "../shared")) / "spec" / "tables" / "monitoring"
DOMAINS = {
    "air": (
        "air_annual_evaluation", "air_data_validity", "air_limits", "aqi_breakpoints", "aqi_categories", "aqi_rules",
    ),
    "farm": ("mulch_film",),
    "forest": ("forest_pest",),
    "hazards": ("landslide_thresholds",),
    "materials": ("hazardous_waste_incineration", "industrial_waste_rules", "zero_waste_city"),
    "nature": ("ecological_indices", "ei_hj192_2015"),
    "soil": ("nemerow_grades", "soil_agri_limits", "soil_construction_limits", "soil_farmland"),
    "water": (
        "black_odorous_rules", "black_odorous_thresholds", "drinking_source_compliance", "drinking_source_items",
        "export_coefficients", "groundwater_classes", "sewage_plant_limits", "surface_water_classes",
        "surface_water_evaluation", "tli_grades", "tli_parameters", "water_standard_index",
    ),
}  # fmt: skip
TABLES = [(domain, name) for domain, names in DOMAINS.items() for name in names]
SPLIT = "open_items"
"""Open slots: one table there, here a table in each domain that lacks something."""


def specified(name: str) -> list[dict[str, str]]:
    path = SPEC / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there: QINGSHAN_SHARED names no specification")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_table_has_its_domain() -> None:
    if not SPEC.is_dir():
        pytest.skip("QINGSHAN_SHARED names no specification")
    assert sorted(p.stem for p in SPEC.glob("*.csv")) == sorted([*(name for _, name in TABLES), SPLIT])


@pytest.mark.parametrize(("domain", "name"), TABLES)
def test_every_cell_is_that_of_the_specification(domain: str, name: str) -> None:
    expected = specified(name)
    ours = files(f"qingshan.domains.{domain}") / "standards" / f"{name}.csv"
    assert list(csv.DictReader(ours.read_text(encoding="utf-8-sig").splitlines())) == expected


@pytest.mark.parametrize(("domain", "name"), TABLES)
def test_the_library_leaves_no_row_out(domain: str, name: str) -> None:
    """What pages, API and verdicts read; nothing is left out, so no reason is listed."""
    expected = specified(name)
    table = limit_table(name)
    assert table.domain == domain and len(table.rows) == len(expected)
    assert [(r.status, r.edition, r.valid_from, r.valid_to, r.clause, r.source) for r in table.rows] == [
        tuple(row.get(c, "") for c in ("status", "edition", "valid_from", "valid_to", "clause", "source"))
        for row in expected
    ]


def test_open_items_are_the_slots_of_all_domains() -> None:
    expected = specified(SPLIT)
    ours = [r for t in limit_tables() if t.id.startswith(f"{SPLIT}_") for r in t.rows]
    assert sorted(r.item for r in ours) == sorted(row["item"] for row in expected)
    assert {r.status for r in ours} == {"open"}
