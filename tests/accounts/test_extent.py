"""SEEA-EA extent account (table 4.1): it closes exactly, and an account that does not is an error finding."""

import pytest

from qingshan.accounts.extent import ENTRIES
from qingshan.accounts.run import run_account

from .conftest import EAST, ROOT, WEST, make_zone

CLASSES = ("oakwood", "heath", "fen", "town")


def table(run, place, period):
    """(entry, class) -> cell of the extent account."""
    return {(f.quantity.removeprefix("extent."), f.cls): f for f in run.extent(place, period)}


@pytest.mark.parametrize("place", [ROOT, EAST, WEST])
@pytest.mark.parametrize("period", ["2021", "2022"])
def test_opening_plus_additions_less_reductions_is_the_closing(screening, place, period):
    cells = table(screening, place, period)
    for cls in CLASSES:
        opening, managed, unmanaged, cut, lost, net, closing = (cells[entry, cls].value for entry in ENTRIES)
        assert opening + managed + unmanaged - cut - lost == closing
        assert closing - opening == net


@pytest.mark.parametrize(("place", "hectares"), [(ROOT, 6500), (EAST, 4000), (WEST, 2500)])
def test_with_the_unallocated_row_it_closes_on_the_area_of_the_place(screening, place, hectares):
    for period in ("2020", "2021", "2022"):
        cells = table(screening, place, period)
        assert sum(cells["closing", cls].value for cls in (*CLASSES, "unallocated")) == hectares
        if period != "2020":
            assert sum(cells["opening", cls].value for cls in (*CLASSES, "unallocated")) == hectares
            assert sum(cells["net", cls].value for cls in (*CLASSES, "unallocated")) == 0


def test_one_row_by_hand(screening):
    """East 2022, oak wood: 2040 + 20 + 3 - 8 - 5 = 2050 hm2."""
    cells = table(screening, EAST, "2022")
    assert [cells[entry, "oakwood"].value for entry in ENTRIES] == [2040, 20, 3, 8, 5, 10, 2050]
    assert {cells[entry, "oakwood"].unit for entry in ENTRIES} == {"hm2"}


def test_the_closing_of_a_year_is_the_opening_of_the_next(screening):
    for cls in (*CLASSES, "unallocated"):
        assert (
            table(screening, EAST, "2021")["closing", cls].value == table(screening, EAST, "2022")["opening", cls].value
        )


def test_the_first_year_has_no_opening_and_names_the_document(screening):
    cells = table(screening, EAST, "2020")
    for cls in CLASSES:
        assert cells["opening", cls].refusal.document == "小国 2019 年国土调查公报"
        assert cells["net", cls].refused and cells["closing", cls].value is not None
    assert cells["opening", "unallocated"].refused


def test_balanced_flows_give_no_finding(screening):
    assert screening.findings == []


def test_a_flow_that_does_not_balance_is_an_error_finding(tiny, edit):
    edit(
        tiny / "facts" / "flows.csv",
        "land.forest.arbor.addition_managed,oakwood,20,",
        "land.forest.arbor.addition_managed,oakwood,25,",
    )
    (finding,) = run_account(tiny, "screening").findings
    assert (finding.level, finding.code) == ("error", "extent_not_balanced")
    assert finding.file == "facts/land.csv" and finding.row == 6
    assert "Eastmoor, oak wood, 2022" in finding.en and "+5 hm2" in finding.en and "+5 hm2" in finding.zh


def test_rounding_of_the_prints_is_no_imbalance(tmp_path, home):
    """12.34 + 0.07 + 0.0 - 0.0 - 0.0 may be 0.005 + 0.005 + 3 x 0.05 off, the closing of one digit 0.05: 0.21 (万hm2).

    12.3 is 0.11 off 12.41, 12.1 is 0.31 off.
    """
    for closing, found in ((12.3, 0), (12.1, 1)):
        more = (
            '[[period]]\nid = "2021"\nyear = 2021\nzh = "2021年"\nen = "2021"\nalso = ["static"]\nmonth_pattern = ["2021-{:02d}"]\n'
            '[[quantity]]\nid = "land.grass.*"\nzh = "草地增减"\nen = "change"\nunit = "万hm2"\nrollup = "sum"\n'
        )
        flows = {
            "addition_managed": 0.07,
            "addition_unmanaged": 0.0,
            "reduction_managed": 0.0,
            "reduction_unmanaged": 0.0,
        }
        facts = [
            ("1", "2020", "land.grass", 12.34, "万hm2"),
            ("1", "2021", "land.grass", closing, "万hm2"),
            ("1", "static", "place.area", 2000.0, "km2"),
        ]
        facts += [("1", "2021", f"land.grass.{entry}", value, "万hm2") for entry, value in flows.items()]
        run = run_account(make_zone(tmp_path / f"z{closing}", facts, parts=1, more=more), "screening")
        assert len([f for f in run.findings if f.code == "extent_not_balanced"]) == found, closing
