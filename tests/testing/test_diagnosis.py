"""The likely mistake is named: planted ones on real Jacobians, and no name where none is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from support.jacobians import (
    FUNCTIONS,
    Array,
    below_zero,
    changed,
    diagnose_with,
    evidence,
    exchanged,
    incoming_transposed,
    jacobian,
    per_gradient,
    reshaped,
    right,
    transposed,
    zero_slice,
)
from tinygrad_edu.testing.diagnosis import Evidence, diagnose
from tinygrad_edu.testing.report import Diagnosis


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
