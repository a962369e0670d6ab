"""How tensors print: PyTorch's text, letter by letter, but for the ``torch.`` before a dtype."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
LARGE = st.sampled_from([(1001,), (7, 143), (8, 8, 16), (2, 3, 7, 30), (1, 1001), (1001, 1), (300, 2, 3, 0), (999,)])
INTEGERS = st.sampled_from(["int64", "int32", "int16", "int8", "uint8", "bool"])
FLOATS = st.sampled_from(["float32", "float64", "float16"])
OPTIONS: list[dict[str, Any]] = [
    {},
    {"precision": 2},
    {"precision": 0},
    {"precision": 10},
    {"sci_mode": True},
    {"sci_mode": False},
    {"linewidth": 20},
    {"linewidth": 200, "precision": 6},
    {"threshold": 5},
    {"threshold": 5, "edgeitems": 1},
    {"threshold": 5, "edgeitems": 0},
    {"profile": "short"},
    {"profile": "full"},
    {"profile": "short", "precision": 3},
]


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    set_both(profile="default")


def set_both(**options: Any) -> None:
    tg.set_printoptions(profile="default")
    torch.set_printoptions(profile="default")
    tg.set_printoptions(**options)
    torch.set_printoptions(**options)


def in_one_form(text: str) -> str:
    """Drop ``torch.``; where a dtype is shown the lines before it may then be longer, so its place is not compared."""
    return re.sub(r",\s+(dtype|grad_fn|requires_grad)=", r", \1=", text) if "dtype=" in text else text


def assert_same_text(array: np.ndarray) -> None:
    ours, theirs = repr(tg.tensor(array)), repr(torch.tensor(array)).replace("torch.", "")
    assert in_one_form(ours) == in_one_form(theirs)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(data=st.data())
def test_integers_and_booleans(options: dict[str, Any], data: Any) -> None:
    set_both(**options)
    assert_same_text(data.draw(hnp.arrays(data.draw(INTEGERS), data.draw(SHAPES))))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(data=st.data())
def test_floats_of_any_bits(options: dict[str, Any], data: Any) -> None:
    set_both(**options)
    assert_same_text(data.draw(hnp.arrays(data.draw(FLOATS), data.draw(SHAPES))))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(data=st.data())
def test_floats_of_one_size(options: dict[str, Any], data: Any) -> None:
    set_both(**options)
    scale = 10.0 ** data.draw(st.integers(-8, 10))
    special = st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -2.0])
    elements = st.one_of(st.floats(-scale, scale), special, st.integers(-9, 9).map(float))
    assert_same_text(data.draw(hnp.arrays("float64", data.draw(SHAPES), elements=elements)))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(shape=LARGE, seed=st.integers(0, 99), kind=st.sampled_from(["int64", "float32", "bool"]))
def test_long_tensors_lose_their_middle(options: dict[str, Any], shape: Any, seed: int, kind: str) -> None:
    set_both(**options)
    values = np.random.default_rng(seed).normal(scale=10.0 ** (seed % 7 - 3), size=shape)
    assert_same_text(values.astype(kind))


@pytest.mark.parametrize(
    "values", [[np.nan], [np.nan, 1.0], [0.0, -0.0], [-np.inf, 0.5], [1e8], [1e8 + 8], [1e-4], [9e-5]]
)
def test_values_on_the_edge_of_a_rule(values: list[float]) -> None:
    assert_same_text(np.array(values))
    assert_same_text(np.array(values, "float32"))
    assert_same_text(np.array(values[0]))


def graphs(lib: Any) -> Iterator[Any]:
    x = lib.ones(3, requires_grad=True)
    yield x
    yield x * 2
    yield (x * 2).sum()
    yield x.unsqueeze(0)
    yield lib.zeros(0, 2, requires_grad=True)
    yield lib.ones(2, 3, dtype=lib.float64, requires_grad=True)
    yield lib.ones(2, 3, dtype=lib.float64, requires_grad=True).exp()
    yield lib.full((2, 7), 0.123, dtype=lib.float16, requires_grad=True).exp()
    yield lib.arange(40.0, requires_grad=True) / 7
    yield lib.nn.Parameter(lib.ones(2, 2))
    yield lib.nn.Parameter(lib.ones(2, 2), requires_grad=False)
    yield [lib.ones(2), (lib.tensor(1), x)]


def test_place_in_the_graph() -> None:
    for ours, theirs in zip(graphs(tg), graphs(torch), strict=True):
        assert in_one_form(repr(ours)) == in_one_form(repr(theirs).replace("torch.", ""))
        assert str(ours) == repr(ours)


def test_default_dtype_is_not_shown() -> None:
    try:
        for lib in (tg, torch):
            lib.set_default_dtype(lib.float64)
        for kind in ("float32", "float64", "int64", "int32"):
            assert_same_text(np.ones(2, kind))
            assert_same_text(np.ones(0, kind))
    finally:
        for lib in (tg, torch):
            lib.set_default_dtype(lib.float32)


def test_subclass_prints_its_own_name() -> None:
    ours, theirs = type("Labelled", (tg.Tensor,), {})([1.0, 2.0]), type("Labelled", (torch.Tensor,), {})([1.0, 2.0])
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("values", [3.0, 7, True, -0.5])
@pytest.mark.parametrize("spec", ["", ".3f", ">8", "d"])
def test_format_of_a_number(values: Any, spec: str) -> None:
    def written(lib: Any) -> Any:
        try:
            return format(lib.tensor(values), spec)
        except ValueError:
            return ValueError

    assert written(tg) == written(torch)


def test_format_of_more_than_a_number() -> None:
    assert f"{tg.ones(2)}" == f"{torch.ones(2)}"
    for lib in (tg, torch):
        with pytest.raises(TypeError, match="unsupported format string"):
            format(lib.ones(2), ".3f")
