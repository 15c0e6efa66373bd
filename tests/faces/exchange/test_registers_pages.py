"""The pages of registers: what each shows to whom, forms made from declarations, evidence uploaded, nothing typed lost."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qingshan.faces.api.app import create_app
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.faces.api.multipart import read_parts
from qingshan.faces.web.machine import machine_drawn
from qingshan.ledger.book import Refused
from qingshan.registers.declaration import registers
from qingshan.zone.zone import Zone, open_zone

from .counter import SHA, Counter, T

TYPED = {"f.name": "某磷化工厂", "f.credit_code": "C1", "f.management": "重点管理", "f.place": "520123", "f.cod": "12.5", "f.contact": "李四",
         "f.site": '{"type": "Point", "coordinates": [106.65, 26.64]}'}  # fmt: skip


@pytest.fixture(scope="module")
def zone() -> Zone:
    return open_zone("guizhou")


class Reader(TestClient):
    def __init__(self, counter: Counter, zone: Zone, actor: str = "") -> None:
        app = counter.__dict__.setdefault("site_app", create_app(zone, {}, desk=counter.desk))
        super().__init__(app, base_url="http://localhost", client=("127.0.0.1", 5000), follow_redirects=False)
        if actor:
            self.cookies.set(COOKIE, counter.desk.sessions.begin(actor, "test", time.time()))

    def hidden(self, page: str) -> dict[str, str]:
        text = self.get(page).text
        form = text[text.rindex('enctype="multipart/form-data"') :]
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.partition("</form>")[0]))

    def file(self, page: str, typed: dict[str, str], files: Any = None, address: str = "") -> Any:
        parts = {k: (None, v) for k, v in {**self.hidden(page), **typed}.items()} | (files or {})
        return self.post(address or page, files=parts)


def test_a_permit_by_forms(counter: Counter, zone: Zone) -> None:
    clerk = Reader(counter, zone, "clerk0")
    new = "/zh/registers/discharge_permit/new"
    page = clerk.get(new).text
    assert 'name="f.cod"' in page and ">吨/年<" in page and "不公开" in page
    done = clerk.file(new, TYPED | {"id": "f1"})
    assert (done.status_code, done.headers["location"].partition("?")[0]) == (
        303,
        "/zh/registers/discharge_permit/record/f1",
    )
    registry = Reader(counter, zone, "registry0")
    here = "/zh/registers/discharge_permit/record/f1"
    assert 'class="here"' in registry.get(here).text and f'href="{here}/step/accept"' in registry.get(here).text
    assert f"{here}/step/accept" not in clerk.get(here).text  # not his to do
    accepted = registry.file(f"{here}/step/accept", {"note": "齐全"}, {"w.application": ("a.pdf", b"%PDF application")})
    assert accepted.status_code == 303
    shown = registry.get(here).text
    assert "已受理" in shown and "齐全" in shown and "重点管理审批期限" in shown
    (file,) = re.findall(r'href="(/api/registers/discharge_permit/records/f1/files/[0-9a-f]{64})"', shown)
    assert registry.get(file).content == b"%PDF application"
    typed = {"f.permit": "N-1", "f.valid_from": "2024-10-04", "f.valid_to": "2029-10-03", "e.decision": SHA}
    assert registry.file(f"{here}/step/permit", typed).status_code == 303
    regulator = Reader(counter, zone, "regulator0")
    assert "待复核" in regulator.get(here).text
    assert registry.file(here, {}, address=f"{here}/confirm").status_code == 403  # not by who proposed it
    assert regulator.file(here, {}, address=f"{here}/confirm").status_code == 303
    assert counter.desk.venue.book.records["discharge_permit", "f1"].state == "permitted"
    listed = Reader(counter, zone).get("/en/registers/discharge_permit?state=permitted").text
    assert "某磷化工厂" in listed and 'data-code="f1"' in listed and "<svg" in listed


def test_a_refused_form_keeps_what_was_typed(counter: Counter, zone: Zone) -> None:
    clerk, new = Reader(counter, zone, "clerk0"), "/zh/registers/discharge_permit/new"
    told = clerk.file(new, TYPED | {"id": "f1", "f.cod": "-3", "f.credit_code": ""})
    assert told.status_code == 422
    assert 'value="某磷化工厂"' in told.text and 'value="-3"' in told.text and 'href="#f-cod"' in told.text
    assert len(re.findall(r'aria-invalid="true"', told.text)) == 2
    registry, here = Reader(counter, zone, "registry0"), "/zh/registers/discharge_permit/record/f1"
    assert clerk.file(new, TYPED | {"id": "f1"}).status_code == 303
    registry.file(f"{here}/step/accept", {"e.application": SHA})
    told = registry.file(f"{here}/step/permit", {"f.permit": "N-1"}, {"w.decision": ("d.pdf", b"decision")})
    assert told.status_code == 422
    assert re.search(
        r'name="e.decision" value="[0-9a-f]{64}"', told.text
    )  # the file is kept: it needn't be chosen again
    change = clerk.get(f"{here}/change").text
    assert "登记处于“已受理”状态，此时不能这样办理" in change  # accepted records are not changed, whoever asks
    assert "您的角色不能办理" in Reader(counter, zone, "regulator0").get(f"{here}/change").text


def test_forms_need_token_and_site(counter: Counter, zone: Zone) -> None:
    new = "/zh/registers/discharge_permit/new"
    assert Reader(counter, zone).post(new, files={"id": (None, "f1")}).status_code == 401
    clerk = Reader(counter, zone, "clerk0")
    assert clerk.post(new, files={"id": (None, "f1"), "key": (None, "k")}).status_code == 403
    assert (
        clerk.post(new, content=b"id=f1", headers={"content-type": "application/x-www-form-urlencoded"}).status_code
        == 422
    )
    x = Reader(counter, zone, "traderX")
    typed = TYPED | {"id": "f1", "key": "k", "csrf": x.get("/api/exchange/me").json()["csrf"]}
    assert x.post(new, files={k: (None, v) for k, v in typed.items()}).status_code == 403
    assert ("discharge_permit", "f1") not in counter.desk.venue.book.records


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_public_sees_nothing_private(counter: Counter, zone: Zone, lang: str) -> None:
    clerk = Reader(counter, zone, "clerk0")
    clerk.file("/zh/registers/discharge_permit/new", TYPED | {"id": "f1"})
    public, before = Reader(counter, zone), counter.desk.reads_log.next
    paths = ["/registers", *(f"/registers/{r}" for r in registers()), "/registers/discharge_permit/record/f1"]
    for path in paths:
        for ending in ("", ".json", ".csv", ".geojson"):
            answer = public.get(f"/{lang}{path}{ending}", headers={"accept": "text/html"})
            assert answer.status_code in (200, 404, 422), (path, ending)
            for word in ("李四", "clerk0", "X 公司", "NX", "P-traderX"):
                assert word not in answer.text, (path, ending, word)
    assert public.get(f"/{lang}/registers/rights_holder/record/X").status_code == 404
    assert counter.desk.reads_log.next == before
    assert "李四" in clerk.get(f"/{lang}/registers/discharge_permit/record/f1").text
    assert "NX" in Reader(counter, zone, "traderX").get(f"/{lang}/registers/rights_holder/record/X").text


def test_a_file_of_rows_by_the_page(counter: Counter, zone: Zone) -> None:
    clerk, page = Reader(counter, zone, "clerk0"), "/zh/registers/discharge_permit/import"
    rows = "编号,单位名称,credit_code,management class,所在地\nf1,甲厂,C1,重点管理,520123\nf2,乙厂,C1,重点管理,520123\n"
    told = clerk.file(page, {}, {"rows": ("permits.csv", rows.encode())})
    assert "2 行中有 1 条检查意见" in told.text and "f1" in told.text
    good = rows.replace("乙厂,C1", "乙厂,C2").encode()
    assert "2 行均合格" in clerk.file(page, {"check": "1"}, {"rows": ("permits.csv", good)}).text
    assert "已登记 2 条" in clerk.file(page, {}, {"rows": ("permits.csv", good)}).text
    assert clerk.file(page, {}, {"rows": ("permits.xlsx", b"no workbook")}).status_code == 422
    assert clerk.file(page, {}).status_code == 422
    assert "您的角色不能办理" in Reader(counter, zone, "traderX").get(page).text


@pytest.mark.parametrize("register", sorted(registers()))
def test_every_state_and_step_is_drawn(register: str) -> None:
    made = registers()[register]
    drawn = machine_drawn(made, made.states[-1].id, lambda zh, en: en)
    assert [n["name"] for n in drawn["nodes"] if n["here"]] == [made.states[-1].en]
    assert len(drawn["nodes"]) == len(made.states)
    assert sorted((e["from"], e["to"]) for e in drawn["edges"]) == sorted(
        (s, t.target) for t in made.transitions for s in t.source
    )
    boxes = [(n["x"], n["y"], n["w"], n["h"]) for n in drawn["nodes"]]
    assert all(x >= 0 and x + w <= drawn["width"] and y >= 0 and y + h <= drawn["height"] for x, y, w, h in boxes)
    assert len({(x, y) for x, y, _, _ in boxes}) == len(boxes)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("register", sorted(registers()))
def test_no_name_of_a_step_lies_under_a_state(register: str, lang: str) -> None:
    """The names stand free of every state, whatever their length, and those of straight arrows leave the arrow's ends to be seen."""
    drawn = machine_drawn(registers()[register], "", lambda zh, en: zh if lang == "zh" else en)
    for e in drawn["edges"]:
        left, right = e["x"] - e["w"] / 2, e["x"] + e["w"] / 2
        for n in drawn["nodes"]:
            beside = right <= n["x"] or n["x"] + n["w"] <= left
            assert beside or e["y"] + 8 <= n["y"] or n["y"] + n["h"] <= e["y"] - 8, (e["name"], n["name"])


