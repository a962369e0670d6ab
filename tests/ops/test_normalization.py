"""Softmax and the norms where the general tests do not look: large inputs, running statistics, offsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.blocks import BLOCK
from tinygrad_edu.ops.dropout import masked_scale
from tinygrad_edu.ops.group_norm import group_norm, instance_norm
from tinygrad_edu.ops.native_norms import native_batch_norm, native_group_norm, native_layer_norm
from tinygrad_edu.ops.normalization import batch_norm, layer_norm, normalize, rms_norm
from tinygrad_edu.ops.softmax import log_softmax, softmax

Array = np.ndarray[Any, Any]


def drawn(*shape: int, seed: int = 0, dtype: Any = np.float64) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def leaf(*shape: int, seed: int = 0) -> Any:
    return tg.from_numpy(drawn(*shape, seed=seed)).requires_grad_()


def both_gradients(result: Any, inputs: list[Any], seed: int = 9) -> list[tuple[Array, Array]]:
    """Differentiate in the ordinary pass (the kernels) and in the recorded one (the formulas)."""
    g = tg.from_numpy(drawn(*result.shape, seed=seed))
    kernels = tg.autograd.grad(result, inputs, g, retain_graph=True)
    formulas = tg.autograd.grad(result, inputs, g, create_graph=True)
    return [(k.numpy(), f.detach().numpy()) for k, f in zip(kernels, formulas)]


# ---- softmax


@pytest.mark.parametrize("offset", [-5000.0, -41.0, 0.0, 39.0, 41.0, 5000.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_does_not_change_with_an_offset(offset: float, axis: int) -> None:
    x = drawn(70, 80)
    np.testing.assert_allclose(softmax(x + offset, axis), softmax(x, axis), rtol=1e-9)
    np.testing.assert_allclose(softmax(x + offset, axis).sum(axis), 1.0, rtol=1e-12)
    np.testing.assert_allclose(log_softmax(x + offset, axis), log_softmax(x, axis), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_softmax_of_the_largest_numbers_is_finite(dtype: Any) -> None:
    top = np.finfo(dtype).max
    for row in ([top, 0, -top], [top, top, top], [-top, -top, -top], [88.0, -88.0, 0.0]):
        x = np.array([row], dtype)
        assert softmax(x, 1).dtype == dtype
        assert np.isfinite(softmax(x, 1)).all()
        assert softmax(x, 1).sum() == pytest.approx(1, rel=2e-3)


def test_softmax_of_the_longest_float16_row_sums_to_one() -> None:
    x = np.full((1, 5000), 5.0, np.float16)
    assert softmax(x, 1).astype(np.float64).sum() == pytest.approx(1, rel=2e-2)


def test_log_softmax_of_a_sure_row_is_exact() -> None:
    x = np.array([[30.0, 0.0]], np.float32)
    np.testing.assert_allclose(log_softmax(x, 1), [[-9.3576e-14, -30.0]], atol=1e-12)


@pytest.mark.parametrize(("shape", "axis"), [((3,), 0), ((2, 3), 1), ((2, 3, 2), 0), ((1, 2, 3, 1), 1)])
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_implicit_dim_warns_and_is_pytorchs(function: Any, shape: tuple[int, ...], axis: int) -> None:
    x = tg.from_numpy(drawn(*shape)).requires_grad_()
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        result = function(x)
    g = tg.from_numpy(drawn(*shape, seed=3))
    np.testing.assert_array_equal(result.detach().numpy(), function(x, axis).detach().numpy())
    (found,), (expected,) = (tg.autograd.grad(r, [x], g) for r in (result, function(x, axis)))
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_keeps_its_result_and_not_its_input(function: Any) -> None:
    x = leaf(2, 3) * 1.0
    result = function(x, 1)
    x.zero_()
    tg.autograd.grad(result.sum(), [x], allow_unused=True)
    result = function(leaf(2, 3), 1)
    total = result.sum()
    result.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


# ---- kernels and formulas


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_kernels_are_their_formulas(function: Any, axis: int) -> None:
    x = leaf(6, 7, 80)
    for kernel, formula in both_gradients(function(x, axis), [x]):
        np.testing.assert_allclose(kernel, formula, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("shape", [(5, 3), (700, 100), (6, 3, 5), (9, 8, 32, 32), (2, 70_000, 1), (1, 2, 300, 300)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_kernels_are_their_formulas(shape: tuple[int, ...], training: bool) -> None:
    x, weight, bias = leaf(*shape), leaf(shape[1], seed=1), leaf(shape[1], seed=2)
    running = None if training else (drawn(shape[1], seed=3), drawn(shape[1], seed=4) ** 2 + 0.1)
    out = native_batch_norm(x, weight, bias, *(running or (None, None)), training)
    axes = (0, *range(2, len(shape)))
    column = (1, -1, *(1,) * (len(shape) - 2))
    data = x.detach().numpy()
    mean, var = running or (data.mean(axes), data.var(axes))
    expected = (data - mean.reshape(column)) / np.sqrt(var.reshape(column) + 1e-5)
    expected = expected * weight.detach().numpy().reshape(column) + bias.detach().numpy().reshape(column)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9, atol=1e-11)
    for kernel, formula in both_gradients(out, [x, weight, bias]):
        np.testing.assert_allclose(kernel, formula, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("shape", "n"), [((5, 7), 1), ((3, 4, 5), 2), ((300, 400), 1), ((2, BLOCK + 1), 1)])
def test_layer_norm_kernels_are_their_formulas(shape: tuple[int, ...], n: int) -> None:
    last = shape[len(shape) - n :]
    x, weight, bias = leaf(*shape), leaf(*last, seed=1), leaf(*last, seed=2)
    out = native_layer_norm(x, weight, bias, n)
    data, axes = x.detach().numpy(), tuple(range(-n, 0))
    xhat = (data - data.mean(axes, keepdims=True)) / np.sqrt(data.var(axes, keepdims=True) + 1e-5)
    expected = xhat * weight.detach().numpy() + bias.detach().numpy()
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9, atol=1e-11)
    for kernel, formula in both_gradients(out, [x, weight, bias]):
        np.testing.assert_allclose(kernel, formula, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("shape", "groups"), [((5, 6), 2), ((3, 4, 5), 4), ((2, 8, 9, 9), 1), ((3, 6, 300, 100), 3)])
def test_group_norm_kernels_are_their_formulas(shape: tuple[int, ...], groups: int) -> None:
    x, weight, bias = leaf(*shape), leaf(shape[1], seed=1), leaf(shape[1], seed=2)
    out = native_group_norm(x, weight, bias, groups)
    column = (1, -1, *(1,) * (len(shape) - 2))
    data = x.detach().numpy().reshape(shape[0], groups, -1)
    xhat = (data - data.mean(2, keepdims=True)) / np.sqrt(data.var(2, keepdims=True) + 1e-5)
    expected = xhat.reshape(shape) * weight.detach().numpy().reshape(column) + bias.detach().numpy().reshape(column)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9, atol=1e-11)
    for kernel, formula in both_gradients(out, [x, weight, bias]):
        np.testing.assert_allclose(kernel, formula, rtol=1e-7, atol=1e-9)


NORMS: list[tuple[Any, tuple[int, ...]]] = [
    (lambda x, w, b: native_batch_norm(x, w, b), (3,)),
    (lambda x, w, b: native_group_norm(x, w, b, 3), (3,)),
    (lambda x, w, b: native_layer_norm(x, w, b, 2), (3, 5)),
]


@pytest.mark.parametrize(("norm", "affine"), NORMS)
@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_gradients_do_not_depend_on_which_are_wanted(norm: Any, affine: Any, wanted: tuple[int, ...]) -> None:
    inputs = [leaf(4, 3, 5), leaf(*affine, seed=1), leaf(*affine, seed=2)]
    g = tg.from_numpy(drawn(5, 3, 4, seed=3)).permute(2, 1, 0)  # not contiguous
    every = tg.autograd.grad(norm(*inputs), inputs, g)
    chosen = [value if i in wanted else value.detach() for i, value in enumerate(inputs)]
    some = tg.autograd.grad(norm(*chosen), [inputs[i] for i in wanted], g)
    for i, found in zip(wanted, some):
        np.testing.assert_allclose(found.numpy(), every[i].numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("norm", "affine"), NORMS)
def test_gradients_of_norms_stand_an_offset_in_float32(norm: Any, affine: Any) -> None:
    g = drawn(4, 3, 5, seed=4)
    x, weight, bias = drawn(4, 3, 5) + 1000.0, drawn(*affine, seed=1), drawn(*affine, seed=2)

    def gradients(dtype: Any) -> Any:
        inputs = [tg.from_numpy(v.astype(np.float32).astype(dtype)).requires_grad_() for v in (x, weight, bias)]
        return tg.autograd.grad(norm(*inputs), inputs, tg.from_numpy(g.astype(dtype)))

    for found, exact in zip(gradients(np.float32), gradients(np.float64)):
        np.testing.assert_allclose(found.numpy(), exact.numpy(), atol=2e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_channel_or_row(bad: float) -> None:
    x = drawn(4, 3, 5)
    x[1, 2, 3] = bad
    channels, rows = batch_norm(x, None, None, training=True), layer_norm(x, (5,))
    assert np.isnan(channels[:, 2]).any()
    assert np.isfinite(channels[:, :2]).all()
    assert np.isnan(rows[1, 2]).any()
    assert np.isfinite(np.delete(rows.reshape(12, 5), 5, 0)).all()


def test_norms_take_a_gradient_that_is_one_number_seen_everywhere() -> None:
    x, weight = leaf(4, 3, 5), leaf(3, seed=1)
    found = tg.autograd.grad(batch_norm(x, None, None, weight, training=True).sum(), [x, weight])
    np.testing.assert_allclose(found[0].numpy(), 0, atol=1e-12)
    np.testing.assert_allclose(found[1].numpy(), 0, atol=1e-12)
    (found_rows,) = tg.autograd.grad(layer_norm(x, (3, 5)).sum(), [x])
    np.testing.assert_allclose(found_rows.numpy(), 0, atol=1e-12)


# ---- batch normalisation


@pytest.mark.parametrize("shape", [(64, 4), (8, 4, 9, 9)])
def test_batch_norm_stands_an_offset_in_float32(shape: tuple[int, ...]) -> None:
    exact = drawn(*shape) + 1000.0
    x = exact.astype(np.float32)
    wanted = batch_norm(x.astype(np.float64), None, None, training=True)
    np.testing.assert_allclose(batch_norm(x, None, None, training=True), wanted, atol=1e-3)


def test_input_gradient_of_batch_norm_has_no_mean_and_does_not_follow_the_output() -> None:
    x = leaf(6, 3, 4)
    out = batch_norm(x, None, None, training=True, eps=1e-12)
    (g,) = tg.autograd.grad(out, [x], tg.from_numpy(drawn(6, 3, 4, seed=1)))
    np.testing.assert_allclose(g.numpy().sum((0, 2)), 0, atol=1e-10)
    np.testing.assert_allclose((g.numpy() * out.detach().numpy()).sum((0, 2)), 0, atol=1e-9)


@pytest.mark.parametrize("wrap", [tg.from_numpy, np.asarray])
def test_training_moves_the_running_statistics_in_place(wrap: Any) -> None:
    x, mean, var = drawn(5, 2, 3), np.array([1.0, 2.0]), np.array([3.0, 4.0])
    batch_norm(wrap(x), wrap(mean), wrap(var), training=True, momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 * np.array([1.0, 2.0]) + 0.25 * x.mean((0, 2)))
    np.testing.assert_allclose(var, 0.75 * np.array([3.0, 4.0]) + 0.25 * x.var((0, 2), ddof=1))


def test_evaluation_leaves_the_running_statistics_alone() -> None:
    mean, var = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    out = batch_norm(drawn(5, 2), mean, var, eps=0.0)
    np.testing.assert_array_equal(mean, [1.0, 2.0])
    np.testing.assert_array_equal(var, [3.0, 4.0])
    np.testing.assert_allclose(out, (drawn(5, 2) - mean) / np.sqrt(var))


def test_evaluation_works_for_one_sample() -> None:
    assert batch_norm(np.array([[3.0]]), np.array([1.0]), np.array([4.0]), eps=0.0) == 1.0


def test_training_between_evaluation_and_its_backward_pass_changes_nothing() -> None:
    mean, var = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    x = leaf(5, 2)
    out = batch_norm(x, mean, var, eps=0.0)
    batch_norm(drawn(5, 2, seed=1), mean, var, training=True)
    (g,) = tg.autograd.grad(out.sum(), [x])
    np.testing.assert_allclose(g.numpy(), np.broadcast_to(1 / np.sqrt([3.0, 4.0]), (5, 2)))


# ---- the others


def test_group_norm_lies_between_layer_norm_and_instance_norm() -> None:
    x = drawn(3, 4, 5)
    np.testing.assert_allclose(group_norm(x, 1), layer_norm(x, (4, 5)), rtol=1e-12)
    np.testing.assert_allclose(group_norm(x, 4), instance_norm(x), rtol=1e-12)


def test_instance_norm_moves_the_running_statistics_towards_the_mean_of_the_samples() -> None:
    x, mean, var = drawn(4, 2, 6), np.zeros(2), np.ones(2)
    instance_norm(x, mean, var, momentum=0.5)
    np.testing.assert_allclose(mean, 0.5 * x.mean(2).mean(0))
    np.testing.assert_allclose(var, 0.5 + 0.5 * x.var(2, ddof=1).mean(0))
    again = instance_norm(x, mean, var, use_input_stats=False)
    np.testing.assert_allclose(again, batch_norm(x, mean, var), rtol=1e-12)


def test_rms_norm_of_a_constant_row_is_ones() -> None:
    np.testing.assert_allclose(rms_norm(np.full((2, 3), -4.0), (3,)), -1.0, rtol=1e-12)


def test_normalize_leaves_the_zero_vector() -> None:
    np.testing.assert_allclose(normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])


def test_masked_scale_keeps_one_byte_for_each_element() -> None:
    x = leaf(10, 10)
    out = masked_scale(x, tg.from_numpy(drawn(10, 10) > 0), 2.0)
    assert [saved.dtype for saved in out.grad_fn.saved_arrays()] == [np.bool_]
    np.testing.assert_allclose(out.detach().numpy(), x.detach().numpy() * (drawn(10, 10) > 0) * 2)


@pytest.mark.parametrize("p", [0.0625, 0.5, 0.9])
def test_dropout_drops_with_the_probability_that_is_asked_for(p: float) -> None:
    tg.manual_seed(5)
    out = tg.nn.functional.dropout(tg.ones(99_999), p)  # an odd number: half a word is left over
    assert (out.numpy() == 0).mean() == pytest.approx(p, abs=4 * (p * (1 - p) / 99_999) ** 0.5)


def test_dropout_takes_a_single_number() -> None:
    assert {float(tg.nn.functional.dropout(tg.tensor(1.0), 0.5)) for _ in range(50)} == {0.0, 2.0}
