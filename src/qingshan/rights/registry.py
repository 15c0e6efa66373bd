"""The registry's commands: instruments, accounts, issue against evidence, transfer, pledge, freeze, surrender, retirement, conversion,
expiry, cash. Handlers of a ledger venue; each returns the entries to post.

An account bears the id of its holder (a record of the register `rights_holder`); it holds units and cash. The fixed accounts are made by
`rights.found`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta, timezone
from typing import Any

from qingshan.ledger.amounts import units
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Account, Asset, Entry, Hold, Leg, Lot, Ranges, RegisterEntry, Release
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.actors import ACTORS, require_role
from qingshan.registers.calendar import CHINA, day_of
from qingshan.registers.declaration import Register, registers

from .commands import guarded, setting
from .double import refuse_double_issue
from .instruments import Instrument, parse_asset
from .review import barred, issue_record, put_under_review

__all__ = ["CASH", "FIXED", "HOLDERS", "operator_of", "own_id", "records_of", "registry_handlers", "whole"]

CASH = "cash:CNY"
FIXED = {
    "issuance": "issuance", "compliance": "compliance", "retirement": "retirement", "cancelled": "cancelled", "buffer": "buffer",
    "bank": "outside", "fee": "fee", "penalty": "penalty", "rounding": "rounding",
}  # fmt: skip
HOLDERS = "rights_holder"
TARGETS = "transfer_target"
ISSUES = "ticket_project"
OBLIGATIONS = "obligation"


def registry_handlers(zone: timezone = CHINA, known: Mapping[str, Register] | None = None) -> dict[str, Handler]:
    """The handlers by command kind; `known` are the registers that lots are issued from (default: those of the domains)."""
    desk = _Registry(zone, registers() if known is None else known)
    words = (
        "found", "instrument", "account", "issue", "allow", "disallow", "transfer", "pledge", "release", "enforce", "freeze", "unfreeze",
        "surrender", "retire", "cancel", "convert", "expire", "review", "cash_in", "cash_out",
    )  # fmt: skip
    return guarded({f"rights.{w}": getattr(desk, w) for w in words})


def operator_of(book: Book, actor: str, account: str) -> None:
    """Raises `Refused` unless the actor is an operator of the account's holder and the holder's account is open."""
    holder = book.records.get((HOLDERS, account))
    person = book.records.get((ACTORS.id, actor))
    if holder is None or account not in book.accounts:
        raise Refused("unknown_account", f"there is no account {account!r}.", f"没有账户 {account!r}。")
    if holder.state != "open":
        raise Refused("account_closed", f"the account {account} is {holder.state}.", f"账户 {account} 未处于开户状态。")
    if person is None or person.content["fields"]["person"] not in holder.content["fields"]["operators"]:
        raise Refused("not_operator", f"{actor} is no operator of {account}.", f"{actor} 不是账户 {account} 的操作人。")


def records_of(book: Book, register: str) -> list[RegisterEntry]:
    """The records of one register, by id, without going through those of the others."""
    ids = sorted(id for (name, _), there in list(book.in_state.items()) if name == register for id in there)
    return [book.records[register, id] for id in ids]


def whole(body: Mapping[str, Any], name: str, *, low: int = 1) -> int:
    """A whole number of a command's body. Raises `Refused`."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= 2**63 - 1:
        raise Refused(
            name,
            f"{name} must be a whole number from {low}, not {value!r}.",
            f"{name} 须为不小于 {low} 的整数，给的是 {value!r}。",
        )
    return value


def word(body: Mapping[str, Any], name: str) -> str:
    """A text of a command's body. Raises `Refused`."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise Refused(name, f"{name} must be a text of 1 to 200 characters.", f"{name} 须为 1–200 字的文本。")
    return value


def own_id(body: Mapping[str, Any], name: str = "id") -> str:
    """An id that a participant chose; those with a colon are the venue's own. Raises `Refused`."""
    id = word(body, name)
    if ":" in id or "/" in id:
        raise Refused(name, f"{name} {id!r} must not have : or /.", f"{name} {id!r} 不得含 : 或 /。")
    return id


