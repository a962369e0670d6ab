"""relu and its relatives: straight for positive numbers, flat or bent for negative ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Elementwise, Error
from ..kernels import accelerated
from ..op import composite, op
from ..parallel import in_parts
from .accepts import Promote, accepts
from .blocks import BLOCK, at_least, at_most, blockwise
from .powers import exp
from .selection import as_integers, clamp, masked, where

__all__ = ["celu", "elu", "hardtanh", "leaky_relu", "relu", "relu6", "selu", "threshold"]

Array = np.ndarray[Any, Any]
_EDGES = [0.0, -0.0, 1.0, -800.0, 800.0, np.inf, -np.inf, np.nan]
_FINITE = [0.0, -0.0, 1.0, -30.0, 30.0]
_INTS = np.array([1, 2])
_ONLY_FLOATS = [Error((_INTS,), {}, NotImplementedError, "not implemented for 'Long'")]
_NO_BOOLS = [Error((np.array([True]),), {}, RuntimeError, "Boolean inputs not supported")]


def _no_bool(who: str) -> Promote:
    """Make the ``promote=`` of an op that refuses booleans."""

    def check(operands: list[Any], _n: int) -> None:
        if operands[0].dtype.kind == "b":
            raise RuntimeError(f"Boolean inputs not supported for {who}; convert with .float() or .long().")

    return check


# ---- piecewise linear


@accelerated
def _relu_grad(g: Array, out: Array) -> Array:
    """Give what the vjp of relu gives, for large arrays in two parts and straight into the result."""
    if g.size <= BLOCK:
        return masked.forward(g, out != 0)  # type: ignore[no-any-return]
    result = np.empty(g.shape, g.dtype)
    bits, kept, chosen = as_integers(g.reshape(-1)), out.reshape(-1), as_integers(result.reshape(-1))
    in_parts(lambda part: np.multiply(bits[part], kept[part] != 0, out=chosen[part]), g.size, g.size // 4)
    return result


@op(
    vjps=(lambda g, out, _x: masked(g, out != 0),),  # != and not >: NaN is passed through
    joint=lambda _needed, g, out, _x: (_relu_grad(g, out),),
    cases=Elementwise(1, avoid=[0.0], special=_EDGES, errors=_NO_BOOLS),
    promote=_no_bool("relu"),
    register=True,
)
def relu(input: Array) -> Array:
    """Apply the rectified linear unit, ``max(0, x)``; its derivative at 0 is 0.

    Parameters
    ----------
    input : (*,)
        Any shape; integers too.

    Returns
    -------
    (*,)

    References
    ----------
    V. Nair, G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return at_least(input, 0) if input.dtype.kind == "f" else np.maximum(input, 0)


@op(
    vjps=(lambda g, _out, x, low, high: masked(g, ~((x <= low) | (x >= high))),),
    cases=Elementwise(
        1,
        avoid=[-1.0, 1.0, -0.5],
        special=[*_FINITE, np.inf, -np.inf],
        params=[{}, {"min_val": -0.5, "max_val": 1}],
        errors=[
            *_NO_BOOLS,
            Error((_INTS,), {"min_val": 1, "max_val": -1}, ValueError, "cannot be greater"),
            Error((_INTS.astype(np.uint8),), {}, RuntimeError, "an unsigned type with negative"),
        ],
    ),
    promote=_no_bool("hardtanh"),
    register=True,
)
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Limit to the range from ``min_val`` to ``max_val``.

    The derivative is 0 on the ends of the range, unlike that of ``clamp``.
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val: hardtanh got {min_val} and {max_val}.")
    if input.dtype.kind == "u" and min_val < 0:
        raise RuntimeError(
            f"cannot do hardtanh on an unsigned type with negative limits: got {input.dtype} and "
            f"min_val {min_val}; convert with .long() or .float()."
        )
    return np.clip(input, min_val, max_val).astype(input.dtype, copy=False)


