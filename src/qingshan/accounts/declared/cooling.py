"""What urban cooling reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "EDITION", "INPUTS", "LIMITS", "METHODS", "OPTIONS", "OUTPUTS", "TABLES"]

INPUTS = {"reference_et": "mm"}
LIMITS = {"reference_et": (0.0, float("inf"))}
TABLES = {"crop_coefficient": "1", "shade": "1", "albedo": "1", "building_intensity": "1", "green": "1"}
CONSTANTS = {
    "reference_temperature": "degC", "heat_island": "K", "cooling_distance": "m", "mixing_distance": "m", "smallest_park": "hm2",
    "shade_weight": "1", "albedo_weight": "1", "et_weight": "1", "largest_et": "mm",
}  # fmt: skip
OUTPUTS = {
    "capacity": "1", "park_capacity": "1", "green_area": "hm2", "mitigation": "1", "temperature_unmixed": "degC",
    "temperature": "degC", "reduction": "K",
}  # fmt: skip
OPTIONS = {
    "compat": ("", "invest"), "time": ("day", "night"), "largest_et": ("declared", "map"),
    "mixing": ("exponential", "disc", "gaussian"),
}  # fmt: skip
"""`mixing`: the guide says Gaussian without a width, the program it describes decays exponentially (to 1/e at the mixing
distance, cut at five). `gaussian` takes the distance as standard deviation, cut at three; `disc` is the plain mean."""
EDITION = "@invest_guide"
METHODS = {
    "day": ("climate.evapotranspiration_index@invest_guide", "climate.cooling_capacity@invest_guide"),
    "night": ("climate.cooling_capacity@invest_guide_night",),
}
