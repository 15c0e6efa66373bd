"""Second transcriptions of the air, AQI, water and soil tables, typed row by row of another carrier and not copied from
the package's CSV: one wrong glyph in either shows here. The carriers are

- GB 3095-2012, GB 3838-2002: reprints on the web and public programs that hold them;
- GB 3095-2026 table 1 and HJ 633-2026: `backend/config/environment_chart_standards.json` of the public repository
  sancern-zhou/suyuan at c0692b2, which names the issuer's own files (mee.gov.cn, W020260224700452407278.pdf and
  W020260225366493492011.pdf) as what it was read from;
- GB 3095-2026 table 2: `gb3095_limits.py` of the public repository xiaolingjingguai/- at 29aa190, whose head says that
  pages 3 and 4 of the issuer's typeset file were compared item by item (its table 1 says the same as the above);
- data validity: section 7.2 of the monitoring specification, and the comments of a public program that restate
  GB 3095-2012 and HJ 654-2013 (324 days, 27 and 25 a month, 20 hours a day, 6 of 8). `SAMPLED` are read once;
- GB 3838-2002 tables 2 and 3: reprints at tezngx.com/yggc/43955.htm (items 1 to 19 and 21 to 39 of table 3 could be read)
  and, for table 2, qqmaoyi.com/tech_news/detail-396824.html; item 43 of table 3 by the table of limits that the environment
  bureau of Baishan prints beside its readings (hbj.cbs.gov.cn/xxfb/shjzl/202408/t20240827_820632.html). Items 20, 40 to 42 and 44 to 80
  are read once.
"""

from __future__ import annotations

from decimal import Decimal

from qingshan.core.limit import LimitRow, limit_table, limit_tables
from qingshan.core.parameter import STATUSES

# (pollutant, averaging): grade 1, grade 2
AIR_2012 = {
    ("SO2", "annual"): "20 60", ("SO2", "24h"): "50 150", ("SO2", "1h"): "150 500",
    ("NO2", "annual"): "40 40", ("NO2", "24h"): "80 80", ("NO2", "1h"): "200 200",
    ("CO", "24h"): "4 4", ("CO", "1h"): "10 10",
    ("O3", "mda8"): "100 160", ("O3", "1h"): "160 200",
    ("PM10", "annual"): "40 70", ("PM10", "24h"): "50 150",
    ("PM2.5", "annual"): "15 35", ("PM2.5", "24h"): "35 75",
    ("TSP", "annual"): "80 200", ("TSP", "24h"): "120 300",
    ("NOx", "annual"): "50 50", ("NOx", "24h"): "100 100", ("NOx", "1h"): "250 250",
    ("Pb", "annual"): "0.5 0.5", ("Pb", "quarter"): "1 1",
    ("BaP", "annual"): "0.001 0.001", ("BaP", "24h"): "0.0025 0.0025",
}  # fmt: skip
# grade 1 and 2 to 2030 (transition), grade 1 and 2 from 2031 (final)
AIR_2026 = {
    ("SO2", "annual"): "20 60 20 20", ("SO2", "24h"): "50 150 50 50", ("SO2", "1h"): "150 500 150 150",
    ("NO2", "annual"): "40 40 30 30", ("NO2", "24h"): "80 80 50 50", ("NO2", "1h"): "200 200 200 200",
    ("CO", "24h"): "4 4 4 4", ("CO", "1h"): "10 10 10 10",
    ("O3", "mda8"): "100 160 100 160", ("O3", "1h"): "160 200 160 200",
    ("PM10", "annual"): "40 60 20 50", ("PM10", "24h"): "50 120 50 100",
    ("PM2.5", "annual"): "15 30 10 25", ("PM2.5", "24h"): "35 60 25 50",
}  # fmt: skip
# Table 2: grade 1, grade 2; two of NOx stand in notes a and b as values to 2030
AIR_2026_OTHERS = {
    ("TSP", "annual", "final"): "80 200", ("TSP", "24h", "final"): "120 300",
    ("NOx", "annual", "transition"): "50 50", ("NOx", "annual", "final"): "40 40",
    ("NOx", "24h", "transition"): "100 100", ("NOx", "24h", "final"): "70 70", ("NOx", "1h", "final"): "250 250",
    ("Pb", "annual", "final"): "0.5 0.5", ("Pb", "quarter", "final"): "1.0 1.0",
    ("BaP", "annual", "final"): "0.001 0.001", ("BaP", "24h", "final"): "0.0025 0.0025",
}  # fmt: skip


def decimals(text: str) -> list[Decimal]:
    return [Decimal(t) for t in text.split()]


def test_air_limits_of_2012() -> None:
    rows = [r for r in limit_table("air_limits").rows if r.edition == "GB 3095-2012"]
    assert {(r.item, r.scope["averaging"], r.scope["grade"]): r.value for r in rows} == {
        (*key, grade): value
        for key, text in AIR_2012.items()
        for grade, value in zip("12", decimals(text), strict=True)
    }
    assert {(r.item, r.unit) for r in rows} == {(p, "mg/m3" if p == "CO" else "ug/m3") for p, _ in AIR_2012}
    assert {r.operator for r in rows} == {"<="} and {(r.valid_from, r.valid_to) for r in rows} == {
        ("2016-01-01", "2026-02-28")
    }


def of_2026(applicability: str) -> list[LimitRow]:
    rows = limit_table("air_limits").rows
    return [r for r in rows if r.edition == "GB 3095-2026" and r.scope["applicability"] == applicability]


def test_air_limits_of_2026() -> None:
    rows = of_2026("national")
    cells = [(phase, grade) for phase in ("transition", "final") for grade in "12"]
    assert {(r.item, r.scope["averaging"], r.scope["phase"], r.scope["grade"]): r.value for r in rows} == {
        (*key, phase, grade): value
        for key, text in AIR_2026.items()
        for (phase, grade), value in zip(cells, decimals(text), strict=True)
    }
    assert {(r.scope["phase"], r.valid_from, r.valid_to) for r in rows} == {
        ("transition", "2026-03-01", "2030-12-31"),
        ("final", "2031-01-01", ""),
    }
    assert {(r.item, r.unit) for r in rows} == {(p, "mg/m3" if p == "CO" else "ug/m3") for p, _ in AIR_2026}
    assert {r.operator for r in rows} == {"<="}


def test_other_items_of_2026() -> None:
    rows = of_2026("table2_local_decision")
    assert {(r.item, r.scope["averaging"], r.scope["phase"], r.scope["grade"]): r.value for r in rows} == {
        (*key, grade): value
        for key, text in AIR_2026_OTHERS.items()
        for grade, value in zip("12", decimals(text), strict=True)
    }
    assert {r.unit for r in rows} == {"ug/m3"} and {r.operator for r in rows} == {"<="}
    # notes a and b: only the two of NOx change in 2031; the others hold from the day of the standard
    later = {(r.item, r.scope["averaging"]) for r in rows if r.valid_from == "2031-01-01"}
    assert later == {("NOx", "annual"), ("NOx", "24h")}
    assert {r.valid_from for r in rows} == {"2026-03-01", "2031-01-01"}


CONTINUOUS = ("SO2", "NO2", "PM10", "PM2.5", "NOx")
SAMPLED = ("TSP", "BaP", "Pb")
"""Taken day by day by hand: their 11 cells were read once, from the issuer's scan; no second carrier was found."""
VALIDITY = {
    **{(p, "annual", "year", ""): "324" for p in CONTINUOUS},
    **{(p, "annual", "month", "other months"): "27" for p in CONTINUOUS},
    **{(p, "annual", "month", "February"): "25" for p in CONTINUOUS},
    **{(p, "24h", "day", ""): "20" for p in (*CONTINUOUS, "CO")},
    ("O3", "8h", "8 h window", ""): "6",
    **{(p, "1h", "hour", ""): "45" for p in ("SO2", "NO2", "CO", "O3", "NOx")},
}  # fmt: skip


def test_data_validity() -> None:
    rows = [r for r in limit_table("air_data_validity").rows if r.status != "open"]
    twice = [r for r in rows if r.item not in SAMPLED]
    found = {(r.item, r.scope["averaging"], r.scope["period"], r.scope["condition"]): r.value for r in twice}
    assert len(found) == len(twice) == len(rows) - 11
    assert found == {k: Decimal(v) for k, v in VALIDITY.items()}
    assert {r.edition for r in rows} == {"GB 3095-2026"}


