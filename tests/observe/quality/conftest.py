"""Small networks for the quality control: values by series, plans by rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from qingshan.observe.quality.plan import Plan, PlanRow

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 5, 1)
SERIES = "S1|air.pm25|1h"


def table(
    values: dict[str, list[Any]], begin: datetime = BEGIN, step: timedelta = HOUR, **columns: list[Any]
) -> pl.LazyFrame:
    """Long rows of equally long lists; a value of None is a row without a value."""
    n = len(next(iter(values.values())))
    rows = [
        (name, begin + i * step, None if v is None else str(v))
        for name, vs in sorted(values.items())
        for i, v in enumerate(vs)
    ]
    frame = pl.DataFrame(
        rows, schema={"series": pl.String, "start": pl.Datetime("ms"), "value": pl.String}, orient="row"
    )
    assert len(frame) == n * len(values)
    return frame.with_columns(
        pl.col("value").cast(pl.Decimal(28, 9)), **{k: pl.Series(v) for k, v in columns.items()}
    ).lazy()


def row(
    test: str,
    parameter: str,
    value: str,
    scope: str = "air.pm25",
    unit: str = "",
    first: str = "2020-01-01",
    last: str = "",
) -> PlanRow:
    given = unit or {"rate_of_change": "ug/m3/h", "buddy": "km" if parameter == "radius" else "ug/m3"}.get(
        test, "ug/m3"
    )
    return PlanRow(
        scope,
        test,
        parameter,
        value,
        given,
        date.fromisoformat(first),
        date.fromisoformat(last) if last else None,
        "test",
        "project",
    )


def rows(test: str, scope: str = "air.pm25", **limits: str) -> list[PlanRow]:
    return [row(test, name, value, scope) for name, value in limits.items()]


def plan(*groups: list[PlanRow]) -> Plan:
    return Plan([r for group in groups for r in group], {"air.pm25": "ug/m3", "air.pm10": "ug/m3"})
