"""The first call of a function: what comes out, what is judged, and in which dtype it will be called from now on.

No difference is taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .facts import type_findings
from .noise import arriving_terms, signed_weights
from .primal import Primal
from .report import Finding, GradientReport
from .subject import Pullback, Subject

__all__ = ["choose_outputs", "cotangents_of", "prepare"]

Array = np.ndarray[Any, Any]
_IN_PLACE = "a leaf Variable that requires grad"


def prepare(subject: Primal, report: GradientReport, seed: int) -> None:
    """Call the function as it was given, look at the types, and go on in float64 where that is possible."""
    subject.twin = False
    leaves, outputs = _first_call(subject, report)
    report.add(_mutation_findings(subject, leaves))
    choose_outputs(subject, report, outputs)
    try:
        subject.values(subject.points)
    except RuntimeError:  # it worked a moment ago, recorded
        subject.records = True
    pullback = subject.pullback(subject.points)
    report.add(type_findings(subject, pullback, cotangents_of(subject, seed)))
    if report.ok:
        _go_to_float64(subject, report, pullback, seed)


def cotangents_of(subject: Subject, seed: int) -> list[Array]:
    """Draw what arrives at the judged outputs."""
    rng = np.random.default_rng(seed)
    return [signed_weights(rng, shape) for shape in subject.sizes]


def choose_outputs(subject: Subject, report: GradientReport, outputs: Sequence[Any]) -> None:
    """Judge the outputs that have a gradient; say which have none."""
    floating = [k for k, t in enumerate(outputs) if t.array.dtype.kind == "f"]
    # A gradient that was not recorded says that its own derivative is zero.
    judged = [k for k in floating if outputs[k].requires_grad or subject.order > 1]
    if subject.order == 1:
        for k, t in enumerate(outputs):
            if k not in floating:
                report.notes.append(f"output {k} is {t.dtype}, which has no derivative: not checked.")
            elif judged and k not in judged:
                report.notes.append(f"output {k} requires no grad: not checked.")
    if not floating:
        report.notes.append("no output is of floating point: there is no derivative to check.")
    elif not judged:
        report.notes.append("no output requires a gradient: the derivative should be zero.")
    subject.judged = judged or floating
    subject.sizes = [outputs[k].shape for k in subject.judged]
    subject.precisions = [outputs[k].array.dtype for k in subject.judged]


def _first_call(subject: Primal, report: GradientReport) -> tuple[list[Any], list[Any]]:
    """Record a call; a function that writes to its inputs in place is given clones."""
    try:
        leaves, outputs = subject.record(subject.points)
    except RuntimeError as error:
        if _IN_PLACE not in str(error):
            raise
        subject.clones = True
        report.notes.append("the function writes to its inputs in place, which leaves do not allow: it got clones.")
        leaves, outputs = subject.record(subject.points)
    if not outputs:
        raise ValueError(
            f"check_gradients: {report.function} returned no Tensor; return the Tensor that was computed from the "
            "inputs (a NumPy array or a number has left the graph)."
        )
    return leaves, outputs


def _mutation_findings(subject: Subject, leaves: Sequence[Any]) -> list[Finding]:
    """Compare the inputs after the call with what they were."""
    return [
        Finding(
            "mutated",
            f"the function changed {name} while it computed: what backward saved, and the caller's data, are no longer "
            "what they were. Write to a copy (x.clone(), array.copy()).",
        )
        for name, leaf, point in zip(subject.names, leaves, subject.cast(subject.points))
        if not np.array_equal(leaf.array, point, equal_nan=True)
    ]


def _go_to_float64(subject: Primal, report: GradientReport, narrow: Pullback, seed: int) -> None:
    """Continue with the float64 twin where the inputs are narrower, after comparing the two gradients."""
    subject.twin = True
    if all(dtype == np.float64 for dtype in subject.dtypes):
        return
    cotangents = cotangents_of(subject, seed)
    before = narrow(cotangents)
    try:
        subject.widen()
        wide = subject.pullback(subject.points)
        after = wide(cotangents)
    except (RuntimeError, TypeError, ValueError) as error:
        subject.twin = False
        report.notes.append(f"the function cannot be called with float64 ({error}): judged as it is, coarsely.")
    else:
        eps = max(float(np.finfo(dtype).eps) for dtype in [*subject.dtypes, *subject.precisions])
        subject.precisions = [t.array.dtype for t in wide.outputs]
        report.add(_narrow_findings(subject, before, after, _narrow_slack(subject, after, cotangents, eps)))


def _narrow_slack(subject: Subject, gradients: Sequence[Array], cotangents: Sequence[Array], eps: float) -> list[Array]:
    """Say by how much a gradient in the dtype that was given may differ from the one in float64.

    By a little of its size; by round-off of what was differentiated, since a gradient may be small because large terms
    cancel; and by what it changes by when the inputs are rounded, which is a lot beside a kink.
    """
    rng = np.random.default_rng(0)
    points = [p * (1 + 4 * eps * signed_weights(rng, p.shape)) for p in subject.points]
    try:
        rounded = subject.pullback(points)(cotangents)
    except Exception:  # outside of the function's domain
        rounded = list(gradients)
    sizes = [float(np.abs(g[np.isfinite(g)]).max(initial=0.0)) for g in gradients]
    round_off = max(sizes) + float(arriving_terms(subject, subject.points, cotangents).sum())
    share = max(2e-3, 50 * eps)
    return [
        share * (np.abs(g) + size) + 50 * eps * round_off + 3 * np.abs(g - other)
        for g, other, size in zip(gradients, rounded, sizes)
    ]


def _narrow_findings(
    subject: Subject, narrow: Sequence[Array], wide: Sequence[Array], slack: Sequence[Array]
) -> list[Finding]:
    """Compare the gradients in the dtype that was given with those in float64."""
    findings = []
    for name, given, a, b, allowed in zip(subject.names, subject.dtypes, narrow, wide, slack):
        off = (np.abs(a - b) > allowed) | (np.isfinite(b) != np.isfinite(a))
        if off.any():
            index = tuple(map(int, np.argwhere(off)[0]))
            message = (
                f"in {given} the gradient of {name} is {a[index]:.6g} at {list(index)}, but {b[index]:.6g} in float64: "
                "too much is lost in the narrower dtype, or it is treated differently."
            )
            findings.append(Finding("dtype", message))
    return findings
