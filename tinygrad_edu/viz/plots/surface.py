"""The loss surface: a function of two numbers, or of a model's weights in a plane, with the optimizer's path on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import no_grad
from ...creation import tensor
from ...nn import Module
from .canvas import add_colorbar, add_legend, explain_missing, root_figure, single_axes
from .directions import losses_on, make_plane, read_path
from .reading import read_array
from .theme import Theme, choose_theme, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["loss_surface"]

Array = NDArray[Any]
Range = tuple[float, float]
_LEVELS = 18
_DOTS = 60  # a path of more points is a line


def loss_surface(
    loss: Callable[..., Any],
    *,
    model: Module | None = None,
    path: Any = None,
    directions: Any = "random",
    x_range: Range | None = None,
    y_range: Range | None = None,
    resolution: int | None = None,
    log: bool = False,
    seed: int = 0,
    ax: Axes | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw a loss over two numbers as a map with contour lines, and the path that an optimizer took.

    Parameters
    ----------
    loss : callable
        Without a model: ``loss(x, y)`` of two 0-d float64 tensors. With one: ``loss(model)``, for example the cross
        entropy of a batch; the model is then in evaluation mode, and nothing is recorded.
    model : Module, optional
        Its weights are moved in a plane, and put back exactly as they were, also after an error.
    path : sequence, optional
        Without a model: points (T, 2). With one: its weights along the training, each entry a (cloned) state dict or
        a vector of all parameters. Drawn from a square to a star; with a model, the points of the plane nearest to it.
    directions : {"random", "pca"} or two vectors (2, P)
        What the axes are. "random": two random directions in which each filter is as long as the model's own (Li et
        al., 2018); weights of one axis, such as biases, stay. "pca": the two directions in which the path varies
        most; with random ones a path hardly seems to move. (0, 0) is the model as it is.
    x_range, y_range : tuple of float, optional
        Where the axes begin and end. Default: around the path, else -2 to 2; with random directions -1 to 1.
    resolution : int, optional
        So many places along each side are computed. Default: 60, with a model 25.
    log : bool
        Levels and colours by orders of magnitude, for losses that grow steeply.
    seed : int
        Of the random directions; the package's generator is not used.
    ax : matplotlib.axes.Axes, optional
        Draw into these axes.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Over the map.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If the model is no Module.
    ValueError
        If a range is empty, a path or the directions do not fit, or there is no finite (with ``log``: positive) value.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    Li, Xu, Taylor, Studer, Goldstein, "Visualizing the Loss Landscape of Neural Nets", 2018.
    """
    theme = choose_theme(dark)
    if model is None:
        points = None if path is None else _plane_path(path)
        x, y = _sides(points, x_range, y_range, resolution or 60, 2.0)
        table, labels = _table(loss, x, y), ("x", "y")
    else:
        plane = _model_plane(model, directions, path, seed)
        points = plane.path
        random = isinstance(directions, str) and directions == "random"
        x, y = _sides(None if random else points, x_range, y_range, resolution or 25, 1.0)
        table = losses_on(plane, model, loss, x, y)
        labels = _axis_labels(plane.shares)
    ax = single_axes(ax, theme, 6.4, 4.8)
    style_axes(ax, theme)
    _draw_levels(ax, x, y, table, log, theme)
    _draw_path(ax, points, model is not None, theme)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=labels[0], ylabel=labels[1], title=title or "")
    add_legend(ax, theme, least=1)
    return root_figure(ax)


def _plane_path(path: Any) -> Array:
    points = read_array([read_array(point) for point in path] if isinstance(path, (list, tuple)) else path)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"loss_surface: path has shape {points.shape}; it must be (T, 2), one point for each step.")
    return points.astype(float)


def _model_plane(model: Any, directions: Any, path: Any, seed: int) -> Any:
    if not isinstance(model, Module):
        raise TypeError(f"loss_surface: the model must be a Module, got {type(model).__name__}.")
    if not list(model.parameters()):
        raise ValueError("loss_surface: the model has no parameters, so its loss is one number.")
    return make_plane(model, directions, None if path is None else read_path(model, path), seed)


