"""`qingshan ledger …` on a venue with a few records: what it prints and how it exits."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from said import Call

from qingshan.ledger.book import Book
from qingshan.ledger.entry import Account, Asset, Leg
from qingshan.ledger.venue import Command, Decision, Venue


@pytest.fixture
def venue(tmp_path: Path) -> Path:
    def open_accounts(book: Book, command: Command) -> Decision:
        return Decision([Asset("cash:CNY", "yuan"), Account("bank", "bank", "outside"), Account("A", "A", "cash")])

    def pay(book: Book, command: Command) -> Decision:
        return Decision([Leg("bank", "A", "cash:CNY", 500, "paid_in")])

    made = Venue(tmp_path / "venue", "贵州示范", {"open": open_accounts, "pay": pay})
    made.submit(Command("open", {}, "k0", "clerk", 1))
    for n in range(1, 4):
        made.submit(Command("pay", {}, f"k{n}", "clerk", n))
    made.close()
    return tmp_path / "venue"


def test_verify_and_replay(call: Call, venue: Path) -> None:
    sound = call("ledger", "verify", venue, "--json")
    assert (sound.code, sound.json["records"], sound.json["faults"]) == (0, 4, [])
    again = call("ledger", "replay", venue, "--json")
    assert again.json["balances"] == [["A", "cash:CNY", 1500, 0], ["bank", "cash:CNY", -1500, 0]]
    assert again.json["root"] == sound.json["root"]
    told = call("ledger", "replay", venue, "--lang", "zh").out
    assert "共 4 条记录，状态 " in told and told.startswith("账户\t标的\t余额\t其中占用\n")


def test_a_tampered_copy_is_named(call: Call, venue: Path, tmp_path: Path) -> None:
    raw = (venue / "journal").read_bytes()
    copy = tmp_path / "copy"
    copy.write_bytes(raw.replace(b'"quantity":500', b'"quantity":900', 1))
    told = call("ledger", "verify", copy)
    assert told.code == 1
    assert "record 1, rule 8" in told.out
    assert "第 1 条记录" in call("ledger", "verify", copy, "--lang", "zh").out


def test_root_and_proof(call: Call, venue: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("QINGSHAN_LEDGER_KEY", raising=False)
    assert "QINGSHAN_LEDGER_KEY" in call("ledger", "root", venue, "--day", "2026-01-31").err
    monkeypatch.setenv("QINGSHAN_LEDGER_KEY", call("ledger", "key", "--json").json["key"])
    assert call("ledger", "root", venue, "--day", "2026-01-31").code == 0
    proof = tmp_path / "proof.json"
    proof.write_text(call("ledger", "proof", venue, "--day", "2026-01-31", "--record", "2").out, encoding="utf-8")
    assert call("ledger", "check-proof", proof).code == 0
    changed = json.loads(proof.read_text(encoding="utf-8"))
    changed["record"] = changed["record"].replace("500", "900")
    proof.write_text(json.dumps(changed), encoding="utf-8")
    assert call("ledger", "check-proof", proof).code == 1
    assert call("ledger", "proof", venue, "--day", "2026-01-31", "--record", "9").code == 1
    assert call("ledger", "proof", venue, "--day", "2026-02-01", "--record", "1").code != 0
    assert call("ledger", "root", venue, "--day", "31.1.2026").code != 0


def test_tables(call: Call, venue: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 't.sqlite'}"
    assert call("ledger", "tables", venue, "--url", url, "--json").json == {"next": 4}
    assert call("ledger", "tables", venue, "--url", url, "--rebuild", "--json").json == {"next": 4}
    assert "已应用 4 条记录" in call("ledger", "tables", venue, "--url", url, "--lang", "zh").out
    with sqlite3.connect(tmp_path / "t.sqlite") as c:
        assert c.execute("select cr - dr from balance where account = 'A'").fetchone() == (1500,)


def test_a_folder_without_a_journal(call: Call, tmp_path: Path) -> None:
    for verb in (("verify", tmp_path), ("replay", tmp_path), ("verify", tmp_path / "none")):
        told = call("ledger", *verb)
        assert told.code != 0
        assert "no journal" in told.err
