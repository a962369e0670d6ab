"""Random numbers: generators with PyTorch's interface on NumPy's PCG64, and tensors drawn from them.

The same seed gives the same numbers on every machine; they are not PyTorch's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .arguments import check_device, read_size
from .creation import make
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
        check_device(device)
        self.manual_seed(67280421310721)  # PyTorch's default seed

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence that belongs to ``seed``, an integer of 64 bits; negative ones count from 2**64 down."""
        if not isinstance(seed, (int, np.integer)):
            raise RuntimeError(f"manual_seed expected an integer, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: Overflow: {seed} does not fit into 64 bits.")
        self._seed = int(seed) % 2**64
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
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
        if getattr(new_state, "keys", set)() != {"seed", "numpy"}:
            raise TypeError(f"set_state expects what get_state returned, but got {type(new_state).__name__}")
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
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Draw uniformly from [0, 1)."""
    shape = read_size("rand", sizes, size)
    return make(_draw("random", shape, generator, dtype or get_default_dtype()), requires_grad, device)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Draw from the normal distribution of mean 0 and standard deviation 1."""
    shape = read_size("randn", sizes, size)
    return make(_draw("standard_normal", shape, generator, dtype or get_default_dtype()), requires_grad, device)


def rand_like(
    input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Draw uniformly from [0, 1) in the shape and dtype of ``input``."""
    return make(_draw("random", input.shape, None, dtype or input.dtype), requires_grad, device)


def randn_like(
    input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Draw normally in the shape and dtype of ``input``."""
    return make(_draw("standard_normal", input.shape, None, dtype or input.dtype), requires_grad, device)


def _draw(distribution: str, shape: Any, generator: Generator | None, dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """Draw from one of NumPy's distributions, in single precision where that is what is wanted."""
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise NotImplementedError(f"random floats cannot be drawn as {wanted}; use randint, or a floating-point dtype.")
    drawn = getattr(_numpy(generator), distribution)(shape, np.float32 if wanted == np.float32 else np.float64)
    if distribution == "random" and wanted == np.float16:
        drawn = np.floor(drawn * 2**11) / 2**11  # its 11 bits; rounding would make a 1 of what is just below
    return np.asarray(drawn).astype(wanted, copy=False)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Draw integers from ``low`` (0 when left out) up to, but not including, ``high``: ``randint([low,] high, size)``.

    Raises
    ------
    RuntimeError
        If the range is empty, or holds numbers that the dtype does not.
    """
    if high is None or isinstance(high, (tuple, list)):
        low, high, size = 0, low, high if size is None else size
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    wanted = np.dtype(dtype or int64)
    if wanted.kind in "iu" and not np.iinfo(wanted).min <= low < high <= np.iinfo(wanted).max + 1:
        raise RuntimeError(f"randint: from={low} and to - 1 = {high - 1} must be in the range of {wanted}.")
    if size is None:
        raise TypeError("randint() missing the sizes of the axes: randint(low, high, (2, 3)).")
    drawn = _numpy(generator).integers(low, high, read_size("randint", (size,)))
    return make(np.asarray(drawn).astype(wanted), requires_grad, device)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: DTypeLike | None = None, device: Any = None
) -> Tensor:
    """Draw a random order of 0 .. n-1."""
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    wanted = np.dtype(dtype or int64)
    if wanted.kind in "iu" and n - 1 > np.iinfo(wanted).max:
        raise RuntimeError(f"randperm: value cannot be converted to type {wanted} without overflow: {n - 1}")
    return make(_numpy(generator).permutation(n).astype(wanted), False, device)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Draw normally with the given mean and standard deviation: numbers with a ``size``, or tensors."""
    mean, std = (v.array if isinstance(v, Tensor) else v for v in (mean, std))
    if np.any(np.less(std, 0)):
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    dtypes = [v.dtype for v in (mean, std) if isinstance(v, np.ndarray)]
    if size is None and not dtypes:
        raise TypeError("normal() missing the sizes of the axes: normal(0.0, 1.0, (2, 3)).")
    shape = _common_shape(mean, std) if size is None else read_size("normal", (size,))
    drawn = _draw("standard_normal", shape, generator, dtype or (dtypes or [get_default_dtype()])[0])
    return make(np.asarray(drawn * std + mean).astype(drawn.dtype), requires_grad, device)


def _common_shape(mean: Any, std: Any) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(np.shape(mean), np.shape(std))
    except ValueError:
        raise RuntimeError(
            f"normal: The size of mean {np.shape(mean)} must match that of std {np.shape(std)}, or be 1, in every axis."
        ) from None


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with the probability that each entry of ``input`` gives, else 0."""
    p = input.array
    if p.dtype.kind != "f":
        raise NotImplementedError(f"bernoulli: the probabilities must be floating point, got {p.dtype}; use .float().")
    if not ((p >= 0) & (p <= 1)).all():  # not: NaN is refused too
        raise RuntimeError(f"Expected p_in >= 0 && p_in <= 1, but the probabilities are in [{p.min()}, {p.max()}]")
    return wrap((_numpy(generator).random(p.shape) < p).astype(p.dtype))  # type: ignore[no-any-return]


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw indices with probabilities in proportion to each row of ``input``.

    Parameters
    ----------
    input : Tensor (C,) or (N, C)
        Weights: floating point, finite, not negative, not all zero in a row.
    num_samples : int
        How many to draw from each row.
    replacement : bool
        Whether an index may be drawn again.

    Returns
    -------
    Tensor (num_samples,) or (N, num_samples), int64

    Raises
    ------
    RuntimeError
        If the weights are none, or fewer than ``num_samples`` without replacement.

    Notes
    -----
    Without replacement the largest of w / e are taken, with e from the exponential distribution: as if every index had
    a clock that rings at the rate of its weight.

    References
    ----------
    Efraimidis & Spirakis, Weighted random sampling with a reservoir, 2006.
    """
    _check_weights(input, num_samples, replacement)
    rows, rng = np.atleast_2d(input.array.astype(np.float64)), _numpy(generator)
    if replacement:
        chosen = [rng.choice(rows.shape[1], num_samples, p=row / row.sum()) for row in rows]
        drawn = np.reshape(chosen, (len(rows), num_samples)).astype(int64)
    else:
        clocks = -rows / rng.exponential(size=rows.shape)
        drawn = np.argsort(clocks, axis=1, kind="stable")[:, :num_samples]
    return wrap(drawn if input.ndim == 2 else drawn[0])  # type: ignore[no-any-return]


def _check_weights(input: Tensor, num_samples: int, replacement: bool) -> None:
    weights = input.array
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got shape {input.shape}")
    if weights.dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {weights.dtype}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{num_samples} of {weights.shape[-1]}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) == 0).any():
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
