"""An exchange in memory: founded, staffed, three holders with cash and tonnes of one pollution right, the market open."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from qingshan.ledger.venue import Command, Receipt, Venue
from qingshan.registers.declaration import registers
from qingshan.registers.engine import handlers
from qingshan.registers.values import as_texts
from qingshan.rights.market import market_handlers
from qingshan.rights.registry import registry_handlers
from qingshan.rights.rulesets import RuleSet, RuleSets, builtin_rule_sets, read_rule_set

DAY = 86_400_000_000
TEN = 2 * 3_600_000_000  # 10:00 in China is 02:00 UTC
T = 10**6
YUAN = 10**4
SHA = "ab" * 32
TEXT = "cd" * 32
HOLDERS = ("X", "Y", "Z", "C")


def rules_of(policy: str, **changed: Any) -> RuleSets:
    """The newest national template with another policy or other values, in force since 2021."""
    base = builtin_rule_sets().on("national_like", date(2027, 1, 1))
    rows = [dict(r) for r in base.content["rule"]]
    for r in rows:
        if r["id"] == "policy":
            r["value"] = policy
        if r["id"] in changed:
            r |= {"value": changed[r["id"]], "status": "project", "source": "made up for the tests"}
    return RuleSets([read_rule_set({**base.content, "valid_from": date(2021, 6, 22), "rule": rows})])


class Hall:
    def __init__(self, folder: Path, rules: RuleSets | None = None) -> None:
        self.rules = rules or builtin_rule_sets()
        every = {**handlers(registers()), **registry_handlers(), **market_handlers(self.rules)}
        self.venue = Venue(folder, "hall", every)
        self.sent, self.at = 0, 20_000 * DAY + TEN  # Friday 4 October 2024, 10:00
        self.send("register.found", "root", person="P0", name="根")
        for n, role in enumerate(
            ("registry", "registry", "exchange", "bank", "regulator", "verifier", "verifier", "clerk")
        ):
            self.actor(f"{role}{n}", role)
        for holder in HOLDERS:
            self.actor(f"trader{holder}", "trader")
            self.actor(f"approver{holder}", "approver")
        self.send("rights.found", "root")
        for holder in HOLDERS:
            self.holder(holder)
        self.asset = self.instrument("pollution", "COD", "wujiang")
        self.issue("L1", "X", 500 * T)
        self.money("X", 10_000)
        self.open_market()

    def send(self, command: str, by: str, /, **body: Any) -> Receipt:
        self.sent += 1
        return self.venue.submit(Command(command, as_texts(body), f"k{self.sent}", by, self.at))

    def actor(self, id: str, role: str) -> None:
        self.send(
            "register.create",
            "root",
            register="actor",
            id=id,
            fields={"person": f"P-{id}", "name": id, "roles": [role]},
        )

    def holder(self, id: str) -> None:
        people = [f"P-trader{id}", f"P-approver{id}"]
        fields = {
            "kind": "单位",
            "name": id,
            "identity": f"N{id}",
            "operators": people,
            "beneficiaries": [f"P-owner{id}"],
        }
        self.send("register.create", "clerk7", register="rights_holder", id=id, fields=fields)
        self.send("register.act", "registry0", register="rights_holder", id=id, version=1, step="open", fields={"bank_account": "1"},
                  evidence={"identity": SHA, "agreement": SHA})  # fmt: skip
        self.send("register.confirm", "registry1", register="rights_holder", id=id, version=2)
        self.send("rights.account", "registry0", holder=id)

    def instrument(
        self,
        scheme: str,
        subtype: str,
        area: str,
        start: str = "2024-01-01",
        end: str = "2027-01-01",
        cap: int | None = None,
    ) -> str:
        body = {
            "scheme": scheme,
            "subtype": subtype,
            "area": area,
            "source": "permit",
            "from": start,
            "to": end,
            "rules": "national_like",
        }
        return str(
            self.send("rights.instrument", "registry0", **body, **({} if cap is None else {"cap": cap})).answer["asset"]
        )

    def issue(self, lot: str, account: str, quantity: int, asset: str = "", **more: Any) -> Receipt:
        return self.send(
            "rights.issue",
            "registry0",
            lot=lot,
            asset=asset or self.asset,
            quantity=quantity,
            account=account,
            **{"evidence": SHA} | more,
        )

    def owe(self, holder: str = "X", year: int = 2024, quantity: str = "100", asset: str = "") -> None:
        """An obligation of the register, determined by two people, due on 31 October 2024."""
        fields = {"holder": holder, "asset": asset or self.asset, "year": year, "unit": "t", "verified": quantity, "deadline": "2024-10-31",
                  "basis": "示意", "rules": "national_like"}  # fmt: skip
        record = {"register": "obligation", "id": f"{holder}:{year}"}
        self.send("register.create", "registry0", **record, fields=fields)
        self.send(
            "register.act", "registry0", **record, version=1, step="determine", evidence={"verification_report": SHA}
        )
        self.send("register.confirm", "regulator4", **record, version=2)

    def money(self, account: str, yuan: int) -> None:
        self.send("rights.cash_in", "bank3", account=account, money=yuan * YUAN, statement="s1")

    def open_market(self, reference: int = 50 * YUAN, asset: str = "") -> Receipt:
        return self.send("market.open_day", "exchange2", asset=asset or self.asset, reference=reference)

    def order(self, id: str, account: str, side: str, yuan: float, tonnes: float, **more: Any) -> Receipt:
        return self.send("market.order", f"trader{account}", id=id, asset=self.asset, account=account, side=side, price=round(yuan * YUAN),
                         quantity=round(tonnes * T), **more)  # fmt: skip

    def next_day(self) -> Receipt:
        """Close, and open the next working day."""
        closed = self.send("market.close_day", "exchange2", asset=self.asset)
        self.at += (3 if (self.at // DAY + 4) % 7 == 5 else 1) * DAY
        self.send("market.open_day", "exchange2", asset=self.asset)
        return closed

    def rule_set(self) -> RuleSet:
        return self.rules.on("national_like", date(2024, 10, 4))
