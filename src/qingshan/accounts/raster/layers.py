"""Small sources: a layer in another unit, a layer a stage will give, one class everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qingshan.core.finding import Finding
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

__all__ = ["Everywhere", "InUnit", "Named", "Planned", "Rasters", "folder_of"]


class Rasters(Protocol):
    """What a raster account reads of a zone: `zone.raster.catalogue.RasterBook`, or layers in memory."""

    @property
    def grid(self) -> Grid: ...
    def has(self, quantity: str, period: str) -> bool: ...
    def entry(self, quantity: str, period: str) -> Mapping[str, Any]: ...
    def layer(self, quantity: str, period: str) -> Any:
        """With `source`, `unit`, `entry`, `labels`."""

    def classes(self, period: str) -> Any:
        """With `source`, `codes`, `names` (code -> class id of the zone)."""

    def places(self) -> Any:
        """With `source` and `codes`, the leaf places in the order of their index."""

    def findings(self) -> list[Finding]: ...


def folder_of(rasters: Rasters) -> Path | None:
    """The folder of the zone that rasters are catalogued in; layers in memory lie in none."""
    zone = getattr(rasters, "zone", None)
    return Path(zone.path) if zone is not None else None


@dataclass(frozen=True)
class InUnit:
    """A layer times a factor, float64, NaN where it has no data."""

    source: Source
    factor: float

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    @property
    def nodata(self) -> float | None:
        return float("nan")

    def read(self, window: Window) -> NDArray[Any]:
        block, none = self.source.read(window), self.source.nodata
        values = block.astype(np.float64) * self.factor
        if none is not None and not math.isnan(none):
            values[block == block.dtype.type(none)] = np.nan
        return values

    def identity(self) -> Mapping[str, Any]:
        return {"of": dict(self.source.identity()), "factor": self.factor}


@dataclass(frozen=True)
class Named:
    """A layer under an identity that its maker gives."""

    source: Source
    about: Mapping[str, Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def nodata(self) -> float | None:
        return self.source.nodata

    def read(self, window: Window) -> NDArray[Any]:
        return self.source.read(window)

    def identity(self) -> Mapping[str, Any]:
        return dict(self.about)


@dataclass(frozen=True)
class Planned:
    """An output of a stage before the stage has run: an identity, no cells."""

    stage: str
    output: str
    about: Mapping[str, Any] = field(default_factory=dict)
    factor: float = 1.0

    def identity(self) -> Mapping[str, Any]:
        return {**self.about, "output": self.output, "factor": self.factor}


@dataclass(frozen=True)
class Everywhere:
    """Class 1 in every cell: what the area of a place is summed by."""

    grid: Grid

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def nodata(self) -> float | None:
        return None

    def read(self, window: Window) -> NDArray[Any]:
        return np.ones((window.height, window.width), np.uint8)

    def identity(self) -> Mapping[str, Any]:
        return {"class": 1, "shape": list(self.grid.shape)}
