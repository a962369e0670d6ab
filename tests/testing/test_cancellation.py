"""Values and gradients that are 0 but for round-off: nothing is wrong with them, and what is wrong is still seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import op
from tinygrad_edu.autograd import Function
from tinygrad_edu.ops.loss import cosine_similarity
from tinygrad_edu.ops.native_norms import native_batch_norm, native_layer_norm
from tinygrad_edu.testing import check_gradients
from tinygrad_edu.testing.noise import arriving_terms
from tinygrad_edu.testing.preparation import prepare
from tinygrad_edu.testing.primal import Primal
from tinygrad_edu.testing.report import GradientReport

F = tg.nn.functional
ROW = np.array([[2.0, 1.0, 4.0]])
ONE = np.ones((1, 1))


def circle(x: Any) -> Any:
    return x.sin() ** 2 + x.cos() ** 2 - 1


CONSTANT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "probabilities add up to 1": (lambda x: x.softmax(1).sum(1), (ROW,)),
    "so do exponentials of their logarithms": (lambda x: x.log_softmax(1).exp().sum(), (ROW,)),
    "what is centred adds up to 0": (lambda x: F.layer_norm(x, (3,)).sum(1), (ROW / 2,)),
    "a small gradient of few digits": (lambda x: F.layer_norm(x, (3,)).sum(1), (np.array([[1.7, 1.0, 3.4]]),)),
    "a number divided by its size": (lambda x: F.rms_norm(x, (1,)), (ONE,)),
    "sine and cosine": (circle, (np.array([[0.1, 0.1]]),)),
    "the direction of one number": (lambda x, y: cosine_similarity(x, y, -1), (ONE.repeat(4, 0) / 10, np.ones(1))),
    "and beside zero": (cosine_similarity, (ONE, 0 * ONE)),
    "layer_norm of single numbers": (lambda x, b: native_layer_norm(x, None, b), (ONE.repeat(3, 0), np.ones(1))),
    "layer_norm with a large factor": (
        lambda x, w: native_layer_norm(x, w, None, 1, 1e-14),
        (ONE.repeat(3, 0), np.ones(1)),
    ),
    "batch_norm of equal numbers": (lambda x, w: native_batch_norm(x, w, None), (ONE.repeat(3, 0), np.ones(1))),
    "in float32": (circle, (np.array([[1.0, 0.5]], np.float32),)),
    "in float32, centred": (lambda x: F.layer_norm(x, (3,)).sum(1), (np.array([[0.5, 1, 1]], np.float32),)),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_round_off_is_no_wrong_derivative(name: str) -> None:
    fn, inputs = CONSTANT[name]
    report = check_gradients(fn, inputs, order=2)
    assert report.ok, report
    assert not any("could not be judged" in note for note in report.notes), report


def test_third_derivatives_of_a_constant() -> None:
    assert check_gradients(lambda x: x.softmax(1).sum(1), ROW, order=3)


# ---- what is wrong there is seen


@pytest.mark.parametrize("slope", [1.0, 1e-3, 1e-6])
def test_slope_of_a_constant_is_refused(slope: float) -> None:
    @op(vjps=(lambda g, _out, x: g * slope * x,))
    def nothing(x: Any) -> Any:
        return np.sin(x) ** 2 + np.cos(x) ** 2 - 1

    assert not check_gradients(nothing, np.array([0.3, 1.7]))
    assert not check_gradients(lambda x: (nothing(x), x.exp()), np.array([0.3, 1.7]))


class Square(Function):
    """A square whose derivative is no longer a function of x."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * g * ctx.saved_tensors[0].detach()


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_wrong_second_derivative_is_seen_where_all_else_cancels(size: float) -> None:
    def wrong(x: Any) -> Any:
        return circle(x) + size * (Square.apply(x) - x * x)

    report = check_gradients(wrong, np.array([[0.1, 1.7]]), order=2)
    assert not report
    assert report.diagnoses[0].kind == "second-order"


# ---- how large what cancels is


def terms_of(fn: Callable[..., Any], x: Any) -> np.ndarray:
    subject = Primal(fn, x, {}, True)
    prepare(subject, GradientReport("fn", 1), 0)
    return arriving_terms(subject, subject.points, [np.ones(shape) for shape in subject.sizes])


@pytest.mark.parametrize("x", [0.1, 1.7, 2.5])
def test_terms_are_as_large_as_what_cancels(x: float) -> None:
    found = terms_of(circle, np.full(20, x) + 0.01 * np.arange(20))
    assert 0.1 < np.median(found) < 20
    assert 1e5 < np.median(terms_of(lambda x: (x + 1e6) - 1e6, np.full(20, x) + 0.01 * np.arange(20))) < 1e8
    assert (terms_of(lambda x: x * 0.0, np.array([x])) == 0).all()


def test_kink_beside_the_point_is_no_round_off() -> None:
    assert terms_of(lambda x: x.clamp(max=1.0), np.array([1.0001, 1.0005])).max() < 10 / np.finfo(float).eps * 1e-9
