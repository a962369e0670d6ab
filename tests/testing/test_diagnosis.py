"""The likely mistake is named: planted ones on real Jacobians, and no name where none is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygrad_edu.testing.diagnosis import Evidence, diagnose
from tinygrad_edu.testing.report import Diagnosis

Array = np.ndarray[Any, Any]
STEP = 1e-3


def draw(*shape: int, seed: int = 0) -> Array:
    """Draw values of both signs, none close to zero, none twice."""
    rng = np.random.default_rng(sum(shape) + 31 * seed)
    size = int(np.prod(shape))
    steps = 0.2 + 1.5 * (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / max(size, 1)
    return (steps * np.where(rng.permutation(size) % 2, 1, -1)).reshape(shape)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def convolve(x: Array, w: Array) -> Array:
    """Convolve rows: (C, L), (O, C, K) -> (O, L - K + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[-1], axis=1)
    return np.einsum("clk,ock->ol", windows, w)


READ = np.array([0, 2, 2, 1, 2, 0])

FUNCTIONS: dict[str, tuple[Callable[..., Array], list[Array]]] = {
    "exp": (np.exp, [draw(2, 3)]),
    "exp of one": (np.exp, [draw(1)]),
    "exp of a number": (np.exp, [draw()]),
    "square": (np.square, [draw(7)]),
    "mul": (np.multiply, [draw(2, 3), draw(2, 3, seed=1)]),
    "mul, a row": (np.multiply, [draw(4, 3), draw(3)]),
    "mul, a column": (np.multiply, [draw(4, 3), draw(4, 1)]),
    "mul, a number": (np.multiply, [draw(), draw(3, 2)]),
    "sub": (np.subtract, [draw(5), draw(5, seed=1)]),
    "add a bias": (lambda x, b: x + b[:, None, None], [draw(3, 2, 4), draw(3)]),
    "outer": (np.multiply.outer, [draw(3), draw(3, seed=1)]),
    "matmul": (np.matmul, [draw(3, 3), draw(3, 3, seed=1)]),
    "matmul, not square": (np.matmul, [draw(4, 3), draw(3, 2, seed=1)]),
    "matmul, a batch": (np.matmul, [draw(4, 2, 3), draw(3, 3)]),
    "read": (lambda x: x[READ], [draw(4)]),
    "read rows": (lambda x: x[READ], [draw(4, 3)]),
    "sum": (lambda x: x.sum(), [draw(2, 3)]),
    "sum of rows": (lambda x: (x**3).sum(1), [draw(3, 4)]),
    "mean": (lambda x: (x**3).mean(0), [draw(5, 2)]),
    "leaky": (lambda x: np.where(x > 0, x, 0.1 * x), [draw(3, 4)]),
    "relu": (lambda x: np.maximum(x, 0), [draw(8)]),
    "convolve": (convolve, [draw(2, 6), draw(3, 2, 3)]),
    "softmax": (softmax, [draw(2, 4)]),
    "join": (lambda x, y: np.concatenate([x, y**2]), [draw(3, 2), draw(2, 2)]),
    "permute": (lambda x: np.sin(x).transpose(2, 0, 1), [draw(2, 3, 4)]),
    "flip": (lambda x: x[:, ::-1], [draw(2, 3)]),
    "pick": (lambda x: x[1:2, 2] ** 2, [draw(3, 4)]),
    "distance": (lambda x, y: ((x - y) ** 2).mean(), [draw(2, 3), draw(2, 3, seed=1)]),
}


@cache
def right(name: str) -> list[Evidence]:
    """Give the Jacobians of a function, by differences, with a backward pass that is right but for round-off."""
    function, inputs = FUNCTIONS[name]
    return [evidence(function, inputs, i) for i in range(len(inputs))]


def evidence(function: Callable[..., Array], inputs: Sequence[Array], i: int) -> Evidence:
    columns = [column(function, inputs, i, k) for k in range(inputs[i].size)]
    out = np.shape(function(*inputs))
    numeric = np.stack(columns, axis=1) if columns else np.zeros((int(np.prod(out)), 0))
    return Evidence(
        name=f"input {i}",
        values=inputs[i],
        columns=np.arange(inputs[i].size),
        rows=np.arange(len(numeric)),
        output_shapes=[out],
        analytic=numeric * (1 + 1e-13),
        numeric=numeric,
        uncertainty=1e-9 * (1 + np.abs(numeric)),
        wrong=np.zeros(numeric.shape, bool),
        smooth=np.ones(inputs[i].size, bool),
        complete=True,
    )


