"""The work of batch, group and layer normalisation: one op each, because it saves passes over memory.

Each derivative exists twice: in a kernel that gives all gradients of an op (``norm_kernels``) for the
ordinary backward pass, and as the formula, which is recorded and differentiated again under
``create_graph=True``. Arguments are checked by those who call these ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw
from ..op import op
from .norm_kernels import (
    batch_norm_backward,
    batch_norm_forward,
    channel_moments,
    channel_pulls,
    channel_sum,
    layer_norm_backward,
    layer_norm_forward,
    scale_and_shift,
    scale_both,
)
from .reduction import mean, sum
from .shape import reshape

__all__ = ["native_batch_norm", "native_group_norm", "native_layer_norm"]

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


# ---- what both derivatives are formulas of


def _standardize(x: Any, axes: Axes, eps: float) -> tuple[Any, Any]:
    """Give ``(x - mean) / sqrt(var + eps)`` and the factor."""
    centred = x - mean(x, axes, True)
    rstd = (mean(centred * centred, axes, True) + eps) ** -0.5
    return centred * rstd, rstd


def _standardize_grad(g: Any, x: Any, axes: Axes, eps: float) -> Any:
    """Differentiate that: take from ``g`` its mean and its part along the result."""
    xhat, rstd = _standardize(x, axes, eps)
    return (g - mean(g, axes, True) - xhat * mean(g * xhat, axes, True)) * rstd


# ---- batch normalisation: statistics per channel of (N, C, *), which the kernels see as (N, C, L)


def _images(x: Array) -> Array:
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _other_axes(x: Any) -> Axes:
    return (0, *range(2, x.ndim))


def _per_channel(values: Any, x: Any) -> Any:
    """Shape (C,) so that it broadcasts against (N, C, *)."""
    return reshape(values, (-1, *(1,) * (x.ndim - 2)))


def _batch_norm_grad(g: Any, x: Any, weight: Any, stats: Any, training: bool, eps: float) -> Any:
    if weight is not None:
        g = g * _per_channel(weight, x)
    if not training:
        return g * _per_channel(stats[1], x)
    return _standardize_grad(g, x, _other_axes(x), eps)


def _batch_norm_weight_grad(g: Any, x: Any, stats: Any, training: bool, eps: float) -> Any:
    if training:
        xhat, _ = _standardize(x, _other_axes(x), eps)
    else:
        xhat = (x - _per_channel(stats[0], x)) * _per_channel(stats[1], x)
    return sum(g * xhat, _other_axes(x))


def _batch_norm_gradients(
    needed: Any,
    g: Array,
    _out: Any,
    stats: Any,
    x: Any,
    weight: Any,
    _b: Any,
    _rm: Any,
    _rv: Any,
    training: bool,
    *_: Any,
) -> tuple[Any, Any, Any]:
    """Compute what the three vjps compute, from sums that they share."""
    g = np.ascontiguousarray(g)
    if x is None:  # just the bias is wanted
        return None, None, channel_sum(_images(g))
    center, rstd = stats
    g, images = _images(g), _images(x)
    if needed[0] is not None and training:
        grad, pull, total = batch_norm_backward(g, images, weight, center, rstd)
        return grad.reshape(x.shape), pull, total
    total, pull = channel_pulls(g, images, center, rstd)
    if needed[0] is None:
        return None, pull, total
    scale = rstd if weight is None else rstd * weight
    return scale_and_shift(g, scale, None).reshape(x.shape), pull, total


def _batch_norm_in_torch(torch: Any, inputs: Sequence[Any], params: Any) -> Any:
    x, weight, bias = inputs
    given = dict(params)
    stats = [given.pop(name, None) for name in ("running_mean", "running_var")]
    stats = [None if value is None else torch.tensor(value, dtype=x.dtype) for value in stats]
    return torch.nn.functional.batch_norm(x, *stats, weight, bias, **{"training": True, **given})


_EVALUATION: dict[str, Any] = {
    "training": False,
    "running_mean": np.array([0.5, -1.0, 0.0]),
    "running_var": np.array([1.0, 0.25, 2.0]),
}


@op(
    vjps=(
        lambda g, _out, stats, x, weight, _b, _rm, _rv, training, _m, eps: _batch_norm_grad(
            g, x, weight, stats, training, eps
        ),
        lambda g, _out, stats, x, _w, _b, _rm, _rv, training, _m, eps: _batch_norm_weight_grad(
            g, x, stats, training, eps
        ),
        lambda g, _out, _stats, _x, _w, _b, _rm, _rv, _training, _m, _eps: sum(g, _other_axes(g)),
    ),
    cases=Cases(
        Case((Draw((4, 3)), Draw((3,)), Draw((3,)))),
        Case((Draw((2, 3, 2)), Draw((3,)), Draw((3,)))),
        Case((Draw((2, 2, 2, 3)), Draw((2,)), Draw((2,)))),
        Case((Draw((1, 2, 4)), None, None), {"eps": 0.1}),
        Case((Draw((3, 2)), Draw((2,)), None)),
        Case((Draw((3, 2)), None, Draw((2,)))),
        Case((Draw((2, 1, 70)), Draw((1,)), Draw((1,))), smooth=False),
        Case((Draw((1, 3)), Draw((3,)), Draw((3,))), _EVALUATION),
        Case((Draw((2, 3, 2)), Draw((3,)), Draw((3,))), _EVALUATION),
        Case((Draw((2, 3, 1, 2)), None, None), _EVALUATION),
        Case((np.full((3, 2), 2.0), Draw((2,)), Draw((2,))), {"eps": 0.1}),
        torch=_batch_norm_in_torch,
    ),
    residual=True,
    joint=_batch_norm_gradients,
    register=True,
)
@np.errstate(all="ignore")
def native_batch_norm(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Any]:
    """Do the work of :func:`batch_norm`, whose arguments these are; PyTorch's op of this name.

    The running statistics are plain arrays here. In training they are written to, and nothing is
    recorded of that. The backward pass keeps the input, and each channel's mean and 1 / deviation.
    """
    x = _images(input)
    if training:
        out, center, variance, rstd = batch_norm_forward(x, weight, bias, eps)
        _move(running_mean, running_var, center, variance, momentum, x.shape[0] * x.shape[2])
    else:
        assert running_mean is not None
        assert running_var is not None
        center = running_mean.astype(x.dtype)
        rstd = 1 / np.sqrt(running_var.astype(x.dtype) + eps)
        scale = rstd if weight is None else rstd * weight
        out = scale_and_shift(x, scale, (0 if bias is None else bias) - center * scale)
    return out.reshape(input.shape), (center, rstd)


def _move(
    running_mean: Array | None,
    running_var: Array | None,
    center: Array,
    variance: Array,
    momentum: float,
    count: int,
) -> None:
    """Move the running statistics towards the batch's; the variance without bias, as PyTorch."""
    if running_mean is not None:
        running_mean += momentum * (center - running_mean)
    if running_var is not None:
        running_var += momentum * (variance * (count / (count - 1)) - running_var)


