"""The report of a reading: findings in the words of `messages.toml`, a limited number per file."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from typing import Any

from qingshan.core.finding import Finding

FINDINGS_PER_FILE = 200


@lru_cache(maxsize=1)
def messages() -> dict[str, dict[str, Any]]:
    """Code -> level, en, zh, fix (English, Chinese)."""
    return tomllib.loads((files(__package__) / "messages.toml").read_text(encoding="utf-8"))


def finding(
    code: str, /, *, file: str = "", row: int | None = None, field: str = "", limit: str = "", **values: Any
) -> Finding:
    """The finding `code` of `messages.toml` with `values` filled in; both languages of the fix are shown."""
    text = messages()[code]
    fix = " / ".join(part.format(**values) for part in text["fix"])
    return Finding(
        text["level"], code, text["en"].format(**values), text["zh"].format(**values), file, row, field, limit, fix
    )


class Report:
    """Findings gathered while a zone is read. A file that is wrong throughout gives `FINDINGS_PER_FILE`, not a million."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._count: Counter[str] = Counter()

    def add(
        self, code: str, /, *, file: str = "", row: int | None = None, field: str = "", limit: str = "", **values: Any
    ) -> None:
        """Keep one finding: what, where, which limit."""
        self._count[file] += 1
        if self._count[file] <= FINDINGS_PER_FILE:
            self._findings.append(finding(code, file=file, row=row, field=field, limit=limit, **values))

    def last(self) -> Finding:
        return self._findings[-1]

    def findings(self) -> list[Finding]:
        """All findings in the order seen; an overlong file ends with one that says how many more there are."""
        overlong = {file: n - FINDINGS_PER_FILE for file, n in self._count.items() if n > FINDINGS_PER_FILE}
        return [*self._findings, *(finding("more_findings", file=file, more=more) for file, more in overlong.items())]
