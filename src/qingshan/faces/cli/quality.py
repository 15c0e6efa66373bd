"""Verbs of the group observe: qc, decide, alerts."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from qingshan.observe.alert.engine import AlertEvent
from qingshan.observe.alert.network import EventLog, History, episodes_of, replayed, rules_of
from qingshan.observe.alert.outbox import limits_of
from qingshan.observe.alert.outbreak import Outbreak, counts_of, outbreak
from qingshan.observe.alert.replay import Limit, Score, messages, score
from qingshan.observe.alert.watch import Watch
from qingshan.observe.quality.network import check_network
from qingshan.observe.quality.network import decide as decided
from qingshan.observe.quality.run import QualityRun
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

from .evaluate import print_labels
from .observe import _years
from .problem import WrongCall
from .show import counted, emit

LISTED = 30
FLAGS = {
    1: ("好", "good"),
    2: ("未评", "not evaluated"),
    3: ("可疑", "suspect"),
    4: ("不合格", "fail"),
    9: ("缺测", "missing"),
}
STATES = {"normal": "正常", "pending": "待确认", "active": "预警中", "cleared": "已解除"}


def qc(arguments: argparse.Namespace) -> int:
    """Run the plan over years; the flags of each year are kept beside the readings."""
    store = Observations(open_zone(arguments.zone))
    runs = check_network(
        store, arguments.network, years=_years(arguments.years), plan=Path(arguments.plan) if arguments.plan else None
    )
    if arguments.json:
        labels = store.network(arguments.network).labels
        emit([run.record() | {"findings": [f.record() for f in run.findings], "labels": labels} for run in runs])
    else:
        for run in runs:
            _print_run(run, arguments.lang)
    return 0


def _print_run(run: QualityRun, lang: str) -> None:
    zh = lang == "zh"
    head = (
        f"{run.first.year}：{run.cells:,} 个值，质控运行 {run.run}"
        if zh
        else f"{run.first.year}: {run.cells:,} values, QC run {run.run}"
    )
    print(head)
    for kind, flags in sorted(run.flags.items()):
        said = ", ".join(f"{FLAGS[level][0 if zh else 1]} {n:,}" for level, n in sorted(flags.items()) if n)
        print(f"  {kind}: {said}")
    for finding in run.findings[:LISTED]:
        print(finding.sentence(lang))


def decide(arguments: argparse.Namespace) -> int:
    """Append a reviewer's decision."""
    store = Observations(open_zone(arguments.zone))
    made = decided(
        store, arguments.network, arguments.series, _moment(arguments.start, "start"), arguments.decision, reason=arguments.reason,
        author=arguments.by,
    )  # fmt: skip
    if arguments.json:
        emit(made.record())
    else:
        said = f"{made.series} {made.start}：{made.decision}（第 {made.version} 版）" if arguments.lang == "zh" else (
            f"{made.series} {made.start}: {made.decision} (version {made.version})"
        )  # fmt: skip
        print(said)
    return 0


def _moment(text: str, name: str) -> datetime:
    moment: datetime | None = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
    if moment is None or moment.tzinfo is not None:
        raise WrongCall(
            f"{name} is {text!r}.",
            f"{name} 为 {text!r}。",
            fix="write 2020-03-01T08:00, wall time without zone / 写作 2020-03-01T08:00，不带时区",
        )
    return moment


