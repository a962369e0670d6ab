"""Gradient checks on drawn inputs: each planted mistake shrinks to the smallest input that shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, example, seed, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.op import op
from tinygrad_edu.testing import GradcheckError, check_gradients, check_gradients_given, strategies
from tinygrad_edu.testing.reproducer import written

F = tg.nn.functional


def failure(test: Callable[[], None]) -> GradcheckError:
    """Run a test with many examples, and without the database, and return its one error."""
    quiet = settings(max_examples=200, database=None, derandomize=True, deadline=None, phases=set(Phase) - {Phase.explain})
    with pytest.raises(GradcheckError) as caught:
        quiet(test)()
    return caught.value


def code(error: GradcheckError) -> str:
    """Cut the lines out of an error that repeat the check."""
    return "\n".join(line.strip() for line in str(error).partition("to repeat it:\n")[2].split("\n")) + "\n"


def inputs(error: GradcheckError) -> str:
    """Return the line that makes the arrays, and what else is given to the function."""
    made, call = code(error).split("\n")[3:5]
    rest = re.findall(r"kwargs=.*(?=, order)", call) + re.findall(r"np\.array\(.*?\)(?=,? ?\))", call)
    return "; ".join([made, *rest])


# ---- a dozen mistakes


@op(vjps=(lambda g, _out, x: g * x,))
def square(x):
    return x * x


@op(vjps=(lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g))
def subtract(x, y):
    return x - y


@op(vjps=(lambda g, _out, _x: g,))
def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


@op(vjps=(lambda g, _out, x: g * (1 + (x > 1.3)),))
def identity_below(x):
    return x + 0.0


class AddFirst(tg.autograd.Function):
    """An addition that gives the second operand one of the gradients that it should add up."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.ndim = y.ndim
        return x + y

    @staticmethod
    def backward(ctx, g):
        gy = g
        while gy.ndim > ctx.ndim:
            gy = gy[0]
        return g, gy


class AddMean(AddFirst):
    """An addition that gives the second operand the mean."""

    @staticmethod
    def backward(ctx, g):
        gy = g
        while gy.ndim > ctx.ndim:
            gy = gy.mean(0)
        return g, gy


@op(vjps=(lambda g, _out, x_shape: g.reshape(x_shape),))
def turned(x):
    return x.T


@op(vjps=(lambda g, _out, x_shape: g.reshape(x_shape),))
def read_as_stored(x):
    return x.ravel(order="K").reshape(x.shape)


@op(vjps=(lambda g, _out, x_shape, index: overwritten(g, x_shape, index),))
def take(x, index):
    return x[index]


@op(vjps=(lambda g, _out, _g, _shape, index: g[index],))
def overwritten(g, shape, index):
    result = np.zeros(shape)
    result[index] = g
    return result


@op(vjps=(lambda g, _out, x_shape: g * tg.ones(x_shape, dtype=tg.float64).numpy(),))
def largest(x):
    return x.max()


class Mean(tg.autograd.Function):
    """A mean over some axes that divides by the number of all entries."""

    @staticmethod
    def forward(ctx, x, dim, keepdim):
        ctx.shape, ctx.dim, ctx.keepdim = x.shape, dim, keepdim
        return x.mean(dim=dim, keepdim=keepdim) if dim is not None else x.mean()

    @staticmethod
    def backward(ctx, g):
        if ctx.dim is not None and not ctx.keepdim and ctx.shape:
            for axis in sorted(axis % len(ctx.shape) for axis in np.atleast_1d(ctx.dim).tolist()):
                g = g.unsqueeze(axis)
        size = int(np.prod(ctx.shape))
        return g.expand(ctx.shape) / size, None, None


class AddBias(tg.autograd.Function):
    """A bias whose gradient is added up over the batch only where there is one window."""

    @staticmethod
    def forward(ctx, x, bias):
        return x + bias.reshape(-1, 1)

    @staticmethod
    def backward(ctx, g):
        return g, g.reshape(-1, *g.shape[-2:]).sum(0)[:, 0]


def biased_conv1d(x, weight, bias, **options):
    out = F.conv1d(x, weight, **options)
    return out if bias is None else AddBias.apply(out, bias)


class Detached(tg.autograd.Function):
    """A square whose derivative is no longer a function of x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0].detach()


def product(x, y):
    """The gradient of y does not know of the batch axes of x but the first entry."""
    return Matmul.apply(x, y)


class Matmul(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x @ y

    @staticmethod
    def backward(ctx, g):
        with tg.enable_grad():
            x, y = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            gx, gy = tg.autograd.grad(x @ y, (x, y), g)
        return gx, gy / 2 if x.ndim == 3 else gy
