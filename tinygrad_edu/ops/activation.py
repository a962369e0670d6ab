"""Activation functions: the sigmoid and what is made of it, GELU, and their cheap imitations.

Those of several passes over memory run block by block, forward and backward. relu and its relatives
stand in ``rectifiers``, tanh in ``trigonometry``, softmax in ``softmax``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Elementwise, Error
from ..dtypes import promote_to_float
from ..kernels import accelerated
from ..op import composite, op
from .accepts import accepts
from .blocks import at_least, at_most, blockwise
from .elementwise import abs
from .powers import exp
from .rectifiers import relu6
from .selection import masked, where
from .special import erf
from .trigonometry import tanh

__all__ = [
    "gelu",
    "hardsigmoid",
    "hardswish",
    "logit",
    "logsigmoid",
    "mish",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanhshrink",
]

Array = np.ndarray[Any, Any]
_EDGES = [0.0, -0.0, 1.0, -800.0, 800.0, np.inf, -np.inf, np.nan]
_FINITE = [0.0, -0.0, 1.0, -30.0, 30.0]
_INTS = np.array([1, 2])
_ONLY_FLOATS = [Error((_INTS,), {}, NotImplementedError, "not implemented for 'Long'")]

# ---- sigmoid and its family


def _sigmoid_grad(g: Any, out: Any) -> Any:
    return g * ((1 - out) * out)


_sigmoid_kernel = accelerated(blockwise(_sigmoid_grad))


@op(
    vjps=(lambda g, out, _x: _sigmoid_grad(g, out),),
    joint=lambda _needed, g, out, _x: (_sigmoid_kernel(g, out),),
    cases=Elementwise(1, low=-4, high=4, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
@accelerated
@blockwise
def sigmoid(input: Array) -> Array:
    """Apply the logistic function, ``1 / (1 + exp(-x))``: an S-shaped curve from 0 to 1.

    Parameters
    ----------
    input : (*,)
        Any shape; integers become the default dtype.

    Returns
    -------
    (*,)

    Notes
    -----
    Precise on both sides: where ``exp(-x)`` overflows to inf the result is 0, as it should be.
    """
    return 1 / (1 + np.exp(-input))


def _logit_grad(g: Any, _out: Any, x: Any, eps: float | None) -> Any:
    slope = g / (x * (1 - x))
    return slope if eps is None else masked(slope, ~((x < eps) | (x > 1 - eps)))


@op(
    vjps=(_logit_grad,),
    cases=Cases(
        *Elementwise(1, low=0.15, high=0.85, special=[0.0, 1.0, 0.5]).calls,
        Case((Draw((5,), -1, 2, avoid=(0.1, 0.9)),), {"eps": 0.1}),
        Case((np.array([0.0, 1.0, 0.1, 0.9, 2.0, np.nan]),), {"eps": 0.1}, smooth=False),
    ),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
@blockwise
def logit(input: Array, eps: float | None = None) -> Any:
    """Invert the sigmoid, ``log(x / (1 - x))``; ``eps`` first limits x to [eps, 1 - eps]."""
    x = input if eps is None else np.clip(input, eps, 1 - eps)
    return np.log(x / (1 - x))


@blockwise
def _softplus_grad(g: Any, _out: Any, x: Any, beta: float, threshold: float) -> Any:
    scaled = x * beta
    return where(scaled > threshold, g, g * sigmoid(scaled))


@op(
    vjps=(_softplus_grad,),
    cases=Elementwise(
        1,
        special=[*_EDGES, 20.0, 21.0],
        params=[{}, {"beta": 3}, {"beta": 0.5, "threshold": 10}],
        errors=_ONLY_FLOATS,
    ),
    promote=accepts("f", "softplus"),
    register=True,
)
@np.errstate(all="ignore")
@blockwise
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Apply a smooth relu, ``log(1 + exp(beta * x)) / beta``; x where ``beta * x > threshold``.

    References
    ----------
    C. Dugas, Y. Bengio, F. Belisle, C. Nadeau, R. Garcia, "Incorporating Second-Order Functional
    Knowledge for Better Option Pricing", NIPS 2000.
    """
    scaled = input * beta
    # log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), where the exponential cannot overflow
    out = (at_least(scaled, 0) + np.log1p(np.exp(-np.abs(scaled)))) / beta
    return np.where(scaled > threshold, input, out)


@op(
    vjps=(blockwise(lambda g, _out, x: g * sigmoid(-x)),),
    cases=Elementwise(1, special=_EDGES, errors=_ONLY_FLOATS),
    promote=accepts("f", "logsigmoid"),
    register=True,
)
@np.errstate(all="ignore")
@blockwise
def logsigmoid(input: Array) -> Any:
    """Compute the logarithm of the sigmoid, without underflow."""
    return at_most(input, 0) - np.log1p(np.exp(-np.abs(input)))


