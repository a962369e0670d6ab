"""Run the benchmarks and print a table.

Every library works in a process of its own, and the processes take turns, round after round, so that whatever else the
machine does falls on all of them. A ratio is the median over the rounds of the other's figure divided by ours: above 1
ours is better.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from .case import Case
from .cases import CASES
from .markdown import render
from .peers import LIBRARIES, runs
from .process import Worker, command
from .record import TITLES, Record, machine
from .rounds import OURS, measure
from .tables import heading, line, summary

QUIET = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]


def main(argv: Sequence[str] | None = None) -> int:
    """Read the options, run the chosen cases, print; return how many cases failed."""
    argv = sys.argv[1:] if argv is None else argv
    options = parse(argv)
    chosen = [case for case in CASES.values() if wanted(case, options)]
    if options.list:
        print(*(case.label for case in chosen), sep="\n")
        return 0
    out = sys.stderr if options.json == "-" or options.markdown else sys.stdout
    libraries = [OURS, *installed(options.against)]
    record = run(chosen, libraries, options, out)
    if options.json:
        text = json.dumps(record.to_json(), indent=1)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n", encoding="utf-8")
    if options.markdown:
        print(render([record]))
    return sum(bool(result.errors) for result in record.results)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--against", default="torch", help=f"any of {','.join(LIBRARIES)}; default: torch")
    parser.add_argument("--cases", default="", help="a regular expression, searched in 'group: name'")
    parser.add_argument("--json", metavar="FILE", help="keep every sample in a file; -: print it")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--rounds", type=int, default=15, help="how often each library runs a case (default 15)")
    parser.add_argument("--quick", action="store_true", help="one round, to see that everything runs")
    parser.add_argument("--kernels", choices=["numpy", "fast", "auto"], default="auto", help="which of ours")
    parser.add_argument("--list", action="store_true", help="name the cases, run nothing")
    options = parser.parse_args(argv)
    options.against = [name for name in options.against.split(",") if name]
    unknown = set(options.against) - set(LIBRARIES)
    if unknown:
        parser.error(f"--against: {', '.join(sorted(unknown))}: it takes {', '.join(LIBRARIES)}")
    options.given = argv
    options.rounds = 1 if options.quick else options.rounds
    return options


def wanted(case: Case, options: argparse.Namespace) -> bool:
    """Say whether the options choose a case."""
    return bool(re.search(options.cases, case.label)) and (case.quick or not options.quick)


def installed(libraries: Sequence[str]) -> list[str]:
    """Leave out what is not installed, and say so."""
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    for name in missing:
        print(f"# {TITLES[name]} is not installed: no ratios to it", file=sys.stderr)
    return [name for name in libraries if name not in missing]


def run(chosen: Sequence[Case], libraries: Sequence[str], options: argparse.Namespace, out: TextIO) -> Record:
    """Measure the cases one after another, printing as it goes."""

    def start(library: str) -> Worker:
        return Worker(command(library, options.kernels, options.quick))

    def say(*lines: str) -> None:
        print(*lines, sep="\n", file=out, flush=True)

    with ExitStack() as stack:
        workers = {name: stack.enter_context(start(name)) for name in libraries}
        record = Record(machine(options.given), {name: worker.hello for name, worker in workers.items()})
        say(*(f"# {text}" for text in record.header()))
        say(*(f"# note: {v} is set; users do not set it (env -u {v} ...)" for v in QUIET if v in record.machine))
        say(heading(record.peers))
        for case in chosen:
            able = [name for name in libraries if runs(name, case)]
            record.results.append(measure(case, able, workers, start, options.rounds))
            say(line(record.results[-1], record.peers))
    say("", *summary(record))
    return record


if __name__ == "__main__":
    sys.exit(main())
