"""Signing in and what a session is worth: OIDC with a provider that the test starts, the offline administrator, ends, form tokens, rates, headers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from qingshan.core.errors import QingshanError
from qingshan.faces.access.limits import Limit, Limits
from qingshan.faces.access.local import Administrators
from qingshan.faces.access.oidc import SECRET, Provider, ProviderSettings, SignInFailed, read_settings
from qingshan.faces.access.sessions import ABSOLUTE_S, IDLE_S, SIGN_IN_S, Sessions, StartedSignIn
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.ledger.book import Refused

from .counter import WIDE, Counter, Person
from .provider import AUDIENCE, CLIENT, SECRET_WORD, SmallProvider
from .test_exchange_api import told


@pytest.fixture(scope="module")
def small() -> Iterator[SmallProvider]:
    made = SmallProvider()
    yield made
    made.close()


@pytest.fixture
def provider(small: SmallProvider, counter: Counter) -> SmallProvider:
    """The provider behind the counter; trader X's actor bears its identity."""
    small.subject, small.wrong = "sub-traderX", {}
    counter.desk.provider = Provider(ProviderSettings(small.issuer, CLIENT, AUDIENCE, "测试", "test", SECRET_WORD))
    fields = counter.desk.venue.book.records["actor", "traderX"].content["fields"] | {
        "login": f"{small.issuer} sub-traderX"
    }
    counter.give("register.change", "root", register="actor", id="traderX", version=1, fields=fields)
    return small


def signed_in(counter: Counter, next: str = "/zh/exchange") -> tuple[Person, httpx.Response]:
    """Walk through the sign-in as a browser does; the last answer."""
    person = counter.client()
    there = person.get("/sign-in", params={"next": next})
    assert there.status_code == 303, there.text
    back = httpx.get(there.headers["location"]).headers["location"]
    return person, person.get(f"{urlsplit(back).path}?{urlsplit(back).query}")


# ---- OpenID Connect --------------------------------------------------------------------------------------------------


def test_a_browser_signs_in(counter: Counter, provider: SmallProvider) -> None:
    person, done = signed_in(counter)
    assert (done.status_code, done.headers["location"]) == (303, "/zh/exchange")
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    me = person.get("/me").json()
    assert (me["actor"], me["how"], me["roles"], me["accounts"]) == ("traderX", "oidc", ["trader"], ["X"])
    token = person.cookies[COOKIE]
    assert token not in (counter.folder / "sessions.sqlite").read_bytes().decode("latin-1")  # only its hash is kept
    person.post("/sign-out", data={"csrf": me["csrf"]})
    assert counter.desk.visitor(token).actor == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"iss": "http://127.0.0.1:9/idp"},
        {"exp": 1},
        {"nonce": "x"},
        {"sub": None},
        {"aud": [CLIENT, "b"]},
    ],
)
def test_a_token_that_does_not_hold(counter: Counter, provider: SmallProvider, wrong: dict[str, object]) -> None:
    provider.wrong = wrong
    person, done = signed_in(counter)
    told(done, 401, "sign_in_failed")
    assert COOKIE not in person.cookies


def test_who_is_not_entered_does_not_come_in(counter: Counter, provider: SmallProvider) -> None:
    provider.subject = "stranger"
    told(signed_in(counter)[1], 401, "sign_in_failed")
    provider.subject = "sub-traderX"
    counter.give("register.act", "root", register="actor", id="traderX", version=2, step="suspend")
    told(signed_in(counter)[1], 401, "sign_in_failed")


def test_a_sign_in_is_finished_once_by_the_browser_that_began(counter: Counter, provider: SmallProvider) -> None:
    person = counter.client()
    back = httpx.get(person.get("/sign-in").headers["location"]).headers["location"]
    query = f"/sign-in/back?{urlsplit(back).query}"
    told(counter.client().get(query), 401, "sign_in_failed")  # another browser: and the state is used up
    told(person.get(query), 401, "sign_in_failed")
    told(person.get("/sign-in/back?state=made-up&code=x"), 401, "sign_in_failed")


def test_where_one_goes_afterwards_is_on_this_site(counter: Counter, provider: SmallProvider) -> None:
    for next in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert signed_in(counter, next)[1].headers["location"] == "/"


