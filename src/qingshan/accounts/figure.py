"""The records an account is made of: nodes (every step, with its key) and refusals (why there is no number)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qingshan.core.canonical import digest


@dataclass(frozen=True)
class Refusal:
    """Why a figure is not given. `needs` is the missing quantity, parameter or class; `document` fills it."""

    code: str  # missing_fact | open_parameter | unmapped_class | undefined | not_applicable | policy | method_error | no_method | dependency
    zh: str
    en: str
    needs: str = ""
    document: str = ""
    causes: tuple[Refusal, ...] = ()

    def leaves(self) -> list[Refusal]:
        """The causes at the bottom of the tree, each once, in order."""
        return [part for part in self.whole() if not part.causes]

    def whole(self, seen: set[str] | None = None) -> Iterator[Refusal]:
        """Everything below it and itself, each once, causes first."""
        seen = set() if seen is None else seen
        if self.key not in seen:
            seen.add(self.key)
            for cause in self.causes:
                yield from cause.whole(seen)
            yield self

    @cached_property
    def key(self) -> str:
        return digest(self.line())

    def line(self) -> dict[str, Any]:
        """One line of `refusals.jsonl`: the causes by their keys, because many cells share them."""
        return {
            "code": self.code, "zh": self.zh, "en": self.en, "needs": self.needs, "document": self.document,
            "causes": [c.key for c in self.causes],
        }  # fmt: skip

    def record(self) -> dict[str, Any]:
        """The whole tree, for a page or an `explain`."""
        return self.line() | {"causes": [c.record() for c in self.causes]}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Refusal:
        return cls(**{**record, "causes": tuple(cls.of(c) for c in record["causes"])})


def refusal_lines(refusals: Iterable[Refusal | None]) -> list[dict[str, Any]]:
    """Every refusal and cause once, causes before what they cause: what `read_refusals` reads back."""
    seen: set[str] = set()
    return [part.line() | {"key": part.key} for refusal in refusals if refusal for part in refusal.whole(seen)]


def read_refusals(lines: Iterable[Mapping[str, Any]]) -> dict[str, Refusal]:
    """Refusals by key."""
    found: dict[str, Refusal] = {}
    for line in lines:
        fields = {k: v for k, v in line.items() if k != "key"}
        found[line["key"]] = Refusal(**fields | {"causes": tuple(found[c] for c in line["causes"])})
    return found


@dataclass(frozen=True)
class Node:
    """One step of a pedigree. `args` are (role, key) of what it was made from; `value` has the scenario axis first."""

    key: str
    kind: str  # input | parameter | span | method | rollup | sum | refusal; raster | cell | stage | layer | table | constant
    quantity: str
    place: str = ""
    cls: str = ""
    period: str = ""
    basis: str = ""
    unit: str = ""
    value: Any = None  # nested lists of float, scenario axis first
    method: str = ""
    code: str = ""
    args: tuple[tuple[str, str], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    row: dict[str, Any] | None = None
    refusal: Refusal | None = None
    flags: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Canonical record; empty parts are left out, a refusal stands by its key."""
        full = {
            "key": self.key, "kind": self.kind, "quantity": self.quantity, "place": self.place, "cls": self.cls,
            "period": self.period, "basis": self.basis, "unit": self.unit, "value": self.value, "method": self.method,
            "code": self.code, "args": [list(a) for a in self.args], "choices": [list(c) for c in self.choices],
            "row": self.row, "refusal": self.refusal.key if self.refusal else None, "flags": list(self.flags),
            "notes": self.notes, "labels": list(self.labels),
        }  # fmt: skip
        return {k: v for k, v in full.items() if v not in (None, "", [], {})}

    @classmethod
    def of(cls, record: dict[str, Any], refusals: Mapping[str, Refusal]) -> Node:
        get = dict(record)
        get["args"] = tuple((r, k) for r, k in get.get("args", ()))
        get["choices"] = tuple((r, k) for r, k in get.get("choices", ()))
        get["flags"], get["labels"] = tuple(get.get("flags", ())), tuple(get.get("labels", ()))
        get["refusal"] = refusals[get["refusal"]] if "refusal" in get else None
        return cls(**get)
