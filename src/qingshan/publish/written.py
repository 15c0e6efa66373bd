"""Facts as printed words: cells of a column with one scale, figures inside a sentence, identifiers that may break."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from qingshan.accounts.figure import Refusal
from qingshan.accounts.run import Fact
from qingshan.core.method import REGISTRY
from qingshan.core.units import factor

from .numbers import NOTHING, column, interval, write
from .words import Words

_BREAK = "\u200b"
_LONG, _MANY = 20, 3
_KINDS = {"partial": "ink", "synthetic": "dashed", "open": "alarm", "error": "alarm"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed table cell. `kind`: '' | strong | muted | id | refused; `sub` is the small line below, `tail` small words after.

    `badges` are (id, word) of labels.
    """

    text: str = ""
    kind: str = ""
    sub: str = ""
    badges: tuple[tuple[str, str], ...] = ()
    span: int = 1
    tail: str = ""

    def record(self) -> dict[str, object]:
        marks = [{"kind": _KINDS.get(id, "grey"), "text": word} for id, word in self.badges]
        return {
            "text": self.text,
            "kind": self.kind,
            "sub": self.sub,
            "badges": marks,
            "span": self.span,
            "tail": self.tail,
        }


def badge(words: Words, id: str, section: str = "label") -> tuple[str, str]:
    return id, words.maybe(f"{section}.{id}", id)


def mark(words: Words, label: str) -> dict[str, str]:
    """A label's badge as the template draws it."""
    return {"kind": _KINDS.get(label, "grey"), "text": badge(words, label)[1]}


def figure_cells(facts: Sequence[Fact | None], unit: str, words: Words) -> tuple[list[Cell], str]:
    """Cells of one column in one scale, and the unit word of that column. A refused cell says so, a missing one is a dash."""
    flat: list[float] = []
    for fact in facts:
        flat += _numbers(fact, unit)
    texts, word = column(flat, unit, words.lang)
    queue = iter(texts)
    return [_figure_cell(fact, queue, words) for fact in facts], word


def _numbers(fact: Fact | None, unit: str) -> list[float]:
    """The numbers a cell prints, in `unit`: value or span, then range."""
    if fact is None or fact.refused or fact.low is None or fact.high is None:
        return []
    ratio = factor(fact.unit, unit)
    own = [fact.low, fact.high] if fact.span else [fact.low]
    return [v * ratio for v in (*own, *(fact.range or ()))]


def _figure_cell(fact: Fact | None, take: Iterator[str], words: Words) -> Cell:
    if fact is None:
        return Cell(NOTHING, "muted")
    if fact.refused:
        return Cell(words("word.refused"), "refused")
    if fact.low is None:
        return Cell(NOTHING, "muted")
    shown = _joined(next(take), next(take)) if fact.span else next(take)
    reach = _joined(next(take), next(take)) if fact.range else ""
    return Cell(shown, "", reach)


def _joined(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def sentence_figure(fact: Fact, lang: str) -> str:
    """The figure as it stands in a sentence: 3,601–3,843 亿元."""
    if fact.span:
        return interval(*fact.span, fact.unit, lang).text
    return write(fact.value, fact.unit, lang).text


def sentence_range(fact: Fact, lang: str) -> str:
    return interval(*fact.range, fact.unit, lang).text if fact.range else ""


def identifier(text: str) -> str:
    """An id that may break after a dot, a slash, a hyphen or an underscore."""
    for mark in "._/-":
        text = text.replace(mark, mark + _BREAK)
    return text


_SYMBOLS = {
    "alpha": "α",
    "gamma": "γ",
    "lambda": "λ",
    "phi": "φ",
    "omega": "ω",
    "rho": "ρ",
    "rho_w": "ρ_w",
    "eps": "ε",
    ">=": "≥",
    "<=": "≤",
}
_WORD = re.compile(r"\b(?:alpha|gamma|lambda|phi|omega|rho_w|rho|eps)\b|>=|<=|\bsum(?! of)\b| - ")


def formula(text: str) -> str:
    """A printed equation with its Greek letters, sums and minus signs set as such; long identifiers may break."""
    set_ = _WORD.sub(lambda m: {"sum": "Σ", " - ": " − "}.get(m[0]) or _SYMBOLS[m[0]], text)
    return " ".join(identifier(token) if len(token) > _LONG else token for token in set_.split(" "))


def equation_words(printed: str) -> tuple[str, str]:
    """A row of a tree equation, `form: coefficients`, as the formula of its form and its coefficients by their letters:
    `W = a (D^2 H)^b`, `a = 0.06, b = 0.938`. A form that no method has stays as it is."""
    form, _, rest = printed.partition(": ")
    ref, values = f"forest.tree@{form}", rest.split(", ") if rest else []
    if ref not in REGISTRY:
        return printed, ""
    text = REGISTRY[ref].formula
    letters = dict.fromkeys(re.findall(r"\b[a-e]\d?\b", text.partition("=")[2]))
    if len(letters) != len(values):
        return printed, ""
    return text, ", ".join(f"{k} = {v}" for k, v in zip(letters, values, strict=True))


Names = Callable[[str], tuple[str, str]]


def lacking(refusals: Iterable[Refusal | None], words: Words, names: Names, limit: int = 8) -> str:
    """What many refused cells lack in common: documents, and the names of the quantities where no document is named."""
    leaves = [leaf for refusal in refusals if refusal for leaf in refusal.leaves()]
    found = dict.fromkeys(
        leaf.document or words.pick(*names(leaf.needs)) for leaf in leaves if leaf.document or leaf.needs
    )
    return _listed(list(found), words, words.pick("、", ", "), limit)


def why(refusals: Iterable[Refusal | None], words: Words, names: Names | None = None, limit: int = 6) -> str:
    """What would fill the refused figures: documents first, and the reason itself where no document is named.

    With `names`, more than three reasons are said as the list of what is lacking.
    """
    known = [refusal for refusal in refusals if refusal]
    leaves = {leaf.key: leaf for refusal in known for leaf in refusal.leaves()}.values()
    if names and sum(not leaf.document for leaf in leaves) > _MANY:
        return words("note.lacking", things=lacking(known, words, names, limit))
    found = dict.fromkeys(leaf.document or words.pick(leaf.zh, leaf.en) for leaf in leaves)
    return _listed([text.rstrip("。.；; ") for text in found], words, words.pick("；", "; "), limit)


def _listed(found: list[str], words: Words, between: str, limit: int) -> str:
    more = words.pick(f" 等 {len(found)} 项", f" and {len(found) - limit} more") if len(found) > limit else ""
    return between.join(found[:limit]) + more
