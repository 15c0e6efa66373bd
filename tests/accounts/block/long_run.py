"""A run in a process of its own, for the tests that kill it or measure its memory. Prints `done` after each block.

python long_run.py FOLDER HEIGHT WIDTH MEMORY [resume] [slow]
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from accounts.block.conftest import Case, case, square


@dataclass(frozen=True)
class Drawn:
    """Cells made where they are read, the same for the same place: a layer of any size without a file."""

    kind: str
    low: int
    high: int
    nodata: float | None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.kind)

    def read(self, window: Any) -> Any:
        row = np.arange(window.row, window.row + window.height, dtype=np.uint32)[:, None]
        col = np.arange(window.col, window.col + window.width, dtype=np.uint32)[None, :]
        mixed = (row * np.uint32(2654435761)) ^ (col * np.uint32(40503))
        mixed ^= mixed >> np.uint32(15)
        mixed %= np.uint32(self.high - self.low)
        return (mixed.astype(np.int32) + self.low).astype(self.kind)

    def identity(self) -> Mapping[str, Any]:
        return {"drawn": [self.kind, self.low, self.high]}


def drawn(height: int, width: int) -> Case:
    small = case([[1.0]], [[1.0]], [[3]], [[1]])
    return replace(
        small, grid=square(height, width), sources={"rain": Drawn("float32", 100, 2000, 100.0), "et": Drawn("float32", 0, 900, None)},
        places=Drawn("int32", -1, 4, -1), classes=Drawn("uint8", 0, 3, 0),
    )  # fmt: skip


def main() -> None:
    folder, height, width, memory = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

    def told(done: int, whole: int, left: float) -> None:
        print("done", done, whole, flush=True)
        if "slow" in sys.argv:
            time.sleep(0.2)

    drawn(height, width).run(
        scheduler="threads", workers=2, memory=memory, writes={"left": folder / "left.tif", "rain": folder / "rain.tif"}, progress=told,
        resume=folder / "resume" if "resume" in sys.argv else None,
    )  # fmt: skip
    print("peak", peak(), flush=True)


def peak() -> int:
    """Bytes this program held at most. (`ru_maxrss` keeps the size of the process that started it.)"""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")


if __name__ == "__main__":
    main()
