"""Elementwise ops on every pair of dtypes, 0-d tensors and numbers: PyTorch's result or refusal."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import FUNCTIONS, OPS

torch = pytest.importorskip("torch")

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
VALUES = {"b": [True, False, True], "u": [1, 3, 200], "i": [-3, 1, 5], "f": [-2.5, 0.5, 3.0]}
OTHERS = {"b": [True, True, True], "u": [3, 2, 7], "i": [2, -1, 3], "f": [1.5, -0.5, 2.0]}
NUMBERS = [True, 2, -1, 300, 0.5]


def words(text: str) -> list[str]:
    return text.split()


UNARY = words("""
    neg positive abs sign reciprocal square sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin
    cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc erfinv lgamma digamma floor
    ceil round trunc frac isnan isinf isfinite logical_not bitwise_not nan_to_num sigmoid logit
    relu relu6 leaky_relu elu selu celu gelu silu mish softplus hardtanh hardsigmoid hardswish
    softsign tanhshrink logsigmoid
""")
BINARY = words("""
    add sub mul div floor_divide remainder fmod pow maximum minimum fmax fmin eq ne lt le gt ge
    isclose logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
    bitwise_left_shift bitwise_right_shift atan2 hypot logaddexp
""")
# With a number as the second operand; PyTorch's other functions take tensors only.
WITH_NUMBER = words("""
    add sub mul div floor_divide remainder fmod pow eq ne lt le gt ge bitwise_and bitwise_or
    bitwise_xor bitwise_left_shift bitwise_right_shift
""")
# Only for pow does PyTorch check that a number fits into a narrow integer dtype. It has no power of
# booleans, except to the power of True.
DIFFERS = {("pow", "uint8", 300), ("pow", "int8", 300), ("pow", "bool", True)}


def array(dtype: str, values: dict[str, list[Any]]) -> np.ndarray:
    return np.array(values[np.dtype(dtype).kind]).astype(dtype)


def function(library: Any, name: str) -> Callable[..., Any]:
    if library is tg:
        return OPS.get(name) or FUNCTIONS[name]
    return getattr(torch, name, None) or getattr(torch.nn.functional, name)


def outcome(library: Any, name: str, *operands: Any) -> Any:
    """Give ``(dtype, values)`` of the result, or the class of the exception."""
    convert = torch.from_numpy if library is torch else tg.from_numpy
    given = [convert(v.copy()) if isinstance(v, np.ndarray) else v for v in operands]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(library, name)(*given)
    except (RuntimeError, TypeError) as error:
        return type(error)
    return str(result.dtype).removeprefix("torch."), result.numpy()


def assert_same_outcome(name: str, *operands: Any) -> None:
    theirs, ours = outcome(torch, name, *operands), outcome(tg, name, *operands)
    if isinstance(theirs, type) or isinstance(ours, type):
        assert ours is theirs
        return
    assert ours[0] == theirs[0]
    tolerance = {"float16": 2e-3, "float32": 1e-5}.get(ours[0], 1e-10)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: str) -> None:
    assert_same_outcome(name, array(dtype, VALUES))


@pytest.mark.parametrize("second", DTYPES)
@pytest.mark.parametrize("first", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_two_tensors(name: str, first: str, second: str) -> None:
    x, y = array(first, VALUES), array(second, OTHERS)
    assert_same_outcome(name, x, y)
    assert_same_outcome(name, x, y[0:1].reshape(()))
    assert_same_outcome(name, x[0:1].reshape(()), y)


@pytest.mark.parametrize(
    ("name", "dtype", "number"),
    [case for case in product(WITH_NUMBER, DTYPES, NUMBERS) if case not in DIFFERS],
)
def test_tensor_and_number(name: str, dtype: str, number: Any) -> None:
    assert_same_outcome(name, array(dtype, VALUES), number)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_number_to_the_power_of_a_tensor(dtype: str, number: Any) -> None:
    assert_same_outcome("pow", number, array(dtype, VALUES))
