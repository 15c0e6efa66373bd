"""The release verb: publish."""

from __future__ import annotations

import argparse
from pathlib import Path

from qingshan.publish.gep import publish_gep

from .accounts import run_of
from .show import emit


def publish(arguments: argparse.Namespace) -> int:
    """Write the report of an account and list why it is a draft; refused where an official release may not be."""
    run = run_of(arguments)
    release = publish_gep(
        run,
        year=arguments.year,
        lang=arguments.lang,
        official=arguments.official,
        out=Path(arguments.out),
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
