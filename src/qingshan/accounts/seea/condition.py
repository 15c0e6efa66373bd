"""Tables 5.2 (variables), 5.3 (indicators) and 5.4 (index) of the condition account, from a sealed run of the account `condition`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from qingshan.core.errors import DeclarationError, UnknownName

from ..balance import Head, Table, fraction
from ..condition import ConditionAccount, Means, condition_account, condition_variables, references_of, weights_of
from ..conditioned import CONDITION, INDEX, INDICATOR, MEAN
from ..run import Run
from .heads import class_heads, labels_of


def condition(run: Run, period: str = "", set: str | None = None, places: Sequence[str] = ()) -> ConditionAccount:
    """Tables 5.2 to 5.6 of the leaf places, or of `places`, from a sealed run of the raster account `condition`.

    Raises `DeclarationError` where the run is of another account, `UnknownName` where there is no period before.
    """
    if run.profile.id != CONDITION:
        raise DeclarationError(
            f"{run.id} is no run of the account {CONDITION!r}.", f"{run.id} 不是账户 {CONDITION} 的核算。",
            fix=f"`qingshan run {CONDITION}` / 先运行 `qingshan run {CONDITION}`",
        )  # fmt: skip
    zone = run.zone
    period, order = period or run.default_period, [str(p) for p in run.manifest["periods"]]
    if period not in order or order.index(period) == 0:
        raise UnknownName(f"{run.id} has no period before {period}.", f"{run.id} 没有早于 {period} 的时期。")
    both = (order[order.index(period) - 1], period)
    codes, names = list(places) or zone.leaves(zone.root), list(run.classes)
    variables = [v for v in condition_variables() if all(_measured(run, v.id, p) for p in both)]
    before, after = ({v.id: _means(run, v.id, p, codes, names) for v in variables} for p in both)
    return condition_account(
        variables, before, after, references_of(run.parameters, variables, names, set), weights_of(run.parameters, variables, names, set),
        places=codes, classes=names,
    )  # fmt: skip


def _measured(run: Run, variable: str, period: str) -> bool:
    """True where any class of any place has a value of the variable."""
    return any(f.value for f in run.facts if f.quantity == f"condition.known.{variable}" and f.period == period)


def _means(run: Run, variable: str, period: str, places: Sequence[str], classes: Sequence[str]) -> Means:
    """Means by place and class from the sealed sums; a class without a value is NaN."""
    shape = (len(places), len(classes))
    total, known, area = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for cells, quantity in (
        (total, f"condition.sum.{variable}"), (known, f"condition.known.{variable}"), (area, "condition.class_area"),
    ):  # fmt: skip
        here = [f for f in run.facts if (f.quantity, f.period) == (quantity, period) and f.value is not None]
        for fact in here:
            if fact.cls in classes and fact.place in places:
                cells[places.index(fact.place), classes.index(fact.cls)] = fact.value or 0.0
    return Means(total / np.where(known > 0, known, np.nan), known / 1e4, area / 1e4)


def condition_tables(run: Run, place: str, period: str) -> dict[str, Table]:
    """5.2 (variables), 5.3 (indicators) and 5.4 (index) of one place; empty where the run has no period before."""
    order = [str(p) for p in run.manifest["periods"]]
    if period not in order or order.index(period) == 0:
        return {}
    account = condition(run, period, places=[place])
    columns = tuple(h for h in class_heads(run) if any(e.cls == h.id for e in account.entries))
    notes, labels = tuple(account.findings({h.id: (h.zh, h.en) for h in columns})), labels_of(run)
    variables = list({e.variable.id: e.variable for e in account.entries}.values())
    cells = _sealed(run, place, {order[order.index(period) - 1]: "opening", period: "closing"})
    index = Head("index", "状况指数", "condition index")
    of = [Head(v.id, v.zh, v.en) for v in variables]
    made = [
        ("5.2", "生态系统状况变量账户", "ecosystem condition variable account", _moments(of, ("opening", "closing", "change")),
         {f"{v.id}.{m}": v.unit for v in variables for m in MOMENTS}),
        ("5.3", "生态系统状况指标账户", "ecosystem condition indicator account", _moments(of, ("opening", "closing")), {}),
        ("5.4", "生态系统状况指数", "ecosystem condition index", _moments([index], ("opening", "closing", "change")), {}),
    ]  # fmt: skip
    return {
        id: Table(id, zh, en, "" if units else "1", rows, columns, cells[id], labels, notes, units)
        for id, zh, en, rows, units in made
        if cells[id]
    }


MOMENTS = {"opening": ("期初", "opening"), "closing": ("期末", "closing"), "change": ("变化", "change")}


def _moments(heads: Sequence[Head], moments: Sequence[str]) -> tuple[Head, ...]:
    return tuple(
        Head(f"{h.id}.{m}", f"{h.zh}，{MOMENTS[m][0]}", f"{h.en}, {MOMENTS[m][1]}") for h in heads for m in moments
    )


def _sealed(run: Run, place: str, moments: Mapping[str, str]) -> dict[str, dict[tuple[str, str], Fraction]]:
    """Cells of 5.2, 5.3 and 5.4 as sealed; a change is closing less opening, exactly."""
    cells: dict[str, dict[tuple[str, str], Fraction]] = {"5.2": {}, "5.3": {}, "5.4": {}}
    stems = {f"{MEAN}.": "5.2", f"{INDICATOR}.": "5.3"}
    for f in run.facts:
        if f.place != place or f.period not in moments or not f.cls or f.value is None:
            continue
        id = next(
            (id for stem, id in stems.items() if f.quantity.startswith(stem)), "5.4" if f.quantity == INDEX else ""
        )
        if id:
            name = "index" if id == "5.4" else f.quantity.removeprefix(next(s for s, i in stems.items() if i == id))
            cells[id][f"{name}.{moments[f.period]}", f.cls] = fraction(f.value)
    for id in ("5.2", "5.4"):
        for row, cls in list(cells[id]):
            name, _, moment = row.rpartition(".")
            if moment == "closing" and (f"{name}.opening", cls) in cells[id]:
                cells[id][f"{name}.change", cls] = cells[id][row, cls] - cells[id][f"{name}.opening", cls]
    return cells
