"""Files into a register: CSV and workbook, findings by row, the same file twice, bombs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from qingshan.core.errors import QingshanError
from qingshan.registers import importing
from qingshan.registers.declaration import find_register
from qingshan.registers.engine import FaultyFields
from qingshan.registers.importing import read_import, row_findings
from qingshan.registers.values import read_fields, shape_typed

from .desk import Desk

HEAD = "编号,单位名称,credit_code,management class,所在地,许可量：化学需氧量\n"
ROWS = "f1,甲厂,C1,重点管理,520123,12.5\nf2,乙厂,C2,简化管理,520123,\n"


def csv_file(folder: Path, text: str) -> Path:
    path = folder / "permits.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_enter_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "venue")
    path = csv_file(tmp_path, HEAD + ROWS)
    read = read_import(find_register("discharge_permit"), path, "clerk1", desk.at)
    assert (read.rows, read.findings) == (2, ())
    assert read.command is not None
    first = desk.venue.submit(read.command)
    size = desk.venue.next
    twice = read_import(find_register("discharge_permit"), path, "clerk1", desk.at + 5).command
    assert twice is not None
    assert (first.answer["entered"], desk.venue.submit(twice).repeated) == (2, True)
    assert desk.venue.next == size
    assert desk.record("discharge_permit", "f1").content["fields"]["cod"] == "12.5"


def test_a_workbook_reads_the_same(tmp_path: Path) -> None:
    book = Workbook()
    for line in (HEAD + ROWS).splitlines():
        book.active.append([float(c) if c == "12.5" else c for c in line.split(",")])
    book.save(tmp_path / "permits.xlsx")
    register = find_register("discharge_permit")
    one = read_import(register, tmp_path / "permits.xlsx", "clerk1", 0)
    two = read_import(register, csv_file(tmp_path, HEAD + ROWS), "clerk1", 0)
    assert one.command is not None and two.command is not None
    assert one.command.body["rows"] == two.command.body["rows"]


@pytest.mark.parametrize(
    "typed", ["106.65, 26.64", "106.65，26.64", " 106.65 26.64 ", '{"type": "Point", "coordinates": [106.65, 26.64]}']
)
def test_a_point_is_typed_as_longitude_and_latitude(typed: str) -> None:
    register = find_register("discharge_permit")
    kept, faults = read_fields(register, {"site": shape_typed(typed)}, partial=True)
    assert kept == {"site": {"type": "Point", "coordinates": ["106.65", "26.64"]}} and not faults


@pytest.mark.parametrize("typed", ["26.64, 106.65", "106.65", "106.65; 26.64", "[" * 3000])
def test_what_is_no_place_is_refused(typed: str) -> None:
    """Latitude before longitude is beyond 90 degrees; nothing is guessed."""
    register = find_register("discharge_permit")
    _, faults = read_fields(register, {"site": shape_typed(typed)}, partial=True)
    assert [f[0] for f in faults] == ["site"]


def test_faulty_rows_are_named_and_nothing_is_sent(tmp_path: Path) -> None:
    bad = "f1,,C1,重点管理,520123,1\nf1,丙厂,C3,随意,520123,x\n,丁厂,C4,重点管理,520123,1\n"
    read = read_import(
        find_register("discharge_permit"), csv_file(tmp_path, HEAD + ROWS.splitlines()[1] + "\n" + bad), "clerk1", 0
    )
    assert read.command is None
    assert {(f.row, f.field) for f in read.findings} == {
        (3, "name"),
        (4, "id"),
        (4, "management"),
        (4, "cod"),
        (5, "id"),
    }


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "no column id"), ("编号,颜色\n", "unknown"), ("id,id\n", "twice"), ('编号,单位名称\n"a', "CSV")],
)
def test_a_header_that_does_not_fit(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(QingshanError, match=word):
        read_import(find_register("discharge_permit"), csv_file(tmp_path, text), "clerk1", 0)


def test_a_column_under_its_name_of_before_is_known(tmp_path: Path) -> None:
    register = find_register("ticket_project")
    with pytest.raises(QingshanError, match="unknown: 别的边界"):
        read_import(register, csv_file(tmp_path, "编号,别的边界\nt1,x\n"), "clerk1", 0)
    fields = [
        {f.field for f in read_import(register, csv_file(tmp_path, f"编号,{n}\nt1,x\n"), "clerk1", 0).findings}
        for n in ("小班边界", "地块边界")
    ]
    assert fields[0] == fields[1] and "land" in fields[0]  # 'x' is no outline


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register = find_register("discharge_permit")
    (tmp_path / "gbk.csv").write_bytes("编号".encode("gbk"))
    with pytest.raises(QingshanError, match="byte 0 "):
        read_import(register, tmp_path / "gbk.csv", "c", 0)
    (tmp_path / "no.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(QingshanError, match="no workbook"):
        read_import(register, tmp_path / "no.xlsx", "c", 0)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("xl/workbook.xml", bytes(2_000_000))
    monkeypatch.setattr(importing, "UNPACKED", 1_000_000)
    with pytest.raises(QingshanError, match="unpacks"):
        read_import(register, tmp_path / "bomb.xlsx", "c", 0)
    monkeypatch.setattr(importing, "ROWS", 1)
    with pytest.raises(QingshanError, match="rows"):
        read_import(register, csv_file(tmp_path, HEAD + ROWS), "c", 0)


def test_rows_are_held_to_the_rules_with_each_other(tmp_path: Path) -> None:
    """Line 3 has the code and place of line 2, line 5 those of a record that was there before: nothing of the file is entered."""
    desk = Desk(tmp_path / "venue")
    desk.create(
        "discharge_permit", "old", "clerk1", name="旧厂", credit_code="C9", management="重点管理", place="520123"
    )
    text = HEAD + "f1,甲厂,C1,重点管理,520123,\n\nf2,乙厂,C1,简化管理,520123,\nf3,丙厂,C9,简化管理,520123,\n"
    read = read_import(find_register("discharge_permit"), csv_file(tmp_path, text), "clerk1", desk.at)
    assert read.command is not None and read.lines == (2, 4, 5)
    before = desk.venue.book.hash()
    with pytest.raises(FaultyFields) as told:
        desk.venue.submit(read.command)
    found = row_findings(read, told.value.faults, "permits.csv")
    assert [(f.row, f.field) for f in found] == [(4, "id"), (5, "id")]
    assert "f1" in found[0].en and "old" in found[1].en
    assert desk.venue.book.hash() == before


def test_a_file_without_rows_enters_nothing(tmp_path: Path) -> None:
    read = read_import(find_register("discharge_permit"), csv_file(tmp_path, HEAD + ",,,,,\n"), "clerk1", 0)
    assert (read.command, read.rows, read.findings[0].zh) == (None, 0, "文件没有数据行。")