def column(function: Callable[..., Array], inputs: Sequence[Array], i: int, k: int) -> Array:
    """Differentiate along one entry: central differences at h and h/2, extrapolated."""

    def quotient(step: float) -> Array:
        ends = []
        for end in (step, -step):
            moved = [np.array(value, np.float64) for value in inputs]
            moved[i].reshape(-1)[k] += end
            ends.append(np.asarray(function(*moved), np.float64).reshape(-1))
        return (ends[0] - ends[1]) / (2 * step)

    return (4 * quotient(STEP / 2) - quotient(STEP)) / 3


def changed(e: Evidence, analytic: Array) -> Evidence:
    """Give the evidence with another backward pass, judged entry by entry."""
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(analytic - e.numeric) <= 4 * e.uncertainty)
    return replace(e, analytic=np.asarray(analytic, np.float64), wrong=wrong)


def diagnose_with(name: str, analytic: dict[int, Array]) -> list[Diagnosis]:
    everything = right(name)
    return diagnose([changed(e, analytic.get(i, e.analytic)) for i, e in enumerate(everything)], 1)


# ---- mistakes, as what they do to a Jacobian


def per_gradient(change: Callable[[Array], Array]) -> Callable[[Evidence], Array]:
    """Make a mistake of a function of the gradient, an array of the input's shape."""

    def apply(e: Evidence) -> Array:
        rows = [np.broadcast_to(change(row.reshape(e.values.shape)), e.values.shape) for row in e.numeric]
        return np.array(rows).reshape(e.numeric.shape)

    return apply


def transposed(g: Array) -> Array:
    return g.T.reshape(g.shape)


def reshaped(g: Array) -> Array:
    return g.reshape(g.shape[::-1]).T


def exchanged(g: Array) -> Array:
    return g.swapaxes(0, -1).reshape(g.shape) if g.ndim > 1 else g


def incoming_transposed(e: Evidence) -> Array:
    out = e.output_shapes[0]
    return e.numeric[np.arange(len(e.rows)).reshape(out).T.reshape(-1)] if len(out) > 1 else e.numeric


def last_write(e: Evidence) -> Array:
    """Keep of each column the last entry that is not zero."""
    there = np.abs(e.numeric) > 1e-6
    last = len(there) - 1 - np.argmax(there[::-1], axis=0)
    return np.where(np.arange(len(there))[:, None] == last, e.numeric, 0.0)


def below_zero(factor: float) -> Callable[[Evidence], Array]:
    return lambda e: np.where(e.values.reshape(-1) < 0, factor, 1.0) * e.numeric


def zero_slice(axis: int) -> Callable[[Evidence], Array]:
    def change(g: Array) -> Array:
        if g.ndim <= axis:
            return g
        g = g.copy()
        g[(slice(None),) * axis + (0,)] = 0
        return g

    return per_gradient(change)


class Mutant(NamedTuple):
    """A mistake in the derivative of one function with respect to one input."""

    kind: str
    function: str
    input: int
    analytic: Array


ANYWHERE: dict[str, list[Callable[[Evidence], Array]]] = {
    "factor": [lambda e, c=c: c * e.numeric for c in (2, 0.5, 1.01, 3, 0.1, 1 / 7)],
    "sign": [lambda e: -e.numeric],
    "transposed": [*map(per_gradient, (transposed, reshaped, exchanged)), incoming_transposed],
    "zero": [lambda e: 0 * e.numeric, zero_slice(0), zero_slice(1)],
    "half-line": [below_zero(0.0), below_zero(2.0), below_zero(-1.0)],
    "proportional": [
        lambda e: e.numeric * e.values.reshape(-1),
        lambda e: e.numeric / e.values.reshape(-1),
        lambda e: e.numeric + 0.01 * e.values.reshape(-1),
        lambda e: e.numeric * (1 + 0.1 * e.values.reshape(-1)),
    ],
}


