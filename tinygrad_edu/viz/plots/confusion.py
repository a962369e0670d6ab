"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .canvas import add_colorbar, root_figure, single_axes
from .reading import class_names, read_answers, read_array, read_labels, shortened
from .theme import SMALL, TICK, Theme, choose_theme, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix"]

_WHOLES = {"true": "of the true class", "predicted": "of the predicted class", "all": "of all"}
_WRITTEN = 25  # with more classes than this the cells are too small for numbers
_LETTERS = 20  # of a class's name


def confusion_matrix(
    targets: Any,
    predictions: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    normalize: str | None = None,
    ax: Axes | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw how often each class was taken for each: rows are the truth, columns the answers.

    Parameters
    ----------
    targets : array or Tensor
        The true classes (N,); or, without ``predictions``, the counts (C, C).
    predictions : array or Tensor, optional
        The answers: classes (N,), or logits (N, C).
    classes : sequence of str, optional
        The names of the classes. Default: their numbers.
    normalize : {None, "true", "predicted", "all"}
        None colours by the counts. The others colour by shares, and write them over the counts: "true" of the row
        (recall stands in the diagonal), "predicted" of the column (precision), "all" of everything.
    ax : matplotlib.axes.Axes, optional
        Draw into these axes.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Default: the accuracy, with its counts.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shapes or lengths do not fit, counts are negative or not finite, classes are no whole numbers, or
        ``normalize`` is another word.
    ImportError
        If matplotlib is not installed.
    """
    if normalize is not None and normalize not in _WHOLES:
        raise ValueError(f"confusion_matrix: normalize={normalize!r} must be None or one of {list(_WHOLES)}.")
    counts = _read_counts(targets) if predictions is None else _count(targets, predictions, classes)
    names = class_names("confusion_matrix", classes, len(counts))
    theme, size = choose_theme(dark), len(counts)
    side = min(max(0.55 * size, 2.4), 9.5) + 0.08 * min(max(map(len, names)), _LETTERS)  # cells, and the names beside
    ax = single_axes(ax, theme, side + 2.2, side + 0.9)
    shares = _shares(counts, normalize)
    image = ax.imshow(np.ma.masked_invalid(shares), cmap=_colormap(theme), vmin=0, vmax=_top(shares, normalize))
    style_axes(ax, theme, frame=False)
    _write_cells(ax, counts, shares if normalize else None, image)
    _name_classes(ax, names[:size])
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.set_title(_accuracy(counts) if title is None else title)
    add_colorbar(image, [ax], f"share {_WHOLES[normalize]}" if normalize else "count", theme)
    return root_figure(ax)


def _read_counts(value: Any) -> NDArray[Any]:
    counts = read_array(value)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(
            f"confusion_matrix: counts have shape {counts.shape}, not (C, C); with targets (N,) give predictions."
        )
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("confusion_matrix: counts must be finite and not negative.")
    return counts


def _count(targets: Any, predictions: Any, classes: Sequence[Any] | None) -> NDArray[Any]:
    """Count pairs of classes. Scores that are not finite are no answer, so they cannot be counted."""
    truth = read_labels("confusion_matrix", "targets", targets)
    answers = read_answers("confusion_matrix", "predictions", predictions)
    if len(truth) != len(answers.predicted) or not len(truth):
        raise ValueError(
            f"confusion_matrix: {len(truth)} targets but {len(answers.predicted)} predictions; give one for "
            "each, and at least one."
        )
    if (answers.predicted < 0).any():
        raise ValueError(f"confusion_matrix: {(answers.predicted < 0).sum()} rows of logits are not finite.")
    size = max(int(truth.max()) + 1, answers.classes, len(classes or ()))
    return np.bincount(truth * size + answers.predicted, minlength=size * size).reshape(size, size)


def _shares(counts: NDArray[Any], normalize: str | None) -> NDArray[np.float64]:
    """Divide by what ``normalize`` names; a class that never occurs has no shares, so NaN."""
    if normalize is None:
        return counts.astype(float)
    axis = {"true": 1, "predicted": 0, "all": None}[normalize]
    whole = counts.sum(axis=axis, keepdims=True).astype(float)
    shares: NDArray[np.float64] = counts / np.where(whole > 0, whole, np.nan)
    return shares


def _top(shares: NDArray[np.float64], normalize: str | None) -> float:
    """Return the value of the strongest colour: a row's or column's share reaches one."""
    return 1.0 if normalize in ("true", "predicted") else max(float(np.nanmax(shares, initial=0.0)), 1e-12)


def _colormap(theme: Theme) -> Any:
    from matplotlib import colormaps

    return colormaps[theme.sequential].with_extremes(bad=theme.faint)


def _write_cells(ax: Axes, counts: NDArray[Any], shares: NDArray[np.float64] | None, image: Any) -> None:
    size = len(counts)
    if size > _WRITTEN:
        return
    fontsize = TICK if size <= 12 else SMALL - 0.14 * (size - 12)
    colors = image.cmap(image.norm(image.get_array()))
    for i, j in np.ndindex(size, size):
        if size > 12 and not counts[i, j]:
            continue  # the others are found more easily
        text = f"{counts[i, j]:g}"
        if shares is not None:
            share = "–" if np.isnan(shares[i, j]) else f"{shares[i, j]:.0%}"
            text = f"{share}\n{text}" if size <= 12 else share
        ax.text(j, i, text, ha="center", va="center", fontsize=fontsize, color=_readable_on(colors[i, j]))


def _readable_on(color: NDArray[Any]) -> str:
    """Choose dark or light letters by the luminance of what is behind them."""
    return "#111111" if color[:3] @ np.array([0.299, 0.587, 0.114]) > 0.5 else "#ffffff"


def _name_classes(ax: Axes, names: list[str]) -> None:
    """Write the names at both sides; of very many classes only some."""
    every = -(-len(names) // 40)
    places = list(range(0, len(names), every))
    shown = [shortened(names[i], _LETTERS) for i in places]
    slanted = max(map(len, shown)) > 3
    ax.set_xticks(places, shown, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    ax.set_yticks(places, shown)
    if slanted:
        for label in ax.get_xticklabels():
            label.set_rotation_mode("anchor")


def _accuracy(counts: NDArray[Any]) -> str:
    total, right = counts.sum(), np.trace(counts)
    return f"accuracy {right / total:.1%} ({right:g} of {total:g})" if total else "nothing counted"
