"""Planes through the weights of a model: directions, where a path lies in them, and the loss at every place.

It computes with vectors (P,), all parameters of a model one after the other, and draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import no_grad
from ...creation import from_numpy
from ...nn import Module
from .reading import read_array
from .undisturbed import evaluating

__all__ = ["Plane", "losses_on", "make_plane", "read_path"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Plane:
    """A plane through the weights.

    Attributes
    ----------
    center : ndarray, shape (P,)
        The weights at (0, 0).
    directions : ndarray, shape (2, P)
        Where the two axes lead.
    path : ndarray, shape (T, 2), or None
        The points of the plane nearest to those of the path.
    shares : tuple of float or None
        How much of the path's variance lies along each axis (PCA only).
    """

    center: Array
    directions: Array
    path: Array | None
    shares: tuple[float, float] | None


def read_path(model: Module, path: Any) -> Array:
    """Return the weights along a path (T, P).

    Parameters
    ----------
    model : Module
        Whose weights they are.
    path : sequence
        Each entry a state dict, a vector (P,) as ``nn.utils.parameters_to_vector`` makes it, or a list of the
        parameters' values.

    Raises
    ------
    ValueError
        If an entry does not fit the model, or all are equal.
    """
    parameters = dict(model.named_parameters())
    size = sum(p.array.size for p in parameters.values())
    points = [_vector(entry, parameters) for entry in path]
    if not points or any(len(point) != size for point in points):
        raise ValueError(
            f"loss_surface: each entry of path must hold the model's {size} weights: one state_dict() or vector."
        )
    weights = np.stack(points)
    if len(weights) > 1 and (weights == weights[0]).all():
        raise ValueError(
            "loss_surface: all entries of path are equal. state_dict() shares the model's memory: store copies, "
            "{name: value.clone() for name, value in model.state_dict().items()}."
        )
    return weights


def _vector(entry: Any, parameters: Mapping[str, Any]) -> Array:
    if isinstance(entry, Mapping):
        missing = [name for name in parameters if name not in entry]
        if missing:
            raise ValueError(f"loss_surface: an entry of path lacks the parameters {missing}.")
        entry = [entry[name] for name in parameters]
    if isinstance(entry, (list, tuple)):
        return np.concatenate([read_array(value).reshape(-1) for value in entry])
    return read_array(entry).reshape(-1)


def make_plane(model: Module, directions: Any, path: Array | None, seed: int) -> Plane:
    """Lay a plane through the model's weights as they are now.

    Parameters
    ----------
    model : Module
        It is only read.
    directions : {"random", "pca"} or array (2, P)
        See :func:`loss_surface`.
    path : ndarray, shape (T, P), optional
        Needed for "pca".
    seed : int
        Of the random directions.

    Raises
    ------
    ValueError
        If the directions are none of these, there is no path for "pca", or the two are parallel.
    """
    center = _vector(list(model.parameters()), {})
    shares = None
    if isinstance(directions, str):
        if directions not in ("random", "pca"):
            raise ValueError(f'loss_surface: directions={directions!r} must be "random", "pca" or two vectors (2, P).')
        if directions == "pca":
            vectors, shares = _principal(path)
        else:
            vectors = _random(model, seed)
    else:
        vectors = np.stack([_vector(vector, {}) for vector in directions])
    if vectors.shape != (2, len(center)) or np.linalg.matrix_rank(vectors.astype(float)) < 2:
        raise ValueError(
            f"loss_surface: the directions {vectors.shape} must be two of {len(center)} weights and not parallel."
        )
    return Plane(center, vectors, None if path is None else _coordinates(path - center, vectors), shares)


def _random(model: Module, seed: int) -> Array:
    """Draw two directions and give each filter the length of the model's own, as Li et al. (2018) do.

    A filter is what makes one output: a row of a linear layer, a kernel (C, KH, KW) of a convolution. Without this,
    layers of small weights would be shaken more than those of large ones. Biases and the parameters of
    normalisations stay where they are.
    """
    rng = np.random.default_rng(seed)
    parameters = [p.array for p in model.parameters()]
    return np.stack([np.concatenate([_one_direction(p, rng) for p in parameters]) for _ in range(2)])


def _one_direction(weight: Array, rng: np.random.Generator) -> Array:
    if weight.ndim < 2:
        return np.zeros(weight.size, weight.dtype)
    rows = weight.reshape(len(weight), -1)
    drawn = rng.standard_normal(rows.shape)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(drawn, axis=1, keepdims=True)
    direction: Array = (drawn * lengths).astype(weight.dtype).reshape(-1)
    return direction


def _principal(path: Array | None) -> tuple[Array, tuple[float, float]]:
    """Return the two directions of length one along which the path varies most, and their shares of its variance."""
    if path is None or len(path) < 3:
        raise ValueError('loss_surface: directions="pca" needs a path of at least three points; or use "random".')
    moves = path - path.mean(0, keepdims=True)
    _, lengths, vectors = np.linalg.svd(moves, full_matrices=False)
    variances = lengths.astype(float) ** 2
    if variances[1] <= 1e-12 * variances[0]:
        raise ValueError('loss_surface: the path is a straight line, so it spans no plane; use directions="random".')
    shares = variances[:2] / variances.sum()
    return vectors[:2], (float(shares[0]), float(shares[1]))


def _coordinates(moves: Array, directions: Array) -> Array:
    """Return the points of the plane (T, 2) that are nearest to moves from its center (T, P)."""
    found: Array = np.linalg.lstsq(directions.T.astype(float), moves.T.astype(float), rcond=None)[0].T
    return found


def losses_on(plane: Plane, model: Module, loss: Callable[[Module], Any], x: Array, y: Array) -> NDArray[np.float64]:
    """Compute the loss at ``center + x * directions[0] + y * directions[1]`` for every x and y.

    Afterwards the model has the very arrays that it had, and its mode, also after an error.

    Returns
    -------
    ndarray of float64, shape (len(y), len(x))
    """
    table = np.empty((len(y), len(x)))
    with _own_weights_kept(model), no_grad(), np.errstate(all="ignore"):
        for i, j in np.ndindex(table.shape):
            _set_weights(model, plane.center + x[j] * plane.directions[0] + y[i] * plane.directions[1])
            with evaluating(model):  # for each place anew: whatever the loss does to the model, all start alike
                table[i, j] = float(loss(model))
    return table


@contextmanager
def _own_weights_kept(model: Module) -> Iterator[None]:
    """Give the parameters back the memory they had: exact, and nothing is copied."""
    own = [(parameter, parameter.data) for parameter in model.parameters()]
    try:
        yield
    finally:
        for parameter, data in own:
            parameter.data = data


def _set_weights(model: Module, vector: Array) -> None:
    start = 0
    for parameter in model.parameters():
        end = start + parameter.array.size
        values = vector[start:end].reshape(parameter.shape).astype(parameter.dtype)
        parameter.data = from_numpy(values)
        start = end
