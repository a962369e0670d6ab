"""What a layer looks for and what it sees: its filters as images, and the maps that it computes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import no_grad
from ...nn import Conv2d, Module
from ...tensor import Tensor
from .canvas import add_colorbar, add_title, at_least_one, flat_axes, root_figure
from .pictures import as_images, draw_image, draw_map, draw_signed, largest, to_unit_range
from .reading import read_array
from .theme import SMALL, TICK, Theme, choose_theme
from .undisturbed import evaluating, model_input

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["feature_maps", "filters", "outputs_of"]

Array = NDArray[Any]
_CHANNELS = 16  # of filters with very many, only the first are drawn


def filters(
    weight: Any,
    *,
    image_shape: Sequence[int] | None = None,
    limit: int = 64,
    columns: int | None = None,
    cmap: str | None = None,
    shared: bool = True,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw the filters of a layer as images.

    Filters of three channels are drawn as colours around grey, others in two colours for the two signs, white (on
    dark: black) being zero; where there are more channels, each filter is a row and each channel a column.

    Parameters
    ----------
    weight : array, Tensor or Module
        Weights of a convolution (O, C, KH, KW), or of a linear layer (O, D) together with ``image_shape``; or the
        layer itself.
    image_shape : sequence of int, optional
        (C, H, W) or (H, W): how a linear layer's D inputs stood in the image.
    limit : int
        Draw the first so many filters.
    columns : int, optional
        Filters in a row. Default: as many as make a square.
    cmap : str, optional
        matplotlib's name of other colours, such as "gray".
    shared : bool
        True draws all filters on one scale, False each on its own, on which its pattern shows best.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Draw into this one.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Over all.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the weights have another shape.
    ImportError
        If matplotlib is not installed.
    """
    theme = choose_theme(dark)
    kernels = _as_kernels(weight.weight if isinstance(weight, Module) else weight, image_shape)
    pictures, columns = _as_pictures(kernels, at_least_one("filters", "limit", limit), columns)
    axes = flat_axes("filters", figure, theme, len(pictures), columns, (0.8, 0.8), 2.4, 0.9)
    drawn, top = None, largest(pictures) if shared else 1.0
    for ax, picture in zip(axes, pictures):
        drawn = draw_signed(ax, picture if shared else picture / largest(picture), top, theme, cmap)
    if drawn is not None:
        add_colorbar(drawn, axes, "weight" if shared else "weight / the filter's largest", theme)
    if kernels.shape[1] not in (1, 3):
        _name_rows_and_columns(axes, columns or 1, theme)
    add_title(axes[0], title, theme)
    return root_figure(axes[0])


def _as_kernels(weight: Any, image_shape: Sequence[int] | None) -> Array:
    """Return filters (O, C, KH, KW)."""
    array = read_array(weight)
    if image_shape is not None:
        shape = tuple(image_shape) if len(image_shape) == 3 else (1, *image_shape)
        if array.ndim != 2 or len(shape) != 3 or np.prod(shape) != array.shape[1]:
            raise ValueError(f"filters: weight {array.shape} is not (O, D) with D inputs of image_shape={image_shape}.")
        array = array.reshape(-1, *shape)
    if array.ndim != 4 or not array.size:
        raise ValueError(
            f"filters: weight has shape {array.shape}; give (O, C, KH, KW), or (O, D) with image_shape=(C, H, W)."
        )
    return array


