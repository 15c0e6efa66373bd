"""The sha-256 of a raster file or Zarr folder, remembered by path, size and time stamp so that it is computed once."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from qingshan.core.canonical import file_digest, write_atomic

from .cache import cache_folder

__all__ = ["content_digest"]

SETTLED = 2_000_000_000  # ns: a file younger than this may change again within one tick of its clock

_SEEN: dict[tuple[str | int, ...], str] = {}


def content_digest(path: Path) -> str:
    """sha-256 of the bytes; of a folder, over the names and hashes of its files."""
    if path.is_dir():
        lines = (
            f"{p.relative_to(path).as_posix()} {content_digest(p)}" for p in sorted(path.rglob("*")) if p.is_file()
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    about = path.stat()
    stamp = [about.st_size, about.st_mtime_ns, about.st_ino]
    key: tuple[str | int, ...] = (str(path), *stamp)
    if key in _SEEN:
        return _SEEN[key]
    note = cache_folder() / "digests" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            _SEEN[key] = str(known["sha256"])
            return _SEEN[key]
    sha256 = file_digest(path)
    if time.time_ns() - about.st_mtime_ns > SETTLED:
        _SEEN[key] = sha256
        with suppress(OSError):  # a home that cannot be written costs a second reading, nothing else
            write_atomic(note, json.dumps({"stamp": stamp, "sha256": sha256}).encode())
    return sha256
