"""gradcheck and gradgradcheck: options, errors and their sentences, and functions of every unusual kind."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu import nn
from tinygrad_edu.autograd import Function, gradcheck, gradgradcheck, once_differentiable
from tinygrad_edu.autograd.gradcheck import GradcheckError


def leaf(*values: float, dtype: Any = tg.float64) -> Any:
    return tg.tensor(list(values or (0.5, -1.25, 2.0)), dtype=dtype, requires_grad=True)


def grid(*shape: int) -> Any:
    """Make a leaf of distinct values without an obvious pattern."""
    return tg.from_numpy(0.3 + np.sin(np.arange(int(np.prod(shape))) * 1.7).reshape(shape)).requires_grad_()


def custom(forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Custom") -> Callable[..., Any]:
    """Make a Function of its two halves and give its ``apply``."""
    parts = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (Function,), parts).apply


def slope(factor: Any, name: str = "Double") -> Callable[..., Any]:
    """Give ``2 x`` with a derivative of one's choice."""
    return custom(lambda ctx, x: x * 2, lambda ctx, g: g * factor, name)


def failure(func: Callable[..., Any], inputs: Any, check: Callable[..., Any] = gradcheck, **options: Any) -> Any:
    """Return the exception of a check that must fail."""
    with pytest.raises(GradcheckError) as caught:
        check(func, inputs, **options)
    return caught.value


def kinds(error: Any) -> set[str]:
    return {finding.kind for finding in error.report.findings}


# ---- names, options, exceptions


def test_the_attribute_is_the_function_and_the_module_has_the_exception() -> None:
    module = importlib.import_module("tinygrad_edu.autograd.gradcheck")
    assert tg.autograd.gradcheck is module.gradcheck
    assert module.GradcheckError is GradcheckError


def test_importing_autograd_does_not_load_the_checker() -> None:
    program = "import sys, tinygrad_edu.autograd; print(any('tinygrad_edu.testing' in name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_true_is_true_itself() -> None:
    assert gradcheck(tg.sin, leaf()) is True
    assert gradgradcheck(tg.sin, leaf()) is True
    assert gradcheck(slope(3), leaf(), raise_exception=False) is False


def test_the_message_is_the_report() -> None:
    error = failure(slope(3, "Triple"), leaf())
    assert str(error) == str(error.report)
    assert "Triple" in str(error)
    assert "input 0 [0] -> output 0 [0]: analytic 3.000, numeric 2.000, error 1.000" in str(error)
    assert not error.report.ok
    assert error.report.wrong == 3


def test_the_exception_can_be_pickled_with_its_report() -> None:
    error = failure(slope(3), leaf())
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert copy.report.to_dict() == error.report.to_dict()


def test_an_exception_without_a_report_says_so() -> None:
    assert GradcheckError("text").report is None


@pytest.mark.parametrize(
    ("check", "option"),
    [
        (gradcheck, "check_forward_ad"),
        (gradcheck, "check_batched_grad"),
        (gradcheck, "masked"),
        (gradgradcheck, "check_fwd_over_rev"),
        (gradgradcheck, "check_batched_grad"),
        (gradgradcheck, "masked"),
    ],
)
def test_what_is_not_there_is_refused(check: Any, option: str) -> None:
    with pytest.raises(
        NotImplementedError, match=rf"{check.__name__}: {option}=True is not supported, as there .* leave"
    ):
        check(tg.sin, leaf(), **{option: True})


@pytest.mark.parametrize(
    ("check", "options"),
    [
        (gradcheck, {"check_backward_ad": False}),
        (gradcheck, {"check_batched_forward_grad": True}),
        (gradcheck, {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True}),
        (gradgradcheck, {"check_rev_over_rev": False}),
        (gradgradcheck, {"check_rev_over_rev": False, "check_fwd_over_rev": True}),
    ],
)
def test_options_that_contradict_each_other(check: Any, options: dict[str, bool]) -> None:
    with pytest.raises(AssertionError, match=r"Expected .*True"):
        check(tg.sin, leaf(), **options)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("inputs", [(), 2.0, (tg.ones(2), None), ([leaf()],)])
