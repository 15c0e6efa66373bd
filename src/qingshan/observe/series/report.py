"""Findings of a load: one per row that could not be used or deserves a look, in the words of `messages.toml`."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from typing import Any

from qingshan.core.finding import Finding

LISTED = 1_000
"""Findings kept of one code. All are counted: a file that is wrong throughout gives a thousand rows and the number."""


@lru_cache(maxsize=1)
def messages() -> dict[str, dict[str, Any]]:
    """Code -> level, en, zh, fix (English, Chinese)."""
    return tomllib.loads((files(__package__) / "messages.toml").read_text(encoding="utf-8"))


class LoadReporter:
    """Findings gathered while a source is read, `LISTED` of each code; `counts` has all of them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self._listed: list[Finding] = []

    def add(self, code: str, /, *, row: int | None = None, field: str = "", limit: str = "", **values: Any) -> None:
        self.counts[code] += 1
        if self.counts[code] > LISTED:
            return
        text = messages()[code]
        fix = " / ".join(part.format(**values) for part in text["fix"])
        self._listed.append(
            Finding(
                text["level"],
                code,
                text["en"].format(**values),
                text["zh"].format(**values),
                self.file,
                row,
                field,
                limit,
                fix,
            )
        )

    @property
    def errors(self) -> int:
        """Rows that are not used."""
        return sum(n for code, n in self.counts.items() if messages()[code]["level"] == "error")

    def findings(self) -> list[Finding]:
        """What was listed in the order of the rows, then one line for each code of which there is more."""
        listed = sorted(self._listed, key=lambda f: (f.row is None, f.row or 0))
        text = messages()["more"]
        more = [
            Finding(
                messages()[code]["level"], "more", text["en"].format(n=n - LISTED, code=code),
                text["zh"].format(n=n - LISTED, code=code), self.file, fix=" / ".join(text["fix"]),
            )
            for code, n in self.counts.items() if n > LISTED
        ]  # fmt: skip
        return listed + more