def test_programs_bring_a_bearer_token_and_keys_may_change(counter: Counter, provider: SmallProvider) -> None:
    person = counter.client()
    bearer = {"Authorization": f"Bearer {provider.signed(AUDIENCE)}"}
    assert person.get("/me", headers=bearer).json()["actor"] == "traderX"
    order = {"id": "s", "asset": counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "1"}
    assert (
        person.post("/market/order", json=order, headers=bearer | {"Idempotency-Key": "k"}).status_code == 201
    )  # no cookie, no form token
    told(
        person.get("/me", headers={"Authorization": f"Bearer {provider.signed(CLIENT)}"}), 401, "sign_in_failed"
    )  # an id token is no access token
    told(person.get("/me", headers={"Authorization": "Bearer x.y.z"}), 401, "sign_in_failed")
    told(person.get("/me", headers={"Authorization": "Basic cm9vdDpyb290"}), 401, "sign_in_failed")
    provider.rotate("two")
    counter.desk.provider._fetched -= 3600  # type: ignore[union-attr] # the keys were fetched an hour ago
    fresh = {"Authorization": f"Bearer {provider.signed(AUDIENCE)}"}
    assert person.get("/me", headers=fresh).json()["actor"] == "traderX"
    asked = provider.keys_asked
    for _ in range(5):
        person.get("/me", headers={"Authorization": "Bearer x.y.z"})
    assert provider.keys_asked == asked  # nobody makes us ask the provider again and again


def test_an_unsigned_token_is_refused(counter: Counter, provider: SmallProvider) -> None:
    import base64  # noqa: PLC0415
    import json  # noqa: PLC0415

    now = int(time.time())
    parts = (
        {"alg": "none"},
        {"iss": provider.issuer, "sub": "sub-traderX", "aud": AUDIENCE, "iat": now, "exp": now + 60},
    )
    token = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + "."
    told(counter.client().get("/me", headers={"Authorization": f"Bearer {token}"}), 401, "sign_in_failed")


def test_settings_of_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "s")
    assert read_settings(tmp_path) is None
    rows = {
        "issuer": "https://id.example",
        "client_id": "q",
        "audience": "a",
        "zh": "省统一认证",
        "en": "provincial sign-in",
    }
    (tmp_path / "oidc.toml").write_text("\n".join(f'{k} = "{v}"' for k, v in rows.items()), encoding="utf-8")
    assert read_settings(tmp_path) == ProviderSettings(**rows, secret="s")
    for wrong in ("issuer = 1", "\n".join(f'{k} = "{v}"' for k, v in (rows | {"issuer": "http://id.example"}).items())):
        (tmp_path / "oidc.toml").write_text(wrong, encoding="utf-8")
        with pytest.raises(QingshanError):
            read_settings(tmp_path)
    with pytest.raises(SignInFailed):
        Provider(ProviderSettings("http://127.0.0.1:9", "q", "a", "", "")).metadata()


# ---- the offline administrator ---------------------------------------------------------------------------------------

PASSWORD = "a long enough sentence"


def test_there_is_no_password_until_one_is_set(counter: Counter) -> None:
    person = counter.client()
    for password in ("", "root", "admin", "password", PASSWORD):
        told(person.post("/sign-in/local", data={"actor": "root", "password": password}), 401, "sign_in_failed")
    assert not (counter.folder / "administrators.json").exists()


def test_the_administrator_signs_in_at_the_machine(counter: Counter) -> None:
    counter.desk.administrators.set(counter.desk.venue.book, "root", PASSWORD)
    raw = (counter.folder / "administrators.json").read_text()
    assert "$argon2id$" in raw and PASSWORD not in raw
    assert (counter.folder / "administrators.json").stat().st_mode & 0o077 == 0
    person, form = counter.client(), {"actor": "root", "password": PASSWORD, "next": "/zh/"}
    told(person.post("/sign-in/local", data=form | {"password": PASSWORD + "."}), 401, "sign_in_failed")
    told(person.post("/sign-in/local", data=form, headers={"Origin": "https://evil.example"}), 403, "cross_site")
    assert person.post("/sign-in/local", data=form).status_code == 303
    assert person.get("/me").json()["how"] == "local"
    away = counter.client()
    away._transport.client = ("192.0.2.7", 5000)  # type: ignore[attr-defined]
    told(away.post("/sign-in/local", data=form), 401, "sign_in_failed")


def test_only_administrators_have_passwords_and_not_weak_ones(counter: Counter) -> None:
    book = counter.desk.venue.book
    office = Administrators(counter.folder)
    for actor, password, code in (
        ("traderX", PASSWORD, "not_admin"), ("nobody", PASSWORD, "not_admin"), ("root", "short", "weak_password"), ("root", "a" * 20, "weak_password")
    ):  # fmt: skip
        with pytest.raises(Refused) as refusal:
            office.set(book, actor, password)
        assert refusal.value.code == code