def test_no_input_requires_grad(check: Any, inputs: Any) -> None:
    with pytest.raises(ValueError, match=r"at least one input tensor.*requires_grad_\(\)") as caught:
        check(lambda *args: tg.ones(2), inputs)
    assert check.__name__ in str(caught.value)


def test_none_of_the_inputs_is_changed() -> None:
    x, w, mask = grid(2, 3), leaf(), tg.ones(3, dtype=tg.float64)
    before = [t.detach().clone() for t in (x, w, mask)]
    versions = [t._version for t in (x, w, mask)]
    assert gradcheck(lambda x, w, m: (x * w * m).exp(), (x, w, mask))
    assert not gradcheck(lambda x, w, m: x * w.detach() * m, (x, w, mask), raise_exception=False)
    for tensor, kept, version in zip((x, w, mask), before, versions):
        assert tg.equal(tensor, kept)
        assert tensor._version == version
        assert tensor.grad is None
    assert (x.is_leaf, x.requires_grad, mask.requires_grad) == (True, True, False)


def test_the_users_random_numbers_are_not_used() -> None:
    state = tg.get_rng_state()
    gradcheck(tg.sin, leaf())
    gradgradcheck(tg.sin, leaf())
    assert tg.get_rng_state() == state


def test_the_same_report_every_time() -> None:
    reports = [str(failure(slope(3), grid(9, 9))) for _ in range(2)]
    assert reports[0] == reports[1]


# ---- tolerances


@pytest.mark.parametrize(
    ("error", "options", "passes"),
    [
        (1.9e-3, {}, True),
        (2.1e-3, {}, False),
        (1e-6, {"atol": 0.0, "rtol": 0.0}, False),
        (1e-4, {"atol": 1.1e-4, "rtol": 0.0}, True),
        (1e-4, {"atol": 0.9e-4, "rtol": 0.0}, False),
        (0.02, {"atol": 0.0, "rtol": 0.011}, True),
        (0.02, {"atol": 0.0, "rtol": 0.009}, False),
    ],
)
def test_tolerances_are_honoured(error: float, options: dict[str, float], passes: bool) -> None:
    assert gradcheck(slope(2 + error), leaf(), raise_exception=False, **options) is passes


def test_one_entry_out_of_tolerance_among_many_within() -> None:
    def backward(ctx: Any, g: Any) -> Any:
        factor = np.full(400, 2.001)
        factor[123] = 2.01
        return g * tg.from_numpy(factor)

    error = failure(custom(lambda ctx, x: x * 2, backward), grid(400))
    assert [entry.index for entry in error.report.entries] == [(123,)]
    assert error.report.wrong == 1


@pytest.mark.parametrize("eps", [1e-12, 1e-3, 1.0])
def test_eps_does_not_matter(eps: float) -> None:
    assert gradcheck(tg.exp, leaf(), eps=eps)
    assert not gradcheck(slope(3), leaf(), eps=eps, raise_exception=False)


def test_no_tolerance_is_needed() -> None:
    assert gradcheck(lambda x: (x * 1e4).sin() + x.exp(), leaf(), atol=0.0, rtol=0.0)


def test_backward_that_is_random() -> None:
    noise = np.random.default_rng(0)

    def backward(ctx: Any, g: Any) -> Any:
        return g * (2 + 1e-9 * noise.random())

    func = custom(lambda ctx, x: x * 2, backward)
    error = failure(func, leaf())
    assert "backward-random" in kinds(error)
    assert gradcheck(func, leaf(), nondet_tol=1e-6)


def test_gradients_of_another_dtype_are_cast_unless_asked() -> None:
    func = custom(lambda ctx, x: x * 2, lambda ctx, g: (g * 2).float())
    assert gradcheck(func, leaf())


# ---- inputs of every kind


def test_empty_inputs_and_outputs() -> None:
    empty = tg.zeros(0, 3, dtype=tg.float64, requires_grad=True)
    assert gradcheck(tg.exp, empty)
    assert gradcheck(lambda e, x: e.sum() + x, (empty, leaf()))
    assert gradcheck(lambda x: x[3:], leaf())
    assert gradgradcheck(tg.exp, empty)


def test_a_number_in_and_out() -> None:
    x = tg.tensor(0.7, dtype=tg.float64, requires_grad=True)
    assert gradcheck(tg.tanh, x)
    error = failure(slope(3), x)
    assert "input 0 [] -> output 0 []" in str(error)


