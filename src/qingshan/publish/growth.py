"""Change between two accounts: defined only inside one profile, one parameter set and one price base (gep.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from qingshan.accounts.figure import Node
from qingshan.accounts.run import Fact, Run
from qingshan.core.errors import RefusedRelease, UnitError

from .release import pedigree

MONEY = "元"


@dataclass(frozen=True, slots=True)
class Growth:
    """From `earlier` to `later`: difference in `unit`, `ratio` = later/earlier (None where the earlier figure is zero)."""

    earlier: Fact
    later: Fact
    change: float
    ratio: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which two accounts are not comparable."""

    kind: str  # profile | parameter_set | price_base | method | services
    zh: str
    en: str


def growth(
    run_a: Run, run_b: Run, quantity: str, place: str, *, period_a: str | None = None, period_b: str | None = None,
    cls: str = "", basis: str = "",
) -> Growth:  # fmt: skip
    """Change of a figure from `run_a` to `run_b` (one run with two periods is allowed).

    Raises `RefusedRelease` naming every difference of profile, parameter set, price base, method or service set, and where
    either figure is refused or an interval; `UnknownName` where a run has no such cell.
    """
    a = run_a.fact(quantity, place, period_a, cls, basis)
    b = run_b.fact(quantity, place, period_b, cls, basis)
    if found := differences(run_a, run_b, a, b):
        raise _refused(found)
    if a.value is None or b.value is None:
        raise _refused(
            [
                Difference(
                    "figure", "两期数值须都已算出且不是区间。", "both figures must be given, and not as intervals."
                )
            ]
        )
    if a.unit != b.unit:
        raise UnitError(f"{a.unit!r} and {b.unit!r} differ.", f"单位不同：{a.unit}、{b.unit}。")
    return Growth(a, b, b.value - a.value, b.value / a.value if a.value else None, a.unit)


def _refused(found: list[Difference]) -> RefusedRelease:
    return RefusedRelease(
        "no change is given: " + " ".join(d.en for d in found), "不给出增减：" + "".join(d.zh for d in found),
        reasons=[f"{d.en} / {d.zh}" for d in found], fix="recompute both years under one profile, parameter set and price base"
        " / 两期按同一口径、参数组和价格基期重算",
    )  # fmt: skip


def differences(run_a: Run, run_b: Run, a: Fact, b: Fact) -> list[Difference]:
    """Every reason why `a` and `b` cannot be compared; empty where they can."""
    found = []
    if run_a.manifest["profile_key"] != run_b.manifest["profile_key"]:
        names = (_profile(run_a), _profile(run_b))
        found.append(
            Difference(
                "profile",
                f"核算口径不同：{names[0]} 与 {names[1]}。",
                f"the profiles differ: {names[0]} and {names[1]}.",
            )
        )
    nodes_a, nodes_b = pedigree(run_a, [a]), pedigree(run_b, [b])
    found += _methods(nodes_a, nodes_b) + _rows(nodes_a, nodes_b)
    gone_a, gone_b = ({f.removeprefix("missing:") for f in fact.flags if f.startswith("missing:")} for fact in (a, b))
    if gone_a != gone_b:
        odd = ", ".join(sorted(gone_a ^ gone_b))
        found.append(Difference("services", f"两期算出的服务不同：{odd}。", f"the sets of services differ: {odd}."))
    return found


def _profile(run: Run) -> str:
    return f"{run.profile.id} ({run.manifest['profile_key'][:12]})"


def _methods(nodes_a: list[Node], nodes_b: list[Node]) -> list[Difference]:
    used_a, used_b = ({n.method: n.code for n in nodes if n.method} for nodes in (nodes_a, nodes_b))
    odd = sorted(m for m in set(used_a) & set(used_b) if used_a[m] != used_b[m]) + sorted(set(used_a) ^ set(used_b))
    return [Difference("method", f"方法不同：{m}。", f"the methods differ: {m}.") for m in odd]


def _rows(nodes_a: list[Node], nodes_b: list[Node]) -> list[Difference]:
    """Parameters whose sets, or rows of one class, differ. A class that only one year has is no difference."""
    rows_a, rows_b = _parameters(nodes_a), _parameters(nodes_b)
    found = []
    for name in sorted(set(rows_a) & set(rows_b)):
        sets_a, sets_b = (
            {str(row["set"] or row["edition"]) for row in rows[name].values()} for rows in (rows_a, rows_b)
        )
        if sets_a != sets_b:
            shown = (", ".join(sorted(sets_a)), ", ".join(sorted(sets_b)))
            found.append(Difference("parameter_set", f"参数组不同：{name} 为 {shown[0]} 与 {shown[1]}。",
                                    f"the parameter sets of {name} differ: {shown[0]} and {shown[1]}."))  # fmt: skip
            continue
        for cls in sorted(set(rows_a[name]) & set(rows_b[name])):
            left, right = rows_a[name][cls], rows_b[name][cls]
            if left["key"] != right["key"]:
                found.append(_row_difference(name, cls, left, right))
    return found


def _row_difference(name: str, cls: str, left: dict[str, object], right: dict[str, object]) -> Difference:
    shown = [f"{r['value']} {r['unit']}" + (f" ({r['year']})" if r["year"] else "") for r in (left, right)]
    label = f"{name}[{cls}]" if cls else name
    if str(left["unit"]).startswith(MONEY):
        return Difference("price_base", f"价格基准不同：{label} 为 {shown[0]} 与 {shown[1]}。",
                          f"the price bases of {label} differ: {shown[0]} and {shown[1]}.")  # fmt: skip
    return Difference("parameter_set", f"参数取值不同：{label} 为 {shown[0]} 与 {shown[1]}。",
                      f"the parameter rows of {label} differ: {shown[0]} and {shown[1]}.")  # fmt: skip


def _parameters(nodes: list[Node]) -> dict[str, dict[str, dict[str, object]]]:
    """parameter -> class -> row."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for node in nodes:
        if node.kind == "parameter" and node.row:
            found.setdefault(node.quantity, {})[str(node.row.get("cls", ""))] = node.row
    return found
