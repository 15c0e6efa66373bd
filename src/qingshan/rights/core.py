"""The compiled session of one market: continuous matching by price and time with every check before a trade, settled in memory.

A message is one row of `MESSAGE`; `run` takes a batch and appends to the tape. State is plain arrays, so that a batch of thousands
costs one call. Units move as serial ranges: a seller's are set aside, oldest first, when the order enters, and go to the buyer with
the trade, free again on his next trading day. The rules are those of `market.py`; tests hold both to one tape.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "ACK",
    "CANCEL",
    "CODES",
    "FOK",
    "IOC",
    "LIMIT",
    "MESSAGE",
    "NEW",
    "REDUCE",
    "TRADE",
    "State",
    "fill",
    "new_state",
    "run",
]

MESSAGE = np.dtype([("id", "i8"), ("account", "i4"), ("kind", "i1"), ("side", "i1"), ("type", "i1"), ("pad", "i1"), ("price", "i8"), ("quantity", "i8"),
                    ("at", "i8")])  # fmt: skip
"""`kind` NEW, CANCEL or REDUCE of order `id`; `side` 1 buys, -1 sells; `at` microseconds into the day on the market's clock."""
TRADE = np.dtype([("taker", "i8"), ("maker", "i8"), ("seller", "i4"), ("buyer", "i4"), ("price", "i8"), ("quantity", "i8"), ("money", "i8"),
                  ("first_range", "i8"), ("ranges", "i8")])  # fmt: skip
RANGE = np.dtype([("lot", "i4"), ("pad", "i4"), ("start", "i8"), ("end", "i8")])
ACK = np.dtype([("id", "i8"), ("code", "i4"), ("trades", "i4"), ("filled", "i8"), ("left", "i8")])

NEW, CANCEL, REDUCE = 1, 2, 3
LIMIT, IOC, FOK = 0, 1, 2
CODES = ("ok", "session", "account", "kind", "quantity", "tick", "lot", "too_large", "band", "overflow", "duplicate_order", "self_trade", "too_few_units",
         "too_little", "not_filled", "unknown_order", "not_operator", "loses_place", "full")  # fmt: skip
(
    OK,
    SESSION,
    ACCOUNT,
    KIND,
    QUANTITY,
    TICK,
    LOT,
    LARGE,
    BAND,
    OVERFLOW,
    DUPLICATE,
    SELF,
    UNITS,
    CASH,
    UNFILLED,
    UNKNOWN,
    OPERATOR,
    PLACE,
    FULL,
) = range(19)
MICRO = 10**6
LARGEST = 2**63 - 1

# settings of a session, by index
S_TICK, S_LOT, S_BELOW, S_LOW, S_HIGH, S_CUSHION, S_OPEN1, S_SHUT1, S_OPEN2, S_SHUT2 = range(10)
# registers of the state, by index: counts and heads that change
R_ORDERS, R_RANGES, R_FREE, R_BID, R_ASK, R_TRADES, R_TAPE, R_VOLUME, R_LIVE = range(9)


