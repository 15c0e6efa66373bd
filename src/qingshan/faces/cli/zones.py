"""Verbs on zones: init, check."""

from __future__ import annotations

import argparse

from qingshan.core.finding import worst
from qingshan.observe.series.network import check_networks
from qingshan.zone.check import check_zone
from qingshan.zone.template import init_zone

from .show import counted, emit


def init(arguments: argparse.Namespace) -> int:
    name = arguments.name_zh or arguments.name_en or arguments.id
    written = init_zone(arguments.directory, id=arguments.id, name_zh=name, name_en=arguments.name_en or name)
    if arguments.json:
        emit({"written": [str(p) for p in written]})
    else:
        for path in written:
            print(path)
        zh = arguments.lang == "zh"
        check = f"`qingshan check {arguments.directory}`"
        print(f"下一步：填写各表，再运行 {check}" if zh else f"next: fill the tables, then {check}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    findings = [*check_zone(arguments.directory), *check_networks(arguments.directory)]
    if arguments.json:
        emit([f.record() for f in findings])
    else:
        for finding in findings:
            print(finding.sentence(arguments.lang))
        errors, warnings = (sum(f.level == level for f in findings) for level in ("error", "warning"))
        if arguments.lang == "zh":
            print(f"错误 {errors} 条，警告 {warnings} 条")
        else:
            print(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    return 1 if worst(findings) == "error" else 0
