"""What is special to indexing: views and copies, repeated positions, what is kept, writing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops import gathering, indexing, lookup
from tinygrad_edu.ops.elements import add_to, placed, read, write
from tinygrad_edu.ops.positions import prepare_index

RNG = np.random.default_rng(0)
MASK = RNG.random((30, 20)) < 0.5


def below(n: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, n, shape)


# Each picks more than 1024 numbers, so that sums go through the sparse matrix; the arrays stand in
# every place that they can. The oracle is NumPy, in two steps where integers stand beside arrays.
EVERY_PLACE: list[tuple[tuple[int, ...], Any, Any, Any]] = [
    (shape, index, ..., index)
    for shape, index in [
        ((30, 20), RNG.integers(-30, 30, 200)),
        ((30, 20), (slice(None), RNG.integers(-20, 20, 200))),
        ((30, 20), (below(30, 3000), below(20, 3000))),
        ((30, 20), (below(30, 60, 1), below(20, 50))),
        ((5, 30, 20), (slice(None), below(30, 400), below(20, 400))),
        ((5, 30, 20), (below(5, 90), slice(None), below(20, 90))),
        ((5, 30, 20), (slice(1, 4), slice(None, None, 2), below(20, 5, 40))),
        ((5, 30, 20), (None, ..., below(20, 3, 40))),
        ((30, 20, 4), MASK),
        ((4, 30, 20), (slice(None), MASK)),
        ((30, 20, 60, 5), (MASK, below(60, int(MASK.sum())))),
    ]
]
_ROWS, _COLUMNS = below(30, 100), below(20, 300)
EVERY_PLACE += [
    ((5, 30, 20), (2, _ROWS), 2, _ROWS),
    ((5, 30, 20), (2, slice(None), _COLUMNS), 2, (slice(None), _COLUMNS)),
]


@pytest.mark.parametrize(("shape", "index", "basic", "rest"), EVERY_PLACE)
def test_reading_is_numpys(shape: Any, index: Any, basic: Any, rest: Any) -> None:
    x = np.random.default_rng(1).standard_normal(shape)
    result = read(x, prepare_index(index, shape))
    np.testing.assert_array_equal(result, x[basic][rest])
    assert result.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(("shape", "index", "basic", "rest"), EVERY_PLACE)
def test_what_falls_on_one_position_is_added(shape: Any, index: Any, basic: Any, rest: Any, dtype: Any) -> None:
    expected = np.zeros(shape, dtype)
    values = np.random.default_rng(1).integers(-9, 9, expected[basic][rest].shape).astype(dtype)
    assert values.size > 1024
    np.add.at(expected[basic], rest, values)
    prepared = prepare_index(index, shape)
    result = placed(values, prepared, shape)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == dtype
    added = np.ones(shape, dtype)
    add_to(added, prepared, values)
    np.testing.assert_array_equal(added, expected + 1)


@pytest.mark.parametrize(("shape", "index", "basic", "rest"), EVERY_PLACE)
def test_a_strided_array_is_read_and_written(shape: Any, index: Any, basic: Any, rest: Any) -> None:
    memory = np.random.default_rng(1).standard_normal([2 * n for n in shape[::-1]])
    x = memory.T[tuple(slice(None, None, -2) for _ in shape)]
    prepared = prepare_index(index, shape)
    np.testing.assert_array_equal(read(x, prepared), x[basic][rest])
    expected = x.copy()
    expected[basic][rest] = 7.0
    write(x, prepared, 7.0)
    np.testing.assert_array_equal(x, expected)


def test_half_precision_sums_are_made_in_single_precision() -> None:
    values = np.full(5000, 0.125, np.float16)  # added one by one in float16 they stay at 256
    result = placed(values, prepare_index(np.zeros(5000, int), (2,)), (2,))
    assert result.dtype == np.float16
    assert result.tolist() == [625.0, 0.0]


def test_booleans_are_added_as_or() -> None:
    x = tg.tensor([False, True, False])
    x.index_put_((tg.tensor([0, 0]),), tg.tensor([True, False]), accumulate=True)
    assert x.tolist() == [True, True, False]


def test_a_basic_index_is_a_view_also_of_no_axes() -> None:
    x = tg.arange(6.0).reshape(2, 3).clone()
    for view in (x[1], x[:, 1:], x[..., 0], x[None], x[1, 2], x[tg.tensor(1), 2]):
        assert view._base is x
        assert np.shares_memory(view.array, x.array)
    x[1, 2].fill_(9.0)
    assert x.tolist() == [[0, 1, 2], [3, 4, 9]]


def test_an_index_of_arrays_is_a_copy() -> None:
    x = tg.arange(6.0).reshape(2, 3)
    for copy in (x[[0, 1]], x[x > 2], x[True], x[:, tg.tensor([0])], x[x[0, 0] == 0]):
        assert not np.shares_memory(copy.array, x.array)


def test_integers_beside_arrays_select_first() -> None:
    x = tg.arange(24.0).reshape(2, 3, 4)
    assert x[0, :, [0, 1]].shape == (3, 2)  # NumPy gives (2, 3)
    assert x[0, :, [0, 1]].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert x[[0, 1], :, [0, 1]].tolist() == [[0, 4, 8], [13, 17, 21]]


def test_an_index_tensor_may_change_afterwards() -> None:
    x, index = tg.zeros(4, requires_grad=True), tg.tensor([0, 0, 3])
    y = x[index]
    index.fill_(1)
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 0, 1]


def test_gather_notices_that_its_index_was_changed() -> None:
    x, index = tg.zeros(4, requires_grad=True), tg.tensor([0, 0, 3])
    y = gathering.gather(x, 0, index)
    index.fill_(1)
    with pytest.raises(RuntimeError, match=r"gather\) saved a tensor of shape \[3\] at version 0"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("index", "value", "expected"),
    [
        (1, 7, [[0, 1, 2], [7, 7, 7]]),
        ((slice(None), 0), tg.tensor([8.0, 9.0]), [[8, 1, 2], [9, 4, 5]]),
        ([1, 0], tg.tensor([[[5.0], [6.0]]]), [[6, 6, 6], [5, 5, 5]]),
        ((..., [2, 0]), tg.tensor([5.0, 6.0]), [[6, 1, 5], [6, 4, 5]]),
        (tg.tensor([[True, False, False], [False, True, True]]), 0, [[0, 1, 2], [3, 0, 0]]),
        (tg.tensor([False, True]), tg.tensor(4), [[0, 1, 2], [4, 4, 4]]),
        (True, 1, [[1, 1, 1], [1, 1, 1]]),
        (False, 1, [[0, 1, 2], [3, 4, 5]]),
        ((slice(5, 9), 0), 1, [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_assignment(index: Any, value: Any, expected: Any) -> None:
    x = tg.arange(6.0).reshape(2, 3).clone()
    x[index] = value
    assert x.tolist() == expected


def test_assignment_takes_the_gradient_from_what_it_overwrites() -> None:
    x = tg.ones(3, requires_grad=True)
    value = tg.tensor([2.0, 3.0], requires_grad=True)
    y = x * 10
    y[[0, 2]] = value
    (y * tg.tensor([1.0, 2.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [0, 20, 0]
    assert value.grad.tolist() == [1, 4]


def test_assignment_through_a_view_reaches_the_base() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    value = tg.tensor(5.0, requires_grad=True)
    y = x * 2
    y[1][tg.tensor([True, False, True])] = value
    assert y.tolist() == [[2, 2, 2], [5, 2, 5]]
    y.sum().backward()
    assert x.grad.tolist() == [[2, 2, 2], [0, 2, 0]]
    assert value.grad.item() == 2


def test_a_mask_takes_one_value_of_any_dtype_but_not_several() -> None:
    x = tg.arange(3.0)
    x[x > 1] = tg.tensor([7])
    assert x.tolist() == [0, 1, 7]
    with pytest.raises(RuntimeError, match="Float for the destination and Long for the source"):
        x[x < 2] = tg.tensor([1, 2])


def test_a_mistaken_assignment_changes_nothing() -> None:
    x = tg.zeros(3)
    for index, value in (([0, 1], tg.ones(3)), ([0, 3], 1.0), (slice(None), tg.ones(2))):
        with pytest.raises((RuntimeError, IndexError)):
            x[index] = value
    assert x.tolist() == [0, 0, 0]


def test_rows_of_an_embedding_add_up_their_gradients() -> None:
    weight = tg.zeros(50, 40, requires_grad=True)
    index = np.random.default_rng(1).integers(0, 50, (10, 7))
    g = np.random.default_rng(1).standard_normal((10, 7, 40)).astype(np.float32)
    lookup.embedding(tg.from_numpy(index), weight, padding_idx=3).backward(tg.from_numpy(g))
    expected = np.zeros((50, 40))
    np.add.at(expected, index, g)
    expected[3] = 0
    np.testing.assert_allclose(weight.grad.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_scatter_keeps_what_the_source_has_beyond_the_index() -> None:
    source = tg.ones(2, 3, requires_grad=True)
    out = gathering.scatter_add(tg.zeros(2, 3), 1, tg.tensor([[2, 2]]), source)
    assert out.tolist() == [[0, 0, 2], [0, 0, 0]]
    out.sum().backward()
    assert source.grad.tolist() == [[1, 1, 0], [0, 0, 0]]


def test_masks_of_nan_and_infinity_do_not_spread() -> None:
    x = tg.tensor([np.inf, np.nan, 1.0], requires_grad=True)
    y = x.masked_fill(tg.tensor([True, True, False]), 0.0)
    assert y.tolist() == [0, 0, 1]
    y.backward(tg.tensor([np.inf, np.nan, 2.0]))
    assert x.grad.tolist() == [0, 0, 2]


def test_copy_into_another_dtype() -> None:
    x = tg.zeros(2, dtype=tg.int64)
    assert x.copy_(tg.tensor([1.9, -1.9])).tolist() == [1, -1]
    y, source = tg.zeros(2, 2), tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    y.copy_(source)
    y.sum().backward()
    assert source.grad.tolist() == [2, 2]
    assert source.grad.dtype == tg.float64


def test_leading_axes_of_one_may_be_left_out_in_an_assignment_only() -> None:
    x = tg.zeros(3)
    x[:] = tg.ones(1, 1, 3)
    x[[0]] = tg.zeros(1, 1)
    assert x.tolist() == [0, 1, 1]
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.copy_(tg.ones(1, 3))
    assert indexing.assignable(np.ones((2, 3)), 1).shape == (2, 3)  # no 1, so the write refuses it


def test_nonzero_indexes_what_it_found() -> None:
    x = tg.tensor([[0.0, 2.0], [3.0, 0.0]])
    assert x.nonzero().tolist() == [[0, 1], [1, 0]]
    assert x[x.nonzero(as_tuple=True)].tolist() == [2, 3]
