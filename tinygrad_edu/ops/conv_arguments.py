"""What the convolutions ask of their arguments, and how one axis is made two.

It says what is wrong in PyTorch's words, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dtypes import type_name
from .shape import reshape
from .windows import Ints, Sizes, integers

__all__ = [
    "as_4d",
    "by",
    "check_bias",
    "check_channels",
    "check_shapes",
    "like",
    "not_negative",
    "read_steps",
]


def check_shapes(who: str, n: int, input: Any, weight: Any, groups: int) -> None:
    """Check what holds for every convolution along ``n`` axes: numbers of axes, dtypes, groups."""
    if len(input.shape) not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {who}, but got input of "
            f"size: {list(input.shape)}; the axes are {'(N, C, L)' if n == 1 else '(N, C, H, W)'}, "
            "add missing ones with unsqueeze."
        )
    if len(weight.shape) != n + 2 or 0 in weight.shape[2:]:
        raise RuntimeError(
            f"{who}: expected {n + 2}D weight with a non-empty kernel, but got weight of size {list(weight.shape)}."
        )
    _check_dtypes(who, "weight", input, weight)
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported: {who} got groups={groups}.")
    if weight.shape[0] == 0 or weight.shape[0] % groups:
        rule = "at least 1" if weight.shape[0] == 0 else f"divisible by {groups}"
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be {rule} at dimension 0, but got weight "
            f"of size {list(weight.shape)} instead; {who} divides that dimension into the groups."
        )


def _check_dtypes(who: str, what: str, input: Any, other: Any) -> None:
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"Input type ({type_name(input.dtype)}) and {what} type ({type_name(other.dtype)}) "
            f"should be the same: {who} computes in one dtype; convert one with .to(dtype)."
        )
    if input.dtype.kind == "b":
        raise NotImplementedError(f"\"{who}\" not implemented for 'Bool'; convert with .float().")


def check_channels(who: str, n: int, given: str, input: Any, expected: int, weight: Any) -> None:
    """Check that the weight is made for images with so many channels."""
    got = input.shape[-n - 1]
    if got != expected:
        axes = "(C, K/groups, ...)" if given.startswith("transposed") else "(K, C/groups, ...)"
        raise RuntimeError(
            f"Given {given}, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {expected} channels, but got {got} channels "
            f"instead: the weight of {who} is {axes}; pass groups= or fix the weight."
        )


def check_bias(who: str, given: str, bias: Any, channels: int, weight: Any) -> None:
    """Check that there is one number for every output channel."""
    if bias is None:
        return
    if tuple(bias.shape) != (channels,):
        raise RuntimeError(
            f"Given {given}weight of size {list(weight.shape)}, expected bias to be 1-dimensional "
            f"with {channels} elements, but got bias of size {list(bias.shape)} instead: {who} "
            "adds one number to each output channel."
        )
    _check_dtypes(who, "bias", weight, bias)


def read_steps(who: str, n: int, stride: Sizes, dilation: Sizes) -> tuple[Ints, Ints]:
    """Read the stride and the dilation of each axis."""
    strides = integers(stride, n, "stride", who)
    dilations = integers(dilation, n, "dilation", who)
    if min(strides) <= 0:
        raise RuntimeError(f"non-positive stride is not supported: {who} got stride={strides}.")
    if min(dilations) <= 0:
        raise RuntimeError(f"dilation should be greater than zero, but {who} got {list(dilations)}.")
    return strides, dilations


def not_negative(who: str, name: str, values: Ints) -> Ints:
    """Return the values if none is negative."""
    if min(values) < 0:
        raise RuntimeError(f"negative {name} is not supported: {who} got {name}={values}.")
    return values


def as_4d(value: Any, n: int) -> Any:
    """Give a value of ``n`` spatial axes its two, and a batch axis where it has none."""
    shape = tuple(value.shape)
    if len(shape) == 4:
        return value
    lead = (1,) * (n + 2 - len(shape))
    return reshape(value, (*lead, *shape[:-n], *(1,) * (2 - n), *shape[-n:]))


def like(out: Any, input: Any, n: int) -> Any:
    """Take away from the result the axes that :func:`as_4d` gave the input."""
    if len(input.shape) == 4:
        return out
    shape = tuple(out.shape)
    return reshape(out, (*input.shape[: -n - 1], shape[1], *shape[-n:]))


def by(size: Sequence[int]) -> str:
    """Spell a size as PyTorch does: 3 x 4."""
    return " x ".join(map(str, size))
