"""Products named by letters, as in ``einsum("bij,bjk->bik", x, y)``.

Each product of two operands is one matrix product; the equation is read in ``equation``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import promote, type_name
from ..op import composite, op
from .axes import permute
from .equation import plan_equation
from .linalg import matrix_product
from .rearranging import diagonal
from .reduction import sum
from .shape import reshape

__all__ = ["contract", "einsum"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Plan(NamedTuple):
    """How to bring two operands to ``(batch, left, summed) @ (batch, summed, right)``, and back."""

    axes_x: tuple[int, ...]
    axes_y: tuple[int, ...]
    batch: int
    left: int
    summed: int
    axes_out: tuple[int, ...]


@lru_cache(maxsize=1024)
def _plan(equation: str) -> Plan:
    inputs, out = equation.split("->")
    x, y = inputs.split(",")
    batch = [c for c in out if c in x and c in y]
    left = [c for c in out if c in x and c not in y]
    right = [c for c in out if c in y and c not in x]
    summed = [c for c in x if c in y and c not in out]
    made = [*batch, *left, *right]
    return Plan(
        tuple(x.index(c) for c in [*batch, *left, *summed]),
        tuple(y.index(c) for c in [*batch, *summed, *right]),
        len(batch),
        len(left),
        len(summed),
        tuple(made.index(c) for c in out),
    )


def _for_first(equation: str) -> str:
    """Turn ``"x,y->out"`` into the product of the gradient and y that is x's gradient."""
    inputs, out = equation.split("->")
    x, y = inputs.split(",")
    return f"{out},{y}->{x}"


def _for_second(equation: str) -> str:
    inputs, out = equation.split("->")
    x, y = inputs.split(",")
    return f"{x},{out}->{y}"


@op(
    vjps=(
        lambda g, _out, _x, y, equation: contract(g, y, _for_first(equation)),
        lambda g, _out, x, _y, equation: contract(x, g, _for_second(equation)),
    ),
    promote=promote,
    cases=Cases(
        *[
            Case((Draw(x), Draw(y)), {"equation": equation})
            for equation, x, y in [
                ("ij,jk->ik", (2, 3), (3, 2)),
                ("ij,jk->ki", (2, 3), (3, 2)),
                ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
                ("bij,bkj->kbi", (2, 2, 3), (2, 2, 3)),
                ("i,j->ij", (2,), (3,)),
                ("i,i->", (3,), (3,)),
                ("bi,bi->b", (2, 3), (2, 3)),
                ("ij,ji->ij", (2, 3), (3, 2)),
                ("ijk,jk->i", (2, 3, 2), (3, 2)),
                (",i->i", (), (3,)),
                ("ij,jk->ik", (2, 0), (0, 3)),
                ("bij,bj->bi", (0, 2, 3), (0, 3)),
            ]
        ],
        torch=lambda torch, inputs, params: torch.einsum(params["equation"], *inputs),
    ),
    register=True,
)
def contract(input: Array, other: Array, equation: str) -> Array:
    """Multiply two operands along named axes: one step of :func:`einsum`.

    Parameters
    ----------
    input, other : Tensor
        Axes with one letter have one size.
    equation : str
        ``"bij,bjk->bik"``: every letter at most once in each term, and in two of the three terms
        at least. So the gradients are contractions too, with the terms exchanged.
    """
    plan = _plan(equation)
    x, y = input.transpose(plan.axes_x), other.transpose(plan.axes_y)
    if not plan.summed:
        return _spread(x, y, plan)
    nb, nl, ns = plan.batch, plan.left, plan.summed
    batch, left, right = x.shape[:nb], x.shape[nb : nb + nl], y.shape[nb + ns :]
    n = math.prod(y.shape[nb : nb + ns])
    if ns != 1 or nl != 1:
        x = x.reshape((*batch, math.prod(left), n))
    if ns != 1 or len(right) != 1:
        y = y.reshape((*batch, n, math.prod(right)))
    out = matrix_product(x, y)
    if len(right) != 1 or nl != 1:
        out = out.reshape((*batch, *left, *right))
    return out.transpose(plan.axes_out)


def _spread(x: Array, y: Array, plan: Plan) -> Array:
    """Multiply where nothing is added up: (batch, left) and (batch, right) elementwise."""
    ones = (1,) * (y.ndim - plan.batch)
    x = x.reshape((*x.shape, *ones))
    y = y.reshape((*y.shape[: plan.batch], *(1,) * plan.left, *y.shape[plan.batch :]))
    out: Array = np.multiply(x, y)
    return out.transpose(plan.axes_out)


