"""Which build of the software made something: a hash of its code, tables and templates, beside a version that covers many."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

__all__ = ["build"]

PACKAGE = Path(__file__).resolve().parents[1]
KINDS = (".py", ".csv", ".toml", ".typ")


@cache
def build() -> str:
    """12 hex digits of the sha-256 of all code, tables and templates of this installation, by path."""
    whole = sha256()
    for path in sorted(p for p in PACKAGE.rglob("*") if p.suffix in KINDS and p.is_file()):
        whole.update(f"{path.relative_to(PACKAGE).as_posix()}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:12]
