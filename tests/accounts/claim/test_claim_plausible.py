"""Plausibility bands: outliers are flagged and explained, units are converted, carbon is not CO2."""

import pytest

from qingshan.accounts.claim.plausible import check_plausible, read_bands
from qingshan.core.errors import DeclarationError, UnitError

HEAD = "species,site,age_min,age_max,low,high,unit,source\n"


@pytest.fixture
def bands(tmp_path):
    path = tmp_path / "bands.csv"
    path.write_text(
        HEAD + "马尾松,,10,20,0.2,1.0,t CO2/亩/a,测试\n马尾松,肥沃,10,20,0.5,2.0,t CO2/亩/a,测试\n", encoding="utf-8"
    )
    return read_bands(path)


def test_inside_the_band_nothing_is_said(bands):
    # 1 t/mu is 15 t/hm2
    assert (bands[0].low, bands[0].high) == (pytest.approx(3), pytest.approx(15))
    assert check_plausible("x", 0.4, "t CO2/亩/a", "马尾松", 12, "", bands) == []


def test_an_outlier_is_flagged_with_how_far_it_lies(bands):
    # forest.md FOR-20: the ticket of 白马山, 1.6397 t/mu a = 24.596 t/hm2 a, here against 15
    (found,) = check_plausible("白马山", 1.6397, "t CO2/亩/a", "马尾松", 12, "", bands)
    assert found.level == "warning" and "24.6" in found.en and "1.64 times" in found.en and "1.64 倍" in found.zh
    (low,) = check_plausible("x", 0.1, "t CO2/亩/a", "马尾松", 12, "", bands)
    assert "below" in low.en


def test_the_band_of_the_site_goes_first(bands):
    assert check_plausible("x", 1.6397, "t CO2/亩/a", "马尾松", 12, "肥沃", bands) == []


def test_without_a_band_that_is_said(bands):
    for species, age in (("杉木", 12), ("马尾松", 20)):
        assert [f.code for f in check_plausible("x", 1, "t CO2/亩/a", species, age, "", bands)] == ["no_band"]


def test_carbon_is_not_carbon_dioxide(bands):
    with pytest.raises(UnitError):
        check_plausible("x", 1, "t C/亩/a", "马尾松", 12, "", bands)


@pytest.mark.parametrize(
    "row",
    [
        "马尾松,,20,10,1,2,t CO2/hm2/a,s",
        "马尾松,,1,2,2,1,t CO2/hm2/a,s",
        "马尾松,,1,2,1,2,t CO2/hm2/a,",
        "马尾松,,1,2,x,2,t CO2/hm2/a,s",
    ],
)
def test_a_wrong_row_is_refused_by_line(tmp_path, row):
    (tmp_path / "b.csv").write_text(HEAD + row + "\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"b\.csv:2"):
        read_bands(tmp_path / "b.csv")
