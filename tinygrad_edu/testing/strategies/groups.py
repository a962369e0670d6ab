"""Strategies that draw several arguments which belong together, for functions of any name.

A group is a tuple: the leading arguments. Where keywords go with them, it is an :class:`Arguments`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...tensor import Tensor
from .drawing import drawn, hypothesis, value_of
from .memory import as_tensor, several_arrays, tensors
from .sizes import broadcastable_shapes, dims, shapes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["Arguments", "broadcastable", "matmul_operands", "reductions"]


@dataclass(frozen=True)
class Arguments:
    """Arguments of one call.

    Attributes
    ----------
    args : tuple
        The leading arguments.
    kwargs : mapping
        Further ones by their names.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@drawn
def broadcastable(
    draw: DrawFn,
    n: int,
    *,
    min_dims: int = 0,
    max_dims: int = 3,
    min_side: int = 1,
    max_side: int = 4,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | Sequence[SearchStrategy[Any]] | None = None,
    requires_grad: bool = True,
    layout: str = "any",
    distinct: bool = False,
) -> tuple[Tensor, ...]:
    """Draw ``n`` tensors whose shapes broadcast.

    Parameters
    ----------
    n : int
        How many.
    min_dims, max_dims, min_side, max_side : int
        As in :func:`shapes`.
    elements : strategy or sequence of strategies, optional
        For all of them, or one for each.
    dtype, requires_grad, layout, distinct
        As in :func:`tensors`; ``distinct`` holds for all of them together.

    Returns
    -------
    SearchStrategy of tuple of Tensor
        Shrinks to tensors of shape ().
    """
    wanted = draw(broadcastable_shapes(n, min_dims, max_dims, min_side, max_side))
    each: Sequence[Any] = elements if isinstance(elements, (list, tuple)) else [elements] * n
    found = draw(several_arrays(wanted, each, dtype, layout, distinct))
    return tuple([as_tensor(array, requires_grad) for array in found])


@drawn
def matmul_operands(
    draw: DrawFn,
    *,
    max_batch_dims: int = 2,
    min_side: int = 1,
    max_side: int = 3,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | None = None,
    requires_grad: bool = True,
    layout: str = "any",
) -> tuple[Tensor, Tensor]:
    """Draw two tensors that can be multiplied as matrices, in each way that ``matmul`` has.

    Parameters
    ----------
    max_batch_dims : int
        Number of axes before the matrix; those of the two operands broadcast.
    min_side, max_side : int
        Sizes of an axis.
    dtype, elements, requires_grad, layout
        As in :func:`tensors`.

    Returns
    -------
    SearchStrategy of two Tensors
        (K,) or (*, N, K), and (K,) or (*, K, M). Shrinks to two vectors of one entry.
    """
    st = hypothesis().strategies
    side = st.integers(min_side, max_side)
    inner = draw(side)
    is_matrix = draw(st.booleans()), draw(st.booleans())
    batches = draw(broadcastable_shapes(2, 0, max_batch_dims, min_side, max_side))
    first = (*batches[0], draw(side), inner) if is_matrix[0] else (inner,)
    second = (*batches[1], inner, draw(side)) if is_matrix[1] else (inner,)
    x, y = draw(several_arrays([first, second], [elements] * 2, dtype, layout))
    return as_tensor(x, requires_grad), as_tensor(y, requires_grad)


@drawn
def reductions(
    draw: DrawFn,
    shape: Any = None,
    *,
    none: bool = True,
    several: bool = True,
    keepdim: bool = True,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | None = None,
    requires_grad: bool = True,
    layout: str = "any",
    distinct: bool = False,
) -> Arguments:
    """Draw a tensor, and which of its axes to reduce.

    Parameters
    ----------
    shape : tuple of int, or strategy
        By default :func:`shapes`.
    none, several : bool
        As in :func:`dims`.
    keepdim : bool
        Draw a ``keepdim`` too.
    dtype, elements, requires_grad, layout, distinct
        As in :func:`tensors`.

    Returns
    -------
    SearchStrategy of Arguments
        ``(x, dim=..., keepdim=...)``; shrinks to a 0-d tensor with ``dim=None, keepdim=False``.
    """
    wanted = tuple(value_of(draw, shapes() if shape is None else shape))
    found = {"dim": draw(dims(len(wanted), none, several))}
    if keepdim:
        found["keepdim"] = draw(hypothesis().strategies.booleans())
    x = draw(tensors(wanted, dtype, elements, requires_grad, layout, distinct))
    return Arguments((x,), found)
