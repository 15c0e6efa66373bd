"""How much a ranking hangs on its weights: the rank range of each place over every weight vector of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import Array
from qingshan.core.parameter import Parameters

STEP = "assessment.weight_grid_step"
MOST_VECTORS = 60_000
_TIE_DECIMALS = 9


def weight_grid(components: int, step_percent: float) -> Array:
    """All weight vectors on a grid, shape (vector, component), rows summing to 1.

    Raises `OutOfBounds` where the step does not divide 100 % or the grid has more than `MOST_VECTORS` rows.
    """
    parts = round(100 / step_percent) if step_percent > 0 else 0
    if components < 1 or parts < 1 or abs(parts * step_percent - 100) > 1e-9:
        raise OutOfBounds(
            f"a step of {step_percent:g} % does not divide 100 %.", f"步长 {step_percent:g} % 不能整除 100 %。"
        )
    if np.prod([(parts + i) / i for i in range(1, components)]) > MOST_VECTORS + 0.5:
        raise OutOfBounds(
            f"a {step_percent:g} % grid over {components} components has too many vectors.",
            f"{components} 个分项按 {step_percent:g} % 取权重，组合过多。",
            fix=f"at most {MOST_VECTORS:,}: widen the step / 最多 {MOST_VECTORS:,} 组，请加大步长",
        )  # fmt: skip
    bars = np.array(list(combinations(range(parts + components - 1), components - 1)), dtype=np.int64)
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), parts + components - 1)])
    return (np.diff(edges, axis=1) - 1) / parts


def rank_ranges(scores: Mapping[str, Sequence[float]], parameters: Parameters) -> dict[str, tuple[int, int]]:
    """Best and worst rank of each place over the grid; `scores` are the component scores, equally long, none missing.

    Equal totals share the better rank. Raises `OutOfBounds` for scores that are missing or of unequal length.
    """
    if not scores:
        return {}
    table = [list(map(float, row)) for row in scores.values()]
    if len({len(row) for row in table}) != 1 or not np.isfinite(np.concatenate(table)).all():
        raise OutOfBounds(
            "every place needs every component score.",
            "每个地点都要有全部分项得分。",
            fix="leave out the place, or fill the score / 去掉该地点，或补上得分",
        )
    step = parameters.find(STEP)
    weights = weight_grid(len(table[0]), float(step.value or 0))
    by_place = np.asarray(table).T
    best = np.full(len(table), len(table), dtype=np.int64)
    worst = np.ones(len(table), dtype=np.int64)
    for vector in weights:
        totals = np.round(vector @ by_place, _TIE_DECIMALS)
        rank = len(totals) - np.searchsorted(np.sort(totals), totals, side="right") + 1
        np.minimum(best, rank, out=best)
        np.maximum(worst, rank, out=worst)
    return {name: (int(low), int(high)) for name, low, high in zip(scores, best, worst, strict=True)}
