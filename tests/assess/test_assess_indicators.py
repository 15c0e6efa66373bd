"""Indicators of the built-in zone: GZ-4 and GZ-5."""

from __future__ import annotations

import pytest

from qingshan.assess.indicators import evaluate_indicator
from qingshan.core.errors import UnknownName
from qingshan.zone.zone import Zone, open_zone


@pytest.fixture(scope="module")
def guizhou() -> Zone:
    return open_zone("guizhou")


def test_gz_4_energy_intensity_is_refused(guizhou: Zone) -> None:
    result = evaluate_indicator(guizhou, "energy.intensity", "520000", "2020")
    assert result.value is None and result.unit == "tce/万元"
    assert result.refusal and result.refusal.needs == "energy.consumption_total"
    assert "中国能源统计年鉴" in result.refusal.document


def test_gz_5_co2_intensity_at_current_prices(guizhou: Zone) -> None:
    result = evaluate_indicator(guizhou, "co2.intensity", "520000", "2019")
    assert result.value == pytest.approx(1.557186, abs=1e-6)  # 261.1292 Mt / 16769.3 亿元
    assert result.unit == "t CO2/万元" and "current price" in result.labels
    assert {a: f.printed for a, f in result.facts.items()} == {"co2": "261.1292", "gdp": "16769.3"}


def test_two_missing_figures_are_both_named(guizhou: Zone) -> None:
    result = evaluate_indicator(guizhou, "energy.intensity", "520100", "2020")
    assert result.refusal and [c.needs for c in result.refusal.leaves()] == ["energy.consumption_total", "economy.gdp"]
    assert "统计年鉴" in result.refusal.leaves()[1].document


def test_an_unknown_indicator_or_place(guizhou: Zone) -> None:
    with pytest.raises(UnknownName, match="known"):
        evaluate_indicator(guizhou, "happiness", "520000", "2020")
    with pytest.raises(UnknownName, match="999999"):
        evaluate_indicator(guizhou, "co2.intensity", "999999", "2020")
