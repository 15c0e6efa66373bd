"""The few errors of qingshan. Each says what is wrong, where, which limit, and how to fix it, in both languages."""

from __future__ import annotations

import re


def in_language(text: str, lang: str) -> str:
    """One half of `English / 中文`; a text in one language is itself."""
    en, mark, zh = text.partition(" / ")
    return (zh if lang == "zh" else en) if mark and not zh.isascii() else text


_OPENINGS = {"one of": "可选：", "known:": "现有：", "see": "见 ", "write": "写出 "}
_LISTED = re.compile(rf"({'|'.join(_OPENINGS)}) (\S+(?:, \S+)*(?: …)?)")


def advice(fix: str, lang: str) -> str:
    """What to do, in one language. A fix that is one English opening and a list of names has no Chinese half of its own."""
    text = in_language(fix, lang)
    found = _LISTED.fullmatch(text) if lang == "zh" else None
    return f"{_OPENINGS[found[1]]}{found[2]}" if found else text


class QingshanError(Exception):
    """A broken precondition. `code` is stable, `zh` and `en` are whole sentences, `fix` says what to do (`en / 中文`)."""

    code = "error"

    def __init__(self, en: str, zh: str = "", *, where: str = "", fix: str = "") -> None:
        self.en, self.zh, self.where, self.fix = en, zh or en, where, fix
        super().__init__(self.sentence())

    def sentence(self) -> str:
        head = f"{self.where}: {self.en}" if self.where else self.en
        return f"{head} Fix: {in_language(self.fix, 'en')}" if self.fix else head


class UnitError(QingshanError):
    """An unknown unit, or two units whose dimensions differ."""

    code = "unit"


class DeclarationError(QingshanError):
    """A method, profile or account is declared wrongly; raised at import or load."""

    code = "declaration"


class OutOfBounds(QingshanError):
    """A value lies outside the limits its declaration prints."""

    code = "out_of_bounds"


class MissingParameter(QingshanError):
    """A parameter row is open or absent. `document` names what to obtain."""

    code = "missing_parameter"

    def __init__(
        self, parameter: str, en: str, zh: str = "", *, document: str = "", where: str = "", fix: str = ""
    ) -> None:
        self.parameter, self.document = parameter, document
        fix = fix or (
            f"obtain {document} and import the rows with `qingshan fill` / 取得{document}，用 `qingshan fill` 补录"
            if document
            else "add the row with `qingshan fill` / 用 `qingshan fill` 补录"
        )
        super().__init__(en, zh, where=where, fix=fix)


class AmbiguousParameter(QingshanError):
    """Several rows fit; the profile must name the set, place or class."""

    code = "ambiguous_parameter"


class ZoneError(QingshanError):
    """A zone folder that cannot be opened at all (row-level faults are findings, not errors)."""

    code = "zone"


class UnknownName(QingshanError):
    """No such place, quantity, profile, method or run."""

    code = "unknown_name"


class UnknownZone(ZoneError, UnknownName):
    """Neither a zone folder nor a built-in zone bears the name."""

    code = "unknown_zone"


class RefusedRelease(QingshanError):
    """A release that the rules forbid: open slots, doubtful rows, partial sets under the name GEP.

    `reasons` are `English / 中文` each, like `fix`.
    """

    code = "refused_release"

    def __init__(self, en: str, zh: str = "", *, reasons: list[str] | None = None, fix: str = "") -> None:
        self.reasons = reasons or []
        super().__init__(en, zh, fix=fix)
