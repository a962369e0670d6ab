"""Labelled points in the plane, made up on the spot; reads no files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["make_moons", "make_spirals"]

Points = tuple[NDArray[np.float32], NDArray[np.int64]]


def make_moons(n: int = 100, *, noise: float = 0.1, rng: int | np.random.Generator = 0) -> Points:
    """Draw two half circles that reach into each other.

    Parameters
    ----------
    n : int
        How many points, shared evenly between the two classes.
    noise : float
        Standard deviation of the normal noise that is added to every coordinate.
    rng : int or numpy.random.Generator
        The seed, or the generator to draw from.

    Returns
    -------
    points : ndarray of float32, shape (n, 2)
    labels : ndarray of int64, shape (n,)
        0 for the upper moon, 1 for the lower one.
    """
    rng = np.random.default_rng(rng)
    labels, position = _places(n, 2)
    angle = np.pi * position
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # the lower moon is the upper one turned by half a circle around (0.5, 0.25)
    points = np.where(labels[:, np.newaxis] == 0, upper, [1.0, 0.5] - upper)
    return _noisy(points, noise, rng), labels


def make_spirals(
    n: int = 300,
    classes: int = 3,
    *,
    turns: float = 0.75,
    noise: float = 0.02,
    rng: int | np.random.Generator = 0,
) -> Points:
    """Draw the arms of a spiral, one class each, from the origin out to radius 1.

    Parameters
    ----------
    n : int
        How many points, shared evenly among the classes.
    classes : int
        How many arms, evenly turned against each other.
    turns : float
        How often an arm goes around the origin.
    noise : float
        Standard deviation of the normal noise that is added to every coordinate.
    rng : int or numpy.random.Generator
        The seed, or the generator to draw from.

    Returns
    -------
    points : ndarray of float32, shape (n, 2)
    labels : ndarray of int64, shape (n,)
        The arm of each point, 0 to classes - 1.
    """
    rng = np.random.default_rng(rng)
    labels, radius = _places(n, classes)
    angle = 2 * np.pi * (turns * radius + labels / classes)
    points = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _noisy(points, noise, rng), labels


def _places(n: int, classes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each point its class and its place on that class's curve, from 0 to 1."""
    labels = np.arange(n, dtype=np.int64) % classes
    step, last = np.arange(n) // classes, max((n - 1) // classes, 1)
    return labels, step / last


def _noisy(points: NDArray[np.float64], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    return (points + noise * rng.standard_normal(points.shape)).astype(np.float32)
