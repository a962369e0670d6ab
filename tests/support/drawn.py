"""Calls of every built-in op, drawn by hypothesis: by its cases, and where these hold the sizes fast, made for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from support.calls import EVERYTHING, is_float
from tinygrad_edu.cases import Draw
from tinygrad_edu.testing import strategies as s

__all__ = ["DIFFERENTIABLE", "KINKED", "drawn_calls"]

Draws = Callable[..., Any]
Arguments = s.Arguments
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


def has_floats(inputs: Any) -> bool:
    """Tell whether there is an input that a gradient can be asked of."""
    return any(
        has_floats(v) if isinstance(v, (tuple, list)) else is_float(v) or (isinstance(v, Draw) and v.kind[0] in "fd")
        for v in inputs
    )


DIFFERENTIABLE = sorted(
    name
    for name, function in EVERYTHING.items()
    if any(case.smooth and has_floats(case.inputs) for case in function.cases.calls)
)
"""The ops whose cases have a smooth one with a floating input."""


KINKED = [
    name
    for name in DIFFERENTIABLE
    if any(
        isinstance(v, Draw) and (v.avoid or v.kind == "distinct")
        for case in EVERYTHING[name].cases.calls
        for v in case.inputs
    )
]
"""Those of them whose cases keep away from kinks, poles or ties."""


def drawn_calls(name: str, *, kinks: bool = False, dtype: Any = np.float64) -> st.SearchStrategy[Arguments]:
    """Draw a call of an op; ``kinks``: also where it has no derivative."""
    found = s.calls(EVERYTHING[name], kinks=kinks, dtype=dtype)
    return found | MADE_FOR[name](kinks, dtype) if name in MADE_FOR else found


@st.composite
def linear(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
    lead, n, m = draw(s.shapes(0, 2, max_side=3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    bias = draw(st.none() | s.tensors((m,), dtype))
    return Arguments((draw(s.tensors((*lead, n), dtype)), draw(s.tensors((m, n), dtype)), bias))


def max_pool(dims: int) -> Draws:
    @st.composite
    def made(draw: Any, kinks: bool, dtype: Any) -> Arguments:
        g = draw(s.conv_geometries(dims, max_padding=0))
        x = draw(s.tensors(g.input, dtype, distinct=not kinks))
        return Arguments((x, g.weight[2:]), {"stride": g.stride, "dilation": g.dilation})

    return made


@st.composite
def avg_pool2d(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
    g = draw(s.conv_geometries(2, max_padding=0, max_dilation=1))
    return Arguments((draw(s.tensors(g.input, dtype)), g.weight[2:]), {"stride": g.stride})


@st.composite
def indexed(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
    shape = draw(s.shapes(min_side=draw(st.integers(0, 1))))
    return Arguments((draw(s.tensors(shape, dtype)), draw(s.indices(shape))))


def along_axis(order: str) -> Draws:
    """Draw ``(input, dim, index)``, or what ``order`` names: positions along an axis, one for each entry."""

    @st.composite
    def made(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
        shape = draw(s.shapes(1, 3, max_side=3))
        dim = draw(st.integers(0, len(shape) - 1))
        sizes = [draw(st.integers(1, 3 if i == dim else n)) for i, n in enumerate(shape)]
        index = draw(s.integers_below(shape[dim], tuple(sizes)))
        parts = {"dim": dim - len(shape) * draw(st.booleans()), "index": index}
        parts |= {"input": draw(s.tensors(shape, dtype)), "src": draw(s.tensors(tuple(sizes), dtype))}
        return Arguments(tuple([parts[part] for part in order.split()]))

    return made


def rows(order: str) -> Draws:
    """Draw ``(input, dim, index)``, or what ``order`` names: whole slices of an axis, some of them repeatedly."""

    @st.composite
    def made(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
        shape = draw(s.shapes(1, 3, max_side=3))
        dim, count = draw(st.integers(0, len(shape) - 1)), draw(st.integers(0, 4))
        source = (*shape[:dim], count, *shape[dim + 1 :])
        parts = {"dim": dim, "index": draw(s.integers_below(shape[dim], (count,)))}
        parts |= {"input": draw(s.tensors(shape, dtype)), "source": draw(s.tensors(source, dtype))}
        return Arguments(tuple([parts[part] for part in order.split()]))

    return made


@st.composite
def embedding(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
    n, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Arguments((draw(s.integers_below(n, s.shapes(0, 2))), draw(s.tensors((n, width), dtype))))


def classification(**options: Any) -> Draws:
    @st.composite
    def made(draw: Any, _kinks: bool, dtype: Any) -> Arguments:
        batch, classes, pixels = draw(s.shapes(0, 1)), draw(st.integers(1, 3)), draw(s.shapes(0, 2, max_side=2))
        pixels = pixels if batch else ()
        logits = draw(s.tensors((*batch, classes, *pixels), dtype))
        target = draw(s.integers_below(classes, (*batch, *pixels)))
        given = {name: draw(value) for name, value in options.items()}
        weights = draw(st.none() | s.arrays((classes,), dtype, s.elements(0.1, 2)))
        weight = None if weights is None else s.memory.as_tensor(weights, False)
        return Arguments((logits, target, weight), {"reduction": draw(REDUCTIONS), **given})

    return made


def regression(**options: Any) -> Draws:
    @st.composite
    def made(draw: Any, kinks: bool, dtype: Any) -> Arguments:
        wanted = draw(s.shapes())
        pair = [draw(s.tensors(wanted, dtype)), draw(s.tensors(wanted, dtype))]
        if not kinks:  # further apart than any of the kinks
            pair[1] = draw(s.tensors(wanted, dtype, s.elements(3.1, 5)))
        return Arguments(tuple(pair), {"reduction": draw(REDUCTIONS), **{n: draw(v) for n, v in options.items()}})

    return made


MADE_FOR: dict[str, Draws] = {
    "matmul": lambda _kinks, dtype: s.matmul_operands(min_side=0, dtype=dtype).map(Arguments),
    "linear": linear,
    "conv1d": lambda _kinks, dtype: s.convolutions(1, dtype=dtype),
    "conv2d": lambda _kinks, dtype: s.convolutions(2, dtype=dtype, max_kernel=2),
    "max_pool1d": max_pool(1),
    "max_pool2d": max_pool(2),
    "avg_pool2d": avg_pool2d,
    "getitem": indexed,
    "gather": along_axis("input dim index"),
    "scatter_add": along_axis("input dim index src"),
    "index_select": rows("input dim index"),
    "index_add": rows("input dim index source"),
    "embedding": embedding,
    "nll_loss": classification(),
    "native_cross_entropy": classification(),
    "cross_entropy": classification(label_smoothing=st.sampled_from([0.0, 0.25])),
    "mse_loss": regression(),
    "l1_loss": regression(),
    "huber_loss": regression(delta=st.sampled_from([1.0, 0.5])),
    "smooth_l1_loss": regression(beta=st.sampled_from([1.0, 0.5, 0.0])),
}
