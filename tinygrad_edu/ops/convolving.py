"""How a convolution and its gradients are computed on arrays: piece by piece of the batch, on all threads.

A piece is computed in ``by_window`` if its channels are many, in ``by_line`` if the windows lie side by side too, in
``by_entry`` if the channels are few, in ``by_channel`` if each has its own filter: im2col and one matrix product in all
of them, in another order in memory. What is an op's derivative is known in ``convolution``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..kernels import is_compiled
from ..parallel import in_parts
from . import by_channel, by_entry, by_line, by_window
from .windows import Grid

__all__ = ["Job", "bias_gradient", "both_gradients", "correlation", "image_gradient", "run", "weight_gradient"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

_CHUNK = 3 << 19  # bytes of im2col's matrix that exist at a time: it is used while in the cache
_MANY = 8  # channels that are worth being brought together in memory
_FEW = 64  # pixels that are too few for a matrix product of their own


class Job(NamedTuple):
    """What is to be done for a batch: ``work(part)`` for its parts, in any order, then ``finish(results)``."""

    numbers: int  # that pass through: whether threads pay
    work: Callable[[slice], Any]
    finish: Callable[[list[Any]], Any]


def run(n: int, *jobs: Job) -> list[Any]:
    """Do jobs for a batch of ``n``: every thread does its part of all of them, one after the other."""
    parts = in_parts(lambda part: [job.work(part) for job in jobs], n, sum(job.numbers for job in jobs))
    return [job.finish(list(results)) for job, results in zip(jobs, zip(*parts))]


def correlation(images: Array, weight: Array, bias: Array | None, grid: Grid, groups: int) -> Job:
    """Multiply every window with every filter: (N, C, H, W), (K, C/G, KH, KW) -> (N, K, OH, OW)."""
    way = _way_to_correlate(weight.shape, images, grid, groups)
    filters = way.arrange(weight, groups)
    out = np.empty((len(images), len(weight), *grid.output), images.dtype)

    def work(part: slice) -> None:
        for chunk in _chunks(part, images, grid, way):
            way.correlate(images[chunk], filters, bias, grid, out[chunk])

    return Job(_entries(images, grid) * len(images), work, lambda _: out)


def weight_gradient(g: Array, images: Array, grid: Grid, groups: int) -> Job:
    """Multiply every window with its outputs' gradients: (N, K, OH, OW), (N, C, H, W) -> (K, C/G, KH, KW)."""
    shape = g.shape[1], images.shape[1] // groups, *grid.kernel
    way = _way(shape, grid, groups)

    def work(part: slice) -> Array:
        total = np.zeros((groups, shape[0] // groups, prod(shape[1:])), images.dtype)
        for chunk in _chunks(part, images, grid):
            total += way.weigh(g[chunk], images[chunk], grid, groups)
        return total

    return Job(_entries(images, grid) * len(g), work, lambda totals: way.restore(_add_up(totals), shape))


def image_gradient(g: Array, weight: Array, size: Pair, grid: Grid, groups: int) -> Job:
    """Add every filter, times its output's gradient, to its window: (N, K, OH, OW) -> (N, C, H, W)."""
    channels = weight.shape[1] * groups
    back = _way_back(grid, size)
    # The factor 2: col2im reads and writes, im2col writes.
    if back and len(weight) * prod(size) <= 2 * channels * prod(grid.output):
        return correlation(g, _turned(weight, groups), None, back, groups)
    way = _way(weight.shape, grid, groups)
    filters = way.arrange_back(weight, groups)
    images = np.empty((len(g), channels, *size), g.dtype)

    def work(part: slice) -> None:
        for chunk in _chunks(part, images, grid):
            way.spread(g[chunk], filters, grid, images[chunk])

    return Job(_entries(images, grid) * len(g), work, lambda _: images)


def both_gradients(g: Array, images: Array, weight: Array, grid: Grid, groups: int) -> Job | None:
    """Compute the gradients of images and weight from one im2col, if there is a way back that is no longer.

    It lays out for every pixel the window of all outputs that the pixel has a part in. Multiplied with the filters it
    gives the image's gradient, multiplied with the pixels the weight's.
    """
    back = _way_back(grid, images.shape[2:])
    turned = weight.shape[1] * groups, len(weight) // groups, *grid.kernel
    if not back or _entries(g, back) > _entries(images, grid):
        return None
    way = _way_to_correlate(turned, g, back, groups)
    if way not in (by_line, by_window):
        return None
    filters = way.arrange(_turned(weight, groups), groups)
    out = np.empty(images.shape, g.dtype)

    def work(part: slice) -> Array:
        total = np.zeros((groups, turned[0] // groups, prod(turned[1:])), g.dtype)
        for chunk in _chunks(part, g, back, way):
            total += way.correlate_and_weigh(g[chunk], filters, back, out[chunk], images[chunk])
        return total

    def finish(totals: list[Array]) -> tuple[Array, Array]:
        found = _turned(by_window.restore(_add_up(totals), turned), groups)
        # Where a window has no output it has a zero, and 0 times infinity is not 0.
        return out, found if np.isfinite(found).all() else run(len(g), weight_gradient(g, images, grid, groups))[0]

    return Job(2 * _entries(g, back) * len(g), work, finish)


def bias_gradient(g: Array) -> Job:
    """Sum (N, K, OH, OW) over all but K; as products with ones, which are faster than sums."""
    n, k, *size = g.shape
    per_image = np.empty((n, k), g.dtype)
    ones = np.ones(prod(size), g.dtype)

    def work(part: slice) -> None:
        np.vecdot(g[part].reshape(*per_image[part].shape, len(ones)), ones, out=per_image[part])

    return Job(g.size // 8, work, lambda _: per_image.sum(0, g.dtype))


def _way(weight: tuple[int, ...], grid: Grid, groups: int) -> ModuleType:
    """Choose the order in memory: one window after the other, or one entry of all windows after the other.

    A window is copied in runs of KW*C/G numbers, which is right for many channels; an entry of all windows in runs of
    OW. With a 1x1 kernel the latter copies nothing, but makes of every image a product of its own.
    """
    filters, channels = weight[:2]
    if filters == groups and channels == 1:
        return by_channel
    many = channels >= _MANY and (grid.kernel != (1, 1) or prod(grid.output) < _FEW)
    return by_window if many else by_entry


def _way_to_correlate(weight: tuple[int, ...], images: Array, grid: Grid, groups: int) -> ModuleType:
    """Choose likewise where the windows are multiplied with the filters: NumPy copies less line by line."""
    way = _way(weight, grid, groups)
    lines = way is by_window and groups == 1 and not is_compiled("correlate_windows", images.size)
    return by_line if lines and by_line.pays(weight, images.shape[2:], grid) else way


def _entries(images: Array, grid: Grid) -> int:
    """Count the numbers that im2col makes of an image."""
    channels: int = images.shape[1]
    return channels * prod(grid.kernel) * prod(grid.output)


def _chunks(part: slice, images: Array, grid: Grid, way: ModuleType | None = None) -> Iterator[slice]:
    """Divide a part of the batch so that im2col's matrix stays small."""
    numbers = _entries(images, grid)
    if way is by_line:  # lines; the frames and products of so many images are half as much again
        numbers = numbers // grid.kernel[0] * 3 // 2
    most = max(1, _CHUNK // max(1, numbers * images.itemsize))
    n = part.stop - part.start
    count = -(-n // most)
    return (slice(part.start + n * i // count, part.start + n * (i + 1) // count) for i in range(count))


def _add_up(parts: list[Array]) -> Array:
    total = parts[0]
    for other in parts[1:]:
        total += other
    return total


def _way_back(grid: Grid, size: Pair) -> Grid | None:
    """Return the grid of a convolution that leads back to images of this size, if there is one."""
    (k_h, k_w), _, stride, (p_h, p_w), (d_h, d_w) = grid
    padding = d_h * (k_h - 1) - p_h, d_w * (k_w - 1) - p_w
    if stride != (1, 1) or min(padding) < 0:
        return None
    return Grid(grid.kernel, size, stride, padding, grid.dilation)


def _turned(weight: Array, groups: int) -> Array:
    """Turn filters by 180 degrees and let them lead back: (K, C/G, KH, KW) -> (C, K/G, KH, KW)."""
    k, c, *kernel = weight.shape
    turned = weight.reshape(groups, k // groups, c, *kernel)[..., ::-1, ::-1]
    return turned.swapaxes(1, 2).reshape(groups * c, k // groups, *kernel)
