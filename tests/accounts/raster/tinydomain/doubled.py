"""A stage for the tests: twice the elevation. Counts its calls in a file beside the result's folder."""

from pathlib import Path

import numpy as np

from qingshan.zone.raster.source import Field

INPUTS = {"elevation": "m"}
TABLES = {"share": "1"}
CONSTANTS = {"factor": "1"}
OUTPUTS = {"twice": "m"}
OPTIONS = {"mode": ("plain",)}
CALLS: list[str] = []


def run(
    grid,
    inputs,
    tables,
    constants,
    options,
    outputs,
    folder: Path,
    *,
    classes=None,
    workers=None,
    memory="1GB",
    progress=None,
):
    """The factor times the share of the class times the elevation, in metres."""
    CALLS.append(folder.name)
    made = Field(folder / "twice.cells", grid, "float32", float("nan"), 1024, {"test": "twice"}).create()
    for window in grid.blocks(2):
        block = inputs["elevation"].read(window).astype(np.float64)
        made.write(window, constants["factor"] * tables["share"][classes.read(window)] * block)
    return {"twice": made}
