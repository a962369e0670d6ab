from __future__ import annotations

import collections
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.utils.data import default_collate, default_convert


class Point(NamedTuple):
    x: Any
    y: Any


def test_tensors_and_arrays_are_stacked() -> None:
    for sample in (tg.ones(2, 3), np.ones((2, 3), np.float32)):
        batch = default_collate([sample] * 4)
        assert isinstance(batch, tg.Tensor)
        assert (batch.shape, batch.dtype) == ((4, 2, 3), np.float32)


def test_stacked_tensors_keep_their_graph() -> None:
    x = tg.tensor([2.0, 3.0], requires_grad=True)
    default_collate([x * 2, x * 3]).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [
        ([1, 2], "int64"),
        ([True, False], "bool"),
        ([1.0, 2.0], "float64"),
        ([np.float32(1), np.float32(2)], "float32"),
        ([np.float64(1), np.float64(2)], "float64"),
        ([np.uint8(1), np.uint8(2)], "uint8"),
        ([np.bool_(True), np.bool_(False)], "bool"),
        ([np.array(1, np.int16), np.array(2, np.int16)], "int16"),
    ],
)
def test_numbers(samples: list[Any], dtype: str) -> None:
    batch = default_collate(samples)
    assert batch.dtype == dtype
    assert batch.tolist() == samples


def test_strings_and_bytes_stay() -> None:
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_structures_are_followed() -> None:
    sample = {"p": Point(1, (2, 3)), "q": [4.0, "five"]}
    batch = default_collate([sample, sample])
    assert list(batch) == ["p", "q"]
    assert type(batch["p"]) is Point
    assert batch["p"].x.tolist() == [1, 1]
    assert type(batch["p"].y) is list
    assert [part.tolist() for part in batch["p"].y] == [[2, 2], [3, 3]]
    assert batch["q"][0].tolist() == [4.0, 4.0]
    assert batch["q"][1] == ("five", "five")
    assert sample == {"p": Point(1, (2, 3)), "q": [4.0, "five"]}


def test_types_of_containers_are_kept() -> None:
    ordered = collections.OrderedDict(b=1, a=2)
    assert type(default_collate([ordered])) is collections.OrderedDict
    default = collections.defaultdict(list, a=1)
    assert default_collate([default]).default_factory is list
    assert type(default_collate([collections.UserList([1])])) is collections.UserList
    frozen = types.MappingProxyType({"a": 1})
    assert type(default_collate([frozen])) is types.MappingProxyType
    assert [part.tolist() for part in default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([{1}], TypeError, "numbers, dicts or lists; found set. Convert it in the dataset"),
        ([None, None], TypeError, "found NoneType"),
        ([np.array(["a"])], TypeError, "found array of <U1"),
        ([(1, 2), (1,)], RuntimeError, r"equal size: default_collate got .* \[1, 2\]; pad them"),
        ([tg.ones(2), tg.ones(3)], RuntimeError, "equal size"),
        ([np.ones(2), np.ones(3)], RuntimeError, "equal size"),
    ],
)
def test_what_cannot_be_collated(batch: list[Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        default_collate(batch)


def test_convert_turns_arrays_into_tensors_on_their_memory() -> None:
    array = np.ones(2)
    converted = default_convert({"a": [array, 1, "s"], "p": Point(np.float32(2), (array,))})
    assert np.shares_memory(converted["a"][0].array, array)
    assert converted["a"][1:] == [1, "s"]
    assert converted["p"].x.dtype == np.float32
    assert type(converted["p"].y) is list
    assert default_convert(None) is None
    tensor = tg.ones(1)
    assert default_convert(tensor) is tensor