def test_integers_bools_and_what_is_no_tensor_are_handed_on() -> None:
    seen = []

    def func(x: Any, index: Any, mask: Any, array: Any, options: Any, text: str) -> Any:
        seen.append((type(index), type(mask), type(array), options["scale"], text))
        return (x[index] * mask)[::2] * options["scale"] + float(array.sum())

    others = (tg.tensor([2, 0, 1]), tg.tensor([True, False, True]), np.ones(2), {"scale": 3.0}, "text")
    assert gradcheck(func, (leaf(), *others))
    assert set(seen) == {(tg.Tensor, tg.Tensor, np.ndarray, 3.0, "text")}


def test_an_integer_input_cannot_require_grad() -> None:
    with pytest.raises(ValueError, match="at least one input tensor"):
        gradcheck(lambda i: i * 2, tg.tensor([1, 2]))


def test_lists_of_tensors_are_looked_into() -> None:
    assert gradcheck(lambda x, others: tg.cat([x, *others]), (leaf(), [leaf(1.0), leaf(2.0, 3.0)]))
    error = failure(lambda x, others: tg.cat([x, *[o * o.detach() for o in others]]), (leaf(), [leaf(1.0)]))
    assert "input 1[0]" in str(error)


def test_inputs_that_are_not_contiguous_reach_the_function_so() -> None:
    x = tg.from_numpy(np.arange(12.0).reshape(4, 3)).t()[:, ::2].requires_grad_()
    seen = set()

    def func(x: Any) -> Any:
        seen.add(x.is_contiguous())
        return x.sin()

    assert gradcheck(func, x)
    assert False in seen


def test_inputs_of_an_unsafe_place_are_computed_ones() -> None:
    x = leaf()
    assert gradcheck(tg.sin, x * 2)
    assert gradcheck(tg.sin, x[1:])
    assert x.grad is None


def test_float32_needs_no_tolerances() -> None:
    x = tg.from_numpy(np.linspace(0.1, 3.0, 9, dtype=np.float32)).requires_grad_()
    assert gradcheck(lambda x: x.exp() * 3 + x.sin(), x, atol=0.0, rtol=0.0)
    error = failure(lambda x: x.exp() * 3 + x.sin().detach(), x)
    assert "float32" in str(error)


def test_functions_that_stay_in_float32_whatever_they_get() -> None:
    assert gradcheck(lambda x: (x.float() * 2).exp(), leaf())


# ---- outputs of every kind


def test_outputs_without_gradient_are_left_out_where_one_has_it() -> None:
    assert gradcheck(lambda x: (x.detach() * 3, x * 2, x.argmax(), x > 0), leaf())
    error = failure(lambda x: (x.detach() * 3, x * x.detach()), leaf())
    assert "output 1" in str(error)


def test_outputs_that_depend_though_none_requires_grad() -> None:
    error = failure(lambda x: x.detach() * 3, leaf())
    assert "no-grad" in kinds(error)


def test_outputs_that_depend_on_nothing() -> None:
    assert gradcheck(lambda x: tg.ones(3, dtype=tg.float64), leaf())


@pytest.mark.parametrize("result", [None, 2.0, "text", (), {}])
def test_no_output_is_a_tensor(result: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"[Tt]ensor"):
        gradcheck(lambda x: result, leaf())


def test_lists_tuples_and_dicts_of_outputs() -> None:
    assert gradcheck(lambda x: [x.sin(), (x.cos(), x.exp())], leaf())
    assert gradcheck(lambda x: {"sin": x.sin(), "text": "text"}, leaf())
    assert gradcheck(lambda x: tg.max(x, 0), grid(3, 2))
    error = failure(lambda x: {"a": x.sin(), "b": x * x.detach()}, leaf())
    assert "output 1" in str(error)


def test_the_input_itself_and_views_of_it() -> None:
    assert gradcheck(lambda x: x, leaf())
    assert gradcheck(lambda x: (x.t(), x[0], x.reshape(-1), x), grid(2, 3))
    assert gradgradcheck(lambda x: x[0], grid(2, 3))


def test_an_input_that_is_not_used() -> None:
    assert gradcheck(lambda x, y: x.sin(), (leaf(), leaf()))


