"""Hooks, grad modes, anomaly mode, functional derivatives, NumPy's protocols."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import autograd
from tinygrad_edu.autograd import functional


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), requires_grad=True)


def test_hook_replaces_the_gradient() -> None:
    x = leaf(1.0)
    y = x * 2
    handle = y.register_hook(lambda g: g * 10)
    y.sum().backward(retain_graph=True)
    assert x.grad.item() == 20.0
    handle.remove()
    x.grad = None
    y.sum().backward()
    assert x.grad.item() == 2.0


def test_hook_on_a_leaf_sees_the_whole_gradient_once() -> None:
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]


def test_hooks_run_in_order_and_before_retain_grad() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert y.grad.item() == 20.0


def test_post_accumulate_hook_sees_the_gradient() -> None:
    x = leaf(1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_hook_needs_a_gradient() -> None:
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        tg.ones(1).register_hook(print)


def test_hook_on_a_recorded_pass_gets_recorded_gradients() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    assert g.item() == 18.0
    (h,) = autograd.grad(g.sum(), x)
    assert h.item() == 12.0


@pytest.mark.parametrize("mode", [tg.no_grad, tg.inference_mode])
def test_nothing_is_recorded_inside(mode) -> None:
    x = leaf(1.0)
    with mode():
        assert not (x * 2).requires_grad
        assert not tg.is_grad_enabled()
    assert (x * 2).requires_grad


def test_modes_as_decorators_and_nested() -> None:
    x = leaf(1.0)

    @tg.no_grad()
    def silent():
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
        return (x * 2).requires_grad

    @tg.no_grad
    def bare():
        return (x * 2).requires_grad

    assert not silent()
    assert not bare()
    assert tg.is_grad_enabled()


def test_set_grad_enabled_as_function_and_context() -> None:
    with tg.set_grad_enabled(False):
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    tg.set_grad_enabled(False)
    assert not tg.is_grad_enabled()
    tg.set_grad_enabled(True)


def test_mode_is_put_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        raise ZeroDivisionError
    assert tg.is_grad_enabled()


def test_anomaly_mode_names_the_op_and_the_line() -> None:
    x = leaf(0.0, 4.0)
    with pytest.warns(UserWarning, match="Anomaly Detection"):
        mode = autograd.detect_anomaly()
    message = r"'SqrtBackward0' returned nan values in its 0th(.|\n)*y = x.sqrt\(\) \* 0"
    with mode:
        y = x.sqrt() * 0  # the gradient of sqrt at 0 is inf, and inf * 0 is nan
        with pytest.raises(RuntimeError, match=message):
            y.sum().backward()
    assert not autograd.is_anomaly_enabled()


def test_anomaly_mode_without_nan_changes_nothing() -> None:
    x = leaf(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with autograd.detect_anomaly():
            (x * x).sum().backward()
    assert x.grad.item() == 4.0


def test_jacobian_hessian_and_products_agree() -> None:
    x = tg.tensor([0.5, -1.0, 2.0], dtype=tg.float64)
    v = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64)

    def f(x):
        return (x**3).sum() + x[0] * x[1] * x[2]

    hessian = functional.hessian(f, x)
    expected = np.diag(6 * x.array) + np.array([[0, 2.0, -1.0], [2.0, 0, 0.5], [-1.0, 0.5, 0]])
    np.testing.assert_allclose(hessian.numpy(), expected)
    np.testing.assert_allclose(functional.hvp(f, x, v)[1].numpy(), expected @ v.array)
    np.testing.assert_allclose(functional.vhp(f, x, v)[1].numpy(), v.array @ expected)

    def g(x):
        return x.sin() * x.sum()

    jacobian = functional.jacobian(g, x).numpy()
    np.testing.assert_allclose(functional.jvp(g, x, v)[1].numpy(), jacobian @ v.array)
    np.testing.assert_allclose(functional.vjp(g, x, v)[1].numpy(), v.array @ jacobian)


def test_jacobian_of_several_inputs_and_outputs() -> None:
    a, b = tg.tensor([1.0, 2.0]), tg.tensor([3.0])
    rows = functional.jacobian(lambda a, b: (a * b, a.sum()), (a, b))
    assert rows[0][0].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert rows[0][1].tolist() == [[1.0], [2.0]]
    assert rows[1][0].tolist() == [1.0, 1.0]
    assert rows[1][1].tolist() == [0.0]


def test_functional_strict_and_mistakes() -> None:
    x = tg.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="independent"):
        functional.jacobian(lambda x: tg.ones(2), x, strict=True)
    assert functional.jacobian(lambda x: tg.ones(2), x).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match="can only be None"):
        functional.vjp(lambda x: x * 2, x)
    with pytest.raises(RuntimeError, match="single Tensor with a single element"):
        functional.hessian(lambda x: x * 2, x)


def test_numpy_functions_record() -> None:
    x = leaf(1.0, 2.0)
    y = np.sum(np.exp(x) * x)
    assert isinstance(y, tg.Tensor)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]) * [2.0, 3.0], rtol=1e-6)


def test_array_with_tensor_gives_a_tensor() -> None:
    x = leaf(1.0, 2.0)
    for y in (np.ones(2, np.float32) * x, x * np.ones(2, np.float32), np.float32(2) * x, x * np.float64(2)):
        assert isinstance(y, tg.Tensor)
        assert y.requires_grad
        assert y.dtype == tg.float32


REDUCE = ["mean", "var", "std", "max", "min", "prod"]


@pytest.mark.parametrize("name", [*REDUCE, "transpose", "squeeze", "concatenate", "stack"])
def test_numpys_function_means_the_same(name: str) -> None:
    a = np.array([[1.0, 2.0], [3.0, 5.0]])
    x = tg.tensor(a)
    given = ([a, a], [x, x]) if name in ("concatenate", "stack") else (a, x)
    expected, found = getattr(np, name)(given[0]), getattr(np, name)(given[1])
    assert isinstance(found, tg.Tensor)
    np.testing.assert_allclose(found.numpy(), expected)


def test_conversions_to_numpy() -> None:
    x = tg.tensor([1.0, 2.0])
    assert np.asarray(x) is x.array
    assert np.from_dlpack(x).tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(leaf(1.0))
