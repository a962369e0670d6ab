"""Losses of classification: negative log-likelihood and cross entropy.

How labels are read stands in ``labels``; losses between two tensors of one shape stand in ``loss``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite, fused, op
from .axes import unsqueeze
from .elementwise import mul
from .labels import Labels, read_labels
from .loss import check_reduction
from .reduction import sum
from .selection import masked
from .softmax import exponentials, log_softmax, softmax

__all__ = ["cross_entropy", "native_cross_entropy", "nll_loss"]

Array = np.ndarray[Any, Any]

_REDUCTIONS = ("mean", "sum", "none")
_LABELLED: list[tuple[tuple[int, ...], Any]] = [
    ((2, 3), [2, 0]),
    ((3, 2), [1, -100, 0]),
    ((4,), 3),
    ((2, 3, 2), [[2, 0], [1, -100]]),
    ((1, 2, 2, 2), [[[1, 0], [0, 1]]]),
    ((2, 1), [0, 0]),
]


def _calls() -> list[Case]:
    inputs = [(Draw(shape), np.array(labels, np.int64)) for shape, labels in _LABELLED]
    calls = [Case(two, {"reduction": r}) for two in inputs for r in _REDUCTIONS]
    # No gradient flows to weights, as in PyTorch; a numeric derivative would find one.
    weighted = [(x, labels, Draw((x.shape[:2][-1],), 0.5, 2)) for x, labels in inputs]
    calls += [Case(three, {"reduction": r}, smooth=False) for three in weighted for r in _REDUCTIONS]
    ignored = np.array([-100, -100])
    calls += [Case((Draw((2, 3)), ignored), {"reduction": r}, smooth=False) for r in _REDUCTIONS]
    calls += [Case((Draw((0, 3)), ignored[:0]), {"reduction": r}, smooth=False) for r in _REDUCTIONS]
    scores = np.array([[800, 0, -800], [-np.inf, 0, 1], [-np.inf, 0, 1], [40, -40, 0]])
    calls += [Case((scores, np.array([1, 0, 2, 0])), {"reduction": "none"}, smooth=False)]
    calls += [Case((Draw((2, 3)), np.array([1, 2], np.uint8)), {"reduction": "sum"})]
    return [*calls, Case((Draw((2, 3)), np.array([1, 2])), {"ignore_index": 2})]


def _errors() -> list[Error]:
    x, labels = Draw((3, 4)), np.array([0, 1, 2])
    return [
        Error((x, np.array([0, 5, 1])), {}, IndexError, r"Target 5 is out of bounds.*4 classes"),
        Error((x, np.array([0, -1, 1])), {}, IndexError, r"Target -1 is out of bounds.*ignore_index"),
        Error(
            (x, np.array([0, 1])),
            {},
            ValueError,
            r"input batch_size \(3\) to match target batch_size \(2\)",
        ),
        Error((x, np.array(1)), {}, ValueError, r"to match target batch_size \(0\)"),
        Error((x, labels[:, None]), {}, RuntimeError, "multi-target not supported"),
        Error((Draw((4,)), np.array([1, 2])), {}, ValueError, "1D target must have size 1.*size: 2"),
        Error(
            (Draw((2, 4, 3)), np.zeros((2, 5), np.int64)),
            {},
            RuntimeError,
            r"size \[2, 3\], got \[2, 5\]",
        ),
        Error(
            (x, np.zeros(3)),
            {},
            RuntimeError,
            "target dtype to be Long or Byte, but got .*class indices",
        ),
        Error((x, labels.astype(np.int32)), {}, RuntimeError, r"but got Int.*long\(\)"),
        Error(
            (x, labels, Draw((3,))),
            {},
            RuntimeError,
            r"either for all 4 classes or no classes.*\[3\]",
        ),
        Error(
            (x, labels, np.ones(4, np.int64)),
            {},
            RuntimeError,
            "expected scalar type Float but found Long",
        ),
        Error(
            (np.ones((3, 4), np.int64), labels),
            {},
            NotImplementedError,
            "not implemented for 'Long'",
        ),
        Error((x, labels), {"reduction": "avg"}, ValueError, "avg is not a valid value for reduction"),
    ]


def _in_torch(name: str) -> Any:
    """Make PyTorch's call: it refuses weights that want a gradient."""

    def call(torch: Any, inputs: Sequence[Any], params: Any) -> Any:
        weight = inputs[2].detach() if len(inputs) > 2 else None
        return getattr(torch.nn.functional, name)(*inputs[:2], weight=weight, **params)

    return call