def test_what_the_ledger_keeps_beside_the_fields_is_told_in_words(counter: Counter, zone: Zone) -> None:
    """100 t owed, 60 t surrendered: 60 t, not 60,000,000 micro-units; the instrument and the rule set by their names."""
    counter.owe()
    body = {"account": "X", "asset": counter.asset, "quantity": 60 * T, "obligation": "X:2024"}
    counter.both("rights.surrender", "traderX", "approverX", **body)
    regulator = Reader(counter, zone, "regulator0")
    for lang, own, offsets, unit, rules in (
        ("zh", "已缴本类单位", "已用抵消量", "吨", "参照全国市场的模板"),
        ("en", "own units surrendered", "offsets used", "t", "template after the national market"),
    ):
        page = regulator.get(f"/{lang}/registers/obligation/record/X:2024").text
        assert f'<dt>{own}</dt><dd class="wrap">60 {unit}</dd>' in page
        assert f'<dt>{offsets}</dt><dd class="wrap">0 {unit}</dd>' in page
        assert f'<a href="/{lang}/exchange/operator#sets">{rules}</a>' in page
        for text in (page, regulator.get(f"/{lang}/registers/obligation").text):
            shown = re.sub(r"<[^>]*>", " ", text)
            assert counter.asset not in shown and "60000000" not in shown and "national_like" not in shown


