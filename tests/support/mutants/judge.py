"""Whether a mutant's derivative is wrong at the inputs of a call, and which names of its mistake are true there.

It compares with the right op's derivatives, which are the same numbers to the last bits where nothing is wrong; no
differences are taken, so it shares nothing with what it judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import tinygrad_edu as tg
from support.calls import EVERYTHING, Call, as_tensors, each, flat, is_float, leaves, outputs

from .listing import Mutant

__all__ = ["Verdict", "judge", "true_names"]

Array = np.ndarray[Any, Any]
_TOLERANCE = 1e-9
_ROUND_OFF = 1e-6  # of the largest gradient: a smaller one may be nothing else, after cancelling
_FEW = 4


@dataclass(frozen=True)
class Verdict:
    """Whether the derivative is wrong, and by how much of the largest gradient."""

    wrong: bool
    difference: float


def judge(mutant: Mutant, call: Call) -> Verdict:
    """Compare a mutant with the right function at the inputs of a call."""
    mistake = mutant.mistake
    wanted = _right_history(call.name, call.number, mistake.order, mistake.stateful)
    found = _history(mutant.make(), call, mistake.order, mistake.stateful)
    # A gradient that is 0 but for round-off is compared with the others: round-off by round-off is no difference.
    least = _ROUND_OFF * max((np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in wanted), default=0.0)
    worst = max([_difference(a, b, least) for a, b in zip(found, wanted, strict=True)], default=0.0)
    return Verdict(worst > _TOLERANCE, worst)


def _difference(found: Array, wanted: Array, least: float = 0.0) -> float:
    if not wanted.size:
        return 0.0
    if not np.array_equal(np.isfinite(found), np.isfinite(wanted)):
        return float("inf")
    scale = max(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0), least)
    error = np.abs(np.where(np.isfinite(wanted), found - wanted, 0.0)).max()
    return float(error / scale) if scale else float(error)


@cache
def _right_history(name: str, number: int, order: int, stateful: bool) -> list[Array]:
    function = EVERYTHING[name]
    return _history(function, Call(name, number, function.cases.calls[number]), order, stateful)


def _history(function: Callable[..., Any], call: Call, order: int, stateful: bool) -> list[Array]:
    """Call the function as its users would, and list every gradient that comes back."""
    inputs = call.inputs()
    tensors = as_tensors(inputs)
    results = _results(function, call, tensors)
    if not results or not leaves(tensors):
        return []
    if order == 2:
        return _second_gradients(results, leaves(tensors))
    found = []
    if stateful:
        elsewhere = as_tensors(each(lambda v: np.asarray(v * 0.99) if is_float(v) else v, inputs))
        there = _results(function, call, elsewhere)
    for seed in (1, 2):
        found += _gradients(results, leaves(tensors), _cotangents(results, seed))
    if stateful:
        found += _gradients(there, leaves(elsewhere), _cotangents(there, 3))
    return found + [np.array(t.array) for t in leaves(tensors)]  # whoever wrote to an input is found out


def _results(function: Callable[..., Any], call: Call, tensors: Sequence[Any]) -> list[Any]:
    return [r for r in outputs(function(*tensors, **call.case.params)) if getattr(r, "requires_grad", False)]


def _cotangents(results: Sequence[Any], seed: int) -> list[Any]:
    """Draw what arrives: of both signs, and beyond 1, as no mistake may hide behind a one."""
    rng = np.random.default_rng(seed)
    return [tg.from_numpy(np.asarray(rng.uniform(0.5, 2.5, r.shape) * rng.choice([-1, 1], r.shape))) for r in results]


def _gradients(results: Sequence[Any], inputs: Sequence[Any], given: Sequence[Any]) -> list[Array]:
    found = tg.autograd.grad(results, inputs, given, retain_graph=True, allow_unused=True)
    return [np.zeros(t.shape) if g is None else np.array(g.array) for g, t in zip(found, inputs)]


def _second_gradients(results: Sequence[Any], inputs: Sequence[Any]) -> list[Array]:
    given = [g.requires_grad_() for g in _cotangents(results, 1)]
    first = tg.autograd.grad(results, inputs, given, create_graph=True, allow_unused=True)
    # Drawn for all of them, so that one which is cut off does not change what arrives at the others.
    weights = _cotangents(inputs, 2)
    pairs = [(g, weight) for g, weight in zip(first, weights) if g is not None and g.requires_grad]
    sources = [*inputs, *given]
    values = [np.zeros(t.shape) if g is None else np.array(g.array) for g, t in zip(first, inputs)]
    if not pairs:
        return values + [np.zeros(t.shape) for t in sources]
    return values + _gradients([g for g, _ in pairs], sources, [weight for _, weight in pairs])


# ---- which names are true


def true_names(mutant: Mutant, call: Call) -> tuple[set[str], bool]:
    """Give every name that is a true account of the mistake at these inputs, and whether its own can be told.

    Its own cannot be told where there is too little to see it by: one entry that is twice what it should be may be a
    factor, or anything. Where the Jacobian does not show the mistake (it depends on what arrives, on chance, on
    earlier calls, or is in the recorded pass only), its own name is the only one.
    """
    mistake = mutant.mistake
    names = {*mistake.named, *mistake.also}
    if mistake.order == 2 or mistake.stateful:
        return names, bool(mistake.named)
    pairs = _jacobians(mutant, call)
    if mistake.name.startswith("random"):  # a few entries may come out the same twice
        return names, min(int(right.any(axis=0).sum()) for _, right, _ in pairs) >= _FEW
    wrong = [(x, right, found) for x, right, found in pairs if not _same(found, right)]
    for x, right, found in wrong:
        names |= _ratio_names(right, found) | _shape_names(x, right, found)
        off = np.abs(found - right) > _TOLERANCE * np.abs(right).max()
        if not found[off].any():
            names.add("zero")  # what is wrong is zero
    if any(_same(found, other) for _, _, found in wrong for _, other, _ in pairs):
        names.add("swapped")
    return names, bool(mistake.named) and all(_enough(mistake.named, *triple) for triple in wrong)


def _jacobians(mutant: Mutant, call: Call) -> list[tuple[Array, Array, Array]]:
    """For every input: its values, the right Jacobian, and the mutant's."""
    right, found = _right_jacobian(call.name, call.number), _jacobian(mutant.make(), call)
    values = [np.array(v) for v in flat(call.inputs()) if is_float(v)]
    return list(zip(values, right, found))


