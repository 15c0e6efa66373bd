"""How numbers are written in a printed column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.publish.numbers import MINUS, NOTHING, column, interval, write


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
