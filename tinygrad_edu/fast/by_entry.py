"""The compiled twins of ``ops.by_entry``: im2col and col2im for few channels.

A frame is an image inside its padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling import compiled, fits

__all__ = ["col2im_by_entry", "cut", "im2col_by_entry", "put"]

Array = np.ndarray[Any, Any]


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
            put(images[image, c], frame, padding[0], padding[1])
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    phase, start = j * dilation[1] % stride[1], j * dilation[1] // stride[1]
                    entry = columns[image, c // channels, (c % channels * kernel[0] + i) * kernel[1] + j]
                    for y in range(output[0]):
                        source, target = frame[y * stride[0] + i * dilation[0], phase, start:], entry[y * width :]
                        for x in range(width):
                            target[x] = source[x]


@compiled
def put(image, frame, top, left):  # type: ignore[no-untyped-def]
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
            cut(frame, images[image, c], padding[0], padding[1])


@compiled
def cut(frame, image, top, left):  # type: ignore[no-untyped-def]
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
