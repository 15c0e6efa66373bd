"""The shipped account `casa` on the invented cells, by place and class, every figure by hand.

All cells: solar radiation 5000 MJ/m2, rain = ET0 = 1000 mm, 20 degC, which is the optimum of every class.
  PAR share 0.5, FPAR 0.001 to 0.95 (shipped rows);  T1 = 0.8 + 0.02*20 - 0.0005*400 = 1
  T2 = 1.1814/((1 + e^-2)(1 + e^-3)) = 1.1814/(1.13533528 * 1.04978707) = 0.99122
  Fu, omega 2.6: AET = 2000 - (2*1000^2.6)^(1/2.6) = 1000 (2 - 2^(1/2.6)) = 694.49 mm;  W = 0.5 + 0.5*0.69449 = 0.84724
  forest  (11) NDVI at its maximum:    FPAR 0.95,   APAR 2375    MJ/m2, eps_max 0.5   (filled by the zone)
  shrub   (21) NDVI in the middle:     FPAR 0.4755, APAR 1188.75 MJ/m2, eps_max 0.429 (shipped)
  grass   (31) NDVI at its minimum:    FPAR 0.001,  APAR 2.5     MJ/m2, eps_max 0.542 (shipped)
  NPP = APAR * T1 * T2 * W * eps_max in gC/m2; 1 gC/m2 on 1 hm2 is 0.01 t C
West: forest 8 cells, shrub 6; east: forest 2, shrub 4, grass 9.
"""

import math

import numpy as np
import pytest

from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.verify import verify
from qingshan.faces.cli import main
from qingshan.zone.zone import open_zone

from .conftest import COVER, entry, make_cells, of_class, write_tif

STRESS = 1.1814 / ((1 + math.exp(-2)) * (1 + math.exp(-3))) * (0.5 + 0.5 * (2 - 2 ** (1 / 2.6)))
PER_HM2 = {  # t C/hm2
    "forest": 0.01 * 2375 * STRESS * 0.5,
    "grass": 0.01 * 1188.75 * STRESS * 0.429,  # the zone calls its code 21 so; the row of code 21 is that of shrub
    "arable": 0.01 * 2.5 * STRESS * 0.542,
}
CELLS = {("11", "forest"): 8, ("11", "grass"): 6, ("12", "forest"): 2, ("12", "grass"): 4, ("12", "arable"): 9}
RATIO = 0.2

LAYERS = {
    "solar.tif": ("climate.solar_radiation", "MJ/m2", np.full((5, 6), 5000.0)),
    "warm.tif": ("climate.temperature_annual", "degC", np.full((5, 6), 20.0)),
    "wet.tif": ("climate.rain_annual", "mm", np.full((5, 6), 1000.0)),
    "et0.tif": ("climate.et0_annual", "mm", np.full((5, 6), 1000.0)),
    "ndvi.tif": ("vegetation.ndvi", "1", of_class({11: 0.75, 21: 0.5, 31: 0.25, 0: 0.5})),
}
ROWS = "".join(
    f"forest.{name},{cls},{value},{unit},{set},,invented,primary\n"
    for name, value, unit, set in (
        ("ndvi_min", 0.25, "1", ""), ("ndvi_max", 0.75, "1", ""), ("optimum_temperature", 20, "degC", ""), ("nep_npp_ratio", RATIO, "-", ""),
    )
    for cls in (11, 21, 31)
) + "forest.eps_max_class,11,0.5,gC/MJ,lhasa_casa,,invented,primary\n"  # fmt: skip


@pytest.fixture(scope="module")
def folder(cells_home, tmp_path_factory):
    made = make_cells(
        tmp_path_factory.mktemp("casa") / "zone",
        leave_out=("rain.tif",),
        more="".join(entry(name, quantity, unit) for name, (quantity, unit, _) in LAYERS.items()),
    )
    for name, (_, _, values) in LAYERS.items():
        write_tif(made / name, values)
    with (made / "parameters/tiny.csv").open("a", encoding="utf-8") as stream:
        stream.write(ROWS)
    return made


@pytest.fixture(scope="module")
def done(folder):
    return run_raster(folder, "casa", "2020")


def figures(run, quantity):
    return {(f.place, f.cls): f.value for f in run.facts if f.quantity == quantity}


def test_the_cells_are_those_of_the_table_above():
    codes = {"forest": 11, "grass": 21, "arable": 31}
    sides = {"11": COVER["2020"][:, :3], "12": COVER["2020"][:, 3:]}
    assert {(p, c): int((sides[p] == codes[c]).sum()) for p, c in CELLS} == CELLS


def test_npp_by_hand_with_rounded_steps(done):
    """2375 * 0.99122 * 0.84724 * 0.5 = 997.26 gC/m2 of forest, as a pocket calculator has it: 9.9726 t C on each of the 8 hm2 of the west."""
    assert figures(done, "forest.npp_carbon")["11", "forest"] == pytest.approx(8 * 9.9726, rel=2e-5)


@pytest.mark.parametrize(
    ("quantity", "factor"),
    [
        ("forest.npp_carbon", 1.0),
        ("forest.npp", 1 / 0.5),  # t dry matter, carbon fraction 0.5
        ("forest.nep", RATIO),
        ("forest.co2_fixed", RATIO * 44 / 12),
        ("forest.oxygen_released", 1.19 / 0.5),  # of the production, not of the carbon dioxide
    ],
)
def test_every_sum_by_place_and_class(done, quantity, factor):
    found = figures(done, quantity)
    for (place, cls), n in CELLS.items():
        assert found[place, cls] == pytest.approx(n * PER_HM2[cls] * factor, rel=1e-6), (place, cls)
    assert not {("11", "arable")} & set(found)


def test_places_add_up_and_the_run_replays(folder):
    """`run casa` seals it; the whole is 10 hm2 of forest, 10 of shrub, 9 of grass."""
    assert main(["run", "casa", "--zone", str(folder), "--year", "2020"]) == 0
    from qingshan.accounts.run import latest_runs  # noqa: PLC0415

    run = next(
        r for r in latest_runs(open_zone(folder)).values() if any(f.quantity == "forest.npp_carbon" for f in r.facts)
    )
    whole = run.fact("forest.npp_carbon", "1", "2020").value
    assert whole == pytest.approx(10 * PER_HM2["forest"] + 10 * PER_HM2["grass"] + 9 * PER_HM2["arable"], rel=1e-6)
    assert verify(run.path).equal
