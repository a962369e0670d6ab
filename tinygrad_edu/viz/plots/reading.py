"""What a caller may hand over, as arrays: tensors, lists, labels, logits, class names. It draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tensor import Tensor

__all__ = ["Answers", "class_names", "read_answers", "read_array", "read_labels", "shortened"]

Array = NDArray[Any]


def read_array(value: Any) -> Array:
    """Return a Tensor's values, or what NumPy makes of anything else, lists of Tensors included."""
    if isinstance(value, Tensor):
        return value.array
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        return np.asarray([read_array(v) for v in value])
    return np.asarray(value)


def read_labels(who: str, name: str, value: Any) -> NDArray[np.int64]:
    """Return class numbers (N,), not negative.

    Raises
    ------
    ValueError
        If the shape is another, or a value is no class number.
    """
    labels = read_array(value)
    if labels.ndim != 1:
        raise ValueError(f"{who}: {name} has shape {labels.shape}; give one class number for each example, (N,).")
    whole = np.asarray(labels.astype(np.int64)) if np.isfinite(labels.astype(float)).all() else None
    if whole is None or (whole != labels).any() or (whole < 0).any():
        raise ValueError(f"{who}: {name} must be class numbers 0, 1, 2 ..., but some are negative or not whole.")
    return whole


class Answers:
    """What a model answered.

    Attributes
    ----------
    predicted : ndarray of int64, shape (N,)
        The class chosen; -1 where the scores were not finite.
    confidence : ndarray of float64, shape (N,), or None
        The probability of that class; None where only the class is known.
    classes : int
        How many classes there are at least.
    """

    def __init__(self, predicted: NDArray[np.int64], confidence: Array | None, classes: int) -> None:
        self.predicted, self.confidence, self.classes = predicted, confidence, classes


def read_answers(who: str, name: str, value: Any) -> Answers:
    """Read predicted classes (N,), or logits or probabilities (N, C).

    Rows that are not negative and sum to one are taken for probabilities; of others the softmax is taken.

    Raises
    ------
    ValueError
        If the shape is neither, or a class number is none.
    """
    scores = read_array(value)
    if scores.ndim == 1:
        predicted = read_labels(who, name, scores)
        return Answers(predicted, None, int(predicted.max(initial=-1)) + 1)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"{who}: {name} has shape {scores.shape}; give classes (N,), or logits (N, C).")
    finite: Array = np.all(np.isfinite(scores), axis=1)
    probabilities = _probabilities(np.where(finite[:, np.newaxis], scores, 0.0).astype(float))
    predicted = np.where(finite, probabilities.argmax(1), -1)
    return Answers(predicted, np.where(finite, probabilities.max(1), np.nan), scores.shape[1])


def _probabilities(scores: Array) -> Array:
    are_probabilities: Array = np.all(scores >= 0, axis=1) & (np.abs(scores.sum(axis=1) - 1) < 1e-3)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    softmax: Array = powers / powers.sum(1, keepdims=True)
    return np.where(are_probabilities[:, np.newaxis], scores, softmax)


def class_names(who: str, classes: Sequence[Any] | None, count: int) -> list[str]:
    """Return a name for each of at least ``count`` classes; without names, their numbers.

    Raises
    ------
    ValueError
        If there are more classes than names.
    """
    if classes is None:
        return [str(i) for i in range(count)]
    if len(classes) < count:
        raise ValueError(f"{who}: {count} classes but {len(classes)} names; give classes= a name for each.")
    return [str(name) for name in classes]


def shortened(name: str, length: int) -> str:
    """Cut a long name, and say with a dot-dot-dot that it was cut."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
