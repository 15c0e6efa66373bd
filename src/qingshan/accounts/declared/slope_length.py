"""What the slope length and steepness factor reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "INPUTS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

INPUTS = {"accumulation": "count", "slope": "%", "aspect": "rad"}
TABLES: dict[str, str] = {}
CONSTANTS = {"length_max": "m", "l_max": "1"}
OUTPUTS = {"l": "1", "s": "1", "ls": "1"}
OPTIONS = {"compat": ("", "invest"), "steep": ("renard1997", "liu1994")}
OPTIONAL = ("aspect", "length_max", "l_max")
