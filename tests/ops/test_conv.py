"""What is special to convolution: the seven loops, ways to compute it, padding, what is kept."""

from __future__ import annotations

import re
import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import parallel
from tinygrad_edu.ops import by_line, by_window, convolution, convolving
from tinygrad_edu.ops.columns import col2im, im2col
from tinygrad_edu.ops.conv import conv1d, conv2d
from tinygrad_edu.ops.conv_transpose import conv_transpose1d, conv_transpose2d
from tinygrad_edu.ops.windows import Grid, framed, output_size, windows

RNG = np.random.default_rng(0)
Pair = tuple[int, int]


def seven_loops(
    x: Any, weight: Any, g: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Any, Any, Any]:
    """Convolve, and send the gradient ``g`` back to both inputs, one multiplication at a time."""
    c, h, w, k, kh, kw = *x.shape[1:], len(weight), *weight.shape[2:]
    out, gx, gw = np.zeros(g.shape), np.zeros(x.shape), np.zeros(weight.shape)
    for a, f, oh, ow in np.ndindex(g.shape):
        for ch, i, j in product(range(c // groups), range(kh), range(kw)):
            row = oh * stride[0] + i * dilation[0] - padding[0]
            column = ow * stride[1] + j * dilation[1] - padding[1]
            if 0 <= row < h and 0 <= column < w:
                there = a, f // (k // groups) * (c // groups) + ch, row, column
                out[a, f, oh, ow] += x[there] * weight[f, ch, i, j]
                gx[there] += g[a, f, oh, ow] * weight[f, ch, i, j]
                gw[f, ch, i, j] += g[a, f, oh, ow] * x[there]
    return out, gx, gw


@st.composite
def settings(draw: Any) -> dict[str, Any]:
    """Draw sizes and parameters: odd, 1x1, several groups, few and many channels."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    found = {
        "kernel": draw(pair),
        "stride": draw(pair),
        "padding": draw(st.tuples(st.integers(0, 3), st.integers(0, 3))),
        "dilation": draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        "groups": groups,
        "channels": groups * draw(st.sampled_from([1, 2, 8])),
        "filters": groups * draw(st.sampled_from([1, 2, 4])),
        "batch": draw(st.integers(1, 3)),
    }
    least = [max(d * (k - 1) + 1 - 2 * p, 1) for k, p, d in zip(found["kernel"], found["padding"], found["dilation"])]
    found["size"] = tuple(n + draw(st.integers(0, 4)) for n in least)
    return found


def make(s: dict[str, Any], seed: int = 0) -> tuple[Any, Any, Any]:
    """Draw the images, the filters and the gradient of the output."""
    rng = np.random.default_rng(seed)
    sides = zip(s["size"], s["kernel"], s["stride"], s["padding"], s["dilation"])
    output = [output_size(n, k, t, 2 * p, d) for n, k, t, p, d in sides]
    x = rng.standard_normal((s["batch"], s["channels"], *s["size"]))
    weight = rng.standard_normal((s["filters"], s["channels"] // s["groups"], *s["kernel"]))
    return x, weight, rng.standard_normal((s["batch"], s["filters"], *output))


def parameters(s: dict[str, Any]) -> dict[str, Any]:
    return {name: s[name] for name in ("stride", "padding", "dilation", "groups")}


def run(x: Any, weight: Any, g: Any, params: dict[str, Any]) -> list[Any]:
    """Convolve Tensors and return the output and both gradients as arrays."""
    images, filters = (tg.from_numpy(a).requires_grad_() for a in (x, weight))
    out = conv2d(images, filters, **params)
    return [t.detach().numpy() for t in (out, *tg.autograd.grad(out, [images, filters], tg.from_numpy(g)))]


@given(settings())
def test_convolution_is_the_seven_loops(s: dict[str, Any]) -> None:
    x, weight, g = make(s)
    for found, expected in zip(run(x, weight, g, parameters(s)), seven_loops(x, weight, g, **parameters(s))):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@given(settings())
def test_every_way_to_compute_gives_the_same(s: dict[str, Any]) -> None:
    """Image by image or all at once, on one thread or two, either order in memory."""
    x, weight, g = make(s)
    expected = run(x, weight, g, parameters(s))
    for module, name, value in [
        (convolving, "_CHUNK", 1),
        (convolving, "_MANY", 1),
        (convolving, "_MANY", 1000),
        (convolving, "_FEW", 1),
        (convolving, "_FEW", 1000),
        (by_window, "_LEAST", 1),
        (by_window, "_LEAST", 1000),
        (by_line, "_PRICE", -1),
        (by_line, "_PRICE", 1000),
        (by_line, "_SIZES", (3, 2)),
        (parallel, "GRAIN", 1),
    ]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, value)
            if module in (by_line, by_window):
                patch.setattr(convolving, "_MANY", 1)
            for found, other in zip(run(x, weight, g, parameters(s)), expected):
                np.testing.assert_allclose(found, other, rtol=1e-11, atol=1e-11)


@given(settings())
def test_compiled_kernels_give_the_same(s: dict[str, Any]) -> None:
    pytest.importorskip("numba")
    x, weight, g = make(s)
    before = tg.get_kernels()
    found = {}
    try:
        for choice in ("numpy", "fast"):
            tg.set_kernels(choice)
            found[choice] = run(x, weight, g, parameters(s))
    finally:
        tg.set_kernels(before)
    for one, other in zip(*found.values()):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@given(settings(), st.integers(0, 1), st.integers(0, 1))
def test_transposed_convolution_is_the_transposed_map(s: dict[str, Any], e_h: int, e_w: int) -> None:
    """<conv(x), g> = <x, conv_transpose(g)> for all x and g: this defines it."""
    _, weight, g = make(s)
    extra = tuple(min(e, max(t, d) - 1) for e, t, d in zip((e_h, e_w), s["stride"], s["dilation"]))
    sides = zip(g.shape[2:], s["kernel"], s["stride"], s["padding"], s["dilation"], extra)
    size = [(o - 1) * t - 2 * p + d * (k - 1) + e + 1 for o, k, t, p, d, e in sides]
    if min(size) < 1:
        with pytest.raises(RuntimeError, match="Output size is too small"):
            conv_transpose2d(g, weight, output_padding=extra, **parameters(s))
        return
    back = conv_transpose2d(g, weight, output_padding=extra, **parameters(s))
    assert back.shape == (s["batch"], s["channels"], *size)
    x = RNG.standard_normal(back.shape)
    out = seven_loops(x, weight, g, **parameters(s))[0]
    np.testing.assert_allclose((x * back).sum(), (out * g).sum(), rtol=1e-9, atol=1e-9)


@given(settings())
def test_convolution_is_pytorchs(s: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    x, weight, g = make(s)
    images, filters = (torch.tensor(a, requires_grad=True) for a in (x, weight))
    out = torch.conv2d(images, filters, **parameters(s))
    theirs = [out, *torch.autograd.grad(out, [images, filters], torch.tensor(g))]
    for found, expected in zip(run(x, weight, g, parameters(s)), theirs):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-11, atol=1e-11)


def test_convolution_is_one_product_with_the_columns_of_im2col() -> None:
    x, weight = RNG.standard_normal((2, 3, 6, 5)), RNG.standard_normal((4, 3, 3, 2))
    columns = im2col(x, (3, 2), padding=(1, 0), stride=(2, 1))
    product_ = (weight.reshape(4, -1) @ columns).reshape(2, 4, 3, 4)
    np.testing.assert_allclose(conv2d(x, weight, padding=(1, 0), stride=(2, 1)), product_, rtol=1e-12)


def test_col2im_counts_how_many_windows_see_a_pixel() -> None:
    seen = col2im(im2col(np.ones((1, 3, 3)), 2), 3, 2)
    np.testing.assert_array_equal(seen, [[[1, 2, 1], [2, 4, 2], [1, 2, 1]]])


@pytest.mark.parametrize(("kernel", "before"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_same_padding_puts_the_odd_zero_after_the_image(kernel: int, before: int) -> None:
    x, weight = RNG.standard_normal((1, 2, 6, 6)), RNG.standard_normal((3, 2, kernel, kernel))
    after = kernel - 1 - before
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    same = conv2d(x, weight, padding="same")
    assert same.shape == (1, 3, 6, 6)
    np.testing.assert_allclose(same, conv2d(padded, weight, padding="valid"), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_of_even_kernels_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    x, weight = RNG.standard_normal((2, 2, 5, 6)), RNG.standard_normal((1, 2, 2, 4))
    for dilation in (1, 2, (1, 3)):
        theirs = torch.conv2d(torch.tensor(x), torch.tensor(weight), padding="same", dilation=dilation)
        ours = conv2d(x, weight, padding="same", dilation=dilation)
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
def test_unbatched_images_are_a_batch_of_one(groups: int) -> None:
    x, weight = RNG.standard_normal((4, 5, 5)), RNG.standard_normal((4, 4 // groups, 3, 3))
    bias = RNG.standard_normal(4)
    one = conv2d(x[None], weight, bias, padding=1, groups=groups)
    np.testing.assert_array_equal(conv2d(x, weight, bias, padding=1, groups=groups), one[0])
    back = RNG.standard_normal(4)
    one = conv_transpose2d(x[None], weight, back, stride=2, groups=groups)
    np.testing.assert_array_equal(conv_transpose2d(x, weight, back, stride=2, groups=groups), one[0])


def test_sequences_are_images_of_height_one() -> None:
    x, weight = RNG.standard_normal((2, 3, 7)), RNG.standard_normal((4, 3, 3))
    flat = conv2d(x[:, :, None], weight[:, :, None], stride=(1, 2), padding=(0, 1))
    np.testing.assert_array_equal(conv1d(x, weight, stride=2, padding=1), flat[:, :, 0])
    weight = RNG.standard_normal((3, 4, 3))
    flat = conv_transpose2d(x[:, :, None], weight[:, :, None], stride=(1, 2))
    np.testing.assert_array_equal(conv_transpose1d(x, weight, stride=2), flat[:, :, 0])


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "kernel"),
    [(16, 32, 1, 5), (3, 8, 1, 3), (8, 8, 8, 3), (64, 16, 1, 1)],
)
def test_float32_is_accurate(channels: int, filters: int, groups: int, kernel: int) -> None:
    params = {"stride": 1, "padding": kernel // 2, "dilation": 1, "groups": groups}
    x = RNG.standard_normal((8, channels, 12, 12))
    weight = RNG.standard_normal((filters, channels // groups, kernel, kernel))
    g = RNG.standard_normal((8, filters, 12, 12))
    wide = run(x, weight, g, params)
    narrow = run(*(a.astype(np.float32) for a in (x, weight, g)), params)
    for a, b in zip(wide, narrow):
        assert b.dtype == np.float32
        assert np.abs(a - b).max() < 3e-6 * np.abs(a).max()


def test_float16_and_integers_keep_their_dtype() -> None:
    x, weight = RNG.standard_normal((1, 2, 4, 4)), RNG.standard_normal((1, 2, 3, 3))
    half = conv2d(x.astype(np.float16), weight.astype(np.float16))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, conv2d(x, weight), atol=2e-2)
    ones = conv2d(np.ones((1, 2, 4, 4), np.int64), np.ones((1, 2, 3, 3), np.int64))
    np.testing.assert_array_equal(ones, np.full((1, 1, 2, 2), 18))
    assert ones.dtype == np.int64


def test_infinite_values_give_nan_without_a_warning() -> None:
    x = tg.full((1, 1, 3, 3), float("inf"), requires_grad=True)
    weight = tg.tensor([[[[1.0, -1.0]]]], requires_grad=True)
    out = conv2d(x, weight)
    out.sum().backward()
    assert out.isnan().all()
    assert conv_transpose2d(x, weight).isnan().any()


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("many", [1, 8])
def test_an_infinite_pixel_reaches_the_windows_that_see_it_only(
    monkeypatch: pytest.MonkeyPatch, groups: int, padding: int, column: int, many: int
) -> None:
    """Depthwise, and line by line, more windows are computed than there are: none of those may show."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(convolving, "_MANY", many)
    x = RNG.standard_normal((2, 4, 5, 5))
    x[1, 2, 3, column] = np.inf
    weight, g = (
        RNG.standard_normal((4, 4 // groups, 3, 3)),
        RNG.standard_normal((2, 4, 3 + 2 * padding, 3 + 2 * padding)),
    )
    params = {"stride": 1, "padding": padding, "dilation": 1, "groups": groups}
    images, filters = (torch.tensor(a, requires_grad=True) for a in (x, weight))
    out = torch.conv2d(images, filters, **params)
    theirs = [out, *torch.autograd.grad(out, [images, filters], torch.tensor(g))]
    for found, expected in zip(run(x, weight, g, params), theirs):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("channels", "groups"), [(2, 1), (16, 1), (16, 2), (16, 16)])
def test_arrays_may_lie_in_memory_as_they_like(channels: int, groups: int) -> None:
    x, weight = RNG.standard_normal((3, channels, 6, 6)), RNG.standard_normal((channels, channels // groups, 3, 3))
    g = np.broadcast_to(RNG.standard_normal((3, 1, 1, 4)), (3, channels, 4, 4))  # what sum() sends back looks like it
    params = {"stride": 1, "padding": 0, "dilation": 1, "groups": groups}
    expected = run(x, weight, np.ascontiguousarray(g), params)
    turned, filters = (np.ascontiguousarray(a.T).T for a in (x, weight))
    for found, other in zip(run(turned, filters, g, params), expected):
        np.testing.assert_allclose(found, other, rtol=1e-11, atol=1e-11)
    for array in (x, weight):
        array.flags.writeable = False
    np.testing.assert_allclose(conv2d(x, weight, groups=groups), expected[0], rtol=1e-11, atol=1e-11)


def test_the_matrix_of_im2col_never_exists_as_a_whole() -> None:
    x, weight = tg.randn(64, 16, 16, 16), tg.randn(16, 16, 5, 5)
    whole = 64 * 12 * 12 * 16 * 25 * 4
    tracemalloc.start()
    try:
        out = conv2d(x, weight)
        assert tracemalloc.get_traced_memory()[1] < out.array.nbytes + whole / 2
    finally:
        tracemalloc.stop()


def test_the_result_is_contiguous() -> None:
    for channels in (2, 16):
        x, weight = tg.randn(2, channels, 5, 5, requires_grad=True), tg.randn(3, channels, 3, 3)
        out = conv2d(x, weight.requires_grad_())
        assert out.array.flags.c_contiguous
        assert all(g.array.flags.c_contiguous for g in tg.autograd.grad(out.sum(), [x, weight]))


def test_an_empty_batch_has_zero_gradients() -> None:
    x, weight = tg.zeros(0, 2, 4, 4), tg.randn(3, 2, 3, 3, requires_grad=True)
    bias = tg.randn(3, requires_grad=True)
    out = conv2d(x, weight, bias)
    out.sum().backward()
    assert out.shape == (0, 3, 2, 2)
    np.testing.assert_array_equal(weight.grad.numpy(), np.zeros((3, 2, 3, 3)))
    np.testing.assert_array_equal(bias.grad.numpy(), np.zeros(3))


def test_the_gradient_of_images_is_not_computed_when_nobody_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the first layer's image gradient was computed")

    monkeypatch.setattr(convolution, "image_gradient", never)
    weight = tg.randn(3, 2, 3, 3, requires_grad=True)
    conv2d(tg.randn(1, 2, 4, 4), weight).sum().backward()
    assert weight.grad.shape == (3, 2, 3, 3)


def test_input_and_weight_are_kept_and_nothing_else() -> None:
    x, weight, bias = tg.randn(1, 1, 3, 3), tg.randn(1, 1, 2, 2), tg.randn(1)
    leaf = tg.ones(1, requires_grad=True)
    for changed, refused in ((0, True), (1, True), (2, False)):
        inputs = [t * leaf for t in (x, weight, bias)]
        out = conv2d(*inputs)
        out.add_(1)  # the output is not kept
        with tg.no_grad():
            inputs[changed].mul_(2)
        if refused:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                out.sum().backward()
        else:
            out.sum().backward()


def test_wrong_channels_get_a_sentence_with_both_shapes_and_a_way_out() -> None:
    sentence = (
        "Given groups=1, weight of size [16, 4, 3, 3], expected input[8, 3, 32, 32] to have 4 "
        "channels, but got 3 channels instead: the weight of conv2d is (K, C/groups, ...); "
        "pass groups= or fix the weight."
    )
    with pytest.raises(RuntimeError, match=re.escape(sentence)):
        conv2d(tg.zeros(8, 3, 32, 32), tg.zeros(16, 4, 3, 3))


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_output_size_counts_the_windows(n: int, k: int, s: int, p: int, d: int) -> None:
    starts = [start for start in range(0, n + 2 * p, s) if start + d * (k - 1) < n + 2 * p]
    assert max(output_size(n, k, s, 2 * p, d), 0) == len(starts)


def test_windows_share_the_memory_of_the_frame() -> None:
    image = np.arange(12).reshape(3, 4)
    grid = Grid(kernel=(2, 2), output=(2, 2), stride=(1, 2), padding=(0, 0), dilation=(1, 1))
    assert framed(image, grid) is image
    seen = windows(image, grid)
    assert np.shares_memory(seen, image)
    np.testing.assert_array_equal(seen[:, :, 1, 0], [[4, 5], [8, 9]])
    np.testing.assert_array_equal(seen[1, 0], [[4, 6], [8, 10]])
