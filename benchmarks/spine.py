"""The way a new user goes: compute Guizhou, compute it again, ask why, verify, open the first page.

No other program does the same on the same input, so there is no peer; the second run is set beside the first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

from .harness import Peer, Row, report, run_quietly, timed

CLI = str(Path(sys.executable).with_name("qingshan"))
QUESTION = ["explain", "gep.water_retention", "--zone", "guizhou", "--place", "520000"]
AGAIN = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"QINGSHAN_HOME": home}
        compute = run_quietly([CLI, "run", "--zone", "guizhou"], env)
        first = timed(compute)
        second = median(timed(compute) for _ in range(AGAIN))
        explain = median(timed(run_quietly([CLI, *QUESTION], env)) for _ in range(AGAIN))
        verify = timed(run_quietly([CLI, "verify", "guizhou/screening"], env))
        page = median(timed(lambda: first_page(env)) for _ in range(3))
    wall = "process wall time"
    again = f"{wall}, median of {AGAIN}"
    report(
        "spine",
        [
            Row("run guizhou, nothing computed before", wall, first, "s"),
            Row("run guizhou, nothing changed", again, second, "s", Peer("the first run", value=first)),
            Row("explain gep.water_retention", again, explain, "s"),
            Row("verify guizhou/screening", wall, verify, "s"),
            Row("serve: start to first page read", f"{wall}, median of 3", page, "s"),
        ],
    )


def first_page(env: dict[str, str]) -> None:
    """Start the server on a free port, read the page it announces, stop it."""
    command = [CLI, "serve", "--zone", "guizhou", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address, "the server printed no address"
            read(address[0])
        finally:
            server.terminate()


def read(address: str) -> None:
    """GET, again and again while the server is still starting, for about half a minute."""
    for _ in range(3000):
        try:
            with urllib.request.urlopen(address, timeout=30) as page:
                page.read()
                return
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.01)
    raise TimeoutError(f"{address} did not answer")


if __name__ == "__main__":
    main()
