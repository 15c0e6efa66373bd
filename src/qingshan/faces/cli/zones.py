"""Verbs on zones: init, check."""

from __future__ import annotations

import argparse

from qingshan.core.finding import worst
from qingshan.zone.check import check_zone
from qingshan.zone.template import init_zone

from .show import emit


def init(arguments: argparse.Namespace) -> int:
    name = arguments.name_zh or arguments.name_en or arguments.id
    written = init_zone(arguments.directory, id=arguments.id, name_zh=name, name_en=arguments.name_en or name)
    if arguments.json:
        emit({"written": [str(p) for p in written]})
    else:
        for path in written:
            print(path)
        print(f"next: fill the tables, then `qingshan check {arguments.directory}`")
    return 0


def check(arguments: argparse.Namespace) -> int:
    findings = check_zone(arguments.directory)
    if arguments.json:
        emit([f.record() for f in findings])
    else:
        for finding in findings:
            print(finding.sentence(arguments.lang))
        print(
            f"{sum(f.level == 'error' for f in findings)} errors, {sum(f.level == 'warning' for f in findings)} warnings"
        )
    return 1 if worst(findings) == "error" else 0
