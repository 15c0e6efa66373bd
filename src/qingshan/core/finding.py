"""Findings: what a check saw, as data. A check returns them; it never raises for a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check saw.

    `level` is `error` (the row is not used, exit code 1), `warning` (used, but read this) or `note`.
    """

    level: str
    code: str
    en: str
    zh: str
    file: str = ""
    row: int | None = None
    field: str = ""
    limit: str = ""
    fix: str = ""

    def where(self) -> str:
        place = f"{self.file}:{self.row}" if self.row is not None else self.file
        return f"{place} [{self.field}]" if self.field else place

    def sentence(self, lang: str = "en") -> str:
        text = self.zh if lang == "zh" else self.en
        tail = "".join(
            part
            for part in (
                f" ({'限值' if lang == 'zh' else 'limit'}: {self.limit})" if self.limit else "",
                f" {'处理' if lang == 'zh' else 'Fix'}: {self.fix}" if self.fix else "",
            )
        )
        head = f"{self.where()}: " if self.file else ""
        return f"{self.level}: {head}{text}{tail}"

    def record(self) -> dict[str, object]:
        return asdict(self)


def worst(findings: Iterable[Finding]) -> str:
    """The gravest level present, or an empty string."""
    order = {"error": 2, "warning": 1, "note": 0}
    return max((f.level for f in findings), key=order.__getitem__, default="")
