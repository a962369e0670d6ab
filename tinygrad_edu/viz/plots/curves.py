"""Training curves: how loss, accuracy and the like went, with training and validation in one panel."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .canvas import add_legend, add_title, flat_axes, root_figure
from .history import ROLES, Series, read_history
from .reading import shortened
from .theme import Theme, choose_theme, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["training_curves"]

_DASHES = {None: "-", "train": "-", "validation": "--", "test": ":"}
_COLUMNS = 3
_BROKEN = "NaN or infinite"


def training_curves(
    history: Any,
    *,
    metrics: Collection[str] | None = None,
    x: str = "epoch",
    log: bool | Collection[str] = False,
    smooth: float = 0.0,
    ax: Axes | None = None,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw how a training went: one panel for each metric, training, validation and test together in it.

    Values that are NaN or infinite are crosses at the upper edge: there the training broke down.

    Parameters
    ----------
    history : mapping, sequence of records, or sequence of numbers
        Names to numbers, ``{"train_loss": [...], "validation_loss": [...]}``; or one record (mapping, dataclass,
        named tuple) for each epoch; or the losses alone. A mapping of names to histories compares runs. Numbers may
        be tensors of one element; None stands for "not measured". ``train``, ``val``, ``validation`` or ``test`` at
        the beginning or end of a name says which data it was measured on.
    metrics : collection of str, optional
        Which panels, by the names without ``train_`` and the like. Default: all.
    x : str
        The name under the horizontal axis, and of the column that holds the places on it; without such a column,
        entries count from 1.
    log : bool or collection of str
        Logarithmic scale for all panels, or for those named.
    smooth : float
        From 0 (as measured) to below 1: weight of the past in a running mean; the measured line stays, faintly.
    ax : matplotlib.axes.Axes, optional
        Draw everything into these axes.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Draw the panels into this one.
    dark : bool
        Light lines on a dark page.
    title : str, optional
        Over the panels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If the history is none of the forms.
    ValueError
        If it is empty, a metric is not in it, ``smooth`` is out of range, or a logarithmic panel has no positive value.
    ImportError
        If matplotlib is not installed.
    """
    if not 0 <= smooth < 1:
        raise ValueError(f"training_curves: smooth={smooth} must be at least 0 and below 1.")
    theme = choose_theme(dark)
    panels = _panels(read_history(history, x), metrics)
    axes = (
        [ax] * len(panels)
        if ax is not None
        else flat_axes("training_curves", figure, theme, len(panels), min(len(panels), _COLUMNS), (4.2, 3.2), 5.2)
    )
    colors = _colors([line for lines in panels.values() for line in lines], theme, ax is not None)
    for panel, (metric, lines) in zip(axes, panels.items()):
        for line in lines:
            _draw(panel, line, colors[_color_key(line, ax is not None)], smooth, _label(line, ax is not None))
        if log is True or (not isinstance(log, bool) and metric in log):
            _make_logarithmic(panel, metric, lines)
        panel.set_xlabel(x)
        panel.set_ylabel(shortened(metric, 32) if ax is None or len(panels) == 1 else "")
        style_axes(panel, theme, grid=True)
        _count_in_whole_numbers(panel)
        add_legend(panel, theme)
    add_title(axes[0], title, theme)
    return root_figure(axes[0])


def _panels(series: list[Series], metrics: Collection[str] | None) -> dict[str, list[Series]]:
    """Sort the lines by metric, in the order asked for."""
    found = dict.fromkeys(line.metric for line in series)
    wanted = list(found) if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    missing = [metric for metric in wanted if metric not in found]
    if missing or not wanted:
        raise ValueError(f"training_curves: metrics={wanted}, but the history has {list(found)}; name some of these.")
    return {metric: [line for line in series if line.metric == metric] for metric in wanted}


def _color_key(line: Series, together: bool) -> Any:
    """Say what gives a line its colour: the run where runs are compared, else the data it was measured on."""
    if line.run is not None:
        return line.run
    return (line.metric, line.role) if together else line.role


def _colors(lines: list[Series], theme: Theme, together: bool) -> dict[Any, str]:
    keys = list(dict.fromkeys(_color_key(line, together) for line in lines))
    if not together and set(keys) <= {None, *ROLES}:
        return {key: theme.series[0 if key is None else ROLES.index(key)] for key in keys}
    return {key: theme.series[i % len(theme.series)] for i, key in enumerate(keys)}


def _label(line: Series, together: bool) -> str:
    parts = [line.run, line.role, line.metric if together or (line.run is None and line.role is None) else None]
    return shortened(" ".join(part for part in parts if part), 32)


def _draw(ax: Axes, line: Series, color: str, smooth: float, label: str) -> None:
    finite = np.isfinite(line.y)
    y = np.where(finite, line.y, np.nan)
    dots: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(y) <= 30 else {}
    if smooth:
        ax.plot(line.x, y, color=color, alpha=0.25, linewidth=1.0)
    shown = _running_mean(y, smooth) if smooth else y
    ax.plot(line.x, shown, color=color, linestyle=_DASHES[line.role], linewidth=1.8, label=label, **dots)
    if not finite.all():
        ax.plot(
            line.x[~finite],
            np.full((~finite).sum(), 0.97),
            "x",
            color=color,
            markersize=7,
            markeredgewidth=2,
            transform=ax.get_xaxis_transform(),
            label=None if _BROKEN in ax.get_legend_handles_labels()[1] else _BROKEN,
        )


def _running_mean(y: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Average with exponentially falling weights that sum to one from the first value on; NaN is passed over."""
    mean, total = 0.0, 0.0
    smoothed = np.full_like(y, np.nan)
    for i, value in enumerate(y):
        if not np.isnan(value):
            mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
            smoothed[i] = mean / total
    return smoothed


def _make_logarithmic(ax: Axes, metric: str, lines: list[Series]) -> None:
    if not any((line.y[np.isfinite(line.y)] > 0).any() for line in lines):
        raise ValueError(f"training_curves: {metric!r} has no positive value, so it has no logarithmic scale.")
    ax.set_yscale("log")


def _count_in_whole_numbers(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
