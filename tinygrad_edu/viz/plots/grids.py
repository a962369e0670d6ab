"""Images in rows and columns: with what a model answered, and before and after they were changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import no_grad
from .canvas import add_colorbar, add_title, at_least_one, figure_axes, flat_axes, root_figure
from .pictures import as_images, draw_image, draw_signed, largest, to_unit_range
from .reading import Answers, class_names, read_answers, read_array, read_labels, shortened
from .theme import LABEL, TICK, Theme, choose_theme
from .undisturbed import evaluating, model_input

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["before_after", "predictions"]


def predictions(
    images: Any,
    labels: Any,
    answers: Any,
    classes: Sequence[Any] | None = None,
    *,
    limit: int = 25,
    columns: int | None = None,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw images with a model's answers: a tick where it was right, a cross, a frame and the truth where not.

    Parameters
    ----------
    images : array or Tensor
        (N, C, H, W) or (N, H, W), with 1 or 3 channels.
    labels : array or Tensor, shape (N,), or None
        The true classes; None where they are not known.
    answers : array or Tensor
        Predicted classes (N,), or logits or probabilities (N, C), which give the confidence too.
    classes : sequence of str, optional
        The names of the classes. Default: their numbers.
    limit : int
        Draw the first so many.
    columns : int, optional
        Images in a row. Default: as many as make a square.
    image_shape : sequence of int, optional
        (C, H, W) or (H, W), for images that come flat.
    value_range : tuple of float, optional
        What is black and what is white. Default: 0 and 1 for floats that lie between, else the smallest and largest.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Draw into this one.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Default: how many of all N are right.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shapes or lengths do not fit, or there are fewer names than classes.
    ImportError
        If matplotlib is not installed.
    """
    given = read_answers("predictions", "answers", answers)
    count = len(given.predicted)
    pictures = to_unit_range(as_images("predictions", images, image_shape, count), value_range)
    truth = None if labels is None else read_labels("predictions", "labels", labels)
    if truth is not None and len(truth) != count:
        raise ValueError(f"predictions: {len(truth)} labels but {count} answers; give one for each image.")
    names = class_names("predictions", classes, max(given.classes, 0 if truth is None else int(truth.max()) + 1))
    theme, shown = choose_theme(dark), min(count, at_least_one("predictions", "limit", limit))
    longest = min(max(map(len, names)), 14)
    axes = flat_axes("predictions", figure, theme, shown, columns, (0.95 + 0.07 * max(longest - 4, 0), 1.3))
    for i, ax in enumerate(axes):
        draw_image(ax, pictures[i], theme)
        _write_answer(ax, i, given, None if truth is None else truth[i], names, theme)
    add_title(axes[0], _score(given, truth) if title is None else title, theme)
    return root_figure(axes[0])


def _write_answer(ax: Axes, i: int, given: Answers, truth: Any, names: list[str], theme: Theme) -> None:
    answer = _answer(given, i, names)
    if truth is None:
        ax.set_title(answer, fontsize=TICK, color=theme.text, pad=4)
        return
    right = given.predicted[i] == truth
    text = f"✓ {answer}" if right else f"✗ {answer}"
    ax.set_title(text, fontsize=TICK, color=theme.right if right else theme.wrong, pad=4)
    if not right:
        ax.set_xlabel(f"true: {shortened(names[truth], 14)}", fontsize=TICK, color=theme.wrong, labelpad=4)
        _frame(ax, theme.wrong)


def _answer(given: Answers, i: int, names: list[str]) -> str:
    """Write the class chosen and how sure the model was of it."""
    if given.predicted[i] < 0:
        return "NaN"
    name = shortened(names[given.predicted[i]], 14)
    return name if given.confidence is None else f"{name} {_percent(given.confidence[i])}"


def _percent(share: float) -> str:
    """Round to whole percents, but never up to certainty."""
    return f"{share:.0%}" if share <= 0.99 or share == 1 else ">99%"


def _frame(ax: Axes, color: str) -> None:
    for spine in ax.spines.values():
        spine.set(visible=True, color=color, linewidth=2.5)


def _score(given: Answers, truth: NDArray[np.int64] | None) -> str | None:
    if truth is None:
        return None
    right = int((given.predicted == truth).sum())
    return f"{right} of {len(truth)} right"


