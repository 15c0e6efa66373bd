"""A pool of pledged holdings and the cash that flows from it through ordered tranches (生态产品资产证券化).

    pool.found       {id, trustee, pledges, tranches: [{id, principal, rate, holders: [[account, weight], …]}, …]}
    pool.distribute  {id, period}     pays out the cash of the account `pool:ID`, once a period
    pool.close       {id}             when every tranche is repaid; the pledges may then be released

Only a private pool among named holders: there is no command that offers, lists or trades a tranche, and more than 200 holders would be a
public offering (《证券法》2019 第九条). Cash reaches the pool as any account's does, by `rights.cash_in`. Money in 1e-4 yuan, rates in 1e-4 of the
principal outstanding per period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qingshan.ledger.amounts import amount, pro_rata
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Account, Entry, Leg, RegisterEntry
from qingshan.ledger.venue import Command, Decision, Handler

from .commands import guarded
from .registry import CASH, HOLDERS, own_id, whole, word

__all__ = [
    "FlowRow",
    "Inflow",
    "Payment",
    "Scenario",
    "Tranche",
    "cash_flows",
    "pool_handlers",
    "read_scenario",
    "shares",
    "waterfall",
]

POOL, RUNNING = "pool", "running"
MOST_HOLDERS = 200
STATUSES = ("given", "secondary", "project")


@dataclass(frozen=True, slots=True)
class Tranche:
    """`principal` still outstanding, `owed` interest left unpaid before; `rate` in 1e-4 a period; `holders` with their weights."""

    id: str
    principal: int
    rate: int
    holders: tuple[tuple[str, int], ...] = ()
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Payment:
    """What a tranche gets of one distribution."""

    tranche: str
    interest: int
    principal: int
    residual: int

    @property
    def whole(self) -> int:
        return self.interest + self.principal + self.residual


def waterfall(cash: int, tranches: Sequence[Tranche]) -> tuple[list[Payment], list[Tranche]]:
    """Interest in order, then principal in order, what is left to the last tranche. The payments add up to `cash`.

    Returns the payments and the tranches afterwards.
    """
    left = cash
    interest, principal, after = [], [], []
    for t in tranches:
        due = t.owed + t.principal * t.rate // 10_000
        interest.append(min(due, left))
        left -= interest[-1]
        after.append(replace(t, owed=due - interest[-1]))
    for n, t in enumerate(after):
        principal.append(min(t.principal, left))
        left -= principal[-1]
        after[n] = replace(t, principal=t.principal - principal[-1])
    residual = [0] * (len(tranches) - 1) + [left]
    return [Payment(t.id, *paid) for t, *paid in zip(tranches, interest, principal, residual, strict=True)], after


def shares(money: int, holders: Sequence[tuple[str, int]]) -> tuple[dict[str, int], int]:
    """Whole shares by weight, rounded down, and the remainder for the account `rounding`."""
    parts, rest = pro_rata(money, [weight for _, weight in holders])
    return dict(zip((account for account, _ in holders), parts, strict=True)), rest


# ---- stress ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inflow:
    """What a pledged holding is expected to sell in a period: micro-units at a price in 1e-4 yuan."""

    period: str
    holding: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """Price and yield in % of what is expected, default in % of the units that bring nothing; with source and status."""

    id: str
    zh: str
    en: str
    price: int
    yield_: int
    default: int
    source: str
    status: str


BASE = Scenario("base", "基准", "as expected", 100, 100, 0, "the inflows as given", "given")


def read_scenario(row: Mapping[str, str]) -> Scenario:
    """A row of a scenario table: id, zh, en, price, yield, default, source, status. Raises `Refused`."""
    try:
        price, yield_, default = (int(row[k]) for k in ("price", "yield", "default"))
        made = Scenario(row["id"], row["zh"], row["en"], price, yield_, default, row["source"], row["status"])
    except (KeyError, ValueError) as error:
        raise Refused("scenario", f"the scenario cannot be read: {error}.", f"情景无法读取：{error}。") from None
    if min(price, yield_, default) < 0 or default > 100 or not made.source or made.status not in STATUSES:
        raise Refused("scenario", f"{made.id}: percentages from 0, default up to 100, a source and a status are needed.",
                      f"{made.id}：百分数不得为负，违约率至多 100，须有来源和状态。")  # fmt: skip
    return made


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A line of the cash-flow table: one tranche in one period, what it got, what stays outstanding and owed."""

    scenario: str
    period: str
    cash: int
    tranche: str
    interest: int
    principal: int
    residual: int
    outstanding: int
    owed: int


