"""SEEA-EA tables balance exactly, on the invented zone of 5 x 6 cells; figures by hand as in `test_raster_account.py`."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.balance import Head, Table, shares_of
from qingshan.accounts.beneficiaries import use_by_place
from qingshan.accounts.run import Run, run_account
from qingshan.accounts.seea import (
    asset_account,
    change_table,
    extent_table,
    seea_tables,
    supply_table,
    units_table,
    use_table,
)
from qingshan.accounts.seea.assets import _asset_column, _Flow
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.zone.zone import open_zone

from .conftest import make_cells

MORE = """
[assets]
discount_rate = "2"
years = "100"
source = "SEEA EA example SEEALand"
status = "secondary"
[[conversion]]
from = "grass"
to = "forest"
kind = "managed"
source = "invented"
[[holder]]
class = "forest"
to = "government"
share = "1/4"
source = "invented"
[[holder]]
class = "forest"
to = "households"
share = "3/4"
source = "invented"
[[use]]
service = "G02"
to = "households"
share = "1/3"
source = "invented"
[[use]]
service = "G02"
to = "agriculture"
share = "2/3"
source = "invented"
[[flow]]
service = "G02"
kind = "directional"
from = "11"
to = "12"
share = "0.7"
source = "invented"
[[flow]]
service = "G02"
kind = "directional"
from = "11"
to = "outside"
share = "0.3"
source = "invented"
[[flow]]
service = "G10"
kind = "global"
source = "invented"
[[flow]]
service = "G03"
kind = "local"
source = "invented"
"""


@pytest.fixture(scope="module")
def run(cells_home, tmp_path_factory) -> Run:
    return run_account(open_zone(make_cells(tmp_path_factory.mktemp("seea") / "zone", more=MORE)))


def test_the_change_matrix_adds_up_to_both_extents(run):
    matrix = change_table(run, "1", "2021")
    opening = {"forest": 10, "grass": 10, "arable": 9, "unallocated": 0}
    assert {h.id: matrix.row(h.id) for h in matrix.rows} == {k: v for k, v in opening.items() if v}
    assert {h.id: matrix.column(h.id) for h in matrix.columns} == {"forest": 11, "grass": 11, "arable": 7}
    assert matrix.get("grass", "forest") == 1 and matrix.get("arable", "grass") == 2 and matrix.total == 29


def test_the_extent_account_closes_exactly(run):
    table = extent_table(run, "1", "2021")
    assert table.get("addition_managed", "forest") == 1 and table.get("addition_undeclared", "grass") == 2
    assert table.get("reduction_managed", "grass") == 1 and table.get("net", "arable") == -2
    for head in table.columns:
        flows = sum(
            (table.get(r.id, head.id) or 0) * (-1 if r.id.startswith("reduction") else 1)
            for r in table.rows
            if "_" in r.id
        )
        assert table.get("opening", head.id) + flows == table.get("closing", head.id)
    assert sum(table.get("net", h.id) for h in table.columns) == 0


@pytest.mark.parametrize("basis", ["", "constant-2020"])
def test_supply_is_use_exactly(run, basis):
    supply, use = supply_table(run, "1", "2021", basis), use_table(run, "1", "2021", basis)
    assert [h.id for h in supply.rows] == [h.id for h in use.rows] and supply.rows
    for head in supply.rows:
        assert supply.row(head.id) == use.row(head.id) > 0
    assert use.get("G02", "agriculture") == 2 * use.get("G02", "households")
    assert use.get("G03", "undeclared") == supply.row("G03")


def test_extent_by_unit_adds_up_to_the_extent_account(run):
    """A quarter of the forest is the government's; who holds the other classes is not declared."""
    held, extent = units_table(run, "1", "2021"), extent_table(run, "1", "2021")
    for head in extent.columns:
        assert held.column(head.id) == extent.get("closing", head.id)
    assert 3 * held.get("government", "forest") == held.get("households", "forest") > 0
    assert held.get("undeclared", "arable") == extent.get("closing", "arable")


def test_supply_by_class(run):
    supply = supply_table(run, "1", "2020")
    assert (
        float(supply.get("G02", "forest")) == pytest.approx(39_840, rel=1e-12) and supply.get("G02", "arable") is None
    )
    assert float(supply.get("G10", "arable")) == pytest.approx(8 * 6.52, rel=1e-12)
    assert supply.units == {"G02": "m3", "G03": "m3", "G10": "t CO2"}


