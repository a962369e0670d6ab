"""Programs that try the corners of autograd: the same values, or an error of the same class, as PyTorch's."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

PROGRAMS: list[Callable[[Any], Any]] = []


def program(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS.append(function)
    return function


def leaf(t: Any, *values: float, **options: Any) -> Any:
    return t.tensor(list(values or (1.0, 2.0)), requires_grad=True, **options)


def custom(t: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    parts = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Custom", (t.autograd.Function,), parts)


def plain(value: Any) -> Any:
    """Make what a program returns comparable between the libraries."""
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, (torch.Tensor, tg.Tensor)):
        values = np.round(value.detach().numpy().astype(np.float64), 4).tolist()
        return str(value.dtype).replace("torch.", ""), list(value.shape), value.requires_grad, values
    return round(value, 4) if isinstance(value, float) else value


def outcome(run: Callable[[Any], Any], library: Any) -> Any:
    try:
        with warnings.catch_warnings():
            if library is torch:
                warnings.simplefilter("ignore")
            return plain(run(library))
    except Exception as error:  # the class is what is compared
        return type(error).__name__
    finally:
        library.set_grad_enabled(True)


# ---- hooks


@program
def hooks_run_in_order(t: Any) -> Any:
    log: list[Any] = []
    x = leaf(t)
    x.register_hook(lambda g: log.append(("first", g.tolist())))
    x.register_hook(lambda g: g * 2)
    x.register_post_accumulate_grad_hook(lambda p: log.append(("after", p.grad.tolist())))
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    z = y.exp()
    z.register_hook(lambda g: log.append("z"))
    z.sum().backward()
    return log, x.grad, y.grad


@program
def hook_changes_shape(t: Any) -> Any:
    x = leaf(t)
    x.register_hook(lambda g: t.ones(3))
    x.sum().backward()


@program
def hook_changes_dtype(t: Any) -> Any:
    y = leaf(t) * 2
    y.register_hook(lambda g: g.double())
    y.sum().backward()


@program
def hook_returns_an_array(t: Any) -> Any:
    y = leaf(t) * 2
    y.register_hook(lambda g: np.ones(2))
    y.sum().backward()


@program
def hook_removes_hooks(t: Any) -> Any:
    log: list[str] = []
    y = leaf(t) * 2

    def first(g: Any) -> None:
        log.append("first")
        handles[0].remove()
        handles[1].remove()

    handles = [y.register_hook(first), y.register_hook(lambda g: log.append("second"))]
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return log


@program
def hooks_survive_freezing(t: Any) -> Any:
    log: list[Any] = []
    x = leaf(t)
    x.register_hook(lambda g: log.append(g.tolist()))
    x.requires_grad_(False)
    x.requires_grad_()
    (x * 2).sum().backward()
    return log, x.grad


@program
def retain_grad_moves_with_a_write(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * y).sum().backward()
    return y.grad, x.grad


# ---- backward(inputs=), grad


@program
def inputs_call_the_hooks_of_leaves(t: Any) -> Any:
    log: list[float] = []
    x = leaf(t, 1.0)
    x.register_post_accumulate_grad_hook(lambda p: log.append(p.grad.item()))
    (x * 2).sum().backward(inputs=[x])
    return log


@program
def inputs_named_twice_count_once(t: Any) -> Any:
    x = leaf(t)
    (x * 2).sum().backward(inputs=[x, x])
    return x.grad


@program
def inputs_may_be_computed(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    (y * y).sum().backward(inputs=[y])
    return x.grad, y.grad, y.retains_grad


@program
def inputs_may_be_retained(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward(inputs=[y, x])
    return x.grad, y.grad


@program
def inputs_leave_other_leaves_alone(t: Any) -> Any:
    x, w = leaf(t), leaf(t)
    (x * w).sum().backward(inputs=[w])
    return x.grad, w.grad


@program
def grad_without_inputs(t: Any) -> Any:
    return t.autograd.grad(leaf(t).sum(), [])


@program
def grad_of_a_constant_among_others(t: Any) -> Any:
    x = leaf(t)
    return t.autograd.grad([x.sum(), t.ones(1)], [x], [t.ones(()), t.ones(1)])


@program
def grad_with_respect_to_a_number(t: Any) -> Any:
    return t.autograd.grad(leaf(t).sum(), [3.0])


@program
def grad_of_shared_outputs(t: Any) -> Any:
    x = leaf(t)
    y = x.exp()
    return t.autograd.grad([y.sum(), (y * y).sum(), y], [x, y, x], [None, t.tensor(2.0), t.ones(2)])


@program
def grad_of_what_a_write_left_behind(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    view = y[0]
    view.mul_(3)
    return t.autograd.grad((y * y).sum() + view, [view, y, x], allow_unused=True)


@program
def grad_of_partly_freed_graph(t: Any) -> Any:
    x = leaf(t)
    y = x * x
    z = y.exp()
    t.autograd.grad(z.sum(), y)
    return t.autograd.grad(y.sum(), x)


# ---- what .grad is


@program
def recorded_gradients_are_not_shared(t: Any) -> Any:
    x, w, g = leaf(t), leaf(t), t.ones(2)
    (x + w).backward(g, create_graph=True)
    x.grad.detach().add_(1)
    return x.grad, w.grad, g


@program
def recorded_gradient_of_a_leaf_is_not_the_callers(t: Any) -> Any:
    x, g = leaf(t), t.ones(2)
    x.backward(g, create_graph=True)
    x.grad.add_(1)
    return x.grad, g


@program
def retained_gradient_is_not_shared(t: Any) -> Any:
    x = leaf(t)
    y = x + 1
    y.retain_grad()
    y.backward(t.ones(2), create_graph=True)
    y.grad.add_(1)
    return x.grad, y.grad


@program
def recorded_gradients_accumulate(t: Any) -> Any:
    x = leaf(t)
    (x**2).sum().backward(create_graph=True)
    (x**3).sum().backward(create_graph=True)
    return x.grad, t.autograd.grad(x.grad.sum(), x)


@program
def plain_gradient_is_added_in_place_to_a_recorded_one(t: Any) -> Any:
    x = leaf(t)
    (x * x).sum().backward(create_graph=True)
    before = x.grad
    (x * 2).sum().backward()
    return before is x.grad, x.grad


@program
def accumulating_counts_as_a_write(t: Any) -> Any:
    x, w = leaf(t), leaf(t)
    (x * 2).sum().backward()
    y = (x.grad * w).sum()
    (x * 2).sum().backward()
    y.backward()


@program
def expanded_gradient_cannot_be_added_to(t: Any) -> Any:
    x = t.ones(2, 3, requires_grad=True)
    x.grad = t.zeros(3).expand(2, 3)
    (x * t.arange(6.0).reshape(2, 3)).sum().backward()


@program
def transposed_gradient_can(t: Any) -> Any:
    x = t.ones(2, 3, requires_grad=True)
    x.grad = t.zeros(3, 2).t()
    (x * t.arange(6.0).reshape(2, 3)).sum().backward()
    return x.grad


@program
def own_gradient(t: Any) -> Any:
    x = leaf(t)
    x.grad = x


# ---- requires_grad, data, copies


@program
def frozen_leaf_takes_nothing_from_an_older_graph(t: Any) -> Any:
    x, w = leaf(t), leaf(t)
    y = (x * w).sum()
    x.requires_grad_(False)
    y.backward()
    return x.grad, w.grad


@program
def freezing_keeps_the_gradient(t: Any) -> Any:
    x = leaf(t)
    x.sum().backward()
    x.requires_grad_(False)
    before = x.grad.clone()
    x.requires_grad_()
    x.sum().backward()
    return before, x.grad


@program
def requires_grad_of_a_computed_tensor(t: Any) -> Any:
    (leaf(t) * 2).requires_grad = True


@program
def view_that_is_a_leaf_survives_a_write_to_its_base(t: Any) -> Any:
    base = t.zeros(3)
    view = base[:2]
    view.requires_grad_()
    base.add_(1)
    (view * view).sum().backward()
    return view, view.grad


@program
def view_that_is_a_leaf_refuses_a_write(t: Any) -> Any:
    view = t.zeros(3)[:2]
    view.requires_grad_()
    view.add_(1)


@program
def detaching_a_view_in_place(t: Any) -> Any:
    t.ones(3)[0].detach_()


@program
def data_of_another_shape(t: Any) -> Any:
    x = leaf(t)
    x.requires_grad_(False)
    x.data = t.ones(3)
    x.requires_grad_()
    (x * x).sum().backward()
    return x, x.grad


@program
def data_of_integers(t: Any) -> Any:
    leaf(t).data = t.tensor([1, 2])


@program
def data_that_is_an_array(t: Any) -> Any:
    leaf(t).data = np.ones(2)


@program
def copies_of_computed_tensors_are_leaves(t: Any) -> Any:
    x = leaf(t) * 2
    copied, pickled = copy.copy(x), pickle.loads(pickle.dumps(x))
    return copied, copied.is_leaf, pickled, pickled.is_leaf


@program
def pickling_keeps_attributes(t: Any) -> Any:
    x = t.ones(2)
    x.tag = "a"
    return pickle.loads(pickle.dumps(x)).tag


@program
def deepcopy_keeps_the_order_in_memory(t: Any) -> Any:
    return copy.deepcopy(t.ones(2, 3).t()).stride()


# ---- custom functions


@program
def function_takes_other_arguments(t: Any) -> Any:
    f = custom(t, lambda ctx, x, factor, text, none: x * factor, lambda ctx, g: (g, None, None, None))
    x = leaf(t)
    f.apply(x, 3.0, "text", None).sum().backward()
    return x.grad


@program
def function_takes_keywords(t: Any) -> Any:
    return custom(t, lambda ctx, x, factor=1: x * factor, lambda ctx, g: g).apply(leaf(t), factor=3)


@program
def function_returns_a_list_of_gradients(t: Any) -> Any:
    f = custom(t, lambda ctx, x, y: x * y, lambda ctx, g: [g, g])
    f.apply(leaf(t), leaf(t)).sum().backward()


@program
def function_gets_zeros_for_every_unused_output(t: Any) -> Any:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        marked = x * 3
        ctx.mark_non_differentiable(marked)
        return x * 2, marked, x.argmax()

    def backward(ctx: Any, *grads: Any) -> Any:
        seen.append([g.tolist() for g in grads])
        return grads[0]

    custom(t, forward, backward).apply(leaf(t))[0].sum().backward()
    return seen


@program
def function_output_that_is_a_view_refuses_a_write(t: Any) -> Any:
    f = custom(t, lambda ctx, x: x[0], lambda ctx, g: t.stack([g, g]))
    f.apply(t.ones(2, 2, requires_grad=True) * 1).add_(1)


@program
def function_output_that_is_an_input_refuses_a_write(t: Any) -> Any:
    custom(t, lambda ctx, x: x, lambda ctx, g: g).apply(leaf(t) * 1).add_(1)


@program
def function_output_that_is_a_view_is_stale_after_a_write(t: Any) -> Any:
    base = leaf(t) * 1
    y = custom(t, lambda ctx, x: x.view_as(x), lambda ctx, g: g * 5).apply(base)
    base.add_(1)
    return y * 2


@program
def function_returns_an_input_unrecorded(t: Any) -> Any:
    x = t.ones(2)
    return custom(t, lambda ctx, x: x, lambda ctx, g: g).apply(x) is x


@program
def function_must_return_what_it_wrote(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x * 1

    custom(t, forward, lambda ctx, g: g).apply(leaf(t) * 1)


@program
def function_writes_to_a_view(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    x = leaf(t)
    y = x * 1
    custom(t, forward, lambda ctx, g: g * 2).apply(y[0])
    y.sum().backward()
    return x.grad


@program
def function_saved_tensors_after_backward(t: Any) -> Any:
    contexts: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        contexts.append(ctx)
        return x * 1

    custom(t, forward, lambda ctx, g: g).apply(leaf(t)).sum().backward()
    return contexts[0].saved_tensors


@program
def functions_inside_functions_three_times(t: Any) -> Any:
    def keep(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x

    inner = custom(t, lambda ctx, x: keep(ctx, x) ** 2, lambda ctx, g: g * 2 * ctx.saved_tensors[0])
    outer = custom(t, lambda ctx, x: keep(ctx, x) ** 3, lambda ctx, g: g * 3 * inner.apply(ctx.saved_tensors[0]))
    x = leaf(t)
    (first,) = t.autograd.grad(outer.apply(x).sum(), x, create_graph=True)
    (second,) = t.autograd.grad(first.sum(), x, create_graph=True)
    return first, second, t.autograd.grad(second.sum(), x)


@program
def error_in_backward_leaves_the_modes(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        raise ValueError("no")

    x = leaf(t)
    with pytest.raises(ValueError, match="no"):
        custom(t, lambda ctx, x: x * 1, backward).apply(x).sum().backward()
    return t.is_grad_enabled(), x.grad


# ---- grad modes


@program
def modes_as_decorators(t: Any) -> Any:
    off = t.set_grad_enabled(False)(t.is_grad_enabled)
    between = t.is_grad_enabled()
    inference = t.inference_mode(t.is_inference_mode_enabled)
    return off(), between, inference(), t.is_grad_enabled(), t.is_inference_mode_enabled()


@program
def mode_of_a_generator_holds_while_it_runs(t: Any) -> Any:
    @t.no_grad()
    def numbers() -> Any:
        sent = yield t.is_grad_enabled()
        try:
            yield sent, t.is_grad_enabled()
        except ValueError:
            yield "caught", t.is_grad_enabled()
        return 5

    steps = numbers()
    seen = [next(steps), t.is_grad_enabled(), steps.send(3), t.is_grad_enabled(), steps.throw(ValueError())]
    try:
        next(steps)
    except StopIteration as end:
        seen.append(end.value)
    return seen


@program
def inference_mode_switched_off_inside(t: Any) -> Any:
    with t.no_grad(), t.inference_mode(), t.inference_mode(False):
        return t.ones(1).is_inference(), t.is_grad_enabled()


@program
def nothing_is_recorded_in_inference_mode(t: Any) -> Any:
    w = leaf(t)
    with t.inference_mode(), t.enable_grad():
        y = w * 2
    return y.requires_grad, y.is_inference()


@program
def views_in_inference_mode(t: Any) -> Any:
    base = t.ones(2)
    with t.inference_mode():
        view, inference = base[:1], t.ones(2)
        view.add_(1)
    kinds = [x.is_inference() for x in (view, inference[:1], inference.detach(), inference.clone(), base.data)]
    return base, base._version, kinds


@program
def inference_tensor_in_a_graph(t: Any) -> Any:
    with t.inference_mode():
        constant = t.ones(2)
    return leaf(t) * constant


# ---- functional


@program
def jvp_of_a_constant(t: Any) -> Any:
    return t.autograd.functional.jvp(lambda x: t.ones(2), t.ones(2), t.ones(2))


@program
def strict_hessian(t: Any) -> Any:
    def f(x: Any, y: Any) -> Any:
        return (x.exp() * y).sum()

    return t.autograd.functional.hessian(f, (t.ones(2), t.ones(2)), strict=True)


@program
def strict_recorded_jacobian(t: Any) -> Any:
    return t.autograd.functional.jacobian(lambda x: x * 3, t.ones(2), create_graph=True, strict=True)


@program
def jacobian_of_tuples(t: Any) -> Any:
    def f(x: Any, y: Any) -> Any:
        return x.exp() * y, (x * y).sum()

    return t.autograd.functional.jacobian(f, (leaf(t), t.ones(2)), create_graph=True, vectorize=False)


@program
def jacobian_of_lists(t: Any) -> Any:
    return t.autograd.functional.jacobian(lambda x: x, [t.ones(2)])


@program
def jacobian_of_numbers(t: Any) -> Any:
    return t.autograd.functional.jacobian(lambda x: 3.0, t.ones(2))


@program
def hvp_is_recorded(t: Any) -> Any:
    x, v = leaf(t), leaf(t, 3.0, 4.0)
    out, product = t.autograd.functional.hvp(lambda x: (x**4).sum(), x, v, create_graph=True)
    (product.sum() + out).backward()
    return x.grad, v.grad


# ---- writes


@program
def writes_through_views_of_views_with_other_dtypes(t: Any) -> Any:
    x = t.arange(12.0).reshape(3, 4).requires_grad_()
    y = x * 0.1
    view = y[1:].t()[0:2]
    view.mul_(t.tensor(2.0, dtype=t.float64))
    view[0].exp_()
    (y * y).sum().backward()
    return y, x.grad


@program
def comparison_in_place(t: Any) -> Any:
    y = leaf(t) * 1
    return y.gt_(1)


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_autograd_agrees(run: Callable[[Any], Any]) -> None:
    assert outcome(run, tg) == outcome(run, torch)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "x + 'a'": lambda t, x: x + "a",
    "x + [1]": lambda t, x: x + [1.0],
    "None + x": lambda t, x: None + x,
    "None // x": lambda t, x: None // x,
    "x < None": lambda t, x: x < None,
    "x == None": lambda t, x: x == None,  # noqa: E711
    "x != None": lambda t, x: x != None,  # noqa: E711
    "x += None": lambda t, x: x.__iadd__(None) is NotImplemented,
    "x += 'a'": lambda t, x: x.__iadd__("a") is NotImplemented,
    "x += [1]": lambda t, x: x.__iadd__([1.0]) is NotImplemented,
    "x //= 2": lambda t, x: x.__ifloordiv__(2),
    "x @ None": lambda t, x: x @ None,
    "x @ 2": lambda t, x: x @ 2.0,
    "2 ** x": lambda t, x: 2**x,
    "7 // x": lambda t, x: 7 // x,
    "divmod": lambda t, x: divmod(x, 2),
    "~x": lambda t, x: ~x,
    "8 >> i": lambda t, x: 8 >> t.tensor([1]),
    "1 << i": lambda t, x: 1 << t.tensor([1, 2]),
    "i <<= 1": lambda t, x: t.tensor([4]).__ilshift__(1),
    "i += x": lambda t, x: t.tensor([1, 2]).__iadd__(x),
    "'a' in x": lambda t, x: "a" in x,
    "None in x": lambda t, x: None in x,
    "1.0 in x": lambda t, x: 1.0 in x,
    "reversed": lambda t, x: reversed(x),
    "float": lambda t, x: float(x),
    "int": lambda t, x: int(x),
    "item": lambda t, x: x.item(),
    "dict": lambda t, x: {x: 1}[x],
    "x[0] = None": lambda t, x: x.__setitem__(0, None),
    "x[0] = 'a'": lambda t, x: x.__setitem__(0, "a"),
    "sum_to_size": lambda t, x: x.expand(3, 2).sum_to_size(1, 2),
    "sum_to_size(4)": lambda t, x: x.sum_to_size(4),
    "storage_offset": lambda t, x: x[1:].storage_offset(),
    "is_cuda": lambda t, x: (x.is_cuda, x.is_cpu, x.is_sparse, x.get_device(), x.is_signed(), x.is_same_size(x)),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_agrees(name: str) -> None:
    def run(t: Any) -> Any:
        return OPERATORS[name](t, t.tensor([1.0, 2.0]))

    assert outcome(run, tg) == outcome(run, torch)
