"""Records of the synthetic exchange's registers: facilities under a permit and forest-ticket projects in every stage. All invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

__all__ = ["enter_early", "enter_late", "enter_obligations"]

Send = Callable[..., Any]
Named = Callable[..., str]
# id, name, class, industry, place among the townships, longitude, latitude, COD, ammonia nitrogen, total phosphorus (t/a)
FACILITIES = (
    ("PW-0001", "青岭示例污水处理厂", "重点管理", "污水处理", 0, "105.0312", "27.0941", "420", "38", "4.2"),
    ("PW-0002", "石坝示例水泥厂", "重点管理", "水泥制造", 1, "105.1015", "27.0886", "36.5", "2.1", ""),
    ("PW-0003", "白果示例造纸厂", "重点管理", "造纸", 2, "105.0468", "27.0325", "188", "9.6", "1.1"),
    ("PW-0004", "青溪示例酿造厂", "简化管理", "白酒制造", 3, "105.1177", "27.0254", "74", "5.3", "0.8"),
    ("PW-0005", "岩脚示例屠宰场", "简化管理", "屠宰", 1, "105.0884", "27.0612", "21.4", "3.7", "0.5"),
    ("PW-0006", "老鹰示例磷化工厂", "重点管理", "磷肥制造", 2, "105.0223", "27.0511", "65", "4.4", "2.9"),
    ("PW-0007", "河湾示例养殖场", "简化管理", "畜禽养殖", 0, "105.0641", "27.1048", "12.8", "1.9", "0.6"),
)
# id, name, place, west, south, hectares, claimed t CO2
PROJECTS = (
    ("heishan", "黑山示例集体林碳票（编造）", 1, 105.085, 27.095, "198", "4100"),
    ("longjing", "龙井示例油茶林碳票（编造）", 2, 105.030, 27.018, "126", "2300"),
    ("shuanghe", "双河示例杉木林碳票（编造）", 3, 105.108, 27.040, "251", "5600"),
)


def enter_early(send: Send, named: Named, places: tuple[str, ...], today: date) -> None:
    """What was entered long ago: permits in force, one revoked, one refused, two that wait too long for a decision."""
    for n, (id, name, kind, industry, place, lon, lat, cod, nh3n, tp) in enumerate(FACILITIES[:6]):
        fields = {"name": name, "credit_code": f"91SY{n:04d}DEMO0000{n}", "management": kind, "industry": industry, "place": places[place % len(places)],
                  "site": {"type": "Point", "coordinates": [lon, lat]}, "receiving_water": "青溪河（编造）", "cod": cod, "nh3n": nh3n,
                  "contact": f"示意联系人{n + 1}"} | ({"tp": tp} if tp else {})  # fmt: skip
        record = {"register": "discharge_permit", "id": id}
        send("register.create", "clerk", **record, fields=fields)
        send(
            "register.act",
            "registry-a",
            **record,
            version=1,
            step="accept",
            evidence={"application": named("application", id)},
        )
        if n in (3, 5):
            continue  # accepted, and nothing decided since
        step, needs = ("refuse", {}) if n == 4 else ("permit", {
            "permit": f"示意证{n + 1:03d}", "valid_from": (today - timedelta(days=1790 if n == 2 else 400)).isoformat(),
            "valid_to": (today + timedelta(days=36 if n == 2 else 1425)).isoformat(),
        })  # fmt: skip
        send(
            "register.act",
            "registry-a",
            **record,
            version=2,
            step=step,
            fields=needs,
            evidence={"decision": named("decision", id)},
        )
        send("register.confirm", "regulator", **record, version=3)
    for id, name, place, west, south, area, claimed in PROJECTS:
        land = [
            [west, south],
            [west + 0.012, south],
            [west + 0.014, south + 0.010],
            [west + 0.003, south + 0.012],
            [west, south],
        ]
        fields = {"name": name, "holder": "HD-0419", "place": places[place % len(places)], "title": f"示意-林权-{id}", "methodology": "示意",
                  "land": {"type": "Polygon", "coordinates": [land]}, "area": area, "from": f"{today.year - 3}-01-01", "to": f"{today.year - 1}-12-31",
                  "plots": named("plots", id), "claimed": claimed}  # fmt: skip
        send("register.create", "clerk", register="ticket_project", id=id, fields=fields)
    for id, *_ in PROJECTS[:2]:
        send(
            "register.act",
            "registry-a",
            register="ticket_project",
            id=id,
            version=1,
            step="publish",
            evidence={"monitoring_report": named("monitoring_report", id)},
        )
    send("register.act", "verifier-a", register="ticket_project", id="heishan", version=2, step="take_up")


def enter_late(send: Send, named: Named, places: tuple[str, ...]) -> None:
    """What came in at the end: a permit suspended, an application just accepted, a holder who asks for an account."""
    send("register.act", "regulator", register="discharge_permit", id="PW-0002", version=4, step="suspend", evidence={"order": named("order", "PW-0002")},
         note="示意：在线监测超标")  # fmt: skip
    id, name, kind, industry, place, lon, lat, cod, nh3n, tp = FACILITIES[6]
    fields = {"name": name, "credit_code": "91SY0006DEMO00006", "management": kind, "industry": industry, "place": places[place % len(places)],
              "site": {"type": "Point", "coordinates": [lon, lat]}, "cod": cod, "nh3n": nh3n, "tp": tp}  # fmt: skip
    send("register.create", "clerk", register="discharge_permit", id=id, fields=fields)
    send(
        "register.act",
        "registry-a",
        register="discharge_permit",
        id=id,
        version=1,
        step="accept",
        evidence={"application": named("application", id)},
    )
    fields = {"kind": "单位", "name": "黑山示例合作社", "identity": "示意-0421", "place": places[0], "operators": ["demo-trader-0421"],
              "beneficiaries": ["demo-owner-0421"]}  # fmt: skip
    send("register.create", "clerk", register="rights_holder", id="HD-0421", fields=fields)
    send("register.act", "registry-a", register="rights_holder", id="HD-0421", version=1, step="open", fields={"bank_account": "示意-0421"},
         evidence={"identity": named("identity", "HD-0421"), "agreement": named("agreement", "HD-0421")})  # fmt: skip


def enter_obligations(send: Send, both: Send, named: Named, asset: str, today: date) -> None:
    """Two obligations of last year in one pollution right: one met, one short after its deadline."""
    for holder, owed, deadline in (
        ("HD-0418", "120", today + timedelta(days=30)),
        ("HD-0417", "260", today - timedelta(days=5)),
    ):
        id = f"{holder}:{today.year - 1}"
        fields = {"holder": holder, "asset": asset, "year": today.year - 1, "unit": "t", "verified": owed, "deadline": deadline.isoformat(),
                  "basis": "示意：期限为编造", "rules": "demo_price_time"}  # fmt: skip
        record = {"register": "obligation", "id": id}
        send("register.create", "registry-a", **record, fields=fields)
        send(
            "register.act",
            "registry-a",
            **record,
            version=1,
            step="determine",
            evidence={"verification_report": named("verification", id)},
        )
        send("register.confirm", "regulator", **record, version=2)
    both(
        "rights.surrender",
        "trader-0417",
        "approver-0417",
        account="HD-0417",
        asset=asset,
        quantity=200_000_000,
        obligation=f"HD-0417:{today.year - 1}",
    )
