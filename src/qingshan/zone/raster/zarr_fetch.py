"""A Zarr store behind an http(s) address: one field and what tells where it lies, fetched whole into one file of the cache.

A store is a folder of many small files that a server cannot list. Its metadata name them: those of the field, of the
coordinates along its axes and of its grid mapping are fetched and put into a Zarr zip, always in the same order and
without a clock, so that the same store gives the same sha-256. A chunk that the server does not have is the fill value, as
the format says.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any
from urllib.parse import quote, urlsplit

from qingshan.core.canonical import file_digest

from .cache import Cache, ChecksumMismatch, FetchFailed, Kept, plain_url
from .cubes import X, Y
from .stored import CannotRead

__all__ = ["MOST_CHUNKS", "PACKED", "fetch_store", "is_store"]

PACKED = ".zarr.zip"
MOST_CHUNKS = 50_000
AT_ONCE = 8
"""Chunks asked for at the same time."""
NAME = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]*")
GONE = (404, 410)
LARGEST = 2**28
"""Bytes of one key."""
PLAIN = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
})  # fmt: skip
PLAIN_2 = re.compile(r"[<>|][biuf][1248]")
CODECS = frozenset({
    "blosc", "zlib", "gzip", "bz2", "lzma", "zstd", "lz4", "shuffle", "delta", "fixedscaleoffset", "quantize", "bitround", "bytes", "transpose",
    "crc32c", "sharding_indexed",
})  # fmt: skip
"""Numbers, and what only packs them: others of the format may run code (`pickle`)."""
THE_SAME_DAY = (1980, 1, 1, 0, 0, 0)


def is_store(url: str) -> bool:
    """Whether an address is that of a Zarr store, by its ending."""
    return urlsplit(url).path.rstrip("/").endswith(".zarr")


def fetch_store(url: str, variable: str = "", sha256: str = "", cache: Cache | None = None) -> Kept:
    """The field `variable` of a store as a Zarr zip of the cache, held to `sha256` where given.

    `variable` may be left out where the store has consolidated metadata and one field with x and y. Raises `CannotRead`
    (no store, no such field, more than `MOST_CHUNKS` chunks), `ChecksumMismatch`, and what `Cache.fetch` raises.
    """
    cache = cache or Cache()
    key = f"ZARR {url.rstrip('/')} {variable}"
    if (known := cache.recall(key)) and sha256.lower() in ("", known.sha256):
        return known
    cache.refuse_offline(plain_url(url))
    store = _Store(url.rstrip("/"), cache)
    with cache.making(PACKED) as draft:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as packed:
            try:
                for name, raw in store.files(variable):
                    packed.writestr(zipfile.ZipInfo(name, THE_SAME_DAY), raw)
            except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
                raise store.bad(
                    f"its metadata cannot be read ({type(error).__name__})", f"元数据无法读取（{type(error).__name__}）"
                ) from None
        kept = file_digest(draft)
        if sha256 and kept != sha256.lower():
            raise ChecksumMismatch(
                f"the field has the sha256 {kept}, declared is {sha256}.", f"该变量的 sha256 为 {kept}，声明为 {sha256}。", where=plain_url(url),
                fix="ask the publisher which store is right; nothing was kept / 向发布方核实，未保存任何内容",
            )  # fmt: skip
        return cache.keep(key, draft, PACKED, {"url": plain_url(url), "variable": variable})


@dataclass
class _Store:
    url: str
    cache: Cache
    known: dict[str, Any] = field(default_factory=dict)
    """Metadata that came consolidated, by key."""

    def __post_init__(self) -> None:
        self.reading = replace(self.cache, largest=min(self.cache.largest, LARGEST))

    def files(self, variable: str) -> Iterator[tuple[str, bytes]]:
        """Keys of the store and their bytes, in order: metadata first, then chunks array by array."""
        root = self._root()
        version = 3 if "zarr.json" in root else 2
        yield from root.items()
        field_name = variable or self._only_field(version)
        arrays = {field_name: self._array(field_name, version, needed=True)}
        if strange := _strange(arrays[field_name], version):
            raise self.bad(
                f"{field_name!r} is kept in {strange}, which is not read of an address",
                f"{field_name!r} 以 {strange} 保存，来自网址的不读取",
            )
        about, axes = _attributes(arrays[field_name]), _axes(arrays[field_name], version)
        for name in sorted({*axes, str(about.get("grid_mapping", "spatial_ref"))} - {field_name}):
            if (found := self._array(name, version)) and not _strange(found, version):
                arrays[name] = found
        for name, found in arrays.items():
            yield from ((f"{name}/{key}", _text(content)) for key, content in found.items())
        for name, found in arrays.items():
            yield from self._chunks(name, _shape(found, version))

    def _root(self) -> dict[str, bytes]:
        if (raw := self._get(".zmetadata")) is not None:
            self.known = dict(self._read(raw, ".zmetadata")["metadata"])
            return {".zgroup": _text(self.known[".zgroup"])} | {
                k: _text(self.known[k]) for k in (".zattrs",) if k in self.known
            }
        if (raw := self._get("zarr.json")) is not None:
            told = self._read(raw, "zarr.json")
            inside = (told.pop("consolidated_metadata", None) or {}).get("metadata", {})
            self.known = {f"{k}/zarr.json": v for k, v in inside.items()}
            return {"zarr.json": _text(told)}
        if (raw := self._get(".zgroup")) is None:
            raise self.bad("there is no Zarr store", "该网址没有 Zarr 数据")
        attributes = self._get(".zattrs")
        return {".zgroup": raw} | ({".zattrs": attributes} if attributes else {})

    def _array(self, name: str, version: int, *, needed: bool = False) -> dict[str, Any]:
        """The metadata of an array by their keys, `{}` where the store has none of that name."""
        keys = ("zarr.json",) if version == 3 else (".zarray", ".zattrs")
        found: dict[str, Any] = {}
        if NAME.fullmatch(name):
            for key in keys:
                whole = f"{name}/{key}"
                if whole in self.known:
                    found[key] = self.known[whole]
                elif not self.known and (raw := self._get(whole)) is not None:
                    found[key] = self._read(raw, whole)
        if keys[0] in found:
            return found
        if needed:
            names = ", ".join(sorted({k.partition("/")[0] for k in self.known if "/" in k})) or "?"
            raise self.bad(f"no field {name!r}; the store names: {names}", f"没有变量 {name!r}；其中有：{names}")
        return {}

    def _only_field(self, version: int) -> str:
        named = sorted({k.partition("/")[0] for k in self.known if k.count("/") == 1})
        fields = [
            n
            for n in named
            if (a := self._array(n, version)) and _has(_axes(a, version), X) and _has(_axes(a, version), Y)
        ]
        if len(fields) != 1:
            names = ", ".join(fields) or "?"
            raise self.bad(
                f"the field must be named (`variable`); fields with x and y: {names}",
                f"须写明变量（variable）；含 x、y 的变量：{names}",
            )
        return fields[0]

    def _chunks(self, name: str, at: tuple[list[int], str, str]) -> Iterator[tuple[str, bytes]]:
        counts, head, separator = at
        if prod(counts) > MOST_CHUNKS:
            raise self.bad(
                f"{name!r} has {prod(counts):,} chunks, more than {MOST_CHUNKS:,}",
                f"{name!r} 有 {prod(counts):,} 块，超过 {MOST_CHUNKS:,}",
            )
        keys = (f"{name}/{_key(index, head, separator)}" for index in product(*(range(n) for n in counts)))
        got = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="zarr") as pool:
            while batch := [key for _, key in zip(range(8 * AT_ONCE), keys, strict=False)]:
                for key, raw in zip(batch, pool.map(self._get, batch), strict=True):
                    if raw is not None:
                        got += len(raw)
                        self.cache.check_size(self.url, got)
                        yield key, raw

    def _get(self, key: str) -> bytes | None:
        """The bytes of a key, None where the server says that there are none."""
        try:
            return self.reading.read(f"{self.url}/{quote(key)}")
        except FetchFailed as error:
            if error.status in GONE:
                return None
            raise

    def _read(self, raw: bytes, key: str) -> dict[str, Any]:
        try:
            told = json.loads(raw)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self.bad(f"{key} is no JSON object", f"{key} 不是 JSON 对象")
        return told

    def bad(self, en: str, zh: str) -> CannotRead:
        return CannotRead(
            f"{en}.", f"{zh}。", where=plain_url(self.url),
            fix="give the address of the store itself and its field, or fetch it and catalogue it from this machine"
            " / 给出 Zarr 存储的网址和变量，或自行下载后按本地文件登记",
        )  # fmt: skip


def _text(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


def _attributes(array: Mapping[str, Any]) -> Mapping[str, Any]:
    found = array["zarr.json"].get("attributes") if "zarr.json" in array else array.get(".zattrs")
    return found if isinstance(found, Mapping) else {}


def _axes(array: Mapping[str, Any], version: int) -> list[str]:
    named = _attributes(array).get("_ARRAY_DIMENSIONS") or (
        array["zarr.json"].get("dimension_names") if version == 3 else None
    )
    return [str(n) for n in named or ()]


def _has(axes: list[str], names: tuple[str, ...]) -> bool:
    return any(axis.lower() in names for axis in axes)


def _strange(array: Mapping[str, Any], version: int) -> str:
    """What of an array's type and packing is not plain numbers, '' where all is."""
    if version == 2:
        about = array[".zarray"]
        packing = [about.get("compressor"), *(about.get("filters") or ())]
        named = [str(c.get("id") if isinstance(c, Mapping) else c) for c in packing if c is not None]
        type_ok, kind = bool(PLAIN_2.fullmatch(str(about.get("dtype")))), about.get("dtype")
    else:
        about = array["zarr.json"]
        named = list(_codecs(about.get("codecs")))
        type_ok, kind = about.get("data_type") in PLAIN, about.get("data_type")
    return next((n for n in named if n not in CODECS), "" if type_ok else str(kind))