def before_after(
    before: Any,
    after: Any,
    *,
    model: Any = None,
    answers: tuple[Any, Any] | None = None,
    labels: Any = None,
    classes: Sequence[Any] | None = None,
    limit: int = 4,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw images before and after a change, with the difference between, one row each.

    Made for adversarial examples: the change can hardly be seen, yet the answer is another.

    Parameters
    ----------
    before, after : array or Tensor
        (N, C, H, W), (N, H, W) or one image, of the same shape.
    model : callable, optional
        Asked for its logits (N, C) on both, in evaluation mode; it is left as it was.
    answers : tuple of two, optional
        Instead of a model: what it said before and after, each classes (N,) or logits (N, C).
    labels : array or Tensor, shape (N,), optional
        The true classes: right and wrong are then told apart.
    classes : sequence of str, optional
        The names of the classes. Default: their numbers.
    limit : int
        Draw the first so many.
    image_shape, value_range, figure, dark, title
        As in :func:`predictions`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shapes or lengths do not fit, or both a model and answers are given.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples", 2014.
    """
    if model is not None and answers is not None:
        raise ValueError("before_after: got a model and answers; give one of them.")
    theme = choose_theme(dark)
    pair = [read_array(before), read_array(after)]
    if pair[0].shape != pair[1].shape:
        raise ValueError(
            f"before_after: before has shape {pair[0].shape} but after {pair[1].shape}; they must be equal."
        )
    images = [as_images("before_after", one, image_shape) for one in pair]
    given = _both_answers(pair, images, model, answers)
    truth = None if labels is None else read_labels("before_after", "labels", labels)
    _check_lengths(len(images[0]), given, truth)
    names = class_names("before_after", classes, _class_count(given, truth))
    count = min(len(images[0]), at_least_one("before_after", "limit", limit))
    axes = figure_axes(figure, theme, count, 3, 6.4, 1.95 * count + 0.6)
    _draw_rows(axes, images, value_range, theme)
    for i, row in enumerate(axes):
        for ax, said in zip((row[0], row[2]), given):
            _write_answer(ax, i, said, None if truth is None else truth[i], names, theme)
    add_title(axes[0][0], title, theme)
    return root_figure(axes[0][0])


def _both_answers(pair: list[Any], images: list[Any], model: Any, answers: tuple[Any, Any] | None) -> list[Answers]:
    if model is not None:
        # A single image gets the axis of the batch that models expect.
        batches = [images[i] if pair[i].ndim in (2, 3) else pair[i] for i in range(2)]
        with evaluating(model), no_grad():
            answers = model(model_input(model, batches[0])), model(model_input(model, batches[1]))
    if answers is None:
        return []
    return [read_answers("before_after", "answers", said) for said in answers]


def _check_lengths(count: int, given: list[Answers], truth: NDArray[np.int64] | None) -> None:
    lengths = [len(said.predicted) for said in given] + ([] if truth is None else [len(truth)])
    if any(length != count for length in lengths):
        raise ValueError(f"before_after: {count} images, but answers and labels for {lengths}; give one for each.")


def _class_count(given: list[Answers], truth: NDArray[np.int64] | None) -> int:
    return max([said.classes for said in given] + ([] if truth is None else [int(truth.max()) + 1]), default=0)


def _draw_rows(
    axes: list[list[Axes]], images: list[Any], value_range: tuple[float, float] | None, theme: Theme
) -> None:
    shown = len(axes)
    first, last = (image[:shown] for image in images)
    # One range for both, so that equal pixels look equal.
    both = to_unit_range(np.concatenate([first, last]), value_range)
    difference = last.astype(float) - first.astype(float)
    limit = largest(difference)
    for i, (left, middle, right) in enumerate(axes):
        draw_image(left, both[i], theme)
        drawn = draw_signed(middle, difference[i], limit, theme)
        draw_image(right, both[shown + i], theme)
        middle.set_title(f"largest change {_largest_change(difference[i])}", fontsize=TICK, color=theme.text, pad=4)
        if drawn is not None:
            add_colorbar(drawn, [middle], "", theme)
    for ax, text in zip(axes[0], ("before", "after − before", "after")):
        ax.annotate(text, (0.5, 1.2), xycoords="axes fraction", ha="center", fontsize=LABEL, color=theme.text)


def _largest_change(difference: NDArray[np.float64]) -> str:
    return f"{np.abs(difference).max():.2g}" if np.isfinite(difference).all() else "NaN"
