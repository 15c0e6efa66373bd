"""Memory: what is asked is kept, what is too little is refused with the amount needed, no size is allocated on trust."""

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from qingshan.accounts.block.cut import FIXED, bytes_of, cut, most_cells
from qingshan.accounts.block.engine import plan_sheet
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.source import ArraySource, Field

from .conftest import seeded, square
from .long_run import drawn
from .test_block_resume import lines, started


@pytest.mark.parametrize(
    ("text", "size"), [("1GB", 2**30), ("1.5 gb", 3 * 2**29), ("800MB", 800 * 2**20), ("2GiB", 2**31), ("64kb", 2**16), (12345, 12345)]
)  # fmt: skip
def test_amounts(text: str | int, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "much", "-1GB", "0MB", "1e40GB", "nanGB", "3 PB"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(DeclarationError, match="no amount of memory"):
        bytes_of(text)


@pytest.mark.parametrize(("height", "width"), [(14000, 14000), (1000, 1000), (100, 2_000_000), (2_000_000, 3)])
@pytest.mark.parametrize("writes", [0, 4])
@pytest.mark.parametrize("workers", [1, 8])
def test_blocks_fit_the_memory(height: int, width: int, writes: int, workers: int) -> None:
    grid = square(height, width)
    layers = [Field(Path("none"), grid)] * 5
    for memory in ("2GB", "1.2GB"):
        rows, cols = cut(grid, layers, writes, memory, workers)
        cells = min(rows, height) * min(cols, width)
        assert 0 < cells <= most_cells(layers, writes, memory, workers, 0)
        assert cells * workers * (4 * 5 + 4 * writes) <= bytes_of(memory) - FIXED


def test_too_little_memory_is_refused_with_the_amount_that_is_enough() -> None:
    given = drawn(5000, 5000)
    with pytest.raises(QingshanError, match="too little for 2 blocks") as refused:
        given.run(scheduler="threads", workers=2, memory="100MB")
    enough = re.search(r"([\d,]+)MB", refused.value.fix)
    assert enough and "线程" in refused.value.fix
    grid, field = given.grid, Field(Path("none"), given.grid)
    assert cut(grid, [field] * 4, 0, f"{enough[1].replace(',', '')}MB", 2)


def test_memory_of_the_sums_counts() -> None:
    """3000 places x 40 classes x 3 sums x 24 bytes, twice: 17 MB that blocks cannot have."""
    given = replace(seeded(64, 64), n_places=300_000, codes=tuple(range(1, 41)))
    with pytest.raises(QingshanError, match="too little"):
        given.run(memory="1GB")


def test_a_huge_declared_grid_is_planned_without_allocating() -> None:
    """2 million x 2 million cells: 4e12 of them. Planning knows the blocks, and holds none."""
    grid = square(2_000_000, 2_000_000)
    layer = Field(Path("none"), grid)
    small = seeded(4, 4)
    tracemalloc.start()
    plan = plan_sheet(small.sheet, grid, {"rain": layer, "et": layer}, small.tables, {}, ArraySource(small.places.read(square(4, 4).whole), -1),
                      layer, n_places=5, codes=(1, 2), workers=2)  # fmt: skip
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert plan.block[0] * plan.block[1] <= 2**21 and peak < 2**24


@pytest.mark.long
@pytest.mark.parametrize("memory", ["500MB", "800MB"])
def test_the_peak_of_16_million_cells_stays_within_what_was_asked(memory: str, tmp_path: Path) -> None:
    with started(tmp_path / "warm", 300, 300, "800MB") as process:  # compiling takes memory that a run does not
        assert [*lines(process)] and process.wait() == 0
    with started(tmp_path, 4000, 4000, memory) as process:
        said = list(lines(process))
        assert process.wait() == 0, process.stderr and process.stderr.read()
    assert int(said[-1].split()[1]) <= bytes_of(memory)
