"""Units: SI plus what Chinese statistics print (亩, 万亩, hm2, 亿m3, 万t, tce, 元, 亿元, mm*km2 ...).

A unit is a factor to coherent SI and a vector of dimensions. Money (元), people (人), things (count) and substances
(CO2, C, N ...) are dimensions of their own: `t CO2` does not convert to `t C` or to plain `t`, so a price per tonne
of carbon cannot meet a tonne of carbon dioxide.

Grammar: `/` divides by the next factor only, `*`, `·` or a space multiply, exponents are written `m2` or `m^2`, and a
substance binds to the unit before it: `元/t CO2` is yuan per (tonne of CO2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import UnitError

Dimensions = tuple[tuple[str, int], ...]

_BASE_WORDS = {
    "L": "length", "M": "mass", "T": "time", "K": "temperature", "I": "current",
    "CNY": "money", "person": "people", "count": "count", "angle": "angle",
}  # fmt: skip
_SUBSTANCES = ("CO2e", "CO2", "C", "O2", "N", "P", "SO2", "NOx", "COD", "NH3-N", "TN", "TP", "dm", "NPK")

_ENERGY: dict[str, int] = {"M": 1, "L": 2, "T": -2}
_POWER: dict[str, int] = {"M": 1, "L": 2, "T": -3}
_SIEMENS: dict[str, int] = {"M": -1, "L": -2, "T": 3, "I": 2}
_MU = Fraction(10000, 15)  # 1 hm2 = 15 亩
_TCE_JOULES = Fraction(29_307_600_000)  # 7 Gcal(IT) = 29.3076 GJ, GB/T 2589-2020

# symbol -> (factor to coherent SI, dimensions)
_ATOMS: dict[str, tuple[Fraction, dict[str, int]]] = {
    "1": (Fraction(1), {}), "-": (Fraction(1), {}), "x": (Fraction(1), {}), "fraction": (Fraction(1), {}),
    "index": (Fraction(1), {}), "rank": (Fraction(1), {}), "class": (Fraction(1), {}),
    "%": (Fraction(1, 100), {}), "‰": (Fraction(1, 1000), {}), "permille": (Fraction(1, 1000), {}),
    "pp": (Fraction(1, 100), {}),
    "rad": (Fraction(1), {"angle": 1}),
    "m": (Fraction(1), {"L": 1}), "km": (Fraction(1000), {"L": 1}), "hm": (Fraction(100), {"L": 1}),
    "dm.": (Fraction(1, 10), {"L": 1}), "cm": (Fraction(1, 100), {"L": 1}), "mm": (Fraction(1, 1000), {"L": 1}),
    "um": (Fraction(1, 10**6), {"L": 1}),
    "ha": (Fraction(10000), {"L": 2}), "公顷": (Fraction(10000), {"L": 2}), "亩": (_MU, {"L": 2}),
    "L": (Fraction(1, 1000), {"L": 3}), "mL": (Fraction(1, 10**6), {"L": 3}),
    "kg": (Fraction(1), {"M": 1}), "g": (Fraction(1, 1000), {"M": 1}), "mg": (Fraction(1, 10**6), {"M": 1}),
    "ug": (Fraction(1, 10**9), {"M": 1}), "ng": (Fraction(1, 10**12), {"M": 1}), "t": (Fraction(1000), {"M": 1}),
    "kt": (Fraction(10**6), {"M": 1}), "Mt": (Fraction(10**9), {"M": 1}), "Gt": (Fraction(10**12), {"M": 1}),
    "s": (Fraction(1), {"T": 1}), "min": (Fraction(60), {"T": 1}), "h": (Fraction(3600), {"T": 1}),
    "d": (Fraction(86400), {"T": 1}), "a": (Fraction(31_557_600), {"T": 1}),
    "K": (Fraction(1), {"K": 1}), "degC": (Fraction(1), {"K": 1}),
    "J": (Fraction(1), _ENERGY), "kJ": (Fraction(10**3), _ENERGY), "MJ": (Fraction(10**6), _ENERGY),
    "GJ": (Fraction(10**9), _ENERGY), "TJ": (Fraction(10**12), _ENERGY), "PJ": (Fraction(10**15), _ENERGY),
    "tce": (_TCE_JOULES, _ENERGY), "kgce": (_TCE_JOULES / 1000, _ENERGY),
    "Wh": (Fraction(3600), _ENERGY), "kWh": (Fraction(3600 * 10**3), _ENERGY), "MWh": (Fraction(3600 * 10**6), _ENERGY),
    "GWh": (Fraction(3600 * 10**9), _ENERGY), "TWh": (Fraction(3600 * 10**12), _ENERGY),
    "W": (Fraction(1), _POWER), "kW": (Fraction(10**3), _POWER), "MW": (Fraction(10**6), _POWER),
    "GW": (Fraction(10**9), _POWER),
    "Pa": (Fraction(1), {"M": 1, "L": -1, "T": -2}), "hPa": (Fraction(100), {"M": 1, "L": -1, "T": -2}),
    "kPa": (Fraction(1000), {"M": 1, "L": -1, "T": -2}),
    "元": (Fraction(1), {"CNY": 1}), "yuan": (Fraction(1), {"CNY": 1}), "CNY": (Fraction(1), {"CNY": 1}),
    "人": (Fraction(1), {"person": 1}), "人次": (Fraction(1), {"person": 1}),
    "count": (Fraction(1), {"count": 1}), "个": (Fraction(1), {"count": 1}), "家": (Fraction(1), {"count": 1}),
    "株": (Fraction(1), {"count": 1}), "处": (Fraction(1), {"count": 1}), "座": (Fraction(1), {"count": 1}),
    "V": (Fraction(1), _POWER | {"I": -1}), "mV": (Fraction(1, 1000), _POWER | {"I": -1}),
    "S": (Fraction(1), _SIEMENS), "mS": (Fraction(1, 1000), _SIEMENS), "uS": (Fraction(1, 10**6), _SIEMENS),
    "Bq": (Fraction(1), {"T": -1}), "NTU": (Fraction(1), {"NTU": 1}), "PCU": (Fraction(1), {"PCU": 1}),
}  # fmt: skip
_ATOMS |= {s: (Fraction(1), {s: 1}) for s in _SUBSTANCES if s not in _ATOMS}
_PREFIXES = {"万亿": 10**12, "亿": 10**8, "百万": 10**6, "万": 10**4, "千": 10**3}
_SPELLED = {
    "°C": "degC", "℃": "degC", "°": "degree", "μ": "u", "µ": "u", "㎡": "m2", "立方米": "m3",
    "平方公里": "km2", "千克": "kg", "公斤": "kg", "吨标准煤": "tce", "吨": "t", "per mille": "‰", "percentage points": "pp",
    "d.m.": "dm", "×": "*", "·": "*", "⋅": "*", "²": "2", "³": "3", "⁻¹": "-1",
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<op>[*/()])|(?P<atom>NH3-N|[a-zA-Z]*?(?:CO2e?|SO2|O2)|[^\s*/()^0-9]+|1|-)(?P<exp>\^?-?\d+)?)"
)
_DEGREE = np.pi / 180


@dataclass(frozen=True, slots=True)
class Unit:
    """A parsed unit: `scale` × coherent SI (+ `offset` for degC), with its dimensions."""

    symbol: str
    scale: Fraction | float
    dimensions: Dimensions
    offset: float = 0.0

    def words(self) -> str:
        """Dimensions in words, for error messages: `length^3`, `money/mass`."""
        up = [_power(d, e) for d, e in self.dimensions if e > 0]
        down = [_power(d, -e) for d, e in self.dimensions if e < 0]
        return "*".join(up) + ("/" + "/".join(down) if down else "") if self.dimensions else "a pure number"

    def __mul__(self, other: Unit) -> Unit:
        return _combine(self, other, 1)

    def __truediv__(self, other: Unit) -> Unit:
        return _combine(self, other, -1)


def _power(dimension: str, exponent: int) -> str:
    word = _BASE_WORDS.get(dimension, f"[{dimension}]")
    return word if exponent == 1 else f"{word}^{exponent}"


def _combine(left: Unit, right: Unit, sign: int) -> Unit:
    dims = dict(left.dimensions)
    for name, exponent in right.dimensions:
        dims[name] = dims.get(name, 0) + sign * exponent
    scale = left.scale * right.scale if sign > 0 else left.scale / right.scale
    joint = "*" if sign > 0 else "/"
    return Unit(f"{left.symbol}{joint}{right.symbol}", scale, _sorted(dims))


def _sorted(dims: dict[str, int]) -> Dimensions:
    return tuple(sorted((n, e) for n, e in dims.items() if e))


def _atom(symbol: str, text: str) -> Unit:
    for prefix, factor in _PREFIXES.items():
        if symbol.startswith(prefix) and symbol != prefix:
            inner = _atom(symbol[len(prefix) :], text)
            return Unit(symbol, factor * inner.scale, inner.dimensions)
    if symbol in _PREFIXES:
        return Unit(symbol, Fraction(_PREFIXES[symbol]), ())
    if symbol in ("degree", "deg"):  # angles are a dimension: a slope in % is not a slope in degrees
        return Unit(symbol, _DEGREE, (("angle", 1),))
    if symbol in _ATOMS:
        scale, dims = _ATOMS[symbol]
        return Unit(symbol, scale, _sorted(dims))
    for substance in _SUBSTANCES:  # gC, MtCO2
        head = symbol.removesuffix(substance)
        if head and head != symbol and head in _ATOMS:
            return _atom(head, text) * _atom(substance, text)
    raise UnitError(
        f"unknown unit {symbol!r} in {text!r}.",
        f"单位 {text!r} 里的 {symbol!r} 不认识。",
        fix="write SI symbols or 亩, hm2, km2, 亿m3, 万t, tce, kWh, 元, 人, %, t CO2 ... combined with *, slash and exponents"
        " / 写国际单位或 亩、hm2、km2、亿m3、万t、tce、kWh、元、人、%、t CO2 等，可用乘、除号和指数组合",
    )


class _Parser:
    """Recursive descent over the token list of one unit text."""

    def __init__(self, text: str) -> None:
        self.text = text
        cleaned = text.strip()
        for spelled, plain in _SPELLED.items():
            cleaned = cleaned.replace(spelled, plain)
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(cleaned):
            match = _TOKEN.match(cleaned, at)
            if not match or match.end() == at:
                raise UnitError(f"cannot read the unit {text!r} at {cleaned[at:]!r}.", f"读不懂单位 {text!r}。")
            if match["op"]:
                self.tokens.append(("op", match["op"], 1))
            elif match["atom"]:
                self.tokens.append(("atom", match["atom"], int((match["exp"] or "1").lstrip("^"))))
            at = match.end()
        self.at = 0

    def _peek(self) -> tuple[str, str, int]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", 1)

    def product(self) -> Unit:
        """Factors joined by `*`, `/` or a space, up to a closing bracket or the end."""
        unit = self.factor()
        while (token := self._peek())[0] != "end" and token[1] != ")":
            if token[0] == "op" and token[1] in "*/":
                self.at += 1
                unit = unit * self.factor() if token[1] == "*" else unit / self.factor()
            else:
                unit = unit * self.factor()
        return unit

    def factor(self) -> Unit:
        """A symbol with its exponent and substance, or a bracketed product."""
        kind, symbol, exponent = self._peek()
        self.at += 1
        if kind == "op" and symbol == "(":
            unit = self.product()
            if self._peek()[1] != ")":
                raise UnitError(f"unclosed bracket in the unit {self.text!r}.", f"单位 {self.text!r} 括号不全。")
            self.at += 1
            return unit
        if kind != "atom":
            raise UnitError(f"cannot read the unit {self.text!r}.", f"读不懂单位 {self.text!r}。")
        unit = self._raised(symbol, exponent)
        follower = self._peek()
        if follower[0] == "atom" and follower[1] in _SUBSTANCES and unit.dimensions:
            self.at += 1
            unit = unit * self._raised(follower[1], follower[2])
        return unit

    def _raised(self, symbol: str, exponent: int) -> Unit:
        prefix = next((p for p in _PREFIXES if symbol.startswith(p) and symbol != p), "")
        base = _atom(symbol[len(prefix) :] if prefix else symbol, self.text)  # 亿m3 is 亿 x (m3), not (亿m)3
        scale = base.scale**exponent * (_PREFIXES[prefix] if prefix else 1)
        return Unit(symbol, scale, tuple((n, e * exponent) for n, e in base.dimensions))


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit:
    """Parse a unit text. Raises `UnitError` naming the part that is not understood."""
    parser = _Parser(text)
    if not parser.tokens:
        return Unit("1", Fraction(1), ())
    parsed = parser.product()
    if parser.at < len(parser.tokens):
        raise UnitError(f"cannot read the unit {text!r}.", f"读不懂单位 {text!r}。")
    offset = 273.15 if len(parser.tokens) == 1 and parser.tokens[0][1] == "degC" else 0.0
    return Unit(text.strip(), parsed.scale, parsed.dimensions, offset)


def factor(source: str, target: str) -> float:
    """Multiplier that turns a number in `source` into a number in `target`.

    Raises `UnitError` naming both sides where the dimensions differ. Absolute temperatures need `convert`.
    """
    a, b = unit(source), unit(target)
    if a.dimensions != b.dimensions:
        raise UnitError(
            f"{source!r} ({a.words()}) cannot become {target!r} ({b.words()}).",
            f"{source!r}（{a.words()}）不能换算成 {target!r}（{b.words()}）。",
            fix="give the value in a unit of the same dimension / 换用同一量纲的单位",
        )
    return float(a.scale / b.scale)


def same_zero(a: str, b: str) -> bool:
    """False for degC against K: a factor alone does not turn one into the other."""
    return unit(a).offset == unit(b).offset


def convert(value: Any, source: str, target: str) -> Any:
    """Convert a number or array from `source` to `target` (degC and K are taken as absolute temperatures)."""
    ratio = factor(source, target)
    a, b = unit(source), unit(target)
    if a.offset == b.offset:
        return value if ratio == 1.0 else value * ratio
    return (value * float(a.scale) + a.offset - b.offset) / float(b.scale)


def same_dimension(left: str, right: str) -> bool:
    return unit(left).dimensions == unit(right).dimensions
