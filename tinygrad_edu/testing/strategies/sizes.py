"""Strategies for shapes, and for the ``dim`` arguments that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawing import drawn, hypothesis

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

__all__ = ["Dim", "Shape", "broadcastable_shapes", "dims", "shapes"]

Shape = tuple[int, ...]
Dim = int | tuple[int, ...] | None


@drawn
def shapes(draw: DrawFn, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> Shape:
    """Draw a shape, from 0-d on.

    Parameters
    ----------
    min_dims, max_dims : int
        Numbers of axes.
    min_side, max_side : int
        Sizes of an axis; ``min_side=0`` draws empty shapes too.

    Returns
    -------
    SearchStrategy of tuple of int
        Shrinks to few and short axes.

    Examples
    --------
    >>> import hypothesis
    >>> hypothesis.find(shapes(), lambda shape: len(shape) == 2 and shape[0] > 1)
    (2, 1)
    """
    integers = hypothesis().strategies.integers
    sides = integers(min_side, max_side)
    return tuple([draw(sides) for _ in range(draw(integers(min_dims, max_dims)))])


@drawn
def broadcastable_shapes(
    draw: DrawFn, n: int, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4
) -> tuple[Shape, ...]:
    """Draw ``n`` shapes that broadcast together: axes are missing on the left, or have size 1.

    Parameters
    ----------
    n : int
        How many.
    min_dims, max_dims, min_side, max_side : int
        As in :func:`shapes`.

    Returns
    -------
    SearchStrategy of tuple of shapes
        Shrinks to shapes of few axes, all ().

    Notes
    -----
    Half of the shapes are the whole one. ``hypothesis.extra.numpy.mutually_broadcastable_shapes`` knows the rule
    too, but hardly ever draws two shapes that are equal and larger than 1.

    Examples
    --------
    >>> import hypothesis
    >>> hypothesis.find(broadcastable_shapes(2), lambda shapes: shapes[0] != shapes[1] and 2 in shapes[0])
    ((2,), ())
    """
    booleans, integers = hypothesis().strategies.booleans(), hypothesis().strategies.integers
    whole = draw(shapes(min_dims, max_dims, min_side, max_side))
    found = []
    for _ in range(n):
        kept = whole
        if not draw(booleans):
            kept = whole[len(whole) - draw(integers(min_dims, len(whole))) :]
            kept = tuple([side if draw(booleans) else 1 for side in kept])
        found.append(kept)
    return tuple(found)


@drawn
def dims(draw: DrawFn, ndim: int, none: bool = True, several: bool = True) -> Dim:
    """Draw a ``dim`` argument for a tensor of ``ndim`` axes; negative ones count from the end.

    Parameters
    ----------
    ndim : int
        Number of axes; for 0, the axes 0 and -1 are valid, as in PyTorch.
    none, several : bool
        Draw None (all axes); draw tuples of axes.

    Returns
    -------
    SearchStrategy of int, tuple of int or None
        Shrinks to None, then to 0.
    """
    st = hypothesis().strategies
    count = max(ndim, 1)
    kinds = ["none"] * none + ["one"] + ["several"] * several
    kind = draw(st.sampled_from(kinds))
    if kind == "none":
        return None
    if kind == "one":
        return int(draw(st.integers(0, count - 1)) - count * draw(st.booleans()))
    chosen = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=count, unique=True))
    return tuple([axis - count * draw(st.booleans()) for axis in chosen])
