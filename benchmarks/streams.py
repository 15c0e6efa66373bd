"""Streams as InVEST draws them for multiple flow directions, so that both programs route to the same cells.

Our stages take a cell for a stream where enough area drains through. InVEST (pygeoprocessing `extract_streams_mfd`) starts
at the cells where the flow leaves, goes upstream as long as enough cells drain through, and keeps a gap in a stream whose
cells reach a share of that (0.7 in SDR, none in NDR). What no chain joins to an outlet is no stream there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

NOWHERE = 2**32 - 1


ROWS = np.array([0, -1, -1, -1, 0, 1, 1, 1])
COLS = np.array([1, 1, 0, -1, -1, -1, 0, 1])
GAP, NONE = 2, 255


@njit(cache=True)
def traced(direction: NDArray[Any], count: NDArray[Any], least: float, share: float) -> NDArray[np.uint8]:
    """1 on streams, 0 elsewhere, 255 where nothing flows. `direction`: eight shares of 4 bits, east first, counterclockwise."""
    height, width = direction.shape
    state = np.zeros((height, width), np.uint8)
    queue = np.empty(height * width, np.int64)
    for start in range(height * width):
        i, j = start // width, start % width
        if direction[i, j] == NOWHERE:
            state[i, j] = NONE
        elif direction[i, j] == 0 and count[i, j] >= least and state[i, j] != 1:
            state[i, j] = 1
            queue[0] = start
            _upstream(direction, count, least, share, state, queue)
    for i in range(height):
        for j in range(width):
            if state[i, j] == GAP:
                state[i, j] = 0
    return state


@njit(cache=True)
def _upstream(direction: Any, count: Any, least: float, share: float, state: Any, queue: Any) -> None:
    height, width = direction.shape
    first, last = 0, 1
    while first < last:
        r, c = queue[first] // width, queue[first] % width
        first += 1
        for k in range(8):
            y, x = r + ROWS[k], c + COLS[k]
            inside = 0 <= y < height and 0 <= x < width and direction[y, x] != NOWHERE
            if (
                not inside
                or (direction[y, x] >> (4 * ((k + 4) % 8))) & 15 == 0
                or state[y, x] == 1
                or state[y, x] == GAP
            ):
                continue
            if count[y, x] >= share * least:
                queue[last] = y * width + x
                last += 1
                state[y, x] = GAP
            if count[y, x] >= least:
                _joined(direction, state, y, x)


@njit(cache=True)
def _joined(direction: Any, state: Any, y: int, x: int) -> None:
    """A stream cell was found: the gaps that it flows into are stream too."""
    height, width = direction.shape
    ahead = [(y, x)]
    state[y, x] = 1
    while len(ahead) > 0:
        b, d = ahead.pop()
        for m in range(8):
            u, v = b + ROWS[m], d + COLS[m]
            if (direction[b, d] >> (4 * m)) & 15 > 0 and 0 <= u < height and 0 <= v < width and state[u, v] == GAP:
                state[u, v] = 1
                ahead.append((u, v))
