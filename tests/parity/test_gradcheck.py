"""Programs that call gradcheck and gradgradcheck: the same verdict, or an error of the same class, as PyTorch's.

What differs on purpose stands at the end, each in a test of its own.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

Program = Callable[[Any], Any]
PROGRAMS: list[Program] = []


def program(function: Program) -> Program:
    PROGRAMS.append(function)
    return function


def leaf(t: Any, *values: float, dtype: str = "float64", grad: bool = True) -> Any:
    return t.tensor(list(values or (0.5, -1.25, 2.0)), dtype=getattr(t, dtype), requires_grad=grad)


def grid(t: Any, *shape: int, start: float = 0.3, grad: bool = True) -> Any:
    """Make a tensor of distinct values without an obvious pattern."""
    values = start + np.sin(np.arange(int(np.prod(shape))) * 1.7).reshape(shape)
    return t.tensor(values.tolist(), dtype=t.float64).reshape(shape).requires_grad_(grad)


def custom(t: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """Make a Function of its two halves and give its ``apply``."""
    parts = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Custom", (t.autograd.Function,), parts).apply


def saving(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Make a forward that keeps its inputs."""

    def forward(ctx: Any, *args: Any) -> Any:
        ctx.save_for_backward(*args)
        return compute(*args)

    return forward


