"""Public collections on the zone grid: a STAC search, its assets through odc-stac, one kept file as the result.

The result is a Cloud Optimized GeoTIFF in the cache and an entry for the zone's catalogue that names licence, items and
dates. The search, the assets fetched whole and the result are all kept: the same question is answered again with the
same bytes and without the network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding

from .cache import RETRIED, Cache, FetchFailed, GridFile, Kept, keep_raster, plain_url
from .grid import Grid, Window
from .remote import gdal_manners
from .stac_preset import Preset, find_preset
from .stac_read import held_to_plain_rasters
from .stac_shape import BadItem, is_web, sound_item, sound_page
from .stac_static import is_static, static_items

__all__ = ["NothingFound", "StacLayer", "fetch_layer", "search"]

BLOCK = 1024  # cells: the blocks a result is made of; fixed, since a warp's last digits depend on them
PAGE = 100  # items asked for at once
MOST_ITEMS = 5000
MOST_NAMED = 20  # of the items left out
CLOUD = "eo:cloud_cover"  # %


class NothingFound(QingshanError):
    """A catalogue has no item for the place and time asked for."""

    code = "nothing_found"


# --- search -------------------------------------------------------------------------------------------------------------


def search(preset: Preset, grid: Grid, period: str, cache: Cache, *, refresh: bool = False) -> list[dict[str, Any]]:
    """The items of the collection that touch the grid and start in `period`, sorted by time and id.

    `period` is a year, a month, a day or `from/to`; empty for a collection without time. An answer that is kept is used
    again unless `refresh`. Raises `NothingFound`, `FetchFailed`, `NotCached`.
    """
    return _search(preset, grid, period, cache, refresh=refresh)[0]


def _search(
    preset: Preset, grid: Grid, period: str, cache: Cache, *, refresh: bool = False
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """As `search`, with a finding for each item of the answer that is none and is left out."""
    box = _degrees(grid)
    asked = {"collection": preset.collection, "bbox": box, "period": period, "cloud": preset.max_cloud}
    key = f"STAC {preset.catalogue} {digest(asked)}"
    kept = None if refresh and not cache.offline else cache.recall(key)
    if kept is None:
        cache.refuse_offline(f"the search of {preset.collection} in {period or 'any time'}")
        sound, bad = _ask(preset, box, period, cache)
        found = {"items": sound, "left_out": [[b.id, b.en, b.zh] for b in bad]}
        kept = cache.keep_text(key, json.dumps(found if bad else sound, ensure_ascii=False, sort_keys=True))
    told: Any = json.loads(kept.path.read_text(encoding="utf-8"))
    items: list[dict[str, Any]] = told if isinstance(told, list) else told["items"]
    left_out = [] if isinstance(told, list) else told["left_out"]
    started = [item for item in items if _starts_in(item, period)]
    if not started:
        when, en, zh = period or "any time", "", ""
        if left_out:
            en, zh = (
                f" {len(left_out)} more are no items of STAC: {left_out[0][1]}.",
                f"另有 {len(left_out)} 项不合 STAC：{left_out[0][2]}。",
            )
        raise NothingFound(
            f"{preset.collection} has nothing in {when} over {', '.join(f'{v:.4f}' for v in box)} ({len(items)} items"
            f" touch the period without starting in it).{en}",
            f"{preset.collection} 在 {when} 没有覆盖 {', '.join(f'{v:.4f}' for v in box)} 的数据。{zh}",
            where=preset.catalogue,
            fix="choose another period or collection / 换一个时期或数据集",
        )
    return sorted(started, key=lambda item: (_start(item), item["id"])), _left_out(preset, left_out)


def _left_out(preset: Preset, bad: Sequence[Sequence[str]]) -> list[Finding]:
    """A warning for each item that was left out; one for all that follow the first `MOST_NAMED`."""
    fix = "ask the publisher to mend the item, or accept the gap / 请发布方改正该数据项，或接受缺口"
    found = [
        Finding(
            "warning",
            "stac_item_left_out",
            f"{en}; it is left out.",
            f"{zh}；未使用。",
            file=preset.id,
            field=id,
            fix=fix,
        )
        for id, en, zh in bad[:MOST_NAMED]
    ]
    if (more := len(bad) - MOST_NAMED) > 0:
        found.append(Finding(
            "warning", "stac_item_left_out", f"{more} more items are left out likewise.", f"另有 {more} 个数据项同样未使用。",
            file=preset.id, fix=fix,
        ))  # fmt: skip
    return found


def _pages(cache: Cache) -> Any:
    """What the client reads a catalogue with: pages of the web alone, each an object with links before anything is made of it."""
    from pystac_client.stac_api_io import StacApiIO  # noqa: PLC0415 - the extra cube
    from urllib3.util.retry import Retry  # noqa: PLC0415

    class Pages(StacApiIO):
        def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
            at = str(getattr(source, "href", source))
            if not is_web(at):
                raise ValueError(f"{at} is not an http(s) address")
            return sound_page(super().read_json(source, *args, **kwargs), at)

    again = Retry(
        total=cache.retries, backoff_factor=cache.wait, status_forcelist=RETRIED, allowed_methods=None,
        raise_on_status=False,
    )  # fmt: skip
    return Pages(timeout=cache.timeout, max_retries=again)


def _ask(preset: Preset, box: Sequence[float], period: str, cache: Cache) -> tuple[list[dict[str, Any]], list[BadItem]]:
    """The items of the answer, and what it gives for items and is none. Raises `FetchFailed`, also where nothing else is left."""
    from pystac.errors import STACError, STACTypeError  # noqa: PLC0415 - the extra cube
    from pystac_client import Client  # noqa: PLC0415
    from pystac_client.errors import ClientTypeError  # noqa: PLC0415
    from pystac_client.exceptions import APIError  # noqa: PLC0415

    clouds = {CLOUD: {"lt": preset.max_cloud}} if preset.max_cloud is not None else None

    try:
        io = _pages(cache)
        if is_static(preset.catalogue):
            given = static_items(preset.catalogue, preset.collection, box, io, MOST_ITEMS)
            found, bad = _sorted(item for item in given if isinstance(item, BadItem) or _clear(item, preset.max_cloud))
        else:
            client = Client.open(preset.catalogue, stac_io=io)
            asked = client.search(
                collections=[preset.collection], bbox=list(box), datetime=period or None, query=clouds, limit=PAGE,
                max_items=MOST_ITEMS + 1,
            )  # fmt: skip
            found, bad = _sorted(_item(item, preset.catalogue) for item in asked.items_as_dicts())
        if bad and not found:
            raise bad[0]
    except (APIError, ClientTypeError, STACError, STACTypeError, OSError, AttributeError, LookupError, TypeError, ValueError,
            NotImplementedError, RecursionError) as error:  # the client trusts the shape of what it reads  # fmt: skip
        raise FetchFailed(
            f"the catalogue does not answer as STAC after {cache.retries + 1} tries: {error}.",
            f"目录尝试 {cache.retries + 1} 次后仍未按 STAC 应答：{error}。",
            where=preset.catalogue,
            fix="check the address, or try later / 核对地址，或稍后再试",
        ) from None
    if len(found) + len(bad) > MOST_ITEMS:
        raise FetchFailed(
            f"the search has more than {MOST_ITEMS} items.",
            f"检索结果超过 {MOST_ITEMS} 项。",
            where=preset.catalogue,
            fix="ask for a shorter period or a smaller grid / 缩短时期或缩小范围",
        )
    return found, bad


def _item(item: Any, at: str) -> dict[str, Any] | BadItem:
    try:
        return sound_item(item, at)
    except BadItem as bad:
        return bad


def _sorted(given: Iterable[dict[str, Any] | BadItem]) -> tuple[list[dict[str, Any]], list[BadItem]]:
    """Items without their links, and what is none."""
    every = list(given)
    return [_stripped(x) for x in every if not isinstance(x, BadItem)], [x for x in every if isinstance(x, BadItem)]


def _stripped(item: dict[str, Any]) -> dict[str, Any]:
    """The item without its links, which change from one answer to the next."""
    return {name: value for name, value in item.items() if name not in ("links", "collection_link")}


def _clear(item: Mapping[str, Any], most: float | None) -> bool:
    """What the query `lt` of an API lets through: an item that does not tell its clouds is not below the limit."""
    told = item["properties"].get(CLOUD)
    return most is None or (isinstance(told, int | float) and not isinstance(told, bool) and told < most)


def _degrees(grid: Grid) -> list[float]:
    from rasterio.warp import transform_bounds  # noqa: PLC0415 - the extra geo

    return [round(edge, 7) for edge in transform_bounds(grid.crs, "EPSG:4326", *grid.bounds, densify_pts=21)]


def _start(item: Mapping[str, Any]) -> str:
    known = item["properties"]
    return str(known.get("start_datetime") or known.get("datetime") or "")


def _starts_in(item: Mapping[str, Any], period: str) -> bool:
    """Text comparison of ISO dates: `2021` is in `2021`, `2021-06` in `2021-05-20/2021-07-01`."""
    if not period:
        return True
    start, (first, _, last) = _start(item), period.partition("/")
    if first in ("", ".."):
        first = "0000"
    last = last if "/" in period else first
    return first <= start[: len(first)] and (last in ("", "..") or start[: len(last)] <= last)


# --- a layer ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StacLayer:
    """A layer on the zone grid: the file, how to read it, its entry for `[[raster]]`, and what is to be known of it."""

    source: GridFile
    entry: dict[str, Any]
    findings: list[Finding]


def fetch_layer(
    preset: Preset | str, grid: Grid, period: str, cache: Cache | None = None, *,
    whole: bool = False, refresh: bool = False, sign: Callable[[str], str] | None = None,
) -> StacLayer:  # fmt: skip
    """Search, read, mosaic and keep a layer of a public collection on the zone grid.

    Where items overlap within a date the first by time and id that has data wins; dates are joined by the preset's
    composite. `whole`: each asset is fetched as a file, its sha-256 kept and its `file:checksum` verified; else only the
    ranges that the grid needs are read, and a checksum cannot be verified (a finding says so). `sign` adds a token to an
    address; by default it is taken from the preset's environment variable.

    Raises `NothingFound`, `FetchFailed`, `ChecksumMismatch`, `NotCached`, `CorruptCache`.
    """
    preset = find_preset(preset) if isinstance(preset, str) else preset
    cache = cache or Cache()
    sign = sign or _sign_from_environment(preset)
    items, left_out = _search(preset, grid, period, cache, refresh=refresh)
    assets = _assets(preset, items)
    hashes: dict[str, Kept] = {}
    if whole:
        hashes = {asset.url: cache.fetch(asset.url, checksum=asset.checksum, sign=sign) for asset in assets}
    key = f"LAYER {digest([asdict(preset), asdict(grid), [asdict(a) for a in assets], whole, BLOCK])}"
    kept = cache.recall(key)
    if kept is None:
        if not whole:
            cache.refuse_offline(f"the layer {preset.id} of {period or 'any time'} on this grid")

        def address(url: str) -> str:
            plain = _rewritten(preset, url)
            return str(hashes[plain].path) if plain in hashes else (sign(plain) if sign else plain)

        seen = _Seen()
        kind, nodata = (preset.type, float(preset.nodata or 0)) if preset.is_class else ("float32", float("nan"))
        with _named(preset, assets), gdal_manners(cache, signed=sign is not None):
            blocks = _blocks(preset, grid, items, address, seen)
            kept = keep_raster(cache, key, grid, blocks, dtype=kind, nodata=nodata, about=lambda: asdict(seen))
    source = GridFile(
        kept.path, kept.sha256, preset.type if preset.is_class else "float32",
        preset.nodata if preset.is_class else float("nan"), preset.id,
    )  # fmt: skip
    read = {url: file.sha256 for url, file in hashes.items()}
    return StacLayer(source, _entry(preset, grid, items, kept.path, kept.sha256, read),
                     [*left_out, *_findings(preset, assets, kept.about, whole)])  # fmt: skip


@dataclass(frozen=True)
class _Asset:
    item: str
    name: str
    url: str
    checksum: str


@dataclass
class _Seen:
    """What was counted while a layer was made: cells, and those that no item filled."""

    cells: int = 0
    empty: int = 0


def _assets(preset: Preset, items: Sequence[Mapping[str, Any]]) -> list[_Asset]:
    found = []
    for item in items:
        for name in preset.bands:
            asset = item["assets"].get(name)
            if asset is None:
                raise NothingFound(
                    f"the item {item['id']} has no asset {name!r} (it has {', '.join(sorted(item['assets']))}).",
                    f"数据项 {item['id']} 没有 {name!r}（有：{', '.join(sorted(item['assets']))}）。",
                    where=preset.catalogue,
                    fix="name the asset in the preset / 在预设中改正 assets",
                )
            url = _rewritten(preset, asset["href"])
            if not is_web(url):  # a catalogue far away must not name what lies on this machine
                told = url.partition("?")[0]
                raise FetchFailed(
                    f"the asset {name!r} of the item {item['id']} is at {told}, which is not an http(s) address.",
                    f"数据项 {item['id']} 的 {name!r} 位于 {told}，不是 http(s) 地址。",
                    where=preset.catalogue,
                    fix="tell its http(s) address with `rewrite` in the preset / 在预设的 rewrite 中给出对应的 http(s) 地址",
                )
            found.append(_Asset(item["id"], name, url, str(asset.get("file:checksum", ""))))
    return found


def _rewritten(preset: Preset, url: str) -> str:
    if preset.rewrite and url.startswith(preset.rewrite[0]):
        return preset.rewrite[1] + url.removeprefix(preset.rewrite[0])
    return url


def _sign_from_environment(preset: Preset) -> Callable[[str], str] | None:
    token = os.environ.get(preset.token_env, "").lstrip("?") if preset.token_env else ""
    return (lambda url: f"{url}{'&' if '?' in url else '?'}{token}") if token else None


def _blocks(
    preset: Preset, grid: Grid, items: Sequence[dict[str, Any]], address: Callable[[str], str], seen: _Seen
) -> Iterator[tuple[Window, NDArray[Any]]]:
    from affine import Affine  # noqa: PLC0415 - comes with rasterio
    from odc.geo.geobox import GeoBox  # noqa: PLC0415 - the extra cube
    from pystac import Item  # noqa: PLC0415

    whole = GeoBox(grid.shape, Affine(*grid.transform), grid.crs)
    dates = [([Item.from_dict(item) for item in group], shift) for group, shift in _dates(preset, items)]
    for window in grid.blocks(BLOCK, BLOCK):
        block = whole[window.slices]
        joined = _Joined(preset, window)
        for group, shift in dates:
            bands = _load(preset, group, block, address)
            joined.add(_measure(preset, bands, shift))
        values = joined.result()
        seen.cells += values.size
        seen.empty += int(np.isnan(values).sum() if values.dtype.kind == "f" else (values == preset.nodata).sum())
        yield window, values


def _dates(preset: Preset, items: Sequence[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], float]]:
    """Items of one day that need the same shift of their stored values, in order of time."""
    days: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for item in items:
        shift = 0.0
        if preset.shift and str(item["properties"].get(preset.shift["property"], "")) >= preset.shift["from"]:
            shift = float(preset.shift["by"])
        day = _start(item)[:10] if preset.composite != "first" else ""
        days.setdefault((day, shift), []).append(item)
    return [(group, shift) for (_, shift), group in sorted(days.items())]


def _load(preset: Preset, group: Sequence[Any], block: Any, address: Callable[[str], str]) -> dict[str, NDArray[Any]]:
    import odc.stac  # noqa: PLC0415 - the extra cube

    held_to_plain_rasters()
    band = {"data_type": preset.type} | ({"nodata": preset.nodata} if preset.nodata is not None else {})
    known = {preset.collection: {"assets": dict.fromkeys(preset.assets, band)}}
    if preset.mask:
        known[preset.collection]["assets"][preset.mask] = {"data_type": "uint8", "nodata": 0}
    resampling = dict.fromkeys(preset.assets, preset.resampling) | ({preset.mask: "nearest"} if preset.mask else {})
    found = odc.stac.load(
        group, bands=list(preset.bands), geobox=block, groupby=lambda item, parsed, index: 0, resampling=resampling,
        stac_cfg=known, patch_url=address, fail_on_error=True, preserve_original_order=True,
    )  # fmt: skip
    return {name: found[name].values[0] for name in preset.bands}


def _measure(preset: Preset, bands: Mapping[str, NDArray[Any]], shift: float) -> NDArray[Any]:
    """Stored values of one date -> the quantity; NaN (classes: NoData) where there is none."""
    if preset.is_class:
        return bands[preset.assets[0]]
    stored = []
    for name in preset.assets:
        raw = bands[name]
        values = raw.astype(np.float64)
        if preset.nodata is not None:
            values[raw == preset.nodata] = np.nan
        if preset.valid:
            values[(values < preset.valid[0]) | (values > preset.valid[1])] = np.nan
        if preset.mask:
            values[~np.isin(bands[preset.mask], preset.keep)] = np.nan
        stored.append((values + shift) * preset.scale + preset.offset)
    if preset.measure == "band":
        return stored[0]
    red, nir = (np.maximum(values, 0) for values in stored)  # a dark cell less its offset may fall below nought
    whole = nir + red
    return np.where(whole > 0, (nir - red) / np.where(whole > 0, whole, 1), np.nan)


class _Joined:
    """Dates joined one after the other, so that memory does not grow with their number."""

    def __init__(self, preset: Preset, window: Window) -> None:
        self.preset, shape = preset, (window.height, window.width)
        if preset.is_class:
            self.values: NDArray[Any] = np.full(shape, preset.nodata, np.dtype(preset.type))
        else:
            self.values = np.full(shape, np.nan)
        self.count = np.zeros(shape, np.uint32)

    def add(self, found: NDArray[Any]) -> None:
        if self.preset.is_class:
            self.values = np.where(self.values == self.preset.nodata, found, self.values)
        elif self.preset.composite == "max":
            self.values = np.fmax(self.values, found)
        elif self.preset.composite == "first":
            self.values = np.where(np.isnan(self.values), found, self.values)
        else:
            here = ~np.isnan(found)
            self.values = np.where(
                here, np.where(self.count > 0, self.values, 0.0) + np.where(here, found, 0.0), self.values
            )
            self.count += here

    def result(self) -> NDArray[Any]:
        if self.preset.is_class:
            return self.values
        mean = self.preset.composite == "mean"
        values = np.where(self.count > 0, self.values / np.maximum(self.count, 1), np.nan) if mean else self.values
        return values.astype(np.float32)


@contextmanager
def _named(preset: Preset, assets: Sequence[_Asset]) -> Iterator[None]:
    """A failure to read, as one `FetchFailed` that names the assets at fault."""
    from rasterio.errors import RasterioError  # noqa: PLC0415 - the extra geo

    try:
        yield
    except (RasterioError, OSError) as error:
        told = plain_url(str(error)) if "://" in str(error) else str(error)
        guilty = [a for a in assets if Path(plain_url(a.url)).name in f"{error} {error.__cause__ or ''}"]
        names = ", ".join(f"{a.item}/{a.name}" for a in guilty[:5]) or f"one of {len(assets)} assets"
        raise FetchFailed(
            f"{names} cannot be read: {told}.",
            f"{names} 读取失败：{told}。",
            where=plain_url(guilty[0].url) if guilty else preset.catalogue,
            fix="try later, or fetch whole files with --whole / 稍后再试，或用 --whole 整文件获取",
        ) from None


def _entry(
    preset: Preset, grid: Grid, items: Sequence[Mapping[str, Any]], path: Path, sha256: str, read: Mapping[str, str]
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": preset.id.replace("@", "-").lower(), "title": preset.title, "path": str(path), "sha256": sha256,
        "quantity": preset.quantity, "unit": preset.unit, "crs": grid.crs, "resolution": _resolution(grid),
        "resampling": "nearest" if preset.is_class else "bilinear", "licence": preset.licence,
        "source": f"{preset.catalogue} {preset.collection}", "items": [item["id"] for item in items],
        "datetimes": [_start(item) for item in items],
    }  # fmt: skip
    return entry | ({"assets_sha256": dict(read)} if read else {})


def _resolution(grid: Grid) -> str:
    step, unit = abs(grid.transform[0]), "degree" if grid.geographic else "m"
    return f"{step:.10g} {unit}"


def _findings(preset: Preset, assets: Sequence[_Asset], counted: Mapping[str, Any], whole: bool) -> list[Finding]:
    found = []
    unverified = sum(1 for asset in assets if asset.checksum)
    if unverified and not whole:
        found.append(Finding(
            "note", "checksum_not_verified",
            f"{unverified} assets declare a checksum; only ranges were read, so it could not be verified.",
            f"{unverified} 个文件声明了校验值；本次只读取了所需部分，未能核对。",
            file=preset.id, fix="fetch whole files with --whole / 用 --whole 整文件获取",
        ))  # fmt: skip
    cells, empty = int(counted.get("cells", 0)), int(counted.get("empty", 0))
    if empty:
        level = "error" if empty == cells else "warning"
        found.append(Finding(
            level, "layer_gaps",
            f"no item fills {empty} of {cells} cells ({empty / cells:.2%}).",
            f"{cells} 个像元中有 {empty} 个没有数据（{empty / cells:.2%}）。",
            file=preset.id, fix="add a period or collection, or accept the gap / 补充时期或数据集，或接受缺口",
        ))  # fmt: skip
    return found
