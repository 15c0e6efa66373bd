"""What anyone may read: instruments, markets, trades, days, lots, statistics, rules, signed roots and proofs. Nobody is named."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from qingshan.core.errors import UnknownName
from qingshan.faces.access.desk import Desk
from qingshan.faces.access.disclosed import units
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.signing import SignedRoot, consistency_proof, inclusion_proof
from qingshan.registers.calendar import day_of
from qingshan.rights.instruments import parse_asset, schemes
from qingshan.rights.lineage import public_summary
from qingshan.rights.rulesets import RuleSet
from qingshan.rights.tape import Strip

from .problems import problem
from .schemas import listed, reads_answers
from .visiting import Reader, desk_of

__all__ = ["After", "Asset", "Limit", "add_public", "page", "rules_told", "statistics_told"]

Asset = Annotated[str, Query(min_length=1, max_length=200, description="the instrument")]
After = Annotated[str, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
Day = Annotated[date, Query()]
MOST_DAYS = 366


def page(items: list[Any], limit: int, key: Any) -> Response:
    """One more than the page was read: then there is a next one, named by the key of the last item shown."""
    content: dict[str, Any] = {"items": items[:limit]}
    if len(items) > limit:
        content["next"] = str(key(items[limit - 1]))
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def add_public(router: APIRouter) -> None:
    """What anybody may read: markets and their feed, what was issued and by which rules, the proofs."""
    _add_markets(router)
    _add_disclosures(router)
    _add_proofs(router)


def _add_markets(router: APIRouter) -> None:
    get = router.get

    @get("/schemes", tags=["public"], responses=reads_answers(listed(), 429))
    def scheme_list(visitor: Reader) -> Response:
        """Kinds of rights, with those that may not be issued here and the clause."""
        return JSONResponse({"items": [asdict(s) for s in schemes().values()]})

    @get("/markets", tags=["public"], responses=reads_answers(listed(), 422, 429))
    def market_list(request: Request, visitor: Reader, after: After = "", limit: Limit = 100) -> Response:
        desk = desk_of(request)
        with desk.reading():
            found = [_market(desk, a) for a in islice(sorted(a for a in desk.tape.strips if a > after), limit + 1)]
        return page(found, limit, lambda m: m["asset"])

    @get("/market", tags=["public"], responses=reads_answers({"type": "object"}, 404, 422, 429))
    def market(request: Request, visitor: Reader, asset: Asset) -> Response:
        """The picture of a market that the feed's messages go on from."""
        desk = desk_of(request)
        with desk.reading():
            found = strip_of(desk, asset).picture() | _market(desk, asset)
        etag = f'"{found["number"]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return JSONResponse(found, headers={"ETag": etag, "Cache-Control": "no-cache"})

    @get("/messages", tags=["public"], responses=reads_answers(listed(), 404, 410, 422, 429))
    def messages(
        request: Request,
        visitor: Reader,
        asset: Asset,
        after: Annotated[int, Query(ge=0, le=2**53)],
        limit: Limit = 500,
    ) -> Response:
        """The feed's messages after a number: what a reader who missed some asks for. 410: take a new picture."""
        desk = desk_of(request)
        with desk.reading():
            found = strip_of(desk, asset).after(after)
        if found is None:
            return problem(
                410,
                "gone",
                "the messages are no longer kept; take a new picture.",
                "这些消息已不再保留，请重新获取快照。",
            )
        return page([m.written() for m in found[: limit + 1]], limit, lambda m: m["number"])

    @get("/trades", tags=["public"], responses=reads_answers(listed(), 404, 422, 429))
    def trade_list(request: Request, visitor: Reader, asset: Asset) -> Response:
        """The newest trades of a market, the newest first."""
        desk = desk_of(request)
        with desk.reading():
            rows = list(strip_of(desk, asset).trades)
        return JSONResponse({"items": [
            {"record": r, "at": at, "way": w, "price": None if p is None else decimal_text(p, YUAN), "quantity": decimal_text(q, MICRO)}
            for r, at, w, p, q in reversed(rows)
        ]})  # fmt: skip

    @get("/candles", tags=["public"], responses=reads_answers(listed(), 404, 422, 429))
    def candle_list(request: Request, visitor: Reader, asset: Asset, after: After = "", limit: Limit = 250) -> Response:
        desk = desk_of(request)
        with desk.reading():
            rows = [c for day, c in sorted(strip_of(desk, asset).candles.items()) if day.isoformat() > after][
                : limit + 1
            ]
        items = [{"day": c.day.isoformat(), **{k: decimal_text(getattr(c, k), YUAN) for k in ("open", "high", "low", "last")},
                  "volume": decimal_text(c.volume, MICRO)} for c in rows]  # fmt: skip
        return page(items, limit, lambda c: c["day"])


