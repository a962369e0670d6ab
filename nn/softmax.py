"""Layers that work along one axis: softmax and its relatives, and the gated linear unit."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["GLU", "LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class GLU(Module):
    """The first half of an axis times the sigmoid of its second half.

    References
    ----------
    Dauphin, Fan, Auli, Grangier, "Language Modeling with Gated Convolutional Networks", 2016.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Any:
        """Map ``(*, 2 D, *)`` to ``(*, D, *)``."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Show the axis."""
        return f"dim={self.dim}"


class _AlongAxis(Module):
    """What the functions of one axis share."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Show the axis."""
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """Scores to probabilities that sum to 1 along ``dim``: ``exp(x) / sum(exp(x))``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongAxis):
    """The logarithm of :class:`Softmax`, computed without loss of precision."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongAxis):
    """:class:`Softmax` of ``-x``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """:class:`Softmax` over the channels at every pixel."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(N, C, H, W)`` or ``(C, H, W)`` to the same."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)
