"""The verb table: data only, standard library only. `--help` prints from it; a verb's module loads when it runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """One argument. `flag` is a positional name or `--name`; `kind` is str, flag, port or count (a whole number)."""

    flag: str
    help: str
    kind: str = "str"
    default: str | int | None = None
    many: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verb:
    """One verb: where its code is (`module:function`), what it says in `--help`, what it takes.

    A name of two words is a verb of a group.
    """

    name: str
    call: str
    help: str
    options: tuple[Option, ...] = field(default=())
    example: str = ""


ZONE = Option("--zone", "zone name or folder (default: QINGSHAN_ZONE, else guizhou)")
PROFILE = Option("--profile", "specification profile (default: the zone's default profile)")
JSON = Option("--json", "print one JSON document, also where the verb fails", kind="flag")
LANG = Option("--lang", "language of names and messages", choices=("zh", "en"), default="en")

GROUPS = {"zone": "what belongs to a zone: its rasters"}

VERBS = (
    Verb(
        "init",
        "qingshan.faces.cli.zones:init",
        "make a new zone from the template",
        (
            Option("directory", "new folder"),
            Option("--id", "short id of the zone", required=True),
            Option("--name-zh", "Chinese name", default=""),
            Option("--name-en", "English name", default=""),
            LANG,
            JSON,
        ),
        "qingshan init myzone --id myzone --name-zh 我的县",
    ),
    Verb(
        "check",
        "qingshan.faces.cli.zones:check",
        "list what is wrong with a zone: file, row, field, limit, fix",
        (Option("directory", "zone folder or built-in name"), LANG, JSON),
        "qingshan check myzone",
    ),
    Verb(
        "zone add-raster",
        "qingshan.faces.cli.rasters:add",
        "check a raster, hash it and catalogue it in zone.toml",
        (
            Option("file", "GeoTIFF, COG, NetCDF or Zarr; a path or an http(s) address"),
            Option("--zone", "zone folder", required=True),
            Option("--id", "short id of the entry", required=True),
            Option("--quantity", "quantity id, e.g. climate.rain_annual", required=True),
            Option("--unit", "unit of the values; class for codes", required=True),
            Option("--period", "period id, or static", required=True),
            Option(
                "--resampling",
                "where it does not lie on the grid",
                choices=("nearest", "bilinear", "average", "mode", "sum"),
            ),
            Option("--title", "title of the data set", default=""),
            Option("--licence", "terms of use", default=""),
            Option("--source", "document or address it comes from", default=""),
            Option("--mapping", "class mapping of a land-cover raster", default=""),
            Option("--band", "band to read (default: 1)", default=""),
            Option("--variable", "field of a NetCDF or Zarr store", default=""),
            Option("--scale", "value = stored * scale + offset", default=""),
            Option("--offset", "see --scale", default=""),
            Option("--nodata", "NoData value; none: every value counts", default=""),
            Option("--crs", "CRS where the file has none, e.g. EPSG:4545", default=""),
            Option("--copy", "copy the file into the zone", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan zone add-raster rain2020.tif --zone mycounty --id rain2020 --quantity climate.rain_annual --unit mm --period 2020",
    ),
    Verb(
        "zone fetch-raster",
        "qingshan.faces.cli.rasters:fetch",
        "fetch a layer of a public STAC collection onto the zone grid and catalogue it",
        (
            Option("preset", "collection preset, e.g. cop-dem-glo-30, esa-worldcover"),
            Option("--zone", "zone folder", required=True),
            Option("--period", "period id, or static", required=True),
            Option("--id", "short id of the entry (default: the preset's)", default=""),
            Option("--whole", "fetch whole files and verify their checksums", kind="flag"),
            Option("--refresh", "search again although the answer is cached", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan zone fetch-raster esa-worldcover --zone mycounty --period 2021",
    ),
    Verb(
        "fill",
        "qingshan.faces.cli.accounts:fill",
        "import rows for a profile's open slots, recording who and from which document",
        (
            Option("profile", "profile id"),
            Option("file", "CSV file (omit with --template)", default=""),
            Option("--by", "who fills", default=""),
            Option("--document", "document the rows come from", default=""),
            Option("--template", "print the open slots as CSV (with --json as a list)", kind="flag"),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan fill hj1173_2021 rows.csv --by 王芳 --document 'HJ 1173-2021'",
    ),
    Verb(
        "run",
        "qingshan.faces.cli.accounts:run",
        "compute the account of a zone and seal it",
        (
            Option(
                "accounts",
                "`gep`: the zone's default profile; profile ids; or raster accounts such as rusle, karst, storm (default: the zone's own list)",
                many=True,
            ),
            Option("--year", "account period (default: every period of the zone)", default=""),
            Option("--place", "only this place and all below it", default=""),
            Option("--scheduler", "threads, sync or the address of a Dask scheduler (tcp://...)", default="threads"),
            Option("--workers", "threads that compute cells (default: the cores)", kind="count"),
            Option("--memory", "memory that computing cells may take", default="1GB"),
            Option("--rasters", "folder for the rasters behind the sums, as COGs", default=""),
            Option("--no-resume", "start anew what a stopped run left (default: go on with it)", kind="flag"),
            Option(
                "--draws",
                "draws of the declared distributions: the uncertainty of the account",
                kind="count",
                default=0,
            ),
            Option("--seed", "seed of the draws", kind="count", default=0),
            ZONE,
            Option("--profile", "a profile id, or `all` for every profile of the zone (default: the zone's own list)"),
            Option("--strict", "exit 1 when any service of the account refuses", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan run gep --zone demo30m --year 2020",
    ),
    Verb(
        "explain",
        "qingshan.faces.cli.accounts:explain",
        "print the tree behind a figure, or why it is refused",
        (
            Option("quantity", "quantity or service id, e.g. gep.water_retention or G02"),
            Option("--place", "place code or name (default: the zone's root)"),
            Option("--period", "account period"),
            Option("--cls", "ecosystem class", default=""),
            Option("--basis", "money basis, e.g. constant-2010", default=""),
            Option("--full", "print every part, however many", kind="flag"),
            ZONE,
            PROFILE,
            LANG,
            JSON,
        ),
        "qingshan explain gep.water_retention --zone guizhou --place 520000",
    ),
    Verb(
        "verify",
        "qingshan.faces.cli.accounts:verify",
        "replay a run in a separate process and compare byte for byte",
        (Option("run", "run id, folder, or zone/profile for the newest"), LANG, JSON),
        "qingshan verify guizhou/screening",
    ),
    Verb(
        "publish",
        "qingshan.faces.cli.releases:publish",
        "write a release: PDF and xlsx",
        (
            Option("what", "what to publish", choices=("gep",)),
            Option("--year", "account year"),
            Option("--place", "place code (default: the zone's root)"),
            Option("--official", "official release: refused unless every rule holds", kind="flag"),
            Option("--out", "folder for the files", default="."),
            ZONE,
            PROFILE,
            Option("--lang", "language of the report and of messages", choices=("zh", "en"), default="zh"),
            JSON,
        ),
        "qingshan publish gep --year 2019 --lang zh",
    ),
    Verb(
        "synth",
        "qingshan.faces.cli.synth:synth",
        "make a synthetic zone from a seed: terrain, land cover, climate and soil as rasters, with its tables",
        (
            Option("--pixels", "cells of 30 m, up to 2e9; a province is about 196e6", default="1e6"),
            Option("--out", "new folder", required=True),
            Option("--seed", "whole number; the same seed and size give the same cells", default="1"),
            Option("--workers", "threads (default: one per processor)", default=""),
            LANG,
            JSON,
        ),
        "qingshan synth --pixels 196e6 --out province --seed 7",
    ),
    Verb(
        "serve",
        "qingshan.faces.cli.server:serve",
        "serve the pages and their data on this machine",
        (
            ZONE,
            Option("--host", "address to listen on", default="127.0.0.1"),
            Option("--port", "port; 0 takes a free one", kind="port", default=8765),
            LANG,
        ),
        "qingshan serve --zone guizhou",
    ),
)
