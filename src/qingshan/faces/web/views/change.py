"""Change: what became of the land? Opening × closing classes of a place as flows, as a matrix, and by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.extent import CHANGE, CLASS_CHANGES, UNALLOCATED
from qingshan.accounts.groups import group_measures
from qingshan.accounts.run import Fact, Run
from qingshan.core.errors import UnknownName
from qingshan.core.method import REGISTRY
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, of_run, row_of
from qingshan.faces.web.names import bare
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.ramps import LOOKS, palette_of
from qingshan.faces.web.sankey import Flow, Sankey
from qingshan.faces.web.site import Ask, last_year
from qingshan.publish import numbers

METHODS = {q.removeprefix("extent.class_"): ref for q, ref in CLASS_CHANGES.items()}
SHOWN = ("moved", "all")
NONE = {"light": "#b9b3a8", "dark": "#6d685f"}


@dataclass(frozen=True)
class Matrix:
    """Areas of opening × closing class of one place and period, as figures of the run."""

    place: str
    period: str
    opening: str
    classes: tuple[str, ...]
    cells: Mapping[tuple[str, str], Figure]

    def area(self, start: str, end: str) -> float:
        figure = self.cells.get((start, end))
        return (figure.value or 0.0) if figure else 0.0

    def entries(
        self, moved: bool, start: str = "", end: str = "", group: Sequence[str] = ()
    ) -> dict[tuple[str, str], Figure]:
        """The entries, or only those off the diagonal; `start`, `end` keep one opening or closing class.

        `group` keeps what touches one of its classes; of the changes those into or out of it, for a change inside a group is none.
        """
        return {
            (a, b): f
            for (a, b), f in self.cells.items()
            if not (moved and a == b)
            and start in ("", a)
            and end in ("", b)
            and (not group or ((a in group) != (b in group) if moved else a in group or b in group))
        }

    @property
    def whole(self) -> float:
        return summed(self.cells.values())

    @property
    def moved(self) -> float:
        return summed(self.entries(moved=True).values())

    @property
    def share(self) -> float:
        """Share of the area that changed its class, %."""
        return 100 * self.moved / (self.whole or 1.0)


def summed(figures: Iterable[Figure]) -> float:
    """Their sum, rounded once."""
    return math.fsum(f.value or 0.0 for f in figures)


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=` (the closing one), `?profile=` choose the matrix; `?of=all` also draws what stayed."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run, question = ask.run, ask.t("change.question")
    periods = periods_of(run)
    if run is None or not periods:
        return Page("change_empty.html", ask.t("change.empty"), {"question": question})
    period = period_of(ask, periods)
    matrix = matrix_of(ask, run, ask.place.code, period)
    shown, choices = ask.query.get("of", SHOWN[0]), (*SHOWN, *run.groups)
    if shown not in choices:
        raise UnknownName(f"?of= is one of {', '.join(choices)}.", f"?of= 可取 {'、'.join(choices)}。")
    names = class_names(ask)
    below = [matrix_of(ask, run, code, period) for code in ask.zone.children(ask.place.code)]
    rows, groups = _by_class(run, matrix, names), _by_group(ask, run, matrix)
    words = {s: ask.t(f"change.shown.{s}") for s in SHOWN} | {g["cls"]: g["name"] for g in groups}
    labels = sorted({label for f in matrix.cells.values() for label in f.labels})
    context: dict[str, Any] = {
        "run": run, "question": question, "headline": _headline(ask, matrix, names), "lead": _lead(ask, matrix), "labels": labels,
        "period": period, "periods": [(p, _word(ask, p)) for p in periods], "span": _span(period), "matrix": matrix, "names": names,
        "chart": _sankey(ask, matrix, names, shown), "shown": shown,
        "unmoved": ask.t("change.none") if shown in SHOWN else ask.t("change.none_group", group=words[shown]), "tabs": list(words.items()),
        "rows": rows, "groups": groups, "methods": {k: ref for k, ref in METHODS.items() if ref in REGISTRY}, "below": _places(ask, below),
        "leads": _leads(ask, ask.place.code) if matrix.cells else {}, "crumbs": crumbs(ask, "/account/change"),
        "opening_word": _word(ask, matrix.opening), "closing_word": _word(ask, period), "short_area": numbers.digits,
    }  # fmt: skip
    tables = [_matrix_table(ask, [matrix], names), _class_table(rows), *([_group_table(groups)] if groups else [])]
    if any(m.cells for m in below):
        tables.append(_matrix_table(ask, below, names, "places", "下级地点", "Places below"))
    return Page(
        "change.html",
        context["headline"],
        context,
        tables,
        [ask.place.code],
        [ask.t.pick(run.profile.zh, run.profile.en)],
        labels,
    )


# ---- what was asked for ----------------------------------------------------------------------------------------------


def periods_of(run: Run | None) -> list[str]:
    """Periods with a change matrix, the newest first."""
    if run is None:
        return []
    have = {f.period for f in run.facts if f.quantity == CHANGE}
    return [p for p in reversed(list(run.manifest["periods"])) if p in have]


def period_of(ask: Ask, periods: Sequence[str]) -> str:
    """The closing period that was asked for, else the newest."""
    asked = ask.query.get("period", "")
    same = [p for p in periods if p == asked or (ask.span and last_year(p) == ask.span[1])]
    return same[0] if same else periods[0]


def _span(period: str) -> tuple[int, int] | None:
    year = last_year(period)
    return (year, year) if year else None


def _word(ask: Ask, period: str) -> str:
    return bare(period_word(period, ask.t, ask.zone))


def class_names(ask: Ask) -> dict[str, str]:
    """Class id -> name, in the order of the zone; cells without a class in one of the periods last."""
    rows = ask.zone.config.get("extent", {}).get("class", ())
    return {str(r["id"]): ask.t.pick(str(r["zh"]), str(r["en"])) for r in rows} | {
        UNALLOCATED: ask.t("change.no_class")
    }


def matrix_of(ask: Ask, run: Run, place: str, period: str) -> Matrix:
    """The matrix of a place and its closing period."""
    facts = [f for f in run.select(CHANGE, place, None, period, None) if ">" in f.cls]
    cells = {_pair(f): of_run(run, f) for f in facts if not f.refused and f.value}
    order = [c for c in class_names(ask) if any(c in pair for pair in cells)]
    periods = [p.id for p in ask.zone.periods]
    at = periods.index(period)
    return Matrix(place, period, periods[at - 1] if at else "", tuple(order), cells)


def _pair(fact: Fact) -> tuple[str, str]:
    start, _, end = fact.cls.partition(">")
    return start, end


# ---- what is said ----------------------------------------------------------------------------------------------------


def _headline(ask: Ask, matrix: Matrix, names: Mapping[str, str]) -> str:
    """How much changed, and the largest change."""
    t = ask.t
    moves = sorted(((f.value or 0.0, pair) for pair, f in matrix.cells.items() if pair[0] != pair[1]), reverse=True)
    words = {
        "first": _word(ask, matrix.opening),
        "second": _word(ask, matrix.period),
        "place": bare(ask.short(matrix.place)),
    }
    if not matrix.cells:
        return t("change.headline.nothing", **words)
    if not moves:
        return t("change.headline.same", **words)
    value, (start, end) = moves[0]
    share = numbers.digits(round(matrix.share, 1))
    return t(
        "change.headline.moved",
        share=share,
        area=numbers.write(value, "hm2", ask.lang).text,
        start=names[start],
        end=names[end],
        **words,
    )


def _lead(ask: Ask, matrix: Matrix) -> str:
    whole, moved = (numbers.write(v, "hm2", ask.lang).text for v in (matrix.whole, matrix.moved))
    return ask.t("change.lead", whole=whole, moved=moved) if matrix.cells else ""


def _sankey(ask: Ask, matrix: Matrix, names: Mapping[str, str], shown: str) -> Sankey | None:
    group = members_of(ask, shown) if shown not in SHOWN else ()
    drawn = matrix.entries(shown != "all", group=group)
    flows = [Flow(a, b, f.value or 0.0, ask.pedigree(f.key)) for (a, b), f in drawn.items()]
    if not flows:
        return None
    colours, more = _colours(ask), {"group": shown} if group else {}
    of = "whole" if shown == "all" else "moved"
    leads = {
        (k, c): _leads(ask, matrix.place, **{k: c}, **more)[f"{of}_href"]
        for k in ("from", "to")
        for c in matrix.classes
    }
    return Sankey("change", flows, names, {c: colours.get(c, NONE) for c in names}, "hm2", ask.lang, _matrix_table(ask, [matrix], names),
                  (_word(ask, matrix.opening), _word(ask, matrix.period)), leads)  # fmt: skip


def _colours(ask: Ask) -> dict[str, dict[str, str]]:
    """The colours of the map for the same classes."""
    rows = [r for r in ask.zone.config.get("extent", {}).get("class", ()) if "code" in r]
    palette = palette_of([int(r["code"]) for r in rows])
    return {str(r["id"]): {look: palette.colours[look][int(r["code"])] for look in LOOKS} for r in rows}


def _by_class(run: Run, matrix: Matrix, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Opening, gain, loss, net change, closing and persistence of each class, as figures of the run."""
    entries = ("opening", "closing", *METHODS)
    return [
        {"cls": cls, "name": names[cls], **{e: _entry(run, matrix, cls, e) for e in entries}}
        for cls in matrix.classes
        if cls != UNALLOCATED
    ]