def alerts(arguments: argparse.Namespace) -> int:
    """Replay the rules; with episodes, how well they told. Raises `WrongCall` for a limit below 1."""
    if arguments.limit is not None and arguments.limit < 1:
        raise WrongCall(
            "--limit must be at least 1.", "--limit 至少为 1。", fix="leave it out for the limits of recipients.csv / 不写时按 recipients.csv 的限频"
        )  # fmt: skip
    store = Observations(open_zone(arguments.zone))
    network = store.network(arguments.network)
    rules = rules_of(network, Path(arguments.rules) if arguments.rules else None)
    history = replayed(store, arguments.network, rules, years=_years(arguments.years))
    episodes = episodes_of(network, Path(arguments.episodes) if arguments.episodes else None)
    horizon = timedelta(hours=arguments.horizon)
    by_rule = {r.id: [e for e in history.events if e.rule == r.id] for r in rules}
    scores = {
        name: score(
            found,
            [e for e in episodes if e.rule in ("", name)],
            history.first,
            history.last,
            max(len(history.sites), 1),
            horizon,
        )
        for name, found in by_rule.items()
        if episodes
    }
    limits = limits_of(store.network(arguments.network))
    sent = messages(
        history.events, Limit(arguments.limit, timedelta(days=1)) if arguments.limit is not None else limits
    )
    kept = EventLog(store, arguments.network).record(history.events) if arguments.record else None
    if arguments.json:
        emit({
            "labels": network.labels, "first": history.first.isoformat(), "last": history.last.isoformat(), "sites": list(history.sites),
            "events": [e.record() for e in history.events], "scores": {k: _score(s) for k, s in scores.items()},
            "messages": {"sent": sum(m.sent for m in sent), "held": sum(not m.sent for m in sent)}, "recorded": kept,
        })  # fmt: skip
    else:
        print_labels(network, arguments.lang)
        _print_history(history, by_rule, scores, arguments.lang)
        held = sum(not m.sent for m in sent)
        print(
            f"通知：发出 {len(sent) - held}，因限频暂存 {held}" if arguments.lang == "zh"
            else f"messages: {len(sent) - held} sent, {held} held by the limit"
        )  # fmt: skip
        if kept is not None:
            print(f"已记录 {kept} 个事件" if arguments.lang == "zh" else f"{counted(kept, 'event')} recorded")
    return 0


def told(arguments: argparse.Namespace) -> int:
    """Follow the network once, then list the messages."""
    store = Observations(open_zone(arguments.zone))
    watch = Watch(store, arguments.network)
    came = watch.follow()
    sent = watch.outbox.messages(arguments.to, arguments.after)
    held = {who: numbers for who, numbers in watch.outbox.waiting().items() if arguments.to in ("", who)}
    events = dict(watch.after(0))  # after the messages: another process writes an event before it is told
    if arguments.json:
        emit({
            "came": came, "held": held,
            "messages": [{"number": n, **row, "told": [events[e] for e in row["events"]]} for n, row in sent],
        })  # fmt: skip
        return 0
    zh = arguments.lang == "zh"
    print(
        f"新事件 {came}，通知 {len(sent)}" if zh else f"{counted(came, 'event')} came, {counted(len(sent), 'message')}"
    )
    for number, row in sent[-LISTED:]:
        told = "; ".join(
            f"{e['site']} {e['rule']} {e['after']} {e['time']}" for e in (events[n] for n in row["events"])
        )
        print(f"  {number} {row['at']} {row['recipient']}: {told}")
    for who, numbers in sorted(held.items()):
        print(f"  {who}：暂存 {len(numbers)}" if zh else f"  {who}: {len(numbers)} held by the limit")
    return 0


def _score(found: Score) -> dict[str, object]:
    return {
        "hits": found.hits, "misses": found.misses, "false_alarms": found.false_alarms, "hit_rate": found.hit_rate,
        "false_alarms_per_site_year": found.false_alarms_per_year, "median_lead_h": found.median_lead, "site_years": found.site_years,
    }  # fmt: skip


def _print_history(history: History, by_rule: dict[str, list[AlertEvent]], scores: dict[str, Score], lang: str) -> None:
    zh = lang == "zh"
    last = history.last - timedelta(days=1)
    print(f"{history.first:%Y-%m-%d} – {last:%Y-%m-%d}, {len(history.sites)} {'个站点' if zh else 'sites'}")
    for name, found in by_rule.items():
        reached = Counter(e.after for e in found)
        said = (
            "，".join(f"{STATES[s]} {reached[s]}" for s in STATES if reached[s])
            if zh
            else ", ".join(f"{s} {reached[s]}" for s in STATES if reached[s])
        )
        print(f"{name}: {said or ('没有变化' if zh else 'no transition')}")
        if name in scores:
            s = scores[name]
            lead = "-" if s.median_lead is None else f"{s.median_lead:g} h"
            print(
                f"  命中 {s.hits}，漏报 {s.misses}，空报 {s.false_alarms}（每站年 {s.false_alarms_per_year:.2f}），提前量中位数 {lead}" if zh
                else f"  {s.hits} hits, {s.misses} misses, {s.false_alarms} false alarms ({s.false_alarms_per_year:.2f} per site and year), median lead {lead}"
            )  # fmt: skip
    _print_active([e for e in history.events if e.after == "active"], zh)


