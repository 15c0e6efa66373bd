"""A raster behind an http(s) address: read by ranges where it lies, or fetched once and pinned by its hash.

An address alone does not say what will be read tomorrow: an entry without `sha256` is a finding, since a result from it
cannot be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from qingshan.core.finding import Finding

from .cache import RETRIED, Cache, FetchFailed, Kept, plain_url
from .foreign import BY_RANGES, open_with
from .zarr_fetch import fetch_store, is_store

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

__all__ = ["Remote", "gdal_manners", "is_remote", "open_remote", "pin"]


def is_remote(path: str) -> bool:
    """Whether a catalogue path is an http(s) address."""
    return urlsplit(path).scheme in ("http", "https")


@contextmanager
def gdal_manners(cache: Cache, *, signed: bool = False) -> Iterator[None]:
    """GDAL settings for reading by ranges: bounded waits and tries, no listing of folders, nothing asked twice.

    `signed` addresses admit GET alone; else the size is asked for with HEAD.
    """
    import rasterio  # noqa: PLC0415 - the extra geo

    seconds = str(max(1, round(cache.timeout)))
    with rasterio.Env(
        GDAL_HTTP_TIMEOUT=seconds,
        GDAL_HTTP_CONNECTTIMEOUT=seconds,
        GDAL_HTTP_LOW_SPEED_TIME=seconds,
        GDAL_HTTP_LOW_SPEED_LIMIT="1",
        GDAL_HTTP_MAX_RETRY=str(cache.retries),
        GDAL_HTTP_RETRY_DELAY=str(cache.wait),
        GDAL_HTTP_RETRY_CODES=",".join(map(str, RETRIED)),
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        CPL_VSIL_CURL_USE_HEAD="NO" if signed else "YES",
        CPL_VSIL_CURL_NON_CACHED="/vsicurl/",
        GDAL_HTTP_MERGE_CONSECUTIVE_RANGES="YES",
        GDAL_INGESTED_BYTES_AT_OPEN="32768",
    ):
        yield


@contextmanager
def open_remote(
    url: str, cache: Cache | None = None, *, sign: Callable[[str], str] | None = None
) -> Iterator[DatasetReader]:
    """A rasterio dataset that reads an http(s) file by ranges. Raises `FetchFailed` where it cannot be opened, and
    `NotCached` offline."""
    import rasterio  # noqa: PLC0415 - the extra geo
    from rasterio.errors import RasterioIOError  # noqa: PLC0415

    cache = cache or Cache()
    cache.refuse_offline(plain_url(url))
    with gdal_manners(cache, signed=sign is not None):
        try:
            dataset = open_with(BY_RANGES, rasterio.open, f"/vsicurl/{sign(url) if sign else url}")
        except RasterioIOError as error:
            told = str(error).partition("?")[0]
            raise FetchFailed(
                f"the raster cannot be opened: {told}.",
                f"栅格打不开：{told}。",
                where=plain_url(url),
                fix="check the address, or fetch it whole and pin it / 核对地址，或整文件获取并固定",
            ) from None
        with dataset:
            yield dataset


def pin(url: str, sha256: str = "", cache: Cache | None = None, *, sign: Callable[[str], str] | None = None) -> Kept:
    """The file behind an address as a local one, held to `sha256` where given; its hash is what an entry then pins."""
    return (cache or Cache()).fetch(url, sha256=sha256, sign=sign)


@dataclass(frozen=True)
class Remote:
    """A `[[raster]]` entry whose `path` is an address; `keep` fetches the file before the first read."""

    url: str
    sha256: str = ""
    keep: bool = True
    variable: str = ""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Remote:
        return cls(
            str(entry["path"]),
            str(entry.get("sha256", "")),
            bool(entry.get("keep", True)),
            str(entry.get("variable", "")),
        )

    def local(self, cache: Cache | None = None) -> str:
        """What rasterio opens: the kept file, or the address read by ranges (under `gdal_manners`)."""
        if is_store(self.url):
            return str(self.kept(cache).path)
        if self.keep:
            return str(self.kept(cache).path)
        (cache or Cache()).refuse_offline(plain_url(self.url))
        return f"/vsicurl/{self.url}"

    def kept(self, cache: Cache | None = None) -> Kept:
        """The file fetched and pinned; of a Zarr store the field `variable`, which is kept whole whatever `keep` says."""
        if is_store(self.url):
            return fetch_store(self.url, self.variable, self.sha256, cache)
        return pin(self.url, self.sha256, cache)

    def findings(self) -> list[Finding]:
        """What the entry leaves open: no hash, or a hash that reading by ranges cannot hold the file to."""
        if not self.sha256:
            return [Finding(
                "warning", "unpinned_url",
                f"{plain_url(self.url)} has no sha256: the file may change, and a result from it cannot be replayed.",
                f"{plain_url(self.url)} 没有 sha256：文件可能变动，由它得出的结果无法复算。",
                file=plain_url(self.url), field="raster.sha256",
                fix="pin it with `qingshan zone add-raster` / 用 `qingshan zone add-raster` 登记并固定",
            )]  # fmt: skip
        if not self.keep and not is_store(self.url):
            return [Finding(
                "warning", "hash_not_held",
                f"{plain_url(self.url)} is read by ranges: its sha256 is declared and not verified.",
                f"{plain_url(self.url)} 按需分段读取：所登记的 sha256 未经核对。",
                file=plain_url(self.url), field="raster.keep", fix="set keep = true / 设 keep = true",
            )]  # fmt: skip
        return []