_EQUATIONS: list[tuple[str, list[Shape]]] = [
    ("ij,jk->ik", [(2, 3), (3, 2)]),
    ("ij,jk", [(2, 3), (3, 2)]),
    (" i j , j k -> k i ", [(2, 3), (3, 2)]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("bhqd,bhkd->bhqk", [(1, 2, 2, 3), (1, 2, 3, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iji->j", [(2, 3, 2)]),
    ("iii->i", [(2, 2, 2)]),
    ("bA", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij,k->ik", [(2, 3), (2,)]),
    ("ii,ij->j", [(2, 2), (2, 3)]),
    ("i,i->i", [(3,), (1,)]),
    ("ij,j->i", [(2, 3), (1,)]),
    ("...ij->...ji", [(2, 2, 3)]),
    ("...ij,...jk->...ik", [(2, 1, 2, 3), (2, 3, 2)]),
    ("i...,i->...", [(2, 3, 2), (2,)]),
    ("...i", [(2, 3)]),
    ("...i->i", [(2, 2, 3)]),
    ("ij->i...", [(2, 3)]),
    ("", [()]),
    (",->", [(), ()]),
    ("i,j,k->ijk", [(2,), (3,), (2,)]),
    ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 2)]),
    ("ij,ij,ij->", [(2, 3), (2, 3), (2, 3)]),
    ("ij,k,jl->l", [(2, 3), (2,), (3, 2)]),
]

_MISTAKES: list[tuple[str, list[Shape], str]] = [
    ("ii->i", [(2, 3)], "i is repeated for operand 0 but the sizes don't match, 3 != 2"),
    ("ij,jk->ik", [(2, 3), (2, 3)], "j has size 2 for operand 1 which does not broadcast"),
    ("ij->k", [(2, 3)], "output subscript k does not appear in the equation"),
    ("ij->iij", [(2, 3)], "output subscript i appears more than once"),
    ("ij,jk->ik", [(2, 3)], "fewer operands were provided than specified"),
    ("ij", [(2, 3), (2,)], "more operands were provided than specified"),
    ("ijk->i", [(2, 3)], r"subscripts in the equation \(3\) does not match .* \(2\)"),
    ("i->i", [(2, 3)], r"subscripts in the equation \(1\) does not match .* \(2\)"),
    ("i1->i", [(2, 3)], "invalid subscript given at index 1"),
    ("i.j->i", [(2, 3)], "found '.' for operand 0 that is not part of any ellipsis"),
    ("......->", [(2, 3)], "found '.' for operand 0 for which an ellipsis was already found"),
]


@composite(
    cases=Cases(
        *[Case((equation, *map(Draw, shapes))) for equation, shapes in _EQUATIONS],
        Case(("i,j->ij", Draw((2,)), np.array([1, 2]))),
        Case(("ij,jk->ik", (Draw((2, 3)), Draw((3, 2))))),
        Case(("ij,j->i", np.arange(6).reshape(2, 3), np.arange(3))),
        errors=[
            *[Error((eq, *map(Draw, shapes)), {}, RuntimeError, m) for eq, shapes, m in _MISTAKES],
            Error(("i->i",), {}, ValueError, "must specify the equation string and at least one"),
            Error(("i,i", Draw((2,)), 3.0), {}, TypeError, "expected Tensor as element 1"),
            Error(("i,i", Draw((2,)), np.ones(2, int)), {}, RuntimeError, "Float but found Long"),
        ],
    )
)
def einsum(equation: str, *operands: Any) -> Any:
    """Multiply, add up, transpose and take diagonals as an equation of letters says.

    Parameters
    ----------
    equation : str
        One term of letters for each operand, one letter for each axis, then ``->`` and the result's
        letters. A letter that is missing in the result is added up; one that occurs twice in a term
        takes the diagonal; ``...`` stands for any number of axes, which broadcast. Without ``->``
        the result has the letters that occur once, in alphabetical order (capitals first), after
        the axes of ``...``.
    *operands : Tensor, or one sequence of them
        Axes with one letter have one size, or 1.

    Returns
    -------
    Tensor
        Its axes are the letters after ``->``.

    Raises
    ------
    RuntimeError
        If the equation and the operands do not fit.

    Notes
    -----
    Two operands are one matrix product. More are multiplied in pairs, in the order that NumPy's
    ``einsum_path`` finds cheapest.

    References
    ----------
    A. Einstein, "Die Grundlage der allgemeinen Relativitätstheorie", 1916, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> einsum("ij,j->i", np.array([[1, 2], [3, 4]]), np.array([1, 10])).tolist()
    [21, 43]
    >>> einsum("ii->i", np.array([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands or not isinstance(equation, str):
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand: "
            "einsum('ij,jk->ik', x, y). Lists of axis numbers are not offered."
        )
    for i, x in enumerate(operands):
        if not hasattr(x, "dtype"):
            raise TypeError(f"expected Tensor as element {i} of einsum's operands, but got {type(x).__name__}")
    program = plan_equation(equation, tuple([tuple(x.shape) for x in operands]))
    values = list(map(_prepared, operands, program.diagonals, program.shapes))
    for first, second, sums, product, adds_up in program.steps:
        x, y = values[first], values[second]
        _check_dtypes(x, y, adds_up)
        values = [value for k, value in enumerate(values) if k not in (first, second)]
        values.append(contract(_summed(x, sums[0]), _summed(y, sums[1]), product))
    x = _summed(values[0], program.sums)
    return x if program.order is None else permute(x, program.order)


def _prepared(x: Any, diagonals: Any, shape: Shape | None) -> Any:
    """Replace axes with one letter by their diagonal, and drop those that broadcast."""
    for i, j in diagonals:
        x = diagonal(x, 0, i, j)
    return x if shape is None else reshape(x, shape)


def _summed(x: Any, axes: tuple[int, ...]) -> Any:
    return sum(x, axes) if axes else x


def _check_dtypes(x: Any, y: Any, adds_up: bool) -> None:
    """Refuse to add up products of two dtypes, as matmul does; without a sum, they promote."""
    if adds_up and x.dtype != y.dtype:
        raise RuntimeError(
            f"expected scalar type {type_name(x.dtype)} but found {type_name(y.dtype)}: einsum "
            "adds up products of one dtype; convert one operand with .to(dtype)."
        )
