"""Sums that do not depend on order: held against whole-number fractions."""

from fractions import Fraction

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qingshan.accounts.block.kernel import JIT
from qingshan.accounts.block.total import ADD, LARGEST, PARTS, carried, exact, to_float

numbers = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False)
scope: dict = {"np": np, "njit": numba.njit}
exec(JIT.replace("cache=True, ", "") + ADD, scope)
add = scope["add"]


@numba.njit
def summed(values):
    row = np.zeros((1, 3), np.int64)
    for x in values:
        add(row, 0, x)
    return row


def cut(x: float) -> Fraction:
    """What of a number is kept: whole multiples of 2^-60, cut toward zero."""
    return Fraction(int(Fraction(x) * 2**60), 2**60)


@given(st.lists(numbers, max_size=60))
def test_the_sum_is_that_of_fractions(values: list[float]) -> None:
    parts = summed(np.array(values, float))[0]
    assert Fraction(*exact(parts)) == sum(map(cut, values))
    assert Fraction(*exact(carried(parts.copy()))) == sum(map(cut, values))


@given(st.lists(numbers, max_size=40), st.integers(0, 40), st.randoms())
def test_the_sum_does_not_depend_on_order_or_on_blocks(values: list[float], at: int, random: object) -> None:
    whole = carried(summed(np.array(values, float)))
    mixed = list(values)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (carried(summed(np.array(v, float))) for v in (mixed[:at], mixed[at:]))
    assert carried(first + second).tobytes() == whole.tobytes()


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_a_number_and_its_opposite_leave_nothing(values: list[float]) -> None:
    assert not carried(summed(np.array([*values, *(-v for v in values)], float))).any()


def test_the_float_is_the_nearest_one() -> None:
    # 0.1 is 0.1000000000000000055511151231257827021181583404541015625: cut at 2^-60 it is still nearest to 0.1
    assert to_float(carried(summed(np.array([0.1])))).item() == 0.1
    # 2^53 + 1 has no float64; two of them make 2^54 + 2, which has
    assert to_float(summed(np.array([2.0**53, 1.0, 2.0**53, 1.0]))).item() == 2.0**54 + 2
    assert to_float(np.zeros((2, 4, PARTS), np.int64)).shape == (2, 4)


def test_the_largest_contribution_times_a_full_block_fits() -> None:
    x = float(np.nextafter(LARGEST, 0))
    row = summed(np.array([x] * 8))[0]
    assert Fraction(*exact(row)) == 8 * Fraction(x)
    assert all(abs(int(v)) <= 8 * 2**40 for v in row)  # so 2^22 cells stay below 2^63
