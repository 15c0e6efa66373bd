"""One QC run: the series of a network over a period, block after block, into the layer of flags.

Memory is that of a few blocks whatever the network; only the spatial test sees many sites at once, and it reads its property from a
scratch file. The result does not depend on how sites or times are cut: each block carries the steps before and after its period
that its tests look at.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import OutOfBounds
from qingshan.core.finding import Finding

from ..dense import SCALE, SIZE, Block, Lattice, Rows, block_of, blocks, grouped, site_of
from .flags import FlagLayer
from .kernels import FAIL, GOOD, NO_VALUE, NOT_EVALUATED, SUSPECT, Flags, buddy_codes, judge, neighbours
from .plan import TESTS, TESTS_ZH, Plan, Segment

__all__ = ["Positions", "QualityRun", "flag_blocks", "quality_run"]

Positions = Mapping[str, tuple[float, float]]
"""site -> (lon, lat) in degrees."""
Codes = Mapping[str, NDArray[np.uint8]]
TILE = 512


@dataclass
class QualityRun:
    """What a run saw: cells by flag, what each test found and could not do, by property; findings; the id of the run."""

    run: str
    first: datetime
    last: datetime
    plan: str
    data: str
    cells: int = 0
    flags: dict[str, Counter[int]] = field(default_factory=dict)
    found: dict[str, Counter[str]] = field(default_factory=dict)
    not_run: dict[str, Counter[str]] = field(default_factory=dict)
    loose: int = 0
    findings: list[Finding] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        counted = {p: {str(k): n for k, n in sorted(c.items())} for p, c in sorted(self.flags.items())}
        return {
            "run": self.run, "first": self.first.isoformat(), "last": self.last.isoformat(), "plan": self.plan, "data": self.data,
            "cells": self.cells, "loose": self.loose, "flags": counted,
            "found": {p: dict(c) for p, c in sorted(self.found.items())},
            "not_run": {p: dict(c) for p, c in sorted(self.not_run.items())},
        }  # fmt: skip


def quality_run(
    source: Rows, series: Sequence[str], plan: Plan, first: datetime, last: datetime, step: timedelta | None,
    *, layer: FlagLayer | None = None, positions: Positions | None = None, size: int = SIZE,
    told: Callable[[int, int], None] | None = None,
) -> QualityRun:  # fmt: skip
    """Flags of all cells from `first` to before `last`, written to `layer` where given.

    `step` None: samples without a lattice. `told(done, all)` is called after each block. Nothing is written unless the run ends.
    Raises `OutOfBounds` for a period that is no whole number of steps or a value that does not fit.
    """
    if not first < last:
        raise OutOfBounds(f"the period {first} to {last} is empty.", f"时段 {first} 至 {last} 为空。")
    part = layer.begin() if layer else None
    result = QualityRun("", first, last, plan.hash, "")
    hashed = hashlib.sha256()
    total, done = sum(1 for _ in grouped(series, size)), 0
    try:
        for block, flags, picked in flag_blocks(
            source, series, plan, first, last, step, positions=positions, size=size
        ):
            _count(result, block, flags, picked)
            for array in (block.values, block.present, block.censored, block.repeated, block.status):
                hashed.update(np.ascontiguousarray(array).data)
            hashed.update(
                digest(
                    [block.series, block.words, int(block.times[0]) if len(block.times) else 0, block.step_ms]
                ).encode()
            )
            if part:
                part.write(block.long({"flag": flags.flag, "tests": flags.tests, "not_run": flags.not_run}, picked))
            done += block.regular or step is None
            if told:
                told(done, total)
        result.data = hashed.hexdigest()
        positions_hash = digest({k: list(v) for k, v in (positions or {}).items()})
        identity = [result.plan, result.data, first.isoformat(), last.isoformat(), str(step), positions_hash]
        result.run = f"qc-{digest(identity)[:16]}"
        if part:
            part.finish(result.run, result.record())
    except BaseException:
        if part:
            part.discard()
        raise
    _say(result)
    return result


def flag_blocks(
    source: Rows, series: Sequence[str], plan: Plan, first: datetime, last: datetime, step: timedelta | None,
    *, positions: Positions | None = None, size: int = SIZE, workers: int | None = None,
) -> Iterator[tuple[Block, Flags, NDArray[np.bool_]]]:  # fmt: skip
    """(block, flags, cells that count) one after another, reading ahead while the last ones are judged.

    Rows off the lattice follow as a block of their own.
    """
    lattice = Lattice(first, last, step) if step else None
    margin = plan.margin()
    wide = lattice.widened(margin, 1) if lattice else None
    inside = source if wide else _within(source, first, last)
    codes = _spatial(source, series, plan, lattice, positions, size) if lattice and positions else {}
    workers = workers or min(os.cpu_count() or 1, 4)

    def one(block: Block) -> list[tuple[Block, Flags, NDArray[np.bool_]]]:
        made = [_judged(block, plan, lattice, margin, codes)]
        if block.loose is not None:
            loose = block.loose.filter(pl.col("start").is_between(*_bounds(first, last), closed="left"))
            if len(loose):
                made.append(_judged(block_of(loose, block.series, None), plan, None, 0, {}))
        return made

    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[list[tuple[Block, Flags, NDArray[np.bool_]]]]] = []
        for block in blocks(inside, series, wide, size):
            waiting.append(pool.submit(one, block))
            if len(waiting) > workers:
                yield from waiting.pop(0).result()
        for future in waiting:
            yield from future.result()


def _within(source: Rows, first: datetime, last: datetime) -> Rows:
    inside = pl.col("start").is_between(first, last, closed="left")
    if isinstance(source, pl.LazyFrame):
        return source.filter(inside)
    return lambda low, high: source(low, high).filter(inside)


def _bounds(first: datetime, last: datetime) -> tuple[int, int]:
    return tuple(round((t - datetime(1970, 1, 1)).total_seconds() * 1000) for t in (first, last))  # type: ignore[return-value]


def _judged(
    block: Block, plan: Plan, lattice: Lattice | None, margin: int, codes: Codes
) -> tuple[Block, Flags, NDArray[np.bool_]]:
    """Judge the columns of the period and cut the margin off."""
    if not block.times.size:
        return block, Flags(block.shape), block.present
    segments = plan.segments(block.series, lattice, block.times, block.words)
    if lattice is None:
        flags = judge(block, segments)
        return block, flags, block.present
    a, b = margin, margin + lattice.count
    clipped = [
        Segment(max(p.first, a), min(p.last, b), p.limits, p.runs, p.required, p.other, p.levels)
        for p in segments
        if p.last > a and p.first < b
    ]
    buddy = _codes_of(block, codes, a, b) if codes else None
    flags = judge(block, clipped, buddy)
    cut = Block(
        block.series, block.times[a:b], block.step_ms, block.values[:, a:b], block.present[:, a:b], block.censored[:, a:b],
        block.repeated[:, a:b], block.status[:, a:b], block.words,
    )  # fmt: skip
    return cut, flags.cut(a, b), np.ones(cut.shape, dtype=bool)


def _codes_of(block: Block, codes: Codes, a: int, b: int) -> NDArray[np.uint8]:
    """The codes of the spatial test of a block's series; 2 where it did not run."""
    found = np.full(block.shape, 2, dtype=np.uint8)
    for i, name in enumerate(block.series):
        if name in codes:
            found[i, a:b] = codes[name]
    return found


