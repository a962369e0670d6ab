"""Functions that bring activations to mean 0 and variance 1, over a batch or a row.

They check their arguments and say what they compute; how it is computed fast stands in
``native_norms``. Norms over groups of channels stand in ``group_norm``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite
from .dims import normalize_dim
from .native_norms import native_batch_norm, native_layer_norm
from .norms import norm
from .reduction import mean
from .selection import clamp_min
from .softmax import require_float

__all__ = [
    "batch_norm",
    "check_dtypes",
    "layer_norm",
    "normalize",
    "rms_norm",
]

Array = np.ndarray[Any, Any]


@composite(
    cases=Cases(
        Case((Draw((3, 2)), None, None, Draw((2,)), Draw((2,))), {"training": True}),
        Case((Draw((2, 2, 3)), None, None), {"training": True, "eps": 0.01}),
        Case((Draw((0, 2)), None, None), {"training": True}),
        errors=[
            Error(
                (Draw((1, 3)), None, None),
                {"training": True},
                ValueError,
                "more than 1 value per channel.*eval",
            ),
            Error(
                (Draw((3,)), None, None),
                {"training": True},
                IndexError,
                "Dimension out of range.*batch_norm",
            ),
            Error(
                (Draw((2, 3)), None, None),
                {},
                RuntimeError,
                "running_mean must be defined in evaluation mode",
            ),
            Error(
                (Draw((2, 3)), Draw((3,)), None),
                {"training": True},
                ValueError,
                "must either both be None",
            ),
            Error(
                (Draw((2, 3)), Draw((4,)), Draw((3,))),
                {},
                RuntimeError,
                "running_mean should contain 3 .* not 4",
            ),
            Error(
                (Draw((2, 3)), Draw((3,)), Draw((3,)), Draw((2,))),
                {},
                RuntimeError,
                "weight should contain 3",
            ),
            Error(
                (np.ones((2, 3), np.int64), None, None),
                {"training": True},
                NotImplementedError,
                "'Long'",
            ),
            Error(
                (Draw((2, 3)), np.ones(3, np.int64), Draw((3,))),
                {},
                RuntimeError,
                "mixed dtype.*running_mean",
            ),
        ],
        torch="nn.functional.batch_norm",
    )
)
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise every channel over the batch: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Parameters
    ----------
    input : (N, C, *) floating
        A batch of N rows, sequences or images with C channels.
    running_mean, running_var : (C,) or None
        In training they are moved towards the statistics of this batch, in place and not recorded
        (the variance without bias, times n / (n - 1)). Otherwise they are what is normalised with.
        No gradient flows to them.
    weight, bias : (C,), optional
        Scale and shift; 1 and 0 when None.
    training : bool
        Take the mean and the (biased) variance of this batch.
    momentum : float
        The share of the new value in the running statistics.
    eps : float
        Added to the variance.

    Returns
    -------
    (N, C, *)

    Raises
    ------
    ValueError
        If there is one value per channel in training, or one of the two running statistics is
        missing.
    RuntimeError
        If a size is not C, the dtypes differ, or there are no statistics to evaluate with.
    NotImplementedError
        If the input is of integers.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    per_channel = {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }
    _check_batch_norm(input, per_channel, training)
    if not math.prod(input.shape):
        return input * 1.0
    arrays = [getattr(value, "array", value) for value in (running_mean, running_var)]
    return native_batch_norm(input, weight, bias, *arrays, training, momentum, eps)


def _check_batch_norm(input: Any, per_channel: dict[str, Any], training: bool) -> None:
    shape = input.shape
    c = shape[normalize_dim(1, len(shape), "batch_norm")]
    if training and math.prod(shape) == c:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}: "
            "batch_norm needs two values or more for a variance; use a larger batch, "
            "drop_last=True in the loader, or eval()."
        )
    if (per_channel["running_mean"] is None) != (per_channel["running_var"] is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None (batch_norm).")
    if not training and per_channel["running_mean"] is None:
        raise RuntimeError(
            "running_mean must be defined in evaluation mode: batch_norm got None; pass the "
            "running statistics, or training=True to take those of the batch."
        )
    check_dtypes("batch_norm", input, per_channel)
    for name, value in per_channel.items():
        if value is not None and value.shape != (c,):
            raise RuntimeError(
                f"{name} should contain {c} elements not {math.prod(value.shape)}: batch_norm got "
                f"input {list(shape)}, whose axis 1 holds the channels, and {name} "
                f"{list(value.shape)}."
            )


def check_dtypes(who: str, input: Any, others: dict[str, Any]) -> None:
    """Refuse integers, and weights of another dtype than the input's."""
    require_float(who, input)
    for name, value in others.items():
        if value is not None and value.dtype != input.dtype:
            raise RuntimeError(
                f"mixed dtype (CPU): all inputs must share same datatype. {who} got input "
                f"{input.dtype} and {name} {value.dtype}; convert one of them with .to(dtype)."
            )


