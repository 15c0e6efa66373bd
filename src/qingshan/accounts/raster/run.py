"""Running a bound raster account: stages, then the sheet, then a record that is kept by the key of the binding.

What was computed once under a key is read from home and not computed again. The work lies in a folder of its own under
the key until it is whole, so a killed run goes on where it stopped and leaves nothing half-written.
"""

from __future__ import annotations

import fcntl
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import canonical, digest, write_atomic
from qingshan.core.domain import load_domains
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.core.parameter import Parameters
from qingshan.zone.raster.source import Field, Source
from qingshan.zone.zone import Zone, open_zone

from ..block.engine import Progress, SheetResult, run_sheet
from ..block.sheet import Sheet, Sum
from ..home import home
from .binding import Binding, BoundStage, bind
from .declaration import CLASS_AREA, COVERED, Patch, RasterAccount, find_raster_account
from .layers import Everywhere, InUnit, Named, Planned, Rasters

if TYPE_CHECKING:
    from ..patch import Patches
    from .facts import RasterFact

__all__ = ["How", "RasterRun", "compute", "place_areas", "run_raster"]

PLACE_SHEET = {"id": "places", "sums": [{"id": CLASS_AREA, "of": "1", "per": "m2", "unit": "m2"}]}


@dataclass(frozen=True)
class How:
    """How to compute, which never changes what comes out: `scheduler` is threads, sync or the address of a Dask scheduler.

    `writes` is a folder for the rasters of the sums, as COGs. `resume=False` starts anew what a killed run left.
    `progress` is told a title, cells done and in all, and the seconds left.
    """

    scheduler: str = "threads"
    workers: int | None = None
    memory: int | str = "1GB"
    writes: Path | None = None
    resume: bool = True
    progress: Callable[[str, int, int, float], None] | None = None

    def step(self, title: str) -> Progress | None:
        tell = self.progress
        return None if tell is None else lambda done, whole, seconds_left: tell(title, done, whole, seconds_left)


@dataclass
class RasterRun:
    """What a raster account gave. `values[sum]`: (place, class) or (place, class, code); `covered`: m2 on which it was made."""

    binding: Binding
    key: str
    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    covered: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    class_area: NDArray[np.float64] | None = None
    findings: list[Finding] = field(default_factory=list)
    computed: bool = False
    written: Mapping[str, Path] = field(default_factory=dict)
    patches: Mapping[str, Patches] = field(default_factory=dict)

    @property
    def account(self) -> RasterAccount:
        return self.binding.account

    @property
    def period(self) -> str:
        return self.binding.period

    @property
    def sums(self) -> tuple[Sum, ...]:
        return self.account.sums

    def cell(self, sum: str, place: int, cls: int, code: int = 0) -> float:
        value = self.values[sum][place, cls]
        return float(value if value.ndim == 0 else value[code])

    @property
    def table(self) -> Any:
        """Every figure as a polars frame: quantity, place, cls, period, value, unit, covered_m2, refusal."""
        import polars as pl  # noqa: PLC0415 - only when asked

        return pl.DataFrame([n.__dict__ for n in self.facts], infer_schema_length=None)

    @property
    def facts(self) -> list[RasterFact]:
        """One figure per place, class and quantity."""
        from .facts import facts_of  # noqa: PLC0415 - facts are made of runs

        return facts_of(self)

    def explain(self, quantity: str, place: str, cls: str = "") -> str:
        """The tree behind one figure as text."""
        from .facts import explained  # noqa: PLC0415

        return explained(self, quantity, place, cls)


def run_raster(zone: Zone | str | Path, account: RasterAccount | str, period: str, *, parameters: Parameters | None = None,
               rasters: Rasters | None = None, scheduler: str = "threads", workers: int | None = None, memory: int | str = "1GB",
               writes: Path | None = None, resume: bool = True, progress: Callable[[str, int, int, float], None] | None = None) -> RasterRun:  # fmt: skip
    """Run a raster account of a zone for one period, or read it where nothing it depends on has changed.

    Raises `ZoneError` where the zone has no grid, `UnknownName`, `DeclarationError`, and what reading a raster raises.
    What is missing refuses: see `RasterRun.binding.refusals`.
    """
    opened = zone if isinstance(zone, Zone) else open_zone(zone)
    opened.period(period)
    domains = load_domains()
    declared = find_raster_account(domains, account) if isinstance(account, str) else account
    if parameters is None:
        parameters = domains.parameters()
        parameters.add(opened.parameters)
    book = rasters if rasters is not None else book_of(opened)
    binding = bind(opened, declared, period, parameters, book)
    binding.findings[:0] = found_before(book)
    return compute(binding, How(scheduler, workers, memory, writes, resume, progress))