def _codecs(listed: Any) -> Iterator[str]:
    for codec in listed if isinstance(listed, list) else ():
        yield str(codec.get("name") if isinstance(codec, Mapping) else codec)
        inner = codec.get("configuration") if isinstance(codec, Mapping) else None
        if isinstance(inner, Mapping):
            yield from _codecs(inner.get("codecs"))
            yield from _codecs(inner.get("index_codecs"))


def _shape(array: Mapping[str, Any], version: int) -> tuple[list[int], str, str]:
    """Chunks along each axis; what their keys begin with; what stands between the numbers."""
    if version == 2:
        about = array[".zarray"]
        chunks, head, separator = about["chunks"], "", about.get("dimension_separator", ".")
    else:
        about = array["zarr.json"]
        chunks = about["chunk_grid"]["configuration"]["chunk_shape"]
        coded = about.get("chunk_key_encoding", {"name": "default"})
        default = coded["name"] == "default"
        head, separator = ("c", "/") if default else ("", ".")
        separator = coded.get("configuration", {}).get("separator", separator)
    if any(chunk < 1 for chunk in chunks) or any(size < 0 for size in about["shape"]):
        raise ValueError(chunks)
    return [-(-size // chunk) for size, chunk in zip(about["shape"], chunks, strict=True)], head, separator


def _key(index: tuple[int, ...], head: str, separator: str) -> str:
    numbers = [str(i) for i in index]
    if head:
        return separator.join([head, *numbers])
    return separator.join(numbers) or "0"