def cash_flows(inflows: Sequence[Inflow], tranches: Sequence[Tranche], scenario: Scenario = BASE) -> list[FlowRow]:
    """The table of a scenario: periods in the order of their names, each through the waterfall."""
    rows: list[FlowRow] = []
    state = list(tranches)
    for period in sorted({f.period for f in inflows}):
        cash = sum(_stressed(f, scenario) for f in inflows if f.period == period)
        payments, state = waterfall(cash, state)
        rows += [FlowRow(scenario.id, period, cash, p.tranche, p.interest, p.principal, p.residual, t.principal, t.owed)
                 for p, t in zip(payments, state, strict=True)]  # fmt: skip
    return rows


def _stressed(flow: Inflow, scenario: Scenario) -> int:
    quantity = flow.quantity * scenario.yield_ * (100 - scenario.default) // 10_000
    return amount(flow.price * scenario.price // 100, quantity)


# ---- commands --------------------------------------------------------------------------------------------------------


def pool_handlers() -> dict[str, Handler]:
    """The handlers by command kind."""
    return guarded({"pool.found": _found, "pool.distribute": _distribute, "pool.close": _close})


def _found(book: Book, command: Command) -> Decision:
    b = command.body
    id, trustee = own_id(b), word(b, "trustee")
    if (POOL, id) in book.records:
        raise Refused("duplicate", f"the pool {id} exists.", f"资产池 {id} 已存在。")
    _holder(book, trustee)
    pledges = _pledges(book, b.get("pledges"), trustee)
    tranches = _tranches(book, b.get("tranches"))
    content = {
        "trustee": trustee,
        "pledges": pledges,
        "tranches": [_line(t) for t in tranches],
        "periods": [],
        "by": command.by,
    }
    account = f"{POOL}:{id}"
    return Decision(
        [Account(account, trustee, "escrow"), RegisterEntry(POOL, id, 1, RUNNING, content)], {"account": account}
    )


def _pledges(book: Book, given: Any, trustee: str) -> list[str]:
    if not isinstance(given, list) or not given or len(set(map(str, given))) != len(given):
        raise Refused("pledges", "pledges are ids, each once.", "质押须列明编号，不得重复。")
    taken = {hold for record in book.standing(POOL, RUNNING) for hold in record.content["pledges"]}
    for id in given:
        hold = book.holds.get(str(id))
        if hold is None or hold.reason != "pledge" or hold.ref != trustee or id in taken:
            raise Refused(
                "pledges", f"{id!r} is no free pledge to {trustee}.", f"{id!r} 不是质押给 {trustee} 的、未入池的质押。"
            )
    return sorted(given)


def _tranches(book: Book, given: Any) -> list[Tranche]:
    """Raises `Refused` for more than 200 holders, strange accounts and weights."""
    if not isinstance(given, list) or not 1 <= len(given) <= 20 or not all(isinstance(t, Mapping) for t in given):
        raise Refused("tranches", "there are 1 to 20 tranches.", "须有 1–20 个分层。")
    made = []
    for t in given:
        holders = t.get("holders")
        if (
            not isinstance(holders, list)
            or not holders
            or not all(isinstance(h, list | tuple) and len(h) == 2 for h in holders)
        ):
            raise Refused("holders", "holders are [account, weight].", "持有人须为 [账户, 份额]。")
        for account, weight in holders:
            _holder(book, account)
            whole({"weight": weight}, "weight")
        made.append(
            Tranche(
                word(t, "id"), whole(t, "principal", low=0), whole(t, "rate", low=0), tuple((a, w) for a, w in holders)
            )
        )
    every = {account for t in made for account, _ in t.holders}
    if len(every) > MOST_HOLDERS:
        raise Refused("public_offering", f"more than {MOST_HOLDERS} holders are a public offering (Securities Law 2019, article 9).",
                      f"持有人超过 {MOST_HOLDERS} 人属于公开发行（《证券法》2019 第九条）。")  # fmt: skip
    if len({t.id for t in made}) != len(made) or any(len(dict(t.holders)) != len(t.holders) for t in made):
        raise Refused("tranches", "tranches and their holders are named once.", "分层及其持有人不得重复。")
    return made


def _holder(book: Book, account: Any) -> None:
    record = book.records.get((HOLDERS, account)) if isinstance(account, str) else None
    if record is None or record.state != "open" or account not in book.accounts:
        raise Refused("unknown_account", f"there is no open account {account!r}.", f"没有已开立的账户 {account!r}。")


def _line(t: Tranche) -> dict[str, Any]:
    return {
        "id": t.id,
        "principal": t.principal,
        "rate": t.rate,
        "holders": [list(h) for h in t.holders],
        "owed": t.owed,
    }


def _running(book: Book, command: Command) -> tuple[RegisterEntry, list[Tranche]]:
    record = book.records.get((POOL, word(command.body, "id")))
    if record is None or record.state != RUNNING:
        raise Refused(
            "unknown_pool",
            f"there is no running pool {command.body['id']!r}.",
            f"没有运行中的资产池 {command.body['id']!r}。",
        )
    rows = record.content["tranches"]
    return record, [
        Tranche(t["id"], t["principal"], t["rate"], tuple((a, w) for a, w in t["holders"]), t["owed"]) for t in rows
    ]


def _distribute(book: Book, command: Command) -> Decision:
    record, tranches = _running(book, command)
    period, account = word(command.body, "period"), f"{POOL}:{record.id}"
    if period in record.content["periods"]:
        raise Refused("period", f"{period} was paid out before.", f"{period} 已分配。")
    cash = book.balance(account, CASH).available
    payments, after = waterfall(cash, tranches)
    entries: list[Entry] = []
    rounding = 0
    for t, paid in zip(tranches, payments, strict=True):
        parts, rest = shares(paid.whole, t.holders)
        rounding += rest
        entries += [
            Leg(account, holder, CASH, part, f"waterfall {record.id}/{t.id} {period}")
            for holder, part in parts.items()
            if part
        ]
    if rounding:
        entries.append(Leg(account, "rounding", CASH, rounding, f"waterfall {record.id} {period}"))
    content = {
        **record.content,
        "tranches": [_line(t) for t in after],
        "periods": [*record.content["periods"], period],
        "by": command.by,
    }
    entries.append(RegisterEntry(POOL, record.id, record.version + 1, RUNNING, content))
    told = [
        {"tranche": p.tranche, "interest": str(p.interest), "principal": str(p.principal), "residual": str(p.residual)}
        for p in payments
    ]
    return Decision(entries, {"cash": str(cash), "paid": told, "rounding": str(rounding)})


def _close(book: Book, command: Command) -> Decision:
    record, tranches = _running(book, command)
    if any(t.principal or t.owed for t in tranches) or book.balance(f"{POOL}:{record.id}", CASH).value:
        raise Refused(
            "not_repaid",
            f"the pool {record.id} still owes or holds money.",
            f"资产池 {record.id} 尚有未偿或未分配款项。",
        )
    return Decision(
        [RegisterEntry(POOL, record.id, record.version + 1, "closed", {**record.content, "by": command.by})]
    )
