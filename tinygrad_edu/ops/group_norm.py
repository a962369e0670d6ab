"""Functions that bring groups of channels of each sample to mean 0 and variance 1."""

from __future__ import annotations

import math
from typing import Any

from ..cases import Case, Cases, Draw, Error
from ..op import composite
from .native_norms import native_group_norm
from .normalization import batch_norm, check_dtypes

__all__ = ["group_norm", "instance_norm"]


@composite(
    cases=Cases(
        Case((Draw((2, 4)), 2, Draw((4,)), Draw((4,))), {"eps": 0.1}),
        Case((Draw((2, 4, 2)),), {"num_groups": 2, "eps": 0.1}),
        Case((Draw((1, 2, 2, 3)), 1, Draw((2,)))),
        errors=[
            Error((Draw((2, 4)), 3), {}, RuntimeError, "divisible by num_groups"),
            Error((Draw((4,)), 2), {}, RuntimeError, "at least 2 dimensions"),
            Error((Draw((1, 4)), 4), {}, ValueError, "more than 1 value per channel"),
            Error(
                (Draw((2, 4, 3)), 2, Draw((2,))),
                {},
                RuntimeError,
                "weight to be a vector of size equal",
            ),
        ],
    )
)
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise each group of channels of each sample, then scale and shift each channel.

    Parameters
    ----------
    input : (N, C, *) floating
        What is normalised.
    num_groups : int
        In how many groups the C channels are split; a divisor of C.
    weight, bias : (C,), optional
        Scale and shift.
    eps : float
        Added to the variance.

    Returns
    -------
    (N, C, *)

    Raises
    ------
    RuntimeError
        If C cannot be split so, a size is not C, or the dtypes differ.
    ValueError
        If each group is a single value and there is one sample.

    References
    ----------
    Y. Wu and K. He, "Group Normalization", 2018.
    """
    shape = tuple(input.shape)
    _check_group_norm(input, shape, num_groups, {"weight": weight, "bias": bias})
    return native_group_norm(input, weight, bias, num_groups, eps)


def _check_group_norm(input: Any, shape: tuple[int, ...], num_groups: int, affine: dict[str, Any]) -> None:
    if len(shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}: group_norm takes (N, C, *)."
        )
    if num_groups < 1 or shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input "
            f"of shape {list(shape)} and num_groups={num_groups}: group_norm needs a divisor of "
            f"{shape[1]}."
        )
    if math.prod(shape) == num_groups:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}: "
            "group_norm cannot take the variance of single values; use fewer groups."
        )
    check_dtypes("group_norm", input, affine)
    for name, value in affine.items():
        if value is not None and value.shape != (shape[1],):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in "
                f"input, but got {name} of shape {list(value.shape)} and input of shape "
                f"{list(shape)} (group_norm)."
            )


@composite(
    cases=Cases(
        Case((Draw((2, 2, 3)),)),
        Case((Draw((2, 2, 3)), None, None, Draw((2,)), Draw((2,))), {"eps": 0.01}),
        Case((Draw((1, 2, 2, 2)), None, None, Draw((2,)))),
        errors=[
            Error((Draw((2, 3, 1)),), {}, ValueError, "more than 1 spatial element"),
            Error(
                (Draw((2, 3, 2)),),
                {"use_input_stats": False},
                RuntimeError,
                "running_mean must be defined",
            ),
            Error(
                (Draw((2, 3, 2)), None, None, Draw((2,))),
                {},
                RuntimeError,
                "weight to be a vector of size equal",
            ),
        ],
        torch="nn.functional.instance_norm",
    )
)
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise each channel of each sample over its pixels, then scale and shift each channel.

    Parameters
    ----------
    input : (N, C, *) floating
        Sequences or images.
    running_mean, running_var : (C,) or None
        Moved towards the mean over the samples, as in :func:`batch_norm`; used when
        ``use_input_stats`` is False.
    weight, bias : (C,), optional
        Scale and shift.
    use_input_stats : bool
        Normalise with the statistics of the input itself.
    momentum, eps : float
        As in :func:`batch_norm`.

    Returns
    -------
    (N, C, *)

    Raises
    ------
    ValueError
        If there is a single pixel.
    RuntimeError
        If a size is not C, the dtypes differ, or there are no statistics to normalise with.

    References
    ----------
    D. Ulyanov, A. Vedaldi and V. Lempitsky, "Instance Normalization: The Missing Ingredient for
    Fast Stylization", 2016.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    shape = tuple(input.shape)
    if math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {list(shape)}: "
            "instance_norm cannot take the variance of a single pixel."
        )
    if running_mean is not None:
        _move_by_instances(input, running_mean, running_var, momentum)
    return group_norm(input, shape[1], weight, bias, eps)


def _move_by_instances(input: Any, running_mean: Any, running_var: Any, momentum: float) -> None:
    """Move running statistics, unrecorded, towards the mean of the samples' statistics."""
    x, center, variance = (getattr(value, "array", value) for value in (input, running_mean, running_var))
    pixels = x.reshape(*x.shape[:2], -1)
    center += momentum * (pixels.mean(2).mean(0) - center)
    variance += momentum * (pixels.var(2, ddof=1).mean(0) - variance)
