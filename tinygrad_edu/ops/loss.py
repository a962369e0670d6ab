"""Losses between an input and a target of one shape: squared, absolute, Huber's, divergence.

Losses whose target is a class label stand in ``cross_entropy``. Where the two must fit, this is
said here, once.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .accepts import accepts
from .blocks import blockwise
from .elementwise import abs
from .norms import norm
from .powers import exp, log
from .reduction import mean, sum
from .selection import clamp, clamp_min, where
from .summation import add_up

__all__ = [
    "REDUCTIONS",
    "check_reduction",
    "cosine_similarity",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "reduced",
    "share_of",
    "smooth_l1_loss",
]

Array = np.ndarray[Any, Any]

REDUCTIONS = ("mean", "sum", "none")
_MISMATCH = [
    Error(
        (Draw((3,)), Draw((3,))),
        {"reduction": "avg"},
        ValueError,
        "avg is not a valid value for reduction",
    )
]


def _pairs(*params: dict[str, Any]) -> list[Case]:
    """Give calls of all reductions, of several shapes, with no difference at a kink."""
    numbers = [
        np.array(0.4),
        np.array([0.4, -2.1, 1.3]),
        np.array([[0.9, -2.9, 0.1], [-0.4, 1.8, 5.2]]),
    ]
    calls = [
        Case((x, np.full_like(x, 0.2)), {"reduction": r, **given})
        for x in numbers
        for r in REDUCTIONS
        for given in params
    ]
    ties = np.array([1.0, 2.0, 0.5, -1.0, np.inf, np.nan])
    calls += [Case((ties, np.ones(6)), {"reduction": "none", **given}, smooth=False) for given in params]
    empty = Draw((0, 2))
    return calls + [Case((empty, empty), {"reduction": r, **given}) for r in ("mean", "sum") for given in params[:1]]


def check_reduction(who: str, reduction: str) -> None:
    """Refuse what is none of "mean", "sum" and "none"."""
    if reduction not in REDUCTIONS:
        raise ValueError(f'{reduction} is not a valid value for reduction: {who} knows "mean", "sum" and "none".')


def reduced(losses: Array, reduction: str) -> Array:
    """Add up each element's loss, or take the mean."""
    if reduction == "none":
        return losses
    losses = np.asarray(losses)
    total: Array = add_up(losses)
    return total if reduction == "sum" else total / total.dtype.type(losses.size)


def share_of(reduction: str, *inputs: Any) -> float:
    """Give by which number each element's loss enters the result."""
    if reduction != "mean":
        return 1.0
    size = math.prod(np.broadcast_shapes(*[value.shape for value in inputs]))
    return 1.0 / size if size else math.nan


def _warn_of_broadcasting(input: Any, target: Any) -> None:
    """Warn where, say, (N, 1) meets (N,): every input would be compared with every target."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=2,
        )


# ---- differences


@op(
    vjps=(
        lambda g, _out, x, y, reduction: (x - y) * (g * (2.0 * share_of(reduction, x, y))),
        lambda g, _out, x, y, reduction: (y - x) * (g * (2.0 * share_of(reduction, x, y))),
    ),
    cases=Cases(*_pairs({}), errors=_MISMATCH),
    promote=accepts("f", "mse_loss"),
    register=True,
)
@np.errstate(all="ignore")
def mse_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """Take the squared difference: ``(x - y) ** 2``.

    Parameters
    ----------
    input, target : (*,) floating
        Of one shape; another shape that broadcasts is taken with a warning.
    reduction : str
        "mean" over all elements, "sum", or "none" for each element's own loss.

    Returns
    -------
    () or (*,)

    Raises
    ------
    ValueError
        If ``reduction`` is none of the three words.
    NotImplementedError
        If both are of integers.

    Examples
    --------
    >>> import numpy as np
    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    check_reduction("mse_loss", reduction)
    _warn_of_broadcasting(input, target)
    difference = np.asarray(input - target)
    return reduced(np.square(difference, out=difference), reduction)


