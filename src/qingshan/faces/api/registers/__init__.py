"""The registers over HTTP: made from their declarations, one set of addresses for each register.

`app.py` makes it for a desk (`faces/access`). Lives under /api/registers of the site, or alone. See docs/registers.md.
"""

from .app import create_registers_api

__all__ = ["create_registers_api"]
