"""Runs as Markdown: ``python -m benchmarks.markdown FILE...`` prints the tables of runs kept with ``--json``.

Runs with the same kernels and peers are put together, later files replacing the cases of earlier ones; runs with
different kernels stand side by side in the table of the targets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .case import GROUPS
from .cases.convolution import PRODUCTS
from .figures import spread
from .record import TITLES, Record
from .rounds import OURS, Result
from .tables import figure, group_means, is_disturbed, ratio

__all__ = ["main", "render"]

KERNELS = {"numpy": "NumPy only", "fast": "with `fast`"}


def main(files: Sequence[str]) -> None:
    """Read the files and print their tables."""
    print(render([Record.from_json(json.loads(Path(name).read_text(encoding="utf-8"))) for name in files]))


def render(records: Iterable[Record]) -> str:
    """Write runs as Markdown."""
    merged = merge(records)
    beside_torch = [record for record in merged if "torch" in record.peers]
    parts = [["## Against PyTorch", ""], targets(beside_torch)] if beside_torch else []
    for record in merged:
        parts += [
            [f"## {title(record)}", "", *(f"- {said}" for said in record.header() if not said.startswith("options:"))]
        ]
        parts += [] if "torch" in record.peers else [means(record)]
        parts += [cases(record), floors(record)]
    return "\n\n".join("\n".join(part).strip() for part in parts if part)


def merge(records: Iterable[Record]) -> list[Record]:
    """Put the runs with the same kernels and the same peers together."""
    found: dict[tuple[str, ...], Record] = {}
    for record in records:
        kept = found.setdefault((record.kernels, *record.peers), Record(record.machine, record.libraries))
        by_name = {result.case.name: result for result in [*kept.results, *record.results]}
        kept.results = list(by_name.values())
    return list(found.values())


def title(record: Record) -> str:
    """Name the kernels and the peers of a run."""
    peers = ", ".join(TITLES[name] for name in record.peers)
    return f"Case by case, {KERNELS[record.kernels]}" + f", beside {peers}" * bool(peers)


def means(record: Record) -> list[str]:
    """Write the groups' geometric means for each peer."""
    found = {peer: group_means(record.results, peer) for peer in record.peers}
    lines = _head(["group", *(TITLES[peer] for peer in record.peers)])
    for key, group in GROUPS.items():
        cells = [f"{found[peer][key][0]:.2f}" if key in found[peer] else "" for peer in record.peers]
        lines += [_row([group.title, *cells])] if any(cells) else []
    return lines


def targets(records: Sequence[Record]) -> list[str]:
    """Write the table of the targets, a pair of columns for each choice of kernels."""
    means = [group_means(record.results, "torch") for record in records]
    lines = _head(["group", "cases", *(part for r in records for part in (KERNELS[r.kernels], "aim"))])
    for key, group in GROUPS.items():
        count = next((found[key][1] for found in means if key in found), None)
        if count is not None:
            row = [group.title, str(count)]
            for record, found in zip(records, means):
                aim = group.fast if record.kernels == "fast" else group.numpy
                row += [f"{found[key][0]:.2f}" if key in found else "", f"{aim:.2f}" if aim else ""]
            lines.append(_row(row))
    return lines


def cases(record: Record) -> list[str]:
    """Write every case: our figure, and each peer's with its ratio and the quartiles of that."""
    columns = [column for peer in record.peers for column in (TITLES[peer], "ratio", "quartiles")]
    lines = _head(["case", "ours", *columns])
    group = None
    order = {name: place for place, name in enumerate(GROUPS)}
    for result in sorted(record.results, key=lambda r: order[r.case.group]):
        if OURS not in result.samples or (record.peers and not any(ratio(result, peer) for peer in record.peers)):
            continue
        if result.case.group != group:
            group = result.case.group
            lines.append(_row([f"**{GROUPS[group].title}**", *[""] * (1 + len(columns))]))
        lines.append(_row([_name(result), _median(result, OURS), *_peers(result, record.peers)]))
    return lines


def _peers(result: Result, peers: Sequence[str]) -> list[str]:
    cells = []
    for peer in peers:
        found = ratio(result, peer)
        empty = ["", "", ""]
        cells += (
            [_median(result, peer), f"{found.median:.2f}", f"{found.low:.2f} - {found.high:.2f}"] if found else empty
        )
    return cells


def floors(record: Record) -> list[str]:
    """Write how many times the time of its bare matrix products each convolution takes."""
    by_name = {result.case.name: result for result in record.results}
    libraries = [name for name in (OURS, "torch") if name in record.libraries]
    lines = _head(["a layer's time, in times that of its bare products", *(TITLES[name] for name in libraries)])
    pairs = [(by_name[name], r) for r in by_name.values() if (name := PRODUCTS + r.case.name) in by_name]
    for floor, layer in pairs:
        if not all(name in r.samples for r in (floor, layer) for name in libraries):
            continue
        times = [spread(layer.samples[n]).median / spread(floor.samples[n]).median for n in libraries]
        lines.append(_row([layer.case.name, *(f"{t:.1f}" for t in times)]))
    return lines if pairs else []


def _name(result: Result) -> str:
    busy = f" (other programs took {result.others:.1f} cores)" if is_disturbed(result) else ""
    return result.case.name + busy


def _median(result: Result, library: str) -> str:
    return figure(spread(result.samples[library]).median, result.case.measure)


def _head(columns: Sequence[str]) -> list[str]:
    return [_row(columns), "|---|" + "---:|" * (len(columns) - 1)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main(sys.argv[1:])
