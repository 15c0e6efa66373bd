"""What was fetched, kept by its content: every file lies under its sha-256, every request remembers which file answered it.

    cache/objects/ab/ab12….tif      the file; its name is its hash, checked each time it is served
    cache/names/5f/5fe0….json       a request (its key, size, hash, what is known of it), named by the hash of the key

Offline nothing is asked of the network: what is not here is refused by name, and so is a file that no longer is what
its name says. Nothing half-written is ever visible: files are made beside and moved into place.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import file_digest
from qingshan.core.errors import QingshanError

from .grid import Grid, Window

__all__ = [
    "Cache",
    "ChecksumMismatch",
    "CorruptCache",
    "FetchFailed",
    "GridFile",
    "Kept",
    "NotCached",
    "cache_folder",
    "keep_raster",
    "offline_asked",
    "plain_url",
]

OFFLINE = "QINGSHAN_OFFLINE"
RETRIED = (408, 425, 429, 500, 502, 503, 504)
PIECE = 8 << 20  # bytes asked for at once
LONGEST_WAIT = 30.0  # seconds between two tries, whatever a server asks for

# multihash (the form of `file:checksum`): code and length in hex -> hashlib name
_MULTIHASH = {"1220": "sha256", "1340": "sha512", "1114": "sha1", "d50110": "md5"}


class FetchFailed(QingshanError):
    """A server did not give the file, after all tries. `status` is the answer's, 0 where there was none."""

    code = "fetch_failed"
    status = 0


class NotCached(QingshanError):
    """Offline, and the cache does not hold what was asked for."""

    code = "not_cached"


class CorruptCache(QingshanError):
    """Offline, and a cached file is no longer what its name says."""

    code = "corrupt_cache"


class ChecksumMismatch(QingshanError):
    """A file is not the one that its catalogue, or the reader, declares."""

    code = "checksum"


def cache_folder() -> Path:
    """The cache under `QINGSHAN_HOME`, else under the user's data folder."""
    given = os.environ.get("QINGSHAN_HOME")
    if given:
        return Path(given) / "cache"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "qingshan" / "cache"


