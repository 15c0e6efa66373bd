"""Verb of the group observe: judge. Samples of a file, or of a network, against the rules of one matter."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl

from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.limit import limit_table
from qingshan.core.observed import observed_properties
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.evaluate.matters import MATTERS, Row, evaluate_rows
from qingshan.observe.evaluate.verdict import ESTIMATED, VERDICT_ZH, Result, is_estimated, marks, shown
from qingshan.observe.loads.load import method_zh
from qingshan.observe.quality.network import flagged_rows
from qingshan.observe.series.model import STEPS, Network
from qingshan.observe.series.store import Observations
from qingshan.publish.words import Words, class_said
from qingshan.zone.zone import open_zone

from .evaluate import print_labels, rules_of
from .problem import WrongCall
from .show import counted, emit

LISTED = 60
EDITION = "edition."
LOAD_MONTH = "water.load_month"
NAMES = {
    "all": ("全部日", "all days"), "spring": ("春", "spring"), "summer": ("夏", "summer"), "autumn": ("秋", "autumn"), "winter": ("冬", "winter"),
    "both_below": ("两项均未超标", "neither above"), "pm25_above": ("仅 PM2.5 超标", "PM2.5 alone above"), "o3_above": ("仅臭氧超标", "ozone alone above"),
    "both_above": ("两项均超标", "both above"), "disaster_rate": ("成灾率", "disaster rate"), "residue_limit": ("残留量", "film residue"),
    "residual": ("残差", "residual"),
}  # fmt: skip
"""Items that are names of this program: in Chinese, in English."""
INDICES = {"water.tli": "TLI", "materials.risk_quotient": "RQ", "air.pm25_o3_correlation": "r"}
"""What a number without a unit is called."""


def judge(arguments: argparse.Namespace) -> int:
    """Evaluate the rows and print them, each with its verdict, clause and why. Exit code 0 whatever the verdicts."""
    matter = MATTERS.get(arguments.matter)
    if matter is None:
        listed = ", ".join(MATTERS)
        raise UnknownName(
            f"no matter {arguments.matter!r}; there are: {listed}.",
            f"没有评价事项 {arguments.matter!r}；有：{listed}。",
        )
    out = Path(arguments.out) if arguments.out else None
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise WrongCall(
            f"{out.name!r} is not .csv or .parquet.", f"{out.name!r} 不是 .csv 或 .parquet。", fix="--out results.csv"
        )
    path = Path(arguments.file)
    on_disk = path.suffix.lower() == ".csv" or path.is_file()
    network: Network | None = None
    if on_disk:
        rows = _of_file(path)
    else:
        store = Observations(open_zone(arguments.zone))
        rows, network = _of_network(store, arguments.file), store.network(arguments.file)
    labels = network.labels if network else []
    settings = _settings(arguments.set)
    rules = _rules(arguments, settings)
    results = evaluate_rows(matter.id, rows, rules, {k: v for k, v in settings.items() if not k.startswith(EDITION)})
    if out is not None:
        _write(results, out, labels)
    if arguments.json:
        emit(
            {
                "matter": matter.id,
                "rule_set": rules.record() | {"digest": rules.digest},
                "labels": labels,
                "results": [r.record() | {"labels": list(dict.fromkeys([*labels, *marks(r)]))} for r in results],
            }
        )
    else:
        if network is not None:
            print_labels(network, arguments.lang)
        _print(matter.zh if arguments.lang == "zh" else matter.en, results, arguments.lang)
    return 0


def _rules(arguments: argparse.Namespace, settings: dict[str, str]) -> RuleSet:
    """The rule set asked for, with the editions that `--set edition.TABLE=EDITION` names: a table whose start was not read needs it."""
    chosen = rules_of(arguments, Network("", "", "", ""))
    named = {k.removeprefix(EDITION): v for k, v in settings.items() if k.startswith(EDITION)}
    for table in named:
        limit_table(table)
    return replace(chosen, editions={**chosen.editions, **named})


def _settings(text: str) -> dict[str, str]:
    """`k=2,place=县` as a mapping; items of a list are separated by semicolons. Raises `WrongCall`."""
    found = {}
    for part in (p for p in text.split(",") if p.strip()):
        key, sign, value = part.partition("=")
        if not sign or not key.strip():
            raise WrongCall(f"--set has {part!r}.", f"--set 中有 {part!r}。", fix="--set key=value,key=value")
        found[key.strip()] = value.strip()
    return found


def _of_file(path: Path) -> list[Row]:
    """Rows of a CSV file in UTF-8 or GB 18030. Raises `OutOfBounds` for what is none."""
    raw, text = path.read_bytes(), ""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    try:
        if "\0" in text or (raw and not text):
            raise csv.Error
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return [Row({k: v or "" for k, v in line.items() if k}, f"{path.name}:{reader.line_num}") for line in reader]
    except csv.Error:
        raise OutOfBounds(
            "the file is no CSV in UTF-8 or GB 18030.", "文件不是 UTF-8 或 GB 18030 的 CSV。", where=path.name, fix="save it as CSV UTF-8 / 另存为 CSV UTF-8"
        ) from None  # fmt: skip


def _of_network(store: Observations, network: str) -> list[Row]:
    """The latest usable readings of a network as rows: site, date (with the hour where the network reads more than once a day), item, value,
    unit, and what samples and sites say of land and pH."""
    step = STEPS.get(store.network(network).step, 1440)
    day = "%Y-%m-%d" if step >= STEPS["24h"] else "%Y-%m-%dT%H:%M"
    known = observed_properties()
    series = {r["id"]: r for r in store.series(network).to_dicts()}
    samples = {r["id"]: r for r in store.samples(network).to_dicts()}
    sites = {r["id"]: r for r in store.sites(network).to_dicts()}
    made = []
    for r in flagged_rows(store, network).filter(pl.col("use")).sort("start", "series").collect().to_dicts():
        held = series[r["series"]]
        sample, site = samples.get(r.get("sample") or "", {}), sites.get(held["site"], {})
        item = known.get(held["property"])
        made.append(Row({
            "site": held["site"], "date": f"{r['start']:{day}}", "item": item.symbol if item else held["property"], "unit": held["unit"],
            "value": _text(r), "land": sample.get("land_use") or site.get("land_use") or "", "ph": sample.get("ph") or "",
            "mass_g": sample.get("mass_g") or _text(r), "body": site.get("water_body_type") or "", "river": site.get("river") or site.get("basin") or "",
            "substance": item.symbol if item else held["property"],
            "medium": {"water": "water", "soil": "soil"}.get(held["property"].partition(".")[0], ""),
        }, f"{network}:{r['series']} {r['start']:%Y-%m-%d %H:%M}"))  # fmt: skip
    return made


def _text(row: dict[str, object]) -> str:
    """The value in the unit of its series; what was not detected as its limit with L."""
    value, limit = (None if row[k] is None else Decimal(str(row[k])).normalize() for k in ("value", "detection_limit"))
    if value is not None:
        return f"{value:f}"
    return f"{limit:f}L" if row["censored"] and limit is not None else ""


def _write(results: list[Result], out: Path, labels: list[str]) -> None:
    frame = pl.DataFrame(
        [{k: "; ".join(map(str, v)) if isinstance(v, list) else v for k, v in r.record().items() if k != "parts"} for r in results], infer_schema_length=None
    )  # fmt: skip
    frame = frame.with_columns(pl.Series("labels", ["; ".join(dict.fromkeys([*labels, *marks(r)])) for r in results]))
    frame.write_csv(out) if out.suffix == ".csv" else frame.write_parquet(out)


def _print(title: str, results: list[Result], lang: str) -> None:
    zh = lang == "zh"
    said = Counter(_word(r, zh) for r in results if r.verdict or r.grades)
    counts = "，" if zh else ", "
    print(
        f"{title}：{len(results)} 个结果" + (f"（{counts.join(f'{w} {n}' for w, n in said.most_common())}）" if said else "") if zh
        else f"{title}: {counted(len(results), 'result')}" + (f" ({counts.join(f'{w} {n}' for w, n in said.most_common())})" if said else "")
    )  # fmt: skip
    for r in results[:LISTED]:
        value = r.value_text or shown(r.value, 6)
        parts = [
            r.site,
            _item(r, zh),
            " ".join(p for p in (INDICES.get(r.quantity, "") if value else "", _amount(value, r.unit)) if p),
            _word(r, zh),
            f"{'有效' if zh else 'valid'} {r.n_valid} / {r.n_required}"
            if r.n_valid is not None and r.n_required is not None
            else "",
            method_zh(r.limit) if zh and r.quantity == LOAD_MONTH else r.limit,
            ("；" if zh else "; ").join(dict.fromkeys((r.clause or r.edition).split(" ; "))),
        ]
        print("  " + "  ".join(p for p in parts if p) + said_marks(r, lang))
        for part in r.parts if len(r.parts) > 1 else ():
            of = _amount(part.value_text or shown(part.value, 6), part.unit)
            print("    " + "  ".join(p for p in (_item(part, zh), of, _word(part, zh), part.limit) if p))
        for n in r.notes[:3]:
            print(f"    {n.zh if zh else n.en}")
    if len(results) > LISTED:
        print(
            f"  另有 {len(results) - LISTED} 个，见 --json 或 --out"
            if zh
            else f"  {len(results) - LISTED} more: see --json or --out"
        )


def _amount(value: str, unit: str) -> str:
    """A value with its unit; '' where there is no value, also of a unit alone."""
    return f"{value} {unit}" if value and unit not in ("", "index", "1") else value


def _item(r: Result, zh: bool) -> str:
    """The item, in words where it is a name of this program and not of a standard or of the user."""
    before, _, last = r.item.rpartition(": ")
    name = NAMES.get(last)
    return r.item if name is None else f"{before}: {name[0 if zh else 1]}" if before else name[0 if zh else 1]


def said_marks(result: Result, lang: str) -> str:
    """The status and the label of a result, in words after its line; '' where it has none."""
    words = Words(lang)
    said = [words.maybe(f"status.{result.status}", result.status)] if result.status else []
    said += [words(f"label.{ESTIMATED}")] if is_estimated(result) else []
    return f"  [{words('word.list').join(said)}]" if said else ""


def _word(r: Result, zh: bool) -> str:
    verdict = (VERDICT_ZH[r.verdict] if zh else r.verdict.replace("_", " ")) if r.verdict else ""
    grade = class_said(r.grade, "zh" if zh else "en")
    return (f"{grade}（{verdict}）" if zh else f"{grade} ({verdict})") if grade and verdict else grade or verdict


__all__ = ["judge"]