@composite(
    cases=Cases(
        Case((Draw((3, 4)),), {"normalized_shape": (4,)}),
        Case((Draw((2, 2, 3)),), {"normalized_shape": [2, 3], "eps": 0.1}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"normalized_shape": (4,)},
                RuntimeError,
                r"expected input with shape \[\*, 4\]",
            ),
            Error(
                (Draw((3,)),),
                {"normalized_shape": (2, 3)},
                RuntimeError,
                r"but got input of size\[3\]",
            ),
            Error((Draw((2, 3)),), {"normalized_shape": ()}, RuntimeError, "at least 1-dimensional"),
            Error(
                (Draw((2, 3)),),
                {"normalized_shape": 3},
                TypeError,
                "must be tuple of ints, not int",
            ),
            Error((Draw((2, 3)), (3,), Draw((2,))), {}, RuntimeError, "weight to be of same shape"),
            Error((Draw((2, 3)), (3,), np.ones(3, np.int64)), {}, RuntimeError, "mixed dtype"),
            Error((np.ones((2, 3), np.int64), (3,)), {}, NotImplementedError, "'Long'"),
        ],
    )
)
def layer_norm(
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Normalise every row, over the last axes: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Parameters
    ----------
    input : (*, *normalized_shape) floating
        What is normalised.
    normalized_shape : sequence of int
        The sizes of the last axes, over which mean and (biased) variance are taken.
    weight, bias : normalized_shape, optional
        Scale and shift of each element; 1 and 0 when None.
    eps : float
        Added to the variance.

    Returns
    -------
    (*, *normalized_shape)

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or the dtypes differ.
    TypeError
        If ``normalized_shape`` is a number.
    NotImplementedError
        If the input is of integers.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0], [7.0, 5.0]]), (2,), eps=0.0)
    array([[-1.,  1.],
           [ 1., -1.]])
    """
    shape = _check_normalized_shape("layer_norm", input, normalized_shape, {"weight": weight, "bias": bias})
    return native_layer_norm(input, weight, bias, len(shape), eps)


def _check_normalized_shape(who: str, input: Any, normalized_shape: Any, affine: dict[str, Any]) -> tuple[int, ...]:
    if isinstance(normalized_shape, int):
        raise TypeError(
            f"{who}(): argument 'normalized_shape' (position 2) must be tuple of ints, not int; "
            f"write ({normalized_shape},)."
        )
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            f"one element, but got normalized_shape = []: {who} normalises over the last axes, "
            "and this names none."
        )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}: {who} "
            "normalises over the last axes."
        )
    check_dtypes(who, input, affine)
    for name, value in affine.items():
        if value is not None and value.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(value.shape)} and normalized_shape = {list(shape)} ({who})."
            )
    return shape


@composite(
    cases=Cases(
        Case((Draw((3, 2)), (2,))),
        Case((Draw((2, 2, 3)), (2, 3), Draw((2, 3)))),
        Case((Draw((2, 3)), (3,)), {"eps": 0.1}),
        errors=[Error((Draw((2, 3)), (4,)), {}, RuntimeError, "expected input with shape")],
    )
)
def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """Divide every row by its root mean square: ``x / sqrt(mean(x * x) + eps) * weight``.

    Parameters
    ----------
    input : (*, *normalized_shape) floating
        What is normalised.
    normalized_shape : sequence of int
        The sizes of the last axes, over which the mean is taken.
    weight : normalized_shape, optional
        Scale of each element.
    eps : float, optional
        The smallest difference from 1 in the input's dtype when None.

    Returns
    -------
    (*, *normalized_shape)

    References
    ----------
    B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", 2019.
    """
    shape = _check_normalized_shape("rms_norm", input, normalized_shape, {"weight": weight})
    axes = tuple(range(-len(shape), 0))
    small = float(np.finfo(input.dtype).eps) if eps is None else eps
    out = input * (mean(input * input, axes, True) + small) ** -0.5
    return out if weight is None else out * weight


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw((2, 3, 2)),), {"p": 1.0, "dim": -1}),
        Case((Draw((4,)),), {"p": 3.0, "dim": 0}),
        Case((np.zeros((2, 3)),), smooth=False),
    )
)
def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Divide vectors by their norm: ``x / max(norm(x, p), eps)`` along ``dim``.

    Parameters
    ----------
    input : (*,) floating
        Vectors along the axis ``dim``.
    p : float
        Which norm.
    dim : int
        The axis, the second unless given.
    eps : float
        The least divisor, for vectors of length 0.

    Returns
    -------
    (*,)
    """
    return input / clamp_min(norm(input, p, dim, True), eps)
