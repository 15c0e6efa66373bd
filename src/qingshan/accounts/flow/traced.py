"""Streams as InVEST draws them where flow is shared: traced upstream from where it leaves, gaps joined.

`compat = "invest"` only. pygeoprocessing's rule: start at the cells without a way on that enough cells drain through, go upstream as long as
enough do, and keep a gap in a stream whose cells reach a share of that. What no chain joins to an end is no stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .directions import NO_SHARES
from .lattice import Lattice

__all__ = ["traced_streams"]

GAP = 2


def traced_streams(
    to: NDArray[np.uint32],
    count: NDArray[Any],
    lattice: Lattice,
    least: float,
    share: float,
) -> NDArray[np.bool_]:
    """Stream cells of a lattice. `to`: eight shares of 4 bits; `count`: cells that drain through; a gap needs `share` times `least`."""
    state = lattice.full(0, np.uint8)
    _trace(to, count, lattice.offsets, least, share, state)
    state &= 1  # a gap that was not joined is no stream
    return state.view(np.bool_)


@njit(nogil=True, cache=True)
def _trace(to, count, offsets, least, share, state):
    queue = [0]
    for start in range(to.size):
        if to[start] != 0 or count[start] < least or state[start] == 1:
            continue
        state[start] = 1
        queue.clear()
        queue.append(start)
        first = 0
        while first < len(queue):
            c = queue[first]
            first += 1
            for k in range(8):
                q = c + offsets[k]
                if (
                    to[q] == NO_SHARES
                    or state[q] == 1
                    or state[q] == GAP
                    or (to[q] >> np.uint32(4 * ((k + 4) % 8))) & np.uint32(15) == 0
                ):
                    continue
                if count[q] >= share * least:
                    state[q] = GAP
                    queue.append(q)
                if count[q] >= least:
                    _join(to, offsets, state, q)


@njit(nogil=True, cache=True)
def _join(to, offsets, state, start):
    """A stream cell was found: the gaps that it flows into are stream too."""
    ahead = [start]
    state[start] = 1
    while len(ahead) > 0:
        c = ahead.pop()
        for k in range(8):
            q = c + offsets[k]
            if (to[c] >> np.uint32(4 * k)) & np.uint32(15) != 0 and state[q] == GAP:
                state[q] = 1
                ahead.append(q)