@op(
    vjps=(
        # The target is named so that a write to it before the backward pass is noticed.
        lambda g, _out, labels, x_shape, target, _w, _i, reduction: _nll_grad(g, labels, x_shape, reduction),
        None,
        None,
    ),
    cases=Cases(*_calls(), errors=_errors(), torch=_in_torch("nll_loss")),
    residual=True,
    register=True,
)
@np.errstate(all="ignore")
def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> tuple[Array, Any]:
    """Take minus the score of the right class: of log-probabilities, the negative log-likelihood.

    Parameters
    ----------
    input : (N, C, *) or (C,) floating
        Log-probabilities, as :func:`log_softmax` gives them.
    target : (N, *) or () of int64 or uint8
        The right classes, from 0 to C - 1.
    weight : (C,), optional
        The weight of each class. No gradient flows to it.
    ignore_index : int
        The label of samples that do not count.
    reduction : str
        "mean" (weighted: divided by the sum of the weights), "sum", or "none" for each sample's own
        loss.

    Returns
    -------
    () or (N, *)
        nan for a mean when every sample is ignored.

    Raises
    ------
    IndexError
        If a label is not a class.
    ValueError
        If the batch sizes differ, or ``reduction`` is none of the three words.
    RuntimeError
        If the target is not of int64 or uint8, or another shape or dtype does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> float(nll_loss(np.array([[-0.5, -1.5]]), np.array([1])))
    1.5
    """
    check_reduction("nll_loss", reduction)
    labels = read_labels("nll_loss", input, target, weight, ignore_index)
    return labels.reduce(-input[labels.places], reduction), labels


def _nll_kernel(g: Array, labels: Labels, shape: tuple[int, ...], reduction: str) -> Array:
    return labels.one_hot(shape, -labels.factors(reduction) * g, g.dtype)


@fused(_nll_kernel)
def _nll_grad(g: Any, labels: Labels, shape: tuple[int, ...], reduction: str) -> Any:
    slope = labels.one_hot(shape, -labels.factors(reduction), g.dtype)
    return mul(_beside_classes(g, len(shape)), slope)


def _beside_classes(g: Any, ndim: int) -> Any:
    """Give each sample's number an axis for the classes, to broadcast against the scores."""
    return unsqueeze(g, min(ndim, 2) - 1) if g.ndim else g


@op(
    vjps=(
        lambda g, _out, kept, x, target, _w, _i, reduction: _cross_entropy_grad(g, x, kept, reduction),
        None,
        None,
    ),
    cases=Cases(*_calls(), errors=_errors()[:3], torch=_in_torch("cross_entropy")),
    residual=True,
    register=True,
)
@np.errstate(all="ignore")
def native_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> tuple[Array, Any]:
    """Do the work of :func:`cross_entropy` for labels without smoothing.

    One op, because it needs a third of the passes over memory of :func:`log_softmax` and
    :func:`nll_loss`: the exponentials of the forward pass are kept, and their multiple is the
    gradient, ``softmax(x) - one_hot(target)``.
    """
    check_reduction("cross_entropy", reduction)
    labels = read_labels("cross_entropy", input, target, weight, ignore_index)
    axis = min(input.ndim, 2) - 1
    exps, totals, top = exponentials(input, axis)
    scores = input[labels.places]
    scores = scores - top.reshape(np.shape(scores))
    losses = np.log(totals).reshape(np.shape(scores)) - scores
    return labels.reduce(losses, reduction), (labels, exps, totals)


def _cross_entropy_kernel(g: Array, x: Array, kept: Any, reduction: str) -> Array:
    labels, exps, totals = kept
    scale = labels.factors(reduction) * g
    slope: Array = exps * (_beside_classes(np.asarray(scale), x.ndim) / totals)
    slope[labels.places] -= scale
    return slope


@fused(_cross_entropy_kernel)
def _cross_entropy_grad(g: Any, x: Any, kept: Any, reduction: str) -> Any:
    labels: Labels = kept[0]
    factors = np.asarray(labels.factors(reduction), x.dtype)
    slope = softmax(x, min(x.ndim, 2) - 1) - labels.one_hot(x.shape, 1, x.dtype)
    return mul(slope, _beside_classes(factors, x.ndim)) * _beside_classes(g, x.ndim)