def _sides(points: Array | None, x_range: Range | None, y_range: Range | None, resolution: int, reach: float) -> Any:
    """Return the places along both sides: as asked for, else around the path."""
    if resolution < 2:
        raise ValueError(f"loss_surface: resolution={resolution} must be at least 2.")
    sides = []
    for axis, wanted in enumerate((x_range, y_range)):
        low, high = wanted or _around(None if points is None else points[:, axis], reach)
        if not low < high:
            raise ValueError(f"loss_surface: the range ({low}, {high}) is empty; give (low, high) with low < high.")
        sides.append(np.linspace(low, high, resolution))
    return sides


def _around(values: Array | None, reach: float) -> Range:
    finite = np.zeros(0) if values is None else values[np.isfinite(values)]
    if not len(finite):
        return -reach, reach
    low, high = float(finite.min()), float(finite.max())
    extra = 0.3 * (high - low) or reach
    return low - extra, high + extra


def _table(loss: Callable[..., Any], x: Array, y: Array) -> NDArray[np.float64]:
    """Compute a function place by place: whatever it is made of, it sees two numbers."""
    values = np.empty((len(y), len(x)))
    with no_grad(), np.errstate(all="ignore"):
        for i, j in np.ndindex(values.shape):
            values[i, j] = float(loss(tensor(x[j], dtype=np.float64), tensor(y[i], dtype=np.float64)))
    return values


def _axis_labels(shares: tuple[float, float] | None) -> tuple[str, str]:
    if shares is None:
        return "first direction", "second direction"
    first, second = (f"{share:.0%} of the path's variance" for share in shares)
    return f"first direction ({first})", f"second direction ({second})"


def _draw_levels(ax: Axes, x: Array, y: Array, table: NDArray[np.float64], log: bool, theme: Theme) -> None:
    """Fill between levels; where the loss is not finite, the colour of what is missing shows through."""
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import MaxNLocator

    usable = np.isfinite(table) & ((table > 0) | (not log))
    if not usable.any():
        raise ValueError(
            f"loss_surface: no {'positive and ' if log else ''}finite value between the ranges; choose others."
        )
    low, high = float(table[usable].min()), float(table[usable].max())
    if low == high:
        low, high = low - (0.5 * abs(low) or 0.5), high + (0.5 * abs(high) or 0.5)
    levels = np.geomspace(low, high, _LEVELS) if log else MaxNLocator(_LEVELS).tick_values(low, high)
    masked = np.ma.array(np.where(usable, np.clip(table, low, high), low), mask=~usable)
    norm = LogNorm(low, high) if log else Normalize(levels[0], levels[-1])
    filled = ax.contourf(x, y, masked, levels=levels, cmap="viridis", norm=norm)
    ax.contour(x, y, masked, levels=levels, colors="white", linewidths=0.4, alpha=0.5)
    add_colorbar(filled, [ax], "loss", theme, _round_numbers(low, high) if log else None)
    if not usable.all():
        ax.set_facecolor(theme.missing)
        explain_missing(ax, theme)


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten in a range, or where that is long the powers alone."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if len(powers) <= 4 else (1,)
    every = -(-len(powers) // 9)
    return [step * 10.0**power for power in powers[::every] for step in steps if low <= step * 10.0**power <= high]


def _draw_path(ax: Axes, points: Array | None, ends_in_model: bool, theme: Theme) -> None:
    if points is None:
        if ends_in_model:
            ax.plot(0, 0, "*", color="#ffffff", markeredgecolor="#111111", markersize=13, label="the model")
        return
    ax.plot(*points.T, color="#111111", linewidth=2.8)  # around the line, which is white, on any colour
    dots: dict[str, Any] = {"marker": "o", "markersize": 4, "markeredgecolor": "#111111", "markeredgewidth": 0.5}
    ax.plot(*points.T, color="#ffffff", linewidth=1.6, **(dots if len(points) <= _DOTS else {}))
    for place, marker, label in ((0, "s", "start"), (-1, "*", "end")):
        ax.plot(
            *points[place],
            marker,
            color="#ff9e4a",
            markeredgecolor="#111111",
            markersize=7 if marker == "s" else 14,
            label=label,
            linestyle="none",
        )
