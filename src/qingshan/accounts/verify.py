"""Replaying a run as an outsider would: a separate process recomputes everything from the sealed inputs, with an empty
store, and the bytes are compared. Whatever differs is named: file, row, parameter, figure.

CPU features of numpy are pinned in the replay (`NPY_DISABLE_CPU_FEATURES` is left as recorded); on another software or
machine, figures that agree within 1e-12 relative are reported as numerically equal, not byte-equal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qingshan.core.canonical import canonical, digest, file_digest
from qingshan.core.errors import QingshanError

from .run import find_run, read_lines

REPLAY_SECONDS = 600
TOLERANCE = 1e-12


@dataclass
class Verdict:
    """`equal` is True when every byte agrees; `numeric` when only the last digits differ on other software."""

    run: str
    equal: bool = False
    numeric: bool = False
    seconds: float = 0.0
    facts: int = 0
    nodes: int = 0
    files: int = 0
    differences: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.equal or self.numeric

    def record(self) -> dict[str, Any]:
        return {**self.__dict__, "ok": self.ok}

    def name(self, kind: str, what: str, en: str, zh: str) -> None:
        self.differences.append({"kind": kind, "what": what, "en": en, "zh": zh})


def verify(name: str | Path) -> Verdict:
    """Check seals, replay, compare. Raises `UnknownName` where there is no such run."""
    started = time.perf_counter()
    folder = find_run(name)
    verdict = Verdict(folder.name)
    manifest = _manifest(folder, verdict)
    if manifest is not None:
        _seals(folder, manifest, verdict)
        _software(manifest, verdict)
        with tempfile.TemporaryDirectory(prefix="qingshan-replay-") as scratch:
            replay = _replay(folder, manifest["profile"], Path(scratch), verdict)
            if replay:
                _compare(folder, replay, verdict)
    verdict.equal = not verdict.differences
    verdict.seconds = round(time.perf_counter() - started, 3)
    return verdict


def _manifest(folder: Path, verdict: Verdict) -> dict[str, Any] | None:
    raw = (folder / "manifest.json").read_bytes()
    try:
        manifest: dict[str, Any] = json.loads(raw)
        whole = canonical(manifest) == raw and {"files", "profile", "software"} <= set(manifest)
    except ValueError:
        manifest, whole = {}, False
    if not whole:
        verdict.name("manifest", "manifest.json", "the manifest is not as written.", "清单文件不是原样。")
        return None
    if not folder.name.endswith(digest(manifest)[:12]):
        verdict.name("manifest", "manifest.json", f"its hash is {digest(manifest)[:12]}, the run is {folder.name}.",
                     f"清单哈希为 {digest(manifest)[:12]}，与核算编号 {folder.name} 不符。")  # fmt: skip
    return manifest


def _seals(folder: Path, manifest: dict[str, Any], verdict: Verdict) -> None:
    sealed = manifest["files"]
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"manifest.json"}
    for file in sorted(set(sealed) - present):
        verdict.name("input" if file.startswith("inputs/") else "result", file, f"{file} is missing.", f"缺文件 {file}。")
    for file in sorted(present - set(sealed)):
        verdict.name("extra", file, f"{file} was not part of the run.", f"{file} 不属于这次核算。")
    for file in sorted(present & set(sealed)):
        if file_digest(folder / file) != sealed[file]:
            kind = "input" if file.startswith("inputs/") else "result"
            verdict.name(kind, file, f"{file} was changed after sealing.", f"{file} 在封存后被改动。")
    verdict.files = len(sealed)


def _software(manifest: dict[str, Any], verdict: Verdict) -> None:
    from qingshan.core.domain import load_domains  # noqa: PLC0415 - heavy, and only here

    domains = load_domains()
    for ref, code in manifest["methods"].items():
        if ref not in domains.registry:
            verdict.name("method", ref, f"method {ref} is not installed.", f"没有安装方法 {ref}。")
        elif domains.registry[ref].code != code:
            verdict.name("method", ref, f"the code of {ref} differs from the run's.", f"方法 {ref} 的代码与当时不同。")
    for file, sha in manifest["domains"].items():
        if domains.hashes.get(file) != sha:
            verdict.notes.append(f"{file} differs from the run's; rows it used are compared below.")


def _replay(folder: Path, profile: str, scratch: Path, verdict: Verdict) -> Path | None:
    """Recompute in another process, with its own empty home."""
    environment = {**os.environ, "QINGSHAN_HOME": str(scratch / "home"), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "qingshan.accounts.replay", str(folder), profile, str(scratch)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=REPLAY_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise QingshanError(f"the replay took longer than {REPLAY_SECONDS} s.", "重放超时。") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        verdict.name("replay", folder.name, f"the replay stopped: {last}", f"重放中断：{last}")
        return None
    return scratch


def _compare(folder: Path, replay: Path, verdict: Verdict) -> None:
    if not all((folder / f).exists() for f in ("nodes.jsonl", "facts.jsonl")):
        return
    same_bytes = all((folder / f).read_bytes() == (replay / f).read_bytes() for f in ("nodes.jsonl", "facts.jsonl"))
    try:
        mine = {n["key"]: n for n in read_lines(folder / "nodes.jsonl")}
        told = read_lines(folder / "facts.jsonl")
    except (ValueError, KeyError):
        verdict.name("result", "nodes.jsonl", "the results cannot be read.", "结果文件读不出来。")
        return
    verdict.nodes, verdict.facts = len(mine), len(told)
    if same_bytes:
        return
    theirs = {n["key"]: n for n in read_lines(replay / "nodes.jsonl")}
    for key in sorted(set(mine) | set(theirs)):
        _compare_node(mine.get(key), theirs.get(key), verdict)
    again = {_cell(f): f for f in read_lines(replay / "facts.jsonl")}
    for fact in told:
        other = again.get(_cell(fact))
        if other is None or any(fact.get(k) != other.get(k) for k in ("value", "span", "range", "unit", "refusal", "labels")):
            if other is not None and _close(fact, other):
                verdict.numeric = True
                continue
            name = " ".join(str(fact.get(k, "")) for k in ("quantity", "place", "cls", "period", "basis") if fact.get(k))
            was, now = fact.get("value", fact.get("span")), (other or {}).get("value", (other or {}).get("span"))
            verdict.name("value", name, f"{name}: published {was}, replayed {now}.", f"{name}：公布 {was}，重放 {now}。")


def _compare_node(mine: dict[str, Any] | None, theirs: dict[str, Any] | None, verdict: Verdict) -> None:
    if mine == theirs:
        return
    node = mine or theirs or {}
    if node.get("kind") not in ("input", "parameter"):
        return  # computed nodes show as facts
    row = node.get("row", {})
    at = f"{row.get('file') or row.get('origin', '')}:{row.get('row') or row.get('line', '')}"
    name = " ".join(p for p in (node.get("quantity", ""), node.get("place", ""), node.get("cls", ""), node.get("period", "")) if p)
    if mine and theirs:
        en, zh = f"{name} was altered in the sealed results.", f"{name} 在封存结果里被改动。"
    elif mine:
        en, zh = f"{name} ({at}) was used by the run, the replay does not find it.", f"核算用过 {name}（{at}），重放时已不是这个值。"
    else:
        en, zh = f"{name} ({at}) is new in the replay.", f"重放用的 {name}（{at}）与当时不同。"
    verdict.name(node["kind"], name, en, zh)


def _cell(fact: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(fact.get(k, "")) for k in ("role", "service", "quantity", "place", "cls", "period", "basis"))


def _close(a: dict[str, Any], b: dict[str, Any]) -> bool:
    left, right = [a.get("value"), *a.get("span", ()), *a.get("range", ())], [b.get("value"), *b.get("span", ()), *b.get("range", ())]
    if len(left) != len(right) or a.get("unit") != b.get("unit") or a.get("refusal") != b.get("refusal"):
        return False
    pairs = list(zip(left, right, strict=True))
    return all(x == y or (x is not None and y is not None and abs(x - y) <= TOLERANCE * max(abs(x), abs(y))) for x, y in pairs)
