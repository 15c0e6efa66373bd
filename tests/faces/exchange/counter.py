"""A served venue for tests: the hall of tests/rights behind a desk, its people signed in by cookie."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from qingshan.faces.access.desk import Desk
from qingshan.faces.access.limits import Limit
from qingshan.faces.api.exchange import create_exchange_api
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.ledger.venue import Command
from qingshan.registers.values import as_texts
from qingshan.rights.exchange import found_exchange
from qingshan.rights.rulesets import RuleSets, builtin_rule_sets

T, YUAN, DAY = 10**6, 10**4, 86_400_000_000
FRIDAY_10 = 20_000 * DAY + 2 * 3_600_000_000
SHA = "ab" * 32
WIDE = {k: Limit(1e6, 1e6) for k in ("read", "write", "sign_in", "stream")}
_MADE: dict[str, Path] = {}
ISSUER = "http://127.0.0.1:1/idp"


class Counter:
    """Holders X and Y with a trader and an approver each; 500 t with X, 100,000 yuan with Y; the market open at 50 yuan."""

    def __init__(
        self,
        folder: Path,
        *,
        rules: RuleSets | None = None,
        limits: Mapping[str, Limit] | None = None,
        synthetic: bool = False,
    ) -> None:
        self.folder, self.now, self.keys = folder, FRIDAY_10, itertools.count()
        made = _MADE.get("folder") if rules is None else None
        if made is None:
            found_exchange(folder, "counter", rules or builtin_rule_sets()).close()
        else:
            shutil.copytree(made, folder)
            self.keys = itertools.count(1000)
        self.desk = Desk(folder, rules=rules, limits=dict(limits or WIDE), clock=lambda: self.now, synthetic=synthetic)
        if made is None:
            self._seed()
        self.asset = next(iter(self.desk.tape.strips))
        if rules is None and made is None:  # the same for every test: made once, then copied
            self.desk.close()
            _MADE["folder"] = Path(tempfile.mkdtemp(prefix="qingshan-counter-")) / "venue"
            shutil.copytree(folder, _MADE["folder"])
            atexit.register(shutil.rmtree, _MADE["folder"].parent, ignore_errors=True)
            self.desk = Desk(folder, limits=dict(limits or WIDE), clock=lambda: self.now, synthetic=synthetic)

    def reopen(self) -> None:
        """The desk again, after it was closed for someone else."""
        self.desk = Desk(self.folder, limits=dict(WIDE), clock=lambda: self.now)

    def _seed(self) -> None:
        self.give("register.found", "root", person="P0", name="根")
        for id, role in (("registry0", "registry"), ("registry1", "registry"), ("exchange0", "exchange"), ("bank0", "bank"), ("regulator0", "regulator"),
                         ("auditor0", "auditor"), ("clerk0", "clerk"), ("verifier0", "verifier")):  # fmt: skip
            self.actor(id, role)
        self.give("rights.found", "root")
        for holder in ("X", "Y"):
            self.holder(holder)
        body = {
            "scheme": "pollution",
            "subtype": "COD",
            "area": "wujiang",
            "source": "permit",
            "from": "2024-01-01",
            "to": "2027-01-01",
        }
        asset = self.give("rights.instrument", "registry0", **body, rules="national_like")["asset"]
        self.both(
            "rights.issue", "registry0", "registry1", lot="L1", asset=asset, quantity=500 * T, account="X", evidence=SHA
        )
        self.give("rights.cash_in", "bank0", account="Y", money=100_000 * YUAN, statement="s1")
        self.give("market.open_day", "exchange0", asset=asset, reference=50 * YUAN)

    def give(self, command: str, by: str, /, **body: Any) -> Mapping[str, Any]:
        """Straight to the writer, as the ledger keeps it."""
        return self.desk.writer.submit(Command(command, as_texts(body), f"seed{next(self.keys)}", by, self.now)).answer

    def both(self, command: str, first: str, second: str, /, **body: Any) -> Mapping[str, Any]:
        return self.give("eyes.confirm", second, id=self.give(command, first, **body)["proposal"])

    def actor(self, id: str, *roles: str, login: str = "") -> None:
        fields = {"person": f"P-{id}", "name": id, "roles": list(roles)} | ({"login": login} if login else {})
        self.give("register.create", "root", register="actor", id=id, fields=fields)

    def holder(self, id: str) -> None:
        self.actor(f"trader{id}", "trader", login=f"{ISSUER} sub-trader{id}")
        self.actor(f"approver{id}", "approver")
        people = [f"P-trader{id}", f"P-approver{id}"]
        fields = {
            "kind": "单位",
            "name": f"{id} 公司",
            "identity": f"N{id}",
            "operators": people,
            "beneficiaries": [f"P-owner{id}"],
        }
        self.give("register.create", "clerk0", register="rights_holder", id=id, fields=fields)
        self.give("register.act", "registry0", register="rights_holder", id=id, version=1, step="open", fields={"bank_account": "1"},
                  evidence={"identity": SHA, "agreement": SHA})  # fmt: skip
        self.give("register.confirm", "registry1", register="rights_holder", id=id, version=2)
        self.give("rights.account", "registry0", holder=id)

    def owe(self, holder: str = "X", owed: str = "100") -> None:
        """An obligation for 2024, due on 31 October 2024."""
        fields = {"holder": holder, "asset": self.asset, "year": 2024, "unit": "t", "verified": owed, "deadline": "2024-10-31", "basis": "示意",
                  "rules": "national_like"}  # fmt: skip
        record = {"register": "obligation", "id": f"{holder}:2024"}
        self.give("register.create", "registry0", **record, fields=fields)
        self.give(
            "register.act", "registry0", **record, version=1, step="determine", evidence={"verification_report": SHA}
        )
        self.give("register.confirm", "regulator0", **record, version=2)

    def client(self, actor: str = "") -> Person:
        return Person(self, actor)


class Person(TestClient):
    """A browser of someone; `give` gives a command over HTTP."""

    def __init__(self, counter: Counter, actor: str) -> None:
        super().__init__(_api(counter), base_url="http://localhost", client=("127.0.0.1", 5000), follow_redirects=False)
        self.counter, self.csrf = counter, ""
        if actor:
            self.cookies.set(COOKIE, counter.desk.sessions.begin(actor, "test", time.time()))
            self.csrf = self.get("/me").json()["csrf"]

    def give(self, command: str, key: str = "", **body: Any) -> Any:
        headers = {"Idempotency-Key": key or f"t{next(self.counter.keys)}", "X-CSRF-Token": self.csrf}
        return self.post("/" + command.replace(".", "/"), json=body, headers=headers)

    def order(self, id: str, side: str, price: str, quantity: str, **more: Any) -> Any:
        account = self.get("/me").json()["accounts"][0]
        return self.give(
            "market.order",
            id=id,
            asset=self.counter.asset,
            account=account,
            side=side,
            price=price,
            quantity=quantity,
            **more,
        )


def _api(counter: Counter) -> Any:
    if not hasattr(counter, "api"):
        counter.api = create_exchange_api(counter.desk)  # type: ignore[attr-defined]
    return counter.api
