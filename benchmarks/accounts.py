"""Raster accounts beside InVEST on the same generated inputs, on the same machine, in the same run.

    make bench-accounts                                   everything at full size, about 25 minutes on two cores
    BENCH_SIZE=small make bench-accounts                  1000 x 1000 cells in place of 4000 and 14,000
    python -m benchmarks.accounts --only sdr ndr          some cases; the others keep the rows they have
    python -m benchmarks.accounts --missing               the cases that have no rows yet

Each run has a process of its own. A case of a peer goes ours, peer, ours (more rounds with BENCH_ROUNDS); our value is the
median, as is the peer's. Outputs are compared cell by cell and by watershed. Rows of a case are kept when it ends; work files
lie in BENCH_WORK (benchmarks/out/accounts) and need about 12 GB at full size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .harness import OUT, ROOT, Peer, Row, report

SIZES = {"full": (4000, 14000, 196e6), "small": (1000, 1400, 2e6)}
"""Side of the routed models, side of the province, cells of the synthetic zone."""
INVEST = ROOT / "benchmarks" / "peers" / "invest"
SHARES = ("median", "p99", "max", "zonal")


@dataclass(frozen=True)
class Versus:
    """A case with a peer: its models, and which of its rasters answers to which of ours.

    `judged`: the measure of agreement of the case: the largest difference of cells, or of totals by watershed.
    """

    models: tuple[str, ...]
    rasters: Mapping[str, str]
    judged: str = "max"
    province: bool = False
    ours: str = ""
    squares: bool = False


CELLWISE = {"carbon": "c_storage_bas", "fractp": "fractp", "aet": "aet", "wyield": "wyield"}
SEDIMENT = {
    "potential": "rkls", "loss": "usle", "export": "sed_export", "deposition": "sed_deposition", "avoided_erosion": "avoided_erosion",
    "avoided_export": "avoided_export",
}  # fmt: skip
NUTRIENT = {
    "surface_n": "n_surface_export", "below_n": "n_subsurface_export", "export_n": "n_total_export", "export_p": "p_surface_export",
}  # fmt: skip
PEERED = {
    "sdr": Versus(("sdr",), SEDIMENT, "zonal", squares=True),
    "ndr": Versus(("ndr",), NUTRIENT, "zonal", squares=True),
    "urban-cooling": Versus(("ucm",), {"capacity": "cc", "mitigation": "hm", "temperature": "T_air"}, squares=True),
    "habitat-quality": Versus(("hq",), {"degradation": "deg_sum_c", "quality": "quality_c"}),
    "carbon+water-yield": Versus(("carbon", "awy"), CELLWISE, province=True),
}
OTHERS = ("flatness", "dask-two-workers", "full-gep-196mpx")
EXTRA = {"sdr-d8": Versus(("sdr_d8",), SEDIMENT, "zonal", squares=True)}
"""Run only when named."""


@dataclass
class Bench:
    size: str
    work: Path
    rounds: int
    rows: list[Row] = field(default_factory=list)

    # ---- inputs and processes ----------------------------------------------------------------------------------------

    @property
    def sides(self) -> tuple[int, int, float]:
        return SIZES[self.size]

    def inputs(self, side: int, *, tiled: bool = False) -> Path:
        folder = self.work / f"inputs-{side}{'-tiled' if tiled else ''}"
        small = [str(self.inputs(self.sides[0]))] if tiled else []
        self.python("benchmarks.inputs", str(folder), str(side), *small)
        return folder

    def python(self, module: str, *arguments: str) -> None:
        self.call([sys.executable, "-m", module, *arguments], os.environ | {"QINGSHAN_HOME": str(self.work / "home")})

    def call(self, command: list[str], env: Mapping[str, str] | None = None) -> None:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(command[:4])} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"
            )

    def ours(self, module: str, case: str, *arguments: str) -> dict[str, Any]:
        result = self.work / f"{case}.json"
        self.python(module, case, *arguments, str(result))
        return dict(json.loads(result.read_text(encoding="utf-8")))

    def peer(self, models: tuple[str, ...], inputs: Path) -> dict[str, Any]:
        """One run of each model, added up."""
        total: dict[str, Any] = {"wall": 0.0, "cpu": 0.0, "peak_gb": 0.0, "files": {}}
        for model in models:
            result = self.work / f"invest-{model}.json"
            python = str(INVEST / ".venv" / "bin" / "python")
            self.call(
                [python, str(INVEST / "run.py"), model, str(inputs), str(self.work / f"invest-{model}"), str(result)]
            )
            done = json.loads(result.read_text(encoding="utf-8"))
            total |= {"wall": total["wall"] + done["wall"], "cpu": total["cpu"] + done["cpu"], "version": done["version"],
                      "peak_gb": max(total["peak_gb"], done["peak_gb"]), "files": total["files"] | done["files"]}  # fmt: skip
        return total

    def add(self, case: str, metric: str, value: float, unit: str, peer: Peer | None = None) -> None:
        self.rows.append(Row(case, metric, value, unit, peer or Peer("")))

    # ---- cases with a peer -------------------------------------------------------------------------------------------

    def versus(self, case: str, asked: Versus) -> None:
        side = self.sides[1 if asked.province else 0]
        inputs = self.inputs(side, tiled=asked.province and side != self.sides[0])
        names = [case, f"{case}-rasters"] if asked.province else [case]
        runs: dict[str, list[dict[str, Any]]] = {n: [] for n in names}
        peers: list[dict[str, Any]] = []
        absent = install()
        for turn in range(self.rounds + 1):
            for n in names:
                runs[n].append(self.ours("benchmarks.raster_cases", n, str(inputs), str(self.work / n)))
            if turn < self.rounds and not absent:
                peers.append(self.peer(asked.models, inputs))
        for n in names:
            self._timed(n, runs[n], peers, absent, asked, side)
        if asked.province:
            self._decode(case, runs[case], inputs)
        if peers:
            self._agreement(names, asked, inputs, runs[names[-1]][-1]["files"], peers[-1]["files"])
        for name in (*names, *(f"invest-{m}" for m in asked.models)):
            shutil.rmtree(self.work / name, ignore_errors=True)

    def _timed(
        self, case: str, runs: list[dict[str, Any]], peers: list[dict[str, Any]], absent: str, asked: Versus, side: int
    ) -> None:
        name = f"InVEST {' + '.join(asked.models)}"
        version = peers[0]["version"] if peers else ""

        def beside(key: str) -> Peer:
            return Peer(name, missing=absent) if absent else Peer(name, version, median(p[key] for p in peers))

        where = f"{side} x {side}"
        for key, unit in (("wall", "s"), ("cpu", "CPU s"), ("peak_gb", "GB")):
            self.add(case, f"{key}, {where}", median(r[key] for r in runs), unit, beside(key))
        if peers:
            ours, theirs = (median(r["wall"] for r in each) for each in (runs, peers))
            self.add(case, "ratio", theirs / ours, "peer time / ours", Peer(name, version))
            ours, theirs = (median(r["cpu"] for r in each) for each in (runs, peers))
            self.add(case, "ratio_cpu", theirs / ours, "peer CPU / ours", Peer(name, version))

    def _decode(self, case: str, runs: list[dict[str, Any]], inputs: Path) -> None:
        """How near an account without output comes to reading its layers and doing nothing."""
        limit = [
            self.ours("benchmarks.raster_cases", "decode", str(inputs), str(self.work / "decode")) for _ in range(2)
        ]
        wall = min(r["wall"] for r in limit)
        self.add(case, "decode limit", wall, "s")
        self.add(case, "share of the decode limit", wall / median(r["wall"] for r in runs), "decode / account")

    def _agreement(
        self, names: list[str], asked: Versus, inputs: Path, ours: Mapping[str, str], theirs: Mapping[str, str]
    ) -> None:
        from .compare import compare, same_stream_one_value  # noqa: PLC0415 - needs the environment's rasters
        from .exact import apart, habitat_exact  # noqa: PLC0415
        from .raster_cases import Data  # noqa: PLC0415

        data = Data.of(inputs).squares() if asked.squares else Data.of(inputs)
        places = data.places().read(data.grid.whole)
        worst, alone, unexplained = 0.0, 0, 0
        for name, peer in asked.rasters.items():
            found = compare(Path(ours[name]), Path(theirs[f"{peer}.tif"]), places)
            only = int(found["only ours"] + found["only peer"])
            worst, alone = max(worst, found[asked.judged]), max(alone, only)
            for share in SHARES:
                self.add(names[-1], f"{name} against {peer}: {share}", found[share], "relative")
            if "stream" in ours:
                pair = Path(ours[name]), Path(theirs[f"{peer}.tif"])
                unexplained += same_stream_one_value(pair, (Path(ours["stream"]), Path(theirs["stream.tif"])))
                self.add(names[-1], f"{name} against {peer}: cells with a value in one only", float(only), "cells")
        if names == ["habitat-quality"]:
            for name, exact in habitat_exact(data).items():
                for side, file in (("ours", ours[name]), ("peer", theirs[f"{asked.rasters[name]}.tif"])):
                    self.add(
                        names[0], f"{name}, {side} against double precision: max", apart(Path(file), exact), "relative"
                    )
        unit = (
            "largest relative difference of a cell"
            if asked.judged == "max"
            else "largest relative difference of a watershed"
        )
        for n in names:
            self.add(n, "agreement", worst, unit)
            self.add(n, "cells with a value in one only", float(alone), "cells")
            if "stream" in ours:
                self.add(n, "of them where both draw the same stream", float(unexplained), "cells")

    # ---- cases of our own --------------------------------------------------------------------------------------------

    def flatness(self) -> None:
        """Time per pixel of the cell-by-cell account, from a county to a province; the same encoding at every size.

        The ratio is taken within each turn, then the median of the turns.
        """
        small, large, _ = self.sides
        sides = sorted({1000, small, large})
        paths = {side: str(self.inputs(side, tiled=True)) for side in sides}
        done = self.ours("benchmarks.raster_more", "flatness", os.pathsep.join(paths.values()), str(self.work / "flat"))
        turns = list(zip(*(done[path] for path in paths.values()), strict=True))
        for side, path in paths.items():
            self.add("flatness", f"{side} x {side}", median(done[path]), "ns per pixel")
        self.add("flatness", "largest / smallest", median(max(t) / min(t) for t in turns), "ratio")

    def dask(self) -> None:
        inputs = self.inputs(self.sides[1], tiled=True)
        done = self.ours("benchmarks.raster_more", "dask-two-workers", str(inputs), str(self.work / "dask"))
        self.add("dask-two-workers", "wall", done["dask"], "s", Peer("local threads", value=done["threads"]))
        self.add("dask-two-workers", "ratio", done["dask"] / done["threads"], "Dask / threads")

    def full(self) -> None:
        zone = self.work / f"zone-{self.sides[2]:.0f}"
        if not zone.exists():
            command = [str(Path(sys.executable).with_name("qingshan")), "synth", "--seed", "20221", "--out", str(zone)]
            self.call([*command, "--pixels", str(self.sides[2])])
        done = self.ours("benchmarks.raster_more", "full-gep-196mpx", str(zone), str(self.work / "full"))
        case = "full-gep-196mpx"
        self.add(case, "seconds", done["wall"], "s")
        self.add(case, "peak_gb", done["peak_gb"], "GB")
        self.add(case, "ns_per_pixel", done["wall"] / done["cells"] * 1e9, "ns")
        self.add(case, "cpu", done["cpu"], "CPU s")
        self.add(case, "cells", done["cells"], "cells")
        self.add(case, "figures", done["figures"], "sums that have a value")
        self.add(case, "seconds of a first small run, all code compiled", done["first"], "s")
        for name, seconds in done["steps"].items():
            self.add(case, f"seconds of {name}", seconds, "s")


def install() -> str:
    """The peer's own environment, made where it is not there; why it could not be made, else ''."""
    done = subprocess.run(["sh", str(INVEST / "install.sh")], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def main() -> None:
    known = [*PEERED, *OTHERS, *EXTRA]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=known, metavar="CASE", help=", ".join(known))
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args()
    size = os.environ.get("BENCH_SIZE", "full")
    work = Path(os.environ.get("BENCH_WORK", OUT / "accounts")) / size
    kept = work / "rows"
    kept.mkdir(parents=True, exist_ok=True)
    cases = asked.only or [*PEERED, *OTHERS]
    for case in cases:
        path = kept / f"{case}.json"
        if not (asked.missing and path.exists()):
            one(case, Bench(size, work, int(os.environ.get("BENCH_ROUNDS", "1"))), path)
    rows = [row for case in known for row in read(kept / f"{case}.json")]
    report("accounts" if size == "full" else f"accounts-{size}", rows)


def one(case: str, bench: Bench, path: Path) -> None:
    """Run a case and keep its rows; one that fails is told and leaves the rows of before."""
    peered = {**PEERED, **EXTRA}
    own: dict[str, Callable[[], None]] = {
        "flatness": bench.flatness,
        "dask-two-workers": bench.dask,
        "full-gep-196mpx": bench.full,
    }
    print(f"accounts: {case} ...", file=sys.stderr, flush=True)
    try:
        bench.versus(case, peered[case]) if case in peered else own[case]()
    except Exception:
        print(f"accounts: {case} failed", file=sys.stderr)
        traceback.print_exc()
        return
    path.write_text(json.dumps([asdict(row) for row in bench.rows], indent=1), encoding="utf-8")


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [Row(**{**raw, "peer": Peer(**raw["peer"])}) for raw in json.loads(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    main()
