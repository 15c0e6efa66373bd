"""What to do, in the reader's language: halves of `English / 中文`, and lists of names that have no Chinese half."""

import pytest

from qingshan.core.errors import OutOfBounds, advice
from qingshan.core.finding import Finding


@pytest.mark.parametrize(
    ("fix", "zh", "en"),
    [
        ("give it / 给出", "给出", "give it"),
        ("one of ar_tool14, gs403", "可选：ar_tool14, gs403", "one of ar_tool14, gs403"),
        ("one of a, b …", "可选：a, b …", "one of a, b …"),
        ("known: a.b, c", "现有：a.b, c", "known: a.b, c"),
        ("see docs/forest.md", "见 docs/forest.md", "see docs/forest.md"),
        ("write plots.csv, trees.csv", "写出 plots.csv, trees.csv", "write plots.csv, trees.csv"),
        ("see what the survey says", "see what the survey says", "see what the survey says"),
        ("--tolerance M2", "--tolerance M2", "--tolerance M2"),
    ],
)
def test_a_list_of_names_is_told_in_both_languages(fix: str, zh: str, en: str) -> None:
    assert (advice(fix, "zh"), advice(fix, "en")) == (zh, en)


def test_findings_say_it_and_errors_keep_both() -> None:
    assert "处理：可选：a, b" in Finding("error", "x", "wrong", "不对", fix="one of a, b").sentence("zh")
    assert str(OutOfBounds("wrong.", "不对。", fix="one of a, b")) == "wrong. Fix: one of a, b"
