"""Normalisation of rows, groups and samples; that of batches stands in ``batchnorm``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]


class _Affine(Module):
    """What these layers share: a weight that starts as ones, a bias that starts as zeros."""

    def _register(self, shape: Any, weight: bool, bias: bool, device: Any = None, dtype: Any = None) -> None:
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            values = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, values)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self._parameters.get("bias") is not None:
            init.zeros_(self.bias)


class LayerNorm(_Affine):
    """Brings the last axes to mean 0 and variance 1, then scales and shifts every element.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes, over which mean and variance are taken.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether there is a weight.
    bias : bool
        Whether there is a bias beside the weight.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the parameters.

    References
    ----------
    Ba, Kiros, Hinton, "Layer Normalization", 2016.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._register(self.normalized_shape, elementwise_affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Any:
        """Map ``(*, *normalized_shape)`` to the same."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Divides the last axes by their root mean square, then scales every element.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes, over which the mean is taken.
    eps : float, optional
        Added to the mean square; the dtype's smallest step from 1 when left out.
    elementwise_affine : bool
        Whether there is a weight.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the weight.

    References
    ----------
    Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        weight = None
        if elementwise_affine:
            weight = Parameter(empty(self.normalized_shape, device=device, dtype=dtype))
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Any:
        """Map ``(*, *normalized_shape)`` to the same."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Brings every group of channels of a sample to mean 0 and variance 1.

    Parameters
    ----------
    num_groups, num_channels : int
        How many groups the channels are split into; it divides the channels.
    eps : float
        Added to the variance.
    affine : bool
        Whether every channel has a weight.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the parameters.
    bias : bool
        Whether there is a bias beside the weight.

    Raises
    ------
    ValueError
        If the groups do not divide the channels.

    References
    ----------
    Wu, He, "Group Normalization", 2018.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        self._register(num_channels, affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, *)`` to the same."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def _as_shape(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)
