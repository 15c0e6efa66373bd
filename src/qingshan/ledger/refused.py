"""The error of a command that the rules forbid."""

from __future__ import annotations

from qingshan.core.errors import QingshanError

__all__ = ["Refused"]


class Refused(QingshanError):
    """A command or transaction that the rules forbid. The state is unchanged; `code` is stable."""

    def __init__(self, code: str, en: str, zh: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(en, zh, where=where, fix=fix)
        self.code = code