def test_the_asset_account_by_hand(run):
    """Forest: water 3600 m3/hm2 in the west at 6 元, silt 148.5 x 0.2 m3/hm2 at 15 元; a = 43.098352 (2 %, 100 years).

    Flow 2020: 39,840 x 6 + 10 x 445.5 = 243,495. In 2021 one hectare more in the west, which still evaporates the 500 mm of the
    grass it was: 4600 m3; 44,440 x 6 + 11 x 445.5 = 271,540.5. It enters at the opening's 24,349.5 a hectare, the rest is enhancement.
    """
    table, a = asset_account(run, "1", "2021", "constant-2020"), 43.098352
    column = {h.id: float(table.get(h.id, "forest")) for h in table.rows}
    hand = {
        "opening": 243_495,
        "conversion_additions": 24_349.5,
        "degradation": 0,
        "closing": 271_540.5,
        "revaluations": 0,
        "enhancement": 3696,
    }
    assert {k: column[k] for k in hand} == pytest.approx({k: v * a for k, v in hand.items()}, rel=1e-7, abs=1e-6)


def test_no_rule_or_no_opening_no_asset_account(run, cells):
    assert [n.code for n in asset_account(run, "1", "2020", "constant-2020").notes] == ["no_opening"]
    bare = run_account(cells)
    assert [n.code for n in asset_account(bare, "1", "2021", "constant-2020").notes] == ["no_asset_rule"]
    assert "10.1 constant-2020" not in seea_tables(bare)
    assert {"4.1", "4.2", "7.1a", "7.1b", "9.1a constant-2020", "9.1b constant-2020"} <= set(seea_tables(bare))


def test_seealand_of_the_published_example():
    """spec gep.md GEP-5: flows 21000 and 18300, r 2 %, n 100: 905,065 and 788,700."""
    a = float(load_domains().registry["economy.present_value@annuity_ordinary"].apply(
        {"flow": (1.0, "元"), "discount_rate": (2.0, "%"), "years": (100.0, "a")}))  # fmt: skip
    areas = _areas(Fraction(100), Fraction(0), Fraction(0))
    column = _asset_column(Fraction(a), areas, "c", [_Flow(Fraction(21_000), Fraction(18_300), Fraction(18_300))])
    assert float(column["opening"]) == pytest.approx(905_065, abs=1) and float(column["closing"]) == pytest.approx(
        788_700, abs=1
    )
    assert float(column["degradation"]) == pytest.approx(116_366, abs=1)


amount = st.fractions(0, 10**6, max_denominator=997)


@settings(max_examples=60, deadline=None)
@given(amount, amount, amount, st.lists(st.tuples(amount, amount, amount), min_size=1, max_size=4))
def test_an_asset_column_always_closes(kept, gained, lost, flows):
    """Whatever happened: opening + enhancement - degradation + in - out + revaluation = closing, in whole fractions."""
    opening_area, closing_area = kept + lost, kept + gained
    made = [
        _Flow(o if opening_area else Fraction(), c if closing_area else Fraction(), r if closing_area else Fraction())
        for o, c, r in flows
    ]
    column = _asset_column(Fraction("43.0983516"), _areas(kept, gained, lost), "c", made)
    changed = (
        column["enhancement"] - column["degradation"] + column["conversion_additions"] - column["conversion_reductions"]
    )
    assert column["opening"] + changed + column["other_volume_changes"] + column["revaluations"] == column["closing"]
    assert min(column["enhancement"], column["degradation"]) == 0


def _areas(kept: Fraction, gained: Fraction, lost: Fraction) -> Table:
    cells = {
        ("opening", "c"): kept + lost,
        ("closing", "c"): kept + gained,
        ("addition_undeclared", "c"): gained,
        ("reduction_undeclared", "c"): lost,
    }
    return Table("4.1", "", "", "hm2", (), (Head("c", "", ""),), cells)


# ---- beneficiaries --------------------------------------------------------------------------------------------------


def test_water_flows_downstream_and_balances(run):
    table = use_by_place(run, "G02", "2020")
    west, east = (
        Fraction(run.fact("gep.water_retention", "11", "2020").value),
        Fraction(run.fact("gep.water_retention", "12", "2020").value),
    )
    assert table.get("11", "12") == west * Fraction("0.7") and table.get("11", "outside") == west * Fraction("0.3")
    assert table.get("12", "undeclared") == east and table.total == west + east
    money = use_by_place(run, "G02", "2020", "constant-2020")
    assert money.unit == "元" and money.row("11") == Fraction(
        run.fact("gep.water_retention_value", "11", "2020", basis="constant-2020").value
    )


def test_global_and_local_services(run):
    assert {c for _, c in use_by_place(run, "G10", "2020").cells} == {"world"}
    assert set(use_by_place(run, "G03", "2020").cells) == {("11", "11"), ("12", "12")}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8), st.floats(0, 1e12))
def test_shares_lose_nothing(parts, figure):
    rows = [{"to": str(i), "share": f"{p}/{sum(parts)}", "source": "x"} for i, p in enumerate(parts)]
    shares = shares_of(rows, "x", "test")
    assert sum(share * Fraction(figure) for share in shares.values()) == Fraction(figure)


@pytest.mark.parametrize("shares", [("0.5", "0.4"), ("0.6", "0.6"), ("half",), ("-1", "2")])
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(DeclarationError):
        shares_of([{"to": str(i), "share": s, "source": "x"} for i, s in enumerate(shares)], "x", "test")
