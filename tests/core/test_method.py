"""Declaring methods: what must be declared, what `apply` checks."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from qingshan.core.errors import DeclarationError, OutOfBounds, UnitError, UnknownName
from qingshan.core.method import A, Array, Choice, Clause, Method, Q, Registry, method

CLAUSE = Clause("test document", "1.1")


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> Method:
    monkeypatch.setattr("qingshan.core.method.REGISTRY", Registry())

    @method("test.volume", edition="1", clause=CLAUSE, formula="V = 1000 A h")
    def made(
        depth: A[Array, Q("mm", "深", "depth", low=0, high=12_000)],
        area: A[Array, Q("km2", "面积", "area", low=0)],
        rule: A[str, Choice("规则", "rule", ("keep", "floor"))],
    ) -> A[Array, Q("m3", "水量", "volume")]:
        """Volume of a depth over an area. Shapes broadcast."""
        volume = 1000 * area * depth
        return volume if rule == "keep" else np.maximum(volume, 0)

    return made


def test_apply_converts_units_and_computes(volume: Method) -> None:
    # 0.1 m = 100 mm over 15 万亩 = 1 万hm2 = 100 km2: 1000 x 100 x 100 = 1e7 m3
    given = {"depth": (0.1, "m"), "area": ([15.0, 30.0], "万亩"), "rule": "keep"}
    assert volume.apply(given) == pytest.approx([1e7, 2e7])
    assert volume.apply(given).dtype == np.float64


def test_the_function_itself_stays_plain(volume: Method) -> None:
    assert volume(100, 100, "keep") == 10_000_000


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"depth": (1.0, "m2")}, UnitError, ["depth", "length^2", "mm"]),
        ({"depth": (-1.0, "mm")}, OutOfBounds, ["depth", "-1", ">= 0"]),
        ({"depth": (13.0, "m")}, OutOfBounds, ["13000", "<= 12000"]),
        ({"rule": "abs"}, OutOfBounds, ["abs", "keep, floor"]),
        ({"slope": (1.0, "-")}, UnknownName, ["slope"]),
    ],
)
def test_apply_names_what_is_wrong(volume: Method, change: dict, error: type[Exception], words: list[str]) -> None:
    given = {"depth": (100.0, "mm"), "area": (1.0, "km2"), "rule": "keep"} | change
    with pytest.raises(error) as caught:
        volume.apply(given)
    for word in words:
        assert word in str(caught.value)


def test_a_missing_argument_is_named(volume: Method) -> None:
    with pytest.raises(UnknownName, match="area"):
        volume.apply({"depth": (1.0, "mm"), "rule": "keep"})


def test_undeclared_argument_fails_at_declaration() -> None:
    with pytest.raises(DeclarationError, match="'b'"):

        @method("test.bad", edition="1", clause=CLAUSE)
        def bad(a: A[Array, Q("m", "甲", "a")], b: float) -> A[Array, Q("m", "乙", "b")]:
            """Bad."""
            return a + b


def test_undeclared_result_and_missing_docstring_fail() -> None:
    with pytest.raises(DeclarationError, match="result"):

        @method("test.bad2", edition="1", clause=CLAUSE)
        def no_result(a: A[Array, Q("m", "甲", "a")]) -> Array:
            """Bad."""
            return a

    with pytest.raises(DeclarationError, match="docstring"):

        @method("test.bad3", edition="1", clause=CLAUSE)
        def no_words(a: A[Array, Q("m", "甲", "a")]) -> A[Array, Q("m", "乙", "b")]:
            return a


def test_an_edition_is_never_reused(volume: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeclarationError, match="declared twice"):

        @method("test.volume", edition="1", clause=CLAUSE)
        def other(a: A[Array, Q("m", "甲", "a")]) -> A[Array, Q("m", "乙", "b")]:
            """Another function under a used name."""
            return a


def test_unknown_unit_in_a_declaration_fails() -> None:
    with pytest.raises(UnitError):

        @method("test.bad4", edition="1", clause=CLAUSE)
        def bad(a: A[Array, Q("furlong", "甲", "a")]) -> A[Array, Q("m", "乙", "b")]:
            """Bad."""
            return a


def test_code_hash_ignores_docstrings_and_follows_formulas(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from qingshan.core.method import A, Array, Clause, Q, method\n"
        "@method('test.hash', edition='1', clause=Clause('d'))\n"
        "def f(a: A[Array, Q('m', '甲', 'a')]) -> A[Array, Q('m', '乙', 'b')]:\n"
        "    '''{doc}'''\n"
        "    return a * {factor}  # {remark}\n"
    )

    def code(name: str, **parts: object) -> str:
        monkeypatch.setattr("qingshan.core.method.REGISTRY", Registry())
        (tmp_path / f"{name}.py").write_text(source.format(**parts), encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(name).f.code

    first = code("hash_a", doc="One.", factor=2, remark="x")
    assert code("hash_b", doc="Another.", factor=2, remark="y") == first
    assert code("hash_c", doc="One.", factor=3, remark="x") != first