def mutants() -> Iterator[Mutant]:
    """List the mistakes that can be made anywhere, where they can be told from others."""
    for name in FUNCTIONS:
        for i, e in enumerate(right(name)):
            for kind, changes in ANYWHERE.items():
                for change in changes:
                    mutant = Mutant(kind, name, i, change(e))
                    if can_be_told(mutant, e):
                        yield mutant


def can_be_told(mutant: Mutant, e: Evidence) -> bool:
    wrong = np.abs(mutant.analytic - e.numeric) > 1e-6
    x = e.values.reshape(-1)[(np.abs(e.numeric) > 1e-6).any(axis=0)]
    if mutant.kind == "half-line":
        return min((x > 0).sum(), (x < 0).sum()) > 1
    if mutant.kind == "proportional":
        return len(x) > 1 and (mutant.function, mutant.input) != ("square", 0)  # 2 x + 0.01 x is a factor
    return bool(wrong.any())


def test_planted_mistake_is_named_in_every_function() -> None:
    seen: Counter[str] = Counter()
    missed = []
    for mutant in mutants():
        kinds = [d.kind for d in diagnose_with(mutant.function, {mutant.input: mutant.analytic})]
        seen[mutant.kind] += 1
        assert len(kinds) <= 2
        if mutant.kind not in kinds:
            missed.append((mutant.kind, mutant.function, mutant.input, kinds))
    assert missed == []
    assert all(seen[kind] > 20 for kind in ANYWHERE), seen


def test_the_first_name_is_nearly_always_the_planted_one() -> None:
    """Count planted against named: what is beside the diagnosis of another mistake is in this list."""
    table: Counter[tuple[str, str]] = Counter()
    for mutant in mutants():
        first = diagnose_with(mutant.function, {mutant.input: mutant.analytic})[0].kind
        table[mutant.kind, first] += 1
    confused = {pair: count for pair, count in table.items() if pair[0] != pair[1]}
    assert sum(confused.values()) < 0.05 * table.total(), confused


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_derivative_has_no_diagnosis(name: str) -> None:
    assert diagnose(right(name), 1) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mistake_without_a_pattern_has_no_diagnosis(name: str) -> None:
    rng = np.random.default_rng(4)
    for i, e in enumerate(right(name)):
        one = e.numeric.copy()
        one[:, rng.integers(len(e.columns))] *= 1.0234567
        for analytic in (
            e.numeric * rng.uniform(0.3, 1.7, e.numeric.shape),
            e.numeric * rng.uniform(0.3, 1.7, len(e.columns)),
            e.numeric + rng.normal(size=e.numeric.shape),
            e.numeric + rng.normal(size=len(e.columns)),
            one,
        ):
            assert diagnose_with(name, {i: analytic}) == [], (name, i)


# ---- what is said


def said(name: str, analytic: dict[int, Array]) -> tuple[str, str]:
    """Give the kind and the sentence of the likeliest mistake."""
    first = diagnose_with(name, analytic)[0]
    return first.kind, first.message


def jacobian(name: str, i: int = 0) -> Array:
    return right(name)[i].numeric


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (2, "is 2 times what it should be"),
        (0.5, "is 1/2 of what it should be"),
        (1.01, "is 1.01 times"),
        (-3, "is -3 times"),
        (np.log(2), "is ln 2 times"),
        (1 / np.sqrt(2 * np.pi), "is 1/sqrt(2 pi) of"),
        (0.7361, "is 0.7361 times"),
    ],
)
def test_a_factor_is_called_what_people_call_it(factor: float, words: str) -> None:
    kind, message = said("softmax", {0: factor * jacobian("softmax")})
    assert kind == "factor"
    assert f"The gradient of input 0 {words}" in message


@pytest.mark.parametrize(
    ("name", "factor", "words"),
    [
        ("mean", 5, "5 is the size of the reduced axis 0 of input 0: a sum where a mean is right"),
        ("sum of rows", 1 / 4, "4 is the size of the reduced axis 1 of input 0: a mean where a sum is right"),
        ("sum", 1 / 6, "6 is the size of the reduced axes 0 and 1 of input 0"),
        ("exp", 1 / 6, "6 is the size of the output"),
        ("read rows", 1 / 4, "4 is the size of axis 0 of input 0"),
    ],
)
def test_a_factor_that_is_a_size_is_called_so(name: str, factor: float, words: str) -> None:
    kind, message = said(name, {0: factor * jacobian(name)})
    assert kind == "factor"
    assert words in message


