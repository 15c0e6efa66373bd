"""Methods of the land domain: rocky desertification, and the wetland, forest and water-source indicators."""

from __future__ import annotations

from . import indicators, karst

__all__ = ["indicators", "karst"]
