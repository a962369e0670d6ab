"""What is known of a Jacobian, by backward and by differences, and when a guess explains it.

No pattern is known here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

__all__ = ["Array", "Comparison", "Evidence", "Shape", "columns_with", "rows_with"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_RELATIVE = 1e-6  # two numbers that differ by less are taken for equal
_ROUND_OFF = 1e-12  # of the largest derivative: what is below it is taken for zero
_SURE = 3.0  # how many times its uncertainty a numeric derivative may be off
_PROBES = 50


@dataclass
class Evidence:
    """Parts of the Jacobian with respect to one input: rows are output entries, columns entries of this input.

    Attributes
    ----------
    name : str
        What messages call the input: "input 0", "input 1[2]", "weight".
    values : ndarray of float64
        The whole input.
    columns : ndarray of int
        Flat indices into ``values``, ascending.
    rows : ndarray of int
        Flat indices over all outputs laid end to end, ascending.
    output_shapes : list of tuple of int
        The shapes of all outputs.
    analytic, numeric : ndarray of shape (rows, columns)
        What backward says, and what differences say.
    uncertainty : ndarray of shape (rows, columns)
        How far the numeric value may be off, >= 0.
    wrong : ndarray of bool, of shape (rows, columns)
        Which entries were found wrong.
    smooth : ndarray of bool, of shape (columns,)
        False: the function has a kink there, so the column tells nothing.
    complete : bool
        The rows and columns are all there are.
    """

    name: str
    values: Array
    columns: Array
    rows: Array
    output_shapes: list[Shape]
    analytic: Array
    numeric: Array
    uncertainty: Array
    wrong: Array
    smooth: Array
    complete: bool


@dataclass(frozen=True)
class Comparison:
    """An :class:`Evidence` made ready: what cannot be judged is zero and not ``used``.

    A pattern says what backward should give if it made a certain mistake; ``fits`` tells whether it does.
    """

    name: str
    subject: str  # how a sentence about the wrong gradient begins
    values: Array
    columns: Array
    rows: Array
    output_shapes: list[Shape]
    analytic: Array
    numeric: Array
    uncertainty: Array
    wrong: Array
    used: Array
    complete: bool

    @classmethod
    def of(cls, evidence: Evidence) -> Comparison:
        """Leave out the columns at kinks and what is not finite."""
        parts = [np.asarray(p, np.float64) for p in (evidence.analytic, evidence.numeric, evidence.uncertainty)]
        used = np.logical_and.reduce([np.isfinite(p) for p in parts]) & np.asarray(evidence.smooth, bool)
        analytic, numeric, uncertainty = (np.where(used, part, 0.0) for part in parts)
        return cls(
            evidence.name,
            f"The gradient of {evidence.name}",
            np.asarray(evidence.values, np.float64),
            np.asarray(evidence.columns, np.intp),
            np.asarray(evidence.rows, np.intp),
            [tuple(shape) for shape in evidence.output_shapes],
            analytic,
            numeric,
            uncertainty,
            evidence.wrong & used,
            used,
            evidence.complete,
        )

    def of_output(self, number: int) -> Comparison:
        """Give the part that belongs to one of several outputs."""
        ends = np.cumsum([prod(shape) for shape in self.output_shapes])
        start, stop = ends[number] - prod(self.output_shapes[number]), ends[number]
        within = (self.rows >= start) & (self.rows < stop)
        names = ("analytic", "numeric", "uncertainty", "wrong", "used")
        parts: dict[str, Any] = {name: getattr(self, name)[within] for name in names}
        return replace(
            self,
            subject=f"{self.subject} (as far as output {number} goes)",
            rows=self.rows[within] - start,
            output_shapes=[self.output_shapes[number]],
            **parts,
        )

    @property
    def wrong_outputs(self) -> list[int]:
        """The numbers of the outputs that have wrong entries."""
        ends = np.cumsum([prod(shape) for shape in self.output_shapes])
        rows = self.rows[self.wrong.any(axis=1)]
        return [int(n) for n in np.unique(np.searchsorted(ends, rows, side="right"))]

    # ---- does a guess explain what was found?

    def fits(self, predicted: Array, uncertainty: Array | None = None, among: Array | None = None) -> bool:
        """Tell whether backward gave what was predicted, at the wrong entries and at the right ones.

        Parameters
        ----------
        predicted : ndarray of shape (rows, columns)
            What backward would give with the mistake that is being tried.
        uncertainty : ndarray, optional
            Of the prediction; that of the numeric derivative if not given.
        among : ndarray of bool, optional
            Where to look; by default everywhere.
        """
        if not self._fits_the_probes(predicted):
            return False
        residual = np.abs(self.analytic - predicted)
        slack = self._slack(predicted, self.uncertainty if uncertainty is None else uncertainty)
        # What was judged right may be a little off, as long as the guess has it right too.
        right = (residual <= slack) | (np.abs(predicted - self.numeric) <= slack)
        good = np.where(self.wrong, residual <= np.minimum(slack, 0.5 * self.error), right)
        return bool((good | ~self.used if among is None else good | ~self.used | ~among).all())

    def _fits_the_probes(self, predicted: Array) -> bool:
        """Most guesses fail here, at a few entries."""
        rows, columns = self._probes
        residual = np.abs(self.analytic[rows, columns] - predicted[rows, columns])
        return bool((residual <= 0.5 * self.error[rows, columns]).all())

    def _slack(self, predicted: Array, uncertainty: Array) -> Array:
        size = np.abs(self.analytic) + np.abs(predicted)
        slack: Array = _SURE * uncertainty + _RELATIVE * size + self.floor
        return slack

    @cached_property
    def _probes(self) -> tuple[Array, Array]:
        rows, columns = np.nonzero(self.wrong)
        some = np.linspace(0, max(len(rows) - 1, 0), min(len(rows), _PROBES)).astype(np.intp)
        return rows[some], columns[some]

    # ---- what is wrong, what is zero

    @cached_property
    def error(self) -> Array:
        """How far backward and the differences are apart."""
        error: Array = np.abs(self.analytic - self.numeric)
        return error

    @cached_property
    def floor(self) -> float:
        """What is taken for zero."""
        return _ROUND_OFF * float(np.abs(self.numeric).max(initial=0.0))

    @cached_property
    def nonzero(self) -> Array:
        """Where the derivative is surely not zero."""
        nonzero: Array = np.abs(self.numeric) > _SURE * self.uncertainty + self.floor
        return nonzero

    @cached_property
    def silent(self) -> Array:
        """Where backward gives zero."""
        silent: Array = np.abs(self.analytic) <= self.floor
        return silent

    @cached_property
    def sharp(self) -> bool:
        """Whether the errors stand out of the uncertainty, so that patterns in them can be told apart."""
        wrong = self.wrong
        return bool(wrong.any()) and float(np.median(self.uncertainty[wrong] / self.error[wrong])) <= 0.1

    @cached_property
    def tells(self) -> Array:
        """Where something is to be explained; when that is one entry only, every guess can be made to fit."""
        tells: Array = self.nonzero | self.wrong
        return tells

    # ---- where things are

    @property
    def shape(self) -> Shape:
        """The shape of the input."""
        return tuple(self.values.shape)

    @property
    def output_shape(self) -> Shape | None:
        """The shape of the output; None when there are several outputs."""
        return self.output_shapes[0] if len(self.output_shapes) == 1 else None

    @cached_property
    def x(self) -> Array:
        """The entries of the input that belong to the columns."""
        x: Array = self.values.reshape(-1)[self.columns]
        return x

    @cached_property
    def places(self) -> tuple[Array, ...]:
        """For each axis of the input, where the columns lie along it."""
        return np.unravel_index(self.columns, self.shape) if self.shape else ()

    @cached_property
    def output_places(self) -> tuple[Array, ...]:
        """For each axis of the only output, where the rows lie along it; empty when there are several outputs."""
        return np.unravel_index(self.rows, self.output_shape) if self.output_shape else ()


def columns_with(mask: Array) -> Array:
    """Tell for each column whether it has a True."""
    return np.asarray(mask.any(axis=0))


def rows_with(mask: Array) -> Array:
    """Tell for each row whether it has a True."""
    return np.asarray(mask.any(axis=1))
