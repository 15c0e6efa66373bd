"""The words of claims, as the domain that declares them has them: schemes, pools, benefits, states, and their names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError

__all__ = ["claim_word", "declaration"]


@lru_cache(maxsize=1)
def declaration() -> dict[str, Any]:
    """`claims.toml` of the domain that declares it."""
    found = load_domains().declared("claims")
    if len(found) != 1:
        raise DeclarationError(f"{len(found)} domains declare claims; one is needed.")
    return found[0][1]


def claim_word(id: str, lang: str) -> str:
    """Name of a scheme, pool or benefit; its id where nobody named it."""
    named = declaration()["names"].get(id)
    return str(named[0 if lang == "zh" else 1]) if named else id
