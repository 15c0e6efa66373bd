"""What the README promises exists: targets, verbs, files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

READMES = ("README.md", "README.zh.md")
PAGES = (*READMES, "CONTRIBUTING.md", "docs/index.md", "docs/index.zh.md", "docs/tutorial.md", "docs/tutorial.zh.md")


def code(text: str) -> str:
    """Everything in backticks and fences."""
    return "\n".join(re.findall(r"```.*?```|`[^`]+`", text, flags=re.S))


@pytest.mark.parametrize("page", READMES)
def test_first_command_is_make_run_then_make_test(root: Path, page: str) -> None:
    block = re.search(r"```bash\n(.*?)```", (root / page).read_text(encoding="utf-8"), flags=re.S)
    assert block and [line.split("#")[0].strip() for line in block[1].splitlines()] == ["make run", "make test"]


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_named_exists(root: Path, page: str) -> None:
    named = set(re.findall(r"\bmake((?: [a-z][a-z-]*)+)", code((root / page).read_text(encoding="utf-8"))))
    targets = set(re.findall(r"^([a-z%-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    words = {target for group in named for target in group.split() if not target.startswith("bench-")}
    assert words <= targets, f"{page} names targets that do not exist: {sorted(words - targets)}"


@pytest.mark.parametrize("page", PAGES)
def test_every_verb_named_exists(root: Path, page: str, environment: dict[str, str]) -> None:
    said = subprocess.run(["qingshan", "--help"], env=environment, check=True, capture_output=True, text=True).stdout
    verbs = set(re.findall(r"(?<!import )\bqingshan ([a-z]+)\b", code((root / page).read_text(encoding="utf-8"))))
    assert all(re.search(rf"\b{verb}\b", said) for verb in verbs), f"{page}: {sorted(verbs)} against\n{said}"


@pytest.mark.parametrize("page", READMES)
def test_every_file_linked_exists(root: Path, page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (root / page).read_text(encoding="utf-8"))
    assert links and [link for link in links if not (root / link).exists()] == []


def test_both_languages_show_the_same_commands(root: Path) -> None:
    english, chinese = (
        set(re.findall(r"(?:qingshan|make) [a-zA-Z][^\n`#]*", code((root / page).read_text(encoding="utf-8"))))
        for page in READMES
    )
    assert {c.strip() for c in english} == {c.strip() for c in chinese}
