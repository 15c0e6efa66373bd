"""Keeping the dossier of a project: data, maps, monitoring report, verification request and PDF, by version.

    projects/ZONE/ID/v1, v2 …   dossier.json, parcels.geojson, reductions.csv, monitoring_report.json,
                                verification_request.json, parcels.LANG.svg, dossier.LANG.pdf; manifest.json with all hashes;
                                data/RUN: the evidence and every figure down to plots and trees
    projects/ZONE/ID/refused    overlap.geojson, overlap.LANG.svg of the last refusal for double counting
    claims/ZONE                 the zone's table of claims

The same project folder against the same claims gives the same bytes by one build; a version is written only where something differs.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import shapely

import qingshan
from qingshan.accounts.claim.checked import check_run, compare_runs
from qingshan.accounts.claim.dossier import Dossier, KeptDossier, dossier_of, labels_said, open_dossier, projects_folder
from qingshan.accounts.claim.index import DoubleCounted, Overlap
from qingshan.accounts.claim.project import claims_of, outline, read_project
from qingshan.accounts.claim.sealed import DossierRun, evidence_folder, seal_dossier
from qingshan.accounts.claim.table import ClaimTable, open_table
from qingshan.accounts.claim.words import claim_word
from qingshan.accounts.home import home, zone_key
from qingshan.accounts.verify import Verdict
from qingshan.core.build import build
from qingshan.core.canonical import canonical, file_digest, write_atomic
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.parameter import RELEASE_STATUSES
from qingshan.zone.zone import Zone

from . import parts
from .forest_report import label_note
from .numbers import interval, unit_word, write
from .parcel_map import overlap_svg, parcel_svg
from .parts import Block
from .pdf import typeset
from .signed import MANIFEST, SIGNATURE, broken_files
from .words import LANGUAGES, Words, gravest_first
from .written import Cell, identifier, mark

__all__ = ["claims_table", "is_dossier", "overlap_geojson", "publish_dossier", "refused_map", "verify_dossier"]

LISTED = 200
KIND = "forest-dossier"
DRAWN = (".pdf", ".svg")
"""Files that another build may set or draw otherwise with the same figures."""


def claims_table(zone: Zone, crs: str = "", tolerance_m2: float | None = None) -> ClaimTable:
    """The zone's table of claims; a new one needs CRS and tolerance. Raises `OutOfBounds`."""
    return open_table(home() / "claims" / zone_key(zone), crs, tolerance_m2)


def publish_dossier(
    zone: Zone,
    folder: Path,
    *,
    crs: str = "",
    tolerance_m2: float | None = None,
    enter: bool = False,
    by: str = "",
    out: Path | None = None,
) -> KeptDossier:
    """Compute and keep the dossier of a project folder; `enter` puts its parcels into the zone's table of claims.

    Raises `DoubleCounted` after the map of the overlap was written, and whatever `dossier_of` raises; no version is written then.
    """
    table = claims_table(zone, crs, tolerance_m2)
    project = read_project(folder)
    zone.place(project.place)
    kept = (out or projects_folder(zone)) / project.id
    try:
        dossier = dossier_of(folder, table)
        if enter:
            table.enter(claims_of(project), project.crs, why=f"dossier of {project.id}", by=by)
    except DoubleCounted as refused:
        refused_map(kept / "refused", refused.overlaps, table.crs)
        refused.where = str(kept / "refused")
        raise
    return _kept(kept, dossier, zone)


