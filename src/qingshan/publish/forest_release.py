"""Releases of forest carbon: one folder per year and revision, signed, with everything needed to make it again.

releases/ZONE/forest-carbon-YEAR/
    r1, r2 …   signed revisions; none is ever changed        draft   the newest unsigned draft
        manifest.json, signature.json                        hashes of all files; Ed25519 over the manifest
        estimates.csv, estimates.json, uncertainty.json, methods.json, changes.json, map-*.svg, report.LANG.pdf
        data/datapackage.json, data/RUN/…                    the sealed run with the tables of plots and trees
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import qingshan
from qingshan.accounts.home import home, zone_key
from qingshan.accounts.inventory import ForestRun, forest_run
from qingshan.accounts.verify import Verdict
from qingshan.accounts.verify import verify as verify_run
from qingshan.core.canonical import canonical, file_digest
from qingshan.core.errors import RefusedRelease, UnknownName
from qingshan.zone.zone import Zone

from .forest import ForestAccount, changes, estimates_csv, gather_forest
from .forest_map import place_map, plot_map
from .forest_report import forest_pdf
from .release import require_seal
from .signed import MANIFEST, SIGNATURE, broken_files, sign, signature_holds, signer_note
from .words import LANGUAGES

__all__ = [
    "ForestRelease",
    "forest_releases",
    "is_forest_release",
    "open_forest_release",
    "publish_forest",
    "releases_folder",
    "verify_forest_release",
]

KIND, DRAFT = "forest-carbon", "draft"


@dataclass(frozen=True)
class ForestRelease:
    """A release in a folder. `revision` 0 is a draft, which is not signed."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.folder / MANIFEST).read_bytes())
        return made

    @property
    def year(self) -> str:
        return str(self.manifest["year"])

    @property
    def revision(self) -> int:
        return int(self.manifest["revision"])

    @property
    def demonstration(self) -> bool:
        """Of synthetic data, and said to be so."""
        return bool(self.manifest.get("demonstration", False))

    @property
    def signed(self) -> bool:
        return (self.folder / SIGNATURE).is_file()

    @property
    def run(self) -> str:
        return str(self.manifest["run"])

    @property
    def why(self) -> str:
        return str(self.manifest["why"])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.manifest["labels"])

    @cached_property
    def estimates(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = json.loads((self.folder / "estimates.json").read_bytes())
        return made

    @cached_property
    def changes(self) -> dict[str, Any] | None:
        """`figures` and `causes` against the revision before; None in the first."""
        path = self.folder / "changes.json"
        return json.loads(path.read_bytes()) if path.is_file() else None

    @cached_property
    def signature(self) -> dict[str, Any] | None:
        return json.loads((self.folder / SIGNATURE).read_bytes()) if self.signed else None

    def record(self) -> dict[str, Any]:
        kept = ("zone", "year", "revision", "run", "why", "labels", "reasons")
        return {"folder": str(self.folder), "demonstration": self.demonstration, **{k: self.manifest[k] for k in kept},
                "signature": self.signature, "files": self.manifest["files"],
                "changes": self.changes}  # fmt: skip


def releases_folder(zone: Zone) -> Path:
    return home() / "releases" / zone_key(zone)


def open_forest_release(folder: Path) -> ForestRelease:
    """Raises `UnknownName` where the folder holds no release of forest carbon."""
    if not is_forest_release(folder):
        raise UnknownName(f"{folder} holds no release of forest carbon.", f"{folder} 不是森林碳储量发布。")
    return ForestRelease(folder)


def is_forest_release(folder: Path) -> bool:
    path = folder / MANIFEST
    try:
        return path.is_file() and json.loads(path.read_bytes()).get("kind") == KIND
    except (ValueError, AttributeError):
        return False


def forest_releases(zone: Zone, out: Path | None = None) -> list[ForestRelease]:
    """Releases of a zone: newest year first, within it the newest revision first, a draft last."""
    found = [ForestRelease(p) for p in (out or releases_folder(zone)).glob(f"{KIND}-*/*") if is_forest_release(p)]
    return sorted(found, key=lambda r: (-int(r.year), -r.revision))


def publish_forest(
    zone: Zone, year: int | str | None = None, *, why: str = "", draft: bool = False, out: Path | None = None,
    demonstration: bool = False,
) -> ForestRelease:  # fmt: skip
    """Write a release of an inventory year of the zone's newest sealed estimates (None: the newest year).

    A signed one needs the key of the environment and no reason against it; it becomes the next revision, and a second one
    needs `why`. A draft replaces the draft before it. Synthetic data are signed as a `demonstration` only.
    Raises `KeyMissing`, `RefusedRelease`, `UnknownName`; then nothing is written.
    """
    run = forest_run(zone)
    if run is None:
        raise UnknownName(
            f"{zone.id} has no sealed estimates.",
            f"{zone.name_zh}没有封存的森林调查估计。",
            fix="qingshan forest run --zone ZONE",
        )
    require_seal(run)
    account = gather_forest(run, year, demonstration=demonstration)
    series = (out or releases_folder(zone)) / f"{KIND}-{account.year}"
    before = _newest(series)
    if not draft:
        _require(account, before, why)
    revision = 0 if draft else (before.revision + 1 if before else 1)
    series.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".releasing-", dir=series))
    try:
        _write(part, account, before, revision, why)
        if not draft:
            (part / SIGNATURE).write_bytes(sign((part / MANIFEST).read_bytes()))
        final = series / (DRAFT if draft else f"r{revision}")
        if draft:
            shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ForestRelease(final)


