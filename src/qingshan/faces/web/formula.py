"""Sets the plain text of a formula as mathematics: sub- and superscripts, Greek letters, × and −, powers of ten.

    typeset("ET = P (1 + phi - (1 + phi^omega)^(1/omega)), phi = PET/P")

One letter is a variable and slanted, several letters are a name and upright, as in printed standards. Whatever is not
understood is printed as it stands: a rule in words stays words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup, escape

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "eps": "ε",
    "epsilon": "ε",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "omega": "ω",
    "sum": "Σ",
    "Delta": "Δ",
    "Sum": "Σ",
    "sqrt": "√",
}
_UPRIGHT = {"Σ", "√", "Δ", "π"}
_SIGNS = ((">=", "≥"), ("<=", "≤"), ("..", "…"), ("*", "·"), ("-", "−"))
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e(-?\d+))?")
_NAME = re.compile(r"[A-Za-z]+(?:\d+(?![\d.]))?'?|[^\W\d_a-zA-Z]+")
_LETTERS = re.compile(r"([A-Za-z]+?)(\d+)?('?)")
_WORD = re.compile(r"[a-z]{4,}(?:_[a-z]{2,})+")  # a rule's own word, such as floor_zero
_REFERENCE = re.compile(r"[a-z]\w*(?:\.\w+)+@\w+")  # another method
_HYPHEN = re.compile(r"(?<=[a-z]{3})-(?=[a-z]{3})")
_UNITS = {"m2", "m3", "km2", "hm2", "cm3"}
_TOKEN = re.compile(r"(?P<name>[A-Za-z]\w*'?)|(?P<number>\d[\d,]*(?:\.\d+)?(?:e-?\d+)?)|(?P<space>\s+)|(?P<sign>.)")


def lines(formula: str) -> list[str]:
    """The parts of a formula that are printed on lines of their own."""
    return [part.strip() for part in re.split(r";\s+", formula) if part.strip()]


@lru_cache(maxsize=1024)
def typeset(formula: str) -> Markup:
    """HTML of one line of a formula; every character that is not markup of ours is escaped."""
    return Markup(_Setter(formula).run())  # noqa: S704 - built from escaped parts


def filled(formula: str, numbers: Mapping[str, str]) -> Markup | None:
    """The right side with numbers in the place of symbols; None where it names anything else (a series, a rule).

    `numbers` maps a symbol to its printed number, an interval in brackets: `{"A": "1,840", "Y": "458.1"}`.
    """
    _, equals, right = formula.partition("=")
    if not equals or "=" in right or any(mark in right for mark in "<>;,^_{") or not right.strip():
        return None
    parts: list[str] = []
    factor = False  # whether a further factor may follow without a sign
    for token in _TOKEN.finditer(right.strip()):
        if token["space"]:
            continue
        text, opens = token[0], token[0] == "("
        if token["name"]:
            if text not in numbers:
                return None
            shown = str(escape(numbers[text]))
        else:
            shown = str(typeset(text)) if token["number"] else _sign(text)
        operand = bool(token["name"] or token["number"])
        if factor and (operand or opens):
            shown = f" × {shown}"
        elif not operand and text in "+-*":
            shown = f" {shown} "
        parts.append(shown)
        factor = operand or text == ")"
    return Markup("".join(parts))  # noqa: S704 - built from escaped parts


def names(formula: str) -> list[str]:
    """The symbols on the right side, each once, in order."""
    return list(dict.fromkeys(m[0] for m in _TOKEN.finditer(formula.partition("=")[2]) if m["name"]))


def _sign(text: str) -> str:
    return {"*": "×", "-": "−"}.get(text, str(escape(text)))


class _Setter:
    """One pass over the text, left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def run(self) -> str:
        out: list[str] = []
        while self.at < len(self.text):
            out.append(self.step())
        return "".join(out)

    def step(self) -> str:
        here = self.text[self.at]
        if here in "^_":
            return self.raised(here)
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return _number(match)
        if match := _REFERENCE.match(self.text, self.at) or _WORD.match(self.text, self.at):
            self.at = match.end()
            return match[0]
        if match := _NAME.match(self.text, self.at):
            self.at = match.end()
            return _name(match[0])
        return self.sign(here)

    def sign(self, here: str) -> str:
        """One sign of the text: a minus unless it joins two words."""
        if not _HYPHEN.match(self.text, self.at):
            for plain, printed in _SIGNS:
                if self.text.startswith(plain, self.at):
                    self.at += len(plain)
                    return printed
        self.at += 1
        return str(escape(here))

    def raised(self, mark: str) -> str:
        """`^2`, `^(1/omega)`, `_i`, `_{i=1..n}`; a mark with nothing behind it is printed as it is."""
        tag = "sup" if mark == "^" else "sub"
        self.at += 1
        if inside := self._bracketed():
            return f"<{tag}>{_Setter(inside).run()}</{tag}>"
        match = re.compile(r"-?(?:\d+(?:\.\d+)?|[^\W_]+)").match(self.text, self.at)
        if not match:
            return mark
        self.at = match.end()
        return f"<{tag}>{_Setter(match[0]).run()}</{tag}>"

    def _bracketed(self) -> str:
        """The inside of a bracket that opens here; '' where none opens or none closes."""
        pairs = {"(": ")", "{": "}"}
        opening = self.text[self.at : self.at + 1]
        if opening not in pairs:
            return ""
        depth = 0
        for i in range(self.at, len(self.text)):
            depth += (self.text[i] == opening) - (self.text[i] == pairs[opening])
            if depth == 0:
                inside = self.text[self.at + 1 : i]
                self.at = i + 1
                return inside
        return ""


def _number(match: re.Match[str]) -> str:
    """1e6 -> 10⁶, 6.75e-7 -> 6.75 × 10⁻⁷."""
    if match[1] is None:
        return match[0]
    mantissa = match[0].split("e")[0]
    power = f"10<sup>{match[1].replace('-', '−')}</sup>"
    return power if mantissa == "1" else f"{mantissa} × {power}"


def _name(word: str) -> str:
    if word in _UNITS:
        return f"{word[:-1]}<sup>{word[-1]}</sup>"
    match = _LETTERS.fullmatch(word)
    if not match:
        return str(escape(word))
    letters, digits, prime = match[1], match[2] or "", "′" if match[3] else ""
    said = GREEK.get(letters, letters)
    body = f"<i>{said}</i>" if len(said) == 1 and said not in _UPRIGHT else said
    return body + (f"<sub>{digits}</sub>" if digits else "") + prime
