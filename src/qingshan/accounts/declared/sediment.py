"""What sediment delivery reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "LOSS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

LOSS = "t/(hm2 a)"
INPUTS = {
    "direction": "", "accumulation": "count", "slope": "%", "ls": "1", "erosivity": "MJ mm/(hm2 h a)",
    "erodibility": "t hm2 h/(hm2 MJ mm)", "streams": "",
}  # fmt: skip
LIMITS = {"slope": (0.0, float("inf")), "erosivity": (0.0, float("inf")), "erodibility": (0.0, float("inf"))}
TABLES = {"c": "1", "p": "1"}
CONSTANTS = {"stream_area": "km2", "ic0": "1", "k": "1", "ratio_max": "fraction"}
OUTPUTS = {
    "potential": LOSS, "loss": LOSS, "upslope": "m", "downslope": "m", "ic": "1", "sdr": "fraction", "export": LOSS,
    "deposition": LOSS, "avoided_erosion": LOSS, "avoided_export": LOSS, "stream": "",
}  # fmt: skip
OPTIONS = {"compat": ("", "invest"), "sinks": ("end", "stream")}
OPTIONAL = ("streams", "stream_area")