def book_of(zone: Zone) -> Rasters:
    """The rasters of a zone. Raises `ZoneError` where it has no grid."""
    from qingshan.zone.raster.catalogue import RasterBook  # noqa: PLC0415 - the extra geo

    book: Rasters = RasterBook.of(zone)
    return book


def found_before(rasters: Rasters) -> list[Finding]:
    """What is wrong with the rasters themselves: units, classes, hashes, alignment."""
    return [f for f in rasters.findings() if f.level != "note"]


def compute(binding: Binding, how: How, *, keep: bool = True) -> RasterRun:
    """The figures of a binding: from home where its key is known, else stages and sheet. `keep=False` leaves no record."""
    if binding.sheet is None:
        return RasterRun(binding, binding.key, findings=list(binding.findings))
    kept, known = home() / "rasters" / f"{binding.key}.json", None
    if kept.is_file():
        known = _read(kept, binding)
    paths = _write_paths(binding, how.writes)
    if known is not None and all(p.is_file() for p in paths.values()):
        known.written = paths
        return known
    with _workplace(binding.key, how.resume) as folder:
        record = _computed(binding, how, folder, paths)
        if keep:
            write_atomic(kept, canonical(record))
    made = _of_record(record, binding)
    made.computed, made.written = True, paths
    return made


def place_areas(rasters: Rasters, how: How) -> dict[str, float]:
    """Area of every place, m2, exact and kept in home like any run."""
    places, grid = rasters.places(), rasters.grid
    sheet = Sheet.of(PLACE_SHEET)
    key = digest(
        [sheet.key, [grid.crs, grid.transform, grid.shape], dict(places.source.identity()), list(places.codes)]
    )
    kept = home() / "rasters" / f"{key}.json"
    if kept.is_file():
        try:
            return {str(k): float(v) for k, v in json.loads(kept.read_bytes()).items()}
        except (ValueError, AttributeError):
            kept.unlink()
    done = run_sheet(sheet, grid, {}, {}, {}, places.source, Everywhere(grid), n_places=len(places.codes), codes=[1], scheduler="threads",
                     workers=how.workers, memory=how.memory)  # fmt: skip
    areas = {code: float(done.values[CLASS_AREA][i, 0]) for i, code in enumerate(places.codes)}
    write_atomic(kept, canonical(areas))
    return areas


# ---- computing ------------------------------------------------------------------------------------------------------


def _computed(binding: Binding, how: How, folder: Path, paths: Mapping[str, Path]) -> dict[str, Any]:
    assert binding.sheet is not None and binding.grid is not None
    fields, told = _stages(binding, how, folder)
    grades = {
        p.of: paths.get(p.of, folder / f"grade-{p.of}.tif") for p in binding.account.patches if p.id in binding.patches
    }
    sources = {name: _settled(source, fields) for name, source in binding.sources.items()}
    result = run_sheet(
        binding.sheet, binding.grid, sources, binding.tables, binding.constants, binding.places.source, binding.classes.source,
        n_places=len(binding.places.codes), codes=list(binding.classes.codes), scheduler=how.scheduler, workers=how.workers,
        memory=how.memory, writes={**grades, **paths}, resume=folder / "sheet", progress=how.step(f"{binding.account.id} {binding.period}"),
    )  # fmt: skip
    patches = {
        p.id: _patched(binding, p, grades[p.of], folder) for p in binding.account.patches if p.id in binding.patches
    }
    return {
        **({"patches": patches} if patches else {}),
        "key": binding.key, "sums": {s: result.values[s].tolist() for s in sorted(result.values)},
        "findings": [f.record() for f in (*told, *_told(binding, result), *_nodata(binding, result.nodata_area))],
    }  # fmt: skip


