"""The recording that a user holds: it starts and ends the listening, gives out what was heard, and saves it.

How a model is listened to stands in ``observer``, how a figure and a page are made in ``figures`` and ``page``.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ... import nn
from ...atomic import replacing
from .figures import draw, write
from .observer import Observer
from .page import as_json, as_page
from .plain import aligned, row, series
from .points import COLUMNS, KINDS, Point, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Recording", "record"]

_SUFFIXES = ("html", "json", "png", "svg")
_TABLE = ("mean", "std", "min", "max", "norm", "zeros")
_EXTRA = {"updates": ("ratio",), "activations": ("dead", "saturated")}


def record(
    model: nn.Module,
    every: int = 10,
    *,
    what: Collection[str] = tuple(KINDS),
    calls_per_step: int = 1,
    keep: int = 200,
) -> Recording:
    """Collect statistics of a model's weights, activations and gradients while it is trained.

    A **step** is one call of ``model`` in training mode with gradients switched on. Calls in evaluation mode or under
    ``no_grad`` are not recorded and not counted, nor are calls that raise. Steps are numbered from 0; those whose
    number is a multiple of ``every`` are recorded.

    Parameters
    ----------
    model : Module
        The model, of any dtype. Its training is the same, to the last bit, with a recording and without.
    every : int
        Record each ``every``-th step. It doubles, and every other recorded step is dropped, whenever there would be
        more than ``keep``: so the memory is bounded however long the training.
    what : collection of str
        What to record, of "weights", "gradients" (of the weights), "updates" (of the weights), "activations" (what
        each module puts out) and "activation_gradients" (what comes back to it). Less takes less time.
    calls_per_step : int
        How many calls make a step: the number of micro-batches when gradients are accumulated, or 2 when the model
        is called on both halves of a pair. The activations of a step are then those of all its calls.
    keep : int
        How many recorded steps to keep at most, 2 or more.

    Returns
    -------
    Recording
        Use it in a ``with`` block, or call its ``close()`` at the end.

    Raises
    ------
    TypeError
        If ``model`` is not a Module, or a number is not an int.
    ValueError
        If a number is too small, or ``what`` names something else.

    Notes
    -----
    Gradients are those in ``.grad`` after the last backward of the step, before anything clips them. An update is the
    change from a step to the beginning of the next one (or to ``close()``), whatever made it. Parameters go by their
    name in ``state_dict()``; one that is shared by the first of its names.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> model = tg.nn.Linear(2, 1)
    >>> optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> with viz.record(model, every=2) as recording:
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         model(tg.ones(3, 2)).sum().backward()
    ...         optimizer.step()
    >>> recording.steps
    [0, 2, 4]
    >>> recording.values("gradients", "bias", "mean")  # d sum / d bias: 1 for each of the three rows
    [3.0, 3.0, 3.0]
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"record: model must be an nn.Module, got {type(model).__name__}.")
    for name, value, least in (("every", every, 1), ("calls_per_step", calls_per_step, 1), ("keep", keep, 2)):
        _check_number(name, value, least)
    kinds = [what] if isinstance(what, str) else list(what)
    for kind in kinds or [""]:
        _check_kind("record", kind)
    return Recording(model, Observer(model, every, calls_per_step, frozenset(kinds), keep))


