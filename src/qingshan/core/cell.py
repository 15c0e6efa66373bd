"""The cell form of a method: the same formula for one cell of a raster, in plain Python, that an engine may compile.

    @cell("soil.loss@rusle")
    def loss(erosivity: float, erodibility: float, slope_factor: float, cover: float, practice: float) -> float:
        return erosivity * erodibility * slope_factor * cover * practice

The declaration (units, limits, names, clause) is the method's; the cell only says it for scalars. A test holds every cell
to its method. The body uses arithmetic, `math` and module-level numbers only, calls no other function, and returns NaN
where the method gives no value.

An argument of the method with an axis is spread over scalars: `cuts` becomes `cuts_1` to `cuts_4`, `rain` `rain_1` to
`rain_12`. A method of amounts (t, m3) has a cell per area: with `per="km2"` the argument `area` is 1 km2 and left out, the
`amounts` among the arguments and the result are per km2. This holds because such a method is proportional to its area.

A cell runs where all its arguments have values. Those named in `unknown` may be missing: the cell gets NaN and says
itself what that means (a code for "unknown").
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .canonical import digest
from .errors import DeclarationError, UnknownName
from .method import Method, Q

__all__ = ["CELLS", "Cell", "cell", "find_cell"]


@dataclass(frozen=True)
class Cell:
    """`method` is the reference of the declared method, `choices` its options that are fixed here; for `per`,
    `amounts` and `unknown` see above."""

    name: str
    method: str
    function: Callable[..., float]
    arguments: tuple[str, ...]
    choices: Mapping[str, str] = field(default_factory=dict)
    per: str = ""
    amounts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def declared(self, method: Method) -> dict[str, Q]:
        """Unit, names and limits of each argument. Raises `DeclarationError` where the method has no such argument."""
        return {name: self._declared(method, name) for name in self.arguments}

    def _declared(self, method: Method, name: str) -> Q:
        known = method.arguments.get(name)
        stem, _, place = name.rpartition("_")
        if known is None and place.isdigit():
            known = method.arguments.get(stem)
            known = replace(known, axis="") if isinstance(known, Q) and known.axis else None
        if not isinstance(known, Q):
            raise DeclarationError(f"the cell {self.name} takes {name!r}, which {method.ref} does not have.")
        return replace(known, unit=f"{known.unit}/{self.per}") if name in self.amounts else known

    def left_out(self, method: Method) -> list[str]:
        """Arguments of the method that the cell ought to take and does not."""
        spread = {a.rpartition("_")[0] for a in self.arguments if a.rpartition("_")[2].isdigit()}
        said = {*self.arguments, *spread, *self.choices, *method.defaults}
        return sorted(set(method.arguments) - said - ({"area"} if self.per else set()))

    def result_unit(self, method: Method) -> str:
        return f"{method.result.unit}/{self.per}" if self.per else method.result.unit

    @cached_property
    def source(self) -> str:
        """The function as text, without decorator, docstring and annotations: what a kernel is made of."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.function)))
        body = tree.body[0]
        assert isinstance(body, ast.FunctionDef)
        body.decorator_list, body.returns = [], None
        for argument in body.args.args:
            argument.annotation = None
        if ast.get_docstring(body, clean=False) is not None:
            body.body = body.body[1:]
        return ast.unparse(body)

    @cached_property
    def constants(self) -> dict[str, float]:
        """Module-level numbers that the body reads."""
        given = self.function.__globals__
        names = sorted(set(self.function.__code__.co_names) & set(given))
        return {n: float(given[n]) for n in names if isinstance(given[n], int | float)}

    @cached_property
    def code(self) -> str:
        """sha-256 of the text and its numbers."""
        written = {n: v if math.isfinite(v) else repr(v) for n, v in self.constants.items()}
        return digest([self.source, written, self.per, self.amounts, self.unknown])


CELLS: dict[str, Cell] = {}


def cell(
    method: str,
    *,
    variant: str = "",
    choices: Mapping[str, str] | None = None,
    per: str = "",
    amounts: tuple[str, ...] = (),
    unknown: tuple[str, ...] = (),
) -> Callable[[Callable[..., float]], Callable[..., float]]:
    """Declare the cell form of `method` (`id@edition`); `variant` tells several forms of one method apart.

    Raises `DeclarationError` where the name is taken by another function.
    """

    def declare(function: Callable[..., float]) -> Callable[..., float]:
        name = f"{method}:{variant}" if variant else method
        known = CELLS.get(name)
        if (
            known
            and known.function.__module__ + known.function.__qualname__ != function.__module__ + function.__qualname__
        ):
            raise DeclarationError(f"the cell {name} is declared twice.", fix="name the variant")
        arguments: tuple[Any, ...] = tuple(inspect.signature(function).parameters)
        CELLS[name] = Cell(name, method, function, arguments, dict(choices or {}), per, amounts, unknown)
        return function

    return declare


def find_cell(name: str) -> Cell:
    """The cell of that name. Raises `UnknownName` with the near ones."""
    if name not in CELLS:
        stem = name.partition("@")[0]
        near = ", ".join(sorted(n for n in CELLS if n.partition("@")[0] == stem)) or "none of that id"
        raise UnknownName(f"no cell form {name!r} (known: {near}).", f"没有栅格算式 {name!r}（现有：{near}）。")
    return CELLS[name]