def _add_disclosures(router: APIRouter) -> None:
    get = router.get

    @get("/lots", tags=["public"], responses=reads_answers(listed(), 422, 429))
    def lot_list(
        request: Request, visitor: Reader, after: After = "", limit: Annotated[int, Query(ge=1, le=50)] = 20
    ) -> Response:
        """What was issued, on what evidence; no holder, no serials of live holdings."""
        desk = desk_of(request)
        with desk.reading() as book:
            found = [
                public_summary(desk.venue, desk.registers, id, desk.history)
                for id in sorted(i for i in book.lots if i > after)[: limit + 1]
            ]
        return page(found, limit, lambda x: x["lot"])

    @get("/units", tags=["public"], responses=reads_answers(listed(), 422, 429))
    def unit_list(
        request: Request, visitor: Reader, after: After = "", limit: Annotated[int, Query(ge=1, le=100)] = 50
    ) -> Response:
        """Registry units in CAD Trust field names: blocks that were retired or cancelled with the reason, live units without serials."""
        rows = units(desk_of(request), after, limit + 1)
        lots = list(dict.fromkeys(r["lot"] for r in rows))
        shown = [r for r in rows if r["lot"] in lots[:limit]]
        content: dict[str, Any] = {"items": shown} | ({"next": lots[limit - 1]} if len(lots) > limit else {})
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    @get("/statistics", tags=["public"], responses=reads_answers(listed(), 422, 429))
    def statistics(request: Request, visitor: Reader, first: Day, last: Day) -> Response:
        """Trades, prices, what was issued, surrendered, retired and cancelled between two days, at most a year."""
        return JSONResponse({"items": statistics_told(desk_of(request), first, last)})

    @get("/rules", tags=["public"], responses=reads_answers({"type": "object"}, 404, 422, 429))
    def rule_set(request: Request, visitor: Reader, asset: Asset) -> Response:
        """The rule set of a market as it stands today, open rules with the document that would fill them."""
        return JSONResponse(rules_told(desk_of(request), asset))


def _add_proofs(router: APIRouter) -> None:
    get = router.get

    @get("/roots", tags=["proofs"], responses=reads_answers(listed(), 422, 429))
    def root_list(request: Request, visitor: Reader, after: After = "", limit: Limit = 100) -> Response:
        """Signed Merkle roots by day."""
        found = [json.loads(p.read_bytes()) for p in sorted(_roots(desk_of(request)).glob("*.json")) if p.stem > after][
            : limit + 1
        ]
        return page(found, limit, lambda r: r["day"])

    @get("/proofs/inclusion", tags=["proofs"], responses=reads_answers({"type": "object"}, 404, 422, 429))
    def inclusion(
        request: Request, visitor: Reader, record: Annotated[int, Query(ge=0, le=2**53)], day: Day
    ) -> Response:
        """Proof that a record's hash is under a day's root; it tells nothing of the record itself."""
        desk = desk_of(request)
        root = _root(desk, day)
        with desk.reading():
            return _download(inclusion_proof(desk.venue, record, root, sealed=True), f"inclusion-{record}-{day}.json")

    @get("/proofs/consistency", tags=["proofs"], responses=reads_answers({"type": "object"}, 404, 422, 429))
    def consistency(request: Request, visitor: Reader, since: Day, day: Day) -> Response:
        """Proof that what stood under an older day's root is unchanged under a newer one."""
        desk = desk_of(request)
        old, new = _root(desk, since), _root(desk, day)
        with desk.reading():
            return _download(consistency_proof(desk.venue, old, new), f"consistency-{since}-{day}.json")


def _roots(desk: Desk) -> Path:
    return desk.folder / "roots"


def _root(desk: Desk, day: date) -> SignedRoot:
    path = _roots(desk) / f"{day.isoformat()}.json"
    if not path.is_file():
        raise UnknownName(f"no root of {day} was published.", f"没有 {day} 的根。")
    return SignedRoot(**json.loads(path.read_bytes()))


def _download(content: Any, name: str) -> Response:
    return JSONResponse(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def strip_of(desk: Desk, asset: str) -> Strip:
    """Raises `UnknownName`."""
    if asset not in desk.tape.strips:
        raise UnknownName(f"there is no market for {asset!r}.", f"没有 {asset!r} 的市场。")
    return desk.tape.strips[asset]


def _market(desk: Desk, asset: str) -> dict[str, Any]:
    strip, instrument = desk.tape.strips[asset], parse_asset(asset)
    scheme = schemes()[instrument.scheme]
    last = strip.content.get("last") or strip.content.get("close")
    return {"asset": asset, "scheme": instrument.scheme, "zh": scheme.zh, "en": scheme.en, "subtype": instrument.subtype, "area": instrument.area,
            "from": instrument.start.isoformat(), "to": instrument.end.isoformat(), "unit": instrument.unit, "state": strip.state,
            "rules": strip.content.get("rules", ""), "price": None if last is None else decimal_text(last, YUAN), "synthetic": desk.synthetic}  # fmt: skip


def rules_told(desk: Desk, asset: str) -> dict[str, Any]:
    """A market's rule set of today. Raises `UnknownName`."""
    strip = strip_of(desk, asset)
    found: RuleSet = desk.rules.on(strip.content["rules"], day_of(desk.clock()))
    rows = [{k: (v if isinstance(v, list) else str(v)) for k, v in row.items()} for row in found.rules.values()]
    return {
        "id": found.id,
        "zh": found.zh,
        "en": found.en,
        "valid_from": found.valid_from.isoformat(),
        "hash": found.hash,
        "rules": rows,
    }


def statistics_told(desk: Desk, first: date, last: date) -> list[dict[str, Any]]:
    """Public figures of a period in decimal texts."""
    last = min(last, first + timedelta(days=MOST_DAYS)) if first < date.max - timedelta(days=MOST_DAYS) else last
    with desk.reading():
        rows = desk.running.statistics(first, last)
    quantities = ("issued", "surrendered", "retired", "cancelled")
    return [
        {"asset": r["asset"], "trades": r["trades"], **{k: decimal_text(r[k], MICRO) for k in quantities},
         "mean_price": None if r["mean_price"] is None else decimal_text(r["mean_price"], YUAN),
         "ways": {way: {"trades": w["trades"], "quantity": decimal_text(w["quantity"], MICRO), "money": decimal_text(w["money"], YUAN),
                        "unpriced": decimal_text(w["unpriced"], MICRO)} for way, w in r["ways"].items()}}
        for r in rows
    ]  # fmt: skip
