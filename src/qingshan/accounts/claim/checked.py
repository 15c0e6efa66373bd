"""The sealed run of a dossier against its own manifest, and against the run that its evidence gives again, file by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qingshan.accounts.seal import changed_files
from qingshan.accounts.verify import Verdict
from qingshan.core.canonical import canonical, digest

__all__ = ["check_run", "compare_runs"]

MANIFEST = "manifest.json"
MAKERS = ("software", "domains", "files")
"""Of a run's manifest not compared with the replay's: what names its maker, and hashes, as the files are compared themselves."""
LINES = ("facts.jsonl", "nodes.jsonl", "refusals.jsonl", "findings.jsonl")


def check_run(run: Path, verdict: Verdict) -> bool:
    """Name what is not as the run's own manifest says, and lines that are no records; False where that manifest cannot be read."""
    manifest = _manifest(run, verdict)
    if manifest is None:
        return False
    count = {name: _records(run, name, verdict) for name in LINES if (run / name).is_file()}
    verdict.facts, verdict.nodes = count.get("facts.jsonl", 0), count.get("nodes.jsonl", 0)
    files = manifest["files"]
    for name in changed_files(run, files):
        if name not in files:
            _tell(verdict, "extra", run, name, "is not part of the run", "不属于这次核算")
        elif not (run / name).is_file():
            _tell(verdict, "missing", run, name, "is missing from the run", "在核算中缺失")
        else:
            _tell(verdict, _kind(name), run, name, "is not what the run's manifest says", "与核算清单不符")
    return True


def compare_runs(run: Path, again: Path, verdict: Verdict) -> None:
    """Name every file of `run` that is changed, missing or extra beside the replay `again`; one that was named stays named once."""
    mine, theirs = _files(run), _files(again)
    for name in sorted(mine | theirs):
        if name not in theirs:
            _tell(verdict, "extra", run, name, "is not part of the replayed run", "不属于重放的核算")
        elif name not in mine:
            _tell(verdict, "missing", run, name, "is missing from the run", "在核算中缺失")
        elif not _same(name, (run / name).read_bytes(), (again / name).read_bytes()):
            _tell(verdict, _kind(name), run, name, "comes out differently", "重做后不同")


def _manifest(run: Path, verdict: Verdict) -> dict[str, Any] | None:
    raw = (run / MANIFEST).read_bytes()
    try:
        manifest = json.loads(raw)
        whole = isinstance(manifest["files"], dict)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        _tell(verdict, "manifest", run, MANIFEST, "cannot be read", "读不出来")
        return None
    if canonical(manifest) != raw or not run.name.endswith(f"-{digest(manifest)[:12]}"):
        _tell(verdict, "manifest", run, MANIFEST, "is not the one that the run is named by", "与核算编号不符")
    return dict(manifest)


def _records(run: Path, name: str, verdict: Verdict) -> int:
    """How many records a file of lines holds; the first line that is none is named."""
    lines = (run / name).read_bytes().splitlines()
    for n, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            _tell(
                verdict, "result", run, name, f"cannot be read: line {n} is no JSON record", f"第 {n} 行不是 JSON 记录"
            )
            return 0
    return len(lines)


def _same(name: str, mine: bytes, theirs: bytes) -> bool:
    if name != MANIFEST:
        return mine == theirs
    one, other = json.loads(mine), json.loads(theirs)
    return bool(
        {k: v for k, v in one.items() if k not in MAKERS} == {k: v for k, v in other.items() if k not in MAKERS}
    )


def _files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def _kind(name: str) -> str:
    return "manifest" if name == MANIFEST else "input" if name.startswith("inputs/") else "result"


def _tell(verdict: Verdict, kind: str, run: Path, name: str, en: str, zh: str) -> None:
    what = f"data/{run.name}/{name}"
    if all(d["what"] != what for d in verdict.differences):
        verdict.name(kind, what, f"{what} {en}.", f"{what} {zh}。")
