"""Run the benchmarks and print a table.

Both libraries do the same work in turn, round after round, so that whatever else the machine does falls on both. A
ratio is the median over the rounds of PyTorch's time divided by ours: above 1 we are faster.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import tinygrad_edu as tg

from .cases import CASES

QUIET = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]


def main(argv: list[str] | None = None) -> None:
    """Read the options, run the chosen cases, print one line for each."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--cases", default="", help="a regular expression of names")
    parser.add_argument("--rounds", type=int, default=30, help="how often each side runs")
    parser.add_argument("--quick", action="store_true", help="one round, to see that everything runs")
    options = parser.parse_args(argv)
    rounds = 1 if options.quick else options.rounds
    print_header()
    other = peer()
    print(f"{'case':34} {'ours':>12} {'PyTorch':>12} {'ratio':>7}   (above 1: ours is faster)")
    for name, make in CASES.items():
        if re.search(options.cases, name):
            print(line(name, make, other, rounds), flush=True)


def print_header() -> None:
    """Say what the figures were measured on."""
    for name, value in tg.config().items():
        print(f"# {name}: {value}")
    for name in QUIET:
        if name in os.environ:
            print(f"# note: {name} is set; users' machines do not set it (env -u {name} ...)")


def peer() -> Any:
    """Return PyTorch, None where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        print("# PyTorch is not installed: no ratios")
        return None
    import torch

    print(f"# torch: {torch.__version__}, {torch.get_num_threads()} threads")
    return torch


def line(name: str, make: Callable[[Any], Callable[[], None]], other: Any, rounds: int) -> str:
    """Measure one case on both sides and write its line."""
    sides = [make(tg)] + ([make(other)] if other else [])
    for _ in range(0 if rounds == 1 else 3):
        for side in sides:
            side()
    times = [[measure(side) for side in sides] for _ in range(rounds)]
    ours = statistics.median(t[0] for t in times)
    if not other:
        return f"{name:34} {ours * 1e3:9.3f} ms"
    theirs = statistics.median(t[1] for t in times)
    ratio = statistics.median(t[1] / t[0] for t in times)
    return f"{name:34} {ours * 1e3:9.3f} ms {theirs * 1e3:9.3f} ms {ratio:7.2f}"


def measure(work: Callable[[], None]) -> float:
    """Time one call, with the garbage collector out of the way of the other side's garbage."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
