"""The convolutions as a user writes them: arguments read, completed and checked.

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
from .convolution import convolution
from .windows import Ints, Sizes, integers, make_grid, output_size

__all__ = ["conv1d", "conv2d"]

_IMAGE, _FILTERS = Draw((2, 2, 4, 3)), Draw((2, 2, 2, 2))


@composite(
    cases=Cases(
        Case((_IMAGE, _FILTERS)),
        Case((_IMAGE, _FILTERS, Draw((2,)))),
        Case((_IMAGE, Draw((2, 2, 3, 3)), Draw((2,))), {"padding": 1, "stride": 2}),
        Case((_IMAGE, Draw((1, 2, 2, 2))), {"padding": (0, 1), "dilation": (2, 1)}),
        Case((_IMAGE, Draw((4, 1, 2, 1)), Draw((4,))), {"groups": 2, "stride": (1, 2)}),
        Case((_IMAGE, Draw((1, 2, 3, 1))), {"padding": "same", "dilation": (1, 2)}),
        # PyTorch warns that it copies the input here; pytest makes an error of warnings.
        Case((_IMAGE, Draw((1, 2, 2, 2))), {"padding": "same"}, parity=False),
        Case((_IMAGE, Draw((1, 2, 2, 2))), {"padding": "valid", "stride": [2, 1]}),
        Case((_IMAGE, Draw((3, 2, 1, 1)), Draw((3,)))),
        Case((Draw((2, 4, 3)), _FILTERS, Draw((2,)))),
        Case((Draw((0, 2, 4, 3)), _FILTERS, Draw((2,)))),
        # A sum of nothing is 0, so the bias is left; PyTorch returns no channel at all.
        Case((Draw((1, 0, 2, 2)), Draw((1, 0, 2, 2)), Draw((1,))), parity=False),
        errors=[
            Error((Draw((8, 3, 6, 6)), Draw((2, 4, 3, 3))), {}, RuntimeError, "4 channels, but got 3"),
            Error((_IMAGE, Draw((3, 1, 2, 2))), {"groups": 2}, RuntimeError, "divisible by 2"),
            Error((_IMAGE, _FILTERS), {"groups": 0}, RuntimeError, "non-positive groups"),
            Error((_IMAGE, Draw((2, 2, 5, 3))), {}, RuntimeError, r"\(4 x 3\). Kernel size: \(5 x 3\)"),
            Error((Draw((2, 2)), _FILTERS), {}, RuntimeError, r"Expected 3D \(unbatched\) or 4D"),
            Error((_IMAGE, Draw((2, 2, 2))), {}, RuntimeError, "expected 4D weight"),
            Error((_IMAGE, Draw((0, 2, 2, 2))), {}, RuntimeError, "at least 1 at dimension 0"),
            Error((_IMAGE, Draw((1, 2, 0, 2))), {}, RuntimeError, "non-empty kernel"),
            Error((Draw((2, 2, 0, 3)), _FILTERS), {"padding": 2}, RuntimeError, "Only zero batch or"),
            Error((_IMAGE, _FILTERS, Draw((3,))), {}, RuntimeError, "1-dimensional with 2 elements"),
            Error((_IMAGE, _FILTERS), {"stride": 0}, RuntimeError, "non-positive stride"),
            Error((_IMAGE, _FILTERS), {"stride": (1, 1, 1)}, RuntimeError, r"list of 2 values.*\[1, 1"),
            Error((_IMAGE, _FILTERS), {"stride": 1.5}, TypeError, "'stride' must be tuple of ints"),
            Error((_IMAGE, _FILTERS), {"padding": -1}, RuntimeError, "negative padding"),
            Error((_IMAGE, _FILTERS), {"dilation": 0}, RuntimeError, "dilation should be greater"),
            Error(
                (_IMAGE, _FILTERS),
                {"padding": "full"},
                RuntimeError,
                "Invalid padding string: 'full'",
            ),
            Error(
                (_IMAGE, _FILTERS),
                {"padding": "same", "stride": 2},
                RuntimeError,
                "strided convolutions",
            ),
            Error(
                (_IMAGE, Draw((2, 2, 2, 2), kind="int")),
                {},
                RuntimeError,
                r"\(Float\) and weight type \(Long\)",
            ),
            Error(
                (Draw((1, 1, 2, 2), kind="bool"), Draw((1, 1, 2, 2), kind="bool")),
                {},
                NotImplementedError,
                "not implemented for 'Bool'",
            ),
        ],
    )
)
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Slide filters over images.

    ``out[n, k, oh, ow] = bias[k] + sum over c, i, j of
    input[n, c, oh * stride + i * dilation - padding, ow * ...] * weight[k, c, i, j]``,
    where an input entry outside the image counts as 0.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Images. Of one dtype with ``weight`` and ``bias``.
    weight : Tensor (K, C/groups, KH, KW)
        K filters.
    bias : Tensor (K,), optional
        Added to every output channel.
    stride, dilation : int or pair of int
        Step from window to window; step from entry to entry of a window. A pair is for H and for W.
    padding : int, pair of int, "valid" or "same"
        Zeros around the image, on both sides. "valid": none. "same": as many as let the output
        have the size of the input, the odd one at the end; only for stride 1.
    groups : int
        The channels are divided into so many groups, which do not see each other.
        ``groups=C`` is a depthwise convolution.

    Returns
    -------
    Tensor (N, K, OH, OW) or (K, OH, OW)
        ``OH = floor((H + 2 * padding - dilation * (KH - 1) - 1) / stride) + 1``, likewise OW.

    Raises
    ------
    RuntimeError
        If the shapes or dtypes do not fit together, the kernel is larger than the padded image,
        or a parameter is out of its range.

    Notes
    -----
    Mathematicians call this a cross-correlation: the filters are not turned around.

    References
    ----------
    Vincent Dumoulin and Francesco Visin, "A guide to convolution arithmetic for deep learning",
    2016: the output size, in relationship 15.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> image = tg.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    >>> step = tg.tensor([[[[-1.0, 1.0]]]])
    >>> conv2d(image, step)
    tensor([[[1., 1.],
             [1., 1.]]])
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@composite(
    cases=Cases(
        Case((Draw((2, 2, 5)), Draw((4, 1, 2)), Draw((4,))), {"groups": 2, "stride": 2}),
        Case((Draw((2, 5)), Draw((3, 2, 3)), Draw((3,))), {"padding": (1,), "dilation": 2}),
        Case((Draw((1, 2, 5)), Draw((1, 2, 3))), {"padding": "same"}),
        errors=[
            Error((Draw((4,)), Draw((1, 2, 3))), {}, RuntimeError, r"Expected 2D \(unbatched\) or 3D"),
            Error((Draw((1, 2, 4)), Draw((1, 2, 5))), {}, RuntimeError, r"\(4\). Kernel size: \(5\)"),
            Error((Draw((1, 2, 4)), Draw((1, 2, 2))), {"padding": (1, 1)}, RuntimeError, "of 1 values"),
        ],
    )
)
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Slide filters over sequences: :func:`conv2d` on images of height 1.

    Parameters
    ----------
    input : Tensor (N, C, L) or (C, L)
        Sequences.
    weight : Tensor (K, C/groups, KL)
        K filters.
    bias, stride, padding, dilation, groups
        As in :func:`conv2d`, for one axis.

    Returns
    -------
    Tensor (N, K, OL) or (K, OL)
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def _convolve(
    who: str,
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
) -> Any:
    """Convolve along the last ``n`` axes."""
    check_shapes(who, n, input, weight, groups)
    check_channels(who, n, f"groups={groups}", input, weight.shape[1] * groups, weight)
    check_bias(who, "", bias, len(weight), weight)
    strides, dilations = read_steps(who, n, stride, dilation)
    kernel, size = weight.shape[2:], input.shape[-n:]
    before, after = _read_padding(who, n, padding, strides, dilations, kernel)
    padded = tuple(map(sum, zip(size, before, after)))
    _check_size(who, size, padded, kernel, dilations)
    settings = zip(padded, kernel, strides, (0,) * n, dilations)
    output = tuple(output_size(*setting) for setting in settings)
    grid = make_grid(kernel, output, strides, before, dilations)
    out = convolution(as_4d(input, n), as_4d(weight, n), bias, grid, groups)
    return like(out, input, n)


def _read_padding(who: str, n: int, padding: Any, strides: Ints, dilations: Ints, kernel: Ints) -> tuple[Ints, Ints]:
    """Read the padding before and after the image; "same" puts the odd one after it."""
    if not isinstance(padding, str):
        both = not_negative(who, "padding", integers(padding, n, "padding", who))
        return both, both
    if padding not in ("same", "valid"):
        raise RuntimeError(f"Invalid padding string: {padding!r}: {who} knows 'same' and 'valid', or pass numbers.")
    if padding == "valid":
        return (0,) * n, (0,) * n
    if any(s != 1 for s in strides):
        raise RuntimeError(
            f"padding='same' is not supported for strided convolutions: {who} got "
            f"stride={strides}, and the output cannot have the input's size; pass numbers."
        )
    total = [d * (k - 1) for d, k in zip(dilations, kernel)]
    return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)


def _check_size(who: str, size: Ints, padded: Ints, kernel: Ints, dilations: Ints) -> None:
    """Refuse an image that no window fits into."""
    if 0 in size:
        raise RuntimeError(
            "Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{who} needs images of at least one pixel, not of size {by(size)}."
        )
    spanned = tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel))
    if any(span > n for span, n in zip(spanned, padded)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({by(padded)}). "
            f"Kernel size: ({by(spanned)}). Kernel size can't be greater than actual input size: "
            f"{who} needs room for one window; pass padding= or a smaller kernel."
        )
