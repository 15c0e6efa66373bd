"""The way from a journal record on a page to the proof that it stands under a published root."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from functools import cache
from urllib.parse import urlencode

from .site import Ask
from .trading import desk_of

__all__ = ["prover"]


def prover(ask: Ask) -> Callable[[int], str]:
    """Record number -> address of its inclusion proof under the earliest published root that covers it; "" where none does yet."""
    paths = sorted((desk_of(ask).folder / "roots").glob("*.json"))

    @cache
    def size(n: int) -> int:
        return int(json.loads(paths[n].read_bytes())["size"])

    def address(record: int) -> str:
        first = bisect_right(range(len(paths)), record, key=size)
        if first == len(paths):
            return ""
        return "/api/exchange/proofs/inclusion?" + urlencode({"record": record, "day": paths[first].stem})

    return address
