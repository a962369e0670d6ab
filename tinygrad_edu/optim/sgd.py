"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..creation import zeros_like
from ..kernels import accelerated
from ..tensor import Tensor
from .blocks import Job, blocks, share
from .optimizer import Optimizer, Params, check_lr, gradient_of, refuse_implementations

__all__ = ["SGD"]

Array = np.ndarray[Any, Any]


class SGD(Optimizer):
    r"""Stochastic gradient descent.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What to optimize; a dict is a group of parameters with options of its own.
    lr : float or Tensor
        The learning rate, :math:`\gamma`.
    momentum : float
        How much of the last step is kept, :math:`\mu`.
    dampening : float
        How much of the gradient is left out of the momentum, :math:`\tau`; not at the first step.
    weight_decay : float
        The strength of the L2 penalty, :math:`\lambda`.
    nesterov : bool
        Look ahead: use the gradient plus the momentum that the next step will have.
    maximize : bool
        Go up instead of down.
    foreach, fused, differentiable : None or False
        Choices among PyTorch's implementations; there is one here.

    Raises
    ------
    ValueError
        If an option is negative, or ``nesterov`` is set without momentum or with dampening.

    Notes
    -----
    .. math::
        g &\leftarrow \nabla f(\theta) + \lambda \theta \\
        b &\leftarrow \mu b + (1 - \tau) g \qquad (b \leftarrow g \text{ at the first step}) \\
        g &\leftarrow g + \mu b \text{ (Nesterov)}, \quad b \text{ (otherwise)} \\
        \theta &\leftarrow \theta - \gamma g

    As in PyTorch, the learning rate is applied after the momentum, and not to what is added to it:
    lowering it shortens the next step at once.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    Y. Nesterov, "A method for solving the convex programming problem with convergence rate
    O(1/k^2)", 1983. I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of
    initialization and momentum in deep learning", 2013: the form of Nesterov's method with
    gradients at the current point.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000, 1.6000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_implementations(self, foreach=foreach, differentiable=differentiable, fused=fused)
        check_lr(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}; SGD needs momentum >= 0.")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}; SGD needs weight_decay >= 0.")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening: SGD got "
                f"momentum={momentum} and dampening={dampening}."
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        numbers = SGDNumbers.of(group)
        if not numbers.momentum:
            share(sgd_step, [((gradient_of(param), param.array), numbers) for param in params])
            return
        jobs: list[Job] = []
        for param in params:
            state = self.state[param]
            first = state.get("momentum_buffer") is None
            if first:
                state["momentum_buffer"] = zeros_like(param)
            arrays = gradient_of(param), param.array, state["momentum_buffer"].array
            jobs.append((arrays, numbers._replace(dampening=0.0) if first else numbers))
        share(momentum_step, jobs)


class SGDNumbers(NamedTuple):
    """The numbers that one step needs."""

    lr: float
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool

    @classmethod
    def of(cls, group: dict[str, Any]) -> SGDNumbers:
        """Read them from a group's options."""
        return cls(
            lr=float(group["lr"]),
            momentum=float(group["momentum"]),
            dampening=float(group["dampening"]),
            weight_decay=float(group["weight_decay"]),
            nesterov=bool(group["nesterov"]),
            maximize=bool(group["maximize"]),
        )


@accelerated
def sgd_step(g: Array, x: Array, numbers: SGDNumbers) -> None:
    """Take one step, in place, of the parameter ``x`` with the gradient ``g``."""
    for piece in blocks(g, x):
        _descend(numbers, *piece)


@accelerated
def momentum_step(g: Array, x: Array, b: Array, numbers: SGDNumbers) -> None:
    """Take one step, in place, of the parameter ``x`` with the gradient ``g`` and the momentum ``b``."""
    for piece in blocks(g, x, b):
        _descend_with_momentum(numbers, *piece)


# The formulas of the class, line by line; s is a buffer.


def _descend(numbers: SGDNumbers, g: Array, x: Array, s: Array) -> None:
    g = _decayed(g, x, s, numbers)
    x -= np.multiply(g, numbers.lr, out=s)


def _descend_with_momentum(numbers: SGDNumbers, g: Array, x: Array, b: Array, s: Array) -> None:
    g = _decayed(g, x, s, numbers)
    b *= numbers.momentum
    b += np.multiply(g, 1 - numbers.dampening, out=s) if numbers.dampening else g
    if numbers.nesterov:  # x -= lr (g + momentum b)
        x -= np.multiply(g, numbers.lr, out=s)
        x -= np.multiply(b, numbers.lr * numbers.momentum, out=s)
    else:
        x -= np.multiply(b, numbers.lr, out=s)


def _decayed(g: Array, x: Array, s: Array, numbers: SGDNumbers) -> Array:
    """Return the gradient of what is minimised, ``± g + weight_decay * x``; it may lie in ``s``."""
    if numbers.maximize:
        g = -g
    if numbers.weight_decay:
        g = np.add(g, np.multiply(x, numbers.weight_decay, out=s), out=s)
    return g
