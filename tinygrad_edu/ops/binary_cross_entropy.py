"""Losses of yes-or-no questions: the cross entropy of one probability, or of one score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import op
from .activation import sigmoid
from .blocks import blockwise
from .elementwise import mul
from .loss import REDUCTIONS, check_reduction, reduced, share_of
from .powers import log, log1p, logaddexp
from .selection import clamp_min
from .softmax import require_float

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]

Array = np.ndarray[Any, Any]
_SHAPES: list[tuple[int, ...]] = [(), (3,), (2, 3)]

_LEAST = float(np.float32(1e-12))  # PyTorch's bound of x (1 - x) in the derivative


def _probability_errors() -> list[Error]:
    x, half = Draw((3,), 0.1, 0.9), np.full(3, 0.5)
    return [
        Error(
            (x, np.full((3, 1), 0.5)),
            {},
            ValueError,
            "that is different to the input size.*unsqueeze",
        ),
        Error(
            (half + 1, half),
            {},
            RuntimeError,
            "elements of input should be between 0 and 1.*with_logits",
        ),
        Error((half, half + 1), {}, RuntimeError, "elements of target should be between 0 and 1"),
        Error(
            (np.array([np.nan]), half[:1]),
            {},
            RuntimeError,
            "elements of input should be between 0 and 1",
        ),
        Error((half, np.array([0, 1, 1])), {}, RuntimeError, "Found dtype Long but expected Float"),
        Error((x, half), {"reduction": "avg"}, ValueError, "avg is not a valid value for reduction"),
    ]


def _weighted(values: Any, weight: Any) -> Any:
    return values if weight is None else mul(values, weight)


@op(
    vjps=(
        lambda g, _out, x, y, weight, reduction: (
            _weighted((x - y) / clamp_min((1.0 - x) * x, _LEAST), weight) * (g * share_of(reduction, x))
        ),
        lambda g, _out, x, _y, weight, reduction: _weighted(log1p(-x) - log(x), weight) * (g * share_of(reduction, x)),
        None,
    ),
    cases=Cases(
        *[Case((Draw(s, 0.1, 0.9), Draw(s, 0, 1)), {"reduction": r}) for s in _SHAPES for r in REDUCTIONS],
        *[Case((Draw((2, 3), 0.1, 0.9), Draw((2, 3), 0, 1), Draw(w, 0, 1)), smooth=False) for w in ((3,), (2, 1))],
        Case(
            (np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])),
            {"reduction": "none"},
            smooth=False,
        ),
        Case((Draw((0, 2)), Draw((0, 2)))),
        errors=_probability_errors(),
        torch=lambda torch, inputs, params: torch.nn.functional.binary_cross_entropy(
            *inputs[:2], weight=inputs[2].detach() if len(inputs) > 2 else None, **params
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean") -> Array:
    """Take ``-(y log(x) + (1 - y) log(1 - x))``, where no logarithm is below -100.

    Parameters
    ----------
    input : (*,) floating
        Probabilities; of scores take :func:`binary_cross_entropy_with_logits`, which is exact for
        large ones too.
    target : (*,) floating
        Probabilities, of the input's shape and dtype.
    weight : (*,), optional
        Factor of each element's loss; broadcasts to the input's shape. No gradient flows to it.
    reduction : str
        "mean" over all elements, "sum", or "none" for each element's own loss.

    Returns
    -------
    () or (*,)

    Raises
    ------
    ValueError
        If the shapes differ, or ``reduction`` is none of the three words.
    RuntimeError
        If the dtypes differ, or a value is not between 0 and 1.
    """
    check_reduction("binary_cross_entropy", reduction)
    _check_probabilities(input, target)
    losses = (target - 1) * np.maximum(np.log1p(-input), -100)
    losses -= target * np.maximum(np.log(input), -100)
    return reduced(losses if weight is None else losses * weight, reduction)


def _check_probabilities(input: Array, target: Array) -> None:
    require_float("binary_cross_entropy", input)
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}) is deprecated. Please ensure they have the same size: "
            "binary_cross_entropy does not broadcast; use unsqueeze or squeeze."
        )
    if input.dtype != target.dtype:
        raise RuntimeError(
            f"Found dtype {type_name(target.dtype)} but expected {type_name(input.dtype)}: the "
            "target of binary_cross_entropy must have the input's dtype; convert it with "
            ".to(dtype)."
        )
    for name, values in (("input", input), ("target", target)):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise RuntimeError(
                f"all elements of {name} should be between 0 and 1: binary_cross_entropy got "
                f"{values.min()} to {values.max()}; for scores take "
                "binary_cross_entropy_with_logits."
            )


def _logits_grad(g: Any, x: Any, y: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    if pos_weight is None:
        slope = sigmoid(x) - y
    else:
        positive = y * pos_weight
        slope = (positive + 1.0 - y) * sigmoid(x) - positive
    return _weighted(slope, weight) * (g * share_of(reduction, x))


def _logits_target_grad(g: Any, x: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    slope = -x if pos_weight is None else logaddexp(-x, 0.0) * (pos_weight - 1.0) - x
    return _weighted(slope, weight) * (g * share_of(reduction, x))


@op(
    vjps=(
        lambda g, _out, x, y, weight, pos_weight, reduction: _logits_grad(g, x, y, weight, pos_weight, reduction),
        lambda g, _out, x, _y, weight, pos_weight, reduction: _logits_target_grad(g, x, weight, pos_weight, reduction),
        None,
        None,
    ),
    cases=Cases(
        *[Case((Draw(s, -4, 4), Draw(s, 0, 1)), {"reduction": r}) for s in _SHAPES for r in REDUCTIONS],
        *[
            Case((Draw((2, 3), -4, 4), Draw((2, 3), 0, 1), *rest), {"reduction": r}, smooth=False)
            for rest in (
                (Draw((3,), 0, 1),),
                (None, Draw((3,), 0.5, 2)),
                (Draw((2, 1), 0, 1), Draw((3,), 0.5, 2)),
            )
            for r in ("mean", "none")
        ],
        Case(
            (
                np.array([0.0, 900.0, -900.0, 900.0, -900.0, np.nan]),
                np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
            ),
            {"reduction": "none"},
            smooth=False,
        ),
        Case((np.zeros(2), Draw((2,), 0, 1))),
        Case((Draw((0, 2)), Draw((0, 2)))),
        errors=[
            Error(
                (Draw((3, 1)), Draw((3,))),
                {},
                ValueError,
                "must be the same as input size.*unsqueeze",
            ),
            Error(
                (Draw((3,)), np.array([0, 1, 1])),
                {},
                RuntimeError,
                "result type Float can't be cast.*Long",
            ),
            Error((Draw((2, 3)), Draw((2, 3)), Draw((2,))), {}, RuntimeError, "must match"),
            Error(
                (Draw((3,)), Draw((3,))),
                {"reduction": "avg"},
                ValueError,
                "avg is not a valid value",
            ),
        ],
        torch=lambda torch, inputs, params: torch.nn.functional.binary_cross_entropy_with_logits(
            *inputs[:2],
            **{k: v if v is None else v.detach() for k, v in zip(("weight", "pos_weight"), inputs[2:])},
            **params,
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    reduction: str = "mean",
) -> Array:
    """Take the binary cross entropy of ``sigmoid(x)``, for scores of any size.

    Parameters
    ----------
    input : (*,) floating
        Scores (logits).
    target : (*,) floating
        Probabilities, of the input's shape.
    weight : (*,), optional
        Factor of each element's loss; broadcasts to the input's shape. No gradient flows to it.
    pos_weight : (*,), optional
        Factor of the positive part, ``y log(sigmoid(x))``; broadcasts. No gradient flows to it.
    reduction : str
        "mean" over all elements, "sum", or "none" for each element's own loss.

    Returns
    -------
    () or (*,)

    Raises
    ------
    ValueError
        If the shapes differ, or ``reduction`` is none of the three words.
    RuntimeError
        If the target is of integers, or a weight does not broadcast.

    Notes
    -----
    ``(1 - y) x + (1 + (pos_weight - 1) y) log(1 + exp(-x))``, in which the logarithm is computed as
    ``log1p(exp(-|x|)) + max(-x, 0)``.

    Examples
    --------
    >>> import numpy as np
    >>> float(binary_cross_entropy_with_logits(np.array([1000.0]), np.array([0.0])))
    1000.0
    """
    check_reduction("binary_cross_entropy_with_logits", reduction)
    _check_logits(input, target)
    losses = _softplus_of_minus(input)
    if pos_weight is not None:
        losses = losses * (1 + (pos_weight - 1) * target)
    losses = losses + (1 - target) * input
    return reduced(losses if weight is None else losses * weight, reduction)


@blockwise
def _softplus_of_minus(x: Array) -> Array:
    """Compute ``log(1 + exp(-x))``; the exponential cannot overflow."""
    out = np.asarray(np.copysign(x, -1))
    np.log1p(np.exp(out, out=out), out=out)
    out -= np.minimum(x, 0)
    return out


def _check_logits(input: Array, target: Array) -> None:
    require_float("binary_cross_entropy_with_logits", input)
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({list(target.shape)}) must be the same as input size "
            f"({list(input.shape)}): binary_cross_entropy_with_logits does not broadcast; use "
            "unsqueeze or squeeze."
        )
    if target.dtype.kind != "f":
        raise RuntimeError(
            f"result type {type_name(input.dtype)} can't be cast to the desired output type "
            f"{type_name(target.dtype)}: the target of binary_cross_entropy_with_logits holds "
            "probabilities; convert it with .float()."
        )
