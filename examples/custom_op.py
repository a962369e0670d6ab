"""A custom op both ways: as ``@op``, the form of the package's own ops, and as ``autograd.Function``.

The op is swish with a slope, f(x) = x sigmoid(b x). With s = sigmoid(b x):

    df/dx = s + b x s (1 - s)        df/db = x^2 s (1 - s)
"""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import op, sigmoid
from tinygrad_edu.testing import check_gradients


# 1. @op: the forward sees NumPy arrays. There is one derivative for each input; it is written with operators and
#    ops, so it works on arrays in an ordinary backward pass, and on Tensors when it is itself to be differentiated.
#    A name with a leading underscore is not needed, so it is not kept in memory.
def slope_x(g, _out, x, b):
    """Return g df/dx."""
    s = sigmoid(b * x)
    return g * (s + b * x * s * (1 - s))


def slope_b(g, _out, x, b):
    """Return g df/db; the engine sums it over the axes along which b was broadcast."""
    s = sigmoid(b * x)
    return g * x * x * s * (1 - s)


@op(vjps=(slope_x, slope_b))
def swish(x, b):
    """Return x sigmoid(b x)."""
    return x / (1 + np.exp(-b * x))


# 2. autograd.Function: PyTorch's form. Forward and backward see Tensors, and what backward needs is saved by hand.
class Swish(tg.autograd.Function):
    """x sigmoid(b x) for a b of one element."""

    @staticmethod
    def forward(ctx, x, b):
        """Compute the result and save what backward needs."""
        ctx.save_for_backward(x, b)
        return x * sigmoid(b * x)

    @staticmethod
    def backward(ctx, g):
        """Return the gradient of each input."""
        x, b = ctx.saved_tensors
        return slope_x(g, None, x, b), slope_b(g, None, x, b).sum().reshape(b.shape)


def main(argv: list[str] | None = None) -> float:
    """Check the derivatives of both forms, first and second; return the largest error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="how many random inputs")
    steps = parser.parse_args(argv).steps

    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(steps):
        x, b = rng.normal(size=5), np.array([1.5])
        for form in (swish, Swish.apply):
            report = check_gradients(form, (x, b), order=2).raise_if_wrong()
            largest = max(largest, *[result.largest_error for result in report.inputs])
            print(report)
    return largest


if __name__ == "__main__":
    main()
