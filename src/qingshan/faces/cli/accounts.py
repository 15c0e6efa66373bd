"""Verbs on accounts: run, explain, verify, fill."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from qingshan.accounts.explain import as_text
from qingshan.accounts.explain import explain as explain_tree
from qingshan.accounts.fill import fill as fill_slots
from qingshan.accounts.fill import filled_rows, template
from qingshan.accounts.profile import find_profile
from qingshan.accounts.run import Fact, Run, latest_runs, run_account, services_catalogue
from qingshan.accounts.verify import verify as verify_run
from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName
from qingshan.core.finding import worst
from qingshan.zone.zone import Zone, open_zone

from .show import amount, emit, progress


def run(arguments: argparse.Namespace) -> int:
    """Compute the profiles of a zone, print what came out and what refuses."""
    started = time.perf_counter()
    zone = open_zone(arguments.zone)
    asked = arguments.profile
    settings = zone.config["zone"]
    names = [asked] if asked and asked != "all" else list(settings.get("profiles") or [settings["default_profile"]])
    runs = []
    for name in names:
        with progress(f"{zone.id} / {name}") as step:
            runs.append(run_account(zone, name, progress=step))
    records = [_summary(r) for r in runs]
    findings = list(dict.fromkeys(f for f in [*zone.findings, *(f for r in runs for f in r.findings)]))
    if arguments.json:
        emit(
            {
                "runs": records,
                "findings": [f.record() for f in findings],
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
    else:
        for done, record in zip(runs, records, strict=True):
            _print_run(done, record, arguments.lang, whole=done is runs[0])
        for finding in findings:
            if finding.level != "note":
                print(finding.sentence(arguments.lang), file=sys.stderr)
        print(f"{time.perf_counter() - started:.1f} s")
    if worst(findings) == "error":
        return 1
    return 1 if arguments.strict and any(r["refused"] for r in records) else 0


def _summary(done: Run) -> dict[str, Any]:
    lines = [line for line in done.services(done.zone.root) if line.included == "yes"]
    refused = [line.service.id for line in lines if line.refusal]
    labels = [*done.profile.labels, *(["partial"] if refused else []), *(["synthetic"] if done.zone.synthetic else [])]
    return {
        "run": done.id,
        "path": str(done.path),
        "profile": done.profile.id,
        "official": done.profile.official,
        "labels": labels,
        "facts": len(done.facts),
        "computed": done.stats.computed if done.stats else 0,
        "reused": done.stats.reused if done.stats else 0,
        "given": [line.service.id for line in lines if not line.refusal],
        "refused": refused,
        "not_included": [line.service.id for line in done.services(done.zone.root) if line.included != "yes"],
    }


def _print_run(done: Run, record: dict[str, Any], lang: str, *, whole: bool) -> None:
    """The run in one line; the first of several also with its figures and refusals."""
    zh = lang == "zh"
    print(f"{done.id}  [{', '.join(record['labels'])}]  {record['facts']} facts, "
          f"{record['computed']} computed, {record['reused']} reused; "
          f"services: {len(record['given'])} given, {len(record['refused'])} refused")  # fmt: skip
    if not whole:
        return
    for quantity in done.profile.figures:
        fact = done.fact(quantity, done.zone.root)
        if not fact.refused:
            print(f"  {done.names(quantity)[0 if zh else 1]}: {amount(fact, done)}")
    for line in done.services(done.zone.root):
        if line.included != "yes":
            continue
        name = f"{line.service.id} {line.service.zh if zh else line.service.en}"
        if line.refusal:
            documents = "; ".join(sorted({x.document for x in line.refusal.leaves() if x.document}))
            print(
                f"  {name}: {'拒算' if zh else 'refused'} - {line.refusal.zh if zh else line.refusal.en}"
                + (f" <- {documents}" if documents else "")
            )
        else:
            money = "; ".join(f"{amount(v, done)} ({b})" for b, v in line.value.items() if not v.refused)
            physical = amount(line.physical, done) if line.physical and not line.physical.refused else ""
            print(f"  {name}: {' = '.join(p for p in (physical, money) if p)}")


def explain(arguments: argparse.Namespace) -> int:
    """Print the tree behind a figure, or the tree of reasons why there is none."""
    done = run_of(arguments)
    place = done.zone.place(arguments.place).code if arguments.place else done.zone.root
    fact = _asked(done, arguments, place)
    tree = explain_tree(done, fact.key)
    if arguments.json:
        emit(tree)
    else:
        print(f"{done.id}  {done.zone.place(place).name(arguments.lang)}  [{', '.join(fact.labels)}]")
        print(as_text(tree, arguments.lang, arguments.full))
    return 0


def _asked(done: Run, arguments: argparse.Namespace, place: str) -> Fact:
    quantity = arguments.quantity
    by_service = {s.id: s for s in services_catalogue(done.domains).values()}
    service = by_service.get(quantity) or next(
        (s for s in by_service.values() if quantity in (f"gep.{s.code}", s.code)), None
    )
    period = arguments.period or done.default_period
    found = done.select(quantity, place, arguments.cls, period, arguments.basis)
    if not found and service:
        found = [f for f in done.facts if f.service == service.id and f.place == place and f.cls == arguments.cls and f.period == period
                 and (f.basis == arguments.basis if arguments.basis else f.role == "physical")]  # fmt: skip
    if not found and not arguments.basis and done.profile.bases():
        found = done.select(quantity, place, arguments.cls, period, done.profile.bases()[0])
    return found[0] if found else done.fact(quantity, place, period, arguments.cls, arguments.basis)


def run_of(arguments: argparse.Namespace) -> Run:
    zone = open_zone(arguments.zone)
    name = arguments.profile or zone.config["zone"]["default_profile"]
    runs = latest_runs(zone)
    if name not in runs:
        raise UnknownName(
            f"no run of {zone.id} under {name!r} yet.",
            f"{zone.name_zh}还没有按“{name}”核算过。",
            fix="run `qingshan run` first",
        )
    return runs[name]


def verify(arguments: argparse.Namespace) -> int:
    """Replay a run and name every difference; exit 1 where there is one."""
    verdict = verify_run(arguments.run)
    if arguments.json:
        emit(verdict.record())
        return 0 if verdict.ok else 1
    zh = arguments.lang == "zh"
    for difference in verdict.differences:
        print(("不符：" if zh else "differs: ") + difference["zh" if zh else "en"])
    for note in verdict.notes:
        print(f"note: {note}")
    words = (
        ("逐字节一致", "数值一致，字节不同", "不一致")
        if zh
        else ("equal to the byte", "numerically equal, not byte-equal", "not equal")
    )
    print(f"{verdict.run}: {words[0] if verdict.equal else words[1] if verdict.numeric else words[2]}  "
          f"{verdict.facts} facts, {verdict.nodes} nodes, {verdict.files} files, {verdict.seconds} s")  # fmt: skip
    return 0 if verdict.ok else 1


def fill(arguments: argparse.Namespace) -> int:
    """Import rows for a profile's slots, or print them as a template; with any error nothing is imported."""
    zone: Zone = open_zone(arguments.zone)
    domains = load_domains()
    profile = find_profile(domains, arguments.profile)
    if arguments.template:
        parameters = domains.parameters()
        parameters.add(zone.parameters)
        parameters.add(filled_rows(zone, profile.id))
        print(template(profile, parameters), end="")
        return 0
    if not arguments.file:
        print("give a CSV file, or --template to print the open slots", file=sys.stderr)
        return 2
    rows, findings = fill_slots(
        zone, profile.id, Path(arguments.file), by=arguments.by, document=arguments.document, domains=domains
    )
    if arguments.json:
        emit({"filled": [r.record() for r in rows], "findings": [f.record() for f in findings]})
    else:
        for finding in findings:
            print(finding.sentence(arguments.lang), file=sys.stderr)
        print(f"{len(rows)} rows filled for {profile.id} in {zone.id}")
    return 1 if worst(findings) == "error" else 0


__all__ = ["explain", "fill", "run", "verify"]
