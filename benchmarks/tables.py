"""A run as text, line by line while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .case import GROUPS, Group
from .figures import Spread, geometric_mean, paired_ratio, spread
from .measures import UNITS
from .record import TITLES, Record
from .rounds import OURS, Result

__all__ = ["figure", "group_means", "heading", "is_disturbed", "line", "ratio", "summary"]

# Largest first: the unit of a figure is the first that it fills.
SCALES = {
    "s": [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
    "B": [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")],
}

DISTURBED = 0.15  # cores


def figure(value: float, measure: str) -> str:
    """Write seconds or bytes with three digits and the unit that suits.

    Examples
    --------
    >>> figure(0.00123, "time"), figure(45.6e6, "peak")
    ('1.23 ms', '45.6 MB')
    """
    scales = SCALES[UNITS.get(measure, "B")]
    scale, unit = next((s for s in scales if abs(value) >= 0.9995 * s[0]), scales[-1])
    shown = value / scale
    digits = 2 if shown < 9.995 else 1 if shown < 99.95 else 0
    return f"{shown:.{digits}f} {unit}"


def ratio(result: Result, peer: str) -> Spread | None:
    """Return a peer's figure divided by ours, round by round; None where there is none."""
    if peer not in result.samples or OURS not in result.samples:
        return None
    return paired_ratio(result.samples[peer], result.samples[OURS])


def heading(peers: Sequence[str]) -> str:
    """Name the columns."""
    columns = "".join(f"{TITLES[peer]:>14}  ratio (quartiles)" for peer in peers)
    return f"{'case':45}{'ours':>10}{columns}"


def line(result: Result, peers: Sequence[str]) -> str:
    """Write one case: medians, and for each peer the ratio with its quartiles."""
    ours = _cell(result, OURS, 10) if OURS in result.samples else f"{'-':>10}"
    busy = f"  other programs took {result.others:.1f} cores" if is_disturbed(result) else ""
    errors = "".join(f"\nfailed with {TITLES[name]}: {text.rstrip()}" for name, text in result.errors.items())
    return f"{result.case.name:45}{ours}" + "".join(_peer(result, peer) for peer in peers) + busy + errors


def is_disturbed(result: Result) -> bool:
    """Say whether other programs took so much of the machine that the figures are in doubt."""
    return result.others is not None and result.others > DISTURBED


def _cell(result: Result, library: str, width: int) -> str:
    return f"{figure(spread(result.samples[library]).median, result.case.measure):>{width}}"


def _peer(result: Result, peer: str) -> str:
    found = ratio(result, peer)
    if found is None:
        return f"{'-':>14}{'':19}"
    quartiles = f"({found.low:.2f} - {found.high:.2f})"
    return f"{_cell(result, peer, 14)} {found.median:6.2f} {quartiles:<11}".ljust(33)


def group_means(results: Iterable[Result], peer: str) -> dict[str, tuple[float, int]]:
    """Return by group the geometric mean of the ratios to a peer, and of how many cases it is."""
    ratios: dict[str, list[float]] = {}
    for result in results:
        found = ratio(result, peer)
        if found is not None:
            ratios.setdefault(result.case.group, []).append(found.median)
    return {
        key: (geometric_mean(ratios[key]), len(ratios[key]))
        for key, group in GROUPS.items()
        if group.mean and key in ratios
    }


def summary(record: Record) -> list[str]:
    """Write the groups' geometric means beside the targets, which are for PyTorch."""
    lines = [f"{'geometric mean of the ratios, above 1: ours is better':55}" + _peer_titles(record.peers) + "  target"]
    means = {peer: group_means(record.results, peer) for peer in record.peers}
    for key, group in GROUPS.items():
        if any(key in found for found in means.values()):
            cells = "".join(f"{means[p][key][0]:>14.2f}" if key in means[p] else f"{'-':>14}" for p in record.peers)
            lines.append(f"{group.title:55}{cells}  {target(group)}".rstrip())
    return lines if record.peers else []


def _peer_titles(peers: Sequence[str]) -> str:
    return "".join(f"{TITLES[peer]:>14}" for peer in peers)


def target(group: Group) -> str:
    """Write a group's targets."""
    if group.numpy is None:
        return ""
    return f"{group.numpy:.2f} with NumPy, {group.fast:.2f} with the fast kernels"
