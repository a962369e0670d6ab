"""Gradient checks on drawn inputs: each planted mistake shrinks to the smallest input that shows it."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, example, seed, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu.op import op
from tinygrad_edu.testing import GradcheckError, check_gradients, check_gradients_given, strategies

F = tg.nn.functional
S = strategies
TENSOR = S.tensors()


def failure(test: Callable[[], None]) -> GradcheckError:
    """Run a test that is to fail, with many examples, and nothing remembered of earlier runs."""
    phases = set(Phase) - {Phase.explain, Phase.reuse}
    with pytest.raises(GradcheckError) as caught:
        settings(max_examples=200, database=None, derandomize=True, deadline=None, phases=phases)(test)()
    return caught.value


def code(error: GradcheckError) -> str:
    """Cut the lines out of a message that repeat the check."""
    return textwrap.dedent(str(error).partition("to repeat it:\n")[2])


def inputs(error: GradcheckError) -> list[str]:
    """Return the line that makes the arrays, and what stands between the brackets of the call."""
    made, call = code(error).split("\n")[-2:]
    return [made, call.partition(", ")[2].partition(", order=")[0]]


# ---- a dozen mistakes


@op(vjps=(lambda g, _out, x: g * x,))
def square(x):
    return x * x


@op(vjps=(lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g))
def subtract(x, y):
    return x - y


@op(vjps=(lambda g, _out, _x: g,))
def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


@op(vjps=(lambda g, _out, x: g * (1 + (x > 1.3)),))
def identity_below(x):
    return x + 0.0


class AddFirst(tg.autograd.Function):
    """An addition that gives the second operand one of the gradients that it should add up."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.ndim = y.ndim
        return x + y

    @staticmethod
    def backward(ctx, g):
        gy = g
        while gy.ndim > ctx.ndim:
            gy = gy[0]
        return g, gy


class AddMean(AddFirst):
    """An addition that gives the second operand the mean."""

    @staticmethod
    def backward(ctx, g):
        gy = g
        while gy.ndim > ctx.ndim:
            gy = gy.mean(0)
        return g, gy


@op(vjps=(lambda g, _out, x_shape: g.reshape(x_shape),))
def turned(x):
    return x.T


@op(vjps=(lambda g, _out, x_shape: g.reshape(x_shape),))
def read_as_stored(x):
    return x.ravel(order="K").reshape(x.shape)


@op(vjps=(lambda g, _out, x_shape, index: overwritten(g, x_shape, index),))
def take(x, index):
    return x[index]


@op(vjps=(lambda g, _out, _g, _shape, index: g[index],))
def overwritten(g, shape, index):
    result = np.zeros(shape)
    result[index] = g
    return result


@op(vjps=(lambda g, _out, x_shape: g * np.ones(x_shape),))
def largest(x):
    return x.max()


class Mean(tg.autograd.Function):
    """A mean over some axes that divides by the number of all entries."""

    @staticmethod
    def forward(ctx, x, dim, keepdim):
        ctx.shape, ctx.dim, ctx.keepdim = x.shape, dim, keepdim
        return x.mean(dim=dim, keepdim=keepdim) if dim is not None else x.mean()

    @staticmethod
    def backward(ctx, g):
        if ctx.dim is not None and not ctx.keepdim and ctx.shape:
            for axis in sorted(axis % len(ctx.shape) for axis in np.atleast_1d(ctx.dim).tolist()):
                g = g.unsqueeze(axis)
        return g.expand(ctx.shape) / math.prod(ctx.shape), None, None


class AddBias(tg.autograd.Function):
    """A bias whose gradient is added up over the batch only where there is one window."""

    @staticmethod
    def forward(ctx, x, bias):
        return x + bias.reshape(-1, 1)

    @staticmethod
    def backward(ctx, g):
        return g, g.reshape(-1, *g.shape[-2:]).sum(0)[:, 0]


def biased_conv1d(x, weight, bias, **options):
    out = F.conv1d(x, weight, **options)
    return out if bias is None else AddBias.apply(out, bias)


class Detached(tg.autograd.Function):
    """A square whose derivative is no longer a function of x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0].detach()


class HalfForBatches(tg.autograd.Function):
    """A product whose second gradient is wrong where the first operand has one batch axis."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x @ y

    @staticmethod
    def backward(ctx, g):
        with tg.enable_grad():
            x, y = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            gx, gy = tg.autograd.grad(x @ y, (x, y), g)
        return gx, gy / 2 if x.ndim == 3 else gy


