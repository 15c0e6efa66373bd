"""The account as PDF: words and written numbers go to typst as JSON, the template lays them out.

Same account and language, same bytes: the document date is the last day of the account year, fonts come from the package
`pylopdf-fonts-zh-cn` alone, and nothing reads a clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from qingshan.accounts.run import Fact

from . import annexes, sections
from .gather import Account
from .map import Picture, choropleth
from .numbers import counted, joined
from .parts import Block
from .words import Words
from .written import mark, sentence_figure, sentence_range

ANNEXES = (
    ("methods", annexes.methods), ("parameters", annexes.parameters), ("sources", annexes.sources), ("findings", annexes.findings),
    ("verify", annexes.verify),
)  # fmt: skip


def font_folder() -> Path:
    """Folder of the packaged fonts."""
    return Path(str(files("pylopdf_fonts_zh_cn")))


def account_pdf(account: Account, lang: str, *, official: bool = False) -> bytes:
    """The report as PDF bytes. Raises `UnknownName` for a language that has no catalogue."""
    words = Words(lang)
    picture = choropleth(account.run.zone, account.mapped, lang) if account.mapped else None
    content = document(account, words, picture, official=official)
    return typeset(content, {"map.svg": picture.svg.encode()} if picture else {})


def typeset(content: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """A document of `template.typ` as PDF bytes; `pictures` are the files its images name."""
    import typst  # noqa: PLC0415 - a compiled typesetter, loaded only when a report is written

    sources = {
        "main": (Path(__file__).parent / "template.typ").read_bytes(),
        "data.json": json.dumps(content, ensure_ascii=False, sort_keys=True).encode(),
        **pictures,
    }
    compile_files: Any = typst.compile  # its stub knows one input file; a dict of several is documented
    pdf: bytes = compile_files(sources, font_paths=[str(font_folder())], ignore_system_fonts=True, format="pdf")
    return pdf


# ---- the document ---------------------------------------------------------------------------------------------------


def title_of(account: Account, words: Words) -> str:
    """The name of the report. GEP only where `release.against_gep_title` has no objection."""
    if account.gep_title:
        return words("title.gep")
    return words("title.value" if account.bases else "title.physical")


def document(account: Account, words: Words, picture: Picture | None, *, official: bool) -> dict[str, Any]:
    """Everything the template prints."""
    where, when = account.place.name(words.lang), account.period.label(words.lang)
    head, context = headline(account, words)
    return {
        "lang": words.lang,
        "title": title_of(account, words),
        "kicker": words("title.kicker"),
        "place": where,
        "period": when,
        "date": [account.period.year, 12, 31],
        "header": f"{title_of(account, words)}　{where}　{when}",
        "run": account.run.id,
        "contents": words("column.contents"),
        "page": words("word.page", page="{page}", pages="{pages}"),
        "badges": [mark(words, label) for label in account.labels],
        "labels": [[mark(words, label), words.maybe(f"label_note.{label}", label)] for label in account.labels],
        "headline": head,
        "context": context,
        "cover": _cover(account, words, official=official),
        "sections": _sections(account, words, picture, official=official),
    }


def headline(account: Account, words: Words) -> tuple[str, list[str]]:
    """The answer in one sentence with its figure, and the sentences that qualify it."""
    named = {"place": account.place.name(words.lang), "period": account.period.label(words.lang)}
    total = account.accounted.get(account.bases[0]) if account.bases else None
    context = []
    if total is not None and not total.refused:
        n = len(account.valued)
        key = "headline.gep" if account.gep_title else ("headline.value_one" if n == 1 else "headline.value")
        head = words(key, **named, n=counted(n, words.lang), value=sentence_figure(total, words.lang))
        context.append(words("headline.basis", basis=words.basis(account.bases[0])))
        context += _qualified(total, words)
    else:
        head, fact = _physical_headline(account, words, named)
        context += _qualified(fact, words) if fact else []
    if account.missing and not account.gep_title:
        n = len(account.missing)
        context.append(words("headline.partial_one" if n == 1 else "headline.partial", n=counted(n, words.lang)))
    synthetic = [words("cover.synthetic")] if account.run.zone.synthetic else []
    return head, [words.pick("", " ").join(context), *synthetic] if context else synthetic


def _qualified(fact: Fact, words: Words) -> list[str]:
    found = [words("headline.interval")] if fact.span else []
    return found + ([words("headline.reach", value=sentence_range(fact, words.lang))] if fact.range else [])


def _physical_headline(account: Account, words: Words, named: Mapping[str, str]) -> tuple[str, Fact | None]:
    """The first service with a quantity; else the first summed figure of the profile; else that nothing is given."""
    run = account.run
    services = [line.physical for line in account.included if line.physical is not None and not line.physical.refused]
    figures = [
        f
        for q in run.profile.figures
        for f in run.select(q, account.place.code, "", account.period.id)
        if not f.refused
    ]
    figures.sort(key=lambda f: run.profile.recipes[f.quantity].rollup != "sum")
    for fact, key in [
        (f, "headline.physical" if not account.bases else "headline.figure") for f in (*services, *figures)
    ]:
        name = words.pick(*run.names(fact.quantity))
        return words(key, **named, name=name, value=sentence_figure(fact, words.lang)), fact
    return words("headline.nothing", **named), None


def _cover(account: Account, words: Words, *, official: bool) -> list[list[str]]:
    profile = account.run.profile
    note = words.pick(profile.note_zh, profile.note_en)
    listed, refused = len(account.included), len(account.missing)
    reasons = len(account.reasons)
    if official:
        release = words("cover.official")
    elif reasons:
        release = words("cover.draft", n=reasons, section=_present(account).index("reasons") + 1)
    else:
        release = words("cover.draft_free")
    return [
        [
            words("cover.profile"),
            words.pick("：", ": ").join(p for p in (f"{words.pick(profile.zh, profile.en)} ({profile.id})", note) if p),
        ],
        [
            words("cover.prices"),
            joined([words.basis(b) for b in account.bases], words.lang) or words("cover.no_prices"),
        ],
        [
            words("cover.services"),
            words("cover.services_value", listed=listed, given=listed - refused, refused=refused),
        ],
        [words("cover.release"), release],
        [words("cover.run"), account.run.id],
    ]


def _present(account: Account) -> list[str]:
    """The sections that this account has, in order."""
    places = ["places"] if account.by_place or account.mapped else []
    return [
        "summary",
        *(["classes"] if account.classes else []),
        *places,
        "extent",
        *(["series"] if account.series else []),
        "reasons",
    ]


def _sections(account: Account, words: Words, picture: Picture | None, *, official: bool) -> list[Block]:
    make: dict[str, Callable[[Account, Words], sections.Content]] = {
        "summary": sections.summary, "classes": sections.classes, "places": partial(sections.places, picture=picture),
        "extent": sections.extent, "series": sections.series, "reasons": sections.reasons,
    }  # fmt: skip
    numbered = [(i, name) for i, name in enumerate(_present(account), 1) if not (official and name == "reasons")]
    found = [_section(f"{i}　{words(f'section.{name}')}", *make[name](account, words)) for i, name in numbered]
    for i, (name, annex) in enumerate(ANNEXES):
        found.append(_section(words(f"section.{name}"), *annex(account, words), fresh=i == 0, whole=name == "verify"))
    return found


def _section(title: str, note: str, blocks: list[Block], *, fresh: bool = False, whole: bool = False) -> Block:
    """`fresh` starts a page, `whole` keeps the section on one."""
    return {"title": title, "note": note, "blocks": blocks, "fresh": fresh, "whole": whole}
