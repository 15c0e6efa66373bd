"""Whose load it is: facilities, non-point accounts and what comes from upstream, against the load measured; the residual
is shown, never shared out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...core.errors import OutOfBounds
from ...core.limit import LimitRow
from ...core.rounding import Exact
from ..evaluate.verdict import worst_status
from .load import unmeasured
from .river import River

KIND_ZH = {"facility": "点源", "non_point": "面源", "upstream": "上游来量", "background": "背景"}
KINDS = tuple(KIND_ZH)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a section's own catchment: its load at the section (t a year, delivered), how it was had, status. A source that is not
    a point has no outlet to measure at: its load is `estimated`, as is one of a coefficient."""

    id: str
    section: str
    kind: str
    tonnes: Exact
    method: str
    status: str = "project"
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The load of a section (t a year) by its concentrations, how the flow was had, status."""

    tonnes: Exact
    method: str = "section load"
    status: str = "project"

    @property
    def estimated(self) -> bool:
        """The flow was not measured (`FLOW_METHODS`): the load is an estimate, as `annual_load` says of it."""
        return unmeasured(self.method)


@dataclass(frozen=True, slots=True)
class Share:
    """One line: tonnes and percent of the measured load; `guessed` where its own tonnes were not measured, `estimated` where they or the load
    it is a percentage of were not."""

    id: str
    kind: str
    tonnes: Fraction
    percent: Fraction
    method: str
    status: str
    estimated: bool
    guessed: bool = False


@dataclass(frozen=True)
class Balance:
    """Sources of a section against its measured load. `residual` is measured less explained (t): positive is load that no
    account explains, negative is load that did not arrive (retention, or an account too high)."""

    section: str
    measured: Fraction
    shares: tuple[Share, ...]
    residual: Fraction
    residual_percent: Fraction
    status: str
    estimated: bool = False

    @property
    def explained(self) -> Fraction:
        return self.measured - self.residual


def source_shares(section: str, sources: Sequence[Source], graph: River, loads: Mapping[str, Measured]) -> Balance:
    """Shares of a section's load of the section's own sources and of the sections directly above it.

    `loads` holds measured loads of sections; an upstream section without one is an error: its water arrives all the same. Retention on
    the way is not assumed: it stands in the residual. A percentage is of the section's load, so each share and the residual bear the
    weakest status of all they stand on, and is an estimate where any of it is. Raises `OutOfBounds`.
    """
    own, load = [s for s in sources if s.section == section], loads[section]
    if len({s.id for s in own}) != len(own) or load.tonnes <= 0:
        raise OutOfBounds(
            f"{section}: a source stands twice, or the load is not above 0.", f"{section}：来源重复，或通量不大于 0。"
        )
    if bad := [s.id for s in own if s.kind not in KINDS or s.tonnes < 0]:
        raise OutOfBounds(
            f"{section}: kind or mass of {bad}.",
            f"{section}：{bad} 的类别或质量有误。",
            fix=f"{', '.join(KINDS)}; 0 and more",
        )
    above = graph.above(section)
    if lacking := [a for a in above if a not in loads]:
        raise OutOfBounds(f"{section}: no load of {lacking} upstream.", f"{section}：缺上游 {lacking} 的通量。")
    whole = Fraction(load.tonnes)
    lines = [(s.id, s.kind, Fraction(s.tonnes), s.method, s.status, s.estimated) for s in own]
    lines += [
        (a, "upstream", Fraction(loads[a].tonnes), loads[a].method, loads[a].status, loads[a].estimated) for a in above
    ]
    shares = tuple(
        Share(
            id,
            kind,
            tonnes,
            tonnes / whole * 100,
            method,
            worst_status((status, load.status)),
            guessed or load.estimated,
            guessed,
        )
        for id, kind, tonnes, method, status, guessed in sorted(lines, key=lambda line: (-line[2], line[0]))
    )
    residual = whole - sum((s.tonnes for s in shares), Fraction())
    status = worst_status((load.status, *(s.status for s in shares)))
    estimated = load.estimated or any(s.estimated for s in shares)
    return Balance(section, whole, shares, residual, residual / whole * 100, status, estimated)


def export_load(row: LimitRow, area_hm2: Exact, delivery: LimitRow | None = None) -> Fraction:
    """Load (t a year) of an area by an export coefficient row (kg/(hm2 a)), times a delivery ratio where one is given.

    The caller chooses rows of a place that is comparable: those that ship are not Guizhou's. Raises `OutOfBounds` for
    a row of another unit.
    """
    if (
        row.value is None
        or row.unit != "kg/(hm2 a)"
        or (delivery is not None and (delivery.value is None or delivery.unit != "1"))
    ):
        raise OutOfBounds(f"{row.where} is no export coefficient.", f"{row.where} 不是输出系数。")
    ratio = Fraction(delivery.value or 0) if delivery is not None else Fraction(1)
    return Fraction(row.value) * Fraction(area_hm2) / 1000 * ratio
