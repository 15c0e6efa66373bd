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
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qingshan.core.baseline import DISPATCHED, VARIABLE
from qingshan.core.canonical import canonical, digest, file_digest
from qingshan.core.errors import QingshanError

from .home import home, zone_folder
from .run import RESULTS, UNCERTAINTY, find_run, read_lines
from .seal import DERIVED, changed_files

REPLAY_SECONDS = 600
RASTER_SECONDS = 6 * 3600
TOLERANCE = 1e-12
COMPARED = ("key", "value", "span", "range", "unit", "refusal", "labels", "flags")


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
        """Nothing was tampered with: equal, or equal but for the last digits. A difference that is named is never ok."""
        return self.equal or (self.numeric and not self.differences)

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
        whole = _layers(folder, manifest, verdict)
        with tempfile.TemporaryDirectory(prefix="qingshan-replay-") as scratch:
            replay = _replay(folder, manifest, Path(scratch), verdict) if whole else None
            if replay:
                _compare(folder, replay, verdict)
        _live(folder, manifest, verdict)
    verdict.equal = not verdict.differences and not verdict.numeric
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
    for file in changed_files(folder, sealed):
        kind = "extra" if file not in sealed else "input" if file.startswith("inputs/") else "result"
        if file not in sealed:
            verdict.name(kind, file, f"{file} was not part of the run.", f"{file} 不属于这次核算。")
        elif not (folder / file).exists():
            verdict.name(kind, file, f"{file} is missing.", f"缺文件 {file}。")
        else:
            verdict.name(kind, file, f"{file} was changed after sealing.", f"{file} 在封存后被改动。")
    verdict.files = len(sealed)


def _live(folder: Path, manifest: dict[str, Any], verdict: Verdict) -> None:
    """Note which files of the zone on disk are no longer what the run was made from. That is no fault of the run."""
    zone = zone_folder(folder.name, manifest["zone"])
    if zone is None:
        return
    for name, sha in manifest["files"].items():
        inside = name.removeprefix("inputs/zone/")
        if inside not in (name, DERIVED):
            now = zone / inside
            if not now.is_file():
                verdict.notes.append(f"{inside} is no longer in the zone's folder.")
            elif file_digest(now) != sha:
                verdict.notes.append(f"{inside} of the zone has changed since the run; `qingshan run` takes it in.")


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


