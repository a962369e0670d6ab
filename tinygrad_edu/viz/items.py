"""What a picture of a graph is made of: plain data, without Tensors, nodes or pixels.

``reading`` makes it of a recorded graph; ``dot`` and the page draw it; ``as_json`` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..autograd.tracing import Line
from .summary import Summary

__all__ = ["DIRECTIONS", "SHOWN", "Box", "GraphData", "Item", "Kept", "Sent", "Source", "Step"]

SHOWN = ("shape", "dtype", "value", "grad", "grad_norm", "kept", "line", "op", "inputs")
"""What a drawing can show."""

DIRECTIONS = ("forward", "backward", "both")
"""Which way the arrows of a drawing go."""


@dataclass(slots=True)
class Kept:
    """A value that a node keeps for the backward pass.

    ``what`` is its name in the op's definition, ``memory`` the same number for all values on one memory, ``parameter``
    tells that it is a leaf's own memory, which would be there anyway.
    """

    what: str
    bytes: int
    memory: int
    parameter: bool


@dataclass(slots=True)
class Source:
    """An input of an operation.

    ``item`` is the number of what it comes from, None for a plain number; ``name`` is its name in the op's definition,
    ``derivative`` the expression that its gradient is.
    """

    item: int | None
    name: str
    derivative: str


@dataclass(slots=True)
class Item:
    """One thing in the picture.

    Attributes
    ----------
    kind : str
        "operation", "parameter" (an nn.Parameter), "leaf" (another leaf that wants a gradient), "frozen" (a parameter
        that wants none) or "input" (a value from outside the graph, such as the data).
    name : str
        Of the value: the parameter's path, or the variable; "" if it is not known.
    op, title, what : str
        The op's name, the name that ``grad_fn`` prints, and what its documentation says it does.
    arguments : dict of str
        Those that are no tensors.
    sources : list of Source
        In the order of the op's inputs.
    shape, dtype
        Of the value. The shape is None for a call with several outputs.
    box : int or None
        The innermost module call that it belongs to.
    stage : str
        "forward", or "backward" for what a recorded backward pass made.
    cut : str
        For an input, why it is outside the graph: "detach", "no_grad", "no derivative", "constants" or "".
    value, grad : Summary or None
        ``grad`` is the whole gradient of the output with respect to this value.
    freed : bool
        What the node kept is gone: its gradient can no longer be computed.
    """

    kind: str
    name: str = ""
    op: str = ""
    title: str = ""
    what: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    box: int | None = None
    stage: str = "forward"
    cut: str = ""
    line: Line | None = None
    value: Summary | None = None
    grad: Summary | None = None
    kept: list[Kept] = field(default_factory=list)
    freed: bool = False


@dataclass(slots=True)
class Box:
    """One call of a module.

    ``run`` is the same number for neighbours that are equal in all they do (the blocks of a deep network): folded,
    they are drawn as one, with a count.
    """

    path: str
    kind: str
    parent: int | None
    call: int
    run: int = -1

    @property
    def name(self) -> str:
        """The last part of the path; the kind for a model itself."""
        return self.path.rpartition(".")[2] or self.kind


@dataclass(slots=True)
class Sent:
    """What a step sends back to one of its inputs.

    Attributes
    ----------
    source : int
        Position among the item's sources.
    local : Summary or None
        The derivative of the output with respect to this input, where it is a number for every entry of the input: of
        elementwise ops, and where the output is one number.
    product : Summary
        The gradient that is added to the input's: incoming gradient times local derivative.
    """

    source: int
    local: Summary | None
    product: Summary


@dataclass(slots=True)
class Step:
    """One step of the backward pass: the item that was reached, in the engine's own order, and what it sent on."""

    item: int
    sent: list[Sent]


@dataclass(slots=True)
class GraphData:
    """A recorded graph as plain data: every item stands after those that it is made from.

    ``stopped`` is the error that ended the backward pass before its end, "" for none.
    """

    title: str
    items: list[Item]
    boxes: list[Box]
    steps: list[Step]
    output: int
    stopped: str = ""
