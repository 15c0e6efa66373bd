"""The exchange over HTTP: commands with idempotency keys, public and private reads, the market feed, sign-in. See docs/decisions/0031.

`app.py` makes it for a desk (`faces/access`). Lives under /api/exchange of the site, or alone.
"""

from .app import create_exchange_api

__all__ = ["create_exchange_api"]