def test_an_input_whose_gradient_is_forgotten() -> None:
    func = custom(lambda ctx, a, b: a * 2 + b * 3, lambda ctx, g: (g * 2, None))
    error = failure(func, (leaf(), leaf()))
    assert "input 1" in str(error)
    assert "none" in kinds(error)


# ---- functions of every unusual kind


def test_in_place_on_a_leaf_is_refused_with_its_sentence() -> None:
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        gradcheck(lambda x: x.mul_(2), leaf())


def test_in_place_on_a_clone() -> None:
    assert gradcheck(lambda x: x.clone().mul_(2).exp_(), leaf())
    assert gradgradcheck(lambda x: x.clone().mul_(x), leaf())


def test_functions_that_write_to_the_array_of_their_input() -> None:
    def func(x: Any) -> Any:
        y = x * 2
        x.array[0] += 1.0
        return y

    x = leaf()
    error = failure(func, x)
    assert "mutated" in kinds(error)
    assert x.tolist() == [0.5, -1.25, 2.0]


def test_functions_that_write_to_an_input_that_is_not_checked() -> None:
    def func(x: Any, count: Any) -> Any:
        count.array[...] += 1
        return x * count.double()

    count = tg.tensor([0, 0, 0])
    assert gradcheck(func, (leaf(), count))
    mean, var = tg.zeros(3, dtype=tg.float64), tg.ones(3, dtype=tg.float64)
    assert gradcheck(nn.functional.batch_norm, (grid(4, 3), mean, var, leaf(), leaf(), True))
    assert (mean.tolist(), var.tolist(), count.tolist()) == ([0.0] * 3, [1.0] * 3, [0] * 3)


def test_backward_that_writes_to_the_gradient_it_is_given() -> None:
    error = failure(custom(lambda ctx, x: x * 2, lambda ctx, g: g.mul_(2)), leaf())
    assert "mutated" in kinds(error)


def test_functions_that_differentiate_or_set_hooks_themselves() -> None:
    def penalty(x: Any) -> Any:
        (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g * g).sum()

    assert gradcheck(penalty, leaf())
    assert gradgradcheck(penalty, leaf())

    def hooked(x: Any) -> Any:
        y = x * 2
        y.register_hook(lambda g: g * 2)
        return y

    error = failure(hooked, leaf())
    assert "analytic 4.000, numeric 2.000" in str(error)


def test_an_error_in_a_small_output_beside_a_large_one() -> None:
    small = custom(lambda ctx, x: x * 1e-12, lambda ctx, g: g * 1.1e-12)
    error = failure(lambda x: (x * 1e12, small(x)), leaf(), atol=0.0)
    assert {entry.output for entry in error.report.entries} == {1}


def test_random_functions_are_told_from_wrong_ones() -> None:
    error = failure(lambda x: x * tg.rand(3, dtype=tg.float64), leaf())
    assert "random" in kinds(error)
    assert "manual_seed" in str(error) or "seed" in str(error)


def test_functions_that_remember_their_last_call() -> None:
    calls = []

    def func(x: Any) -> Any:
        calls.append(1)
        return x * len(calls)

    assert "random" in kinds(failure(func, leaf()))


def test_undefined_gradients() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    careless = custom(forward, lambda ctx, g, h: g * 2 + h * 3)
    error = failure(careless, leaf())
    assert "undefined-grad" in kinds(error)
    assert "None" in str(error)

    def careful(ctx: Any, g: Any, h: Any) -> Any:
        if g is None or h is None:
            return h * 3 if g is None else g * 2
        return g * 2 + h * 3

    assert gradcheck(custom(forward, careful), leaf())


def test_undefined_gradients_that_are_not_zero() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        return (tg.ones(3) if g is None else g) * 2 + (tg.zeros(3) if h is None else h) * 3

    assert "undefined-grad" in kinds(failure(custom(forward, backward), leaf()))
    assert gradcheck(custom(forward, backward), leaf(), check_undefined_grad=False)


def test_gradients_that_are_not_linear_in_what_arrives() -> None:
    assert failure(custom(lambda ctx, x: x * 2, lambda ctx, g: g * g * 2), leaf())
    assert failure(custom(lambda ctx, x: x * 2, lambda ctx, g: g.abs() * 2), leaf())
    assert failure(custom(lambda ctx, x: x * 2, lambda ctx, g: g * 2 + 1e-3), leaf())


