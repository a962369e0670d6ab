"""The table of a profile, in PyTorch's columns: numbers to text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["build_table", "format_memory", "format_time"]

SORT_KEYS = (
    *("self_cpu_time_total", "cpu_time_total", "cpu_time", "count"),
    *("self_cpu_memory_usage", "cpu_memory_usage", "kept_memory_usage"),
)
WIDTH, GAP = 12, "  "


def format_time(us: float, unit: str | None = None) -> str:
    """Write microseconds in a unit, or in the one that suits."""
    if unit is None:
        unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / {'s': 1e6, 'ms': 1e3, 'us': 1.0}[unit]:.3f}{unit}"


def format_memory(n: int) -> str:
    """Write a number of bytes in the unit that suits; 1 KB is 1024 B."""
    for size, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if n >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} B"


def _share(us: float, total: float) -> str:
    return f"{us * 100 / total:.2f}%" if total else "NaN"


def build_table(
    events: Sequence[Any],
    summary: Any,
    *,
    sort_by: str | None,
    row_limit: int,
    widths: tuple[int | None, int | None, int | None],
    header: str | None,
    top_level_events_only: bool,
    time_unit: str | None,
    memory: bool,
) -> str:
    """Return the table; see :meth:`tinygrad_edu.profiler.events.EventList.table`."""
    _check(sort_by, time_unit)
    if not events:
        return ""
    total = sum(event.self_cpu_time_total for event in events)
    if sort_by is not None:
        events = sorted(events, key=lambda event: getattr(event, sort_by), reverse=True)
    if top_level_events_only:
        events = [event for event in events if event.cpu_parent is None]
    shown = events if row_limit < 0 else events[:row_limit]
    titles, rows = _cells(shown, total, time_unit, memory, widths)
    lines = _aligned(titles, rows)
    notes = [] if header is None else [header]
    notes += ["This report only display top-level ops statistics"] * top_level_events_only
    lines = [line for note in notes for line in ("=" * len(lines[0]), note)] + lines
    return "\n".join([*lines, *_totals(total, summary, time_unit)]) + "\n"


def _check(sort_by: str | None, time_unit: str | None) -> None:
    if sort_by is not None and sort_by not in SORT_KEYS:
        raise AttributeError(f"table: cannot sort by {sort_by!r}; sort_by is one of {', '.join(SORT_KEYS)}, or None.")
    if time_unit not in (None, "s", "ms", "us"):
        raise ValueError(f"table: time_unit is 's', 'ms', 'us' or None, but got {time_unit!r}.")


def _cells(
    events: Sequence[Any],
    total: float,
    unit: str | None,
    memory: bool,
    widths: tuple[int | None, int | None, int | None],
) -> tuple[list[str], list[list[str]]]:
    """Write the columns' titles and every row's cells; lines of a stack below the first get rows of their own."""
    titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    titles += ["CPU Mem", "Self CPU Mem", "Kept for bwd"] * memory + ["# of Calls"]
    modules = any(event.module_hierarchy for event in events)
    shapes = any(event.input_shapes for event in events)
    stacks = any(event.stack for event in events)
    titles += ["Module"] * modules + ["Input Shapes"] * shapes + ["Source Location"] * stacks
    rows = []
    for event in events:
        own, whole = event.self_cpu_time_total, event.cpu_time_total
        row = [_cut(event.key, widths[0]), _share(own, total), format_time(own, unit), _share(whole, total)]
        row += [format_time(whole, unit), format_time(event.cpu_time, unit)]
        if memory:
            sizes = (event.cpu_memory_usage, event.self_cpu_memory_usage, event.kept_memory_usage)
            row += map(format_memory, sizes)
        row += [str(event.count)] + [event.module_hierarchy] * modules
        row += [_cut(str(event.input_shapes), widths[1])] * shapes
        below = [_cut_left(line, widths[2]) for line in event.stack] if stacks else []
        rows.append(row + (below[:1] or [""]) * stacks)
        rows += [[""] * len(row) + [line] for line in below[1:]]
    return titles, rows


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 3] + "..."


def _cut_left(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else "..." + text[len(text) - width + 3 :]


def _aligned(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Set the columns to the right, the source lines to the left, between three rules."""
    sizes = [max(WIDTH, *(len(row[i]) for row in [titles, *rows])) for i in range(len(titles))]
    rule = GAP.join("-" * size for size in sizes)
    lines = []
    for row in [titles, *rows]:
        cells = [
            text.ljust(size) if title == "Source Location" else text.rjust(size)
            for title, text, size in zip(titles, row, sizes)
        ]
        lines.append(GAP.join(cells).rstrip())
    return [rule, lines[0], rule, *lines[1:], rule]


def _totals(total: float, summary: Any, unit: str | None) -> list[str]:
    lines = [f"Self CPU time total: {format_time(total, unit)}"]
    if summary is None:
        return lines
    shares = [f"{phase} {format_time(us, unit)} ({_share(us, total)})" for phase, us in summary.phases.items()]
    lines.append("Of it: " + ", ".join(shares))
    lines.append(
        f"Wall time: {format_time(summary.wall, unit)}, of it outside the events above: "
        f"{format_time(summary.outside, unit)} ({_share(summary.outside, summary.wall)})"
    )
    if summary.peak_results is not None:
        lines.append(
            f"Peak memory of results: {format_memory(summary.peak_results)}, "
            f"kept for backward: {format_memory(summary.peak_kept)}"
        )
    return lines
