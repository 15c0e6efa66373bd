"""The tutorials run as written. A `text` block after a command shows what it prints: every line must be there.

In a shown line `…` stands for anything; a line of `…` alone for any lines.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

FENCE = re.compile(r"^```(bash|python|text)\n(.*?)^```$", flags=re.M | re.S)
SECONDS = 240


@dataclass
class Block:
    language: str
    code: str
    shown: str = ""


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    for language, content in FENCE.findall(text):
        if language != "text":
            found.append(Block(language, content))
        elif found:
            found[-1].shown += content
    return found


def missing(shown: str, printed: str) -> list[str]:
    """Lines that the page shows and the command did not print, in any order, spaces counted as one."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    wanted = [" ".join(line.split()) for line in shown.splitlines()]
    patterns = [(line, re.escape(line).replace("…", ".*")) for line in wanted if line.strip("… ")]
    return [line for line, pattern in patterns if not any(re.fullmatch(pattern, got) for got in lines)]


@pytest.mark.long
@pytest.mark.parametrize("page", ["tutorial.md", "tutorial.zh.md"])
def test_the_tutorial_runs_as_written(root: Path, page: str, tmp_path: Path, environment: dict[str, str]) -> None:
    env = environment | {"QINGSHAN_HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    env.pop("QINGSHAN_ZONE", None)
    folder = tmp_path / "here"
    folder.mkdir()
    steps = blocks((root / "docs" / page).read_text(encoding="utf-8"))
    assert len(steps) >= 8 and any(step.shown for step in steps)
    for step in steps:
        command = (
            ["bash", "-euo", "pipefail", "-c", step.code]
            if step.language == "bash"
            else [sys.executable, "-c", step.code]
        )
        done = subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{step.code}\nended with {done.returncode}:\n{done.stdout}"
        absent = missing(step.shown, done.stdout)
        assert absent == [], f"{step.code}\ndid not print {absent} but:\n{done.stdout}"


def commands(text: str) -> list[str]:
    """The commands of a page without its comments and the languages it asks for."""
    code = "\n".join(block.code for block in blocks(text))
    return [
        re.sub(r" --lang (zh|en)", "", line.split("  #")[0]).strip() for line in code.splitlines() if "qingshan" in line
    ]


def test_both_tutorials_run_the_same_commands(root: Path) -> None:
    english, chinese = (
        commands((root / "docs" / name).read_text(encoding="utf-8")) for name in ("tutorial.md", "tutorial.zh.md")
    )
    assert english == chinese


def test_a_line_that_is_not_printed_is_noticed() -> None:
    assert missing("a  b\n…\nc … 3\n", "x\na b\nc 1 2 3\n") == []
    assert missing("a b\nc\n", "a b\n") == ["c"]