@composite(cases=Cases(*_pairs({}), errors=_MISMATCH))
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Take ``|x - y|``, with gradient 0 where they are equal; else as :func:`mse_loss`."""
    check_reduction("l1_loss", reduction)
    _warn_of_broadcasting(input, target)
    losses = abs(input - target)
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum(losses)


@op(
    vjps=(
        lambda g, _out, x, y, reduction, delta: clamp(x - y, -delta, delta) * (g * share_of(reduction, x, y)),
        lambda g, _out, x, y, reduction, delta: clamp(y - x, -delta, delta) * (g * share_of(reduction, x, y)),
    ),
    cases=Cases(
        *_pairs({}, {"delta": 0.5}),
        errors=[
            *_MISMATCH,
            Error(
                (Draw((3,)), Draw((3,))),
                {"delta": 0.0},
                RuntimeError,
                "does not support non-positive .* delta.*0.0",
            ),
        ],
    ),
    promote=accepts("f", "huber_loss"),
    register=True,
)
@np.errstate(all="ignore")
def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0) -> Array:
    """Take half the squared difference where it is at most ``delta``, and a straight line beyond.

    Parameters
    ----------
    input, target, reduction
        As in :func:`mse_loss`.
    delta : float
        Where the line ``delta * (|x - y| - delta / 2)`` begins; positive.

    Returns
    -------
    () or (*,)

    Raises
    ------
    RuntimeError
        If ``delta`` is not positive.
    ValueError
        If ``reduction`` is none of the three words.

    References
    ----------
    P. J. Huber, "Robust Estimation of a Location Parameter", 1964.
    """
    check_reduction("huber_loss", reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta. Got: {delta}.")
    _warn_of_broadcasting(input, target)
    return reduced(_huber(np.asarray(input - target), delta), reduction)


@blockwise
def _huber(difference: Array, delta: float) -> Array:
    """Compute ``m (d - m / 2)`` with ``m = min(d, delta)``: both branches in one."""
    distance = np.asarray(np.abs(difference))
    near = np.minimum(distance, delta)
    distance -= 0.5 * near
    distance *= near
    return distance


@composite(
    cases=Cases(
        *_pairs({}, {"beta": 0.5}, {"beta": 0.0}),
        errors=[
            *_MISMATCH,
            Error(
                (Draw((3,)), Draw((3,))),
                {"beta": -1.0},
                RuntimeError,
                "does not support negative values for beta",
            ),
        ],
    )
)
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Take :func:`huber_loss` divided by ``beta``: the absolute difference with a rounded tip.

    Raises
    ------
    RuntimeError
        If ``beta`` is negative; 0 gives :func:`l1_loss`.

    References
    ----------
    R. Girshick, "Fast R-CNN", 2015.
    """
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta. Got: {beta}.")
    if beta == 0:
        return l1_loss(input, target, reduction)
    loss = huber_loss(input, target, reduction, beta)
    return loss if beta == 1 else loss / beta


# ---- divergence and similarity


@composite(
    cases=Cases(
        *[Case((Draw((2, 3), -3, -0.1), Draw((2, 3), 0.1, 1)), {"reduction": r}) for r in ("sum", "none", "batchmean")],
        Case((Draw((3,), -3, -0.1), Draw((3,), -3, -0.1)), {"reduction": "sum", "log_target": True}),
        Case(
            (Draw((2,), -3, -0.1), np.array([0.0, 1.0])),
            {"reduction": "none"},
            smooth=False,
            parity=False,
        ),
        errors=[
            Error(
                (Draw((3,)), Draw((3,))),
                {"reduction": "avg"},
                ValueError,
                "avg is not a valid value",
            )
        ],
        torch="nn.functional.kl_div",
    )
)
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Take the Kullback-Leibler divergence of log-probabilities from a target: ``y (log(y) - x)``.

    Parameters
    ----------
    input : (N, *) floating
        Log-probabilities.
    target : (N, *) floating
        Probabilities; log-probabilities with ``log_target``.
    reduction : str
        "batchmean" (the divergence: the sum divided by N), "sum", "none", or "mean" over all
        elements, which is not the divergence and warns.
    log_target : bool
        The target is given as logarithms.

    Returns
    -------
    () or (N, *)

    Raises
    ------
    ValueError
        If ``reduction`` is none of the four words.

    References
    ----------
    S. Kullback and R. A. Leibler, "On Information and Sufficiency", 1951.
    """
    if reduction != "batchmean":
        check_reduction("kl_div", reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size. 'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.",
            UserWarning,
            stacklevel=3,
        )
    weights = exp(target) if log_target else target
    logs = target if log_target else log(where(target > 0, target, 1.0))  # 0 log(0) is 0
    losses = weights * (logs - input)
    if reduction == "none":
        return losses
    if reduction == "mean":
        return mean(losses)
    total = sum(losses)
    return total / input.shape[0] if reduction == "batchmean" and input.ndim else total


@composite(
    cases=Cases(
        Case((Draw((2, 3)), Draw((2, 3)))),
        Case((Draw((2, 3)), Draw((3,))), {"dim": -1}),
        Case((Draw((4,)), Draw((4,))), {"dim": 0}),
    )
)
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Take the cosine of the angle between vectors, ``x1 . x2 / (|x1| |x2|)``.

    Parameters
    ----------
    x1, x2 : (*,) floating
        Vectors along the axis ``dim``; they broadcast.
    dim : int
        The axis, the second unless given.
    eps : float
        The least length, for vectors of length 0.

    Returns
    -------
    (*,)
        Without the axis.
    """
    lengths = [clamp_min(norm(x, 2.0, dim, True), eps) for x in (x1, x2)]
    return sum((x1 / lengths[0]) * (x2 / lengths[1]), dim)
