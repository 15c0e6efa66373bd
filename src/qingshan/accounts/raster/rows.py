"""The numbers of a raster account: constants, and tables by ecosystem class or by the codes of another layer.

A class without a row has NaN in its table and a reason; a table without any row refuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qingshan.core.errors import AmbiguousParameter, MissingParameter
from qingshan.core.finding import Finding
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert
from qingshan.zone.zone import Zone

from ..figure import Refusal
from ..sources import dependency, opened
from .declaration import RasterAccount, Row, TableUse
from .pedigree import Pedigree

__all__ = ["LANDCOVER", "Found", "Rows", "plain"]

LANDCOVER = "land.cover"


@dataclass
class Found:
    """What stands behind a name: a value and its node, or why there is none; `gaps` are classes without one."""

    value: Any = None
    node: str = ""
    refusal: Refusal | None = None
    gaps: dict[int, Refusal] = field(default_factory=dict)


class Rows:
    """Finds parameter rows for the constants and tables of one account; `classes` are those of the period."""

    classes: Any

    def __init__(
        self, zone: Zone, account: RasterAccount, period: str, parameters: Parameters, override: Mapping[str, float]
    ) -> None:
        self.zone, self.account, self.period = zone, account, period
        self.parameters, self.override = parameters, override
        self.pedigree, self.findings = Pedigree(), list[Finding]()
        self._known: dict[tuple[str, str], Found] = {}

    def _constant(self, name: str, row: Row, role: str, unit: str = "") -> Found:
        if ("constant", name) not in self._known:
            self._known["constant", name] = self._number(row, unit or row.unit, role)
        return self._known["constant", name]

    def _number(self, row: Row, unit: str, role: str) -> Found:
        if row.value is not None:
            node = self.pedigree.declared(row, role, f"raster account {self.account.id}")
            return Found(float(convert(row.value, row.unit or "1", unit or row.unit or "1")), node)
        try:
            known = self.parameters.find(row.parameter, cls=row.cls or None, set=row.set or None)
        except (MissingParameter, AmbiguousParameter) as error:
            return Found(refusal=opened(error))
        return Found(self._value(known, unit), self.pedigree.parameter(known))

    def _value(self, row: ParameterRow, unit: str) -> float:
        value = self.override.get(row.key, row.value)
        assert value is not None
        return float(convert(value, row.unit or "1", unit or row.unit or "1"))

    def _table(self, name: str, use: TableUse) -> Found:
        if ("table", name) not in self._known:
            self._known["table", name] = self._by_code(use) if use.by else self._by_class(name, use)
        return self._known["table", name]

    def _by_class(self, name: str, use: TableUse) -> Found:
        """A vector by class code; a class without a row has NaN and a reason."""
        codes = self.classes.codes
        vector = np.full(max(codes, default=0) + 1, math.nan)
        gaps: dict[int, Refusal] = {}
        nodes: list[tuple[str, str]] = []
        for code in codes:
            row = self._class_row(use, code)
            if isinstance(row, Refusal):
                gaps[code] = row
                continue
            vector[code] = self._value(row, use.unit)
            nodes.append((self.classes.names.get(code, str(code)), self.pedigree.parameter(row)))
        if not nodes:
            empty = Refusal(
                "open_parameter",
                f"参数表 {use.parameter} 是空的。",
                f"the table {use.parameter} is empty.",
                needs=use.parameter,
            )
            return Found(refusal=dependency(list(gaps.values()) or [empty]))
        if gaps and name in self.account.tables:
            self._tell_gaps(use, gaps)
        return Found(vector, self.pedigree.table(use, nodes, self.period, self._map_status(use)), gaps=gaps)

    def _class_row(self, use: TableUse, code: int) -> ParameterRow | Refusal:
        names = self._row_names(use, code)
        for cls in names:
            if self.parameters.rows(use.parameter, cls=cls, set=use.set or None):
                try:
                    return self.parameters.find(use.parameter, cls=cls, set=use.set or None)
                except (MissingParameter, AmbiguousParameter) as error:
                    return opened(error)
        zh, en = self._class_names(code)
        opens = [r for r in self.parameters.rows(use.parameter) if r.status == "open" and r.document]
        if not self.parameters.rows(use.parameter, set=use.set or None) and opens:
            return Refusal(
                "open_parameter",
                f"参数 {use.parameter} 待补。",
                f"{use.parameter} is open.",
                use.parameter,
                opens[0].document,
            )
        return Refusal("unmapped_class", f"地类“{zh}”在参数表 {use.parameter} 中没有取值。", f"class {en} has no row in the table {use.parameter}.",
                       needs=f"{use.parameter}:{self.classes.names.get(code, code)}")  # fmt: skip

    def _row_names(self, use: TableUse, code: int) -> tuple[str, ...]:
        """Under which names a class may stand in a table: through the map, else by its id, code or Chinese name."""
        cls = self.classes.names.get(code, str(code))
        if use.map:
            rows = self._map(use.map).get("rows", {})
            return tuple(rows.get(cls) or rows.get(str(code)) or ())
        return tuple(dict.fromkeys((cls, str(code), self._class_names(code)[0])))

    def _map(self, id: str) -> Mapping[str, Any]:
        """The `[[map]]` of that id: the zone's own, else the account's."""
        declared = [*self.zone.config.get("map", ()), *self.account.content.get("map", ())]
        return next((m for m in declared if m["id"] == id and m["rows"]), {})

    def _map_status(self, use: TableUse) -> str:
        """The status of the table's map; one that states none is our own choice."""
        return str(self._map(use.map).get("status") or "project") if use.map else ""

    def _class_names(self, code: int) -> tuple[str, str]:
        cls = self.classes.names.get(code, str(code))
        known: Mapping[str, Any] = next(
            (c for c in self.zone.config.get("extent", {}).get("class", ()) if c["id"] == cls), {}
        )
        return str(known.get("zh", cls)), str(known.get("en", cls))

    def _tell_gaps(self, use: TableUse, gaps: Mapping[int, Refusal]) -> None:
        names = [self._class_names(code) for code in gaps]
        zh, en = "、".join(n[0] for n in names), ", ".join(n[1] for n in names)
        self.findings.append(Finding(
            "note", "classes_without_rows", f"{use.parameter} has no row for {en}: what stands on it is not computed there.",
            f"参数 {use.parameter} 没有{zh}的取值：依赖它的量在这些地类上不计算。", file=self.account.id, field=use.parameter,
            fix="add the rows, or map the classes / 补上取值，或在对照表中给出对应类",
        ))  # fmt: skip

    def _by_code(self, use: TableUse) -> Found:
        """A vector by the codes of another class layer: rows that name a code, and rows of the account's classes."""
        rows = [r for r in self.parameters.rows(use.parameter, set=use.set or None) if r.cls.isdigit()]
        closed = {int(r.cls): r for r in rows if r.value is not None}
        if self.account.layers[use.by].layer.quantity.startswith(LANDCOVER):
            known = {code: self._class_row(use, code) for code in self.classes.codes}
            closed = {code: row for code, row in known.items() if isinstance(row, ParameterRow)}
        if not closed:
            document = next((r.document for r in self.parameters.rows(use.parameter) if r.document), "")
            return Found(refusal=Refusal("open_parameter", f"参数 {use.parameter} 没有按代码的取值。", f"{use.parameter} has no row by code.",
                                          needs=use.parameter, document=document))  # fmt: skip
        vector = np.full(max(closed) + 1, math.nan)
        for code, row in closed.items():
            vector[code] = self._value(row, use.unit)
        nodes = [(str(code), self.pedigree.parameter(row)) for code, row in sorted(closed.items())]
        return Found(vector, self.pedigree.table(use, nodes, self.period, self._map_status(use)))


def plain(vector: Iterable[float]) -> list[Any]:
    """JSON without NaN."""
    return [None if math.isnan(v) else float(v) for v in vector]
