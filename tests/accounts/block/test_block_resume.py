"""Killed, interrupted and torn runs: the same bytes after resuming, nothing half-written before."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qingshan.accounts.block.engine import SheetResult
from qingshan.accounts.block.journal import kept_block
from qingshan.core.errors import QingshanError

from .conftest import Case, folder_of, same, seeded
from .long_run import drawn

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def medium() -> Case:
    return seeded(300, 200)


def run_of(case: Case, folder: Path, **more: object) -> SheetResult:
    return case.run(**{"resume": folder, "block": (32, 200)} | more)


def test_a_finished_run_is_found_again(medium: Case, tmp_path: Path) -> None:
    first = run_of(medium, tmp_path)
    again = run_of(medium, tmp_path)
    assert (first.blocks, first.reused_blocks, again.reused_blocks) == (10, 0, 10)
    assert same(first, again) and same(first, medium.run())


@pytest.mark.parametrize("kept", [0.0, 0.05, 0.31, 0.5, 0.999])
def test_a_torn_journal_is_read_up_to_the_tear(medium: Case, tmp_path: Path, kept: float) -> None:
    first = run_of(medium, tmp_path)
    journal = tmp_path / "blocks.journal"
    raw = journal.read_bytes()
    journal.write_bytes(raw[: int(len(raw) * kept)])
    again = run_of(medium, tmp_path)
    assert same(first, again) and again.reused_blocks < 10
    assert again.reused_blocks == pytest.approx(10 * kept, abs=1)
    assert run_of(medium, tmp_path).reused_blocks == 10  # what was torn is gone, what came after it is whole


def test_a_damaged_record_and_what_follows_are_computed_again(medium: Case, tmp_path: Path) -> None:
    first = run_of(medium, tmp_path)
    journal = tmp_path / "blocks.journal"
    raw = bytearray(journal.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    journal.write_bytes(raw)
    again = run_of(medium, tmp_path)
    assert same(first, again) and 0 < again.reused_blocks < 10


def test_another_input_starts_anew(medium: Case, tmp_path: Path) -> None:
    run_of(medium, tmp_path)
    other = seeded(300, 200, seed=8)
    done = run_of(other, tmp_path)
    assert done.reused_blocks == 0 and same(done, other.run())


def test_the_blocks_of_the_killed_run_are_taken_up_with_other_threads_and_memory(medium: Case, tmp_path: Path) -> None:
    first = run_of(medium, tmp_path)
    assert kept_block(tmp_path / "blocks.journal") == (32, 200)
    again = run_of(medium, tmp_path, block=None, memory="2GB", scheduler="threads", workers=3)
    assert again.reused_blocks == 10 and same(first, again)


def test_two_runs_do_not_write_one_journal(medium: Case, tmp_path: Path) -> None:
    def told(done: int, whole: int, left: float) -> None:
        with pytest.raises(QingshanError, match="another run is writing there"):
            run_of(medium, tmp_path)

    assert run_of(medium, tmp_path, progress=told).blocks == 10


def test_a_block_whose_cells_are_lost_is_computed_again(tmp_path: Path) -> None:
    """The journal says that a block is done; the encoded cells of it are gone, of another are damaged."""
    large = seeded(1100, 2100)
    out, resume = tmp_path / "out.tif", tmp_path / "resume"
    first = large.run(writes={"left": out}, resume=resume, block=(1024, 1024))
    before = out.read_bytes()
    pieces = sorted((resume / "left").glob("*.tiles"))
    assert len(pieces) == first.blocks == 6
    pieces[0].unlink()
    pieces[3].write_bytes(pieces[3].read_bytes()[:-1] + b"\1")
    out.unlink()
    again = large.run(writes={"left": out}, resume=resume, block=(1024, 1024))
    assert again.reused_blocks == 4 and same(first, again) and out.read_bytes() == before


# ---- processes ------------------------------------------------------------------------------------------------------


def started(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE / "long_run.py"), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Its lines. Not `yield from`: whoever stops reading would close the pipe of a process that still writes."""
    assert process.stdout
    for line in process.stdout:  # noqa: UP028
        yield line


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[SheetResult, dict[str, bytes]]:
    """The run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    done = drawn(3100, 2100).run(writes={"left": folder / "left.tif", "rain": folder / "rain.tif"}, block=(1024, 1024))
    return done, {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.long
def test_killed_at_several_moments_and_resumed(whole: tuple[SheetResult, dict[str, bytes]], tmp_path: Path) -> None:
    result, files = whole
    for blocks in (1, 3, 5):
        with started(tmp_path, 3100, 2100, "1GB", "resume", "slow") as process:
            seen = 0
            for line in lines(process):
                seen += line.startswith("done")
                if seen == blocks:
                    process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert not list(tmp_path.glob("*.tif"))
    done = drawn(3100, 2100).run(
        writes={n: tmp_path / f"{n}.tif" for n in ("left", "rain")}, resume=tmp_path / "resume"
    )
    assert done.reused_blocks >= 6 and same(result, done)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.tif")} == files
    shutil.rmtree(tmp_path / "resume")
    assert folder_of(tmp_path) == ["left.tif", "rain.tif"]


@pytest.mark.long
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with started(tmp_path, 3100, 2100, "1GB", "slow") as process:
        for line in lines(process):
            if line.startswith("done"):
                process.send_signal(signal.SIGINT)
                break
        _, said = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 1, 130) and "KeyboardInterrupt" in said
    assert folder_of(tmp_path) == []
