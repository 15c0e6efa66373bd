"""The national market's months against M14 of market.md (61 rows, sums and steps exact) and M11 (listed mean of December 2025: 64.7259)."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from qingshan.core.errors import QingshanError
from qingshan.rights.national import bring, kept, read_months

FILE = Path(os.environ.get("QINGSHAN_SHARED", "../shared")) / "data" / "market" / "cea_monthly.csv"
HEAD = "month,listed_vol_t,listed_amt_cny,total_vol_t,total_amt_cny,cum_vol_t,cum_amt_cny\n"


@pytest.mark.skipif(not FILE.exists(), reason="QINGSHAN_SHARED has no market data")
def test_m14_and_m11(tmp_path: Path) -> None:
    found = bring(tmp_path, FILE)
    assert len(found.months) == 61
    assert sum(m.volume for m in found.months) == 935_085_312
    assert sum(m.amount for m in found.months) == Decimal("63272357096.58")
    december = found.of("2025-12")
    assert december and december.listed and abs(december.listed - Decimal("64.7259")) <= Decimal("0.0001")
    assert kept(tmp_path) is not None and [m.month for m in kept(tmp_path).months] == [m.month for m in found.months]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "month,x\n2021-07,1\n",
        HEAD + "2021-07,1,50,1,50,1,51\n",  # 50 yuan, not 51
        HEAD + "2021-07,1,50,1,50,,\n2021-07,1,50,1,50,,\n",
        HEAD + "2021-07,1,fifty,1,50,,\n",
        HEAD + "2021-07,-1,50,1,50,,\n",
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.csv").write_text(text, encoding="utf-8")
    with pytest.raises(QingshanError):
        bring(tmp_path, tmp_path / "f.csv")
    assert kept(tmp_path) is None


def test_a_mean_by_hand() -> None:
    """100 t for 5,000 yuan listed, 100 t for 4,000 as a block: the listed mean is 50; a month without listed trades has none."""
    found = read_months((HEAD + "2021-07,100,5000,200,9000,,\n2021-08,0,0,1,40,201,9040\n").encode())
    assert [m.listed for m in found.months] == [Decimal(50), None]
