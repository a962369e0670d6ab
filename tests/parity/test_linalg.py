"""Products that are refused, against PyTorch: the class of the exception and its words."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

SHAPES = [(2,), (3,), (2, 3), (3, 3), (2, 2, 3), (3, 3, 2), (4, 2, 2, 3), (4, 3, 2, 2)]
DTYPES = ["float32", "float64", "int64"]


def refused(library: Any, function: str, a: Any, b: Any, dtypes: tuple[str, str]) -> Any:
    """Multiply ones; give the shape of the result, or the exception."""
    x = library.ones(a, dtype=getattr(library, dtypes[0]))
    y = library.ones(b, dtype=getattr(library, dtypes[1]))
    try:
        named = library.nn.functional if function == "linear" else library
        return tuple(getattr(named, function)(x, y).shape)
    except (RuntimeError, TypeError, IndexError) as error:
        return error


@pytest.mark.parametrize("function", ["matmul", "linear", "mm", "bmm", "mv", "dot", "inner", "outer"])
def test_shapes_that_do_not_fit_get_pytorchs_words(function: str) -> None:
    for a, b in product(SHAPES, SHAPES):
        expected = refused(torch, function, a, b, ("float32", "float32"))
        found = refused(tg, function, a, b, ("float32", "float32"))
        if not isinstance(expected, Exception):
            assert found == expected, (a, b)
        else:
            assert type(found) is type(expected), (a, b)
            assert str(expected).rstrip(".") in str(found), (a, b)


def test_dtypes_are_not_promoted() -> None:
    for a, b in product(DTYPES, DTYPES):
        expected = refused(torch, "matmul", (2, 3), (3, 2), (a, b))
        found = refused(tg, "matmul", (2, 3), (3, 2), (a, b))
        assert found == expected or str(found).startswith(str(expected))
        assert isinstance(found, tuple) == (a == b)
