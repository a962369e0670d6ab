"""Where a node stands in the user's program, and which of its values are still there: what ``explain`` points at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...op import Op, runtime
from ..function import FunctionNode, OutputNode
from ..graph import Node
from ..known_as import known_as
from ..leaf import Leaf
from ..marks import array_of
from ..tracing import Line, note_of

__all__ = ["Place", "op_name", "op_of", "place_of", "values_of"]

_FRAME = re.compile(r'File "(?P<file>.+)", line (?P<number>\d+), in (?P<function>.+)')


@dataclass(frozen=True, slots=True)
class Place:
    """A step of a computation, as plain data.

    Attributes
    ----------
    op : str
        The operation: ``"relu"``, a custom Function's name, ``"detach"``; "leaf" for a tensor that was not computed.
    node : str
        What a tensor prints as its ``grad_fn``; "" for what left no node.
    name : str
        The variable that held the result, "" where no trace ran or nobody used a variable.
    file, line, function, code
        Where it was called; "" and 0 where neither a trace nor anomaly mode has noted it.
    module : str
        The dotted path of the module around it, for a traced model.
    """

    op: str
    node: str = ""
    name: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    code: str = ""
    module: str = ""

    def __str__(self) -> str:
        """Say it in a sentence: ``relu in line 3 of train.py, `h = relu(z)```."""
        text = self.op if self.op != "leaf" else f"the leaf {self.name!r}" if self.name else "the leaf"
        if self.module and self.op != "leaf":
            text += f" in module '{self.module}'"
        if self.line:
            text += f" in line {self.line} of {Path(self.file).name}" + (f", `{self.code}`" if self.code else "")
        return text

    @classmethod
    def at(cls, op: str, line: Line | None, name: str = "", node: str = "", module: str = "") -> Place:
        """Make a place of a noted line, None where there is none."""
        if line is None:
            return cls(known_as(op), node, name, module=module)
        return cls(known_as(op), node, name, line.file, line.number, line.function, line.code, module)


def op_of(node: Node) -> Op | None:
    """Return the op whose call a node is; None for a leaf and for a custom Function."""
    if isinstance(node, (Leaf, FunctionNode, OutputNode)):
        return None
    op: Op = node.op  # type: ignore[attr-defined]
    return op


def op_name(node: Node) -> str:
    """Return what to call a node: its op's name."""
    op = op_of(node)
    if op is not None:
        return op.__name__
    if isinstance(node, OutputNode):
        node = node.edges[0]  # type: ignore[assignment]
    return node.function.__name__ if isinstance(node, FunctionNode) else "leaf"


def place_of(node: Node) -> Place:
    """Say where a node was made, as far as a trace or anomaly mode has noted it."""
    source = node.edges[0] if isinstance(node, OutputNode) else node
    assert source is not None
    note = note_of(source)
    if note is not None:
        module = "" if note.scope is None else note.scope.path or note.scope.kind
        name = note.name or (note_of(node) or note).name
        return Place.at(op_name(node), note.line, name, node.name(), module)
    return Place.at(op_name(node), _line_of_trace(source.trace), "", node.name())


def _line_of_trace(trace: str | None) -> Line | None:
    """Read the innermost frame of the stack that anomaly mode keeps as text."""
    found = list(_FRAME.finditer(trace or ""))
    if not found:
        return None
    return Line(found[-1]["file"], int(found[-1]["number"]), found[-1]["function"])


def values_of(node: Node) -> dict[str, Any]:
    """Return what a node keeps, by the names of the op's definition: arrays, and plain arguments.

    The result is called ``out``. What was not kept is not there.
    """
    op = op_of(node)
    saved = None if op is None else node.saved  # type: ignore[attr-defined]
    if op is None or saved is None:
        return {}
    inputs, _, out, residual = saved
    found: dict[str, Any] = {}
    for position, (name, value) in enumerate(zip(op.names, inputs)):
        is_array = isinstance(value, (runtime.Tensor, np.ndarray, int, float))
        if position >= op.n_inputs or is_array:
            found[name] = array_of(value)
    if out is not None:
        found["out"] = out[0]
    if residual is not None:
        found["residual"] = residual
    return found