def test_wrong_sign_of_the_second_operand() -> None:
    kind, message = said("sub", {1: -jacobian("sub", 1)})
    assert kind == "sign"
    assert "input 1 has the wrong sign in every entry" in message


@pytest.mark.parametrize(
    ("name", "i", "size", "axes"),
    [
        ("mul, a row", 1, 4, "axis 0"),
        ("mul, a column", 1, 3, "axis 1"),
        ("mul, a number", 0, 6, "axes 0 and 1"),
        ("add a bias", 1, 8, "axes 1 and 2"),
        ("matmul, a batch", 1, 4, "axis 0"),
        ("outer", 0, 3, "axis 1"),
    ],
)
def test_mean_over_broadcast_axes(name: str, i: int, size: int, axes: str) -> None:
    kind, message = said(name, {i: jacobian(name, i) / size})
    assert kind == "broadcast"
    assert f"1/{size} of what it should be" in message
    assert f"size of the broadcast {axes} of the output" in message
    assert "Sum the gradient" in message


@pytest.mark.parametrize(
    ("name", "i", "axes"),
    [
        ("mul, a row", 1, (0,)),
        ("mul, a column", 1, (1,)),
        ("mul, a number", 0, (0,)),
        ("mul, a number", 0, (0, 1)),
        ("add a bias", 1, (2,)),
        ("add a bias", 1, (1, 2)),
        ("matmul, a batch", 1, (0,)),
    ],
)
@pytest.mark.parametrize("end", ["first", "last"])
def test_one_slice_of_a_broadcast_axis(name: str, i: int, axes: tuple[int, ...], end: str) -> None:
    e = right(name)[i]
    out = e.output_shapes[0]
    places = np.unravel_index(e.rows, out)
    at = [0 if end == "first" else out[axis] - 1 for axis in axes]
    kept = np.logical_and.reduce([places[axis] == k for axis, k in zip(axes, at)])
    kind, message = said(name, {i: e.numeric * kept[:, None]})
    assert kind == "broadcast"
    for axis, k in zip(axes, at):
        assert f"slice {k} of broadcast axis {axis}" in message
    assert "sum the gradient over" in message


def test_sum_over_the_wrong_axis() -> None:
    x, y = draw(3, 3), draw(3)
    everything = [evidence(np.multiply, [x, y], i) for i in range(2)]
    kept = np.zeros((3, 3, 3))
    for row, place in np.ndindex(3, 3):
        kept[row, place, row] = x[row, place]  # (g * x).sum(1), where y lies along axis 1
    (found,) = diagnose([everything[0], changed(everything[1], kept.reshape(9, 3))], 1)
    assert found.kind == "broadcast"
    assert "summed over axis 1 of the output, but input 1 was broadcast along axis 0" in found.message


def test_transposed_gradient_says_how() -> None:
    kind, message = said("matmul", {0: per_gradient(transposed)(right("matmul")[0])})
    assert kind == "transposed"
    assert "axes 0 and 1 are exchanged. Transpose it back" in message
    assert "reshaped to [4, 3]" in said("mul, a row", {0: per_gradient(reshaped)(right("mul, a row")[0])})[1]
    last = per_gradient(lambda g: g.transpose(1, 2, 0).reshape(g.shape))(right("permute")[0])
    assert "permuted by" in said("permute", {0: last})[1]


def test_operand_that_should_have_been_transposed() -> None:
    _, (x, y) = FUNCTIONS["matmul"]
    g = np.eye(9).reshape(9, 3, 3)
    kind, message = said("matmul", {0: (g @ y).reshape(9, 9)})  # for g @ y.T
    assert kind == "transposed"
    assert "(.T) of the other operand" in message
    kind, message = said("matmul", {1: (x @ g).reshape(9, 9)})  # for x.T @ g
    assert kind == "transposed"


