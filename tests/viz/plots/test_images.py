"""Grids of images, saliency, filters and feature maps: right pictures, right words, and a model left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.viz import plots
from tinygrad_edu.viz.plots.inputs import input_gradient
from tinygrad_edu.viz.plots.layers import outputs_of
from tinygrad_edu.viz.plots.pictures import as_images, to_unit_range
from tinygrad_edu.viz.plots.theme import DARK, LIGHT

NAN = float("nan")


def shown(ax: Any) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def titles(figure: Any) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.images]


# ---- images


@pytest.mark.parametrize(
    ("shape", "count", "batch"),
    [
        ((2, 3, 4, 5), None, (2, 3, 4, 5)),
        ((7, 4, 5), None, (7, 1, 4, 5)),
        ((3, 4, 5), None, (1, 3, 4, 5)),
        ((3, 4, 5), 3, (3, 1, 4, 5)),
        ((1, 4, 5), 1, (1, 1, 4, 5)),
        ((4, 5), None, (1, 1, 4, 5)),
    ],
)
def test_shapes_of_images(shape: tuple[int, ...], count: int | None, batch: tuple[int, ...]) -> None:
    assert as_images("f", np.zeros(shape), None, count).shape == batch


def test_range_of_images() -> None:
    assert to_unit_range(np.array([0.2, 0.7])).tolist() == [0.2, 0.7]
    assert to_unit_range(np.array([0, 8, 16], np.uint8)).tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_array_equal(to_unit_range(np.array([-1.0, 1.0, NAN, np.inf])), [0.0, 1.0, NAN, NAN])
    assert to_unit_range(np.array([5.0, 5.0])).tolist() == [0.5, 0.5]
    assert np.isnan(to_unit_range(np.array([NAN, NAN]))).all()
    assert to_unit_range(np.array([-9.0, 0.5, 1.0]), (0.0, 2.0)).tolist() == [0.0, 0.25, 0.5]


def test_missing_pixels_have_their_own_colour(images: np.ndarray) -> None:
    from matplotlib.colors import to_rgb

    images[0, 0, 2, 3] = NAN
    drawn = shown(plots.predictions(images, None, [0] * 5).axes[0])
    assert drawn[2, 3].tolist() == list(to_rgb(LIGHT.missing))
    np.testing.assert_allclose(drawn[0, 0], images[0, 0, 0, 0])


# ---- predictions


def test_right_and_wrong_are_told_apart_by_sign_words_and_colour(images: np.ndarray) -> None:
    figure = plots.predictions(images, [0, 1, 2, 0, 1], [0, 2, 2, 1, 1], ["cat", "dog", "cow"])
    assert titles(figure) == ["✓ cat", "✗ cow", "✓ cow", "✗ dog", "✓ dog"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "true: dog", "", "true: cat", ""]
    assert {ax.title.get_color() for ax in figure.axes} == {LIGHT.right, LIGHT.wrong}
    assert figure.get_suptitle() == "3 of 5 right"


def test_confidence_is_that_of_the_softmax_or_of_probabilities(images: np.ndarray) -> None:
    logits = np.log([[0.9, 0.1], [0.3, 0.7]]) + 5
    for scores in (logits, tg.tensor(logits), [[0.9, 0.1], [0.3, 0.7]]):
        assert titles(plots.predictions(images[:2], [0, 0], scores)) == ["✓ 0 90%", "✗ 1 70%"]
    extreme = [[1e3, 0.0], [NAN, 0.0]]
    assert titles(plots.predictions(images[:2], None, extreme)) == ["0 100%", "NaN"]
    assert titles(plots.predictions(images[:1], None, [[6.0, 0.0]])) == ["0 >99%"]


@pytest.mark.parametrize("count", [1, 100])
def test_any_number_of_images(count: int) -> None:
    pictures = np.zeros((count, 8, 8), np.uint8)
    figure = plots.predictions(pictures, [0] * count, [0] * count, limit=100, dark=True)
    assert len(figure.axes) == count
    assert figure.get_facecolor()[:3] == pytest.approx((27 / 255, 30 / 255, 35 / 255))
    assert figure.axes[0].title.get_color() == DARK.right


def test_flat_images_need_their_shape() -> None:
    flat = np.arange(48.0).reshape(4, 12)
    drawn = shown(plots.predictions(flat, None, [0] * 4, image_shape=(3, 4)).axes[1])
    assert drawn.shape == (3, 4, 3)
    np.testing.assert_allclose(drawn[..., 0] * 47, flat[1].reshape(3, 4))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (np.zeros((2, 2, 4, 4)), None, [0, 0]),
            {},
            r"got images of shape \(2, 2, 4, 4\); give .* or say image_shape=",
        ),
        ((np.zeros((0, 4, 4)), None, []), {}, r"got images of shape \(0, 4, 4\)"),
        ((np.zeros((2, 9)), None, [0, 0]), {"image_shape": (2, 2)}, r"\(2, 9\) does not divide into images of"),
        ((np.array([["a"]]), None, [0]), {}, r"images must be numbers, got <U1"),
        ((np.zeros((2, 4, 4)), None, [0]), {}, r"2 images \(shape \(2, 4, 4\)\) but 1 answers; give one for each"),
        ((np.zeros((2, 4, 4)), [0], [0, 0]), {}, r"1 labels but 2 answers; give one for each image"),
        ((np.zeros((2, 4, 4)), None, [0, 5]), {"classes": ["a"]}, r"6 classes but 1 names"),
        ((np.zeros((2, 4, 4)), None, [0, 0]), {"limit": 0}, r"limit=0 must be at least 1"),
        ((np.zeros((2, 4, 4)), None, [0, 0]), {"columns": 0}, r"columns=0 must be at least 1"),
    ],
)
def test_mistakes_with_predictions(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^predictions: " + message):
        plots.predictions(*arguments, **options)


# ---- before and after


def test_before_and_after_with_the_difference_between(cnn: Any, images: np.ndarray, traces: Any) -> None:
    after = images + np.float32(0.25) * (images > 0.5)
    before = traces(cnn)
    figure = plots.before_after(images, after, model=cnn, labels=[0] * 5, limit=2)
    assert traces(cnn) == before
    left, middle, right = figure.axes[:3]
    np.testing.assert_allclose(middle.images[0].get_array(), (after - images)[0, 0])
    assert middle.images[0].norm.vmax == -middle.images[0].norm.vmin == pytest.approx(0.25)
    assert middle.get_title() == "largest change 0.25"
    # one range for both pictures
    scaled = (right.images[0].get_array() - left.images[0].get_array())[..., 0]
    low, high = min(images[:2].min(), after[:2].min()), after[:2].max()
    np.testing.assert_allclose(scaled * (high - low), (after - images)[0, 0], atol=1e-6)
    cnn.eval()
    confidence = nn.functional.softmax(cnn(tg.tensor(images)), 1).detach().array
    for row in range(2):
        title = figure.axes[3 * row].get_title()
        assert title[2:] == f"{confidence[row].argmax()} {confidence[row].max():.0%}"


def test_answers_may_be_given_and_images_be_equal_or_colours() -> None:
    one = np.full((3, 4, 4), 0.5)
    figure = plots.before_after(one, one, answers=([1], [0]), classes=["a", "b"])
    assert titles(figure) == ["b", "largest change 0", "a"]
    assert np.unique(shown(figure.axes[1])).tolist() == [0.5]
    assert titles(plots.before_after(one, one * NAN))[1] == "largest change NaN"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": len, "answers": ([0], [0])}, r"got a model and answers; give one of them"),
        ({"answers": ([0, 0], [0, 0])}, r"1 images, but answers and labels for \[2, 2\]; give one for each"),
        ({"labels": [0, 0]}, r"1 images, but answers and labels for \[2\]"),
        ({"after": np.zeros((5, 4))}, r"before has shape \(4, 4\) but after \(5, 4\); they must be equal"),
    ],
)
def test_mistakes_with_before_and_after(options: dict[str, Any], message: str) -> None:
    options = {"before": np.zeros((4, 4)), "after": np.zeros((4, 4)), **options}
    with pytest.raises(ValueError, match=r"^before_after: " + message):
        plots.before_after(**options)


# ---- saliency


@pytest.mark.parametrize("mode", [tg.enable_grad, tg.no_grad, tg.inference_mode])
def test_input_gradient_is_that_of_central_differences(mode: Any, cnn: Any, images: np.ndarray, traces: Any) -> None:
    cnn.double()
    with mode():
        before = traces(cnn)
        gradient, target = input_gradient(cnn, images, 2)
        plots.saliency(cnn, images)
        assert traces(cnn) == before
    assert target.tolist() == [2] * 5
    cnn.eval()
    direction = np.random.default_rng(1).standard_normal(images.shape)
    ends = [cnn(tg.tensor(images + s * 1e-6 * direction)).detach().array[:, 2] for s in (1, -1)]
    along = (gradient * direction).sum((1, 2, 3))
    np.testing.assert_allclose(along, (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-7)


def test_saliency_is_the_largest_magnitude_over_the_channels() -> None:
    weight = np.random.default_rng(0).standard_normal((3 * 4 * 4, 2))
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2, dtype=np.float64))
    model[1].weight.data = tg.tensor(weight.T)
    figure = plots.saliency(model, np.ones((1, 3, 4, 4)), target=[1])
    expected = np.abs(weight[:, 1]).reshape(3, 4, 4).max(0)
    np.testing.assert_allclose(shown(figure.axes[1]), expected / expected.max())
    signed = plots.saliency(model, np.ones((1, 3, 4, 4)), target=1, signed=True)
    half = weight[:, 1].reshape(3, 4, 4) / np.abs(weight[:, 1]).max() / 2 + 0.5
    np.testing.assert_allclose(shown(signed.axes[1]), np.moveaxis(half, 0, -1))


def test_default_target_is_the_models_choice_and_is_named(cnn: Any, images: np.ndarray) -> None:
    figure = plots.saliency(cnn, images, classes=["a", "b", "c"], limit=3)
    cnn.eval()
    chosen = cnn(tg.tensor(images[:3])).argmax(1).tolist()
    assert [title for title in titles(figure) if title] == ["abc"[i] for i in chosen]


def test_saliency_of_flat_images() -> None:
    figure = plots.saliency(nn.Linear(12, 3), np.ones((2, 12)), image_shape=(3, 4), signed=True)
    assert shown(figure.axes[0]).shape == (3, 4, 3)
    assert shown(figure.axes[2]).shape == (3, 4)


def test_saliency_puts_the_model_back_after_an_error(cnn: Any, images: np.ndarray, traces: Any) -> None:
    before = traces(cnn)
    with pytest.raises(ValueError, match="target 3 is not among the 3 classes 0 to 2"):
        plots.saliency(cnn, images, target=3)
    with pytest.raises(RuntimeError):
        plots.saliency(cnn, np.zeros((1, 3, 8, 8)))
    assert traces(cnn) == before


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda x: x.sum(), {}, r"the model's output has shape \(\), not \(N, C\) of one row an image"),
        (lambda x: x.detach().flatten(1), {}, r"the model's output does not depend on its input by recorded"),
        (lambda x: tg.zeros(2, 3, requires_grad=True) * 2, {}, r"the model's output does not depend on its input"),
        (lambda x: x.flatten(1), {"target": [0, 0, 0], "limit": 8}, r"3 targets for 2 images; give one class, or one"),
        (lambda x: x.flatten(1), {"target": 99}, r"target 99 is not among the 16 classes"),
        (lambda x: x.flatten(1), {"limit": 0}, r"limit=0 must be at least 1"),
    ],
)
def test_mistakes_with_saliency(model: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^saliency: " + message):
        plots.saliency(model, np.zeros((2, 1, 4, 4)), **options)


# ---- filters and feature maps


def test_grey_filters_share_a_scale_around_zero() -> None:
    weight = np.random.default_rng(0).standard_normal((6, 1, 3, 3))
    figure = plots.filters(tg.tensor(weight))
    for ax, kernel in zip(figure.axes, weight):
        np.testing.assert_allclose(shown(ax), kernel[0])
        assert ax.images[0].norm.vmax == -ax.images[0].norm.vmin == np.abs(weight).max()
    alone = plots.filters(weight, shared=False)
    np.testing.assert_allclose(shown(alone.axes[2]), weight[2, 0] / np.abs(weight[2]).max())


def test_colour_filters_are_colours_around_grey() -> None:
    weight = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    expected = np.moveaxis(weight[1] / np.abs(weight).max() / 2 + 0.5, 0, -1)
    np.testing.assert_allclose(shown(plots.filters(weight).axes[1]), expected)


def test_filters_of_many_channels_are_rows() -> None:
    weight = np.arange(2.0 * 4 * 9).reshape(2, 4, 3, 3)
    figure = plots.filters(weight)
    assert [ax.get_ylabel() for ax in figure.axes[:8:4]] == ["filter 0", "filter 1"]
    assert [ax.get_title() for ax in figure.axes[:4]] == ["ch. 0", "ch. 1", "ch. 2", "ch. 3"]
    np.testing.assert_array_equal(shown(figure.axes[6]), weight[1, 2])
    assert len([ax for ax in plots.filters(np.ones((40, 64, 3, 3))).axes if ax.images]) == 64


def test_filters_of_a_linear_layer_and_of_odd_values() -> None:
    layer = nn.Linear(12, 5)
    np.testing.assert_array_equal(
        shown(plots.filters(layer, image_shape=(3, 4)).axes[2]), layer.weight.detach().array[2].reshape(3, 4)
    )
    broken = np.zeros((2, 1, 3, 3))
    broken[1] = NAN
    figure = plots.filters(broken)
    assert shown(figure.axes[0]).tolist() == [[0.0] * 3] * 3
    assert figure.axes[1].images[0].get_array().mask.all()


@pytest.mark.parametrize(
    ("weight", "options", "message"),
    [
        (np.zeros((3, 4)), {}, r"weight has shape \(3, 4\); give \(O, C, KH, KW\), or \(O, D\) with image_shape"),
        (np.zeros((3, 4)), {"image_shape": (3, 3)}, r"weight \(3, 4\) is not \(O, D\) with D inputs of image_shape"),
        (np.zeros((3, 1, 2, 2)), {"limit": 0}, r"limit=0 must be at least 1"),
    ],
)
def test_mistakes_with_filters(weight: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^filters: " + message):
        plots.filters(weight, **options)


@pytest.mark.parametrize("layer", [None, "0", "2"])
def test_feature_maps_are_the_layers_output(layer: str | None, cnn: Any, images: np.ndarray, traces: Any) -> None:
    before = traces(cnn)
    figure = plots.feature_maps(cnn, images, layer=layer)
    same = plots.feature_maps(cnn, images[0], layer=cnn[int(layer or 0)])
    assert traces(cnn) == before
    cnn.eval()
    expected = cnn[: int(layer or 0) + 1](tg.tensor(images[:1])).detach().array[0]
    for i in range(4):
        np.testing.assert_allclose(shown(figure.axes[i + 1]), expected[i], rtol=1e-6)
        np.testing.assert_array_equal(shown(same.axes[i + 1]), shown(figure.axes[i + 1]))
    assert figure.get_suptitle() == f"{layer or 0} ({'ReLU' if layer == '2' else 'Conv2d'}): 4×8×8"


def test_output_is_kept_from_a_layer_that_writes_in_place() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    model[0].bias.data = tg.tensor([-9.0, 9.0])
    inplace = nn.Sequential(model[0], InPlaceReLU())
    assert outputs_of(inplace, model[0], np.zeros((1, 1, 2, 2), np.float32)).min() == -9.0


class InPlaceReLU(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.relu_()


class Counter(nn.Module):
    """It writes to one buffer and puts another tensor in the place of a second, also in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", tg.tensor(0.0))
        self.register_buffer("last", tg.tensor([float("nan")]))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.last = x.detach()
        return x.flatten(1)


