"""A snapshot of the state at a point of the journal: checked by its own hash and by the chain it claims to stand on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qingshan.core.canonical import canonical

__all__ = ["Snapshot", "newest_snapshot"]

KEPT = 3


@dataclass(frozen=True)
class Snapshot:
    """`state` after record `next` - 1, where the journal's chain hash was `chain`."""

    next: int
    chain: str
    state: Mapping[str, Any]

    def write(self, folder: Path) -> Path:
        """Write it durably under `snapshots/`; the newest few are kept."""
        target = folder / "snapshots" / f"{self.next:016d}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        body = canonical({"next": self.next, "chain": self.chain, "state": self.state})
        fresh = target.with_suffix(".tmp")
        with fresh.open("wb") as stream:
            stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
        for old in sorted(target.parent.glob("*.json"))[:-KEPT]:
            old.unlink()
        return target


def newest_snapshot(folder: Path, chains: Mapping[int, str]) -> Snapshot | None:
    """The newest whole snapshot that belongs to the journal with those chain hashes; damaged ones are passed over."""
    for path in sorted((folder / "snapshots").glob("*.json"), reverse=True):
        head, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != head:
            continue
        read = json.loads(body)
        if chains.get(read["next"]) == read["chain"]:
            return Snapshot(read["next"], read["chain"], read["state"])
    return None
