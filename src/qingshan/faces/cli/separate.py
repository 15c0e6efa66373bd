"""The verb of the separate account of karst carbon."""

from __future__ import annotations

import argparse
from pathlib import Path

from qingshan.observe.karst import karst_account, read_catchment

from .show import emit, said_labels


def karst(arguments: argparse.Namespace) -> int:
    """Gross, corrected for acids, and net of degassing; reported apart, never a unit."""
    made = karst_account(read_catchment(Path(arguments.folder)), arguments.model)
    if arguments.json:
        emit(made.record())
        return 0
    zh = arguments.lang == "zh"
    c = made.catchment
    apart = "单独账户，不产生单位" if zh else "separate account: never a unit"
    print(f"{c.zh if zh else c.en}  [{apart}]  [{said_labels(made.labels, arguments.lang)}]")
    rows = [("总量（全部重碳酸根）", "gross, all bicarbonate", made.gross), ("扣除外源酸", "without strong acids", made.corrected),
            ("再扣脱气", "net of degassing", made.net)]  # fmt: skip
    for name_zh, name_en, value in rows:
        print(f"  {name_zh if zh else name_en}: {'-' if value is None else f'{value:,.2f} t CO2/a'}")
    if made.intensity is not None:
        said = "扣除外源酸的强度" if zh else "intensity without strong acids"
        print(f"  {said}: {made.intensity:.3f} g C/m2/a, {c.area_km2:g} km2")
    for f in made.findings:
        print(f"  {f.sentence(arguments.lang)}")
    return 0
