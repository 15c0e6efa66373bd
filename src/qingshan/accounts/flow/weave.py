"""Weaving cell forms into a pass: a template in plain Python becomes one compiled kernel that a person can read.

A template (`passes.py`) takes the formulas as its first arguments and reads the cell's own values through `at(i)`:

    def climb(step, at, directions, ...):
        ... value = step(*at(i), length, below)

As written it runs on plain Python functions, slowly, which is what the tests compare with. `woven` puts the text of the cell
forms in place of `step`, and for `*at(i)` the layers, class tables and constants they are bound to.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qingshan.core.cell import Cell, find_cell
from qingshan.core.domain import load_domains

from ..block.kernel import JIT, compiled

__all__ = ["At", "cell_text", "formula", "woven"]

HEAD = '"""{title}: woven by qingshan from a pass over the flow and the cell forms of the domains."""\n\nimport math\n\nimport numpy as np\nfrom numba import njit\n'  # noqa: E501


@dataclass(frozen=True)
class At:
    """What a formula reads at a cell. `layers` are arrays over all cells, `tables` are looked up by the cell's class."""

    names: tuple[str, ...]
    layers: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()

    def expression(self, name: str) -> str:
        if name in self.layers:
            return f"L_{name}[i]"
        return f"T_{name}[classes[i]]" if name in self.tables else f"C_{name}"

    def arguments(self) -> list[str]:
        kinds = [("L" if n in self.layers else "T" if n in self.tables else "C") + f"_{n}" for n in self.names]
        return (["classes"] if self.tables & set(self.names) else []) + list(dict.fromkeys(kinds))

    def given(self, classes: Any, values: Mapping[str, Any]) -> list[Any]:
        """The arrays and numbers for `arguments`."""
        return [classes if a == "classes" else values[a[2:]] for a in self.arguments()]


def formula(name: str) -> Cell:
    """The cell form of a domain's method."""
    load_domains()
    return find_cell(name)


def woven(template: Callable[..., Any], cells: Mapping[str, str], at: Mapping[str, At] | None = None) -> Callable[..., Any]:  # fmt: skip
    """The compiled kernel of a template. `cells` names the cell form of each formula argument, `at` what each reader reads.

    The kernel takes the template's other arguments in their order, then those of the readers (`At.arguments`).
    """
    key = tuple(sorted((at or {}).items()))
    return _woven(template, tuple(sorted(cells.items())), key)


@lru_cache(maxsize=128)
def _woven(template: Callable[..., Any], cells: tuple[tuple[str, str], ...], at: tuple[tuple[str, At], ...]) -> Callable[..., Any]:  # fmt: skip
    names, readers = dict(cells), dict(at)
    tree = ast.parse(textwrap.dedent(inspect.getsource(template)))
    body = tree.body[0]
    assert isinstance(body, ast.FunctionDef)
    title, body.name, body.returns, body.decorator_list = body.name, "kernel", None, []
    if ast.get_docstring(body, clean=False) is not None:
        body.body = body.body[1:]
    body.args.args = [a for a in body.args.args if a.arg not in names and a.arg not in readers]
    for argument in body.args.args:
        argument.annotation = None
    extra = dict.fromkeys(x for reader in readers.values() for x in reader.arguments())
    body.args.args += [ast.arg(arg=x) for x in extra]
    forms = {argument: formula(name) for argument, name in names.items()}
    loop = ast.unparse(ast.fix_missing_locations(_Readers(readers, forms).visit(tree)))
    functions = "".join(cell_text(form, argument) for argument, form in forms.items())
    return compiled(HEAD.format(title=title) + functions + f"\n\n{JIT}\n{loop}\n")


class _Readers(ast.NodeTransformer):
    def __init__(self, readers: Mapping[str, At], forms: Mapping[str, Cell]) -> None:
        self.readers, self.forms = readers, forms

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """`f(*at(i), length, x)` -> `f(L_a[i], T_b[classes[i]], C_c, x)`: a form that has no `length` is not given it."""
        self.generic_visit(node)
        form = self.forms.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if form is not None and "length" not in form.arguments:
            node.args = [a for a in node.args if not (ast.unparse(a).startswith("length"))]
        arguments: list[ast.expr] = []
        for argument in node.args:
            call = argument.value if isinstance(argument, ast.Starred) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.readers:
                reader, index = self.readers[call.func.id], call.args[0]
                for name in reader.names:
                    expression = ast.parse(reader.expression(name), mode="eval").body
                    arguments.append(_Index(index).visit(expression))
            else:
                arguments.append(argument)
        node.args = arguments
        return node


class _Index(ast.NodeTransformer):
    def __init__(self, index: ast.expr) -> None:
        self.index = index

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.index if node.id == "i" else node


class _Constants(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.values:
            return node
        text = repr(self.values[node.id])
        return ast.parse(text if text[-1].isdigit() else f"math.{text}", mode="eval").body


def cell_text(cell: Cell, name: str) -> str:
    """A cell form as a compiled function called `name`, its module's numbers written out."""
    tree = ast.parse(cell.source)
    body = tree.body[0]
    assert isinstance(body, ast.FunctionDef)
    body.name = name
    text = ast.unparse(ast.fix_missing_locations(_Constants(cell.constants).visit(tree)))
    return f"\n\n# {cell.name}\n{JIT}\n{text}\n"
