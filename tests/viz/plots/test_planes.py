"""Pictures of a plane: activation functions, decision regions, loss surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.viz import plots
from tinygrad_edu.viz.plots.directions import losses_on, make_plane, read_path
from tinygrad_edu.viz.plots.functions import USUAL, curve_and_derivative
from tinygrad_edu.viz.plots.regions import classes_at

NAN = float("nan")

# ---- activations


@pytest.mark.parametrize("name", [*USUAL, "hardswish", "mish", "softsign", "logsigmoid"])
def test_derivative_is_that_of_central_differences(name: str) -> None:
    x = np.linspace(-3.1, 3.1, 40)
    function = getattr(nn.functional, name)
    _, slope = curve_and_derivative(name, function, x)
    above, below = (curve_and_derivative(name, function, x + h)[0] for h in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-5, atol=1e-6)


def test_panels_hold_function_and_derivative() -> None:
    with tg.inference_mode():
        figure = plots.activations({"square": lambda x: x * x, "flat": lambda x: (x > 0).float()}, points=5)
    assert [ax.get_title() for ax in figure.axes] == ["square", "flat"]
    curves = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    np.testing.assert_allclose(curves["f(x)"], [16, 4, 0, 4, 16])
    np.testing.assert_allclose(curves["f′(x)"], [-8, -4, 0, 4, 8])
    assert figure.axes[1].lines[-1].get_ydata().tolist() == [0.0] * 5


def test_no_derivative_where_there_is_no_function() -> None:
    (ax,) = plots.activations({"log": tg.log}, points=5).axes
    np.testing.assert_array_equal(np.isnan(ax.lines[-1].get_ydata()), [True, True, True, False, False])


def test_modules_are_functions_and_stay_as_they_were() -> None:
    module = nn.Sequential(nn.Dropout(0.5), nn.PReLU())
    plots.activations({"dropout is off": module})
    assert module.training
    assert module[1].weight.grad is None
    assert module[1].weight.requires_grad


@pytest.mark.parametrize(
    ("functions", "options", "message"),
    [
        ("no_such", {}, r"nn\.functional has no 'no_such'; give \{'title': function\} for your own"),
        ([], {}, r"no function to draw; name at least one"),
        ({"softmax": lambda x: tg.softmax(x, 0)}, {}, r"'softmax' does not work element by element"),
        ({"sum": lambda x: x.sum()}, {}, r"'sum' does not work element by element"),
        ("relu", {"low": 1.0, "high": 1.0}, r"low=1\.0, high=1\.0, points=801 is no range; it needs low < high"),
    ],
)
def test_mistakes_with_activations(functions: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^activations: " + message):
        plots.activations(functions, **options)


# ---- decision regions


def test_classes_are_those_of_the_largest_score_or_beyond_the_threshold() -> None:
    points = np.array([[1.0, 0.0], [0.0, 1.0], [NAN, 0.0]])
    chosen, count = classes_at(lambda x: x, points)
    assert (chosen.tolist(), count) == ([0, 1, -1], 2)
    for model in (lambda x: x[:, 0], lambda x: x[:, :1]):
        chosen, count = classes_at(model, points, threshold=0.5)
        assert (chosen.tolist(), count) == ([1, 0, -1], 2)


def test_regions_points_and_score() -> None:
    from matplotlib.collections import PathCollection

    points, truth = np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]]), [0, 1, 0]
    figure = plots.decision_regions(lambda x: x[:, 0], points, truth, classes=["left", "right"], resolution=20)
    (ax,) = figure.axes
    picture = ax.images[0].get_array()
    assert picture.shape == (20, 20, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2
    assert (picture[:, 0] == picture[0, 0]).all()
    assert (picture[:, 0] != picture[:, -1]).any()
    assert ax.get_title() == "2 of 3 right"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["left", "right"]
    drawn = np.concatenate([c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)])
    assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, points.tolist()))


def test_model_is_left_alone_and_sees_its_own_dtype(traces: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    model(tg.rand(8, 2)).sum().backward()
    before = traces(model)
    with tg.inference_mode():
        plots.decision_regions(model, np.random.default_rng(0).random((5, 2)), resolution=10)
    assert traces(model) == before


@pytest.mark.parametrize(
    ("points", "dtype"),
    [([[0.0, 1.0]], np.float32), (np.zeros((2, 2)), np.float64), (tg.zeros(2, 2, dtype=int), np.float32)],
)
def test_function_sees_the_dtype_of_the_points(points: Any, dtype: Any) -> None:
    seen = set()

    def model(x: Any) -> Any:
        seen.add(x.dtype)
        return x

    plots.decision_regions(model, points, resolution=3)
    assert seen == {np.dtype(dtype)}


def test_one_point_of_one_class_and_scores_that_are_nan() -> None:
    figure = plots.decision_regions(lambda x: x.log(), [[0.5, 1.0]], [0], resolution=30)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["0", "NaN or infinite"]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1.0]],), {}, r"x \(1, 1\) must be \(N, 2\) finite numbers, at least one point"),
        (([[NAN, 1.0]],), {}, r"x \(1, 2\) must be \(N, 2\) finite numbers"),
        (([[0.0, 1.0]], [0, 1]), {}, r"1 points but 2 classes; give one for each point"),
        (([[0.0, 1.0]],), {"resolution": 1}, r"resolution=1 must be at least 2"),
    ],
)
def test_mistakes_with_decision_regions(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^decision_regions: " + message):
        plots.decision_regions(lambda x: x, *arguments, **options)


def test_model_of_another_output() -> None:
    with pytest.raises(ValueError, match=r"^decision_regions: the model makes \(\) of \(\d+, 2\); it must be \(M, C\)"):
        plots.decision_regions(lambda x: x.sum(), [[0.0, 1.0]])


# ---- loss surfaces


def linear() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 2))


def weights_of(model: nn.Module) -> np.ndarray:
    return nn.utils.parameters_to_vector(model.parameters()).detach().array


def walk(model: nn.Module, steps: int = 6) -> list[dict[str, Any]]:
    """Move the weights about, and return where they were."""
    path, rng = [], np.random.default_rng(0)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.array += rng.standard_normal(parameter.shape).astype(np.float32) / 4
        path.append({name: value.clone() for name, value in model.state_dict().items()})
    return path


def test_function_of_two_numbers_is_asked_at_every_place() -> None:
    seen = []

    def loss(x: Any, y: Any) -> Any:
        assert not tg.is_grad_enabled()
        seen.append((x.item(), y.item()))
        return x**2 + y

    figure = plots.loss_surface(loss, path=[[1.0, 2.0], [0.0, 1.0]], x_range=(-1, 1), y_range=(0, 3), resolution=3)
    assert seen == [(x, y) for y in (0.0, 1.5, 3.0) for x in (-1.0, 0.0, 1.0)]
    ax = figure.axes[0]
    assert ax.get_xlim() == (-1, 1)
    assert ax.lines[0].get_xydata().tolist() == [[1.0, 2.0], [0.0, 1.0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["start", "end"]


def test_range_reaches_around_the_path() -> None:
    ax = plots.loss_surface(lambda x, y: x + y, path=tg.tensor([[0.0, 5.0], [10.0, 5.0]]), resolution=4).axes[0]
    assert ax.get_xlim() == (-3, 13)
    assert ax.get_ylim() == (3, 7)


def test_what_is_not_finite_is_explained_and_constants_are_drawn() -> None:
    ax = plots.loss_surface(lambda x, y: x.log(), resolution=5).axes[0]
    assert "NaN or infinite" in [text.get_text() for text in ax.get_legend().get_texts()]
    for log in (False, True):
        plots.loss_surface(lambda x, y: 3.0, resolution=4, log=log).draw_without_rendering()


def test_table_is_the_loss_at_center_plus_directions() -> None:
    model = linear().eval()
    batch = tg.rand(5, 3)
    plane = make_plane(model, "random", None, 0)
    x, y = np.array([-1.0, 0.0, 0.5]), np.array([0.0, 2.0])
    table = losses_on(plane, model, lambda m: (m(batch) ** 2).mean(), x, y)
    own = weights_of(model).copy()
    for i, j in np.ndindex(2, 3):
        moved = own + x[j] * plane.directions[0] + y[i] * plane.directions[1]
        nn.utils.vector_to_parameters(tg.tensor(moved, dtype=np.float32), model.parameters())
        np.testing.assert_allclose(table[i, j], (model(batch) ** 2).mean().item(), rtol=1e-5)


@pytest.mark.parametrize("fails_at", [None, 1, 4])
def test_weights_come_back_exactly_also_after_an_error(fails_at: int | None, traces: Any) -> None:
    model, calls = nn.Sequential(linear(), nn.BatchNorm1d(2)), []
    recorded = model(tg.rand(4, 3)).sum()  # a graph that still needs the weights
    before = traces(model)

    def loss(m: nn.Module) -> Any:
        assert not m.training
        calls.append(1)
        m.train()
        m(tg.rand(4, 3))  # moves the running statistics, and draws
        if len(calls) == fails_at:
            raise ZeroDivisionError
        return m(tg.ones(2, 3)).sum()

    if fails_at is None:
        plots.loss_surface(loss, model=model, resolution=3)
    else:
        with pytest.raises(ZeroDivisionError):
            plots.loss_surface(loss, model=model, resolution=3)
    after = traces(model)
    ours = [name for name in before if not name.startswith("1.")]  # the statistics were written to by the loss itself
    assert {name: after[name] for name in ours} == {name: before[name] for name in ours}
    for name, buffer in model.named_buffers():
        assert buffer.array.tobytes() == before[name][2]
    recorded.backward()


def test_random_directions_have_the_lengths_of_the_filters() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4))
    plane = make_plane(model, "random", None, 7)
    start = 0
    for parameter in model.parameters():
        part = plane.directions[:, start : start + parameter.array.size]
        start += parameter.array.size
        if parameter.ndim == 1:
            assert not part.any()
            continue
        rows = parameter.detach().array.reshape(len(parameter), -1)
        lengths = np.linalg.norm(part.reshape(2, len(parameter), -1), axis=2)
        np.testing.assert_allclose(lengths, np.linalg.norm(rows, axis=1)[np.newaxis].repeat(2, 0), rtol=1e-5)
    np.testing.assert_array_equal(plane.directions, make_plane(model, "random", None, 7).directions)
    assert (plane.directions != make_plane(model, "random", None, 8).directions).any()


def test_principal_directions_are_those_of_the_covariance() -> None:
    model = linear()
    path = read_path(model, walk(model, 12))
    plane = make_plane(model, "pca", path, 0)
    values, vectors = np.linalg.eigh(np.cov(path.T.astype(float)))
    for i in (0, 1):
        assert abs(plane.directions[i] @ vectors[:, -1 - i]) == pytest.approx(1, abs=1e-4)
    assert plane.shares == pytest.approx(values[:-3:-1] / values.sum(), rel=1e-4)
    assert plane.path is not None
    np.testing.assert_allclose(plane.path, (path - path[-1]) @ plane.directions.T, atol=1e-4)
    np.testing.assert_allclose(plane.path[-1], 0, atol=1e-5)


def test_path_on_skew_directions_is_the_nearest_point() -> None:
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = tg.tensor([[0.0, 0.0]])
    directions = [[1.0, 0.0], [1.0, 1.0]]
    plane = make_plane(model, directions, np.array([[3.0, 2.0]], np.float32), 0)
    np.testing.assert_allclose(plane.path, [[1.0, 2.0]])


def test_entries_of_a_path_may_be_state_dicts_vectors_or_lists() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    vector = weights_of(model)
    forms = read_path(model, [state, vector + 1, tg.tensor(vector), list(model.parameters())])
    for i, shift in enumerate((0, 1, 0, 0)):
        np.testing.assert_array_equal(forms[i], vector + shift)


@pytest.mark.parametrize("directions", ["random", "pca"])
def test_surface_of_a_model_with_its_path(directions: str) -> None:
    model = linear()
    path = walk(model)
    figure = plots.loss_surface(
        lambda m: m(tg.ones(1, 3)).sum(), model=model, path=path, directions=directions, resolution=4, title="A loss"
    )
    ax = figure.axes[0]
    assert ("variance" in ax.get_xlabel()) == (directions == "pca")
    assert ax.get_title() == "A loss"
    np.testing.assert_allclose(ax.lines[0].get_xydata()[-1], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": len}, TypeError, r"the model must be a Module, got builtin_function_or_method"),
        ({"model": nn.ReLU()}, ValueError, r"the model has no parameters, so its loss is one number"),
        ({"path": [[1.0]]}, ValueError, r"path has shape \(1, 1\); it must be \(T, 2\), one point for each step"),
        ({"resolution": 1}, ValueError, r"resolution=1 must be at least 2"),
        ({"x_range": (1, 1)}, ValueError, r"the range \(1, 1\) is empty; give \(low, high\) with low < high"),
        ({"model": nn.Linear(2, 2), "directions": "pc"}, ValueError, r'directions=\'pc\' must be "random", "pca" or'),
        ({"model": nn.Linear(2, 2), "directions": "pca"}, ValueError, r'directions="pca" needs a path of at least'),
        ({"model": nn.Linear(2, 2), "path": []}, ValueError, r"each entry of path must hold the model's 6 weights"),
        ({"model": nn.Linear(2, 2), "path": [[1.0]]}, ValueError, r"each entry of path must hold the model's 6"),
        ({"model": nn.Linear(2, 2), "path": [{"bias": 1}]}, ValueError, r"an entry of path lacks the parameters \['w"),
        ({"model": nn.Linear(2, 1), "directions": np.ones((2, 3))}, ValueError, r"the directions \(2, 3\) must be two"),
        ({"model": nn.Linear(2, 1), "directions": np.eye(2)}, ValueError, r"the directions \(2, 2\) must be two of 3"),
    ],
)
def test_mistakes_with_loss_surface(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=r"^loss_surface: " + message):
        plots.loss_surface(lambda *_: 1.0, **options)


@pytest.mark.parametrize(("value", "log", "words"), [(NAN, False, "finite"), (-1.0, True, "positive and finite")])
def test_surface_without_any_value(value: float, log: bool, words: str) -> None:
    with pytest.raises(ValueError, match=f"^loss_surface: no {words} value between the ranges; choose others"):
        plots.loss_surface(lambda x, y: value, log=log, resolution=3)


def test_path_of_state_dicts_that_were_not_copied() -> None:
    model = linear()
    path = []
    for _ in range(3):
        path.append(model.state_dict())
        model[0].weight.array += 1
    with pytest.raises(ValueError, match=r"all entries of path are equal\. state_dict\(\) shares .*value\.clone\(\)"):
        plots.loss_surface(lambda m: 1.0, model=model, path=path)


def test_principal_directions_of_a_straight_path() -> None:
    model = nn.Linear(2, 1)
    line = [weights_of(model) * s for s in (1.0, 2.0, 3.0)]
    with pytest.raises(ValueError, match="the path is a straight line, so it spans no plane; use"):
        plots.loss_surface(lambda m: 1.0, model=model, path=line, directions="pca")
