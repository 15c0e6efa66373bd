"""The verb serve: pages and data on a loopback address."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.accounts.run import latest_runs
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.finding import Finding
from qingshan.ledger.book import Refused
from qingshan.registers.calendar import day_of
from qingshan.zone.home import home, zone_key
from qingshan.zone.zone import Zone, open_zone

from .show import counted

if TYPE_CHECKING:
    from qingshan.faces.access.desk import Desk
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
    desk = _desk(arguments, zone)
    app = create_app(zone, runs, desk=desk)
    if "grid" in zone.config:  # the map's libraries and layers are read while the reader looks at the first page
        threading.Thread(target=_shelve, args=(app.state.site,), daemon=True).start()
    try:
        uvicorn.run(
            app, host=arguments.host, port=port, log_level="warning", server_header=False, ws="websockets-sansio",
            timeout_graceful_shutdown=3,  # an open stream of alerts must not hold the server
        )  # fmt: skip
    finally:
        if desk is not None:
            desk.close()
    return 0


def _desk(arguments: argparse.Namespace, zone: Zone) -> Desk | None:
    """The exchange to serve: the venue that is named, a synthetic one for a synthetic zone, else none."""
    from qingshan.faces.access.desk import Desk  # noqa: PLC0415 - the extra serve

    if arguments.venue:
        named = Desk(Path(arguments.venue))
        threading.Thread(target=_each_minute, args=(named, arguments.lang), daemon=True).start()
        return named
    if not zone.synthetic:
        return None
    from qingshan.ledger.venue import NAME  # noqa: PLC0415
    from qingshan.rights.demo import keep_rules, make_demo  # noqa: PLC0415

    folder = home() / "exchange" / zone_key(zone)
    if not (folder / NAME).is_file():
        zh = arguments.lang == "zh"
        print(
            "正在建立示意交易所（编造的人物与成交）……"
            if zh
            else "making the synthetic exchange (invented people and trades) ...",
            flush=True,
        )
        begun = folder.with_name(f"{folder.name}.begun-{os.getpid()}")
        make_demo(
            begun,
            f"{zone.id} 示意交易所",
            day_of(time.time_ns() // 1000),
            *(p.code for p in zone.at_level(zone.levels[-1].id)[:4]),
        )
        begun.rename(folder)
    keep_rules(folder)  # a synthetic exchange of an earlier version has none
    desk = Desk(folder, synthetic=True)
    _turn_days(desk)
    threading.Thread(target=_each_minute, args=(desk, arguments.lang), daemon=True).start()
    return desk


def _turn_days(desk: Desk) -> None:
    """Open the synthetic market's day where a new one has come."""
    from qingshan.rights.demo import keep_open  # noqa: PLC0415

    with desk.reading():
        commands = keep_open(desk.venue, desk.clock())
    for command in commands:
        with suppress(Refused):  # what one of its people did today may stand in the way of a quote
            desk.writer.submit(command)


def _each_minute(desk: Desk, lang: str) -> None:
    """What a day brings: the nightly check and root, and in a synthetic venue its market day."""
    while True:
        time.sleep(60)
        try:
            desk.lapse()
            for line in said_of_the_night(desk.nightly() or [], lang, synthetic=desk.synthetic):
                print(line, file=sys.stdout if desk.synthetic else sys.stderr, flush=True)
            if desk.synthetic:
                _turn_days(desk)
        except (QingshanError, RuntimeError, ValueError):  # the server is closing
            return


def said_of_the_night(found: Sequence[Finding], lang: str, *, synthetic: bool) -> list[str]:
    """Each finding of the nightly check; of a synthetic exchange, where nobody has to act, one calm line for all."""
    if not synthetic or not found:
        return [f.sentence(lang) for f in found]
    late = sum(1 for f in found if f.code == "overdue")
    if lang == "zh":
        other = f"，另有 {len(found) - late} 条检查意见" if len(found) > late else ""
        return [
            f"示意交易所：夜间检查见登记簿 {late} 项已过期限{other}；人物和记录均为编造，无须处理，可在登记簿页查看。"
        ]
    other = f" and {counted(len(found) - late, 'other finding')}" if len(found) > late else ""
    return [
        f"synthetic exchange: the nightly check saw {counted(late, 'record')} of its registers past a date{other};"
        " people and records are made up, nothing is to be done (see the page of registers)."
    ]


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
