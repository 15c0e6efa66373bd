"""A ledger in memory with one actor per role, and short ways to send register commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qingshan.ledger.venue import Command, Receipt, Venue
from qingshan.registers.declaration import Register, registers
from qingshan.registers.engine import handlers
from qingshan.registers.values import as_texts

DAY = 86_400_000_000
ROLES = ("trader", "approver", "verifier", "registry", "exchange", "bank", "regulator", "auditor", "clerk", "public")
SHA = "ab" * 32
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[106.0, 26.0], [106.01, 26.0], [106.01, 26.01], [106.0, 26.01], [106.0, 26.0]]],
}


class Desk:
    def __init__(self, folder: Path, more: dict[str, Register] | None = None) -> None:
        self.registers = registers() | (more or {})
        self.venue = Venue(folder, "registers", handlers(self.registers))
        self.sent, self.at = 0, 20_000 * DAY  # 2024-10-04
        self.send("register.found", "root", person="P-root", name="根")
        for role in ROLES:
            for n in (1, 2):
                fields = {"person": f"P-{role}{n}", "name": role, "roles": [role]}
                self.send("register.create", "root", register="actor", id=f"{role}{n}", fields=fields)

    def send(self, kind: str, by: str, **body: Any) -> Receipt:
        self.sent += 1
        return self.venue.submit(Command(kind, as_texts(body), f"k{self.sent}", by, self.at))

    def record(self, register: str, id: str) -> Any:
        return self.venue.book.records[register, id]

    def create(self, register: str, id: str, by: str, **fields: Any) -> Receipt:
        return self.send("register.create", by, register=register, id=id, fields=fields)

    def act(self, register: str, id: str, step: str, by: str, **more: Any) -> Receipt:
        return self.send(
            "register.act", by, register=register, id=id, version=self.record(register, id).version, step=step, **more
        )

    def confirm(self, register: str, id: str, by: str) -> Receipt:
        return self.send("register.confirm", by, register=register, id=id, version=self.record(register, id).version)


FACILITY = {
    "name": "某磷化工厂",
    "credit_code": "915200000000000000",
    "management": "重点管理",
    "place": "520123",
    "cod": "12.5",
}
PROJECT = {
    "name": "某村集体林",
    "place": "520521",
    "title": "T-1",
    "methodology": "bijie",
    "land": SQUARE,
    "area": "110.5",
    "from": "2020-01-01",
    "to": "2022-12-31",
}
CLAIM = {
    "scheme": "ccer",
    "number": "CCER-1",
    "name": "某造林项目",
    "land": SQUARE,
    "from": "2022-01-01",
    "to": "2023-12-31",
    "source": "示意",
}
HOLDER = {
    "kind": "单位",
    "name": "某公司",
    "identity": "91520",
    "operators": ["P-trader1"],
    "beneficiaries": ["P-somebody"],
}
OBLIGATION = {
    "holder": "h",
    "asset": "pollution:COD:wujiang:permit:2024-01-01/2027-01-01",
    "year": 2024,
    "unit": "t",
    "verified": "100",
    "deadline": "2025-10-31",
    "basis": "示意",
    "rules": "national_like",
}
