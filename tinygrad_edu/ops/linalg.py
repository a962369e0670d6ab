"""Products of vectors, matrices and batches of them: matmul and linear.

What derives from them stands in ``products``, products named by letters in ``einsum``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import op
from ..parallel import WAKES, in_parts, one_blas_thread, rather_own_threads
from .axes import transpose
from .shape import reshape

__all__ = ["linear", "matmul", "matrix_product"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_LARGE = 1 << 18  # multiplications, from which on a BLAS multiplies matrices with threads of its own
_A_PASS = 256  # multiplications that take as long as passing over one number


# ---- what the derivatives are made of; g, x and y are arrays, or Tensors in a recorded pass


def _turned(x: Any) -> Any:
    """Exchange the last two axes."""
    return x.T if x.ndim == 2 else transpose(x, -1, -2)


def _as_rows(x: Any) -> Any:
    """Take all axes but the last as one: (*, K) -> (rows, K)."""
    return x if x.ndim == 2 else reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _grad_input(g: Any, y: Any) -> Any:
    """Differentiate x @ y with respect to x; when x is a vector, g has fewer axes than y."""
    if y.ndim == 1:
        return g[..., None] * y
    if g.ndim < y.ndim:
        return matmul(y, g) if y.ndim == 2 else matmul(y, g[..., None])[..., 0]
    return matmul(g, _turned(y))


def _grad_other(g: Any, y_ndim: int, x: Any) -> Any:
    """Differentiate x @ y with respect to y."""
    if x.ndim == 1:
        return g * x if y_ndim == 1 else x[:, None] * g[..., None, :]
    if y_ndim == 1:
        return matmul(reshape(g, (-1,)), _as_rows(x)) if g.ndim != 1 else matmul(g, x)
    if y_ndim == 2:  # one product, not one for each matrix of the batch and then their sum
        return matmul(_as_rows(x).T, _as_rows(g))
    return matmul(_turned(x), g)


def _check_product(who: str, x: Any, y: Any) -> None:
    """Refuse what is no array, other dtypes than the first's, and booleans."""
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        position, wrong = (1, x) if not isinstance(x, np.ndarray) else (2, y)
        raise TypeError(
            f"{who}(): argument {position} must be Tensor, not {type(wrong).__name__}: a number scales with *."
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_C_NAMES[x.dtype.name]} != "
            f"{_C_NAMES[y.dtype.name]}. {who} does not promote; convert one with .to(dtype)."
        )
    if x.dtype.kind == "b":
        raise NotImplementedError(f"{who} is not implemented for 'Bool': convert with .to(dtype).")


_C_NAMES = {"float16": "c10::Half", "float32": "float", "float64": "double", "bool": "bool"}
_C_NAMES |= {"int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int"}
_C_NAMES |= {"uint8": "unsigned char"}


def _multiply(x: Array, y: Array) -> Array:
    """Multiply, with as few calls of BLAS as the shapes allow."""
    if x.dtype == np.float16:  # 11 bits are too few to add with
        return _multiply(x.astype(np.float32), y.astype(np.float32)).astype(np.float16)
    fold = x.ndim > 2 and y.ndim <= 2  # (B, T, K) @ (K, N): one product instead of B
    product = matrix_product(_as_rows(x) if fold else x, y)
    return product.reshape((*x.shape[:-1], *y.shape[1:])) if fold else product


def matrix_product(x: Array, y: Array) -> Array:
    """Multiply, with the threads of the BLAS; in a program that splits most of its work, in parts on our own.

    The parts are matrices of a batch, rows of x, or columns of y.
    """
    vector = x.ndim < 2 or y.ndim < 2
    small = max(x.size, y.size) < WAKES if vector else x.size * y.shape[-1] < _LARGE
    if small or not rather_own_threads():
        return np.asarray(np.matmul(x, y))
    if vector or x.shape[-1] != y.shape[-2] or x.shape[:-2] != y.shape[:-2]:
        with one_blas_thread:
            return np.asarray(np.matmul(x, y))
    rows, columns = x.shape[-2], y.shape[-1]
    out = np.empty((*x.shape[:-1], columns), x.dtype)
    work = x.size * columns // _A_PASS
    if x.ndim > 2 and len(x) > 1:
        in_parts(lambda part: np.matmul(x[part], y[part], out=out[part]), len(x), work)
    elif rows >= columns:
        in_parts(lambda part: np.matmul(x[..., part, :], y, out=out[..., part, :]), rows, work)
    else:
        in_parts(lambda part: np.matmul(x, y[..., part], out=out[..., part]), columns, work)
    return out


