"""The independent verifier: reads a journal's bytes and proves the eight rules again. It imports nothing of the engine.

Run as `python -m qingshan.ledger.verify JOURNAL`. Standard library only; a stranger may copy this one file. The format is
described in `journal.py`, the rules in market.md section 6. Every fault is reported with the number of its record.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TERMINAL = {"compliance", "retirement", "cancelled"}
NEGATIVE = {"issuance", "outside"}
INT64 = 2**63 - 1
VERSIONS = (1, 2)
"""Formats of records: 2 may hold settlements in columns."""


@dataclass
class Verdict:
    """What was found: faults (rule, record, words), counts, and what the journal adds up to."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    torn_bytes: int = 0
    chain: str = ""
    root: str = ""
    balances: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not self.faults


def verify_journal(raw: bytes) -> Verdict:
    """Verify the bytes of a journal."""
    verdict = Verdict()
    state = _State(verdict)
    leaves = []
    for seq, payload in _read(raw, verdict):
        leaves.append(hashlib.sha256(b"\x00" + payload).digest())
        verdict.records += 1
        try:
            state.record(seq, json.loads(payload))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            state.fault(8, seq, f"the record cannot be read: {error!r}")
    state.end()
    verdict.root = _merkle(leaves).hex()
    verdict.balances = {k: v for k, v in sorted(state.balance.items()) if v}
    return verdict


# ---- bytes ----------------------------------------------------------------------------------------------------------


def _read(raw: bytes, verdict: Verdict) -> Iterator[tuple[int, bytes]]:
    """Records in order. A last group that is not whole counts as torn, anything else as a fault of rule 8."""
    if len(raw) < 40 or raw[:8] != b"QSJRNL" + struct.pack("<H", 1):
        verdict.faults.append({"rule": 8, "record": 0, "what": "the file is no journal of format 1"})
        return
    chain, at, seq = hashlib.sha256(raw[:40]).digest(), 40, 0
    while at < len(raw):
        head = raw[at : at + 24]
        good = len(head) == 24 and head[:4] == b"QSGR" and struct.unpack("<I", head[20:])[0] == zlib.crc32(head[:20])
        first, count, length = struct.unpack("<QII", head[4:20]) if good else (0, 0, 0)
        end = at + 24 + length + 32
        body = raw[at + 24 : end - 32] if good else b""
        after = hashlib.sha256(chain + body).digest()
        if not good or first != seq or end > len(raw) or raw[end - 32 : end] != after:
            if (good and end >= len(raw)) or b"QSGR" not in raw[at + 1 :]:
                verdict.torn_bytes = len(raw) - at
            else:
                verdict.faults.append({"rule": 8, "record": seq, "what": f"the chain is broken at byte {at}"})
            break
        spot, whole = 0, list[bytes]()
        while spot + 6 <= len(body):
            size, version = struct.unpack_from("<IH", body, spot)
            if version not in VERSIONS:
                what = f"format {version} is not known to this verifier"
                verdict.faults.append({"rule": 8, "record": seq + len(whole), "what": what})
            whole.append(body[spot + 6 : spot + 6 + size])
            spot += 6 + size
        if len(whole) != count:
            verdict.faults.append(
                {"rule": 8, "record": seq, "what": f"the group announces {count} records and has {len(whole)}"}
            )
        for payload in whole:
            yield seq, payload
            seq += 1
        chain, at = after, end
    verdict.chain = chain.hex()


