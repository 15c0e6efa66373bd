"""What stands behind a sum of cells, as nodes: steps with their methods, layers with their hashes, stages, tables, rows.

One set of nodes serves every place and class of a period; the figures of `facts.py` point at it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from qingshan.core.canonical import digest
from qingshan.core.cell import find_cell
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import ParameterRow
from qingshan.zone.raster.cache import plain_url

from ..block.sheet import Step
from ..figure import Node
from ..sources import DERIVED_LABELS, merged

if TYPE_CHECKING:
    from .binding import Binding, BoundStage
    from .declaration import Row, TableUse

__all__ = ["Pedigree"]

LAYER_FIELDS = (
    "id",
    "title",
    "source",
    "licence",
    "resampling",
    "band",
    "variable",
    "scale",
    "offset",
    "nodata",
    "mapping",
    "datetimes",
)


@dataclass
class Pedigree:
    """Nodes by key; `of` maps a sum to the node of what it adds, `split` to those that split and limit it; `ground` are the
    layers of classes and places.

    `root` is the folder that paths of files are told from.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)
    split: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    ground: tuple[tuple[str, str], ...] = ()
    root: Path | None = None

    def layer(self, quantity: str, period: str, layer: Any) -> str:
        row = layer_row(layer.entry, layer.source, self.root)
        return self._add(
            "layer",
            quantity,
            period=str(layer.entry.get("period", period)),
            unit=layer.unit,
            row=row,
            labels=_labels(layer.entry),
        )

    def parameter(self, row: ParameterRow) -> str:
        node = Node(row.key, "parameter", row.parameter, cls=row.cls, unit=row.unit, value=[row.value], row=row.record(),
                    labels=tuple(sorted({row.status} & DERIVED_LABELS)))  # fmt: skip
        self.nodes[node.key] = node
        return node.key

    def declared(self, row: Row, role: str, where: str) -> str:
        """A constant that the account itself declares."""
        about = {
            "parameter": role,
            "value": row.value,
            "unit": row.unit,
            "source_title": row.source,
            "status": row.status,
            "origin": where,
        }
        return self._add(
            "constant",
            role,
            unit=row.unit,
            value=[row.value],
            row=about,
            labels=tuple(sorted({row.status} & DERIVED_LABELS)),
        )

    def table(self, use: TableUse, rows: list[tuple[str, str]], period: str, map_status: str = "") -> str:
        return self._add(
            "table",
            use.parameter,
            period=period,
            unit=use.unit,
            args=tuple(rows),
            notes={"set": use.set, "map": use.map, "by": use.by} | ({"map_status": map_status} if use.map else {}),
        )

    def stage(self, bound: BoundStage, args: list[tuple[str, str]], period: str) -> str:
        notes = {
            "stage": bound.stage.name,
            "options": dict(bound.use.options),
            "zh": bound.stage.zh,
            "en": bound.stage.en,
            "methods": list(bound.stage.methods(bound.use.options)),
        }
        labels = {s for ref in notes["methods"] if (s := _own(REGISTRY[ref].status))}
        return self._add(
            "stage", f"stage.{bound.stage.name}", period=period, code=bound.stage.code, args=tuple(args), notes=notes,
            labels=tuple(sorted(labels)),
        )  # fmt: skip

    def output(self, stage: str, output: str, unit: str, period: str) -> str:
        quantity = f"{self.nodes[stage].quantity}.{output}"
        return self._add(
            "stage", quantity, period=period, unit=unit, args=(("stage", stage),), notes={"output": output}
        )

    def step(self, step: Step, args: list[tuple[str, str]], period: str) -> str:
        form = find_cell(step.cell)
        method = REGISTRY[form.method]
        notes = {"cell": form.name, "cell_code": form.code, "step": step.id, "zh": method.zh, "en": method.en}
        return self._add("cell", f"cell.{method.id}", period=period, unit=form.result_unit(method), method=method.ref, code=method.code,
                         args=tuple(args), choices=tuple(sorted(form.choices.items())), notes=notes,
                         labels=tuple(filter(None, [_own(method.status)])))  # fmt: skip

    def close(self, binding: Binding, cover: Mapping[str, Any], places: Mapping[str, Any]) -> None:
        """The layers of classes and places, which every sum stands on, with their entries of the catalogue."""
        classes = self.cover(binding.classes, cover, "land.cover", binding.period)
        self.ground = (("classes", classes), ("places", self.places(binding.places, places)))

    def places(self, places: Any, entry: Mapping[str, Any]) -> str:
        """The layer of places."""
        node = places_node(places, entry, self.root)
        self.nodes[node.key] = node
        return node.key

    def cover(self, classes: Any, entry: Mapping[str, Any], quantity: str, period: str) -> str:
        """A layer of account classes; where a legend was mapped to them, with the status of the rows that map it."""
        names = {str(code): name for code, name in sorted(classes.names.items())}
        row, labels = layer_row(entry, classes.source, self.root) | {"classes": names}, set(_labels(entry))
        if (mapping := getattr(classes, "mapping", None)) is not None:
            statuses = sorted({r.status for r in mapping.rows if r.class_code in classes.names})
            row |= {"mapping": mapping.scheme, "mapping_status": statuses}
            labels |= set(statuses) & DERIVED_LABELS
        return self._add(
            "layer",
            quantity,
            period=str(entry.get("period", period)),
            unit="class",
            row=row,
            labels=tuple(sorted(labels)),
        )

    def below(self, key: str) -> dict[str, Node]:
        """A node and everything under it."""
        found: dict[str, Node] = {}
        queue = [key]
        while queue:
            at = queue.pop()
            if at not in found:
                found[at] = self.nodes[at]
                queue += [k for _, k in found[at].args]
        return found

    def _add(self, kind: str, quantity: str, **known: Any) -> str:
        labels = merged((self.nodes[k] for _, k in known.get("args", ())), known.pop("labels", ()))
        identity = {
            "kind": kind,
            "quantity": quantity,
            "labels": labels,
            **{k: v for k, v in known.items() if k != "args"},
            "args": known.get("args", ()),
        }
        node = Node(digest(identity), kind, quantity, labels=labels, **known)
        self.nodes[node.key] = node
        return node.key