def test_nan_and_infinite_gradients() -> None:
    for value in (float("nan"), float("inf"), float("-inf")):
        for x in (leaf(), leaf(1.5), grid(3, 30)):
            error = failure(slope(value), x)
            assert "nan" in kinds(error)
            assert str(value) in str(error)


def test_functions_that_are_nan_at_the_point_are_not_called_right() -> None:
    error = failure(tg.log, leaf(1.0, -1.0))
    assert "output 0 is nan at [1], where no derivative can be told" in str(error)
    assert "output 0 is inf at []" in str(failure(tg.exp, tg.tensor(1e3, dtype=tg.float64, requires_grad=True)))
    assert gradcheck(tg.sqrt, leaf(1.0, 0.0))
    assert "inf at [1]" in str(failure(tg.sqrt, leaf(1.0, 0.0), gradgradcheck))


def test_gradients_of_the_wrong_shape() -> None:
    error = failure(custom(lambda ctx, x: x.sum(), lambda ctx, g: tg.ones(2, dtype=tg.float64)), leaf())
    assert kinds(error) == {"shape"}
    assert "got [2] but expected shape compatible with [3]" in str(error)


def test_too_few_gradients() -> None:
    error = failure(custom(lambda ctx, a, b: a * b, lambda ctx, g: g), (leaf(), leaf()))
    assert kinds(error) == {"shape"}
    assert "incorrect number of gradients (expected 2, got 1)" in str(error)


def test_errors_of_the_function_come_through() -> None:
    with pytest.raises(KeyError, match="missing"):
        gradcheck(lambda x: {}["missing"], leaf(), raise_exception=False)


def test_called_under_no_grad_and_inference_mode() -> None:
    x = leaf()
    for mode in (tg.no_grad(), tg.inference_mode()):
        with mode:
            assert gradcheck(tg.sin, x)
            assert gradgradcheck(tg.sin, x)
            assert not gradcheck(slope(3), x, raise_exception=False)
            assert not tg.is_grad_enabled()


# ---- modules


def test_modules_are_functions_of_their_inputs() -> None:
    assert gradcheck(nn.Sequential(nn.Linear(3, 4), nn.Tanh()).double(), grid(2, 3))
    assert gradgradcheck(nn.Sequential(nn.Linear(3, 4), nn.Tanh()).double(), grid(2, 3))


def test_modules_in_float32() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.LayerNorm(4))
    x = tg.from_numpy(np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)).requires_grad_()
    assert gradcheck(model, x)
    assert gradgradcheck(model, x)
    assert all(p.dtype == tg.float32 and p.grad is None for p in model.parameters())


class Scale(nn.Module):
    """Multiplies by the square of a weight; ``wrong``: with the weight's own gradient cut off in part."""

    def __init__(self, wrong: bool = False) -> None:
        super().__init__()
        self.weight, self.wrong = nn.Parameter(tg.tensor([0.5, 2.0, -1.5], dtype=tg.float64)), wrong

    def forward(self, x: Any) -> Any:
        return x * self.weight * (self.weight.detach() if self.wrong else self.weight)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_parameters_are_checked_when_they_are_among_the_inputs(check: Any) -> None:
    right, wrong = Scale(), Scale(wrong=True)
    assert check(lambda x, *_: right(x), (leaf(), *right.parameters()))
    if check is gradcheck:
        error = failure(lambda x, *_: wrong(x), (leaf(), *wrong.parameters()))
        assert "input 1 [1] -> output 0 [1]: analytic -2.500, numeric -5.000" in str(error)
    for model in (right, wrong):
        assert model.weight.tolist() == [0.5, 2.0, -1.5]
        assert model.weight.is_leaf
        assert model.weight.grad is None