def _kept(series: Path, dossier: Dossier, zone: Zone) -> KeptDossier:
    versions = sorted(
        (p for p in series.glob("v[0-9]*") if (p / "dossier.json").is_file()), key=lambda p: int(p.name[1:])
    )
    record = canonical(dossier.record())
    same = bool(versions) and (versions[-1] / "dossier.json").read_bytes() == record
    if same and _maker(versions[-1]) == _software():
        return open_dossier(versions[-1])
    series.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".keeping-", dir=series))
    try:
        run = seal_dossier(dossier, zone, part / "data")
        for name, data in _files(dossier, record, zone, labels_said(run)).items():
            (part / name).write_bytes(data)
        files = {p.relative_to(part).as_posix(): file_digest(p) for p in sorted(part.rglob("*")) if p.is_file()}
        if same and files == json.loads((versions[-1] / MANIFEST).read_bytes())["files"]:
            return open_dossier(versions[-1])  # another build, the same bytes
        (part / MANIFEST).write_bytes(canonical({
            "format": 1, "kind": KIND, "zone": zone.id, "project": dossier.project.id, "software": _software(), "files": files,
        }))  # fmt: skip
        final = series / f"v{len(versions) + 1}"
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_dossier(final)


def _software() -> dict[str, str]:
    """What the bytes of a dossier depend on besides its evidence."""
    return {"qingshan": qingshan.__version__, "build": build(), "python": platform.python_version(), "numpy": version("numpy"),
            "typst": version("typst")}  # fmt: skip


def _files(dossier: Dossier, record: bytes, zone: Zone, labels: Iterable[str]) -> dict[str, bytes]:
    made = {
        "dossier.json": record, "parcels.geojson": canonical(_parcels(dossier)), "reductions.csv": _reductions(dossier),
        "monitoring_report.json": canonical(dossier.monitoring_report()), "verification_request.json": canonical(dossier.verification_request()),
    }  # fmt: skip
    if dossier.trees:
        made["trees.csv"] = _of_trees(dossier)
    for lang in LANGUAGES:
        svg = parcel_svg(dossier, lang).encode()
        made[f"parcels.{lang}.svg"] = svg
        made[f"dossier.{lang}.pdf"] = typeset(_document(dossier, Words(lang), zone, labels), {"parcels.svg": svg})
    return made


def _parcels(dossier: Dossier) -> dict[str, Any]:
    features = [
        {"type": "Feature", "geometry": shapely.geometry.mapping(p.outline),
         "properties": {"parcel": p.id, "title": p.title, "species": p.species, "planted": p.planted, "stratum": p.stratum,
                        "area_hm2": round(p.hm2, 4), "kg_co2e": dossier.of_parcel(p.id)}} for p in dossier.project.parcels
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _reductions(dossier: Dossier) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("parcel", "vintage", "kg_co2e"))
    writer.writerows((x.parcel, x.vintage, x.kg) for x in dossier.lines)
    return stream.getvalue().encode()


def _of_trees(dossier: Dossier) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("parcel", "tree", "vintage", "kg_co2e"))
    writer.writerows((x.parcel, x.tree, x.vintage, x.kg) for x in dossier.trees)
    return stream.getvalue().encode()


def overlap_geojson(overlaps: Sequence[Overlap], crs: str) -> dict[str, Any]:
    """The shared ground of overlaps in longitude and latitude."""
    features = []
    for o in overlaps:
        drawn = None if o.geometry is None else shapely.geometry.mapping(outline(o.geometry, crs))
        about = {"first": o.first.id, "first_scheme": o.first.scheme, "second": o.second.id, "second_scheme": o.second.scheme,
                 "area_m2": round(o.area, 2), "identity": o.identity, "zh": o.sentence("zh"), "en": o.sentence("en")}  # fmt: skip
        features.append({"type": "Feature", "geometry": drawn, "properties": about})
    return {"type": "FeatureCollection", "features": features}


def refused_map(folder: Path, overlaps: Sequence[Overlap], crs: str) -> None:
    """Write the map of a refusal."""
    write_atomic(folder / "overlap.geojson", json.dumps(overlap_geojson(overlaps, crs), ensure_ascii=False).encode())
    for lang in LANGUAGES:
        write_atomic(folder / f"overlap.{lang}.svg", overlap_svg(overlaps, lang).encode())


# --- verification


