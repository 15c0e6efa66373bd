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

GROUPS = {
    "zone": "what belongs to a zone: its rasters",
    "ledger": "a venue's journal: verify, replay, proofs, tables",
    "exchange": "a venue of ecological rights, worked on this machine by its operator",
    "forest": "forest inventories: trees and plots to estimates",
    "observe": "monitoring networks: load, check, evaluate, export",
}

VENUE = Option("venue", "folder of the venue")
AT = Option("--at", "time of the command, ISO with zone (default: now)", default="")
SENDER = (
    Option("--by", "actor who gives the command", required=True),
    AT,
    Option("--key", "idempotency key: the same command sent again has the same (default: a fresh one)", default=""),
)

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
        (
            Option("run", "run id, folder of a run or of a forest-carbon release, or zone/profile for the newest"),
            LANG,
            JSON,
        ),
        "qingshan verify guizhou/screening",
    ),
    Verb(
        "publish",
        "qingshan.faces.cli.releases:publish",
        "write a release: gep as PDF and xlsx; forest-carbon as a signed folder with estimates, maps, methods, data and reports",
        (
            Option("what", "what to publish", choices=("gep", "forest-carbon")),
            Option("--year", "account year, or inventory year (default: the newest)"),
            Option("--place", "place code (default: the zone's root)"),
            Option("--official", "official release: refused unless every rule holds", kind="flag"),
            Option("--draft", "forest-carbon: an unsigned draft (else QINGSHAN_RELEASE_KEY signs)", kind="flag"),
            Option("--why", "forest-carbon: the reason of a revision", default=""),
            Option("--out", "folder for the files (default: here; forest-carbon: QINGSHAN_HOME/releases)", default=""),
            ZONE,
            PROFILE,
            Option("--lang", "language of the report and of messages", choices=("zh", "en"), default="zh"),
            JSON,
        ),
        "qingshan publish forest-carbon --zone demo30m --year 2020 --draft",
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
        "forest estimate",
        "qingshan.faces.cli.forest:estimate",
        "estimate area, trees, biomass and carbon from plots and trees, each with its standard error and interval",
        (
            Option(
                "folder", "folder with plots.csv, trees.csv, strata.csv and, where there are, units, nests, conditions"
            ),
            Option("--sets", "sets of equations in order of preference, e.g. anhui2016,puding2009", required=True),
            Option(
                "--quantity", "what trees are turned into", choices=("agb", "bgb", "total", "volume"), default="agb"
            ),
            Option("--groups", "CSV of taxon,group: the group whose equation a taxon may take", default=""),
            Option("--allow-default", "allow the default equation of a set", kind="flag"),
            Option("--equations", "CSV with equations of your own, in the package's columns", default=""),
            Option("--carbon-fraction", "parameter set of the carbon fraction", default="ar_tool14"),
            Option("--by", "column to split by: species, origin, age class, county ...", default=""),
            Option("--confidence", "confidence of the intervals", default="0.90"),
            Option("--deduction", "deduction rule for uncertainty, e.g. ar_tool14, gs403", default=""),
            Option("--draws", "draws of the Monte Carlo (default: none)", kind="count", default=0),
            Option("--seed", "seed of the draws", kind="count", default=0),
            Option("--equation-error", "relative standard error of every equation, for the draws", default="0"),
            Option("--diameter-error", "standard error of one ln D, for the draws", default="0"),
            Option("--height-error", "standard error of one ln H, for the draws", default="0"),
            Option("--carbon-fraction-error", "standard error of the carbon fraction, for the draws", default="0"),
            LANG,
            JSON,
        ),
        "qingshan forest estimate plots2024 --sets anhui2016 --by taxon --deduction ar_tool14",
    ),
    # --- the group observe
    Verb(
        "observe load",
        "qingshan.faces.cli.observe:load",
        "take files of readings into a monitoring network",
        (
            Option("network", "network id"),
            Option("files", "CSV, xlsx, Parquet, JSON or a SensorThings batch", many=True),
            Option("--reader", "feed or long, sensorthings (default: chosen by what the file is)", default=""),
            Option("--by", "who loads or corrects", default=""),
            Option("--reason", "why values are corrected; needed to return to an earlier value", default=""),
            Option("--strict", "take nothing where one row is faulty", kind="flag"),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan observe load water_auto sections.csv --zone guizhou",
    ),
    Verb(
        "observe export",
        "qingshan.faces.cli.observe:export",
        "write observations to CSV or Parquet",
        (
            Option("network", "network id"),
            Option("--out", "file ending in .csv or .parquet", required=True),
            Option("--years", "years, separated by commas (default: all)", default=""),
            Option("--sites", "site ids, separated by commas (default: all)", default=""),
            Option("--properties", "property ids, separated by commas (default: all)", default=""),
            Option("--versions", "every version, not only the latest", kind="flag"),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan observe export water_auto --out readings.csv --zone guizhou",
    ),
    Verb(
        "observe synth",
        "qingshan.faces.cli.observe:synth",
        "make the readings of a zone's synthetic networks from their seed",
        (ZONE, LANG, JSON),
        "qingshan observe synth --zone demo30m",
    ),
    # quality control: qingshan observe qc; evaluation: qingshan observe evaluate
    Verb(
        "forest load",
        "qingshan.faces.cli.woods:load",
        "check the tables of an inventory and keep them for a zone",
        (
            Option(
                "folder", "folder with plots.csv, trees.csv, strata.csv and, where there are, units, nests, conditions"
            ),
            ZONE,
            Option("--period", "year of the inventory", required=True),
            Option("--id", "short id of the inventory (default: plotsYEAR)", default=""),
            Option("--place", "place whose area the totals are (default: the whole zone)", default=""),
            Option("--source", "whose plots they are, for the pedigree", required=True),
            Option("--sets", "sets of biomass equations in order of preference", default=""),
            Option("--volume-sets", "sets of volume equations in order of preference", default=""),
            Option("--groups", "CSV of taxon,group for the biomass equations", default=""),
            Option("--volume-groups", "CSV of taxon,group for the volume equations", default=""),
            Option("--allow-default", "allow the default equation of a set", kind="flag"),
            Option(
                "--quantity", "biomass that trees are turned into", choices=("agb", "bgb", "total"), default="total"
            ),
            Option("--carbon-fraction", "parameter set of the carbon fraction", default="ar_tool14"),
            Option("--by", "columns to split by, e.g. dominant,age_class,origin", default=""),
            Option("--place-column", "column of plots.csv with codes of places", default=""),
            Option("--confidence", "confidence of the intervals", default="0.95"),
            Option("--deduction", "deduction rule for uncertainty, e.g. ar_tool14, gs403", default=""),
            Option("--draws", "draws of the Monte Carlo (default: none)", kind="count", default=0),
            Option("--seed", "seed of the draws", kind="count", default=0),
            Option("--synthetic", "nobody measured them: every figure is labelled so", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan forest load plots2024 --zone myzone --period 2024 --source 林业调查队 --sets anhui2016 --by dominant",
    ),
    Verb(
        "forest run",
        "qingshan.faces.cli.woods:run",
        "estimate the inventories of a zone and seal the figures, for the pages, explain and verify",
        (ZONE, LANG, JSON),
        "qingshan forest run --zone demo30m",
    ),
    Verb(
        "forest demo-project",
        "qingshan.faces.cli.projects:demo",
        "write a synthetic project to try the dossier on: parcels, plots and trees from a seed",
        (
            Option("folder", "new folder"),
            Option("--seed", "seed", kind="count", default=5),
            Option("--id", "id of the project", default="demo-ticket"),
            Option("--methodology", "methodology", default="bijie_ticket"),
            LANG,
            JSON,
        ),
        "qingshan forest demo-project project1",
    ),
    Verb(
        "forest dossier",
        "qingshan.faces.cli.projects:dossier",
        "compute a project's reductions by parcel and vintage, check double counting, keep the dossier with its PDF",
        (
            Option("folder", "project folder: project.toml, parcels.geojson, closing/, opening/"),
            Option("--crs", "a new table of claims: its CRS in metres, e.g. EPSG:4545", default=""),
            Option("--tolerance", "a new table of claims: m2 of shared ground that pass", default=""),
            Option("--enter", "enter the parcels into the zone's table of claims", kind="flag"),
            Option("--by", "who enters", default=""),
            Option("--out", "folder for dossiers (default: QINGSHAN_HOME/projects)", default=""),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan forest dossier project1 --zone demo30m --crs EPSG:32648 --tolerance 1",
    ),
    Verb(
        "forest claims",
        "qingshan.faces.cli.projects:claims",
        "list the zone's claims on land, or put some into another state (cancelled and rejected free the land)",
        (
            Option("ids", "ids of claims (default: all)", many=True),
            Option("--turn", "new state", default=""),
            Option("--why", "reason", default=""),
            Option("--by", "who does it", default=""),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan forest claims --zone demo30m",
    ),
    Verb(
        "forest overlaps",
        "qingshan.faces.cli.projects:overlapping",
        "find land counted twice in a GeoJSON of claims; exit 1 where there is any",
        (
            Option("file", "GeoJSON in metres: id, scheme, parcel, start, end, pool, benefit"),
            Option("--crs", "its CRS, e.g. EPSG:4545", required=True),
            Option("--tolerance", "m2 of shared ground that pass", required=True),
            Option("--out", "folder for the map of overlaps", default=""),
            LANG,
            JSON,
        ),
        "qingshan forest overlaps claims.geojson --crs EPSG:4545 --tolerance 1 --out map",
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
    Verb(
        "ledger verify",
        "qingshan.faces.cli.ledger:verify",
        "prove the eight rules from a journal's bytes, by code that shares nothing with the engine",
        (Option("venue", "folder of the venue, or its journal file"), LANG, JSON),
        "qingshan ledger verify venue",
    ),
    Verb(
        "ledger replay",
        "qingshan.faces.cli.ledger:replay",
        "rebuild the state from the journal: balances, state hash, Merkle root",
        (VENUE, LANG, JSON),
        "qingshan ledger replay venue",
    ),
    Verb("ledger key", "qingshan.faces.cli.ledger:key", "make a signing key; it is kept nowhere", (LANG, JSON)),
    Verb(
        "ledger root",
        "qingshan.faces.cli.ledger:root",
        "sign the Merkle root of a day (key: QINGSHAN_LEDGER_KEY)",
        (VENUE, Option("--day", "ISO date", required=True), LANG, JSON),
        "qingshan ledger root venue --day 2026-01-31",
    ),
    Verb(
        "ledger proof",
        "qingshan.faces.cli.ledger:proof",
        "print a proof: a record under a day's root, or an older day's records unchanged under it",
        (
            VENUE,
            Option("--day", "day whose root is used", required=True),
            Option("--record", "number of the record", default=""),
            Option("--since", "older day to prove unchanged", default=""),
            LANG,
            JSON,
        ),
        "qingshan ledger proof venue --day 2026-01-31 --record 17",
    ),
    Verb(
        "ledger check-proof",
        "qingshan.faces.cli.ledger:check_proof",
        "check a proof file with nothing but itself",
        (Option("file", "proof file"), LANG, JSON),
        "qingshan ledger check-proof proof.json",
    ),
    Verb(
        "ledger tables",
        "qingshan.faces.cli.ledger:tables",
        "bring SQL tables (SQLite, PostgreSQL) up to the journal",
        (
            VENUE,
            Option("--url", "database, e.g. sqlite:///ledger.sqlite", required=True),
            Option("--rebuild", "empty the tables and make them again", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan ledger tables venue --url sqlite:///ledger.sqlite",
    ),
    Verb(
        "exchange found",
        "qingshan.faces.cli.exchange:found",
        "make a venue with its first administrator and fixed accounts",
        (
            VENUE,
            Option("--name", "name of the venue", required=True),
            Option("--admin", "id of the first administrator", required=True),
            Option("--person", "person number of the administrator", required=True),
            Option("--person-name", "name of the administrator", required=True),
            AT,
            LANG,
            JSON,
        ),
        "qingshan exchange found venue --name 示范交易中心 --admin root --person P1 --person-name 张三",
    ),
    Verb(
        "exchange actor",
        "qingshan.faces.cli.exchange:actor",
        "enter a person who may act, with roles",
        (
            VENUE,
            Option("id", "id of the actor"),
            Option("--person", "person number", required=True),
            Option("--person-name", "name", required=True),
            Option("--roles", "roles, separated by commas", required=True),
            *SENDER,
            LANG,
            JSON,
        ),
        "qingshan exchange actor venue registry1 --person P2 --person-name 李四 --roles registry --by root",
    ),
    Verb(
        "exchange issue",
        "qingshan.faces.cli.exchange:issue",
        "issue a lot against its evidence file",
        (
            VENUE,
            Option("lot", "id of the lot"),
            Option("--asset", "instrument", required=True),
            Option("--quantity", "in the instrument's unit, e.g. 12.5", required=True),
            Option("--account", "who gets it", required=True),
            Option("--evidence", "the verification report; its sha-256 is kept", required=True),
            Option("--project", "forest-ticket project", default=""),
            *SENDER,
            LANG,
            JSON,
        ),
        "qingshan exchange issue venue L1 --asset ASSET --quantity 12.5 --account X --evidence report.pdf --by registry1",
    ),
    Verb(
        "exchange order",
        "qingshan.faces.cli.exchange:order",
        "enter an order",
        (
            VENUE,
            Option("id", "id of the order"),
            Option("--asset", "instrument", required=True),
            Option("--account", "for whom", required=True),
            Option("--side", "buy or sell", required=True, choices=("buy", "sell")),
            Option("--price", "yuan per unit, e.g. 50.01", required=True),
            Option("--quantity", "in the instrument's unit", required=True),
            Option("--kind", "limit, ioc, fok or auction", default="limit", choices=("limit", "ioc", "fok", "auction")),
            Option("--picks", "orders to trade with, separated by commas (listed_pick)", default=""),
            *SENDER,
            LANG,
            JSON,
        ),
        "qingshan exchange order venue o1 --asset ASSET --account X --side sell --price 50 --quantity 10 --by trader1",
    ),
    Verb(
        "exchange post",
        "qingshan.faces.cli.exchange:post",
        "give any command of the venue, its body from a JSON file",
        (
            VENUE,
            Option("command", "kind of command, e.g. rights.pledge"),
            Option("--body", "JSON file of the body; - reads it from the input", required=True),
            *SENDER,
            LANG,
            JSON,
        ),
        "qingshan exchange post venue rights.pledge --body pledge.json --by approver1",
    ),
    Verb(
        "exchange market",
        "qingshan.faces.cli.exchange:market",
        "what the public sees of a market: state, best prices, last trades",
        (VENUE, Option("--asset", "instrument", required=True), LANG, JSON),
        "qingshan exchange market venue --asset ASSET",
    ),
    Verb(
        "exchange statement",
        "qingshan.faces.cli.exchange:statement",
        "an account on a day: opening, movements, closing, set aside",
        (
            VENUE,
            Option("--account", "account", required=True),
            Option("--day", "ISO date", required=True),
            LANG,
            JSON,
        ),
        "qingshan exchange statement venue --account X --day 2026-01-30",
    ),
    Verb(
        "exchange reconcile",
        "qingshan.faces.cli.exchange:reconcile",
        "the bank's file of a day against the ledger, every line matched or listed",
        (
            VENUE,
            Option("--file", "CSV: date, account, direction (in, out), yuan, reference", required=True),
            Option("--day", "ISO date", required=True),
            LANG,
            JSON,
        ),
        "qingshan exchange reconcile venue --file bank.csv --day 2026-01-30",
    ),
    Verb(
        "exchange conflicts",
        "qingshan.faces.cli.exchange:conflicts",
        "the nightly check: staff who hold or benefit",
        (VENUE, LANG, JSON),
        "qingshan exchange conflicts venue",
    ),
)
