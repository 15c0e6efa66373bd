"""Declaring a method once, beside its pure function; every face reads the declaration.

    @method("water.retention", edition="garze2017", clause=Clause("生态学报 2017,37(19):6302-6312", "G02"))
    def retention(precipitation: A[Array, Q("mm", "年降水量", "annual precipitation", low=0)], ...) \
            -> A[Array, Q("m3", "水源涵养量", "water retained")]:

Import fails on an undeclared argument. The function stays a plain function of arrays; `Method.apply` is the checked
way in: it converts units, checks limits and names what is wrong.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated as A  # noqa: N817 - reads as in the design
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from .canonical import digest
from .errors import DeclarationError, OutOfBounds, UnitError, UnknownName
from .units import convert, unit

Array = NDArray[np.float64]

__all__ = ["REGISTRY", "A", "Array", "Choice", "Clause", "Method", "Q", "method"]


@dataclass(frozen=True, slots=True)
class Q:
    """A declared quantity: unit, both names, limits (inclusive) and, for codes, the words they stand for.

    `axis` names a trailing axis the argument carries ('month', 'day', 'class' ...); '' means any broadcastable shape.
    """

    unit: str
    zh: str
    en: str
    low: float | None = None
    high: float | None = None
    axis: str = ""
    labels: tuple[str, ...] = ()
    symbol: str = ""
    labels_en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A declared option: a rule the standard leaves open and the profile must name."""

    zh: str
    en: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where a formula is printed: document and clause."""

    document: str
    where: str = ""


@dataclass(frozen=True)
class Method:
    """One published formula in one edition. `function` is pure; `arguments` and `result` are its declaration."""

    id: str
    edition: str
    clause: Clause
    zh: str
    en: str
    formula: str
    status: str
    function: Callable[..., Any]
    arguments: Mapping[str, Q | Choice]
    defaults: Mapping[str, Any]
    result: Q

    @property
    def ref(self) -> str:
        return f"{self.id}@{self.edition}"

    @property
    def domain(self) -> str:
        """The package that holds the method's module; empty for a method declared outside one."""
        return self.function.__module__.rpartition(".")[0].rpartition(".")[2]

    @cached_property
    def code(self) -> str:
        """sha-256 of the module that holds the function, without docstrings and comments: a changed formula or
        helper changes it, a changed remark does not."""
        module = inspect.getmodule(self.function)
        tree = ast.parse(inspect.getsource(module or self.function))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
                and ast.get_docstring(node, clean=False) is not None
            ):
                node.body = node.body[1:] or [ast.Pass()]
        return digest(ast.unparse(tree))

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def apply(self, given: Mapping[str, Any]) -> Array:
        """Check and call. `given` maps an argument to `(values, unit)`, a choice to its word.

        Returns the result in `result.unit`, float64. Raises `UnknownName`, `UnitError`, `OutOfBounds`, or the
        method's own named errors.
        """
        unknown = set(given) - set(self.arguments)
        missing = set(self.arguments) - set(given) - set(self.defaults)
        if unknown or missing:
            what = f"unknown argument {sorted(unknown)}" if unknown else f"missing argument {sorted(missing)}"
            raise UnknownName(f"{self.ref}: {what}.", f"{self.ref}：参数不符 {sorted(unknown or missing)}。")
        ready = {name: self._argument(name, value) for name, value in given.items()}
        return np.asarray(self.function(**ready), dtype=np.float64)

    def _argument(self, name: str, value: Any) -> Any:
        declared = self.arguments[name]
        if isinstance(declared, Choice):
            if value not in declared.options:
                raise OutOfBounds(
                    f"{self.ref}: {name} = {value!r} is not one of {', '.join(declared.options)}.",
                    f"{self.ref}：{declared.zh} 只能取 {'、'.join(declared.options)}，给的是 {value!r}。",
                )
            return value
        numbers, given_unit = value
        try:
            values = np.asarray(
                convert(np.asarray(numbers, dtype=np.float64), given_unit, declared.unit), dtype=np.float64
            )
        except UnitError as error:
            raise UnitError(
                f"{self.ref}, {name}: {error.en}", f"{self.ref}，{declared.zh}：{error.zh}", fix=error.fix
            ) from None
        for limit, broken, sign in (
            (declared.low, declared.low is not None and bool(np.any(values < declared.low)), ">="),
            (declared.high, declared.high is not None and bool(np.any(values > declared.high)), "<="),
        ):
            if broken:
                worst = float(np.nanmin(values) if sign == ">=" else np.nanmax(values))
                raise OutOfBounds(
                    f"{self.ref}: {declared.en} ({name}) is {worst:g} {declared.unit}, must be {sign} {limit:g}.",
                    f"{self.ref}：{declared.zh}为 {worst:g} {declared.unit}，应 {sign} {limit:g}。",
                    fix=f"check the source row and the unit of {name} / 核对出处和 {name} 的单位",
                )
        return values