def _patched(binding: Binding, patch: Patch, grades: Path, folder: Path) -> dict[str, Any]:
    """Patches of a written grade over the whole grid, as the record keeps them."""
    from qingshan.zone.raster.stored import look  # noqa: PLC0415 - the extra geo

    from ..patch import patches_of  # noqa: PLC0415 - loads the compiler

    assert binding.grid is not None
    source = Named(look(str(grades)), {"step": patch.of, "key": binding.key})  # type: ignore[arg-type]
    smallest = binding.patches[patch.id].smallest
    found = patches_of(
        binding.grid,
        source,
        codes=patch.codes,
        smallest=smallest,
        neighbours=patch.neighbours,
        folder=folder / "patches",
        write=False,
    )
    vectors = {k: getattr(found, k).tolist() for k in ("count", "area", "kept_count", "kept_area")}
    return {"codes": list(found.codes), "smallest": found.smallest, "none_area": found.none_area, **vectors}


def _stages(binding: Binding, how: How, folder: Path) -> tuple[dict[tuple[str, str], Source], list[Finding]]:
    """Run the stages in order; one that is whole in the folder is not run again. Gives their fields and what they report."""
    fields: dict[tuple[str, str], Source] = {}
    told: list[Finding] = []
    for id, bound in binding.stages.items():
        given, report = _stage(binding, bound, fields, how, folder / f"stage-{id}")
        fields |= {(id, output): made for output, made in given.items()}
        told += reported(binding, bound, report)
    return fields, told


def _stage(
    binding: Binding, bound: BoundStage, fields: Mapping[tuple[str, str], Source], how: How, folder: Path
) -> tuple[dict[str, Source], Mapping[str, Any]]:
    note = folder / "whole.json"
    asked = {"key": bound.key, "outputs": list(bound.outputs)}
    known = json.loads(note.read_bytes()) if note.is_file() else {}
    if {k: known.get(k) for k in asked} != asked:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        given = bound.stage.function()(
            binding.grid, {k: _settled(s, fields) for k, s in bound.inputs.items()}, bound.tables, bound.constants, bound.use.options,
            bound.outputs, folder, classes=bound.classes,
            workers=how.workers, memory=how.memory, progress=how.step(f"{bound.use.id} {binding.period}"),
        )  # fmt: skip
        report: Mapping[str, Any] = next((f.made_from["report"] for f in given.values() if "report" in f.made_from), {})
        known = asked | {
            "fields": {o: [f.path.name, f.type, _written(f.nodata), f.tile] for o, f in given.items()},
            "report": dict(report),
        }
        write_atomic(note, canonical(known))
    grid = binding.grid
    assert grid is not None
    return {
        o: Named(Field(folder / name, grid, kind, float("nan") if none == "nan" else none, tile), {**bound.about, "output": o})
        for o, (name, kind, none, tile) in known["fields"].items()
    }, known.get("report", {})  # fmt: skip


def _settled(source: Any, fields: Mapping[tuple[str, str], Source]) -> Source:
    if not isinstance(source, Planned):
        given: Source = source
        return given
    made = fields[source.stage, source.output]
    return made if source.factor == 1.0 else InUnit(made, source.factor)


def _written(nodata: float | None) -> float | str | None:
    return "nan" if nodata is not None and math.isnan(nodata) else nodata


def _told(binding: Binding, result: SheetResult) -> Iterator[Finding]:
    """What the sheet found, with the figure's name instead of the sum's; the sums of covered areas repeat it."""
    assert binding.sheet is not None
    names = {s.id: s.quantity for s in binding.account.sums}
    for f in result.findings(binding.sheet):
        if not f.file.startswith(COVERED) and f.file != CLASS_AREA:
            name = names.get(f.file, f.file)
            yield replace(f, file=name, en=f.en.removeprefix(f"{f.file}: "), zh=f.zh.removeprefix(f"{f.file}："))


