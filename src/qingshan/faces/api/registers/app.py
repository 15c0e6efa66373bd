"""The API as an application of its own: mounted under /api/registers of the site, or run alone."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from qingshan.faces.access.desk import Desk
from qingshan.faces.api.exchange.app import guarded_api

from .reads import add_reads
from .writes import add_writes

__all__ = ["create_registers_api"]

ABOUT = """Every register that the installed domains declare: fields with units, states, steps, deadlines. Writes need an `Idempotency-Key` (a file and
an import are keyed by their content) and say which version they saw; a stale one is refused (409). Numbers are decimal texts, coordinates
degrees, files their sha-256. Errors are problem+json with a stable `code`. Lists give `next` to pass as `after`. Sign in at
/api/exchange/sign-in; writes by cookie carry `X-CSRF-Token` from /api/exchange/me."""


def create_registers_api(desk: Desk) -> FastAPI:
    """The API of a desk."""
    router = APIRouter()
    add_reads(router)
    add_writes(router, desk)
    return guarded_api(desk, "qingshan registers", ABOUT, router)
