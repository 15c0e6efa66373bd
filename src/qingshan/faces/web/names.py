"""Words for names on pages: at the head of a sentence or inside it, without qualifiers, in counts."""

from __future__ import annotations

import re

from qingshan.zone.names import short_names, shortened
from qingshan.zone.place import Level

__all__ = ["bare", "capital", "level_word", "short_names", "shortened", "uncapital"]


def capital(text: str) -> str:
    """A name at the head of a sentence."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """A name inside a sentence; names of places and abbreviations keep their capitals."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def bare(name: str) -> str:
    """A quantity's name without its qualifier: 常住人口 for 常住人口（普查）, resident population for ..., census."""
    return re.sub(r"\s*[（(].*?[）)]|, .*$", "", name) or name


def level_word(level: Level, lang: str, count: int) -> str:
    """县, 市 for counting in Chinese; county, counties in English."""
    if lang == "zh":
        return re.sub(r"[（(].*?[）)]", "", level.zh)
    word = re.sub(r"\s*\(.*?\)", "", level.en)
    if count == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
