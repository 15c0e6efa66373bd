"""Flow, sediment and nutrients over a drawn valley, in a process of its own, for the tests that measure its memory.

python flow_run.py FOLDER SIDE MEMORY ROUTING      prints the peak of memory in bytes, then a hash of each result
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from accounts.block.long_run import peak
from accounts.flow.conftest import grid_of
from qingshan.accounts.flow import nutrient, routing, sediment, slope_length, terrain
from qingshan.zone.raster.source import Field

TABLES = {"c": np.array([np.nan, 0.02, 0.4]), "p": np.array([np.nan, 1.0, 0.8])}
SEDIMENT = {"stream_area": 0.9, "ic0": 0.5, "k": 2.0, "ratio_max": 0.8}
NUTRIENT = {"stream_area": 0.9, "k": 2.0, "ic0": 0.0, "runoff_mean": 1000.0}
LOADS = {"load_n": (10.0, 20.0), "efficiency_n": (0.5, 0.8), "length_n": (150.0, 30.0)}


def drawn(folder, side):
    """Hills that fall to the south-east, with hollows and NoData; classes in strips. Written row by row, so that nothing large is held."""
    grid = grid_of(np.empty((side, 1)))
    grid = type(grid)(grid.crs, grid.transform, side, side)
    high = Field(folder / "high.cells", grid, "float32", float("nan")).create()
    cover = Field(folder / "cover.cells", grid, "uint8", 0).create()
    for window in grid.blocks(64):
        y, x = (np.arange(window.row, window.row + window.height)[:, None], np.arange(side)[None, :])
        z = 2000 - 0.05 * (x + y) + 20 * np.sin(x / 17) * np.cos(y / 23) + 60 * np.sin(x / 301 + y / 173)
        z[(x // 50 + y // 50) % 97 == 0] = np.nan
        high.write(window, z.astype(np.float32))
        cover.write(window, (1 + (x // 40 + y // 60) % 2).astype(np.uint8))
    return grid, high, cover


def run(folder, side, memory, kind):
    grid, high, cover = drawn(folder, side)
    how = {"workers": 2, "memory": memory}
    made = routing.run(
        grid, {"elevation": high}, {}, {}, {"routing": kind}, ("direction", "accumulation"), folder / "f", **how
    )
    made |= terrain.run(grid, {"elevation": high}, {}, {}, {}, ("slope", "aspect"), folder / "t", **how)
    steep = {k: made[k] for k in ("accumulation", "slope", "aspect")}
    made |= slope_length.run(grid, steep, {}, {"length_max": 122.0}, {}, ("ls",), folder / "s", **how)
    given = {k: made[k] for k in ("direction", "accumulation", "slope")}
    names = ("export", "deposition", "avoided_export")
    soil = given | {"ls": made["ls"], "erosivity": high, "erodibility": made["slope"]}
    made |= sediment.run(grid, soil, TABLES, SEDIMENT, {}, names, folder / "e", classes=cover, **how)
    loads = {k: np.array([np.nan, *v]) for k, v in LOADS.items()}
    made |= nutrient.run(
        grid, given | {"runoff": high}, loads, NUTRIENT, {}, ("export_n",), folder / "n", classes=cover, **how
    )
    return made


def main():
    folder, side, memory, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    made = run(folder, side, memory, kind)
    print(peak(), {k: hashlib.sha256(f.path.read_bytes()).hexdigest()[:16] for k, f in sorted(made.items())})


if __name__ == "__main__":
    main()
