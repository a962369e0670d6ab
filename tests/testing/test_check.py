"""``check_gradients``: what is right passes, what is wrong is found, named and placed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, op
from tinygrad_edu.autograd import Function
from tinygrad_edu.testing import GradcheckError, GradientReport, check_gradients

RNG = np.random.default_rng(0)


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape) + len(shape)).uniform(0.5, 2, shape)


def mistaken(change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Make a sine whose derivative is changed."""

    @op(vjps=(lambda g, _out, x: change(np.asarray(g * np.cos(x))),))
    def sine(x: Any) -> Any:
        return np.sin(x)

    return sine


def at(index: Any, factor: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(g: np.ndarray) -> np.ndarray:
        g = g.copy()
        g[index] *= factor
        return g

    return change


# ---- right derivatives


def softplus_of_product(x: Any, y: Any) -> tuple[Any, Any]:
    return (x * y).exp().log1p(), x.sum()


RIGHT: dict[str, tuple[Callable[..., Any], Any]] = {
    "op": (tg.exp, values(3)),
    "0-d": (tg.exp, values()),
    "empty": (tg.exp, values(0, 2)),
    "empty sum": (tg.sum, values(0)),
    "empty mean": (tg.mean, values(0)),
    "two outputs": (softplus_of_product, (values(2, 3), values(3))),
    "a list of outputs": (lambda x: [x * 2, [x * x]], values(2)),
    "a dictionary of outputs": (lambda x: {"a": x * 2, "b": x * x}, values(2)),
    "several tensors as one argument": (lambda parts: tg.cat(parts), [[values(2), values(3)]]),
    "the input itself": (lambda x: x, values(2)),
    "a view": (lambda x: x.reshape(-1)[1:], values(2, 2)),
    "an expanded view": (lambda x: x.expand(3, 2), values(2)),
    "module": (nn.Linear(3, 2), tg.randn(4, 3)),
    "batch norm in train mode": (nn.BatchNorm1d(3), tg.randn(4, 3)),
    "module with a parameter in two places": ((lambda m: nn.Sequential(m, nn.Tanh(), m))(nn.Linear(2, 2)), tg.randn(2)),
    "float32": (lambda x: (x * x).sum(), tg.randn(5)),
    "float16": (lambda x: x * x, tg.randn(5).half()),
    "mixed dtypes": (lambda x, y: x * y, (tg.randn(2), tg.randn(2, dtype=tg.float64))),
    "an integer beside": (lambda x, i: x[i], (values(3), np.array([0, 0, 2]))),
    "a bool beside": (lambda x, m: tg.where(m, x, x * x), (values(2), np.array([True, False]))),
    "large numbers": (lambda x: x * x, np.array([1e10, -3e10])),
    "small numbers": (tg.log, np.array([1e-8, 1e-300])),
    "far away": (lambda x: (x * 1e3).sin(), values(4)),
    "in memory with gaps": (tg.exp, np.arange(12.0).reshape(3, 4)[::-2, ::2]),
    "inf beside": (lambda x: x * 2, np.array([1.0, np.inf, np.nan])),
    "in place": (lambda x: x.mul_(2), values(3)),
    "in place on a clone": (lambda x: x.clone().mul_(x), values(3)),
    "cancellation": (lambda x: (x + 1e6) - 1e6, values(3)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivative_passes(name: str) -> None:
    fn, inputs = RIGHT[name]
    order = 1 if name in ("float16", "in place") else 2
    report = check_gradients(fn, inputs, order=order)
    assert report.ok, report
    assert report.order == order
    assert not any("could not be judged" in note for note in report.notes), report


@pytest.mark.parametrize(
    ("fn", "x", "low", "high"),
    [
        (tg.relu, [-1.0, 0.0], 0, 1),
        (tg.abs, [2.0, 0.0], -1, 1),
        (tg.amax, [1.0, 1.0], 0, 1),
        (tg.sqrt, [2.0, 0.0], np.inf, np.inf),
        (lambda x: tg.max(x, 0).values, [3.0, 3.0], 0, 1),
        (lambda x: x.clamp(max=1), [3.0, 1.0], 0, 1),
    ],
)
def test_a_subgradient_at_a_kink_is_accepted_and_told(fn: Any, x: list[float], low: float, high: float) -> None:
    report = check_gradients(fn, np.array(x))
    assert report.ok, report
    kink = report.kinks[-1]
    assert (kink.index, kink.accepted, round(kink.low, 6), round(kink.high, 6)) == ((1,), True, low, high)
    assert "accepted" in str(report)


@pytest.mark.parametrize(("slope", "ok"), [(-0.01, False), (0.0, True), (0.5, True), (1.0, True), (1.01, False)])
def test_a_number_outside_of_the_one_sided_derivatives_is_wrong(slope: float, ok: bool) -> None:
    @op(vjps=(lambda g, _out, x: g * np.where(x == 0, slope, (x > 0) * 1.0),))
    def ramp(x: Any) -> Any:
        return np.maximum(x, 0)

    report = check_gradients(ramp, np.array([1.0, 0.0, -1.0]))
    assert report.ok == ok, report
    assert report.kinks[0].accepted == ok
    assert ("accepted" if ok else "outside [0, 1]: wrong") in str(report)


def test_a_tie_that_no_single_entry_breaks_is_a_kink() -> None:
    assert check_gradients(tg.median, np.array([1.0, 1.0, 1.0]))


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8, 1e-12])
def test_points_beside_a_kink_are_no_failures(distance: float) -> None:
    assert check_gradients(tg.relu, np.array([1.0, distance, -distance]))
    assert not check_gradients(mistaken_relu, np.array([1.0, distance, -distance]))


@op(vjps=(lambda g, _out, x: g * ((x > 0) + 0.02 * (x > 0.5)),))
def mistaken_relu(x: Any) -> Any:
    return np.maximum(x, 0)


# ---- wrong derivatives


@pytest.mark.parametrize("factor", [-1, 0, 0.5, 0.98, 1 + 1e-5, 1.01, 2, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (100,), (3000,)])
def test_one_wrong_entry_is_found_wherever_it_is(factor: float, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, shape)
    index = tuple(n // 2 for n in shape)
    report = check_gradients(mistaken(at(index, factor)), x)
    assert not report.ok
    assert [e.index for e in report.entries] == [index]
    entry = report.entries[0]
    assert entry.output_index == index
    assert entry.numeric == pytest.approx(np.cos(x[index]), rel=1e-6)
    np.testing.assert_allclose(entry.analytic, factor * np.cos(x[index]))
    assert report.inputs[0].wrong == 1
    if not np.isfinite(factor):
        assert "nan" in [f.kind for f in report.findings]


def test_three_wrong_entries_of_a_hundred_thousand_are_found() -> None:
    places = [3, 5000, 77_777]
    report = check_gradients(mistaken(at(places, 1.02)), np.random.default_rng(0).normal(size=100_000))
    assert sorted(e.index[0] for e in report.entries) == places
    assert report.evaluations < 1000


def test_the_report_says_where_and_how_much() -> None:
    @op(vjps=(lambda g, _out, x, y: g * y, lambda g, _out, x, y: g * x * 1.01))
    def product(x: Any, y: Any) -> Any:
        return x * y

    report = check_gradients(product, (np.array([1.0, 2.0]), np.array([4.0, 8.0])))
    text = str(report)
    assert text == repr(report)
    assert "gradient check of product, order 1: WRONG" in text
    assert "input 1 [1] -> output 0 [1]: analytic 2.020, numeric 2.000, error 0.020" in text
    assert "wrong entries of the Jacobian: 2 of 8" in text
    assert "1.01" in next(str(d) for d in report.diagnoses)
    assert (report.inputs[0].wrong, report.inputs[1].wrong) == (0, 2)
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["entries"][0]["input"] == "input 1"
    assert plain["ok"] is False
    with pytest.raises(GradcheckError, match=r"1\.01") as caught:
        report.raise_if_wrong()
    assert caught.value.report is report


def test_at_most_so_many_entries_are_listed_worst_first() -> None:
    report = check_gradients(mistaken(lambda g: g * 1.1), np.linspace(0, 1, 30), max_entries=4)
    errors = [e.error for e in report.entries]
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)
    assert report.wrong == 30
    assert "30 of 900; the 4 worst" in str(report)


def test_the_taylor_remainder_tells_right_from_wrong_without_a_tolerance() -> None:
    right = check_gradients(tg.exp, values(4)).inputs[0]
    wrong = check_gradients(mistaken(lambda g: g * 1.01), values(4)).inputs[0]
    linear = check_gradients(lambda x: 3 * x, values(4)).inputs[0]
    assert right.remainder_order == pytest.approx(2, abs=0.05)
    assert wrong.remainder_order == pytest.approx(1, abs=0.1)
    assert linear.remainder_order is None


def test_the_complex_step_is_exact_for_analytic_functions_and_left_out_for_others() -> None:
    exact = check_gradients(tg.exp, values(4)).inputs[0].complex_step
    assert exact is not None
    assert exact < 1e-14
    off = check_gradients(mistaken(lambda g: g * (1 + 1e-12)), values(4)).inputs[0].complex_step
    assert off == pytest.approx(1e-12, rel=0.1)
    assert check_gradients(tg.abs, np.array([1.0, -2.0])).inputs[0].complex_step is None


def test_entries_of_several_outputs_are_told_apart() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x.reshape(2, 2) * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            return a * 2 + b.reshape(4)

    report = check_gradients(Two.apply, values(4))
    assert report.function == "Two"
    assert {e.output for e in report.entries} == {1}
    assert {e.output_index for e in report.entries} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_parameters_of_a_module_are_checked_by_name_and_the_module_stays_as_it_is() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(tg.tensor([2.0, 3.0]))

        def forward(self, x: Any) -> Any:
            return x * self.scale.detach() + self.scale

    module = Scaled()
    before = module.scale.array.copy()
    report = check_gradients(module, tg.randn(3, 2))
    assert [i.name for i in report.inputs] == ["input 0", "scale"]
    assert {e.input for e in report.entries} == {"scale"}
    np.testing.assert_array_equal(module.scale.array, before)
    assert module.scale.dtype == tg.float32
    assert module.scale.grad is None
    assert check_gradients(module, tg.randn(3, 2), check_parameters=False)


# ---- the second order


def test_a_wrong_second_derivative_is_told_from_a_wrong_first_one() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.x = x.detach()
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * ctx.x

    assert check_gradients(Square.apply, values(3))
    report = check_gradients(Square.apply, values(3), order=2)
    assert (report.ok, report.order) == (False, 2)
    assert report.diagnoses[0].kind == "second-order"
    assert {e.input for e in report.entries} == {"input 0"}
    assert "input 0 [0] -> gradient 0 [0]" in str(report)


def test_a_recorded_gradient_that_differs_from_the_ordinary_one_is_found() -> None:
    @op(vjps=(lambda g, _out, x: g * 2 * x * (1.5 if isinstance(g, tg.Tensor) else 1),))
    def square(x: Any) -> Any:
        return x * x

    report = check_gradients(square, values(3), order=2)
    assert [f.kind for f in report.findings] == ["second-order"]


def test_what_arrives_at_the_outputs_may_be_given() -> None:
    assert check_gradients(tg.exp, values(2), order=2, grad_outputs=tg.tensor([1.0, -1.0], dtype=tg.float64))
    with pytest.raises(ValueError, match=r"grad_outputs have shapes \[\[3\]\], but the outputs have \[\[2\]\]"):
        check_gradients(tg.exp, values(2), order=2, grad_outputs=tg.ones(3))


def test_third_order() -> None:
    report = check_gradients(lambda x: x**3 * x.exp(), values(2), order=3)
    assert report.ok, report
    assert {i.order for i in report.inputs} == {1, 2, 3}


# ---- the cheap facts


def kinds(report: GradientReport) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_a_random_function_is_told() -> None:
    report = check_gradients(lambda x: nn.functional.dropout(x, 0.5), values(30))
    assert kinds(report) == ["random"]
    assert "Seed it" in str(report)


def test_a_random_backward_is_told() -> None:
    rng = np.random.default_rng(0)
    report = check_gradients(mistaken(lambda g: g * rng.uniform(0.9, 1.1)), values(3))
    assert kinds(report) == ["backward-random"]
    assert check_gradients(mistaken(lambda g: g + rng.uniform(0, 1e-9)), values(3), nondet_tol=1e-6, atol=1e-6, rtol=0)


def test_a_function_that_changes_its_input_is_told() -> None:
    def careless(x: Any) -> Any:
        y = x * 2
        x.array *= 0.5
        return y

    x = values(3)
    report = check_gradients(careless, x)
    assert kinds(report)[0] == "mutated"
    np.testing.assert_array_equal(x, values(3))


def test_a_value_of_another_call_is_told() -> None:
    class Last(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            Last.x = x.detach()
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * Last.x

    assert kinds(check_gradients(Last.apply, values(3)))[0] == "stale"


def test_a_value_of_the_first_call_is_told() -> None:
    class First(Function):
        x: Any = None

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            First.x = x.detach().clone() if First.x is None else First.x
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * First.x

    report = check_gradients(First.apply, values(3))
    assert not report.ok
    assert report.diagnoses[0].kind == "stale"


def test_a_missing_gradient_is_told_from_an_unused_input() -> None:
    class Half(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    report = check_gradients(Half.apply, (values(2), values(2)))
    assert kinds(report) == ["none"]
    assert "no gradient arrives at input 1" in str(report)
    unused = check_gradients(lambda x, y: x * 2, (values(2), values(2)))
    assert unused.ok
    assert "input 1 is not used" in str(unused)


def test_a_detached_result_is_told() -> None:
    assert kinds(check_gradients(lambda x: x.detach() * 2, values(2))) == ["no-grad"]
    assert check_gradients(lambda x: (x > 0).float(), values(2))


def test_backward_that_is_not_linear_in_what_arrives_is_told() -> None:
    report = check_gradients(mistaken(np.abs), np.array([0.1, 0.2, 0.3, 0.4]))
    assert "nonlinear" in kinds(report)


def test_a_gradient_of_another_shape_is_told() -> None:
    class Flat(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return tg.cat([g, g]) * 2

    report = check_gradients(Flat.apply, values(3))
    assert kinds(report) == ["shape"]
    assert "expected shape compatible with [3]" in str(report)


def test_a_gradient_that_does_not_arrive_counts_as_zeros() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            return a * 2 + b * 3

    report = check_gradients(Two.apply, values(3))
    assert set(kinds(report)) == {"undefined-grad"}
    assert "TypeError" in str(report)
    assert check_gradients(Two.apply, values(3), check_undefined_grad=False)


def test_a_narrow_dtype_that_is_treated_differently_is_told() -> None:
    @op(vjps=(lambda g, _out, x: g * 2 * x * (1.1 if g.dtype == np.float32 else 1),))
    def square(x: Any) -> Any:
        return x * x

    assert check_gradients(square, values(3))
    assert kinds(check_gradients(square, values(3).astype(np.float32))) == ["dtype"]


def test_a_function_of_float32_only_is_judged_coarsely() -> None:
    weight = tg.tensor([[1.0, 2.0]])

    def only(factor: float) -> Callable[[Any], Any]:
        @op(vjps=(lambda g, _out, x: factor * g * np.cos(x),))
        def sine(x: Any) -> Any:
            if x.dtype != np.float32:
                raise TypeError("float32 only")
            return np.sin(x)

        return sine

    x = values(2, 2).astype(np.float32) * weight.array
    right, wrong = (check_gradients(only(factor), x) for factor in (1, 1.01))
    assert right.ok, right
    assert "cannot be called with float64" in str(right)
    assert not wrong.ok


def test_outputs_without_a_derivative_are_left_out() -> None:
    report = check_gradients(lambda x: (x * 2, x > 0, (x * 3).detach()), values(2))
    assert report.ok
    assert "output 1 is bool" in str(report)
    assert "output 2 requires no grad" in str(report)


def test_a_gradient_rounded_to_float32_is_told() -> None:
    report = check_gradients(mistaken(lambda g: g.astype(np.float32).astype(np.float64)), values(3))
    assert kinds(report) == ["dtype"]
    assert "digits of a float32" in str(report)


def test_backward_that_writes_to_what_it_is_given_is_told() -> None:
    class Writes(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.mul_(2)

    assert kinds(check_gradients(Writes.apply, values(3))) == ["mutated"]


def test_a_function_that_goes_backward_itself_is_checked() -> None:
    def slope_of_cube(x: Any) -> Any:
        return tg.autograd.grad((x**3).sum(), x, create_graph=True)[0]

    assert check_gradients(slope_of_cube, values(3))


def test_a_gradient_that_is_not_recorded_must_be_constant() -> None:
    class Product(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, (g * x).detach()

    report = check_gradients(Product.apply, (values(2), values(2)), order=2)
    assert report.diagnoses[0].kind == "second-order"


def test_the_number_of_an_output_counts_those_that_are_not_checked() -> None:
    report = check_gradients(lambda x: (x.detach() * 3, x * x.detach()), values(2))
    assert {e.output for e in report.entries} == {1}


def test_a_small_output_is_seen_beside_a_large_one() -> None:
    sine = mistaken(lambda g: g * 1.1)
    assert not check_gradients(lambda x: (x * 1e12, sine(x) * 1e-12), values(3))


# ---- options and their mistakes


def test_inputs_have_the_names_that_they_are_given() -> None:
    report = check_gradients(lambda x, y: x * y, (values(2), values(2)), names=["left"])
    assert [i.name for i in report.inputs] == ["left", "input 1"]


def test_it_works_in_inference_mode() -> None:
    with tg.inference_mode():
        assert check_gradients(tg.sin, values(2))


def test_tolerances_accept_what_is_within_them() -> None:
    slightly = mistaken(lambda g: g * (1 + 1e-4))
    assert not check_gradients(slightly, values(4))
    accepted = check_gradients(slightly, values(4), atol=0, rtol=1e-3)
    assert accepted.ok
    assert "within atol and rtol" in str(accepted)
    assert not check_gradients(slightly, values(4), atol=0, rtol=1e-5)


def test_tensors_that_require_grad_are_checked_and_arrays_always() -> None:
    def names(*inputs: Any) -> list[str]:
        return [i.name for i in check_gradients(lambda x, y: x * y, inputs).inputs]

    x, y = tg.randn(2), tg.randn(2)
    assert names(x, y) == ["input 0", "input 1"]
    assert names(x.requires_grad_(), y) == ["input 0"]
    assert names(values(2), y) == ["input 0"]


def test_the_same_seed_gives_the_same_report() -> None:
    reports = [str(check_gradients(mistaken(lambda g: g * 1.1), values(70), seed=s)) for s in (0, 0, 1)]
    assert reports[0] == reports[1]


def test_the_callers_tensors_stay_as_they_are() -> None:
    x = tg.randn(3, requires_grad=True)
    before = x.array.copy()
    check_gradients(lambda t: t.mul_(2), x)
    np.testing.assert_array_equal(x.array, before)
    assert x.grad is None


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: check_gradients(tg.exp, tg.tensor([1, 2])), "is a floating Tensor or array"),
        (lambda: check_gradients(tg.exp, ()), "none of the 0 inputs"),
        (lambda: check_gradients(tg.exp, values(2), order=0), "order is 0; it must be 1 or more"),
        (lambda: check_gradients(tg.exp, values(2), atol=1e-3), "give both, or neither"),
        (lambda: check_gradients(lambda x: x.detach().numpy(), tg.randn(2)), "returned no Tensor"),
    ],
)
def test_mistakes_get_a_sentence(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_exceptions_of_the_function_come_through() -> None:
    with pytest.raises(RuntimeError, match="must match"):
        check_gradients(lambda x: x + tg.ones(4), values(3))
