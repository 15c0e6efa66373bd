"""What is not public: accounts, orders, statements, lineage, records, what waits, compliance, logs. Each read is noted before it is answered."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from qingshan.core.errors import UnknownName
from qingshan.faces.access.private import (
    account_told,
    compliance_told,
    fees_told,
    holds_told,
    orders_told,
    proposals_told,
    statement_told,
)
from qingshan.faces.access.registers import entries_told, record_told, register_of
from qingshan.ledger.amounts import MICRO, AmountError, read_decimal
from qingshan.ledger.book import Refused
from qingshan.registers.calendar import day_of
from qingshan.rights.conflicts import conflicts
from qingshan.rights.lineage import lineage

from .public import After, Limit, page
from .schemas import listed, reads_answers
from .visiting import Reader, desk_of

__all__ = ["add_private"]

Account = Annotated[str, Query(min_length=1, max_length=100)]
CODES = (401, 403, 404, 422, 429, 503)


def add_private(router: APIRouter) -> None:
    get = router.get

    @get("/me", tags=["private"], responses=reads_answers({"type": "object"}, 401, 429))
    def me(request: Request, visitor: Reader) -> Response:
        """Who is signed in, with roles, accounts and the token that writes by cookie carry."""
        desk = desk_of(request)
        session = visitor.session
        return JSONResponse(
            {"actor": visitor.actor, "roles": sorted(desk.roles(visitor)), "accounts": desk.own_accounts(visitor) if visitor else [],
             "csrf": session.csrf if session else "", "how": session.how if session else ("bearer" if visitor else "")},
            headers={"Cache-Control": "no-store"},
        )  # fmt: skip

    @get("/account", tags=["private"], responses=reads_answers({"type": "object"}, *CODES))
    def account(request: Request, visitor: Reader, account: Account) -> Response:
        """Balances, serial ranges and what is set aside."""
        desk = desk_of(request)
        desk.read(visitor, "account", account, account)
        return _private(account_told(desk, account))

    @get("/orders", tags=["private"], responses=reads_answers(listed(), *CODES))
    def orders(request: Request, visitor: Reader, account: Account, after: After = "", limit: Limit = 100) -> Response:
        desk = desk_of(request)
        desk.read(visitor, "orders", account, account)
        return page(orders_told(desk, account, after, limit + 1), limit, lambda o: o["id"])

    @get("/statement", tags=["private"], responses=reads_answers({"type": "object"}, *CODES))
    def statement(request: Request, visitor: Reader, account: Account, day: Annotated[date, Query()]) -> Response:
        desk = desk_of(request)
        desk.read(visitor, "statement", f"{account} {day}", account)
        return _private(statement_told(desk, account, day))

    @get("/lineage", tags=["private"], responses=reads_answers({"type": "object"}, *CODES))
    def unit_lineage(request: Request, visitor: Reader, account: Account, lot: Annotated[str, Query(min_length=1, max_length=200)],
                     unit: Annotated[str, Query(pattern=r"^\d{1,12}(\.\d{1,6})?$")]) -> Response:  # fmt: skip
        """From a unit that an account holds down to the readings."""
        desk = desk_of(request)
        desk.read(visitor, "lineage", f"{lot} {unit}", account)
        try:
            number = read_decimal(unit, MICRO, "unit")
        except AmountError as error:
            raise Refused("unit", error.en, error.zh) from None
        with desk.reading() as book:
            shelf = [r for (a, _), ranges in book.shelves.items() if a == account for r in ranges]
            shelf += [r for h in book.holds.values() if h.account == account for r in h.shelf]
            if not any(r.lot == lot and r.start <= number < r.end for r in shelf):
                raise UnknownName(f"{account} does not hold this unit.", f"{account} 不持有该单位。")
            return _private(asdict(lineage(desk.venue, lot, number, desk.history)))

    @get("/proposals", tags=["private"], responses=reads_answers(listed(), *CODES))
    def proposals(request: Request, visitor: Reader) -> Response:
        """What waits for a second person: all of it for staff, else that of the own accounts."""
        desk = desk_of(request)
        if not visitor:
            raise Refused("not_signed_in", "sign in first.", "请先登录。")
        desk.note(visitor, "proposals", "")
        return _private({"items": proposals_told(desk, visitor)})

    _add_records(router)
    _add_oversight(router)


def _add_records(router: APIRouter) -> None:
    get = router.get

    @get("/registers", tags=["registers"], responses=reads_answers(listed(), 429))
    def register_list(request: Request, visitor: Reader) -> Response:
        """Registers as declared: fields, states, steps, deadlines."""
        return JSONResponse(
            {
                "items": [
                    {"id": r.id, "zh": r.zh, "en": r.en, "declaration": dict(r.content)}
                    for r in desk_of(request).registers.values()
                ]
            }
        )

    @get("/records", tags=["registers"], responses=reads_answers(listed(), *CODES))
    def records(
        request: Request, visitor: Reader, register: Account, after: After = "", limit: Limit = 100
    ) -> Response:
        """Records of a register, with the fields that the visitor may read."""
        desk = desk_of(request)
        made = register_of(desk, register)
        found = entries_told(desk, visitor, made, after=after, limit=limit + 1)
        return page(found, limit, lambda r: r["id"])

    @get("/record", tags=["registers"], responses=reads_answers({"type": "object"}, *CODES))
    def record(request: Request, visitor: Reader, register: Account, id: Account) -> Response:
        """A record with its history; ETag is its version."""
        desk = desk_of(request)
        shown = record_told(desk, visitor, register_of(desk, register), id)
        return JSONResponse(shown, headers={"ETag": f'"{shown["version"]}"', "Cache-Control": "no-store"})


def _add_oversight(router: APIRouter) -> None:
    get = router.get

    @get("/holds", tags=["oversight"], responses=reads_answers(listed(), *CODES))
    def holds(request: Request, visitor: Reader, after: After = "", limit: Limit = 100) -> Response:
        """Freezes, pledges and reviews of all accounts."""
        desk = desk_of(request)
        desk.read(visitor, "holds", "*")
        return page(holds_told(desk, after, limit + 1), limit, lambda h: h["id"])

    @get("/compliance", tags=["oversight"], responses=reads_answers(listed(), *CODES))
    def compliance(request: Request, visitor: Reader, after: After = "", limit: Limit = 100) -> Response:
        """What was surrendered by obligation."""
        desk = desk_of(request)
        desk.read(visitor, "compliance", "*")
        return page(compliance_told(desk, after, limit + 1), limit, lambda c: c["obligation"])

    @get("/conflicts", tags=["oversight"], responses=reads_answers(listed(), *CODES))
    def conflict_list(request: Request, visitor: Reader) -> Response:
        desk = desk_of(request)
        desk.read(visitor, "conflicts", "*")
        with desk.reading() as book:
            return _private({"items": [f.record() for f in conflicts(book)]})

    @get("/fees", tags=["oversight"], responses=reads_answers({"type": "object"}, *CODES))
    def fees(request: Request, visitor: Reader, first: date, last: date) -> Response:
        """Fees, remainders of splits and penalties by day."""
        desk = desk_of(request)
        desk.read(visitor, "fees", f"{first} {last}")
        return _private(fees_told(desk, first, last))

    @get("/reads", tags=["oversight"], responses=reads_answers(listed(), *CODES))
    def reads(
        request: Request, visitor: Reader, after: Annotated[int, Query(ge=-1, le=2**53)] = -1, limit: Limit = 100
    ) -> Response:
        """Who read what that is not public."""
        desk = desk_of(request)
        desk.read(visitor, "reads", f"after {after}")
        rows = []
        for row in desk.reads_log.read(after + 1):
            rows.append(asdict(row) | {"day": day_of(row.at).isoformat()})
            if len(rows) > limit:
                break
        return page(rows, limit, lambda r: r["seq"])

    @get("/journal", tags=["oversight"], responses={200: {"description": "the journal's bytes", "content": {"application/octet-stream": {}}},
         **{k: v for k, v in reads_answers({}, *CODES).items() if k != 200}})  # fmt: skip
    def journal(request: Request, visitor: Reader) -> Response:
        """The journal itself, for `qingshan ledger verify`."""
        desk = desk_of(request)
        desk.read(visitor, "journal", f"to record {desk.venue.next}")
        return FileResponse(desk.folder / "journal", media_type="application/octet-stream", filename="journal")


def _private(content: Any) -> Response:
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