def is_dossier(folder: Path) -> bool:
    path = folder / MANIFEST
    try:
        return path.is_file() and json.loads(path.read_bytes()).get("kind") == KIND
    except (ValueError, AttributeError):
        return False


def verify_dossier(folder: Path) -> Verdict:
    """Check every hash, compute the dossier again from its evidence, and make every file again, those of its sealed run too.

    A dossier without its run can not be computed again: a difference of kind `run`. Typeset and drawn files that are as the manifest
    says and come out differently by another build are one difference of kind `build`; the figures printed in them are not compared.
    Raises `UnknownName` where the folder holds no dossier. Land claimed by others is the table of claims' matter, not asked here.
    """
    if not is_dossier(folder):
        raise UnknownName(f"{folder} holds no dossier.", f"{folder} 不是项目案卷。")
    started = time.perf_counter()
    kept = open_dossier(folder)
    verdict = Verdict(f"{kept.id}/{folder.name}")
    raw = (folder / MANIFEST).read_bytes()
    manifest = json.loads(raw)
    if canonical(manifest) != raw:
        verdict.name("manifest", MANIFEST, "the manifest is not as written.", "清单文件不是原样。")
    if not _words_only(manifest.get("software", {})):
        verdict.name("manifest", MANIFEST, "its `software` is no table of words.", "其中的 `software` 不是文字表。")
    for name in broken_files(folder, manifest["files"]):
        verdict.name("result", name, f"{name} is not what the manifest says.", f"{name} 与清单不符。")
    verdict.files = len(manifest["files"])
    run = kept.run
    if run is None:
        en = "it holds no run; nothing was computed again. Make it anew with `qingshan forest dossier`."
        verdict.name("run", "data", en, "其中没有核算，什么都没有重算。请用 `qingshan forest dossier` 重新生成。")
    elif not verdict.differences and check_run(run, verdict):
        _computed_again(kept, run, verdict)
    verdict.equal = not verdict.differences
    verdict.seconds = round(time.perf_counter() - started, 3)
    return verdict


def _computed_again(kept: KeptDossier, path: Path, verdict: Verdict) -> None:
    run = DossierRun(path)
    with tempfile.TemporaryDirectory(prefix="qingshan-dossier-") as scratch:
        try:
            project = evidence_folder(path, kept.record["evidence"], Path(scratch) / "project")
            _evidence_named(kept, project, verdict)
            again = dossier_of(project, None)
            replayed = seal_dossier(again, run.zone, Path(scratch) / "data")
            made = _files(again, canonical(again.record()), run.zone, labels_said(replayed))
        except FileNotFoundError as error:
            gone = Path(error.filename or "")
            name = gone.relative_to(path).as_posix() if gone.is_relative_to(path) else gone.name
            verdict.name("evidence", name, f"the evidence {name} is missing.", f"缺证据 {name}。")
        except QingshanError as error:
            en, zh = f"the evidence gives no dossier: {error.en}", f"由证据算不出案卷：{error.zh}"
            verdict.name("evidence", "", en, zh)
        else:
            compare_runs(path, replayed, verdict)
            _compare_files(kept.folder, f"data/{path.name}/", made, verdict)
    other = _maker(kept.folder)
    if verdict.differences and other != _software():
        _by_another_build(verdict, other)


def _evidence_named(kept: KeptDossier, project: Path, verdict: Verdict) -> None:
    for name, sha in kept.record["evidence"].items():
        if file_digest(project / name) != sha:
            en, zh = f"the evidence {name} is not what the dossier names.", f"证据 {name} 与案卷所记不符。"
            verdict.name("evidence", name, en, zh)


def _compare_files(folder: Path, run: str, made: dict[str, bytes], verdict: Verdict) -> None:
    """Name every file outside the run that is changed, missing or extra."""
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST, SIGNATURE}
    for name in sorted({n for n in present if not n.startswith(run)} | set(made)):
        if name not in made:
            verdict.name("extra", name, f"{name} is not part of the dossier.", f"{name} 不属于这份案卷。")
        elif name not in present:
            verdict.name("missing", name, f"{name} is missing.", f"缺文件 {name}。")
        elif (folder / name).read_bytes() != made[name]:
            verdict.name("result", name, f"{name} comes out differently.", f"{name} 重做后不同。")


