"""How a number is written, on pages and in reports: 万/亿 in Chinese, k/M/bn in English, thousand separators, and the unit always
beside it.

Three styles. `exact` keeps the digits that were read and only adds separators, `plain` rounds to three digits for
sentences and figures, `tight` also shortens thousands for narrow columns. English pages turn 亩, 万t and 亿元 into ha, t
and yuan; Chinese pages keep what Chinese statistics print. `column` writes the numbers of one printed column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from qingshan.core.errors import UnitError
from qingshan.core.units import factor

MINUS = "−"
NOTHING = "—"
_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class Written:
    """A number as it is printed: `number` and `unit` apart, so that a page can set the unit smaller."""

    number: str
    unit: str = ""

    @property
    def text(self) -> str:
        return f"{self.number}{_SPACE}{self.unit}" if self.unit else self.number


@dataclass(frozen=True, slots=True)
class _Face:
    """One unit on one language's pages: the unit it is turned into, its word, and whether 万/亿 or k/M/bn may scale it."""

    base: str
    word: str
    scaled: bool = False
    glued: bool = False  # 万 stands before the unit's word as one word: 万亩, 亿元


def _faces(base: str, zh: _Face | str, en: _Face | str) -> tuple[_Face, _Face]:
    return (
        zh if isinstance(zh, _Face) else _Face(base, zh),
        en if isinstance(en, _Face) else _Face(base, en),
    )


def _countable(base: str, zh: str, en: str, *, glued: bool = True, english_base: str = "") -> tuple[_Face, _Face]:
    return _Face(base, zh, scaled=True, glued=glued), _Face(english_base or base, en, scaled=True)


# unit as stored -> how Chinese and English pages print it
_UNITS: dict[str, tuple[_Face, _Face]] = {
    "1": _faces("1", "", ""),
    "index": _faces("1", "", ""),
    "fraction": _faces("1", "", ""),
    "%": _faces("%", "%", "%"),
    "pp": _faces("pp", "个百分点", "points"),
    "‰": _faces("‰", "‰", "‰"),
    "rank": _faces("1", "名", ""),
    "mm": _faces("mm", "毫米", "mm"),
    "mm/a": _faces("mm/a", "毫米/年", "mm a year"),
    "mm/month": _faces("mm/month", "毫米/月", "mm a month"),
    "m": _faces("m", "米", "m"),
    "km": _faces("km", "千米", "km"),
    "km2": _faces("km2", "km²", "km²"),
    "万km2": _countable("km2", "km²", "km²", glued=False),
    "m2": _countable("m2", "m²", "m²", glued=False),
    "hm2": _countable("hm2", "公顷", "ha", english_base="ha"),
    "ha": _countable("hm2", "公顷", "ha", english_base="ha"),
    "万hm2": _countable("hm2", "公顷", "ha", english_base="ha"),
    "亩": _countable("亩", "亩", "ha", english_base="ha"),
    "万亩": _countable("亩", "亩", "ha", english_base="ha"),
    "m3": _countable("m3", "m³", "m³", glued=False),
    "亿m3": _countable("m3", "m³", "m³", glued=False),
    "万m3": _countable("m3", "m³", "m³", glued=False),
    "m3/a": _countable("m3/a", "m³/年", "m³ a year", glued=False),
    "kg": _countable("kg", "千克", "kg"),
    "t": _countable("t", "吨", "t"),
    "万t": _countable("t", "吨", "t"),
    "亿t": _countable("t", "吨", "t"),
    "kt": _countable("t", "吨", "t"),
    "Mt": _countable("t", "吨", "t"),
    "t CO2": _countable("t CO2", "吨 CO₂", "t CO₂"),
    "Mt CO2": _countable("t CO2", "吨 CO₂", "t CO₂"),
    "t CO2e": _countable("t CO2e", "吨 CO₂e", "t CO₂e"),
    "t CO2/hm2": _faces("t CO2/hm2", "吨 CO₂/公顷", "t CO₂/ha"),
    "t C": _countable("t C", "吨碳", "t C"),
    "t O2": _countable("t O2", "吨 O₂", "t O₂"),
    "tce": _countable("tce", "吨标准煤", "tce"),
    "万tce": _countable("tce", "吨标准煤", "tce"),
    "kWh": _countable("kWh", "千瓦时", "kWh"),
    "元": _countable("元", "元", "yuan"),
    "万元": _countable("元", "元", "yuan"),
    "亿元": _countable("元", "元", "yuan"),
    "人": _countable("人", "人", "people"),
    "person": _countable("人", "人", "people"),
    "万人": _countable("人", "人", "people"),
    "人次": _countable("人次", "人次", "visits"),
    "count": _countable("count", "个", ""),
    "个": _countable("count", "个", ""),
    "万个": _countable("count", "个", ""),
    "家": _countable("家", "家", ""),
    "株": _countable("株", "株", "trees"),
    "处": _countable("处", "处", "sites"),
    "座": _countable("座", "座", ""),
    "degC": _faces("degC", "°C", "°C"),
    "ug/m3": _faces("ug/m3", "μg/m³", "μg/m³"),
    "mg/m3": _faces("mg/m3", "mg/m³", "mg/m³"),
    "mg/L": _faces("mg/L", "mg/L", "mg/L"),
    "1/cm3": _faces("1/cm3", "个/cm³", "per cm³"),
    "t/a": _faces("t/a", "吨/年", "t/year"),
    "t/(km2*a)": _faces("t/(km2*a)", "吨/(km²·年)", "t/(km²·year)"),
    "t/(hm2*a)": _faces("t/(hm2*a)", "吨/(公顷·年)", "t/(ha·year)"),
    "t dm": _countable("t dm", "吨干物质", "t dry matter"),
    "t dm/hm2": _faces("t dm/hm2", "吨干物质/公顷", "t dry matter/ha"),
    "t C/hm2": _faces("t C/hm2", "吨碳/公顷", "t C/ha"),
    "m3/hm2": _faces("m3/hm2", "m³/公顷", "m³/ha"),
    "株/hm2": _faces("株/hm2", "株/公顷", "trees/ha"),
    "元/m3": _faces("元/m3", "元/m³", "yuan/m³"),
    "元/t": _faces("元/t", "元/吨", "yuan/t"),
    "元/kWh": _faces("元/kWh", "元/千瓦时", "yuan/kWh"),
    "元/hm2": _faces("元/hm2", "元/公顷", "yuan/ha"),
}
_ALIASES = {
    "": "1", "-": "1", "‰": "‰", "per mille": "‰", "permille": "‰", "percentage points": "pp", "°C": "degC", "℃": "degC",
    "μg/m3": "ug/m3", "fraction*m2": "m2", "公顷": "hm2", "yuan": "元", "CNY": "元",
}  # fmt: skip
_STEPS = {
    "zh": ((1e12, "万亿"), (1e8, "亿"), (1e4, "万")),
    "en": ((1e9, "bn"), (1e6, "M"), (1e3, "k")),
}