def test_a_function_that_closes_over_its_input() -> None:
    x = leaf()
    assert gradcheck(lambda _: x.sin(), x)
    error = failure(lambda _: x * x.detach(), x)
    assert "analytic 2.000, numeric 4.000" in str(error)
    assert x.tolist() == [0.5, -1.25, 2.0]
    assert gradgradcheck(lambda _: x**3, x)
    assert failure(lambda _: x.detach() * x**2, x, gradgradcheck)
    custom_cube = custom(saved(lambda x: x**3), lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    assert gradcheck(lambda _: custom_cube(x), x)
    assert gradgradcheck(lambda _: custom_cube(x), x)


def test_a_function_that_raises_leaves_what_it_closes_over_alone() -> None:
    x, calls = leaf(), []

    def func(_: Any) -> Any:
        calls.append(1)
        if len(calls) > 3:
            raise ValueError("enough")
        return x * 2

    with pytest.raises(ValueError, match="enough"):
        gradcheck(func, x)
    assert x.tolist() == [0.5, -1.25, 2.0]
    assert x.is_leaf
    (x * x).sum().backward()
    assert x.grad.tolist() == [1.0, -2.5, 4.0]


def test_batch_norm_in_train_mode() -> None:
    model = nn.BatchNorm1d(3).double()
    assert gradcheck(model, grid(4, 3))
    assert gradgradcheck(model, grid(4, 3))
    assert gradcheck(nn.BatchNorm1d(3), grid(4, 3).float().detach().requires_grad_())
    assert model.training


def test_dropout_in_train_mode_is_random() -> None:
    error = failure(nn.Dropout(0.5), grid(4, 3))
    assert "random" in kinds(error)
    assert gradcheck(nn.Dropout(0.5).eval(), grid(4, 3))


# ---- second derivatives


def saved(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Make a forward that keeps its inputs."""

    def forward(ctx: Any, *args: Any) -> Any:
        ctx.save_for_backward(*args)
        return compute(*args)

    return forward


def test_second_derivative_that_is_wrong() -> None:
    func = custom(saved(lambda x: x**3), lambda ctx, g: g * 3 * ctx.saved_tensors[0].detach() ** 2, "Cube")
    assert gradcheck(func, leaf())
    error = failure(func, leaf(), gradgradcheck)
    assert "Cube" in str(error)
    assert "analytic 0.000" in str(error)


def test_second_derivative_of_what_can_be_differentiated_once() -> None:
    backward = once_differentiable(lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    func = custom(saved(lambda x: x**3), backward, "Once")
    assert gradcheck(func, leaf())
    assert "marked with @once_differentiable" in str(failure(func, leaf(), gradgradcheck))
    assert gradgradcheck(func, leaf(), raise_exception=False) is False


def test_gradients_that_arrive_are_checked_too() -> None:
    def backward(ctx: Any, g: Any) -> Any:
        return g.detach() * 2

    func = custom(lambda ctx, x: x * 2, backward)
    assert gradcheck(func, leaf())
    error = failure(func, leaf(), gradgradcheck)
    assert "grad_output 0" in str(error)
    assert gradgradcheck(func, leaf(), leaf().detach(), raise_exception=False) is True


def test_given_gradients() -> None:
    assert gradgradcheck(tg.sin, leaf(), leaf(1.0, 2.0, 3.0))
    assert gradgradcheck(lambda x: (x.sin(), x.exp()), leaf(), (leaf(1.0, 2.0, 3.0), None))
    with pytest.raises(RuntimeError, match="shape of"):
        gradgradcheck(tg.sin, leaf(), leaf(1.0))
    with pytest.raises(RuntimeError, match="2 tensors and 1 gradients"):
        gradgradcheck(lambda x: (x.sin(), x.exp()), leaf(), leaf())


def test_drawn_gradients_may_have_gaps() -> None:
    seen = set()

    def backward(ctx: Any, g: Any) -> Any:
        seen.add(g.is_contiguous())
        return g * 2

    func = custom(lambda ctx, x: x * 2, backward)
    assert gradgradcheck(func, grid(2, 3))
    assert seen == {True}
    assert gradgradcheck(func, grid(2, 3), gen_non_contig_grad_outputs=True)
    assert False in seen


def test_the_first_derivative_is_not_asked_for() -> None:
    reverse = custom(lambda ctx, x: x * 1.0, lambda ctx, g: -g)
    assert gradgradcheck(reverse, leaf())
    assert not gradcheck(reverse, leaf(), raise_exception=False)


def test_functions_without_a_gradient_have_no_second_one() -> None:
    with pytest.raises(ValueError, match=r"gradgradcheck: no output of .* requires grad"):
        gradgradcheck(tg.argmax, leaf())
