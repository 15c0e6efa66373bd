"""Obligations on the ledger: surrender against one, settle it, fine what is short. Handlers of a ledger venue.

    rights.surrender   {account, asset, quantity, obligation}     own units the oldest vintage first, offsets up to the cap
    rights.settle      {obligation}                               met, or short once the deadline has passed
    rights.penalty     {obligation, window, turnover, volume, multiple, order}   by the rule set's window and multiples
    rights.fine        {obligation}                               the bank takes the fine from the holder's cash

What is owed stands in the register `obligation`. A rule that is open refuses by its document. The turnover of the window comes with the decision; where
`prices` gives that of the journal, another one is refused. `recomputed` tells the same afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from fractions import Fraction
from typing import Any

from qingshan.ledger.amounts import MICRO, YUAN, decimal_text, read_decimal, units
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Leg, RegisterEntry
from qingshan.ledger.venue import Command, Decision, Handler, Venue
from qingshan.registers.calendar import CHINA, day_of

from .commands import Guarded, guarded
from .compliance import carry_over, check_surrender, offset_limit
from .feed import trades
from .instruments import parse_asset
from .registry import CASH, OBLIGATIONS, registry_handlers, whole, word
from .rulesets import RuleSet, RuleSets

__all__ = [
    "OBLIGATIONS",
    "Standing",
    "borrowing_allowed",
    "carried_over",
    "obligation_handlers",
    "offsets_allowed",
    "own_assets",
    "price_windows",
    "recomputed",
    "standing_of",
    "traded_in",
]

OPEN = ("determined", "short", "penalised")
MULTIPLE = 10_000


@dataclass(frozen=True)
class Standing:
    """How an obligation stands, in micro-units."""

    owed: int
    own: int
    offsets: int

    @property
    def missing(self) -> int:
        return self.owed - self.own - self.offsets


def standing_of(record: RegisterEntry) -> Standing:
    fields, c = record.content["fields"], record.content
    return Standing(read_decimal(fields["verified"], MICRO, "verified"), c.get("own", 0), c.get("offsets", 0))


def own_assets(book: Book, asset: str, rules: RuleSet) -> list[str]:
    """Instruments that count as own units for one that is owed: the same scheme, kind and area, the oldest vintage first."""
    owed = parse_asset(asset)
    found = [
        a for a in book.assets if not a.startswith("cash:") and _same(parse_asset(a), owed) and not _offset(a, rules)
    ]
    return sorted(found, key=lambda a: (parse_asset(a).start, a))


def _same(one: Any, other: Any) -> bool:
    return (one.scheme, one.subtype, one.area) == (other.scheme, other.subtype, other.area)


def _offset(asset: str, rules: RuleSet) -> bool:
    i = parse_asset(asset)
    return bool({i.scheme, f"{i.scheme}:{i.source}"} & set(rules["offsets"] if rules.has("offsets") else ()))


Prices = Callable[[str, date], Mapping[str, tuple[int, int]]]
"""Instrument and deadline -> turnover and volume of each window, as `price_windows` gives them; empty while the journal is read again."""


def obligation_handlers(rules: RuleSets, zone: timezone = CHINA, prices: Prices | None = None) -> dict[str, Handler]:
    """The handlers by command kind; `rights.surrender` in place of the registry's. A window is over when a penalty is decided, so `prices` gives
    the same in every replay."""
    plain = registry_handlers(zone)["rights.surrender"]
    assert isinstance(plain, Guarded)
    desk = _Desk(rules, zone, plain.handler, prices)
    return guarded({f"rights.{w}": getattr(desk, w) for w in ("surrender", "settle", "penalty", "fine")})


@dataclass(frozen=True)
class _Desk:
    sets: RuleSets
    zone: timezone
    plain: Handler
    prices: Prices | None

    def surrender(self, book: Book, command: Command) -> Decision:
        """Units for one obligation of the register, within what it allows."""
        decided = self.plain(book, command)
        record = book.records[OBLIGATIONS, command.body["obligation"]]
        rules = self._rules(record, command)
        more = self._counted(book, command, record, rules)
        after = self._next(record, record.state, more, command)
        return Decision(
            [*decided.entries, after],
            {"obligation": record.id, **{k: str(v) for k, v in more.items() if isinstance(v, int)}},
            rules.mark,
        )

    def _counted(self, book: Book, command: Command, record: RegisterEntry, rules: RuleSet) -> dict[str, Any]:
        """What the obligation's record says after the surrender. Raises `Refused`, `MissingParameter` for an open rule."""
        b, fields, now = command.body, record.content["fields"], standing_of(record)
        asset, quantity = word(b, "asset"), whole(b, "quantity")
        if record.state not in OPEN:
            raise Refused(
                "wrong_state", f"{record.id} is {record.state}.", f"{record.id} 处于 {record.state} 状态，不能清缴。"
            )
        if b["account"] != fields["holder"]:
            raise Refused(
                "other_holder",
                f"{record.id} is owed by {fields['holder']}.",
                f"{record.id} 的义务人是 {fields['holder']}。",
            )
        instrument = parse_asset(asset)
        if instrument.unit != parse_asset(fields["asset"]).unit:
            raise Refused(
                "wrong_instrument", f"{asset} is in another unit than what is owed.", f"{asset} 的单位与应缴标的不同。"
            )
        own = own_assets(book, fields["asset"], rules)
        if asset not in own and not _offset(asset, rules):
            raise Refused(
                "wrong_instrument",
                f"{asset} does not count for {fields['asset']}.",
                f"{asset} 不能用于清缴 {fields['asset']}。",
            )
        borrowed = record.content.get("borrowed", 0)
        if asset in own and instrument.start.year > fields["year"]:  # units of a later period
            borrowed += quantity
            if borrowed > (most := borrowing_allowed(record, rules)):
                raise Refused(
                    "borrowing_cap",
                    f"at most {units(most)} of later periods count for {record.id}.",
                    f"{record.id} 至多可预支 {units(most)}。",
                )
        if asset in own and (older := self._older(book, b["account"], own[: own.index(asset)], command)):
            raise Refused("older_first", f"{older} is older and comes first.", f"{older} 年份更早，应先清缴。")
        is_own = asset in own
        after = Standing(now.owed, now.own + quantity * is_own, now.offsets + quantity * (not is_own))
        check_surrender(after.owed, after.own, after.offsets, rules["offset_cap"] if after.offsets else 0)
        given = dict(record.content.get("surrendered", {}))
        given[asset] = given.get(asset, 0) + quantity
        return {
            "own": after.own,
            "offsets": after.offsets,
            "surrendered": given,
            **({"borrowed": borrowed} if borrowed else {}),
        }

    def _older(self, book: Book, account: str, assets: list[str], command: Command) -> str:
        today = day_of(command.at, self.zone)
        return next((a for a in assets if parse_asset(a).end > today and book.balance(account, a).available), "")

    def settle(self, book: Book, command: Command) -> Decision:
        """{obligation}: met where all is surrendered; short once the deadline has passed."""
        record, now = self._open(book, command, OPEN)
        rules = self._rules(record, command)
        today, deadline = day_of(command.at, self.zone), date.fromisoformat(record.content["fields"]["deadline"])
        if now.missing and (record.state != "determined" or today <= deadline):
            raise Refused("still_short", f"{units(now.missing)} are missing; the deadline is {deadline}.",
                          f"尚缺 {units(now.missing)}，清缴期限为 {deadline}。", fix="surrender the rest first / 先清缴余量")  # fmt: skip
        state = "short" if now.missing else "settled"
        more = {"missing": now.missing, "settled_on": today.isoformat()}
        return Decision(
            [self._next(record, state, more, command)], {"state": state, "missing": str(now.missing)}, rules.mark
        )

    def penalty(self, book: Book, command: Command) -> Decision:
        """The fine on what is short: missing units x mean price of the window x a multiple that the rule allows."""
        record, now = self._open(book, command, ("short",))
        rules, b = self._rules(record, command), command.body
        window, multiple = word(b, "window"), whole(b, "multiple")
        if window != (chosen := rules["penalty_window"]):
            raise Refused("window", f"the rule set's window is {chosen}.", f"规则集的价格窗口为 {chosen}。")
        low, high = rules["fine_multiples"]
        if not low * MULTIPLE <= multiple <= high * MULTIPLE:
            raise Refused("multiple", f"the multiple is {low} to {high}.", f"倍数为 {low}–{high}。")
        turnover, volume = whole(b, "turnover"), whole(b, "volume")
        self._check_prices(record, window, (turnover, volume))
        fine = round(Fraction(now.missing, MICRO) * Fraction(turnover * MICRO, volume) * Fraction(multiple, MULTIPLE))
        more = {"fine": fine, "multiple": multiple, "window": window, "turnover": turnover, "volume": volume, "order": word(b, "order"),
                "cut_on_refusal": now.missing}  # fmt: skip
        return Decision([self._next(record, "penalised", more, command)], {"fine": str(fine)}, rules.mark)

    def _check_prices(self, record: RegisterEntry, window: str, given: tuple[int, int]) -> None:
        fields = record.content["fields"]
        found = self.prices(fields["asset"], date.fromisoformat(fields["deadline"])) if self.prices else {}
        if found and found[window] != given:
            turnover, volume = decimal_text(found[window][0], YUAN), decimal_text(found[window][1], MICRO)
            raise Refused("turnover", f"the journal has {turnover} yuan and {volume} {fields['unit']} in the window {window}.",
                          f"账本中窗口 {window} 的成交额为 {turnover} 元、成交量为 {volume} {fields['unit']}。",
                          fix="give these; without trades there is no mean price / 请按账本填写，无成交则没有均价")  # fmt: skip

    def fine(self, book: Book, command: Command) -> Decision:
        """{obligation}: from the holder's cash to the account of penalties, once."""
        record, _ = self._open(book, command, ("penalised", "settled", "cut"))
        c = record.content
        if not c.get("fine") or c.get("paid"):
            raise Refused("no_fine", f"{record.id} has no fine to pay.", f"{record.id} 没有待缴罚款。")
        holder = c["fields"]["holder"]
        return Decision(
            [
                Leg(holder, "penalty", CASH, c["fine"], f"fine, {record.id}"),
                self._next(record, record.state, {"paid": c["fine"]}, command),
            ]
        )

    def _open(self, book: Book, command: Command, states: tuple[str, ...]) -> tuple[RegisterEntry, Standing]:
        id = word(command.body, "obligation")
        record = book.records.get((OBLIGATIONS, id))
        if record is None:
            raise Refused("unknown_obligation", f"there is no obligation {id!r}.", f"没有清缴义务 {id!r}。")
        if record.state not in states:
            raise Refused("wrong_state", f"{id} is {record.state}.", f"{id} 处于 {record.state} 状态。")
        return record, standing_of(record)

    def _rules(self, record: RegisterEntry, command: Command) -> RuleSet:
        return self.sets.on(record.content["fields"]["rules"], day_of(command.at, self.zone))

    def _next(self, record: RegisterEntry, state: str, more: Mapping[str, Any], command: Command) -> RegisterEntry:
        kept = {k: v for k, v in record.content.items() if k != "note"} | dict(more) | {"by": command.by}
        if state != record.state:
            kept["since"] = day_of(command.at, self.zone).isoformat()
        return RegisterEntry(OBLIGATIONS, record.id, record.version + 1, state, kept)


