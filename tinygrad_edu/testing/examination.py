"""Comparing a derivative with differences, and writing what that shows into the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .diagnosis import diagnose
from .evidence import Evidence
from .facts import absent_findings, nonlinear_findings
from .jacobian import Tolerance, compare
from .noise import signed_weights
from .probe import Prober
from .remainder import complex_step, remainder_order
from .report import Diagnosis, Entry, GradientReport, InputResult, Kink
from .search import Found, search
from .subject import Subject

__all__ = ["Settings", "examine"]

Array = np.ndarray[Any, Any]

_MOVE = 1e-3
_SAMPLE = 64


@dataclass
class Settings:
    """What was asked for: the options of a check, and the dtypes in which the inputs were given."""

    seed: int
    max_entries: int
    tolerance: Tolerance
    dtypes: list[np.dtype[Any]]

    def rng(self) -> np.random.Generator:
        """Give the random numbers from their start: two points get the same weights."""
        return np.random.default_rng(self.seed)

    def beside(self, points: Sequence[Array]) -> list[Array]:
        """Move every entry by about a thousandth of its size, 0 by about a thousandth."""
        rng = np.random.default_rng(self.seed + 1)
        sizes = [np.where(p == 0, 1.0, np.where(np.isfinite(p), np.abs(p), 0.0)) for p in points]
        return [p + _MOVE * signed_weights(rng, p.shape) * size for p, size in zip(points, sizes)]


def examine(subject: Subject, report: GradientReport, settings: Settings) -> None:
    """Compare with differences at the point, and by a coarse look at a second one beside it."""
    prober = Prober(subject, subject.points, settings.rng())
    found = [search(prober, i) for i in range(len(subject.points))]
    if not _any_wrong(found):
        prober, found = _second_look(prober, found, report, settings)
    report.kinks += [kink for i, f in enumerate(found) for kink in _kinks(prober, i, f)]
    evidence = compare(prober, found, settings.tolerance) if _any_wrong(found) else []
    if evidence and _within_tolerance(prober, evidence, found, settings.tolerance):
        report.notes.append("there are small errors, within atol and rtol.")
        evidence, found = [], [Found(kinks=f.kinks, unclear=f.unclear, finished=f.finished) for f in found]
    for i, f in enumerate(found):
        report.inputs.append(_row(prober, i, f, evidence[i] if evidence else None, settings))
    if _any_wrong(found):
        _write_wrong(prober, found, evidence, report, settings)
    report.notes += _remarks(prober, found, report.ok)


def _any_wrong(found: Sequence[Found]) -> bool:
    return any(f.wrong for f in found)


def _second_look(
    first: Prober, found: list[Found], report: GradientReport, settings: Settings
) -> tuple[Prober, list[Found]]:
    """Check a point beside it too: a derivative may be right at the first point it saw, and stay that way."""
    try:
        prober = Prober(first.subject, settings.beside(first.points), settings.rng())
    except Exception:  # outside of the function's domain
        return first, found
    if (prober.live != first.live).any():
        return first, found
    again = [search(prober, i, blocks=1) for i in range(len(prober.points))]
    if not _any_wrong(again):
        return first, found
    report.notes.append(f"right at the point that was given, wrong at one {_MOVE:g} away: shown there.")
    if _only_a_little_late(first, again):
        report.diagnoses.append(Diagnosis("stale", _STALE, order=first.subject.order))
    return prober, again


def _only_a_little_late(first: Prober, found: Sequence[Found]) -> bool:
    """Tell whether all that is wrong beside a point is off by as little as the derivative changes on the way."""
    return all(
        v.error <= 0.1 * abs(v.numeric) and first.gradients[0][i].flat[j] != 0
        for i, f in enumerate(found)
        for j, v in f.wrong.items()
    )


def _within_tolerance(
    prober: Prober, evidence: Sequence[Evidence], found: Sequence[Found], tolerance: Tolerance
) -> bool:
    """Tell whether all that was found is within the tolerances that the caller gave."""
    if tolerance is None or any(e.wrong.any() for e in evidence):
        return False
    if nonlinear_findings(prober.subject, prober.split(prober.weights[0])):
        return False  # right for one entry of the output at a time, wrong for several
    return all(not v.at_kink and np.isfinite(v.analytic) for f in found for v in f.wrong.values())


def _kinks(prober: Prober, i: int, found: Found) -> list[Kink]:
    """List the points without a derivative, those that were accepted and those that were not."""
    point, subject = prober.points[i], prober.subject
    return [
        Kink(
            subject.names[i],
            _index(j, point.shape),
            float(point.flat[j]),
            verdict.analytic,
            verdict.low,
            verdict.high,
            verdict.kind == "kink",
            subject.order,
        )
        for j, verdict in {**found.kinks, **found.wrong}.items()
        if verdict.at_kink
    ]


def _row(prober: Prober, i: int, found: Found, evidence: Evidence | None, settings: Settings) -> InputResult:
    subject, point = prober.subject, prober.points[i]
    wrong = len(found.wrong)
    if evidence is not None and evidence.complete:
        wrong = max(wrong, int(evidence.wrong.any(0).sum()))
    return InputResult(
        name=subject.names[i],
        shape=point.shape,
        dtype=str([*settings.dtypes, *subject.dtypes[len(settings.dtypes) :]][i]),
        size=point.size,
        wrong=wrong,
        largest_error=max([prober.largest_error[i], *[prober.relative(v.error) for v in found.wrong.values()]]),
        remainder_order=remainder_order(prober, i, _remainder_entries(point.size, found)),
        complex_step=complex_step(prober, i),
        order=subject.order,
    )


def _remainder_entries(size: int, found: Found) -> Array:
    """Choose along which entries the Taylor remainder is measured: the wrong ones, or some of the right ones."""
    if smooth := [j for j, v in found.wrong.items() if not v.at_kink]:
        return np.array(sorted(smooth))
    sample = np.unique(np.linspace(0, max(size - 1, 0), min(size, _SAMPLE)).astype(int))
    return np.setdiff1d(sample, [*found.kinks, *found.unclear, *found.wrong])


def _write_wrong(
    prober: Prober, found: Sequence[Found], evidence: Sequence[Evidence], report: GradientReport, settings: Settings
) -> None:
    """Write down what is wrong: entries, findings, the likely mistake."""
    order = prober.subject.order
    entries = [entry for e in evidence for entry in _entries(e, prober.subject)]
    report.entries = sorted(entries, key=lambda e: -np.nan_to_num(e.error, nan=np.inf))[: settings.max_entries]
    report.wrong = len(entries)
    report.total = sum(e.wrong.size for e in evidence)
    report.wrong_is_exact = all(e.complete for e in evidence)
    report.add(absent_findings(prober, found))
    report.add(nonlinear_findings(prober.subject, prober.split(prober.weights[0])))
    report.diagnoses += diagnose(evidence, order)
    report.ok = False


def _entries(evidence: Evidence, subject: Subject) -> list[Entry]:
    """List the wrong entries of one input's Jacobian."""
    starts = np.cumsum([0, *[int(np.prod(shape)) for shape in evidence.output_shapes]])
    result = []
    for r, c in np.argwhere(evidence.wrong):
        row, column = int(evidence.rows[r]), int(evidence.columns[c])
        output = int(np.searchsorted(starts, row, side="right")) - 1
        place = _index(row - int(starts[output]), evidence.output_shapes[output])
        analytic, numeric = float(evidence.analytic[r, c]), float(evidence.numeric[r, c])
        where = evidence.name, _index(column, evidence.values.shape), subject.judged[output], place
        result.append(Entry(*where, analytic, numeric, abs(analytic - numeric), subject.order))
    return result


def _remarks(prober: Prober, found: Sequence[Found], ok: bool) -> list[str]:
    """Say what was not checked, and what else is worth knowing."""
    notes = []
    for name, point, f, none in zip(prober.subject.names, prober.points, found, prober.absent):
        if not point.size:
            notes.append(f"{name} has no entries (shape {list(point.shape)}): only the types were checked.")
        elif none and ok and prober.here.size and prober.subject.order == 1:
            notes.append(f"{name} is not used: its gradient is None, and its derivative zero.")
        if strange := int((~np.isfinite(point)).sum()):
            notes.append(f"{strange} entries of {name} are not finite: not checked.")
        if f.unclear:
            place = list(_index(min(f.unclear), point.shape))
            notes.append(f"{len(f.unclear)} entries of {name} could not be judged, {place} for one: no step was good.")
        if not f.finished and not f.wrong:
            notes.append(f"{name} has too many kinks to judge each: those left were judged a little beside the point.")
    if dead := int((~prober.live).sum()):
        notes.append(f"{dead} entries of the outputs are not finite: not checked.")
    return notes


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(flat, shape)))


_STALE = (
    "stale: right at the first point it was called at, a little off at the second. Backward uses a value that was "
    "computed once and kept, not that of the call it belongs to."
)
