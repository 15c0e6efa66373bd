"""Methods of the nature domain: classes, pattern, quality, biodiversity, problems, project scale, accuracy."""

from __future__ import annotations

from . import accuracy, biodiversity, classes, pattern, problems, project_scale, quality

__all__ = ["accuracy", "biodiversity", "classes", "pattern", "problems", "project_scale", "quality"]
