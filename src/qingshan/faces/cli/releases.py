"""The release verb: publish."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.accounts.run import open_run
from qingshan.publish.gep import publish_gep
from qingshan.publish.words import Words
from qingshan.zone.zone import open_zone

from .accounts import run_of
from .problem import WrongCall
from .show import counted, emit, figure, said_labels, unit_said

if TYPE_CHECKING:
    from qingshan.publish.forest_release import ForestRelease


def publish(arguments: argparse.Namespace) -> int:
    """Write the report of an account and list why it is a draft; refused where an official release may not be."""
    if arguments.what == "forest-carbon":
        return _forest(arguments)
    if arguments.what == "monitoring":
        return _monitoring(arguments)
    run = run_of(arguments)
    release = publish_gep(
        run,
        year=arguments.year,
        lang=arguments.lang,
        official=arguments.official,
        out=Path(arguments.out or "."),
        place=arguments.place,
    )
    if arguments.json:
        emit(release.record())
    else:
        for path, sha in release.files.items():
            print(f"{path}  sha256 {sha[:16]}")
        for reason in release.reasons:
            print(f"  {'草案：' if arguments.lang == 'zh' else 'draft: '}{reason.text(arguments.lang)}")
    return 0


def _monitoring(arguments: argparse.Namespace) -> int:
    """Write the report of a network and period."""
    from qingshan.observe.quality.network import effective_flags  # noqa: PLC0415
    from qingshan.observe.series.store import Observations  # noqa: PLC0415 - needs parquet
    from qingshan.publish.monitoring import gather_monitoring  # noqa: PLC0415
    from qingshan.publish.monitoring_report import publish_monitoring  # noqa: PLC0415

    from .evaluate import rules_of  # noqa: PLC0415

    if not arguments.network or not arguments.period:
        raise WrongCall(
            "a monitoring report needs --network and --period.", "监测报告须给 --network 和 --period。",
            fix="--network water_auto --period 2021-04",
        )  # fmt: skip
    store = Observations(open_zone(arguments.zone))
    rules = rules_of(arguments, store.network(arguments.network))
    report = gather_monitoring(
        store, arguments.network, arguments.period, rules, flags=effective_flags(store, arguments.network)
    )
    written = publish_monitoring(report, arguments.lang, Path(arguments.out or "."))
    if arguments.json:
        emit(written.record())
        return 0
    for path, sha in written.files.items():
        print(f"{path}  sha256 {sha[:16]}  {', '.join(written.labels)}")
    return 0


SHOWN = 20


def _forest(arguments: argparse.Namespace) -> int:
    """Write a forest-carbon release; a revision prints what changed and why."""
    from qingshan.publish.forest_release import publish_forest  # noqa: PLC0415 - needs the extra geo

    out = Path(arguments.out) if arguments.out else None
    release = publish_forest(
        open_zone(arguments.zone),
        arguments.year,
        why=arguments.why,
        draft=arguments.draft,
        out=out,
        demonstration=arguments.demonstration,
    )
    if arguments.json:
        emit(release.record())
        return 0
    zh = arguments.lang == "zh"
    kind = ("草案" if zh else "draft") if arguments.draft else f"r{release.revision}"
    print(f"{release.folder}  {kind}  {said_labels(release.labels, arguments.lang)}")
    if release.signature:
        print(f"  {'签名公钥' if zh else 'signed by'} {release.signature['public_key']}")
    print(f"  {'核验：' if zh else 'verify it: '}`qingshan verify {release.folder}`")
    for reason in release.manifest["reasons"]:
        print(f"  {'草案：' if zh else 'draft: '}{reason['zh' if zh else 'en']}")
    if release.changes is not None:
        _print_changes(release, arguments.lang)
    return 0


def _print_changes(release: ForestRelease, lang: str) -> None:
    """What a revision changed against the one before, and why."""
    assert release.changes is not None
    zh, words, figures = lang == "zh", Words(lang), release.changes["figures"]
    run = open_run(release.folder / "data" / release.run)
    print(
        f"改动 {len(figures)} 个数；原因：{release.why or '-'}"
        if zh
        else f"changed: {counted(len(figures), 'figure')}; why: {release.why or '-'}"
    )
    for cause in release.changes["causes"][:SHOWN]:
        kind, how = (words.maybe(f"cause.{cause[k]}", cause[k]) for k in ("kind", "how"))
        print(f"  {kind}  {cause['what']}  {how}")
    for f in figures[:SHOWN]:
        relative = f"  {f['relative']:+.2%}" if f["relative"] is not None else ""
        name = words.name(*run.names(f["quantity"]))
        group = str(run.classes.get(f["cls"], {}).get(lang, f["cls"]))
        at = " ".join(x for x in (run.zone.place(f["place"]).name(lang), f["period"], group) if x)
        before, after = ("-" if v is None else figure(v) for v in (f["before"], f["after"]))
        print(f"  {name}  {at}{'：' if zh else ': '}{before} -> {after} {unit_said(f['unit'], lang)}{relative}")
    if len(figures) > SHOWN:
        print(f"  … {f'另有 {len(figures) - SHOWN} 个，见' if zh else f'{len(figures) - SHOWN} more in'} changes.json")
