"""Land-cover legends: their codes against a second transcription, their classes against HJ 1166-2021 table A.1."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.zone.raster.mapping import class_mapping, schemes

# Typed a second time from other places than those the table's rows name: WorldCover from the value table of the EPA tool
# ATtILA (wiki page LCC Worldcover 2020 ALL); CLCD, IGBP and the classes of GLC_FCS30D from dictionaries in programs of users
# of the products (180 stands only in the older GLC_FCS30 maps); 三调 from a code table of a cadastral tool, which prints all
# but the built-up codes 05H1 to 0809 and 09: those have this one transcription.
LEGENDS = {
    "esa_worldcover": "10 20 30 40 50 60 70 80 90 95 100",
    "clcd": "1 2 3 4 5 6 7 8 9",
    "modis_igbp": "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
    "glc_fcs30": "10 11 12 20 51 52 61 62 71 72 81 82 91 92 120 121 122 130 140 150 152 153 180 181 182 183 184 185 186 187"
    " 190 200 201 202 210 220",
    "sandiao": "0303 0304 0306 0402 0603 1105 1106 1108 0101 0102 0103 0201 0202 0203 0204 0201K 0202K 0203K 0204K 0301 0302"
    " 0305 0307 0301K 0302K 0307K 0401 0403 0404 0403K 05H1 0508 0601 0602 0701 0702 08H1 08H2 0809 0810 0810A 09 1001 1002"
    " 1003 1004 1005 1006 1007 1008 1009 1101 1102 1103 1104 1107 1109 1110 1104A 1104K 1107A 1201 1202 1203 1204 1205 1206"
    " 1207",
}  # fmt: skip


def known_classes() -> set[int]:
    path = Path(load_domains().by_name["nature"].folder) / "standards/ecosystem_classes.csv"
    with path.open(encoding="utf-8") as stream:
        return {int(row["code"]) for row in csv.DictReader(stream)}


def test_the_schemes():
    assert schemes() == sorted(LEGENDS)


@pytest.mark.parametrize("scheme", LEGENDS)
def test_codes_agree_with_a_second_transcription(scheme):
    mapping = class_mapping(scheme)
    codes = [row.code for row in mapping.rows]
    assert len(codes) == len(set(codes))
    assert set(codes) == set(LEGENDS[scheme].split())


@pytest.mark.parametrize("scheme", LEGENDS)
def test_classes_exist_and_rows_say_where_they_come_from(scheme):
    for row in class_mapping(scheme).rows:
        assert row.class_code is None or row.class_code in known_classes(), row
        assert row.source_title, row
        assert row.source_where, row
        assert row.status == "project"
        assert row.class_code is not None or row.note, f"{row.code}: no class and no reason"


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [("esa_worldcover", 40, 51), ("clcd", 9, 41), ("modis_igbp", 1, 12), ("glc_fcs30", 91, 13), ("sandiao", 101, 51), ("sandiao", 1110, 81)],
)  # fmt: skip
def test_a_value_of_the_raster_finds_its_class(scheme, value, expected):
    assert dict(class_mapping(scheme).table)[value] == expected


def test_what_has_no_counterpart_is_left_out():
    assert 100 not in dict(class_mapping("esa_worldcover").table)
    assert class_mapping("esa_worldcover").row(100).class_code is None


def test_digest_follows_the_rows(tmp_path):
    head = "scheme,code,name_zh,name_en,class_code,source_title,source_where,status,note\n"
    (tmp_path / "a.csv").write_text(f"{head}s,1,一,one,11,t,w,project,\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text(f"{head}s,1,一,one,12,t,w,project,\n", encoding="utf-8")
    assert class_mapping("a.csv", tmp_path).digest != class_mapping("b.csv", tmp_path).digest


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("s,1,一,one,x,t,w,project,", "class_code"),
        (",1,一,one,11,t,w,project,", "empty"),
        ("s,1,一,one,11,t,w,project,\nr,1,一,one,11,t,w,project,", "one scheme"),
    ],
)
def test_a_faulty_mapping_of_the_zone(tmp_path, row, why):
    head = "scheme,code,name_zh,name_en,class_code,source_title,source_where,status,note\n"
    (tmp_path / "a.csv").write_text(f"{head}{row}\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=why):
        class_mapping("a.csv", tmp_path)


def test_unknown_names(tmp_path):
    with pytest.raises(UnknownName, match="identity, clcd"):
        class_mapping("corine")
    with pytest.raises(DeclarationError, match="no mapping file"):
        class_mapping("absent.csv", tmp_path)


def test_tree_cover_above_a_fifth_is_no_sparse_forest():
    """HJ 1166 table A.1: cover of 0.2 and more is dense. IGBP woody savannas have 30-60 % of trees, savannas 10-30 %."""
    igbp = class_mapping("modis_igbp")
    assert igbp.row(8).class_code == 11
    assert igbp.row(9).class_code == 14