def test_a_demo_person_only_in_a_synthetic_venue(counter: Counter, tmp_path: Path) -> None:
    told(counter.client().post("/sign-in/demo", data={"actor": "traderX"}), 401, "sign_in_failed")
    made_up = Counter(tmp_path / "demo", synthetic=True)
    person = made_up.client()
    assert person.post("/sign-in/demo", data={"actor": "traderX"}).status_code == 303
    assert person.get("/me").json()["actor"] == "traderX"
    told(person.post("/sign-in/demo", data={"actor": "nobody"}), 401, "sign_in_failed")
    away = made_up.client()
    away._transport.client = ("192.0.2.7", 5000)  # type: ignore[attr-defined]
    told(away.post("/sign-in/demo", data={"actor": "traderX"}), 401, "sign_in_failed")
    made_up.desk.close()


# ---- sessions --------------------------------------------------------------------------------------------------------


def test_sessions_end(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "s")
    token = sessions.begin("a", "oidc", 1000.0)
    for now in range(1000, 1000 + ABSOLUTE_S, IDLE_S - 60):
        assert sessions.find(token, float(now)), now  # used often enough it lives on,
    assert sessions.find(token, 1000.0 + ABSOLUTE_S) is None  # but not for ever
    idle = sessions.begin("a", "oidc", 1000.0)
    assert sessions.find(idle, 1000.0 + IDLE_S) is None
    assert sessions.find(idle, 1001.0) is None  # what has ended does not come back
    early = sessions.begin("a", "oidc", 5000.0)
    assert sessions.find(early, 1000.0) is None  # a clock that jumped back does not lengthen it
    one, two = sessions.begin("b", "oidc", 1.0), sessions.begin("b", "oidc", 1.0)
    sessions.end_all("b")
    assert sessions.find(one, 2.0) is sessions.find(two, 2.0) is None
    assert sessions.find("made up", 2.0) is None
    sessions.start_sign_in("state", StartedSignIn("n", "v", "browser", "/"), 10.0)
    assert sessions.finish_sign_in("state", "browser", 10.0 + SIGN_IN_S + 1) is None
    sessions.close()


def test_a_suspended_actor_is_out_at_once(counter: Counter) -> None:
    x = counter.client("traderX")
    assert x.get("/account", params={"account": "X"}).status_code == 200
    counter.give("register.act", "root", register="actor", id="traderX", version=1, step="suspend")
    told(x.get("/account", params={"account": "X"}), 401, "not_signed_in")


def test_a_write_by_cookie_bears_the_form_token(counter: Counter) -> None:
    x, before = counter.client("traderX"), counter.desk.venue.next
    url, body = (
        "/market/order",
        {"id": "s", "asset": counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "1"},
    )
    key = {"Idempotency-Key": "k"}
    told(x.post(url, json=body, headers=key), 403, "csrf")
    told(x.post(url, json=body, headers=key | {"X-CSRF-Token": counter.client("traderY").csrf}), 403, "csrf")
    good = key | {"X-CSRF-Token": x.csrf}
    told(x.post(url, json=body, headers=good | {"Origin": "https://evil.example"}), 403, "cross_site")
    told(x.post(url, json=body, headers=good | {"Sec-Fetch-Site": "cross-site"}), 403, "cross_site")
    assert counter.desk.venue.next == before
    assert (
        x.post(
            url, json=body, headers=good | {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        ).status_code
        == 201
    )


# ---- rates and headers -----------------------------------------------------------------------------------------------


def test_buckets() -> None:
    limits = Limits({"write": Limit(rate=2, burst=3)})
    assert [limits.wait("write", "a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limits.wait("write", "b", 0.0) == 0  # everyone has a bucket of his own
    assert limits.wait("write", "a", 0.5) == 0
    assert limits.wait("write", "a", 0.4) > 0  # a clock that goes back gives nothing


def test_too_many_requests(tmp_path: Path) -> None:
    slow = Counter(tmp_path / "slow", limits=WIDE | {"read": Limit(0.5, 4), "sign_in": Limit(0.01, 2)})
    person = slow.client()
    assert [person.get("/schemes").status_code for _ in range(5)] == [200] * 4 + [429]
    refused = person.get("/schemes")
    told(refused, 429, "too_many")
    assert int(refused.headers["retry-after"]) >= 1
    guesses = [person.post("/sign-in/local", data={"actor": "root", "password": str(n)}).status_code for n in range(4)]
    assert guesses == [401, 401, 429, 429]
    slow.desk.close()


def test_headers_of_every_answer(counter: Counter) -> None:
    x = counter.client("traderX")
    for answer in (
        x.get("/schemes"),
        x.get("/nowhere"),
        x.get("/account", params={"account": "X"}),
        x.post("/market/order"),
        x.get("/reads"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert x.get("/account", params={"account": "X"}).headers["cache-control"] == "no-store"
    assert x.get("/schemes?x=" + "y" * 5000).status_code == 414
