"""What slope and aspect read and give."""

from __future__ import annotations

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "OPTIONS", "OUTPUTS", "TABLES"]

INPUTS = {"elevation": "m"}
LIMITS = {"elevation": (-500.0, 9000.0)}
"""No land lies lower (shore of the Dead Sea, about -430 m) or higher (Qomolangma, 8,849 m)."""
TABLES: dict[str, str] = {}
CONSTANTS: dict[str, str] = {}
OUTPUTS = {"slope": "%", "angle": "rad", "aspect": "rad"}
OPTIONS: dict[str, tuple[str, ...]] = {}
