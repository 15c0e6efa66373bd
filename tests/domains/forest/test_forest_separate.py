"""Karst and grassland: FOR-21 and FOR-22 of forest.md; strong acids by stoichiometry; biomass FOR-13 and FOR-28."""

import csv
import os
from pathlib import Path

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter
from qingshan.core.method import REGISTRY
from qingshan.core.units import convert

DOMAINS = load_domains()


def apply(name, **given):
    return float(REGISTRY[f"forest.{name}"].apply(given))


def test_for_22_hydrochemical_runoff():
    assert apply("karst_sink@hydrochemical", runoff=(1e6, "m3"), bicarbonate=(200, "mg/L")) == pytest.approx(
        72.123894, abs=1e-6
    )


@pytest.mark.parametrize(("ratio", "share"), [(0.5, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_strong_acids_take_their_share(ratio, share):
    # 200 mg/L HCO3 are 200/61.02 mmol/L; calcium in that ratio, all of it as Ca
    calcium = 200 / 61.02 * ratio * 40.08
    got = apply(
        "karst_sink@acids",
        runoff=(1e6, "m3"),
        bicarbonate=(200, "mg/L"),
        calcium=(calcium, "mg/L"),
        magnesium=(0, "mg/L"),
    )
    assert got == pytest.approx(72.123894 * share, abs=1e-6)


def test_magnesium_counts_as_calcium_does():
    calcium, magnesium = 200 / 61.02 * 0.25 * 40.08, 200 / 61.02 * 0.25 * 24.305
    got = apply(
        "karst_sink@acids",
        runoff=(1e6, "m3"),
        bicarbonate=(200, "mg/L"),
        calcium=(calcium, "mg/L"),
        magnesium=(magnesium, "mg/L"),
    )
    assert got == pytest.approx(72.123894, abs=1e-6)


def test_net_of_degassing():
    row = DOMAINS.parameters().find("forest.karst_degassing", set="guilin")
    assert apply("karst_net@degassing", gross=(100, "t CO2"), degassing=(row.value, row.unit)) == pytest.approx(71)


def test_for_21_chenqi_reports_both_areas_and_the_area_is_open():
    both = [
        apply("implied_area@flux", flux=(9490.01, "kg/a"), share=(s, "fraction"), intensity=(3.40, "g/m2/a"))
        for s in (0.5, 1)
    ]
    assert both == [pytest.approx(1.3956, abs=1e-4), pytest.approx(2.7912, abs=1e-4)]
    with pytest.raises(MissingParameter, match="open"):
        DOMAINS.parameters().find("forest.chenqi_area", set="chenqi")


def test_grassland_by_stock_difference():
    assert apply(
        "grass_change@stock_difference", opening=(120, "t C"), closing=(100, "t C"), years=(5, "a")
    ) == pytest.approx(-4)


def test_for_13_stand_biomass():
    a, b = (DOMAINS.parameters().find(f"forest.stand_biomass_{x}", cls="马尾松", set="fang") for x in "ab")
    got = apply("stand_biomass@fang", volume=(100, "m3/hm2"), a=(a.value, a.unit), b=(b.value, b.unit))
    assert got == pytest.approx(70.887, abs=1e-6)


def test_for_15_zhejiang():
    path = (
        Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[3] / "../shared"))
        / "data/forest/zhejiang_tree_layer"
    )
    if not path.exists():
        pytest.skip("needs data/forest/zhejiang_tree_layer (QINGSHAN_SHARED)")
    with (path / "zhejiang_tree_layer.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    area = [float(r["area_100ha"]) * 100 for r in rows]
    mean = apply(
        "stratified_mean@ar_tool14",
        mean=([float(r["tree_tC_ha"]) for r in rows], "-"),
        weight=([a / sum(area) for a in area], "-"),
    )
    assert mean * sum(area) / 1e6 == pytest.approx(122.87, abs=0.02)


def test_for_20_baimashan():
    annual = apply("annual_change@ar_tool14", change=(24_767.38, "t CO2e"), years=(5, "a"))
    per_mu = annual / 3_020.9
    assert per_mu == pytest.approx(1.6397, abs=1e-3)
    assert convert(per_mu, "t CO2/亩/a", "t CO2/hm2/a") == pytest.approx(24.596, abs=1e-3)


def test_volume_to_carbon_step_by_step():
    b = apply("biomass@wd_bef", volume=(10, "m3"), wood_density=(0.5, "t dm/m3"), bef=(1.3, "-"))
    assert b == pytest.approx(6.5) and apply(
        "biomass@bcef", volume=(10, "m3"), bcef=(0.65, "t dm/m3")
    ) == pytest.approx(6.5)
    c = apply("tree_carbon@1", above_ground=(6.5, "t dm"), root_shoot=(0.2, "-"), carbon_fraction=(0.5, "t C/t dm"))
    assert c == pytest.approx(3.9) and apply("co2@molar", carbon=(c, "t C")) == pytest.approx(14.3)
