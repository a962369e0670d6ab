"""The shared cases for MyGrad. Its memory guard is off, as its documentation advises for speed."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..case import Make, Work
from ..cases.convolution import BATCH, GEOMETRIES, Geometry
from ..cases.overhead import SIZES, scalar_network, scalar_weights
from .functional import MLPS
from .plain import Adam, Momentum, normal, weights

__all__ = ["MAKERS"]


class Library:
    """MyGrad and its parts of networks."""

    def __init__(self, lib: Any) -> None:
        self.mg = lib
        lib.turn_memory_guarding_off()
        layers, activations = (importlib.import_module(f"mygrad.nnet.{name}") for name in ("layers", "activations"))
        self.conv_nd, self.max_pool, self.batchnorm = layers.conv_nd, layers.max_pool, layers.batchnorm
        self.relu, self.sigmoid = activations.relu, activations.sigmoid
        self.loss = importlib.import_module("mygrad.nnet.losses").softmax_crossentropy

    def tensors(self, *arrays: Any) -> list[Any]:
        """Return tensors of the arrays."""
        return [self.mg.tensor(a) for a in arrays]

    def training(self, loss: Callable[[Sequence[Any]], Any], arrays: Sequence[Any], optimizer: Any) -> Work:
        """Return a training step."""
        parameters = self.tensors(*arrays)

        def step() -> None:
            loss(parameters).backward()
            stepped = optimizer([p.data for p in parameters], [p.grad for p in parameters])
            for parameter, value in zip(parameters, stepped):
                parameter.data[...] = value
                parameter.null_grad()

        return step

    def backward(self, function: Callable[..., Any], g: Any, *arrays: Any) -> Work:
        """Return a call of the function on tensors of the arrays and its backward pass."""
        leaves = self.tensors(*arrays)

        def work() -> None:
            for leaf in leaves:
                leaf.null_grad()
            function(*leaves).backward(g)

        return work

    def mlp(self, parameters: Sequence[Any], x: Any) -> Any:
        """Return the output of dense layers with ReLU between them."""
        for i in range(0, len(parameters), 2):
            x = self.mg.matmul(x, parameters[i]) + parameters[i + 1]
            x = self.relu(x) if i + 2 < len(parameters) else x
        return x


def adds(lib: Library) -> Work:
    ones = np.ones((4, 4), np.float32)

    def total(z: Any) -> Any:
        for _ in range(1000):
            z = z + ones
        return z.sum()

    return lib.backward(total, None, ones)


def products(lib: Library) -> Work:
    def total(z: Any, y: Any) -> Any:
        for _ in range(1000):
            z = z * y
        return z.sum()

    return lib.backward(total, None, *np.ones((2, 4, 4), np.float32))


def scalar_graph(lib: Library) -> Work:
    inputs = [np.float32(i / SIZES[0]) for i in range(SIZES[0])]
    values = scalar_weights().astype(np.float32)
    return lib.backward(lambda *w: scalar_network(inputs, w, lib.mg.tanh), None, *values)


def mlp_step(lib: Library, sizes: tuple[int, ...], batch: int) -> Work:
    x, y = normal(batch, sizes[0]), np.random.default_rng(0).integers(0, sizes[-1], batch)
    return lib.training(lambda p: lib.loss(lib.mlp(p, x), y), weights(*sizes), Adam())


def lenet_step(lib: Library) -> Work:
    x, y = normal(64, 1, 28, 28), np.random.default_rng(0).integers(0, 10, 64)
    arrays = [normal(16, 1, 5, 5, scale=0.2), np.zeros((1, 16, 1, 1), np.float32)]
    arrays += [normal(32, 16, 5, 5, scale=0.05), np.zeros((1, 32, 1, 1), np.float32), *weights(512, 128, 10)]

    def loss(p: Sequence[Any]) -> Any:
        z = lib.max_pool(lib.relu(lib.conv_nd(x, p[0], stride=1) + p[1]), (2, 2), 2)
        z = lib.max_pool(lib.relu(lib.conv_nd(z, p[2], stride=1) + p[3]), (2, 2), 2)
        return lib.loss(lib.mlp(p[4:], z.reshape(64, 512)), y)

    return lib.training(loss, arrays, Momentum())


def lstm_step(lib: Library) -> Work:
    x, y, zeros = normal(64, 32, 64), np.random.default_rng(0).integers(0, 10, 32), np.zeros((32, 128), np.float32)
    mg = lib.mg

    def loss(p: Sequence[Any]) -> Any:
        w, b, head, shift = p
        h = c = zeros
        for t in range(64):
            gates = mg.matmul(mg.concatenate([x[t], h], axis=1), w) + b
            i, f, g, o = (gates[:, k * 128 : (k + 1) * 128] for k in range(4))
            c = lib.sigmoid(f) * c + lib.sigmoid(i) * mg.tanh(g)
            h = lib.sigmoid(o) * mg.tanh(c)
        return lib.loss(mg.matmul(h, head) + shift, y)

    return lib.training(loss, [*weights(192, 512), *weights(128, 10)], Adam())


def conv(lib: Library, geometry: Geometry) -> Work:
    where = geometry
    image = normal(BATCH, where.into, where.size, where.size)
    arrays = [normal(where.out, where.into, where.kernel, where.kernel), np.zeros((1, where.out, 1, 1), np.float32)]
    g = normal(BATCH, where.out, where.out_size, where.out_size)

    def layer(w: Any, b: Any, x: Any = image) -> Any:
        return lib.conv_nd(x, w, stride=where.stride, padding=where.padding) + b

    return lib.backward(layer, g, *arrays, *[image] * where.image_gradient)


def _can(geometry: Geometry) -> bool:
    """Say whether MyGrad has it: no groups, and strides that reach the last column."""
    rest = geometry.size + 2 * geometry.padding - geometry.kernel
    return geometry.groups == 1 and rest % geometry.stride == 0


def elementwise_chain(lib: Library) -> Work:
    x, w, g = normal(10**6), normal(10**6), normal(10**6)
    return lib.backward(lambda x, w: lib.sigmoid(lib.mg.tanh(lib.mg.exp(x) * w + x)), g, x, w)


def batch_norm(lib: Library) -> Work:
    x, scale, shift = normal(32, 64, 16, 16), np.ones(64, np.float32), np.zeros(64, np.float32)
    return lib.backward(lambda x, s, b: lib.batchnorm(x, gamma=s, beta=b, eps=1e-5), x, x, scale, shift)


def layer_norm(lib: Library) -> Work:
    x, scale, shift = normal(32, 64, 256), np.ones(256, np.float32), np.zeros(256, np.float32)

    def norm(x: Any, s: Any, b: Any) -> Any:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred**2).mean(axis=-1, keepdims=True)
        return centred / lib.mg.sqrt(variance + 1e-5) * s + b

    return lib.backward(norm, x, x, scale, shift)


def max_pooling(lib: Library) -> Work:
    return lib.backward(lambda x: lib.max_pool(x, (2, 2), 2), normal(32, 64, 8, 8), normal(32, 64, 16, 16))


def relu(lib: Library) -> Work:
    return lib.backward(lib.relu, normal(10**6), normal(10**6))


def cross_entropy(lib: Library) -> Work:
    y = np.random.default_rng(0).integers(0, 1000, 128)
    return lib.backward(lambda x: lib.loss(x, y), None, normal(128, 1000))


CASES: dict[str, Callable[[Library], Work]] = {
    "1,000 adds of a 4x4": adds,
    "1,000 products of a 4x4": products,
    "scalar graph of 3,000 ops": scalar_graph,
    **{
        f"MLP {'-'.join(map(str, sizes))}, batch {batch}, Adam": functools.partial(mlp_step, sizes=sizes, batch=batch)
        for sizes, batch in MLPS
    },
    "LeNet, batch 64": lenet_step,
    "LSTM 64 steps, batch 32, hidden 128": lstm_step,
    **{g.name: functools.partial(conv, geometry=g) for g in GEOMETRIES if _can(g)},
    "elementwise chain of 5, 1e6": elementwise_chain,
    "ReLU, 1e6": relu,
    "batch norm 32x64x16x16": batch_norm,
    "layer norm 32x64x256": layer_norm,
    "max pooling 2x2, 32x64x16x16": max_pooling,
    "softmax cross-entropy 128x1000": cross_entropy,
}


def _on_library(make: Callable[[Library], Work]) -> Make:
    return lambda lib: make(Library(lib))


MAKERS = {name: _on_library(make) for name, make in CASES.items()}