def _grade(ask: Ask, run: Run, ref: str, figure: Figure) -> str:
    """The word of a grade, '' for a quantity that is a number."""
    result = run.domains.registry[ref].result
    words = result.labels_en if ask.lang == "en" and result.labels_en else result.labels
    value = figure.value
    return words[int(value)] if words and value is not None and 0 <= value < len(words) else ""


def _by_group(ask: Ask, run: Run, matrix: Matrix) -> list[dict[str, Any]]:
    """The same of the classes that the zone takes together, and what a domain reads from their area: name, figure or why there is none."""
    found = []
    for id, group in run.groups.items():
        row = {e: _figure(run, matrix, f"extent.group_{e}", id) for e in ("opening", "closing", *METHODS)}
        if row["opening"] is None:
            continue
        read = [(m, _figure(run, matrix, m["quantity"], id)) for m in group_measures(run.domains, id)]
        found.append({
            "cls": id, "name": ask.t.pick(group["zh"], group["en"]), **row,
            "measures": [
                (ask.t.pick(*run.names(m["quantity"])), figure, _grade(ask, run, m["method"], figure))
                for m, figure in read if figure
            ],
        })  # fmt: skip
    return found


def members_of(ask: Ask, group: str) -> tuple[str, ...]:
    """The classes of a group of the run's zone; none for another word."""
    return tuple(ask.run.groups.get(group, {}).get("classes", ())) if ask.run else ()