def _silu_grad(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


_silu_kernel = accelerated(blockwise(_silu_grad))


@op(
    vjps=(lambda g, _out, x: _silu_grad(g, x),),
    joint=lambda _needed, g, _out, x: (_silu_kernel(g, x),),
    cases=Elementwise(1, special=_EDGES, errors=_ONLY_FLOATS),
    promote=accepts("f", "silu"),
    register=True,
)
@np.errstate(all="ignore")
@accelerated
@blockwise
def silu(input: Array) -> Any:
    """Apply the sigmoid-weighted linear unit (swish), ``x * sigmoid(x)``.

    References
    ----------
    S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-Weighted Linear Units for Neural Network Function
    Approximation in Reinforcement Learning", Neural Networks 107, 2018.
    """
    return input / (1 + np.exp(-input))


@composite(cases=Elementwise(1, special=_FINITE, errors=_ONLY_FLOATS))
def mish(input: Any) -> Any:
    """Apply ``x * tanh(softplus(x))``.

    References
    ----------
    D. Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020.
    """
    return input * tanh(softplus(input))


# ---- GELU

_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)  # the standard normal density at 0
_TANH_SCALE, _CUBE = math.sqrt(2 / math.pi), 0.044715


def _gelu_grad(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "none":
        share = 0.5 * (1 + erf(x * _HALF))
        return g * (share + x * (_DENSITY * exp(-0.5 * x * x)))
    t = tanh(_TANH_SCALE * (x + _CUBE * x * x * x))
    slope = _TANH_SCALE * (1 + 3 * _CUBE * x * x)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


_gelu_kernel = accelerated(blockwise(_gelu_grad))


@op(
    vjps=(lambda g, _out, x, approximate: _gelu_grad(g, x, approximate),),
    joint=lambda _needed, g, _out, x, approximate: (_gelu_kernel(g, x, approximate),),
    cases=Elementwise(
        1,
        low=-3,
        high=3,
        special=[*_FINITE, -3.0, np.nan],
        params=[{}, {"approximate": "tanh"}],
        errors=[
            *_ONLY_FLOATS,
            Error(
                (np.ones(2),),
                {"approximate": "exact"},
                RuntimeError,
                "approximate argument must be",
            ),
        ],
    ),
    promote=accepts("f", "gelu"),
    register=True,
)
@np.errstate(all="ignore")
@accelerated
@blockwise
def gelu(input: Array, approximate: str = "none") -> Any:
    """Apply the Gaussian error linear unit: x times the chance that a normal number is below x.

    Parameters
    ----------
    input : (*,) floating
        Any shape.
    approximate : {"none", "tanh"}
        ``x / 2 * (1 + erf(x / sqrt(2)))``, or
        ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``, which differs by 5e-4 at most.

    Returns
    -------
    (*,)

    Raises
    ------
    NotImplementedError
        If the input is not floating.
    RuntimeError
        If ``approximate`` is another word.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415, 2016.
    """
    if approximate == "none":
        return 0.5 * input * (1 + erf(input * _HALF))
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(_TANH_SCALE * (input + _CUBE * input * input * input)))
    raise RuntimeError(f"approximate argument must be either none or tanh: gelu got {approximate!r}.")


# ---- others

_only_float = accepts("f", "hardsigmoid")


def _hard_sigmoid_of_torch(torch: Any, inputs: Any, _params: Any) -> Any:
    """PyTorch's own has its slope 1/6 in float32, also for float64."""
    return torch.nn.functional.relu6(inputs[0] + 3) / 6


@composite(
    cases=Elementwise(
        1,
        low=-5,
        high=5,
        avoid=[-3.0, 3.0],
        special=[-3.0, 3.0, -4.0, 4.0, 0.0, np.inf, -np.inf],
        torch=_hard_sigmoid_of_torch,
    )
)
def hardsigmoid(input: Any) -> Any:
    """Approximate the sigmoid by three straight lines, ``relu6(x + 3) / 6``.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """
    _only_float([input], 1)
    return relu6(input + 3) / 6


@composite(
    cases=Elementwise(
        1,
        low=-5,
        high=5,
        avoid=[-3.0, 3.0],
        special=[-3.0, 3.0, -4.0, 4.0, 0.0],
    )
)
def hardswish(input: Any) -> Any:
    """Approximate ``silu`` without an exponential, ``x * relu6(x + 3) / 6``.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """
    return input * hardsigmoid(input)


@composite(cases=Elementwise(1, avoid=[0.0], special=_FINITE))
def softsign(input: Any) -> Any:
    """Apply ``x / (1 + |x|)``: an S-shaped curve from -1 to 1 with heavy tails."""
    return input / (1 + abs(input))


@composite(cases=Elementwise(1, special=_FINITE))
def tanhshrink(input: Any) -> Any:
    """Subtract the hyperbolic tangent, ``x - tanh(x)``."""
    return input - tanh(input)