def _print_active(active: Sequence[AlertEvent], zh: bool) -> None:
    for e in active[:LISTED]:
        above = ("，上游：" if zh else ", upstream: ") + ", ".join(e.linked) if e.linked else ""
        print(f"  {e.time:%Y-%m-%d %H:%M} {e.site} {e.rule} {e.value:g}{above}")
    if len(active) > LISTED:
        print(f"  另有 {len(active) - LISTED} 次，见 --json" if zh else f"  {len(active) - LISTED} more: see --json")


def outbreaks(arguments: argparse.Namespace) -> int:
    """Count reports by period, look for a rise and for a cluster. Exit code 0 whatever is found."""
    store = Observations(open_zone(arguments.zone))
    first, last = _moment(arguments.first, "--first"), _moment(arguments.last, "--last") + timedelta(days=1)
    counts = counts_of(store, arguments.network, arguments.property, first, last, arguments.days)
    made = outbreak(
        counts, target=_number(arguments.target, "--target"), k=_number(arguments.k, "--k"), h=_number(arguments.h, "--h"),
        radius_km=_number(arguments.radius, "--radius"), periods=arguments.periods, draws=arguments.draws, seed=arguments.seed,
    )  # fmt: skip
    if arguments.json:
        emit({
            "periods": [counts.begin(i).isoformat() for i in range(counts.periods)], "cases": counts.cases.sum(axis=0).tolist(),
            "nowhere": counts.nowhere, "cusum": made.course.high.tolist(), "alarms": list(made.course.alarms_high),
            "rising": made.rising, "cluster": _cluster(made), "labels": store.network(arguments.network).labels,
        })  # fmt: skip
    else:
        print_labels(store.network(arguments.network), arguments.lang)
        _print_outbreak(made, zh=arguments.lang == "zh")
    return 0


def _cluster(made: Outbreak) -> dict[str, Any] | None:
    found, counts = made.cluster, made.counts
    return None if found is None else {
        "sites": [counts.sites[i] for i in found.sites], "centre": counts.sites[found.centre], "radius_km": found.radius_km,
        "first": counts.begin(found.first).isoformat(), "observed": found.observed, "expected": found.expected, "llr": found.llr, "p": found.p,
        "draws": found.draws,
    }  # fmt: skip


def _print_outbreak(made: Outbreak, *, zh: bool) -> None:
    counts, totals, found = made.counts, made.counts.cases.sum(axis=0), _cluster(made)
    for i in range(counts.periods):
        mark = (" 报警" if zh else " alarm") if i in made.course.alarms_high else ""
        print(f"{counts.begin(i):%Y-%m-%d}  {totals[i]:>5}  CUSUM {made.course.high[i]:g}{mark}")
    if found is None:
        print("没有聚集" if zh else "no cluster")
    else:
        names, begun, expected, p = ", ".join(found["sites"]), found["first"][:10], found["expected"], found["p"]
        print(
            f"最可能的聚集：{names}，自 {begun}，{found['observed']} 例（预期 {expected:.2f}），p = {p:.3f}" if zh
            else f"most likely cluster: {names}, from {begun}, {found['observed']} cases ({expected:.2f} expected), p = {p:.3f}"
        )  # fmt: skip
    if counts.nowhere:
        print(
            f"{counts.nowhere} 例的报告点没有坐标，未参加扫描"
            if zh
            else f"{counts.nowhere} cases at sites without a position are not in the scan"
        )


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise WrongCall(
            f"{name} is {text!r}.", f"{name} 为 {text!r}。", fix="give a number, 0 or more / 给出不小于 0 的数"
        )
    return value


__all__ = ["alerts", "decide", "outbreaks", "qc", "told"]
