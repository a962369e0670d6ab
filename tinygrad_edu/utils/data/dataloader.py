"""The loader: takes samples in a sampler's order and hands them out as batches."""

from __future__ import annotations

import itertools
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ...random import Generator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Iterate over a dataset in batches; every ``for`` loop over the loader is one epoch.

    Parameters
    ----------
    dataset : Dataset
        With ``__getitem__`` and ``__len__``, or an :class:`IterableDataset`.
    batch_size : int or None
        Samples per batch. None: hand out single samples.
    shuffle : bool, optional
        Take the samples in a new random order in every epoch.
    sampler : Sampler or iterable, optional
        Yields the indices of the samples; instead of ``shuffle``.
    batch_sampler : Sampler or iterable, optional
        Yields lists of indices; instead of ``batch_size``, ``shuffle``, ``sampler`` and
        ``drop_last``.
    num_workers : int
        PyTorch's number of worker processes. There are none here: with more than 0 the loader
        warns, and loads the same batches in the calling process when they are asked for.
    collate_fn : callable, optional
        Makes a batch of a list of samples; :func:`default_collate` if left out.
    drop_last : bool
        Leave out a last batch that is smaller.
    generator : Generator, optional
        What shuffles; the default generator if left out.
    pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor,
    persistent_workers, \
pin_memory_device, in_order
        Accepted for PyTorch programs and kept as attributes: they concern workers and accelerators.

    Raises
    ------
    ValueError
        If options exclude each other.

    Notes
    -----
    Batches of a :class:`TensorDataset`, or of a :class:`Subset` of one, that are made by
    :func:`default_collate` are taken from each tensor by one indexing operation, without making the
    samples.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> data = tg.utils.data.TensorDataset(tg.arange(5))
    >>> for (x,) in tg.utils.data.DataLoader(data, batch_size=2):
    ...     print(x)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    _initialized = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        if isinstance(dataset, IterableDataset):
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_exclusive(batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers, self.timeout, self.worker_init_fn = num_workers, timeout, worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers = persistent_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.in_order = in_order
        self.generator = generator
        self.drop_last = drop_last
        self.sampler = self._sampler(shuffle) if sampler is None else sampler
        self.batch_size = batch_size if batch_sampler is None else None
        self.batch_sampler = batch_sampler
        if self.batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler, self.batch_size, drop_last)
        default = default_convert if self.batch_sampler is None else default_collate
        self.collate_fn: Callable[[Any], Any] = collate_fn or default
        self._initialized = True

    def _sampler(self, shuffle: bool | None) -> Iterable[int]:
        if isinstance(self.dataset, IterableDataset):
            return itertools.repeat(0)  # it has no indices: they only count the samples
        data: Any = self.dataset
        return RandomSampler(data, generator=self.generator) if shuffle else SequentialSampler(data)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized: "
                "its sampler was made for the old value. Make a new loader."
            )
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        samples: int = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return samples
        whole, left = divmod(samples, self.batch_size)
        return whole + bool(left and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return map(self.collate_fn, self._stream(self.dataset))
        if self.batch_sampler is None:
            return (self.collate_fn(self.dataset[index]) for index in self.sampler)
        return map(self._batch, self.batch_sampler)

    def _stream(self, dataset: IterableDataset[T_co]) -> Iterator[Any]:
        """Yield what one call of ``collate_fn`` gets: a list of samples, or one."""
        samples = iter(dataset)
        if self.batch_size is None:
            yield from samples
            return
        while batch := list(itertools.islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def _batch(self, indices: list[int]) -> Any:
        if self.collate_fn is default_collate:
            whole = _rows(self.dataset, indices)
            if whole is not None:
                return whole
        together: Any = getattr(self.dataset, "__getitems__", None)
        samples = together(indices) if together else [self.dataset[index] for index in indices]
        return self.collate_fn(samples)


_FIXED = frozenset(["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"])


def _rows(dataset: Any, indices: list[int]) -> list[Any] | None:
    """Take a whole batch where samples are rows of tensors; None where they may be redefined."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    indices = list(map(operator.index, indices))  # a sampler may yield tensors
    return [tensor[indices] for tensor in dataset.tensors]


def get_worker_info() -> None:
    """Return None: this is no worker process (there are none)."""


def _check_workers(
    num_workers: int,
    timeout: float,
    prefetch_factor: int | None,
    persistent_workers: bool,
    context: Any,
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative, got {num_workers}; use num_workers=0, the default."
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0:
        _check_no_workers(prefetch_factor, persistent_workers, context)
    elif prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch_factor}")
    else:
        warnings.warn(
            f"DataLoader: num_workers={num_workers}, but there are no worker processes here: the "
            "same batches are loaded in this process, and worker_init_fn is not called. Pass "
            "num_workers=0.",
            stacklevel=3,
        )


def _check_no_workers(prefetch_factor: int | None, persistent_workers: bool, context: Any) -> None:
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. Set it to None where num_workers is 0."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            "0), but got num_workers=0"
        )


def _check_iterable(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    for name, value in {
        "shuffle": shuffle,
        "sampler": sampler,
        "batch_sampler": batch_sampler,
    }.items():
        if value is not None and value is not False:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}; such a dataset decides itself what comes next."
            )


def _check_exclusive(batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle: the sampler decides the order.")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
            "drop_last: it decides all of them."
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
