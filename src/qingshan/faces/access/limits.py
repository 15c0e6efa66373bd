"""Limits on rates: a bucket of tokens for each caller and class of request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["LIMITS", "Limit", "Limits"]

MOST_CALLERS = 20_000


@dataclass(frozen=True)
class Limit:
    """`rate` a second on the long run, `burst` at once."""

    rate: float
    burst: float


LIMITS = {"read": Limit(40, 200), "write": Limit(20, 100), "sign_in": Limit(0.1, 10), "stream": Limit(1, 20)}
"""By class of request. A participant who needs more asks the operator, who starts the server with other limits."""


class Limits:
    """Buckets by (class, caller); the least recently seen callers are forgotten, which fills their buckets."""

    def __init__(self, limits: dict[str, Limit] | None = None) -> None:
        self.limits = limits or LIMITS
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, kind: str, caller: str, now: float, many: int = 1) -> float:
        """Take a token, or `many`, at most a burst of them; 0 where they were there, else the seconds until they are. `now` is in seconds
        of a clock that never goes back."""
        limit = self.limits[kind]
        needed = min(many, limit.burst)
        with self._lock:
            tokens, since = self._buckets.pop((kind, caller), (limit.burst, now))
            tokens = min(limit.burst, tokens + max(0.0, now - since) * limit.rate)
            taken = tokens >= needed
            self._buckets[kind, caller] = (tokens - needed if taken else tokens, now)
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
        return 0.0 if taken else (needed - tokens) / limit.rate
