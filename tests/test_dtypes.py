"""dtypes by name, the default one, and promotion as a reader can check it."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg


def test_a_python_number_does_not_widen() -> None:
    assert (tg.ones(2, dtype=tg.float16) * 2.5).dtype == tg.float16
    assert (tg.ones(2, dtype=tg.uint8) + 1).dtype == tg.uint8


def test_a_number_of_a_higher_category_does() -> None:
    assert (tg.ones(2, dtype=tg.int16) * 2.5).dtype == tg.float32
    assert (tg.ones(2, dtype=tg.bool) + 1).dtype == tg.int64


def test_a_tensor_without_axes_counts_less_than_one_with() -> None:
    assert (tg.ones(2) * tg.tensor(2.0, dtype=tg.float64)).dtype == tg.float32
    assert (tg.ones(()) * tg.tensor(2.0, dtype=tg.float64)).dtype == tg.float64


def test_integers_divide_to_the_default_dtype() -> None:
    assert (tg.tensor([3]) / 2).dtype == tg.float32
    assert (tg.tensor([3]) / tg.tensor([2], dtype=tg.int8)).tolist() == [1.5]


def test_default_dtype() -> None:
    try:
        tg.set_default_dtype("float64")
        assert tg.get_default_dtype() == tg.float64 == tg.double
        assert tg.result_type(1, 2.0) == tg.float64
        assert (tg.tensor([1]) / 2).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


@pytest.mark.parametrize("dtype", [tg.int64, tg.bool, np.complex64])
def test_default_dtype_must_be_floating(dtype: object) -> None:
    with pytest.raises(TypeError, match="only floating-point dtypes can be the default"):
        tg.set_default_dtype(dtype)


def test_dtypes_are_numpys() -> None:
    assert tg.zeros(1, dtype="float64").dtype == np.float64
    assert np.zeros(1, tg.int16).dtype == tg.short


def test_narrow_integers_wrap() -> None:
    assert (tg.tensor([250], dtype=tg.uint8) + 10).tolist() == [4]