def unary(t: Any, compute: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make an elementwise Function with ``slope`` as its derivative, right or wrong."""
    return custom(t, saving(compute), lambda ctx, g: g * slope(*ctx.saved_tensors))


def outcome(run: Program, library: Any) -> Any:
    """Give what a program returned, or the class of what it raised."""
    try:
        with warnings.catch_warnings():
            if library is torch:
                warnings.simplefilter("ignore")
            return run(library)
    except Exception as error:  # the class is what is compared
        return type(error).__name__
    finally:
        library.set_grad_enabled(True)


# ---- first derivatives that are right


@program
def one_tensor_not_in_a_tuple(t: Any) -> Any:
    return t.autograd.gradcheck(t.exp, leaf(t))


@program
def inputs_in_a_list(t: Any) -> Any:
    return t.autograd.gradcheck(t.mul, [leaf(t), leaf(t, 3.0, 1.0, -2.0)])


@program
def broadcasting(t: Any) -> Any:
    return t.autograd.gradcheck(t.mul, (grid(t, 2, 3), grid(t, 3)))


@program
def division(t: Any) -> Any:
    return t.autograd.gradcheck(t.div, (grid(t, 2, 3), grid(t, 2, 1, start=3.0)))


@program
def matrix_product(t: Any) -> Any:
    return t.autograd.gradcheck(t.matmul, (grid(t, 2, 3), grid(t, 3, 4)))


@program
def convolution(t: Any) -> Any:
    return t.autograd.gradcheck(t.nn.functional.conv2d, (grid(t, 1, 2, 4, 4), grid(t, 2, 2, 3, 3), grid(t, 2)))


@program
def the_same_tensor_twice(t: Any) -> Any:
    x = leaf(t)
    return t.autograd.gradcheck(lambda a, b: a * b, (x, x))


@program
def zero_dimensions(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, t.tensor(0.7, dtype=t.float64, requires_grad=True))


@program
def no_elements(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, t.zeros(0, 3, dtype=t.float64, requires_grad=True))


@program
def no_elements_beside_some(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x, y: x.sum() + y.sin(), (t.zeros(0, dtype=t.float64).requires_grad_(), leaf(t)))


@program
def no_elements_in_the_output(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x[:0], leaf(t))


@program
def several_outputs(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x.sin(), x.sum(), x * 2), leaf(t))


@program
def outputs_in_a_list(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: [x.sin(), x.cos()], leaf(t))


@program
def named_tuple_of_outputs(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: t.max(x, 0)[:1], grid(t, 3, 2))


@program
def input_that_is_used_in_one_output_only(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x, y: (x.sin(), y.exp()), (leaf(t), leaf(t)))


@program
def input_that_is_not_used(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x, y: x.sin(), (leaf(t), leaf(t)))


@program
def second_input_needs_no_grad(t: Any) -> Any:
    return t.autograd.gradcheck(t.mul, (leaf(t), leaf(t, grad=False)))


@program
def integer_input(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x, i: x[i], (leaf(t), t.tensor([2, 0, 2])))


@program
def bool_input(t: Any) -> Any:
    mask = t.tensor([True, False, True])
    return t.autograd.gradcheck(lambda m, x, y: t.where(m, x, y), (mask, leaf(t), leaf(t, 1.0, 2.0, 3.0)))


@program
def numbers_strings_none_and_dicts_among_the_inputs(t: Any) -> Any:
    def f(x: Any, factor: float, how: str, nothing: None, options: dict[str, Any]) -> Any:
        return x * factor + options["shift"] if how == "mul" and nothing is None else x * 0.0

    return t.autograd.gradcheck(f, (leaf(t), 2.5, "mul", None, {"shift": 1.0}))


@program
def array_among_the_inputs(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x, a: x * float(a.sum()) + a.shape[0], (leaf(t), np.array([1.0, 2.0])))


@program
def list_of_tensors_that_need_no_grad(t: Any) -> Any:
    def f(x: Any, others: list[Any]) -> Any:
        return x * others[0] + others[1]

    return t.autograd.gradcheck(f, (leaf(t), [leaf(t, grad=False), leaf(t, grad=False)]))


@program
def mixed_float_dtypes(t: Any) -> Any:
    return t.autograd.gradcheck(
        lambda x, y: x * y.double(), (leaf(t), leaf(t, 1.0, 2.0, 3.0, dtype="float32", grad=False))
    )


@program
def output_that_needs_no_grad_beside_one(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x * 2, x.detach()), leaf(t))


@program
def integer_output_after_one(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x * 2, x.argmax()), leaf(t))


@program
def no_output_depends_on_the_input(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: t.ones(3, dtype=t.float64), leaf(t))


@program
def output_detached_though_it_depends(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.detach() * 2, leaf(t))


@program
def step_function_cut_off(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.detach().floor(), leaf(t, 0.5, -1.25))


@program
def piecewise_constant(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.floor(), leaf(t, 0.5, -1.25))


@program
def the_input_itself(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x, leaf(t))


@program
def views_of_the_input(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x.t(), x[0], x.reshape(-1)), grid(t, 2, 3))


@program
def strided_input(t: Any) -> Any:
    x = grid(t, 4, 3, grad=False).t()[:, ::2].requires_grad_()
    return t.autograd.gradcheck(lambda x: x.sin() @ x.t(), x)


@program
def input_that_is_not_a_leaf(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t) * 2)


@program
def in_place_on_a_clone(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.clone().mul_(3).exp_(), leaf(t))


@program
def item_assignment(t: Any) -> Any:
    def f(x: Any, v: Any) -> Any:
        y = x * 1.0
        y[0] = v
        return y * y

    return t.autograd.gradcheck(f, (leaf(t), t.tensor(0.4, dtype=t.float64, requires_grad=True)))


@program
def function_closes_over_its_input(t: Any) -> Any:
    x = leaf(t)
    return t.autograd.gradcheck(lambda _: x.sin(), x)


@program
def module_with_its_parameters_as_inputs(t: Any) -> Any:
    layer = t.nn.Linear(3, 2).double()
    with t.no_grad():
        layer.weight.copy_(grid(t, 2, 3, grad=False))
        layer.bias.copy_(grid(t, 2, grad=False))
    return t.autograd.gradcheck(lambda x, *_: layer(x), (grid(t, 2, 3), *layer.parameters()))


@program
def module_as_the_function(t: Any) -> Any:
    return t.autograd.gradcheck(t.nn.Sequential(t.nn.Tanh(), t.nn.Softmax(dim=-1)), grid(t, 2, 3))


@program
def right_function_with_several_outputs(t: Any) -> Any:
    f = custom(
        t,
        saving(lambda a, b: (a * b, a + b)),
        lambda ctx, g, h: (g * ctx.saved_tensors[1] + h, g * ctx.saved_tensors[0] + h),
    )
    return t.autograd.gradcheck(f, (leaf(t), leaf(t, 3.0, 1.0, -2.0)))


@program
def straight_through_of_a_scaled_identity(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * 2), leaf(t))


@program
def none_for_an_input_without_gradient(t: Any) -> Any:
    f = custom(t, lambda ctx, x, n: x * n, lambda ctx, g: (g * 3, None))
    return t.autograd.gradcheck(f, (leaf(t), 3))


@program
def gradients_of_the_wrong_dtype_are_cast(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x * 2, lambda ctx, g: (g * 2).float())
    return t.autograd.gradcheck(f, leaf(t)), t.autograd.gradcheck(f, leaf(t), check_grad_dtypes=True)


@program
def no_tensor_leaves_a_wish_for_undefined_gradients(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        parts = [part for part in (None if g is None else g * 2, None if h is None else h * 3) if part is not None]
        return sum(parts[1:], parts[0]) if parts else None

    return t.autograd.gradcheck(custom(t, forward, backward), leaf(t))


@program
def gradient_inside_the_function(t: Any) -> Any:
    def slope_of_cube(x: Any) -> Any:
        return t.autograd.grad((x**3).sum(), x, create_graph=True)[0]

    return t.autograd.gradcheck(slope_of_cube, leaf(t)), t.autograd.gradgradcheck(slope_of_cube, leaf(t))


@program
def hook_inside_the_function(t: Any) -> Any:
    def hooked(factor: float) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            y = x * 2
            y.register_hook(lambda g: g * factor)
            return y

        return f

    options = {"raise_exception": False, "check_undefined_grad": False}
    return [t.autograd.gradcheck(hooked(factor), leaf(t), **options) for factor in (1.0, 2.0)]


@program
def input_marked_dirty(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    f = custom(t, forward, lambda ctx, g: g * 2)
    return t.autograd.gradcheck(lambda x: f(x * 1.0), leaf(t))


@program
def needs_input_grad(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        a, b = ctx.saved_tensors
        return g * b if ctx.needs_input_grad[0] else None, g * a if ctx.needs_input_grad[1] else None

    f = custom(t, saving(lambda a, b: a * b), backward)
    return [t.autograd.gradcheck(f, (leaf(t), leaf(t, 3.0, 1.0, -2.0, grad=grad))) for grad in (True, False)]


@program
def expanded_gradient(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x.sum(), lambda ctx, g: g.expand(3))
    return t.autograd.gradcheck(f, leaf(t)), t.autograd.gradgradcheck(f, leaf(t))


@program
def expanded_output(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.expand(4, 3), leaf(t))


@program
def cancellation(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x + 1e6) - 1e6, leaf(t))


@program
def large_and_small_values(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x * x, leaf(t, 1e4, 1e-9, -30.0))


@program
def saturated(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: t.log_softmax(x.sigmoid(), 0), leaf(t, 800.0, -800.0, 0.0))


# ---- first derivatives that are wrong


@program
def wrong_factor(t: Any) -> Any:
    return t.autograd.gradcheck(unary(t, lambda x: x**3, lambda x: 2 * x**2), leaf(t))


@program
def wrong_sign(t: Any) -> Any:
    return t.autograd.gradcheck(unary(t, lambda x: x.cos(), lambda x: x.sin()), leaf(t))


@program
def zero_gradient(t: Any) -> Any:
    return t.autograd.gradcheck(unary(t, lambda x: x.exp(), lambda x: x * 0), leaf(t))


@program
def straight_through_rounding(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x.round(), lambda ctx, g: g), leaf(t, 0.2, 1.3))


@program
def wrong_in_a_small_output_beside_a_large_one(t: Any) -> Any:
    small = custom(t, lambda ctx, x: x * 1e-12, lambda ctx, g: g * 1.1e-12)
    return t.autograd.gradcheck(lambda x: (x * 1e12, small(x)), leaf(t), atol=0.0, rtol=1e-2)


@program
def wrong_in_one_entry(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        g = g * 2
        g[1, 2] = g[1, 2] * 1.01
        return g

    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, backward), grid(t, 3, 4))


@program
def wrong_second_input(t: Any) -> Any:
    f = custom(
        t,
        saving(lambda a, b: a * b),
        lambda ctx, g: (g * ctx.saved_tensors[1], g * ctx.saved_tensors[1]),
    )
    return t.autograd.gradcheck(f, (leaf(t), leaf(t, 3.0, 1.0, -2.0)))


@program
def wrong_second_output(t: Any) -> Any:
    f = custom(t, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: g * 2 + h * 4)
    return t.autograd.gradcheck(f, leaf(t))


@program
def sum_over_the_wrong_axis(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x.sum(0), lambda ctx, g: g.unsqueeze(1).expand(3, 3))
    return t.autograd.gradcheck(f, grid(t, 3, 3))


@program
def transposed_gradient(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x.t() * 2.0, lambda ctx, g: g * 2), grid(t, 3, 3))


@program
def gradient_ignores_what_arrives(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: t.ones_like(g) * 2), leaf(t))


@program
def none_though_the_result_depends(t: Any) -> Any:
    f = custom(t, lambda ctx, a, b: a * 2 + b * 3, lambda ctx, g: (g * 2, None))
    return t.autograd.gradcheck(f, (leaf(t), leaf(t)))


@program
def none_for_the_only_input(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: None), leaf(t))


@program
def gradient_is_nan(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * float("nan")), leaf(t))


@program
def gradient_is_infinite(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * float("inf")), leaf(t))


@program
def function_is_nan_at_the_point(t: Any) -> Any:
    return t.autograd.gradcheck(t.log, leaf(t, 1.0, -1.0))


@program
def batch_norm_writes_to_its_buffers(t: Any) -> Any:
    mean, var = t.zeros(3, dtype=t.float64), t.ones(3, dtype=t.float64)
    inputs = (grid(t, 4, 3), mean, var, leaf(t), leaf(t), True)
    return t.autograd.gradcheck(t.nn.functional.batch_norm, inputs)


@program
def batch_norm_module(t: Any) -> Any:
    return t.autograd.gradcheck(t.nn.BatchNorm1d(3).double(), grid(t, 4, 3))


@program
def dropout_module(t: Any) -> Any:
    return t.autograd.gradcheck(t.nn.Dropout(0.5), grid(t, 4, 3))


@program
def partly_detached(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x * x.detach(), leaf(t))


@program
def computed_with_arrays(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x * t.tensor(np.sin(x.detach().numpy())), leaf(t))


@program
def forward_is_random(t: Any) -> Any:
    t.manual_seed(0)
    return t.autograd.gradcheck(lambda x: x * t.rand(3, dtype=t.float64), leaf(t))


@program
def backward_is_random(t: Any) -> Any:
    t.manual_seed(0)
    f = custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * (2 + 1e-9 * t.rand(3, dtype=t.float64)))
    return t.autograd.gradcheck(f, leaf(t))


@program
def backward_is_random_within_the_tolerance(t: Any) -> Any:
    t.manual_seed(0)
    f = custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * (2 + 1e-9 * t.rand(3, dtype=t.float64)))
    return t.autograd.gradcheck(f, leaf(t), nondet_tol=1e-7)


@program
def undefined_gradient_is_not_asked_for(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2

    f = custom(t, forward, lambda ctx, g: g * 2)
    return t.autograd.gradcheck(f, leaf(t), check_undefined_grad=False)


@program
def wrong_without_an_exception(t: Any) -> Any:
    f = unary(t, lambda x: x**3, lambda x: 2 * x**2)
    return t.autograd.gradcheck(f, leaf(t), raise_exception=False)


@program
def right_without_an_exception(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), raise_exception=False)


# ---- tolerances


def off_by(t: Any, error: float, **options: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * (2 + error)), leaf(t), **options)


@program
def just_inside_rtol(t: Any) -> Any:
    return off_by(t, 1.9e-3)


@program
def just_outside_rtol(t: Any) -> Any:
    return off_by(t, 2.1e-3)


@program
def just_inside_given_rtol(t: Any) -> Any:
    return off_by(t, 0.19, rtol=0.1)


@program
def just_outside_given_rtol(t: Any) -> Any:
    return off_by(t, 0.21, rtol=0.1)


@program
def just_inside_given_atol(t: Any) -> Any:
    return off_by(t, 0.049, atol=0.05, rtol=0.0)


@program
def just_outside_given_atol(t: Any) -> Any:
    return off_by(t, 0.051, atol=0.05, rtol=0.0)


@program
def atol_counts_where_the_derivative_is_zero(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x * 0.0, lambda ctx, g: g * 9e-6)
    return t.autograd.gradcheck(f, leaf(t))


@program
def atol_is_passed_where_the_derivative_is_zero(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x * 0.0, lambda ctx, g: g * 1.1e-5)
    return t.autograd.gradcheck(f, leaf(t))


@program
def float32_with_loose_tolerances(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t, dtype="float32"), eps=1e-2, atol=1e-2, rtol=1e-2)


@program
def wrong_float32_with_loose_tolerances(t: Any) -> Any:
    f = unary(t, lambda x: x**3, lambda x: 2 * x**2)
    return t.autograd.gradcheck(f, leaf(t, dtype="float32"), eps=1e-2, atol=1e-2, rtol=1e-2)


@program
def fast_mode_passes_what_is_right(t: Any) -> Any:
    return t.autograd.gradcheck(t.matmul, (grid(t, 2, 3), grid(t, 3, 4)), fast_mode=True)


@program
def fast_mode_finds_a_wrong_factor(t: Any) -> Any:
    return t.autograd.gradcheck(unary(t, lambda x: x**3, lambda x: 2 * x**2), leaf(t), fast_mode=True)


# ---- calls that are refused


@program
def no_input_requires_grad(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t, grad=False))


@program
def no_input_requires_grad_and_no_exception(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t, grad=False), raise_exception=False)


@program
def no_inputs(t: Any) -> Any:
    return t.autograd.gradcheck(lambda: t.ones(3), ())


@program
def only_a_number(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x, 2.0)


@program
def only_a_list_inside_the_tuple_requires_grad(t: Any) -> Any:
    return t.autograd.gradcheck(lambda xs: xs[0] * xs[1], ([leaf(t), leaf(t)],))


@program
def function_raises(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.reshape(7), leaf(t))


@program
def function_raises_without_exceptions(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: {}["missing"], leaf(t), raise_exception=False)


@program
def in_place_on_a_leaf(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: x.mul_(2), leaf(t))


@program
def nothing_to_check(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), check_backward_ad=False)


@program
def batched_without_backward(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), check_backward_ad=False, check_forward_ad=True, check_batched_grad=True)


@program
def batched_forward_without_forward(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), check_batched_forward_grad=True)


@program
def positional_option(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), 1e-6)


@program
def unknown_option(t: Any) -> Any:
    return t.autograd.gradcheck(t.sin, leaf(t), tolerance=1e-6)


@program
def more_gradients_that_are_none(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: (g * 2, None)), leaf(t))


@program
def gradient_is_a_number(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: 2.0), leaf(t))


# ---- second derivatives


@program
def second_derivative_of_an_op(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t))


@program
def second_derivative_of_a_product(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.matmul, (grid(t, 2, 3), grid(t, 3, 2)))


@program
def second_derivative_of_a_linear_function(t: Any) -> Any:
    return t.autograd.gradgradcheck(lambda x: x * 2, leaf(t))


@program
def second_derivative_at_no_elements(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, t.zeros(0, 3, dtype=t.float64, requires_grad=True))


@program
def second_derivative_with_several_outputs(t: Any) -> Any:
    return t.autograd.gradgradcheck(lambda x, y: (x * y, x.exp().sum()), (leaf(t), leaf(t, 3.0, 1.0, -2.0)))


@program
def second_derivative_with_given_gradients(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t), leaf(t, 1.0, -1.0, 2.0))


@program
def second_derivative_with_gradients_that_need_none(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, (leaf(t),), (leaf(t, 1.0, -1.0, 2.0, grad=False),))


@program
def second_derivative_with_gradients_not_contiguous(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, grid(t, 2, 3), gen_non_contig_grad_outputs=True)


@program
def second_derivative_with_other_inputs(t: Any) -> Any:
    return t.autograd.gradgradcheck(lambda x, n, i: (x**n)[i], (leaf(t), 3, t.tensor([2, 0])))


@program
def second_derivative_of_a_right_function(t: Any) -> Any:
    return t.autograd.gradgradcheck(unary(t, lambda x: x**3, lambda x: 3 * x**2), leaf(t))


@program
def second_derivative_is_wrong(t: Any) -> Any:
    return t.autograd.gradgradcheck(unary(t, lambda x: x**3, lambda x: 3 * x.detach() ** 2), leaf(t))


@program
def second_derivative_is_wrong_without_an_exception(t: Any) -> Any:
    f = unary(t, lambda x: x**3, lambda x: 3 * x.detach() ** 2)
    return t.autograd.gradgradcheck(f, leaf(t), raise_exception=False)


@program
def gradcheck_does_not_see_a_wrong_second_derivative(t: Any) -> Any:
    return t.autograd.gradcheck(unary(t, lambda x: x**3, lambda x: 3 * x.detach() ** 2), leaf(t))


@program
def second_derivative_of_once_differentiable(t: Any) -> Any:
    backward = t.autograd.function.once_differentiable(lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)
    return t.autograd.gradgradcheck(custom(t, saving(lambda x: x**3), backward), leaf(t))


@program
def first_derivative_of_once_differentiable(t: Any) -> Any:
    backward = t.autograd.function.once_differentiable(lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)
    return t.autograd.gradcheck(custom(t, saving(lambda x: x**3), backward), leaf(t))


@program
def gradient_depends_on_nothing_recorded(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x * 2, lambda ctx, g: t.tensor(g.detach().numpy() * 2))
    return t.autograd.gradgradcheck(f, leaf(t))


@program
def second_derivative_without_inputs_that_require_grad(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t, grad=False))


@program
def second_derivative_with_gradients_of_another_shape(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t), leaf(t, 1.0, 2.0))


@program
def second_order_has_nothing_to_check(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t), check_rev_over_rev=False, check_undefined_grad=False)


@program
def undefined_gradients_need_reverse_over_reverse(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t), check_rev_over_rev=False, check_fwd_over_rev=True)


@program
def second_derivative_in_fast_mode(t: Any) -> Any:
    return t.autograd.gradgradcheck(t.sin, leaf(t), fast_mode=True)


@program
def second_derivative_of_straight_through(t: Any) -> Any:
    return t.autograd.gradgradcheck(custom(t, lambda ctx, x: x.round(), lambda ctx, g: g), leaf(t, 0.2, 1.3))


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_program_agrees(run: Program) -> None:
    assert outcome(run, tg) == outcome(run, torch)


@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
def test_signature_is_pytorchs(name: str) -> None:
    def parameters(library: Any) -> list[Any]:
        found = inspect.signature(getattr(library.autograd, name)).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    assert parameters(tg) == parameters(torch)


def test_the_exception_is_found_where_pytorch_has_it() -> None:
    for library in (tg, torch):
        module = importlib.import_module(f"{library.__name__}.autograd.gradcheck")
        assert module.GradcheckError.__bases__ == (RuntimeError,)
        assert module.gradcheck is library.autograd.gradcheck
        assert not inspect.ismodule(library.autograd.gradcheck)


# ---- what differs on purpose: our outcome, PyTorch's, and the program

DIFFERENCES: list[tuple[Any, Any, Program]] = []


def differs(ours: Any, theirs: Any) -> Callable[[Program], Program]:
    def add(function: Program) -> Program:
        DIFFERENCES.append((ours, theirs, function))
        return function

    return add


@differs(True, "GradcheckError")
def kink_with_a_subgradient(t: Any) -> Any:
    """PyTorch's central difference is 0.5 there; 0 is as good a derivative as any between 0 and 1."""
    return t.autograd.gradcheck(t.relu, leaf(t, -1.0, 0.0, 2.0))


@differs(True, "GradcheckError")
def end_of_the_domain(t: Any) -> Any:
    """PyTorch's difference is NaN; the derivative from the right is infinite, as backward says."""
    return t.autograd.gradcheck(t.sqrt, leaf(t, 1.0, 0.0))


@differs(True, "GradcheckError")
def jump(t: Any) -> Any:
    """PyTorch's difference is 500,000; from the right it is 0, as backward says."""
    return t.autograd.gradcheck(t.floor, leaf(t, 0.5, 2.0))


@differs(True, "GradcheckError")
def float32_without_tolerances(t: Any) -> Any:
    """PyTorch's step of 1e-6 drowns in the round-off of float32; ours judges by a twin in float64."""
    return t.autograd.gradcheck(lambda x: x.exp() * 3, leaf(t, 0.5, 2.0, -1.0, dtype="float32"))


def one_of_2000(t: Any, **options: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        g = g * 1.0
        g[1234] = g[1234] * 1.02
        return g

    f = custom(t, lambda ctx, x: x * 1.0, backward)
    return t.autograd.gradcheck(f, grid(t, 2000), **options)


@differs("GradcheckError", True)
def one_wrong_entry_of_2000(t: Any) -> Any:
    """PyTorch's fast mode compares one number for all entries."""
    return one_of_2000(t, fast_mode=True)


@differs("GradcheckError", True)
def gradient_is_not_linear_in_what_arrives(t: Any) -> Any:
    """PyTorch lets ones and zeros arrive only, whose squares are the same."""
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g * g * 2), leaf(t, 1.5))