def _as_pictures(kernels: Array, limit: int, columns: int | None) -> tuple[Array, int | None]:
    """Return the pictures (P, C, KH, KW), C being 1 or 3: of many channels each is a picture, a row for a filter."""
    channels = kernels.shape[1]
    if channels in (1, 3):
        return kernels[:limit], columns
    shown = min(channels, _CHANNELS, limit)
    rows = kernels[: max(limit // shown, 1), :shown]
    return rows.reshape(-1, 1, *kernels.shape[2:]), shown


def _name_rows_and_columns(axes: list[Axes], columns: int, theme: Theme) -> None:
    for row, ax in enumerate(axes[::columns]):
        ax.set_ylabel(f"filter {row}", fontsize=SMALL, color=theme.text)
    for column, ax in enumerate(axes[:columns]):
        ax.set_title(f"ch. {column}", fontsize=SMALL, color=theme.text, pad=4)


def feature_maps(
    model: Any,
    x: Any,
    *,
    layer: str | Module | None = None,
    limit: int = 32,
    columns: int | None = None,
    cmap: str | None = None,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw an image and the maps that a layer computes of it, all on one scale.

    The model runs in evaluation mode and is left as it was.

    Parameters
    ----------
    model : Module
        The network.
    x : array or Tensor
        One image (C, H, W), or a batch (N, C, H, W) of which the first is taken.
    layer : str or Module, optional
        The layer, or its name in ``model.named_modules()``. Default: the first convolution.
    limit : int
        Draw the first so many maps.
    columns : int, optional
        Pictures in a row. Default: as many as make a square.
    cmap : str, optional
        matplotlib's name of other colours. Default: "viridis", or around zero where there are negative values.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Draw into this one.
    dark : bool
        Light letters on a dark page.
    title : str, optional
        Default: the layer and the shape of what it computes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If the model is no Module.
    ValueError
        If there is no such layer, or it computes no maps (N, C, H, W).
    RuntimeError
        If the layer is not used in the forward pass.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2013.
    """
    theme = choose_theme(dark)
    name, module = _find_layer(model, layer)
    image = as_images("feature_maps", x)[:1] if read_array(x).ndim != 4 else read_array(x)[:1]
    maps = outputs_of(model, module, image, name)
    if maps.ndim != 4 or not maps.size:
        raise ValueError(f"feature_maps: layer {name!r} computes {maps.shape}, not maps (N, C, H, W); name another.")
    shown = maps[0, : at_least_one("feature_maps", "limit", limit)]
    with_image = image.shape[1] in (1, 3)
    axes = flat_axes("feature_maps", figure, theme, len(shown) + with_image, columns, (1.1, 1.2), beside=0.9)
    if with_image:
        draw_image(axes[0], to_unit_range(image)[0], theme)
        axes[0].set_title("input", fontsize=TICK, color=theme.text, pad=4)
    _draw_maps(axes[with_image:], shown, cmap, theme)
    add_title(axes[0], f"{name} ({type(module).__name__}): {_by(maps.shape[1:])}" if title is None else title, theme)
    return root_figure(axes[0])


def _by(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _find_layer(model: Any, layer: str | Module | None) -> tuple[str, Module]:
    if not isinstance(model, Module):
        raise TypeError(f"feature_maps: the model must be a Module, got {type(model).__name__}.")
    named = dict(model.named_modules())
    for name, module in named.items():
        if module is layer or name == layer or (layer is None and isinstance(module, Conv2d)):
            return name or "model", module
    if layer is None:
        raise ValueError("feature_maps: the model has no Conv2d; name a layer that computes maps (N, C, H, W).")
    what = repr(layer) if isinstance(layer, str) else type(layer).__name__
    raise ValueError(f"feature_maps: the model has no layer {what}; it has {[name for name in named if name]}.")


def outputs_of(model: Module, layer: Module, x: Any, name: str = "") -> Array:
    """Run a model in evaluation mode and return what one of its layers computed, at its first call.

    Raises
    ------
    RuntimeError
        If the layer was not called.
    TypeError
        If it returned something else than a Tensor.
    """
    seen: list[Any] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        # A copy: a layer after it may write in place.
        seen.append(output.array.copy() if isinstance(output, Tensor) else output)

    handle = layer.register_forward_hook(keep)
    try:
        with evaluating(model), no_grad():
            model(model_input(model, x))
    finally:
        handle.remove()
    if not seen:
        raise RuntimeError(f"feature_maps: layer {name!r} was not called in the forward pass; name another.")
    first = seen[0]
    if not isinstance(first, np.ndarray):
        raise TypeError(f"feature_maps: layer {name!r} returned a {type(first).__name__}, not a Tensor; name another.")
    return first


def _draw_maps(axes: list[Axes], maps: Array, cmap: str | None, theme: Theme) -> None:
    top, negative = largest(maps), bool((maps < 0).any())
    colors = cmap or (theme.diverging if negative else "viridis")
    drawn = None
    for i, (ax, values) in enumerate(zip(axes, maps)):
        drawn = draw_map(ax, values, (-top if negative else 0.0, top), theme, colors)
        ax.set_title(str(i), fontsize=SMALL, color=theme.text, pad=4)
    add_colorbar(drawn, axes, "output of the layer", theme)
