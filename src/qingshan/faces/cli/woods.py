"""Verbs of the group forest that keep and seal inventories: load, run."""

from __future__ import annotations

import argparse
from pathlib import Path

from qingshan.accounts.cells import Fact
from qingshan.accounts.inventory import ForestRun, InventorySettings, load_inventory, seal_inventories
from qingshan.publish.words import gravest_first
from qingshan.zone.zone import Zone, open_zone

from .forest import confidence_of, groups
from .show import emit, figure, said_labels, unit_said

SHOWN = ("area", "volume", "carbon", "co2")
CHANGES = {
    "paired": ("变化（同一批样地）", "change, same plots:"),
    "paired_regression": ("变化（两重样本同一批样地）", "change, same plots of both phases:"),
    "independent": ("变化（两批样地）", "change, two samples:"),
}


def load(arguments: argparse.Namespace) -> int:
    """Keep an inventory for a zone; with any error nothing is kept."""
    zone = open_zone(arguments.zone)
    settings = InventorySettings(
        id=arguments.id or f"plots{arguments.period}", period=arguments.period, place=zone.place(arguments.place).code if arguments.place else "",
        zh=f"{arguments.period} 年森林调查", en=f"forest inventory of {arguments.period}", source=arguments.source,
        quantity=arguments.quantity, sets=_listed(arguments.sets), volume_sets=_listed(arguments.volume_sets),
        groups=groups(arguments.groups), volume_groups=groups(arguments.volume_groups), allow_default=arguments.allow_default,
        allow_unit_assumed=arguments.allow_unit_assumed,
        carbon_set=arguments.carbon_fraction, by=_listed(arguments.by), place_column=arguments.place_column,
        estimator=arguments.estimator, auxiliary=arguments.auxiliary, confidence=confidence_of(arguments.confidence),
        draws=arguments.draws, seed=arguments.seed,
        deduction=arguments.deduction, synthetic=arguments.synthetic,
    )  # fmt: skip
    kept, inventory = load_inventory(zone, Path(arguments.folder), settings)
    plots, trees = len(inventory.plots.stratum), len(inventory.trees.plot)
    if arguments.json:
        emit(
            {
                "inventory": kept.record(),
                "plots": plots,
                "trees": trees,
                "findings": [f.record() for f in inventory.findings],
            }
        )
        return 0
    for finding in inventory.findings:
        print(finding.sentence(arguments.lang))
    if arguments.lang == "zh":
        print(f"{zone.name_zh}：{kept.id} 已载入，样地 {plots:,} 个，样木 {trees:,} 株")
        print(f"下一步：`qingshan forest run --zone {arguments.zone or zone.id}`")
    else:
        print(f"{zone.id}: {kept.id} loaded, {plots:,} plots, {trees:,} trees")
        print(f"next: `qingshan forest run --zone {arguments.zone or zone.id}`")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Seal the estimates of a zone's inventories and print the head figures."""
    zone = open_zone(arguments.zone)
    done = seal_inventories(zone)
    if arguments.json:
        emit(
            {
                "run": done.id,
                "path": str(done.path),
                "facts": len(done.facts),
                "inventories": [s.record() for s in done.inventories],
            }
        )
        return 0
    tell(done, zone, arguments.lang)
    return 0


def tell(done: ForestRun, zone: Zone, lang: str) -> None:
    """The head figures of each inventory, one a line."""
    zh = lang == "zh"
    labels = said_labels(gravest_first({label for f in done.facts for label in f.labels}), lang)
    print(f"{done.id}  [{labels}]  " + (f"数据 {len(done.facts)} 条" if zh else f"{len(done.facts)} facts"))
    for settings in done.inventories:
        place = settings.place or zone.root
        print(f"  {settings.id} {settings.period} {zone.places[place].name(lang)}")
        for word in SHOWN:
            for fact in done.select(f"inventory.{word}", place, "", settings.period):
                print("    " + _line(done, fact, lang))
    changes = [
        f for f in done.facts if f.role == "change" and not f.cls and f.quantity.removeprefix("inventory.") in SHOWN
    ]
    heads = {settings.place or zone.root for settings in done.inventories}
    for fact in (f for f in changes if f.place in heads):
        how = done.nodes[fact.key].notes["estimator"]
        print(
            f"  {fact.period} {zone.places[fact.place].name(lang)} {CHANGES[how][0 if zh else 1]} {_line(done, fact, lang)}"
        )


def _line(done: ForestRun, fact: Fact, lang: str) -> str:
    """A figure with its interval, or why it is refused."""
    name = done.names(fact.quantity)[0 if lang == "zh" else 1]
    if fact.value is None or fact.range is None:
        why = fact.refusal and (fact.refusal.zh if lang == "zh" else fact.refusal.en)
        return f"{name}: {'拒算' if lang == 'zh' else 'refused'} - {why or ''}"
    note = done.nodes[fact.key].notes
    reach = f"{figure(fact.range[0])} .. {figure(fact.range[1])}, {note['confidence']:.0%}, df {note['df']}"
    return f"{name}: {figure(fact.value)} {unit_said(fact.unit, lang)} ({reach})"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
