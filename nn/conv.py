"""Convolution layers. How a convolution is computed stands in ``ops``; here are its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .linear import init_bias
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

Size = int | Sequence[int]
_PADDING_MODES = ("circular", "reflect", "replicate", "zeros")


class _Conv(Module):
    """What all convolutions share: sizes, checks, parameters, text."""

    rank = 2  # the number of spatial axes
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_groups(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(kernel_size, self.rank)
        self.stride = per_axis(stride, self.rank)
        self.padding: Any = padding if isinstance(padding, str) else per_axis(padding, self.rank)
        self.dilation = per_axis(dilation, self.rank)
        self.output_padding = (0,) * self.rank
        self.padding_mode = padding_mode
        _check_padding(self.padding, self.stride, padding_mode)
        first, second = out_channels, in_channels
        if self.transposed:
            first, second = second, first
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew: uniform in (-k, k) with k = 1 / sqrt(fan_in)."""
        # With a = sqrt(5) the bound sqrt(6 / (1 + a^2) / fan_in) is 1 / sqrt(fan_in).
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        init_bias(self.bias, self.weight)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """Give the input and the padding that is left to the op: it pads with zeros only."""
        if self.padding_mode == "zeros":
            return input, self.padding
        # (before, after) of the last axis first, as F.pad wants it
        widths = [w for pair in reversed(self._padding_widths()) for w in pair]
        return F.pad(input, widths, mode=self.padding_mode), (0,) * self.rank

    def _padding_widths(self) -> list[tuple[int, int]]:
        """Return how much is padded before and after every spatial axis."""
        if not isinstance(self.padding, str):
            return [(p, p) for p in self.padding]
        if self.padding == "valid":
            return [(0, 0)] * self.rank
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [(total // 2, total - total // 2) for total in totals]

    def extra_repr(self) -> str:
        """Show the sizes, and what is not usual."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        parts.append(f"stride={self.stride}")
        usual: dict[str, Any] = {"padding": (0,) * self.rank, "dilation": (1,) * self.rank}
        usual |= {"output_padding": (0,) * self.rank, "groups": 1}
        for name, value in usual.items():
            if getattr(self, name) != value:
                parts.append(f"{name}={getattr(self, name)}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


def per_axis(value: Any, rank: int) -> tuple[int, ...]:
    """Repeat a number for every spatial axis; a sequence stays what it is."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, got {groups}")
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups != 0:
            raise ValueError(f"{name} must be divisible by groups: got {channels} and {groups}")


def _check_padding(padding: Any, stride: tuple[int, ...], padding_mode: str) -> None:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'")


class Conv1d(_Conv):
    """A convolution along one axis: ``(N, C, L)`` or ``(C, L)``.

    The parameters are those of :class:`Conv2d`.
    """

    rank = 1

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, F, OL)``."""
        x, padding = self._padded(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """A convolution of images: every output is a weighted sum of a window of the input.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F, the channels before and after.
    kernel_size : int or pair of int
        (KH, KW), the window.
    stride : int or pair of int
        The step from one window to the next.
    padding : int, pair of int, "same" or "valid"
        How much is put around the image. "same" keeps its size; "valid" is 0.
    dilation : int or pair of int
        The step from one element of a window to the next.
    groups : int
        The channels are split into so many groups, each with its own convolution.
    bias : bool
        Whether a bias per output channel is added.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding consists of.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the parameters.

    Attributes
    ----------
    weight : Parameter of shape (F, C / groups, KH, KW)
        Drawn uniformly from (-k, k) with k = 1 / sqrt(C / groups * KH * KW).
    bias : Parameter of shape (F,) or None
        Drawn like the weight.

    Raises
    ------
    ValueError
        If ``groups`` does not divide the channels, or a padding or its mode has no meaning.

    Notes
    -----
    Input ``(N, C, H, W)`` or ``(C, H, W)``; the output's height is
    ``(H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``, its width likewise.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.Conv2d(3, 16, 3, padding=1)(tg.zeros(8, 3, 32, 32)).shape
    (8, 16, 32, 32)
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, F, OH, OW)``."""
        x, padding = self._padded(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_Conv):
    """What the transposed convolutions share: the order of the arguments, the output's size."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}, got {padding_mode!r}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.output_padding = per_axis(output_padding, self.rank)

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """Return the output padding: the one given, or the one that leads to ``output_size``."""
        if output_size is None:
            return self.output_padding
        rank, sizes = self.rank, tuple(output_size)
        if len(sizes) == input.ndim:
            sizes = sizes[-rank:]
        if len(sizes) != rank:
            raise ValueError(
                f"{type(self).__name__}: for a {input.ndim}D input, output_size must have {rank} "
                f"or {input.ndim} elements (got {len(sizes)})"
            )
        axes = zip(input.shape[-rank:], self.stride, self.padding, self.dilation, self.kernel_size)
        smallest = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in axes]
        extra = tuple(size - low for size, low in zip(sizes, smallest))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            largest = [low + s - 1 for low, s in zip(smallest, self.stride)]
            raise ValueError(
                f"requested an output size of {list(sizes)}, but valid sizes range from {smallest} "
                f"to {largest} (for an input of {list(input.shape[2:])})"
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """The transpose of a convolution along one axis; the parameters are those of its 2d form."""

    rank = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Any:
        """Map ``(N, C, L)`` to ``(N, F, OL)``."""
        extra = self._extra(input, output_size)
        return F.conv_transpose1d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )


class ConvTranspose2d(_ConvTranspose):
    """The transpose of a convolution of images: the map that its backward pass makes.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F, the channels before and after.
    kernel_size, stride, padding, dilation : int or pair of int
        Of the convolution that this is the transpose of: it would map the output's size to the
        input's.
    output_padding : int or pair of int
        Rows and columns added at one side of the output, as several sizes have the same
        convolution.
    groups : int
        The channels are split into so many groups.
    bias : bool
        Whether a bias per output channel is added.
    padding_mode : {"zeros"}
        Nothing else is supported.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the parameters.

    Attributes
    ----------
    weight : Parameter of shape (C, F / groups, KH, KW)
        Drawn uniformly from (-k, k) with k = 1 / sqrt(F / groups * KH * KW).
    bias : Parameter of shape (F,) or None
        Drawn like the weight.

    Notes
    -----
    The output's height is
    ``(H - 1) * stride - 2 * padding + dilation * (KH - 1) + output_padding + 1``.
    """

    def forward(self, input: Tensor, output_size: Any = None) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, F, OH, OW)``; ``output_size`` chooses among the sizes."""
        extra = self._extra(input, output_size)
        return F.conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )
