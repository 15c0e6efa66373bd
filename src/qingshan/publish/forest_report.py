"""The forest-carbon release as a document of `template.typ`: words and written numbers only, no arithmetic of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qingshan.accounts.run import Fact
from qingshan.core.parameter import RELEASE_STATUSES

from . import parts
from .forest import HEAD, ForestAccount
from .forest_map import place_map, plot_map, without_map
from .numbers import column, interval, write
from .parts import Block
from .pdf import typeset
from .words import Words
from .written import Cell, equation_words, formula, identifier, mark

__all__ = ["forest_pdf", "label_note"]

CHANGED = ("area", "volume", "biomass", "carbon", "co2")
SPLIT = ("area", "volume", "carbon", "carbon_per_area")
CHANGE_NOTES = {
    "paired": "forest.note_paired", "paired_regression": "forest.note_paired_regression", "independent": "forest.note_independent",
}  # fmt: skip
LISTED = 40
NARROW = "\u00a0"
"""Keeps a number and its unit on one line."""


def forest_pdf(
    account: ForestAccount, lang: str, *, revision: int, why: str, changed: Mapping[str, Any] | None
) -> bytes:
    """The report as PDF bytes; the same account gives the same bytes. `revision` 0 is a draft."""
    words = Words(lang)
    pictures = {
        name: picture.svg.encode()
        for name, picture in (("places.svg", place_map(account, lang)), ("plots.svg", plot_map(account, lang)))
        if picture
    }
    return typeset(_document(account, words, pictures, revision, why, changed), pictures)


def _document(
    account: ForestAccount,
    words: Words,
    pictures: Mapping[str, bytes],
    revision: int,
    why: str,
    changed: Mapping[str, Any] | None,
) -> dict[str, Any]:
    run = account.run
    where = run.zone.place(account.root).name(words.lang)
    release = words("forest.revision", n=revision) if revision else words("forest.draft", n=len(account.reasons))
    labels = [*(["draft"] if not revision else []), *account.labels]
    inventory = account.inventory
    return {
        "lang": words.lang, "title": words("forest.title"), "kicker": words("forest.kicker"), "place": where, "period": account.year,
        "date": [int(account.year), 12, 31], "header": f"{words('forest.title')}　{where}　{account.year}", "run": run.id,
        "contents": words("column.contents"), "page": words("word.page", page="{page}", pages="{pages}"),
        "badges": [mark(words, x) for x in labels], "labels": [[mark(words, x), label_note(words, x)] for x in labels],
        "headline": _headline(account, words, where), "context": _context(account, words),
        "cover": [
            [words("forest.inventory"), f"{words.pick(inventory.zh, inventory.en)} ({inventory.id})"],
            [words("column.source"), inventory.source or "—"],
            [words("forest.confidence"), f"{inventory.confidence:.0%}"],
            [words("cover.release"), release],
            *([[words("forest.why"), why]] if why else []),
            [words("cover.run"), run.id],
        ],
        "sections": _sections(account, words, pictures, changed),
    }  # fmt: skip


def label_note(words: Words, label: str) -> str:
    """What a label says of a forest: `partial` and `screening` have a rule of their own here."""
    own = {"partial": "forest.label_partial", "screening": "forest.label_screening"}
    return words(own[label]) if label in own else words.maybe(f"label_note.{label}", label)


def _headline(account: ForestAccount, words: Words, where: str) -> str:
    carbon = account.cell("estimate", "carbon", account.root)
    if carbon is None or carbon.value is None:
        return words("forest.headline_none", place=where, period=account.year)
    return words(
        "forest.headline",
        place=where,
        period=account.year,
        value=write(carbon.value, carbon.unit, words.lang).text.replace(" ", NARROW),
    )


def _context(account: ForestAccount, words: Words) -> list[str]:
    made = []
    carbon = account.cell("estimate", "carbon", account.root)
    if carbon is not None and carbon.value is not None and carbon.range:
        n = account.notes(carbon)
        made.append(words("forest.reach", confidence=f"{n['confidence']:.0%}", value=interval(*carbon.range, carbon.unit, words.lang).text,
                          share=f"{n['relative_se']:.1%}", plots=f"{n['plots']:,}"))  # fmt: skip
    change = account.cell("change", "carbon", account.root)
    if change is not None and change.value is not None and change.range:
        low, high = change.range
        sure = words("forest.sure") if low > 0 or high < 0 else words("forest.unsure")
        made.append(
            words(
                "forest.changed",
                period=change.period,
                value=write(change.value, change.unit, words.lang).text,
                sure=sure,
            )
        )
    if account.run.zone.synthetic:
        made.append(words("cover.synthetic"))
    return made


def _sections(
    account: ForestAccount, words: Words, pictures: Mapping[str, bytes], changed: Mapping[str, Any] | None
) -> list[Block]:
    named: list[tuple[str, tuple[str, list[Block]] | None]] = [
        ("forest_summary", _summary(account, words)), ("forest_change", _change(account, words)), ("forest_classes", _classes(account, words)),
        ("forest_places", _places(account, words, pictures)), ("forest_uncertainty", _uncertainty(account, words)),
        ("forest_revision", _revision(account, words, changed)),
    ]  # fmt: skip
    kept = [(name, content) for name, content in named if content is not None]
    made = [_section(f"{i}　{words(f'section.{name}')}", *content) for i, (name, content) in enumerate(kept, 1)]
    annexes = (
        ("methods", _methods),
        ("equations", _equations),
        ("data", _data),
        ("verify", _verify),
    )
    for i, (name, annex) in enumerate(annexes):
        title = f"{words.pick('附录', 'Annex')} {'ABCD'[i]}　{words(f'forest.annex_{name}')}"
        made.append(_section(title, *annex(account, words), fresh=i == 0))
    return made


def _section(title: str, note: str, blocks: list[Block], *, fresh: bool = False) -> Block:
    return {"title": title, "note": note, "blocks": blocks, "fresh": fresh, "whole": False}


def _number(fact: Fact | None, words: Words) -> Cell:
    """A figure with its interval below it."""
    if fact is None:
        return Cell("—", "muted")
    if fact.value is None:
        return Cell(words("word.refused"), "refused")
    reach = interval(*fact.range, fact.unit, words.lang).text if fact.range else ""
    return Cell(write(fact.value, fact.unit, words.lang).text, "", reach)


def _row(account: ForestAccount, fact: Fact, words: Words) -> Block:
    n = account.notes(fact)
    error = f"{n['relative_se']:.2%}" if n.get("relative_se") is not None else "—"
    name = words.name(*account.run.names(fact.quantity))
    return parts.row(
        [
            Cell(name),
            _number(fact, words),
            Cell(error),
            Cell(f"{n['df']:,}" if "df" in n else ""),
            Cell(f"{n['plots']:,}" if "plots" in n else ""),
        ]
    )


def _figures(words: Words) -> list[Block]:
    return parts.columns(words, ("quantity", "1fr"), ("forest_value", "58mm", "right"), ("forest_se", "24mm", "right"), ("forest_df", "18mm", "right"),
                         ("forest_plots", "18mm", "right"))  # fmt: skip


def _summary(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    found = [account.cell("estimate", w, account.root) for w in HEAD]
    rows = [_row(account, f, words) for f in found if f is not None]
    return words("forest.note_summary", estimator=words(f"forest.estimator_{account.inventory.estimator}")), [
        parts.table(_figures(words), rows)
    ]


def _change(account: ForestAccount, words: Words) -> tuple[str, list[Block]] | None:
    found = [f for w in CHANGED if (f := account.cell("change", w, account.root)) is not None]
    if not found:
        return None
    how = account.notes(found[0])["estimator"]
    return words(CHANGE_NOTES[how], period=found[0].period), [
        parts.table(_figures(words), [_row(account, f, words) for f in found])
    ]


def _table(account: ForestAccount, words: Words, head: str, lines: Sequence[tuple[str, str, str]]) -> Block:
    """Lines (name, place, class) by the quantities of `SPLIT`, each column in one scale, intervals below."""
    facts = {w: [account.cell("estimate", w, place, cls) for _, place, cls in lines] for w in SPLIT}
    shown: dict[str, list[Cell]] = {}
    cols = [*parts.columns(words, (head, "1fr"))]
    for w in SPLIT:
        values = [f.value if f is not None else None for f in facts[w]]
        unit = next((f.unit for f in facts[w] if f is not None), "")
        if not any(v is not None for v in values):
            continue
        ends = [end for f in facts[w] if f is not None and f.range for end in f.range]
        texts, word = column([*values, *ends], unit, words.lang)
        rest = iter(texts[len(values) :])
        cells = []
        for f, text in zip(facts[w], texts, strict=False):
            reach = f"{next(rest)} – {next(rest)}" if f is not None and f.range else ""
            cells.append(
                Cell(words("word.refused"), "refused") if f is not None and f.refused else Cell(text, "", reach)
            )
        shown[w] = cells
        cols.append(parts.column(words.name(*account.run.names(f"inventory.{w}")), "34mm", "right", word))
    return parts.table(
        cols, [parts.row([Cell(name), *(shown[w][i] for w in shown)]) for i, (name, _, _) in enumerate(lines)]
    )


def _classes(account: ForestAccount, words: Words) -> tuple[str, list[Block]] | None:
    blocks: list[Block] = []
    for split, classes in account.splits.items():
        named = [
            (words.pick(account.run.classes[c]["zh"], account.run.classes[c]["en"]), account.root, c) for c in classes
        ]
        blocks += [parts.heading(words.maybe(f"split.{split}", split)), _table(account, words, "forest_group", named)]
    return (words("forest.note_classes"), blocks) if blocks else None


def _places(account: ForestAccount, words: Words, pictures: Mapping[str, bytes]) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    lines = [(account.run.zone.places[p].name(words.lang), p, "") for p in account.places]
    if lines:
        blocks.append(_table(account, words, "place", lines))
    if "places.svg" not in pictures:
        blocks.append(parts.note(words(without_map(account))))
    for name, key in (("places.svg", "forest.map_places"), ("plots.svg", "forest.map_plots")):
        if name in pictures:
            blocks += [parts.image(name, words(key)), parts.note(words(key))]
    note = words("forest.note_places" if account.adds_up else "forest.note_places_apart") if lines else ""
    return note, blocks


def _uncertainty(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    rows = account.uncertainty()
    drawn = [r for r in rows if r["route"] == "monte_carlo"]
    blocks: list[Block] = [parts.text(words("forest.note_design"))]
    for r in drawn:
        low, high = (r[k] for k in ("low", "high"))
        blocks.append(parts.text(words("forest.drawn", draws=f"{r['draws']:,}", seed=r["seed"], value=write(r["value"], r["unit"], words.lang).text,
                                       reach=interval(low, high, r["unit"], words.lang).text, confidence=f"{r['confidence']:.0%}")))  # fmt: skip
        cols = parts.columns(words, ("source", "1fr"), ("forest_share", "40mm", "right"))
        blocks.append(
            parts.table(
                cols,
                [parts.row([Cell(words.maybe(f"split.{k}", k)), Cell(f"{v:.1%}")]) for k, v in r["shares"].items()],
            )
        )
    if not drawn:
        blocks.append(parts.note(words("forest.not_drawn")))
    for r in (r for r in rows if r["route"] == "deduction"):
        blocks.append(
            parts.text(
                words(
                    "forest.deducted",
                    rule=r["rule"],
                    value=write(r["value"], r["unit"], words.lang).text,
                    share=f"{r['share']:.1%}",
                )
            )
        )
    return "", blocks


def _revision(
    account: ForestAccount, words: Words, changed: Mapping[str, Any] | None
) -> tuple[str, list[Block]] | None:
    if changed is None:
        return None
    shown = [f for f in changed["figures"] if not f["cls"]]
    cols = parts.columns(words, ("quantity", "1fr"), ("place", "36mm"), ("forest_before", "34mm", "right"), ("forest_after", "34mm", "right"),
                         ("forest_difference", "22mm", "right"))  # fmt: skip
    rows = [
        parts.row([
            Cell(words.name(*account.run.names(f["quantity"])), "", f["period"]), Cell(account.run.zone.place(f["place"]).name(words.lang)),
            Cell(write(f["before"], f["unit"], words.lang).text), Cell(write(f["after"], f["unit"], words.lang).text),
            Cell(f"{f['relative']:+.2%}" if f["relative"] is not None else "—"),
        ]) for f in shown[:LISTED]
    ]  # fmt: skip
    causes = [
        parts.row(
            [
                Cell(words.maybe(f"cause.{c['kind']}", c["kind"])),
                Cell(identifier(c["what"]), "id"),
                Cell(words.maybe(f"cause.{c['how']}", c["how"])),
            ]
        )
        for c in changed["causes"][:LISTED]
    ]
    of = parts.columns(words, ("forest_cause", "26mm"), ("file", "1fr"), ("forest_how", "24mm"))
    note = words("forest.note_revision", n=f"{len(changed['figures']):,}", shown=f"{min(len(shown), LISTED):,}")
    if not changed["figures"]:
        note = words("forest.note_no_change")
    found = [parts.heading(words("forest.causes")), parts.table(of, causes)] if causes else []
    return note, [*([parts.table(cols, rows)] if rows else []), *found]


def _status(words: Words, status: str) -> Cell:
    return Cell(badges=((status if status in RELEASE_STATUSES else "open", words.maybe(f"status.{status}", status)),))


def _methods(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    cols = parts.columns(words, ("method", "50mm"), ("formula", "1fr"), ("clause", "52mm"), ("row_status", "18mm"))
    rows = [
        parts.row([Cell(words.name(m["zh"], m["en"]), "strong", identifier(m["ref"])), Cell(formula(m["formula"])), Cell(m["document"], "", m["where"]),
                   _status(words, m["status"])]) for m in account.methods()["methods"]
    ]  # fmt: skip
    return words("note.methods"), [parts.table(cols, rows)]


def _formula(printed: str, note: str, words: Words) -> Cell:
    """An equation as its formula, with its coefficients and what the row notes below."""
    said, given = equation_words(printed)
    return Cell(formula(said), "", words.pick("；", "; ").join(x for x in (given, note) if x))


def _equations(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    annex = account.methods()
    cols = parts.columns(
        words,
        ("forest_equation", "1fr"),
        ("formula", "52mm"),
        ("forest_trees", "18mm", "right"),
        ("row_status", "18mm"),
    )
    rows: list[Block] = []
    head = ""
    for e in annex["equations"]:
        if (title := f"{e['source_title']}　{e['source_where']}") != head:
            head = title
            rows.append(parts.row([Cell(e["set"], sub=title)], "group"))
        rows.append(
            parts.row(
                [
                    Cell(identifier(e["cls"])),
                    _formula(e["printed"], e["note"], words),
                    Cell(f"{e['trees']:,}"),
                    _status(words, e["status"]),
                ]
            )
        )
    for p in annex["parameters"]:
        printed = write(p["value"], p["unit"], words.lang, "exact").text
        rows.append(
            parts.row(
                [
                    Cell(identifier(p["parameter"]), "", p["source_title"]),
                    Cell(printed),
                    Cell(),
                    _status(words, p["status"]),
                ]
            )
        )
    return words("forest.note_equations"), [parts.table(cols, rows)]


def _data(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    cols = parts.columns(words, ("file", "1fr"), ("sha", "60mm"))
    mine = {s.id for s in account.run.inventories if any(n.notes.get("inventory") == s.id for n in account.nodes)}
    rows = [parts.row([Cell(identifier(name), "id"), Cell(sha[:32], "id")]) for name, sha in sorted(account.run.manifest["files"].items())
            if name.startswith("inputs/inventory/") and name.split("/")[2] in mine]  # fmt: skip
    return words("forest.note_data"), [parts.table(cols, rows)]


def _verify(account: ForestAccount, words: Words) -> tuple[str, list[Block]]:
    return "", [
        parts.text(words("forest.verify_1")), parts.command("qingshan verify FOLDER"), parts.text(words("forest.verify_2")),
        parts.text(words("forest.verify_3")),
        parts.command(f"qingshan explain inventory.carbon --zone {account.run.zone.id} --profile forest_inventory --period {account.year}"),
        parts.note(words("note.software", **{k: account.run.manifest["software"][k] for k in ("qingshan", "python", "numpy", "machine")})),
    ]  # fmt: skip