def _pretty(symbol: str) -> str:
    """A unit without an entry of its own: exponents raised, products dotted."""
    raised = re.sub(r"\^?(?<=[A-Za-z])(-?[23])", lambda m: {"2": "²", "3": "³"}.get(m[1], m[1]), symbol)
    return raised.replace("*", "·").replace("CO2", "CO₂")


@lru_cache(maxsize=1024)
def _face(unit: str, lang: str) -> _Face:
    name = _ALIASES.get(unit, unit)
    pair = _UNITS.get(name)
    if pair is None:
        return _Face(name, _pretty(name))
    return pair[0] if lang == "zh" else pair[1]


def _turn(value: float, unit: str, face: _Face) -> float:
    name = _ALIASES.get(unit, unit)
    if name == face.base:
        return value
    try:
        return value * factor(name, face.base)
    except UnitError:
        return value


def digits(value: float, significant: int = 3) -> str:
    """`significant` digits at least, never fewer than the integer part has; half to even; no trailing zeros."""
    if value == 0:
        return "0"
    exact = Decimal(repr(float(value)))
    places = max(0, significant - 1 - exact.adjusted())
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return _separated(rounded)


def _separated(value: Decimal) -> str:
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS) if text not in ("-0", "-") else "0"


def _exact(value: float, read: float, turned: bool) -> str:
    """All digits of `read`, printed for `value`; where a conversion made the digits, no more of them than were read."""
    count = max(3, len(Decimal(repr(float(read))).normalize().as_tuple().digits))
    if turned and value:
        exact = Decimal(repr(float(value)))
        value = float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - count + 1), ROUND_HALF_EVEN))
    return digits(value, count)


def _decimal_shift(source: str, target: str) -> bool:
    """Whether two units differ by a power of ten only, so that a conversion keeps the digits."""
    try:
        return math.log10(factor(source, target)) % 1 == 0
    except UnitError:
        return True


TIGHT = 1e5
"""Thousands are shortened from here on: below it the number itself is as short, and small ones beside it stay readable."""


def _step(magnitude: float, lang: str, style: str, face: _Face) -> tuple[float, str]:
    if not face.scaled or not math.isfinite(magnitude):
        return 1.0, ""
    for size, word in _STEPS[lang]:
        if lang == "en" and size == 1e3 and (style != "tight" or magnitude < TIGHT):
            continue
        if round(magnitude, 6) >= size:
            return size, word
    return 1.0, ""


def _printed_step(unit: str, lang: str) -> tuple[float, str]:
    """A printed figure keeps its scale: 22667.1 亿元 stays in 亿元, 247287 人 stays whole. 0 leaves the choice open, as
    for 亿元 on an English page, which becomes bn yuan."""
    scaled = next(((size, word) for size, word in _STEPS["zh"] if unit.startswith(word)), None)
    if scaled:
        return scaled if lang == "zh" else (0.0, "")
    return (0.0, "") if unit[:2] in ("kt", "Mt", "Gt") else (1.0, "")


