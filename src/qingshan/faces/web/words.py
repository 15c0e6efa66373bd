"""The catalogue: every word of the pages, one file and one folder of files per language. A missing word is an error, never an empty string."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from qingshan.core.errors import UnknownName

LANGUAGES = ("zh", "en")
LANG_TAGS = {"zh": "zh-Hans", "en": "en"}
_FOLDER = Path(__file__).parent / "i18n"


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


@lru_cache(maxsize=4)
def catalogue(lang: str) -> dict[str, str]:
    """All words of a language, as `section.key -> text`: `zh.toml`, then the files of the folder `zh/`."""
    files = [_FOLDER / f"{lang}.toml", *sorted((_FOLDER / lang).glob("*.toml"))]
    flat: dict[str, str] = {}
    for file in files:
        flat |= _flat(tomllib.loads(file.read_text(encoding="utf-8")))
    return flat


def blanks(text: str) -> set[str]:
    """The names a text leaves open: `{n}` gives `n`."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


class Words:
    """`t("place.missing.title", n="五")` in one language. Where `n` is 1, the text `…_one` goes first; English needs it, Chinese has none."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = catalogue(lang)

    def __call__(self, key: str, /, **blank: Any) -> str:
        text = (self._texts.get(f"{key}_one") if blank.get("n") == 1 else None) or self._texts.get(key)
        if text is None:
            raise UnknownName(f"the {self.lang} catalogue has no text {key!r}.", f"{self.lang} 文案里没有 {key!r}。")
        return text.format(**blank) if blank else text

    def has(self, key: str) -> bool:
        return key in self._texts

    def pick(self, zh: str, en: str) -> str:
        """A text that is itself data in both languages; the other one where this one is empty."""
        return (zh or en) if self.lang == "zh" else (en or zh)
