"""What reviewers decided: append-only rows, each with its reason and author, for one version of one value.

A decision on a value that has a newer version no longer counts: the new value is another reading. The last decision on a version holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

from ..dense import Block
from .flags import append_line, read_lines
from .kernels import FAIL, NO_VALUE, NOT_EVALUATED, SUSPECT

__all__ = ["Decision", "Review", "Usable", "usable"]

WORDS = ("valid", "invalid")
NONE, VALID, INVALID = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Decision:
    """A reviewer's word on one value. `time` is when it was decided, ISO with zone."""

    series: str
    start: datetime
    decision: str
    reason: str
    author: str
    time: str
    version: int = 1

    def record(self) -> dict[str, Any]:
        return asdict(self) | {"start": self.start.isoformat()}


class Review:
    """The decisions of one network, in `decisions.jsonl` of a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "decisions.jsonl"

    def decide(
        self,
        series: str,
        start: datetime,
        decision: str,
        *,
        reason: str,
        author: str,
        version: int = 1,
        time: datetime | None = None,
    ) -> Decision:
        """Append one decision. Raises `OutOfBounds` for another word, or without a reason or author."""
        if decision not in WORDS:
            raise OutOfBounds(
                f"a decision is valid or invalid, not {decision!r}.",
                f"复核结论应为 valid 或 invalid，不是 {decision!r}。",
            )
        if not reason.strip() or not author.strip():
            raise OutOfBounds(
                "a decision needs a reason and an author.",
                "复核结论须有理由和复核人。",
                where=f"{series} {start}",
                fix="say why / 写明理由",
            )
        at = time or datetime.now().astimezone()
        made = Decision(series, start, decision, reason.strip(), author.strip(), at.isoformat(), version)
        append_line(self.path, made.record())
        return made

    def all(self) -> list[Decision]:
        """Every decision, oldest first."""
        return [Decision(**{**r, "start": datetime.fromisoformat(r["start"])}) for r in read_lines(self.path)]

    def latest(self) -> dict[tuple[str, datetime], Decision]:
        """The decision that holds for each (series, start): the last of the newest version decided on."""
        held: dict[tuple[str, datetime], Decision] = {}
        for one in self.all():
            before = held.get((one.series, one.start))
            if before is None or one.version >= before.version:
                held[one.series, one.start] = one
        return held

    def frame(self) -> pl.DataFrame:
        """The same as rows (series, start, decision, reason, author, time, version), sorted."""
        schema: dict[str, Any] = {
            "series": pl.String, "start": pl.Datetime("ms"), "decision": pl.String, "reason": pl.String, "author": pl.String,
            "time": pl.String, "version": pl.Int64,
        }  # fmt: skip
        held = self.latest()
        return pl.DataFrame([asdict(held[key]) for key in sorted(held)], schema=schema)


@dataclass(frozen=True)
class Usable:
    """`use` (series, times): values a statistic may count; `unresolved`: suspect values no reviewer has decided on."""

    use: NDArray[np.bool_]
    unresolved: NDArray[np.bool_]


def usable(
    block: Block,
    flag: NDArray[np.uint8],
    decisions: Iterable[Decision] = (),
    versions: Mapping[tuple[str, datetime], int] | None = None,
) -> Usable:
    """Good and not evaluated values, without those a reviewer called invalid, and those of 3 and 4 a reviewer called valid.

    `versions` gives the present version of a key where it is not 1. A missing value (9) is never used.
    """
    said = _matrix(block, decisions, versions or {})
    if said is None:
        return Usable(flag <= NOT_EVALUATED, flag == SUSPECT)
    doubtful = (flag == SUSPECT) | (flag == FAIL)
    use = np.where(doubtful, said == VALID, (flag <= NOT_EVALUATED) & (said != INVALID)) & (flag != NO_VALUE)
    return Usable(use, (flag == SUSPECT) & (said == NONE))


def _matrix(
    block: Block, decisions: Iterable[Decision], versions: Mapping[tuple[str, datetime], int]
) -> NDArray[np.uint8] | None:
    place = {name: i for i, name in enumerate(block.series)}
    said = None
    for one in decisions:
        i = place.get(one.series)
        if i is None or one.version != versions.get((one.series, one.start), 1):
            continue
        ms = round((one.start - datetime(1970, 1, 1)).total_seconds() * 1000)
        t = int(np.searchsorted(block.times, ms))
        if t < len(block.times) and block.times[t] == ms:
            said = np.zeros(block.shape, dtype=np.uint8) if said is None else said
            said[i, t] = VALID if one.decision == "valid" else INVALID
    return said