def _newest(series: Path) -> ForestRelease | None:
    kept = [p for p in series.glob("r[0-9]*") if is_forest_release(p)]
    return ForestRelease(max(kept, key=lambda p: int(p.name[1:]))) if kept else None


def _require(account: ForestAccount, before: ForestRelease | None, why: str) -> None:
    if account.reasons:
        raise RefusedRelease(
            f"{account.run.id} cannot be released, {len(account.reasons)} reasons: " + " ".join(r.en for r in account.reasons),
            f"{account.run.id} 不能发布，原因 {len(account.reasons)} 条：" + "".join(r.zh for r in account.reasons),
            reasons=[str(r) for r in account.reasons], fix="fill what is open, or publish a draft with --draft / 补齐待补项，或用 --draft 出草案",
        )  # fmt: skip
    if before is not None and before.run == account.run.id:
        raise RefusedRelease(
            f"revision {before.revision} is of the same run: nothing has changed.", f"第 {before.revision} 版即出自同一次核算，没有改动。",
            fix="load new tables and run the inventories again / 载入新表后重新核算",
        )  # fmt: skip
    if before is not None and not why.strip():
        raise RefusedRelease(
            f"revision {before.revision + 1} needs its reason.", f"第 {before.revision + 1} 版须写明修订原因。",
            fix="--why 'what changed and why' / 用 --why 写明原因",
        )  # fmt: skip


def _write(part: Path, account: ForestAccount, before: ForestRelease | None, revision: int, why: str) -> None:
    """Everything but the signature."""
    run = account.run
    kept = part / "data" / run.id
    shutil.copytree(run.path, kept)
    changed = _changed(before, account)
    for name, data in {
        **_results(account, changed, revision, why),
        "data/datapackage.json": _package(account, kept),
    }.items():
        (part / name).write_bytes(data)
    files = {p.relative_to(part).as_posix(): file_digest(p) for p in sorted(part.rglob("*")) if p.is_file()}
    manifest = {
        "format": 1, "kind": KIND, "zone": run.zone.id, "place": account.root, "year": account.year, "revision": revision,
        "demonstration": account.demonstration,
        "run": run.id,
        "run_manifest": file_digest(kept / MANIFEST), "previous": None if before is None else file_digest(before.folder / MANIFEST), "why": why,
        "labels": list(account.labels), "reasons": [r.record() for r in account.reasons], "software": qingshan.__version__, "files": files,
    }  # fmt: skip
    (part / MANIFEST).write_bytes(canonical(manifest))


def _changed(before: ForestRelease | None, account: ForestAccount) -> dict[str, Any] | None:
    if before is None:
        return None
    old = json.loads((before.folder / "data" / before.run / MANIFEST).read_bytes())
    return changes(before.estimates, account.rows(), old, account.run.manifest)


def _results(account: ForestAccount, changed: Mapping[str, Any] | None, revision: int, why: str) -> dict[str, bytes]:
    """Every file that follows from the run: what a replay must make again to the byte."""
    rows = account.rows()
    made = {
        "estimates.json": canonical(rows), "estimates.csv": estimates_csv(rows), "uncertainty.json": canonical(account.uncertainty()),
        "methods.json": canonical(account.methods()),
    }  # fmt: skip
    if changed is not None:
        made["changes.json"] = canonical(changed)
    for lang in LANGUAGES:
        for name, draw in (("places", place_map), ("plots", plot_map)):
            picture = draw(account, lang)
            if picture:
                made[f"map-{name}.{lang}.svg"] = picture.svg.encode()
        made[f"report.{lang}.pdf"] = forest_pdf(account, lang, revision=revision, why=why, changed=changed)
    return made


