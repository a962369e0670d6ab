"""Layers that set a random part of their input to zero while training."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d"]


class _Dropout(Module):
    """What all kinds of dropout share."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0.0 or p > 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Sets each element to zero with probability ``p`` and scales the others by ``1 / (1 - p)``.

    In evaluation mode it returns its input.

    Parameters
    ----------
    p : float
        The probability of a zero.
    inplace : bool
        Whether to write into the input.

    Raises
    ------
    ValueError
        If ``p`` is no probability.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: A Simple Way to Prevent
    Neural Networks from Overfitting", 2014.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Dropout of whole channels of ``(N, C, L)`` or ``(C, L)``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, L)`` to ``(N, C, L)``."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Dropout of whole channels of ``(N, C, H, W)``.

    References
    ----------
    Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient Object Localization Using Convolutional
    Networks", 2015.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` to ``(N, C, H, W)``."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1; goes with SELU.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-Normalizing Neural Networks", 2017.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.alpha_dropout(input, self.p, self.training)
