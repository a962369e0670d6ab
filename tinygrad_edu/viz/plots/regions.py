"""Decision regions: what a classifier of points in the plane answers everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import no_grad
from .canvas import add_legend, explain_missing, root_figure, single_axes
from .reading import class_names, read_array, read_labels, shortened
from .theme import Theme, choose_theme, class_colors, style_axes
from .undisturbed import evaluating, model_input

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["classes_at", "decision_regions"]

_BATCH = 8192  # points that the model sees at once
_MARKERS = "os^DvP*Xph"
_UNKNOWN = -1


def decision_regions(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    threshold: float = 0.0,
    resolution: int = 250,
    margin: float = 0.15,
    ax: Axes | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Colour the plane by the class that a model chooses there, and draw the points that it was made for.

    The model runs in evaluation mode and is left as it was. Where its output is not finite, the plane has the colour
    of what is missing.

    Parameters
    ----------
    model : callable
        From points (M, 2) to scores (M, C), of which the largest wins, or to one score each, (M,) or (M, 1), which
        means class 1 above the threshold and class 0 elsewhere.
    x : array or Tensor, shape (N, 2)
        The points; they say which part of the plane is drawn.
    y : array or Tensor, shape (N,), optional
        Their classes.
    classes : sequence of str, optional
        The names of the classes. Default: their numbers.
    threshold : float
        For models of one score: 0 for logits, 0.5 for probabilities.
    resolution : int
        So many places along each side are asked for.
    margin : float
        How much is drawn around the points, as a share of their range.
    ax : matplotlib.axes.Axes, optional
        Draw into these axes.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Default: how many of the points are right.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shapes do not fit, points are not finite, or the model's output is neither form.
    ImportError
        If matplotlib is not installed.
    """
    theme, (points, truth) = choose_theme(dark), _points_and_classes(model, x, y)
    if resolution < 2:
        raise ValueError(f"decision_regions: resolution={resolution} must be at least 2.")
    horizontal, vertical = (_side(points[:, axis], margin, resolution) for axis in (0, 1))
    plane = np.stack(np.meshgrid(horizontal, vertical), axis=-1).reshape(-1, 2)
    answers, count = classes_at(model, np.concatenate([plane, points]).astype(points.dtype), threshold)
    count = max(count, 0 if truth is None else int(truth.max()) + 1)
    names = class_names("decision_regions", classes, count)
    ax = single_axes(ax, theme, 6.0, 4.6)
    _paint(ax, horizontal, vertical, answers[: len(plane)].reshape(resolution, resolution), count, theme)
    _scatter(ax, points, truth, names, theme)
    unknown = bool((answers == _UNKNOWN).any())
    if unknown:
        explain_missing(ax, theme)
    style_axes(ax, theme)
    add_legend(ax, theme, 1 if unknown else 2, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    ax.set_title(_score(answers[len(plane) :], truth) if title is None else title)
    return root_figure(ax)


def _points_and_classes(model: Any, x: Any, y: Any) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    points = model_input(model, x).array
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"decision_regions: x {points.shape} must be (N, 2) finite numbers, at least one point.")
    classes = None if y is None else read_labels("decision_regions", "y", y)
    if classes is not None and len(classes) != len(points):
        raise ValueError(f"decision_regions: {len(points)} points but {len(classes)} classes; give one for each point.")
    return points, classes


def classes_at(model: Any, points: Any, threshold: float = 0.0) -> tuple[NDArray[np.int64], int]:
    """Ask a model for the class of each point (M, 2); -1 where its scores are not finite.

    Returns
    -------
    classes : ndarray of int64, shape (M,)
    count : int
        How many classes the model tells apart.

    Raises
    ------
    ValueError
        If the output is neither (M, C) nor (M,).
    """
    with evaluating(model), no_grad():
        scores = [_scores(model, points[i : i + _BATCH]) for i in range(0, len(points), _BATCH)]
    table = np.concatenate(scores)
    if table.shape[1] == 1:
        chosen, count = (table[:, 0] > threshold).astype(np.int64), 2
    else:
        chosen, count = table.argmax(1), table.shape[1]
    return np.where(np.isfinite(table).all(1), chosen, _UNKNOWN), count


def _scores(model: Any, points: NDArray[Any]) -> NDArray[Any]:
    scores = read_array(model(model_input(model, points)))
    table = scores[:, np.newaxis] if scores.ndim == 1 else scores
    if table.ndim != 2 or len(table) != len(points) or not table.shape[1]:
        raise ValueError(
            f"decision_regions: the model makes {scores.shape} of {points.shape}; it must be (M, C) or (M,)."
        )
    return table


def _side(values: NDArray[Any], margin: float, resolution: int) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    extra = margin * (high - low) or 1.0  # all on one line: some room around it
    return np.linspace(low - extra, high + extra, resolution)


def _paint(ax: Axes, x: Any, y: Any, answers: NDArray[np.int64], count: int, theme: Theme) -> None:
    """Fill the regions with pale colours of their classes, and draw the borders."""
    from matplotlib.colors import to_rgb

    behind = np.array(to_rgb(theme.background))
    pale = [0.45 * np.array(to_rgb(color)) + 0.55 * behind for color in class_colors(theme, count)]
    table = np.array([*pale, to_rgb(theme.missing)])  # -1, unknown, is the last row
    ax.imshow(table[answers], origin="lower", extent=(x[0], x[-1], y[0], y[-1]), aspect="auto", interpolation="nearest")
    for number in np.unique(answers):
        inside = answers == number
        if not inside.all():
            ax.contour(x, y, inside, levels=[0.5], colors=[theme.text], linewidths=0.8)


def _scatter(ax: Axes, points: NDArray[Any], truth: NDArray[np.int64] | None, names: list[str], theme: Theme) -> None:
    if truth is None:
        ax.scatter(points[:, 0], points[:, 1], s=16, color=theme.text, linewidths=0)
        return
    colors = class_colors(theme, len(names))
    for number in np.unique(truth):
        ax.scatter(
            points[truth == number, 0],
            points[truth == number, 1],
            s=26,
            color=[colors[number]],
            marker=_MARKERS[number % len(_MARKERS)],
            edgecolors=theme.text,
            linewidths=0.6,
            label=shortened(names[number], 20),
        )


def _score(answers: NDArray[np.int64], truth: NDArray[np.int64] | None) -> str:
    return "" if truth is None else f"{(answers == truth).sum()} of {len(truth)} right"
