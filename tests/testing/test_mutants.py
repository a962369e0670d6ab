"""The gradient checker refuses planted mistakes; and these are mistakes, by an independent judge.

A sample of each kind; all of them are measured by ``tools/mutation_study.py``.
"""

from __future__ import annotations

import pickle
import zlib
from functools import cache
from itertools import islice

import numpy as np
import pytest

import tinygrad_edu as tg
from support.calls import EVERYTHING, as_tensors, calls, flat, is_float, leaves, outputs
from support.mutants import FIRST_ORDER, SECOND_ORDER, SPECIFIC, Mutant, find, judge, mutants, true_names
from support.mutants.figures import kinds_table, markdown, misnamed, score_line, survivors
from support.mutants.study import Result, calls_of, chosen_calls, examine
from support.numeric import gradient
from tinygrad_edu.op import OPS
from tinygrad_edu.ops.elementwise import mul
from tinygrad_edu.testing import check_gradients

MISTAKES = {mistake.name: mistake for mistake in [*FIRST_ORDER, *SECOND_ORDER]}
_EACH = 3


@cache
def shuffled() -> tuple[Mutant, ...]:
    """List all mutants in an order that is random and always the same."""
    return tuple(sorted(mutants(), key=lambda mutant: zlib.crc32(str(mutant).encode())))


@cache
def sample(name: str) -> tuple[Mutant, ...]:
    """Choose some mutants with a mistake that are wrong somewhere."""
    of_kind = (m for m in shuffled() if m.mistake.name == name and is_wrong(m))
    return tuple(islice(of_kind, _EACH))


def is_wrong(mutant: Mutant) -> bool:
    return any(judge(mutant, call).wrong for call in calls_of(mutant.function))


def specific() -> list[str]:
    return [str(Mutant(name, (position,), mistake)) for name in SPECIFIC for position, mistake in SPECIFIC[name]]


# ---- the checker


@pytest.mark.parametrize("name", MISTAKES)
def test_checker_refuses_and_names(name: str) -> None:
    assert len(sample(name)) == _EACH
    results = [examine(mutant) for mutant in sample(name)]
    assert survivors(results) == []
    assert misnamed(results) == []


@pytest.mark.parametrize("name", specific())
def test_checker_refuses_the_wrong_formula(name: str) -> None:
    result = examine(find(name))
    assert result.caught or result.equivalent


