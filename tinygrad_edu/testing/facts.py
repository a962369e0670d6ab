"""The cheap facts: what is wrong with a gradient whatever its numbers are. Each test gives findings, with a sentence.

It calls the function a few times; it takes no differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .noise import arriving_terms
from .primal import Primal
from .probe import Prober
from .report import Finding
from .search import Found
from .subject import Pullback, Subject

__all__ = [
    "absent_findings",
    "backward_findings",
    "forward_findings",
    "nonlinear_findings",
    "precision_findings",
    "type_findings",
    "undefined_findings",
]

Array = np.ndarray[Any, Any]

_BACKWARD_ERRORS = {
    "invalid gradient": "shape",
    "incorrect number of gradients": "shape",
    "differentiate twice": "second-order",
}
"""What the engine says of a backward that it cannot use, and the kind of finding that makes."""


def forward_findings(subject: Subject, nondet_tol: float) -> list[Finding]:
    """Call the function twice, and tell whether it gives the same."""
    difference = _difference(subject.vector(subject.points), subject.vector(subject.points))
    if difference <= nondet_tol:
        return []
    return [
        Finding(
            "random",
            f"two calls on the same inputs gave different outputs (by up to {difference:.1e}): the function is random, "
            "and no difference says anything about its derivative. Seed it inside the function (tg.manual_seed), pass "
            "its random numbers in as an input, or check it in eval mode.",
        )
    ]


def type_findings(subject: Subject, pullback: Pullback, cotangents: Sequence[Array]) -> list[Finding]:
    """Look at the gradients as backward gives them: their shapes and dtypes."""
    try:
        found = pullback.tensors(cotangents)
    except RuntimeError as error:
        kinds = [kind for part, kind in _BACKWARD_ERRORS.items() if part in str(error)]
        if not kinds:
            raise
        return [Finding(kinds[0], str(error), subject.order)]
    findings = []
    for name, leaf, g in zip(subject.names, pullback.leaves, found):
        for what in ("shape", "dtype") if g is not None else ():
            wanted, got = getattr(leaf, what), getattr(g, what)
            if wanted != got:
                message = f"the gradient of {name} has {what} {got}, but the input has {wanted}; they must be equal."
                findings.append(Finding(what, message, subject.order))
    return findings


def backward_findings(
    subject: Subject, cotangents: Sequence[Array], elsewhere: Sequence[Array], nondet_tol: float
) -> list[Finding]:
    """Go backward twice, and once more after another call, and tell whether the gradient stays the same."""
    pullback = subject.pullback(subject.points)
    first = pullback(cotangents)
    if any(not np.array_equal(given, arrived, equal_nan=True) for given, arrived in pullback.arrived):
        message = (
            "backward wrote to the gradient that it was given, which other ops of the graph may need too. Compute a "
            "new one: g * 2, not g.mul_(2) or g *= 2."
        )
        return [Finding("mutated", message, subject.order)]
    for name, leaf, point in zip(subject.names, pullback.leaves, subject.cast(subject.points)):
        if not np.array_equal(leaf.array, point, equal_nan=True):
            message = (
                f"backward changed {name}, which belongs to the caller. Write to a copy (x.clone(), array.copy())."
            )
            return [Finding("mutated", message, subject.order)]
    if changed := _first_change(subject.names, first, pullback(cotangents), nondet_tol):
        message = (
            "two backward passes gave different gradients of {} (by up to {:.1e}): backward is random, or it changes "
        )
        return [Finding("backward-random", message.format(*changed) + "what it saved.", subject.order)]
    try:
        subject.record(elsewhere)
    except Exception:  # outside of the function's domain, perhaps; that is not what is asked here
        return []
    if changed := _first_change(subject.names, first, pullback(cotangents), nondet_tol):
        return [Finding("stale", _LATE.format(*changed), subject.order)]
    return []


_LATE = (
    "the gradient of {} changed (by up to {:.1e}) after the function was called on other inputs: backward reads what a "
    "later call left behind. Keep values for backward in the call's own record: name them in the vjp, or "
    "ctx.save_for_backward; never in the class, the module or a global."
)


def _first_change(
    names: Sequence[str], before: Sequence[Array], after: Sequence[Array], tolerance: float
) -> tuple[str, float] | None:
    """Name the first gradient that is another than before, and say by how much."""
    differences = [(name, _difference(a, b)) for name, a, b in zip(names, before, after)]
    return next((change for change in differences if change[1] > tolerance), None)


def precision_findings(subject: Primal, cotangents: Sequence[Array]) -> list[Finding]:
    """Look for gradients that were rounded to float32 on the way, though everything else is float64."""
    values = subject.values(subject.points)
    if not subject.twin or any(_fits_float32(v) for v in [*subject.points, *values]):
        return []
    size = float(arriving_terms(subject, subject.points, cotangents).sum())
    return [
        Finding(
            "dtype",
            f"every entry of the gradient of {name} has the digits of a float32 only, though the input and the outputs "
            "are float64: backward rounds it. Take the dtype from g or from the input.",
            subject.order,
        )
        for name, g in zip(subject.names, subject.pullback(subject.points)(cotangents))
        if _fits_float32(g, 1e-9 * size)
    ]


def _fits_float32(values: Array, round_off: float = 0.0) -> bool:
    """Tell whether a float32 holds values without loss, zeros and round-off left out; it does not hold random ones."""
    some = values[np.isfinite(values) & (np.abs(values) > round_off)]
    return bool(some.size and (some.astype(np.float32) == some).all())


def undefined_findings(subject: Subject, cotangents: Sequence[Array]) -> list[Finding]:
    """Let a gradient arrive at one output only: backward must treat those that are missing as zeros."""
    if len(cotangents) < 2:
        return []
    findings = []
    for k, only in enumerate(cotangents):
        zeros = [only if i == k else np.zeros_like(u) for i, u in enumerate(cotangents)]
        try:
            part = _one_root(subject, k, only)
        except Exception as error:
            message = f"backward raised {type(error).__name__} ({error}) when a gradient arrived at output {k} only: "
        else:
            full = subject.pullback(subject.points)(zeros)
            if all(np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True) for a, b in zip(part, full)):
                continue
            message = f"backward gave other gradients when one arrived at output {k} only than with zeros at the rest: "
        findings.append(Finding("undefined-grad", message + "what is missing counts as zeros.", subject.order))
    return findings


def _one_root(subject: Subject, k: int, cotangent: Array) -> list[Array]:
    pullback = subject.pullback(subject.points)
    pullback.outputs = [pullback.outputs[k]]
    return pullback([cotangent])


def nonlinear_findings(subject: Subject, cotangents: Sequence[Array]) -> list[Finding]:
    """Send back -2 times what arrived: the gradients must be -2 times as large, since backward is linear."""
    pullback = subject.pullback(subject.points)
    once, other = pullback(cotangents), pullback([-2 * u for u in cotangents])
    names = [
        name
        for name, a, b in zip(subject.names, once, other)
        if not np.allclose(-2 * a, b, rtol=1e-6, atol=1e-9 * np.abs(np.nan_to_num(a)).max(initial=0.0), equal_nan=True)
    ]
    return [
        Finding(
            "nonlinear",
            f"the gradient of {name} is not linear in the gradient that arrives: -2 times that must give -2 times "
            "this. A vjp multiplies g once; it takes no abs, square, sign or clip of g, and adds nothing to it.",
            subject.order,
        )
        for name in names
    ]


def absent_findings(prober: Prober, found: Sequence[Found]) -> list[Finding]:
    """Say which wrong gradients are None, NaN or infinite."""
    findings, subject = [], prober.subject
    for name, point, absent, f in zip(subject.names, prober.points, prober.absent, found):
        bad = [j for j, v in f.wrong.items() if not np.isfinite(v.analytic)]
        if absent and f.wrong:
            message = f"no gradient arrives at {name} (None), yet the outputs change with it."
            findings.append(Finding("none", message, subject.order))
        elif bad:
            index = [int(k) for k in np.unravel_index(min(bad), point.shape)]
            message = (
                f"the gradient of {name} is {f.wrong[min(bad)].analytic} at {index}, where the function is finite."
            )
            findings.append(Finding("nan", message, subject.order))
    if not any(t.requires_grad for t in prober.pullback.outputs):
        message = "no output requires a gradient, yet they change with the inputs: the result was detached."
        findings = [Finding("no-grad", message, subject.order)]
    return findings


def _difference(a: Array, b: Array) -> float:
    """Return the largest difference; NaN in the same places counts as none."""
    if a.shape != b.shape:
        return float("inf")
    gap = np.abs(a - b)
    gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, gap)
    return float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
