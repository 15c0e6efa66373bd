"""Methods of the land domain: rocky desertification, land-cover change, and the wetland, forest and water-source indicators."""

from __future__ import annotations

from . import change, indicators, karst

__all__ = ["change", "indicators", "karst"]
