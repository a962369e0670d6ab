"""The functions behind the layers, in PyTorch's form.

Most are ops under their own name. The others add what an op has not: ``inplace``, random numbers,
running statistics, and the older arguments of the losses.
"""

from __future__ import annotations

from typing import Any

from ..autograd.versions import increment_version
from ..ops import normalization
from ..ops.activation import gelu, logsigmoid, sigmoid, softplus, softsign, tanhshrink
from ..ops.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)
from ..ops.columns import col2im as fold
from ..ops.columns import im2col as unfold
from ..ops.conv import conv1d, conv2d
from ..ops.conv_transpose import conv_transpose1d, conv_transpose2d
from ..ops.einsum import einsum
from ..ops.group_norm import group_norm
from ..ops.group_norm import instance_norm as normalize_instances
from ..ops.linalg import linear
from ..ops.lookup import embedding, one_hot
from ..ops.loss import cosine_similarity
from ..ops.normalization import layer_norm, rms_norm
from ..ops.padding import pad
from ..ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from ..ops.trigonometry import tanh
from ..tensor import Tensor
from .activation_functions import (
    celu,
    elu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    silu,
    softmax,
    softmin,
    softshrink,
    threshold,
)
from .dropout_functions import alpha_dropout, dropout, dropout1d, dropout2d
from .loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "elu",
    "embedding",
    "fold",
    "gelu",
    "glu",
    "group_norm",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "unfold",
]


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Compute ``y[k] = x1 @ weight[k] @ x2 + bias[k]`` over the last axes.

    Parameters
    ----------
    input1, input2 : Tensor of shape (*, I) and (*, J)
        Of the same leading axes.
    weight : Tensor of shape (K, I, J)
        One matrix per output.
    bias : Tensor of shape (K,), optional
        Added to the result.

    Returns
    -------
    Tensor of shape (*, K)
    """
    out = einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias


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
    """Bring every channel of ``(N, C, *)`` to mean 0 and variance 1, then scale and shift it.

    Parameters
    ----------
    input : Tensor of shape (N, C, *)
        The batch.
    running_mean, running_var : Tensor of shape (C,) or None
        In training they are moved towards the batch's statistics; else they are used.
    weight, bias : Tensor of shape (C,), optional
        The scale and the shift.
    training : bool
        Whether the statistics are those of the batch.
    momentum : float
        The share of the batch in the running statistics.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        In training, if there is one value per channel only, or ``eps`` is not positive.

    References
    ----------
    Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015.
    """
    if eps < 0.0 or (training and eps == 0.0):
        rule = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {rule}, but got {eps}")
    out = normalization.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if training:
        _count_write("batch_norm", running_mean, running_var)
    return out


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
    """Bring every channel of every sample of ``(N, C, *)`` to mean 0 and variance 1.

    The parameters are those of :func:`batch_norm`, with ``use_input_stats`` for ``training``.
    """
    out = normalize_instances(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    if use_input_stats:
        _count_write("instance_norm", running_mean, running_var)
    return out


def _count_write(writer: str, *statistics: Any) -> None:
    """Count the write to running statistics: the op sees arrays, and arrays have no version."""
    increment_version([s for s in statistics if isinstance(s, Tensor)], writer)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """Divide by the p-norm along an axis, but by no less than ``eps``."""
    result = normalization.normalize(input, p, dim, eps)
    return result if out is None else out.copy_(result)
