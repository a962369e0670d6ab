"""Convolution by im2col: the forward and its two derivatives, ops that differentiate each other.

Three arrays stand in one relation, and each op makes one of them from the other two:
``convolution`` the output, ``conv2d_input`` the images, ``conv2d_weight`` the filters. How an array is
computed is in ``convolving``: read ``by_window`` first; ``windows`` knows where the windows lie. Arguments are
complete and checked here; what a user may write is read in ``conv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw
from ..op import op
from .convolving import Job, bias_gradient, both_gradients, correlation, image_gradient, run, weight_gradient
from .reduction import sum
from .windows import Grid

__all__ = ["conv2d_input", "conv2d_weight", "convolution"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

# Input size, weight size, groups, and the grid of the windows: of this every op gets a case.
_SAMPLES: list[tuple[tuple[int, ...], tuple[int, ...], int, Grid]] = [
    ((2, 2, 4, 3), (2, 2, 2, 2), 1, Grid((2, 2), (3, 2), (1, 1), (0, 0), (1, 1))),
    ((1, 2, 5, 4), (2, 1, 3, 2), 2, Grid((3, 2), (3, 3), (2, 1), (1, 0), (1, 1))),
    ((2, 1, 3, 4), (2, 1, 2, 2), 1, Grid((2, 2), (3, 3), (1, 2), (1, 1), (2, 1))),
    ((1, 3, 2, 2), (2, 3, 1, 1), 1, Grid((1, 1), (2, 2), (1, 1), (0, 0), (1, 1))),
    ((1, 2, 3, 3), (2, 2, 3, 3), 1, Grid((3, 3), (3, 3), (1, 1), (1, 1), (1, 1))),
    ((1, 8, 2, 2), (1, 8, 2, 1), 1, Grid((2, 1), (1, 1), (2, 2), (0, 0), (1, 1))),
    ((0, 2, 3, 3), (1, 2, 2, 2), 1, Grid((2, 2), (2, 2), (1, 1), (0, 0), (1, 1))),
]


def _out(sample: tuple[Any, ...]) -> Draw:
    return Draw((sample[0][0], sample[1][0], *sample[3].output))


def _arguments(params: Any) -> tuple[Any, ...]:
    """Spell the parameters as ``torch.nn.grad`` and ``torch.convolution`` want them."""
    grid = params["grid"]
    return grid.stride, grid.padding, grid.dilation


@np.errstate(all="ignore")
def _gradients(
    needed: Sequence[Any],
    g: Array,
    _out: None,
    input: Array,
    weight: Array,
    _bias: None,
    grid: Grid,
    groups: int,
) -> list[Array | None]:
    """Compute what the vjps below say, on one visit of the threads."""
    image, filters, bias = [edge is not None for edge in needed]
    both = both_gradients(g, input, weight, grid, groups) if image and filters else None
    jobs: list[Job | None] = [
        both or (image_gradient(g, weight, input.shape[2:], grid, groups) if image else None),
        weight_gradient(g, input, grid, groups) if filters and not both else None,
        bias_gradient(g) if bias else None,
    ]
    found = iter(run(len(g), *[job for job in jobs if job]))
    results: list[Any] = [next(found) if job else None for job in jobs]
    return [*results[0], results[2]] if both else results


@op(
    vjps=(
        lambda g, _out, input, weight, _bias, grid, groups: conv2d_input(g, weight, input.shape[2:], grid, groups),
        lambda g, _out, input, _weight, _bias, grid, groups: conv2d_weight(g, input, grid, groups),
        lambda g, _out, _input, _weight, _bias, _grid, _groups: sum(g, (0, 2, 3)),
    ),
    joint=_gradients,
    cases=Cases(
        *[
            Case((Draw(x), Draw(w), bias), {"grid": grid, "groups": groups})
            for x, w, groups, grid in _SAMPLES
            for bias in (Draw(w[:1]), None)
        ],
        torch=lambda torch, inputs, params: torch.convolution(
            *inputs, *_arguments(params), False, (0, 0), params["groups"]
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def convolution(input: Array, weight: Array, bias: Array | None, grid: Grid, groups: int) -> Array:
    """Multiply every window of the images with every filter.

    ``out[n, k, oh, ow] = bias[k] + sum over c, i, j of window[n, c, i, j, oh, ow] *
    weight[k, c, i, j]``

    Parameters
    ----------
    input : Tensor (N, C, H, W)
        The images.
    weight : Tensor (K, C/groups, KH, KW)
        The filters. Filter ``k`` sees the channels of its group only.
    bias : Tensor (K,) or None
        Added to every output channel.
    grid : Grid
        Where the windows lie.
    groups : int
        Into how many parts the input and output channels are divided.

    Returns
    -------
    Tensor (N, K, OH, OW)

    Notes
    -----
    im2col: the windows are copied into one contiguous matrix, one row each, and one matrix product
    does all multiplications. A window's entries are copied KH*KW times, and still it is the fastest
    way that NumPy has, because a matrix product is what the processor is best at.

    References
    ----------
    Kumar Chellapilla, Sidd Puri and Patrice Simard, "High performance convolutional neural networks
    for document processing", 2006.
    """
    out: Array = run(len(input), correlation(input, weight, bias, grid, groups))[0]
    return out


@op(
    vjps=(
        lambda g, _out, _grad, weight, _size, grid, groups: convolution(g, weight, None, grid, groups),
        lambda g, _out, grad_output, _weight, _size, grid, groups: conv2d_weight(grad_output, g, grid, groups),
    ),
    cases=Cases(
        *[Case((_out(s), Draw(s[1])), {"input_size": s[0][2:], "grid": s[3], "groups": s[2]}) for s in _SAMPLES],
        torch=lambda torch, inputs, params: torch.nn.grad.conv2d_input(
            (len(inputs[0]), inputs[1].shape[1] * params["groups"], *params["input_size"]),
            *inputs[::-1],
            *_arguments(params),
            params["groups"],
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def conv2d_input(grad_output: Array, weight: Array, input_size: Pair, grid: Grid, groups: int) -> Array:
    """Differentiate :func:`convolution` with respect to its input: the transposed convolution.

    Parameters
    ----------
    grad_output : Tensor (N, K, OH, OW)
        The gradient of the output.
    weight : Tensor (K, C/groups, KH, KW)
        The filters.
    input_size : (H, W)
        Size of the images; several sizes can give one output size.
    grid, groups
        As in :func:`convolution`.

    Returns
    -------
    Tensor (N, C, H, W)

    Notes
    -----
    The product with the transposed filters gives the gradient of every entry of every window; where
    windows overlap, it is added up (col2im). For stride 1 the result is also the convolution of the
    padded ``grad_output`` with the filters turned around, which needs no additions: it is computed
    in this way if that matrix is not much larger.

    References
    ----------
    Vincent Dumoulin and Francesco Visin, "A guide to convolution arithmetic for deep learning",
    2016, chapter 4; relationship 9 is the case of stride 1.
    """
    images: Array = run(len(grad_output), image_gradient(grad_output, weight, input_size, grid, groups))[0]
    return images


@op(
    vjps=(
        lambda g, _out, _grad, input, grid, groups: convolution(input, g, None, grid, groups),
        lambda g, _out, grad_output, input, grid, groups: conv2d_input(grad_output, g, input.shape[2:], grid, groups),
    ),
    cases=Cases(
        *[Case((_out(s), Draw(s[0])), {"grid": s[3], "groups": s[2]}) for s in _SAMPLES],
        torch=lambda torch, inputs, params: torch.nn.grad.conv2d_weight(
            inputs[1],
            (
                inputs[0].shape[1],
                inputs[1].shape[1] // params["groups"],
                *params["grid"].kernel,
            ),
            inputs[0],
            *_arguments(params),
            params["groups"],
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def conv2d_weight(grad_output: Array, input: Array, grid: Grid, groups: int) -> Array:
    """Differentiate :func:`convolution` with respect to its weight.

    Parameters
    ----------
    grad_output : Tensor (N, K, OH, OW)
        The gradient of the output.
    input : Tensor (N, C, H, W)
        The images.
    grid, groups
        As in :func:`convolution`.

    Returns
    -------
    Tensor (K, C/groups, KH, KW)
    """
    weight: Array = run(len(input), weight_gradient(grad_output, input, grid, groups))[0]
    return weight
