"""Figures and axes to draw on: new ones, or those that the caller gives. pyplot is never asked.

A Figure that is built directly belongs to nobody else: no window, no backend, no list of open figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .theme import LABEL, SMALL, TICK, TITLE, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "add_colorbar",
    "add_legend",
    "add_title",
    "at_least_one",
    "explain_missing",
    "figure_axes",
    "flat_axes",
    "root_figure",
    "single_axes",
]


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """Return an empty figure, in inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the sentence names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('viz.plots draws with matplotlib: pip install "tinygrad-edu[viz]".') from error
    figure = Figure(figsize=(width, height), facecolor=theme.background)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure


def single_axes(ax: Axes | None, theme: Theme, width: float, height: float) -> Axes:
    """Return the caller's axes, or those of a new figure."""
    return new_figure(width, height, theme).add_subplot() if ax is None else ax


def figure_axes(
    figure: Figure | SubFigure | None, theme: Theme, rows: int, columns: int, width: float, height: float
) -> list[list[Axes]]:
    """Divide the caller's figure, or a new one, into ``rows`` times ``columns`` axes."""
    where: Any = new_figure(width, height, theme) if figure is None else figure
    axes: list[list[Axes]] = where.subplots(rows, columns, squeeze=False).tolist()
    return axes


def flat_axes(
    who: str,
    figure: Figure | SubFigure | None,
    theme: Theme,
    count: int,
    columns: int | None,
    size: tuple[float, float],
    least: float = 3.2,
    beside: float = 0.0,
) -> list[Axes]:
    """Return so many axes in rows of ``columns``; None makes about a square.

    In a new figure each has about ``size`` inches, ``beside`` inches are left for a colour scale, and the whole is at
    least ``least`` wide.
    """
    wanted = int(np.ceil(count**0.5)) if columns is None else at_least_one(who, "columns", columns)
    across = min(wanted, count)
    rows = -(-count // across)
    axes = figure_axes(figure, theme, rows, across, max(size[0] * across + beside, least), size[1] * rows + 0.4)
    flat = [ax for row in axes for ax in row]
    for unused in flat[count:]:
        unused.remove()
    return flat[:count]


def at_least_one(who: str, name: str, value: int) -> int:
    """Return a number of things to draw.

    Raises
    ------
    ValueError
        If there are none of them.
    """
    if value < 1:
        raise ValueError(f"{who}: {name}={value} must be at least 1.")
    return value


def root_figure(ax: Axes) -> Figure:
    """Return the whole figure that axes stand in, also when they stand in a part of it."""
    figure: Any = ax.get_figure(root=True)
    found: Figure = figure
    return found


def add_title(ax: Axes, title: str | None, theme: Theme) -> None:
    """Write over the figure, or the part of it, that axes stand in; None writes nothing."""
    if title is not None:
        ax.figure.suptitle(title, fontsize=TITLE, color=theme.text)


def add_legend(ax: Axes, theme: Theme, least: int = 2, **where: Any) -> None:
    """Explain the artists that have a label, if there are so many: of one alone nothing is told apart."""
    if len(ax.get_legend_handles_labels()[0]) < least:
        return
    legend = ax.legend(fontsize=TICK, labelcolor=theme.text, facecolor=theme.background, edgecolor=theme.faint, **where)
    legend.get_frame().set_alpha(0.9)


def explain_missing(ax: Axes, theme: Theme) -> None:
    """Say in the legend what the colour of missing values means."""
    ax.scatter([], [], marker="s", s=60, color=theme.missing, label="NaN or infinite")


def add_colorbar(image: Any, axes: list[Axes], label: str, theme: Theme, ticks: list[float] | None = None) -> None:
    """Put a scale of an image's colours beside axes."""
    bar = axes[0].figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, aspect=25, shrink=0.9)
    if ticks is not None:
        bar.ax.minorticks_off()
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.tick_params(colors=theme.text, labelsize=SMALL, length=2)
    bar.set_label(label, color=theme.text, fontsize=LABEL if len(axes) == 1 else TICK)
    bar.outline.set_edgecolor(theme.faint)
