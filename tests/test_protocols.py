"""NumPy's functions on Tensors: the numbers of NumPy, recorded."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_gradients

A = np.array([[1.0, -2.0, 3.6], [4.0, 0.4, -6.0]])
B = np.array([[2.0, 1.5, -1.0], [0.5, 3.0, 2.0]])

DIFFERENTIABLE: dict[str, Callable[[Any], Any]] = {
    "add": lambda t: np.add(t, B),
    "add, array first": lambda t: np.add(B, t),
    "subtract": lambda t: np.subtract(B, t),
    "multiply": lambda t: np.multiply(t, t),
    "divide": lambda t: np.divide(B, t),
    "true_divide": lambda t: np.true_divide(t, B),
    "power": lambda t: np.power(t, 2),
    "exp": np.exp,
    "sin": np.sin,
    "arctan": np.arctan,
    "arctan2": lambda t: np.arctan2(t, B),
    "tanh": np.tanh,
    "square": np.square,
    "absolute": np.absolute,
    "negative": np.negative,
    "maximum": lambda t: np.maximum(t, B),
    "logaddexp": lambda t: np.logaddexp(B, t),
    "matmul": lambda t: np.matmul(t, B.T),
    "matmul, array first": lambda t: np.matmul(B.T, t),
    "dot": lambda t: np.dot(t, B.T),
    "dot with a vector": lambda t: np.dot(t, B[0]),
    "dot of a stack": lambda t: np.dot(np.stack([t, t]), B.T),
    "dot with a number": lambda t: np.dot(t, 2.0),
    "vdot": lambda t: np.vdot(B, t),
    "inner": lambda t: np.inner(t, B),
    "outer": lambda t: np.outer(t, B),
    "kron": lambda t: np.kron(B, t),
    "tensordot": lambda t: np.tensordot(t, B, axes=([1], [1])),
    "tensordot of all axes": lambda t: np.tensordot(B, t),
    "einsum": lambda t: np.einsum("ij,kj->ik", B, t),
    "sum": np.sum,
    "sum of squares": lambda t: np.sum(t * t),
    "sum, axis": lambda t: np.sum(t, axis=1),
    "sum, axis by place": lambda t: np.sum(t, 0),
    "sum, axes": lambda t: np.sum(t, axis=(0, 1)),
    "sum, keepdims": lambda t: np.sum(t, axis=1, keepdims=True),
    "sum, keepdims by place": lambda t: np.sum(t, 1, None, None, True),
    "mean": lambda t: np.mean(t, axis=0),
    "var": np.var,
    "var, axis": lambda t: np.var(t, axis=1),
    "var, ddof": lambda t: np.var(t, ddof=1),
    "std": lambda t: np.std(t, axis=1, ddof=1),
    "std, correction": lambda t: np.std(t, axis=1, correction=1),
    "prod": np.prod,
    "prod, axis": lambda t: np.prod(t, axis=1),
    "max": np.max,
    "max, axis": lambda t: np.max(t, axis=1),
    "max, keepdims": lambda t: np.max(t, axis=0, keepdims=True),
    "amax": lambda t: np.amax(t, 1),
    "min": lambda t: np.min(t, axis=0),
    "cumsum": np.cumsum,
    "cumsum, axis": lambda t: np.cumsum(t, axis=1),
    "cumprod": lambda t: np.cumprod(t, axis=0),
    "norm": np.linalg.norm,
    "norm, axis": lambda t: np.linalg.norm(t, 1, axis=1),
    "where": lambda t: np.where(B > 1, t, B),
    "where, array first": lambda t: np.where(B > 1, B, t),
    "concatenate": lambda t: np.concatenate([B, t]),
    "concatenate, axis": lambda t: np.concatenate((t, B), axis=1),
    "stack": lambda t: np.stack([t, B], axis=1),
    "vstack": lambda t: np.vstack([t, B]),
    "hstack": lambda t: np.hstack([B, t]),
    "split": lambda t: np.split(t, 3, axis=1)[1],
    "split at": lambda t: np.split(t, [1], axis=1)[1],
    "array_split": lambda t: np.array_split(t, 2, axis=1)[0],
    "reshape": lambda t: np.reshape(t, (3, 2)),
    "reshape to one axis": lambda t: np.reshape(t, -1),
    "ravel": np.ravel,
    "transpose": np.transpose,
    "transpose, axes": lambda t: np.transpose(t, (1, 0)),
    "swapaxes": lambda t: np.swapaxes(t, 0, 1),
    "moveaxis": lambda t: np.moveaxis(t, 0, -1),
    "expand_dims": lambda t: np.expand_dims(t, 1),
    "expand_dims, axes": lambda t: np.expand_dims(t, (0, -1)),
    "squeeze": lambda t: np.squeeze(t[:1], axis=0),
    "broadcast_to": lambda t: np.broadcast_to(t, (2, 2, 3)),
    "flip": np.flip,
    "flip, axis": lambda t: np.flip(t, axis=1),
    "roll": lambda t: np.roll(t, 1),
    "roll, axis": lambda t: np.roll(t, 2, axis=1),
    "tile": lambda t: np.tile(t, (2, 1)),
    "repeat": lambda t: np.repeat(t, 2),
    "repeat, axis": lambda t: np.repeat(t, 2, axis=0),
    "sort": np.sort,
    "sort, axis": lambda t: np.sort(t, axis=0),
    "sort of all": lambda t: np.sort(t, axis=None),
    "take": lambda t: np.take(t, [0, 4]),
    "take, axis": lambda t: np.take(t, [0, 2], axis=1),
    "meshgrid": lambda t: np.meshgrid(t[0], B[1])[0],
    "copy": np.copy,
    "clip": lambda t: np.clip(t, -1, 3),
    "clip below": lambda t: np.clip(t, 0, None),
    "clip by name": lambda t: np.clip(t, a_min=-1, a_max=2),
    "diag": lambda t: np.diag(t[0]),
    "trace": np.trace,
    "triu": lambda t: np.triu(t, k=1),
    "tril": np.tril,
    "nan_to_num": np.nan_to_num,
    "round": lambda t: np.round(t) * t,
    "add.reduce": np.add.reduce,
    "add.reduce, axis": lambda t: np.add.reduce(t, axis=1),
    "add.reduce of all": lambda t: np.add.reduce(t, axis=None),
    "multiply.reduce": np.multiply.reduce,
    "maximum.reduce": np.maximum.reduce,
    "minimum.reduce": lambda t: np.minimum.reduce(t, axis=1, keepdims=True),
    "add.accumulate": np.add.accumulate,
    "a chain": lambda t: np.sum(np.exp(-np.square(t)) * B),
}


@pytest.mark.parametrize("function", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_function_gives_numpys_numbers_and_a_gradient(function: Callable[[Any], Any]) -> None:
    t = tg.tensor(A, requires_grad=True)
    result = function(t)
    assert isinstance(result, tg.Tensor)
    expected = np.asarray(function(A))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-12)

    check_gradients(function, t).raise_if_wrong()


OTHERS: dict[str, Callable[[Any], Any]] = {
    "argmax": np.argmax,
    "argmin, axis": lambda t: np.argmin(t, axis=1),
    "argsort": lambda t: np.argsort(t, axis=1),
    "any": np.any,
    "all, axis": lambda t: np.all(t, axis=0),
    "isnan": np.isnan,
    "equal": lambda t: np.equal(t, A),
    "greater": lambda t: np.greater(B, t),
    "less_equal": lambda t: np.less_equal(t, B),
    "logical_not": np.logical_not,
    "logical_and.reduce": np.logical_and.reduce,
    "isclose": lambda t: np.isclose(A, t),
    "count_nonzero": np.count_nonzero,
    "shape": np.shape,
    "ndim": np.ndim,
    "size": np.size,
    "size of an axis": lambda t: np.size(t, 1),
    "allclose": lambda t: np.allclose(t, A),
    "array_equal": lambda t: np.array_equal(t, B),
    "nonzero": np.nonzero,
    "zeros_like": np.zeros_like,
    "full_like": lambda t: np.full_like(t, 3),
    "result_type": lambda t: np.result_type(t, 1),
}


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS)
def test_function_without_a_derivative_takes_a_tensor_that_requires_grad(function: Callable[[Any], Any]) -> None:
    result, expected = function(tg.tensor(A, requires_grad=True)), function(A)
    result = result.numpy() if isinstance(result, tg.Tensor) else result
    assert np.array_equal(result, expected) if not isinstance(expected, np.dtype) else result == expected


@pytest.mark.parametrize(
    "operation",
    [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
    + [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge],
)
def test_array_on_the_left_of_an_operator(operation: Any) -> None:
    result = operation(np.abs(B), tg.tensor(A, requires_grad=True))
    assert isinstance(result, tg.Tensor)
    np.testing.assert_allclose(result.detach().numpy(), operation(np.abs(B), A))


def test_array_on_the_left_of_matmul() -> None:
    w = tg.tensor(A, requires_grad=True)
    (B.T @ w).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), B.T.T @ np.ones((3, 3)))


def test_numpy_number_on_the_left_does_not_widen() -> None:
    result = np.float64(2) * tg.ones(3, requires_grad=True)
    assert result.dtype == tg.float32
    assert result.requires_grad


def test_function_that_is_not_recorded_works_on_arrays() -> None:
    assert np.median(tg.tensor(A)) == np.median(A)
    np.testing.assert_array_equal(np.diff(tg.tensor(A)), np.diff(A))
    with pytest.raises(RuntimeError, match=r"np\.median is not recorded, .* requires grad; pass tensor\.detach\(\)"):
        np.median(tg.tensor(A, requires_grad=True))


@pytest.mark.parametrize("function", [np.sum, np.max, np.exp, np.mean, np.cumsum])
def test_out_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="out= cannot take a Tensor's result"):
        function(tg.tensor(A), out=np.zeros(A.shape))


def test_array_is_not_changed_by_an_augmented_assignment() -> None:
    array = A.copy()
    with pytest.raises(TypeError, match="out= cannot take"):
        array += tg.ones(2, 3)
    np.testing.assert_array_equal(array, A)


def test_ufunc_method_without_an_op_is_refused() -> None:
    with pytest.raises(TypeError, match="NotImplemented"):
        np.add.outer(tg.ones(2), tg.ones(2))
    with pytest.raises(TypeError, match="NotImplemented"):
        np.cbrt(tg.ones(2))


def test_uneven_split_is_refused() -> None:
    with pytest.raises(ValueError, match="equal division"):
        np.split(tg.tensor(A), 2, axis=1)


def test_norm_of_a_matrix_with_an_order_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="ord=2 of a matrix"):
        np.linalg.norm(tg.tensor(A), 2)


def test_array_of_a_tensor_shares_its_memory() -> None:
    t = tg.tensor(A)
    np.asarray(t)[0, 0] = 9
    assert t[0, 0].item() == 9
    np.array(t)[0, 0] = 7
    assert t[0, 0].item() == 9


def test_array_of_a_tensor_that_requires_grad_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"Use tensor\.detach\(\)\.numpy\(\)"):
        np.asarray(tg.tensor(A, requires_grad=True))


def test_dlpack_shares_memory() -> None:
    t = tg.tensor(A)
    np.from_dlpack(t.numpy())
    assert np.shares_memory(np.from_dlpack(t), t.numpy())