def _merkle(leaves: list[bytes]) -> bytes:
    """RFC 6962 tree head, level by level: an odd last node moves up as it is."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


# ---- rules ----------------------------------------------------------------------------------------------------------


class _State:
    """Balances by sums, and each lot as a map from cut points to holders: not how the engine keeps them."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.kind: dict[str, str] = {}
        self.cap: dict[str, int | None] = {}
        self.balance: dict[tuple[str, str], int] = defaultdict(int)
        self.held: dict[tuple[str, str], int] = defaultdict(int)
        self.lots: dict[str, tuple[str, int]] = {}
        self.owner: dict[str, list[tuple[int, int, str, str]]] = {}  # lot -> (start, end, account, hold)
        self.holds: dict[str, list[Any]] = {}
        self.outstanding: dict[str, int] = defaultdict(int)
        self.trades: set[str] = set()
        self.versions: dict[tuple[str, str], int] = {}
        self.keys: dict[str, int] = {}
        self.at = 0

    def fault(self, rule: int, seq: int, what: str) -> None:
        self.verdict.faults.append({"rule": rule, "record": seq, "what": what})

    def record(self, seq: int, line: dict[str, Any]) -> None:
        key = line["command"]["key"]
        if key in self.keys:
            self.fault(8, seq, f"the idempotency key of record {self.keys[key]} is used again")
        self.keys[key] = seq
        if line["at"] < self.at:
            self.fault(8, seq, "time runs backwards")
        self.at = line["at"]
        for e in line["entries"]:
            getattr(self, f"_{e['do']}")(seq, e)
        self._settled(seq, line["entries"])
        for e in line["entries"]:
            for account in {e.get("account"), e.get("debit"), e.get("credit")} - {None}:
                self._nonnegative(seq, account, e.get("asset", ""))

    def _asset(self, seq: int, e: dict[str, Any]) -> None:
        self.cap[e["id"]] = e.get("cap")

    def _account(self, seq: int, e: dict[str, Any]) -> None:
        if e["id"] in self.kind:
            self.fault(8, seq, f"the account {e['id']} is opened twice")
        self.kind[e["id"]] = e["kind"]

    def _lot(self, seq: int, e: dict[str, Any]) -> None:
        id, asset, quantity = e["id"], e["asset"], e["quantity"]
        if id in self.lots:
            self.fault(3, seq, f"the lot {id} is issued twice")
            return
        if not e.get("evidence"):
            self.fault(5, seq, f"the lot {id} has no evidence")
        self.lots[id], self.owner[id] = (asset, quantity), [(0, quantity, e["account"], "")]
        self._post(seq, e["issuance"], e["account"], asset, quantity)
        self.outstanding[asset] += quantity
        self._capped(seq, asset)

    def _leg(self, seq: int, e: dict[str, Any]) -> None:
        debit, credit, asset, quantity = e["debit"], e["credit"], e["asset"], e["quantity"]
        if self.kind.get(debit) in TERMINAL:
            self.fault(4, seq, f"{quantity} of {asset} leave {debit}, from which nothing may move")
        if (self.kind.get(credit) == "compliance") != bool(e.get("obligation")):
            self.fault(7, seq, "a surrender must name its one obligation, and nothing else may")
        if e.get("hold"):
            self._unhold(seq, e["hold"], debit, asset, quantity)
        self._post(seq, debit, credit, asset, quantity)
        if not asset.startswith("cash:"):
            if self.kind.get(debit) == "issuance":
                self.fault(3, seq, f"{quantity} of {asset} come from {debit} without an issue")
            self._ranges(seq, e.get("ranges", []), asset, quantity, (debit, e.get("hold", "")), (credit, ""))
            if self.kind.get(credit) == "cancelled":
                self.outstanding[asset] -= quantity

    def _hold(self, seq: int, e: dict[str, Any]) -> None:
        account, asset, quantity = e["account"], e["asset"], e["quantity"]
        if e["id"] in self.holds or quantity <= 0:
            self.fault(6, seq, f"the hold {e['id']} cannot be made")
            return
        self.holds[e["id"]] = [account, asset, quantity]
        self.held[account, asset] += quantity
        if not asset.startswith("cash:"):
            self._ranges(seq, e.get("ranges", []), asset, quantity, (account, ""), (account, e["id"]))

    def _release(self, seq: int, e: dict[str, Any]) -> None:
        account, asset = e["account"], e["asset"]
        self._unhold(seq, e["id"], account, asset, e["quantity"])
        if not asset.startswith("cash:"):
            self._ranges(seq, e.get("ranges", []), asset, e["quantity"], (account, e["id"]), (account, ""))

    def _trade(self, seq: int, e: dict[str, Any]) -> None:
        if e["id"] in self.trades:
            self.fault(6, seq, f"the trade {e['id']} is settled twice")
        self.trades.add(e["id"])
        price, money = e.get("price"), e.get("money")
        if price is not None:
            whole, rest = divmod(price * e["quantity"], 10**6)
            due = whole + (rest > 500_000 or (rest == 500_000 and whole % 2))
            if money != due:
                self.fault(6, seq, f"the trade {e['id']} has the amount {money}, price times quantity is {due}")

    def _settle(self, seq: int, e: dict[str, Any]) -> None:
        """Trades in columns, one by one; money moves within the accounts' holds, which change by the difference."""
        names, asset, money_asset, at = e["accounts"], e["asset"], e["money_asset"], 0
        columns = [e[k] for k in ("seller", "buyer", "price", "quantity", "money", "parts")]
        if (
            len({len(c) for c in columns}) != 1
            or sum(e["parts"]) != len(e["lot"])
            or any(n < 0 for c in columns for n in c)
        ):
            self.fault(6, seq, "the columns of the settlement do not fit each other")
            return
        change: dict[str, int] = defaultdict(int)
        for n, (s, b, price, quantity, money, parts) in enumerate(zip(*columns, strict=True)):
            seller, buyer = names[s], names[b]
            self._trade(
                seq, {"id": f"{e['mark']}/{e['first'] + n}", "price": price, "quantity": quantity, "money": money}
            )
            ranges = [[e["lots"][e["lot"][i]], e["start"][i], e["end"][i]] for i in range(at, at + parts)]
            at += parts
            if seller == buyer or {self.kind.get(seller), self.kind.get(buyer)} & (TERMINAL | NEGATIVE):
                self.fault(4, seq, f"{seller} and {buyer} cannot settle a trade")
            self._unhold(seq, f"{e['hold']}:{seller}:units", seller, asset, quantity)
            self._post(seq, seller, buyer, asset, quantity)
            self._ranges(seq, ranges, asset, quantity, (seller, f"{e['hold']}:{seller}:units"), (buyer, ""))
            if money:
                self._post(seq, buyer, seller, money_asset, money)
            change[seller] += money
            change[buyer] -= money
        for name, value in change.items():
            id = f"{e['hold']}:{name}:cash"
            if value < 0:
                self._unhold(seq, id, name, money_asset, -value)
            elif value:
                self.holds.setdefault(id, [name, money_asset, 0])[2] += value
                self.held[name, money_asset] += value
        for name in names:
            self._nonnegative(seq, name, asset)
            self._nonnegative(seq, name, money_asset)

    def _lot_status(self, seq: int, e: dict[str, Any]) -> None:
        if e["id"] not in self.lots:
            self.fault(3, seq, f"the lot {e['id']} is not there")

    def _record(self, seq: int, e: dict[str, Any]) -> None:
        key = (e["register"], e["id"])
        if e["version"] != self.versions.get(key, 0) + 1:
            self.fault(8, seq, f"{key[0]}/{key[1]} jumps to version {e['version']}")
        self.versions[key] = e["version"]

    def _settled(self, seq: int, entries: list[dict[str, Any]]) -> None:
        trades = {e["id"]: e for e in entries if e["do"] == "trade"}
        legs: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for e in entries:
            if e["do"] == "leg" and e.get("trade"):
                legs[e["trade"]].append((e["debit"], e["credit"], e["asset"], e["quantity"]))
        for id in sorted(set(legs) | set(trades)):
            t = trades.get(id)
            if t is None:
                self.fault(6, seq, f"legs settle the trade {id}, which is not here")
                continue
            due = [(t["seller"], t["buyer"], t["asset"], t["quantity"])]
            if t.get("money"):
                due.append((t["buyer"], t["seller"], t["money_asset"], t["money"]))
            if sorted(due) != sorted(legs[id]):
                self.fault(6, seq, f"the trade {id} is not settled as agreed")

    # ---- parts of a posting

    def _post(self, seq: int, debit: str, credit: str, asset: str, quantity: int) -> None:
        for account in (debit, credit):
            if account not in self.kind:
                self.fault(1, seq, f"there is no account {account}")
        if not 0 < quantity <= INT64:
            self.fault(1, seq, f"the quantity {quantity} is not allowed")
        self.balance[debit, asset] -= quantity
        self.balance[credit, asset] += quantity

    def _unhold(self, seq: int, id: str, account: str, asset: str, quantity: int) -> None:
        hold = self.holds.get(id)
        if hold is None or hold[:2] != [account, asset] or quantity > hold[2]:
            self.fault(6, seq, f"the hold {id} does not cover {quantity} of {asset} in {account}")
            return
        hold[2] -= quantity
        self.held[account, asset] -= quantity
        if hold[2] == 0:
            del self.holds[id]

    def _ranges(
        self,
        seq: int,
        ranges: list[list[Any]],
        asset: str,
        quantity: int,
        source: tuple[str, str],
        target: tuple[str, str],
    ) -> None:
        if sum(end - start for _, start, end in ranges) != quantity:
            self.fault(3, seq, f"the ranges do not add up to {quantity}")
        for lot, start, end in ranges:
            if lot not in self.lots or self.lots[lot][0] != asset or start >= end:
                self.fault(3, seq, f"there are no units {start} to {end} of {lot} in {asset}")
                continue
            kept, found = [], 0
            for a, b, account, hold in self.owner[lot]:
                low, high = max(a, start), min(b, end)
                if low >= high:
                    kept.append((a, b, account, hold))
                    continue
                if (account, hold) != source:
                    where = f"{account}" + (f" under the hold {hold}" if hold else "")
                    self.fault(
                        3,
                        seq,
                        f"the units {low} to {high} of {lot} overlap: they are in {where}, not free in {source[0]}",
                    )
                found += high - low
                kept += (
                    [(a, low, account, hold)] * (a < low)
                    + [(low, high, *target)]
                    + [(high, b, account, hold)] * (high < b)
                )
            if found != end - start:
                self.fault(3, seq, f"{end - start - found} units of {lot} were never issued")
            self.owner[lot] = _joined(kept)

    def _capped(self, seq: int, asset: str) -> None:
        cap = self.cap.get(asset)
        if cap is not None and self.outstanding[asset] > cap:
            self.fault(5, seq, f"{self.outstanding[asset]} of {asset} exist, the cap is {cap}")

    def _nonnegative(self, seq: int, account: str, asset: str) -> None:
        free = self.balance[account, asset] - self.held[account, asset]
        if free < 0 and self.kind.get(account) not in NEGATIVE:
            self.fault(2, seq, f"{account} has {free} of {asset} available")

    def end(self) -> None:
        """What must hold of the whole: rule 1, rule 3 as lengths against balances, rule 6 as holds against held."""
        last = max(self.verdict.records - 1, 0)
        sums: dict[str, int] = defaultdict(int)
        for (_, asset), value in self.balance.items():
            sums[asset] += value
        for asset, value in sums.items():
            if value:
                self.fault(1, last, f"the balances of {asset} add up to {value}")
        lengths: dict[tuple[str, str], int] = defaultdict(int)
        for lot, parts in self.owner.items():
            for start, end, account, _ in parts:
                lengths[account, self.lots[lot][0]] += end - start
        for (account, asset), value in self.balance.items():
            units = not asset.startswith("cash:") and self.kind.get(account) != "issuance"
            if units and lengths[account, asset] != value:
                self.fault(
                    3, last, f"{account} holds ranges of {lengths[account, asset]} of {asset}, its balance is {value}"
                )
        open_holds: dict[tuple[str, str], int] = defaultdict(int)
        for account, asset, quantity in self.holds.values():
            open_holds[account, asset] += quantity
        for place in set(open_holds) | set(self.held):
            if open_holds[place] != self.held[place]:
                self.fault(
                    6,
                    last,
                    f"{place[0]} has {self.held[place]} of {place[1]} set aside, its holds say {open_holds[place]}",
                )


def _joined(parts: list[tuple[int, int, str, str]]) -> list[tuple[int, int, str, str]]:
    out: list[tuple[int, int, str, str]] = []
    for part in sorted(parts):
        if out and out[-1][1] == part[0] and out[-1][2:] == part[2:]:
            out[-1] = (out[-1][0], part[1], *part[2:])
        else:
            out.append(part)
    return out


def main(arguments: list[str]) -> int:
    """Print the verdict as JSON; exit 0 where sound, 1 where not, 2 where the file cannot be read."""
    if len(arguments) != 1:
        print("usage: python -m qingshan.ledger.verify JOURNAL", file=sys.stderr)
        return 2
    try:
        raw = Path(arguments[0]).read_bytes()
    except OSError as error:
        print(f"{arguments[0]}: {error.strerror}", file=sys.stderr)
        return 2
    v = verify_journal(raw)
    print(json.dumps({"sound": v.sound, "records": v.records, "torn_bytes": v.torn_bytes, "chain": v.chain, "root": v.root, "faults": v.faults[:100]},
                     ensure_ascii=False, indent=1))  # fmt: skip
    return 0 if v.sound else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
