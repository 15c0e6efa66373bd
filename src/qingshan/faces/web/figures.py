"""One shape for every number on a page, whether it was read (`InputFact`) or worked out (`Fact` of a run)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from qingshan.accounts.run import Fact, Refusal, Run
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact

from .names import capital
from .page import Cell, Column, Table
from .words import Words

READ_LABELS = {
    "secondary": "secondary",
    "news": "news",
    "ocr_doubt": "ocr_doubt",
    "primary": "primary",
    "project": "project",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with everything that must stand beside it. `value` None with a refusal: 拒算; with a span: an interval.

    `unit` is the unit of `value`, `span` and `range`. `labels` are ids of badges, gravest first.
    """

    quantity: str
    zh: str
    en: str
    place: str
    period: str
    unit: str
    value: float | None = None
    span: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    status: str = ""
    source: str = ""
    note: str = ""
    key: str = ""
    exact: bool = False
    worked: bool = False
    refusal: Refusal | None = None

    @property
    def known(self) -> bool:
        return self.value is not None or self.span is not None

    @property
    def middle(self) -> float | None:
        """A number to draw and rank by: the figure, or the middle of its interval."""
        if self.value is not None or self.span is None:
            return self.value
        return (self.span[0] + self.span[1]) / 2

    def written(self, lang: str, style: str = "") -> numbers.Written:
        style = style or ("exact" if self.exact else "plain")
        if self.span is not None and self.value is None:
            return numbers.interval(*self.span, self.unit, lang, "plain")
        return numbers.write(self.value, self.unit, lang, style)

    def written_range(self, lang: str) -> str:
        """The range over declared parameters in the same scale as the figure, without the unit."""
        if self.range is None or self.middle is None:
            return ""
        texts, _ = numbers.write_many([self.middle, *self.range], self.unit, lang)
        return f"{texts[1]}–{texts[2]}" if texts[1] != texts[2] else ""

    def document(self) -> str:
        """The documents that would fill a refused figure, each once."""
        if self.refusal is None:
            return ""
        return "; ".join(dict.fromkeys(leaf.document for leaf in self.refusal.leaves() if leaf.document))

    def name(self, lang: str) -> str:
        """The quantity's name, with a capital in English as at the head of a line."""
        return self.zh if lang == "zh" else capital(self.en)


_GRAVITY = (
    "synthetic", "demonstration", "unit_assumed", "partial", "draft", "screening", "estimated",
    "transferred", "project", "ocr_doubt", "news", "secondary", "primary",
)  # fmt: skip


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels once each, gravest first; unknown ones last."""
    return tuple(sorted(set(labels), key=lambda x: (_GRAVITY.index(x) if x in _GRAVITY else len(_GRAVITY), x)))


def shared(labels: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Labels that stand in every one of several lists, in the order of the first."""
    given = list(labels)
    return tuple(x for x in given[0] if all(x in other for other in given)) if given else ()


def of_input(fact: InputFact, names: tuple[str, str], *, synthetic: bool = False) -> Figure:
    """A printed figure. A row that its own note calls screening keeps that label."""
    labels = {READ_LABELS[fact.status]} if fact.status in READ_LABELS else set()
    if "screening" in fact.note:
        labels.add("screening")
    if synthetic:
        labels.add("synthetic")
    parts = list(dict.fromkeys(p for p in (fact.source_title, fact.issuer) if p))
    source = ("，" if any("\u4e00" <= ch <= "\u9fff" for ch in parts[-1]) else ", ").join(parts) if parts else ""
    return Figure(
        fact.quantity, names[0] or fact.name_zh, names[1] or fact.name_zh, fact.place, fact.period, fact.unit, fact.value,
        labels=ordered(labels), status=fact.status, source=source, note=fact.note, key=fact.key, exact=True,
    )  # fmt: skip


_INTERVALS: WeakKeyDictionary[Run, dict[str, tuple[float, float]]] = WeakKeyDictionary()


