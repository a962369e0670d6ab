from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets
from tinygrad_edu.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
    get_worker_info,
    random_split,
)


class Squares(Dataset[tuple[int, float]]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, index * 0.5


class Stream(IterableDataset[int]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))


def values(loader: DataLoader[Any]) -> list[Any]:
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize(
    ("n", "options", "lengths"),
    [
        (7, {}, [1] * 7),
        (7, {"batch_size": 3}, [3, 3, 1]),
        (7, {"batch_size": 3, "drop_last": True}, [3, 3]),
        (6, {"batch_size": 3, "drop_last": True}, [3, 3]),
        (7, {"batch_size": 9, "shuffle": True}, [7]),
        (7, {"batch_sampler": [[0, 1], [5]]}, [2, 1]),
        (7, {"sampler": [3, 1], "batch_size": 2}, [2]),
        (0, {"batch_size": 2}, []),
    ],
)
def test_batches_and_their_number(n: int, options: dict, lengths: list[int]) -> None:
    loader = DataLoader(Squares(n), **options)
    batches = list(loader)
    assert [len(index) for index, _ in batches] == lengths
    assert len(loader) == len(lengths)
    assert all(half.tolist() == (index * 0.5).tolist() for index, half in batches)


def test_every_loop_is_an_epoch_and_shuffles_anew() -> None:
    loader = DataLoader(range(50), batch_size=50, shuffle=True)
    (first,), (second,) = values(loader), values(loader)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_two_loops_at_once_do_not_disturb_each_other() -> None:
    loader = DataLoader(range(3), batch_size=2)
    assert [(a.tolist(), b.tolist()) for a in loader for b in loader] == [
        ([0, 1], [0, 1]),
        ([0, 1], [2]),
        ([2], [0, 1]),
        ([2], [2]),
    ]


def test_generator_decides_the_order() -> None:
    def order(seed: int) -> list[Any]:
        generator = tg.Generator().manual_seed(seed)
        return values(DataLoader(range(30), batch_size=4, shuffle=True, generator=generator))

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_without_batches_samples_come_one_by_one() -> None:
    loader = DataLoader(Squares(2), batch_size=None)
    assert list(loader) == [[0, 0.0], [1, 0.5]]
    assert len(loader) == 2
    arrays = DataLoader([np.ones(2), np.zeros(2)], batch_size=None)
    assert values(arrays) == [[1.0, 1.0], [0.0, 0.0]]


def test_collate_fn_gets_the_list_of_samples() -> None:
    assert list(DataLoader(Squares(3), batch_size=2, collate_fn=lambda samples: samples)) == [
        [(0, 0.0), (1, 0.5)],
        [(2, 1.0)],
    ]
    data = TensorDataset(tg.arange(3))
    (batch,) = DataLoader(data, batch_size=3, collate_fn=lambda samples: samples)
    assert [row.item() for (row,) in batch] == [0, 1, 2]


def rows() -> TensorDataset:
    return TensorDataset(tg.arange(20), tg.randn(20, 3), tg.zeros(20, 0))


@pytest.mark.parametrize("dataset", [rows, lambda: random_split(rows(), [12, 8])[0], lambda: Subset(rows(), range(9))])
def test_rows_taken_at_once_are_the_collated_rows(dataset: Any) -> None:
    data = dataset()
    order = [2, 5, 0, 7, 3]
    at_once = DataLoader(data, batch_size=3, sampler=order)
    one_by_one = DataLoader(data, batch_size=3, sampler=order, collate_fn=lambda s: default_collate(s))
    for mine, other in zip(at_once, one_by_one, strict=True):
        assert type(mine) is type(other) is list
        for a, b in zip(mine, other, strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a.array, b.array)
            assert not np.shares_memory(a.array, data[0][0].array)


def test_sampler_may_yield_tensors() -> None:
    data = TensorDataset(tg.arange(5) * 10)
    (batch,) = DataLoader(data, batch_sampler=[tg.tensor([3, 1])])
    assert batch[0].tolist() == [30, 10]
    (batch,) = DataLoader(data, batch_size=2, sampler=list(tg.tensor([4, 0])))
    assert batch[0].tolist() == [40, 0]


def test_rows_of_a_tensor_that_wants_a_gradient() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ((batch,),) = DataLoader(TensorDataset(x), batch_sampler=[[2, 2]])
    batch.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 2.0]


def test_redefined_rows_are_asked_for() -> None:
    class Negative(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return tuple(-row for row in super().__getitem__(index))

    ((batch,),) = DataLoader(Negative(tg.arange(3)), batch_size=3)
    assert batch.tolist() == [0, -1, -2]
    ((batch,),) = DataLoader(Subset(Negative(tg.arange(3)), [2, 1]), batch_size=3)
    assert batch.tolist() == [-2, -1]


def test_dataset_that_can_is_asked_for_whole_batches() -> None:
    class Batched(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [i * 100 for i in indices]

    assert values(DataLoader(Batched(5), batch_size=3)) == [[0, 100, 200], [300, 400]]


def test_images_of_a_dataset_become_a_batch() -> None:
    images, labels = next(iter(DataLoader(datasets.Digits(), batch_size=16)))
    assert images.shape == (16, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)
    assert labels[:4].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "batches"),
    [
        ({"batch_size": 2}, [[0, 1], [2, 3], [4]]),
        ({"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
        ({"batch_size": None}, [0, 1, 2, 3, 4]),
        ({"batch_size": 5, "shuffle": False}, [[0, 1, 2, 3, 4]]),
    ],
)
def test_stream(options: dict, batches: list[Any]) -> None:
    loader = DataLoader(Stream(5), **options)
    found = [b.tolist() if isinstance(b, tg.Tensor) else b for b in loader]
    assert found == batches
    assert len(loader) == len(batches)


def test_stream_is_read_only_as_far_as_asked() -> None:
    class Endless(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            yield from (0, 1)
            raise AssertionError("read too far")

    assert next(iter(DataLoader(Endless(), batch_size=2))).tolist() == [0, 1]


def test_workers_are_accepted_with_a_warning_and_change_nothing() -> None:
    with pytest.warns(UserWarning, match="num_workers=2, but there are no worker processes here"):
        loader = DataLoader(range(4), batch_size=3, num_workers=2, persistent_workers=True)
    assert values(loader) == [[0, 1, 2], [3]]
    assert loader.prefetch_factor == 2
    assert get_worker_info() is None


def test_options_that_concern_hardware_are_accepted() -> None:
    loader = DataLoader(range(2), pin_memory=True, pin_memory_device="cuda", in_order=False)
    assert values(loader) == [[0], [1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusi"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.0}, "batch_size=2.0"),
        ({"num_workers": -1}, "should be non-negative, got -1; use num_workers=0"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiproces"),
        ({"num_workers": 1, "prefetch_factor": -2}, "prefetch_factor option should be non-negat"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"multiprocessing_context": "spawn"}, "multiprocessing_context can only be used with"),
    ],
)
def test_options_that_exclude_each_other(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(3), **options)


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}], ids=str)
def test_stream_has_no_order_to_choose(option: dict) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {name} option"):
        DataLoader(Stream(3), **option)


def test_shuffling_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="num_samples=0"):
        DataLoader([], shuffle=True)


def test_what_the_sampler_was_made_for_cannot_change() -> None:
    loader = DataLoader(Squares(3))
    loader.collate_fn = len
    assert list(loader) == [1, 1, 1]
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader"):
        loader.batch_size = 2
