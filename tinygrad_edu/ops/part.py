"""The gradient of a piece of a tensor, before it is padded with zeros to the whole."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Part"]

Array = np.ndarray[Any, Any]


class Part:
    """What arrives at one piece of an array: zeros elsewhere, which nobody has to write out or add.

    A vjp returns it in place of the padded gradient. The walk adds it to what the other pieces sent: a tensor of n
    numbers that is taken apart into k pieces costs n additions on the way back, not k times n.

    Attributes
    ----------
    array : ndarray
        The gradient of the piece.
    at : tuple
        Its place, a basic index of NumPy: ``whole[at]`` is a view of the piece's shape.
    shape : tuple of int
        Of the whole.
    """

    __slots__ = ("array", "at", "shape")

    dtype = None  # no array's dtype: this is how the walk notices, without a question more for each gradient

    def __init__(self, array: Array, at: tuple[Any, ...], shape: tuple[int, ...]) -> None:
        self.array, self.at, self.shape = array, at, shape

    def padded(self, dtype: np.dtype[Any] | None = None) -> Array:
        """Return the whole: zeros around the piece."""
        whole = np.zeros(self.shape, dtype or self.array.dtype)
        whole[self.at] = self.array
        return whole

    def add_to(self, whole: Array) -> Array:
        """Add the piece to its place in an array, in the array's memory."""
        whole[self.at] += self.array
        return whole