def _product_error(who: str, x: Shape, y: Shape) -> RuntimeError:
    return RuntimeError(
        f"{_problem(who, x, y)}: {who} got shapes {list(x)} and {list(y)}. The last size of the first "
        "must be the last but one of the second; transpose or reshape one of them."
    )


def _problem(who: str, x: Shape, y: Shape) -> str:
    """Say in PyTorch's words, which depend on the numbers of axes, why there is no product."""
    if not x or not y:
        return f"both arguments to {who} need to be at least 1D, but they are {len(x)}D and {len(y)}D"
    if len(x) == len(y) == 1:
        return (
            f"inconsistent tensor size, expected tensor {list(x)} and src {list(y)} to have the "
            f"same number of elements, but got {x[0]} and {y[0]} elements respectively"
        )
    if len(y) == 1:
        return f"size mismatch, got input ({math.prod(x[:-1])}), mat ({_by(x)}), vec ({y[0]})"
    if len(y) == 2:
        return f"mat1 and mat2 shapes cannot be multiplied ({_by(x)} and {_by(y)})"
    return _batch_problem(x, y)


def _by(shape: Shape) -> str:
    return f"{math.prod(shape[:-1])}x{shape[-1]}"


def _batch_problem(x: Shape, y: Shape) -> str:
    """Say at which axis two batches do not broadcast, or else that their matrices do not fit."""
    n = max(len(x), len(y)) - 2
    for axis, (p, q) in enumerate(zip(x[-3::-1], y[-3::-1]), 1):
        if p != q and 1 not in (p, q):
            return (
                f"The size of tensor a ({p}) must match the size of tensor b ({q}) at "
                f"non-singleton dimension {n - axis}"
            )
    batch = math.prod(np.broadcast_shapes(x[:-2], y[:-2]))
    return (
        f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {x[-1]}] but got: [{batch}, {y[-2]}]"
    )


_SHAPES: list[tuple[Shape, Shape]] = [
    ((2, 3), (3, 4)),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 2, 3), (2, 3, 2)),
    ((1, 2, 3), (2, 3, 1)),
    ((2, 1, 1, 3), (2, 3, 2)),
    ((2, 1, 2, 2), (2,)),
    ((1, 1), (1, 1)),
    ((0, 2), (2, 3)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((0, 2, 3), (3, 2)),
    ((2, 0, 3), (2, 3, 2)),
]


@op(
    vjps=(
        lambda g, _out, _ndim, _x, y: _grad_input(g, y),
        lambda g, _out, ndim, x, _y: _grad_other(g, ndim, x),
    ),
    residual=True,
    cases=Cases(
        *[Case((Draw(a), Draw(b))) for a, b in _SHAPES],
        Case((np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2))),
        errors=[
            Error((Draw(a), Draw(b)), {}, RuntimeError, match)
            for a, b, match in [
                ((2, 3), (2, 3), r"cannot be multiplied \(2x3 and 2x3\)"),
                ((2, 2, 3), (2, 3), r"cannot be multiplied \(4x3 and 2x3\)"),
                ((2,), (3, 2), r"cannot be multiplied \(1x2 and 3x2\)"),
                ((3,), (2,), "inconsistent tensor size"),
                ((2, 3), (2,), r"size mismatch, got input \(2\), mat \(2x3\), vec \(2\)"),
                ((2, 2, 3), (2,), r"size mismatch, got input \(4\), mat \(4x3\), vec \(2\)"),
                ((2, 2, 3), (2, 2, 3), r"to be: \[2, 3\] but got: \[2, 2\]"),
                (
                    (4, 2, 2, 3),
                    (3, 3, 2),
                    r"a \(2\) must match .* b \(3\) at non-singleton dim.* 1",
                ),
                ((), (2,), "need to be at least 1D, but they are 0D and 1D"),
            ]
        ]
        + [
            Error((Draw((2, 2)), np.eye(2, dtype=np.int64)), {}, RuntimeError, "float != long int"),
            Error((np.eye(2) > 0, np.eye(2) > 0), {}, NotImplementedError, "for 'Bool'"),
            Error((Draw((2, 2)), 2.0), {}, TypeError, "must be Tensor, not float"),
        ],
    ),
    register=True,
)
def matmul(input: Array, other: Array) -> Any:
    """Multiply matrices, vectors, and batches of matrices, as ``input @ other`` does.

    Parameters
    ----------
    input, other : Tensor
        (*, M, K) and (*, K, N), where the leading axes broadcast; (K,) on either side counts as a
        row or a column, and that axis is missing in the result. Of one dtype, not bool.

    Returns
    -------
    Tensor
        (*, M, N), (*, M), (*, N) or ().

    Raises
    ------
    RuntimeError
        If the sizes do not fit, the dtypes differ, or one is 0-d.

    Notes
    -----
    With ``Z = X Y``, ``dX = dZ Y^T`` and ``dY = X^T dZ``. A single matrix that multiplies a batch
    gets its gradient from one product, not from one for each matrix of the batch.

    References
    ----------
    M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation", 2008, section 2.2.2.

    Examples
    --------
    >>> import numpy as np
    >>> matmul(np.array([[1, 2], [3, 4]]), np.array([1, 1])).tolist()
    [3, 7]
    """
    _check_product("matmul", input, other)
    try:
        return _multiply(input, other), other.ndim
    except ValueError:
        raise _product_error("matmul", input.shape, other.shape) from None


