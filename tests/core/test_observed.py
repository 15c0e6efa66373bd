"""Observed properties as the domains declare them."""

from __future__ import annotations

import pytest

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties, observed_property, property_named


def test_every_property_says_symbol_names_and_unit() -> None:
    known = observed_properties()
    assert len(known) >= 80
    for p in known.values():
        assert p.symbol and p.zh and p.en and p.unit, p
    assert len({p.zh for p in known.values()}) == len(known)


def test_gases_are_at_the_reference_state_and_particles_as_they_are() -> None:
    """GB 3095-2026 4.3."""
    by_state = {
        s: {p.symbol for p in observed_properties().values() if p.domain == "air" and p.state == s}
        for s in ("reference", "ambient")
    }
    assert {"SO2", "NO2", "CO", "O3", "NOx"} <= by_state["reference"]
    assert by_state["ambient"] == {"PM2.5", "PM10", "TSP", "Pb", "BaP"}


def test_a_name_of_a_carrier_or_a_table_finds_its_property() -> None:
    assert property_named("pm2_5", "air") is observed_property("air.pm25")
    assert property_named("总硬度", "water") is observed_property("water.hardness")
    assert property_named("TP", "water") is observed_property("water.tp")
    assert property_named("pH", "soil") is observed_property("soil.ph")
    assert property_named("unobtainium", "water") is None


def test_no_name_means_two_properties_of_a_domain() -> None:
    seen: dict[tuple[str, str], str] = {}
    for p in observed_properties().values():
        for name in {n.casefold() for n in (p.id.partition(".")[2], p.symbol, p.zh, p.en, *p.aliases)}:
            assert seen.setdefault((p.domain, name), p.id) == p.id, name


def test_an_unknown_property_lists_its_neighbours() -> None:
    with pytest.raises(UnknownName, match=r"air\.pm25"):
        observed_property("air.pm2")
