"""Verbs of stand projections: project, demo-stands."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from pathlib import Path

from qingshan.accounts.stand.folder import read_stands
from qingshan.accounts.stand.scenario import Outcome, load_scenarios, project_scenarios
from qingshan.accounts.stand.synthetic import write_demo_stands
from qingshan.core.canonical import write_atomic
from qingshan.publish.words import gravest_first

from .problem import WrongCall
from .show import columns, emit, said_labels, unit_said

STEPS = 8


def project(arguments: argparse.Namespace) -> int:
    """Project the stands of a folder under each scenario beside the baseline: carbon, volume and cost by year."""
    stands = read_stands(Path(arguments.folder))
    names = [s for s in arguments.scenarios.split(",") if s]
    years = arguments.years or None
    if years is not None and years > 1000:
        raise WrongCall(f"--years is {years}.", f"--years 为 {years}。", fix="1 to 1000 / 1 至 1000")
    outcomes = project_scenarios(stands, names, years)
    rows = [row for o in outcomes for row in o.rows()]
    if arguments.out:
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomic(Path(arguments.out), stream.getvalue().encode())
    if arguments.json:
        emit(
            {
                "synthetic": stands.synthetic,
                "histories": stands.keys,
                "scenarios": [_plain(o) for o in outcomes],
                "rows": rows,
            }
        )
        return 0
    for o in outcomes:
        _print(o, arguments.lang == "zh")
    if arguments.out:
        print(f"逐年各列写入 {arguments.out}" if arguments.lang == "zh" else f"every year and column: {arguments.out}")
    return 0


def _plain(o: Outcome) -> dict[str, object]:
    return {"id": o.id, "zh": o.zh, "en": o.en, "labels": list(o.labels), "additional_tco2": float(o.additional[-1]), "spent_yuan": float(o.spent[-1]),
            "yuan_per_tco2": o.cost_per_tonne, "areas_hm2": {k: [float(x) for x in v] for k, v in o.areas.items()},
            "findings": [f.record() for f in o.findings]}  # fmt: skip


def _print(o: Outcome, zh: bool) -> None:
    """A scenario's years, at most a few of them, and what it comes to."""
    print(f"{o.zh if zh else o.en}  [{said_labels(gravest_first(o.labels), 'zh' if zh else 'en')}]")
    head = ("年", "林地碳 t C", "蓄积 m3", "采伐 t C", "投资 元", "比基线 t CO2") if zh else (
        "year", "carbon t C", "volume m3", "harvest t C", "cost yuan", "over baseline t CO2")  # fmt: skip
    rows = o.rows()
    step = max(1, (len(rows) - 1) // STEPS)
    print("  " + "  ".join(" " * (14 - columns(h)) + h for h in head))
    for row in [*rows[:-1:step], rows[-1]]:
        cells = [
            f"{row['year']}",
            *(f"{row[k]:,.0f}" for k in ("carbon_t", "volume_m3", "harvest_t", "cost_yuan", "additional_tco2")),
        ]
        print("  " + "  ".join(c.rjust(14) for c in cells))
    if o.cost_per_tonne is not None:
        print(
            f"  {'每多存一吨' if zh else 'per additional tonne'}: {o.cost_per_tonne:,.0f} {'元' if zh else 'yuan'}/t CO2"
        )
    for f in o.findings[:STEPS]:
        print(f"  {f.sentence('zh' if zh else 'en')}")


def scenarios(arguments: argparse.Namespace) -> int:
    """List the declared scenarios with the slots that a user fills."""
    known = load_scenarios()
    if arguments.json:
        emit(
            [{"id": s.id, "zh": s.zh, "en": s.en, "slots": [dict(x) for x in s.slots.values()]} for s in known.values()]
        )
        return 0
    zh = arguments.lang == "zh"
    for s in known.values():
        print(f"{s.id}  {s.zh if zh else s.en}\n  {s.note_zh if zh else s.note_en}")
        for slot in s.slots.values():
            print(f"    {slot['id']}  {slot['zh' if zh else 'en']}  {_kind(slot, arguments.lang)}")
    return 0


def _kind(slot: Mapping[str, str], lang: str) -> str:
    """What fills a slot: its unit, or text."""
    unit = unit_said(slot["unit"] or slot["kind"], lang)
    return (
        {"text": "文字", "a": "年", "hm2/a": "hm2/年"}.get(unit, unit)
        if lang == "zh"
        else {"a": "year", "hm2/a": "hm2 a year"}.get(unit, unit)
    )


def demo(arguments: argparse.Namespace) -> int:
    """Write a synthetic set of stands into a new folder."""
    write_demo_stands(Path(arguments.folder), seed=arguments.seed)
    if arguments.json:
        emit({"folder": arguments.folder, "synthetic": True})
    else:
        print(arguments.folder)
    return 0