# ---- group normalisation: statistics per group of channels of a sample, seen as one sample of N * G channels


def _groups(x: Any, num_groups: int) -> Any:
    """Put the elements of a group side by side: (N, C, *) -> (N, G, M)."""
    return reshape(x, (x.shape[0], num_groups, math.prod(x.shape[1:]) // num_groups))


def _group_norm_grad(g: Any, x: Any, weight: Any, num_groups: int, eps: float) -> Any:
    scaled = g if weight is None else g * _per_channel(weight, x)
    grad = _standardize_grad(_groups(scaled, num_groups), _groups(x, num_groups), (2,), eps)
    return reshape(grad, x.shape)


def _group_norm_weight_grad(g: Any, x: Any, num_groups: int, eps: float) -> Any:
    xhat, _ = _standardize(_groups(x, num_groups), (2,), eps)
    return sum(g * reshape(xhat, x.shape), _other_axes(x))


def _group_norm_gradients(
    _needed: Any, g: Array, _out: Any, stats: Any, x: Any, weight: Any, _b: Any, num_groups: int, _eps: float
) -> tuple[Any, Any, Any]:
    """Compute what the three vjps compute, from sums over each channel of each sample."""
    g = np.ascontiguousarray(g)
    if x is None:  # just the bias is wanted
        return None, None, channel_sum(_images(g))
    n, c = x.shape[:2]
    channels = (1, n * c, math.prod(x.shape[2:]))
    g, images = g.reshape(channels), x.reshape(channels)
    center, rstd = (np.repeat(values, c // num_groups) for values in stats)
    total, pull = channel_pulls(g, images, center, rstd)
    factor = np.ones(c, g.dtype) if weight is None else weight
    # rstd (g weight - mean(g weight) - xhat mean(g weight xhat)), with means over the group
    of_group = (n, num_groups, c // num_groups)
    count = -channels[2] * of_group[2]
    mean_total, mean_pull = (
        np.repeat((values.reshape(n, c) * factor).reshape(of_group).sum(2) / count, of_group[2])
        for values in (total, pull)
    )
    slope = rstd * rstd * mean_pull
    level = rstd * mean_total - center * slope
    grad = scale_both(g, images, (rstd.reshape(n, c) * factor).reshape(-1), slope, level)
    return grad.reshape(x.shape), pull.reshape(n, c).sum(0), total.reshape(n, c).sum(0)


@op(
    vjps=(
        lambda g, _out, stats, x, weight, _b, num_groups, eps: _group_norm_grad(g, x, weight, num_groups, eps),
        lambda g, _out, stats, x, _w, _b, num_groups, eps: _group_norm_weight_grad(g, x, num_groups, eps),
        lambda g, _out, _stats, _x, _w, _b, _num_groups, _eps: sum(g, _other_axes(g)),
    ),
    cases=Cases(
        Case((Draw((2, 4)), Draw((4,)), Draw((4,)), 2), {"eps": 0.1}),
        Case((Draw((2, 4, 2)), Draw((4,)), None, 2), {"eps": 0.1}),
        Case((Draw((2, 2, 3)), None, Draw((2,)), 2), {"eps": 0.1}, parity=False),  # an internal error in PyTorch
        Case((Draw((1, 2, 2, 3)), None, None, 1)),
        Case((Draw((0, 2, 3)), Draw((2,)), Draw((2,)), 1)),
        torch=lambda torch, inputs, params: torch.nn.functional.group_norm(
            inputs[0], inputs[3], *inputs[1:3], params.get("eps", 1e-5)
        ),
    ),
    residual=True,
    joint=_group_norm_gradients,
    register=True,
)
@np.errstate(all="ignore")
def native_group_norm(
    input: Array, weight: Array | None, bias: Array | None, num_groups: int, eps: float = 1e-5
) -> tuple[Array, Any]:
    """Do the work of :func:`group_norm`.

    The backward pass keeps the input, and each group's mean and 1 / deviation.
    """
    n, c = input.shape[:2]
    center, variance = channel_moments(input.reshape(1, n * num_groups, input.size // max(1, n * num_groups)))
    rstd = 1 / np.sqrt(variance + eps)
    scale, level = (np.repeat(values, c // num_groups).reshape(n, c) for values in (rstd, center))
    scale = scale if weight is None else scale * weight
    shift = (0 if bias is None else bias) - level * scale
    images = input.reshape(1, n * c, math.prod(input.shape[2:]))
    return scale_and_shift(images, scale.reshape(-1), shift.reshape(-1)).reshape(input.shape), (center, rstd)


# ---- layer normalisation: statistics over the last n axes, which the kernels see as rows (R, D)


def _rows(x: Array, n: int) -> Array:
    size = math.prod(x.shape[x.ndim - n :])
    return x.reshape(x.size // size if size else 0, size)


def _last_axes(x: Any, n: int) -> Axes:
    return tuple(range(x.ndim - n, x.ndim))


def _layer_norm_grad(g: Any, x: Any, weight: Any, _stats: Any, n: int, eps: float) -> Any:
    return _standardize_grad(g if weight is None else g * weight, x, _last_axes(x, n), eps)


def _layer_norm_weight_grad(g: Any, x: Any, _stats: Any, n: int, eps: float) -> Any:
    return g * _standardize(x, _last_axes(x, n), eps)[0]  # the engine sums over the rows


def _layer_norm_gradients(
    needed: Any, g: Array, _out: Any, stats: Any, x: Any, weight: Any, _b: Any, n: int, _eps: float
) -> tuple[Any, Any, Any]:
    """Compute what the three vjps compute, in one go through the rows."""
    if x is None:  # just the bias is wanted
        return None, None, g
    center, rstd = stats
    g, rows = _rows(np.ascontiguousarray(g), n), _rows(x, n)
    gradients = layer_norm_backward(g, rows, None if weight is None else weight.reshape(-1), center, rstd)
    shape = x.shape[x.ndim - n :]
    return gradients[0].reshape(x.shape), gradients[1].reshape(shape), gradients[2].reshape(shape)


@op(
    vjps=(
        lambda g, _out, stats, x, weight, _b, n, eps: _layer_norm_grad(g, x, weight, stats, n, eps),
        lambda g, _out, stats, x, _w, _b, n, eps: _layer_norm_weight_grad(g, x, stats, n, eps),
        lambda g, _out, _stats, _x, _w, _b, _n, _eps: g,  # the engine sums over the rows
    ),
    cases=Cases(
        Case((Draw((3, 4)), Draw((4,)), Draw((4,)))),
        Case((Draw((2, 2, 3)), Draw((2, 3)), Draw((2, 3))), {"n": 2}),
        Case((Draw((2, 3)), None, None), {"eps": 0.1}),
        Case((Draw((5,)), Draw((5,)), None)),
        Case((Draw((2, 3)), None, Draw((3,)))),
        Case((Draw((2, 1)), Draw((1,)), Draw((1,))), {"eps": 0.1}),
        Case((Draw((0, 3)), Draw((3,)), Draw((3,)))),
        torch=lambda torch, inputs, params: torch.nn.functional.layer_norm(
            inputs[0], inputs[0].shape[-params.get("n", 1) :], *inputs[1:], params.get("eps", 1e-5)
        ),
    ),
    residual=True,
    joint=_layer_norm_gradients,
    register=True,
)
@np.errstate(all="ignore")
def native_layer_norm(
    input: Array, weight: Array | None, bias: Array | None, n: int = 1, eps: float = 1e-5
) -> tuple[Array, Any]:
    """Do the work of :func:`layer_norm` over the last ``n`` axes.

    The backward pass keeps the input, and each row's mean and 1 / deviation.
    """
    weight, bias = (None if values is None else values.reshape(-1) for values in (weight, bias))
    out, center, rstd = layer_norm_forward(_rows(input, n), weight, bias, eps)
    return out.reshape(input.shape), (center, rstd)
