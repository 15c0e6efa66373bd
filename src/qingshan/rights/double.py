"""Double issue: no unit on land and time that already back one (market.md section 6).

A register that counts land once says so with its rule `no_overlap`, and names the registers that count the same benefit: forest tickets and the
claims of other schemes. That rule is held when a record is entered; the issue itself asks again, and also of the records behind the lots that were
issued, whatever state those are in now.
"""

from __future__ import annotations

from collections.abc import Mapping

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import RegisterEntry
from qingshan.registers.declaration import Register
from qingshan.registers.rules import overlaps, refuse_shared_land

from .review import LOTS

__all__ = ["refuse_double_issue"]


def refuse_double_issue(book: Book, source: RegisterEntry, registers: Mapping[str, Register]) -> None:
    """Raises `Refused` where the record to issue from has a lot, or shares land and time with a lot or a claim. A record of a register
    that counts no land (a permit) may back several lots."""
    register = registers.get(source.register)
    rule = register.land_rule if register else None
    if register is None or rule is None:
        return
    counted = {register.id: rule.fields, **{id: fields for id, fields, _ in rule.beside}}
    behind = []
    for issue in book.standing(LOTS, "issued"):
        key = (issue.content.get("register", ""), issue.content.get("record", ""))
        if key == (source.register, source.id):
            raise Refused("issued_before", f"the lot {issue.id} was issued on {source.id}.", f"{source.id} 已签发批次 {issue.id}。",
                          fix="a period is issued once / 一个监测期只签发一次")  # fmt: skip
        if key[0] in counted:
            behind.append((book.records[key], counted[key[0]]))
    refuse_shared_land(register, rule, overlaps(register, rule, book, source.id, source.content["fields"], behind))
