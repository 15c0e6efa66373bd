"""The verb serve: pages and data on a loopback address."""

from __future__ import annotations

import argparse
import errno
import socket
import threading
from typing import TYPE_CHECKING

from qingshan.accounts.run import latest_runs
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.zone.zone import open_zone

if TYPE_CHECKING:
    from qingshan.faces.web.site import Site
    from qingshan.zone.zone import Zone

TRIES = 20


def serve(arguments: argparse.Namespace) -> int:
    """Serve the newest runs of a zone until interrupted."""
    import uvicorn  # noqa: PLC0415 - only this verb needs it

    from qingshan.faces.api.app import create_app  # noqa: PLC0415

    zone = open_zone(arguments.zone)
    runs = latest_runs(zone)
    if not runs and not _woods(zone):
        raise UnknownName(
            f"no run of {zone.id} yet.",
            f"{zone.name_zh}还没有核算过。",
            fix=f"run `qingshan run --zone {arguments.zone or zone.id}` first"
            f" / 先运行 `qingshan run --zone {arguments.zone or zone.id}`",
        )
    port = _free(arguments.host, arguments.port)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http://{host}:{port}/"
    zh = arguments.lang == "zh"
    print(
        f"{zone.name_zh}：{address}" if zh else f"qingshan serves {zone.name_en} ({zone.id}) at {address}", flush=True
    )
    _watch(zone)
    app = create_app(zone, runs)
    if "grid" in zone.config:  # the map's libraries and layers are read while the reader looks at the first page
        threading.Thread(target=_shelve, args=(app.state.site,), daemon=True).start()
    uvicorn.run(app, host=arguments.host, port=port, log_level="warning", server_header=False)
    return 0


def _woods(zone: Zone) -> bool:
    """Whether the zone has sealed estimates of forest inventories."""
    try:
        from qingshan.accounts.inventory import forest_run  # noqa: PLC0415 - the extra geo
    except ModuleNotFoundError:
        return False
    return forest_run(zone) is not None


def _watch(zone: Zone) -> None:
    """Readings of synthetic networks, made once, so that a fresh machine has something to show."""
    if zone.synthetic:
        from qingshan.observe.series.store import Observations  # noqa: PLC0415 - the store needs polars
        from qingshan.observe.series.synthetic import fill  # noqa: PLC0415

        fill(Observations(zone))


def _shelve(site: Site) -> None:
    from qingshan.faces.web.rasters import shelf  # noqa: PLC0415 - the extra geo

    shelf(site)


def _free(host: str, port: int) -> int:
    """The asked port, or the next one that is free. Raises `QingshanError` where the address cannot be listened on."""
    last = min(port + TRIES, 65536)
    for candidate in range(port, last) if port else (0,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except (OSError, UnicodeError) as error:
                if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES):
                    continue
                raise QingshanError(
                    f"this machine cannot listen on {host!r}.", f"本机不能在 {host!r} 上监听。",
                    fix="--host 127.0.0.1, or an address of this machine / 用 --host 127.0.0.1，或本机的其他地址",
                ) from None  # fmt: skip
            return int(probe.getsockname()[1])
    raise QingshanError(
        f"no port from {port} to {last - 1} can be used on {host}.", f"{host} 的 {port} 至 {last - 1} 端口都不可用。",
        fix="--port 0 takes a free one / 用 --port 0 自动选取空闲端口",
    )  # fmt: skip