def intervals(run: Run) -> dict[str, tuple[float, float]]:
    """The 5 and 95 % points of each figure over the draws of a run; empty where its uncertainty was not assessed."""
    if run not in _INTERVALS:
        _INTERVALS[run] = {str(r["key"]): (float(r["p5"]), float(r["p95"])) for r in run.uncertainty[1:]}
    return _INTERVALS[run]


def of_run(run: Run, fact: Fact) -> Figure:
    """A worked-out cell, in the unit its profile shows it in where it declares one."""
    known = run.quantity(fact.quantity)
    labels = set(fact.labels) | (
        {"draft"} if run.profile.draft and run.profile.id != "screening" and not fact.refused else set()
    )
    return Figure(
        fact.quantity, known["zh"], known["en"], fact.place, fact.period, fact.unit, fact.value, fact.span, fact.range or intervals(run).get(fact.key),
        ordered(labels), "", run.profile.zh, "", fact.key, worked=True, refusal=fact.refusal,
    )  # fmt: skip


def input_titles(run: Run | None, figure: Figure) -> list[str]:
    """Titles of the printed inputs that a worked-out figure stands on, each once."""
    if run is None:
        return []
    titles: dict[str, None] = {}
    seen, queue = set(), [figure.key]
    while queue:
        key = queue.pop()
        node = run.nodes.get(key)
        if node is None or key in seen:
            continue
        seen.add(key)
        if node.kind == "input" and node.row and node.row.get("source_title"):
            titles[str(node.row["source_title"])] = None
        queue += [child for _, child in node.args]
    return list(titles)


# ---- the same figures as rows for the exports ------------------------------------------------------------------------

FIGURE_COLUMNS = (
    Column("place_code", "地点代码", "place code"),
    Column("place", "地点", "place"),
    Column("quantity", "指标代号", "quantity id"),
    Column("name", "指标", "quantity"),
    Column("period", "时期", "period"),
    Column("value", "数值", "value", mark="key"),
    Column("low", "区间下限", "interval low"),
    Column("high", "区间上限", "interval high"),
    Column("range_low", "参数范围下限", "range low"),
    Column("range_high", "参数范围上限", "range high"),
    Column("unit", "单位", "unit"),
    Column("labels", "标注", "labels"),
    Column("status", "来源级别", "status"),
    Column("source", "出处", "source"),
    Column("reason", "拒算原因", "reason refused"),
    Column("document", "补它的文件", "document that fills it"),
    Column("note", "说明", "note"),
    Column("key", "来历键", "pedigree key"),
)


def row_of(figure: Figure, place_name: str, t: Words, **more: Cell) -> dict[str, Cell]:
    """One export row; labels in words of the page's language, the stored number and unit untouched."""
    low, high = figure.span or (None, None)
    range_low, range_high = figure.range or (None, None)
    return {
        "place_code": figure.place, "place": place_name, "quantity": figure.quantity, "name": figure.name(t.lang),
        "period": figure.period, "value": figure.value, "low": low, "high": high, "range_low": range_low,
        "range_high": range_high, "unit": figure.unit, "labels": "; ".join(label_word(x, t) for x in figure.labels),
        "status": figure.status, "source": figure.source,
        "reason": t.pick(figure.refusal.zh, figure.refusal.en) if figure.refusal else "",
        "document": figure.document(), "note": figure.note, "key": figure.key, **more,
    }  # fmt: skip


def label_word(label: str, t: Words) -> str:
    return t(f"badge.{label}.word") if t.has(f"badge.{label}.word") else label


def figures_table(name: str, zh: str, en: str, figures: Iterable[Figure], place_names: Mapping[str, str], t: Words,
                  extra: tuple[Column, ...] = (), more: Mapping[str, Mapping[str, Any]] | None = None) -> Table:  # fmt: skip
    """A table of figures with every standing column; `more` adds values of `extra` by place code."""
    rows = [row_of(f, place_names.get(f.place, f.place), t, **(more or {}).get(f.place, {})) for f in figures]
    return Table(name, zh, en, (*FIGURE_COLUMNS[:5], *extra, *FIGURE_COLUMNS[5:]), rows, "place_code")
