"""Strategies for convolutions over sequences, images and volumes: sizes that fit together, and tensors of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .drawing import drawn, hypothesis
from .groups import Arguments
from .memory import as_tensor, several_arrays

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["ConvGeometry", "conv_geometries", "convolutions"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ConvGeometry:
    """The sizes of one convolution.

    Attributes
    ----------
    input : (N, C, *) or (C, *)
        Shape of the input.
    weight : (F, C / groups, *)
        Shape of the weight.
    stride, padding, dilation : tuple of int
        One number for each axis that the kernel slides along.
    groups : int
        Number of groups.
    """

    input: Shape
    weight: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int


@drawn
def conv_geometries(
    draw: DrawFn,
    dims: int = 2,
    *,
    max_batch: int = 2,
    max_channels: int = 2,
    max_kernel: int = 3,
    max_stride: int = 2,
    max_padding: int = 1,
    max_dilation: int = 2,
    max_groups: int = 2,
    max_windows: int = 2,
) -> ConvGeometry:
    """Draw the sizes of a convolution that has at least one window.

    Parameters
    ----------
    dims : int
        1 for sequences, 2 for images, 3 for volumes.
    max_batch : int
        Of the batch axis N, which is sometimes missing.
    max_channels : int
        Channels of a group, of the input and of the output.
    max_kernel, max_stride, max_padding, max_dilation : int
        Along each axis.
    max_groups : int
        Number of groups.
    max_windows : int
        Places of the kernel along an axis; now and then the last entries of the input are in no window.

    Returns
    -------
    SearchStrategy of ConvGeometry
        Shrinks to one channel, one window and a kernel of one entry.
    """
    integers = hypothesis().strategies.integers
    axes = []
    for _ in range(dims):
        kernel, stride, dilation = (draw(integers(1, most)) for most in (max_kernel, max_stride, max_dilation))
        padding = draw(integers(0, max_padding))
        reach = (draw(integers(1, max_windows)) - 1) * stride + (kernel - 1) * dilation + 1
        size = max(reach + draw(integers(0, stride - 1)) - 2 * padding, 1)
        axes.append((size, kernel, stride, padding, dilation))
    sizes, kernels, strides, paddings, dilations = zip(*axes)
    groups = draw(integers(1, max_groups))
    channels, features = draw(integers(1, max_channels)), draw(integers(1, max_channels))
    batch = draw(integers(0, max_batch))
    lead = (batch, channels * groups) if batch else (channels * groups,)
    weight = (features * groups, channels, *kernels)
    return ConvGeometry((*lead, *sizes), weight, strides, paddings, dilations, groups)


@drawn
def convolutions(
    draw: DrawFn,
    /,
    dims: int = 2,
    *,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | None = None,
    requires_grad: bool = True,
    layout: str = "any",
    **limits: int,
) -> Arguments:
    """Draw the arguments of a convolution, in PyTorch's order.

    Parameters
    ----------
    dims : int
        1 for sequences, 2 for images, 3 for volumes.
    dtype, elements, requires_grad, layout
        As in :func:`tensors`.
    **limits
        The limits of :func:`conv_geometries`.

    Returns
    -------
    SearchStrategy of Arguments
        ``(x, weight, bias or None, stride=..., padding=..., dilation=..., groups=...)``.
    """
    found = draw(conv_geometries(dims, **limits))
    with_bias = draw(hypothesis().strategies.booleans())
    wanted = [found.input, found.weight] + [found.weight[:1]] * with_bias
    parts = draw(several_arrays(wanted, [elements] * len(wanted), dtype, layout))
    operands = [as_tensor(array, requires_grad) for array in parts] + [None] * (not with_bias)
    steps = {"stride": found.stride, "padding": found.padding, "dilation": found.dilation}
    return Arguments(tuple(operands), {**steps, "groups": found.groups})
