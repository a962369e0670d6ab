"""Products of given ranks, and what derives from matmul: mm, dot, outer, tensordot, kron ..."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite
from .axes import permute
from .dims import normalize_dim
from .elementwise import mul
from .linalg import matmul
from .rearranging import diagonal
from .reduction import sum
from .shape import broadcast_to, reshape

__all__ = [
    "addmm",
    "bmm",
    "dot",
    "inner",
    "kron",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "trace",
    "vdot",
]


def _check_ranks(*wanted: tuple[Any, int, str]) -> None:
    for x, ndim, message in wanted:
        if x.ndim != ndim:
            raise RuntimeError(f"{message}: got shape {list(x.shape)}; matmul takes every rank.")


@composite(
    cases=Cases(
        Case((Draw((2, 3)), Draw((3, 2)))),
        errors=[
            Error((Draw((3,)), Draw((3, 2))), {}, RuntimeError, "self must be a matrix"),
            Error((Draw((2, 3)), Draw((3,))), {}, RuntimeError, "mat2 must be a matrix"),
        ],
    )
)
def mm(input: Any, mat2: Any) -> Any:
    """Multiply two matrices, (M, K) and (K, N)."""
    _check_ranks((input, 2, "self must be a matrix"), (mat2, 2, "mat2 must be a matrix"))
    return matmul(input, mat2)


@composite(
    cases=Cases(
        Case((Draw((2, 2, 3)), Draw((2, 3, 2)))),
        errors=[
            Error((Draw((2, 3)), Draw((2, 3, 2))), {}, RuntimeError, "batch1 must be a 3D tensor"),
            Error((Draw((1, 2, 3)), Draw((2, 3, 2))), {}, RuntimeError, r"to be: \[1, 3\] but got"),
        ],
    )
)
def bmm(input: Any, mat2: Any) -> Any:
    """Multiply matrix by matrix of two batches, (B, M, K) and (B, K, N); they do not broadcast."""
    _check_ranks((input, 3, "batch1 must be a 3D tensor"), (mat2, 3, "batch2 must be a 3D tensor"))
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: {list(mat2.shape[:2])}: bmm needs as "
            "many matrices in both; matmul broadcasts."
        )
    return matmul(input, mat2)


@composite(
    cases=Cases(
        Case((Draw((2, 3)), Draw((3,)))),
        errors=[Error((Draw((2, 3)), Draw((3, 1))), {}, RuntimeError, r"vector \+ matrix @ vec")],
    )
)
def mv(input: Any, vec: Any) -> Any:
    """Multiply a matrix (M, K) with a vector (K,)."""
    message = f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}"
    _check_ranks((input, 2, message), (vec, 1, message))
    return matmul(input, vec)


_DOT = Cases(
    Case((Draw((3,)), Draw((3,)))),
    errors=[
        Error((Draw((2, 2)), Draw((2,))), {}, RuntimeError, "1D tensors expected, but got 2D and"),
        Error((Draw((2,)), Draw((3,))), {}, RuntimeError, "inconsistent tensor size"),
    ],
)


@composite(cases=_DOT)
def dot(input: Any, tensor: Any) -> Any:
    """Multiply two vectors (K,) element by element and add up."""
    message = f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors"
    _check_ranks((input, 1, message), (tensor, 1, message))
    return matmul(input, tensor)


@composite(cases=_DOT)
def vdot(input: Any, other: Any) -> Any:
    """Multiply two real vectors as :func:`dot` does (they differ for complex numbers only)."""
    return dot(input, other)


@composite(
    cases=Cases(
        Case((Draw((3,)), Draw((3,)))),
        Case((Draw((2, 3)), Draw((4, 3)))),
        Case((Draw((2, 2, 3)), Draw((3,)))),
        Case((Draw(()), Draw((3,)))),
        errors=[Error((Draw((2, 3)), Draw((4, 2))), {}, RuntimeError, "last dimension must match on both")],
    )
)
def inner(input: Any, other: Any) -> Any:
    """Multiply along the last axes of both and add up: (*, K) and (+, K) give (*, +)."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}; transpose one, or use matmul."
        )
    return tensordot(input, other, ([-1], [-1]))


@composite(
    cases=Cases(
        Case((Draw((2,)), Draw((3,)))),
        Case((Draw((2,)), np.array([1, 2, 3]))),
        errors=[
            Error((Draw((2, 2)), Draw((3,))), {}, RuntimeError, "Expected 1-D argument self, but"),
            Error((Draw((2,)), Draw(())), {}, RuntimeError, "Expected 1-D argument vec2, but"),
        ],
    )
)
def outer(input: Any, vec2: Any) -> Any:
    """Multiply each element of one vector with each of another: (M,) and (N,) give (M, N)."""
    for x, name in ((input, "self"), (vec2, "vec2")):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D.")
    return mul(input[:, None], vec2)


