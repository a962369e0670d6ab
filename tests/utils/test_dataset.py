from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.utils.data import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Squares(Dataset[int]):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < 6:
            raise IndexError(index)
        return index * index


def test_tensor_dataset_hands_out_rows() -> None:
    data = TensorDataset(tg.tensor([[1, 2], [3, 4]]), tg.tensor([5.0, 6.0]))
    assert len(data) == 2
    x, y = data[-1]
    assert x.tolist() == [3, 4]
    assert y.item() == 6.0


def test_rows_lead_back_to_a_tensor_that_wants_a_gradient() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    TensorDataset(x)[1][0].backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_datasets_add_up() -> None:
    both = Squares() + Subset(Squares(), [1, 3])
    assert isinstance(both, ConcatDataset)
    assert len(both) == 8
    assert both.cumulative_sizes == [6, 8]
    assert [both[i] for i in range(8)] == [0, 1, 4, 9, 16, 25, 1, 9]
    assert both[-1] == 9
    assert both[-8] == 0


def test_empty_dataset_may_be_part_of_a_longer_one() -> None:
    both = ConcatDataset([Subset(Squares(), []), Squares(), Subset(Squares(), [])])
    assert [both[i] for i in range(len(both))] == [0, 1, 4, 9, 16, 25]
    assert list(both) == [0, 1, 4, 9, 16, 25]


def test_subset_of_a_subset() -> None:
    odd = Subset(Squares(), [1, 3, 5])
    inner = Subset(odd, [2, 0])
    assert [inner[i] for i in range(2)] == [25, 1]
    assert inner.__getitems__([1, 0]) == [1, 25]
    assert Subset(TensorDataset(tg.arange(9)), [4, 5, 6])[[0, 2]][0].tolist() == [4, 6]


def test_subset_asks_its_dataset_for_whole_batches() -> None:
    class Batched(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [-i for i in indices]

    assert Subset(Batched(), [5, 4, 3]).__getitems__([0, 2]) == [-5, -3]


def test_random_split_shares_nothing_and_forgets_nothing() -> None:
    parts = random_split(Squares(), [1, 2, 3])
    assert [len(part) for part in parts] == [1, 2, 3]
    assert sorted(i for part in parts for i in part.indices) == list(range(6))


def test_random_split_is_drawn_from_the_generator() -> None:
    def indices(seed: int) -> list[list[int]]:
        generator = tg.Generator().manual_seed(seed)
        return [part.indices for part in random_split(range(50), [20, 30], generator=generator)]

    before = tg.get_rng_state()
    assert indices(1) == indices(1)
    assert indices(1) != indices(2)
    assert tg.get_rng_state() == before
    random_split(range(50), [20, 30])
    assert tg.get_rng_state() != before


def test_what_fractions_leave_over_goes_to_the_first_parts() -> None:
    assert [len(part) for part in random_split(range(11), [0.25, 0.25, 0.5])] == [3, 3, 5]


def test_empty_part_is_reported() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(3), [0.9, 0.1])


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(3))


class OnlyItem(Subset[int]):
    def __getitem__(self, index: int) -> int:
        return -1


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Dataset()[0], NotImplementedError, "should implement __getitem__; Dataset does"),
        (lambda: IterableDataset(), TypeError, "abstract method '?__iter__"),
        (
            lambda: TensorDataset(tg.zeros(2), tg.zeros(3)),
            AssertionError,
            r"Size mismatch between tensors: TensorDataset got \[2, 3\] rows",
        ),
        (lambda: TensorDataset(np.zeros(2)), TypeError, "argument 0 is a ndarray, not a Tensor;"),
        (lambda: ConcatDataset([]), AssertionError, "should not be an empty iterable"),
        (lambda: ConcatDataset([Stream()]), AssertionError, "IterableDataset; Stream has no indic"),
        (lambda: (Squares() + Squares())[12], IndexError, "there is no sample 12; it has 12"),
        (lambda: (Squares() + Squares())[-13], ValueError, "absolute value .* got -13, have 12"),
        (lambda: OnlyItem(Squares(), [0]), NotImplementedError, "OnlyItem overrides __getitem__ "),
        (lambda: random_split(range(3), [1, 1]), ValueError, r"\[1, 1\], sum 2, for 3 samples"),
        (lambda: random_split(range(3), [1.5, -0.5]), ValueError, "Fraction at index 0 .* got 1.5"),
    ],
)
def test_mistake_gets_a_sentence(build: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        build()
