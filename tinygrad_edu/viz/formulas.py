"""The derivative of an op as its definition has it: the text of each vjp, read from the source."""

from __future__ import annotations

import ast
import copy
import functools
import linecache
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from ..op import Op

__all__ = ["derivatives", "summary_line"]


@functools.cache
def derivatives(op: Op) -> tuple[str, ...]:
    """Return for each input the expression that its gradient is, such as ``"g * y"``; "" where there is none.

    The inputs have the names that they have in the op's own signature. A vjp that is a function of its own gives its
    name and what its docstring says.
    """
    vjps = [op.vjps] if callable(op.vjps) else op.vjps
    return tuple("" if vjp is None else _text(vjp, op.names) for vjp in vjps)


def summary_line(function: Any) -> str:
    """Return the first line of a docstring."""
    return ((function.__doc__ or "").strip().splitlines() or [""])[0]


def _text(vjp: Callable[..., Any], names: Sequence[str]) -> str:
    code = getattr(vjp, "__code__", None)
    if code is None or vjp.__name__ != "<lambda>":
        name = getattr(vjp, "__name__", type(vjp).__name__)
        return f"{name}: {summary_line(vjp)}" if summary_line(vjp) else name
    for found in _lambdas(code.co_filename).get(code.co_firstlineno, []):
        if _holds(found.body, code):
            given = code.co_varnames[: code.co_argcount][-len(names) :]
            known = {own: f"{name}.shape" if own.endswith("_shape") else name for own, name in zip(given, names)}
            return ast.unparse(_Renamed(known).visit(copy.deepcopy(found.body)))
    return "a lambda"


class _Renamed(ast.NodeTransformer):
    """Exchanges the names of variables."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id).lstrip("_"), node.ctx)


@functools.cache
def _lambdas(file: str) -> dict[int, list[ast.Lambda]]:
    """Return the lambdas of a file by their first line."""
    found: dict[int, list[ast.Lambda]] = {}
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(node)
    return found


def _holds(body: ast.expr, code: CodeType) -> bool:
    """Tell whether all instructions of ``code`` that have a place lie within an expression."""
    start, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    places = [p for p in code.co_positions() if p[0] is not None and p[2] is not None and p[1] is not None]
    inside = [p for p in places if p[2] != p[3]]  # a prologue instruction has no width
    return bool(inside) and all((p[0], p[2]) >= start and (p[1], p[3]) <= end for p in inside)