def _words_only(software: Any) -> bool:
    return isinstance(software, dict) and all(isinstance(v, str) for v in software.values())


def _maker(folder: Path) -> dict[str, str]:
    """What made a dossier, by its own word. One that does not name it was made by a build that did not yet: what its run names."""
    named = json.loads((folder / MANIFEST).read_bytes()).get("software")
    if named is None:
        run = open_dossier(folder).run
        known = DossierRun(run).manifest.get("software") if run is not None else {}
        named = {k: known[k] for k in ("qingshan", "python", "numpy") if k in known} if isinstance(known, dict) else {}
    return dict(named) if _words_only(named) else {}


def _by_another_build(verdict: Verdict, other: dict[str, str]) -> None:
    """Files that are typeset or drawn become one difference of kind `build`; every other difference stays, with a note of the maker.

    The manifest is not signed, so who made it excuses no figure and no evidence.
    """
    drawn = [d["what"] for d in verdict.differences if d["kind"] == "result" and d["what"].endswith(DRAWN)]
    verdict.differences[:] = [d for d in verdict.differences if d["what"] not in drawn]
    within = ", ".join(f"{k} {v}" for k, v in other.items() if k not in ("qingshan", "build") and v)
    mine = _software()["build"]
    en_build, zh_build = (f"build {other['build']}", f"构建 {other['build']}") if other.get("build") else (
        "an earlier build that did not name itself", "未记构建号的早期构建")  # fmt: skip
    en = (f"By its own word the dossier was made by qingshan {other.get('qingshan', '')}, {en_build} ({within}); this is build {mine}. "
          "Verify it with that build, or make it anew with `qingshan forest dossier`.")  # fmt: skip
    zh = (f"案卷自称由青山 {other.get('qingshan', '')} {zh_build}（{within}）生成，本机为构建 {mine}。"
          "请用当时的构建核验，或用 `qingshan forest dossier` 重新生成。")  # fmt: skip
    if verdict.differences:
        verdict.notes.append(f"{en} / {zh}")
    if drawn:
        verdict.name(
            "build", other.get("build", ""),
            f"this build sets or draws {', '.join(drawn)} otherwise. The figures in these files were not compared; those of dossier.json and "
            f"reductions.csv were. {en}",
            f"本构建排版或绘制的 {'、'.join(drawn)} 与之不同。这些文件中的数字未作比对；dossier.json 与 reductions.csv 的数字已比对。{zh}",
        )  # fmt: skip


# --- the PDF