class Recording:
    """What was recorded of a model over the steps of its training; :func:`record` makes it.

    As a context manager it closes itself. Results can be read while it is open; the update of the last recorded step
    is known when the next step begins.

    Attributes
    ----------
    model : str
        The name of the model's class.
    """

    def __init__(self, model: nn.Module, observer: Observer) -> None:
        self.model = type(model).__name__
        self._observer = observer

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Recording of {self.model}: {len(self.steps)} steps, every={self.every}>"

    def close(self) -> None:
        """Stop recording and take all hooks out of the model; a second call does nothing."""
        self._observer.close()

    # ---- results as plain data

    @property
    def every(self) -> int:
        """Each how many-th step is recorded; more than was asked for after a long training."""
        return self._observer.every

    @property
    def steps(self) -> list[int]:
        """The numbers of the recorded steps, in order."""
        return [step.number for step in self._observer.steps]

    def names(self, what: str = "weights", match: str | Sequence[str] = "*") -> list[str]:
        """Return the names of what was recorded of a kind, in the order of the model.

        Parameters
        ----------
        what : str
            "weights", "gradients", "updates", "activations" or "activation_gradients".
        match : str or sequence of str
            Only names that fit one of these patterns: ``*`` stands for anything.

        Raises
        ------
        ValueError
            If ``what`` is something else.
        """
        _check_kind("names", what)
        patterns = [match] if isinstance(match, str) else list(match)
        # Of the weights, as gradients come in another order; they are a part of the weights.
        recorded = [key for step in self._observer.steps for key in step.points]
        in_order = [name for kind, name in recorded if kind == _ORDER.get(what, what)]
        present = {name for kind, name in recorded if kind == what}
        names = [name for name in dict.fromkeys([*in_order, *sorted(present)]) if name in present]
        return [name for name in names if any(name == p or fnmatchcase(name, p) for p in patterns)]

    def values(self, what: str, name: str, column: str) -> list[float]:
        """Return one number over the recorded steps; NaN at steps where there is none.

        Parameters
        ----------
        what, name : str
            As in :meth:`names`.
        column : str
            "mean", "std", "min", "max", "norm" (L2), the shares "zeros", "nan" and "inf"; of activations also the
            shares "dead" and "saturated", of updates "ratio".

        Raises
        ------
        ValueError
            If there is no such column, or ``what`` is not a kind.
        KeyError
            If nothing of that name was recorded.
        """
        _check_column("values", column)
        return [math.nan if point is None else point.value(column) for point in self._points(what, name)]

    def _points(self, what: str, name: str) -> list[Point | None]:
        """Return what was recorded under a name, None at steps without it."""
        _check_kind("values", what)
        points = [step.points.get((what, name)) for step in self._observer.steps]
        if not any(points):
            names = ", ".join(self.names(what)) or "none"
            raise KeyError(f"Recording: no {what} of {name!r} were recorded; there are {names}.")
        return points

    def rows(self, what: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        """Return all that was recorded as a list of dicts, ready for a data frame.

        Parameters
        ----------
        what, name : str, optional
            Only this kind, only this name.

        Returns
        -------
        list of dict
            For each step and tensor: "step", "what", "name", "module" (its class), "shape", "dtype", "calls",
            "trainable" (None unless a weight), the numbers of :meth:`values`, and the "edges" and "counts" of the
            histogram.
        """
        if what is not None:
            _check_kind("rows", what)
        return [
            row(step, kind, path, point)
            for step in self._observer.steps
            for (kind, path), point in list(step.points.items())
            if what in (None, kind) and name in (None, path)
        ]

    def table(self, what: str = "weights", step: int | None = None, match: str | Sequence[str] = "*") -> str:
        """Return a text to print: a line for each tensor with its numbers at one step.

        Parameters
        ----------
        what, match
            As in :meth:`names`.
        step : int, optional
            The number of a recorded step. Left out: the last one.

        Raises
        ------
        KeyError
            If that step was not recorded.
        """
        found = self._step(step)
        columns = [*_TABLE, *_EXTRA.get(what, ())]
        lines = [["name", "module", "shape", *columns]]
        for name in self.names(what, match):
            point = found and found.points.get((what, name))
            if point:
                shape = "×".join(map(str, point.shape)) or "scalar"
                numbers = [point.value(column) for column in columns]
                lines.append([name, point.module, shape, *("-" if math.isnan(v) else f"{v:.4g}" for v in numbers)])
        return aligned(lines)

    def _step(self, number: int | None) -> Step | None:
        steps = self._observer.steps
        if number is None:
            return steps[-1] if steps else None
        for step in steps:
            if step.number == number:
                return step
        raise KeyError(f"Recording.table: step {number} was not recorded; recorded are {self.steps}.")

    # ---- pictures

    def plot(
        self,
        what: str = "weights",
        *,
        kind: str | None = None,
        match: str | Sequence[str] = "*",
        column: str | None = None,
    ) -> Figure:
        """Draw what was recorded over the steps.

        Parameters
        ----------
        what : str
            "weights", "gradients", "updates", "activations" or "activation_gradients".
        kind : {"heatmap", "ridgeline", "curves"}, optional
            "heatmap": the histogram of each tensor over time, dark where many values are. "ridgeline": the same as
            one outline per step, the first at the back. "curves": one number of each tensor as a curve. Left out:
            curves for updates, else a heat map.
        match : str or sequence of str
            Only names that fit a pattern, such as ``"conv*.weight"``. A heat map or ridgeline shows the first twelve.
        column : str, optional
            The number that curves show, as in :meth:`values`. Left out: "ratio" for updates, "std" for activations,
            "norm" for the others.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such kind of plot or column, or nothing was recorded that could be drawn.
        """
        names = self.names(what, match)
        if not names:
            raise ValueError(f"Recording.plot: there are no {what} to draw: {self._why_empty(what, match)}")
        if column is not None:
            _check_column("plot", column)
        return draw(what, {name: self._points(what, name) for name in names}, self.steps, kind, column)

    def _why_empty(self, what: str, match: str | Sequence[str]) -> str:
        if not self.steps:
            return "no step was recorded; call the model in training mode while the recording is open."
        if names := self.names(what):
            return f"no name fits {match!r}; there are {', '.join(names)}."
        return f"none came at the recorded steps {self.steps}, or what= left them out."

    def save(self, path: str | os.PathLike[str], what: str = "weights", **plot: Any) -> Path:
        """Write a file, whole or not at all; the suffix chooses what.

        Parameters
        ----------
        path : str or path
            ``.html``: one page with a slider over the steps, that needs no network and no server. ``.json``: all that
            was recorded. ``.png``, ``.svg``: what :meth:`plot` draws.
        what, **plot
            For pictures: the arguments of :meth:`plot`.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            If the suffix is another.
        FileNotFoundError
            If the folder is not there.
        """
        target = Path(path)
        suffix = target.suffix[1:].lower()
        if suffix not in _SUFFIXES:
            raise ValueError(f"Recording.save: cannot write {target.name!r}; the suffix must be one of {_SUFFIXES}.")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"Recording.save: there is no folder {str(target.parent)!r}; make it first.")
        if suffix in ("html", "json"):
            data = self._as_data()
            content = as_page(data) if suffix == "html" else as_json(data)
        else:
            buffer = io.BytesIO()
            write(self.plot(what, **plot), buffer, suffix)
            content = buffer.getvalue()
        with replacing(target) as file:
            file.write(content)
        return target

    def _as_data(self) -> dict[str, Any]:
        """Return everything as JSON can say it: columns over the steps, a histogram as its bins."""
        recorded = [series(what, name, self._points(what, name)) for what in KINDS for name in self.names(what)]
        headings = {what: KINDS[what] for what in KINDS if any(s["what"] == what for s in recorded)}
        return {"model": self.model, "every": self.every, "steps": self.steps, "kinds": headings, "series": recorded}


_ORDER = {"gradients": "weights", "updates": "weights", "activation_gradients": "activations"}


def _check_number(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"record: {name} must be an int, got {type(value).__name__}.")
    if value < least:
        raise ValueError(f"record: {name} must be {least} or more, got {value}.")


def _check_kind(who: str, what: Any) -> None:
    if what not in KINDS:
        raise ValueError(f"{who}: what= must be one of {', '.join(KINDS)}; got {what!r}.")


def _check_column(who: str, column: Any) -> None:
    if column not in COLUMNS:
        raise ValueError(f"Recording.{who}: there is no column {column!r}; there are {', '.join(COLUMNS)}.")
