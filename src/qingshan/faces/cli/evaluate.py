"""Verb of the group observe: evaluate."""

from __future__ import annotations

import argparse
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl

from qingshan.observe.evaluate.air_network import evaluate_air
from qingshan.observe.evaluate.air_source import of_store
from qingshan.observe.evaluate.editions import RuleSet, declared_rule_sets, named_rule_set, rule_set
from qingshan.observe.evaluate.network import (
    Agreement,
    Evaluation,
    agreement,
    evaluate_water,
    labelled,
    usable_rows,
)
from qingshan.observe.evaluate.verdict import VERDICT_ZH
from qingshan.observe.quality.network import effective_flags
from qingshan.observe.series.model import Network
from qingshan.observe.series.store import Observations
from qingshan.publish.words import Words, class_said
from qingshan.zone.zone import open_zone

from .problem import WrongCall
from .show import counted, emit

LISTED = 30
REASONS = 8
DEFAULT_BY = {"water": "reading", "air": "day"}


def evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate a network; print counts, disagreements with published classes and what could not be judged."""
    store = Observations(open_zone(arguments.zone))
    network = store.network(arguments.network)
    if network.domain not in DEFAULT_BY:
        raise WrongCall(
            f"networks of {network.domain} are not evaluated as a whole.", f"{network.domain} 监测网不作整体评价。",
            fix=f"evaluate it sample by sample: qingshan observe judge MATTER {network.id} / 按样品评价：qingshan observe judge 事项 {network.id}",
        )  # fmt: skip
    out = Path(arguments.out) if arguments.out else None
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise WrongCall(
            f"{out.name!r} is not .csv or .parquet.", f"{out.name!r} 不是 .csv 或 .parquet。", fix="--out results.csv"
        )
    rules = rules_of(arguments, network)
    years = [int(y) for y in _words(arguments.years)] or None
    series = store.series(network.id)
    if wanted := _words(arguments.sites):
        if unknown := sorted(set(wanted) - set(store.sites(network.id)["id"])):
            raise WrongCall(f"no sites {unknown} in {network.id}.", f"{network.id} 没有点位 {unknown}。")
        series = series.filter(pl.col("site").is_in(wanted))
    flags = effective_flags(store, network.id, years=years)
    standing = _standing(flags, arguments.provisional)
    by, sites = arguments.by or DEFAULT_BY[network.domain], store.sites(network.id)
    if network.domain == "air":
        source = of_store(store, network.id, years, provisional=arguments.provisional)
        made = evaluate_air(network.id, source, series, sites, rules, by=by)
    else:
        rows = usable_rows(store.scan(network.id, years=years), flags, provisional=arguments.provisional)
        made = evaluate_water(network.id, rows, series, sites, rules, by=by)
    if out is not None:
        labels = [*network.labels, *(["provisional"] if arguments.provisional else [])]
        frame = labelled(made.frame(), labels).with_columns(provisional=pl.lit(arguments.provisional))
        frame.write_csv(out) if out.suffix == ".csv" else frame.write_parquet(out)
    compared = agreement(made) if made.published else None
    if arguments.json:
        emit(_record(made, compared, arguments.provisional, standing) | {"labels": network.labels})
    else:
        _print(made, compared, network, arguments.lang, standing)
    return 0


def _standing(flags: pl.LazyFrame | None, provisional: bool) -> tuple[str, str, int]:
    """Why the results are not official ('' where they are), in both languages, and the suspect values left to review."""
    if flags is None:
        return "no quality control has run: the results are not official.", "未作质量控制：结果不作为正式结果。", 0
    waiting = int(flags.filter(pl.col("flag") == 3).select(pl.len()).collect().item())
    if provisional:
        return "provisional: suspect readings left out, not reviewed.", "临时结果：可疑读数已剔除，未经复核。", waiting
    if waiting:
        return (
            f"{waiting:,} suspect readings wait for a reviewer: the results are not official.",
            f"有 {waiting:,} 个可疑读数待复核：结果不作为正式结果。", waiting,
        )  # fmt: skip
    return "", "", 0


def _words(text: str) -> list[str]:
    return [w.strip() for w in text.split(",") if w.strip()]


def rules_of(arguments: argparse.Namespace, network: Network) -> RuleSet:
    """The rule set asked for, else that of the network, else the plain one."""
    asked = arguments.rules
    if asked.endswith(".toml"):
        content = tomllib.loads(Path(asked).read_text(encoding="utf-8"))
        chosen = rule_set(content.get("ruleset", content))
    elif asked:
        chosen = named_rule_set(asked)
    else:
        chosen = declared_rule_sets().get(network.rules, RuleSet())
    return replace(chosen, allow_secondary=True) if arguments.allow_secondary else chosen


def _record(
    made: Evaluation, compared: Agreement | None, provisional: bool, standing: tuple[str, str, int]
) -> dict[str, object]:
    record: dict[str, object] = {
        "network": made.network, "matter": made.matter, "by": made.by, "rule_set": made.rules.record() | {"digest": made.rules.digest},
        "provisional": provisional, "official": not standing[0], "standing": standing[0], "unresolved": standing[2],
        "results": [r.record() | {"at": t.isoformat()} for r, t in zip(made.results, made.times, strict=True)],
    }  # fmt: skip
    if compared is not None:
        record["published"] = {
            "compared": compared.compared, "agree": compared.agree,
            "disagreements": [
                {"site": d.site, "at": d.at.isoformat(), "grade": d.ours, "published": d.published, "why": d.why.code, "reason": d.why.en}
                for d in compared.disagreements
            ],
        }  # fmt: skip
    return record


def _print(
    made: Evaluation, compared: Agreement | None, network: Network, lang: str, standing: tuple[str, str, int]
) -> None:
    zh = lang == "zh"
    title = network.name(lang)
    rules = made.rules.zh if zh else made.rules.en
    print(
        f"{title}：{len(made.results):,} 个结果，规则集 {made.rules.id}（{rules}）"
        if zh
        else f"{title}: {len(made.results):,} {'result' if len(made.results) == 1 else 'results'}, rule set {made.rules.id} ({rules})"
    )
    print_labels(network, lang)
    if standing[0]:
        print(f"  {standing[1] if zh else standing[0]}")
    _print_counts(made.frame(), zh, indexed=made.matter == "air.aqi")
    reasons = Counter({note: n for note, n in made.reasons().items() if note.code != "items"})
    for note, n in reasons.most_common(REASONS):
        print(f"  {n:,} × {note.zh if zh else note.en}")
    if len(reasons) > REASONS:
        more = len(reasons) - REASONS
        print(f"  另有 {more:,} 种原因，见 --json" if zh else f"  {counted(more, 'more reason')}: see --json")
    if compared is not None:
        what = (
            " AQI "
            if made.matter == "air.aqi" and zh
            else "AQI"
            if made.matter == "air.aqi"
            else "类别"
            if zh
            else "class"
        )
        print(
            f"与公布{what}一致 {compared.agree:,} / {compared.compared:,}" if zh
            else f"{compared.agree:,} of {compared.compared:,} equal the published {what}"
        )  # fmt: skip
        for d in compared.disagreements[:LISTED]:
            words = d.why.zh if zh else d.why.en
            print(
                f"  {d.site} {d.at:%Y-%m-%d %H:%M}  {d.ours} {'公布' if zh else 'published'} {d.published}：{words}"
                if zh
                else f"  {d.site} {d.at:%Y-%m-%d %H:%M}  {class_said(d.ours, lang)}, published {class_said(d.published, lang)}: {words}"
            )
        if len(compared.disagreements) > LISTED:
            more = len(compared.disagreements) - LISTED
            print(f"  另有 {more:,} 条，见 --json" if zh else f"  {more:,} more: see --json")


def print_labels(network: Network, lang: str) -> None:
    """What the readings of a network are labelled with, where they are."""
    words = Words(lang)
    for label in network.labels:
        said = f"  [{words(f'label.{label}')}] "
        if label == "synthetic":
            print(
                said
                + words.pick(
                    "读数由程序生成，不反映任何真实地点。", "the readings are invented; they describe no real place."
                )
            )
        else:
            print(said + words(f"label_note.{label}") + words.pick("。", "."))


def _print_counts(frame: pl.DataFrame, zh: bool, *, indexed: bool) -> None:
    """Editions with their clauses, then how many results have which grade and which verdict. `indexed`: every result should have an AQI."""
    if frame.is_empty():
        return
    named = frame.filter(pl.col("edition") != "").select("edition", "status", "clause").unique(maintain_order=True)
    words = Words("zh" if zh else "en")
    for edition, status in sorted(set(named.select("edition", "status").iter_rows())):
        said = named.filter(pl.col("edition") == edition)["clause"].unique(maintain_order=True)
        clauses = ("；" if zh else "; ").join(dict.fromkeys(c for text in said for c in text.split(" ; ")))
        print(f"  {edition} [{words.maybe(f'status.{status}', status)}]  {clauses[:200]}")
    grades = Counter(dict(frame["grade"].value_counts().iter_rows()))
    none = grades.pop("", 0)
    _counts("类别" if zh else "grade", Counter({_grade(g, words): n for g, n in grades.items()}))
    if none and (indexed or grades):
        what = ("没有 AQI" if indexed else "没有类别") if zh else ("no AQI" if indexed else "no grade")
        print(f"  {what}{'：' if zh else ': '}{none:,}")
    verdicts = Counter(dict(frame.filter(pl.col("verdict") != "")["verdict"].value_counts().iter_rows()))
    _counts("结论" if zh else "verdict", Counter({_verdict(v, zh): n for v, n in verdicts.items()}))


def _grade(grade: str, words: Words) -> str:
    """A class as a sentence has it; a category of the AQI in the reader's language."""
    return words.maybe(f"aqi.{grade}", class_said(grade, words.lang))


def _verdict(verdict: str, zh: bool) -> str:
    return VERDICT_ZH[verdict] if zh else verdict.replace("_", " ")


def _counts(title: str, found: Counter[str]) -> None:
    if found:
        print(f"  {title}: " + ", ".join(f"{word} {n:,}" for word, n in sorted(found.items())))
