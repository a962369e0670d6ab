"""What is recorded of one tensor at one step, and of all tensors at one step; it does not know where they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .histograms import Histogram
from .statistics import Summary, summarize

__all__ = ["COLUMNS", "KINDS", "Point", "Step"]

Array = np.ndarray[Any, Any]

#: What can be recorded, with the words for a heading.
KINDS = {
    "weights": "Weights",
    "gradients": "Gradients of the weights",
    "updates": "Updates of the weights",
    "activations": "Activations",
    "activation_gradients": "Gradients of the activations",
}
#: The numbers of a point, in the order of tables.
COLUMNS = ("mean", "std", "min", "max", "norm", "zeros", "nan", "inf", "dead", "saturated", "ratio")


class Point:
    """The statistics of one tensor at one step.

    A module that is called several times in a step has one point for all calls: its entries are those of all outputs.

    Parameters
    ----------
    array : ndarray
        The values; they are not kept.
    module : str
        The class of the module that the tensor belongs to.
    bounds : (float, float), optional
        The range of an activation function that saturates: entries near its ends are counted.
    units : bool
        Whether to look for dead units: those that are zero for every example, the first axis. A unit is a channel in
        outputs of images (N, C, H, W), and a position in others (N, ...).
    ratio : float, optional
        The size of an update in comparison with its weight.
    trainable : bool, optional
        Whether a parameter wants a gradient.
    """

    __slots__ = ("_silent", "calls", "dead", "dtype", "module", "n_saturated", "ratio", "shape", "summary", "trainable")

    def __init__(
        self,
        array: Array,
        module: str,
        *,
        bounds: tuple[float, float] | None = None,
        units: bool = False,
        ratio: float = math.nan,
        trainable: bool | None = None,
    ) -> None:
        self.shape: tuple[int, ...] = array.shape
        self.dtype = str(array.dtype)
        self.module, self.calls = module, 1
        self.summary: Summary = summarize(array)
        self.ratio, self.trainable = ratio, trainable
        self.n_saturated = None if bounds is None else _saturated(array, *bounds)
        self.dead = math.nan
        # By shape: sequences of other lengths have other positions.
        self._silent: dict[tuple[int, ...], Array] = {}
        if units and array.ndim > 1 and array.size:
            silent = np.logical_not(array.any(axis=(0, *range(2, array.ndim)) if array.ndim > 3 else 0))
            self._silent[silent.shape] = silent

    def add(self, other: Point) -> None:
        """Add the entries of another call."""
        self.shape, self.dtype = other.shape, other.dtype
        self.calls += other.calls
        self.summary = self.summary.merged(other.summary)
        if self.n_saturated is not None and other.n_saturated is not None:
            self.n_saturated += other.n_saturated
        for shape, silent in other._silent.items():
            self._silent[shape] = self._silent[shape] & silent if shape in self._silent else silent

    def settle(self) -> None:
        """Count the dead units and forget which they are: no further call comes."""
        units = sum(silent.size for silent in self._silent.values())
        if units:
            self.dead = sum(int(np.count_nonzero(silent)) for silent in self._silent.values()) / units
        self._silent = {}

    @property
    def histogram(self) -> Histogram | None:
        """The histogram of the finite entries; None where there are none."""
        return self.summary.histogram

    def value(self, column: str) -> float:
        """Return one of the :data:`COLUMNS`; NaN where it says nothing about this tensor."""
        if column == "saturated":
            known = self.n_saturated is not None and self.summary.size
            return (self.n_saturated or 0) / self.summary.size if known else math.nan
        owner = self if column in ("dead", "ratio") else self.summary
        return float(getattr(owner, column))


def _saturated(array: Array, low: float, high: float) -> int:
    """Count entries within 1.5 % of either end of a range: for tanh ``|y| > 0.97``, where its slope is below 0.06."""
    margin = 0.015 * (high - low)
    return int(np.count_nonzero((array < low + margin) | (array > high - margin)))


@dataclass(slots=True)
class Step:
    """Everything that was recorded at one step.

    Attributes
    ----------
    number : int
        How many steps there were before it.
    points : dict of (str, str) to Point
        By kind and name.
    """

    number: int
    points: dict[tuple[str, str], Point] = field(default_factory=dict)

    def add(self, kind: str, name: str, point: Point) -> None:
        """Put a point in, or add it to the one that is there."""
        present = self.points.get((kind, name))
        if present is None:
            self.points[kind, name] = point
        else:
            present.add(point)
