"""Every cell of every SEEA table is a sealed figure, or arithmetic on parts that give it again in whole fractions."""

from fractions import Fraction
from math import prod

import pytest

from qingshan.accounts.beneficiaries import use_by_place
from qingshan.accounts.run import Run, run_account
from qingshan.accounts.seea import condition_tables, seea_tables
from qingshan.accounts.seea.trace import SUM, sealed_keys, trace
from qingshan.accounts.verify import verify
from qingshan.core.errors import UnknownName
from qingshan.zone.zone import open_zone

from .conftest import entry, make_cells, of_class, write_tif
from .test_seea import MORE
from .test_seea_condition import COVER, ROWS


@pytest.fixture(scope="module")
def runs(cells_home, tmp_path_factory) -> tuple[Run, Run]:
    more = MORE + "".join(entry(f"cover_{y}.tif", "vegetation.cover", "fraction", y) for y in COVER)
    folder = make_cells(tmp_path_factory.mktemp("trace") / "zone", more=more)
    for year, values in COVER.items():
        write_tif(folder / f"cover_{year}.tif", of_class(values, year))
    rows = folder / "parameters" / "tiny.csv"
    rows.write_text(rows.read_text(encoding="utf-8") + ROWS, encoding="utf-8")
    zone = open_zone(folder)
    return run_account(zone), run_account(zone, "condition")


@pytest.fixture(scope="module")
def tables(runs):
    run, measured = runs
    flow = use_by_place(run, "G02", "2021")
    return seea_tables(run, "1", "2021") | condition_tables(measured, "1", "2021") | {flow.id: flow}


def parts_of(runs, tables, id, cell):
    keys = sealed_keys(runs[0], runs[1], id, "1", "2021")
    return trace(runs[0], tables, keys, id, cell, "1", "2021")


def test_every_cell_leads_to_sealed_figures(runs, tables):
    """Sums, differences and shares are done again here; each key is a node of a sealed run, each other cell is traced in turn."""
    run, measured = runs
    assert {"4.1", "4.2", "4.4", "5.2", "5.3", "5.4", "7.1a", "7.1b", "beneficiaries.G02"} <= set(tables)
    traced = 0
    for id, table in tables.items():
        keys = sealed_keys(run, measured, id, "1", "2021")
        assert set(keys.values()) <= set(run.nodes) | set(measured.nodes)
        cells = [*table.cells, *((r.id, SUM) for r in table.rows if table.row(r.id))]
        for cell in (c for c in cells if c not in keys):
            found, traced = parts_of(runs, tables, id, cell), traced + 1
            values = [p.value for p in found.parts]
            again = {
                "sum": lambda v=values: sum(v, Fraction()), "closing - opening": lambda v=values: v[0] - v[1],
                "share × whole": lambda v=values: prod(v), "share × sum": lambda v=values: v[0] * sum(v[1:]), "0": lambda: 0,
            }.get(found.formula)  # fmt: skip
            assert again is None or again() == found.value, (id, cell)
            assert again is not None or id.startswith("10.1")
            for p in found.parts:
                assert p.key in {"", *run.nodes, *measured.nodes} and (p.key or p.cell or p.source)
    assert traced > 50


def test_the_asset_entry_by_its_formula(runs, tables):
    """Conversion of forest: a (F0/A0) A+, with the parts named F0, A0 and A+: the same number as the cell."""
    found = parts_of(runs, tables, "10.1 constant-2020", ("conversion_additions", "forest"))
    by = {}
    for p in found.parts:
        by.setdefault(p.en.split(" ")[0], []).append(p.value)
    assert (
        found.formula == "a·(ΣF0/A0)·A+" and sum(by["a"]) * sum(by["F0"]) / sum(by["A0"]) * sum(by["A+"]) == found.value
    )


def test_a_share_names_its_source(runs, tables):
    found = parts_of(runs, tables, "7.1b", ("G02", "households"))
    assert found.parts[0].value == Fraction(1, 3) and found.parts[0].source == "invented"


@pytest.mark.parametrize(("id", "cell"), [("9.9", ("a", "b")), ("4.1", ("opening", "nowhere")), ("4.1", ("nothing", "sum"))])  # fmt: skip
def test_a_cell_that_is_not_there_is_refused(runs, tables, id, cell):
    with pytest.raises(UnknownName):
        parts_of(runs, tables, id, cell)


def test_the_index_is_sealed_explained_and_replayed(runs):
    """Cover of forest 0.9 between 0.2 and 1: indicator and, at weight 1, index 0.875; it stands on the layer and both levels."""
    measured = runs[1]
    fact = measured.fact("condition.index", "11", "2021", "forest")
    assert fact.value == pytest.approx(0.875, rel=1e-6)
    tree = measured.explain(fact.key)
    kinds = {n["tree"]["kind"] for n in tree["children"]}
    assert tree["method"]["ref"] == "economy.condition_index@seea_ea" and kinds == {"method", "parameter"}
    clipped = measured.fact("condition.indicator.vegetation.cover", "12", "2021", "arable")
    assert clipped.value == 0 and "clipped" in clipped.flags
    whole = measured.fact("condition.index", "11", "2021")
    parts = {f.cls: f for f in measured.select("condition.index", "11", None, "2021") if f.cls}
    area = {c: measured.fact("condition.class_area", "11", "2021", c).value for c in parts}
    assert whole.value == pytest.approx(sum(parts[c].value * area[c] for c in parts) / sum(area.values()), rel=1e-12)
    assert verify(measured.id).equal
