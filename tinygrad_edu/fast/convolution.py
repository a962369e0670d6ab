"""The compiled twins of what convolution does besides its matrix products, and of depthwise convolution.

Their arguments are those of the NumPy functions in ``ops.by_window``, ``ops.by_entry`` and ``ops.by_channel``, which
say what they are for. A frame is an image inside its padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling import compiled, fits

__all__ = [
    "channels_first",
    "col2im_by_entry",
    "col2im_by_window",
    "correlate_channels",
    "im2col_by_entry",
    "im2col_by_window",
    "spread_channels",
    "weigh_channels",
]

Array = np.ndarray[Any, Any]


def im2col_by_window(images: Array, grid: Any, rows: Array) -> Any:
    """Copy windows (G, N, OH, OW, KH, KW, C/G) out of images (N, C, H, W)."""
    if not fits(images, rows):
        return NotImplemented
    groups, n = rows.shape[:2]
    split = images.reshape(n, groups, rows.shape[6], *images.shape[2:])
    _im2col_by_window(split, rows, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _im2col_by_window(images, rows, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    groups, n, height, width, k_h, k_w, channels = rows.shape
    # A window's row of pixels is one run if the pixels are neighbours.
    runs, length = (1, k_w * channels) if dilation[1] == 1 else (k_w, channels)
    runs_of = rows.reshape(groups, n, height, width, k_h, runs, length)
    frame = np.zeros((size[0], size[1], channels), images.dtype)
    flat = frame.reshape(size[0], size[1] * channels)
    for group in range(groups):
        for image in range(n):
            _put_channels_last(images[image, group], frame, padding[0], padding[1])
            for y in range(height):
                for x in range(width):
                    for i in range(k_h):
                        for j in range(runs):
                            start = (x * stride[1] + j * dilation[1]) * channels
                            source = flat[y * stride[0] + i * dilation[0], start : start + length]
                            target = runs_of[group, image, y, x, i, j]
                            for at in range(length):
                                target[at] = source[at]


@compiled
def _put_channels_last(image, frame, top, left):  # type: ignore[no-untyped-def]
    """Copy an image (C, H, W) into its frame (H, W, C): squares of 8 channels by 8 pixels stay in the registers."""
    channels = image.shape[0]
    height, width = min(image.shape[1], frame.shape[0] - top), min(image.shape[2], frame.shape[1] - left)
    whole, squares = channels // 8 * 8, width // 8 * 8
    for y in range(height):
        line = frame[top + y, left:]
        for first in range(0, whole, 8):
            for start in range(0, squares, 8):
                for c in range(8):
                    for x in range(8):
                        line[start + x, first + c] = image[first + c, y, start + x]
            for x in range(squares, width):
                for c in range(8):
                    line[x, first + c] = image[first + c, y, x]
        for c in range(whole, channels):
            for x in range(width):
                line[x, c] = image[c, y, x]


def col2im_by_window(rows: Array, images: Array, grid: Any) -> Any:
    """Add entries (KH*KW, G, N*OH*OW, C/G) to images (N, C, H, W)."""
    if not fits(rows, images):
        return NotImplemented
    (k_h, k_w), (height, width) = grid.kernel, grid.output
    groups, channels = rows.shape[1], rows.shape[3]
    split = images.reshape(len(images), groups, channels, *images.shape[2:])
    given = rows.reshape(k_h, k_w, groups, len(images), height, width, channels)
    _col2im_by_window(given, split, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _col2im_by_window(rows, images, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    k_h, k_w, groups, n, height, width, channels = rows.shape
    frame = np.empty((size[0], size[1], channels), images.dtype)
    for group in range(groups):
        for image in range(n):
            frame[:] = 0
            for i in range(k_h):
                for j in range(k_w):
                    for y in range(height):
                        line = frame[y * stride[0] + i * dilation[0]]
                        for x in range(width):
                            target = line[x * stride[1] + j * dilation[1]]
                            source = rows[i, j, group, image, y, x]
                            for c in range(channels):
                                target[c] += source[c]
            _cut_channels_first(frame, images[image, group], padding[0], padding[1])


@compiled
def _cut_channels_first(frame, image, top, left):  # type: ignore[no-untyped-def]
    """Copy an image (C, H, W) out of its frame (H, W, C); 0 where that does not reach."""
    channels, height, width = image.shape
    seen_h, seen_w = min(height, frame.shape[0] - top), min(width, frame.shape[1] - left)
    if seen_h < height or seen_w < width:
        image[:] = 0
    for c in range(channels):
        for y in range(seen_h):
            for x in range(seen_w):
                image[c, y, x] = frame[top + y, left + x, c]


def channels_first(product: Array, bias: Array, out: Array) -> Any:
    """Turn (G, N*OH*OW, K/G) into (N, K, OH, OW), and add the bias on the way."""
    if not fits(product, bias, out):
        return NotImplemented
    groups, _, k = product.shape
    pixels = out.shape[2] * out.shape[3]
    _channels_first(
        product.reshape(groups, len(out), pixels, k), bias.reshape(groups, k), out.reshape(len(out), groups, k, pixels)
    )
    return None


@compiled
def _channels_first(product, bias, out):  # type: ignore[no-untyped-def]
    n, groups, k, pixels = out.shape
    whole = pixels // 16 * 16
    for image in range(n):
        for group in range(groups):
            source, target = product[group, image], out[image, group]
            for start in range(0, whole, 16):  # 16 pixels by k: what is read stays in the cache
                for c in range(k):
                    b = bias[group, c]
                    for at in range(16):
                        target[c, start + at] = source[start + at, c] + b
            for at in range(whole, pixels):
                for c in range(k):
                    target[c, at] = source[at, c] + bias[group, c]


def im2col_by_entry(images: Array, grid: Any, columns: Array) -> Any:
    """Copy all windows' entries out of images (N, C, H, W) into the first of (N, G, entries, OH*OW)."""
    if not fits(images, columns):
        return NotImplemented
    _im2col_by_entry(images, columns, grid.kernel, grid.output, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _im2col_by_entry(images, columns, kernel, output, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, groups = columns.shape[:2]
    channels, width = images.shape[1] // groups, output[1]
    frame = np.zeros((size[0], stride[1], -(-size[1] // stride[1])), images.dtype)
    for image in range(n):
        for c in range(groups * channels):
            _put(images[image, c], frame, padding[0], padding[1])
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    phase, start = j * dilation[1] % stride[1], j * dilation[1] // stride[1]
                    entry = columns[image, c // channels, (c % channels * kernel[0] + i) * kernel[1] + j]
                    for y in range(output[0]):
                        source, target = frame[y * stride[0] + i * dilation[0], phase, start:], entry[y * width :]
                        for x in range(width):
                            target[x] = source[x]


@compiled
def _put(image, frame, top, left):  # type: ignore[no-untyped-def]
    """Copy one channel (H, W) into its frame (H, S, W/S).

    Where windows lie S pixels apart, every S-th pixel is brought next to the one before: windows then are neighbours.
    """
    steps = frame.shape[1]
    for first in range(steps):
        phase, start = (left + first) % steps, (left + first) // steps
        width = min(-(-(image.shape[1] - first) // steps), frame.shape[2] - start)
        for y in range(min(image.shape[0], frame.shape[0] - top)):
            source, target = image[y, first:], frame[top + y, phase, start:]
            for x in range(width):
                target[x] = source[x * steps]


def col2im_by_entry(columns: Array, images: Array, grid: Any) -> Any:
    """Add entries (N, G, C/G*KH*KW, OH*OW) to images (N, C, H, W)."""
    if not fits(columns, images):
        return NotImplemented
    given = columns.reshape(*images.shape[:2], *grid.kernel, *grid.output)
    _col2im_by_entry(given, images, grid.frame, grid.stride, grid.padding, grid.dilation)
    return None


@compiled
def _col2im_by_entry(columns, images, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, channels, k_h, k_w, height, width = columns.shape
    frame = np.empty((size[0], stride[1], -(-size[1] // stride[1])), images.dtype)
    for image in range(n):
        for c in range(channels):
            frame[:] = 0
            for i in range(k_h):
                for j in range(k_w):
                    phase, start = j * dilation[1] % stride[1], j * dilation[1] // stride[1]
                    for y in range(height):
                        target = frame[y * stride[0] + i * dilation[0], phase, start:]
                        source = columns[image, c, i, j, y]
                        for x in range(width):
                            target[x] += source[x]
            _cut(frame, images[image, c], padding[0], padding[1])


@compiled
def _cut(frame, image, top, left):  # type: ignore[no-untyped-def]
    """Copy one channel (H, W) out of its frame (H, S, W/S); 0 where that does not reach."""
    steps = frame.shape[1]
    image[:] = 0
    for first in range(steps):
        phase, start = (left + first) % steps, (left + first) // steps
        width = min(-(-(image.shape[1] - first) // steps), frame.shape[2] - start)
        for y in range(min(image.shape[0], frame.shape[0] - top)):
            source, target = frame[top + y, phase, start:], image[y, first:]
            for x in range(width):
                target[x * steps] = source[x]


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
            _put(images[image, c], frame, padding[0], padding[1])
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
            _put(images[image, c], frame, padding[0], padding[1])
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
            _cut(frame, images[image, c], padding[0], padding[1])