# ---- prices ----------------------------------------------------------------------------------------------------------


def _spans(deadline: date) -> Iterator[tuple[str, date, date]]:
    this = deadline.replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    yield "month", this, deadline
    yield "before", before, this - timedelta(days=1)
    yield "rolling", deadline - timedelta(days=30), deadline - timedelta(days=1)


Traded = Callable[[str, date, date], tuple[int, int, int, int]]
"""Instrument, first and last day -> turnover (1e-4 yuan) and volume (micro-units) of its priced trades, then of the listed ones."""


def traded_in(venue: Venue) -> Traded:
    """What the journal of a venue says was traded, read anew at every question; `Running.traded` has the same at hand."""

    def traded(asset: str, first: date, last: date) -> tuple[int, int, int, int]:
        every = [t for t in trades(venue) if t.asset == asset and t.money is not None and first <= day_of(t.at) <= last]
        listed = [t for t in every if t.way == "listed"]
        return (sum(t.money or 0 for t in every), sum(t.quantity for t in every),
                sum(t.money or 0 for t in listed), sum(t.quantity for t in listed))  # fmt: skip

    return traded


def price_windows(traded: Traded, asset: str, deadline: date) -> dict[str, tuple[int, int]]:
    """Turnover (1e-4 yuan) and volume (micro-units) in each candidate for "清缴时限前1个月": the deadline's calendar month, the one before, the rolling
    month; all trades or listed ones only."""
    found = {}
    for name, first, last in _spans(deadline):
        money, quantity, listed_money, listed = traded(asset, first, last)
        found[f"{name}_all"], found[f"{name}_listed"] = (money, quantity), (listed_money, listed)
    return found