def _spatial(
    source: Rows, series: Sequence[str], plan: Plan, lattice: Lattice, positions: Positions | None, size: int
) -> dict[str, NDArray[np.uint8]]:
    """series -> codes (times) of the spatial test, for the properties that have its limits on some day of the period.

    Sites of one property are read into a scratch file (sites, times), which the system may put to disk.
    """
    first_day, last_day = lattice.start.date(), (lattice.end - lattice.step).date()
    days = [first_day, *plan.changes(first_day, last_day)]
    scopes = {scope for day in days for scope in plan.buddies(day)}
    by_kind: dict[tuple[str, str], list[str]] = {}
    for name in sorted(set(series)):
        parts = name.split("|")
        if len(parts) > 2 and parts[1] in scopes and site_of(name) in (positions or {}):
            by_kind.setdefault((parts[1], parts[2]), []).append(name)
    codes: dict[str, NDArray[np.uint8]] = {}
    for (scope, _), names in by_kind.items():
        with tempfile.TemporaryDirectory() as folder:
            values = np.lib.format.open_memmap(Path(folder) / "v.npy", "w+", np.int64, (len(names), lattice.count))
            row = 0
            for block in blocks(source, names, lattice, size):
                values[row : row + len(block.series)] = block.values
                row += len(block.series)
            found = np.full(values.shape, 2, dtype=np.uint8)
            _search(values, found, names, scope, plan, days, lattice, positions or {})
            codes |= dict(zip(names, found, strict=True))
            del values
    return codes