ONE, TWO = "np.array(1.0)", "np.array([1.0, 1.0])"
SQUARE = "np.array([[1.0, 1.0], [1.0, 1.0]])"
INDEX = S.integers_below(3, S.shapes(1, 2))
# Of two inputs that are equally small, hypothesis finds one or the other: it reads numbers to try out of the code.
MIRRORED = {"x = np.array([[1.0, 1.0]])": ["x = np.array([[1.0], [1.0]])", "(x, 1, False)"]}


@pytest.mark.parametrize(
    ("function", "group", "named", "order", "arrays", "call"),
    [
        (square, (), {"x": TENSOR}, 1, f"x = {ONE}", "(x,)"),
        (subtract, (S.broadcastable(2),), {}, 1, f"x, y = {ONE}, {ONE}", "(x, y)"),
        (leaky, (), {"x": TENSOR}, 1, "x = np.array(-1.0)", "(x,)"),
        (leaky, (), {"x": S.tensors(elements=S.elements(avoid=[0]))}, 1, "x = np.array(-1.0)", "(x,)"),
        (AddFirst.apply, (S.broadcastable(2),), {}, 1, f"x, y = {TWO}, {ONE}", "(x, y)"),
        (AddMean.apply, (S.broadcastable(2),), {}, 1, f"x, y = {TWO}, {ONE}", "(x, y)"),
        (turned, (), {"x": TENSOR}, 1, f"x = {SQUARE}", "(x,)"),
        (read_as_stored, (), {"x": TENSOR}, 1, f"x = {SQUARE}.transpose(1, 0)", "(x,)"),
        (take, (S.tensors((3,)),), {"index": INDEX}, 1, "x, index = np.array([1.0, 1.0, 1.0]), np.array([0, 0])",
         "(x, index)"),
        (largest, (TENSOR,), {}, 1, f"x = {TWO}", "(x,)"),
        (Mean.apply, (S.reductions(),), {}, 1, "x = np.array([[1.0, 1.0]])", "(x, 0, False)"),
        (HalfForBatches.apply, (S.matmul_operands(),), {}, 1, "x, y = np.array([[[1.0]]]), np.array([1.0])", "(x, y)"),
        (Detached.apply, (), {"x": TENSOR}, 2, f"x = {ONE}", "(x,)"),
        (
            biased_conv1d,
            (S.convolutions(1),),
            {},
            1,
            "x, weight, bias = np.array([[1.0, 1.0]]), np.array([[[1.0]]]), np.array([1.0])",
            "(x, weight, bias), kwargs={'stride': (1,), 'padding': (0,), 'dilation': (1,), 'groups': 1}",
        ),
    ],
)  # fmt: skip
def test_mistake_shrinks_to_the_smallest_input_that_shows_it(
    function: Any, group: Any, named: Any, order: int, arrays: str, call: str
) -> None:
    error = failure(check_gradients_given(*group, order=order, **named)(function))
    assert inputs(error) in ([arrays, call], MIRRORED.get(arrays))
    assert error.report.order == order
    assert str(error.report) in str(error)
    with pytest.raises(GradcheckError, match="WRONG"):
        exec(code(error))


def test_nothing_is_random_about_a_failure() -> None:
    first, second = (failure(check_gradients_given(S.broadcastable(2))(AddFirst.apply)) for _ in range(2))
    assert str(first) == str(second)


# ---- right derivatives


RUNS: list[str] = []


@check_gradients_given(S.broadcastable(2), order=1)
def test_function_with_a_group(x, y):
    RUNS.append("group")
    assert isinstance(x, tg.Tensor)
    return x * y.tanh()


@check_gradients_given(S.broadcastable(2), TENSOR, w=TENSOR, scale=st.sampled_from([1.0, 2.0]), order=1)
def test_function_with_groups_and_names(x, y, z, scale, w):
    return (x + y).sum() + (z * w.sum() * scale).sum()


@pytest.mark.parametrize("power", [1, 2])
@check_gradients_given(x=TENSOR, order=1)
def test_function_with_a_parameter_of_pytest(request, x, power):
    assert request.node.callspec.params["power"] == power
    return x**power


class TestMethods:
    @check_gradients_given(x=TENSOR, order=1)
    def test_method(self, x):
        assert isinstance(self, TestMethods)
        return x.exp()