def _document(dossier: Dossier, words: Words, zone: Zone, said: Iterable[str]) -> dict[str, Any]:
    """`said`: the labels of the figures."""
    project, made = dossier.project, dossier.reduction
    chosen = made.methodology
    labels = gravest_first({*said, *([chosen.status] if chosen.status in ("secondary", "news") else [])})
    marks = [mark(words, x) for x in labels]
    period = words("dossier.period", start=project.start, end=project.end)
    e = dossier.change.estimate
    return {
        "lang": words.lang, "title": words("dossier.title"), "kicker": words.pick(project.zh, project.en),
        "place": zone.place(project.place).name(words.lang), "period": period, "date": [int(project.end[:4]), 1, 1],
        "header": f"{words('dossier.title')}　{project.id}", "run": project.id, "contents": words("column.contents"),
        "page": words("word.page", page="{page}", pages="{pages}"), "badges": marks,
        "labels": [[m, label_note(words, x)] for m, x in zip(marks, labels, strict=True)],
        "headline": words("dossier.headline", value=write(dossier.kg / 1000, "t CO2", words.lang).text, n=len(project.parcels)),
        "context": [
            words("dossier.counted", value=write(e.value, "t CO2", words.lang).text) if e.census else
            words("dossier.reach", value=write(e.value, "t CO2", words.lang).text, reach=interval(*e.interval, "t CO2", words.lang).text,
                  confidence=f"{e.confidence:.0%}", plots=e.plots),
            *([words("dossier.barred", n=len(dossier.refusals))] if dossier.refusals else []),
        ],
        "cover": [
            [words("dossier.estimator"), words(f"forest.estimator_{dossier.change.estimator}")],
            [words("dossier.methodology"), f"{words.pick(chosen.zh, chosen.en)} ({chosen.id})"],
            [words("dossier.scheme"), claim_word(project.scheme, words.lang)],
            [words("dossier.holder"), project.holder], [words("dossier.claim"), " · ".join(claim_word(x, words.lang) for x in (project.pool, project.benefit))],
            [words("dossier.evidence"), words("dossier.evidence_value", n=len(dossier.evidence), sha=dossier.record()["evidence_digest"][:16])],
        ],
        "sections": _sections(dossier, words),
    }  # fmt: skip


def _sections(dossier: Dossier, words: Words) -> list[Block]:
    named = (
        ("dossier.vintages", _vintages), ("dossier.parcels", _parcels_table), ("dossier.change", _change), ("dossier.steps", _steps),
        ("dossier.reasons", _reasons), ("dossier.annex", _evidence),
    )  # fmt: skip
    made = []
    for i, (name, section) in enumerate(named, 1):
        note, blocks = section(dossier, words)
        title = words(name)
        made.append(
            {
                "title": title if name == "dossier.annex" else f"{i}　{title}",
                "note": note,
                "blocks": blocks,
                "fresh": name == "dossier.annex",
                "whole": False,
            }
        )
    return made


def _kg(kg: int) -> str:
    return f"{kg / 1000:,.3f}"