@composite(
    cases=Cases(
        Case((Draw((2,)), Draw((2, 3)), Draw((3, 2)))),
        Case((Draw((2, 2)), Draw((2, 3)), Draw((3, 2))), {"beta": 2.5, "alpha": -0.5}),
        Case((Draw((2, 1)), Draw((2, 3)), Draw((3, 2))), {"beta": 0}),
        errors=[
            Error((Draw((3,)), Draw((2, 3)), Draw((3, 2))), {}, RuntimeError, "must match"),
            Error((Draw((2,)), Draw((3,)), Draw((3, 2))), {}, RuntimeError, "mat1 must be a matrix"),
            Error((Draw((1, 2, 2)), Draw((2, 3)), Draw((3, 2))), {}, RuntimeError, "greater or equal"),
            Error((np.ones(2, int), Draw((2, 3)), Draw((3, 2))), {}, RuntimeError, "same dtype"),
        ],
    )
)
def addmm(input: Any, mat1: Any, mat2: Any, beta: float = 1, alpha: float = 1) -> Any:
    """Return ``beta * input + alpha * (mat1 @ mat2)``; the input broadcasts to the product's shape.

    With ``beta=0`` the input is not looked at: its NaN and inf are lost.
    """
    _check_ranks((mat1, 2, "mat1 must be a matrix"), (mat2, 2, "mat2 must be a matrix"))
    product = matmul(mat1, mat2)
    if input.dtype != product.dtype:
        raise RuntimeError(
            "self and mat2 must have the same dtype, but got "
            f"{type_name(input.dtype)} and {type_name(product.dtype)}: convert addmm's input."
        )
    start = broadcast_to(input, product.shape)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else start * beta + product if beta != 1 else start + product


@composite(
    cases=Cases(
        Case((Draw((2, 2, 3)), Draw((2, 3, 2)))),
        Case((Draw((2, 2, 3)), Draw((3, 2))), {"dims": 1}),
        Case((Draw((2, 3)), Draw((2,))), {"dims": 0}),
        Case((Draw((2, 3, 2)), Draw((2, 3))), {"dims": ([1, 2], [1, 0])}),
        Case((Draw((2, 3)), Draw((3, 2))), {"dims": ([0, 1], [-1, 0])}),
        errors=[
            Error((Draw((2, 3)), Draw((3, 2))), {"dims": dims}, RuntimeError, match)
            for dims, match in [
                (([0], [0]), "need to match, but first has size 2 in dim 0 and second has size 3"),
                (([0], [0, 1]), "both dimension lists should have same length"),
                (-1, "expects dims >= 0"),
                (3, "expects dims < ndim_a or ndim_b"),
            ]
        ],
    )
)
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Multiply along several axes of both and add up.

    Parameters
    ----------
    a, b : Tensor
        Any shapes.
    dims : int or pair of lists
        The number of axes, the last of ``a`` and the first of ``b``; or which axes of each.

    Returns
    -------
    Tensor
        The other axes of ``a``, then those of ``b``.
    """
    of_a, of_b = _contracted(a, b, dims)
    left = [i for i in range(a.ndim) if i not in of_a]
    right = [i for i in range(b.ndim) if i not in of_b]
    shape = [a.shape[i] for i in left] + [b.shape[i] for i in right]
    n = math.prod([a.shape[i] for i in of_a])
    rows = reshape(permute(a, (*left, *of_a)), (math.prod(shape[: len(left)]), n))
    columns = reshape(permute(b, (*of_b, *right)), (n, math.prod(shape[len(left) :])))
    return reshape(matmul(rows, columns), tuple(shape))


def _contracted(a: Any, b: Any, dims: Any) -> tuple[Sequence[int], Sequence[int]]:
    """Return the axes of both that are multiplied and added up."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims} for shapes "
                f"{list(a.shape)} and {list(b.shape)}"
            )
        of_a, of_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        if len(dims[0]) != len(dims[1]):
            raise RuntimeError(f"both dimension lists should have same length: tensordot got {dims}.")
        of_a = [normalize_dim(dim, a.ndim, "tensordot") for dim in dims[0]]
        of_b = [normalize_dim(dim, b.ndim, "tensordot") for dim in dims[1]]
    for i, j in zip(of_a, of_b):
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} "
                f"and second has size {b.shape[j]} in dim {j}: tensordot got {list(a.shape)} and "
                f"{list(b.shape)}."
            )
    return of_a, of_b


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw((3, 3)),)),
        Case((Draw((0, 0)),)),
        Case((np.array([[1, 2], [3, 4]], np.int32),)),
        errors=[Error((Draw((3,)),), {}, RuntimeError, "expected a matrix, but got tensor with dim")],
    )
)
def trace(input: Any) -> Any:
    """Add up the diagonal of a matrix (M, N)."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}.")
    return sum(diagonal(input))


@composite(
    cases=Cases(
        Case((Draw((2, 3)), Draw((1, 2)))),
        Case((Draw((2,)), Draw((3, 2)))),
        Case((Draw(()), Draw((2,)))),
    )
)
def kron(input: Any, other: Any) -> Any:
    """Replace every element of ``input`` by itself times ``other`` (Kronecker's product)."""
    n = max(input.ndim, other.ndim)
    a, b = (1,) * (n - input.ndim) + input.shape, (1,) * (n - other.ndim) + other.shape
    spread = reshape(input, tuple(size for pair in zip(a, (1,) * n) for size in pair))
    tiles = reshape(other, tuple(size for pair in zip((1,) * n, b) for size in pair))
    return reshape(mul(spread, tiles), tuple(p * q for p, q in zip(a, b)))