@check_gradients_given(S.convolutions(1, max_channels=1), order=2, max_examples=5)
def test_function_with_keywords(x, weight, bias, **options):
    assert set(options) == {"stride", "padding", "dilation", "groups"}
    return F.conv1d(x, weight, bias, **options)


def test_ops_functions_and_modules_are_checked_as_they_are() -> None:
    layer = tg.nn.Linear(2, 3).double()
    check_gradients_given(S.broadcastable(2), max_examples=5)(tg.mul)()
    check_gradients_given(other=TENSOR, input=S.tensors(()), max_examples=5)(tg.mul)()
    check_gradients_given(x=S.tensors((2,)), max_examples=5)(Right.apply)()
    check_gradients_given(input=S.tensors((4, 2)), max_examples=5)(layer)()
    check_gradients_given(S.tensors((4, 2)), max_examples=5)(lambda x: layer(x))()


class Right(tg.autograd.Function):
    @staticmethod
    def forward(x):
        return 3 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return 3 * g


def test_only_tensors_that_want_a_gradient_are_checked() -> None:
    plain = S.tensors((2,), requires_grad=False)
    check_gradients_given(x=TENSOR, y=plain, max_examples=10)(lambda x, y: x * y.detach().sum())()
    error = failure(check_gradients_given(x=plain, y=TENSOR)(lambda x, y: x.detach().sum() * y.detach() * y))
    assert inputs(error) == ["x, y = from_numpy(np.array([1.0, 1.0])), np.array(1.0)", "(x, y)"]
    assert code(error).startswith("from tinygrad_edu import from_numpy\n")


# ---- keywords that are drawn


def wanted() -> tg.Tensor:
    return tg.tensor([2.0, 3.0], dtype=tg.float64, requires_grad=True)


def with_keywords(**kwargs: Any) -> S.Arguments:
    return S.Arguments((wanted(),), kwargs)


def shifted(x, mean, w=None):
    """Subtract a mean that the gradient does not go through: a wrong derivative, if it were asked for."""
    return (x - tg.as_tensor(mean).detach()) * (1 if w is None else w)


@pytest.mark.parametrize("mean", [np.ones(2), tg.ones(2, dtype=tg.float64)])
def test_arrays_drawn_as_keywords_stay_keywords_and_are_not_checked(mean: Any) -> None:
    got: list[Any] = []

    def noted(x, mean, scale=1.0):
        got.append(mean)
        return shifted(x, mean) * scale

    check_gradients_given(st.just(with_keywords(mean=mean, scale=2.0)), max_examples=1)(noted)()
    assert all(value is mean for value in got)
    assert check_gradients(shifted, (wanted(),), kwargs={"mean": mean})  # as it does with its kwargs


def test_tensor_that_wants_a_gradient_is_checked_though_it_is_drawn_as_a_keyword() -> None:
    error = failure(check_gradients_given(st.just(with_keywords(mean=wanted())))(shifted))
    assert [(entry.input, entry.analytic) for entry in error.report.entries] == [("input 1", 0.0)] * 2


def test_array_with_a_name_of_its_own_is_checked() -> None:
    error = failure(check_gradients_given(x=TENSOR, mean=st.just(np.ones(())))(shifted))
    assert {entry.input for entry in error.report.entries} == {"input 1"}


def test_failure_with_an_array_as_a_keyword_is_repeated_with_it() -> None:
    def wrong(x, mean, scale=1.0):
        return x.detach() * x - tg.as_tensor(mean) * scale

    error = failure(check_gradients_given(st.just(with_keywords(mean=np.ones(2), scale=2.0)))(wrong))
    assert inputs(error)[1] == "(x,), kwargs={'mean': np.array([1.0, 1.0]), 'scale': 2.0}"


# ---- as a hypothesis test


def test_settings_seed_and_examples_go_on_top() -> None:
    seen: list[float] = []

    @settings(max_examples=7, database=None)
    @seed(3)
    @example(x=tg.tensor(0.125, dtype=tg.float64, requires_grad=True))
    @check_gradients_given(x=S.tensors(()), order=1)
    def test(x):
        seen.append(x.item())
        return x * 2

    test()
    assert seen[0] == 0.125
    first = list(dict.fromkeys(seen))
    seen.clear()
    test()
    assert list(dict.fromkeys(seen)) == first


