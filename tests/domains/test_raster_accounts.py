"""The declared raster accounts: every step binds, units convert, every row is there or is an open slot."""

import numpy as np
import pytest

from qingshan.accounts.raster.declaration import parse_raster_account, sheet_of
from qingshan.accounts.stages import find_stage
from qingshan.core.domain import load_domains
from qingshan.core.units import same_dimension
from qingshan.zone.quantity import catalogue

DOMAINS = load_domains()
PARAMETERS = DOMAINS.parameters()
DECLARED = {
    content["id"]: (content, f"{domain}/rasters/{stem}.toml")
    for domain in DOMAINS.by_name
    for stem, content in DOMAINS.folder(domain, "rasters")
}


def account(name):
    content, where = DECLARED[name]
    return parse_raster_account(content, where)


@pytest.fixture(params=sorted(DECLARED))
def declared(request):
    return account(request.param)


def test_every_step_binds_and_every_unit_converts(declared):
    units = {}
    for use in declared.layers.values():
        if use.stage:
            stage, output = declared.stage_output(use.stage)
            units[use.layer.id] = find_stage(declared.stages[stage].run).unit("OUTPUTS", output)
    sheet = sheet_of(declared, declared.sums, units)
    assert set(sheet.used) >= {s.id for s in declared.steps.values()}, "a step that no sum stands on"


def test_every_quantity_is_declared_in_a_unit_of_its_dimension(declared):
    known = catalogue()
    for layer in (use.layer for use in declared.layers.values() if not use.stage):
        assert known.get(layer.quantity), layer.quantity
        assert layer.classes or same_dimension(known.get(layer.quantity).unit, layer.unit), layer.quantity
    for s in declared.sums:
        quantity = known.get(f"{s.quantity}.0" if s.by else s.quantity)
        assert quantity is not None and same_dimension(quantity.unit, s.unit), s.quantity
        assert s.zh and s.en


def test_every_row_exists_or_is_an_open_slot(declared):
    uses = [*declared.tables.values(), *(t for s in declared.stages.values() for t in s.tables.values())]
    for use in uses:
        rows = PARAMETERS.rows(use.parameter, set=use.set or None)
        assert rows, use.parameter
        assert all(same_dimension(r.unit, use.unit) for r in rows if use.unit), use.parameter
        if use.map:
            classes = {r.cls for r in rows}
            assert {t for targets in declared.maps[use.map].values() for t in targets} <= classes
    for row in [*declared.constants.values(), *(c for s in declared.stages.values() for c in s.constants.values())]:
        if row.value is None:
            rows = PARAMETERS.rows(row.parameter, cls=row.cls or None, set=row.set or None)
            assert len(rows) == 1, row
            assert same_dimension(rows[0].unit, row.unit)
        else:
            assert row.source


def test_class_rows_are_those_of_the_standard():
    """soil.c_* by HJ 1166 class = HJ 1173 table A.1 through the mapping of classes to factors (spec table class_to_factor)."""
    bands = {"lt10": "<10", "10_30": "10-30", "30_50": "30-50", "50_70": "50-70", "70_90": "70-90", "gt90": ">90"}
    forest = [PARAMETERS.find(f"soil.c_{b}", cls="11", set="hj1173_2021").value for b in bands]
    assert forest == [0.10, 0.08, 0.06, 0.02, 0.004, 0.001]  # national-survey.md section 4
    grass = [PARAMETERS.find(f"soil.c_{b}", cls="33", set="hj1173_2021").value for b in bands]
    assert grass == [0.45, 0.24, 0.15, 0.09, 0.043, 0.011]
    for band, printed in bands.items():
        for cls, name in (("21", "灌丛"), ("12", "森林"), ("31", "草地")):
            table = PARAMETERS.find("soil.c_cover", cls=f"{name}:{printed}", set="hj1173_2021")
            assert PARAMETERS.find(f"soil.c_{band}", cls=cls, set="hj1173_2021").value == table.value
        assert PARAMETERS.find(f"soil.c_{band}", cls="63", set="hj1173_2021").value == 0.01
        assert PARAMETERS.find(f"soil.c_{band}", cls="72", set="hj1173_2021").value == 0.7
        for cls in ("52", "81", "82"):
            assert PARAMETERS.rows(f"soil.c_{band}", cls=cls)[0].status == "open"


def test_curve_numbers_rise_from_sand_to_clay():
    rows = [[r.value for r in PARAMETERS.rows(f"water.curve_number_{g}", set="tr55")] for g in "abcd"]
    assert np.all(np.diff(rows, axis=0) > 0) and np.max(rows) <= 98


def test_every_stage_takes_what_it_is_given(declared):
    for use in declared.stages.values():
        stage = find_stage(use.run)
        for kind, given in (
            ("INPUTS", use.inputs),
            ("TABLES", use.tables),
            ("CONSTANTS", use.constants),
            ("OPTIONS", use.options),
        ):
            assert [k for k in given if not stage.takes(kind, k)] == [], (use.id, kind)
        for name, word in use.options.items():
            assert any(word in words for words in stage.declared("OPTIONS").values()), (name, word)
        for text in use.inputs.values():
            output = declared.stage_output(text)
            if output:
                assert find_stage(declared.stages[output[0]].run).gives(output[1]), text
            else:
                assert catalogue().get(text), text
