"""A recorded graph as a view: what it holds, and the forms in which it can be looked at and saved.

What is drawn is made in ``reading`` (data), ``dot`` (drawing) and ``stepper`` (page).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path

from ..atomic import replacing
from ..autograd.tracing import local_names
from ..nn import Module
from ..tensor import Tensor
from .as_json import as_json
from .dot import Look, dot_of, fold_for
from .folding import Picture
from .items import GraphData
from .options import check_params, check_unfold, look_of
from .reading import read_graph
from .rendering import render

__all__ = ["GraphView", "graph"]

_FORMATS = ("dot", "svg", "png", "pdf", "html", "json")
_MOST_NODES = 1500  # Graphviz lays these out in about two seconds, 4,000 in fifteen, and nobody reads the picture


class GraphView:
    """A recorded graph, ready to be drawn; it no longer changes with the tensors.

    Attributes
    ----------
    data : GraphData
        The graph as plain data: items, modules, the steps of the backward pass.
    """

    def __init__(self, data: GraphData, look: Look) -> None:
        self.data = data
        self._look = look

    @cached_property
    def dot(self) -> str:
        """The drawing in Graphviz's DOT language."""
        return dot_of(self.data, self._look, self._picture)

    @cached_property
    def _picture(self) -> Picture:
        return fold_for(self.data, self._look)

    @cached_property
    def json(self) -> str:
        """The graph as one line of JSON, unfolded, with summaries of its tensors."""
        return as_json(self.data, self._look.depth)

    @cached_property
    def html(self) -> str:
        """The page on which to step through the forward and the backward pass, whole in one file."""
        from .stepper import page

        return page(self.json, self.data.title)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file; the suffix chooses the form.

        Parameters
        ----------
        path : str or path
            ``.html`` is the page to step through, ``.dot`` and ``.json`` are text; these need nothing. ``.svg``,
            ``.png`` and ``.pdf`` are drawn by Graphviz: the dot program if it is there, else pygraphviz (extra
            ``viz``).

        Returns
        -------
        Path
            What was written.

        Raises
        ------
        ValueError
            If the suffix is another.
        FileNotFoundError
            If the folder is not there.
        RuntimeError
            If Graphviz is needed and not there, or would be at work for minutes: from 1,500 nodes on. The drawing is
            then written as ``.dot`` beside, and nothing else.
        """
        target = Path(path)
        kind = target.suffix[1:].lower()
        if kind not in _FORMATS:
            raise ValueError(f"GraphView.save: cannot write {target.name!r}; the suffix must be one of {_FORMATS}.")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"GraphView.save: there is no folder {str(target.parent)!r}; make it first.")
        try:
            _write(target, self._as_bytes(kind))
        except RuntimeError as error:
            beside = target.with_suffix(".dot")
            _write(beside, self.dot.encode())
            raise RuntimeError(f"{error} The drawing was written to {beside}.") from None
        return target

    def _as_bytes(self, kind: str) -> bytes:
        if kind in ("dot", "json", "html"):
            text: str = getattr(self, kind)
            return text.encode()
        return self._render(kind)

    def _render(self, kind: str) -> bytes:
        nodes = len(self._picture.nodes)
        if nodes > _MOST_NODES:
            raise RuntimeError(
                f"GraphView: {nodes:,} nodes are too many to be drawn as {kind} (at most {_MOST_NODES:,}); "
                "fold modules with depth=, look at a tensor nearer to the leaves, or save as .html."
            )
        return render(self.dot, kind)

    def _repr_svg_(self) -> str:
        return self._render("svg").decode()

    def _repr_html_(self) -> str:
        """Show a notebook the page to step through, in a frame of its own."""
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="640" style="border:0"></iframe>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Show a notebook the drawing; where it cannot be drawn, the page."""
        try:
            return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        except RuntimeError as error:
            return {"text/html": self._repr_html_(), "text/plain": f"{self!r}\n{error}"}

    def __repr__(self) -> str:
        operations = sum(item.kind == "operation" for item in self.data.items)
        stopped = f", then {self.data.stopped}" if self.data.stopped else ""
        steps = f"{len(self.data.steps)} backward steps{stopped}"
        return f"<GraphView of {self.data.title!r}: {operations} operations, {steps}>"


def _write(target: Path, data: bytes) -> None:
    with replacing(target) as file:
        file.write(data)


def graph(
    output: Tensor,
    *,
    params: Mapping[str, Tensor] | Module | None = None,
    depth: int | None = None,
    unfold: Sequence[str] = (),
    show: Sequence[str] = ("shape", "grad_norm"),
    direction: str = "forward",
    dark: bool = False,
) -> GraphView:
    """Look at what was recorded on the way to ``output``.

    Values flow from the leaves at the top to the output at the bottom; gradients flow back along the same edges. The
    gradients shown are those of ``output`` (of its sum, where it is not a single number): a real backward pass is run
    for them, in which no ``.grad`` changes and nothing is freed. Hooks on tensors run in it, and what is
    checkpointed is computed once more, with the running statistics that it updates. Iterative, and linear in
    nodes and edges.

    Parameters
    ----------
    output : Tensor
        The tensor to explain, often a loss. Its graph may have been freed: then the gradients are those that a trace
        has seen, and those in the ``.grad`` of the leaves.
    params : mapping of str to Tensor, or Module, optional
        Names of leaves, as ``dict(model.named_parameters())`` gives them; or the model. Without a trace, the modules
        are drawn as boxes by these names.
    depth : int, optional
        Fold modules below so many levels, and equal neighbours to one node with a count. The model itself takes up no
        level: at 1 its children are single nodes, at 0 it is one. None: unfold all. A folded module tells its kind,
        operations, parameters, what it keeps for the backward pass, and the gradient of all its parameters together.
    unfold : sequence of str
        Dotted paths of modules that are open in spite of ``depth``, with all modules around them.
    show : sequence of str
        What stands in the picture: "shape" (of what flows along an arrow), "dtype", "value", "grad" (numbers where they
        are few, else statistics), "grad_norm" (the root mean square as colour, on a logarithmic scale about the median
        of the picture), "kept" (bytes kept for the backward pass, and for which inputs), "line" (of the program), "op"
        (the operation's arguments), "inputs" (data and other values that are not in the graph; those cut off by
        ``detach`` or ``no_grad`` are shown anyway). Names, "value", "line", "op" and "inputs" need a :func:`trace`.
    direction : str
        "forward": values flow down to the output. "backward": gradients flow down from it, and operations are named as
        ``grad_fn`` is. "both": gradients as dashed arrows beside the values, with their root mean square.
    dark : bool
        Light on dark.

    Returns
    -------
    GraphView

    Raises
    ------
    ValueError
        If nothing was recorded, an option is not one of those above, or ``unfold`` names no module of the graph.
    TypeError
        If ``output`` is not a Tensor, ``show`` not a sequence of words, ``depth`` not an int, or ``params`` does not
        name tensors.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.tensor([2.0], requires_grad=True)
    >>> view = graph((w * 3.0).sum())
    >>> view
    <GraphView of 'output': 2 operations, 3 backward steps>
    >>> view.data.items[0].grad.values
    [3.0]
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"graph: expected a Tensor, got {type(output).__name__}; pass one, for example the loss.")
    look = look_of(depth, unfold, show, direction, dark)
    check_params(params)
    root = output._edge
    if root is None:
        raise ValueError("graph: the output requires no grad, so nothing was recorded; make its inputs require grad.")
    title = local_names(sys._getframe(1)).get(id(output), "output")
    data = read_graph(output, root, params, title)
    check_unfold(look.unfold, data.boxes)
    return GraphView(data, look)