def plain_url(url: str) -> str:
    """The address without query and user: what may be printed and kept (a query may carry a token)."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.hostname + (f":{parts.port}" if parts.port else ""), parts.path, "", "")) \
        if parts.hostname else url.partition("?")[0]  # fmt: skip


def offline_asked() -> bool:
    """Whether the environment asks to stay off the network."""
    return os.environ.get(OFFLINE, "").strip().lower() in ("1", "true", "yes")


@dataclass(frozen=True)
class Kept:
    """A file of the cache: where it lies, its hash and size (bytes), and what the request noted beside it."""

    path: Path
    sha256: str
    size: int
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cache:
    """A cache folder and the manners of fetching into it.

    `retries` tries after the first, waiting `wait`, 2 `wait`, 4 `wait` … seconds; `timeout` seconds of silence end a try;
    `largest` bytes is the most one file may have.
    """

    folder: Path = field(default_factory=cache_folder)
    offline: bool = field(default_factory=offline_asked)
    retries: int = 4
    wait: float = 0.5
    timeout: float = 30.0
    largest: int = 20 << 30

    # --- what is here

    def recall(self, key: str) -> Kept | None:
        """The file that answered `key` before, its hash checked; None where there is none or where it must be made again.

        Raises `CorruptCache` offline, where the file was changed or lost and cannot be had again.
        """
        note = self._note(key)
        if note is None:
            return None
        path = self._object(note["sha256"], note["suffix"])
        if path.is_file() and file_digest(path) == note["sha256"]:
            return Kept(path, note["sha256"], note["size"], note["about"])
        if self.offline:
            state_en, state_zh = ("was changed", "已被改动") if path.is_file() else ("is gone", "已不在")
            raise CorruptCache(
                f"the cached file of {key} {state_en}: expected sha-256 {note['sha256']}.",
                f"{key} 的缓存文件{state_zh}，应有的 sha-256 为 {note['sha256']}。",
                where=str(path),
                fix="go online once so that it is fetched again / 联网一次，重新获取",
            )
        path.unlink(missing_ok=True)
        return None

    def keep(self, key: str, made: Path, suffix: str = "", about: Mapping[str, Any] | None = None) -> Kept:
        """Move a finished file into the cache as the answer to `key`."""
        sha, size = file_digest(made), made.stat().st_size
        path = self._object(sha, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)
        note = {"key": key.partition("?")[0], "sha256": sha, "suffix": suffix, "size": size, "about": dict(about or {})}
        with self.making(".json") as draft:
            draft.write_text(json.dumps(note, ensure_ascii=False, sort_keys=True, indent=1), encoding="utf-8")
            name = self._name(key)
            name.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(name)
        return Kept(path, sha, size, dict(about or {}))

    def keep_text(self, key: str, text: str, suffix: str = ".json") -> Kept:
        """Keep a text as the answer to `key`."""
        with self.making(suffix) as draft:
            draft.write_text(text, encoding="utf-8")
            return self.keep(key, draft, suffix)

    @contextmanager
    def making(self, suffix: str = "") -> Iterator[Path]:
        """A path beside the cache's files to write to; what is left there afterwards is removed."""
        folder = self.folder / "making"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=suffix, dir=folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def refuse_offline(self, what: str) -> None:
        """Raises `NotCached` where the cache is offline."""
        if self.offline:
            raise NotCached(
                f"offline, and the cache does not hold {what}.",
                f"处于离线状态，缓存中没有 {what}。",
                where=str(self.folder),
                fix=f"fetch it once online, or unset {OFFLINE} / 先联网获取一次，或取消 {OFFLINE}",
            )

    def _note(self, key: str) -> dict[str, Any] | None:
        try:
            note = json.loads(self._name(key).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        complete = isinstance(note, dict) and {"key", "sha256", "suffix", "size", "about"} <= set(note)
        return note if complete else None

    def _name(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / "names" / digest[:2] / f"{digest}.json"

    def _object(self, sha256: str, suffix: str) -> Path:
        return self.folder / "objects" / sha256[:2] / f"{sha256}{suffix}"

    # --- fetching

    def fetch(
        self, url: str, *, sha256: str = "", checksum: str = "", sign: Callable[[str], str] | None = None
    ) -> Kept:
        """The whole file at an http(s) address, from the cache or in ranges from the server.

        `sha256` pins it; `checksum` is the multihash of a STAC item (`file:checksum`); `sign` adds a token, which is
        never kept. Raises `FetchFailed`, `ChecksumMismatch`, `NotCached`, `CorruptCache`.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise FetchFailed(
                f"{url} is not an http(s) address.", f"{url} 不是 http(s) 地址。",
                fix="give an http or https address / 给出 http 或 https 地址",
            )  # fmt: skip
        declared = _declared(url, sha256, checksum)
        key = f"GET {url}"
        if (known := self.recall(key)) and all(_digest(known.path, name) == hexa for name, hexa in declared):
            return known
        self.refuse_offline(plain_url(url))
        with self.making() as draft:
            about = {"url": plain_url(url), **_download(self, url, sign, draft)}
            for name, hexa in declared:
                if (actual := _digest(draft, name)) != hexa:
                    raise ChecksumMismatch(
                        f"the file has the {name} {actual}, declared is {hexa}.",
                        f"文件的 {name} 为 {actual}，声明为 {hexa}。",
                        where=plain_url(url),
                        fix="ask the publisher which file is right; nothing was kept / 向发布方核实，未保存任何内容",
                    )
            return self.keep(key, draft, Path(urlsplit(url).path).suffix, about)

    def read(self, url: str) -> bytes:
        """What is at an address, asked for anew and not kept. Raises `FetchFailed`, `NotCached`."""
        self.refuse_offline(plain_url(url))
        with self.making() as draft:
            _download(self, url, None, draft)
            return draft.read_bytes()

    def check_size(self, url: str, size: int) -> None:
        """Raises `FetchFailed` where `size` bytes are more than one file may have."""
        _check_size(self, url, size)

    def head(self, url: str, count: int) -> bytes:
        """The first `count` bytes at an address, asked for anew. Raises `FetchFailed`, `NotCached`."""
        self.refuse_offline(plain_url(url))
        return _piece(self, url, None, 0, "", count)[0][:count]


def _declared(url: str, sha256: str, checksum: str) -> list[tuple[str, str]]:
    """The hashes a file must have: (hashlib name, hex). Raises `ChecksumMismatch` for a multihash of unknown kind."""
    wanted = [("sha256", sha256.lower())] if sha256 else []
    if checksum:
        text = checksum.lower()
        head = next((code for code in _MULTIHASH if text.startswith(code)), "")
        if not head:
            raise ChecksumMismatch(
                f"the checksum {checksum[:16]}… is of a kind that is not known here (known: sha1, sha2, md5).",
                f"校验值 {checksum[:16]}… 的类型不认识（可用：sha1、sha2、md5）。",
                where=plain_url(url),
                fix="pin the file by its sha-256 instead / 改用 sha-256 固定该文件",
            )
        wanted.append((_MULTIHASH[head], text[len(head) :]))
    return wanted


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, name).hexdigest()


def _download(cache: Cache, url: str, sign: Callable[[str], str] | None, draft: Path) -> dict[str, Any]:
    """Write the file to `draft` piece by piece, a failed piece again; returns what the server says of it."""
    with draft.open("wb") as stream:
        body, headers, whole = _piece(cache, url, sign, 0, "")
        tag, total = headers.get("ETag", ""), _total(headers, len(body))
        _check_size(cache, url, total)
        stream.write(body)
        while not whole and stream.tell() < total:
            body, _, restarted = _piece(cache, url, sign, stream.tell(), tag)
            if restarted:  # the file changed under way: the server sent it anew from its first byte
                stream.seek(0)
                stream.truncate()
                whole = True
            stream.write(body)
        if not whole and stream.tell() != total:
            raise _failed(url, 1, f"{stream.tell()} bytes came, {total} were announced")
    return {"etag": tag} if tag else {}


def _piece(
    cache: Cache, url: str, sign: Callable[[str], str] | None, start: int, tag: str, size: int = PIECE
) -> tuple[bytes, HTTPMessage, bool]:
    """One range, tried `retries` times more; the last value says whether the server sent the whole file instead."""
    why = ""
    for attempt in range(cache.retries + 1):
        if attempt:
            time.sleep(min(cache.wait * 2 ** (attempt - 1), LONGEST_WAIT))
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            sign(url) if sign else url, headers={"Range": f"bytes={start}-{start + size - 1}"}
        )
        if tag and not tag.startswith("W/"):
            request.add_header("If-Range", tag)
        try:
            with urllib.request.urlopen(request, timeout=cache.timeout) as answer:  # noqa: S310
                if answer.status == 206:
                    return answer.read(), answer.headers, False
                _check_size(cache, url, int(answer.headers.get("Content-Length") or 0))
                body = answer.read(cache.largest + 1)
                _check_size(cache, url, len(body))
                return body, answer.headers, True
        except urllib.error.HTTPError as error:
            why = f"HTTP {error.code}"
            if error.code not in RETRIED:
                raise _failed(url, attempt + 1, why, error.code) from None
        except (OSError, HTTPException) as error:
            why = str(getattr(error, "reason", "") or error) or type(error).__name__
    raise _failed(url, cache.retries + 1, why)


def _total(headers: HTTPMessage, got: int) -> int:
    span = headers.get("Content-Range", "").rpartition("/")[2]
    return int(span) if span.isdigit() else got


def _check_size(cache: Cache, url: str, size: int) -> None:
    if size > cache.largest:
        raise FetchFailed(
            f"the file has {size} bytes, more than the limit of {cache.largest}.",
            f"文件有 {size} 字节，超过上限 {cache.largest}。",
            where=plain_url(url),
            fix="read it by windows, or raise `largest` / 改用分块读取，或调高 largest",
        )


def _failed(url: str, tries: int, why: str, status: int = 0) -> FetchFailed:
    failed = FetchFailed(
        f"not fetched after {tries} tries: {why}.",
        f"尝试 {tries} 次仍未取得：{why}。",
        where=plain_url(url),
        fix="try later, or work offline with what the cache holds / 稍后再试，或离线使用已有缓存",
    )
    failed.status = status
    return failed


# --- rasters that we make ourselves ------------------------------------------------------------------------------------


def keep_raster(
    cache: Cache,
    key: str,
    grid: Grid,
    blocks: Iterable[tuple[Window, NDArray[Any]]],
    *,
    dtype: str,
    nodata: float,
    about: Callable[[], Mapping[str, Any]],
) -> Kept:
    """Write blocks as one Cloud Optimized GeoTIFF and keep it as the answer to `key`; `about` is asked at the end.

    The same cells give the same bytes (one thread, no clock in the file) under one version of GDAL.
    """
    import rasterio  # noqa: PLC0415 - the extra geo
    from rasterio.shutil import copy  # noqa: PLC0415

    profile = {
        "driver": "GTiff", "crs": grid.crs, "transform": rasterio.Affine(*grid.transform), "width": grid.width,
        "height": grid.height, "count": 1, "dtype": dtype, "nodata": nodata, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "bigtiff": "IF_SAFER", "sparse_ok": True,
    }  # fmt: skip
    overviews = "NEAREST" if np.issubdtype(np.dtype(dtype), np.integer) else "AVERAGE"
    with cache.making(".tif") as plain, cache.making(".tif") as finished:
        with rasterio.open(plain, "w", **profile) as out:
            for window, values in blocks:
                place = rasterio.windows.Window(window.col, window.row, window.width, window.height)
                out.write(values.astype(dtype, copy=False), 1, window=place)
        finished.unlink()
        copy(
            plain, finished, driver="COG", compress="ZSTD", predictor="YES", blocksize=512, num_threads="1",
            bigtiff="IF_SAFER", overview_resampling=overviews,
        )  # fmt: skip
        return cache.keep(key, finished, ".tif", about())


@dataclass(frozen=True)
class GridFile:
    """A file that lies on the zone grid, cell by cell: a Source. It may be read from several threads."""

    path: Path
    sha256: str
    type: str
    nodata: float | None
    name: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    def read(self, window: Window) -> NDArray[Any]:
        import rasterio  # noqa: PLC0415 - the extra geo

        place = rasterio.windows.Window(window.col, window.row, window.width, window.height)
        with rasterio.open(self.path) as stored:
            values: NDArray[Any] = stored.read(1, window=place)
            return values

    def identity(self) -> Mapping[str, Any]:
        return {"raster": self.name, "sha256": self.sha256}
