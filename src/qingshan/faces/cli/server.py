"""The verb serve: pages and data on a loopback address."""

from __future__ import annotations

import argparse
import socket
import sys

from qingshan.accounts.run import latest_runs
from qingshan.core.errors import UnknownName
from qingshan.zone.zone import open_zone

TRIES = 20


def serve(arguments: argparse.Namespace) -> int:
    """Serve the newest runs of a zone until interrupted."""
    import uvicorn  # noqa: PLC0415 - only this verb needs it

    from qingshan.faces.api.app import create_app  # noqa: PLC0415

    zone = open_zone(arguments.zone)
    runs = latest_runs(zone)
    if not runs:
        raise UnknownName(
            f"no run of {zone.id} yet.",
            f"{zone.name_zh}还没有核算过。",
            fix=f"run `qingshan run --zone {zone.id}` first",
        )
    port = _free(arguments.host, arguments.port)
    print(f"qingshan serves {zone.name_zh} ({zone.id}) at http://{arguments.host}:{port}/", flush=True)
    uvicorn.run(create_app(zone, runs), host=arguments.host, port=port, log_level="warning", server_header=False)
    return 0


def _free(host: str, port: int) -> int:
    """The asked port, or the next one that is free."""
    for candidate in range(port, port + TRIES) if port else (0,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    print(f"no free port between {port} and {port + TRIES}", file=sys.stderr)
    raise SystemExit(1)
