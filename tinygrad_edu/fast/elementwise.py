"""Compiled elementwise formulas of float32: one pass over memory where NumPy makes one for every operator.

The exponential is a polynomial, because the compiler turns one into vector instructions and a call of the C library
into a call for every element. float64 is left to NumPy, which is as exact as this is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ..parallel import in_parts
from .compiling import compiled, fits

__all__ = [
    "exp",
    "exp_single",
    "gelu",
    "gelu_grad",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "silu",
    "silu_grad",
    "tanh_grad",
]

Array = np.ndarray[Any, Any]
_F = np.float32
_I = np.int32


def exp(x: Array) -> Any:
    """Raise e to the power of every element."""
    return _mapped(_exp, x)


def sigmoid(x: Array) -> Any:
    """Give ``1 / (1 + exp(-x))``."""
    return _mapped(_sigmoid, x)


def sigmoid_grad(g: Array, out: Array) -> Any:
    """Give ``g * (1 - out) * out``."""
    return _mapped(_sigmoid_grad, g, out)


def silu(x: Array) -> Any:
    """Give ``x / (1 + exp(-x))``."""
    return _mapped(_silu, x)


def silu_grad(g: Array, x: Array) -> Any:
    """Give ``g * s * (1 + x * (1 - s))`` with the sigmoid s of x."""
    return _mapped(_silu_grad, g, x)


def gelu(x: Array, approximate: str = "none") -> Any:
    """Give x times the chance that a normal number is below it."""
    if approximate not in _GELU:
        return NotImplemented
    return _mapped(_GELU[approximate][0], x)


def gelu_grad(g: Array, x: Array, approximate: str) -> Any:
    """Give g times that chance plus x times its density."""
    return _mapped(_GELU[approximate][1], g, x)


def relu_grad(g: Array, out: Array) -> Any:
    """Give g where the result of relu is not 0, else 0."""
    return _mapped(_relu_grad, g, out)


def tanh_grad(g: Array, out: Array) -> Any:
    """Give ``g * (1 - out * out)``."""
    return _mapped(_tanh_grad, g, out)


_CHEAP = 8  # a compiled pass takes about an eighth of the time that parallel.GRAIN counts with


def _mapped(loop: Callable[..., None], *arrays: Array) -> Any:
    """Run a loop over the elements of arrays of one shape."""
    first = arrays[0]
    if first.dtype != np.float32 or not fits(*arrays):
        return NotImplemented
    out = np.empty(first.shape, first.dtype)
    flat = [array.reshape(-1) for array in (*arrays, out)]
    in_parts(lambda part: loop(*[array[part] for array in flat]), first.size, first.size // _CHEAP)
    return out


# ---- the exponential, of one number

# exp(x) = 2**k * exp(r), with k the nearest whole number to x / ln 2 and |r| <= ln(2) / 2. ln 2 comes in two parts,
# so that k times the first is exact. The polynomial is that of S. Moshier's Cephes library, expf: 1 unit in the
# last place.
_PER_LN2 = _F(1.44269504)
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
_C0, _C1, _C2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_C3, _C4, _C5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)
_LEAST, _MOST = _F(-105), _F(89)  # beyond them it is 0, or infinite
_ONE, _TWO, _HALF = _F(1), _F(2), _F(0.5)
_BIAS, _MANTISSA, _SHIFT = _I(127), _I(23), _I(1)

# The order of these operations is part of them: other kernels may be reordered (see compiling).
_in_order: Callable[[Callable[..., Any]], Callable[..., Any]]
_in_order = numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")


@_in_order
def _reduced(x: Any, k: Any) -> Any:
    return (x - k * _LN2_HIGH) - k * _LN2_LOW


@_in_order
def _scaled(p: Any, k: Any) -> Any:
    """Multiply by 2**k, written into the bits of a float's exponent.

    In two factors: k may be one too large for that, or so small that the result has no full mantissa.
    """
    n = _I(k)
    half = n >> _SHIFT
    first, second = (half + _BIAS) << _MANTISSA, (n - half + _BIAS) << _MANTISSA
    return (p * _I(first).view(np.float32)) * _I(second).view(np.float32)


@compiled
def exp_single(x: Any) -> Any:
    """Compute exp of one float32; without branches, so that a loop of it is vectorised."""
    x = _LEAST if x < _LEAST else x
    x = _MOST if x > _MOST else x
    k = np.floor(x * _PER_LN2 + _HALF)
    r = _reduced(x, k)
    p = _C0 * r + _C1
    p = p * r + _C2
    p = p * r + _C3
    p = p * r + _C4
    p = p * r + _C5
    return _scaled(p * (r * r) + r + _ONE, k)


@compiled
def _sigmoid_single(x: Any) -> Any:
    return _ONE / (_ONE + exp_single(-x))


# ---- loops


@compiled
def _exp(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = exp_single(x[i])


@compiled
def _sigmoid(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = _sigmoid_single(x[i])


@compiled
def _sigmoid_grad(g: Array, y: Array, out: Array) -> None:
    for i in range(g.size):
        out[i] = g[i] * ((_ONE - y[i]) * y[i])


@compiled
def _silu(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i] / (_ONE + exp_single(-x[i]))


@compiled
def _silu_grad(g: Array, x: Array, out: Array) -> None:
    for i in range(g.size):
        s = _sigmoid_single(x[i])
        out[i] = g[i] * (s * (_ONE + x[i] * (_ONE - s)))


@compiled
def _relu_grad(g: Array, y: Array, out: Array) -> None:
    zero = _F(0)
    for i in range(g.size):
        out[i] = g[i] if y[i] != zero else zero


@compiled
def _tanh_grad(g: Array, y: Array, out: Array) -> None:
    for i in range(g.size):
        out[i] = g[i] * (_ONE - y[i] * y[i])


# ---- GELU. (1 + tanh(z)) / 2 is sigmoid(2 * z), and erf(x / sqrt(2)) is tanh(x * q(x**2)): see ops.special.erf.
# ---- So both forms are x times a sigmoid.

_FLAT = _F(15.6)
_Q0, _Q1, _Q2, _Q3 = _F(1.4255917e-07), _F(-5.6755162e-06), _F(8.7652308e-05), _F(-6.1970535e-04)
_Q4, _Q5, _Q6 = _F(-1.9214961e-04), _F(1.0276929e-01), _F(1.1283793e00)
_ROOT_HALF, _DENSITY = _F(0.5**0.5), _F((2 * np.pi) ** -0.5)
_SCALE, _CUBE = _F((2 / np.pi) ** 0.5), _F(0.044715)
_THREE_CUBES = _F(3 * 0.044715)


@compiled
def _chance(x: Any) -> Any:
    """Give the chance that a normal number is below x."""
    y = x * _ROOT_HALF
    square = y * y
    square = _FLAT if square > _FLAT else square
    q = _Q0 * square + _Q1
    q = q * square + _Q2
    q = q * square + _Q3
    q = q * square + _Q4
    q = q * square + _Q5
    q = q * square + _Q6
    return _sigmoid_single(_TWO * (y * q))


@compiled
def _rough_chance(x: Any) -> Any:
    return _sigmoid_single(_TWO * _SCALE * (x + _CUBE * x * x * x))


@compiled
def _gelu(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i] * _chance(x[i])


@compiled
def _gelu_grad(g: Array, x: Array, out: Array) -> None:
    for i in range(g.size):
        density = _DENSITY * exp_single(-_HALF * x[i] * x[i])
        out[i] = g[i] * (_chance(x[i]) + x[i] * density)


@compiled
def _gelu_tanh(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i] * _rough_chance(x[i])


@compiled
def _gelu_tanh_grad(g: Array, x: Array, out: Array) -> None:
    for i in range(g.size):
        s = _rough_chance(x[i])
        slope = _TWO * _SCALE * (_ONE + _THREE_CUBES * x[i] * x[i])
        out[i] = g[i] * (s + x[i] * (s * (_ONE - s)) * slope)


_GELU = {"none": (_gelu, _gelu_grad), "tanh": (_gelu_tanh, _gelu_tanh_grad)}
