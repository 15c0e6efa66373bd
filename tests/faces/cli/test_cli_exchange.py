"""`qingshan exchange …`: a venue founded, staffed, issued on and traded on from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from said import Call

SHA = "ab" * 32
TEN = "2024-10-04T10:00:00+08:00"


@pytest.fixture
def venue(call: Call, tmp_path: Path) -> Path:
    folder = tmp_path / "venue"
    made = call(
        "exchange",
        "found",
        folder,
        "--name",
        "示范",
        "--admin",
        "root",
        "--person",
        "P0",
        "--person-name",
        "根",
        "--at",
        TEN,
        "--json",
    )
    assert (made.code, made.json["record"]) == (0, 1)
    return folder


def post(call: Call, venue: Path, kind: str, by: str, **body: Any) -> Any:
    path = venue.parent / "body.json"
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return call("exchange", "post", venue, kind, "--body", path, "--by", by, "--at", TEN, "--json")


def staffed(call: Call, venue: Path) -> str:
    """Two holders; X has 10 t from a lot, Y 1,000 yuan; the market is open at 50 yuan. Returns the asset."""
    for role in ("registry", "registry2", "exchange", "bank", "traderX", "traderY"):
        words = (
            "--person",
            f"P-{role}",
            "--person-name",
            role,
            "--roles",
            role.rstrip("2XY"),
            "--by",
            "root",
            "--at",
            TEN,
        )
        assert call("exchange", "actor", venue, role, *words).code == 0
    for holder in ("X", "Y"):
        fields = {
            "kind": "单位",
            "name": holder,
            "identity": holder,
            "operators": [f"P-trader{holder}"],
            "beneficiaries": [f"B{holder}"],
        }
        post(call, venue, "register.create", "registry", register="rights_holder", id=holder, fields=fields)
        post(call, venue, "register.act", "registry", register="rights_holder", id=holder, version=1, step="open", fields={"bank_account": "1"},
             evidence={"identity": SHA, "agreement": SHA})  # fmt: skip
        post(call, venue, "register.confirm", "registry2", register="rights_holder", id=holder, version=2)
        assert post(call, venue, "rights.account", "registry", holder=holder).code == 0
    body = {
        "scheme": "pollution",
        "subtype": "COD",
        "area": "wujiang",
        "source": "permit",
        "from": "2024-01-01",
        "to": "2027-01-01",
        "rules": "national_like",
    }
    asset = str(post(call, venue, "rights.instrument", "registry", **body).json["answer"]["asset"])
    report = venue.parent / "report.txt"
    report.write_text("核查报告", encoding="utf-8")
    words = (
        "--asset",
        asset,
        "--quantity",
        "10",
        "--account",
        "X",
        "--evidence",
        report,
        "--by",
        "registry",
        "--at",
        TEN,
        "--json",
    )
    waiting = call("exchange", "issue", venue, "L1", *words).json["answer"]
    assert waiting["state"] == "waiting"  # an issue has a second person
    confirmed = post(call, venue, "eyes.confirm", "registry2", id=waiting["proposal"])
    assert confirmed.json["answer"]["quantity"] == "10000000"
    assert post(call, venue, "rights.cash_in", "bank", account="Y", money=10_000_000, statement="s1").code == 0
    assert post(call, venue, "market.open_day", "exchange", asset=asset, reference=500_000).code == 0
    return asset


def test_from_nothing_to_a_trade(call: Call, venue: Path) -> None:
    asset = staffed(call, venue)

    def order(id: str, account: str, side: str, *more: str) -> Any:
        words = (
            "--asset",
            asset,
            "--account",
            account,
            "--side",
            side,
            "--price",
            "50",
            "--quantity",
            "4",
            "--by",
            f"trader{account}",
            "--at",
            TEN,
        )
        return call("exchange", "order", venue, id, *words, "--json", *more)

    assert order("s", "X", "sell").json["answer"]["left"] == "4000000"
    bought = order("b", "Y", "buy", "--picks", "s", "--key", "k")
    assert bought.json["answer"]["trades"] == [["s", "4000000", "500000"]]
    assert order("b", "Y", "buy", "--picks", "s", "--key", "k").json["repeated"] is True
    shown = call("exchange", "market", venue, "--asset", asset)
    assert "listed\t50\t4" in shown.out
    told = call("exchange", "statement", venue, "--account", "Y", "--day", "2024-10-04", "--json").json
    assert told["closing"] == {"cash:CNY": 8_000_000, asset: 4_000_000}
    assert "-200" in call("exchange", "statement", venue, "--account", "Y", "--day", "2024-10-04").out
    assert call("exchange", "market", venue, "--asset", "none", "--json").json["error"]["code"] == "unknown_name"
    zh = call("exchange", "market", venue, "--asset", asset, "--lang", "zh").out
    assert "：交易中 2024-10-04" in zh and "挂牌\t50\t4" in zh
    assert "成交\t价格（元）\t数量 (吨)" in zh and "Trades\tPrice, yuan\tQuantity (t)" in shown.out
    told = call("exchange", "statement", venue, "--account", "Y", "--day", "2024-10-04", "--lang", "zh").out
    assert "成交交割" in told and "settle" not in told
    assert "cash:CNY (元)\t期初 0\t期末 800\t占用 0" in told  # 1,000 paid in, 4 t at 50 yuan
    assert call("ledger", "verify", venue).code == 0
    bank = venue.parent / "bank.csv"
    bank.write_text("date,account,direction,yuan,reference\n2024-10-04,Y,in,1000,s1\n", encoding="utf-8")
    assert call("exchange", "reconcile", venue, "--file", bank, "--day", "2024-10-04").code == 0
    bank.write_text("date,account,direction,yuan,reference\n2024-10-04,Y,in,1001,s1\n", encoding="utf-8")
    assert (
        call("exchange", "reconcile", venue, "--file", bank, "--day", "2024-10-04", "--json").json["only_bank"][0][
            "yuan"
        ]
        == "1001"
    )
    assert call("exchange", "conflicts", venue).code == 0
    call(
        "exchange",
        "actor",
        venue,
        "late",
        "--person",
        "P-traderX",
        "--person-name",
        "x",
        "--roles",
        "regulator",
        "--by",
        "root",
        "--at",
        TEN,
    )
    assert "第七条" in call("exchange", "conflicts", venue, "--lang", "zh").out


def test_what_is_refused(call: Call, venue: Path, tmp_path: Path) -> None:
    again = call("exchange", "found", venue, "--name", "x", "--admin", "r", "--person", "P", "--person-name", "n")
    assert again.code != 0
    assert call("exchange", "market", tmp_path / "nowhere", "--asset", "a").code == 2
    refused = post(call, venue, "rights.instrument", "root", scheme="pollution")
    assert (refused.code, refused.json["error"]["code"]) == (1, "forbidden")
    path = tmp_path / "bad.json"
    path.write_text("[1", encoding="utf-8")
    assert "JSON" in call("exchange", "post", venue, "rights.found", "--body", path, "--by", "root").err
    assert (
        call("exchange", "post", venue, "rights.found", "--body", path, "--by", "root", "--at", "2024-10-04").code == 1
    )
    assert post(call, venue, "rights.nothing", "root").json["error"]["code"] == "unknown_command"


def test_lapse_watch_and_prices(call: Call, venue: Path, tmp_path: Path) -> None:
    """A freeze until the 4th ends on the 5th; nothing to find; a file whose sums do not follow is refused."""
    asset = staffed(call, venue)
    body = {"id": "f", "account": "X", "asset": asset, "quantity": 10**6, "order": "1", "until": "2024-10-04"}
    proposal = post(call, venue, "rights.freeze", "registry", **body).json["answer"]["proposal"]
    assert post(call, venue, "eyes.confirm", "registry2", id=proposal).code == 0
    assert "没有到期" in call("exchange", "lapse", venue, "--at", TEN, "--lang", "zh").out
    told = json.loads(call("exchange", "lapse", venue, "--at", "2024-10-05T00:00:00+08:00", "--json").out)
    assert told["answer"] == {"ended": ["f"]}
    watched = call("exchange", "watch", venue, "--first", "2024-10-01", "--last", "2024-10-31", "--lang", "en")
    assert watched.code == 0 and "not run: a holding above the position limit" in watched.out
    path = tmp_path / "months.csv"
    path.write_text(
        "month,listed_vol_t,listed_amt_cny,total_vol_t,total_amt_cny,cum_vol_t,cum_amt_cny\n2021-07,1,50,1,50,1,50\n",
        encoding="utf-8",
    )
    assert "1 months" in call("exchange", "prices", venue, "--file", path, "--lang", "en").out
    path.write_text(path.read_text(encoding="utf-8").replace("1,50\n", "2,50\n"), encoding="utf-8")
    assert call("exchange", "prices", venue, "--file", path).code == 1


def test_m15_energy_rights(call: Call) -> None:
    """10,000 tce x 0.3 x 0.9 / 0.6 = 4,500 tce; B of 0.2 is refused. The figure names its source and that it is Henan's."""
    terms = ("--new-energy", "10000", "--intensity", "0.9", "--mean", "0.6")
    told = call("exchange", "energy", *terms, "--factor", "0.3", "--json")
    assert (told.code, told.json["quantity"], told.json["unit"], told.json["status"]) == (0, "4500", "tce", "secondary")
    for lang, words in (("zh", "4500 tce（河南 2022"), ("en", "4500 tce (Henan 2022")):
        assert call("exchange", "energy", *terms, "--factor", "0.3", "--lang", lang).out.startswith(words)
    told = call("exchange", "energy", *terms, "--factor", "0.2", "--json")
    assert (told.code, told.json["error"]["code"]) == (1, "factor")
