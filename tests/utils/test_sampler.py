from __future__ import annotations

from collections import Counter

import pytest

import tinygrad_edu as tg
from tinygrad_edu.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def test_sequential() -> None:
    sampler = SequentialSampler("abcd")
    assert list(sampler) == [0, 1, 2, 3]
    assert len(sampler) == 4


def test_random_takes_every_index_once_in_another_order_each_time() -> None:
    sampler = RandomSampler(range(100))
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(100))
    assert len({tuple(first), tuple(second), tuple(range(100))}) == 3
    assert all(type(i) is int for i in first)


def test_the_seed_decides_the_order() -> None:
    def order(seed: int) -> list[int]:
        tg.manual_seed(seed)
        return list(RandomSampler(range(100)))

    assert order(3) == order(3)
    assert order(3) != order(4)


def test_generator_of_ones_own_leaves_the_default_one_alone() -> None:
    before = tg.get_rng_state()
    list(RandomSampler(range(5), generator=tg.Generator()))
    list(SubsetRandomSampler([1, 2], generator=tg.Generator()))
    list(WeightedRandomSampler([1.0, 2.0], 3, generator=tg.Generator()))
    assert tg.get_rng_state() == before


def test_more_samples_than_there_are_begin_again() -> None:
    drawn = list(RandomSampler(range(4), num_samples=10))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2


def test_fewer_samples_than_there_are() -> None:
    drawn = list(RandomSampler(range(4), num_samples=3))
    assert len(drawn) == len(set(drawn)) == 3


def test_replacement_draws_some_twice() -> None:
    sampler = RandomSampler(range(10), replacement=True, num_samples=200)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == 200
    assert set(drawn) == set(range(10))


def test_subset_random() -> None:
    sampler = SubsetRandomSampler([7, 3, 9])
    assert len(sampler) == 3
    assert sorted(sampler) == [3, 7, 9]


def test_weights_decide_how_often() -> None:
    sampler = WeightedRandomSampler([0.0, 1.0, 3.0], 4000)
    counts = Counter(sampler)
    assert len(sampler) == 4000
    assert counts[0] == 0
    assert counts[2] / counts[1] == pytest.approx(3, rel=0.15)


def test_weighted_without_replacement_draws_each_once() -> None:
    assert sorted(WeightedRandomSampler([0.5, 0.1, 9.0], 3, replacement=False)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("n", "drop_last", "batches"),
    [
        (5, False, [[0, 1], [2, 3], [4]]),
        (5, True, [[0, 1], [2, 3]]),
        (4, True, [[0, 1], [2, 3]]),
        (1, True, []),
        (0, False, []),
    ],
)
def test_batches(n: int, drop_last: bool, batches: list[list[int]]) -> None:
    sampler = BatchSampler(range(n), 2, drop_last)
    assert list(sampler) == batches
    assert len(sampler) == len(batches)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: iter(Sampler()), NotImplementedError, "Sampler does not define __iter__"),
        (lambda: RandomSampler([]), ValueError, "positive integer value, but got num_samples=0"),
        (lambda: RandomSampler([1], num_samples=-1), ValueError, "but got num_samples=-1"),
        (lambda: RandomSampler([1], replacement=1), TypeError, "but got replacement=1"),
        (lambda: BatchSampler([1], 0, False), ValueError, "but got batch_size=0"),
        (lambda: BatchSampler([1], True, False), ValueError, "but got batch_size=True"),
        (lambda: BatchSampler([1], 1, 0), ValueError, "boolean value, but got drop_last=0"),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError, "but got num_samples=0"),
        (lambda: WeightedRandomSampler([1.0], 1, 2), ValueError, "but got replacement=2"),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, r"have shape \(1, 1\)"),
        (
            lambda: list(WeightedRandomSampler([1.0, 1.0], 3, replacement=False)),
            RuntimeError,
            "without replacement",
        ),
    ],
)
def test_mistake_gets_a_sentence(build: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        build()
