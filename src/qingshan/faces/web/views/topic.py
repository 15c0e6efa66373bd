"""Thematic accounts: what a raster account run by its own name gave for a place, by period, each figure with its pedigree."""

from __future__ import annotations

from typing import Any

from qingshan.accounts.rounds import declared_rounds
from qingshan.accounts.run import Fact, Run
from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.figures import Figure, figures_table, of_run, ordered
from qingshan.faces.web.names import bare, capital
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.site import Ask


def build(ask: Ask) -> Page:
    """The page. `?of=` names the account, `?place=` the place."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    topics, asked = ask.site.topics, ask.query.get("of", "")
    if asked and asked not in topics:
        known = ", ".join(topics) or "-"
        raise UnknownName(f"no thematic account {asked[:80]!r}; on file: {known}.", f"没有专题账户 {asked[:80]!r}；现有：{known}。")  # fmt: skip
    run = topics.get(asked) or next(iter(topics.values()), None)
    question = ask.t("topic.question")
    if run is None:
        none = {"question": question, "headline": ask.t("topic.none"), "run": None, "crumbs": crumbs(ask, "/account/topic")}  # fmt: skip
        return Page("topic.html", ask.t("topic.none"), none)
    name = ask.t.pick(run.profile.zh, run.profile.en)
    headline = ask.t("topic.headline", place=bare(ask.short(ask.place.code)), name=_said(ask, name))
    facts = [f for f in run.facts if f.place == ask.place.code and not f.cls]
    periods = list(run.manifest["periods"])
    rounds = declared_rounds(run.profile)
    if rounds:  # rounds of a survey: their own years and spans, the places of comparison too
        facts = [f for f in run.facts if f.place == ask.place.code or f.place in ask.zone.comparison]
        periods = sorted({f.period for f in facts}, key=lambda p: (p.partition("-")[2] or p, "-" in p))
    figures = [of_run(run, f) for f in facts]
    labels = ordered({label for f in figures for label in f.labels})
    context: dict[str, Any] = {
        "run": run, "question": question, "headline": headline, "crumbs": crumbs(ask, "/account/topic"), "shown": run.profile.id,
        "tabs": [(id, _said(ask, ask.t.pick(r.profile.zh, r.profile.en))) for id, r in topics.items()],
        "groups": _places(ask, run, facts, periods) if rounds else _groups(ask, run, facts, periods),
        "heads": [_period_word(ask, p) for p in periods], "labels": labels, "place": ask.short(ask.place.code),
        "note": ask.t.pick(run.profile.note_zh, run.profile.note_en), "warnings": [f.sentence(ask.lang) for f in run.findings if f.level != "note"],
    }  # fmt: skip
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    table = figures_table(run.profile.id, run.profile.zh, run.profile.en, figures, names, ask.t)
    return Page("topic.html", headline, context, [table], [ask.place.code], [name], labels)


def _places(ask: Ask, run: Run, facts: list[Fact], periods: list[str]) -> list[tuple[str, Lines]]:
    """One group per place, its own first, one line per figure."""
    order = [ask.place.code, *(p for p in ask.zone.comparison if p != ask.place.code)]
    found: list[tuple[str, Lines]] = []
    for place in order:
        own = [f for f in facts if f.place == place]
        lines = [line for _, each in _groups(ask, run, own, periods) for line in each]
        if lines:
            found.append((ask.zone.place(place).name(ask.lang), lines))
    return found


Lines = list[tuple[str, list[Figure | None]]]


def _groups(ask: Ask, run: Run, facts: list[Fact], periods: list[str]) -> list[tuple[str, Lines]]:
    """Figures in the order of the account: those by code under the name of their sum, one line per code."""
    by: dict[str, dict[str, Figure]] = {}
    for fact in facts:
        by.setdefault(fact.quantity, {})[fact.period] = of_run(run, fact)
    found: dict[str, Lines] = {}
    heads: dict[str, str] = {}
    for quantity, figures in by.items():
        stem, _, code = quantity.rpartition(".")
        key, name = (stem if code.isdigit() else quantity), ask.t.pick(*run.names(quantity))
        if code.isdigit():
            heads[key] = _said(ask, ask.t.pick(*run.names(stem)))
            name = name.removeprefix(ask.t.pick(*run.names(stem))).strip("（） ()")
        found.setdefault(key, []).append(
            (name if code.isdigit() else _said(ask, name), [figures.get(p) for p in periods])
        )
    return [(heads.get(key, ""), lines) for key, lines in sorted(found.items(), key=lambda item: item[0] in heads)]


def _period_word(ask: Ask, period: str) -> str:
    return (
        period.replace("-", "–")
        if "-" in period
        else bare(period_word(period, ask.t, ask.zone if period in {p.id for p in ask.zone.periods} else None))
    )


def _said(ask: Ask, name: str) -> str:
    return name if ask.lang == "zh" else capital(name)


VIEW = View("topic", "/account/topic", build, rail=lambda code: "/account/topic", under="account")
