"""How numbers are written on pages and in printed columns. Expected texts are hand-written from the rules: 万/亿, k/M/bn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.publish import numbers
from qingshan.publish.numbers import MINUS, NOTHING, column, interval, unit_word, write

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (247287.0, "人", "24.7 万人", "247,287 people"),
        (843034582.755, "m3", "8.43 亿 m³", "843 M m³"),
        (91.96e9, "m3", "920 亿 m³", "92 bn m³"),
        (1125.3, "mm", "1,125 毫米", "1,125 mm"),
        (16.62, "degC", "16.6 °C", "16.6 °C"),
        (0.8435, "1", "0.844", "0.844"),
        (97.5, "%", "97.5 %", "97.5 %"),
        (0.0, "t", "0 吨", "0 t"),
        (-1234.5, "m3", "−1,234 m³", "−1,234 m³"),  # half to even
        (3.6e11, "元", "3,600 亿元", "360 bn yuan"),
    ],
)
def test_plain_figures(value: float, unit: str, zh: str, en: str) -> None:
    assert numbers.write(value, unit, "zh").text.replace(NBSP, " ") == zh
    assert numbers.write(value, unit, "en").text.replace(NBSP, " ") == en


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (247287.0, "人", "247,287 人", "247,287 people"),
        (22667.1, "亿元", "22,667.1 亿元", "2,266.71 bn yuan"),
        # 215 万亩 x 10^4 / 15 = 143,333 ha, of which three digits were read
        (215.0, "万亩", "215 万亩", "143,000 ha"),
        (5000.0, "万亩", "5,000 万亩", "3.33 M ha"),
        (347.26, "万hm2", "347.26 万公顷", "3.4726 M ha"),
        (1527.83, "km2", "1,527.83 km²", "1,527.83 km²"),
        (2.0, "per mille", "2 ‰", "2 ‰"),
    ],
)
def test_printed_figures_keep_their_digits(value: float, unit: str, zh: str, en: str) -> None:
    assert numbers.write(value, unit, "zh", "exact").text.replace(NBSP, " ") == zh
    assert numbers.write(value, unit, "en", "exact").text.replace(NBSP, " ") == en


def test_an_interval_has_one_scale_and_one_unit() -> None:
    written = numbers.interval(51009461597.3, 54433513313.8, "m3", "zh")
    assert (written.number, written.unit) == ("510–544", f"亿{NBSP}m³")
    assert numbers.interval(507.2, 541.4, "mm", "en").number == "507–541"


def test_a_missing_number_is_a_dash_without_a_unit() -> None:
    assert numbers.write(None, "mm", "zh").text == "—"
    assert numbers.write(math.nan, "mm", "en").number == "—"


def test_an_unknown_unit_is_still_written() -> None:
    assert numbers.write(3.0, "kJ/(m2*d)", "en").unit == "kJ/(m²·d)"


@pytest.mark.parametrize(
    ("n", "zh", "en"), [(0, "零", "no"), (2, "两", "two"), (4, "四", "four"), (10, "十", "ten"), (32, "三十二", "32")]
)
def test_small_counts_are_words(n: int, zh: str, en: str) -> None:
    assert numbers.counted(n, "zh") == zh
    assert numbers.counted(n, "en") == en


@given(st.floats(min_value=-1e14, max_value=1e14).filter(lambda v: v == 0 or abs(v) > 1e-6))
def test_three_digits_are_within_half_a_percent(value: float) -> None:
    shown = float(numbers.digits(value).replace(",", "").replace(numbers.MINUS, "-"))
    assert shown == pytest.approx(value, rel=5.1e-3)


@given(st.floats(min_value=1.0, max_value=1e13), st.sampled_from(["m3", "元", "人", "万t", "亿m3", "km2"]))
def test_both_languages_say_the_same_amount(value: float, unit: str) -> None:
    scales = {"": 1.0, "万": 1e4, "亿": 1e8, "万亿": 1e12, "M": 1e6, "bn": 1e9}

    def amount(lang: str) -> float:
        written = numbers.write(value, unit, lang)
        word = next(
            (s for s in ("万亿", "亿", "万", "bn", "M") if written.unit.startswith(s) and (lang == "zh") == (s > "~")),
            "",
        )
        return float(written.number.replace(",", "")) * scales[word]

    assert amount("zh") == pytest.approx(amount("en"), rel=1.1e-2)


# ---- printed columns ----


@pytest.mark.parametrize(
    ("values", "unit", "lang", "written"),
    [
        ([3.6e11, 4.22e9], "元", "zh", (["3,600.0", "42.2"], "亿元")),
        ([3.6e11, 4.22e9], "元", "en", (["360.00", "4.22"], "bn\u00a0yuan")),
        ([523.45, 12.0], "mm", "zh", (["523.4", "12.0"], "毫米")),  # half to even
        ([1760.0, 0.0004], "km2", "zh", (["1,760.00", "0.0004"], "km²")),  # never printed as zero
        ([-12.5, None], "mm", "en", ([f"{MINUS}12.50", NOTHING], "mm")),
        ([0.0], "m3", "zh", (["0"], "m³")),
        ([], "m3", "zh", ([], "m³")),
    ],
)
def test_a_column_has_one_scale_one_unit_and_one_count_of_decimals(
    values: list[float | None], unit: str, lang: str, written: tuple[list[str], str]
) -> None:
    assert column(values, unit, lang) == written


def test_a_sentence_figure_scales_and_keeps_its_unit() -> None:
    assert write(91_981_747_808.2, "m3", "zh").text == "920\u00a0亿\u00a0m³"
    assert write(91_981_747_808.2, "m3", "en").text == "92\u00a0bn\u00a0m³"
    assert interval(3.64e11, 3.89e11, "元", "zh").text == "3,640–3,890\u00a0亿元"


@given(st.lists(st.floats(min_value=1e-6, max_value=1e14), min_size=1, max_size=6))
def test_no_positive_number_is_written_as_zero(values: list[float]) -> None:
    for text in column(values, "元", "zh")[0]:
        assert any(digit in text for digit in "123456789")


def test_thousands_and_millions_of_tonnes_are_kt_and_mt_in_english():
    assert column([279_510.0], "t C", "en")[1] == "kt C" and write(3.02e6, "t CO2", "en").text == "3.02\u00a0Mt CO₂"
    assert unit_word("t CO2/hm2", "en") == "t CO₂/ha" and unit_word("t CO2/hm2", "zh") == "吨 CO₂/公顷"
