"""What seasonal baseflow reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "GROUPS", "INPUTS", "LIMITS", "MONTHS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

MONTHS = tuple(str(m) for m in range(1, 13))
GROUPS = ("1", "2", "3", "4")
INPUTS = {
    "direction": "", "accumulation": "count", "soil_group": "", "streams": "",
    **{f"rain_{m}": "mm" for m in MONTHS}, **{f"et0_{m}": "mm" for m in MONTHS},
}  # fmt: skip
LIMITS = {f"{name}_{m}": (0.0, float("inf")) for name in ("rain", "et0") for m in MONTHS}
TABLES = {**{f"curve_number_{g}": "1" for g in GROUPS}, **{f"kc_{m}": "1" for m in MONTHS}}
"""Curve numbers of the soil groups A to D (1 to 4), crop coefficients of the months, by class."""
CONSTANTS = {
    "stream_area": "km2",
    "alpha": "fraction",
    "beta": "fraction",
    "gamma": "fraction",
    **{f"events_{m}": "count" for m in MONTHS},
}
OUTPUTS = {"quickflow": "mm", "recharge": "mm", "recharge_sum": "mm", "baseflow": "mm", "stream": ""}
OPTIONS = {"sinks": ("end", "stream")}
OPTIONAL = ("streams", "stream_area")
