"""Norms of the elements along axes, of any order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite, op
from .elementwise import abs, sign
from .reduction import Dim, at_least_float32, axes_of, count_of, kept, sum
from .shape import to
from .summation import add_squares, add_up

__all__ = ["norm", "vector_norm"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_ORDERS = [2, 1, 3, 0.5, -1, math.inf, -math.inf]
_NORMS = [
    Case((Draw(shape, kind="distinct", avoid=(0.0,)),), {"ord": order, "dim": dim, "keepdim": keep})
    for order in _ORDERS
    for shape, dim, keep in [
        ((4,), None, False),
        ((2, 3), 1, False),
        ((2, 3, 2), (0, -1), True),
        ((), None, False),
    ]
]
# At zeros, ties and the origin the slopes are PyTorch's choice.
_KINKS = [
    Case(
        (np.array([[1.0, -3.0, 3.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]),),
        {"ord": order, "dim": 1},
        smooth=False,
    )
    for order in (2, 1, 3, 1.5, 0.5, math.inf, -math.inf, 0)
]


@op(
    vjps=(lambda g, out, x, ord, dim, keepdim, _dtype: _norm_backward(g, out, x, ord, dim, keepdim),),
    cases=Cases(
        *_NORMS,
        *_KINKS,
        Case((Draw((0, 3)),), {"ord": 1, "dim": 0}),
        Case((Draw((0,)),)),
        errors=[
            Error(
                (Draw((3,), kind="int"),),
                {},
                RuntimeError,
                "Expected a floating point or complex tensor.*Got Long",
            ),
            Error(
                (Draw((0,)),),
                {"ord": math.inf},
                RuntimeError,
                "cannot compute the inf norm on an empty tensor",
            ),
            Error(
                (Draw((0, 2)),),
                {"ord": -1, "dim": 0},
                RuntimeError,
                "cannot compute the -1 norm on an empty",
            ),
            Error((Draw((2, 3)),), {"dim": 2}, IndexError, "out of range"),
            Error((Draw((2, 3)),), {"ord": "fro"}, TypeError, "must be Number, not str"),
        ],
        torch="linalg.vector_norm",
    ),
    register=True,
)
@np.errstate(all="ignore")
def vector_norm(input: Array, ord: float = 2, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Array:
    r"""Compute the norm of the elements along axes, seen as one vector.

    Parameters
    ----------
    input : Tensor
        Any shape, floating point.
    ord : float
        The order p: :math:`(\sum_i |x_i|^p)^{1/p}`. ``inf`` is the largest :math:`|x_i|`, ``-inf``
        the smallest, 0 the number of elements that are not 0.
    dim, keepdim, dtype
        As in :func:`sum`.

    Raises
    ------
    RuntimeError
        If the dtype is not floating point, or there is no element and ``ord`` is negative or
        infinite.

    Notes
    -----
    The gradient at the zero vector, where the norm has a kink, is 0; a largest element that occurs
    several times shares it.

    Examples
    --------
    >>> import numpy as np
    >>> float(vector_norm(np.array([3.0, 4.0])))
    5.0
    """
    x = input if dtype is None else input.astype(dtype)
    axes = _check_norm(x, ord, dim)
    x = at_least_float32(x)
    if ord == 2:
        out = np.sqrt(add_squares(x, axes, keepdim))
    elif ord == math.inf:
        out = np.max(np.abs(x), axis=axes, keepdims=keepdim)
    elif ord == -math.inf:
        out = np.min(np.abs(x), axis=axes, keepdims=keepdim)
    elif ord == 0:
        out = add_up(x != 0, axes, keepdim)
    elif ord == 1:
        out = add_up(np.abs(x), axes, keepdim)
    else:
        out = add_up(np.abs(x) ** ord, axes, keepdim) ** (1 / ord)
    return out.astype(dtype or input.dtype, copy=False)  # type: ignore[no-any-return]


def _check_norm(x: Array, ord: Any, dim: Any) -> Shape | None:
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' must be Number, not str ({ord!r}); norm takes names.")
    if x.dtype.kind != "f":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{type_name(x.dtype)}; convert it with .float()."
        )
    axes = axes_of(dim, x, "norm")
    if (ord < 0 or ord == math.inf) and not count_of(x.shape, dim):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor (shape "
            f"{list(x.shape)}, dim {dim}) because the operation does not have an identity."
        )
    return axes


def _norm_backward(g: Any, out: Any, x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    if ord == 0:
        return None
    g, out = kept(g, x.shape, dim, keepdim), kept(out, x.shape, dim, keepdim)
    if ord == 1:
        return g * sign(x)
    if ord in (math.inf, -math.inf):
        largest = to(abs(x) == out, g.dtype)
        return g / sum(largest, dim, True) * largest * sign(x)
    nonzero = out + (out == 0)
    g = g * (out != 0)
    if ord == 2:
        return g / nonzero * x
    size = abs(x)
    size = size + (size == 0)  # sign(x) is 0 there
    return g * (size / nonzero) ** (ord - 1) * sign(x)


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw((2, 3)),), {"p": 2, "dim": 1, "keepdim": True}),
        Case((Draw((2, 3)),), {"p": "fro", "dim": (0, 1)}),
        Case((Draw((2, 3), kind="distinct", avoid=(0.0,)),), {"p": math.inf}),
        Case((Draw((2, 3), avoid=(0.0,)),), {"p": 1, "dim": 0}),
        Case((Draw((2, 3)),), {"p": None}),
        errors=[
            Error((Draw((2, 3)),), {"p": "nuc"}, NotImplementedError, "sum of the singular values"),
            Error((Draw((2, 3)),), {"p": "abc"}, RuntimeError, "Order abc not supported"),
        ],
    )
)
def norm(input: Any, p: Any = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Compute the norm of order ``p``, a number or "fro" for 2; see :func:`vector_norm`."""
    if p == "nuc":
        raise NotImplementedError("norm: p='nuc' is the sum of the singular values, which are not computed here.")
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported; norm takes a number, inf or 'fro'.")
    return vector_norm(input, 2 if p in (None, "fro") else p, dim, keepdim, dtype)