def _entry(run: Run, matrix: Matrix, cls: str, entry: str) -> Figure | None:
    return _figure(run, matrix, f"extent.class_{entry}" if entry in METHODS else f"extent.{entry}", cls)


def _figure(run: Run, matrix: Matrix, quantity: str, cls: str) -> Figure | None:
    found = run.select(quantity, matrix.place, cls, matrix.period, None)
    return of_run(run, found[0]) if found else None


def _places(ask: Ask, below: Sequence[Matrix]) -> list[dict[str, Any]]:
    """What changed in each place below, most first."""
    found = sorted((m for m in below if m.cells), key=lambda m: -m.share)
    top = max((m.share for m in found), default=0.0) or 1.0
    return [
        {"name": ask.short(m.place), "href": ask.address("/account/change", place=m.place), "moved": numbers.write(m.moved, "hm2", ask.lang).text,
         "share": numbers.digits(round(m.share, 1)), "bar": round(100 * m.share / top, 1), **_leads(ask, m.place)}
        for m in found
    ]  # fmt: skip


def _leads(ask: Ask, place: str, **ends: str) -> dict[str, str]:
    """Where the sums and the share of a place lead: their parts."""
    at = "" if place == ask.zone.root else place
    return {
        f"{of}_href": ask.address("/account/change/sum", of=of, place=at, **ends) for of in ("moved", "whole", "share")
    }


