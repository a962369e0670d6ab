"""The compiled twins of ``ops.by_window``: convolution of many channels.

A frame is an image inside its padding. The windows of a few pixels at a time are copied, multiplied and written out
while they are in the first caches, and Python's lock is let go of all the while.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what numba multiplies matrices with; it brings a BLAS of its own

from ..parallel import blas_takes_small, look_for_blas
from .compiling import compiled, fits

__all__ = [
    "channels_first",
    "col2im_by_window",
    "correlate_and_weigh",
    "correlate_windows",
    "im2col_by_window",
    "spread_windows",
    "weigh_windows",
]

Array = np.ndarray[Any, Any]

_SMALL, _MOST = 1_000_000, 128  # multiplications, and windows, in one product

look_for_blas()


def correlate_windows(images: Array, filters: Array, bias: Array, grid: Any, out: Array) -> Any:
    """Multiply every window with the filters (G, KH*KW*C/G, K/G), a few windows at a time."""
    groups, entries, k = filters.shape
    size = _windows_at_a_time(entries, k)
    if not (size and blas_takes_small() and fits(images, filters, bias, out)):
        return NotImplemented
    split = images.reshape(len(images), groups, -1, *images.shape[2:])
    _correlate_windows(
        split,
        filters,
        bias.reshape(groups, k),
        out.reshape(len(out), groups, k, -1),
        (size, *grid.kernel, *grid.output),
        *(grid.frame, grid.stride, grid.padding, grid.dilation),
    )
    return None


@compiled
def _correlate_windows(images, filters, bias, out, sizes, frame_size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, groups, channels = images.shape[:3]
    size, k_h, k_w, height, width = sizes
    k, pixels = filters.shape[2], height * width
    frame = np.zeros((frame_size[0], frame_size[1], channels), images.dtype)
    all_rows, all_products = np.empty((size, filters.shape[1]), images.dtype), np.empty((size, k), images.dtype)
    for image in range(n):
        for group in range(groups):
            _put_channels_last(images[image, group], frame, padding[0], padding[1])
            for first in range(0, pixels, size):
                rows = all_rows[: pixels - first]
                product = all_products[: pixels - first]
                _copy_windows(frame, rows, first, width, k_h, k_w, stride, dilation)
                np.dot(rows, filters[group], product)
                _turn(product, bias[group], out[image, group, :, first:])


def weigh_windows(g: Array, images: Array, grid: Any, groups: int) -> Any:
    """Give the gradient of the filters (G, K/G, KH*KW*C/G), a few windows at a time."""
    n, k, c = len(g), g.shape[1] // groups, images.shape[1] // groups
    size = _windows_at_a_time(c * grid.kernel[0] * grid.kernel[1], k)
    # Adding up many small products would take longer than they save.
    if size < 2 * k or not (blas_takes_small() and fits(g, images)):
        return NotImplemented
    total = np.zeros((groups, k, c * grid.kernel[0] * grid.kernel[1]), g.dtype)
    _weigh_windows(
        g.reshape(n, groups, k, -1),
        images.reshape(n, groups, c, *images.shape[2:]),
        total,
        (size, *grid.kernel, *grid.output),
        *(grid.frame, grid.stride, grid.padding, grid.dilation),
    )
    return total


@compiled
def _weigh_windows(g, images, total, sizes, frame_size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, groups, k, pixels = g.shape
    size, k_h, k_w, _, width = sizes
    channels, entries = images.shape[2], total.shape[2]
    frame = np.zeros((frame_size[0], frame_size[1], channels), images.dtype)
    all_rows, product = np.empty((size, entries), images.dtype), np.empty((k, entries), images.dtype)
    for image in range(n):
        for group in range(groups):
            _put_channels_last(images[image, group], frame, padding[0], padding[1])
            for first in range(0, pixels, size):
                rows = all_rows[: pixels - first]
                _copy_windows(frame, rows, first, width, k_h, k_w, stride, dilation)
                np.dot(np.ascontiguousarray(g[image, group, :, first : first + size]), rows, product)
                for c in range(k):
                    for entry in range(entries):
                        total[group, c, entry] += product[c, entry]


def correlate_and_weigh(images: Array, filters: Array, grid: Any, out: Array, pixels: Array) -> Any:
    """Multiply every window with the filters (G, KH*KW*C/G, K/G), and with pixels (N, K, OH, OW)."""
    (groups, entries, k), n = filters.shape, len(images)
    size = _windows_at_a_time(entries, k)
    if size < 2 * k or not (blas_takes_small() and fits(images, filters, out, pixels)):
        return NotImplemented
    total = np.zeros((groups, k, entries), images.dtype)
    _correlate_and_weigh(
        images.reshape(n, groups, -1, *images.shape[2:]),
        filters,
        out.reshape(n, groups, k, -1),
        pixels.reshape(n, groups, k, -1),
        total,
        (size, *grid.kernel, *grid.output),
        *(grid.frame, grid.stride, grid.padding, grid.dilation),
    )
    return total


@compiled
def _correlate_and_weigh(images, filters, out, g, total, sizes, frame_size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, groups, channels = images.shape[:3]
    size, k_h, k_w, height, width = sizes
    (entries, k), pixels = filters.shape[1:], height * width
    frame = np.zeros((frame_size[0], frame_size[1], channels), images.dtype)
    all_rows, all_products = np.empty((size, entries), images.dtype), np.empty((size, k), images.dtype)
    bias, product = np.zeros(k, images.dtype), np.empty((k, entries), images.dtype)
    for image in range(n):
        for group in range(groups):
            _put_channels_last(images[image, group], frame, padding[0], padding[1])
            for first in range(0, pixels, size):
                rows = all_rows[: pixels - first]
                outputs = all_products[: pixels - first]
                _copy_windows(frame, rows, first, width, k_h, k_w, stride, dilation)
                np.dot(rows, filters[group], outputs)
                _turn(outputs, bias, out[image, group, :, first:])
                np.dot(np.ascontiguousarray(g[image, group, :, first : first + size]), rows, product)
                for c in range(k):
                    for entry in range(entries):
                        total[group, c, entry] += product[c, entry]


def spread_windows(g: Array, filters: Array, grid: Any, images: Array) -> Any:
    """Write the images' gradient, given filters (KH*KW, G, K/G, C/G), a few windows at a time."""
    offsets, groups, k, c = filters.shape
    size, n = _windows_at_a_time(offsets * c, k), len(images)
    if not (size and fits(g, filters, images)):
        return NotImplemented
    if not blas_takes_small():
        size = 256
    _spread_windows(
        g.reshape(n, groups, k, -1),
        np.ascontiguousarray(filters.transpose(1, 2, 0, 3)).reshape(groups, k, offsets * c),
        images.reshape(n, groups, c, *images.shape[2:]),
        (size, *grid.kernel, *grid.output),
        *(grid.frame, grid.stride, grid.padding, grid.dilation),
    )
    return None


