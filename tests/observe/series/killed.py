"""A process that forks loaders and lets each be killed at its n-th system event. Started once: imports are paid once.

Reads lines `ROOT FILE N` and answers `killed` or `done`. The child counts audit events (files opened, renamed, removed,
databases connected) and sends itself SIGKILL at the N-th; N of 0 lets it finish and prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from qingshan.observe.series import load, merge, readers, store  # noqa: F401 - imported before the forks
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

EVENTS = (
    "open",
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "sqlite3.connect",
    "shutil.rmtree",
    "qingshan.fsync",
)


def child(zone: Any, root: str, file: str, at: int, report: int) -> None:
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in EVENTS:
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    real = os.fsync

    def fsync(handle: int) -> None:
        sys.audit("qingshan.fsync")
        real(handle)

    os.fsync = fsync
    observations = Observations(zone, Path(root))
    sys.addaudithook(hook)
    observations.load("water", file)
    os.write(report, str(seen).encode())
    os._exit(0)


def main(zone_folder: str) -> None:
    zone = open_zone(zone_folder)
    print("ready", flush=True)
    for line in sys.stdin:
        root, file, at = line.rstrip("\n").split("\t")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(zone, root, file, int(at), writing)
        os.close(writing)
        _, status = os.waitpid(pid, 0)
        said = os.read(reading, 32).decode()
        os.close(reading)
        print(
            "killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else f"done {said}", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1])