def _grad_linear_input(g: Any, weight: Any) -> Any:
    return matmul(g, weight) if weight.ndim == 2 else g[..., None] * weight


def _grad_linear_weight(g: Any, x: Any) -> Any:
    if g.ndim < x.ndim:  # the weight is a vector
        return matmul(reshape(g, (-1,)), _as_rows(x))
    return matmul(_as_rows(g).T, _as_rows(x))


@op(
    vjps=(
        lambda g, _out, _input, weight, _bias: _grad_linear_input(g, weight),
        lambda g, _out, input, _weight, _bias: _grad_linear_weight(g, input),
        lambda g, _out, _input, _weight, _bias: g,
    ),
    cases=Cases(
        *[
            Case((Draw(x), Draw(weight), Draw(bias) if bias is not None else None))
            for x, weight, bias in [
                ((2, 3), (4, 3), (4,)),
                ((2, 3), (4, 3), None),
                ((3,), (4, 3), (4,)),
                ((2, 2, 3), (2, 3), (2,)),
                ((2, 3), (2, 3), (1,)),
                ((2, 3), (2, 3), ()),
                ((2, 3), (2, 3), (2, 2)),
                ((0, 3), (2, 3), (2,)),
                ((2, 0), (3, 0), (3,)),
                ((2, 2, 3), (3,), None),
            ]
        ],
        errors=[
            Error((Draw(x), Draw(weight), bias), {}, RuntimeError, match)
            for x, weight, bias, match in [
                ((2, 3), (3, 4), None, r"cannot be multiplied \(2x3 and 4x3\).*weight \[3, 4\]"),
                ((5, 2, 3), (4, 2), None, r"cannot be multiplied \(10x3 and 2x4\)"),
                ((2, 3), (4, 3), Draw((3,)), r"expanded size of the tensor \(4\) must match"),
                ((2, 3), (2, 4, 3), None, "expects a tensor with <= 2 dimensions, but self is 3D"),
                ((), (4, 3), None, "both arguments to linear need to be at least 1D"),
                ((2, 3), (4, 3), np.zeros(4, np.int64), "must have the same dtype"),
            ]
        ]
        + [Error((np.ones((2, 3), np.int64), Draw((4, 3))), {}, RuntimeError, "long int != float")],
    ),
    register=True,
)
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Map the last axis linearly: ``input @ weight.T + bias``, one matrix product for any shape.

    Parameters
    ----------
    input : Tensor
        (*, K).
    weight : Tensor
        (N, K), or (K,) for one output without an axis; of the input's dtype.
    bias : Tensor, optional
        (N,).

    Returns
    -------
    Tensor
        (*, N).

    Raises
    ------
    RuntimeError
        If the input's last size is not the weight's, the bias does not fit, or the dtypes differ.
    """
    _check_product("linear", input, weight)
    if not input.ndim or weight.ndim not in (1, 2) or input.shape[-1] != weight.shape[-1]:
        raise _linear_error(input.shape, weight.shape)
    out = _multiply(input, weight.T)
    if bias is not None:
        _add_bias(out, bias)
    return out


def _linear_error(x: Shape, weight: Shape) -> RuntimeError:
    if len(weight) > 2:
        problem = f"t() expects a tensor with <= 2 dimensions, but self is {len(weight)}D"
    else:
        problem = _problem("linear", x, weight[::-1])
    return RuntimeError(
        f"{problem}: linear got input {list(x)} and weight {list(weight)}. The input's last size "
        "(features in) must be the weight's last size; the weight is (features out, features in)."
    )


def _add_bias(out: Array, bias: Array) -> None:
    if bias.dtype != out.dtype:
        raise RuntimeError(
            "self and mat2 must have the same dtype, but got "
            f"{type_name(bias.dtype)} and {type_name(out.dtype)}: convert linear's bias."
        )
    try:
        out += bias
    except ValueError:
        raise RuntimeError(
            f"The expanded size of the tensor ({out.shape[-1]}) must match the existing size "
            f"({bias.shape[-1]}): linear's bias has shape {list(bias.shape)}, its result "
            f"{list(out.shape)}; the bias has one number for each output."
        ) from None