def test_backward_that_goes_forward() -> None:
    x = draw(4)
    e = evidence(np.cumsum, [x], 0)
    (found,) = diagnose([changed(e, e.numeric.T)], 1)
    assert found.kind == "transposed"
    assert "goes through the transposed Jacobian" in found.message
    e = evidence(lambda x: np.roll(x, 1), [draw(2, 3)], 0)
    (found,) = diagnose([changed(e, e.numeric.T)], 1)
    assert "goes through the transposed Jacobian" in found.message


@pytest.mark.parametrize(("name", "reads"), [("read", 3), ("read rows", 3)])
def test_overwriting_where_an_entry_is_read_several_times(name: str, reads: int) -> None:
    e = right(name)[0]
    kind, message = said(name, {0: last_write(e)})
    assert kind == "overwrites"
    assert f"an entry of input 0 that is read {reads} times gets the gradient of one read only" in message
    assert "np.add.at" in message
    first = last_write(replace(e, numeric=e.numeric[::-1]))[::-1]
    assert said(name, {0: first})[0] == "overwrites"


def test_overwriting_windows_of_a_convolution() -> None:
    x, w = FUNCTIONS["convolve"][1]
    grads = np.zeros((12, *x.shape))
    for row, g in enumerate(np.eye(12).reshape(12, 3, 4)):
        for start in range(4):
            grads[row, :, start : start + 3] = np.einsum("o,ock->ck", g[:, start], w)  # += is right
    kind, message = said("convolve", {0: grads.reshape(12, -1)})
    assert kind == "overwrites"
    assert "read 3 times" in message


def test_overwriting_that_shows_in_a_sum_only() -> None:
    e = evidence(lambda x: x[READ].sum(), [draw(4)], 0)
    np.testing.assert_allclose(e.numeric, [[2, 1, 3, 0]], atol=1e-9)
    (found,) = diagnose([changed(e, np.array([[1.0, 1, 1, 0]]))], 1)
    assert found.kind == "overwrites"


def test_zero_gradient_says_where() -> None:
    whole = said("mul", {1: 0 * jacobian("mul", 1)})
    assert whole[0] == "zero"
    assert "The gradient of input 1 is zero everywhere" in whole[1]

    def without(*places: Any) -> Array:
        def change(g: Array) -> Array:
            g = g.copy()
            for place in places:
                g[place] = 0
            return g

        return per_gradient(change)(right("leaky")[0])

    assert "in slices 0 and 2 along axis 1 of input 0" in said("leaky", {0: without(np.s_[:, ::2])})[1]
    assert "in slice 1 along axis 0 of input 0" in said("leaky", {0: without(1)})[1]
    assert "in everything but slice 3 along axis 1" in said("leaky", {0: without(np.s_[:, :3])})[1]
    assert "in entries [0, 1] and [1, 3] of input 0" in said("leaky", {0: without((0, 1), (1, 3))})[1]


def test_outputs_that_send_nothing_back() -> None:
    analytic = jacobian("matmul, not square", 1).reshape(4, 2, -1).copy()
    analytic[1:] = 0  # only the first of the batch is counted
    kind, message = said("matmul, not square", {1: analytic.reshape(8, -1)})
    assert kind == "zero"
    assert "everything but slice 0 along axis 0 of the output" in message
    assert "Sum over axis 0" in message


@pytest.mark.parametrize(
    ("factor", "words"), [(0.0, ", where it is zero"), (2.0, ", where it is 2 times"), (-1.0, "wrong sign")]
)
def test_half_line_says_what_is_wrong_there(factor: float, words: str) -> None:
    kind, message = said("leaky", {0: below_zero(factor)(right("leaky")[0])})
    assert kind == "half-line"
    assert "right where input 0 > 0 and wrong where it is < 0" in message
    assert words in message


