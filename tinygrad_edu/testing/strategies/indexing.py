"""A strategy for what may stand in the brackets of ``x[...]``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .drawing import drawn, hypothesis
from .numbers import integers_below
from .sizes import shapes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

__all__ = ["indices"]

Shape = tuple[int, ...]


@drawn
def indices(draw: DrawFn, shape: Shape, *, new_axes: bool = True, advanced: bool = True) -> Any:
    """Draw an index that is valid for a tensor of a shape.

    Parameters
    ----------
    shape : tuple of int
        Shape of what is indexed.
    new_axes : bool
        Draw None, which makes an axis of size 1.
    advanced : bool
        Draw integer arrays, in which positions are repeated, and boolean masks.

    Returns
    -------
    SearchStrategy of int, slice, None, Ellipsis, ndarray, or tuple of these
        Slices have positive steps, as in PyTorch. Shrinks to the empty tuple, and to integers 0.

    Examples
    --------
    >>> import hypothesis
    >>> hypothesis.find(indices((2, 3)), lambda index: isinstance(index, slice))
    slice(None, None, None)
    """
    st = hypothesis().strategies
    count = draw(st.integers(0, len(shape)))  # axes that the index speaks of, the first and the last ones
    last = draw(st.integers(0, count))
    start, stop = shape[: count - last], shape[len(shape) - last :]
    kind = draw(st.sampled_from(["basic", "arrays", "mask"] if advanced else ["basic"]))
    arrays = draw(shapes(1, 2, 1, 3)) if kind == "arrays" else None  # one shape, so that several go together
    items = _masked(draw, start) if kind == "mask" else _items(draw, start, arrays)
    if last or draw(st.booleans()):
        items.append(Ellipsis)
    items += _items(draw, stop, arrays)
    for _ in range(draw(st.integers(1, 2)) if new_axes and draw(st.booleans()) else 0):
        items.insert(draw(st.integers(0, len(items))), None)
    return items[0] if len(items) == 1 else tuple(items)


def _items(draw: DrawFn, shape: Shape, arrays: Shape | None) -> list[Any]:
    """Draw what stands for consecutive axes, one item for each."""
    return [_item(draw, side, arrays) for side in shape]


def _item(draw: DrawFn, side: int, arrays: Shape | None) -> Any:
    st = hypothesis().strategies
    kinds = (["integer"] + ["array"] * (arrays is not None)) * (side > 0) + ["slice"]
    kind = draw(st.sampled_from(kinds))
    if kind == "integer":
        return draw(st.integers(0, side - 1)) - side * draw(st.booleans())
    if kind == "array":
        return draw(integers_below(side, arrays, negative=True))
    bound = st.none() | st.integers(-side - 1, side + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


def _masked(draw: DrawFn, shape: Shape) -> list[Any]:
    """Draw one mask for the last of some axes, and items for those before it."""
    integers, booleans = hypothesis().strategies.integers, hypothesis().strategies.booleans()
    split = draw(integers(0, len(shape)))
    mask = np.array([draw(booleans) for _ in range(math.prod(shape[split:]))], bool).reshape(shape[split:])
    return [*_items(draw, shape[:split], None), mask]