class Registry:
    """Every declared method by `id@edition`."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}

    def add(self, declared: Method) -> None:
        known = self._methods.get(declared.ref)
        if known and known.function.__qualname__ + known.function.__module__ != (
            declared.function.__qualname__ + declared.function.__module__
        ):
            raise DeclarationError(
                f"method {declared.ref} is declared twice.", fix="an edition is never reused: give a new one"
            )
        self._methods[declared.ref] = declared

    def __getitem__(self, ref: str) -> Method:
        if ref not in self._methods:
            stem = ref.partition("@")[0]
            near = ", ".join(sorted(r for r in self._methods if r.partition("@")[0] == stem)) or "none of that id"
            raise UnknownName(f"no method {ref!r} (known: {near}).", f"没有方法 {ref!r}（现有：{near}）。")
        return self._methods[ref]

    def __contains__(self, ref: str) -> bool:
        return ref in self._methods

    def all(self) -> list[Method]:
        return [self._methods[r] for r in sorted(self._methods)]


REGISTRY = Registry()


def method(
    id: str, *, edition: str, clause: Clause, zh: str = "", en: str = "", formula: str = "", status: str = "primary"
) -> Callable[[Callable[..., Any]], Method]:
    """Declare a pure function as a method.

    `zh`/`en` default to the result's names; `formula` is the printed equation in plain text for the method page;
    `status` is the status of the formula's own source.
    """

    def declare(function: Callable[..., Any]) -> Method:
        """Read the annotations, check that nothing is undeclared, register."""
        hints = get_type_hints(function, include_extras=True)
        declared: dict[str, Q | Choice] = {}
        defaults: dict[str, Any] = {}
        for name, argument in inspect.signature(function).parameters.items():
            declared[name] = _declaration(hints.get(name), f"{id}@{edition}: argument {name!r}")
            if argument.default is not inspect.Parameter.empty:
                defaults[name] = argument.default
        result = _declaration(hints.get("return"), f"{id}@{edition}: the result")
        if not isinstance(result, Q):
            raise DeclarationError(f"{id}@{edition}: the result must be a Q.")
        if not inspect.getdoc(function):
            raise DeclarationError(f"{id}@{edition} has no docstring.", fix="say what it gives, shapes and source")
        for quantity in [*declared.values(), result]:
            if isinstance(quantity, Q):
                unit(quantity.unit)
        made = Method(
            id, edition, clause, zh or result.zh, en or result.en, formula, status, function, declared, defaults, result
        )
        REGISTRY.add(made)
        return made

    return declare


def _declaration(hint: Any, what: str) -> Q | Choice:
    for item in getattr(hint, "__metadata__", ()):
        if isinstance(item, Q | Choice):
            return item
    raise DeclarationError(f"{what} declares no unit and names.", fix="annotate it: A[Array, Q(unit, zh, en)]")
