"""Pooling layers: the largest value or the mean of every window of an image or a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
]

Size = int | Sequence[int]


class _MaxPool(Module):
    """What max pooling shares in all dimensions.

    Parameters
    ----------
    kernel_size : int or sequence of int
        The window.
    stride : int or sequence of int, optional
        The step from one window to the next; the window itself when left out.
    padding : int or sequence of int
        How much of minus infinity is put around; at most half the window.
    dilation : int or sequence of int
        The step from one element of a window to the next.
    return_indices : bool
        Whether the places of the largest values are returned too.
    ceil_mode : bool
        Whether a last window that is not complete counts.
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        """Show the sizes."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest value of every window of a sequence; the parameters are those of MaxPool2d."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, C, OL)``, with the places if ``return_indices``."""
        return F.max_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MaxPool2d(_MaxPool):
    """The largest value of every window of an image.

    Parameters
    ----------
    kernel_size : int or pair of int
        (KH, KW), the window.
    stride : int or pair of int, optional
        The step from one window to the next; the window itself when left out.
    padding : int or pair of int
        How much of minus infinity is put around; at most half the window.
    dilation : int or pair of int
        The step from one element of a window to the next.
    return_indices : bool
        Whether the places of the largest values are returned too.
    ceil_mode : bool
        Whether a last window that is not complete counts.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.MaxPool2d(2)(tg.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, C, OH, OW)``, with the places if ``return_indices``."""
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class _AvgPool(Module):
    """The text that average pooling shares."""

    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of every window of a sequence; the parameters are those of AvgPool2d."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(kernel_size if stride is None else stride)
        self.padding = _single(padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, C, OL)``."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


def _single(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,)


class AvgPool2d(_AvgPool):
    """The mean of every window of an image.

    Parameters
    ----------
    kernel_size : int or pair of int
        (KH, KW), the window.
    stride : int or pair of int, optional
        The step from one window to the next; the window itself when left out.
    padding : int or pair of int
        How many zeros are put around; at most half the window.
    ceil_mode : bool
        Whether a last window that is not complete counts.
    count_include_pad : bool
        Whether the zeros that were put around count in the mean.
    divisor_override : int, optional
        What the sum is divided by, instead of the number of elements.
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, C, OH, OW)``."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _Adaptive(Module):
    """What the adaptive layers share: the output's size, from which the windows follow."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """Show the output's size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The means of ``output_size`` windows that cover a sequence of any length."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, C, output_size)``."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """The means of ``output_size`` windows that cover an image of any size.

    Parameters
    ----------
    output_size : int, or pair of int or None
        The height and the width that come out; None keeps the input's.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, C, *output_size)``."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMax(_Adaptive):
    """Adaptive max pooling can return the places of the largest values too."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest values of ``output_size`` windows that cover a sequence of any length."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, C, output_size)``."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest values of ``output_size`` windows that cover an image of any size."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, C, *output_size)``."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