IAQI = (0, 50, 100, 150, 200, 300, 400, 500)
AQI_2012 = {
    ("SO2", "24h"): "0 50 150 475 800 1600 2100 2620", ("SO2", "1h"): "0 150 500 650 800",
    ("NO2", "24h"): "0 40 80 180 280 565 750 940", ("NO2", "1h"): "0 100 200 700 1200 2340 3090 3840",
    ("PM10", "24h"): "0 50 150 250 350 420 500 600", ("PM2.5", "24h"): "0 35 75 115 150 250 350 500",
    ("CO", "24h"): "0 2 4 14 24 36 48 60", ("CO", "1h"): "0 5 10 35 60 90 120 150",
    ("O3", "1h"): "0 160 200 300 400 800 1000 1200", ("O3", "8h"): "0 100 160 215 265 800",
}  # fmt: skip
AQI_2026 = {
    ("SO2", "24h"): "0 50 150 475 800 1600 2100 2620", ("SO2", "1h"): "0 150 500 650 800",
    ("NO2", "24h"): "0 40 80 180 280 565 750 940", ("NO2", "1h"): "0 100 200 700 1200 2340 3090 3840",
    ("CO", "24h"): "0 2 4 14 24 36 48 60", ("CO", "1h"): "0 5 10 35 60 90 120 150",
    ("O3", "8h"): "0 100 160 215 265 800", ("O3", "1h"): "0 160 200 300 400 800 1000 1200",
    ("PM10", "24h"): "0 50 120 250 350 420 500 600", ("PM2.5", "24h"): "0 35 60 115 150 250 350 500",
}  # fmt: skip


def test_aqi_breakpoints_of_both_editions() -> None:
    for edition, table in (("HJ 633-2012", AQI_2012), ("HJ 633-2026", AQI_2026)):
        rows = [r for r in limit_table("aqi_breakpoints").rows if r.edition == edition]
        assert {(r.item, r.scope["averaging"], int(r.scope["iaqi"])): r.value for r in rows} == {
            (*key, index): value
            for key, text in table.items()
            for index, value in zip(IAQI, decimals(text), strict=False)
        }


WATER = {
    "CODMn": "2 4 6 10 15", "COD": "15 15 20 30 40", "BOD5": "3 3 4 6 10", "NH3-N": "0.15 0.5 1.0 1.5 2.0",
    "TP/river": "0.02 0.1 0.2 0.3 0.4", "TP/lake_reservoir": "0.01 0.025 0.05 0.1 0.2", "TN/lake_reservoir": "0.2 0.5 1.0 1.5 2.0",
    "Cu": "0.01 1.0 1.0 1.0 1.0", "Zn": "0.05 1.0 1.0 2.0 2.0", "F-": "1.0 1.0 1.0 1.5 1.5", "Se": "0.01 0.01 0.01 0.02 0.02",
    "As": "0.05 0.05 0.05 0.1 0.1", "Hg": "0.00005 0.00005 0.0001 0.001 0.001", "Cd": "0.001 0.005 0.005 0.005 0.01",
    "Cr6+": "0.01 0.05 0.05 0.05 0.1", "Pb": "0.01 0.01 0.05 0.05 0.1", "CN-": "0.005 0.05 0.2 0.2 0.2",
    "volatile_phenol": "0.002 0.002 0.005 0.01 0.1", "petroleum": "0.05 0.05 0.05 0.5 1.0", "LAS": "0.2 0.2 0.2 0.3 0.3",
    "S2-": "0.05 0.1 0.2 0.5 1.0", "fecal_coliform": "200 2000 10000 20000 40000",
}  # fmt: skip


def test_surface_water_classes() -> None:
    rows = limit_table("surface_water_classes").rows
    upper = {
        (r.item, r.scope["water_body"], r.scope["class"]): r.value
        for r in rows
        if r.operator == "<=" and r.item != "pH"
    }
    expected = {}
    for name, text in WATER.items():
        item, _, body = name.partition("/")
        expected |= {
            (item, body or "all", c): v for c, v in zip(("I", "II", "III", "IV", "V"), decimals(text), strict=True)
        }
    assert upper == expected
    oxygen = [r.value for r in rows if r.item == "DO"]
    assert oxygen == decimals("7.5 6 5 3 2") and {r.operator for r in rows if r.item == "DO"} == {">="}
    assert {(r.operator, r.value) for r in rows if r.item == "pH"} == {(">=", Decimal(6)), ("<=", Decimal(9))}
    assert {r.unit for r in rows if r.item in ("Hg", "CODMn", "TP", "Cr6+")} == {"mg/L"}


SUPPLEMENTARY = "250 250 10 0.3 0.1"
"""Table 2 in printed order: sulphate, chloride, nitrate as N, iron, manganese; mg/L."""
SPECIFIC = {
    1: "0.06 0.002 0.1 0.02 0.03 0.02 0.005 0.03 0.05 0.07 0.04 0.002 0.0006 0.02 0.9 0.05 0.1 0.01 0.01",
    21: "0.3 0.5 0.25 0.3 1.0 0.3 0.02 0.02 0.05 0.017 0.5 0.0003 0.5 0.05 0.5 0.093 0.2 0.009 0.1",
    43: "0.003",
}
"""Table 3 from item 1, from item 21, and item 43, mg/L."""
NAMED = {
    2: "四氯化碳",
    5: "1,2-二氯乙烷",
    13: "六氯丁二烯",
    19: "苯",
    23: "异丙苯",
    32: "2,4-二硝基甲苯",
    36: "2,4-二氯苯酚",
    39: "苯胺",
    43: "邻苯二甲酸二丁酯",
}


