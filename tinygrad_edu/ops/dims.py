"""What a ``dim`` argument may say: counted from the end, several at once, none at all.

It knows numbers of axes only, no arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

__all__ = ["normalize_dim", "normalize_dims"]


def normalize_dim(dim: Any, ndim: int, who: str) -> int:
    """Return ``dim`` counted from the front; a 0-d tensor counts as one of 1 axis.

    Parameters
    ----------
    dim : int
        From ``-ndim`` to ``ndim - 1``.
    ndim : int
        The number of axes.
    who : str
        The function that asks, named in the error.

    Raises
    ------
    IndexError
        If there is no such axis.
    TypeError
        If ``dim`` is not an integer.

    Examples
    --------
    >>> normalize_dim(-1, 3, "sum")
    2
    """
    if type(dim) is not int:
        dim = _as_int(dim, who)
    if 0 <= dim < ndim:
        return int(dim)
    size = ndim or 1
    if not -size <= dim < size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got "
            f"{dim}): {who} got a tensor with {ndim} dimensions; the first is 0, the last is -1."
        )
    return int(dim) % size


def normalize_dims(dims: Any, ndim: int, who: str) -> tuple[int, ...]:
    """Return several dims counted from the front; None and ``()`` mean all of them.

    Parameters
    ----------
    dims : int, sequence of int, or None
        The axes.
    ndim, who
        As in :func:`normalize_dim`.

    Returns
    -------
    tuple of int
        Valid as NumPy's ``axis``: for a 0-d tensor it is ``()``.

    Raises
    ------
    IndexError
        If there is no such axis.
    RuntimeError
        If an axis is named twice.
    TypeError
        If one is not an integer.

    Examples
    --------
    >>> normalize_dims((0, -1), 3, "sum")
    (0, 2)
    """
    if dims is None:
        return tuple(range(ndim))
    if type(dims) is int:
        dim = normalize_dim(dims, ndim, who)
        return (dim,) if ndim else ()
    given = list(dims) if isinstance(dims, Sequence) and not isinstance(dims, str) else [dims]
    found = [normalize_dim(dim, ndim, who) for dim in given]
    for dim in found:
        if found.count(dim) > 1:
            raise RuntimeError(
                f"dim {dim} appears multiple times in the list of dims: {who} got {tuple(given)} "
                f"for a tensor with {ndim} dimensions; name each dimension once."
            )
    return tuple(found) if found and ndim else tuple(range(ndim))


def _as_int(dim: Any, who: str) -> int:
    """Accept what counts as an integer (a NumPy integer too), but no bool and no float."""
    if not isinstance(dim, bool):
        try:
            return operator.index(dim)
        except TypeError:
            pass
    raise TypeError(
        f"{who}(): argument 'dim' must be int, not {type(dim).__name__} ({dim!r}): pass the number of an axis."
    )
