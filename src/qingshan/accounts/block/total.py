"""Sums that do not depend on the order in which cells are added.

A contribution x is cut into three whole numbers, x = hi 2^20 + mid 2^-20 + lo 2^-60 (what lies below 2^-60 is dropped),
and each part is added as an integer. Integer sums are associative, so every block size, order and engine gives the same
bytes; the total is rounded to a float once, correctly. A block of up to 2^22 cells cannot overflow: |parts| < 2^40.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ADD", "BLOCK_CELLS", "LARGEST", "PARTS", "carried", "exact", "to_float"]

PARTS = 3
BLOCK_CELLS = 2**22
"""Most cells that one kernel call may add before `carried`."""
LARGEST = 2.0**60
"""A contribution must be smaller than this."""
_BITS, _LOW = 40, 60
_MASK = (1 << _BITS) - 1

ADD = '''
def add(row, s, x):
    """Add x to the three parts of sum `s` of one key."""
    hi = np.int64(x * 9.5367431640625e-07)
    rest = x - hi * 1048576.0
    mid = np.int64(rest * 1048576.0)
    rest = rest - mid * 9.5367431640625e-07
    row[s, 0] += hi
    row[s, 1] += mid
    row[s, 2] += np.int64(rest * 1152921504606846976.0)
'''
"""Source of the kernel's adder: 2^-20, 2^20 and 2^60 as literals. Each part is cut toward zero, so x and -x cancel."""


def carried(parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same numbers with mid and low in [0, 2^40): room for the next block. Shape (..., 3), in place."""
    for low, high in ((2, 1), (1, 0)):
        parts[..., high] += parts[..., low] >> _BITS
        parts[..., low] &= _MASK
    return parts


def exact(parts: NDArray[np.int64]) -> tuple[int, int]:
    """Numerator and denominator of one sum, shape (3,)."""
    hi, mid, low = parts.tolist()
    return (hi << (2 * _BITS)) + (mid << _BITS) + low, 1 << _LOW


def to_float(parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each sum as the nearest float64. Shape (..., 3) -> (...)."""
    flat: NDArray[Any] = parts.reshape(-1, PARTS)
    out = np.zeros(len(flat))
    for i in np.flatnonzero(flat.any(axis=1)):
        whole, unit = exact(flat[i])
        out[i] = whole / unit
    return out.reshape(parts.shape[:-1])
