"""The recorded graph as a drawing: operations, leaves, and the shapes that flow between them.

It reads nodes and writes DOT through the ``graphviz`` package; it computes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..atomic import replacing
from ..autograd.graph import Node, topological
from ..tensor import Tensor

__all__ = ["GraphView", "graph"]

_FORMATS = ("dot", "svg", "png", "pdf")
_FONT = {"fontname": "Helvetica", "fontsize": "11"}
_LEAF = {"shape": "box", "style": "filled,rounded", "fillcolor": "#fff3c4", "color": "#b58900"}
_PARAMETER = {"shape": "box", "style": "filled,rounded", "fillcolor": "#cfe8cf", "color": "#4f8a4f"}
_OPERATION = {"shape": "box", "style": "filled", "fillcolor": "#e8eef7", "color": "#5b7aa8"}
_OUTPUT = {"shape": "box", "style": "filled,bold", "fillcolor": "#f7dada", "color": "#a85b5b"}


class GraphView:
    """A drawing of a graph.

    Attributes
    ----------
    dot : str
        The drawing in Graphviz's DOT language.
    """

    def __init__(self, dot: str) -> None:
        self.dot = dot

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing; the suffix chooses the format: .dot (needs nothing), .svg, .png or .pdf.

        Raises
        ------
        ValueError
            If the suffix is another.
        RuntimeError
            If Graphviz is needed and not there. Nothing is written then.
        """
        target = Path(path)
        kind = target.suffix[1:].lower()
        if kind not in _FORMATS:
            raise ValueError(f"GraphView.save: cannot write {target.name!r}; the suffix must be one of {_FORMATS}.")
        data = self.dot.encode() if kind == "dot" else render(self.dot, kind)
        with replacing(target) as file:
            file.write(data)
        return target

    def _repr_svg_(self) -> str:
        return render(self.dot, "svg").decode()


def graph(output: Tensor, *, params: Mapping[str, Tensor] | None = None) -> GraphView:
    """Draw what was recorded on the way to ``output``.

    Values flow from the leaves at the top to the output at the bottom; gradients flow back along the same edges.
    The walk is iterative and linear in nodes and edges.

    Parameters
    ----------
    output : Tensor
        The tensor to explain, often a loss. Its graph may have been freed: shapes stay.
    params : mapping of str to Tensor, optional
        Names of leaves, as ``dict(model.named_parameters())`` gives them.

    Returns
    -------
    GraphView

    Raises
    ------
    ValueError
        If nothing was recorded.
    TypeError
        If ``output`` is not a Tensor.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.tensor([2.0], requires_grad=True)
    >>> "MulBackward0" in graph((w * 3.0).sum()).dot
    True
    """
    from graphviz import Digraph, escape

    if not isinstance(output, Tensor):
        raise TypeError(f"graph: expected a Tensor, got {type(output).__name__}; pass one, for example the loss.")
    edge = output._edge
    if edge is None:
        raise ValueError("graph: the output requires no grad, so nothing was recorded; make its inputs require grad.")
    names = {id(p._edge): name for name, p in (params or {}).items() if p._edge is not None}
    drawing = Digraph("graph", node_attr={**_FONT, "height": "0.3"}, edge_attr={**_FONT, "color": "#777777"})
    nodes = topological([edge])
    numbers = {node: f"n{i}" for i, node in enumerate(nodes)}
    for node in nodes:
        drawing.node(numbers[node], escape(_label(node, edge, names)), **_style(node, edge, names))
        for source in node.edges:
            if source is not None:
                drawing.edge(numbers[source], numbers[node], label=f" {_shape(source)} ")
    return GraphView(drawing.source)


def _label(node: Node, output: Node, names: Mapping[int, str]) -> str:
    if node.edges:
        return f"{node.name()}\n{_shape(node)}" if node is output else node.name()
    kind = "parameter" if _is_parameter(node) else "leaf"
    return f"{names.get(id(node), kind)}\n{_shape(node)} {node.dtype}"


def _is_parameter(node: Node) -> bool:
    # By name: drawings know Tensors, and nn is built on those.
    return type(getattr(node, "variable", None)).__name__ == "Parameter"


def _style(node: Node, output: Node, names: Mapping[int, str]) -> dict[str, str]:
    if node is output:
        return _OUTPUT
    if node.edges:
        return _OPERATION
    return _PARAMETER if id(node) in names or _is_parameter(node) else _LEAF


def _shape(node: Node) -> str:
    """Write a shape as people do: 16×1×3×3, and "scalar" for none."""
    if node.shape is None:
        return ""
    return "×".join(map(str, node.shape)) or "scalar"


def render(dot: str, kind: str) -> bytes:
    """Turn DOT into a picture with what is there: the ``dot`` program, else pygraphviz.

    Raises
    ------
    RuntimeError
        If neither is there; the sentence says both ways to get one.
    """
    from graphviz import ExecutableNotFound, Source

    try:
        return bytes(Source(dot).pipe(format=kind))
    except ExecutableNotFound:
        pass
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            f"No Graphviz found to draw {kind}: install the dot program (apt-get install graphviz, brew install "
            'graphviz), or pip install "tinygrad-edu[viz]". The .dot form needs neither.'
        ) from None
    return bytes(pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot"))
