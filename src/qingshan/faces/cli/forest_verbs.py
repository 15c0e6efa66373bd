"""The verbs of the group forest. Data only, standard library only."""

from __future__ import annotations

from .verb import JSON, LANG, ZONE, Option, Verb

CONFIDENCE = Option("--confidence", "confidence of the intervals, a share such as 0.95", default="0.90")
UNIT_ASSUMED = Option(
    "--allow-unit-assumed", "let equations stand whose source prints no units: drafts only, labelled so", kind="flag"
)
ESTIMATOR = Option(
    "--estimator",
    "how totals are made of the plots",
    choices=("post_stratified", "stratified", "simple", "systematic", "double_sampling"),
    default="post_stratified",
)
AUXILIARY = Option("--auxiliary", "column of first_phase.csv that double_sampling regresses on", default="")
GROUPS = Option("--groups", "CSV of taxon,group: the group whose equation a taxon may take", default="")
EQUATIONS = Option(
    "--equations",
    "CSV with equations of your own, in the package's columns (default: equations.csv of the folder)",
    default="",
)
TABLES = "folder with plots.csv, trees.csv, strata.csv and, where there are, units, nests, conditions, first_phase"

FOREST = (
    Verb(
        "forest estimate",
        "qingshan.faces.cli.forest:estimate",
        "estimate area, trees, biomass and carbon from plots and trees, each with its standard error and interval",
        (
            Option("folder", TABLES),
            Option("--sets", "sets of equations in order of preference, e.g. anhui2016,puding2009", required=True),
            Option(
                "--quantity", "what trees are turned into", choices=("agb", "bgb", "total", "volume"), default="agb"
            ),
            GROUPS,
            Option("--allow-default", "allow the default equation of a set", kind="flag"),
            UNIT_ASSUMED,
            EQUATIONS,
            Option("--carbon-fraction", "parameter set of the carbon fraction", default="ar_tool14"),
            ESTIMATOR,
            AUXILIARY,
            Option("--by", "column to split by: species, origin, age class, county ...", default=""),
            Option(
                "--grid",
                "also as one systematic grid (grid_row, grid_column): variance by successive differences",
                kind="flag",
            ),
            CONFIDENCE,
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
        "qingshan forest estimate plots2024 --sets anhui2016 --allow-unit-assumed --by taxon --deduction ar_tool14",
    ),
    # --- the group observe
    Verb(
        "forest load",
        "qingshan.faces.cli.woods:load",
        "check the tables of an inventory and keep them for a zone",
        (
            Option("folder", TABLES),
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
            UNIT_ASSUMED,
            Option(
                "--quantity", "biomass that trees are turned into", choices=("agb", "bgb", "total"), default="total"
            ),
            Option("--carbon-fraction", "parameter set of the carbon fraction", default="ar_tool14"),
            ESTIMATOR,
            AUXILIARY,
            Option("--by", "columns to split by, e.g. dominant,age_class,origin", default=""),
            Option("--place-column", "column of plots.csv with codes of places", default=""),
            CONFIDENCE,
            Option("--deduction", "deduction rule for uncertainty, e.g. ar_tool14, gs403", default=""),
            Option("--draws", "draws of the Monte Carlo (default: none)", kind="count", default=0),
            Option("--seed", "seed of the draws", kind="count", default=0),
            Option("--synthetic", "nobody measured them: every figure is labelled so", kind="flag"),
            LANG,
            JSON,
        ),
        "qingshan forest load plots2024 --zone myzone --period 2024 --source 林业调查队 --sets anhui2016 --allow-unit-assumed --by dominant",
    ),
    Verb(
        "forest run",
        "qingshan.faces.cli.woods:run",
        "estimate the inventories of a zone and seal the figures, for the pages, explain and verify",
        (ZONE, LANG, JSON),
        "qingshan forest run --zone demo30m",
    ),
    Verb(
        "forest project",
        "qingshan.faces.cli.stands:project",
        "project stands under scenarios beside the baseline: carbon, volume and cost by year",
        (
            Option("folder", "folder with stand.toml, cohorts, curves, rates, disturbances, scenarios"),
            Option(
                "--scenarios", "scenarios, separated by commas (default: those that scenarios.csv fills)", default=""
            ),
            Option("--years", "years to project (default: those of stand.toml)", kind="count", default=0),
            Option("--out", "CSV file for all years", default=""),
            LANG,
            JSON,
        ),
        "qingshan forest project stands --scenarios low_yield --out years.csv",
    ),
    Verb(
        "forest scenarios",
        "qingshan.faces.cli.stands:scenarios",
        "list the declared scenarios and the slots to fill: reserve forest, low-yield conversion, species structure",
        (LANG, JSON),
        "qingshan forest scenarios",
    ),
    Verb(
        "forest demo-stands",
        "qingshan.faces.cli.stands:demo",
        "write a synthetic set of stands to try projections on",
        (Option("folder", "new folder"), Option("--seed", "seed", kind="count", default=3), LANG, JSON),
        "qingshan forest demo-stands stands",
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
        "forest calibrate",
        "qingshan.faces.cli.projects:calibrate",
        "calibrate raster layers by plots: a biomass map and the total it supports (GREG)",
        (
            Option(
                "folder",
                "inventory folder; plots.csv has x and y in the CRS of the grid, the plots are a simple random sample",
            ),
            Option("--layers", "ids of rasters of the zone, separated by commas", required=True),
            Option("--sets", "sets of equations", required=True),
            GROUPS,
            Option("--allow-default", "allow the default equation of a set", kind="flag"),
            UNIT_ASSUMED,
            EQUATIONS,
            CONFIDENCE,
            Option("--quantity", "agb, bgb or total", default="total"),
            Option("--out", "GeoTIFF (COG) for the map", default=""),
            ZONE,
            LANG,
            JSON,
        ),
        "qingshan forest calibrate plots2024 --zone mycounty --layers canopy --sets anhui2016 --allow-unit-assumed --out biomass.tif",
    ),
    Verb(
        "forest karst",
        "qingshan.faces.cli.separate:karst",
        "karst carbon of a catchment by hydrochemical runoff: gross, without strong acids, net; a separate account, never a unit",
        (
            Option("folder", "folder with karst.toml, samples.csv, flow.csv"),
            Option("--model", "rating curve", default="season", choices=("flow", "flow2", "season", "trend")),
            LANG,
            JSON,
        ),
        "qingshan forest karst chenqi",
    ),
)