def test_buffers_come_back_whatever_a_forward_does_to_them(traces: Any) -> None:
    model = Counter()
    before = {name: state[:4] for name, state in traces(model).items() if name in ("calls", "last")}
    plots.saliency(model, np.full((2, 1, 3, 3), NAN))
    assert {name: traces(model)[name][:4] for name in before} == before


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused, self.two = nn.Conv2d(1, 1, 1), Two()

    def forward(self, x: Any) -> Any:
        return self.two(x)[0]


class Two(nn.Module):
    def forward(self, x: Any) -> Any:
        return x, x


@pytest.mark.parametrize(
    ("model", "layer", "error", "message"),
    [
        (lambda x: x, None, TypeError, r"the model must be a Module, got function"),
        (nn.Linear(2, 2), None, ValueError, r"the model has no Conv2d; name a layer that computes maps"),
        (Pair(), "three", ValueError, r"the model has no layer 'three'; it has \['unused', 'two'\]"),
        (Pair(), nn.ReLU(), ValueError, r"the model has no layer ReLU"),
        (Pair(), None, RuntimeError, r"layer 'unused' was not called in the forward pass; name another"),
        (Pair(), "two", TypeError, r"layer 'two' returned a tuple, not a Tensor; name another"),
        (nn.Sequential(nn.Flatten()), "0", ValueError, r"layer '0' computes \(1, 16\), not maps \(N, C, H, W\)"),
    ],
)
def test_mistakes_with_feature_maps(model: Any, layer: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=r"^feature_maps: " + message):
        plots.feature_maps(model, np.zeros((1, 1, 4, 4)), layer=layer)
