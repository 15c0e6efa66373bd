"""Station readings on the grid: by hand, by the rule, by their errors."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from qingshan.core.errors import ZoneError
from qingshan.zone.raster.stations import EARTH, Rule, Stations, distance, interpolated, left_out

from .conftest import UTM, Ground

W, N = 500000.0, 3300000.0


def stations(*rows: tuple[float, float, float]) -> Stations:
    x, y, value = (np.array(part, float) for part in zip(*rows, strict=True))
    return Stations(x, y, value, tuple(map(str, range(len(rows)))))


def idw(power: float = 2, radius: float = math.inf) -> Rule:
    return Rule("idw", power, radius, False)


def value(s: Stations, rule: Rule, x: float, y: float) -> float:
    return float(interpolated(s, rule, np.array([x]), np.array([y]))[0])


TWO = stations((0, 0, 10), (40, 0, 30))


def test_inverse_distance_by_hand():
    """At (10, 0): distances 10 and 30, weights 1/100 and 1/900, (9*10 + 30)/10 = 12; with power 1 (3*10 + 30)/4 = 15."""
    assert value(TWO, idw(2), 10, 0) == pytest.approx(12)
    assert value(TWO, idw(1), 10, 0) == pytest.approx(15)


def test_radius_leaves_far_stations_out():
    """Within 20 m of (10, 0) is the first alone; nothing is within 20 m of (200, 0)."""
    assert value(TWO, idw(2, 20), 10, 0) == 10
    assert math.isnan(value(TWO, idw(2, 20), 200, 0))


def test_at_a_station_its_own_value():
    assert value(TWO, idw(), 40, 0) == 30


def test_nearest_is_thiessen_and_of_equals_the_first():
    rule = Rule("nearest", 2, math.inf, False)
    assert [value(TWO, rule, x, 5) for x in (0, 19, 20, 21, 90)] == [10, 10, 10, 30, 30]


def test_left_out_by_hand():
    """Three stations 10, 20, 60 at 0, 1, 3 m, power 2: the middle from (10/1 + 60/4)/(1 + 1/4) = 20, error 0; the first from
    (20/1 + 60/9)/(1 + 1/9) = 24, error 14; the last from (10/9 + 20/4)/(1/9 + 1/4) = 220/13, error 220/13 - 60."""
    errors = left_out(stations((0, 0, 10), (1, 0, 20), (3, 0, 60)), idw())
    assert errors == pytest.approx([14, 0, 220 / 13 - 60])


def test_great_circles():
    """A degree of a meridian on the mean sphere is R pi/180; the geodesic of the ellipsoid differs by less than 0.6 %."""
    d = float(distance(np.array([106.0]), np.array([27.0]), 106.0, 26.0, geographic=True)[0])
    assert d == pytest.approx(EARTH * math.pi / 180)
    _, _, geodesic = Geod(ellps="WGS84").inv(106, 27, 107, 26)
    assert distance(np.array([106.0]), np.array([27.0]), 107.0, 26.0, geographic=True)[0] == pytest.approx(
        geodesic, rel=6e-3
    )


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.floats(-50, 50)), min_size=1, max_size=12),
    st.floats(0.5, 4),
)
def test_a_mean_stays_within_the_readings(rows, power):
    s = stations(*rows)
    x, y = np.meshgrid(np.arange(0, 100, 7.0), np.arange(0, 100, 7.0))
    found = interpolated(s, idw(power), x, y)
    assert found.min() >= s.value.min() - 1e-9
    assert found.max() <= s.value.max() + 1e-9


# --- in a zone


def table(ground: Ground, rows: list[tuple[float, float, float]], more: str = 'method = "idw"') -> Ground:
    """Stations given in metres from the corner of the grid."""
    turn = Transformer.from_crs(UTM, 4326, always_xy=True)
    lines = ["id,lon,lat,value"]
    for i, (x, y, v) in enumerate(rows):
        lon, lat = turn.transform(W + x, N - y)
        lines.append(f"s{i},{lon:.9f},{lat:.9f},{v}")
    (ground.folder / "stations.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ground.add(
        f'[[raster]]\nid = "rain"\ntitle = "rain"\nlicence = "CC0"\nquantity = "climate.rain_annual"\nperiod = "2020"\n'
        f'unit = "mm"\nstations = "stations.csv"\n{more}'
    )


THREE = [(100.0, 100.0, 1000.0), (1400.0, 100.0, 1200.0), (700.0, 1100.0, 1500.0)]


def test_field_of_a_zone(standard):
    book = table(standard, THREE).book
    layer = book.layer("climate.rain_annual", "2020")
    cells = layer.source.read(book.grid.whole)
    d = [math.hypot(15 - x, 15 - y) for x, y, _ in THREE]
    expected = sum(v / r**2 for r, (_, _, v) in zip(d, THREE, strict=True)) / sum(1 / r**2 for r in d)
    assert cells[0, 0] == pytest.approx(expected, rel=1e-6)
    assert (layer.unit, cells.dtype) == ("mm", np.float32)
    again = pickle.loads(pickle.dumps(layer.source))
    for window in book.grid.blocks(7, 9):
        assert again.read(window).tobytes() == cells[window.slices].tobytes()


def test_identity_follows_readings_and_rule(standard):
    one = table(standard, THREE).book.layer("climate.rain_annual", "2020").source.identity()
    standard.text = standard.text.replace('method = "idw"', 'method = "idw"\npower = 3')
    assert standard.book.layer("climate.rain_annual", "2020").source.identity() != one


def test_the_error_of_the_rule_is_told(standard):
    (note,) = [f for f in table(standard, THREE).book.findings() if f.code == "stations_error"]
    assert "3 stations" in note.en


def test_few_and_coinciding_stations(standard):
    codes = {f.code for f in table(standard, THREE[:2]).book.findings()}
    assert "stations_few" in codes
    other = Ground(standard.folder.parent / "other").grid(UTM, W, N, 30.0, 40, 50)
    codes = {f.code for f in table(other, [*THREE, THREE[0]]).book.findings()}
    assert "stations_coincide" in codes


def test_facts_as_stations(standard):
    """The two shires with their coordinates; 1.1 m of rain are 1100 mm."""
    rows = (standard.folder / "facts").glob("*.csv")
    first = next(iter(sorted(rows)))
    head = first.read_text(encoding="utf-8").splitlines()[0].split(",")
    lines = [",".join(head)]
    for place, name, amount in (("T1", "东片", "1.1"), ("T2", "西片", "0.9")):
        row = {"place_code": place, "place": name, "period": "2020", "quantity": "climate.rain_annual", "name_zh": "年降水量",
               "value": amount, "unit": "m", "source_title": "invented", "status": "project"}  # fmt: skip
        lines.append(",".join(row.get(column, "") for column in head))
    (standard.folder / "facts/rain.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table(standard, THREE, 'method = "nearest"')
    standard.text = standard.text.replace('stations = "stations.csv"', 'stations = "facts:climate.rain_annual"')
    source = standard.book.layer("climate.rain_annual", "2020").source
    assert source.stations.names == ("T1", "T2")
    assert source.stations.value == pytest.approx([1100, 900])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (('method = "idw"', 'method = "kriging"'), "no usable method"),
        (('method = "idw"', 'method = "idw"\npower = 0'), "no usable method"),
        (('method = "idw"', 'method = "idw"\nradius = -5'), "no usable method"),
        (('stations = "stations.csv"', 'stations = "absent.csv"'), "no station table"),
        (('stations = "stations.csv"', 'stations = "facts:q.none"'), "no reading"),
    ],
)
def test_faulty_declarations(standard, spoil, why):
    table(standard, THREE)
    standard.text = standard.text.replace(*spoil)
    with pytest.raises(ZoneError, match=why):
        standard.book.layer("climate.rain_annual", "2020")
    assert any(f.level == "error" for f in standard.book.findings())


@pytest.mark.parametrize("row", ["s9,abc,30,5", "s9,100,95,5", "s9,100,30,", "s9,100,30,nan"])
def test_faulty_rows(standard, row):
    table(standard, THREE)
    path = standard.folder / "stations.csv"
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(ZoneError, match=r"stations\.csv:5"):
        standard.book.layer("climate.rain_annual", "2020")
