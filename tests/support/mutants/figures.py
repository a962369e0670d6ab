"""Count what became of the mutants, and lay the figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .study import Result

__all__ = ["kinds_table", "markdown", "misnamed", "score_line", "survivors", "text_table", "untrue"]


def _kind(result: Result) -> str:
    return "formula of one op" if result.mistake.startswith("formula: ") else result.mistake


def kinds_table(results: Sequence[Result], peers: Sequence[str]) -> list[list[str]]:
    """Count by kind of mistake: who refused how many, and how often ours gave the name."""
    rows = [["mistake", "mutants", "right anyway", "ours", "named by ours", *peers]]
    kinds = list(dict.fromkeys(_kind(r) for r in results))
    for kind in kinds:
        rows.append([kind, *_counts([r for r in results if _kind(r) == kind], peers)])
    for order in (1, 2):
        of_order = [r for r in results if r.order == order]
        rows.append([f"all of order {order}", *_counts(of_order, peers)])
    return rows


def _counts(results: Sequence[Result], peers: Sequence[str]) -> list[str]:
    real = [r for r in results if not r.equivalent]
    telling = [r for r in real if r.caught and r.tellable]
    cells = [str(len(results)), str(len(results) - len(real)), f"{sum(r.caught for r in real)}/{len(real)}"]
    cells.append(f"{sum(r.named for r in telling)}/{len(telling)}" if telling else "")
    for peer in peers:
        asked = [r for r in real if peer in r.peers]
        cells.append(f"{sum(r.peers[peer] for r in asked)}/{len(asked)}" if asked else "")
    return cells


def score_line(results: Sequence[Result]) -> str:
    """Say how many of the mutants that are wrong were refused."""
    real = [r for r in results if not r.equivalent]
    caught = sum(r.caught for r in real)
    telling = [r for r in real if r.caught and r.tellable]
    named = sum(r.named for r in telling)
    return (
        f"score: {caught} of {len(real)} ({_percent(caught, len(real))}); {len(results) - len(real)} more are right "
        f"anyway. Named: {named} of {len(telling)} ({_percent(named, len(telling))})."
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"


def survivors(results: Sequence[Result]) -> list[str]:
    """List the mutants that ours took for right."""
    found = [r for r in results if not r.equivalent and not r.caught]
    return [f"{r.mutant}   wrong at {r.calls} calls, such as {r.call}" for r in _common_first(found)]


def misnamed(results: Sequence[Result]) -> list[str]:
    """List the mutants whose mistake could be told, and was not."""
    found = [r for r in results if r.caught and r.tellable and not r.named]
    return [f"{r.mutant}   at {r.call}: wanted {r.wanted}, said {r.said}{r.raised}" for r in _common_first(found)]


def untrue(results: Sequence[Result]) -> list[str]:
    """List the mutants of which a diagnosis says something that is not so."""
    found = [r for r in results if r.untrue]
    return [f"{r.mutant}   at {r.call}: untrue {r.untrue}, true {r.wanted}" for r in _common_first(found)]


def _common_first(results: Sequence[Result]) -> list[Result]:
    count: dict[str, int] = {}
    for r in results:
        count[_kind(r)] = count.get(_kind(r), 0) + 1
    return sorted(results, key=lambda r: (-count[_kind(r)], _kind(r)))


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns."""
    return _laid_out(rows, lambda cells: "  ".join(cells).rstrip())


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out as a Markdown table."""
    lines = _laid_out(rows, lambda cells: "| " + " | ".join(cells) + " |").split("\n")
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _laid_out(rows: Sequence[Sequence[str]], line: Callable[[list[str]], str]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(line([cell.ljust(width) for cell, width in zip(row, widths)]) for row in rows)
