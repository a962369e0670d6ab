"""Views and copies: what shares memory, what a write to it does, and where values go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import FUNCTIONS, OPS
from tinygrad_edu.ops.axes import flatten, movedim, permute, ravel, squeeze, t, transpose, unsqueeze
from tinygrad_edu.ops.dims import normalize_dim, normalize_dims
from tinygrad_edu.ops.joining import cat, hstack, stack, vstack
from tinygrad_edu.ops.padding import pad
from tinygrad_edu.ops.rearranging import (
    diag,
    diag_embed,
    diagonal,
    flip,
    meshgrid,
    repeat,
    repeat_interleave,
    roll,
    tile,
    tril,
    unfold,
)
from tinygrad_edu.ops.shape import (
    broadcast_to,
    clone,
    contiguous,
    expand,
    paste,
    reshape,
    sum_to,
    view,
)
from tinygrad_edu.ops.splitting import chunk, narrow, select, split, tensor_split, unbind

VIEWS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: reshape(x, (6, 2)),
    "view": lambda x: view(x, (4, 3)),
    "flatten": lambda x: flatten(x, 1),
    "ravel": ravel,
    "unsqueeze": lambda x: unsqueeze(x, 1),
    "squeeze": lambda x: squeeze(unsqueeze(x, 0)),
    "transpose": lambda x: transpose(x, 0, 2),
    "permute": lambda x: permute(x, (2, 0, 1)),
    "movedim": lambda x: movedim(x, 0, -1),
    "t": lambda x: t(reshape(x, (4, 3))),
    "expand": lambda x: expand(x, (2, 3, 2)),
    "row of expand": lambda x: select(expand(x, (5, 2, 3, 2)), 0, 3),
    "narrow": lambda x: narrow(x, 1, 1, 2),
    "select": lambda x: select(x, -1, 1),
    "select to 0-d": lambda x: select(select(select(x, 0, 1), 0, 2), 0, 0),
    "diagonal": lambda x: diagonal(x, 0, 1, 2),
    "same bits": lambda x: view(x, tg.float64),
    "unfold": lambda x: unfold(x, 1, 1, 2),
    "several": lambda x: narrow(transpose(reshape(x, (3, 4)), 0, 1), 0, 1, 2),
}
COPIES: dict[str, Callable[[Any], Any]] = {
    "clone": clone,
    "flip nothing": lambda x: flip(x, ()),
    "flip": lambda x: flip(x, (1,)),
    "roll": lambda x: roll(x, 0, 0),
    "repeat once": lambda x: repeat(x, (1, 1, 1)),
    "tile once": lambda x: tile(x, (1,)),
    "repeat_interleave once": lambda x: repeat_interleave(x, 1, 0),
    "tril": lambda x: tril(x, 10),
    "cat of one": lambda x: cat([x]),
    "pad by nothing": lambda x: pad(x, (0, 0)),
    "mirror by nothing": lambda x: pad(x, (0, 0), mode="reflect"),
    "diag": lambda x: diag(select(x, 0, 0)),
    "sum_to itself": lambda x: sum_to(x, (2, 3, 2)),
    "reshape of a transposed": lambda x: reshape(transpose(x, 0, 2), (12,)),
}


def numbers(*shape: int) -> tg.Tensor:
    return tg.arange(int(np.prod(shape)), dtype=tg.float64).reshape(shape)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shares_memory(name: str) -> None:
    x = numbers(2, 3, 2)
    seen = VIEWS[name](x)
    assert np.shares_memory(seen.array, x.array)
    assert seen._is_view()
    x.array[...] = 7
    assert (seen.array == 7).all()


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_to_a_view_reaches_its_base_and_its_gradient(name: str) -> None:
    leaf = numbers(2, 3, 2).requires_grad_()
    base = leaf * 1
    VIEWS[name](base).mul_(3)
    touched = np.zeros((2, 3, 2))
    VIEWS[name](touched)[...] = 1
    np.testing.assert_array_equal(base.detach().numpy(), leaf.detach().numpy() * (1 + 2 * touched))
    base.sum().backward()
    assert leaf.grad is not None
    np.testing.assert_array_equal(leaf.grad.numpy(), 1 + 2 * touched)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_shares_nothing(name: str) -> None:
    x = numbers(2, 3, 2)
    assert not np.shares_memory(COPIES[name](x).array, x.array)
    assert not np.shares_memory(COPIES[name](x.array), x.array)


def test_every_view_op_is_tried_here() -> None:
    tried = {
        "reshape",
        "squeeze",
        "unsqueeze",
        "transpose",
        "permute",
        "broadcast_to",
        "narrow",
        "select",
    }
    tried |= {"diagonal", "unfold"}
    elsewhere = {"getitem", "view_dtype"}
    assert {name for name, op in OPS.items() if op.view} - elsewhere == tried


# ---- reshape and view


def test_reshape_copies_only_where_it_must() -> None:
    x = numbers(4, 3)
    assert np.shares_memory(reshape(transpose(x, 0, 1), (3, 2, 2)).array, x.array)
    assert not np.shares_memory(reshape(transpose(x, 0, 1), (12,)).array, x.array)


def test_view_never_copies() -> None:
    x = transpose(numbers(4, 3), 0, 1)
    assert view(x, (3, 1, 4)).shape == (3, 1, 4)
    with pytest.raises(RuntimeError, match=r"view size is not compatible.*size \[12\].*shape \[3, 4\].*reshape"):
        view(x, (12,))


def test_view_as_a_dtype_reads_the_bits() -> None:
    x = tg.tensor([1.0, 2.0])
    bits = view(x, tg.int32)
    assert bits.tolist() == [0x3F800000, 0x40000000]
    bits[0] = 0
    assert x.tolist() == [0, 2]


def test_contiguous_is_the_tensor_itself_where_it_can_be() -> None:
    x = numbers(2, 3)
    assert contiguous(x) is x
    made = contiguous(transpose(x, 0, 1))
    assert made.array.flags.c_contiguous
    assert made.tolist() == x.numpy().T.tolist()


def test_clone_keeps_the_order_in_memory() -> None:
    assert clone(transpose(numbers(2, 3), 0, 1)).array.strides == (8, 24)


def test_sizes_may_be_tensors() -> None:
    assert reshape(numbers(2, 3), (tg.tensor(3), -1)).shape == (3, 2)


# ---- broadcasting


def test_expanding_nothing_gives_a_writable_view_and_expanding_something_refuses_writes() -> None:
    x = numbers(1, 3)
    expand(x, (1, -1)).add_(1)
    assert x.tolist() == [[1, 2, 3]]
    with pytest.raises(RuntimeError, match="single memory location"):
        expand(x, (2, 3)).add_(1)


@pytest.mark.parametrize(
    ("small", "large"),
    [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2,)), ((1, 3, 1), (4, 2, 3, 5)), ((1,), (0,))],
)
def test_sum_to_is_the_adjoint_of_broadcast_to(small: tuple[int, ...], large: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal(small), rng.standard_normal(large)
    assert np.isclose(np.sum(broadcast_to(x, large) * g), np.sum(x * sum_to(g, small)))


def test_broadcast_to_works_on_any_layout_and_on_numpy_numbers() -> None:
    x = np.arange(6.0).reshape(3, 2).T[::-1]
    np.testing.assert_array_equal(broadcast_to(x, (4, 2, 3)), np.broadcast_to(x, (4, 2, 3)))
    assert broadcast_to(np.float32(2), (2, 2)).tolist() == [[2, 2], [2, 2]]
    assert broadcast_to(np.float32(2), (2, 2)).dtype == np.float32


def test_paste_finds_the_region_in_any_layout() -> None:
    base = np.arange(6.0).reshape(2, 3)
    pasted = paste(base, np.arange(6.0) * 10, lambda x: reshape(transpose(x, 0, 1), (6,)))
    assert pasted.tolist() == [[0, 20, 40], [10, 30, 50]]
    assert paste(base, np.array(9.0), lambda x: select(select(x, 0, 1), 0, 2)).tolist() == [
        [0, 1, 2],
        [3, 4, 9],
    ]
    assert base[1, 2] == 5


# ---- together and apart


def test_cat_skips_empty_vectors_and_gives_them_an_empty_gradient() -> None:
    nothing = tg.zeros(0, requires_grad=True)
    x = tg.ones(2, 3, requires_grad=True)
    joined = cat([nothing, x, nothing], 1)
    assert joined.shape == (2, 3)
    joined.sum().backward()
    assert nothing.grad is not None
    assert nothing.grad.shape == (0,)


def test_cat_promotes_and_each_gradient_keeps_its_dtype() -> None:
    a = tg.ones(2, requires_grad=True)
    b = tg.ones(2, dtype=tg.float64, requires_grad=True)
    joined = cat([a, b, tg.tensor([1, 2])])
    assert joined.dtype == tg.float64
    joined.sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.dtype, b.grad.dtype) == (tg.float32, tg.float64)
    assert stack([tg.tensor([1]), tg.tensor([True])]).dtype == tg.int64


def test_each_tensor_gets_the_gradient_of_its_piece() -> None:
    x, y = (tg.zeros(n, requires_grad=True) for n in (2, 3))
    (cat([x, y, x]) * tg.arange(7.0)).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert x.grad.tolist() == [5, 7]
    assert y.grad.tolist() == [2, 3, 4]


def test_pieces_put_together_are_the_whole() -> None:
    x = numbers(7, 3)
    for pieces in (split(x, 3), split(x, (1, 0, 6)), chunk(x, 3), chunk(x, 9), tensor_split(x, 4)):
        assert cat(pieces).tolist() == x.tolist()
        assert all(np.shares_memory(piece.array, x.array) for piece in pieces if piece.numel())
    assert stack(unbind(x, 1), 1).tolist() == x.tolist()


def test_sizes_of_pieces() -> None:
    x = numbers(7)
    assert [p.numel() for p in split(x, 3)] == [3, 3, 1]
    assert [p.numel() for p in chunk(x, 4)] == [2, 2, 2, 1]
    assert [p.numel() for p in tensor_split(x, 4)] == [2, 2, 2, 1]
    assert [p.numel() for p in tensor_split(x, (2, 5))] == [2, 3, 2]
    assert [p.shape for p in chunk(tg.zeros(0, 2), 3)] == [(0, 2)] * 3
    assert unbind(tg.zeros(0, 2)) == ()


def test_stacks_of_rows_and_columns() -> None:
    a, b = tg.tensor([1, 2]), tg.tensor([3, 4])
    assert hstack([a, b]).tolist() == [1, 2, 3, 4]
    assert vstack([a, b]).tolist() == [[1, 2], [3, 4]]


# ---- elsewhere


@pytest.mark.parametrize(("mode", "oracle"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
@pytest.mark.parametrize("widths", [(0, 0), (2, 1), (3, 3), (0, 2)])
def test_padding_is_numpys(mode: str, oracle: str, widths: tuple[int, int]) -> None:
    x = np.arange(24.0).reshape(1, 1, 4, 6)
    wanted = np.pad(x, ((0, 0), (0, 0), (1, 2), widths), mode=oracle)  # type: ignore[call-overload]
    np.testing.assert_array_equal(pad(x, (*widths, 1, 2), mode=mode), wanted)


def test_padding_of_integers_stays_integer() -> None:
    assert pad(tg.tensor([[1, 2]]), (1, 0), value=1.5).tolist() == [[1, 1, 2]]
    assert pad(tg.tensor([[True]]), (0, 1)).tolist() == [[True, False]]


def test_windows_of_unfold_are_slices() -> None:
    x = numbers(9)
    windows = unfold(x, 0, 4, 2)
    assert windows.tolist() == [x.tolist()[i : i + 4] for i in (0, 2, 4)]
    assert unfold(tg.tensor(3.0), 0, 1, 1).tolist() == [3.0]


def test_diagonals() -> None:
    x = numbers(3, 3)
    assert diag(x, 1).tolist() == [1, 5]
    assert diag(tg.tensor([1, 2]), -1).tolist() == [[0, 0, 0], [1, 0, 0], [0, 2, 0]]
    assert diag_embed(tg.tensor([[1, 2], [3, 4]])).tolist() == [[[1, 0], [0, 2]], [[3, 0], [0, 4]]]


def test_grids() -> None:
    rows, columns = meshgrid(tg.tensor([1, 2]), tg.tensor([3, 4, 5]), indexing="ij")
    assert rows.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert columns.tolist() == [[3, 4, 5], [3, 4, 5]]


def test_repeat_interleave_repeats_each_in_its_place() -> None:
    assert repeat_interleave(tg.tensor([1, 2]), 2).tolist() == [1, 1, 2, 2]


# ---- what a dim may say


def test_dims_count_from_both_ends_and_a_number_has_one() -> None:
    assert [normalize_dim(d, 3, "f") for d in (0, 2, -1, -3)] == [0, 2, 2, 0]
    assert normalize_dim(-1, 0, "f") == normalize_dim(0, 0, "f") == 0
    assert normalize_dim(np.int64(1), 2, "f") == 1
    assert normalize_dims(None, 2, "f") == normalize_dims((), 2, "f") == (0, 1)
    assert normalize_dims((-1, 0), 3, "f") == (2, 0)
    assert normalize_dims(0, 0, "f") == ()


@pytest.mark.parametrize("dim", [2, -3, 100])
def test_a_dim_that_is_not_there_is_refused(dim: int) -> None:
    with pytest.raises(IndexError, match=rf"expected to be in range of \[-2, 1\], but got {dim}.*f got"):
        normalize_dim(dim, 2, "f")


@pytest.mark.parametrize("dim", [1.0, "0", True, None])
def test_a_dim_that_is_no_integer_is_refused(dim: Any) -> None:
    with pytest.raises(TypeError, match="must be int"):
        normalize_dim(dim, 2, "f")


def test_functions_with_several_results_are_registered() -> None:
    assert {"split", "chunk", "unbind", "tensor_split", "broadcast_tensors", "meshgrid"} <= set(FUNCTIONS)
