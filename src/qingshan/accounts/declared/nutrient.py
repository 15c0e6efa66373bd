"""What nutrient delivery reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "EACH", "INPUTS", "LIMITS", "LOAD", "NUTRIENTS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

LOAD = "kg/(hm2 a)"
NUTRIENTS = ("n", "p")
INPUTS = {"direction": "", "accumulation": "count", "slope": "%", "runoff": "", "streams": ""}
LIMITS = {"slope": (0.0, float("inf")), "runoff": (0.0, float("inf"))}
TABLES = {
    unit + n: kind for n in NUTRIENTS
    for unit, kind in (("load_", LOAD), ("efficiency_", "fraction"), ("length_", "m"), ("applied_", ""), ("subsurface_", "fraction"))
}  # fmt: skip
CONSTANTS = {
    "stream_area": "km2", "k": "1", "ic0": "1", "runoff_mean": "", "subsurface_efficiency": "fraction", "subsurface_length": "m",
}  # fmt: skip
EACH = {"load_": LOAD, "retained_": "fraction", "ndr_": "fraction", "surface_": LOAD, "below_": LOAD, "export_": LOAD}
OUTPUTS = {
    "upslope": "m", "downslope": "m", "ic": "1", "way": "m", "ndr_below": "fraction", "stream": "",
    **{name + n: unit for n in NUTRIENTS for name, unit in EACH.items()},
}  # fmt: skip
"""`surface_n` and `below_n` are the parts of `export_n`; `retained_n` the effective retention on the way down."""
OPTIONS = {"compat": ("", "invest"), "sinks": ("end", "stream")}
OPTIONAL = ("streams", "stream_area", "ic0", "runoff_mean", "subsurface_efficiency", "subsurface_length", *TABLES)
