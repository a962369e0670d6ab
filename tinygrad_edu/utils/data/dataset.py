"""Datasets: samples taken by index or one after the other. How batches are made is not known."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ...random import Generator, randperm
from ...tensor import Tensor

__all__ = [
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Base class of datasets whose samples are taken by index.

    A subclass defines ``__getitem__(index)`` and, for most samplers, ``__len__()``. It may define
    ``__getitems__(indices)``, which returns the list of samples of one batch.
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(
            f"Subclasses of Dataset should implement __getitem__; {type(self).__name__} does not."
        )

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], ABC):
    """Base class of datasets whose samples come one after the other, from a file or the network.

    A subclass defines ``__iter__()``.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[T_co]: ...


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of tensors: sample i is ``(tensors[0][i], tensors[1][i], ...)``.

    Parameters
    ----------
    *tensors : Tensor
        Of shapes (N, ...), with the same N.

    Raises
    ------
    AssertionError
        If they have different N.
    TypeError
        If one is no Tensor.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> data = tg.utils.data.TensorDataset(tg.zeros(5, 3), tg.arange(5))
    >>> len(data), data[4]
    (5, (tensor([0., 0., 0.]), tensor(4)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"TensorDataset: argument {i} is a {type(tensor).__name__}, not a Tensor; "
                    "make one with from_numpy() or tensor()."
                )
        if any(len(tensor) != len(tensors[0]) for tensor in tensors):
            raise AssertionError(
                "Size mismatch between tensors: TensorDataset got "
                f"{[len(tensor) for tensor in tensors]} rows; each sample needs one of every "
                "tensor."
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([tensor[index] for tensor in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset[T_co]):
    """Several datasets one after the other.

    Parameters
    ----------
    datasets : iterable of Dataset
        At least one, none of them iterable-style.

    Attributes
    ----------
    cumulative_sizes : list of int
        How many samples there are up to the end of each.
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable: ConcatDataset needs at least one.")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ConcatDataset does not support IterableDataset; {type(dataset).__name__} has no indices."
                )
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        if index < 0:
            if -index > len(self):
                raise ValueError(
                    f"absolute value of index should not exceed dataset length: got {index}, have {len(self)}."
                )
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"ConcatDataset: there is no sample {index}; it has {len(self)}.")
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


class Subset(Dataset[T_co]):
    """Some samples of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    indices : sequence of int
        Which samples, in which order.

    Raises
    ------
    NotImplementedError
        If a subclass defines ``__getitem__`` alone: a loader asks for whole batches by
        ``__getitems__``.
    """

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        own = type(self)
        if own.__getitem__ is not Subset.__getitem__ and own.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{own.__name__} overrides __getitem__ but not __getitems__, which a DataLoader calls; define both."
            )
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        """Return the samples of one batch."""
        chosen = [self.indices[i] for i in indices]
        batch: Any = getattr(self.dataset, "__getitems__", None)
        return batch(chosen) if batch else [self.dataset[i] for i in chosen]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[T]]:
    """Split a dataset at random into parts that share no sample.

    Parameters
    ----------
    dataset : Dataset
        With a length.
    lengths : sequence of int or of float
        Sizes that sum up to the dataset's, or fractions that sum up to 1; what rounding leaves over
        goes to the first parts, one each.
    generator : Generator, optional
        What draws; the default generator if left out.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        If the lengths do not sum up, or a fraction is not between 0 and 1.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> data = tg.utils.data.TensorDataset(tg.arange(10))
    >>> [len(part) for part in tg.utils.data.random_split(data, [0.5, 0.25, 0.25])]
    [6, 2, 2]
    """
    n = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _from_fractions(n, lengths)
    if sum(lengths) != n:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"random_split got {list(lengths)}, sum {sum(lengths)}, for {n} samples."
        )
    order = iter(randperm(n, generator=generator).tolist())
    return [Subset(dataset, list(itertools.islice(order, int(length)))) for length in lengths]


def _from_fractions(n: int, fractions: Sequence[float]) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1: random_split got {fraction}.")
    lengths = [math.floor(n * fraction) for fraction in fractions]
    for i in range(n - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if not length:
            warnings.warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset.",
                stacklevel=3,
            )
    return lengths
