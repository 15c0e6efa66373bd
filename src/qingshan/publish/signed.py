"""A folder whose manifest names every file by hash, and the Ed25519 signature of that manifest.

The key is a seed of 32 bytes, hex, in the environment variable `QINGSHAN_RELEASE_KEY`; there is no default. The signature is
over the bytes of `manifest.json`, so that it can be checked with any Ed25519 tool.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from qingshan.accounts.home import home
from qingshan.core.canonical import canonical, file_digest
from qingshan.core.errors import DeclarationError
from qingshan.ledger.signing import KeyMissing

__all__ = [
    "ENVIRONMENT",
    "MANIFEST",
    "SIGNATURE",
    "broken_files",
    "public_key_of",
    "sign",
    "signature_holds",
    "signer_note",
]

ENVIRONMENT = "QINGSHAN_RELEASE_KEY"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
TRUSTED = "trusted_keys.csv"
"""In QINGSHAN_HOME: `public_key,name`, the keys whose signatures a reader trusts."""
_HEX = re.compile(r"[0-9a-f]{64}")


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


def public_key_of(text: str) -> str:
    """The 64 hex digits of an Ed25519 public key given as such, or as a file of hex or PEM. Raises `DeclarationError`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key  # noqa: PLC0415 - the extra ledger

    given = text.strip()
    if not _HEX.fullmatch(given.lower()) and Path(given).is_file():
        raw = Path(given).read_bytes()
        try:
            given = (
                load_pem_public_key(raw).public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
                if b"PUBLIC KEY" in raw
                else raw.decode().strip()
            )
        except (ValueError, AttributeError):
            given = ""
    if not _HEX.fullmatch(given.lower()):
        raise DeclarationError(
            f"{text[:80]!r} is no Ed25519 public key.", f"{text[:80]!r} 不是 Ed25519 公钥。",
            fix="64 hex digits, or a file that holds them or a PEM / 64 位十六进制，或存有它的文件（也可为 PEM）",
        )  # fmt: skip
    return given.lower()


def signer_note(public_key: str, expected: str = "") -> tuple[bool, str]:
    """Whether the signer is one the reader expects, and what to say of it (`English / 中文`).

    `expected` goes before the table of trusted keys; without both nothing is checked, and the note says so. Raises `DeclarationError`.
    """
    if expected:
        wanted = public_key_of(expected)
        if wanted == public_key:
            return True, f"signed by {public_key}, the key expected / 签名公钥 {public_key}，与所给公钥一致"
        return False, f"signed by {public_key}, expected {wanted} / 签名公钥 {public_key}，应为 {wanted}"
    path = home() / TRUSTED
    if not path.is_file():
        return True, (f"signed by {public_key}; whose key that is was not checked (--public-key, or a row of {path}) / "
                      f"签名公钥 {public_key}；未核对是谁的公钥（用 --public-key，或写入 {path}）")  # fmt: skip
    with path.open(encoding="utf-8-sig", newline="") as stream:
        known = {
            (r.get("public_key") or "").strip().lower(): (r.get("name") or "").strip() for r in csv.DictReader(stream)
        }
    if public_key in known:
        return (
            True,
            f"signed by {public_key}, {known[public_key]} ({TRUSTED}) / 签名公钥 {public_key}，{known[public_key]}（{TRUSTED}）",
        )
    return False, f"signed by {public_key}, which {path} does not trust / 签名公钥 {public_key} 不在 {path} 之列"


def broken_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are missing, not in the manifest, or not the bytes it names."""
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST, SIGNATURE}
    return [
        f
        for f in sorted(present | set(files))
        if f not in present or f not in files or file_digest(folder / f) != files[f]
    ]
