"""Images on axes: batches of any range as grey or colour, and signed values around zero. It knows no models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .reading import read_array
from .theme import Theme, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["as_images", "clear_axes", "draw_image", "draw_map", "draw_signed", "largest", "to_unit_range"]

Array = NDArray[Any]


def as_images(who: str, value: Any, image_shape: Sequence[int] | None = None, count: int | None = None) -> Array:
    """Return a batch of images (N, C, H, W), C being 1 or 3.

    Parameters
    ----------
    who : str
        Whose argument it is.
    value : array or Tensor
        (N, C, H, W), (C, H, W), (N, H, W) or (H, W); with ``image_shape`` anything that divides into images. Three
        axes are one image where the first has size 1 or 3 and ``count`` does not say otherwise.
    image_shape : sequence of int, optional
        (C, H, W) or (H, W).
    count : int, optional
        How many images there must be.

    Raises
    ------
    ValueError
        If the shape is none of these, or the number of images is another.
    """
    array = read_array(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{who}: images must be numbers, got {array.dtype}.")
    shape = array.shape
    if image_shape is not None:
        array = _reshaped(who, array, tuple(image_shape))
    elif array.ndim == 2 and array.size:
        array = array[np.newaxis, np.newaxis]
    elif array.ndim == 3:
        one = shape[0] in (1, 3) and count in (None, 1)
        array = array[np.newaxis] if one else array[:, np.newaxis]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not array.size:
        raise ValueError(
            f"{who}: got images of shape {shape}; give (N, C, H, W), (N, H, W) or one image, with 1 or 3 channels, or "
            "say image_shape=(C, H, W) for flat ones."
        )
    if count is not None and len(array) != count:
        raise ValueError(f"{who}: {len(array)} images (shape {shape}) but {count} answers; give one for each image.")
    return array


def _reshaped(who: str, array: Array, image_shape: tuple[int, ...]) -> Array:
    shape = image_shape if len(image_shape) == 3 else (1, *image_shape)
    size = int(np.prod(shape))
    if len(shape) != 3 or size <= 0 or array.size % size:
        raise ValueError(f"{who}: {array.shape} does not divide into images of image_shape={image_shape}.")
    return array.reshape(-1, *shape)


def to_unit_range(images: Array, value_range: tuple[float, float] | None = None) -> Array:
    """Bring images to the range from 0 (black) to 1 (white); NaN and infinite pixels become NaN.

    Floats that lie in [0, 1] stay as they are. Others, such as bytes or standardised pixels, are stretched from the
    smallest to the largest value of the whole batch, or from and to those of ``value_range``.
    """
    values = np.where(np.isfinite(images), images, np.nan).astype(float)
    finite = values[np.isfinite(values)]
    low, high = value_range or (float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf)))
    if value_range is None and images.dtype.kind in "fb" and low >= 0 and high <= 1:
        return values
    if not high > low:  # one value everywhere, or none
        return np.where(np.isnan(values), np.nan, 0.5)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def clear_axes(ax: Axes, theme: Theme) -> None:
    """Give axes the look of a picture: no scales, a thin frame."""
    style_axes(ax, theme, frame=False)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.6)


def draw_image(ax: Axes, image: Array, theme: Theme) -> None:
    """Draw one image (C, H, W) with values in [0, 1]; where it is NaN, in the colour of what is missing."""
    from matplotlib.colors import to_rgb

    colors = np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)  # (C, H, W) -> (H, W, 3)
    missing = np.isnan(colors).any(-1, keepdims=True)
    ax.imshow(np.where(missing, to_rgb(theme.missing), colors), interpolation="nearest")
    clear_axes(ax, theme)


def largest(values: Array) -> float:
    """Return the largest finite magnitude; 1 where there is none, so that a scale can be made of it."""
    magnitudes = np.abs(values[np.isfinite(values)])
    return float(magnitudes.max(initial=0.0)) or 1.0


def draw_signed(ax: Axes, image: Array, limit: float, theme: Theme, cmap: str | None = None) -> Any:
    """Draw signed values (C, H, W) around zero.

    One channel is drawn in two colours that grow with the distance from zero; three are drawn as colours around grey.

    Returns
    -------
    matplotlib.image.AxesImage or None
        What a colour scale can be made for; None for three channels.
    """
    if len(image) == 3:
        draw_image(ax, np.clip(np.where(np.isfinite(image), image, np.nan) / (2 * limit) + 0.5, 0.0, 1.0), theme)
        return None
    return draw_map(ax, image[0], (-limit, limit), theme, cmap or theme.diverging)


def draw_map(ax: Axes, values: Array, limits: tuple[float, float], theme: Theme, cmap: str) -> Any:
    """Draw values (H, W) in the colours of a map between two limits, and return the drawn image."""
    from matplotlib import colormaps

    colors = colormaps[cmap].with_extremes(bad=theme.missing)
    low, high = limits
    image = ax.imshow(np.ma.masked_invalid(values), cmap=colors, vmin=low, vmax=high, interpolation="nearest")
    clear_axes(ax, theme)
    return image