def layer_row(entry: Mapping[str, Any], source: Any, root: Path | None = None) -> dict[str, Any]:
    """Where a layer comes from: file (`file_named`), hash, title, status, entry and identity. `local`: a file, not an address."""
    about = _without_places(source.identity())
    path = str(entry.get("path", ""))
    local = bool(path) and "://" not in path and not path.startswith("/vsi")
    row = {
        "file": file_named(entry, root) or str(about.get("array", "")), "sha256": sha256_of(about, entry),
        "source_title": str(entry.get("title") or entry.get("source") or ""), "status": str(entry.get("status", "")),
        "entry": {k: entry[k] for k in LAYER_FIELDS if k in entry}, "identity": about,
    }  # fmt: skip
    return row | ({"local": True} if local else {})


def file_named(entry: Mapping[str, Any], root: Path | None = None) -> str:
    """How a pedigree names the file of an entry: its path in `root`, else its name alone; an address without query and user.

    Where the file lies on a machine, and what a query carries, is nobody's business; the hash says which file it is.
    """
    path, url = str(entry.get("path", "")), str(entry.get("url", ""))
    if found := re.search(r"[A-Za-z][\w+.-]*://.*", url or path):
        address = found[0]
        return PurePosixPath(address).name if address.startswith("file:") else plain_url(address)
    if not path:
        return str(entry.get("id", ""))
    if path.startswith("/vsi"):
        return PurePosixPath(path.partition("?")[0]).name
    folder = Path(os.path.normpath((root or Path()).absolute()))
    file = Path(os.path.normpath(folder / path))
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name


def _without_places(about: Any) -> Any:
    """An identity in which absolute paths and addresses stand by their hash."""
    if isinstance(about, Mapping):
        return {k: _without_places(v) for k, v in about.items()}
    if isinstance(about, list | tuple):
        return [_without_places(v) for v in about]
    placed = isinstance(about, str) and (about.startswith("/") or "://" in about)
    return digest(about) if placed else about


def places_node(places: Any, entry: Mapping[str, Any], root: Path | None = None) -> Node:
    """The layer of places: a raster of the zone, or its boundaries."""
    row = layer_row(entry, places.source, root) | {"places": list(places.codes)}
    row["file"] = row["file"] or "places"
    return Node(digest(["places", row]), "layer", "places", unit="index", row=row, labels=_labels(entry))


def _own(status: str) -> str:
    """The label of a method's status; a formula we had to settle is a choice of ours."""
    known = {"open": "project"}.get(status, status)
    return known if known in DERIVED_LABELS else ""


def _labels(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        sorted(({"synthetic"} if entry.get("synthetic") else set()) | ({str(entry.get("status", ""))} & DERIVED_LABELS))
    )


def sha256_of(about: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """The hash a layer's identity states, wherever it stands in it; else the declared one."""
    if isinstance(about.get("sha256"), str):
        return str(about["sha256"])
    for part in about.values():
        if isinstance(part, Mapping) and (found := sha256_of(part, {})):
            return found
    return str(entry.get("sha256", ""))
