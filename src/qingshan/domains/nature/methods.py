"""Methods of the nature domain: classes, pattern, quality, biodiversity, problems, project scale, accuracy, habitat."""

from __future__ import annotations

from . import accuracy, biodiversity, classes, habitat, habitat_cells, pattern, problems, project_scale, quality

__all__ = [
    "accuracy",
    "biodiversity",
    "classes",
    "habitat",
    "habitat_cells",
    "pattern",
    "problems",
    "project_scale",
    "quality",
]
