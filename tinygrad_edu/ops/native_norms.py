"""The work of batch and layer normalisation: one op each, because it saves passes over memory.

Each derivative exists twice: a kernel with few passes for the ordinary backward pass, and the
formula, which is recorded and differentiated again under ``create_graph=True``. Arguments are
checked by those who call these ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw
from ..op import fused, op
from .blocks import cuts
from .reduction import mean, sum
from .shape import reshape
from .summation import add_up

__all__ = ["native_batch_norm", "native_layer_norm"]

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


def _along(x: Array, values: Array) -> Array:
    """Repeat (C,) to (C, L): on such rows NumPy is twice as fast as on (C, 1)."""
    size = x.shape[2]
    return values[:, None] if size == 1 else np.repeat(values, size).reshape(-1, size)


def _channel_sum(x: Array) -> Array:
    """Sum over all axes but the channels, (N, C, L) -> (C,), as fast matrix products."""
    n, c, size = x.shape
    images = x if size == 1 else x.reshape(n * c, size) @ np.ones(size, x.dtype)
    return np.asarray(np.ones(n, x.dtype) @ images.reshape(n, c))


def _channel_dot(x: Array, y: Array) -> Array:
    """Sum ``x * y`` over all axes but the channels: (N, C, L) -> (C,)."""
    n, c, size = x.shape
    if size < 64:  # a call of BLAS for each row would cost more than a product in memory
        return _channel_sum(x * y)
    rows = np.vecdot(x.reshape(n * c, size), y.reshape(n * c, size))
    return np.asarray(np.add.reduce(rows.reshape(n, c), axis=0))


def _pull(g: Array, x: Array, center: Array) -> Array:
    """Sum ``g * (x - mean)`` per channel: how far the gradient pulls the deviation."""
    shift = _along(x, center)
    total = np.zeros(x.shape[1], x.dtype)
    for cut in cuts(x):
        total += _channel_dot(x[cut] - shift, g[cut])
    return total


def _other_axes(x: Any) -> Axes:
    return (0, *range(2, x.ndim))


def _per_channel(values: Any, x: Any) -> Any:
    """Shape (C,) so that it broadcasts against (N, C, *)."""
    return reshape(values, (-1, *(1,) * (x.ndim - 2)))


def _batch_norm_kernel(g: Array, x: Array, weight: Array | None, stats: Any, training: bool, _eps: float) -> Array:
    """Compute ``scale (g - mean(g) - xhat mean(g xhat))`` as ``g scale + x slope + level``."""
    center, rstd = stats
    scale = rstd if weight is None else rstd * weight
    g, images = _images(g), _images(x)
    factor = _along(images, scale)
    if not training:
        return np.asarray(g * factor).reshape(x.shape)
    count = -images.shape[0] * images.shape[2]
    slope = scale * rstd * rstd * _pull(g, images, center) / count
    level = _along(images, scale * _channel_sum(g) / count - center * slope)
    slope = _along(images, slope)
    out = np.empty(images.shape, g.dtype)
    for cut in cuts(images):
        block = np.multiply(images[cut], slope, out=out[cut])
        block += level
        block += g[cut] * factor
    return out.reshape(x.shape)


@fused(_batch_norm_kernel)
def _batch_norm_grad(g: Any, x: Any, weight: Any, stats: Any, training: bool, eps: float) -> Any:
    if weight is not None:
        g = g * _per_channel(weight, x)
    if not training:
        return g * _per_channel(stats[1], x)
    return _standardize_grad(g, x, _other_axes(x), eps)


def _batch_norm_weight_kernel(g: Array, x: Array, stats: Any, _training: bool, _eps: float) -> Array:
    center, rstd = stats
    return np.asarray(_pull(_images(g), _images(x), center) * rstd)


@fused(_batch_norm_weight_kernel)
def _batch_norm_weight_grad(g: Any, x: Any, stats: Any, training: bool, eps: float) -> Any:
    if training:
        xhat, _ = _standardize(x, _other_axes(x), eps)
    else:
        xhat = (x - _per_channel(stats[0], x)) * _per_channel(stats[1], x)
    return sum(g * xhat, _other_axes(x))


@fused(lambda g: _channel_sum(_images(g)))
def _batch_norm_bias_grad(g: Any) -> Any:
    return sum(g, _other_axes(g))


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
        lambda g, _out, _stats, _x, _w, _b, _rm, _rv, _training, _m, _eps: _batch_norm_bias_grad(g),
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
        center, variance = _moments(x)
        _move(running_mean, running_var, center, variance, momentum, x.shape[0] * x.shape[2])
    else:
        assert running_mean is not None
        assert running_var is not None
        center, variance = running_mean.astype(x.dtype), running_var.astype(x.dtype)
    rstd = 1 / np.sqrt(variance + eps)
    scale = rstd if weight is None else rstd * weight
    out = x * _along(x, scale)
    out += _along(x, -center * scale if bias is None else bias - center * scale)
    return out.reshape(input.shape), (center, rstd)


def _moments(x: Array) -> tuple[Array, Array]:
    """Compute the mean and the biased variance of every channel."""
    count = x.shape[0] * x.shape[2]
    center = _channel_sum(x) / count
    variance = _channel_dot(x, x) / count - center * center
    if not (center * center <= 16 * variance).all():  # too much was cancelled: subtract first
        centred = x - _along(x, center)
        variance = _channel_dot(centred, centred) / count
    return center, variance


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


# ---- layer normalisation: statistics over the last n axes, which the kernels see as rows (R, D)


def _rows(x: Array, n: int) -> Array:
    size = math.prod(x.shape[x.ndim - n :])
    return x.reshape(x.size // size if size else 0, size)


def _last_axes(x: Any, n: int) -> Axes:
    return tuple(range(x.ndim - n, x.ndim))


def _layer_norm_kernel(g: Array, x: Array, weight: Array | None, stats: Any, n: int, _eps: float) -> Array:
    center, rstd = stats
    rows, g = _rows(x, n), _rows(g, n)
    size = rows.shape[1]
    # xhat mean(g xhat) + mean(g), with g already scaled, is what leaves the gradient
    scale = np.ones(size, g.dtype) if weight is None else weight.reshape(-1)
    out = np.empty(rows.shape, g.dtype)
    level = (g @ scale)[:, None] / size
    for cut in cuts(rows):
        block = np.multiply(g[cut], scale, out=out[cut])
        xhat = rows[cut] - center[cut]
        xhat *= rstd[cut] * rstd[cut] * np.vecdot(block, xhat)[:, None] / size
        xhat += level[cut]
        block -= xhat
        block *= rstd[cut]
    return out.reshape(x.shape)


@fused(_layer_norm_kernel)
def _layer_norm_grad(g: Any, x: Any, weight: Any, _stats: Any, n: int, eps: float) -> Any:
    return _standardize_grad(g if weight is None else g * weight, x, _last_axes(x, n), eps)


def _layer_norm_weight_kernel(g: Array, x: Array, stats: Any, n: int, _eps: float) -> Array:
    center, rstd = stats
    rows, g = _rows(x, n), _rows(g, n)
    total = np.zeros(rows.shape[1], g.dtype)
    for cut in cuts(rows):
        product = rows[cut] - center[cut]
        product *= g[cut]
        total += rstd[cut, 0] @ product
    return total.reshape(x.shape[x.ndim - n :])


@fused(_layer_norm_weight_kernel)
def _layer_norm_weight_grad(g: Any, x: Any, _stats: Any, n: int, eps: float) -> Any:
    return g * _standardize(x, _last_axes(x, n), eps)[0]  # the engine sums over the rows


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
    register=True,
)
@np.errstate(all="ignore")
def native_layer_norm(
    input: Array, weight: Array | None, bias: Array | None, n: int = 1, eps: float = 1e-5
) -> tuple[Array, Any]:
    """Do the work of :func:`layer_norm` over the last ``n`` axes.

    The backward pass keeps the input, and each row's mean and 1 / deviation.
    """
    rows = _rows(input, n)
    size = rows.shape[1]
    center = add_up(rows, (1,), True) / size
    out = rows - center
    rstd = 1 / np.sqrt(np.vecdot(out, out)[:, None] / size + eps)
    out *= rstd
    if weight is not None:
        out *= weight.reshape(-1)
    if bias is not None:
        out += bias.reshape(-1)
    return out.reshape(input.shape), (center, rstd)
