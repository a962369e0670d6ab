"""Random numbers: generators with PyTorch's interface on NumPy's PCG64, and tensors drawn from them.

The same seed gives the same numbers on every machine; they are not PyTorch's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .creation import _make, _shape
from .dtypes import get_default_dtype, int64
from .record import wrap
from .tensor import Tensor

__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
]


class Generator:
    """A source of random numbers that can be seeded, saved and put back.

    Parameters
    ----------
    device : str
        Accepted for PyTorch programs; always the CPU.

    Attributes
    ----------
    numpy : numpy.random.Generator
        What draws.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.manual_seed(67280421310721)  # PyTorch's default seed

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence that belongs to ``seed`` (an integer, negative ones too)."""
        self._seed = int(seed)
        self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self

    def initial_seed(self) -> int:
        """Return the seed that the sequence was started with."""
        return self._seed

    def seed(self) -> int:
        """Start from a seed that nobody knows beforehand, and return it."""
        self.manual_seed(int(np.random.SeedSequence().entropy) % 2**63)  # type: ignore[arg-type]
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Return the place in the sequence."""
        return {"seed": self._seed, "numpy": self.numpy.bit_generator.state}

    def set_state(self, new_state: dict[str, Any]) -> Generator:
        """Go to a place that :meth:`get_state` returned."""
        self._seed = new_state["seed"]
        self.numpy.bit_generator.state = new_state["numpy"]
        return self


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which initialisation, dropout and shuffling draw."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with an unknown number, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """Return the state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Set the state of the default generator."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Put the default generator back to where it was when the block ends."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


def _numpy(generator: Generator | None) -> np.random.Generator:
    return (generator or default_generator).numpy


def rand(
    *size: Any, generator: Generator | None = None, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Draw uniformly from [0, 1)."""
    return _make(_uniform(_shape(size), generator, dtype), requires_grad, device)


def randn(
    *size: Any, generator: Generator | None = None, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Draw from the normal distribution of mean 0 and standard deviation 1."""
    return _make(_normal(_shape(size), generator, dtype), requires_grad, device)


def _uniform(shape: tuple[int, ...], generator: Generator | None, dtype: DTypeLike) -> np.ndarray[Any, Any]:
    wanted = np.dtype(dtype or get_default_dtype())
    drawn: Any = np.float32 if wanted == np.float32 else np.float64
    return np.asarray(_numpy(generator).random(shape, drawn)).astype(wanted, copy=False)


def _normal(shape: tuple[int, ...], generator: Generator | None, dtype: DTypeLike) -> np.ndarray[Any, Any]:
    wanted = np.dtype(dtype or get_default_dtype())
    drawn: Any = np.float32 if wanted == np.float32 else np.float64
    return np.asarray(_numpy(generator).standard_normal(shape, drawn)).astype(wanted, copy=False)


def rand_like(input: Tensor, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Draw uniformly from [0, 1) in the shape and dtype of ``input``."""
    return _make(_uniform(input.shape, None, dtype or input.dtype), requires_grad, None)


def randn_like(input: Tensor, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Draw normally in the shape and dtype of ``input``."""
    return _make(_normal(input.shape, None, dtype or input.dtype), requires_grad, None)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers from ``low`` (0 when left out) up to, but not including, ``high``: ``randint([low,] high, size)``."""
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    drawn = _numpy(generator).integers(low, high, _shape((tuple(size),)))
    return _make(np.asarray(drawn).astype(dtype or int64), requires_grad, None)


def randperm(n: int, *, generator: Generator | None = None, dtype: DTypeLike = None) -> Tensor:
    """Draw a random order of 0 .. n-1."""
    return wrap(_numpy(generator).permutation(n).astype(dtype or int64))  # type: ignore[no-any-return]


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Draw normally with the given mean and standard deviation: numbers with a ``size``, or tensors."""
    mean, std = (v.array if isinstance(v, Tensor) else v for v in (mean, std))
    if np.any(np.less(std, 0)):
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std)) if size is None else _shape((size,))
    dtype = next((v.dtype for v in (mean, std) if isinstance(v, np.ndarray)), None)
    drawn = _normal(shape, generator, dtype)
    return wrap((drawn * std + mean).astype(drawn.dtype))  # type: ignore[no-any-return]


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with the probability that each entry of ``input`` gives, else 0."""
    p = input.array
    if p.size and (p.min() < 0 or p.max() > 1):
        raise RuntimeError(f"Expected p_in >= 0 && p_in <= 1, but the probabilities are in [{p.min()}, {p.max()}]")
    return wrap((_numpy(generator).random(p.shape) < p).astype(p.dtype))  # type: ignore[no-any-return]


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw indices with probabilities in proportion to each row of ``input`` (C,) or (N, C); to (num_samples,) or
    (N, num_samples), int64.
    """  # noqa: D205
    rows = np.atleast_2d(input.array.astype(np.float64))
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial: probabilities must be finite, not negative, and not all zero in a row.")
    if not replacement and num_samples > rows.shape[1]:
        raise RuntimeError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {num_samples} of {rows.shape[1]}"
        )
    rng = _numpy(generator)
    drawn = np.stack([rng.choice(rows.shape[1], num_samples, replacement, row / row.sum()) for row in rows])
    return wrap((drawn if input.ndim == 2 else drawn[0]).astype(int64))  # type: ignore[no-any-return]
