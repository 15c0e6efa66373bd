"""Verbs of the group forest: estimate."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from qingshan.observe.allometry import Rule
from qingshan.observe.carbon import ForestEstimate, Uncertain, forest_estimate
from qingshan.observe.equation import Equation, own_equations
from qingshan.observe.estimate import Estimate
from qingshan.observe.inventory import read_inventory
from qingshan.publish.words import Words, gravest_first

from .problem import WrongCall
from .show import columns, emit, figure, said_labels, unit_said

NAMES = {
    "area": ("森林面积", "forest area"),
    "trees": ("活立木株数（估计）", "live trees, estimated"),
    "biomass": ("生物量", "biomass"),
    "biomass_per_area": ("生物量密度", "biomass per area"),
    "volume": ("蓄积", "growing stock"),
    "volume_per_area": ("单位面积蓄积", "growing stock per area"),
    "carbon": ("碳储量", "carbon"),
    "co2": ("碳储量（二氧化碳）", "carbon as CO2"),
}
BIOMASS = ("biomass", "biomass_per_area", "carbon", "co2")
OF_TREES = {"agb": ("地上", "above-ground "), "bgb": ("地下", "below-ground "), "total": ("全株", "whole-tree ")}
SOURCES = {
    "allometry": ("生物量方程", "allometry"),
    "measurement": ("胸径与树高测量", "measurement"),
    "carbon_fraction": ("含碳率", "carbon fraction"),
    "area": ("面积", "area"),
    "sampling": ("抽样", "sampling"),
    "interplay": ("相互作用", "interplay"),
}
ESTIMATORS = {
    "post_stratified": ("按估计单元后分层", "post-stratified with estimation units"),
    "stratified": ("分层抽样", "stratified sample"),
    "simple": ("简单随机抽样", "simple random sample"),
    "systematic": ("系统格网，逐差法", "systematic grid, successive differences"),
    "double_sampling": ("双重抽样回归", "double sampling with regression"),
}
LISTED = 30


def estimate(arguments: argparse.Namespace) -> int:
    """Estimate area, trees, biomass and carbon from the tables of a folder, with their errors."""
    confidence = confidence_of(arguments.confidence)
    uncertain = Uncertain(
        fraction(arguments.equation_error, "--equation-error"), fraction(arguments.diameter_error, "--diameter-error"),
        fraction(arguments.height_error, "--height-error"), fraction(arguments.carbon_fraction_error, "--carbon-fraction-error"),
    )  # fmt: skip
    rule = Rule(
        tuple(s for s in arguments.sets.split(",") if s), groups(arguments.groups), default=arguments.allow_default,
        unit_assumed=arguments.allow_unit_assumed,
    )  # fmt: skip
    result = forest_estimate(
        read_inventory(Path(arguments.folder)), rule, quantity=arguments.quantity, carbon_set=arguments.carbon_fraction,
        by=arguments.by, confidence=confidence, deduction=arguments.deduction, draws=arguments.draws, seed=arguments.seed,
        uncertain=uncertain, equations=equations_of(arguments.equations, Path(arguments.folder)), grid=arguments.grid,
        estimator=arguments.estimator, auxiliary=arguments.auxiliary,
    )  # fmt: skip
    if arguments.json:
        emit(result.record(confidence))
    else:
        _print(result, arguments.quantity, arguments.lang, confidence)
    return 0


def confidence_of(text: str) -> float:
    """A confidence of 0.5 to 0.999; `95` and `95%` are read as 0.95."""
    share = text.strip().removesuffix("%").strip()
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if value > 1:
        value = value / 100
    if not 0.5 <= value <= 0.999:
        raise WrongCall(
            f"--confidence is {text!r}, must be 0.5 to 0.999.", f"--confidence 为 {text!r}，应在 0.5 到 0.999 之间。",
            fix="give it as a share, such as 0.95 / 写比例，如 0.95",
        )  # fmt: skip
    return value


def fraction(text: str, name: str, low: float = 0.0, high: float = 1.0) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise WrongCall(
            f"{name} is {text!r}, must be {low:g} to {high:g}.", f"{name} 为 {text!r}，应在 {low:g} 到 {high:g} 之间。",
            fix="give a share such as 0.05 / 写比例，如 0.05",
        )  # fmt: skip
    return value


def groups(path: str) -> dict[str, str]:
    """The map of taxa to groups: a CSV with the columns taxon and group."""
    if not path:
        return {}
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"taxon", "group"} <= set(reader.fieldnames or ()):
            raise WrongCall(
                f"{path} has no columns taxon and group.",
                f"{path} 没有 taxon、group 两列。",
                fix="write taxon,group / 表头写 taxon,group",
            )
        return {row["taxon"]: row["group"] for row in reader}


def equations_of(path: str, folder: Path) -> Sequence[Equation] | None:
    """The shipped equations with those of a user's table, or of the folder's, before them."""
    if path and not Path(path).is_file():
        raise WrongCall(f"there is no file {path}.", f"没有文件 {path}。", fix="name a CSV / 给出 CSV 文件")
    return own_equations(Path(path) if path else folder / "equations.csv")


def _print(result: ForestEstimate, quantity: str, lang: str, confidence: float) -> None:
    zh = lang == "zh"
    at = 0 if zh else 1
    for finding in result.findings[:LISTED]:
        print(finding.sentence(lang))
    print(f"{ESTIMATORS[result.estimator][at]}  [{said_labels(gravest_first(result.labels), lang)}]")
    head = ("", "估计值", "单位", "标准误", "标准误 %", f"{confidence:.0%} 区间", "自由度") if zh else (
        "", "estimate", "unit", "se", "se %", f"{confidence:.0%} interval", "df")  # fmt: skip
    rows = [head]
    for f in result.figures:
        e = f.estimate
        low, high = e.interval
        part = OF_TREES[quantity][at] if f.variable in BIOMASS else ""
        name = part + NAMES[f.variable][at] + (f" [{f.domain}]" if f.domain else "")
        share = f"{e.relative_se * 100:.2f}" if e.value else "-"
        rows.append(
            (
                name,
                figure(e.value),
                unit_said(e.unit, lang),
                figure(_se(e), 4),
                share,
                f"{figure(low)} .. {figure(high)}",
                str(e.df),
            )
        )
    widths = [max(columns(r[i]) for r in rows) for i in range(len(head))]
    for r in rows:
        print("  ".join(cell + " " * (w - columns(cell)) for cell, w in zip(r, widths, strict=True)).rstrip())
    colon, comma, error = ("：", "，", "标准误") if zh else (": ", ", ", "se")
    for f in result.grid:
        low, high = f.estimate.interval
        said = "系统格网" if zh else "systematic grid"
        print(
            f"{said}{colon}{NAMES[f.variable][at]} {figure(f.estimate.value)} {unit_said(f.estimate.unit, lang)}, "
            f"{error} {figure(f.estimate.se, 4)}, {figure(low)} .. {figure(high)}"
        )
    words = Words(lang)

    def status(word: str) -> str:
        return words.maybe(f"status.{word}", word)

    for equation, n in result.equations[:LISTED]:
        assumed = () if equation.unit_printed else ("单位推断" if zh else "unit assumed",)
        told = (
            f"{n:,} {'株样木' if zh else 'sampled trees'}",
            status(equation.status),
            equation.source_title,
            *assumed,
        )
        print(f"{equation.id}{colon}{comma.join(told)}")
    if result.deduction is not None:
        d = result.deduction
        said = "不确定性扣减后" if zh else "after deduction for uncertainty"
        print(f"{d.step.rule}{colon}{said} {figure(d.value)} t CO2 (-{d.share:.2%})")
    if result.simulation is not None:
        s = result.simulation
        low, high = s.interval(confidence)
        drawn = f"蒙特卡洛 {len(s.totals):,} 次" if zh else f"Monte Carlo, {len(s.totals):,} draws"
        reach = f"{confidence:.0%} {'区间' if zh else 'interval'} {figure(low)} .. {figure(high)}"
        print(f"{drawn}{colon}{comma.join((f'{figure(s.mean)} t CO2', f'{error} {figure(s.se, 4)}', reach))}")
        shares = comma.join(f"{SOURCES[k][at]} {v:.1%}" for k, v in s.shares.items())
        print(f"  {'方差份额' if zh else 'shares of variance'}{colon}{shares}")


def _se(e: Estimate) -> float:
    """The standard error; 0 where it is what rounding left of nothing."""
    return 0.0 if e.se <= 1e-12 * abs(e.value) else e.se