def recomputed(traded: Traded, record: RegisterEntry) -> bool:
    """Whether the turnover that a penalty was decided on is that of the trades."""
    c = record.content
    found = price_windows(traded, c["fields"]["asset"], date.fromisoformat(c["fields"]["deadline"]))
    return found.get(c["window"]) == (c["turnover"], c["volume"])


def offsets_allowed(record: RegisterEntry, rules: RuleSet) -> int:
    """Most offsets for an obligation. Raises `MissingParameter` while the cap is open."""
    return offset_limit(standing_of(record).owed, rules["offset_cap"])


def borrowing_allowed(record: RegisterEntry, rules: RuleSet) -> int:
    """Most units of later periods for an obligation: the rule's share of it, floored to whole units; what was taken stands in the record as
    `borrowed`. Raises `MissingParameter` while the rule is open."""
    return offset_limit(standing_of(record).owed, rules["borrowing"])


Sold = Callable[[str, Sequence[str], date, date], int]
"""Account, instruments, first and last day -> units sold less units bought in trades, as `Running.net_sales` gives it."""


def carried_over(book: Book, record: RegisterEntry, rules: RuleSet, sold: Sold) -> int:
    """Units that may be carried over once the obligation is met: min(base + multiple x net sales in the window, what is left).

    Raises `MissingParameter` naming the document while base, multiple or window is open, or what negative net sales mean where they are.
    """
    fields = record.content["fields"]
    base, multiple = rules["carry_over_base"], Fraction(rules["carry_over_multiple"], 100)
    first, last = (date.fromisoformat(day) for day in rules["carry_over_window"].split("/"))
    own = own_assets(book, fields["asset"], rules)
    net = sold(fields["holder"], own, first, last)
    floor = rules["net_sales_floor"] == "none" if net < 0 else None
    held = sum(book.balance(fields["holder"], a).available for a in own)
    left = max(0, held - standing_of(record).missing)
    return carry_over(base, net, left, multiple=multiple, floor_negative=floor)