def test_half_line_with_another_mistake_on_it() -> None:
    kind, message = said("relu", {0: np.eye(8)})  # the gradient passes everywhere
    assert kind == "half-line"
    assert "wrong where it is < 0" in message
    x = right("exp")[0].values.reshape(-1)
    kind, message = said("exp", {0: np.where(x > 0, np.sin(x), 1.0) * jacobian("exp")})
    assert kind == "half-line"
    assert "wrong where it is > 0: look at the branch" in message


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("mul", lambda n, x, y: n * y, "multiplied by input 1 once too often"),
        ("mul", lambda n, x, y: n / x, "divided by input 0 once too often"),
        ("mul", lambda n, x, y: -2 * n * x, "multiplied by input 0 once too often, element by element (and by -2)"),
        ("mul", lambda n, x, y: n + 0.01 * x, "0.01 times input 0, which is added whatever the incoming gradient is"),
        ("mul", lambda n, x, y: n + 0.5 * np.diag(x), "0.5 times input 0, which is added to the derivative"),
        ("mul", lambda n, x, y: n * (1 + y / 3), "1/3 times input 1, which is added times the gradient itself"),
        ("matmul", lambda n, x, y: n + 0.1 * y, "0.1 times input 1"),
    ],
)
def test_an_input_too_much_is_named(name: str, change: Callable[..., Array], words: str) -> None:
    x, y = (value.reshape(-1) for value in FUNCTIONS[name][1])
    kind, message = said(name, {0: change(jacobian(name), x, y)})
    assert kind == "proportional"
    assert words in message


def test_an_input_too_much_before_the_sum_over_broadcast_axes() -> None:
    x = FUNCTIONS["mul, a row"][1][0].reshape(-1)
    kind, message = said("mul, a row", {1: jacobian("mul, a row", 1) * x[:, None]})
    assert kind == "proportional"
    assert "multiplied by input 0" in message


def test_number_multiplied_by_itself_is_no_odd_factor() -> None:
    x = float(FUNCTIONS["mul, a number"][1][0])
    kind, message = said("mul, a number", {0: x * jacobian("mul, a number")})
    assert kind == "proportional"
    assert "multiplied by input 0" in message


@pytest.mark.parametrize("name", ["mul", "matmul", "distance", "sub"])
def test_exchanged_gradients_are_told_once(name: str) -> None:
    found = [d for d in diagnose_with(name, {0: jacobian(name, 1), 1: jacobian(name)}) if d.kind == "swapped"]
    assert len(found) == 1
    assert "gradients of input 0 and input 1 are exchanged" in found[0].message


def test_derivative_of_the_other_input() -> None:
    kind, message = said("mul", {1: jacobian("mul")})
    assert kind == "swapped"
    assert "The gradient of input 1 is the derivative with respect to input 0" in message


def test_derivative_of_the_other_input_of_another_shape() -> None:
    x = FUNCTIONS["mul, a row"][1][0]
    own = np.zeros((4, 3, 12))
    for place, (i, k) in enumerate(np.ndindex(4, 3)):
        own[i, k, place] = x[i, k]  # g * x, where g * y is right
    assert said("mul, a row", {0: own.reshape(12, 12)})[0] == "swapped"


# ---- evidence of every form


def sampled(e: Evidence, rows: Sequence[int], columns: Sequence[int]) -> Evidence:
    names = ("analytic", "numeric", "uncertainty", "wrong")
    parts = {name: getattr(e, name)[np.ix_(rows, columns)] for name in names}
    smooth = e.smooth[list(columns)]
    return replace(e, rows=np.array(rows), columns=np.array(columns), smooth=smooth, complete=False, **parts)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("factor", lambda e: 2 * e.numeric),
        ("sign", lambda e: -e.numeric),
        ("zero", lambda e: 0 * e.numeric),
        ("half-line", below_zero(0.0)),
        ("proportional", lambda e: e.numeric * e.values.reshape(-1)),
    ],
)
def test_a_sample_of_the_jacobian_is_enough(kind: str, change: Callable[[Evidence], Array]) -> None:
    e = right("leaky")[0]
    part = sampled(changed(e, change(e)), range(12), [0, 1, 3, 4, 6, 7, 9, 10])
    assert diagnose([part], 1)[0].kind == kind


def test_a_sample_does_not_tell_arrangements() -> None:
    e = right("matmul")[0]
    part = sampled(changed(e, per_gradient(transposed)(e)), range(9), [0, 1, 2, 5, 6, 7])
    assert diagnose([part], 1) == []


