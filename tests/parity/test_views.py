"""Which layouts can be viewed in another shape without a copy: the same as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.shape import broadcast_to, reshape, view

torch = pytest.importorskip("torch")

ORDERS = list(permutations(range(3)))
CUTS: dict[str, Callable[[Any], Any]] = {
    "whole": lambda x: x,
    "rows": lambda x: x[:, 1:],
    "columns": lambda x: x[..., :2],
    "every second": lambda x: x[:, :, ::2],
    "one": lambda x: x[:, 1:2],
    "none": lambda x: x[:, 3:],
}
TARGETS = [
    (24,),
    (2, 12),
    (12, 2),
    (6, 4),
    (4, 6),
    (2, 2, 2, 3),
    (3, 8),
    (4, 1, 6),
    (1, 24),
    (8, 3),
    (12,),
    (2, 6),
]
TARGETS += [
    (6, 2),
    (2, 4, 1),
    (8,),
    (4, 2),
    (3, 4),
    (4, 3),
    (16,),
    (2, 8),
    (8, 2),
    (0,),
    (3, 0),
    (0, 2),
    (1, 8),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("expanded", [False, True])
def test_view_and_reshape_share_memory_where_pytorchs_do(cut: str, order: tuple[int, ...], expanded: bool) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    array, theirs = (
        CUTS[cut](values).transpose(order),
        CUTS[cut](torch.tensor(values)).permute(order),
    )
    if expanded and array.shape[0]:
        array, theirs = broadcast_to(array[:1], (2, *array.shape[1:])), theirs[:1].expand(2, -1, -1)
    ours = tg.from_numpy(array)
    for shape in TARGETS:
        if int(np.prod(shape)) != array.size:
            continue
        try:
            expected = theirs.view(shape)
        except RuntimeError:
            with pytest.raises(RuntimeError, match="view size is not compatible"):
                view(ours, shape)
            assert not np.shares_memory(reshape(array, shape), array)
            continue
        assert view(ours, shape).tolist() == expected.tolist()
        assert reshape(array, shape).tolist() == expected.tolist()
        assert not array.size or np.shares_memory(reshape(array, shape), array)


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_joined_tensors_lie_in_the_order_of_their_indices(name: str) -> None:
    found = [getattr(library, name)([library.ones(2, 3).T] * 2).is_contiguous() for library in (tg, torch)]
    assert found == [True, True]
