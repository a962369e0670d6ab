"""Jacobians of small functions by differences, and mistakes in a backward pass as what they do to a Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu.testing.diagnosis import Evidence, diagnose
from tinygrad_edu.testing.report import Diagnosis

Array = np.ndarray[Any, Any]
STEP = 1e-3


def draw(*shape: int, seed: int = 0) -> Array:
    """Draw values of both signs, none close to zero, none twice."""
    rng = np.random.default_rng(sum(shape) + 31 * seed)
    size = int(np.prod(shape))
    steps = 0.2 + 1.5 * (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / max(size, 1)
    return (steps * np.where(rng.permutation(size) % 2, 1, -1)).reshape(shape)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def convolve(x: Array, w: Array) -> Array:
    """Convolve rows: (C, L), (O, C, K) -> (O, L - K + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[-1], axis=1)
    return np.einsum("clk,ock->ol", windows, w)


READ = np.array([0, 2, 2, 1, 2, 0])

FUNCTIONS: dict[str, tuple[Callable[..., Array], list[Array]]] = {
    "exp": (np.exp, [draw(2, 3)]),
    "exp of one": (np.exp, [draw(1)]),
    "exp of a number": (np.exp, [draw()]),
    "square": (np.square, [draw(7)]),
    "mul": (np.multiply, [draw(2, 3), draw(2, 3, seed=1)]),
    "mul, a row": (np.multiply, [draw(4, 3), draw(3)]),
    "mul, a column": (np.multiply, [draw(4, 3), draw(4, 1)]),
    "mul, a number": (np.multiply, [draw(), draw(3, 2)]),
    "sub": (np.subtract, [draw(5), draw(5, seed=1)]),
    "add a bias": (lambda x, b: x + b[:, None, None], [draw(3, 2, 4), draw(3)]),
    "outer": (np.multiply.outer, [draw(3), draw(3, seed=1)]),
    "matmul": (np.matmul, [draw(3, 3), draw(3, 3, seed=1)]),
    "matmul, not square": (np.matmul, [draw(4, 3), draw(3, 2, seed=1)]),
    "matmul, a batch": (np.matmul, [draw(4, 2, 3), draw(3, 3)]),
    "read": (lambda x: x[READ], [draw(4)]),
    "read rows": (lambda x: x[READ], [draw(4, 3)]),
    "sum": (lambda x: x.sum(), [draw(2, 3)]),
    "sum of rows": (lambda x: (x**3).sum(1), [draw(3, 4)]),
    "mean": (lambda x: (x**3).mean(0), [draw(5, 2)]),
    "leaky": (lambda x: np.where(x > 0, x, 0.1 * x), [draw(3, 4)]),
    "relu": (lambda x: np.maximum(x, 0), [draw(8)]),
    "convolve": (convolve, [draw(2, 6), draw(3, 2, 3)]),
    "softmax": (softmax, [draw(2, 4)]),
    "join": (lambda x, y: np.concatenate([x, y**2]), [draw(3, 2), draw(2, 2)]),
    "permute": (lambda x: np.sin(x).transpose(2, 0, 1), [draw(2, 3, 4)]),
    "flip": (lambda x: x[:, ::-1], [draw(2, 3)]),
    "pick": (lambda x: x[1:2, 2] ** 2, [draw(3, 4)]),
    "distance": (lambda x, y: ((x - y) ** 2).mean(), [draw(2, 3), draw(2, 3, seed=1)]),
}


@cache
def right(name: str) -> list[Evidence]:
    """Give the Jacobians of a function, by differences, with a backward pass that is right but for round-off."""
    function, inputs = FUNCTIONS[name]
    return [evidence(function, inputs, i) for i in range(len(inputs))]


def evidence(function: Callable[..., Array], inputs: Sequence[Array], i: int) -> Evidence:
    columns = [column(function, inputs, i, k) for k in range(inputs[i].size)]
    out = np.shape(function(*inputs))
    numeric = np.stack(columns, axis=1) if columns else np.zeros((int(np.prod(out)), 0))
    return Evidence(
        name=f"input {i}",
        values=inputs[i],
        columns=np.arange(inputs[i].size),
        rows=np.arange(len(numeric)),
        output_shapes=[out],
        analytic=numeric * (1 + 1e-13),
        numeric=numeric,
        uncertainty=1e-9 * (1 + np.abs(numeric)),
        wrong=np.zeros(numeric.shape, bool),
        smooth=np.ones(inputs[i].size, bool),
        complete=True,
    )


def column(function: Callable[..., Array], inputs: Sequence[Array], i: int, k: int) -> Array:
    """Differentiate along one entry: central differences at h and h/2, extrapolated."""

    def quotient(step: float) -> Array:
        ends = []
        for end in (step, -step):
            moved = [np.array(value, np.float64) for value in inputs]
            moved[i].reshape(-1)[k] += end
            ends.append(np.asarray(function(*moved), np.float64).reshape(-1))
        return (ends[0] - ends[1]) / (2 * step)

    return (4 * quotient(STEP / 2) - quotient(STEP)) / 3


def changed(e: Evidence, analytic: Array) -> Evidence:
    """Give the evidence with another backward pass, judged entry by entry."""
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(analytic - e.numeric) <= 4 * e.uncertainty)
    return replace(e, analytic=np.asarray(analytic, np.float64), wrong=wrong)


def diagnose_with(name: str, analytic: dict[int, Array]) -> list[Diagnosis]:
    everything = right(name)
    return diagnose([changed(e, analytic.get(i, e.analytic)) for i, e in enumerate(everything)], 1)


def said(name: str, analytic: dict[int, Array]) -> tuple[str, str]:
    """Give the kind and the sentence of the likeliest mistake."""
    first = diagnose_with(name, analytic)[0]
    return first.kind, first.message


def jacobian(name: str, i: int = 0) -> Array:
    return right(name)[i].numeric


# ---- mistakes, as what they do to a Jacobian


def per_gradient(change: Callable[[Array], Array]) -> Callable[[Evidence], Array]:
    """Make a mistake of a function of the gradient, an array of the input's shape."""

    def apply(e: Evidence) -> Array:
        rows = [np.broadcast_to(change(row.reshape(e.values.shape)), e.values.shape) for row in e.numeric]
        return np.array(rows).reshape(e.numeric.shape)

    return apply


def transposed(g: Array) -> Array:
    return g.T.reshape(g.shape)


def reshaped(g: Array) -> Array:
    return g.reshape(g.shape[::-1]).T


def exchanged(g: Array) -> Array:
    return g.swapaxes(0, -1).reshape(g.shape) if g.ndim > 1 else g


def incoming_transposed(e: Evidence) -> Array:
    out = e.output_shapes[0]
    return e.numeric[np.arange(len(e.rows)).reshape(out).T.reshape(-1)] if len(out) > 1 else e.numeric


def last_write(e: Evidence) -> Array:
    """Keep of each column the last entry that is not zero."""
    there = np.abs(e.numeric) > 1e-6
    last = len(there) - 1 - np.argmax(there[::-1], axis=0)
    return np.where(np.arange(len(there))[:, None] == last, e.numeric, 0.0)


def below_zero(factor: float) -> Callable[[Evidence], Array]:
    return lambda e: np.where(e.values.reshape(-1) < 0, factor, 1.0) * e.numeric


def zero_slice(axis: int) -> Callable[[Evidence], Array]:
    def change(g: Array) -> Array:
        if g.ndim <= axis:
            return g
        g = g.copy()
        g[(slice(None),) * axis + (0,)] = 0
        return g

    return per_gradient(change)