@compiled
def _spread_windows(g, filters, images, sizes, frame_size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    n, groups, _, pixels = g.shape
    size, k_h, k_w, _, width = sizes
    frame = np.empty((frame_size[0], frame_size[1], images.shape[2]), images.dtype)
    all_rows = np.empty((size, filters.shape[2]), images.dtype)
    for image in range(n):
        for group in range(groups):
            frame[:] = 0
            for first in range(0, pixels, size):
                rows = all_rows[: pixels - first]
                np.dot(np.ascontiguousarray(g[image, group, :, first : first + size]).T, filters[group], rows)
                _add_windows(rows, frame, first, width, k_h, k_w, stride, dilation)
            _cut_channels_first(frame, images[image, group], padding[0], padding[1])


def _windows_at_a_time(entries: int, filters: int) -> int:
    """Say for how many windows to multiply at a time, see ``ops.by_window``; 0: for all, the filters are large."""
    return min(_SMALL // max(1, entries * filters) // 16 * 16, _MOST)


@compiled
def _copy_windows(frame, rows, first, width, k_h, k_w, stride, dilation):  # type: ignore[no-untyped-def]
    """Copy as many windows of a frame (H, W, C) as there are rows (windows, KH*KW*C), from the first-th on."""
    channels = frame.shape[2]
    # A window's row of pixels is one run if the pixels are neighbours.
    runs, length = (1, k_w * channels) if dilation[1] == 1 else (k_w, channels)
    flat = frame.reshape(frame.shape[0], frame.shape[1] * channels)
    split = rows.reshape(rows.shape[0], k_h, runs, length)
    y, x = first // width, first % width
    for row in range(rows.shape[0]):
        for i in range(k_h):
            for j in range(runs):
                start = (x * stride[1] + j * dilation[1]) * channels
                source, target = flat[y * stride[0] + i * dilation[0], start : start + length], split[row, i, j]
                for at in range(length):
                    target[at] = source[at]
        x += 1
        if x == width:
            y, x = y + 1, 0


@compiled
def _add_windows(rows, frame, first, width, k_h, k_w, stride, dilation):  # type: ignore[no-untyped-def]
    """Add rows to the windows that :func:`_copy_windows` copies into them."""
    channels = frame.shape[2]
    runs, length = (1, k_w * channels) if dilation[1] == 1 else (k_w, channels)
    flat = frame.reshape(frame.shape[0], frame.shape[1] * channels)
    split = rows.reshape(rows.shape[0], k_h, runs, length)
    y, x = first // width, first % width
    for row in range(rows.shape[0]):
        for i in range(k_h):
            for j in range(runs):
                start = (x * stride[1] + j * dilation[1]) * channels
                source, target = split[row, i, j], flat[y * stride[0] + i * dilation[0], start : start + length]
                for at in range(length):
                    target[at] += source[at]
        x += 1
        if x == width:
            y, x = y + 1, 0


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
    frame = np.zeros((size[0], size[1], channels), images.dtype)
    split = rows.reshape(groups, n, height * width, k_h * k_w * channels)
    for group in range(groups):
        for image in range(n):
            _put_channels_last(images[image, group], frame, padding[0], padding[1])
            _copy_windows(frame, split[group, image], 0, width, k_h, k_w, stride, dilation)


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
    for image in range(out.shape[0]):
        for group in range(out.shape[1]):
            _turn(product[group, image], bias[group], out[image, group])


@compiled
def _turn(product, bias, out):  # type: ignore[no-untyped-def]
    """Write (pixels, K) as (K, pixels), 16 pixels at a time: what is read stays in the cache."""
    pixels, k = product.shape
    whole = pixels // 16 * 16
    for start in range(0, whole, 16):
        for c in range(k):
            b = bias[c]
            for at in range(16):
                out[c, start + at] = product[start + at, c] + b
    for at in range(whole, pixels):
        for c in range(k):
            out[c, at] = product[at, c] + bias[c]
