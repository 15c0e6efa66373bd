"""Verbs on the rasters of a zone: zone add-raster, zone fetch-raster."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from qingshan.zone.raster.add import Added, add_fetched, add_raster
from qingshan.zone.raster.cache import Cache
from qingshan.zone.raster.catalogue import STATIC, RasterBook
from qingshan.zone.zone import open_zone

from .problem import WrongCall
from .show import counted, emit

_TEXT = ("id", "quantity", "unit", "period", "title", "licence", "source", "resampling", "mapping", "variable", "crs")
_NUMBERS = ("scale", "offset")


def add(arguments: argparse.Namespace) -> int:
    entry = {key: getattr(arguments, key) for key in _TEXT} | _numbers(arguments)
    return _told(add_raster(arguments.zone, arguments.file, entry, copy=arguments.copy), arguments)


def fetch(arguments: argparse.Namespace) -> int:
    from qingshan.zone.raster.stac import fetch_layer  # noqa: PLC0415 - the extra cube

    grid = RasterBook.of(open_zone(arguments.zone)).grid
    when = "" if arguments.period == STATIC else arguments.period
    layer = fetch_layer(arguments.preset, grid, when, Cache(), whole=arguments.whole, refresh=arguments.refresh)
    own = {"id": arguments.id or f"{layer.entry['id']}-{arguments.period}", "period": arguments.period}
    return _told(add_fetched(arguments.zone, layer.entry | own, layer.findings), arguments)


def _numbers(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        found |= {key: float(getattr(arguments, key)) for key in _NUMBERS if getattr(arguments, key)}
        if arguments.band:
            found["band"] = int(arguments.band)
        if arguments.nodata:
            found["nodata"] = "none" if arguments.nodata == "none" else float(arguments.nodata)
    except ValueError as error:
        raise WrongCall(f"not a number: {error}.", f"不是数：{error}。", fix="mend the option / 改正选项") from None
    return found


def _told(added: Added, arguments: argparse.Namespace) -> int:
    zh = arguments.lang == "zh"
    if arguments.json:
        entry: Mapping[str, Any] = dict(added.entry)
        emit({"written": added.written, "entry": entry, "findings": [f.record() for f in added.findings]})
    else:
        for finding in added.findings:
            print(finding.sentence(arguments.lang))
        errors = sum(f.level == "error" for f in added.findings)
        if added.written:
            id, sha = added.entry["id"], str(added.entry.get("sha256", ""))[:12]
            print(f"已登记 {id}（sha-256 {sha}…）" if zh else f"catalogued {id} (sha-256 {sha}…)")
        else:
            print(f"未登记：{errors} 个错误" if zh else f"not catalogued: {counted(errors, 'error')}")
    return 0 if added.written else 1
