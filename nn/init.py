"""Filling tensors with their first values, in place and outside the graph.

All random numbers come from a :class:`tinygrad_edu.Generator`; the default one unless another is
given.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import random
from ..autograd.versions import increment_version
from ..random import Generator
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

Array = np.ndarray[Any, Any]

_GAIN_ONE = {"linear", "conv1d", "conv2d", "conv3d", "sigmoid"}
_GAIN_ONE |= {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights are scaled so that a nonlinearity keeps the variance of its input.

    Parameters
    ----------
    nonlinearity : str
        ``"linear"``, ``"conv2d"`` ..., ``"sigmoid"``: 1. ``"tanh"``: 5/3. ``"relu"``: sqrt(2).
        ``"leaky_relu"``: sqrt(2 / (1 + slope^2)). ``"selu"``: 3/4.
    param : float, optional
        The negative slope of ``"leaky_relu"`` (0.01).

    Raises
    ------
    ValueError
        If the name is unknown, or the slope not a number.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015 (the rectifiers).
    """
    if nonlinearity in _GAIN_ONE:
        return 1
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        known = ", ".join(sorted({*gains, "leaky_relu", *_GAIN_ONE}))
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}: calculate_gain knows {known}.")
    return gains[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from the uniform distribution on [a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    drawn = random.rand(tensor.shape, generator=generator, dtype=tensor.dtype).array
    return _fill(tensor, drawn * (b - a) + a)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from the normal distribution."""
    if std < 0:
        raise RuntimeError(f"normal_ expects std >= 0.0, but found std {std}")
    drawn = random.randn(tensor.shape, generator=generator, dtype=tensor.dtype).array
    return _fill(tensor, drawn * std + mean)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from the normal distribution, those only that lie in [a, b].

    Notes
    -----
    Drawn by inversion: the inverse of the normal distribution function, of numbers that are uniform
    between its values at the bounds. An interval above the mean is mirrored first, since there the
    function is too near to 1 to be inverted well.

    References
    ----------
    L. Devroye, "Non-Uniform Random Variate Generation", 1986, section II.2.
    """
    from scipy.special import ndtr, ndtri

    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    sign = -1.0 if a > mean else 1.0
    low, high = ndtr(sorted((sign * (a - mean) / std, sign * (b - mean) / std)))
    drawn = random.rand(tensor.shape, generator=generator, dtype=np.float64).array
    values = mean + sign * std * ndtri(low + drawn * (high - low))
    return _fill(tensor, np.clip(values.astype(tensor.dtype), a, b, dtype=tensor.dtype))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return _fill(tensor, np.asarray(val))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere.

    Raises
    ------
    ValueError
        If it has not 2 axes.
    """
    rows, columns = _matrix_shape("eye_", tensor)
    return _fill(tensor, np.eye(rows, columns))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes on as many channels as it can, unchanged.

    Parameters
    ----------
    tensor : Tensor of shape (F, C / groups, ...)
        With 1, 2 or 3 spatial axes.
    groups : int
        Of the convolution; each passes on its own channels.

    Raises
    ------
    ValueError
        If there are not 3, 4 or 5 axes, or F is not a multiple of ``groups``.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(
            "Only tensors with 3, 4, or 5 dimensions are supported: dirac_ fills the weight of a "
            f"convolution, got shape {tensor.shape}."
        )
    if tensor.shape[0] % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups: dirac_ got shape {tensor.shape}, groups={groups}.")
    per_group = tensor.shape[0] // groups
    kernel = np.zeros(tensor.shape)
    center = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            kernel[(group * per_group + channel, channel, *center)] = 1
    return _fill(tensor, kernel)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill uniformly so that the variance stays the same forwards and backwards.

    The bound is gain * sqrt(6 / (fan_in + fan_out)).

    References
    ----------
    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.
    """
    bound = gain * math.sqrt(6.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill normally so that the variance stays the same forwards and backwards.

    The standard deviation is gain * sqrt(2 / (fan_in + fan_out)).

    References
    ----------
    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill uniformly so that the variance stays the same through rectifiers.

    The bound is gain * sqrt(3 / fan).

    Parameters
    ----------
    tensor : Tensor of shape (F, C, ...)
        The weight of a linear layer or a convolution.
    a : float
        The negative slope of the leaky rectifier that follows.
    mode : {"fan_in", "fan_out"}
        Keep the variance in the forward or in the backward pass.
    nonlinearity : str
        As in :func:`calculate_gain`.
    generator : Generator, optional
        Where the numbers come from.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015.
    """
    if 0 in tensor.shape:
        return _nothing_to_fill(tensor)
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill normally so that the variance stays the same through rectifiers.

    The standard deviation is gain / sqrt(fan); the parameters are those of
    :func:`kaiming_uniform_`.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015.
    """
    if 0 in tensor.shape:
        return _nothing_to_fill(tensor)
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with ``gain`` times a matrix whose rows (or columns, if fewer) are orthonormal.

    Further axes are flattened into the columns.

    Raises
    ------
    ValueError
        If there are fewer than 2 axes.

    Notes
    -----
    The QR decomposition of a normal matrix, with the signs that make its diagonal of R positive:
    then all orthogonal matrices are equally likely (Mezzadri).

    References
    ----------
    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", 2013. Mezzadri, "How to generate random matrices from the classical compact
    groups", 2007.
    """
    if tensor.ndim < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported: orthogonal_ got shape {tensor.shape}.")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    matrix = random.randn(rows, tensor.array.size // rows, generator=generator).array
    wide = matrix.shape[0] < matrix.shape[1]
    q, r = np.linalg.qr(matrix.T if wide else matrix)
    q = q * np.sign(np.diagonal(r))
    return _fill(tensor, gain * (q.T if wide else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix normally, and set a share of every column to zero.

    Parameters
    ----------
    tensor : Tensor of shape (M, N)
        The matrix.
    sparsity : float
        The share of zeros in a column.
    std : float
        Of the other entries.
    generator : Generator, optional
        Where the numbers come from.

    References
    ----------
    Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    rows, columns = _matrix_shape("sparse_", tensor)
    zeros = math.ceil(sparsity * rows)
    values = std * random.randn(rows, columns, generator=generator, dtype=tensor.dtype).array
    for column in range(columns):
        values[random.randperm(rows, generator=generator).array[:zeros], column] = 0
    return _fill(tensor, values)


def _matrix_shape(who: str, tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported: {who} got shape {tensor.shape}.")
    rows, columns = tensor.shape
    return rows, columns


def fan_in_of(tensor: Tensor) -> int:
    """Return how many inputs go into one output of a weight of shape (F, C, ...)."""
    return _fans(tensor)[0]


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return fan_in and fan_out: for (F, C, KH, KW) they are C * KH * KW and F * KH * KW."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: got "
            f"shape {tensor.shape}; a bias may be filled with zeros_ or uniform_."
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    modes = ("fan_in", "fan_out")
    if str(mode).lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(modes)}")
    fan = _fans(tensor)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _nothing_to_fill(tensor: Tensor) -> Tensor:
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return tensor


def _fill(tensor: Tensor, values: Array) -> Tensor:
    """Write values into a tensor; its version counts, and nothing is recorded."""
    tensor.array[...] = values
    increment_version(tensor, "nn.init")
    return tensor