def _package(account: ForestAccount, kept: Path) -> bytes:
    """A Frictionless data package of the tables behind the release."""
    run = account.run
    resources: list[dict[str, Any]] = [{
        "name": "estimates", "path": "../estimates.csv", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8",
        "title": "estimates with standard errors and intervals",
    }]  # fmt: skip
    for path in sorted((kept / "inputs" / "inventory").rglob("*.csv")):
        inside = path.relative_to(kept)
        resources.append({
            "name": "-".join([*inside.parts[2:-1], path.stem]).lower(), "path": f"{run.id}/{inside.as_posix()}", "format": "csv", "mediatype": "text/csv",
            "encoding": "utf-8", "bytes": path.stat().st_size, "hash": f"sha256:{file_digest(path)}",
        })  # fmt: skip
    where = run.zone.place(account.root)
    described = {
        "profile": "data-package", "name": f"forest-carbon-{run.zone.id}-{account.year}".lower(),
        "title": f"Forest carbon of {where.name('en')}, {account.year}", "sources": [{"title": account.inventory.source or account.inventory.id}],
        "keywords": list(account.labels), "resources": resources,
    }  # fmt: skip
    return canonical(described)


# --- verification


def verify_forest_release(folder: Path, public_key: str = "") -> Verdict:
    """Check signature and signer, hashes and chain, replay the run in a separate process, and make every file again.

    `public_key` is that of the signer the reader expects. Raises `UnknownName` where the folder holds no release, `DeclarationError`
    for a key that is none.
    """
    started = time.perf_counter()
    release = open_forest_release(folder)
    verdict = Verdict(f"{KIND}-{release.year}/{folder.name}")
    raw = (folder / MANIFEST).read_bytes()
    if canonical(release.manifest) != raw:
        verdict.name("manifest", MANIFEST, "the manifest is not as written.", "清单文件不是原样。")
    if release.signed:
        if not signature_holds(raw, (folder / SIGNATURE).read_bytes()):
            verdict.name("signature", SIGNATURE, "the signature is not that of the manifest.", "签名与清单不符。")
        else:
            signer_of(verdict, str((release.signature or {})["public_key"]), public_key)
    elif release.revision or public_key:
        verdict.name("signature", SIGNATURE, "the signature is missing.", "缺少签名。")
    else:
        verdict.notes.append("a draft: not signed. / 草案，没有签名。")
    if release.demonstration:
        verdict.notes.append("a demonstration on synthetic data. / 合成数据的演示。")
    for name in broken_files(folder, release.manifest["files"]):
        verdict.name("result", name, f"{name} is not what the manifest says.", f"{name} 与清单不符。")
    verdict.files = len(release.manifest["files"])
    if not verdict.differences:
        _replayed(release, verdict)
    verdict.equal = not verdict.differences and not verdict.numeric
    verdict.seconds = round(time.perf_counter() - started, 3)
    return verdict


def signer_of(verdict: Verdict, signer: str, expected: str) -> None:
    """Note who signed, or name it as a difference where another signer is expected."""
    fine, said = signer_note(signer, expected)
    en, _, zh = said.partition(" / ")
    if fine:
        verdict.notes.append(said)
    else:
        verdict.name("signer", SIGNATURE, f"{en}.", f"{zh}。")


def _replayed(release: ForestRelease, verdict: Verdict) -> None:
    inner = verify_run(release.folder / "data" / release.run)
    verdict.facts, verdict.nodes, verdict.numeric = inner.facts, inner.nodes, inner.numeric
    verdict.differences += inner.differences
    verdict.notes += inner.notes
    before = None
    if release.manifest["previous"]:
        before = _predecessor(release)
        if before is None:
            verdict.notes.append(
                "the revision before is not at hand: changes.json and the reports are not made again. / 手边没有前一版：changes.json 和报告不重做。"
            )
    run = ForestRun(release.folder / "data" / release.run)
    account = gather_forest(run, release.year, demonstration=release.demonstration)
    if account.root != release.manifest["place"]:
        verdict.name("manifest", MANIFEST, "the place is not that of the run.", "地点与核算不符。")
    made = _results(account, _changed(before, account), release.revision, release.why)
    blind = release.manifest["previous"] and before is None
    for name, data in made.items():
        if not (blind and name.startswith(("changes", "report"))) and sha256(data).hexdigest() != release.manifest[
            "files"
        ].get(name):
            verdict.name("result", name, f"{name} comes out differently.", f"{name} 重做后不同。")
    if _package(account, run.path) != (release.folder / "data" / "datapackage.json").read_bytes():
        verdict.name(
            "result", "data/datapackage.json", "the data package comes out differently.", "数据包说明重做后不同。"
        )


def _predecessor(release: ForestRelease) -> ForestRelease | None:
    """The revision before, where it stands beside this one and is the one it names."""
    for path in release.folder.parent.glob("r[0-9]*"):
        if (path / MANIFEST).is_file() and file_digest(path / MANIFEST) == release.manifest["previous"]:
            return ForestRelease(path)
    return None