@pytest.mark.parametrize("wanted", [1, 4])
def test_number_of_examples(wanted: int) -> None:
    drawn: list[int] = []
    numbers = st.integers(0, 10**6).map(lambda n: drawn.append(n) or n)
    check_gradients_given(x=S.tensors(()), n=numbers, max_examples=wanted)(lambda x, n: x * n)()
    assert len(drawn) == wanted
    drawn.clear()
    settings(max_examples=2 * wanted)(check_gradients_given(x=S.tensors(()), n=numbers)(lambda x, n: x * n))()
    assert len(drawn) == 2 * wanted


def test_a_slow_first_check_is_no_failure() -> None:
    program = """
        import time
        from tinygrad_edu.testing import check_gradients_given, strategies
        waits = [0.4]  # twice the deadline that hypothesis has by default

        @check_gradients_given(x=strategies.tensors(), max_examples=3)
        def doubled(x):
            time.sleep(waits.pop() if waits else 0)
            return 2 * x

        doubled()
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], cwd=ROOT, check=True)


FILE = """
    import pytest
    import tinygrad_edu as tg
    from tinygrad_edu.testing import check_gradients_given, strategies

    @check_gradients_given(x=strategies.tensors(), max_examples=20)
    def test_right(x):
        return x.sin()

    @check_gradients_given(x=strategies.tensors(), max_examples=20)
    def test_wrong(x):
        return x.detach() * x
"""


def test_pytest_collects_it_and_shows_what_to_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{pytester.path}")
    pytester.makepyfile(test_drawn=FILE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    lines = [line.removeprefix("E").strip() for line in result.outlines]
    start = lines.index("import numpy as np")
    assert lines[start + 2 : start + 4] == ["from test_drawn import test_wrong", "x = np.array(1.0)"]
    pasted = [sys.executable, "-c", "\n".join(lines[start : start + 5])]
    again = subprocess.run(pasted, cwd=pytester.path, capture_output=True, text=True)
    assert "gradient check of test_wrong, order 1: WRONG" in again.stderr


# ---- what is refused


def takes_x_and_y(x, y):
    return x + y


def by_keyword(x, *, w):
    return x * w


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda: check_gradients_given(), "there is nothing to draw; give a group"),
        (lambda: check_gradients_given(order=1), "there is nothing to draw"),
        (lambda: check_gradients_given(takes_x_and_y), "group0 is <function takes_x_and_y.* is not a strategy"),
        (lambda: check_gradients_given(x=1.0), "x is 1.0, which is not a strategy; .*strategies.just"),
        (lambda: check_gradients_given(z=TENSOR)(takes_x_and_y), r"takes_x_and_y\(x, y\) has no argument 'z'"),
        (lambda: check_gradients_given(z=TENSOR)(tg.mul), r"mul\(input.* has no argument 'z'"),
        (lambda: check_gradients_given(S.broadcastable(3))(takes_x_and_y)(), r"\(x, y\) does not take the 3 leading"),
        (lambda: check_gradients_given(TENSOR)(takes_x_and_y)(), "missing a required argument: 'y'"),
        (lambda: check_gradients_given(TENSOR, x=TENSOR)(takes_x_and_y)(), "multiple values for argument 'x'"),
        (
            lambda: check_gradients_given(x=TENSOR, w=TENSOR)(by_keyword)(),
            r"by_keyword\(x, \*, w\) gets w by keyword, and",
        ),
        (
            lambda: check_gradients_given(st.just(with_keywords(mean=np.ones(2), w=wanted())))(shifted)(),
            r"shifted\(x, mean, w=None\) gets w by keyword, .* before the arrays that are drawn as keywords",
        ),
    ],
)
def test_wrong_use_gets_a_sentence(use: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        use()


def test_function_without_anything_to_check_is_an_error() -> None:
    with pytest.raises(ValueError, match="no derivative to check"):
        check_gradients_given(x=S.tensors(dtype=np.int64))(takes_x_and_y_once)()


def takes_x_and_y_once(x):
    return x


def test_error_of_the_function_is_not_hidden() -> None:
    def division(x):
        return x / {}[x.ndim]

    with pytest.raises(KeyError):
        check_gradients_given(x=TENSOR)(division)()


def test_function_itself_stays_reachable() -> None:
    inner = test_function_with_a_group.function
    assert check_gradients(inner, (np.array(1.0), np.array(2.0))).ok
    RUNS.clear()
    test_function_with_a_group()
    assert RUNS
