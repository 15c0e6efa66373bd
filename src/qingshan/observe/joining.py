"""Joining rows of one table to rows of another by identifier, as positions; and words of a file to declared codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["coded", "floats", "positions", "words"]

DENSE = 8
"""A table of positions is used while the identifiers span at most this many times their number."""


def positions(ids: pl.Series, within: pl.Series) -> NDArray[np.int64]:
    """Row of `within` that holds each identifier, -1 where none does; of equal ones in `within`, the first."""
    if ids.dtype.is_integer() and within.dtype.is_integer() and not ids.null_count() and len(within):
        found = _dense(ids.to_numpy(), within.to_numpy())
        if found is not None:
            return found
    left = ids.cast(pl.String).to_frame("id")
    right = within.cast(pl.String).to_frame("id").with_row_index("at").unique("id", keep="first")
    joined = left.join(right, on="id", how="left", maintain_order="left")["at"]
    return joined.cast(pl.Int64).fill_null(-1).to_numpy()


def _dense(ids: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.int64] | None:
    low, high = int(within.min()), int(within.max())
    if high - low > DENSE * len(within) + 1000:
        return None
    place = np.full(high - low + 1, -1, dtype=np.int64)
    place[within[::-1] - low] = np.arange(len(within) - 1, -1, -1)
    inside = (ids >= low) & (ids <= high)
    if inside.all():
        return place[ids - low]
    return np.where(inside, place[np.where(inside, ids, low) - low], -1)


def words(column: pl.Series, declared: Mapping[str, Sequence[str]], names: Sequence[str]) -> NDArray[np.int64]:
    """Index into `names` of the declared word each row uses, -1 for a word nobody declared."""
    texts = column.cast(pl.String).fill_null("") if column.dtype not in (pl.Categorical, pl.Enum) else column
    kinds = texts.unique().cast(pl.String)
    code = {word: i for i, name in enumerate(names) for word in declared[name]}
    table = pl.DataFrame(
        {"w": kinds, "i": [code.get(k.removesuffix(".0"), -1) for k in kinds]}, schema_overrides={"i": pl.Int64}
    )
    if len(kinds) == 1:
        return np.full(len(column), table["i"][0], dtype=np.int64)
    joined = texts.cast(pl.String).to_frame("w").join(table, on="w", how="left", maintain_order="left")["i"]
    return joined.to_numpy()


def coded(column: pl.Series) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct texts of a column, sorted, and the index of each row's; missing is ''."""
    texts = column.cast(pl.String).fill_null("") if column.dtype not in (pl.Enum, pl.Categorical) else column
    names = sorted(texts.unique().cast(pl.String).fill_null("").to_list())
    if texts.dtype in (pl.Enum, pl.Categorical) and texts.null_count():
        texts = texts.cast(pl.String).fill_null("")
    return names, texts.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()


def floats(table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as numbers, NaN where it is missing or no number."""
    series = table[column]
    values = series if series.dtype == pl.Float64 else series.cast(pl.Float64, strict=False)
    return (values.fill_null(np.nan) if values.null_count() else values).to_numpy()
