"""Files that are evidence: kept beside the journal by their sha-256, which is all that stands on the journal."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from qingshan.core.canonical import write_atomic
from qingshan.ledger.book import Refused

__all__ = ["LARGEST", "Evidence"]

LARGEST = 16 << 20
"""Bytes of one file."""
MOST = 20 << 30
"""Bytes of all files of a venue."""
_HASH = re.compile(r"[0-9a-f]{64}")


class Evidence:
    """The files of a venue's folder. A file is kept before the command that names it, so that no hash on the journal lacks its file
    because the machine stopped between the two; a file that no record names does no harm."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "evidence"
        self._size: int | None = None

    def keep(self, content: bytes) -> str:
        """Keep a file; returns its sha-256. Raises `Refused` for an empty or too large one, and where the store is full."""
        if not content:
            raise Refused("empty_file", "the file is empty.", "文件为空。")
        if len(content) > LARGEST:
            raise Refused("too_large_body", f"a file has at most {LARGEST >> 20} MiB.", f"文件至多 {LARGEST >> 20} MiB。",
                          fix="split it, or give its sha-256 / 分开上传，或只填写其 sha-256")  # fmt: skip
        sha = sha256(content).hexdigest()
        path = self._folder / sha[:2] / sha
        if not path.exists():
            if self._size is None:
                self._size = sum(p.stat().st_size for p in self._folder.glob("??/*"))
            if self._size + len(content) > MOST:
                raise Refused(
                    "store_full",
                    "the store of evidence is full.",
                    "证据存储已满。",
                    fix="ask the operator / 请联系管理员",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content)
            self._size += len(content)
        return sha

    def path(self, sha: str) -> Path | None:
        """Where a file is; None where only its hash was given."""
        path = self._folder / sha[:2] / sha
        return path if _HASH.fullmatch(sha) and path.is_file() else None
