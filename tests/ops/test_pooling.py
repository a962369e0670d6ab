"""What is special to pooling: windows one by one, ties and NaN, the last window, adaptive sizes."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.ops.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)
from tinygrad_edu.ops.pooled import put_pixels, take_pixels
from tinygrad_edu.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d

RNG = np.random.default_rng(0)


@st.composite
def settings(draw: Any) -> dict[str, Any]:
    """Draw the parameters of a pooling of images of at least one window."""
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride = draw(pair), draw(pair)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = tuple(k + draw(st.integers(0, 5)) for k in kernel)
    ceil_mode = draw(st.booleans())
    return {
        "size": size,
        "params": {
            "kernel_size": kernel,
            "stride": stride,
            "padding": padding,
            "ceil_mode": ceil_mode,
        },
    }


def window_starts(n: int, k: int, s: int, p: int, ceil_mode: bool) -> list[int]:
    """List where windows begin: inside the image or before it, and end inside, if not ceil_mode."""
    starts = range(-p, n + p, s)
    if not ceil_mode:
        return [start for start in starts if start + k <= n + p]
    last_that_fits = max(start for start in starts if start + k <= n + p)
    reached = last_that_fits + k == n + p
    return [start for start in starts if start <= last_that_fits + s * (not reached) and start < n]


def one_by_one(image: Any, size: tuple[int, int], params: dict[str, Any], reduce: Any) -> np.ndarray:
    """Apply ``reduce`` to every window of a 2-d image, cut to the image."""
    settings_ = zip(size, params["kernel_size"], params["stride"], params["padding"])
    rows, columns = (window_starts(*s, params["ceil_mode"]) for s in settings_)
    k_h, k_w = params["kernel_size"]
    return np.array([[reduce(image[max(r, 0) : r + k_h, max(c, 0) : c + k_w]) for c in columns] for r in rows])


@given(settings())
def test_pooling_reduces_window_by_window(s: dict[str, Any]) -> None:
    image = RNG.standard_normal(s["size"])
    largest = one_by_one(image, s["size"], s["params"], np.max)
    np.testing.assert_array_equal(max_pool2d(image[None], **s["params"])[0], largest)
    mean = one_by_one(image, s["size"], s["params"], np.mean)
    averaged = avg_pool2d(image[None], count_include_pad=False, **s["params"])[0]
    np.testing.assert_allclose(averaged, mean, rtol=1e-12, atol=1e-12)


@given(settings(), st.integers(1, 2), st.booleans())
def test_pooling_and_its_gradient_are_pytorchs(s: dict[str, Any], dilation: int, include: bool) -> None:
    torch = pytest.importorskip("torch")
    # Few different values: most windows hold several largest entries.
    x = np.random.default_rng(1).integers(0, 3, (2, 3, *s["size"])).astype(np.float64)
    calls: list[tuple[str, dict[str, Any]]] = [("avg_pool2d", {"count_include_pad": include})]
    if all(d >= dilation * (k - 1) + 1 for d, k in zip(s["size"], s["params"]["kernel_size"])):
        calls.append(("max_pool2d", {"dilation": dilation}))
    for name, more in calls:
        ours, theirs = tg.from_numpy(x).requires_grad_(), torch.tensor(x, requires_grad=True)
        out = {"avg_pool2d": avg_pool2d, "max_pool2d": max_pool2d}[name](ours, **s["params"], **more)
        expected = getattr(torch.nn.functional, name)(theirs, **s["params"], **more)
        np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
        g = RNG.standard_normal(out.shape)
        (found,) = tg.autograd.grad(out, [ours], tg.from_numpy(g))
        (wanted,) = torch.autograd.grad(expected, [theirs], torch.tensor(g))
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-12, atol=1e-12)


def gradient(function: Any, x: np.ndarray) -> np.ndarray:
    """Differentiate the sum of a function of one array."""
    tensor = tg.from_numpy(x).requires_grad_()
    (g,) = tg.autograd.grad(function(tensor).sum(), [tensor])
    return np.asarray(g.numpy())


def test_the_first_of_several_largest_entries_gets_the_gradient() -> None:
    x = np.array([[[1.0, 7.0, 7.0, 7.0], [7.0, 0.0, 7.0, 7.0]]])
    expected = [[[0, 1, 1, 0], [0, 0, 0, 0]]]
    np.testing.assert_array_equal(gradient(lambda t: max_pool2d(t, 2), x), expected)
    np.testing.assert_array_equal(gradient(lambda t: adaptive_max_pool2d(t, (1, 2)), x), expected)


def test_overlapping_windows_add_their_gradients() -> None:
    x = np.array([[[0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(gradient(lambda t: max_pool2d(t, (2, 2), stride=1), x), [[[0, 2, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(
        gradient(lambda t: avg_pool2d(t, (2, 2), stride=1, divisor_override=1), x),
        [[[1, 2, 1], [1, 2, 1]]],
    )


def test_padding_is_never_the_largest_entry() -> None:
    x = np.full((1, 3, 3), -np.inf)
    out, indices = max_pool2d(x, 2, stride=2, padding=1, return_indices=True)
    np.testing.assert_array_equal(out, np.full((1, 2, 2), -np.inf))
    np.testing.assert_array_equal(indices, [[[0, 1], [3, 4]]])
    least = np.full((1, 3, 3), np.iinfo(np.int64).min)
    np.testing.assert_array_equal(max_pool2d(least, 2, stride=2, padding=1, return_indices=True)[1], indices)


def test_nan_is_larger_than_everything() -> None:
    x = np.array([[[1.0, np.nan, 5.0, 9.0], [np.nan, 3.0, 2.0, 4.0]]])
    out, indices = max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(out, [[[np.nan, 9.0]]])
    np.testing.assert_array_equal(indices, [[[4, 3]]])  # of two NaNs the last, as PyTorch


def test_infinite_values_are_averaged_without_a_warning() -> None:
    x = np.array([[[np.inf, -np.inf, np.inf, 1.0]]])
    np.testing.assert_array_equal(avg_pool2d(x, (1, 2)), [[[np.nan, np.inf]]])


def test_a_window_may_have_more_entries_than_a_byte_counts() -> None:
    x = np.zeros((1, 20, 20))
    x[0, 19, 18] = 1
    out, indices = max_pool2d(x, 20, return_indices=True)
    assert (out.item(), indices.item()) == (1.0, 19 * 20 + 18)


@pytest.mark.parametrize("padding", [0, 1])
def test_indices_lead_to_the_values(padding: int) -> None:
    x = tg.from_numpy(RNG.standard_normal((2, 3, 7, 5)))
    values, indices = max_pool2d(x, 3, stride=2, padding=padding, return_indices=True)
    assert indices.dtype == np.int64
    found = x.numpy().reshape(2, 3, 35)[
        np.arange(2)[:, None, None], np.arange(3)[:, None], indices.numpy().reshape(2, 3, -1)
    ]
    np.testing.assert_array_equal(found.reshape(values.shape), values.numpy())
    np.testing.assert_array_equal(values.numpy(), max_pool2d(x, 3, 2, padding).numpy())


def test_take_and_put_are_transposed() -> None:
    x, g = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 2, 2))
    indices = RNG.integers(0, 12, (2, 2, 2))
    there, back = take_pixels(x, indices), put_pixels(g, indices, (3, 4))
    np.testing.assert_allclose((there * g).sum(), (x * back).sum(), rtol=1e-12)


def test_max_pooling_is_differentiable_twice() -> None:
    x = tg.tensor([[[1.0, 2.0], [3.0, 0.0]]], requires_grad=True)
    (g,) = tg.autograd.grad((max_pool2d(x, 2) ** 3).sum(), [x], create_graph=True)
    (second,) = tg.autograd.grad(g.sum(), [x])
    np.testing.assert_array_equal(second.numpy(), [[[0, 0], [18, 0]]])


def test_sequences_are_images_of_height_one() -> None:
    x = RNG.standard_normal((2, 3, 9))
    for one, two in ((max_pool1d, max_pool2d), (avg_pool1d, avg_pool2d)):
        expected = two(x[:, :, None], (1, 3), (1, 2), (0, 1), ceil_mode=True)
        np.testing.assert_array_equal(one(x, 3, 2, 1, ceil_mode=True), expected[:, :, 0])
    values, indices = max_pool1d(x, 3, return_indices=True)
    np.testing.assert_array_equal(np.take_along_axis(x, indices, -1), values)
    for one, two in (
        (adaptive_max_pool1d, adaptive_max_pool2d),
        (adaptive_avg_pool1d, adaptive_avg_pool2d),
    ):
        np.testing.assert_array_equal(one(x, 4), two(x[:, :, None], (1, 4))[:, :, 0])


@given(st.tuples(st.integers(1, 7), st.integers(1, 7)), st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_adaptive_windows_divide_the_image(size: tuple[int, int], output: tuple[int, int]) -> None:
    x = RNG.standard_normal((2, *size))
    cuts = [[slice(floor(i * n / o), ceil((i + 1) * n / o)) for i in range(o)] for n, o in zip(size, output)]
    windows = [[x[:, rows, columns] for columns in cuts[1]] for rows in cuts[0]]
    means = np.array([[w.mean((1, 2)) for w in row] for row in windows]).transpose(2, 0, 1)
    largest = np.array([[w.max((1, 2)) for w in row] for row in windows]).transpose(2, 0, 1)
    np.testing.assert_allclose(adaptive_avg_pool2d(x, output), means, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(adaptive_max_pool2d(x, output), largest)


def test_average_of_integers_is_rounded_towards_zero() -> None:
    x = np.array([[[-7, 0], [0, 0]]])
    assert avg_pool2d(x, 2).item() == -1
    assert avg_pool2d(-x, 2).dtype == np.int64


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
def test_the_input_is_kept_as_pytorch_keeps_it(pool: Any) -> None:
    x = tg.randn(1, 4, 4, requires_grad=True) * 1
    out = pool(x, 2)
    out.add_(1)  # the output is not kept
    with tg.no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "params",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (2, 3), "stride": (3, 2), "ceil_mode": True},
        {"kernel_size": 17, "stride": 1},
    ],
)
def test_many_images_are_pooled_as_each_of_them(params: dict[str, Any], dtype: Any) -> None:
    """Many are split over threads, or left to a compiled kernel."""
    images = RNG.integers(0, 9, (700, 19, 20)).astype(dtype)  # with ties
    images[3, 4, 5] = images[3, 4, 6] = np.nan
    images[5] = -np.inf
    for pool in (max_pool2d, avg_pool2d):
        x = tg.from_numpy(images).requires_grad_()
        out = pool(x, **params)
        g = RNG.standard_normal(out.shape).astype(dtype)
        (slope,) = tg.autograd.grad(out, [x], tg.from_numpy(g))
        for m in (0, 3, 5, 699):
            one = tg.from_numpy(images[m : m + 1].astype(np.float64)).requires_grad_()
            alone = pool(one, **params)
            np.testing.assert_allclose(out[m].detach().numpy(), alone[0].detach().numpy(), rtol=1e-5)
            (wanted,) = tg.autograd.grad(alone, [one], tg.from_numpy(g[m : m + 1].astype(np.float64)))
            np.testing.assert_allclose(slope[m].numpy(), wanted[0].numpy(), rtol=1e-4, atol=1e-4)