@cache
def _right_jacobian(name: str, number: int) -> list[Array]:
    function = EVERYTHING[name]
    return _jacobian(function, Call(name, number, function.cases.calls[number]))


def _jacobian(function: Callable[..., Any], call: Call) -> list[Array]:
    tensors = as_tensors(call.inputs())
    results = _results(function, call, tensors)
    inputs = leaves(tensors)
    rows: list[list[Array]] = [[] for _ in inputs]
    parts = [np.zeros(r.shape) for r in results]
    for part in parts:
        for index in np.ndindex(part.shape):
            part[index] = 1.0
            for row, g in zip(rows, _gradients(results, inputs, [tg.from_numpy(p.copy()) for p in parts])):
                row.append(g.reshape(-1))
            part[index] = 0.0
    return [np.array(row).reshape(len(row), t.array.size) for row, t in zip(rows, inputs)]


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and _difference(a, b) <= _TOLERANCE


def _ratio_names(right: Array, found: Array) -> set[str]:
    """Say whether one is a multiple of the other."""
    if np.abs(found).max(initial=0.0) <= _TOLERANCE * np.abs(right).max(initial=0.0):
        return {"zero"}
    square = float((right * right).sum())
    factor = float((right * found).sum()) / square if square else 0.0
    if not _same(found, right * factor):
        return set()
    # 1/n where n places share an entry: as well the mean in the place of the sum
    share = {"broadcast"} if factor > 0 and abs(1 / factor - round(1 / factor)) < 1e-9 and factor < 1 else set()
    return {"factor"} | share | ({"sign"} if abs(factor + 1) < _TOLERANCE else set())


def _shape_names(x: Array, right: Array, found: Array) -> set[str]:
    """Compare with other mistakes that could have been made."""
    names = set()
    below = np.repeat((x.reshape(-1) < 0)[None], len(right), 0)
    for side in (below, ~below):
        if _same(np.where(side, right, found), right) and right[~side].any():
            names.add("half-line")
    if len(right) == right.shape[1] and _same(found, right.T):
        names.add("transposed")  # backward multiplies by the matrix of the forward
    if x.ndim >= 2:
        cube = right.reshape(-1, *x.shape)
        back = cube.transpose(0, *range(x.ndim, 0, -1)).reshape(right.shape)
        if _same(found, back) or (
            x.shape[-1] == x.shape[-2] and _same(found, cube.swapaxes(-1, -2).reshape(right.shape))
        ):
            names.add("transposed")
    kept = found != 0
    if _same(np.where(kept, right, 0.0), found) and kept.sum(axis=0).max(initial=0) <= 1:
        names |= {"overwrites", "broadcast"}  # one contribution to each entry is left
    for shape in (right * x.reshape(-1), np.eye(*right.shape) * x.reshape(-1)):
        for start in (0.0, 1.0):
            square = float((shape * shape).sum())
            part = found - start * right
            if square and _same(start * right + shape * float((part * shape).sum() / square), found):
                names.add("proportional")
    return names


def _enough(named: Sequence[str], x: Array, right: Array, found: Array) -> bool:
    """Say whether there are enough entries to tell a mistake of this name from others."""
    used = np.abs(right).max(axis=0, initial=0.0) > 0
    wrong = np.abs(found - right).max(axis=0, initial=0.0) > _TOLERANCE * np.abs(right).max(initial=1e-300)
    if named == ("half-line",):
        return int((used & wrong).sum()) >= 2 and int((used & ~wrong).sum()) >= 1
    if named == ("proportional",):
        return len(set(np.round(x.reshape(-1)[wrong], 12))) >= 3
    if named in (("sign",), ("factor",)):
        return int((right != 0).sum()) >= 2
    return int(wrong.sum()) >= 2 or "zero" in named
