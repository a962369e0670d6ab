"""Losses as functions: the ops, with the older arguments that PyTorch gives them, and weights."""

from __future__ import annotations

import warnings
from typing import Any

from ..ops import binary_cross_entropy as binary
from ..ops import cross_entropy as classification
from ..ops import loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "reduction_of",
    "smooth_l1_loss",
]

_WEIGHTS = "Weights and input must have the same size: got shapes {} and {}."


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """Read the older arguments of a loss, which override ``reduction``."""
    if size_average is None and reduce is None:
        return reduction
    meant = "sum" if size_average is False else "mean"
    if reduce is False:
        meant = "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{meant}' instead.",
        stacklevel=3,
    )
    return meant


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Cross entropy between scores ``(N, C, *)`` and labels ``(N, *)`` or probabilities."""
    reduction = reduction_of(size_average, reduce, reduction)
    return classification.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Minus the log-probability ``(N, C, *)`` of the labels ``(N, *)``."""
    reduction = reduction_of(size_average, reduce, reduction)
    return classification.nll_loss(input, target, weight, ignore_index, reduction)


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Binary cross entropy between probabilities and targets of one shape ``(*)``."""
    reduction = reduction_of(size_average, reduce, reduction)
    return binary.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Binary cross entropy between scores and targets of one shape ``(*)``."""
    reduction = reduction_of(size_average, reduce, reduction)
    return binary.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Mean of ``|input - target|``, weighted where a weight of the same shape is given."""
    reduction = reduction_of(size_average, reduce, reduction)
    if weight is None:
        return loss.l1_loss(input, target, reduction)
    return _weighted(loss.l1_loss(input, target, "none"), weight, input, reduction)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Mean of ``(input - target)^2``, weighted where a weight of the same shape is given."""
    reduction = reduction_of(size_average, reduce, reduction)
    if weight is None:
        return loss.mse_loss(input, target, reduction)
    return _weighted(loss.mse_loss(input, target, "none"), weight, input, reduction)


def _weighted(losses: Any, weight: Any, input: Any, reduction: str) -> Any:
    """Reduce weighted losses; the mean is divided by the sum of the weights."""
    if weight.shape != input.shape:
        raise ValueError(_WEIGHTS.format(weight.shape, input.shape))
    losses = losses * weight
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / weight.sum()


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Mean of ``d^2 / 2 / beta`` for differences below ``beta``, of ``d - beta / 2`` above."""
    reduction = reduction_of(size_average, reduce, reduction)
    return loss.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Mean of ``d^2 / 2`` for differences below ``delta``, of ``delta * (d - delta / 2)`` above."""
    if weight is None:
        return loss.huber_loss(input, target, reduction, delta)
    if weight.shape != input.shape:
        raise ValueError(_WEIGHTS.format(weight.shape, input.shape))
    losses = loss.huber_loss(input, target, "none", delta) * weight
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """Kullback-Leibler divergence of log-probabilities from a target of one shape ``(*)``."""
    reduction = reduction_of(size_average, reduce, reduction)
    return loss.kl_div(input, target, reduction, log_target)
