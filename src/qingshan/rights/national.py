"""Monthly figures of the national carbon market, brought to a venue from a file: the price that a local right is set beside.

The file is the operator's: rows `month, listed_vol_t, listed_amt_cny, block_vol_t, block_amt_cny, total_vol_t, total_amt_cny, cum_vol_t,
cum_amt_cny` transcribed from the bulletins of the Shanghai Environment and Energy Exchange. Every step of the cumulative columns is checked.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path

from qingshan.core.canonical import canonical, write_atomic
from qingshan.core.errors import QingshanError

__all__ = ["FILE", "Month", "National", "bring", "kept", "read_months"]

FILE = "national_prices.json"
COLUMNS = ("month", "listed_vol_t", "listed_amt_cny", "total_vol_t", "total_amt_cny", "cum_vol_t", "cum_amt_cny")
SOURCE = "上海环境能源交易所月度公告（转录）"


@dataclass(frozen=True, slots=True)
class Month:
    """`listed` is the weighted mean of the listed trades, yuan per tonne; None without any."""

    month: str
    listed: Decimal | None
    volume: Decimal
    amount: Decimal


@dataclass(frozen=True)
class National:
    """What a venue has on file, with the hash of the file it came from; status `secondary`: a transcription."""

    months: tuple[Month, ...]
    sha256: str
    source: str = SOURCE
    status: str = "secondary"

    def of(self, month: str) -> Month | None:
        return next((m for m in self.months if m.month == month), None)


def read_months(raw: bytes, where: str = "") -> National:
    """Raises `QingshanError` for absent columns, numbers that cannot be, months out of order and sums that do not follow."""
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    if not rows or any(c not in rows[0] for c in COLUMNS):
        raise QingshanError(
            f"the columns {', '.join(COLUMNS)} are needed.", f"须有列 {'、'.join(COLUMNS)}。", where=where
        )
    made, before = list[Month](), ("", Decimal(0), Decimal(0))
    for n, row in enumerate(rows, 2):
        place = f"{where}:{n}"
        try:
            listed_v, listed_a, volume, amount = (Decimal(row[c] or "0") for c in COLUMNS[1:5])
            sums = tuple(Decimal(row[c]) if row[c] else None for c in COLUMNS[5:])
        except InvalidOperation:
            raise QingshanError("a number cannot be read.", "数字无法读取。", where=place) from None
        if row["month"] <= before[0] or min(listed_v, listed_a, volume, amount) < 0:
            raise QingshanError(
                "the months must go on and nothing be below 0.", "月份须递增，数值不得为负。", where=place
            )
        for had, step, now in zip(before[1:], (volume, amount), sums, strict=True):
            if now is not None and had + step != now:
                raise QingshanError(f"the cumulative figure is {now}, the months add up to {had + step}.",
                                    f"累计数为 {now}，逐月相加为 {had + step}。", where=place)  # fmt: skip
        made.append(Month(row["month"], listed_a / listed_v if listed_v else None, volume, amount))
        before = (row["month"], before[1] + volume, before[2] + amount)
    return National(tuple(made), sha256(raw).hexdigest())


def bring(folder: Path, file: Path) -> National:
    """Check a file and keep its figures in a venue's folder, whole or not at all. Raises `QingshanError`."""
    found = read_months(file.read_bytes(), file.name)
    rows = [{"month": m.month, "listed": None if m.listed is None else str(round(m.listed, 4)), "volume": str(m.volume), "amount": str(m.amount)}
            for m in found.months]  # fmt: skip
    content = {
        "source": found.source,
        "status": found.status,
        "sha256": found.sha256,
        "file": file.name,
        "months": rows,
    }
    write_atomic(folder / FILE, canonical(content))
    return found


def kept(folder: Path) -> National | None:
    """What the venue has; None where nothing was brought."""
    path = folder / FILE
    if not path.is_file():
        return None
    raw = json.loads(path.read_bytes())
    months = tuple(
        Month(
            m["month"],
            None if m["listed"] is None else Decimal(m["listed"]),
            Decimal(m["volume"]),
            Decimal(m["amount"]),
        )
        for m in raw["months"]
    )
    return National(months, raw["sha256"], raw["source"], raw["status"])
