"""The verb that makes a synthetic zone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.core.errors import OutOfBounds

from .show import emit

if TYPE_CHECKING:
    from qingshan.zone.synthetic.stack import Need


def synth(arguments: argparse.Namespace) -> int:
    from qingshan.zone.synthetic.made import make_zone  # noqa: PLC0415 - the extra geo
    from qingshan.zone.synthetic.stack import needed, sides_of  # noqa: PLC0415 - the extra geo

    pixels, seed = _number(arguments.pixels, "--pixels"), _number(arguments.seed, "--seed")
    workers = int(_number(arguments.workers, "--workers")) if arguments.workers else None
    zh = arguments.lang == "zh"
    told = _Progress(zh) if sys.stderr.isatty() and not arguments.json else None
    out = arguments.out or f"synthetic-{pixels:.0f}"
    folder = Path(out).expanduser().absolute()
    need = needed(folder, *sides_of(pixels))
    print(_need(need, zh), file=sys.stderr, flush=True)
    made = make_zone(folder, pixels, int(seed), workers=workers, told=told)
    rasters = len(made.written)
    if arguments.json:
        emit({"folder": out, "seed": int(seed), "rows": made.seats.rows, "cols": made.seats.cols,
              "places": made.seats.count, "rasters": rasters, "bytes_at_most": need.bytes, "synthetic": True})  # fmt: skip
        return 0
    rows, cols = made.seats.rows, made.seats.cols
    if zh:
        print(
            f"{out}：合成数据，{rows} × {cols} 个像元，地点 {made.seats.count} 个，栅格 {rasters} 幅，种子 {int(seed)}"
        )
        print(f"下一步：`qingshan run --zone {out}`")
    else:
        print(
            f"{out}: synthetic, {rows} x {cols} cells, {made.seats.count} places, {rasters} rasters, seed {int(seed)}"
        )
        print(f"next: `qingshan run --zone {out}`")
    return 0


def _need(need: Need, zh: bool) -> str:
    """Before anything is written: cells, files, bytes, and what the disk has."""
    size, free = (f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.0f} MB" for n in (need.bytes, need.free))
    if zh:
        cells = f"{need.rows} × {need.cols} = {need.rows * need.cols:,} 个像元"
        return f"将生成 {cells}，栅格 {need.files} 幅，至多约 {size}（磁盘剩余 {free}）"
    cells = f"{need.rows} x {need.cols} = {need.rows * need.cols:,} cells"
    return f"to be made: {cells}, {need.files} rasters, at most about {size} (the disk has {free} free)"


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 2**53 or (name != "--pixels" and value != int(value)):
        raise OutOfBounds(f"{text!r} is no number that can be used.", f"{text!r} 不是可用的数。", where=name,
                          fix="a positive number, such as 196e6 / 写正数，例如 196e6")  # fmt: skip
    return value


class _Progress:
    """What is being made, the share done, the rate and the time left, on one line of a terminal."""

    def __init__(self, zh: bool) -> None:
        self.zh, self.started, self.shown = zh, 0.0, 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self.started = now
            line = f"地形 {what.partition(' ')[2]}" if self.zh else what
        elif now - self.shown < 0.5 and done < total:
            return
        else:
            rate = done / max(now - self.started, 1e-9)
            left = (total - done) / rate
            line = f"{done / total:.0%}  {rate / 1e6:.1f} Mpx/s  " + (
                f"剩余约 {left:.0f} 秒" if self.zh else f"about {left:.0f} s left"
            )
        self.shown = now
        end = "\n" if done == total else ""
        print(f"\r\x1b[K{line}", end=end, file=sys.stderr, flush=True)
