"""The declaration of a cell: text, numbers, spread axes, amounts per area."""

import math

import numpy as np
import pytest

from qingshan.core.cell import CELLS, cell, find_cell
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.method import A, Array, Choice, Clause, Q, method

FACTOR = 3.0
TEST = Clause("test")


@method("celltest.graded", edition="1", clause=TEST)
def graded(
    value: A[Array, Q("mm", "值", "value", low=0, high=9)],
    cuts: A[Array, Q("%", "界值", "cuts", low=0, axis="class")],
    rule: A[str, Choice("规则", "rule", ("up", "down"))],
) -> A[Array, Q("class", "等级", "grade")]:
    """Grades."""
    del rule
    return np.asarray(value > cuts[..., 0], dtype=float)


@method("celltest.mass", edition="1", clause=TEST)
def mass(
    carbon: A[Array, Q("t C", "碳", "carbon", low=0)],
    area: A[Array, Q("km2", "面积", "area", low=0)],
    slope_length: A[Array, Q("m", "坡长", "slope length")],
    slope: A[Array, Q("degree", "坡度", "slope")],
) -> A[Array, Q("t CO2", "二氧化碳", "carbon dioxide")]:
    """Amounts."""
    return carbon * area * slope_length * slope


@cell("celltest.graded@1", variant="up", choices={"rule": "up"})
def graded_up(value: float, cuts_1: float, cuts_2: float) -> float:
    """Said in one line."""
    return FACTOR * value if value > cuts_1 + cuts_2 else math.nan


@cell("celltest.mass@1", per="km2", amounts=("carbon",))
def mass_per_area(carbon: float, slope_length: float, slope: float) -> float:
    return carbon * slope_length * slope


def test_source_is_the_bare_function_and_constants_are_its_numbers():
    known = find_cell("celltest.graded@1:up")
    assert (
        known.source
        == "def graded_up(value, cuts_1, cuts_2):\n    return FACTOR * value if value > cuts_1 + cuts_2 else math.nan"
    )
    assert known.constants == {"FACTOR": 3.0}


def test_an_axis_is_spread_over_scalars():
    declared = find_cell("celltest.graded@1:up").declared(graded)
    assert {n: q.unit for n, q in declared.items()} == {"value": "mm", "cuts_1": "%", "cuts_2": "%"}
    assert declared["cuts_2"].axis == "" and declared["cuts_2"].low == 0 and declared["value"].high == 9
    assert find_cell("celltest.graded@1:up").left_out(graded) == []


def test_amounts_and_result_are_per_area():
    known = find_cell("celltest.mass@1")
    assert known.declared(mass)["carbon"].unit == "t C/km2" and known.declared(mass)["slope"].unit == "degree"
    assert known.result_unit(mass) == "t CO2/km2" and known.left_out(mass) == []


def test_what_a_cell_forgets_is_named():
    """`slope_length` does not speak for `slope`, a choice must be fixed, an area is an argument like any other."""

    @cell("celltest.mass@1", variant="short")
    def short(carbon: float, slope_length: float) -> float:
        return carbon * slope_length

    @cell("celltest.graded@1", variant="undecided")
    def undecided(value: float, cuts_1: float) -> float:
        return value - cuts_1

    assert find_cell("celltest.mass@1:short").left_out(mass) == ["area", "slope"]
    assert find_cell("celltest.graded@1:undecided").left_out(graded) == ["rule"]
    del CELLS["celltest.mass@1:short"], CELLS["celltest.graded@1:undecided"]


def test_an_argument_the_method_lacks_is_refused():
    @cell("celltest.mass@1", variant="odd")
    def odd(carbon_1: float) -> float:
        return carbon_1

    with pytest.raises(DeclarationError, match="carbon_1"):
        find_cell("celltest.mass@1:odd").declared(mass)
    del CELLS["celltest.mass@1:odd"]


def test_one_name_one_function():
    with pytest.raises(DeclarationError, match="declared twice"):

        @cell("celltest.mass@1")
        def again(carbon: float) -> float:
            return carbon


def test_code_tells_per_area_from_amount():
    @cell("celltest.mass@1", variant="same")
    def mass_per_area(carbon: float, slope_length: float, slope: float) -> float:
        return carbon * slope_length * slope

    assert find_cell("celltest.mass@1:same").code != find_cell("celltest.mass@1").code
    del CELLS["celltest.mass@1:same"]


def test_an_unknown_cell_names_the_near_ones():
    with pytest.raises(UnknownName, match=r"celltest\.graded@1:up"):
        find_cell("celltest.graded@2")
