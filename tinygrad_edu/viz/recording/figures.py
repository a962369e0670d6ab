"""Figures of what was recorded: histograms over time as heat maps or ridgelines, and numbers as curves.

It draws points; which ones is decided by ``results``. Built from matplotlib's classes alone, without pyplot: no window
opens and no state of the process changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..wording import shortened
from .histograms import on_same_bins
from .points import KINDS, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "write"]

Points = Mapping[str, Sequence[Point | None]]

_PLOTS = ("heatmap", "ridgeline", "curves")
_MOST_PANELS = 12
_MOST_IN_LEGEND = 16
_BINS = 128  # of a panel: more than one histogram has, as values move
_COLUMN = {"updates": "ratio", "activations": "std"}
_WORDS = {
    "norm": "L2 norm",
    "std": "standard deviation",
    "zeros": "share of zeros",
    "nan": "share of NaN",
    "inf": "share of infinities",
    "dead": "share of dead units",
    "saturated": "share of saturated entries",
    "ratio": "‖Δw‖ / ‖w‖",
}


def draw(what: str, points: Points, steps: Sequence[int], kind: str | None, column: str | None) -> Figure:
    """Draw points over steps; ``kind`` and ``column`` None choose what suits ``what``."""
    if kind is None:
        kind = "curves" if what == "updates" or column is not None else "heatmap"
    if kind not in _PLOTS:
        raise ValueError(f"Recording.plot: kind= must be one of {', '.join(_PLOTS)}; got {kind!r}.")
    if kind == "curves":
        return _curves(what, points, steps, column or _COLUMN.get(what, "norm"))
    panel = _heatmap if kind == "heatmap" else _ridgeline
    return _panels(what, points, steps, panel)


def write(figure: Figure, file: IO[bytes], suffix: str) -> None:
    """Write a figure as PNG or SVG; the same figure gives the same bytes."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "tinygrad_edu"}):
        figure.savefig(file, format=suffix, dpi=120, metadata={"Date": None} if suffix == "svg" else {})


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'Recording.plot needs matplotlib: pip install "tinygrad-edu[viz]". The forms .html and .json do without it.'
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


# ---- histograms over time


def _panels(what: str, points: Points, steps: Sequence[int], panel: Any) -> Figure:
    """Draw one panel for each name that has a histogram, at most twelve."""
    drawable = {name: series for name, series in points.items() if any(p and p.histogram for p in series)}
    if not drawable:
        raise ValueError(f"Recording.plot: none of the {what} has a finite value to draw.")
    shown = list(drawable.items())[:_MOST_PANELS]
    across = min(len(shown), 3)
    down = -(-len(shown) // across)
    figure = _figure(1.2 + 3.2 * across, 0.7 + 2.4 * down)
    grid = figure.subplots(down, across, squeeze=False)
    for axes, (name, series) in zip(grid.flat, shown):
        panel(axes, series, steps)
        axes.set_title(_titled(name, series), fontsize=9, parse_math=False)
        axes.tick_params(labelsize=8)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    left_out = len(drawable) - len(shown)
    figure.suptitle(KINDS[what] + (f" (the first {len(shown)} of {len(drawable)}; match= chooses)" if left_out else ""))
    return figure


def _titled(name: str, series: Sequence[Point | None]) -> str:
    return f"{shortened(name, 34)}  {next(p for p in series if p).module}"


def _densities(series: Sequence[Point | None]) -> tuple[Any, Any]:
    """Return the edges of bins for all steps, and the shares of values in them, (steps, bins); NaN where is none."""
    histograms = [p.histogram if p else None for p in series]
    (exponent, first), counts = on_same_bins([h for h in histograms if h is not None], _BINS)
    edges = np.ldexp(np.arange(first, first + counts.shape[1] + 1, dtype=np.float64), exponent)
    shares = np.full((len(series), counts.shape[1]), math.nan)
    shares[[h is not None for h in histograms]] = counts / counts.sum(axis=1, keepdims=True)
    return edges, shares


def _heatmap(axes: Axes, series: Sequence[Point | None], steps: Sequence[int]) -> None:
    edges, shares = _densities(series)
    # The square root: else the peak of a narrow step would leave the others white.
    axes.pcolormesh(_borders(steps), edges, np.sqrt(shares.T), cmap="Blues", vmin=0.0, rasterized=True)
    mean = np.array([p.value("mean") if p else math.nan for p in series])
    std = np.array([p.value("std") if p else math.nan for p in series])
    axes.plot(steps, mean, color="#c2410c", linewidth=1.2, marker="." if len(steps) == 1 else None)
    for bound in (mean - std, mean + std):
        axes.plot(steps, bound, color="#c2410c", linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_ylim(edges[0], edges[-1])
    axes.set_xlabel("step (line: mean ± std)", fontsize=8)


def _borders(steps: Sequence[int]) -> Any:
    """Return where the column of each step begins and ends: half way to its neighbours."""
    at = np.asarray(steps, dtype=np.float64)
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middles = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])


