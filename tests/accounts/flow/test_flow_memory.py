"""Memory: whole-grid arrays lie in scratch files where it does not hold them, and no result depends on that."""

import ast
import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.block.engine import bytes_of
from qingshan.accounts.flow import baseflow, routing, scratch
from qingshan.accounts.flow.scratch import Scratch
from qingshan.core.errors import QingshanError
from qingshan.zone.raster.grid import Grid

from .conftest import layer
from .flow_run import run

LINUX = pytest.mark.skipif(
    not Path("/proc/self/statm").is_file(), reason="the system does not tell what a process holds"
)


def shown(made):
    return {name: field.path.read_bytes() for name, field in made.items()}


def mapped(monkeypatch):
    """From here on memory holds no array; gives the sizes of those that go to files."""
    used, plain = [], Scratch._mapped
    monkeypatch.setattr(Scratch, "holds", lambda self, more: False)
    monkeypatch.setattr(Scratch, "_mapped", lambda self, size, dtype: used.append(size) or plain(self, size, dtype))
    return used


@pytest.mark.parametrize("kind", ["d8", "mfd"])
def test_arrays_in_scratch_files_give_the_same_bytes(tmp_path, monkeypatch, kind):
    for name in ("plain", "mapped"):
        (tmp_path / name).mkdir()
    plain = shown(run(tmp_path / "plain", 90, "1GB", kind))
    used = mapped(monkeypatch)
    monkeypatch.setattr(scratch, "MARGIN", 2**60)  # the process is always over it: all is let go at every look
    assert shown(run(tmp_path / "mapped", 90, "1GB", kind)) == plain
    assert len(used) > 12
    left = [p.name for p in (tmp_path / "mapped").rglob("*") if p.is_file()]
    assert not [n for n in left if n.startswith(".")]


def test_baseflow_and_kept_hollows_too(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    z = (300 - np.arange(40)[None, :] + rng.uniform(0, 8, (30, 40))).astype(np.float32)
    grid = Grid("EPSG:32648", (30.0, 0.0, 5e5, 0.0, -30.0, 3e6), 40, 30)

    def made(folder):
        flow = routing.run(
            grid,
            {"elevation": layer(z)},
            {},
            {"keep_deeper": 3.0},
            {},
            ("direction", "accumulation", "area", "sink"),
            folder,
        )
        given = {k: flow[k] for k in ("direction", "accumulation")} | {
            "soil_group": layer(np.full(z.shape, 2, np.uint8))
        }
        months = range(1, 13)
        given |= {
            f"{k}_{m}": layer(np.full(z.shape, v, np.float32))
            for m in months
            for k, v in (("rain", 90.0), ("et0", 60.0))
        }
        tables = {f"curve_number_{g}": np.array([np.nan, 60.0]) for g in range(1, 5)} | {
            f"kc_{m}": np.array([np.nan, 0.8]) for m in months
        }
        numbers = {"stream_area": 0.05, "alpha": 1 / 12, "beta": 1.0, "gamma": 1.0} | {
            f"events_{m}": 8.0 for m in months
        }
        classes = layer(np.ones(z.shape, np.uint8))
        return flow | baseflow.run(
            grid, given, tables, numbers, {}, ("baseflow", "recharge_sum"), folder, classes=classes
        )

    plain = shown(made(tmp_path / "plain"))
    used = mapped(monkeypatch)
    assert shown(made(tmp_path / "mapped")) == plain
    assert len(used) > 20
    assert np.frombuffer(plain["sink"], np.uint8).any()


@LINUX
def test_arrays_stay_in_memory_while_it_holds_them(tmp_path):
    """1 GB holds 50 MB beside what the process is allowed; 250 MB plus 1,000 MB it does not hold."""
    book = Scratch(tmp_path, max(2**30, scratch.held() + scratch.SPARE + 2**27))
    assert book.holds(50 * 2**20) and not book.holds(2**30)
    x = book.array(1000, np.float32, np.nan)
    assert not book._maps and np.isnan(x).all() and next(iter(book._kept.values())) is x
    del x
    gc.collect()
    assert not list(book._kept)


@LINUX
def test_memory_that_is_let_go_comes_back(tmp_path, monkeypatch):
    """96 MB are touched; then the process holds 90 MB less, and every number is still there."""
    mapped(monkeypatch)
    held = Scratch(tmp_path, 2**60)
    x = held.array(12 * 2**20, np.float64, 0)
    x[:] = np.arange(x.size)
    before = scratch.resident()
    held.release()
    assert before - scratch.resident() > 90 * 2**20
    np.testing.assert_array_equal(x, np.arange(x.size))
    assert not list(tmp_path.iterdir())  # the file has no name
    held.close()
    del x
    gc.collect()
    assert not held._maps


def test_a_full_disk_is_one_clear_error(tmp_path):
    held = Scratch(tmp_path, 2**40)
    with pytest.raises(QingshanError, match="no room for a scratch file"):
        held.array(2**55, np.float64, 0)
    held.close()


@LINUX
@pytest.mark.long
def test_the_peak_of_routing_stays_within_what_was_asked(tmp_path):
    """9 million cells: whole-grid arrays of 162 MB and 250 MB besides do not fit in 390 MB."""
    memory = "390MB"
    for side in (200, 3000):  # compiling takes memory that a run does not
        folder = tmp_path / str(side)
        folder.mkdir()
        command = [sys.executable, str(Path(__file__).with_name("flow_run.py")), str(folder), str(side), memory, "d8"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, _, rest = done.stdout.partition(" ")
    assert int(peak) <= bytes_of(memory)
    assert len(ast.literal_eval(rest)) == 9
