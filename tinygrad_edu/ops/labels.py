"""Class labels as losses read them: where they point, which are ignored, how much each weighs.

It knows arrays only. What a loss is stands in ``cross_entropy``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dtypes import type_name
from .softmax import require_float
from .summation import add_up

__all__ = ["Labels", "read_labels"]

Array = np.ndarray[Any, Any]
_LABEL_DTYPES = (np.dtype("int64"), np.dtype("uint8"))


class Labels(NamedTuple):
    """The labels of a batch, read once, for the loss and for its derivative.

    Attributes
    ----------
    places : tuple
        The index of each sample's labelled entry in the scores.
    kept : (N, *) bool or None
        Which are not ignored; None: all.
    weights : (N, *) or None
        The weight of each sample, 0 where it is ignored; None: 1 each.
    total : number
        The sum of the weights: what a mean divides by.
    """

    places: tuple[Any, ...]
    kept: Array | None
    weights: Any
    total: Any

    def reduce(self, losses: Any, reduction: str) -> Any:
        """Weigh each sample's loss; add them up, or take their mean."""
        if self.kept is not None:
            losses = np.where(self.kept, losses, losses.dtype.type(0))  # an ignored inf is no nan
        if self.weights is not None:
            losses = losses * self.weights
        if reduction == "none":
            return losses
        whole = add_up(np.asarray(losses))
        return whole if reduction == "sum" else whole / whole.dtype.type(self.total)

    def factors(self, reduction: str) -> Any:
        """Give by which number each sample's loss enters the result: one for all, or one each."""
        if self.weights is None:
            return 1.0 / self.total if reduction == "mean" and self.total else 1.0
        factors = self.weights / self.total if reduction == "mean" else self.weights
        return factors if self.kept is None else np.where(self.kept, factors, factors.dtype.type(0))

    def one_hot(self, shape: tuple[int, ...], value: Any, dtype: Any) -> Array:
        """Make zeros of the scores' shape with ``value`` at the labels."""
        out = np.zeros(shape, dtype)
        out[self.places] = value
        return out


def read_labels(who: str, input: Array, target: Array, weight: Array | None, ignore_index: int) -> Labels:
    """Read the labels of the scores ``input`` (N, C, *), or (C,).

    Parameters
    ----------
    who : str
        The loss that asks, named in errors.
    input : (N, C, *) or (C,) floating
        The scores.
    target : (N, *) or () of int64 or uint8
        The labels.
    weight : (C,), optional
        The weight of each class.
    ignore_index : int
        The label of samples that do not count.

    Raises
    ------
    RuntimeError, ValueError, IndexError, NotImplementedError
        If dtypes or shapes do not fit, or a label is no class: PyTorch's class of error in each
        case.
    """
    _check_dtypes(who, input, target, weight)
    target = _fit(who, input.shape, target)
    classes = input.shape[0 if input.ndim == 1 else 1]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.shape)} ({who})."
        )
    kept = None
    # Read as unsigned, a negative label is a huge one, so that one maximum checks both bounds.
    if target.size and (target.view(f"u{target.itemsize}").max() >= classes or 0 <= ignore_index < classes):
        kept = np.asarray(target != ignore_index)
        target = np.where(kept, target, 0)
        _check_bounds(who, target, classes, ignore_index)
    weights = None if weight is None else weight[target]
    if kept is not None:
        weights = kept.astype(input.dtype) if weights is None else weights * kept
    total = target.size if weights is None else add_up(np.asarray(weights))
    return Labels(_places(target, input.ndim), kept, weights, total)


def _places(target: Array, ndim: int) -> tuple[Any, ...]:
    """Index with the labels along the axis of the classes, and all along the others."""
    if ndim == 1:
        return (target,)
    if ndim == 2:
        return (np.arange(len(target)), target)
    first, *rest = np.ogrid[tuple(slice(n) for n in target.shape)]
    return (first, target, *rest)


def _check_dtypes(who: str, input: Array, target: Array, weight: Array | None) -> None:
    require_float(who, input)
    if target.dtype not in _LABEL_DTYPES:
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {type_name(target.dtype)}: {who} "
            "takes class indices; convert them with .long()."
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(
            f"expected scalar type {type_name(input.dtype)} but found {type_name(weight.dtype)}: "
            f"the weight of {who} must have the input's dtype; convert it with .to(dtype)."
        )


def _fit(who: str, shape: tuple[int, ...], target: Array) -> Array:
    """Check that there is one label for each vector of scores; give them the losses' shape."""
    if shape[:1] + shape[2:] == target.shape and len(shape) > 1:
        return target
    if not shape:
        raise ValueError(f"Expected 1 or more dimensions (got 0): {who} takes scores of shape (N, C, *) or (C,).")
    if len(shape) == 1 and target.size == 1 and target.ndim < 2:
        return target.reshape(())
    got = list(target.shape)
    if len(shape) == 1 and target.ndim == 1:
        raise ValueError(
            f"For 1D input, 1D target must have size 1, but got target size: {target.size}. {who} "
            f"took the input {list(shape)} for the scores of one sample; a batch has shape (N, C)."
        )
    batch = target.shape[0] if target.ndim else 0
    if len(shape) > 1 and shape[0] != batch:
        raise ValueError(
            f"Expected input batch_size ({shape[0]}) to match target batch_size ({batch}): {who} "
            f"got input {list(shape)} and target {got}; it needs one label for each row of scores."
        )
    if len(shape) <= 2:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported: {who} got input "
            f"{list(shape)} and target {got}; labels have shape [N], and class probabilities, for "
            "cross_entropy, are floating point."
        )
    raise RuntimeError(
        f"Expected target size {list(shape[:1] + shape[2:])}, got {got}: {who} got input "
        f"{list(shape)}, whose axis 1 holds the classes; the target has the other axes."
    )


def _check_bounds(who: str, target: Array, classes: int, ignore_index: int) -> None:
    wrong = target[(target < 0) | (target >= classes)]
    if wrong.size:
        raise IndexError(
            f"Target {wrong[0]} is out of bounds. {who} got scores of {classes} classes, so "
            f"labels go from 0 to {classes - 1}; samples that should not count are labelled "
            f"ignore_index ({ignore_index})."
        )
