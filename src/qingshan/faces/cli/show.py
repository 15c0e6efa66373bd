"""Printing for people: JSON, amounts in reading units, a progress line on a terminal only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unicodedata import east_asian_width

from qingshan.accounts.run import Fact, Run
from qingshan.core.units import factor
from qingshan.publish.numbers import MINUS, digits
from qingshan.publish.words import Words


def emit(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


MOST_WRITTEN_OUT = 1e12
"""Larger numbers are written as powers of ten."""


def said_labels(labels: Iterable[str], lang: str) -> str:
    """Labels in words: `示意、估算`, `synthetic, estimated`."""
    words = Words(lang)
    return ("、" if lang == "zh" else ", ").join(words.maybe(f"label.{label}", label) for label in labels)


def columns(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def figure(value: float, significant: int = 6) -> str:
    """A number with separators and no exponent: `2,497,250`, `0.0123`."""
    return digits(value, significant).replace(MINUS, "-")


def unit_said(unit: str, lang: str) -> str:
    """A unit as stored; in English without Chinese characters."""
    return unit if lang == "zh" else unit.replace("株", "trees").replace("元", "yuan")


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def four_digits(value: float) -> str:
    """A number with four digits that count, `0.0042`, `1,177`, `102,600,000`: no powers of ten where a reader expects none."""
    said = f"{value:,.4g}"
    return f"{float(said.replace(',', '')):,.0f}" if "e+" in said and abs(value) < MOST_WRITTEN_OUT else said


def amount(fact: Fact, run: Run) -> str:
    """A figure in its reading unit, with span and range."""
    display = run.quantity(fact.quantity)["display_unit"] or fact.unit
    ratio = factor(fact.unit, display)
    shown = (
        four_digits(fact.value * ratio)
        if fact.value is not None
        else "-".join(four_digits(v * ratio) for v in fact.span or ())
    )
    reach = f" ({four_digits(fact.range[0] * ratio)}-{four_digits(fact.range[1] * ratio)})" if fact.range else ""
    return f"{shown} {display}{reach}"


@contextmanager
def cells_progress() -> Iterator[Callable[[str, int, int, float], None] | None]:
    """Bars with rate and time left while cells are computed, one per stage or sheet; on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - on a terminal only
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    started: dict[str, Any] = {}
    bars = Progress(*columns, console=Console(stderr=True), transient=True)

    def tell(title: str, done: int, whole: int, left: float) -> None:
        bars.start()
        if title not in started:
            started[title] = bars.add_task(title, total=whole, rate="")
        cells = whole >= 10_000 and left > 0  # else steps of a stage
        bars.update(
            started[title],
            completed=done,
            total=whole,
            rate=f"{(whole - done) / left / 1e6:,.1f} Mpx/s" if cells else "",
        )
        if bars.finished:  # the line of the account's own steps comes next
            bars.stop()

    try:
        yield tell
    finally:
        bars.stop()


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A single line with rate and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.perf_counter()

    def step(done: int, whole: int) -> None:
        passed = time.perf_counter() - started
        left = passed / done * (whole - done)
        print(
            f"\r{title}: {done}/{whole} places, {done / passed:,.0f}/s, {left:.0f} s left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    try:
        yield step
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
