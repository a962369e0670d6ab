"""A failing call written as code: the code gives the same arrays, of the same dtype and memory layout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu import from_numpy
from tinygrad_edu.op import OPS, op
from tinygrad_edu.testing import strategies
from tinygrad_edu.testing.reproducer import written, written_call

NAMES = {"np": np, "from_numpy": from_numpy}
DTYPES = [np.float64, np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_]


def read(text: str) -> Any:
    return eval(text, dict(NAMES))


@given(hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
def test_any_array_is_written_to_the_last_digit(array: np.ndarray) -> None:
    again = read(written(array))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array, strict=True)


@pytest.mark.parametrize("layout", strategies.LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_is_laid_out_as_it_was(layout: str, dtype: Any) -> None:
    @given(strategies.arrays(strategies.shapes(min_side=0, max_side=3), dtype, layout=layout))
    def check(array: np.ndarray) -> None:
        again = read(written(array))
        np.testing.assert_array_equal(again, array, strict=True)
        wide = [axis for axis, size in enumerate(array.shape) if size > 1]
        if array.size and wide:
            assert [again.strides[axis] for axis in wide] == [array.strides[axis] for axis in wide]

    check()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array(1 / 3), "np.array(0.3333333333333333)"),
        (np.array([0.1, -0.0, 1e-300]), "np.array([0.1, -0.0, 1e-300])"),
        (np.array([0.1, 2], np.float32), "np.array([0.1, 2.0], dtype=np.float32)"),
        (np.array([math.nan, math.inf, -math.inf]), "np.array([np.nan, np.inf, -np.inf])"),
        (np.array([[1, -2]]), "np.array([[1, -2]])"),
        (np.array([1], np.int32), "np.array([1], dtype=np.int32)"),
        (np.array([True, False]), "np.array([True, False])"),
        (np.zeros((2, 0)), "np.zeros((2, 0))"),
        (np.zeros((2, 0), np.float32), "np.zeros((2, 0), dtype=np.float32)"),
        (np.zeros(0, np.int64), "np.zeros((0,), dtype=np.int64)"),
        (np.zeros(0, np.bool_), "np.zeros((0,), dtype=np.bool)"),
        (np.array([1.0, 2.0, 3.0])[::-1], "np.array([1.0, 2.0, 3.0])[::-1]"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, "np.array([[1.0, 2.0], [3.0, 4.0]]).transpose(1, 0)"),
        (np.arange(4.0)[::2], "np.array([0.0, 2.0]).repeat(2, -1)[..., ::2]"),
        (tg.tensor([1.0], requires_grad=True), "np.array([1.0], dtype=np.float32)"),
        (tg.tensor([1.0]), "from_numpy(np.array([1.0], dtype=np.float32))"),
        (tg.tensor([1, 2]), "from_numpy(np.array([1, 2]))"),
        ((1, None, Ellipsis, slice(0, 2)), "(1, None, Ellipsis, slice(0, 2, None))"),
        ([np.array([0, 0])], "[np.array([0, 0])]"),
        ((np.array(1.0),), "(np.array(1.0),)"),
        ({"dim": (0, 1), "p": math.inf}, "{'dim': (0, 1), 'p': np.inf}"),
        (np.dtype(np.float32), "np.dtype('float32')"),
        (np.float32, "np.float32"),
        ("mean", "'mean'"),
    ],
)  # fmt: skip
def test_values(value: Any, text: str) -> None:
    assert written(value) == text
    read(text)


# ---- the call


@op(vjps=(lambda g, _out, x: g * x,))
def half_wrong(x):
    return x * x


class Holder:
    class Inner(tg.autograd.Function):
        """A Function that stands inside of a class."""


def lines(fn: Any, *args: Any, **kwargs: Any) -> list[str]:
    return written_call(fn, list(args), kwargs, 1).split("\n")


def test_a_function_is_imported_by_its_name() -> None:
    found = lines(half_wrong, ("x", np.array(1.0)))
    assert found == [
        "import numpy as np",
        "from tinygrad_edu.testing import check_gradients",
        f"from {__name__} import half_wrong",
        "x = np.array(1.0)",
        "check_gradients(half_wrong, (x,), order=1).raise_if_wrong()",
    ]
    assert lines(Holder.Inner.apply)[2:] == [
        f"from {__name__} import Holder",
        "",
        "check_gradients(Holder.Inner.apply, (), order=1).raise_if_wrong()",
    ]
    assert lines(OPS["mul"])[2] == "from tinygrad_edu.ops.elementwise import mul"


def test_composite_is_imported_as_the_function_that_it_wraps() -> None:
    from tinygrad_edu.op import FUNCTIONS

    assert lines(FUNCTIONS["mish"])[2] == "from tinygrad_edu.ops.activation import mish"


@pytest.mark.parametrize("fn", [lambda x: x, tg.nn.Linear(1, 1), Holder().__init__])
def test_what_cannot_be_imported_is_left_to_the_reader(fn: Any) -> None:
    found = lines(fn, ("x", np.array(1.0)))
    assert found[2].startswith("fn = ...  # put here the function under check: ")
    assert found[4] == "check_gradients(fn, (x,), order=1).raise_if_wrong()"


def test_a_function_of_a_script_is_not_imported() -> None:
    def doubled(x: Any) -> Any:
        return 2 * x

    doubled.__module__, doubled.__qualname__ = "__main__", "doubled"
    import __main__

    __main__.doubled = doubled
    try:
        assert lines(doubled)[2] == "# below the definition of doubled:"
    finally:
        del __main__.doubled


def test_names_that_are_taken_are_changed() -> None:
    found = lines(half_wrong, ("np", np.array(1.0)), ("half_wrong", np.array(2.0)), ("n", 3), scale=np.array(4.0))
    assert found[3] == "np_, half_wrong_ = np.array(1.0), np.array(2.0)"
    kwargs = "kwargs={'scale': np.array(4.0)}"
    assert found[4] == f"check_gradients(half_wrong, (np_, half_wrong_, 3), {kwargs}, order=1).raise_if_wrong()"
