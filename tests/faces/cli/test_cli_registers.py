"""`qingshan exchange import|due|dossier`: rows of a file into a register, missed deadlines, a forest project from its dossier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from said import Call

from qingshan.accounts.claim.synthetic import write_demo_project

TEN = "2026-03-02T10:00:00+08:00"
HEAD = "id,name,credit_code,management,place,cod\n"


@pytest.fixture
def venue(call: Call, tmp_path: Path) -> Path:
    folder = tmp_path / "venue"
    words = ("--name", "示范", "--admin", "root", "--person", "P0", "--person-name", "根", "--at", TEN)
    assert call("exchange", "found", folder, *words).code == 0
    for role in ("clerk", "registry", "verifier"):
        words = ("--person", f"P-{role}", "--person-name", role, "--roles", role, "--by", "root", "--at", TEN)
        assert call("exchange", "actor", folder, role, *words).code == 0
    return folder


def test_a_file_is_entered_whole_or_not_at_all(call: Call, venue: Path, tmp_path: Path) -> None:
    path = tmp_path / "permits.csv"
    words = ("exchange", "import", venue, "discharge_permit", path, "--by", "clerk", "--at", TEN)
    path.write_text(HEAD + "f1,甲厂,91,重点管理,520123,12.5\nf2,乙厂,92,简化管理,520123,-1\n", encoding="utf-8")
    wrong = call(*words, "--json")
    assert wrong.code == 1 and wrong.json["entered"] == 0
    (finding,) = wrong.json["findings"]
    assert finding["row"] == 3 and finding["field"] == "cod"
    path.write_text(HEAD + "f1,甲厂,91,重点管理,520123,12.5\nf2,乙厂,92,简化管理,520123,3\n", encoding="utf-8")
    assert call(*words, "--check", "--json").json["entered"] == 0
    done = call(*words, "--json")
    assert (done.code, done.json["rows"], done.json["entered"]) == (0, 2, 2)
    assert call(*words, "--json").json["repeated"] is True
    assert "2 rows" in call(*words, "--lang", "en").out
    assert call("exchange", "import", venue, "nothing", path, "--by", "clerk").code == 2
    assert call("exchange", "import", venue, "discharge_permit", tmp_path / "none.csv", "--by", "clerk").code == 1


def test_what_is_missed_is_told_with_exit_1(call: Call, venue: Path, tmp_path: Path) -> None:
    """Accepted on Monday 2 March 2026: 30 working days of 国务院令第736号 art. 12; Qingming (4 to 6 April) takes Monday the 6th: Tuesday 14 April."""
    path = tmp_path / "permits.csv"
    path.write_text(HEAD + "f1,甲厂,91,重点管理,520123,12.5\n", encoding="utf-8")
    assert call("exchange", "import", venue, "discharge_permit", path, "--by", "clerk", "--at", TEN).code == 0
    body = {
        "register": "discharge_permit",
        "id": "f1",
        "version": 1,
        "step": "accept",
        "evidence": {"application": "ab" * 32},
    }
    (tmp_path / "b.json").write_text(json.dumps(body), encoding="utf-8")
    assert (
        call(
            "exchange", "post", venue, "register.act", "--body", tmp_path / "b.json", "--by", "registry", "--at", TEN
        ).code
        == 0
    )
    assert call("exchange", "due", venue, "--day", "2026-04-14").code == 0
    late = call("exchange", "due", venue, "--day", "2026-04-15", "--json")
    assert late.code == 1
    (row,) = [d for d in late.json["due"] if d["deadline"] == "key"]
    assert (row["id"], row["on"], row["overdue"]) == ("f1", "2026-04-14", True)
    assert call("exchange", "due", venue, "--day", "soon").code == 1


def test_a_dossier_is_brought_and_corrected(call: Call, venue: Path, tmp_path: Path) -> None:
    project, kept = tmp_path / "project", tmp_path / "kept"
    write_demo_project(project)
    zone = ("--zone", "demo30m", "--crs", "EPSG:32648", "--tolerance", "1", "--out", kept)
    assert call("forest", "dossier", project, *zone).code == 0
    words = ("--project", project, "--by", "clerk", "--at", TEN, "--json")
    first = kept / "demo-ticket" / "v1"
    assert call("exchange", "dossier", venue, first, *words).code == 2  # whose tickets
    assert call("exchange", "dossier", venue, tmp_path, *words, "--holder", "X").code == 2
    done = call("exchange", "dossier", venue, first, *words, "--holder", "X")
    assert done.code == 1 and "X" in done.err  # is no holder: nothing was declared
    holder = {
        "register": "rights_holder",
        "id": "X",
        "fields": {"kind": "单位", "name": "X", "identity": "X", "operators": ["P-x"], "beneficiaries": ["P-y"]},
    }
    (tmp_path / "b.json").write_text(json.dumps(holder), encoding="utf-8")
    assert (
        call(
            "exchange", "post", venue, "register.create", "--body", tmp_path / "b.json", "--by", "clerk", "--at", TEN
        ).code
        == 0
    )
    done = call("exchange", "dossier", venue, first, *words, "--holder", "X").json
    assert (done["project"], done["may_issue"]) == ("demo-ticket", False)
    assert len(list((venue / "evidence").glob("??/*"))) == done["files"]
    trees = project / "closing" / "trees.csv"
    trees.write_text(trees.read_text(encoding="utf-8").replace("cf01,1,杉木,", "cf01,1,杉木,1", 1), encoding="utf-8")
    assert call("forest", "dossier", project, *zone).code == 0
    words = ("--project", project, "--correct", "更正胸径", "--by", "verifier", "--at", TEN)
    mended = call("exchange", "dossier", venue, kept / "demo-ticket" / "v2", *words, "--json").json
    assert (
        len(mended["corrected"]) == 2 and mended["lots"] == []
    )  # the trees and the dossier on them; nothing was issued
    assert "project: demo-ticket" in call("exchange", "dossier", venue, kept / "demo-ticket" / "v2", *words).out
