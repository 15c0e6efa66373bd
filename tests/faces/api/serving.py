"""A server process of its own for published clients: GDAL holds the interpreter while it waits for an answer.

python -m tests.faces.api.serving ZONE    (store under QINGSHAN_HOME; prints its port)
"""

from __future__ import annotations

import socket
import sys

import uvicorn

from qingshan.faces.api.app import create_app
from qingshan.zone.zone import open_zone


def main(zone: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # before the port is told: whoever is quick waits instead of being refused
        print(listening.getsockname()[1], flush=True)
        server = uvicorn.Server(uvicorn.Config(create_app(open_zone(zone), {}), log_level="warning"))
        server.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
