"""Normalisation over the batch, with statistics that are remembered for evaluation."""

from __future__ import annotations

from typing import Any

from ..autograd.versions import increment_version
from ..creation import empty, ones, tensor, zeros
from ..dtypes import int64
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d"]


class _Norm(Module):
    """What batch and instance normalisation share: parameters, remembered statistics, text."""

    _version = 2  # since then num_batches_tracked is saved
    ranks: tuple[int, ...] = ()  # the numbers of axes an input may have

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            values = empty(num_features, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if values is None else Parameter(values))
        mean = var = count = None
        if track_running_stats:
            mean = zeros(num_features, device=device, dtype=dtype)
            var = ones(num_features, device=device, dtype=dtype)
            count = tensor(0, dtype=int64)
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", var)
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the statistics: mean 0, variance 1, no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros, and forget the statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input(self, input: Tensor) -> None:
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{rank}D" for rank in self.ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")

    def _load_from_state_dict(self, state_dict: dict[str, Any], *args: Any) -> None:
        """Give the state of an older version, which has no count of batches, this module's."""
        prefix, metadata = args[0], args[1]
        key = prefix + "num_batches_tracked"
        if metadata.get("version", 1) < 2 and self.track_running_stats:
            state_dict.setdefault(key, self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, *args)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Norm):
    """Batch normalisation of any number of axes."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, *)`` to the same; in training the statistics are those of the batch."""
        self._check_input(input)
        training, tracks = self.training, self.track_running_stats
        momentum = self.momentum
        if training and tracks and (count := self.num_batches_tracked) is not None:
            count.array[...] += 1
            increment_version(count, "batch_norm")
            if momentum is None:  # the mean of all batches, each with the same weight
                momentum = 1.0 / float(count)
        used = tracks or not training
        mean = self.running_mean if used else None
        var = self.running_var if used else None
        return F.batch_norm(
            input,
            mean,
            var,
            self.weight,
            self.bias,
            training or (mean is None and var is None),
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of ``(N, C)`` or ``(N, C, L)``; see :class:`BatchNorm2d`."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Brings every channel to mean 0 and variance 1 over the batch, then scales and shifts it.

    In evaluation mode it uses the mean and the variance that it has remembered while training.

    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        The share of the newest batch in the remembered statistics; None gives all batches the same.
    affine : bool
        Whether every channel has a weight and a bias.
    track_running_stats : bool
        Whether statistics are remembered; otherwise those of the batch are used always.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of parameters and buffers.
    bias : bool
        Whether there is a bias beside the weight.

    Attributes
    ----------
    weight, bias : Parameter of shape (C,) or None
        They start as ones and zeros.
    running_mean, running_var : Tensor of shape (C,) or None
        The remembered statistics; the variance is the one without bias.
    num_batches_tracked : Tensor of shape () or None
        How many batches have been seen.

    Raises
    ------
    ValueError
        In forward, if the input has not 4 axes, or in training one value per channel only.

    References
    ----------
    Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015.
    """

    ranks = (4,)


class _InstanceNorm(_Norm):
    """Instance normalisation of one sample without or several with a batch axis."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, *)`` or ``(C, *)`` to the same."""
        self._check_input(input)
        single = input.ndim == min(self.ranks)
        out = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of ``(N, C, L)`` or ``(C, L)``; see :class:`InstanceNorm2d`."""

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Brings every channel of every sample to mean 0 and variance 1 over its pixels.

    The parameters are those of :class:`BatchNorm2d`; by default there is no weight, and nothing is
    remembered.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky, "Instance Normalization: The Missing Ingredient for Fast
    Stylization", 2016.
    """

    ranks = (3, 4)