@differs("GradcheckError", True)
def backward_writes_to_what_arrives(t: Any) -> Any:
    """It changes the gradient of whoever else was given it."""
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: g.mul_(2)), leaf(t))


@differs(True, "GradcheckError")
def called_under_no_grad(t: Any) -> Any:
    with t.no_grad():
        return t.autograd.gradcheck(t.sin, leaf(t))


@differs(True, "RuntimeError")
def bool_output_after_one(t: Any) -> Any:
    """PyTorch subtracts them."""
    return t.autograd.gradcheck(lambda x: (x * 2, x > 0), leaf(t))


@differs(True, "RuntimeError")
def input_whose_entries_share_memory(t: Any) -> Any:
    """PyTorch steps in the caller's memory; ours works on copies."""
    return t.autograd.gradcheck(t.sin, leaf(t, 0.5).expand(3))


@differs(True, "AttributeError")
def outputs_in_a_dict(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: {"y": x * 2, "z": x.sin()}, leaf(t))


@differs(True, "AttributeError")
def number_beside_an_output(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: (x * 2, 3.0), leaf(t))


@differs(True, "AttributeError")
def no_gradient_for_the_second_output(t: Any) -> Any:
    """PyTorch's documentation allows None among them."""
    return t.autograd.gradgradcheck(lambda x: (x.sin(), x.exp()), leaf(t), (leaf(t), None))


