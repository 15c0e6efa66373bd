"""Methods of the soil domain: retention by water and by wind, erosion graded."""

from __future__ import annotations

from . import delivery, delivery_cells, loss, rusle, rusle_papers, rusle_raster, rweq

__all__ = ["delivery", "delivery_cells", "loss", "rusle", "rusle_papers", "rusle_raster", "rweq"]
