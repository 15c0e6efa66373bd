"""`publish_gep`: the GEP account report of one place and year, as PDF and workbook, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from qingshan.accounts.run import Run
from qingshan.core.canonical import write_atomic

from .gather import gather
from .pdf import account_pdf, title_of
from .release import Reason, period_of, require_release, require_seal
from .words import Words
from .workbook import account_workbook


@dataclass(frozen=True)
class Release:
    """What was written: file path -> sha-256, the labels on the report, and the reasons why it is not official."""

    run: str
    title: str
    place: str
    period: str
    profile: str
    lang: str
    official: bool
    files: dict[str, str]
    labels: tuple[str, ...]
    reasons: tuple[Reason, ...]

    def record(self) -> dict[str, Any]:
        return {**self.__dict__, "labels": list(self.labels), "reasons": [r.record() for r in self.reasons]}


def publish_gep(
    run: Run,
    *,
    year: int | str | None = None,
    lang: str = "zh",
    official: bool = False,
    out: Path = Path(),
    place: str | None = None,
) -> Release:
    """Write `gep-<zone>-<place>-<year>-<profile>-<lang>.pdf` and `.xlsx` into `out`.

    `year` None takes the newest period, `place` (code or name) None the zone's root. Both files are made in memory first and
    then renamed into place. The same run, place, year and language give the same bytes.

    Raises `RefusedRelease` listing every reason where an official release is asked and not allowed, or where the run was
    changed after sealing; `UnknownName` for a year, place or language there is not. Nothing is written then.
    """
    words = Words(lang)
    period, where = period_of(run, year), run.zone.place(place or run.zone.root)
    require_seal(run)
    account = gather(run, where.code, period, official=official)
    if official:
        require_release(run, account.reasons)
    stem = f"gep-{run.zone.id}-{where.code}-{period.id}-{run.profile.id}-{lang}"
    made = {
        f"{stem}.pdf": account_pdf(account, lang, official=official),
        f"{stem}.xlsx": account_workbook(account, lang),
    }
    for name, data in made.items():
        write_atomic(out / name, data)
    return Release(
        run.id, title_of(account, words), where.code, period.id, run.profile.id, lang, official,
        {str(out / name): sha256(data).hexdigest() for name, data in made.items()}, account.labels, tuple(account.reasons),
    )  # fmt: skip
