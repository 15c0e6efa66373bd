"""Rows that people declare in CSV beside a network: plans, alert rules, recipients, episodes, conventions."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from qingshan.core.errors import DeclarationError

__all__ = ["declared_rows"]


def declared_rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The line of each row and its cells by column, without spaces around them; a cell that is not there is "".

    `columns` have to be there, others may. Raises `DeclarationError`: a file that cannot be read, a column that is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            absent = [c for c in columns if c not in (reader.fieldnames or ())]
            if absent:
                raise DeclarationError(
                    f"columns are missing: {', '.join(absent)}.", f"缺少列：{'、'.join(absent)}。", where=path.name,
                    fix=f"the header is {','.join(columns)} / 表头为 {','.join(columns)}",
                )  # fmt: skip
            return [(reader.line_num, {k: (v or "").strip() for k, v in row.items() if k}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DeclarationError(
            f"cannot be read: {error}.",
            f"无法读取：{error}。",
            where=path.name,
            fix="save it as CSV in UTF-8 / 存为 UTF-8 的 CSV",
        ) from None
