"""Who is measured when: round after round, every library in turn, each in a process of its own."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .case import Case
from .load import Load
from .measures import FRESH
from .process import Worker, WorkerError

__all__ = ["OURS", "Result", "interleave", "measure"]

OURS = "tinygrad_edu"
FRESH_ROUNDS = 3
CASE_SECONDS = 20.0  # after which a case ends before its rounds do
LEAST_ROUNDS = 3

Start = Callable[[str], Worker]


@dataclass
class Result:
    """The samples of one case by library, those of one round at the same place; tracebacks of those that failed.

    ``others`` is how many cores programs took that have no part in it.
    """

    case: Case
    samples: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    others: float | None = None


def measure(case: Case, libraries: Sequence[str], workers: dict[str, Worker], start: Start, rounds: int) -> Result:
    """Measure one case with every library; where it needs fresh processes, start them."""
    result, load = Result(case), Load(worker.number for worker in workers.values())
    samplers: dict[str, Callable[[], float]] = {}
    for name in libraries:
        if case.measure in FRESH:
            samplers[name] = functools.partial(fresh_sample, start, name, case)
            continue
        try:
            workers[name].prepare(case.name)
            samplers[name] = workers[name].sample
        except WorkerError as error:
            result.errors[name] = str(error)
    # A size stays what it is, and a fresh process for each sample takes long.
    rounds = rounds if case.measure == "time" else min(rounds, FRESH_ROUNDS if case.measure in FRESH else 1)
    interleave(samplers, rounds, result)
    result.others = load.of_others()
    return result


def fresh_sample(start: Start, library: str, case: Case) -> float:
    """Take one sample in a process that did nothing before."""
    with start(library) as worker:
        worker.prepare(case.name)
        return worker.sample()


def interleave(samplers: dict[str, Callable[[], float]], rounds: int, result: Result) -> None:
    """Take a sample of each, in turn, round after round; every other round backwards, so that none is always first."""
    result.samples |= {name: [] for name in samplers}
    until = time.monotonic() + CASE_SECONDS
    for turn in range(rounds):
        if turn >= LEAST_ROUNDS and time.monotonic() > until:
            break
        for name in list(result.samples)[:: -1 if turn % 2 else 1]:
            try:
                result.samples[name].append(samplers[name]())
            except WorkerError as error:
                result.errors[name] = str(error)
                del result.samples[name]
