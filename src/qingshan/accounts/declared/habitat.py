"""What habitat quality reads and gives."""

from __future__ import annotations

__all__ = ["CONSTANTS", "EDITION", "INPUTS", "LIMITS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES"]

INPUTS = {"threat_NAME": "1", "access": "1", "base_classes": ""}
TABLES = {"suitability": "1", "sensitivity_NAME": "1", "rarity": "1"}
CONSTANTS = {"distance_NAME": "m", "weight_NAME": "1", "half_saturation": "1", "scaling": "1"}
OUTPUTS = {"degradation": "1", "quality": "1", "rarity": "1", "effect_NAME": "1", "degradation_NAME": "1"}
OPTIONS = {"compat": ("", "invest"), "effect": ("sum", "nearest"), "decay_NAME": ("linear", "exponential")}
"""Names with NAME are there once per threat. `base_classes` or the table `rarity` is for the output rarity alone."""
OPTIONAL = ("access",)
LIMITS = {"access": (0.0, 1.0)}
EDITION = "@invest_guide"
