"""The shared cases for HIPS autograd and JAX, which differentiate functions written with their copies of NumPy.

Written once against both. JAX runs eagerly, without ``jit``, as every other library here; it is not made for that.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..case import Make, Work
from ..cases.convolution import BATCH, GEOMETRIES, Geometry
from ..cases.overhead import SIZES, scalar_network, scalar_weights
from .plain import Adam, normal, weights

__all__ = ["autograd_makers", "jax_makers"]

MLPS = [((784, 128, 10), 32), ((784, 128, 10), 128), ((784, 128, 10), 512), ((784, 512, 512, 10), 128)]


class Library:
    """One of the two: its NumPy, arrays of it, and a gradient that is there when the call returns."""

    def __init__(self, lib: Any) -> None:
        self.jax = lib.__name__ == "jax"
        self.lib = lib
        self.np = importlib.import_module("jax.numpy" if self.jax else "autograd.numpy")

    def array(self, values: Any) -> Any:
        """Return the values as the library's array."""
        return self.np.array(values) if self.jax else values

    def grad(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return what computes a function's gradient by its one argument, a list or an array, and waits for it."""
        gradient = self.lib.grad(function)
        return (lambda x: self.lib.block_until_ready(gradient(x))) if self.jax else gradient

    def of_arrays(self, function: Callable[[Any], Any], *arrays: Any) -> Work:
        """Return the computation of the gradient by a list of arrays, at these."""
        gradient, at = self.grad(function), [self.array(a) for a in arrays]
        return lambda: gradient(at)

    def loss(self, logits: Any, labels: Any) -> Any:
        """Return the mean cross-entropy of the logits."""
        np = self.np
        logits = logits - np.max(logits, axis=1, keepdims=True)
        rows = np.log(np.sum(np.exp(logits), axis=1)) - logits[np.arange(len(labels)), labels]
        return np.mean(rows)

    def mlp(self, parameters: Sequence[Any], x: Any) -> Any:
        """Return the output of dense layers with ReLU between them."""
        for i in range(0, len(parameters), 2):
            x = x @ parameters[i] + parameters[i + 1]
            x = self.np.maximum(x, 0) if i + 2 < len(parameters) else x
        return x

    def training(self, loss: Callable[[Any], Any], arrays: Sequence[Any]) -> Work:
        """Return a training step with Adam."""
        gradient, adam, parameters = self.grad(loss), Adam(), [self.array(a) for a in arrays]

        def step() -> None:
            parameters[:] = adam(parameters, gradient(parameters))
            if self.jax:
                self.lib.block_until_ready(parameters)

        return step


def adds(lib: Library) -> Work:
    ones = lib.array(np.ones((4, 4), np.float32))

    def total(p: Any) -> Any:
        z = p[0]
        for _ in range(1000):
            z = z + ones
        return lib.np.sum(z)

    return lib.of_arrays(total, ones)


def products(lib: Library) -> Work:
    def total(p: Any) -> Any:
        z, y = p
        for _ in range(1000):
            z = z * y
        return lib.np.sum(z)

    return lib.of_arrays(total, *np.ones((2, 4, 4), np.float32))


def scalar_graph(lib: Library) -> Work:
    values = scalar_weights().astype(np.float32)
    inputs = [lib.array(np.float32(i / SIZES[0])) for i in range(SIZES[0])]
    if lib.jax:
        return lib.of_arrays(lambda p: scalar_network(inputs, p, lib.np.tanh), *values)
    # HIPS autograd takes long to put the gradients of 1,500 arguments in a list: there the weights are one array.
    gradient = lib.grad(lambda w: scalar_network(inputs, [w[i] for i in range(len(values))], lib.np.tanh))
    return lambda: gradient(values)


def mlp_step(lib: Library, sizes: tuple[int, ...], batch: int) -> Work:
    x = lib.array(normal(batch, sizes[0]))
    y = np.random.default_rng(0).integers(0, sizes[-1], batch)
    return lib.training(lambda p: lib.loss(lib.mlp(p, x), y), weights(*sizes))


def elementwise_chain(lib: Library) -> Work:
    x, w, g = normal(10**6), normal(10**6), lib.array(normal(10**6))

    def total(p: Any) -> Any:
        y = lib.np.tanh(lib.np.exp(p[0]) * p[1] + p[0])
        return lib.np.sum(g / (1.0 + lib.np.exp(-y)))

    return lib.of_arrays(total, x, w)


def cross_entropy(lib: Library) -> Work:
    y = np.random.default_rng(0).integers(0, 1000, 128)
    return lib.of_arrays(lambda p: lib.loss(p[0], y), normal(128, 1000))


def norm(lib: Library, shape: tuple[int, ...], axes: tuple[int, ...]) -> Work:
    """Normalise over some axes, then scale and shift along the others (batch norm) or along these (layer norm)."""
    kept = axes if len(axes) == 1 else (1,)
    sizes = [n if i in {k % len(shape) for k in kept} else 1 for i, n in enumerate(shape)]
    g = lib.array(normal(*shape))

    def total(p: Any) -> Any:
        x, scale, shift = p
        centred = x - lib.np.mean(x, axis=axes, keepdims=True)
        variance = lib.np.mean(centred**2, axis=axes, keepdims=True)
        return lib.np.sum(g * (centred / lib.np.sqrt(variance + 1e-5) * scale + shift))

    return lib.of_arrays(total, normal(*shape), np.ones(sizes, np.float32), np.zeros(sizes, np.float32))


def lstm_step(lib: Library) -> Work:
    x, y = lib.array(normal(64, 32, 64)), np.random.default_rng(0).integers(0, 10, 32)
    zeros = lib.array(np.zeros((32, 128), np.float32))
    xp = lib.np

    def sigmoid(z: Any) -> Any:
        return 0.5 * (xp.tanh(0.5 * z) + 1.0)

    def loss(p: Any) -> Any:
        w, b, head, shift = p
        h = c = zeros
        for t in range(64):
            gates = xp.concatenate([x[t], h], axis=1) @ w + b
            i, f, g, o = (gates[:, k * 128 : (k + 1) * 128] for k in range(4))
            c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
            h = sigmoid(o) * xp.tanh(c)
        return lib.loss(h @ head + shift, y)

    return lib.training(loss, [*weights(192, 512), *weights(128, 10)])


def hessian_vector(lib: Library) -> Work:
    data, w, v = (lib.array(normal(n, 64, scale=0.125)) for n in (128, 64, 64))

    def loss(w: Any) -> Any:
        return lib.np.sum(lib.np.tanh(lib.np.tanh(data @ w) @ w) ** 2)

    if lib.jax:
        return lambda: lib.lib.block_until_ready(lib.lib.jvp(lib.lib.grad(loss), (w,), (v,))[1])
    product = lib.lib.hessian_vector_product(loss)
    return lambda: product(w, v)


def penalty(lib: Library) -> Work:
    x = lib.array(normal(64, 64))

    def loss(p: Any) -> Any:
        by_x = lib.lib.grad(lambda z: lib.np.sum(lib.mlp(p, z)))(x)
        return lib.np.sum(by_x**2)

    return lib.of_arrays(loss, *weights(64, 64, 64, 1))


def conv(lib: Library, geometry: Geometry) -> Work:
    where = geometry
    image = normal(BATCH, where.into, where.size, where.size)
    weight = normal(where.out, where.into // where.groups, where.kernel, where.kernel)
    g = lib.array(normal(BATCH, where.out, where.out_size, where.out_size))
    fixed = lib.array(image)

    def total(p: Any) -> Any:
        x = p[2] if where.image_gradient else fixed
        strides, pads = (where.stride,) * 2, [(where.padding,) * 2] * 2
        options = {"rhs_dilation": (where.dilation,) * 2, "feature_group_count": where.groups}
        out = lib.lib.lax.conv_general_dilated(x, p[0], strides, pads, **options)
        return lib.np.sum(g * (out + p[1]))

    arrays = [weight, np.zeros((1, where.out, 1, 1), np.float32)] + [image] * where.image_gradient
    return lib.of_arrays(total, *arrays)


SHARED: dict[str, Callable[[Library], Work]] = {
    "1,000 adds of a 4x4": adds,
    "1,000 products of a 4x4": products,
    "scalar graph of 3,000 ops": scalar_graph,
    **{
        f"MLP {'-'.join(map(str, sizes))}, batch {batch}, Adam": functools.partial(mlp_step, sizes=sizes, batch=batch)
        for sizes, batch in MLPS
    },
    "LSTM 64 steps, batch 32, hidden 128": lstm_step,
    "elementwise chain of 5, 1e6": elementwise_chain,
    "batch norm 32x64x16x16": functools.partial(norm, shape=(32, 64, 16, 16), axes=(0, 2, 3)),
    "layer norm 32x64x256": functools.partial(norm, shape=(32, 64, 256), axes=(-1,)),
    "softmax cross-entropy 128x1000": cross_entropy,
    "gradient penalty of an MLP": penalty,
    "Hessian-vector product": hessian_vector,
}
CONVOLUTIONS = {geometry.name: functools.partial(conv, geometry=geometry) for geometry in GEOMETRIES}


def autograd_makers() -> dict[str, Make]:
    """Return what HIPS autograd runs; its convolution is a loop over SciPy's and takes minutes."""
    return {name: _on_library(make) for name, make in SHARED.items()}


def jax_makers() -> dict[str, Make]:
    """Return what JAX runs."""
    return {name: _on_library(make) for name, make in (SHARED | CONVOLUTIONS).items()}


def _on_library(make: Callable[[Library], Work]) -> Make:
    return lambda lib: make(Library(lib))
