"""Canonical bytes: one JSON text per value, so that hashes and byte comparison mean something."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_WRITER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, shortest round-trip floats. NaN and infinity are refused."""
    return _WRITER.encode(value).encode()


def digest(value: Any) -> str:
    """sha-256 (hex) of the canonical bytes of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """sha-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write to a temporary name beside `path`, then rename: a reader sees the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