def _word(face: _Face, step: str, lang: str) -> str:
    if not step:
        return face.word
    if lang == "zh":
        return f"{step}{face.word}" if face.glued or not face.word else f"{step}{_SPACE}{face.word}"
    if step in ("k", "M") and face.word.partition(" ")[0] == "t":
        return f"{step}{face.word}"  # kt, Mt: prefixes of the tonne
    return f"{step}{_SPACE}{face.word}" if face.word else step


def write_many(
    values: Iterable[float | None], unit: str, lang: str, style: str = "plain", like: float | None = None
) -> tuple[list[str], str]:
    """Numbers that stand together (a range, a column): one scale and one unit word for all. Gaps become an em dash.

    The largest chooses the scale, or a number `like` another in the same unit.
    """
    given = list(values)
    face = _face(unit, lang)
    turned = [None if v is None else _turn(v, unit, face) for v in given]
    size, word = _printed_step(unit, lang) if style == "exact" else (0.0, "")
    if not size:
        largest = max((abs(v) for v in turned if v is not None), default=0.0)
        size, word = _step(largest if like is None else abs(_turn(like, unit, face)), lang, style, face)
    texts = []
    kept = _decimal_shift(_ALIASES.get(unit, unit), face.base)
    for read, value in zip(given, turned, strict=True):
        if value is None or read is None or not math.isfinite(value):
            texts.append(NOTHING)
        else:
            texts.append(_exact(value / size, read, turned=not kept) if style == "exact" else digits(value / size))
    return texts, _word(face, word, lang)


def write(value: float | None, unit: str, lang: str, style: str = "plain") -> Written:
    """One number with its unit."""
    texts, word = write_many([value], unit, lang, style)
    return Written(texts[0], word if value is not None else "")


def interval(low: float, high: float, unit: str, lang: str, style: str = "plain") -> Written:
    """507–541: a figure that is itself an interval, or a range beside a figure."""
    (a, b), word = write_many([low, high], unit, lang, style)
    return Written(a if a == b else f"{a}–{b}", word)


_ENGLISH_PARTS = (("万亿", "10¹² "), ("亿", "10⁸ "), ("万", "10⁴ "), ("亩", "mu"), ("元", "yuan"))


def declared_word(unit: str, lang: str) -> str:
    """A unit exactly as declared, beside numbers that are not turned: 万m3 stays 万m³ and never becomes m³."""
    name = _ALIASES.get(unit, unit)
    face = _face(unit, lang)
    if face.base == name:
        return face.word
    text = _pretty(name)
    for part, said in _ENGLISH_PARTS if lang == "en" else ():
        text = text.replace(part, said)
    return text


def unit_word(unit: str, lang: str) -> str:
    """The unit alone, for column heads and axes whose numbers are not scaled."""
    return _face(unit, lang).word


def axis_scale(values: Iterable[float | None], unit: str, lang: str) -> tuple[Callable[[float], float], str]:
    """One function for a whole axis from stored to printed numbers, and the unit word of that axis."""
    face = _face(unit, lang)
    present = [abs(_turn(v, unit, face)) for v in values if v is not None]
    size, word = _step(max(present, default=0.0), lang, "tight", face)
    return lambda v: _turn(v, unit, face) / size, _word(face, word, lang)


def column(values: Iterable[float | None], unit: str, lang: str, significant: int = 4) -> tuple[list[str], str]:
    """Numbers of one column: one scale, one unit word, one count of decimals.

    The decimals give `significant` digits of the largest, and up to two more places where the smallest needs them for three.
    A value too small even for those keeps two digits of its own, so that it is never printed as zero.
    """
    given = list(values)
    scale, word = axis_scale(given, unit, lang)
    scaled = [None if v is None or not math.isfinite(v) else scale(v) for v in given]
    sizes = [abs(v) for v in scaled if v]
    places = 0
    if sizes:
        by_largest, by_smallest = (
            n - 1 - Decimal(repr(float(v))).adjusted() for n, v in ((significant, max(sizes)), (3, min(sizes)))
        )
        places = min(4, max(0, by_largest, min(2, by_smallest)))
    return [NOTHING if v is None else _placed(v, places) for v in scaled], word


def _placed(value: float, places: int) -> str:
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    if value and not rounded:
        return digits(value, 2)
    return f"{rounded:,f}".replace("-", MINUS) if rounded else "0"


_HAN = "零一二三四五六七八九"
_ENGLISH = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def counted(n: int, lang: str, *, capital: bool = False) -> str:
    """A small count as a word (四, four; 十二, twelve), a larger one in digits."""
    if lang == "zh":
        if n < 0 or n > 99:
            return f"{n:,}"
        if n == 2:
            return "两"
        tens, ones = divmod(n, 10)
        head = "" if tens == 0 else ("十" if tens == 1 else f"{_HAN[tens]}十")
        return head + (_HAN[ones] if ones or not tens else "")
    word = _ENGLISH[n] if 0 <= n < len(_ENGLISH) else f"{n:,}"
    return word[:1].upper() + word[1:] if capital else word


def joined(parts: list[str], lang: str) -> str:
    """甲、乙和丙; a, b and c."""
    if lang == "zh":
        return "、".join(parts)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