@composite(cases=Elementwise(1, low=-8, high=8, avoid=[0.0, 6.0], special=[*_FINITE, 6.0]))
def relu6(input: Any) -> Any:
    """Apply relu with an upper limit, ``min(max(0, x), 6)``.

    References
    ----------
    A. Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.
    """
    return hardtanh(input, 0.0, 6.0)


@op(
    vjps=(blockwise(lambda g, _out, x, slope: where(x > 0, g, g * slope)),),
    cases=Elementwise(
        1,
        avoid=[0.0],
        special=_EDGES,
        params=[{}, {"negative_slope": 0.3}, {"negative_slope": 2.0}, {"negative_slope": -1.0}],
        errors=_ONLY_FLOATS,
    ),
    promote=accepts("f", "leaky_relu"),
    register=True,
)
@np.errstate(all="ignore")
@blockwise
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """Apply relu with a slope for negatives, ``max(0, x) + negative_slope * min(0, x)``.

    References
    ----------
    A. Maas, A. Hannun, A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    ICML 2013.
    """
    return at_least(input, 0) + negative_slope * at_most(input, 0)


@op(
    vjps=(lambda g, _out, x, threshold, _value: masked(g, ~(x <= threshold)),),
    cases=Elementwise(
        1,
        avoid=[0.5],
        special=[*_EDGES, 0.5],
        params=[{"threshold": 0.5, "value": -7.0}],
        errors=[Error((np.array([True]), 0, 1), {}, NotImplementedError, "not implemented for 'Bool'")],
    ),
    promote=accepts("iuf", "threshold"),
    register=True,
)
def threshold(input: Array, threshold: float, value: float) -> Array:
    """Keep what is larger than ``threshold`` and replace the rest by ``value``."""
    return np.where(input <= threshold, input.dtype.type(value), input)


# ---- with an exponential branch


@blockwise
def _elu_grad(g: Any, _out: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    # the limit keeps the branch that is not taken finite, for the second derivative's sake
    slope = (alpha * scale * input_scale) * exp(clamp(x, None, 0) * input_scale)
    return where(x <= 0, g * slope, g * scale)


@op(
    vjps=(_elu_grad,),
    cases=Elementwise(
        1,
        avoid=[0.0],
        special=_EDGES,
        params=[{}, {"alpha": 0.5}, {"alpha": -2.0}],
        errors=_ONLY_FLOATS,
    ),
    promote=accepts("f", "elu"),
    register=True,
)
@np.errstate(all="ignore")
@blockwise
def elu(input: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    """Apply the exponential linear unit: x if positive, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    input : (*,) floating
        Any shape.
    alpha : float
        Minus the limit at -inf.
    scale, input_scale : float
        ``scale * (max(0, x) + alpha * (exp(input_scale * min(0, x)) - 1))``: so ``selu`` and
        ``celu`` are made.

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning by
    Exponential Linear Units (ELUs)", ICLR 2016.
    """
    negative = alpha * np.expm1(input_scale * at_most(input, 0))
    return scale * (at_least(input, 0) + negative)


# From the paper's fixed point equations: mean 0 and variance 1 are carried from layer to layer.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@composite(cases=Elementwise(1, avoid=[0.0], special=_EDGES, errors=_ONLY_FLOATS))
def selu(input: Any) -> Any:
    """Apply the scaled exponential linear unit, which keeps activations normalized.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks",
    NeurIPS 2017.
    """
    return elu(input, _SELU_ALPHA, _SELU_SCALE)


@composite(
    cases=Elementwise(
        1,
        avoid=[0.0],
        special=_EDGES,
        params=[{}, {"alpha": 0.5}],
        errors=[
            *_ONLY_FLOATS,
            Error((np.ones(2),), {"alpha": 0.0}, RuntimeError, "alpha cannot be 0"),
        ],
    )
)
def celu(input: Any, alpha: float = 1.0) -> Any:
    """Apply the elu without a corner, ``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    References
    ----------
    J. Barron, "Continuously Differentiable Exponential Linear Units", arXiv:1704.07483, 2017.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU; use relu for a sharp corner.")
    return elu(input, alpha, 1.0, 1 / alpha)