@differs("ValueError", "AttributeError")
def output_is_a_number(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: 2.0, leaf(t))


@differs("ValueError", "AttributeError")
def output_is_none(t: Any) -> Any:
    return t.autograd.gradcheck(lambda x: None, leaf(t))


@differs("GradcheckError", "RuntimeError")
def too_few_gradients(t: Any) -> Any:
    """A GradcheckError is a RuntimeError; it has the report, and False is returned where that was asked for."""
    f = custom(t, lambda ctx, a, b: a * b, lambda ctx, g: g)
    return t.autograd.gradcheck(f, (leaf(t), leaf(t)))


@differs(False, "RuntimeError")
def too_few_gradients_without_an_exception(t: Any) -> Any:
    f = custom(t, lambda ctx, a, b: a * b, lambda ctx, g: g)
    return t.autograd.gradcheck(f, (leaf(t), leaf(t)), raise_exception=False)


@differs("GradcheckError", "RuntimeError")
def too_many_gradients(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x * 2, lambda ctx, g: (g * 2, g)), leaf(t))


@differs("GradcheckError", "RuntimeError")
def gradient_of_another_shape(t: Any) -> Any:
    return t.autograd.gradcheck(custom(t, lambda ctx, x: x.sum(), lambda ctx, g: t.ones(2)), leaf(t))


def takes_undefined(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    return custom(t, forward, lambda ctx, g, h: g * 2 + h * 3)


@differs("GradcheckError", "TypeError")
def undefined_gradient_is_not_handled(t: Any) -> Any:
    """PyTorch lets the error of the user's backward through, and False is never returned."""
    return t.autograd.gradcheck(takes_undefined(t), leaf(t))


@differs(False, "TypeError")
def undefined_gradient_is_not_handled_without_an_exception(t: Any) -> Any:
    return t.autograd.gradcheck(takes_undefined(t), leaf(t), raise_exception=False)


@pytest.mark.parametrize(("ours", "theirs", "run"), DIFFERENCES, ids=[run.__name__ for _, _, run in DIFFERENCES])
def test_program_differs_on_purpose(ours: Any, theirs: Any, run: Program) -> None:
    assert (outcome(run, tg), outcome(run, torch)) == (ours, theirs)