def _ridgeline(axes: Axes, series: Sequence[Point | None], steps: Sequence[int]) -> None:
    from matplotlib import colormaps

    edges, shares = _densities(series)
    rows = [i for i in _spread(len(steps), 24) if np.isfinite(shares[i]).all()]
    middles = (edges[1:] + edges[:-1]) / 2
    lift = 1.0 / max(len(rows), 4)
    heights = np.sqrt(shares)  # else the zeros after a ReLU would flatten all the rest
    tallest = max(float(heights[i].max()) for i in rows)
    for order, i in enumerate(rows):  # the first at the back, at the top
        base = -order * lift
        height = base + heights[i] / tallest * lift * 3
        color = colormaps["viridis"](0.9 * order / max(len(rows) - 1, 1))
        axes.fill_between(middles, base, height, facecolor="white", alpha=0.8, linewidth=0, zorder=order)
        axes.plot(middles, height, color=color, linewidth=1.0, zorder=order)
    ticks = [0, len(rows) - 1] if len(rows) > 1 else [0]
    axes.set_yticks([-order * lift for order in ticks], [f"step {steps[rows[order]]}" for order in ticks])
    axes.set_xlabel("value", fontsize=8)


def _spread(n: int, most: int) -> list[int]:
    """Choose at most so many of n places, evenly, with both ends."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most)).tolist()})


# ---- numbers over time


def _curves(what: str, points: Points, steps: Sequence[int], column: str) -> Figure:
    """Draw one number of each name as a curve, on a logarithmic scale where all are positive."""
    from_points = {name: [p.value(column) if p else math.nan for p in series] for name, series in points.items()}
    curves = {name: values for name, values in from_points.items() if any(map(math.isfinite, values))}
    if not curves:
        raise ValueError(f"Recording.plot: none of the {what} has a finite {column!r} to draw.")
    figure = _figure(8.6, 4.6)
    axes = figure.subplots()
    lines = [_curve(axes, i, len(curves), steps, values) for i, values in enumerate(curves.values())]
    finite = [v for values in curves.values() for v in values if math.isfinite(v)]
    if min(finite) >= 0 and max(finite) > 0 and column in ("norm", "ratio", "std"):
        axes.set_yscale("log", nonpositive="mask")
    axes.set_xlabel("step")
    axes.set_ylabel(_WORDS.get(column, column))
    axes.set_title(KINDS[what])
    axes.grid(alpha=0.3)
    _legend(figure, lines, [_titled(name, points[name]) for name in curves])
    return figure


def _curve(axes: Axes, i: int, n: int, steps: Sequence[int], values: Sequence[float]) -> Any:
    from matplotlib import colormaps

    # From the input to the output of the model: from dark to bright, so that a trend along the depth is seen.
    color = colormaps["viridis"](0.92 * i / max(n - 1, 1))
    shown = np.where(np.isfinite(values), values, math.nan)
    style = ("-", "--", ":")[i % 3]
    (line,) = axes.plot(steps, shown, style, color=color, linewidth=1.5, marker="." if len(steps) < 30 else None)
    return line


def _legend(figure: Figure, lines: Sequence[Any], names: Sequence[str]) -> None:
    """Name the curves; of many, some between the first and the last."""
    chosen = _spread(len(names), _MOST_IN_LEGEND)
    legend = figure.legend(
        [lines[i] for i in chosen],
        [str(i) for i in chosen],  # replaced below: a name that begins with "_" would be left out
        loc="outside right upper",
        fontsize=8,
        title=f"{len(chosen)} of {len(names)}" if len(chosen) < len(names) else None,
    )
    for text, i in zip(legend.get_texts(), chosen):
        text.set_parse_math(False)
        text.set_text(names[i])
