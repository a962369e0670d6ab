"""What was recorded as plain data: rows, columns over the steps, a text in columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .points import COLUMNS, Point, Step

__all__ = ["aligned", "row", "series"]


def row(step: Step, what: str, name: str, point: Point) -> dict[str, Any]:
    """Return a point as one flat dict."""
    histogram = point.histogram
    return {
        "step": step.number,
        "what": what,
        "name": name,
        "module": point.module,
        "shape": point.shape,
        "dtype": point.dtype,
        "calls": point.calls,
        "trainable": point.trainable,
        **{column: point.value(column) for column in COLUMNS},
        "edges": [] if histogram is None else histogram.edges.tolist(),
        "counts": [] if histogram is None else histogram.counts.tolist(),
    }


def series(what: str, name: str, points: Sequence[Point | None]) -> dict[str, Any]:
    """Return a tensor's points as columns over the steps, and histograms as their bins; None where there is none."""
    last = next(point for point in reversed(points) if point is not None)
    columns = {c: [None if p is None else p.value(c) for p in points] for c in COLUMNS}
    histograms = [p and p.histogram for p in points]
    return {
        "what": what,
        "name": name,
        "module": last.module,
        "shape": last.shape,
        "dtype": last.dtype,
        "trainable": last.trainable,
        "calls": [p and p.calls for p in points],
        "columns": {c: values for c, values in columns.items() if not all(v is None or math.isnan(v) for v in values)},
        "histograms": [
            h and {"exponent": h.exponent, "first": h.first, "counts": h.counts.tolist()} for h in histograms
        ],
    }


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Write lines in columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join([text.ljust(w) if i < 3 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths))]).rstrip()
        for line in lines
    )
