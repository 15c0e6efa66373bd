"""The catalogue: every word of a report, one file per language. A missing word is an error, never an empty string."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from qingshan.accounts.run import Fact
from qingshan.core.errors import UnknownName

LANGUAGES = ("zh", "en")
LABEL_ORDER = (
    "synthetic",
    "demonstration",
    "draft",
    "unit_assumed",
    "partial",
    "screening",
    "estimated",
    "project",
    "transferred",
    "secondary",
    "news",
    "ocr_doubt",
)
_FOLDER = Path(__file__).parent / "texts"


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(lang: str) -> dict[str, str]:
    """All words of a language, as `section.key -> text`. Raises `UnknownName` for another language."""
    if lang not in LANGUAGES:
        raise UnknownName(
            f"no language {lang!r}; there are {', '.join(LANGUAGES)}.",
            f"没有语言 {lang!r}；现有 {'、'.join(LANGUAGES)}。",
        )
    content = tomllib.loads((_FOLDER / f"{lang}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, texts in content.items() for key, text in texts.items()}


def blanks(text: str) -> set[str]:
    """The names a text leaves open: `{n}` gives `n`."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def gravest_first(labels: Iterable[str]) -> list[str]:
    return sorted(labels, key=lambda label: LABEL_ORDER.index(label) if label in LABEL_ORDER else len(LABEL_ORDER))


class Words:
    """`t("headline.basis", basis="现价")` in one language; `pick` chooses between the two names of a thing."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = catalogue(lang)

    def __call__(self, key: str, /, **blank: Any) -> str:
        text = self._texts.get(key)
        if text is None:
            raise UnknownName(f"the {self.lang} catalogue has no text {key!r}.", f"{self.lang} 文案里没有 {key!r}。")
        return text.format(**blank) if blank else text

    def maybe(self, key: str, fallback: str) -> str:
        """A word of an open list (labels, statuses): what the catalogue does not know is printed as it is."""
        return self._texts.get(key, fallback)

    def pick(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def name(self, zh: str, en: str) -> str:
        """A name that stands alone in a cell or a heading: an English one begins with a capital."""
        return zh if self.lang == "zh" else en[:1].upper() + en[1:]

    def sentence(self, zh: str, en: str) -> str:
        """A sentence that stands alone; an identifier at its head keeps its small letters."""
        return self.name(zh, en) if self.lang == "zh" or en.split(" ", 1)[0].rstrip(",:").isalpha() else en

    def basis(self, basis: str) -> str:
        """`current`, `constant-2020` in words."""
        year = basis.removeprefix("constant-")
        return self("word.current") if basis in ("current", "") else self("word.constant", year=year)

    def labels(self, fact: Fact | None) -> list[str]:
        """Label words of a cell, with the flags that qualify it."""
        if fact is None:
            return []
        return [self.maybe(f"label.{label}", label) for label in gravest_first(fact.labels)] + self.flags(fact)

    def flags(self, fact: Fact) -> list[str]:
        """What qualifies a cell besides its labels."""
        known = {"classes_excluded": "word.excluded", "negative_cells": "word.negative", "capped": "word.capped"}
        return [self(known[flag]) for flag in fact.flags if flag in known]


def class_said(grade: str, lang: str) -> str:
    """A class of water, or an interval of classes, as a sentence has it: 劣Ⅴ is a word, not a numeral, so English says it."""
    return grade if lang == "zh" else grade.replace("劣Ⅴ", "worse than Ⅴ")
