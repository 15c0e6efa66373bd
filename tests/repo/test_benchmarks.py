"""The benchmark harness: its rows, its arithmetic, its honesty about a missing peer."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest
from benchmarks import harness
from benchmarks.harness import COLUMNS, Peer, Row


def test_ratio_is_ours_over_the_peers() -> None:
    record = Row("case", "wall", 30.0, "ms", Peer("other", "1.2", 120.0)).record("machine", "abc")
    assert tuple(record) == COLUMNS
    assert record["ratio"] == 30.0 / 120.0 and record["peer_version"] == "1.2"


def test_a_missing_peer_is_reported_and_has_no_value() -> None:
    record = Row("case", "wall", 30.0, "ms", Peer("other", missing="no such package")).record("machine", "abc")
    assert record["peer"] == "other (not available: no such package)"
    assert record["peer_value"] is None and record["ratio"] is None


def test_a_peer_that_cannot_be_installed_gives_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "benchmarks" / "peers" / "nothing"
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("./no-such-folder\n")
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    assert harness.peer_python("nothing") == "environment not made: CalledProcessError"


def test_a_failing_command_stops_the_benchmark_and_says_what_it_printed() -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nwhy"):
        harness.run_quietly([sys.executable, "-c", "print('why'); raise SystemExit(3)"])()


def test_paired_takes_the_median_and_runs_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0}
    calls: list[str] = []
    waits = {"a": iter([9, 9, 1, 5, 3]), "b": iter([9, 9, 20, 10, 30])}

    def call(name: str) -> None:
        calls.append(name)
        clock["now"] += next(waits[name])

    monkeypatch.setattr(harness.time, "perf_counter", lambda: clock["now"])
    seconds = harness.paired({"a": lambda: call("a"), "b": lambda: call("b")}, runs=3, warm=2)
    assert seconds == {"a": 3, "b": 20}  # medians of 1 5 3 and 20 10 30; the warm 9s are not counted
    assert calls == ["b", "a", "a", "b", "b", "a", "a", "b", "b", "a"]


def test_report_writes_one_file_and_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("first", "wall", 1.5, "s"), Row("second", "wall", 2.0, "s", Peer("p", "1", 4.0))]
    path = harness.report("example", rows, tmp_path)
    records = json.loads(path.read_text(encoding="utf-8"))
    assert path == tmp_path / "example.json" and [p.name for p in tmp_path.iterdir()] == ["example.json"]
    assert [tuple(r) for r in records] == [COLUMNS, COLUMNS]
    assert [r["ratio"] for r in records] == [None, 0.5]
    assert all(r["machine"] and r["commit"] for r in records)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and printed[2].startswith("first ") and printed[3].split()[-1] == "0.5"


def test_the_machine_line_names_no_machine() -> None:
    assert platform.node() not in harness.machine() and "Python 3" in harness.machine()
