"""Air purification (G12): capped by emissions, or from capacities."""

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

load_domains()


def test_edge_5_treated_above_emitted_is_capped_and_flagged():
    given = {"treated": ([0.05, 0.12], "万t"), "emission": ([1000, 1000], "t")}
    assert list(REGISTRY["air.purified@treated"].apply(given)) == pytest.approx([500, 1000])
    assert list(REGISTRY["air.purification_capped@1"].apply(given)) == [0, 1]


def test_capacity_by_area():
    """117.6 kg/hm2/a on 1 km2 (100 hm2) is 11.76 t; the same as 11.76 t/(km2*a)."""
    by_area = REGISTRY["air.purified@capacity"]
    assert by_area.apply({"capacity": (117.6, "kg/hm2/a"), "area": (1, "km2")}) == pytest.approx(11.76, rel=1e-12)
    assert by_area.apply({"capacity": (11.76, "t/(km2*a)"), "area": (1, "km2")}) == pytest.approx(11.76, rel=1e-12)


def test_a_negative_emission_and_a_wrong_unit_are_refused():
    with pytest.raises(OutOfBounds, match="must be >= 0"):
        REGISTRY["air.purified@treated"].apply({"treated": (1, "t"), "emission": (-1, "t")})
    with pytest.raises(UnitError):
        REGISTRY["air.purified@capacity"].apply({"capacity": (1, "kg/hm2"), "area": (1, "hm2")})


def test_capacities_are_open_and_name_the_document():
    with pytest.raises(MissingParameter) as refusal:
        load_domains().parameters().find("gep.air_capacity_by_ecosystem")
    assert "二氧化硫" in refusal.value.document
