"""The Jacobian entry by entry, by backward and by differences: what is shown and explained when something is wrong.

Small functions are compared whole; of big ones, the wrong entries that were found and a sample of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .differences import allowed_error
from .entry import slope
from .evidence import Evidence
from .probe import Prober
from .search import Found

__all__ = ["Tolerance", "compare"]

Array = np.ndarray[Any, Any]
Tolerance = tuple[float, float] | None
"""``(atol, rtol)``; None to compare with the uncertainty of the numeric derivative alone."""

_WHOLE = 512  # so many rows, and so many columns for each input, are compared whole
_SAMPLE = 16
_LOCATED = 10


def compare(prober: Prober, found: Sequence[Found], tolerance: Tolerance) -> list[Evidence]:
    """Compare the Jacobian with respect to every input, where the search found something wrong in any of them."""
    columns = [_columns(prober, i, f) for i, f in enumerate(found)]
    numeric = [[_numeric(prober, i, int(j)) for j in chosen] for i, chosen in enumerate(columns)]
    rows = _rows(prober, found, columns, numeric)
    analytic = _analytic(prober, rows, columns)
    return [
        _evidence(prober, i, f, rows, c, a, n, tolerance)
        for i, (f, c, a, n) in enumerate(zip(found, columns, analytic, numeric))
    ]


def _columns(prober: Prober, i: int, found: Found) -> Array:
    size = prober.points[i].size
    if size <= _WHOLE:
        return np.arange(size)
    sample = np.linspace(0, size - 1, _SAMPLE).astype(int)
    return np.unique(np.concatenate([sample, np.array(list(found.wrong), int)]))


def _numeric(prober: Prober, i: int, j: int) -> tuple[Array, Array]:
    """Differentiate every output with respect to one entry: with two steps where that is enough."""
    step = 1e-3 * float(prober.scales[i].flat[j])
    coarse, fine = ((prober.moved(i, [j], h) - prober.moved(i, [j], -h)) / (2 * h) for h in (step, step / 2))
    value = (4 * fine - coarse) / 3
    doubt = np.abs(value - fine) + 2 * prober.noise / step
    if np.all(doubt <= 1e-5 * np.abs(value) + 1e-7 * np.abs(value).max(initial=0.0)):
        return value, doubt
    careful = slope(prober, i, j)
    return careful.value, careful.uncertainty


def _rows(prober: Prober, found: Sequence[Found], columns: list[Array], numeric: list[Any]) -> Array:
    """Choose the outputs: all, or those where the wrong entries of the inputs show and where a sample is large."""
    count = prober.here.size
    if count <= _WHOLE:
        return np.arange(count)
    chosen = set(np.linspace(0, count - 1, _SAMPLE).astype(int).tolist())
    for i, (f, entries, slopes) in enumerate(zip(found, columns, numeric)):
        chosen |= {int(np.nanargmax(np.abs(value))) for value, _ in slopes if np.isfinite(value).any()}
        of = {int(j): value for j, (value, _) in zip(entries, slopes)}
        worst = sorted(f.wrong, key=lambda j: -f.wrong[j].error)[:_LOCATED]
        chosen |= {_worst_row(prober, i, j, of[j]) for j in worst}
    return np.array(sorted(chosen))


def _worst_row(prober: Prober, i: int, j: int, column: Array) -> int:
    """Find an output for which the derivative with respect to one entry is wrong, by halving the outputs."""
    low, high = 0, prober.here.size
    weights, numeric = prober.weights[0], np.nan_to_num(column)

    def error(start: int, stop: int) -> float:
        part = np.zeros_like(weights)
        part[start:stop] = weights[start:stop]
        backward = float(prober.pullback(prober.split(part))[i].flat[j])
        return backward - float(part @ numeric)

    total = error(low, high)
    while high - low > 1:
        middle = (low + high) // 2
        first = error(low, middle)
        if not abs(first) < abs(total - first):
            high, total = middle, first
        else:
            low, total = middle, total - first
    return low


def _analytic(prober: Prober, rows: Array, columns: list[Array]) -> list[Array]:
    """Ask backward for rows of the Jacobian, one at a time."""
    result = [np.zeros((len(rows), len(c))) for c in columns]
    for k, row in enumerate(rows):
        unit = np.zeros_like(prober.here)
        unit[row] = 1.0
        for part, g, chosen in zip(result, prober.pullback(prober.split(unit)), columns):
            part[k] = g.reshape(-1)[chosen]
    return result


def _evidence(
    prober: Prober, i: int, found: Found, rows: Array, columns: Array, analytic: Array, slopes: Any, tol: Tolerance
) -> Evidence:
    empty = np.zeros((len(rows), 0))
    numeric = np.stack([value[rows] for value, _ in slopes], 1) if slopes else empty
    doubt = np.stack([uncertainty[rows] for _, uncertainty in slopes], 1) if slopes else empty
    rough = {*found.kinks, *found.unclear, *[j for j, v in found.wrong.items() if v.at_kink]}
    smooth = np.array([int(j) not in rough for j in columns], bool)
    return Evidence(
        name=prober.subject.names[i],
        values=prober.points[i],
        columns=columns,
        rows=rows,
        output_shapes=list(prober.subject.sizes),
        analytic=analytic,
        numeric=numeric,
        uncertainty=doubt,
        wrong=_wrong(analytic, numeric, doubt, tol) & smooth,
        smooth=smooth,
        complete=len(rows) == prober.here.size and len(columns) == prober.points[i].size,
    )


def _wrong(analytic: Array, numeric: Array, doubt: Array, tolerance: Tolerance) -> Array:
    error = np.abs(analytic - numeric)
    size = np.fmax(np.abs(analytic), np.abs(numeric))
    largest = np.abs(np.where(np.isfinite(numeric), numeric, 0.0)).max(axis=1, keepdims=True, initial=0.0)
    allowed = allowed_error(doubt, size, largest)
    if tolerance is not None:
        allowed = np.fmax(allowed, tolerance[0] + tolerance[1] * np.abs(numeric))
    return np.asarray((error > allowed) | (~np.isfinite(analytic) & np.isfinite(numeric) & (doubt < 1e-3 * size)))