def test_a_list_of_people_shows_their_roles_and_no_column_without_a_value(counter: Counter, zone: Zone) -> None:
    counter.give("register.create", "root", register="actor", id="r1",
                 fields={"person": "P-r1", "name": "登记员", "roles": ["registry", "verifier"]})  # fmt: skip
    page = Reader(counter, zone, "root").get("/zh/registers/actor").text
    assert "登记机构，核查机构" in page and "所属单位" not in page


def test_forms_with_files_are_read_byte_by_byte() -> None:
    content = bytes(range(256)) + b"\r\n--no boundary\r\n"
    body = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xe9\x9d\x92\r\nx\r\n--B\r\n'
    body += (
        b'Content-Disposition: form-data; name="f"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
        + content
        + b"\r\n--B--\r\n"
    )
    form = read_parts(body, b"B")
    assert form.fields == {"a": "青\nx"} and form.files == {"f": ("f.bin", content)}
    for wrong in (
        b"",
        b"--B\r\n",
        b"--B\r\nno head--B--",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--B--',
    ):
        with pytest.raises(Refused):
            read_parts(wrong, b"B")


def test_who_owes_sees_his_own_obligations_and_the_regulator_all(
    counter: Counter, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X owes 100 t by 3 October and has surrendered 60 t: 40 t are missing. The window of article 24 is open: no single figure, its document instead."""
    fields = {
        "asset": counter.asset,
        "year": 2024,
        "unit": "t",
        "deadline": "2024-10-03",
        "basis": "示意",
        "rules": "national_like",
    }
    for holder, owed in (("X", "100"), ("Y", "30")):
        record = {"register": "obligation", "id": f"{holder}:2024"}
        counter.give("register.create", "registry0", **record, fields=fields | {"holder": holder, "verified": owed})
        counter.give(
            "register.act", "registry0", **record, version=1, step="determine", evidence={"verification_report": SHA}
        )
        counter.give("register.confirm", "regulator0", **record, version=2)
    counter.both(
        "rights.surrender",
        "traderX",
        "approverX",
        account="X",
        asset=counter.asset,
        quantity=60 * 10**6,
        obligation="X:2024",
    )
    page = "/zh/exchange/obligations"
    seen = {who: Reader(counter, zone, who).get(page).text for who in ("", "traderX", "regulator0", "registry0")}
    assert "X · 2024" not in seen[""]
    assert "X · 2024" in seen["traderX"] and "Y · 2024" not in seen["traderX"]
    assert (
        re.search(r'<dd><a href="[^"]*X%3A2024">40</a> <span class="quiet">吨</span>', seen["traderX"])
        and "rights.surrender?obligation=X%3A2024" in seen["traderX"]
    )
    assert "Y · 2024" in seen["regulator0"] and "2 项清缴义务，2 项逾期未足额" in seen["regulator0"]
    assert "后续履约周期的抵消比例通知" in seen["regulator0"]  # the cap on offsets is open
    assert "rights.settle?obligation=X%3A2024" in seen["registry0"] and "rights.settle" not in seen["traderX"]
    counter.both("rights.settle", "registry0", "registry1", obligation="X:2024")
    assert (
        "rights.penalty" not in Reader(counter, zone, "regulator0").get(page).text
    )  # no trades in any window: no figure to fine by
    read: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(counter.desk.venue.journal, "read", lambda start=0: read.append(start) or iter(()))
        assert "X · 2024" in Reader(counter, zone, "regulator0").get(page).text and read == []  # figures at hand
    assert {r.by for r in counter.desk.reads_log.read() if r.what == "compliance"} == {
        "traderX",
        "regulator0",
        "registry0",
    }
