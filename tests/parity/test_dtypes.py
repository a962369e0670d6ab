"""Promotion: the dtype of every pair of operands is PyTorch's, whatever their ranks."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
NUMBERS: list[Any] = [True, 2, 2.5]
# An operand: a dtype and whether it has an axis, or a Python number.
OPERANDS: list[Any] = [*product(DTYPES, [True, False]), *NUMBERS]
PAIRS = list(product(OPERANDS, OPERANDS))


def made(lib: Any, operand: Any) -> Any:
    if not isinstance(operand, tuple):
        return operand
    dtype, has_axis = operand
    return lib.ones(3 if has_axis else (), dtype=getattr(lib, dtype))


def name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("default", ["float32", "float64"])
def test_result_type_of_every_pair(default: str) -> None:
    try:
        for lib in (tg, torch):
            lib.set_default_dtype(getattr(lib, default))
        for one, other in PAIRS:
            ours = tg.result_type(made(tg, one), made(tg, other))
            theirs = torch.result_type(made(torch, one), made(torch, other))
            assert name(ours) == name(theirs), (one, other)
    finally:
        for lib in (tg, torch):
            lib.set_default_dtype(lib.float32)


@pytest.mark.parametrize("operator", ["__add__", "__mul__", "__truediv__", "__lt__"])
def test_dtype_of_an_operation_on_every_pair(operator: str) -> None:
    for one, other in PAIRS:
        if isinstance(one, tuple):
            ours = getattr(made(tg, one), operator)(made(tg, other))
            theirs = getattr(made(torch, one), operator)(made(torch, other))
            assert name(ours.dtype) == name(theirs.dtype), (one, other)
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3)


@pytest.mark.parametrize(
    "function", ["exp", "sqrt", "sigmoid", "sum", "prod", "cumsum", "abs", "neg", "mean", "argmax"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_of_a_function(function: str, dtype: str) -> None:
    def answer(lib: Any) -> Any:
        args = (0,) if function == "cumsum" else ()
        try:
            return name(getattr(lib, function)(made(lib, (dtype, True)), *args).dtype)
        except (RuntimeError, NotImplementedError):
            return "refused"

    assert answer(tg) == answer(torch)
