"""Weighted sums around every cell, exact to the rounding of the transform, tile by tile.

A layer and its mask go through one complex Fourier transform (layer + i mask); a radial kernel is real and even, so is its
spectrum, and the product gives both sums at once. A tile is read with a halo as wide as the kernel (overlap-save): its
result does not depend on other tiles. Tiles are anchored to the grid and each is transformed by one thread, so neither
workers nor memory change a byte.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from qingshan.zone.raster.grid import Grid, Window

__all__ = ["Around", "Weights", "radial", "side_for"]

TILE = 1024
LARGE_REACH = 128
THIN = 0.02
"""Where a cell with data sees less than this share of its kernel, single precision is not enough and the tile is done in double."""

Layer = Callable[[Window], tuple[NDArray[np.float32], NDArray[np.bool_]]]


@dataclass(frozen=True, eq=False)
class Weights:
    """A kernel, odd rows x odd columns, the cell itself in the middle; `total` is the sum of its weights."""

    values: NDArray[np.float64]

    @property
    def reach(self) -> tuple[int, int]:
        return self.values.shape[0] // 2, self.values.shape[1] // 2

    @cached_property
    def total(self) -> float:
        return float(self.values.sum())


def radial(weight: Callable[[NDArray[np.float64]], Any], reach: float, cell: tuple[float, float]) -> Weights:
    """Weights by distance of cell centres: `weight(metres)` up to `reach` metres, 0 beyond; `cell` is (width, height) in m."""
    width, height = cell
    rows, cols = int(reach / height + 1e-9), int(reach / width + 1e-9)
    y, x = np.arange(-rows, rows + 1) * height, np.arange(-cols, cols + 1) * width
    distance = np.hypot(y[:, None], x[None, :])
    return Weights(np.where(distance <= reach * (1 + 1e-12), weight(distance), 0.0))


def side_for(rows: int, cols: int) -> int:
    """Side of the tiles for a reach: a wide halo wants larger tiles. Whole tiles of a `Field`."""
    return TILE * (2 if max(rows, cols) > LARGE_REACH else 1)


class Around:
    """Sums around the cells of one grid under one or more kernels.

    `tile(window, layer)` gives for each kernel the mean weight-sums (S, M): S = sum w z / W over cells with data and
    M = sum w / W over them, W the whole weight of the kernel. S/M is the weighted mean, M the share that was seen. Errors are
    about 1e-7 of the layer's largest value; `precise` does all tiles in double, for sums that are multiplied by W.
    """

    def __init__(self, grid: Grid, kernels: list[Weights], side: int = 0, *, precise: bool = False) -> None:
        self.grid, self.kernels, self.precise = grid, kernels, precise
        self.rows = max(k.reach[0] for k in kernels)
        self.cols = max(k.reach[1] for k in kernels)
        self.side = side or side_for(self.rows, self.cols)
        self.size = tuple(
            scipy.fft.next_fast_len(min(self.side, n) + 2 * r)
            for n, r in zip(grid.shape, (self.rows, self.cols), strict=True)
        )
        self._lock = threading.Lock()
        self._spectra: dict[Any, list[NDArray[Any]]] = {}

    @property
    def bytes(self) -> int:
        """Memory of one tile in work, with room for the tiles that must be done in double."""
        return self.size[0] * self.size[1] * 16 * 3

    @property
    def held(self) -> int:
        """Memory of the spectra, single and double."""
        return self.size[0] * self.size[1] * 12 * len(self.kernels)

    def padded(self, window: Window) -> Window:
        """The window with its halo, cut at the rim of the grid."""
        top, left = max(0, window.row - self.rows), max(0, window.col - self.cols)
        bottom = min(self.grid.height, window.row + window.height + self.rows)
        right = min(self.grid.width, window.col + window.width + self.cols)
        return Window(top, left, bottom - top, right - left)

    def tile(self, window: Window, layer: Layer) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """(S, M) of each kernel on the window, shape of the window, float32 or float64. `layer(window)` gives values and mask."""
        wide = self.padded(window)
        values, known = layer(wide)
        at = (window.row - wide.row, window.col - wide.col)
        centre = known[at[0] : at[0] + window.height, at[1] : at[1] + window.width]
        if not known.any():
            nothing = np.zeros((window.height, window.width))
            return [(nothing, nothing) for _ in self.kernels]
        for kind in (np.complex64, np.complex128)[self.precise :]:
            found = self._sums(values, known, at, window, kind)
            if all(not centre.any() or float(m[centre].min()) >= THIN for _, m in found):
                break
        return found

    def _sums(
        self, values: NDArray[np.float32], known: NDArray[np.bool_], at: tuple[int, int], window: Window, kind: Any
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        field = np.zeros(self.size, kind)
        height, width = values.shape
        part = field[:height, :width]
        part.real = np.where(known, values, 0)
        part.imag = known
        spectrum = scipy.fft.fft2(field, workers=1, overwrite_x=True)
        rows, cols = slice(at[0], at[0] + window.height), slice(at[1], at[1] + window.width)
        found = []
        for n, weights in enumerate(self._weights(kind)):
            last = n == len(self.kernels) - 1
            product = np.multiply(spectrum, weights, out=spectrum if last else None)
            sums = scipy.fft.ifft2(product, workers=1, overwrite_x=True)[rows, cols]
            found.append((np.ascontiguousarray(sums.real), np.ascontiguousarray(sums.imag)))
        return found

    def _weights(self, kind: Any) -> list[NDArray[Any]]:
        """Spectra of all kernels in the precision of `kind`, made once."""
        with self._lock:
            if kind not in self._spectra:
                real = np.float32 if kind is np.complex64 else np.float64
                self._spectra[kind] = [self._spectrum(k).astype(real) for k in self.kernels]
            return self._spectra[kind]

    def _spectrum(self, kernel: Weights) -> NDArray[np.float64]:
        """Spectrum of the kernel over its total: real, because the kernel is even."""
        rows, cols = kernel.reach
        whole = np.zeros(self.size)
        y, x = np.arange(-rows, rows + 1) % self.size[0], np.arange(-cols, cols + 1) % self.size[1]
        np.add.at(whole, np.ix_(y, x), kernel.values / kernel.total)
        spectrum: NDArray[np.float64] = scipy.fft.fft2(whole, workers=1).real
        return spectrum
