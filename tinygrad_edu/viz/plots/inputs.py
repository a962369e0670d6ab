"""Saliency: which pixels of an image the score of a class answers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import grad, inference_mode
from .canvas import add_colorbar, add_title, at_least_one, figure_axes, root_figure
from .pictures import as_images, draw_image, draw_map, draw_signed, largest, to_unit_range
from .reading import class_names, read_array, read_labels, shortened
from .theme import TICK, Theme, choose_theme
from .undisturbed import evaluating, model_input

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["input_gradient", "saliency"]

_COLUMNS = 8


def saliency(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    signed: bool = False,
    classes: Sequence[Any] | None = None,
    limit: int = 8,
    image_shape: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw images over the gradient of a class's score with respect to their pixels.

    The score is the model's output for the class, before any softmax. The model runs in evaluation mode and is left
    as it was, its gradients too.

    Parameters
    ----------
    model : callable
        From a batch to scores (N, C).
    x : array or Tensor
        Images (N, C, H, W), (N, H, W) with ``image_shape``, or one image (C, H, W) with 1 or 3 channels.
    target : int, array or Tensor, optional
        The class, or one for each image (N,). Default: the one that the model chooses.
    signed : bool
        False draws the largest magnitude over the channels, as Simonyan et al. do. True draws the gradient itself:
        red pixels raise the score when they grow, blue ones lower it.
    classes : sequence of str, optional
        The names of the classes. Default: their numbers.
    limit : int
        Draw the first so many.
    image_shape : sequence of int, optional
        (C, H, W) or (H, W), for models that take flat images (N, D).
    value_range, figure, dark, title
        As in :func:`predictions`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shapes or lengths do not fit, a class is not there, or the output does not depend on the input.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
    Saliency Maps", 2013.
    """
    theme, shown = choose_theme(dark), at_least_one("saliency", "limit", limit)
    batch = read_array(x)
    if image_shape is None and batch.ndim != 4:
        batch = as_images("saliency", batch)
    chosen = target if target is None or np.ndim(read_array(target)) == 0 else read_array(target)[:shown]
    gradient, chosen = input_gradient(model, batch[:shown], chosen)
    images = to_unit_range(as_images("saliency", batch[:shown], image_shape), value_range)
    maps = as_images("saliency", gradient, image_shape)
    names = class_names("saliency", classes, int(chosen.max()) + 1)
    axes = _pairs(figure, theme, len(images))
    for (above, _), image, number in zip(axes, images, chosen):
        draw_image(above, image, theme)
        above.set_title(shortened(names[number], 14), fontsize=TICK, color=theme.text, pad=4)
    _draw_maps(axes, maps, signed, theme)
    add_title(axes[0][0], title, theme)
    return root_figure(axes[0][0])


def input_gradient(model: Any, x: Any, target: Any = None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Differentiate the score of a class with respect to the input.

    Parameters
    ----------
    model : callable
        From a batch to scores (N, C).
    x : array or Tensor, shape (N, *)
        The batch.
    target : int or array (N,), optional
        Default: the class of the highest score.

    Returns
    -------
    gradient : ndarray, shape (N, *)
    target : ndarray of int64, shape (N,)
        The classes that the scores belong to.

    Raises
    ------
    ValueError
        If the model's output is not (N, C), a target is not among the classes, or the output does not depend on the
        input.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> weight = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> input_gradient(lambda x: x @ weight, [[1.0, 1.0]])
    (array([[2., 4.]], dtype=float32), array([1]))
    """
    # inference_mode(False) records also where the caller said no_grad or inference_mode.
    with evaluating(model), inference_mode(False):
        batch = model_input(model, x).requires_grad_()
        scores = model(batch)
        if scores.ndim != 2 or len(scores) != len(batch):
            raise ValueError(
                f"saliency: the model's output has shape {tuple(scores.shape)}, not (N, C) of one row an image."
            )
        if not scores.requires_grad:
            raise ValueError("saliency: the model's output does not depend on its input by recorded operations.")
        chosen = _targets(target, scores.detach().array)
        # Summed: an image's score depends on that image alone, so each gets the gradient of its own.
        total = scores[np.arange(len(batch)), chosen].sum()
        (gradient,) = grad(total, batch, allow_unused=True)
    if gradient is None:
        raise ValueError("saliency: the model's output does not depend on its input by recorded operations.")
    return gradient.array, chosen


def _targets(target: Any, scores: NDArray[Any]) -> NDArray[np.int64]:
    count, classes = scores.shape
    if target is None:
        best: NDArray[np.int64] = scores.argmax(1)
        return best
    given = read_array(target)
    chosen = read_labels("saliency", "target", np.full(count, given) if given.ndim == 0 else given)
    if len(chosen) != count:
        raise ValueError(f"saliency: {len(chosen)} targets for {count} images; give one class, or one for each image.")
    if (chosen >= classes).any():
        raise ValueError(f"saliency: target {chosen.max()} is not among the {classes} classes 0 to {classes - 1}.")
    return chosen


def _pairs(figure: Figure | SubFigure | None, theme: Theme, count: int) -> list[tuple[Axes, Axes]]:
    """Return for every image the axes above and below."""
    columns = min(count, _COLUMNS)
    blocks = -(-count // columns)
    axes = figure_axes(figure, theme, 2 * blocks, columns, max(1.25 * columns + 0.9, 3.0), 2.75 * blocks)
    pairs = [(axes[2 * b][c], axes[2 * b + 1][c]) for b in range(blocks) for c in range(columns)]
    for pair in pairs[count:]:
        for unused in pair:
            unused.remove()
    return pairs[:count]


def _draw_maps(axes: list[tuple[Axes, Axes]], maps: NDArray[Any], signed: bool, theme: Theme) -> None:
    """Draw each gradient on a scale of its own: only its pattern can be compared between images."""
    drawn = None
    for (_, ax), gradient in zip(axes, maps):
        scaled = gradient / largest(gradient)
        if signed:
            drawn = draw_signed(ax, scaled, 1.0, theme)
        else:
            drawn = draw_map(ax, np.abs(scaled).max(0), (0.0, 1.0), theme, "viridis")
    if drawn is not None:
        label = "gradient (scaled)" if signed else "|gradient| (scaled)"
        add_colorbar(drawn, [ax for pair in axes for ax in pair], label, theme)
