"""A movement of an account in words, for the statement's page and for the command line."""

from __future__ import annotations

import re

from .words import Words

__all__ = ["movement_said"]


def movement_said(t: Words, why: str, other: str) -> tuple[str, str]:
    """Why units or money moved and to or from whom; a trade's counterpart is not told."""
    word = re.split(r"[ ,]", why, maxsplit=1)[0]
    known = t.has(f"exchange.moved.{word}") and other != "retirement"
    rest = why.removeprefix(word).lstrip(" ,").removeprefix("under ") if known else why
    for part in ("in", "out"):
        if word == "paid" and rest.startswith(f"{part}, "):
            word, rest = f"paid_{part}", rest.removeprefix(f"{part}, ")
    said = " ".join(w for w in (t(f"exchange.moved.{word}") if known else "", rest) if w)
    return said, t(f"exchange.desk.{other}") if t.has(f"exchange.desk.{other}") else other
