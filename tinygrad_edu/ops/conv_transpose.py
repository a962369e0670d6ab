"""The transposed convolutions as a user writes them: arguments read, completed and checked.

How one is computed and differentiated is in ``convolution``.
"""

from __future__ import annotations

from typing import Any

from ..cases import Case, Cases, Draw, Error
from ..op import composite
from .conv_arguments import (
    as_4d,
    by,
    check_bias,
    check_channels,
    check_shapes,
    like,
    not_negative,
    read_steps,
)
from .convolution import conv2d_input
from .shape import reshape
from .windows import Ints, Sizes, integers, make_grid

__all__ = ["conv_transpose1d", "conv_transpose2d"]

_TRANSPOSED = Draw((2, 2, 3, 2)), Draw((2, 2, 2, 2))


@composite(
    cases=Cases(
        Case(_TRANSPOSED),
        Case((*_TRANSPOSED, Draw((2,))), {"stride": 2, "padding": 1, "output_padding": (1, 0)}),
        Case((Draw((1, 4, 2, 2)), Draw((4, 1, 2, 1)), Draw((2,))), {"groups": 2, "stride": (2, 1)}),
        Case((Draw((2, 3, 2)), Draw((2, 1, 2, 2))), {"dilation": 2, "output_padding": (1, 0)}),
        Case((Draw((1, 2, 2, 2)), Draw((2, 2, 3, 3))), {"padding": 1}),
        Case((Draw((0, 2, 3, 2)), Draw((2, 2, 2, 2)), Draw((2,)))),
        errors=[
            Error((Draw((8, 3, 6, 6)), Draw((2, 4, 3, 3))), {}, RuntimeError, "2 channels, but got 3"),
            Error(
                (Draw((1, 3, 2, 2)), Draw((3, 1, 2, 2))),
                {"groups": 2},
                RuntimeError,
                "divisible by 2",
            ),
            Error(_TRANSPOSED, {"output_padding": 1}, RuntimeError, "smaller than either stride or"),
            Error(_TRANSPOSED, {"output_padding": -1}, RuntimeError, "negative output_padding"),
            Error(_TRANSPOSED, {"padding": 3}, RuntimeError, r"output size.*\(-2 x -3\)"),
            Error(_TRANSPOSED, {"padding": "same"}, TypeError, "'padding' must be tuple of ints"),
            Error(_TRANSPOSED, {"stride": 0}, RuntimeError, "non-positive stride"),
            Error((*_TRANSPOSED, Draw((3,))), {}, RuntimeError, "1-dimensional with 2 elements"),
            Error((Draw((4, 4)), Draw((2, 1, 3, 3))), {}, RuntimeError, "Expected 3D"),
        ],
    )
)
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Any:
    """Let every input entry paint its multiple of the filters: the way back of :func:`conv2d`.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Of one dtype with ``weight`` and ``bias``.
    weight : Tensor (C, K/groups, KH, KW)
        For every input channel, the filters that it paints.
    bias : Tensor (K,), optional
        Added to every output channel.
    stride, dilation : int or pair of int
        Step from painted window to painted window; step from entry to entry of a window.
    padding : int or pair of int
        So many rows and columns are cut off the output, on both sides.
    output_padding : int or pair of int
        So many more are kept at the end: several sizes have the same size after ``conv2d``.
        Smaller than ``stride`` or ``dilation``.
    groups : int
        As in :func:`conv2d`.

    Returns
    -------
    Tensor (N, K, OH, OW) or (K, OH, OW)
        ``OH = (H - 1) * stride - 2 * padding + dilation * (KH - 1) + output_padding + 1``.

    Raises
    ------
    RuntimeError
        As :func:`conv2d`; and if ``output_padding`` is too large.

    Notes
    -----
    It is the gradient of ``conv2d`` with respect to its input, and the same op computes both. It is
    not the inverse: only the shape comes back.

    References
    ----------
    Vincent Dumoulin and Francesco Visin, "A guide to convolution arithmetic for deep learning",
    2016: relationship 14 is the size.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> conv_transpose2d(tg.tensor([[[1.0, 10.0]]]), tg.tensor([[[[1.0, 2.0, 3.0]]]]), stride=2)
    tensor([[[ 1.,  2., 13., 20., 30.]]])
    """
    return _transpose(
        "conv_transpose2d",
        2,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@composite(
    cases=Cases(
        Case(
            (Draw((2, 2, 3)), Draw((2, 1, 3)), Draw((1,))),
            {"stride": 2, "padding": 1, "output_padding": 1},
        ),
        Case((Draw((2, 3)), Draw((2, 1, 2))), {"groups": 2, "dilation": 2}),
        errors=[
            Error((Draw((1, 2, 3, 3)), Draw((2, 1, 2))), {}, RuntimeError, "Expected 2D"),
        ],
    )
)
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Any:
    """Do for sequences what :func:`conv_transpose2d` does for images.

    Parameters
    ----------
    input : Tensor (N, C, L) or (C, L)
        Sequences.
    weight : Tensor (C, K/groups, KL)
        For every input channel, the filters that it paints.
    bias, stride, padding, output_padding, groups, dilation
        As in :func:`conv_transpose2d`, for one axis.

    Returns
    -------
    Tensor (N, K, OL) or (K, OL)
    """
    return _transpose(
        "conv_transpose1d",
        1,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


def _transpose(
    who: str,
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Any:
    """Convolve back along the last ``n`` axes."""
    check_shapes(who, n, input, weight, groups)
    check_channels(who, n, "transposed=1", input, weight.shape[0], weight)
    channels = weight.shape[1] * groups
    check_bias(who, "transposed=1, ", bias, channels, weight)
    strides, dilations = read_steps(who, n, stride, dilation)
    paddings = not_negative(who, "padding", integers(padding, n, "padding", who))
    extra = _read_output_padding(who, n, output_padding, strides, dilations)
    kernel, output = weight.shape[2:], input.shape[-n:]
    settings = zip(output, kernel, strides, paddings, dilations, extra)
    size = tuple((o - 1) * s - 2 * p + d * (k - 1) + e + 1 for o, k, s, p, d, e in settings)
    _check_size(who, size, input, paddings)
    grid = make_grid(kernel, output, strides, paddings, dilations)
    out = conv2d_input(as_4d(input, n), as_4d(weight, n), (1, *size)[-2:], grid, groups)
    if bias is not None:
        out = out + reshape(bias, (channels, 1, 1))
    return like(out, input, n)


def _read_output_padding(who: str, n: int, output_padding: Sizes, strides: Ints, dilations: Ints) -> Ints:
    """Read how much longer the output is than the windows need."""
    extra = integers(output_padding, n, "output_padding", who)
    not_negative(who, "output_padding", extra)
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but "
            f"{who} got output_padding={extra}, stride={strides}, dilation={dilations}."
        )
    return extra


def _check_size(who: str, size: Ints, input: Any, paddings: Ints) -> None:
    """Refuse an output without pixels, or an input without."""
    given = input.shape[-len(size) :]
    if min(*given, *size) <= 0:
        raise RuntimeError(
            f"Given input size per channel: ({by(given)}). Calculated output size per channel: "
            f"({by(size)}). Output size is too small: {who} got padding={paddings}, which cuts off "
            "all that there is, or the input has no pixel."
        )
