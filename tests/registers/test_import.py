"""Files into a register: CSV and workbook, findings by row, the same file twice, bombs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from qingshan.core.errors import QingshanError
from qingshan.ledger.venue import Receipt
from qingshan.registers import importing
from qingshan.registers.declaration import find_register
from qingshan.registers.importing import read_import

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
    first = desk.venue.submit_group(read.commands)
    size = desk.venue.next
    again = desk.venue.submit_group(
        read_import(find_register("discharge_permit"), path, "clerk1", desk.at + 5).commands
    )
    assert all(isinstance(r, Receipt) for r in first)
    assert all(isinstance(r, Receipt) and r.repeated for r in again)
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
    assert [c.body for c in one.commands] == [c.body for c in two.commands]


def test_faulty_rows_are_named_and_nothing_is_sent(tmp_path: Path) -> None:
    bad = "f1,,C1,重点管理,520123,1\nf1,丙厂,C3,随意,520123,x\n,丁厂,C4,重点管理,520123,1\n"
    read = read_import(
        find_register("discharge_permit"), csv_file(tmp_path, HEAD + ROWS.splitlines()[1] + "\n" + bad), "clerk1", 0
    )
    assert read.commands == ()
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
