"""Convolution layers, forward and backward, each beside the matrix products that it cannot do without."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..case import Case, Work
from .data import normal, with_gradient

__all__ = ["CASES", "PRODUCTS", "Geometry"]

BATCH = 32
PRODUCTS = "products of "  # how the row of a convolution's products starts


@dataclass(frozen=True)
class Geometry:
    """A layer and the size of its square images; ``image_gradient`` is false for the first layer of a network."""

    into: int
    out: int
    kernel: int
    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    image_gradient: bool = True
    note: str = ""

    @property
    def name(self) -> str:
        """Say what is particular about it."""
        what = f"depthwise {self.out}" if self.groups > 1 else f"{self.into}-{self.out}"
        parts = [f"conv {what} {self.kernel}x{self.kernel}"]
        parts += [f"stride {self.stride}"] * (self.stride > 1) + [f"dilation {self.dilation}"] * (self.dilation > 1)
        return " ".join([*parts, f"@{self.size}"]) + self.note

    @property
    def out_size(self) -> int:
        """The height and the width of the result."""
        return (self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1


def layer(lib: Any, geometry: Geometry) -> Work:
    """Return the forward and the backward pass of a layer with a bias, for a batch of 32."""
    options = {"padding": geometry.padding, "dilation": geometry.dilation, "groups": geometry.groups}
    conv = lib.nn.Conv2d(geometry.into, geometry.out, geometry.kernel, stride=geometry.stride, **options)
    x = normal(lib, BATCH, geometry.into, geometry.size, geometry.size, grad=geometry.image_gradient)
    g = normal(lib, BATCH, geometry.out, geometry.out_size, geometry.out_size)
    return with_gradient(lambda: conv(x), g, [x, *conv.parameters()])


def products(lib: Any, geometry: Geometry) -> Work:
    """Return the layer's matrix products on matrices that lie ready: output, weight's gradient, columns' gradient.

    For us the library is NumPy itself: nothing is recorded.
    """
    numpy = lib.__name__ == "tinygrad_edu"
    place = (lambda a: a) if numpy else lib.from_numpy
    matmul = np.matmul if numpy else lib.matmul
    rows = BATCH * geometry.out_size**2
    depth, width = geometry.into // geometry.groups * geometry.kernel**2, geometry.out // geometry.groups
    groups = (geometry.groups,) if geometry.groups > 1 else ()
    columns, g, weight = (place(_matrix(*groups, *shape)) for shape in [(rows, depth), (rows, width), (depth, width)])
    out, columns_gradient, weight_gradient = (place(np.empty_like(a)) for a in (g, columns, weight))
    turned, weight_turned = columns.swapaxes(-1, -2), weight.swapaxes(-1, -2)

    def work() -> None:
        matmul(columns, weight, out=out)
        matmul(turned, g, out=weight_gradient)
        if geometry.image_gradient:
            matmul(g, weight_turned, out=columns_gradient)

    return work


def _matrix(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


GEOMETRIES = [
    Geometry(64, 64, 3, 16, padding=1),
    Geometry(64, 128, 1, 16),
    Geometry(32, 64, 3, 32, stride=2, padding=1),
    Geometry(3, 32, 3, 32, padding=1, image_gradient=False),
    Geometry(32, 32, 3, 32, padding=1, groups=32),
    Geometry(16, 32, 5, 14),
    Geometry(3, 64, 7, 64, stride=2, padding=3, image_gradient=False),
]
# Beside the seven: what a first layer would cost if its image had a gradient, and a dilated one.
MORE = [
    Geometry(3, 32, 3, 32, padding=1, note=" with the image's gradient"),
    Geometry(32, 32, 3, 32, padding=2, dilation=2),
]

CASES = [Case(g.name, "convolution", functools.partial(layer, geometry=g)) for g in GEOMETRIES]
CASES += [Case(PRODUCTS + g.name, "products", functools.partial(products, geometry=g)) for g in GEOMETRIES]
CASES += [Case(g.name, "other", functools.partial(layer, geometry=g)) for g in MORE]
