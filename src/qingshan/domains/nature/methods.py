"""Methods of the nature domain: classes, pattern, quality, biodiversity, problems, project scale, accuracy, habitat, EI."""

from __future__ import annotations

from . import (
    accuracy,
    biodiversity,
    classes,
    ecological_index,
    habitat,
    habitat_cells,
    pattern,
    problems,
    project_scale,
    quality,
)

__all__ = [
    "accuracy",
    "biodiversity",
    "classes",
    "ecological_index",
    "habitat",
    "habitat_cells",
    "pattern",
    "problems",
    "project_scale",
    "quality",
]
