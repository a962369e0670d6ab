"""The compiled twins of ``ops.by_channel``: a filter for every channel, without im2col.

A frame is an image inside its padding, in one piece of memory: an entry of all windows is a piece of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .by_entry import cut, put
from .compiling import compiled, fits

__all__ = ["correlate_channels", "spread_channels", "weigh_channels"]

Array = np.ndarray[Any, Any]


def correlate_channels(images: Array, filters: Array, bias: Array, grid: Any, out: Array) -> Any:
    """Convolve every channel with its filter (C, 1, KH*KW)."""
    if not fits(images, filters, bias, out):
        return NotImplemented
    weight = filters.reshape(len(filters), *grid.kernel)
    _correlate_channels(images, weight, bias, out, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _correlate_channels(images, weight, bias, out, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, channels, height, width = out.shape
    flat, frame, total = _flat(size, stride, height, width, images)
    pitch = frame.shape[1] * frame.shape[2]
    for image in range(n):
        for c in range(channels):
            put(images[image, c], frame, padding[0], padding[1])
            # Windows at every pixel: one long vector of sums.
            total[:] = bias[c]
            for i in range(weight.shape[1]):
                for j in range(weight.shape[2]):
                    factor, seen = weight[c, i, j], flat[_offset(i, j, frame, stride, dilation) :]
                    for at in range(total.size):
                        total[at] += factor * seen[at]
            for y in range(height):
                source, target = total[y * stride[0] * pitch :], out[image, c, y]
                for x in range(width):
                    target[x] = source[x]


@compiled
def _flat(size, stride, height, width, like):  # type: ignore[no-untyped-def]
    """Give a frame's memory, the frame (H, S, W/S) itself, and zeros for all pixels where a window may start.

    Their number is a multiple of 64: the processor does not like what is left over from its vectors.
    """
    steps, pitch = stride[1], -(-size[1] // stride[1]) * stride[1]
    flat = np.zeros(size[0] * pitch + 64, like.dtype)
    starts = (height - 1) * stride[0] * pitch + width
    return (
        flat,
        flat[: size[0] * pitch].reshape(size[0], steps, pitch // steps),
        np.zeros((starts + 63) // 64 * 64, like.dtype),
    )


@compiled
def _offset(i, j, frame, stride, dilation):  # type: ignore[no-untyped-def]
    """Say how far behind a window's start its entry lies."""
    row, column = i * dilation[0], j * dilation[1]
    return (row * frame.shape[1] + column % stride[1]) * frame.shape[2] + column // stride[1]


def weigh_channels(images: Array, g: Array, grid: Any) -> Any:
    """Give the gradient (C, KH, KW) of the filters."""
    if not fits(images, g):
        return NotImplemented
    weight = np.zeros((g.shape[1], *grid.kernel), g.dtype)
    _weigh_channels(images, g, weight, grid.frame, grid.stride, grid.padding, grid.dilation)
    # Pixels that are no window's have the gradient 0, and 0 times infinity is not 0.
    return weight[:, None] if np.isfinite(weight).all() else NotImplemented


@compiled
def _weigh_channels(images, g, weight, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, channels, height, width = g.shape
    flat, frame, wide = _flat(size, stride, height, width, images)
    pitch = frame.shape[1] * frame.shape[2]
    for c in range(channels):
        for image in range(n):
            put(images[image, c], frame, padding[0], padding[1])
            for y in range(height):
                source, target = g[image, c, y], wide[y * stride[0] * pitch :]
                for x in range(width):
                    target[x] = source[x]
            for i in range(weight.shape[1]):
                for j in range(weight.shape[2]):
                    seen, total = flat[_offset(i, j, frame, stride, dilation) :], weight[c, i, j]
                    for at in range(wide.size):
                        total += wide[at] * seen[at]
                    weight[c, i, j] = total


def spread_channels(g: Array, filters: Array, grid: Any, images: Array) -> Any:
    """Write the images' gradient."""
    if not fits(g, filters, images):
        return NotImplemented
    weight = filters.reshape(len(filters), *grid.kernel)
    _spread_channels(g, weight, images, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _spread_channels(g, weight, images, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, channels, height, width = g.shape
    frame = np.empty((size[0], stride[1], -(-size[1] // stride[1])), images.dtype)
    for image in range(n):
        for c in range(channels):
            frame[:] = 0
            for i in range(weight.shape[1]):
                for j in range(weight.shape[2]):
                    factor = weight[c, i, j]
                    phase, start = j * dilation[1] % stride[1], j * dilation[1] // stride[1]
                    for y in range(height):
                        source, target = g[image, c, y], frame[y * stride[0] + i * dilation[0], phase, start:]
                        for x in range(width):
                            target[x] += factor * source[x]
            cut(frame, images[image, c], padding[0], padding[1])
