"""A custom op both ways: as ``@op``, the form of the package's own ops, and as ``autograd.Function``.

The op is swish with a slope, f(x) = x sigmoid(b x). With s = sigmoid(b x):

    df/dx = s + b x s (1 - s)        df/db = x^2 s (1 - s)
"""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import op, sigmoid


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


def numeric(f, inputs: tuple[tg.Tensor, ...], which: int, step: float = 1e-6) -> np.ndarray:
    """Differentiate sum(f(*inputs)) with respect to one of the inputs by central differences."""
    slopes = np.zeros(inputs[which].shape)
    for i in np.ndindex(slopes.shape):
        up, down = ([value.detach().clone() for value in inputs] for _ in range(2))
        up[which][i] += step
        down[which][i] -= step
        slopes[i] = (f(*up).sum() - f(*down).sum()).item() / (2 * step)
    return slopes


def main(argv: list[str] | None = None) -> float:
    """Compare both forms, and both derivatives with the numeric one; return the largest error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="how many random inputs")
    steps = parser.parse_args(argv).steps

    tg.manual_seed(0)
    largest = 0.0
    for step in range(steps):
        x = tg.randn(5, dtype=tg.float64, requires_grad=True)
        b = tg.tensor([1.5], dtype=tg.float64, requires_grad=True)
        for form in (swish, Swish.apply):
            g_x, g_b = tg.autograd.grad(form(x, b).sum(), (x, b), create_graph=True)
            (second,) = tg.autograd.grad(g_x.sum(), x)
            errors = [
                np.abs(g_x.detach().numpy() - numeric(form, (x, b), 0)).max(),
                np.abs(g_b.detach().numpy() - numeric(form, (x, b), 1)).max(),
            ]
            largest = max(largest, *map(float, errors))
            print(f"input {step}: error {max(errors):.1e}, second derivative at x[0]: {second[0].item():.4f}")
    return largest


if __name__ == "__main__":
    main()
