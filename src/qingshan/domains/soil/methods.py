"""Methods of the soil domain: retention by water and by wind, erosion graded."""

from __future__ import annotations

from . import loss, rusle, rusle_papers, rweq

__all__ = ["loss", "rusle", "rusle_papers", "rweq"]