# ---- what leaves the house -------------------------------------------------------------------------------------------

_PAIR_COLUMNS = (
    Column("opening_class", "期初地类代号", "opening class id"), Column("opening_name", "期初地类", "opening class"),
    Column("closing_class", "期末地类代号", "closing class id"), Column("closing_name", "期末地类", "closing class"),
)  # fmt: skip


def _matrix_table(
    ask: Ask,
    matrices: Sequence[Matrix],
    names: Mapping[str, str],
    id: str = "matrix",
    zh: str = "转移矩阵",
    en: str = "Change matrix",
) -> Table:
    rows: list[dict[str, Cell]] = [
        row_of(
            figure,
            ask.name(m.place),
            ask.t,
            opening_class=a,
            opening_name=names[a],
            closing_class=b,
            closing_name=names[b],
        )
        for m in matrices
        for (a, b), figure in m.cells.items()
    ]
    return Table(id, zh, en, (*FIGURE_COLUMNS[:2], *_PAIR_COLUMNS, *FIGURE_COLUMNS[4:]), rows, "place_code")


_ENTRIES = {
    "opening": ("期初", "opening", "hm2"), "gain": ("转入", "gain", "hm2"), "loss": ("转出", "loss", "hm2"),
    "net_change": ("净变化", "net change", "hm2"), "swap": ("置换", "swap", "hm2"), "closing": ("期末", "closing", "hm2"),
    "persistence": ("保持率", "persistence", "%"),
}  # fmt: skip


def _group_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The groups in the columns of the classes, then what domains read from their areas, one column each."""
    base = _class_table(rows)
    columns, made = list(base.columns), [dict(r) for r in base.rows]
    for row, of in zip(made, rows, strict=True):
        for _, figure, _word in of["measures"]:
            name = figure.quantity.replace(".", "_")
            if all(c.key != name for c in columns):
                columns += [
                    Column(name, figure.zh, figure.en, figure.unit, mark=f"{name}_key"),
                    Column(f"{name}_key", f"{figure.zh}来历键", f"pedigree key of the {figure.en}"),
                ]
            row |= {name: figure.value, f"{name}_key": figure.key}
    return Table("groups", "合并地类", "Groups of classes", tuple(columns), made)


def _class_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("cls", "地类代号", "class id"), Column("name", "地类", "class"),
        *(Column(e, zh, en, unit, mark=f"{e}_key") for e, (zh, en, unit) in _ENTRIES.items()),
        *(Column(f"{e}_key", f"{zh}来历键", f"pedigree key of the {en}") for e, (zh, en, _) in _ENTRIES.items()),
    )  # fmt: skip
    made: list[dict[str, Cell]] = []
    for r in rows:
        row: dict[str, Cell] = {"cls": r["cls"], "name": r["name"]}
        for entry in _ENTRIES:
            figure: Figure | None = r[entry]
            row |= {entry: figure.value if figure else None, f"{entry}_key": figure.key if figure else ""}
        made.append(row)
    return Table("classes", "按地类", "By class", columns, made)


VIEW = View("change", "/account/change", build, rail=lambda code: "/account/change", under="account")
