"""What depression filling and flow routing read and give."""

from __future__ import annotations

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "METHODS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

INPUTS = {"elevation": "m", "sinks": ""}
LIMITS = {"elevation": (-500.0, 9000.0)}
"""No land lies lower (shore of the Dead Sea, about -430 m) or higher (Qomolangma, 8,849 m)."""
TABLES: dict[str, str] = {}
CONSTANTS = {"keep_deeper": "m", "keep_larger": "km2"}
OUTPUTS = {"filled": "m", "direction": "", "accumulation": "count", "area": "m2", "sink": ""}
OPTIONS = {"routing": ("d8", "mfd")}
OPTIONAL = ("sinks", "keep_deeper", "keep_larger")
METHODS = {
    "": ("water.filled_level@barnes2014",),
    "d8": ("water.flow_direction@ocallaghan1984",),
    "mfd": ("water.flow_share@holmgren1994",),
}
"""Filling, and the directions of each way of routing; the loops in `fill.py` and `directions.py` are held to them by the tests."""
