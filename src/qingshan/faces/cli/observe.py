"""Verbs of the group observe: load, export, synth. (Quality control and evaluation have modules of their own.)"""

from __future__ import annotations

import argparse
from pathlib import Path

from qingshan.observe.series.export import WRITERS, chosen, write_export
from qingshan.observe.series.load import LoadReport
from qingshan.observe.series.store import Observations
from qingshan.observe.series.synthetic import fill
from qingshan.zone.zone import open_zone

from .evaluate import print_labels
from .problem import WrongCall
from .show import counted, emit

LISTED = 30


def load(arguments: argparse.Namespace) -> int:
    """Take files into a network; each file is one load."""
    store = Observations(open_zone(arguments.zone))
    reports: list[LoadReport] = []
    for name in arguments.files:
        report = store.load(
            arguments.network, Path(name), reader=arguments.reader, author=arguments.by, reason=arguments.reason,
            strict=arguments.strict,
        )  # fmt: skip
        reports.append(report)
        if not arguments.json:
            _print(report, arguments.lang)
    if arguments.json:
        emit([r.record() for r in reports])
    return 1 if any(r.n_errors for r in reports) else 0


def _print(report: LoadReport, lang: str) -> None:
    zh = lang == "zh"
    for finding in report.findings[:LISTED]:
        print(finding.sentence(lang))
    more = len(report.findings) - LISTED
    if more > 0:
        print(f"另有 {more:,} 条，见 --json" if zh else f"{more:,} more: see --json")
    if report.again:
        print(f"{report.name}：已载入过，没有新内容" if zh else f"{report.name}: loaded before, nothing new")
        return
    numbers = (report.n_read, report.n_new, report.n_same, report.n_versions, report.n_errors)
    read, new, same, versions, errors = (f"{n:,}" for n in numbers)
    empty = (
        (
            f"，空格 {report.n_empty:,}"
            if zh
            else f", {counted(report.n_empty, 'empty cell')}".replace(str(report.n_empty), f"{report.n_empty:,}")
        )
        if report.n_empty
        else ""
    )
    print(
        f"{report.name}（{report.reader}）：读取 {read} 个值{empty}，新增 {new}，已有 {same}，更正版本 {versions}，错误 {errors}" if zh
        else f"{report.name} ({report.reader}): {counted(report.n_read, 'value').replace(str(report.n_read), read)} read{empty}, {new} new,"
        f" {same} known, {versions} further versions, {errors} faults"
    )  # fmt: skip


def export(arguments: argparse.Namespace) -> int:
    """Write observations of a network to a file, whose ending is the format."""
    store = Observations(open_zone(arguments.zone))
    out = Path(arguments.out)
    if out.suffix.lower().lstrip(".") not in WRITERS:
        raise WrongCall(
            f"{out.name!r} has no ending that can be written.", f"{out.name!r} 的扩展名不能写出。",
            fix=f"end it in {', '.join('.' + w for w in WRITERS)} / 用 {'、'.join('.' + w for w in WRITERS)} 结尾",
        )  # fmt: skip
    years = _years(arguments.years)
    rows = chosen(
        store, arguments.network, years=years, sites=_words(arguments.sites), properties=_words(arguments.properties),
        versions=arguments.versions,
    )  # fmt: skip
    written = write_export(rows, out)
    if arguments.json:
        emit({"file": str(out), "rows": written, "labels": store.network(arguments.network).labels})
    else:
        print(f"{out}：{written:,} 行" if arguments.lang == "zh" else f"{out}: {written:,} rows")
        print_labels(store.network(arguments.network), arguments.lang)
    return 0


def synth(arguments: argparse.Namespace) -> int:
    """Make the readings of every network that declares a generator and has none yet."""
    store = Observations(open_zone(arguments.zone))
    reports = fill(store)
    if arguments.json:
        emit([r.record() for r in reports])
        return 0
    for report in reports:
        zh = f"{report.network}：合成读数 {report.n_new:,} 个"
        print(zh if arguments.lang == "zh" else f"{report.network}: {report.n_new:,} synthetic readings")
    if not reports:
        print("没有待生成的合成监测网" if arguments.lang == "zh" else "no synthetic network that lacks its readings")
    return 0


def _words(text: str) -> list[str] | None:
    return [w.strip() for w in text.split(",") if w.strip()] or None


def _years(text: str) -> list[int] | None:
    words = _words(text)
    if words is None:
        return None
    if not all(w.isdecimal() and len(w) == 4 for w in words):
        raise WrongCall(
            f"--years is {text!r}.", f"--years 为 {text!r}。", fix="write 2021 or 2021,2022 / 写 2021 或 2021,2022"
        )
    return [int(w) for w in words]


__all__ = ["export", "load", "synth"]