def _layers(folder: Path, manifest: dict[str, Any], verdict: Verdict) -> bool:
    """True where every raster that the run read is still there with the bytes it had. A run refers to rasters by hash."""
    if "rasters" not in manifest:
        return True
    live = zone_folder(folder.name, manifest["zone"])
    try:
        used = [n for n in read_lines(folder / "nodes.jsonl") if n["kind"] == "layer" and n.get("row", {}).get("local")]
        declared = _declared_paths(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return True  # results or catalogue cannot be read, which is named where they are compared
    hashes: dict[Path, str] = {}
    for node in used:
        name, sha = str(node["row"]["file"]), str(node["row"]["sha256"])
        path = (live or Path()) / declared.get(str(node["row"].get("entry", {}).get("id", "")), name)
        if path in hashes or path.is_dir():  # a Zarr folder is hashed by the replay
            continue
        hashes[path] = file_digest(path) if path.is_file() else ""
        if not hashes[path]:
            verdict.name(
                "layer",
                name,
                f"the raster {name} ({node['quantity']}) is gone.",
                f"栅格 {name}（{node['quantity']}）已不在。",
            )
        elif hashes[path] != sha:
            verdict.name("layer", name, f"the raster {name} ({node['quantity']}) was changed since the run.",
                         f"栅格 {name}（{node['quantity']}）在核算之后被改动。")  # fmt: skip
    return not any(d["kind"] == "layer" for d in verdict.differences)


def _declared_paths(folder: Path) -> dict[str, str]:
    """Where the sealed catalogue says each raster lies, by its id; a pedigree names files outside the zone without their folder."""
    config = tomllib.loads((folder / "inputs" / "zone" / "zone.toml").read_text(encoding="utf-8-sig"))
    return {str(e["id"]): str(e["path"]) for e in config.get("raster", ()) if e.get("id") and e.get("path")}


def _replay(folder: Path, manifest: dict[str, Any], scratch: Path, verdict: Verdict) -> Path | None:
    """Recompute in another process, with its own empty home and the CPU baseline the run was made with."""
    environment = {**os.environ, "QINGSHAN_HOME": str(scratch / "home"), "PYTHONHASHSEED": "0"}
    environment.pop(VARIABLE, None)
    if not manifest["software"].get("kernels", []):
        environment[VARIABLE] = DISPATCHED
    command = [sys.executable, "-m", "qingshan.accounts.replay", str(folder), manifest["profile"], str(scratch)]
    limits: dict[str, Any] = {"capture_output": True, "text": True, "timeout": REPLAY_SECONDS}
    if "rasters" in manifest:
        (scratch / "home").mkdir()
        if (home() / "cache").is_dir():  # files fetched once are read again, by their hash
            (scratch / "home" / "cache").symlink_to((home() / "cache").resolve())
        command += [str(live)] if (live := zone_folder(folder.name, manifest["zone"])) else []
        limits["timeout"] = RASTER_SECONDS
    try:
        done = subprocess.run(command, env=environment, check=False, **limits)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired:
        raise QingshanError(
            f"the replay took longer than {limits['timeout']} s.", "重放超时。", where=folder.name
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        verdict.name("replay", folder.name, f"the replay stopped: {last}", f"重放中断：{last}")
        return None
    return scratch


def _compare(folder: Path, replay: Path, verdict: Verdict) -> None:
    if not all((folder / f).exists() for f in RESULTS):
        return
    names = [*RESULTS, *([UNCERTAINTY] if (folder / UNCERTAINTY).exists() or (replay / UNCERTAINTY).exists() else [])]
    odd = [f for f in names if not _same(folder / f, replay / f)]
    try:
        mine = {n["key"]: n for n in read_lines(folder / "nodes.jsonl")}
        told = read_lines(folder / "facts.jsonl")
    except (ValueError, KeyError, TypeError):
        verdict.name("result", "nodes.jsonl", "the results cannot be read.", "结果文件读不出来。")
        return
    verdict.nodes, verdict.facts = len(mine), len(told)
    if not odd:
        return
    before = len(verdict.differences)
    theirs = {n["key"]: n for n in read_lines(replay / "nodes.jsonl")}
    for key in sorted(set(mine) | set(theirs)):
        _compare_node(mine.get(key), theirs.get(key), verdict)
    again = {_cell(f): f for f in read_lines(replay / "facts.jsonl")}
    for fact in told:
        _compare_fact(fact, again.pop(_cell(fact), None), verdict)
    for cell in again:
        name = " ".join(part for part in cell if part)
        verdict.name("value", name, f"{name} is in the replay only.", f"{name} 只见于重放。")
    if len(verdict.differences) == before and not verdict.numeric:
        verdict.name(
            "result", ", ".join(odd), f"{', '.join(odd)} differ from the replay.", f"{'、'.join(odd)} 与重放不同。"
        )


def _same(mine: Path, theirs: Path) -> bool:
    return mine.is_file() and theirs.is_file() and mine.read_bytes() == theirs.read_bytes()


def _compare_fact(fact: dict[str, Any], other: dict[str, Any] | None, verdict: Verdict) -> None:
    if other is not None and all(fact.get(k) == other.get(k) for k in COMPARED):
        return
    if other is not None and _close(fact, other):
        verdict.numeric = True
        return
    name = " ".join(str(fact.get(k, "")) for k in ("quantity", "place", "cls", "period", "basis") if fact.get(k))
    was, now = _shown(fact), _shown(other or {})
    verdict.name("value", name, f"{name}: published {was}, replayed {now}.", f"{name}：公布 {was}，重放 {now}。")


def _shown(fact: dict[str, Any]) -> str:
    if not fact:
        return "nothing"
    figure = fact.get("value", fact.get("span"))
    return (
        "a refusal"
        if fact.get("refusal")
        else f"{figure} {fact.get('unit', '')} {' '.join(fact.get('labels', ()))}".strip()
    )


def _compare_node(mine: dict[str, Any] | None, theirs: dict[str, Any] | None, verdict: Verdict) -> None:
    if mine == theirs:
        return
    node = mine or theirs or {}
    name = " ".join(str(node[k]) for k in ("quantity", "place", "cls", "period", "basis") if node.get(k))
    row = node.get("row") or {}
    at = f"{row.get('file') or row.get('origin', '')}:{row.get('row') or row.get('line', '')}" if row else ""
    if mine and theirs:
        if _values_close(mine.get("value"), theirs.get("value")) and mine | {"value": 0} == theirs | {"value": 0}:
            verdict.numeric = True
            return
        en, zh = (
            f"{name} ({node['kind']}{f', {at}' if at else ''}) was altered in the sealed results.",
            f"{name} 在封存结果里被改动。",
        )
    elif node["kind"] not in ("input", "parameter", "layer"):
        return  # a step with another key follows from another input, parameter or method, which is named
    elif mine:
        en, zh = (
            f"{name} ({at}) was used by the run, the replay does not find it.",
            f"核算用过 {name}（{at}），重放时已不是这个值。",
        )
    else:
        en, zh = f"{name} ({at}) is new in the replay.", f"重放用的 {name}（{at}）与当时不同。"
    verdict.name(node["kind"], name, en, zh)


def _values_close(left: Any, right: Any) -> bool:
    """Scenario lists that agree within the tolerance."""
    if not isinstance(left, list) or not isinstance(right, list) or len(left) != len(right):
        return False
    return all(abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) for a, b in zip(left, right, strict=True))


def _cell(fact: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(fact.get(k, "")) for k in ("role", "service", "quantity", "place", "cls", "period", "basis"))


def _close(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """The same cell but for the last digits of its figures."""
    left, right = (
        [a.get("value"), *a.get("span", ()), *a.get("range", ())],
        [b.get("value"), *b.get("span", ()), *b.get("range", ())],
    )
    if len(left) != len(right) or any(a.get(k) != b.get(k) for k in COMPARED if k not in ("value", "span", "range")):
        return False
    pairs = [(x, y) for x, y in zip(left, right, strict=True) if x != y]
    return all(x is not None and y is not None and abs(x - y) <= TOLERANCE * max(abs(x), abs(y)) for x, y in pairs)
