"""The report of a monitoring period as PDF and xlsx: words and written numbers only, no arithmetic of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

from qingshan.observe.evaluate.verdict import INSUFFICIENT, Result, worst_status

from . import parts
from .monitoring import GOOD, MonitoringReport, SiteState
from .numbers import counted
from .parts import Block
from .pdf import typeset
from .words import Words, class_said
from .workbook import Sheet, Value, write_book
from .written import Cell, identifier, mark

LISTED = 300


@dataclass(frozen=True)
class Written:
    """Files written, by path, with their sha-256."""

    files: dict[Path, str]
    labels: list[str]

    def record(self) -> dict[str, Any]:
        return {"files": {str(p): sha for p, sha in self.files.items()}, "labels": self.labels}


def publish_monitoring(report: MonitoringReport, lang: str, out: Path) -> Written:
    """Write the report of a period; both files are complete or absent."""
    stem = f"monitoring-{report.zone}-{report.network.id}-{report.span.id}-{lang}"
    out.mkdir(parents=True, exist_ok=True)
    files: dict[Path, str] = {}
    for path, body in (
        (out / f"{stem}.pdf", monitoring_pdf(report, lang)),
        (out / f"{stem}.xlsx", monitoring_workbook(report, lang)),
    ):
        beside = path.with_suffix(path.suffix + ".part")
        beside.write_bytes(body)
        beside.replace(path)
        files[path] = sha256(body).hexdigest()
    return Written(files, report.labels)


def monitoring_pdf(report: MonitoringReport, lang: str) -> bytes:
    """The report as PDF bytes; the same readings and rules give the same bytes."""
    return typeset(_document(report, Words(lang)), {})


def period_word(report: MonitoringReport, words: Words) -> str:
    first = report.span.first
    quarter = (first.month - 1) // 3 + 1
    key = {"month": "monitoring.month", "quarter": "monitoring.quarter", "year": "monitoring.year"}[report.span.by]
    return words(key, year=first.year, month=first.month, quarter=quarter)


def signed(points: float) -> str:
    """A change with its sign; one that rounds to nothing has none."""
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "—"


def _document(report: MonitoringReport, words: Words) -> dict[str, Any]:
    name, when = report.network.name(words.lang), period_word(report, words)
    marks = [mark(words, x) for x in report.labels]
    last = report.span.last
    made = [
        (words("monitoring.section_states"), *_states(report, words)),
        *([(words("monitoring.section_rivers"), *_rivers(report, words))] if report.groups else []),
        (words("monitoring.section_sites"), *_sites(report, words)),
        (words("monitoring.section_open"), *_open(report, words)),
        (words("monitoring.section_rules"), *_rules(report, words)),
        (words("monitoring.section_sources"), *_sources(report, words)),
    ]
    return {
        "lang": words.lang,
        "title": words("monitoring.title_water" if report.water else "monitoring.title_air"),
        "kicker": words("monitoring.kicker"),
        "place": name,
        "period": when,
        "date": [last.year, last.month, last.day],
        "header": f"{name}　{when}",
        "run": f"{report.network.id} {report.span.id}",
        "contents": words("column.contents"),
        "page": words("word.page", page="{page}", pages="{pages}"),
        "badges": marks,
        "labels": [[m, _label(words, x)] for m, x in zip(marks, report.labels, strict=True)],
        "headline": headline(report, words),
        "context": context(report, words),
        "cover": [
            [words("monitoring.operator"), report.network.operator or "—"],
            [
                words("monitoring.rule_set"),
                f"{words.pick(report.rules.zh, report.rules.en)} ({report.rules.id}, {report.rules.digest[:12]})",
            ],
            [words("monitoring.basis"), words("monitoring.basis_water" if report.water else "monitoring.basis_air")],
        ],
        "sections": [
            {"title": f"{i}　{title}", "note": note, "blocks": blocks, "fresh": False, "whole": False}
            for i, (title, note, blocks) in enumerate(made, 1)
        ],
    }


def _label(words: Words, label: str) -> str:
    """What a badge says of a report of readings."""
    return words("monitoring.label_partial") if label == "partial" else words.maybe(f"label_note.{label}", label)


def headline(report: MonitoringReport, words: Words) -> str:
    good, known = report.good(report.counts)
    if not known:
        return words("monitoring.headline_none", n=counted(len(report.sites), words.lang))
    key = "monitoring.headline_water" if report.water else "monitoring.headline_air"
    return words(key, n=known, k=good, share=percent(good, known))


def context(report: MonitoringReport, words: Words) -> list[str]:
    made = []
    good, known = report.good(report.counts)
    before, known_before = report.good(report.counts_before)
    if known and known_before:
        step = Fraction(100 * good, known) - Fraction(100 * before, known_before)
        made.append(
            words(
                "monitoring.against",
                period=report.span.before().id,
                share=percent(before, known_before),
                change=signed(float(step)),
            )
        )
    else:
        made.append(words("monitoring.no_before", period=report.span.before().id))
    if report.provisional:
        made.append(words("monitoring.provisional"))
    if report.thin:
        covered = [s.days for s in report.sites]
        made.append(words("monitoring.thin", low=min(covered), high=max(covered), days=report.days))
    if report.silent:
        made.append(words("monitoring.silent", n=report.silent))
    if report.network.synthetic:
        made.append(words("cover.synthetic"))
    return made


def grade_word(report: MonitoringReport, grade: str, words: Words) -> str:
    if not grade:
        return words("monitoring.without")
    return (
        words("monitoring.class", grade=class_said(grade, words.lang))
        if report.water
        else words.maybe(f"aqi.{grade}", grade)
    )


def river_word(report: MonitoringReport, river: Result, words: Words) -> str:
    """State of a river or basin: the word of the shares, or the class that the means of few sections give; '' where neither is sure."""
    if not river.grade or river.verdict:
        return ""
    return grade_word(report, river.grade, words) if river.grade in report.words else river.grade


def grades(report: MonitoringReport) -> list[str]:
    if report.water:
        order = [w for w in report.words if report.counts.get(w) or report.counts_before.get(w)]
    else:
        order = [
            c
            for c in ("优", "良", "轻度污染", "中度污染", "重度污染", "严重污染")
            if report.counts.get(c) or report.counts_before.get(c)
        ]
    return [*order, *([""] if report.counts.get("") or report.counts_before.get("") else [])]


def _states(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    whole, whole_before = sum(report.counts.values()), sum(report.counts_before.values())
    cols = [
        parts.column(words("monitoring.state"), "1fr"),
        parts.column(words("monitoring.sites" if report.water else "monitoring.days"), "26mm", "right"),
        parts.column(words("monitoring.share"), "26mm", "right"),
        parts.column(words("monitoring.before", period=report.span.before().id), "36mm", "right"),
    ]
    rows = []
    for grade in grades(report):
        n, m = report.counts.get(grade, 0), report.counts_before.get(grade, 0)
        earlier = f"{m}   {percent(m, whole_before)}" if whole_before else "—"
        rows.append(
            parts.row(
                [
                    Cell(grade_word(report, grade, words), "" if grade else "muted"),
                    Cell(str(n)),
                    Cell(percent(n, whole)),
                    Cell(earlier),
                ]
            )
        )
    good, known = report.good(report.counts)
    before, known_before = report.good(report.counts_before)
    name = words("monitoring.good_water" if report.water else "monitoring.good_air")
    rows.append(
        parts.row(
            [
                Cell(name),
                Cell(str(good)),
                Cell(percent(good, known)),
                Cell(percent(before, known_before) if known_before else "—"),
            ],
            "total",
        )
    )
    return words("monitoring.note_states_water" if report.water else "monitoring.note_states_air"), [
        parts.table(cols, rows)
    ]


def _rivers(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    cols = [
        parts.column(words("monitoring.river"), "1fr"),
        parts.column(words("monitoring.sites"), "20mm", "right"),
        parts.column(words("monitoring.good_water"), "30mm", "right"),
        parts.column(words("monitoring.state"), "60mm"),
    ]
    rows = []
    for r in report.groups:
        state = (
            Cell(
                word,
                badges=((r.status, words.maybe(f"label.{r.status}", r.status)),) if r.status == "secondary" else (),
            )
            if (word := river_word(report, r, words))
            else _why(r, words)
        )
        rows.append(
            parts.row(
                [
                    Cell(r.site),
                    Cell(f"{r.n_valid} / {r.n_required}"),
                    Cell(f"{float(r.value):.1f} %" if r.value is not None else "—"),
                    state,
                ]
            )
        )
    return words("monitoring.note_rivers"), [parts.table(cols, rows)]


def _why(result: Result, words: Words) -> Cell:
    """The verdict in red, why below it."""
    word = words(f"verdict.{result.verdict or 'cannot_be_judged'}")
    notes = [words.pick(n.zh, n.en) for n in result.notes if n.code not in ("items", "period_mean")]
    return Cell(word, "refused", " ".join(notes[:2]))


def _sites(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    cols = [
        parts.column(words("monitoring.order"), "12mm", "right"),
        parts.column(words("monitoring.site"), "1fr"),
        parts.column(words("monitoring.river"), "34mm"),
        parts.column(words("monitoring.state" if report.water else "monitoring.good_air"), "42mm"),
        parts.column(words("monitoring.deciding" if report.water else "monitoring.valid_days"), "32mm"),
        parts.column(words("monitoring.before_short", period=report.span.before().id), "20mm"),
    ]
    rows = [_site_row(report, s, words) for s in report.sites[:LISTED]]
    blocks = [parts.table(cols, rows)]
    if len(report.sites) > LISTED:
        blocks.append(parts.note(words("monitoring.more", n=len(report.sites) - LISTED)))
    return words("monitoring.note_sites_water" if report.water else "monitoring.note_sites_air"), blocks


def _site_row(report: MonitoringReport, s: SiteState, words: Words) -> Block:
    r = s.share if s.share is not None else s.result
    valid = f"{r.n_valid} / {r.n_required}"
    if report.water:
        known = len(r.grades) == 1 and not r.verdict
        state = Cell(grade_word(report, r.grade, words)) if known else _why(r, words)
        deciding = r.item.replace(",", words("word.list")) if known and r.grade != report.words[0] else ""
        last = Cell(deciding or "—", sub=f"{valid}{words('word.list')}{s.days} / {report.days}")
        before = grade_word(report, s.before, words) if s.before else "—"
    else:
        state = Cell(f"{float(r.value):.1f} %") if r.value is not None else Cell(words("monitoring.without"), "refused")
        last, before = Cell(valid), f"{float(s.before):.1f} %" if s.before else "—"
    return parts.row(
        [Cell(str(s.order) if s.order else "—"), Cell(s.name(words.lang)), Cell(s.river), state, last, Cell(before)]
    )


def reasons(report: MonitoringReport) -> list[tuple[Result, int]]:
    """Reasons why a result has no state, each with how many results it holds back."""
    found: dict[tuple[str, str], tuple[Result, int]] = {}
    for r, times in report.kinds:
        if len(r.grades) == 1 and not r.verdict:
            continue
        for n in r.notes:
            if n.code not in ("items", "period_mean", "input_rounding"):
                first, so_far = found.get((n.code, n.en), (r, 0))
                found[n.code, n.en] = first, so_far + times
    return [pair for _, pair in sorted(found.items(), key=lambda x: (-x[1][1], x[0]))]


def _open(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    cols = [parts.column(words("monitoring.results"), "20mm", "right"), parts.column(words("monitoring.reason"), "1fr")]
    rows = []
    for result, n in reasons(report)[:20]:
        note = next(x for x in result.notes if x.code not in ("items", "period_mean", "input_rounding"))
        rows.append(parts.row([Cell(str(n)), Cell(words.pick(note.zh, note.en))]))
    if not rows:
        return words("monitoring.note_nothing_open"), []
    return words("monitoring.note_open"), [parts.table(cols, rows)]


def clauses(report: MonitoringReport) -> list[tuple[str, str]]:
    """Clauses the report stands on, each with the best status it was cited with: one result may cite a printed and a restated clause
    together, and then bears the weaker status for both."""
    found: dict[str, str] = {}
    for r in [*(r for r, _ in report.kinds), *report.groups]:
        for one in (r, *r.parts):
            for clause in filter(None, one.clause.split(" ; ")):
                known = found.setdefault(clause, one.status)
                if worst_status((known, one.status)) == known:
                    found[clause] = one.status
    return sorted(found.items())


def _rules(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    results = [*(r for r, _ in report.kinds), *report.groups]
    cols = [parts.column(words("monitoring.clause"), "1fr"), parts.column(words("column.status"), "34mm")]
    rows = [
        parts.row([Cell(clause), Cell(words.maybe(f"status.{status}", status))]) for clause, status in clauses(report)
    ]
    said = {n.code: n for r in results for n in r.notes if n.code in ("period_mean", "input_rounding")}
    notes = [parts.note(words.pick(n.zh, n.en)) for _, n in sorted(said.items())]
    return words("monitoring.note_rules"), [parts.table(cols, rows), *notes]


def _sources(report: MonitoringReport, words: Words) -> tuple[str, list[Block]]:
    cols = [parts.column(words("column.file"), "1fr"), parts.column("sha-256", "100mm")]
    rows = [parts.row([Cell(name), Cell(identifier(sha), "id")]) for name, sha in report.sources[:LISTED]]
    again = f"qingshan publish monitoring --zone {report.zone} --network {report.network.id} --period {report.span.id} --rules {report.rules.id}"
    return words("monitoring.note_sources"), [parts.table(cols, rows), parts.command(again)]


# ---- workbook --------------------------------------------------------------------------------------------------------


def monitoring_workbook(report: MonitoringReport, lang: str) -> bytes:
    """The report as xlsx bytes: states, sites, every result with its clause, and the sources."""
    words = Words(lang)
    title = words("monitoring.title_water" if report.water else "monitoring.title_air")
    labels = words("word.list").join(words.maybe(f"label.{x}", x) for x in report.labels)
    name, when = report.network.name(lang), period_word(report, words)
    top = [
        f"{title}　{name}　{when}",
        headline(report, words),
        " ".join(context(report, words)),
        f"{labels}　{report.network.id} {report.span.id} {report.rules.digest[:12]}",
    ]
    last = report.span.last
    return write_book(
        _sheets(report, words),
        words,
        top,
        f"{name} {when}",
        report.network.id,
        datetime(last.year, last.month, last.day),
    )


def _sheets(report: MonitoringReport, words: Words) -> list[Sheet]:
    sheets = [_states_sheet(report, words), _sites_sheet(report, words), _results_sheet(report, words)]
    if report.groups:
        sheets.insert(1, _rivers_sheet(report, words))
    sources: list[list[Value]] = [[name, sha] for name, sha in report.sources]
    return [
        *sheets,
        Sheet(words("monitoring.section_sources"), (words("column.file"), words("monitoring.sha")), sources),
    ]


def _states_sheet(report: MonitoringReport, words: Words) -> Sheet:
    whole = sum(report.counts.values())
    rows: list[list[Value]] = []
    for grade in grades(report):
        n = report.counts.get(grade, 0)
        share = 100 * n / whole if whole else None
        rows.append([grade_word(report, grade, words), n, share, report.counts_before.get(grade, 0)])
    unit = words("monitoring.sites") if report.water else words("monitoring.days")
    heads = (words("monitoring.state"), unit, words("monitoring.percent"), _before(report, words))
    return Sheet(words("monitoring.section_states"), heads, rows)


def _rivers_sheet(report: MonitoringReport, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for r in report.groups:
        state = river_word(report, r, words) or words(f"verdict.{r.verdict or INSUFFICIENT}")
        rows.append([r.site, r.n_valid, r.n_required, _plain(r), state, r.clause, r.status])
    heads = (
        words("monitoring.river"), words("monitoring.n_valid"), words("monitoring.n_required"), words("monitoring.percent"),
        words("monitoring.state"), words("monitoring.clause"), words("column.status"),
    )  # fmt: skip
    return Sheet(words("monitoring.section_rivers"), heads, rows)


def _sites_sheet(report: MonitoringReport, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for s in report.sites:
        r = s.share if s.share is not None else s.result
        known = r.grade if not r.verdict else ""
        state: Value = _plain(r) if s.share is not None else grade_word(report, known, words)
        if state is None:
            state = words("monitoring.without")
        rows.append(
            [s.order, s.id, s.name(words.lang), s.river, state, r.item, r.n_valid, r.n_required, s.days, s.before]
        )
    heads = (
        words("monitoring.order"), words("monitoring.id"), words("monitoring.site"), words("monitoring.river"), words("monitoring.state"),
        words("monitoring.deciding"), words("monitoring.n_valid"), words("monitoring.n_required"), words("monitoring.days_read"), _before(report, words),
    )  # fmt: skip
    return Sheet(words("monitoring.section_sites"), heads, rows)


def _results_sheet(report: MonitoringReport, words: Words) -> Sheet:
    """Every result with its clause and why it is as it is."""
    rows: list[list[Value]] = []
    for s in report.sites:
        for r in s.told():
            why = " ".join(words.pick(n.zh, n.en) for n in r.notes if n.code != "items")
            verdict = words.maybe(f"verdict.{r.verdict}", r.verdict)
            start = r.start.isoformat() if r.start else ""
            rows.append([s.id, s.name(words.lang), start, r.quantity, r.item, r.value_text, r.grade, verdict, r.n_valid, r.n_required, r.limit,
                         r.clause, r.status, why])  # fmt: skip
    heads = (
        words("monitoring.id"), words("monitoring.site"), words("monitoring.start"), words("column.quantity"), words("monitoring.deciding"),
        words("column.number"), words("monitoring.state"), words("monitoring.verdict"), words("monitoring.n_valid"), words("monitoring.n_required"),
        words("monitoring.limit"), words("monitoring.clause"), words("column.status"), words("monitoring.reason"),
    )  # fmt: skip
    return Sheet(words("monitoring.sheet_results"), heads, rows)


def _before(report: MonitoringReport, words: Words) -> str:
    return words("monitoring.before_short", period=report.span.before().id)


def _plain(result: Result) -> float | None:
    return None if result.value is None else float(result.value)


__all__ = [
    "GOOD",
    "Written",
    "clauses",
    "context",
    "grade_word",
    "grades",
    "headline",
    "monitoring_pdf",
    "monitoring_workbook",
    "percent",
    "period_word",
    "publish_monitoring",
    "reasons",
    "river_word",
    "signed",
]
