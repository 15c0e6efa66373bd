"""Bad zones: each fault gives one finding that names file, row, field and the way out, and the rest is still read."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qingshan.zone
from qingshan.core.errors import ZoneError
from qingshan.core.finding import Finding
from qingshan.zone import Zone, check_zone, init_zone, open_zone
from qingshan.zone.report import FINDINGS_PER_FILE, messages
from qingshan.zone.table import CELL_LIMIT, FILE_LIMIT, utf8_fault

HEADER = "place_code,place,period,quantity,name_zh,value,unit,source_title,issuer,status,note\n"
GOOD = "T1,东片,2020,land.garden,园地,12.5,km2,a source,,primary,\n"


def faults(folder: Path, code: str | None = None) -> list[Finding]:
    return [f for f in check_zone(folder) if f.level != "note" and code in (None, f.code)]


def extra(folder: Path, text: str | bytes) -> Path:
    path = folder / "facts/extra.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_untouched_zone_is_sound(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD)
    assert faults(spoilt) == []
    assert open_zone(spoilt).facts.best("land.garden", "T1", "2020").value == 12.5


@pytest.mark.parametrize(
    ("change", "code", "field", "hint"),
    [
        (("T1,", "T9,"), "unknown_place", "place_code", "T1"),
        (("T1,", "520100,"), "unknown_place", "place_code", ""),
        (("km2", "平方英里"), "unknown_unit", "unit", "km2"),
        ((",km2,", ",,"), "empty_unit", "unit", "km2"),
        ((",km2,", ",t,"), "wrong_unit", "unit", "万hm2"),
        (("12.5", "-12.5"), "negative_value", "value", ">= 0"),
        (("12.5", ""), "empty_value", "value", ""),
        (("12.5", "nan"), "not_a_number", "value", ""),
        (("12.5", "1e999"), "number_too_large", "value", "1e+30"),
        (("12.5", "2e30"), "number_too_large", "value", "1e+30"),
        (("12.5", "6e8"), "out_of_limits", "value", "<= 510,100,000 km2"),  # more km2 than the Earth has
        (("12.5", '"1,234.5"'), "not_a_number", "value", ""),
        (("12.5", "１２．５"), "not_a_number", "value", ""),
        (("12.5", "1_2"), "not_a_number", "value", ""),
        ((",2020,", ",20年,"), "bad_period", "period", "2023-10"),
        (("land.garden", "land garden"), "bad_quantity", "quantity", "land.forest.arbor"),
        (("primary", "certain"), "bad_word", "status", "primary"),
        (("a source", ""), "no_source", "source_title", ""),
        ((",园地,", ",园地,1,"), "row_length", "", ""),
    ],
)
def test_a_faulty_row_is_one_error_and_is_not_used(
    spoilt: Path, change: tuple[str, str], code: str, field: str, hint: str
) -> None:
    extra(spoilt, HEADER + GOOD + GOOD.replace(*change).replace("12.5", "13.5"))
    (found,) = faults(spoilt)
    assert (found.level, found.code, found.file, found.row, found.field) == ("error", code, "facts/extra.csv", 3, field)
    assert hint in found.limit
    assert found.fix
    assert found.zh != found.en
    assert [f.value for f in open_zone(spoilt).facts.find("land.garden", "T1", "2020")] == [12.5]


@pytest.mark.parametrize(("text", "plain"), [('"1,234.5"', "1234.5"), ("１２．５", "12.5"), ("1 200", "1200")])
def test_the_fix_of_a_misspelt_number_is_the_number(spoilt: Path, text: str, plain: str) -> None:
    extra(spoilt, HEADER + GOOD.replace("12.5", text))
    (found,) = faults(spoilt)
    assert plain in found.fix


def test_limits_declared_by_the_quantity(spoilt: Path) -> None:
    rows = GOOD.replace("land.garden", "climate.temperature_month").replace("km2", "degC").replace("2020", "2020-01")
    extra(spoilt, HEADER + rows.replace("12.5", "-300") + rows.replace("12.5", "75") + rows.replace("12.5", "-12.5"))
    assert [(f.code, f.row) for f in faults(spoilt)] == [("out_of_limits", 2), ("out_of_limits", 3)]


def test_a_signed_quantity_may_be_negative(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD.replace("land.garden", "wetland.change_10a").replace("12.5", "-0.68"))
    assert faults(spoilt) == []


def test_a_share_over_100_is_a_warning_and_used(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD.replace("land.garden", "forest.cover").replace("12.5", "104").replace("km2", "%"))
    (found,) = faults(spoilt)
    assert (found.level, found.code) == ("warning", "share_out_of_range")
    assert open_zone(spoilt).facts.best("forest.cover", "T1", "2020") is not None


def test_an_undeclared_quantity_is_a_warning_and_used(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD.replace("land.garden", "land.gardens"))
    (found,) = faults(spoilt)
    assert (found.level, found.code) == ("warning", "unknown_quantity")
    assert "land.garden" in found.limit
    assert open_zone(spoilt).facts.best("land.gardens", "T1", "2020") is not None


def test_a_duplicate_row_is_a_warning_and_counted_once(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD + GOOD)
    (found,) = faults(spoilt)
    assert (found.level, found.code, found.row) == ("warning", "duplicate_row", 3)
    assert len(open_zone(spoilt).facts.find("land.garden", "T1", "2020")) == 1


def test_not_utf8_names_the_byte(spoilt: Path) -> None:
    extra(spoilt, (HEADER + GOOD).encode("gb18030"))
    (found,) = faults(spoilt)
    first = (HEADER + GOOD).encode("gb18030").index("东".encode("gb18030"))
    assert (found.code, found.row, found.limit) == ("not_utf8", 2, "UTF-8")
    assert f"offset {first} " in found.en
    assert "0xB6" in found.en  # 东 is B6 AB in GB 18030


def test_a_byte_order_mark_is_no_fault(spoilt: Path) -> None:
    extra(spoilt, b"\xef\xbb\xbf" + (HEADER + GOOD).encode())
    assert faults(spoilt) == []


@pytest.mark.parametrize("size", [100 * 1024 * 1024, FILE_LIMIT + 1])
def test_a_huge_cell_is_one_finding_and_takes_no_memory(spoilt: Path, size: int) -> None:
    path = extra(spoilt, HEADER + 'T1,"')
    with path.open("r+b") as stream:
        stream.truncate(size)  # sparse: one cell of NUL bytes up to the end
    tracemalloc.start()
    (found,) = faults(spoilt)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.code, found.level, found.file) == ("file_too_large", "error", "facts/extra.csv")
    assert peak < 16 * 1024 * 1024


def test_a_long_cell_in_a_file_of_allowed_size(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD + 'T1,"' + "x" * (8 * 1024 * 1024))
    (found,) = faults(spoilt)
    assert (found.code, found.row is not None) == ("cell_too_large", True)
    assert open_zone(spoilt).facts.find("land.garden", "T1", "2020") == []  # a broken file is not used in part


def test_the_limit_holds_even_where_the_host_raised_that_of_csv(spoilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import csv  # noqa: PLC0415 - its limit is process-wide and restored here

    before = csv.field_size_limit(10**9)
    try:
        extra(spoilt, HEADER + GOOD.replace("a source", "x" * (CELL_LIMIT + 1)))
        (found,) = faults(spoilt)
    finally:
        csv.field_size_limit(before)
    assert (found.code, found.row) == ("cell_too_large", 2)


@pytest.mark.parametrize(
    ("header", "code", "field"),
    [
        (HEADER.replace("value,", "number,"), "wrong_header", "value"),
        (HEADER.replace("note", "value"), "repeated_column", "value"),
        ("", "wrong_header", "place_code, period, quantity, value, unit, source_title, status"),
    ],
)
def test_a_wrong_header(spoilt: Path, header: str, code: str, field: str) -> None:
    extra(spoilt, header + GOOD if header else "")
    (found,) = faults(spoilt)
    assert (found.level, found.code, found.row, found.field) == ("error", code, 1, field)


def test_an_unknown_column_is_named(spoilt: Path) -> None:
    extra(spoilt, HEADER.replace("note", "remark") + GOOD)
    (found,) = faults(spoilt)
    assert (found.level, found.code, found.field) == ("warning", "unknown_column", "remark")


def test_the_row_is_that_of_the_start_of_a_record_over_several_lines(spoilt: Path) -> None:
    extra(spoilt, HEADER + GOOD.replace(",\n", ',"two\nlines"\n') + GOOD.replace("12.5", "-1"))
    (found,) = faults(spoilt)
    assert found.row == 4


def test_a_file_wrong_throughout_gives_a_limited_list(spoilt: Path) -> None:
    extra(spoilt, HEADER + "".join(GOOD.replace("12.5", f"-{n}") for n in range(1, 1001)))
    found = faults(spoilt)
    assert len(found) == FINDINGS_PER_FILE + 1
    assert found[-1].code == "more_findings"
    assert str(1000 - FINDINGS_PER_FILE) in found[-1].en


def test_rows_of_one_present_place_need_a_rule(spoilt: Path) -> None:
    header = "place_code,place,place_code_now,period,quantity,value,unit,source_title,status\n"
    text = "T1,东片,T1,2010,population.census_total,358981,人,census,{}\nT3,旧片,T1,2010,population.census_total,248070,人,census,{}\n"
    extra(spoilt, header + text.format("primary", "secondary"))
    (found,) = faults(spoilt)
    assert (found.code, found.row) == ("no_merge_rule", 2)
    assert open_zone(spoilt).facts.find("population.census_total", "T1", "2010") == []
    with (spoilt / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[[merge]]\nquantity = "population.census_total"\nrule = "sum"\n')
    assert faults(spoilt) == []
    (merged,) = open_zone(spoilt).facts.find("population.census_total", "T1", "2010")
    assert (merged.value, merged.status, len(merged.parts)) == (
        607_051,
        "secondary",
        2,
    )  # the worst status of the parts


# --- files and zone.toml --------------------------------------------------------------------------------------------


def drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def rewrite(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def group(id: str, classes: str) -> str:
    return f"[[extent.group]]\nid = '{id}'\nzh = '合并'\nen = 'group'\nclasses = [{classes}]\n[policies]"


@pytest.mark.parametrize(
    ("spoil", "code", "file"),
    [
        (drop("missing.csv"), "no_missing", "missing.csv"),
        (drop("boundaries.geojson"), "missing_file", "boundaries.geojson"),
        (rewrite("places.csv", "shire,T0,100.15,", "shire,T7,100.15,"), "unknown_parent", "places.csv"),
        (rewrite("places.csv", "西片,West Shire,shire", "西片,West Shire,hamlet"), "unknown_level", "places.csv"),
        (rewrite("places.csv", "西片,West Shire,shire", ",West Shire,shire"), "empty_cell", "places.csv"),
        (rewrite("places.csv", "100.075,30.156", "30.156,100.075"), "bad_coordinate", "places.csv"),
        (rewrite("places.csv", "100.15,30.156", "110.15,30.156"), "point_outside", "places.csv"),
        (rewrite("boundaries.geojson", '"T1"', '"T8"'), "unknown_feature", "boundaries.geojson"),
        (rewrite("missing.csv", "试验区水资源公报", ""), "no_document", "missing.csv"),
        (rewrite("missing.csv", "level:shire", "level:hamlet"), "unknown_place", "missing.csv"),
        (rewrite("zone.toml", 'fact = "land.reed"', 'fact = "economy.gdp"'), "bad_extent_class", "zone.toml"),
        (rewrite("zone.toml", 'fact = "land.reed"', 'fact = "land.forest"'), "overlapping_classes", "zone.toml"),
        (rewrite("zone.toml", "[policies]", group("wet", '"reed", "mire"')), "bad_extent_group", "zone.toml"),
        (rewrite("zone.toml", "[policies]", group("wet", '"reed", "reed"')), "bad_extent_group", "zone.toml"),
        (rewrite("zone.toml", "[policies]", group("reed", '"reed"')), "bad_extent_group", "zone.toml"),
        (rewrite("zone.toml", 'rollup = "sum"', 'rollup = "most"'), "bad_quantity_entry", "zone.toml"),
        (rewrite("zone.toml", 'month_pattern = ["2021-{:02d}"]', 'month_pattern = "2021"'), "bad_period_entry", "zone.toml"),
        (rewrite("zone.toml", 'file = "boundaries.geojson"', 'package = "no_such"'), "unknown_boundary_source", "zone.toml"),
        (rewrite("zone.toml", "[policies]", "[[merge]]\nquantity = 'a.b'\nrule = 'mean'\n[policies]"), "bad_merge_rule", "zone.toml"),
        (rewrite("zone.toml", "[policies]", "[[raster]]\nid = 'dem'\n[policies]"), "bad_entry", "zone.toml"),
    ],
)  # fmt: skip
def test_a_faulty_folder_is_named(spoilt: Path, spoil: Callable[[Path], object], code: str, file: str) -> None:
    spoil(spoilt)
    found = faults(spoilt, code)
    assert [(f.file, bool(f.fix)) for f in found[:1]] == [(file, True)]


@pytest.mark.parametrize(
    ("id", "classes"),
    [("wet", ""), ("all", '"reed"'), ("moved", '"reed"'), ("unallocated", '"reed"'), ("reed>farmland", '"reed"')],
)
def test_a_group_that_would_stand_for_something_else(spoilt: Path, id: str, classes: str) -> None:
    """An empty group, and ids that the change page has for other tabs or for a pair of classes: one finding each."""
    rewrite("zone.toml", "[policies]", group(id, classes))(spoilt)
    found = faults(spoilt, "bad_extent_group")
    assert [(f.level, repr(id) in f.en, repr(id) in f.zh) for f in found] == [("error", True, True)]


@pytest.mark.parametrize(
    "spoil",
    [
        drop("zone.toml"),
        drop("places.csv"),
        rewrite("zone.toml", 'root = "T0"', 'root = "T5"'),
        rewrite("zone.toml", 'id = "minizone"', 'id = "../minizone"'),
        rewrite("zone.toml", "[zone]", "[zone"),
        rewrite("zone.toml", "[[level]]", "[[storey]]"),
        rewrite("places.csv", "code,", "number,"),
    ],
)
def test_what_cannot_be_opened_is_one_error(spoilt: Path, spoil: Callable[[Path], object]) -> None:
    spoil(spoilt)
    with pytest.raises(ZoneError) as error:
        open_zone(spoilt)
    assert error.value.fix
    (found,) = check_zone(spoilt)
    assert (found.level, found.code) == ("error", "cannot_open")


@given(
    st.sampled_from(
        ["period", "merge", "comparison", "quantity", "raster", "series", "boundaries", "extent", "policies"]
    ),
    st.sampled_from(
        ["3", "'word'", "true", "[]", "[1]", "[[]]", "['a']", "{}", "[{}]", "{file = 3}", "{class = 1}", "{id = 1}"]
    ),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_a_key_breaks_the_check(tmp_path: Path, key: str, value: str) -> None:
    folder = tmp_path / f"z{len(list(tmp_path.iterdir()))}"
    init_zone(folder, id="fuzz", name_zh="试", name_en="Fuzz")
    head = re.sub(rf"(?ms)^\[+{key}\b.*?(?=^\[|^#|\Z)", "", (folder / "zone.toml").read_text(encoding="utf-8"))
    head = re.sub(r"(?ms)^\[\[extent\.class\]\].*?(?=^\[|^#|\Z)", "", head) if key == "extent" else head
    (folder / "zone.toml").write_text(f"{key} = {value}\n{head}", encoding="utf-8")
    assert all(f.code != "cannot_open" for f in check_zone(folder))


def test_a_loop_of_parents_is_left_out(spoilt: Path) -> None:
    with (spoilt / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[[level]]\nid = "deep"\nzh = "村"\nen = "village"\n')
    with (spoilt / "places.csv").open("a", encoding="utf-8") as stream:
        stream.write("X1,甲,A,shire,X1,,\nX2,乙,B,deep,X1,,\nX3,丙,C,deep,X9,,\n")
    assert [(f.code, f.row) for f in faults(spoilt)] == [
        ("wrong_level", 5),
        ("unknown_parent", 7),
        ("no_way_to_root", 6),
    ]
    assert set(open_zone(spoilt).places) == {"T0", "T1", "T2"}


def test_registered_files_are_compared_with_their_hash(spoilt: Path) -> None:
    entry = "\n[[raster]]\nid = '{0}'\ntitle = 'rain'\npath = '{1}'\ncrs = 'EPSG:4326'\nresolution = '1 km'\nlicence = 'CC0'\n{2}\n"
    (spoilt / "rain.tif").write_bytes(b"abc")
    # sha-256 of b"abc", FIPS 180-2 appendix B.1
    right = "sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'"
    with (spoilt / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write(entry.format("good", "rain.tif", right))
        stream.write(entry.format("absent", "snow.tif", right))
        stream.write(entry.format("plain", "rain.tif", ""))
        stream.write(entry.format("changed", "rain.tif", "sha256 = '00'"))
        stream.write(entry.format("good", "rain.tif", right))
    assert [f.code for f in faults(spoilt)] == ["missing_file", "no_hash", "changed_file", "duplicate_entry"]


def test_parameter_rows_of_a_zone(spoilt: Path) -> None:
    (spoilt / "parameters").mkdir()
    (spoilt / "parameters/prices.csv").write_text(
        "parameter,value,unit,place,year,source_title,status\nprice.a,1.5,元/m3,T0,2020,invented,project\nprice.b,x,元/m3,T0,2020,invented,project\n",
        encoding="utf-8",
    )
    (found,) = faults(spoilt)
    assert (found.code, found.file, found.row) == ("bad_parameter", "parameters/prices.csv", 3)
    assert [(p.parameter, p.value) for p in open_zone(spoilt).parameters] == [("price.a", 1.5)]


def test_no_zone_of_that_name() -> None:
    with pytest.raises(ZoneError, match="guizhou"):
        open_zone("no-such-zone")
    assert [f.code for f in check_zone("no-such-zone")] == ["cannot_open"]


def test_the_environment_names_the_zone(monkeypatch: pytest.MonkeyPatch, minizone: Zone) -> None:
    monkeypatch.setenv("QINGSHAN_ZONE", str(minizone.path))
    assert open_zone().id == "minizone"
    monkeypatch.delenv("QINGSHAN_ZONE")
    assert open_zone().id == "guizhou"


# --- the reader ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=64), st.integers(0, 3))
def test_the_first_bad_byte_is_that_of_the_decoder(raw: bytes, pad: int) -> None:
    try:
        raw.decode("utf-8")
        expected = None
    except UnicodeDecodeError as error:
        expected = error.start
    assert utf8_fault(raw) == expected
    shift = (1 << 20) - pad  # the same bytes across a chunk boundary
    assert utf8_fault(b"a" * shift + raw) == (None if expected is None else shift + expected)


def test_every_message_is_used_and_every_code_has_a_message() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in Path(qingshan.zone.__file__).parent.glob("*.py"))
    used = set(re.findall(r"\b(?:add|finding)\(\s*\"([a-z_0-9]+)\"", source)) | set(
        re.findall(r"\"(bad_(?:period|quantity))\"", source)
    )
    assert used == set(messages())
    for text in messages().values():
        assert text["level"] in ("error", "warning", "note")
        assert len(text["fix"]) in (0, 2)