@composite(
    cases=Cases(
        *[
            Case((Draw(shape), np.array(labels, np.int64)), {"label_smoothing": 0.2, "reduction": r})
            for shape, labels in _LABELLED
            for r in _REDUCTIONS
        ],
        *[
            Case((Draw(shape), Draw(shape, 0, 1)), {"label_smoothing": s, "reduction": r})
            for shape in ((2, 3), (3,), (2, 3, 2))
            for r in _REDUCTIONS
            for s in (0.0, 0.2)
        ],
        Case((Draw((2, 3)), np.array([1, 2]))),
        errors=[
            *_errors(),
            Error(
                (Draw((2, 3)), np.zeros((2, 3), np.int64)),
                {},
                RuntimeError,
                "floating point type for target with",
            ),
            Error(
                (Draw((2, 3)), Draw((2, 3))),
                {"ignore_index": 1},
                RuntimeError,
                "ignore_index is not supported",
            ),
            Error(
                (Draw((2, 3)), np.array([0, 1])),
                {"label_smoothing": 1.5},
                RuntimeError,
                "between 0.0 and 1.0.*1.5",
            ),
            Error(
                (Draw((2, 3)), Draw((2, 3)), Draw((2,))),
                {},
                RuntimeError,
                "weight tensor should be .* 3 classes",
            ),
            Error(
                (Draw((2, 3)), Draw((2, 3))),
                {"reduction": "avg"},
                ValueError,
                "avg is not a valid value",
            ),
        ],
    )
)
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Take the negative log-likelihood of the target under the softmax of the scores.

    Parameters
    ----------
    input : (N, C, *) or (C,) floating
        Scores (logits), before any softmax.
    target : (N, *) or () of int64 or uint8, or (N, C, *) floating
        The right classes, from 0 to C - 1; or of each class the probability.
    weight : (C,), optional
        The weight of each class. No gradient flows to it.
    ignore_index : int
        The label of samples that do not count.
    reduction : str
        "mean" (of labels with weights: divided by the sum of their weights), "sum", or "none" for
        each sample's loss.
    label_smoothing : float
        How much of the target is spread evenly over all classes, from 0 to 1.

    Returns
    -------
    () or (N, *)
        nan for a mean when every sample is ignored.

    Raises
    ------
    IndexError
        If a label is not a class.
    ValueError
        If the batch sizes differ, or ``reduction`` is none of the three words.
    RuntimeError
        If the target's dtype is neither of the two kinds, or another shape or dtype does not fit.

    Notes
    -----
    The loss of a sample is ``logsumexp(x) - x[target]``; its gradient is ``softmax(x) -
    one_hot(target)``.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the Inception
    Architecture for Computer Vision", 2016 (label smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> round(float(np.exp(-cross_entropy(np.log([[0.25, 0.75]]), np.array([0])))), 4)
    0.25
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing} (cross_entropy).")
    if tuple(input.shape) == tuple(target.shape):
        return _with_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    if not label_smoothing:
        return native_cross_entropy(input, target, weight, ignore_index, reduction)
    return _with_smoothing(input, target, weight, ignore_index, reduction, label_smoothing)


@np.errstate(all="ignore")
def _with_probabilities(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Any:
    if target.dtype.kind != "f":
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{type_name(target.dtype)}: a target of the input's shape {list(input.shape)} holds "
            "probabilities; labels have one axis less."
        )
    if ignore_index >= 0:
        raise RuntimeError(
            "ignore_index is not supported for floating point target: cross_entropy got "
            f"{ignore_index}; give the samples to ignore a target of zeros."
        )
    check_reduction("cross_entropy", reduction)
    axis = min(input.ndim, 2) - 1
    classes = input.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    products = _weigh_classes(log_softmax(input, axis) * target, weight, axis)
    if reduction == "none":
        return -sum(products, axis)
    samples = math.prod(input.shape) // classes if classes else 0
    return -sum(products) / (samples if reduction == "mean" else 1)


@np.errstate(all="ignore")
def _with_smoothing(input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float) -> Any:
    axis = min(input.ndim, 2) - 1
    log_probs = log_softmax(input, axis)
    sharp = nll_loss(log_probs, target, weight, ignore_index, reduction)
    scores, classes, factors = (getattr(v, "array", v) for v in (input, target, weight))
    labels = read_labels("cross_entropy", scores, classes, factors, ignore_index)
    even = -sum(_weigh_classes(log_probs, weight, axis), axis)
    if labels.kept is not None:
        even = masked(even, labels.kept)
    if reduction != "none":
        even = sum(even) / (float(labels.total) if reduction == "mean" else 1)
    return sharp * (1 - smoothing) + even * (smoothing / input.shape[axis])


def _weigh_classes(values: Any, weight: Any, axis: int) -> Any:
    """Multiply by the weight of each class, which stands along ``axis``."""
    if weight is None:
        return values
    classes = values.shape[axis]
    if tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or "
            f"no classes but got weight tensor of shape: {list(weight.shape)}."
        )
    constant = getattr(weight, "array", weight)  # no gradient flows to it
    return mul(values, constant.reshape(-1, *(1,) * (values.ndim - axis - 1)))
