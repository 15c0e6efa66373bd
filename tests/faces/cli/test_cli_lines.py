"""The lines a new user reads first: labels in the words of the glossary, numbers without powers of ten, calm where nothing is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from said import Call

from qingshan.core.finding import Finding
from qingshan.faces.cli.server import said_of_the_night
from qingshan.faces.cli.show import four_digits

LATE = Finding(
    "error", "overdue", "r-1: report was due on 2026-01-01.", "r-1：报告已于 2026-01-01 到期。", "report", field="r-1"
)
HELD = Finding("error", "conflict_of_interest", "wang holds units.", "wang 持有单位。", "staff")


@pytest.mark.parametrize(
    ("value", "said"),
    [(102_612_345.0, "102,600,000"), (52_219.6, "52,220"), (9_485.4, "9,485"), (0.04236, "0.04236"), (-55_000.0, "-55,000"),
     (0.0, "0"), (1.2345e13, "1.234e+13"), (99_999.0, "100,000")],
)  # fmt: skip
def test_four_digits_that_count(value: float, said: str):
    assert four_digits(value) == said


@pytest.mark.parametrize(("lang", "labels"), [("zh", "[粗算、部分、示意]"), ("en", "[screening, partial, synthetic]")])
def test_a_run_says_its_labels_in_words_and_what_a_refusal_is_once(call: Call, zone: Path, lang: str, labels: str):
    done = call("run", "--zone", zone, "--profile", "screening", "--lang", lang)
    assert done.code == 0
    assert labels in done.out and "e+" not in done.out
    refusal = "拒算不是运行出错" if lang == "zh" else "refused is no failure of the run"
    assert done.out.count(refusal) == 1
    assert "[]" not in done.out


def test_the_night_of_a_synthetic_exchange_is_one_calm_line():
    (zh,) = said_of_the_night([LATE, LATE, HELD], "zh", synthetic=True)
    assert zh.startswith("示意交易所") and "2 项已过期限" in zh and "1 条检查意见" in zh and "错误" not in zh
    (en,) = said_of_the_night([LATE], "en", synthetic=True)
    assert en.startswith("synthetic exchange") and "1 record " in en and "other" not in en and "error" not in en
    assert said_of_the_night([], "en", synthetic=True) == []


def test_the_night_of_a_real_exchange_names_each_finding_in_the_language_of_the_call():
    assert said_of_the_night([LATE, HELD], "en", synthetic=False) == [LATE.sentence("en"), HELD.sentence("en")]
    assert said_of_the_night([LATE], "zh", synthetic=False) == ["错误：report [r-1]：r-1：报告已于 2026-01-01 到期。"]
