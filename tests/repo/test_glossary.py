"""One word per thing, in both languages."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from qingshan.faces.web.words import catalogue


@pytest.fixture(scope="module")
def terms(root: Path) -> list[list[str]]:
    """Rows of every table: 中文, English, 含义, Meaning."""
    lines = (root / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if row[0] != "中文" and not set(row[0]) <= {"-"}]


def test_every_row_is_complete_in_both_languages(terms: list[list[str]]) -> None:
    assert len(terms) >= 80
    for row in terms:
        assert len(row) == 4 and all(row), row
        chinese, english, meaning_zh, meaning_en = row
        assert re.search(r"[\u4e00-\u9fff]", chinese) and re.search(r"[\u4e00-\u9fff]", meaning_zh), row
        assert re.search(r"[A-Za-z]", english) and not re.search(r"[\u4e00-\u9fff]", english + meaning_en), row


@pytest.mark.parametrize("column", [0, 1])
def test_no_term_stands_twice(terms: list[list[str]], column: int) -> None:
    count = Counter(row[column].lower() for row in terms)
    assert [term for term, times in count.items() if times > 1] == []


ONE_WORD = {"网格": "格网", "参数集": "参数组", "暂定": "临时", "小班": "地块", "核算方案": "核算口径", "像素": "像元"}
"""Words that mean what another word of the glossary means, and that word."""
PLACE = ("nav.place", "frame.place", "frame.rail", "target.place", "data.places", "forest.place")


def test_chinese_pages_and_reports_have_one_word_for_a_thing(root: Path) -> None:
    known = catalogue("zh")
    report = (root / "src/qingshan/publish/texts/zh.toml").read_text(encoding="utf-8")
    helped = (root / "src/qingshan/faces/cli/help_zh.toml").read_text(encoding="utf-8")
    for other in ONE_WORD:
        assert [key for key, text in known.items() if other in text] == [], other
        assert other not in report and other not in helped, other
    named = {key: known[key] for key in PLACE if key in known}
    assert len(named) >= 4 and all("地点" in text and "地方" not in text for text in named.values()), named


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_and_reports_print_the_words_of_the_glossary(root: Path, terms: list[list[str]], language: str) -> None:
    column = ("zh", "en").index(language)
    wanted = {code[1]: row[column] for row in terms if (code := re.match(r"`([a-z_]+)`", row[3]))}
    report = tomllib.loads((root / "src/qingshan/publish/texts" / f"{language}.toml").read_text(encoding="utf-8"))
    badges = [(key.split("."), word) for key, word in catalogue(language).items() if key.startswith("badge.")]
    printed = [("badge", key[1], word) for key, word in badges if key[2] == "word"]
    printed += [(table, code, word) for table in ("label", "status") for code, word in report[table].items()]
    assert len(wanted) >= 12 and {code for _, code, _ in printed} <= set(wanted)
    assert [(where, code, word, wanted[code]) for where, code, word in printed if word != wanted[code]] == []