def reported(binding: Binding, bound: BoundStage, report: Mapping[str, Any]) -> Iterator[Finding]:
    """What a stage says of its run: `*_m2` has a class but no value; another number was taken over the whole grid."""
    for name, value in report.items():
        number = float(value)
        if number == bound.constants.get(name) or math.isnan(number):
            continue
        if name.endswith("_m2"):
            if number > 0:
                yield Finding(
                    "warning", "stage_unknown", f"{bound.stage.en}: {number / 1e6:,.3f} km2 have a class but no value; not counted.",
                    f"{bound.stage.zh}：{number / 1e6:,.3f} km2 有地类而无取值，未计入。", file=binding.account.id, field=f"{bound.use.id}.{name}",
                )  # fmt: skip
            continue
        yield Finding(
            "warning", "stage_extent", f"{bound.stage.en}: {name} = {number:.6g} was taken over the whole grid, so the figures depend on its extent.",
            f"{bound.stage.zh}：{name} = {number:.6g} 取自整个格网，结果随格网范围而变。", file=binding.account.id, field=f"{bound.use.id}.{name}",
            fix=f"declare {name} as a constant of the stage / 在前置计算的 constants 中写明 {name}",
        )  # fmt: skip


def _nodata(binding: Binding, areas: Mapping[str, float]) -> Iterator[Finding]:
    for name, area in areas.items():
        if area:
            use = binding.account.layers[name]
            what = use.layer.quantity or use.stage
            yield Finding(
                "note", "layer_nodata", f"{what}: no data on {area / 1e6:,.3f} km2 of the classes; what stands on it is not counted there.",
                f"{what}：各地类中有 {area / 1e6:,.3f} km2 无数据，依赖它的量在这些像元上不计。", file=binding.account.id, field=name,
            )  # fmt: skip


def _write_paths(binding: Binding, folder: Path | None) -> dict[str, Path]:
    """One raster per step or layer that a sum adds, and per grade whose patches are declared."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    made = {s.id for s in binding.sheet.steps} if binding.sheet else set()
    names = dict.fromkeys(
        [*(s.of for s in binding.sums if s.of != "1"), *(p.of for p in binding.account.patches if p.of in made)]
    )
    return {name: folder / f"{binding.account.id}-{binding.period}-{name}.tif" for name in names}


@contextmanager
def _workplace(key: str, resume: bool) -> Iterator[Path]:
    """The folder of one binding, for one process at a time; removed when the work is whole, kept when it was stopped."""
    folder = home() / "work" / key[:32]
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise QingshanError(
                "another process computes the same raster account.", "另一个进程正在计算同一栅格账户。", where=str(folder),
                fix="wait for it / 等它完成",
            ) from None  # fmt: skip
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


# ---- the record -----------------------------------------------------------------------------------------------------


def _read(path: Path, binding: Binding) -> RasterRun | None:
    """A kept record, or None where it is not what was written."""
    try:
        record = json.loads(path.read_bytes())
        return _of_record(record, binding) if record["key"] == binding.key else None
    except (ValueError, KeyError, TypeError):
        return None


def _of_record(record: Mapping[str, Any], binding: Binding) -> RasterRun:
    values = {s: np.asarray(v, np.float64) for s, v in record["sums"].items()}
    covered = {s.id: values[COVERED + s.of] if s.of != "1" else values[CLASS_AREA] for s in binding.sums}
    findings = [*binding.findings, *(Finding(**f) for f in record["findings"])]
    patches = {id: _patches_of_record(known) for id, known in record.get("patches", {}).items()}
    return RasterRun(
        binding,
        binding.key,
        {s.id: values[s.id] for s in binding.sums},
        covered,
        values[CLASS_AREA],
        findings,
        patches=patches,
    )


def _patches_of_record(known: Mapping[str, Any]) -> Patches:
    from ..patch import Patches  # noqa: PLC0415 - loads the compiler

    count, kept_count = (np.asarray(known[k], np.int64) for k in ("count", "kept_count"))
    area, kept_area = (np.asarray(known[k], np.float64) for k in ("area", "kept_area"))
    return Patches(
        tuple(known["codes"]), known["smallest"], count, area, kept_count, kept_area, known["none_area"], None
    )
