"""Updates of optimizers in one pass over memory. The formulas stand in ``optim.adam`` and ``optim.sgd``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling import compiled, fits

__all__ = ["adam_step", "momentum_step", "sgd_step"]


def adam_step(g: Any, x: Any, m: Any, v: Any, *numbers: Any) -> Any:
    """Take one step of Adam; amsgrad is left to the reference."""
    if len(numbers) > 1 or not fits(g, x, m, v):
        return NotImplemented
    return _adam(g.reshape(-1), x.reshape(-1), m.reshape(-1), v.reshape(-1), *numbers[0])


def sgd_step(g: Any, x: Any, numbers: Any) -> Any:
    """Take one step of plain SGD."""
    if not fits(g, x):
        return NotImplemented
    return _sgd(g.reshape(-1), x.reshape(-1), numbers.lr, numbers.weight_decay, numbers.maximize)


def momentum_step(g: Any, x: Any, b: Any, numbers: Any) -> Any:
    """Take one step of SGD with momentum."""
    if not fits(g, x, b):
        return NotImplemented
    return _momentum(g.reshape(-1), x.reshape(-1), b.reshape(-1), *numbers)


# The numbers become the arrays' dtype first: a float64 among them would make every product one.


@compiled
def _adam(g, x, m, v, beta1, beta2, lr, eps, penalty, shrink, maximize):  # type: ignore[no-untyped-def]
    kind = x.dtype.type
    sign, penalty, shrink = kind(-1 if maximize else 1), kind(penalty), kind(shrink)
    a, b1, b2 = kind(1 - beta1), kind(beta2), kind(1 - beta2)
    lr, eps = kind(lr), kind(eps)
    for i in range(x.size):
        grad = sign * g[i]
        if penalty != 0:
            grad += penalty * x[i]
        mean = m[i] + a * (grad - m[i])
        square = b1 * v[i] + b2 * (grad * grad)
        m[i] = mean
        v[i] = square
        x[i] = shrink * x[i] - lr * (mean / (np.sqrt(square) + eps))


@compiled
def _sgd(g, x, lr, weight_decay, maximize):  # type: ignore[no-untyped-def]
    kind = x.dtype.type
    lr, decay, sign = kind(lr), kind(weight_decay), kind(-1 if maximize else 1)
    for i in range(x.size):
        grad = sign * g[i]
        if decay != 0:
            grad += decay * x[i]
        x[i] -= lr * grad


@compiled
def _momentum(g, x, b, lr, momentum, dampening, weight_decay, nesterov, maximize):  # type: ignore[no-untyped-def]
    kind = x.dtype.type
    lr, decay, sign = kind(lr), kind(weight_decay), kind(-1 if maximize else 1)
    momentum, fresh = kind(momentum), kind(1 - dampening)
    for i in range(x.size):
        grad = sign * g[i]
        if decay != 0:
            grad += decay * x[i]
        gathered = momentum * b[i] + fresh * grad
        b[i] = gathered
        if nesterov:
            gathered = grad + momentum * gathered
        x[i] -= lr * gathered
