"""A folder whose manifest names every file by hash, and the Ed25519 signature of that manifest.

The key is a seed of 32 bytes, hex, in the environment variable `QINGSHAN_RELEASE_KEY`; there is no default. The signature is
over the bytes of `manifest.json`, so that it can be checked with any Ed25519 tool.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from qingshan.core.canonical import canonical, file_digest
from qingshan.ledger.signing import KeyMissing

__all__ = ["ENVIRONMENT", "MANIFEST", "SIGNATURE", "broken_files", "sign", "signature_holds"]

ENVIRONMENT = "QINGSHAN_RELEASE_KEY"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"


def sign(manifest: bytes) -> bytes:
    """`signature.json` for the bytes of a manifest, by the key of the environment. Raises `KeyMissing`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - the extra ledger

    try:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(os.environ.get(ENVIRONMENT, "")))
    except ValueError:
        raise KeyMissing(
            f"{ENVIRONMENT} holds no Ed25519 seed (32 bytes, hex).", f"{ENVIRONMENT} 中没有 Ed25519 种子（32 字节，十六进制）。",
            fix="make one with `qingshan ledger key` and keep it safe, or publish a draft with --draft"
            " / 用 `qingshan ledger key` 生成并妥善保管，或用 --draft 出草案",
        ) from None  # fmt: skip
    return canonical({
        "algorithm": "Ed25519", "file": MANIFEST, "sha256": sha256(manifest).hexdigest(),
        "public_key": private.public_key().public_bytes_raw().hex(), "signature": private.sign(manifest).hex(),
    })  # fmt: skip


def signature_holds(manifest: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the public key it names. Whose key that is, the reader must know."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - the extra ledger
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        given = json.loads(signature)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(given["public_key"])).verify(
            bytes.fromhex(given["signature"]), manifest
        )
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def broken_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are missing, not in the manifest, or not the bytes it names."""
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST, SIGNATURE}
    return [
        f
        for f in sorted(present | set(files))
        if f not in present or f not in files or file_digest(folder / f) != files[f]
    ]
