"""A zone of one valley and two villages without boundaries: proof that no page knows another zone."""

from __future__ import annotations

from pathlib import Path

ZONE = """
[zone]
id = "tiny"
name_zh = "小河谷"
name_en = "Small Valley"
root = "V"
default_profile = "screening"
profiles = ["screening"]
synthetic = true
currency_year = 2020

[[level]]
id = "valley"
zh = "谷"
en = "valley"

[[level]]
id = "village"
zh = "村"
en = "village"

[[period]]
id = "2020"
year = 2020
zh = "2020 年"
en = "2020"
"""
PLACES = """code,name_zh,name_en,level,parent
V,小河谷,Small Valley,valley,
V1,上村,Upper Village,village,V
V2,下村,Lower Village,village,V
"""
FACTS = """place_code,period,quantity,name_zh,value,unit,source_title,issuer,status,note
V1,2020,population.census_total,常住人口(普查),120,人,made-up census,nobody,secondary,
V2,2020,population.census_total,常住人口(普查),80,人,made-up census,nobody,secondary,
"""
MISSING = "quantity,name_zh,name_en,place_code,place,period,needed_by,document,rule,note\n"


def write_zone(folder: Path) -> Path:
    """The folder of the zone, ready to open."""
    (folder / "facts").mkdir()
    (folder / "zone.toml").write_text(ZONE, encoding="utf-8")
    (folder / "places.csv").write_text(PLACES, encoding="utf-8")
    (folder / "facts" / "people.csv").write_text(FACTS, encoding="utf-8")
    (folder / "missing.csv").write_text(MISSING, encoding="utf-8")
    return folder