class _Registry:
    def __init__(self, zone: timezone, known: Mapping[str, Register]) -> None:
        self.zone, self.registers = zone, known

    def _day(self, command: Command) -> date:
        return day_of(command.at, self.zone)

    def found(self, book: Book, command: Command) -> Decision:
        accounts = [Account(id, "venue", kind) for id, kind in FIXED.items() if id not in book.accounts]
        return Decision([*([] if CASH in book.assets else [Asset(CASH, "1e-4 元")]), *accounts])

    def instrument(self, book: Book, command: Command) -> Decision:
        """{scheme, subtype, area, source, from, to, cap?, rules, area_zh?, area_en?}: puts an instrument into the catalogue, or changes its cap
        or the names of its area."""
        b = command.body
        try:
            start, end = date.fromisoformat(word(b, "from")), date.fromisoformat(word(b, "to"))
        except ValueError:
            raise Refused("window", "from and to are ISO days.", "起止须为日期。") from None
        made = Instrument(word(b, "scheme"), word(b, "subtype"), word(b, "area"), word(b, "source"), start, end)
        made.check()
        cap = whole(b, "cap", low=0) if b.get("cap") is not None else None
        known = book.records.get(("market", made.asset))
        entries: list[Entry] = [Asset(made.asset, made.unit, cap)]
        names = {k: word(b, k) for k in ("area_zh", "area_en") if k in b}
        if known is None:
            content = {"rules": word(b, "rules"), **names, "by": command.by}
            entries.append(RegisterEntry("market", made.asset, 1, "closed", content))
        elif {**known.content, **names} != known.content:
            changed = {**known.content, **names, "by": command.by}
            entries.append(RegisterEntry("market", made.asset, known.version + 1, known.state, changed))
        return Decision(entries, {"asset": made.asset})

    def account(self, book: Book, command: Command) -> Decision:
        """{holder}: opens the ledger account of a holder whose onboarding is done."""
        holder = word(command.body, "holder")
        record = book.records.get((HOLDERS, holder))
        if record is None or record.state != "open":
            raise Refused("not_onboarded", f"{holder} has not been onboarded.", f"{holder} 尚未完成开户审核。")
        return Decision([Account(holder, holder, "holding")], {"account": holder})

    def issue(self, book: Book, command: Command) -> Decision:
        """{lot, asset, quantity, account, evidence, project | (register, record)?}: a ticket stands on a verified project and at most its
        verified tonnes; any other right may name the record it was determined on."""
        b = command.body
        asset, quantity, lot = word(b, "asset"), whole(b, "quantity"), word(b, "lot")
        instrument = parse_asset(asset)
        instrument.check()
        evidence = word(b, "evidence")
        if len(evidence) != 64 or set(evidence) - set("0123456789abcdef"):
            raise Refused(
                "no_evidence", "evidence is the sha-256 of the verification report.", "证据须为核查报告的 sha-256。"
            )
        entries: list[Entry] = [Lot(lot, asset, quantity, word(b, "account"), "issuance", evidence)]
        source = None
        if instrument.scheme == "ticket":
            source = self._from_project(book, command, lot, quantity, evidence)
            entries.append(source)
        elif "record" in b:
            source = book.records.get((word(b, "register"), word(b, "record")))
            if source is None:
                raise Refused(
                    "unknown_record",
                    f"there is no {b['record']!r} in {b['register']}.",
                    f"{b['register']} 中没有 {b['record']!r}。",
                )
            refuse_double_issue(book, source, self.registers)
        entries.append(issue_record(lot, b["account"], evidence, command.by, source=source))
        return Decision(entries, {"lot": lot, "asset": asset, "quantity": str(quantity)})

    def _from_project(self, book: Book, command: Command, lot: str, quantity: int, evidence: str) -> RegisterEntry:
        """The project's record, marked as issued. Raises `Refused`."""
        id = word(command.body, "project")
        project = book.records.get((ISSUES, id))
        if project is None or project.state != "verified":
            raise Refused("not_verified", f"the project {id} is not verified.", f"项目 {id} 尚未通过核查。")
        if project.content.get("evidence", {}).get("verification_report") != evidence:
            raise Refused(
                "evidence", "the evidence is not the project's verification report.", "证据与项目的核查报告不符。"
            )
        name, refusals = barred(book, project)
        if refusals:
            parts = [r.partition(" / ") for r in refusals]
            raise Refused("barred", f"the dossier {name} gives no unit: {'; '.join(p[0] for p in parts)}.",
                          f"案卷 {name} 不能签发：{'；'.join(p[2] or p[0] for p in parts)}。",
                          fix="fill what is open and make the dossier again / 补齐待补项后重新生成案卷")  # fmt: skip
        whole_part, _, part = project.content["fields"]["verified"].partition(".")
        if quantity > int(whole_part) * 10**6 + int((part + "000000")[:6]):
            raise Refused(
                "more_than_verified",
                f"more than the verified {project.content['fields']['verified']} t.",
                f"超过核查量 {project.content['fields']['verified']} t。",
            )
        refuse_double_issue(book, project, self.registers)
        content = {**project.content, "lot": lot, "since": self._day(command).isoformat(), "by": command.by}
        return RegisterEntry(ISSUES, id, project.version + 1, "issued", content)

    def _free(self, book: Book, account: str, asset: str, quantity: int, ranges: Any, day: int | None = None) -> Ranges:
        """The ranges asked for, else the oldest."""
        if ranges is None:
            return book.pick(account, asset, quantity, day=day)
        try:
            return tuple((str(lot), int(start), int(end)) for lot, start, end in ranges)
        except (TypeError, ValueError):
            raise Refused("ranges", "ranges are [lot, start, end].", "区间须为 [批次, 起, 止]。") from None

    def allow(self, book: Book, command: Command) -> Decision:
        """{account, target}: puts an account on the whitelist; transfers to it begin after the cooling-off."""
        account, target = word(command.body, "account"), word(command.body, "target")
        operator_of(book, command.by, account)
        if target not in book.accounts or book.accounts[target].kind != "holding" or target == account:
            raise Refused("unknown_account", f"there is no other account {target!r}.", f"没有其他账户 {target!r}。")
        if target in self._targets(book, account):
            raise Refused("duplicate", f"{target} is on the whitelist.", f"{target} 已在白名单中。")
        known = book.records.get((TARGETS, f"{account}>{target}"))
        content = {"since": self._day(command).isoformat(), "by": command.by}
        entry = RegisterEntry(TARGETS, f"{account}>{target}", known.version + 1 if known else 1, "allowed", content)
        return Decision([entry], {"from_day": self._cooled(content["since"]).isoformat()})

    def disallow(self, book: Book, command: Command) -> Decision:
        """{account, target}: takes an account off the whitelist at once."""
        account, target = word(command.body, "account"), word(command.body, "target")
        operator_of(book, command.by, account)
        if target not in self._targets(book, account):
            raise Refused("not_listed", f"{target} is not on the whitelist.", f"{target} 不在白名单中。")
        known = book.records.get((TARGETS, f"{account}>{target}"))
        entry = RegisterEntry(
            TARGETS, f"{account}>{target}", known.version + 1 if known else 1, "removed", {"by": command.by}
        )
        return Decision([entry])

    def _targets(self, book: Book, account: str) -> dict[str, str]:
        """Accounts on the whitelist -> the day they came there: with the onboarding, or by `allow`."""
        holder = book.records[HOLDERS, account].content
        listed = dict.fromkeys(holder["fields"].get("transfer_whitelist", []), holder["since"])
        for (register, id), record in book.records.items():
            if register == TARGETS and id.startswith(f"{account}>"):
                target = id.partition(">")[2]
                listed.pop(target, None)
                if record.state == "allowed":
                    listed[target] = record.content["since"]
        return listed

    def _cooled(self, since: str) -> date:
        return date.fromisoformat(since) + timedelta(days=setting("transfer_cooling_days"))

    def transfer(self, book: Book, command: Command) -> Decision:
        """{from, to, asset, quantity, ranges?}: without a price, to an account on the giver's whitelist whose cooling-off is over."""
        b = command.body
        source, target, asset, quantity = word(b, "from"), word(b, "to"), word(b, "asset"), whole(b, "quantity")
        operator_of(book, command.by, source)
        since = self._targets(book, source).get(target)
        if since is None:
            raise Refused(
                "not_listed",
                f"{target} is not on the whitelist of {source}.",
                f"{target} 不在 {source} 的划转白名单中。",
                fix="rights.allow, then wait for the cooling-off / 先用 rights.allow 增加，并等冷静期满",
            )
        if self._day(command) < (free := self._cooled(since)):
            raise Refused("cooling_off", f"transfers to {target} begin on {free}.", f"{free} 起方可划转给 {target}。")
        self._good(asset, command)
        ranges = self._free(book, source, asset, quantity, b.get("ranges"))
        return Decision([Leg(source, target, asset, quantity, "transfer", ranges)])

    def pledge(self, book: Book, command: Command) -> Decision:
        """{id, account, asset, quantity, creditor, ranges?}."""
        b = command.body
        account, asset, quantity = word(b, "account"), word(b, "asset"), whole(b, "quantity")
        operator_of(book, command.by, account)
        self._good(asset, command)
        creditor = word(b, "creditor")
        if creditor not in book.accounts:
            raise Refused("unknown_account", f"there is no account {creditor!r}.", f"没有账户 {creditor!r}。")
        ranges = self._free(book, account, asset, quantity, b.get("ranges"))
        return Decision([Hold(own_id(b), account, asset, quantity, "pledge", ranges, creditor)])

    def release(self, book: Book, command: Command) -> Decision:
        """{id}: the creditor, or the registry on his order, gives a pledge back."""
        hold = self._hold(book, command, "pledge")
        if any(command.body["id"] in pool.content["pledges"] for pool in book.standing("pool", "running")):
            raise Refused("in_pool", "the pledge is in a running pool.", "该质押在运行中的资产池内。")
        if hold.ref in book.accounts and (HOLDERS, hold.ref) in book.records:
            operator_of(book, command.by, hold.ref)
        else:
            require_role(book, command.by, ("registry",))
        return Decision([self._released(book, command)])

    def enforce(self, book: Book, command: Command) -> Decision:
        """{id, order}: pledged units go to the creditor, on a document."""
        hold = self._hold(book, command, "pledge")
        word(command.body, "order")
        id = command.body["id"]
        ranges = () if hold.asset.startswith("cash:") else book.pick("", hold.asset, hold.quantity, hold=id)
        return Decision([Leg(hold.account, hold.ref, hold.asset, hold.quantity, "pledge_enforced", ranges, hold=id)])

    def freeze(self, book: Book, command: Command) -> Decision:
        """{id, account, asset, quantity, order, until}: on a document with an end."""
        b = command.body
        account, asset, quantity = word(b, "account"), word(b, "asset"), whole(b, "quantity")
        ref = f"{word(b, 'order')} until {date.fromisoformat(word(b, 'until')).isoformat()}"
        ranges = () if asset.startswith("cash:") else self._free(book, account, asset, quantity, b.get("ranges"))
        return Decision([Hold(own_id(b), account, asset, quantity, "freeze", ranges, ref)])

    def unfreeze(self, book: Book, command: Command) -> Decision:
        self._hold(book, command, "freeze")
        return Decision([self._released(book, command)])

    def _hold(self, book: Book, command: Command, reason: str) -> Any:
        hold = book.holds.get(word(command.body, "id"))
        if hold is None or hold.reason != reason:
            raise Refused(
                "unknown_hold",
                f"there is no {reason} {command.body['id']!r}.",
                f"没有 {command.body['id']!r} 这项冻结。",
            )
        return hold

    def _released(self, book: Book, command: Command) -> Release:
        id = command.body["id"]
        hold = book.holds[id]
        ranges = () if hold.asset.startswith("cash:") else book.pick("", hold.asset, hold.quantity, hold=id)
        return Release(id, hold.account, hold.asset, hold.quantity, ranges)

    def surrender(self, book: Book, command: Command) -> Decision:
        """{account, asset, quantity, obligation}: an approver gives up units for one obligation of the register."""
        b = command.body
        account, asset, quantity = word(b, "account"), word(b, "asset"), whole(b, "quantity")
        operator_of(book, command.by, account)
        self._good(asset, command)
        if (OBLIGATIONS, word(b, "obligation")) not in book.records:
            raise Refused("unknown_obligation", f"there is no obligation {b['obligation']!r} in the register.", f"登记簿中没有清缴义务 {b['obligation']!r}。",
                          fix="the registry enters what is owed first / 先由登记机构核定清缴义务")  # fmt: skip
        ranges = self._free(book, account, asset, quantity, b.get("ranges"))
        return Decision(
            [Leg(account, "compliance", asset, quantity, "surrender", ranges, obligation=word(b, "obligation"))]
        )

    def retire(self, book: Book, command: Command) -> Decision:
        """{account, asset, quantity, reason}."""
        b = command.body
        account, asset, quantity = word(b, "account"), word(b, "asset"), whole(b, "quantity")
        operator_of(book, command.by, account)
        self._good(asset, command)
        ranges = self._free(book, account, asset, quantity, b.get("ranges"))
        return Decision([Leg(account, "retirement", asset, quantity, word(b, "reason"), ranges)])

    def cancel(self, book: Book, command: Command) -> Decision:
        """{account, asset, quantity, order, ranges?}: the registry cancels on a document."""
        b = command.body
        account, asset, quantity = word(b, "account"), word(b, "asset"), whole(b, "quantity")
        word(b, "order")
        ranges = self._free(book, account, asset, quantity, b.get("ranges"))
        return Decision([Leg(account, "cancelled", asset, quantity, "cancelled", ranges)])

    def convert(self, book: Book, command: Command) -> Decision:
        """{account, burn, burn_quantity, mint, lot, ratio, rules, evidence}: `ratio` old units make one new; the rest stays."""
        b = command.body
        account, burn, mint = word(b, "account"), word(b, "burn"), word(b, "mint")
        quantity, ratio = whole(b, "burn_quantity"), whole(b, "ratio")
        self._good(burn, command)
        parse_asset(mint).check()
        if parse_asset(mint).scheme != parse_asset(burn).scheme:
            raise Refused(
                "scheme", f"{burn} is converted within its own scheme only.", f"{burn} 只能在同一权种内折算。"
            )
        if quantity % ratio:
            raise Refused(
                "ratio",
                f"{units(quantity)} is no multiple of the ratio {ratio}.",
                f"{units(quantity)} 不是比例 {ratio} 的整数倍。",
            )
        ranges = self._free(book, account, burn, quantity, b.get("ranges"))
        return Decision([
            Leg(account, "cancelled", burn, quantity, f"converted under {word(b, 'rules')}", ranges),
            Lot(word(b, "lot"), mint, quantity // ratio, account, "issuance", word(b, "evidence")),
            issue_record(b["lot"], account, b["evidence"], command.by, burnt=ranges),
        ])  # fmt: skip

    def expire(self, book: Book, command: Command) -> Decision:
        """{asset, account}: after its window an asset's units go to `cancelled`; those set aside must be freed first."""
        asset, account = word(command.body, "asset"), word(command.body, "account")
        if self._day(command) < parse_asset(asset).end:
            raise Refused(
                "not_expired",
                f"{asset} is good until {parse_asset(asset).end}.",
                f"{asset} 有效至 {parse_asset(asset).end}。",
            )
        balance = book.balance(account, asset)
        if not balance.available or balance.held:
            raise Refused(
                "nothing_to_expire",
                f"{account} has {units(balance.available)} free and {units(balance.held)} set aside.",
                f"{account} 可用 {units(balance.available)}，冻结 {units(balance.held)}。",
            )
        return Decision(
            [
                Leg(
                    account,
                    "cancelled",
                    asset,
                    balance.available,
                    "expired",
                    book.pick(account, asset, balance.available),
                )
            ]
        )

    def review(self, book: Book, command: Command) -> Decision:
        """{lot, because}: a corrected reading puts a lot under review; its unsold units are set aside, sold ones raise a claim on the buffer."""
        b = command.body
        found = put_under_review(book, word(b, "lot"), word(b, "because"), command.at, command.by)
        answer = {"held": str(found.held), "held_before": str(found.held_before), "claim": str(found.claim)}
        return Decision(found.entries, answer)

    def cash_in(self, book: Book, command: Command) -> Decision:
        """{account, money, statement}: the bank reports a payment."""
        b = command.body
        return Decision([Leg("bank", word(b, "account"), CASH, whole(b, "money"), f"paid in, {word(b, 'statement')}")])

    def cash_out(self, book: Book, command: Command) -> Decision:
        b = command.body
        return Decision([Leg(word(b, "account"), "bank", CASH, whole(b, "money"), f"paid out, {word(b, 'statement')}")])

    def _good(self, asset: str, command: Command) -> None:
        if not asset.startswith("cash:") and self._day(command) >= parse_asset(asset).end:
            raise Refused(
                "expired",
                f"{asset} was good until {parse_asset(asset).end}.",
                f"{asset} 已于 {parse_asset(asset).end} 到期。",
            )