def _search(
    values: NDArray[np.int64], codes: NDArray[np.uint8], names: Sequence[str], scope: str, plan: Plan, days: Sequence[date],
    lattice: Lattice, positions: Positions,
) -> None:  # fmt: skip
    lon, lat = (np.array([positions[site_of(n)][i] for n in names], dtype=np.float64) for i in (0, 1))
    edges = [0, *(lattice.slot(datetime(d.year, d.month, d.day)) for d in days[1:]), lattice.count]
    tasks = []
    for day, first, last in zip(days, edges[:-1], edges[1:], strict=True):
        rows = plan.buddies(day).get(scope)
        if rows is None or first >= last:
            continue
        radius, k, least, floor = (plan.number(rows[p]) for p in ("radius", "k", "neighbours_min", "mad_min"))
        if radius is None or k is None or least is None:
            continue  # `none` of these: the test is not to be used
        offsets, near = neighbours(lon, lat, radius / SCALE)
        mad_min = float(floor or 0)
        for a in range(first, last, TILE):
            tasks.append((values, offsets, near, k / SCALE, least, mad_min, a, min(a + TILE, last), codes))
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        for done in [pool.submit(buddy_codes, *task) for task in tasks]:
            done.result()


def _count(result: QualityRun, block: Block, flags: Flags, picked: NDArray[np.bool_]) -> None:
    by_property: dict[str, list[int]] = {}
    for i, name in enumerate(block.series):
        by_property.setdefault(name.split("|")[1] if "|" in name else name, []).append(i)
    whole = bool(picked.all())
    for kind, rows in by_property.items():
        cells = slice(None) if whole else picked[rows]
        flag, tests, not_run = (a[rows] if whole else a[rows][cells] for a in (flags.flag, flags.tests, flags.not_run))
        counted = np.bincount(flag.reshape(-1), minlength=10)
        target = result.flags.setdefault(kind, Counter())
        for level in (GOOD, NOT_EVALUATED, SUSPECT, FAIL, NO_VALUE):
            target[level] += int(counted[level])
        found, missed = result.found.setdefault(kind, Counter()), result.not_run.setdefault(kind, Counter())
        for bit, test in enumerate(TESTS):
            found[test] += int(np.count_nonzero(tests & np.uint32(1 << bit)))
            missed[test] += int(np.count_nonzero(not_run & np.uint32(1 << bit)))
        result.cells += flag.size
    if not block.regular:
        result.loose += int(picked.sum())
    unsaid = (flags.not_run >> np.uint32(TESTS.index("status_word")) & np.uint32(1)).astype(bool)
    some = unsaid & ~unsaid.all(
        axis=1, keepdims=True
    )  # where it never ran the plan has no words at all: told by `_say`
    unknown = sorted({block.words[w] for w in np.unique(block.status[some])} - {""})
    unknown = [
        w for w in unknown if not any(f.code == "status_word" and f" {w} " in f" {f.en} " for f in result.findings)
    ]
    if unknown and len(result.findings) < 100:
        result.findings.append(
            Finding("warning", "status_word", f"the plan does not say what {', '.join(unknown)} mean.", f"质控方案没有说明 {'、'.join(unknown)} 的含义。",
                    "quality.csv", None, "status_word", fix="add a row per word / 每个状态词加一行")
        )  # fmt: skip


def _say(result: QualityRun) -> None:
    if result.loose and not result.findings:
        result.findings.append(
            Finding("note", "off_lattice", f"{result.loose} rows have no place on a regular lattice: tests that need a step did not run.",
                    f"{result.loose} 行不在规则时间格上，需要步长的检验未执行。")
        )  # fmt: skip
    idle: dict[tuple[str, ...], list[str]] = {}
    for kind, missed in sorted(result.not_run.items()):
        never = tuple(t for t in TESTS if result.cells and missed[t] >= sum(result.flags[kind].values()) > 0)
        if never:
            idle.setdefault(never, []).append(kind)
    for tests, kinds in idle.items():
        zh = "、".join(f"{TESTS_ZH[t]}（{t}）" for t in tests)
        result.findings.append(
            Finding("note", "not_run", f"these tests never ran: {', '.join(tests)}, on {', '.join(kinds)}.",
                    f"以下检验从未执行：{zh}；监测项目：{'、'.join(kinds)}。", "quality.csv",
                    fix="add their limits to the plan, if they are wanted / 需要时在方案中补充限值")
        )  # fmt: skip
