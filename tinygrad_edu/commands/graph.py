"""Draw a model from the command line: find it, draw its inputs, trace one call, write the picture.

It reads no options; ``cli`` does, and hands them over as :class:`Options`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..nn import Module
from ..random import manual_seed
from ..tensor import Tensor
from ..viz import GraphView, trace
from ..viz import graph as view_of
from .inputs import Input, complete, draw_inputs
from .target import find, importable, raised

__all__ = ["Options", "graph"]


@dataclass(frozen=True)
class Options:
    """What to draw, and how.

    Attributes
    ----------
    target : str
        ``module:name`` or ``file.py:name``: a model, its class, or a function.
    inputs : sequence of Input
        One for each input; as for ``gradcheck``.
    params : mapping
        Keyword arguments of the call.
    out : Path, optional
        What to write; the suffix chooses the form. None: ``NAME.html`` in the current folder.
    depth, unfold, show, direction, dark
        As in :func:`tinygrad_edu.viz.graph`.
    seed : int
        Of the inputs, and of what is drawn while the model is made.
    dtype, low, high
        Of the inputs that do not say their own.
    """

    target: str
    inputs: Sequence[Input]
    params: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None
    depth: int | None = None
    unfold: Sequence[str] = ()
    show: Sequence[str] = ("shape", "grad_norm")
    direction: str = "forward"
    dark: bool = False
    seed: int = 0
    dtype: str | None = None
    low: float | None = None
    high: float | None = None


def graph(options: Options) -> tuple[GraphView, Path]:
    """Trace one call, write the picture, and return both the view and the file.

    Raises
    ------
    ValueError
        With a sentence, if the target is not found, cannot be called like this, or records nothing.
    RuntimeError
        If the form needs Graphviz and there is none.
    """
    with importable(options.target):
        manual_seed(options.seed)
        fn = find(options.target)
        inputs = complete(options.inputs, fn, options.dtype, options.low, options.high)
        output = _call(fn, draw_inputs(inputs, options.seed), options)
        model = fn if isinstance(fn, Module) else None
        names = ("depth", "unfold", "show", "direction", "dark")
        view = view_of(output, params=model, **{name: getattr(options, name) for name in names})
    name = view.data.title = options.target.rpartition(":")[2]
    return view, view.save(options.out or Path(f"{name}.html"))


def _call(fn: Callable[..., Any], inputs: Sequence[Tensor], options: Options) -> Tensor:
    """Call the model, and return the tensor to draw: the first of its outputs that wants a gradient."""
    model = fn if isinstance(fn, Module) else None
    if model is not None and any(p.requires_grad for p in model.parameters()):
        inputs = [x.detach() for x in inputs]  # data: the gradients of interest are those of the weights
    try:
        with trace(model):
            result = fn(*inputs, **options.params)
    except (Exception, SystemExit) as error:
        shapes = ", ".join(f"{x.dtype} {list(x.shape)}" for x in inputs)
        raise ValueError(raised(f"calling {options.target} with {shapes}", error)) from error
    found = next((t for t in _tensors(result) if t.requires_grad), None)
    if found is None:
        raise ValueError(
            f"{options.target} returned {type(result).__name__} with nothing in it that wants a gradient; give a "
            "function of Tensors, or a model with parameters that require grad"
        )
    return found


def _tensors(result: Any) -> Iterable[Tensor]:
    """Go through the tensors of a result: one, or those in a tuple, a list or a dict."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, Mapping):
        yield from (t for value in result.values() for t in _tensors(value))
    elif isinstance(result, (tuple, list)):
        yield from (t for value in result for t in _tensors(value))
