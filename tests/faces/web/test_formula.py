"""Plain text of printed equations becomes mathematics; words stay words, and no markup slips through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.faces.web.formula import filled, lines, names, typeset


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("phi^omega", "<i>φ</i><sup><i>ω</i></sup>"),
        ("(1 + phi^omega)^(1/omega)", "(1 + <i>φ</i><sup><i>ω</i></sup>)<sup>1/<i>ω</i></sup>"),
        ("sum_{i=1..n} F_i", "Σ<sub><i>i</i>=1…<i>n</i></sub> <i>F</i><sub><i>i</i></sub>"),
        ("6.75e-7 I^3", "6.75 × 10<sup>−7</sup> <i>I</i><sup>3</sup>"),
        ("1e6", "10<sup>6</sup>"),
        ("CO2 = 1.63 NPP", "CO<sub>2</sub> = 1.63 NPP"),
        ("A in km2, C in 万m3", "<i>A</i> in km<sup>2</sup>, <i>C</i> in 万m<sup>3</sup>"),
        ("Q >= 0 - x", "<i>Q</i> ≥ 0 − <i>x</i>"),
        ("report_only: runoff-producing", "report_only: runoff-producing"),
        ("water.retention_month@1948", "water.retention_month@1948"),
        ("a < b & c", "<i>a</i> &lt; <i>b</i> &amp; <i>c</i>"),
    ],
)
def test_typeset(text: str, html: str) -> None:
    assert str(typeset(text)) == html


def test_numbers_stand_where_symbols_stood() -> None:
    assert str(filled("V = 1000 A Y", {"A": "1,840", "Y": "458.1"})) == "1000 × 1,840 × 458.1"
    assert str(filled("Q = 1000 A (P - P alpha/100 - ET)", {"A": "2", "P": "3", "alpha": "(4–5)", "ET": "6"})) == (
        "1000 × 2 × (3 − 3 × (4–5)/100 − 6)"
    )
    assert filled("P = sum P_m", {"P": "1"}) is None  # a series has no one number
    assert filled("treated > emission", {"treated": "1", "emission": "2"}) is None  # a rule, not an equation
    assert names("Q = 1000 A (P - R)") == ["A", "P", "R"]
    assert lines("a = 1; b = 2") == ["a = 1", "b = 2"]


@given(st.text(max_size=60))
def test_nothing_but_our_own_marks_is_markup(text: str) -> None:
    html = str(typeset(text))
    for mark in ("<i>", "</i>", "<sub>", "</sub>", "<sup>", "</sup>"):
        html = html.replace(mark, "")
    assert "<" not in html
    assert ">" not in html


def test_every_formula_on_file_can_be_set() -> None:
    for method in load_domains().registry.all():
        for line in lines(method.formula):
            assert str(typeset(line)).count("<sub>") == str(typeset(line)).count("</sub>")