@pytest.mark.parametrize("name", sorted({call.name for call in calls(smooth=True) if calls_of(call.name)}))
def test_checker_accepts_the_right_op(name: str) -> None:
    call = calls_of(name)[len(calls_of(name)) // 2]
    report = check_gradients(EVERYTHING[name], as_tensors(call.inputs()), kwargs=call.case.params, order=2)
    assert report.ok, str(report)


# ---- the mutants


@pytest.mark.parametrize("name", MISTAKES)
def test_mutant_computes_what_the_right_op_does(name: str) -> None:
    for mutant in sample(name):
        call = chosen_calls(mutant)[0]
        inputs, right = as_tensors(call.inputs()), as_tensors(call.inputs())
        found = outputs(mutant.make()(*inputs, **call.case.params))
        for a, b in zip(found, outputs(EVERYTHING[call.name](*right, **call.case.params)), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(
    "name",
    [n for n, m in MISTAKES.items() if m.order == 1 and not m.stateful and not n.startswith(("writes", "rounded"))],
)
def test_judge_agrees_with_naive_differences(name: str) -> None:
    for mutant in sample(name):
        for call in calls_of(mutant.function)[:6]:
            verdict = judge(mutant, call)
            if not 1e-9 < verdict.difference < 1e-5:  # so little may be hidden by the error of the differences
                assert verdict.wrong == (numeric_error(mutant, call) > 1e-6), (mutant, call)


def numeric_error(mutant: Mutant, call) -> float:
    """Compare a mutant's gradients with central differences of one weighted sum of the outputs."""
    function, params = mutant.make(), call.case.params

    def total(tensors):
        results = [r for r in outputs(function(*tensors, **params)) if getattr(r, "requires_grad", False)]
        rng = np.random.default_rng(7)
        weights = [
            tg.from_numpy(np.asarray(rng.uniform(1.5, 2.5, r.shape) * rng.choice([-1, 1], r.shape))) for r in results
        ]
        return sum(((r * w).sum() for r, w in zip(results, weights)), tg.zeros((), dtype=tg.float64))

    def number(arrays) -> float:
        rest = iter(arrays)
        return total(as_tensors([put(v, rest) for v in call.inputs()])).item()

    tensors = as_tensors(call.inputs())
    recorded = total(tensors)
    wanted = gradient(number, [v for v in flat(call.inputs()) if is_float(v)])
    found = tg.autograd.grad(recorded, leaves(tensors), allow_unused=True) if recorded.requires_grad else []
    pairs = zip([np.zeros(1) if g is None else g.numpy() for g in found], wanted)
    return max([np.abs(f - w).max(initial=0) / max(1.0, np.abs(w).max(initial=0)) for f, w in pairs], default=0.0)


def put(value, rest):
    if isinstance(value, list):
        return [put(part, rest) for part in value]
    return next(rest).copy() if is_float(value) else value


@pytest.mark.parametrize("name", [mistake.name for mistake in SECOND_ORDER])
def test_second_order_mutant_is_right_in_the_ordinary_pass(name: str) -> None:
    for mutant in sample(name):
        call = chosen_calls(mutant)[0]
        found = [ordinary(function, call) for function in (mutant.make(), EVERYTHING[call.name])]
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def ordinary(function, call) -> list[np.ndarray]:
    tensors = as_tensors(call.inputs())
    results = [r for r in outputs(function(*tensors, **call.case.params)) if getattr(r, "requires_grad", False)]
    found = tg.autograd.grad(results, leaves(tensors), [tg.ones_like(r) for r in results], allow_unused=True)
    return [np.zeros(0) if g is None else g.numpy() for g in found]


def test_every_op_with_a_derivative_has_mutants() -> None:
    with_derivative = {name for name, op in OPS.items() if op.variadic or any(op.vjps)}
    assert with_derivative <= {mutant.function for mutant in shuffled()}


def test_the_right_op_stays_as_it_was() -> None:
    before = mul.vjps, mul.keeps, dict(mul.plans), mul.forward
    mutant = find("mul[0]: factor 2").make()
    x = tg.tensor([2.0, 3.0], requires_grad=True)
    mutant(x, x).sum().backward()
    assert x.grad.tolist() == [6.0, 9.0]  # 2 y for the first, x for the second
    assert before == (mul.vjps, mul.keeps, dict(mul.plans), mul.forward)


def test_memory_belongs_to_one_mutant() -> None:
    kind = find("mul[0]: stale: of the first call")
    first, second = kind.make(), kind.make()
    first(tg.tensor([1.0]), tg.tensor([5.0]))
    x = tg.tensor([1.0], requires_grad=True)
    (g,) = tg.autograd.grad(second(x, tg.tensor([7.0])).sum(), x)
    assert g.tolist() == [7.0]
    (g,) = tg.autograd.grad(first(x, tg.tensor([7.0])).sum(), x)
    assert g.tolist() == [5.0]


def test_mutant_travels_by_its_name() -> None:
    mutant = find("tanh[0]: factor 2")
    assert pickle.loads(pickle.dumps(mutant)) == mutant
    with pytest.raises(KeyError, match="those of this function: tanh"):
        find("tanh[0]: nothing")


def test_right_mutant_is_not_counted() -> None:
    assert not examine(find("add[0,1]: inputs swapped")).equivalent  # with alpha they are not the same
    assert examine(find("maximum[0]: recorded: input cut off")).equivalent


# ---- names and figures


def test_names_that_are_true() -> None:
    call = next(c for c in calls_of("tanh") if np.shape(c.inputs()[0]) == (2, 3))
    assert true_names(find("tanh[0]: factor 2"), call) == ({"factor"}, True)
    assert not true_names(find("tanh[0]: one entry 2 % off"), call)[1]
    names, tellable = true_names(find("tanh[0]: transposed"), call)
    assert tellable
    assert "transposed" in names


def test_name_of_one_entry_cannot_be_told() -> None:
    scalar = next(c for c in calls_of("tanh") if np.shape(c.inputs()[0]) == ())
    assert not true_names(find("tanh[0]: factor 2"), scalar)[1]


def test_figures_count() -> None:
    results = [
        Result(
            "f[0]: sign", "sign", 1, equivalent=False, caught=True, tellable=True, named=True, peers={"other": False}
        ),
        Result("g[0]: sign", "sign", 1, equivalent=False, call="g-0", calls=3),
        Result("h[0]: sign", "sign", 1),
    ]
    rows = kinds_table(results, ["other"])
    assert rows[1] == ["sign", "3", "1", "1/2", "1/1", "0/1"]
    assert score_line(results).startswith("score: 1 of 2 (50.00 %); 1 more are right anyway. Named: 1 of 1")
    assert survivors(results) == ["g[0]: sign   wrong at 3 calls, such as g-0"]
    assert markdown(rows).splitlines()[1] == "|---|---|---|---|---|---|"
