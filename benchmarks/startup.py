"""How long a person waits for the first word: `import qingshan`, `--help`, `--version`, as whole processes.

Floor: Python itself doing nothing. Peer: importing pint, the unit library that decision 0001 did without.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .harness import Peer, Row, paired, peer_python, report, run_quietly

METRIC = "process wall time, median of 11 warm runs"


def main() -> None:
    cli = Path(sys.executable).with_name("qingshan")
    commands: dict[str, list[str | Path]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import qingshan": [sys.executable, "-c", "import qingshan"],
        "qingshan --help": [cli, "--help"],
        "qingshan --version": [cli, "--version"],
    }
    pint = peer_python("pint")
    if isinstance(pint, Path):
        commands["import pint"] = [pint, "-c", "import pint"]
    seconds = paired({name: run_quietly(command) for name, command in commands.items()})
    floor = Peer("python -c pass", sys.version.split()[0], seconds["python -c pass"] * 1000)
    rows = [Row(case, METRIC, seconds[case] * 1000, "ms", floor) for case in list(commands)[1:4]]
    peer = _pint(pint, seconds.get("import pint"))
    rows.append(Row("import qingshan", METRIC, seconds["import qingshan"] * 1000, "ms", peer))
    report("startup", rows)


def _pint(python: Path | str, seconds: float | None) -> Peer:
    if isinstance(python, str) or seconds is None:
        return Peer("import pint", missing=str(python))
    command = [str(python), "-c", "import pint; print(pint.__version__)"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return Peer("import pint", said.stdout.strip(), seconds * 1000)


if __name__ == "__main__":
    main()
