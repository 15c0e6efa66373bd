"""A synthetic exchange from a seed: made-up people, four holders, three instruments, forty days of trading, one ticket down to its readings.

Everything in it is invented and its name says so; it is made by the same commands as a real one, so that it can be verified like one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from qingshan.core.canonical import write_atomic
from qingshan.ledger.amounts import MICRO, YUAN
from qingshan.ledger.book import Refused
from qingshan.ledger.signing import new_key, publish_root
from qingshan.ledger.venue import Command, Venue
from qingshan.registers.calendar import day_of
from qingshan.registers.values import as_texts

from .demo_entries import enter_early, enter_late, enter_obligations
from .exchange import found_exchange
from .instruments import parse_asset
from .rulesets import RuleSets, builtin_rule_sets, read_rule_sets

__all__ = ["DEMO_PEOPLE", "demo_rules", "keep_open", "keep_rules", "make_demo"]

SEED = 20_261
DAYS = 40
RULES = "demo_price_time"
HOLDERS = {
    "HD-0417": "青岭示例环保有限公司",
    "HD-0418": "石坝示例水泥有限公司",
    "HD-0419": "白果示例林场",
    "HD-0420": "青溪示例灌区",
}
STAFF = {
    "root": ("admin", "管理员（编造）"), "registry-a": ("registry", "登记员甲（编造）"), "registry-b": ("registry", "登记员乙（编造）"),
    "operator": ("exchange", "交易所值班员（编造）"), "bank": ("bank", "结算员（编造）"), "regulator": ("regulator", "监管员（编造）"),
    "auditor": ("auditor", "审计员（编造）"), "verifier-a": ("verifier", "核查员甲（编造）"), "verifier-b": ("verifier", "核查员乙（编造）"),
    "clerk": ("clerk", "经办人（编造）"),
}  # fmt: skip
DEMO_PEOPLE = ("trader-0417", "approver-0417", "trader-0418", "approver-0418", "trader-0419", "approver-0419", "operator", "regulator", "auditor",
               "registry-a", "registry-b", "clerk", "verifier-a", "verifier-b", "bank", "root")  # fmt: skip
"""Whose part one may take, in the order in which they are offered."""
TICKET_FILES = (
    ("calibration", "测树仪器校准记录（编造）", ()), ("readings", "每木检尺记录（编造）", ("calibration",)),
    ("plots", "样地调查表（编造）", ("calibration",)), ("dossier", "白果案卷（编造）", ("plots", "readings")),
    ("monitoring_report", "白果监测报告（编造）", ("dossier",)), ("verification_report", "白果核查报告（编造）", ("monitoring_report",)),
)  # fmt: skip
"""The files that the ticket stands on: kind, name, what each was made from. The dossier names the plots of two inventories."""
MADE_UP = Path(__file__).parent / "rules" / "demo"
PLOTS = 12
LAND = {
    "type": "Polygon",
    "coordinates": [[[105.02, 27.07], [105.04, 27.07], [105.04, 27.09], [105.02, 27.09], [105.02, 27.07]]],
}


def demo_rules() -> RuleSets:
    """The built-in rule sets and the made-up one."""
    return builtin_rule_sets().with_sets(read_rule_sets(MADE_UP))


def keep_rules(folder: Path) -> None:
    """Put the made-up rule set with the venue, where every face finds it; an edition that is there stays as it is."""
    kept = folder / "rules"
    kept.mkdir(parents=True, exist_ok=True)
    for path in sorted(MADE_UP.glob("*.toml")):
        if not (kept / path.name).exists():
            write_atomic(kept / path.name, path.read_bytes())


def make_demo(folder: Path, name: str, today: date, *places: str) -> None:
    """Found and seed the venue, with history up to the day before `today`. `places` are place codes of the zone."""
    keep_rules(folder)
    venue = found_exchange(folder, name)
    try:
        _Maker(venue, today, places).make()
    finally:
        venue.close()


def keep_open(venue: Venue, at: int, by: str = "operator") -> list[Command]:
    """The commands that bring a synthetic market to its day: yesterday's closed, today's opened, a few quotes on both sides."""
    today, found = day_of(at), list[Command]()
    for (register, asset), record in sorted(venue.book.records.items()):
        c = record.content
        if register != "market" or not c.get("day") or parse_asset(asset).end <= today or c["day"] >= today.isoformat():
            continue
        if record.state in ("open", "suspended"):
            found.append(Command("market.close_day", {"asset": asset}, f"demo/close/{asset}/{today}", by, at))
        found.append(Command("market.open_day", {"asset": asset}, f"demo/open/{asset}/{today}", by, at))
        found += _quotes(venue, asset, c.get("close") or c["reference"], today, at)
    return found


def _quotes(venue: Venue, asset: str, around: int, today: date, at: int) -> list[Command]:
    """Five prices on each side of the last close, by the holder with most units and by another."""
    seller = max(HOLDERS, key=lambda h: venue.book.balance(h, asset).available)
    buyer = next(h for h in HOLDERS if h != seller)
    random_, found = random.Random(f"{asset}{today}"), []  # noqa: S311 - a synthetic market
    size = max(1, venue.book.balance(seller, asset).available // MICRO // 60)
    for n in range(1, 6):
        for side, account, sign in (("sell", seller, 1), ("buy", buyer, -1)):
            body = {"id": f"Q{today}-{parse_asset(asset).scheme}-{side}{n}", "asset": asset, "account": account, "side": side,
                    "price": max(100, _tick(around / YUAN * (1 + sign * 0.004 * n)) + sign * 100), "quantity": random_.randint(1, size) * MICRO}  # fmt: skip
            found.append(Command("market.order", body, f"demo/{body['id']}", f"trader-{account[3:]}", at))
    return found


class _Maker:
    def __init__(self, venue: Venue, today: date, places: tuple[str, ...]) -> None:
        self.venue, self.today, self.places, self.place = venue, today, places, places[0]
        self.random, self.sent, self.orders = random.Random(SEED), 0, 0  # noqa: S311 - a synthetic market
        self.days = [today - timedelta(days=n) for n in range(DAYS, 0, -1)]
        self.at = _moment(self.days[0] - timedelta(days=40), 9, 0)

    def send(self, command: str, by: str, /, **body: Any) -> Mapping[str, Any]:
        self.sent, self.at = self.sent + 1, self.at + 1_000_000
        return self.venue.submit(Command(command, as_texts(body), f"demo/{self.sent}", by, self.at)).answer

    def both(self, command: str, first: str, second: str, /, **body: Any) -> Mapping[str, Any]:
        return self.send("eyes.confirm", second, id=self.send(command, first, **body)["proposal"])

    def make(self) -> None:
        self._people()
        self._holders()
        enter_early(self.send, _hash, self.places, self.today)
        year = self.today.year
        cod = self._instrument(
            "pollution", "COD", ("qingling", "青岭", "Qingling"), f"{year - 1}-01-01", f"{year + 2}-01-01"
        )
        self._lot("COD-1", cod, "HD-0417", 4_000)
        self._lot("COD-2", cod, "HD-0418", 3_000)
        ticket = self._ticket(year)
        water = self._instrument(
            "water_abstraction", "surface", ("qingxi", "青溪", "Qingxi"), f"{year - 1}-01-01", f"{year + 1}-01-01"
        )
        self._lot("W-1", water, "HD-0420", 900_000)
        for holder in HOLDERS:
            self.send("rights.cash_in", "bank", account=holder, money=3_000_000 * YUAN, statement=f"示意-{holder}")
        for n, day in enumerate(self.days):
            self._day(day, ((cod, 52.0, 30), (ticket, 76.0, 60), (water, 0.62, 4_000)), first=n == 0)
        self._after(cod, ticket)
        publish_root(self.venue, self.days[-1].isoformat(), new_key())

    def _people(self) -> None:
        self.send("register.found", "root", person="demo-root", name=STAFF["root"][1])
        for id, (role, name) in STAFF.items():
            if id != "root":
                self._actor(id, role, name)
        self.send("rights.found", "root")

    def _actor(self, id: str, role: str, name: str) -> None:
        fields = {"person": f"demo-{id}", "name": name, "roles": [role]}
        self.send("register.create", "root", register="actor", id=id, fields=fields)

    def _holders(self) -> None:
        for id, name in HOLDERS.items():
            number = id[3:]
            for role, word in (("trader", "交易员"), ("approver", "复核人")):
                self._actor(f"{role}-{number}", role, f"{name[:2]}{word}（编造）")
            people = [f"demo-trader-{number}", f"demo-approver-{number}"]
            fields = {"kind": "单位", "name": name, "identity": f"示意-{number}", "place": self.place, "operators": people,
                      "beneficiaries": [f"demo-owner-{number}"]}  # fmt: skip
            self.send("register.create", "clerk", register="rights_holder", id=id, fields=fields)
            self.send("register.act", "registry-a", register="rights_holder", id=id, version=1, step="open", fields={"bank_account": f"示意-{number}"},
                      evidence={"identity": _hash("identity", id), "agreement": _hash("agreement", id)})  # fmt: skip
            self.send("register.confirm", "registry-b", register="rights_holder", id=id, version=2)
            self.send("rights.account", "registry-a", holder=id)

    def _instrument(self, scheme: str, subtype: str, area: tuple[str, str, str], start: str, end: str) -> str:
        body = {
            "scheme": scheme,
            "subtype": subtype,
            "area": area[0],
            "area_zh": area[1],
            "area_en": area[2],
            "source": "demo",
            "from": start,
            "to": end,
            "rules": RULES,
        }
        return str(self.send("rights.instrument", "registry-a", **body)["asset"])

    def _lot(self, lot: str, asset: str, account: str, units: int, evidence: str = "", **more: Any) -> None:
        self.both("rights.issue", "registry-a", "registry-b", lot=lot, asset=asset, account=account, quantity=units * MICRO,
                  evidence=evidence or _hash("report", lot), **more)  # fmt: skip

    def _ticket(self, year: int) -> str:
        """A forest ticket that stands on declared files down to a calibration."""
        made = {kind: _hash(kind, "T-1") for kind, _, _ in TICKET_FILES}
        for kind, name, below in TICKET_FILES:
            sources = [made[k] for k in below]
            measured = [{"id": f"{when}/P{n:02d}", "sha256": _hash("measurement", when, str(n)), "sources": sources}
                        for when in ("opening", "closing") for n in range(1, PLOTS + 1)]  # fmt: skip
            more = {"measurements": measured} if kind == "dossier" else {}
            self.send("rights.file", "clerk", sha256=made[kind], kind=kind, name=name, sources=sources, **more)
        fields = {"name": "白果示例林碳票（编造）", "holder": "HD-0419", "place": self.place, "title": "示意-林权-1", "methodology": "示意",
                  "land": LAND, "area": "438", "from": f"{year - 4}-01-01", "to": f"{year - 2}-12-31", "plots": _hash("plots", "T-1"),
                  "claimed": "9000"}  # fmt: skip
        project = {"register": "ticket_project", "id": "baiguo"}
        self.send("register.create", "clerk", **project, fields=fields)
        self.send(
            "register.act",
            "registry-a",
            **project,
            version=1,
            step="publish",
            evidence={"monitoring_report": _hash("monitoring_report", "T-1")},
        )
        self.send("register.act", "verifier-a", **project, version=2, step="take_up")
        self.send("register.act", "verifier-a", **project, version=3, step="verify", fields={"verified": "8200"},
                  evidence={"verification_report": _hash("verification_report", "T-1")})  # fmt: skip
        self.send("register.confirm", "verifier-b", **project, version=4)
        asset = self._instrument(
            "ticket", "forest", ("baiguo", "白果", "Baiguo"), f"{year - 4}-01-01", f"{year + 6}-01-01"
        )
        self._lot("BG-001", asset, "HD-0419", 8_200, _hash("verification_report", "T-1"), project="baiguo")
        return asset

    def _day(self, day: date, markets: tuple[tuple[str, float, int], ...], *, first: bool) -> None:
        self.at = max(self.at, _moment(day, 9, 30))
        for asset, start, size in markets:
            self.send("market.open_day", "operator", asset=asset, **({"reference": _tick(start)} if first else {}))
            reference = self.venue.book.records["market", asset].content["reference"]
            sellers = [h for h in HOLDERS if self.venue.book.balance(h, asset).available > 4 * size * MICRO]
            for _ in range(self.random.randint(2, 5)):
                self._trade(asset, sellers, reference, size)
            self.send("market.close_day", "operator", asset=asset)

    def _trade(self, asset: str, sellers: list[str], reference: int, size: int) -> None:
        """A sale rests and is bought, sometimes in part."""
        seller = self.random.choice(sellers)
        buyer = self.random.choice([h for h in HOLDERS if h != seller])
        price = _tick(reference / YUAN * (1 + self.random.gauss(0.001, 0.012)))
        units = self.random.randint(size // 4, size) * MICRO
        day = (day_of(self.at) - date(1970, 1, 1)).days
        free = sum(r.end - r.start for r in self.venue.book.shelves[seller, asset] if r.free_on <= day)
        if free < units:
            return
        with suppress(Refused):  # its own rest is met, or the price is outside the band: no trade then
            self._order(asset, seller, "sell", price, units)
            self._order(
                asset,
                buyer,
                "buy",
                price,
                max(MICRO, units // MICRO * self.random.randint(2, 4) // 4 * MICRO),
                kind="ioc",
            )

    def _order(self, asset: str, account: str, side: str, price: int, quantity: int, **more: Any) -> None:
        self.orders += 1
        self.send("market.order", f"trader-{account[3:]}", id=f"D{self.orders}", asset=asset, account=account, side=side, price=price,
                  quantity=quantity, **more)  # fmt: skip

    def _after(self, cod: str, ticket: str) -> None:
        """What a regulator sees: a surrender, a retirement, a pledge, a freeze, and something that waits."""
        self.at = max(self.at, _moment(self.days[-1], 16, 0))
        year = self.today.year - 1
        enter_obligations(self.send, self.both, _hash, cod, self.today)
        self.both(
            "rights.surrender",
            "trader-0418",
            "approver-0418",
            account="HD-0418",
            asset=cod,
            quantity=120 * MICRO,
            obligation=f"HD-0418:{year}",
        )
        self.both(
            "rights.retire",
            "trader-0419",
            "approver-0419",
            account="HD-0419",
            asset=ticket,
            quantity=50 * MICRO,
            reason="示意：会议碳中和",
        )
        self.both(
            "rights.pledge",
            "trader-0419",
            "approver-0419",
            id="PL-1",
            account="HD-0419",
            asset=ticket,
            quantity=1_500 * MICRO,
            creditor="HD-0417",
        )
        tranches = [{"id": name, "principal": principal * YUAN, "rate": rate, "holders": [[holder, 1]]}
                    for name, principal, rate, holder in (("优先", 60_000, 100, "HD-0418"), ("次级", 30_000, 250, "HD-0420"))]  # fmt: skip
        self.send("pool.found", "registry-a", id="POOL-1", trustee="HD-0417", pledges=["PL-1"], tranches=tranches)
        self.both("rights.freeze", "regulator", "registry-a", id="FZ-1", account="HD-0418", asset=cod, quantity=80 * MICRO, order="示意〔1〕号",
                  until=(self.today + timedelta(days=30)).isoformat())  # fmt: skip
        self.send(
            "rights.retire", "trader-0417", account="HD-0417", asset=cod, quantity=5 * MICRO, reason="示意：待复核"
        )
        enter_late(self.send, _hash, self.places)


def _moment(day: date, hour: int, minute: int) -> int:
    """Microseconds since 1970 of a time of day in China."""
    noon = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=8)
    return int(noon.timestamp()) * 1_000_000


def _tick(yuan: float) -> int:
    return round(yuan * 100) * 100


def _hash(*words: str) -> str:
    return sha256(f"qingshan synthetic {SEED} {' '.join(words)}".encode()).hexdigest()