def test_columns_at_kinks_are_left_out() -> None:
    e = right("exp")[0]
    analytic = 2 * e.numeric
    analytic[:, 2] = 17.0
    kinked = replace(changed(e, analytic), smooth=np.arange(6) != 2)
    assert [d.kind for d in diagnose([kinked], 1)] == ["factor"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_is_said_beside_nan_and_infinity(value: float) -> None:
    analytic = 2 * jacobian("exp")
    analytic[3, 3] = value
    assert diagnose_with("exp", {0: analytic}) == []


def test_numeric_values_that_are_unknown_are_left_out() -> None:
    e = changed(right("softmax")[0], 2 * jacobian("softmax"))
    numeric, uncertainty = e.numeric.copy(), e.uncertainty.copy()
    numeric[0, 0], uncertainty[1, 1] = np.nan, np.inf
    assert [d.kind for d in diagnose([replace(e, numeric=numeric, uncertainty=uncertainty)], 1)] == ["factor"]


def test_errors_that_drown_in_the_uncertainty_are_not_explained() -> None:
    e = right("exp")[0]
    coarse = replace(e, uncertainty=0.2 * np.abs(e.numeric), analytic=2 * e.numeric, wrong=np.eye(6, dtype=bool))
    assert diagnose([coarse], 1) == []


def test_one_of_two_outputs_is_wrong() -> None:
    first, second = right("exp")[0], right("leaky")[0]
    both = replace(
        first,
        rows=np.arange(6 + 6),
        output_shapes=[(2, 3), (6,)],
        numeric=np.concatenate([first.numeric, second.numeric[:6, :6]]),
        uncertainty=np.concatenate([first.uncertainty, second.uncertainty[:6, :6]]),
    )
    half = both.numeric.copy()
    half[6:] *= 2
    (found,) = diagnose([changed(both, half)], 1)
    assert found.kind == "factor"
    assert "(as far as output 1 goes) is 2 times" in found.message
    (found,) = diagnose([changed(both, 2 * both.numeric)], 1)
    assert "(as far" not in found.message
    half[:6] = 0
    assert diagnose([changed(both, half)], 1) == []  # two mistakes: neither explains all


def test_input_name_and_order_are_passed_on() -> None:
    e = replace(right("exp")[0], name="grad_output 0")
    assert diagnose([changed(e, -e.numeric)], 2) == [
        Diagnosis(
            "sign",
            "The gradient of grad_output 0 has the wrong sign in every entry and the right size: look for a minus that "
            "is missing, or one too many.",
            "grad_output 0",
            2,
        )
    ]


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_empty_inputs_say_nothing(shape: tuple[int, ...]) -> None:
    e = evidence(np.exp, [np.zeros(shape)], 0)
    assert diagnose([e, changed(right("exp")[0], -jacobian("exp"))], 1)[0].kind == "sign"
    assert diagnose([], 1) == []


def test_a_single_number_is_not_overinterpreted() -> None:
    value = jacobian("exp of a number")
    assert diagnose_with("exp of a number", {0: 1.3719283 * value}) == []
    assert diagnose_with("exp of a number", {0: 2 * value})[0].kind == "factor"
    assert diagnose_with("exp of a number", {0: -value})[0].kind == "sign"
    assert diagnose_with("exp of a number", {0: 0 * value})[0].kind == "zero"


def test_big_jacobians_are_explained_whole() -> None:
    rng = np.random.default_rng(0)
    numeric = rng.normal(size=(512, 512))
    e = Evidence(
        name="input 0",
        values=rng.normal(size=(8, 4, 4, 4)),
        columns=np.arange(512),
        rows=np.arange(512),
        output_shapes=[(8, 4, 4, 4)],
        analytic=numeric,
        numeric=numeric,
        uncertainty=np.full((512, 512), 1e-9),
        wrong=np.zeros((512, 512), bool),
        smooth=np.ones(512, bool),
        complete=True,
    )
    moved = per_gradient(lambda g: g.transpose(3, 2, 1, 0).reshape(g.shape))(e)
    assert [d.kind for d in diagnose([changed(e, moved)], 1)] == ["transposed"]
    assert diagnose([changed(e, numeric * rng.uniform(0.5, 1.5, numeric.shape))], 1) == []
