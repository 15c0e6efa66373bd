"""Findings: what a check saw, as data. A check returns them; it never raises for a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .errors import advice

_LEVELS_ZH = {"error": "错误", "warning": "警告", "note": "提示"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check saw.

    `level` is `error` (the row is not used, exit code 1), `warning` (used, but read this) or `note`. `fix` is
    `English / 中文`; a sentence shows the half of its language.
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
        fix = advice(self.fix, lang)
        if lang == "zh":
            head = f"{self.where()}：" if self.file else ""
            limit, fix = f"（限值：{self.limit}）" if self.limit else "", f"处理：{fix}" if fix else ""
            return f"{_LEVELS_ZH.get(self.level, self.level)}：{head}{self.zh}{limit}{fix}"
        head = f"{self.where()}: " if self.file else ""
        limit, fix = f" (limit: {self.limit})" if self.limit else "", f" Fix: {fix}" if fix else ""
        return f"{self.level}: {head}{self.en}{limit}{fix}"

    def record(self) -> dict[str, object]:
        return asdict(self)


def worst(findings: Iterable[Finding]) -> str:
    """The gravest level present, or an empty string."""
    order = {"error": 2, "warning": 1, "note": 0}
    return max((f.level for f in findings), key=order.__getitem__, default="")
