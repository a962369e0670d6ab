"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..creation import from_numpy
from ..tensor import Tensor
from .blocks import blocks
from .optimizer import Optimizer, Params, check_lr, refuse_implementations

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

    def _update(self, param: Tensor, grad: Array, group: dict[str, Any]) -> None:
        if not group["momentum"]:
            for g, x, s, t in blocks(grad, param.array):
                _descend(x, _decayed(g, x, s, t, group), s, group)
            return
        state = self.state[param]
        first = state.get("momentum_buffer") is None
        if first:
            state["momentum_buffer"] = from_numpy(np.empty_like(param.array))
        for g, x, b, s, t in blocks(grad, param.array, state["momentum_buffer"].array):
            g = _decayed(g, x, s, t, group)
            _gather(b, g, s, group, first)
            _descend(x, _ahead(b, g, s, group) if group["nesterov"] else b, s, group)


# The formulas of the class, line by line, without temporaries: s and t are buffers.


def _decayed(g: Array, x: Array, s: Array, t: Array, group: dict[str, Any]) -> Array:
    """Return the gradient of what is minimised: ``± g + weight_decay * x``."""
    if group["maximize"]:
        g = np.negative(g, out=t)
    decay = float(group["weight_decay"])
    return np.add(g, np.multiply(x, decay, out=s), out=t) if decay else g


def _gather(b: Array, g: Array, s: Array, group: dict[str, Any], first: bool) -> None:
    """Bring the momentum buffer up to date: ``b = momentum * b + (1 - dampening) * g``."""
    if first:
        b[...] = g
        return
    b *= float(group["momentum"])
    dampening = float(group["dampening"])
    b += np.multiply(g, 1 - dampening, out=s) if dampening else g


def _ahead(b: Array, g: Array, s: Array, group: dict[str, Any]) -> Array:
    """Return Nesterov's direction: ``g + momentum * b``."""
    np.multiply(b, float(group["momentum"]), out=s)
    s += g
    return s


def _descend(x: Array, direction: Array, s: Array, group: dict[str, Any]) -> None:
    """Take the step: ``x -= lr * direction``."""
    x -= np.multiply(direction, float(group["lr"]), out=s)
