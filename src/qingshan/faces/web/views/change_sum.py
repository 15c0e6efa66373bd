"""What a sum or share of the change page is made of: the entries of the matrix that were added up, each leading further down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.figures import Figure
from qingshan.faces.web.names import bare
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.site import Ask
from qingshan.faces.web.views import change
from qingshan.faces.web.views.seea_cell import Line, export_of
from qingshan.publish import numbers

AREA = "hm2"
SUMS = ("moved", "whole")


def build(ask: Ask) -> Page:
    """The page. `?of=` is `moved`, `whole` or `share` (moved ÷ whole); `?from=`, `?to=` keep one opening or closing class
    of a sum, `?group=` what touches a class of a group (of the changes what crosses its edge).
    Raises `UnknownName`, also for a share of one class: the matrix has none."""
    run, periods, of = ask.run, change.periods_of(ask.run), ask.query.get("of", "")
    if run is None or not periods or ask.place.code not in ask.zone.places:
        raise UnknownName("there is no change matrix here.", "这里没有转移矩阵。", fix="qingshan run gep")
    if of not in (*SUMS, "share"):
        raise UnknownName(f"?of= is one of {', '.join(SUMS)}, share.", f"?of= 可取 {'、'.join(SUMS)}、share。")
    names = change.class_names(ask)
    ends = {k: ask.query.get(k, "") for k in ("from", "to")}
    if stray := [c for c in ends.values() if c and c not in names]:
        raise UnknownName(f"no class {stray[0][:40]}.", f"没有地类 {stray[0][:40]}。")
    group = ask.query.get("group", "")
    if group and group not in run.groups:
        raise UnknownName(f"no group {group[:40]}.", f"没有合并地类 {group[:40]}。")
    if of == "share" and (group or any(ends.values())):
        raise UnknownName(
            "?of=share is that of the whole place; it takes no ?from=, ?to= or ?group=.",
            "?of=share 是整个地点的份额，不接受 ?from=、?to= 或 ?group=。",
            fix="?of=moved&from=…",
        )  # fmt: skip
    matrix = change.matrix_of(ask, run, ask.place.code, change.period_of(ask, periods))
    added = matrix.entries(of == "moved", ends["from"], ends["to"], change.members_of(ask, group))
    if of == "share":
        value, unit = matrix.share, "%"
        lines = [_whole_line(ask, matrix, s) for s in SUMS]
    else:
        value, unit = change.summed(added.values()), AREA
        lines = [_line(ask, f, names[a], names[b]) for (a, b), f in added.items()]
    said, name = numbers.write(value, unit, ask.lang), _name(ask, of, ends, names, run.groups.get(group))
    labels = sorted({label for f in added.values() for label in f.labels})
    page = ask.t("change.matrix").split("，")[0].split(",")[0]
    context: dict[str, Any] = {
        "question": ask.t("pedigree.question"), "crumbs": crumbs(ask, "/account/change"), "said": said, "name": name,
        "place": bare(ask.short(ask.place.code)), "table_name": page,
        "table_href": ask.address("/account/change", place=ask.query.get("place", "")),
        "period_label": f"{_word(ask, matrix.opening)}–{_word(ask, matrix.period)}", "symbols": "",
        "formula": ask.t("change.rule.share" if of == "share" else "seea.rule.sum" if lines else "seea.rule.nothing"),
        "replay": ask.t("change.rule.replay"), "lines": lines, "labels": labels, "run": run,
    }  # fmt: skip
    return Page(
        "seea_cell.html", f"{name} {said.text}", context, [export_of(ask, lines)], [ask.place.code], [page], labels
    )


def _word(ask: Ask, period: str) -> str:
    return bare(period_word(period, ask.t, ask.zone))


def _name(
    ask: Ask, of: str, ends: dict[str, str], names: dict[str, str], group: Mapping[str, Any] | None = None
) -> str:
    word = ask.t(f"change.{of}")
    if group:
        word = ask.t("change.rule.group", what=word, group=ask.t.pick(group["zh"], group["en"]))
    for key, cls in ends.items():
        if cls:
            word = ask.t(f"change.rule.{key}", what=word, cls=names[cls])
    return word


def _line(ask: Ask, figure: Figure, start: str, end: str) -> Line:
    (number,), unit = numbers.write_many([figure.value], figure.unit, ask.lang)
    return Line(
        f"{start} → {end}", number, unit, ask.pedigree(figure.key), "", "", figure.value, figure.unit, figure.key
    )


def _whole_line(ask: Ask, matrix: change.Matrix, of: str) -> Line:
    value = matrix.moved if of == "moved" else matrix.whole
    (number,), unit = numbers.write_many([value], AREA, ask.lang)
    href = ask.address("/account/change/sum", of=of, place=ask.query.get("place", ""))
    return Line(ask.t(f"change.{of}"), number, unit, href, "", "", value, AREA)


VIEW = View("change_sum", "/account/change/sum", build, rail=lambda code: "/account/change", under="account")
