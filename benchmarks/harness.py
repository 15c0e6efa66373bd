"""Rows, paired timing, one JSON file and one table per benchmark.

A ratio is our value over the peer's in the same run; a peer that is not available is reported as such, without a value.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "out"
COLUMNS = ("case", "metric", "value", "unit", "peer", "peer_version", "peer_value", "ratio", "machine", "commit")


@dataclass(frozen=True)
class Peer:
    """Something to compare with. `missing` says why it could not be run; then it has no value."""

    name: str
    version: str = ""
    value: float | None = None
    missing: str = ""


@dataclass(frozen=True)
class Row:
    """One measured value, beside its peer's where there is one."""

    case: str
    metric: str
    value: float
    unit: str
    peer: Peer = field(default_factory=lambda: Peer(""))

    def record(self, machine: str, commit: str) -> dict[str, object]:
        """The row under `COLUMNS`. `ratio` is value / peer_value, empty without a peer's value."""
        name = f"{self.peer.name} (not available: {self.peer.missing})" if self.peer.missing else self.peer.name
        ratio = self.value / self.peer.value if self.peer.value else None
        ours = (self.case, self.metric, self.value, self.unit)
        return dict(
            zip(COLUMNS, (*ours, name, self.peer.version, self.peer.value, ratio, machine, commit), strict=True)
        )


def paired(calls: dict[str, Callable[[], object]], runs: int = 11, warm: int = 2) -> dict[str, float]:
    """Median seconds of each call over `runs` rounds. Each round runs every call once, in alternating order, so that
    a slow minute of the machine falls on all of them; `warm` rounds before are not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm + runs):
        order = list(calls) if turn % 2 else list(reversed(calls))
        for name in order:
            begun = time.perf_counter()
            calls[name]()
            if turn >= warm:
                seconds[name].append(time.perf_counter() - begun)
    return {name: median(values) for name, values in seconds.items()}


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def run_quietly(command: Sequence[str | Path], env: dict[str, str] | None = None) -> Callable[[], None]:
    """A call that runs a command to its end and raises `RuntimeError` with what it printed if it fails."""

    def call() -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    return call


def peer_python(name: str) -> Path | str:
    """The Python of the peer's own environment `benchmarks/peers/NAME/.venv`, made from its `requirements.txt`.

    Returns the reason, as text, where it cannot be made.
    """
    folder = ROOT / "benchmarks" / "peers" / name
    python = folder / ".venv" / "bin" / "python"
    wanted = (folder / "requirements.txt").read_text(encoding="utf-8")
    stamp = folder / ".venv" / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    try:
        for arguments in (
            [sys.executable, "-m", "venv", "--clear", ".venv"],
            [str(python), "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
        ):
            subprocess.run(arguments, cwd=folder, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        return f"environment not made: {type(error).__name__}"
    stamp.write_text(wanted, encoding="utf-8")
    return python


def machine() -> str:
    """Cores, processor, system and Python: enough to tell two machines apart, nothing that names one."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = re.findall(r"^model name\s*: *(.+)$", info.read_text(), flags=re.M)
        model = names[0] if names else model
    return f"{os.cpu_count()} x {model}, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """Short hash of the checkout, `-dirty` where it has changes, `unknown` outside git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def report(name: str, rows: Sequence[Row], folder: Path = OUT) -> Path:
    """Write `folder/NAME.json` (temporary name, then rename), print the table, return the path."""
    here, version = machine(), commit()
    records = [row.record(here, version) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
    print(f"{name}: {here}, commit {version}")
    print(table(records))
    return path


def table(records: Sequence[dict[str, object]]) -> str:
    """The records as aligned text, one line per row; machine and commit stand in the heading."""
    shown = COLUMNS[: COLUMNS.index("machine")]
    lines = [shown, *[tuple(_cell(record[column]) for column in shown) for record in records]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(shown))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)