def test_items_of_drinking_sources() -> None:
    rows = limit_table("drinking_source_items").rows
    assert {r.operator for r in rows} == {"<="} and {r.unit for r in rows} == {"mg/L"}
    by = {(r.scope["table"], int(r.scope["no"])): r for r in rows}
    assert len(by) == len(rows) == 5 + 80
    assert [by["table2", n].item for n in range(1, 6)] == [
        "sulfate(SO4 2-)", "chloride(Cl-)", "nitrate(N)", "Fe", "Mn",
    ]  # fmt: skip
    assert [by["table2", n].value for n in range(1, 6)] == decimals(SUPPLEMENTARY)
    for first, text in SPECIFIC.items():
        values = decimals(text)
        assert [by["table3", n].value for n in range(first, first + len(values))] == values
    assert {n: by["table3", n].item for n in NAMED} == NAMED


# pH <= 5.5 | 5.5-6.5 | 6.5-7.5 | > 7.5
SCREENING = {
    "Cd/paddy": "0.3 0.4 0.6 0.8", "Cd/other": "0.3 0.3 0.3 0.6", "Hg/paddy": "0.5 0.5 0.6 1.0", "Hg/other": "1.3 1.8 2.4 3.4",
    "As/paddy": "30 30 25 20", "As/other": "40 40 30 25", "Pb/paddy": "80 100 140 240", "Pb/other": "70 90 120 170",
    "Cr/paddy": "250 250 300 350", "Cr/other": "150 150 200 250", "Cu/orchard": "150 150 200 200", "Cu/other": "50 50 100 100",
    "Ni/all": "60 70 100 190", "Zn/all": "200 200 250 300",
}  # fmt: skip
INTERVENTION = {
    "Cd/all": "1.5 2.0 3.0 4.0", "Hg/all": "2.0 2.5 4.0 6.0", "As/all": "200 150 120 100", "Pb/all": "400 500 700 1000",
    "Cr/all": "800 850 1000 1300",
}  # fmt: skip
BINS = (("", "5.5"), ("5.5", "6.5"), ("6.5", "7.5"), ("7.5", ""))


def test_agricultural_soil() -> None:
    rows = [r for r in limit_table("soil_agri_limits").rows if r.status != "open"]
    found = {
        (r.scope["kind"], f"{r.item}/{r.scope['land']}", r.scope["ph_gt"], r.scope["ph_le"]): r.value for r in rows
    }
    assert found == {
        (kind, name, *bin): value
        for kind, table in (("screening", SCREENING), ("intervention", INTERVENTION))
        for name, text in table.items()
        for bin, value in zip(BINS, decimals(text), strict=True)
    }


# screening class 1, class 2; intervention class 1, class 2
CONSTRUCTION = {
    "As": "20 60 120 140", "Cd": "20 65 47 172", "Cr(VI)": "3.0 5.7 30 78", "Cu": "2000 18000 8000 36000",
    "Pb": "400 800 800 2500", "Hg": "8 38 33 82", "Ni": "150 900 600 2000",
}  # fmt: skip


def test_construction_land() -> None:
    rows = [r for r in limit_table("soil_construction_limits").rows if r.status != "open"]
    kinds = [(k, c) for k in ("screening", "intervention") for c in ("class1", "class2")]
    assert {(r.scope["kind"], r.scope["land_class"], r.item): r.value for r in rows} == {
        (*kind, item): value
        for item, text in CONSTRUCTION.items()
        for kind, value in zip(kinds, decimals(text), strict=True)
    }


def test_every_table_says_where_it_stands() -> None:
    tables = limit_tables()
    assert len(tables) >= 37
    for table in tables:
        assert table.zh and table.en and table.rows
        for row in table.rows:
            assert row.status in STATUSES and row.item, row.where
            assert row.status == "open" or row.source, row.where
            assert row.status != "open" or row.value is None, row.where


def test_the_open_items_of_the_specification_ship_as_empty_slots() -> None:
    slots = [r for t in limit_tables() if t.id.startswith("open_items") for r in t.rows]
    assert len(slots) == 26 and {r.status for r in slots} == {"open"}
