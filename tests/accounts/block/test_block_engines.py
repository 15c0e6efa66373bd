"""The same bytes from every block size, order, number of threads and engine."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.block import cut as cutting
from qingshan.accounts.block import plan as planning
from qingshan.accounts.block.engines import engine, threads_of
from qingshan.accounts.block.plan import Totals, block_totals, plan_sheet
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.source import Field

from .conftest import Case, same, seeded, square

HEIGHT, WIDTH = 70, 90


@pytest.fixture(scope="module")
def small() -> Case:
    return seeded(HEIGHT, WIDTH)


@given(st.integers(1, HEIGHT + 5), st.integers(1, WIDTH + 5))
@settings(max_examples=25)
def test_any_block_gives_the_same_bytes(rows: int, cols: int) -> None:
    given_case = seeded(HEIGHT, WIDTH)
    whole = given_case.run(block=(HEIGHT, WIDTH))
    cut = given_case.run(block=(rows, cols))
    assert same(whole, cut)
    assert cut.blocks == -(-HEIGHT // min(rows, HEIGHT)) * -(-WIDTH // min(cols, WIDTH))


@given(st.randoms())
@settings(max_examples=10)
def test_any_order_of_blocks_gives_the_same_bytes(random: Any) -> None:
    plan = _plan(seeded(HEIGHT, WIDTH), (16, 16))
    parts = [block_totals(plan, w) for w in plan.windows]
    straight, mixed = Totals.zero(plan), Totals.zero(plan)
    for part in parts:
        straight.add(part)
    random.shuffle(parts)
    for part in parts:
        mixed.add(part)
    assert straight.acc.tobytes() == mixed.acc.tobytes() and straight.areas.tobytes() == mixed.areas.tobytes()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_bytes(small: Case, workers: int) -> None:
    assert same(small.run(), small.run(scheduler="threads", workers=workers, block=(13, 17)))


def test_sums_kept_only_for_the_places_of_a_block_are_the_same(small: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small.run()
    monkeypatch.setattr(planning, "DENSE", 0)
    plan = _plan(small, (1, 3))
    assert len(block_totals(plan, plan.windows[0]).rows) <= 3 < plan.n_places
    assert same(whole, small.run(block=(1, 30)))


def test_a_wide_grid_is_cut_into_columns() -> None:
    """A row longer than a kernel call may add: 3 rows of 5,000,000 cells. Nothing but headers is looked at."""
    grid = square(3, 5_000_000)
    rows, cols = cutting.cut(grid, [Field(Path("none"), grid)], 0, "1GB", 2)
    assert cols < grid.width and rows * cols <= 2**22
    windows = list(grid.blocks(rows, cols))
    assert sum(w.size for w in windows) == grid.size


def test_workers_are_those_asked_for_else_the_cores_of_the_process() -> None:
    assert threads_of(3) == 3 and threads_of(0) == 1
    assert threads_of(None) == len(os.sched_getaffinity(0))


def test_progress_tells_cells_and_the_time_left(small: Case) -> None:
    told: list[tuple[int, int, float]] = []
    small.run(block=(35, WIDTH), progress=lambda done, whole, left: told.append((done, whole, left)))
    assert [t[:2] for t in told] == [(3150, 6300), (6300, 6300)]
    assert told[0][2] > 0 and told[1][2] == 0


def test_an_error_in_a_block_comes_out_whole(small: Case) -> None:
    broken = dataclasses.replace(small, sources={**small.sources, "et": _Torn(small.sources["et"])})
    for scheduler in ("sync", "threads"):
        with pytest.raises(QingshanError, match="its cells cannot be read"):
            broken.run(scheduler=scheduler, block=(16, 16))


def test_a_scheduler_that_does_not_answer_is_named(small: Case) -> None:
    with pytest.raises(QingshanError, match="no Dask scheduler answers at 'treads'"):
        small.run(scheduler="treads")


def test_a_block_too_large_for_the_sums_is_refused() -> None:
    grid = square(4096, 4096)
    field = Field(Path("none"), grid)
    given_case = dataclasses.replace(
        seeded(4, 4), grid=grid, sources={"rain": field, "et": field}, places=field, classes=field
    )
    with pytest.raises(DeclarationError, match="a block of 2048 x 4096 cells"):
        given_case.run(block=(2048, 4096))


# ---- two processes of a Dask cluster --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as found:
        yield found.scheduler_address


@pytest.mark.long
def test_two_worker_processes_give_the_same_bytes_and_the_same_files(small: Case, cluster: str, tmp_path: Path) -> None:
    large = seeded(1100, 1300)
    files = {"left": tmp_path / "dask.tif"}
    local = large.run(scheduler="threads", writes={"left": tmp_path / "threads.tif"}, block=(1024, 1024))
    assert same(local, large.run(scheduler=cluster, writes=files, block=(1024, 1024)))
    assert files["left"].read_bytes() == (tmp_path / "threads.tif").read_bytes()
    assert same(small.run(), small.run(scheduler=cluster, block=(10, 10)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dask.tif", "threads.tif"]


@pytest.mark.long
def test_few_blocks_are_asked_of_a_cluster_ahead(small: Case, cluster: str) -> None:
    plan = _plan(small, (2, 90))
    with engine(cluster, None) as by:
        assert by.at_once == 1
        results = by.totals(plan, plan.windows)
        first = next(results)
        assert isinstance(first[0], Window)
        futures = by.client.futures  # type: ignore[attr-defined]
        assert len([k for k in futures if "block_totals" in str(k)]) <= 5  # of 35: two per thread, and the one read
        assert len([first, *results]) == 35


@pytest.mark.long
def test_an_error_on_a_worker_is_the_same_error(small: Case, cluster: str) -> None:
    broken = dataclasses.replace(small, sources={**small.sources, "et": _Torn(small.sources["et"])})
    with pytest.raises(QingshanError, match="its cells cannot be read") as caught:
        broken.run(scheduler=cluster, block=(16, 16))
    assert caught.value.zh == "像元读取失败。"


@dataclasses.dataclass(frozen=True)
class _Torn:
    """A layer whose file breaks off after some rows."""

    source: Any
    nodata: float | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, window: Window) -> Any:
        if window.row >= 32:
            raise QingshanError("its cells cannot be read.", "像元读取失败。", where="et.tif")
        return self.source.read(window)

    def identity(self) -> Mapping[str, Any]:
        return self.source.identity()


def _plan(given_case: Case, block: tuple[int, int]) -> planning.Plan:
    c = given_case
    return plan_sheet(
        c.sheet, c.grid, c.sources, c.tables, {}, c.places, c.classes, n_places=c.n_places, codes=c.codes, block=block
    )


@pytest.mark.parametrize(
    "address", ["nosuch", "nosuch://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:1", "127.0.0.1:1"]
)
def test_a_scheduler_that_is_not_there_is_named_at_once(address, monkeypatch):
    """Before Dask's own client is made, which would go on trying for as long as it is told."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *a, **k: pytest.fail("a client was made"))
    with pytest.raises(QingshanError, match="no Dask scheduler answers") as refused, engine(address, None):
        pass
    assert (
        refused.value.where == "--scheduler"
        and "没有 Dask 调度器应答" in refused.value.zh
        and "tcp://" in refused.value.fix
    )
