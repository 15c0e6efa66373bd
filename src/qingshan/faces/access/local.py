"""The offline administrator: a password at the machine itself, for installations whose identity provider is not there (yet).

The file `administrators.json` in the venue's folder maps an actor to an argon2id hash. There is no password until one is set with
`qingshan exchange password`, and no other role may have one.
"""

from __future__ import annotations

import json
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from qingshan.core.canonical import write_atomic
from qingshan.ledger.book import Book, Refused
from qingshan.registers.actors import roles_of

__all__ = ["SHORTEST", "Administrators"]

FILE = "administrators.json"
SHORTEST, LONGEST = 12, 200


class Administrators:
    """The passwords of a venue's administrators."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._hasher = PasswordHasher()

    def _hashes(self) -> dict[str, str]:
        return dict(json.loads(self.path.read_bytes())) if self.path.is_file() else {}

    def set(self, book: Book, actor: str, password: str) -> None:
        """Raises `Refused` for an actor who is no administrator and a password that is short or the actor's own name."""
        if "admin" not in roles_of(book, actor):
            raise Refused("not_admin", f"{actor} is no active administrator; everyone else signs in with the identity provider.",
                          f"{actor} 不是有效的管理员；其他人须用统一身份认证登录。")  # fmt: skip
        if (
            not SHORTEST <= len(password) <= LONGEST
            or password.casefold() == actor.casefold()
            or len(set(password)) < 5
        ):
            raise Refused("weak_password", f"a password has {SHORTEST} to {LONGEST} characters, at least five different ones.",
                          f"口令须为 {SHORTEST}–{LONGEST} 个字符，且至少含五个不同字符。")  # fmt: skip
        hashes = self._hashes() | {actor: self._hasher.hash(password)}
        write_atomic(self.path, json.dumps(hashes, sort_keys=True).encode())
        self.path.chmod(0o600)

    def check(self, book: Book, actor: str, password: str) -> bool:
        """Whether it is the password of an active administrator. Takes as long for an actor who has none."""
        known = self._hashes().get(actor)
        try:
            right = self._hasher.verify(known or _NOBODY, password[: LONGEST + 1])
        except (Argon2Error, InvalidHashError):
            return False
        return bool(right) and known is not None and "admin" in roles_of(book, actor)


_NOBODY = PasswordHasher().hash("a password that nobody has, so that the answer takes as long")