def _vintages(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    years = sorted({x.vintage for x in dossier.lines})
    cols = [
        *parts.columns(words, ("dossier_vintage", "1fr")),
        parts.column(words("column.dossier_reduction"), "40mm", "right", unit_word("t CO2e", words.lang)),
    ]
    rows = [parts.row([Cell(str(y)), Cell(_kg(sum(x.kg for x in dossier.lines if x.vintage == y)))]) for y in years]
    rows.append(parts.row([Cell(words("dossier.total")), Cell(_kg(dossier.kg))], "total"))
    made = dossier.reduction
    steps = [
        ("dossier.estimate", made.estimate.value),
        ("dossier.deducted", made.deducted),
        ("dossier.net", made.net),
        ("dossier.creditable", made.creditable),
    ]
    chain = [parts.row([Cell(words(key)), Cell(f"{value:,.3f}")]) for key, value in steps]
    from_to = [
        *parts.columns(words, ("dossier_step", "1fr")),
        parts.column(words("column.dossier_reduction"), "40mm", "right", unit_word("t CO2", words.lang)),
    ]
    return words("dossier.note_vintages"), [
        parts.table(cols, rows),
        parts.heading(words("dossier.chain")),
        parts.table(from_to, chain),
    ]


def _parcels_table(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    cols = [
        *parts.columns(words, ("dossier_parcel", "32mm"), ("dossier_forest_title", "1fr"), ("dossier_species", "24mm"), ("dossier_planted", "16mm"),
                       ("dossier_stratum", "16mm")),
        parts.column(words("column.dossier_area"), "18mm", "right", unit_word("hm2", words.lang)),
        parts.column(words("column.dossier_reduction"), "24mm", "right", unit_word("t CO2e", words.lang)),
    ]  # fmt: skip
    rows = [
        parts.row([Cell(identifier(p.id)), Cell(p.title), Cell(p.species), Cell(str(p.planted)), Cell(p.stratum), Cell(f"{p.hm2:,.2f}"),
                   Cell(_kg(dossier.of_parcel(p.id)))]) for p in dossier.project.parcels[:LISTED]
    ]  # fmt: skip
    more = len(dossier.project.parcels) - LISTED
    listed = [parts.note(words("dossier.more", n=more))] if more > 0 else []
    return words("dossier.note_parcels"), [
        parts.image("parcels.svg", words("dossier.parcels")),
        parts.table(cols, rows),
        *listed,
    ]


def _change(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    change = dossier.change
    cols = parts.columns(words, ("dossier_step", "1fr"), ("forest_value", "58mm", "right"), ("forest_se", "24mm", "right"), ("forest_df", "16mm", "right"),
                         ("forest_plots", "16mm", "right"))  # fmt: skip
    named = [
        ("dossier.opening", change.opening),
        ("dossier.closing", change.closing),
        ("dossier.estimate", change.estimate),
    ]
    rows = [
        parts.row([Cell(words(key)), Cell(write(e.value, "t CO2", words.lang).text, "", interval(*e.interval, "t CO2", words.lang).text),
                   Cell(f"{e.relative_se:.2%}"), Cell(str(e.df)), Cell(str(e.plots))]) for key, e in named if e is not None
    ]  # fmt: skip
    per = [*parts.columns(words, ("dossier_stratum", "1fr")), parts.column(words("column.dossier_area"), "30mm", "right", unit_word("hm2", words.lang)),
           parts.column(words("column.dossier_mean"), "36mm", "right", unit_word("t CO2/hm2", words.lang))]  # fmt: skip
    strata = [
        parts.row([Cell(n), Cell(f"{a:,.2f}"), Cell(f"{m:,.2f}")])
        for n, a, m in zip(change.strata, change.area, change.mean, strict=True)
    ]
    return words(f"dossier.kind_{change.kind}"), [
        parts.table(cols, rows),
        parts.heading(words("dossier.by_stratum")),
        parts.table(per, strata),
    ]


def _steps(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    cols = parts.columns(
        words, ("dossier_aspect", "26mm"), ("dossier_rule", "1fr"), ("document", "54mm"), ("row_status", "18mm")
    )
    rows = []
    for a in dossier.reduction.methodology.aspects.values():
        mark = (a.status if a.status in RELEASE_STATUSES else "open", words.maybe(f"status.{a.status}", a.status))
        cell = Cell() if a.status == "none" else Cell(badges=(mark,))
        rows.append(
            parts.row(
                [
                    Cell(words.maybe(f"aspect.{a.id}", a.id), "strong"),
                    Cell(words.sentence(a.zh, a.en)),
                    Cell(a.document),
                    cell,
                ]
            )
        )
    return words("dossier.note_steps"), [parts.table(cols, rows)]


def _reasons(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    if dossier.refusals:
        cols = parts.columns(words, ("reason", "1fr"))
        texts = [r.partition(" / ") for r in dossier.refusals]
        blocks.append(parts.table(cols, [parts.row([Cell(words.sentence(zh or en, en))]) for en, _, zh in texts]))
    if dossier.findings:
        cols = parts.columns(words, ("level", "16mm"), ("finding", "1fr"))
        rows = [
            parts.row([Cell(badges=((f.level, words(f"word.{f.level}")),)), Cell(words.sentence(f.zh, f.en))])
            for f in dossier.findings
        ]
        blocks += [parts.heading(words("dossier.findings")), parts.table(cols, rows)]
    return words("dossier.note_reasons" if dossier.refusals else "dossier.no_reasons"), blocks


def _evidence(dossier: Dossier, words: Words) -> tuple[str, list[Block]]:
    cols = parts.columns(words, ("file", "1fr"), ("sha", "100mm"))
    return words("dossier.note_evidence"), [
        parts.table(cols, [parts.row([Cell(identifier(n), "id"), Cell(s, "id")]) for n, s in dossier.evidence.items()])
    ]