class State:
    """Arrays of a session. `cash` and `held` by account in 1e-4 yuan; `heads` of the range lists: sellable (the oldest
    first), bought today (the newest first)."""

    def __init__(self, settings: NDArray[np.int64], accounts: int, orders: int, ranges: int) -> None:
        levels = int((settings[S_HIGH] - settings[S_LOW]) // settings[S_TICK]) + 1
        self.settings = settings
        self.registers = np.zeros(9, np.int64)
        self.registers[R_FREE], self.registers[R_BID], self.registers[R_ASK] = -1, -1, levels
        self.cash, self.held = np.zeros(accounts, np.int64), np.zeros(accounts, np.int64)
        self.units, self.units_held = np.zeros(accounts, np.int64), np.zeros(accounts, np.int64)
        self.open = np.zeros(accounts, np.bool_)
        self.heads = np.full((accounts, 2), -1, np.int64)
        # orders: id, account, side, level, left, hold (cash), ranges head, previous, next, live
        self.orders = np.zeros((orders, 10), np.int64)
        self.levels = np.full((levels, 2), -1, np.int64)  # first and last order of a level
        size = 1 << max(4, (2 * orders - 1).bit_length())
        self.index = np.full(size, -1, np.int64)
        # ranges: lot order, start, end, next
        self.ranges = np.zeros((ranges, 4), np.int64)
        self.trades, self.tape = np.empty(0, TRADE), np.empty(0, RANGE)  # of the batch that runs

    def make_room(self, ranges: int, trades: int) -> None:
        """Grow the pool so that so many more ranges fit: every trade and every hold cuts at most one. And the batch's own space."""
        if self.registers[R_RANGES] + ranges > len(self.ranges):
            grown = np.zeros((max(2 * len(self.ranges), int(self.registers[R_RANGES]) + ranges), 4), np.int64)
            grown[: len(self.ranges)] = self.ranges
            self.ranges = grown
        if len(self.trades) < trades:
            self.trades = np.empty(2 * trades, TRADE)
        if len(self.tape) < trades + len(self.ranges):
            self.tape = np.empty(2 * trades + len(self.ranges), RANGE)


def new_state(settings: dict[str, int], accounts: int, *, orders: int = 1 << 20, ranges: int = 1 << 20) -> State:
    """An empty session: `tick`, `lot`, `below` (largest quantity, exclusive), `low`, `high` (price band), `sessions` as four
    microseconds of the day. Raises `ValueError` for limits that do not fit."""
    if settings["low"] % settings["tick"] or settings["high"] % settings["tick"] or settings["low"] > settings["high"]:
        raise ValueError("the band must lie on ticks")
    if (settings["high"] - settings["low"]) // settings["tick"] > 1_000_000:
        raise ValueError("the band has more than a million ticks")
    cushion = 0 if settings["lot"] % MICRO == 0 else 1
    names = ("tick", "lot", "below", "low", "high")
    row = [settings[n] for n in names] + [cushion] + [settings[n] for n in ("open1", "shut1", "open2", "shut2")]
    return State(np.array(row, np.int64), accounts, orders, ranges)


def run(state: State, messages: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]:
    """Decide a batch in order. Returns acknowledgements, trades and the ranges that moved (a trade names its part of them)."""
    acks = np.zeros(len(messages), ACK)
    most = len(messages) + int(state.registers[R_LIVE])  # trades: each ends a taker or a maker
    state.make_room(2 * len(messages) + most, most)
    trades, tape = state.trades, state.tape
    state.registers[R_TRADES] = state.registers[R_TAPE] = 0
    _run(messages, acks, trades, tape, state.settings, state.registers, state.cash, state.held, state.units, state.units_held, state.open, state.heads,
         state.orders, state.levels, state.index, state.ranges)  # fmt: skip
    return acks, trades[: state.registers[R_TRADES]].copy(), tape[: state.registers[R_TAPE]].copy()


@njit(cache=True, nogil=True)
def add_range(state_ranges, registers, heads, account, which, order, start, end):
    """Put a range into an account's list, sorted, joined with its neighbours. False where the pool is full."""
    before, at = -1, heads[account, which]
    while at >= 0 and (state_ranges[at, 0] < order or (state_ranges[at, 0] == order and state_ranges[at, 1] < start)):
        before, at = at, state_ranges[at, 3]
    if before >= 0 and state_ranges[before, 0] == order and state_ranges[before, 2] == start:
        state_ranges[before, 2] = end
        if at >= 0 and state_ranges[at, 0] == order and state_ranges[at, 1] == end:
            state_ranges[before, 2], state_ranges[before, 3] = state_ranges[at, 2], state_ranges[at, 3]
            state_ranges[at, 3], registers[R_FREE] = registers[R_FREE], at
        return True
    if at >= 0 and state_ranges[at, 0] == order and state_ranges[at, 1] == end:
        state_ranges[at, 1] = start
        return True
    new = _take_slot(state_ranges, registers)
    if new < 0:
        return False
    state_ranges[new, 0], state_ranges[new, 1], state_ranges[new, 2], state_ranges[new, 3] = order, start, end, at
    if before >= 0:
        state_ranges[before, 3] = new
    else:
        heads[account, which] = new
    return True


def fill(state: State, rows: NDArray[np.int64]) -> bool:
    """Put many ranges on the sellable lists: rows of account, lot order, start, end. False where the pool is full."""
    state.make_room(len(rows), 0)
    return bool(_fill(rows, state.ranges, state.registers, state.heads, state.units))


@njit(cache=True, nogil=True)
def _fill(rows, ranges, registers, heads, units):
    for i in range(rows.shape[0]):
        account, start, end = rows[i, 0], rows[i, 2], rows[i, 3]
        if not add_range(ranges, registers, heads, account, 0, rows[i, 1], start, end):
            return False
        units[account] += end - start
    return True


@njit(cache=True, nogil=True)
def _take_slot(ranges, registers):
    if registers[R_FREE] >= 0:
        slot = registers[R_FREE]
        registers[R_FREE] = ranges[slot, 3]
        return slot
    if registers[R_RANGES] == ranges.shape[0]:
        return -1
    registers[R_RANGES] += 1
    return registers[R_RANGES] - 1


@njit(cache=True, nogil=True)
def _money(price, quantity):
    """price x quantity / 10^6, half to even; the product fits int64 (checked at entry)."""
    whole, rest = divmod(price * quantity, MICRO)
    return whole + (1 if 2 * rest > MICRO or (2 * rest == MICRO and whole % 2 == 1) else 0)


@njit(cache=True, nogil=True)
def _cover(price, quantity, settings):
    """Cash that covers an order however it is filled."""
    if quantity == 0:
        return 0
    cushion = quantity // settings[S_LOT] if settings[S_CUSHION] else 0
    return -((-price * quantity) // MICRO) + cushion


@njit(cache=True, nogil=True)
def _slot(index, orders, id):
    """Place of an id in the open-addressing index: its own, or the empty one where it would go."""
    mask = index.shape[0] - 1
    h = (id * np.int64(-7046029254386353131)) & np.int64(0x7FFFFFFFFFFFFFFF)
    at = (h >> 20) & mask
    while index[at] >= 0 and orders[index[at], 0] != id:
        at = (at + 1) & mask
    return at


@njit(cache=True, nogil=True)
def _check(m, settings, open_, accounts):  # noqa: PLR0911 - one return for each refusal
    """What is wrong with a new order by itself."""
    at = m.at
    if not (settings[S_OPEN1] <= at < settings[S_SHUT1] or settings[S_OPEN2] <= at < settings[S_SHUT2]):
        return SESSION
    if m.account < 0 or m.account >= accounts or not open_[m.account]:
        return ACCOUNT
    if m.side * m.side != 1 or m.type < LIMIT or m.type > FOK:
        return KIND
    if m.quantity <= 0 or m.price <= 0:
        return QUANTITY
    if m.price % settings[S_TICK]:
        return TICK
    if m.quantity % settings[S_LOT]:
        return LOT
    if m.quantity >= settings[S_BELOW]:
        return LARGE
    if m.price < settings[S_LOW] or m.price > settings[S_HIGH]:
        return BAND
    if m.quantity > LARGEST // m.price - MICRO:
        return OVERFLOW
    return OK


@njit(cache=True, nogil=True)
def _executable(m, level, orders, levels, registers):
    """How much of an order could trade now, and whether it would meet an order of its own account on the way."""
    found, own = 0, False
    at = registers[R_ASK] if m.side == 1 else registers[R_BID]
    while found < m.quantity and (
        (m.side == 1 and at <= level and at < levels.shape[0]) or (m.side == -1 and at >= level and at >= 0)
    ):
        o = levels[at, 0]
        while o >= 0 and found < m.quantity:
            if orders[o, 1] == m.account:
                own = True
            found += orders[o, 4]
            o = orders[o, 8]
        at += m.side
    return min(found, m.quantity), own


@njit(cache=True, nogil=True)
def _unlink(o, orders, levels, registers):
    """Take an order off its level; a best price that is used up moves on."""
    level, before, after = orders[o, 3], orders[o, 7], orders[o, 8]
    if before >= 0:
        orders[before, 8] = after
    else:
        levels[level, 0] = after
    if after >= 0:
        orders[after, 7] = before
    else:
        levels[level, 1] = before
    orders[o, 9] = 0
    registers[R_LIVE] -= 1
    if levels[level, 0] < 0:
        if orders[o, 2] == -1 and level == registers[R_ASK]:
            while registers[R_ASK] < levels.shape[0] and levels[registers[R_ASK], 0] < 0:
                registers[R_ASK] += 1
        if orders[o, 2] == 1 and level == registers[R_BID]:
            while registers[R_BID] >= 0 and levels[registers[R_BID], 0] < 0:
                registers[R_BID] -= 1


@njit(cache=True, nogil=True)
def _set_aside(o, account, quantity, orders, heads, ranges, registers):
    """Move the oldest sellable ranges of an account to an order's own list."""
    left, last = quantity, -1
    while left > 0:
        r = heads[account, 0]
        size = ranges[r, 2] - ranges[r, 1]
        if size <= left:
            heads[account, 0] = ranges[r, 3]
            part = r
        else:
            part = _take_slot(ranges, registers)
            ranges[part, 0], ranges[part, 1], ranges[part, 2] = ranges[r, 0], ranges[r, 1], ranges[r, 1] + left
            ranges[r, 1] += left
            size = left
        ranges[part, 3] = -1
        if last >= 0:
            ranges[last, 3] = part
        else:
            orders[o, 6] = part
        last, left = part, left - size


@njit(cache=True, nogil=True)
def _lay(ranges, registers, heads, account, order, start, end):
    """Put a range on top of what an account bought today: nobody takes from there before the next day, so it needs no order."""
    top = heads[account, 1]
    if top >= 0 and ranges[top, 0] == order and ranges[top, 2] == start:
        ranges[top, 2] = end
        return
    new = _take_slot(ranges, registers)
    ranges[new, 0], ranges[new, 1], ranges[new, 2], ranges[new, 3] = order, start, end, top
    heads[account, 1] = new


@njit(cache=True, nogil=True)
def _give(seller_order, buyer, quantity, tape, orders, heads, ranges, registers):
    """Move the first units of a sell order's ranges to the buyer's list of the day, and note them on the tape."""
    left = quantity
    while left > 0:
        r = orders[seller_order, 6]
        order, start = ranges[r, 0], ranges[r, 1]
        part = min(left, ranges[r, 2] - start)
        ranges[r, 1] += part
        if ranges[r, 1] == ranges[r, 2]:
            orders[seller_order, 6] = ranges[r, 3]
            ranges[r, 3], registers[R_FREE] = registers[R_FREE], r
        _lay(ranges, registers, heads, buyer, order, start, start + part)
        row = tape[registers[R_TAPE]]
        row.lot, row.start, row.end = order, start, start + part
        registers[R_TAPE] += 1
        left -= part


@njit(cache=True, nogil=True)
def _free_ranges(o, keep, orders, heads, ranges, registers):
    """Give an order's ranges beyond the first `keep` units back to its account."""
    account, left, r = orders[o, 1], keep, orders[o, 6]
    last = -1
    while r >= 0 and left > 0:
        size = ranges[r, 2] - ranges[r, 1]
        if size > left:
            order, start, end = ranges[r, 0], ranges[r, 1] + left, ranges[r, 2]
            ranges[r, 2] = start
            rest = ranges[r, 3]
            ranges[r, 3] = -1
            add_range(ranges, registers, heads, account, 0, order, start, end)
            last, r, left = r, rest, 0
            break
        left -= size
        last, r = r, ranges[r, 3]
    if last >= 0:
        ranges[last, 3] = -1
    else:
        orders[o, 6] = -1
    while r >= 0:
        following = ranges[r, 3]
        order, start, end = ranges[r, 0], ranges[r, 1], ranges[r, 2]
        ranges[r, 3], registers[R_FREE] = registers[R_FREE], r
        add_range(ranges, registers, heads, account, 0, order, start, end)
        r = following


@njit(cache=True, nogil=True)
def _settle(
    taker, maker, quantity, trades, tape, settings, registers, cash, held, units, units_held, heads, orders, ranges
):
    """One trade at the maker's price: units, cash, holds, tape."""
    seller, buyer = (maker, taker) if orders[maker, 2] == -1 else (taker, maker)
    price = settings[S_LOW] + orders[maker, 3] * settings[S_TICK]
    limit = settings[S_LOW] + orders[buyer, 3] * settings[S_TICK]
    money = _money(price, quantity)
    s, b = orders[seller, 1], orders[buyer, 1]
    row = trades[registers[R_TRADES]]
    row.taker, row.maker, row.seller, row.buyer = orders[taker, 0], orders[maker, 0], s, b
    row.price, row.quantity, row.money, row.first_range = price, quantity, money, registers[R_TAPE]
    _give(seller, b, quantity, tape, orders, heads, ranges, registers)
    row.ranges = registers[R_TAPE] - row.first_range
    registers[R_TRADES] += 1
    registers[R_VOLUME] += quantity
    units[s] -= quantity
    units_held[s] -= quantity
    units[b] += quantity
    orders[taker, 4] -= quantity
    orders[maker, 4] -= quantity
    cover = _cover(limit, orders[buyer, 4], settings)
    held[b] -= orders[buyer, 5] - cover
    orders[buyer, 5] = cover
    cash[b] -= money
    cash[s] += money


@njit(cache=True, nogil=True)
def _cancel(m, settings, registers, held, units_held, heads, orders, levels, index, ranges):
    """Cancel or reduce a resting order. Returns its code and what is left."""
    at = _slot(index, orders, m.id)
    o = index[at]
    if o < 0 or orders[o, 9] == 0:
        return UNKNOWN, 0
    if orders[o, 1] != m.account:
        return OPERATOR, orders[o, 4]
    keep = 0
    if m.kind == REDUCE:
        if m.quantity <= 0 or m.quantity % settings[S_LOT]:
            return QUANTITY, orders[o, 4]
        if m.quantity >= orders[o, 4]:
            return PLACE, orders[o, 4]
        keep = m.quantity
    if orders[o, 2] == 1:
        cover = _cover(settings[S_LOW] + orders[o, 3] * settings[S_TICK], keep, settings)
        held[m.account] -= orders[o, 5] - cover
        orders[o, 5] = cover
    else:
        units_held[m.account] -= orders[o, 4] - keep
        _free_ranges(o, keep, orders, heads, ranges, registers)
    orders[o, 4] = keep
    if keep == 0:
        _unlink(o, orders, levels, registers)
    return OK, keep


@njit(cache=True, nogil=True)
def _covered(m, cover, cash, held, heads, ranges):
    """Whether the account has the units or the cash that an order needs."""
    if m.side == 1:
        return OK if cash[m.account] - held[m.account] >= cover else CASH
    sellable, r = 0, heads[m.account, 0]
    while r >= 0 and sellable < m.quantity:
        sellable += ranges[r, 2] - ranges[r, 1]
        r = ranges[r, 3]
    return OK if sellable >= m.quantity else UNITS


@njit(cache=True, nogil=True)
def _rest(o, level, side, orders, levels, registers):
    """Put an order at the end of its level."""
    last = levels[level, 1]
    orders[o, 7], orders[o, 9] = last, 1
    registers[R_LIVE] += 1
    if last >= 0:
        orders[last, 8] = o
    else:
        levels[level, 0] = o
    levels[level, 1] = o
    if side == 1:
        registers[R_BID] = max(registers[R_BID], level)
    else:
        registers[R_ASK] = min(registers[R_ASK], level)


@njit(cache=True, nogil=True)
def _admit(m, settings, registers, cash, held, open_, heads, orders, levels, index, ranges):
    """Every check of a new order. Returns its code, its place in the index and what can trade at once."""
    code = KIND if m.kind != NEW else _check(m, settings, open_, cash.shape[0])
    if code != OK:
        return code, 0, 0
    at = _slot(index, orders, m.id)
    if index[at] >= 0:
        return DUPLICATE, at, 0
    if registers[R_ORDERS] == orders.shape[0]:
        return FULL, at, 0
    code = _covered(m, _cover(m.price, m.quantity, settings), cash, held, heads, ranges)
    if code != OK:
        return code, at, 0
    level = (m.price - settings[S_LOW]) // settings[S_TICK]
    executable, own = _executable(m, level, orders, levels, registers)
    if own:
        code = SELF
    elif m.type == FOK and executable < m.quantity:
        code = UNFILLED
    return code, at, executable


@njit(cache=True, nogil=True)
def _run(messages, acks, trades, tape, settings, registers, cash, held, units, units_held, open_, heads, orders, levels, index, ranges):  # fmt: skip
    for i in range(messages.shape[0]):
        m, ack = messages[i], acks[i]
        ack.id = m.id
        if m.kind == CANCEL or m.kind == REDUCE:  # noqa: PLR1714 - compiled
            ack.code, ack.left = _cancel(m, settings, registers, held, units_held, heads, orders, levels, index, ranges)
            continue
        code, at, executable = _admit(m, settings, registers, cash, held, open_, heads, orders, levels, index, ranges)
        ack.code = code
        if code != OK:
            continue
        o = registers[R_ORDERS]
        registers[R_ORDERS] += 1
        index[at] = o
        level = (m.price - settings[S_LOW]) // settings[S_TICK]
        orders[o, 0], orders[o, 1], orders[o, 2], orders[o, 3], orders[o, 4] = (
            m.id,
            m.account,
            m.side,
            level,
            m.quantity,
        )
        orders[o, 5], orders[o, 6], orders[o, 7], orders[o, 8], orders[o, 9] = 0, -1, -1, -1, 0
        if m.side == -1:
            units_held[m.account] += m.quantity
            _set_aside(o, m.account, m.quantity, orders, heads, ranges, registers)
        else:
            orders[o, 5] = _cover(m.price, m.quantity, settings)
            held[m.account] += orders[o, 5]
        done = 0
        while done < executable:
            maker = levels[registers[R_ASK] if m.side == 1 else registers[R_BID], 0]
            part = min(executable - done, orders[maker, 4])
            _settle(
                o, maker, part, trades, tape, settings, registers, cash, held, units, units_held, heads, orders, ranges
            )
            done += part
            ack.trades += 1
            if orders[maker, 4] == 0:
                _unlink(maker, orders, levels, registers)
        left = orders[o, 4]
        if left > 0 and m.type == LIMIT:
            _rest(o, level, m.side, orders, levels, registers)
        elif left > 0:
            held[m.account] -= orders[o, 5]
            orders[o, 5] = 0
            if m.side == -1:
                units_held[m.account] -= left
                _free_ranges(o, 0, orders, heads, ranges, registers)
            orders[o, 4] = left = 0
        ack.filled, ack.left = done, left
