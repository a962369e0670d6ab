"""Count how often the gradient checker calls the derivative of a built-in op wrong, on calls that hypothesis draws.

Run it from the root of the repository:

    python tools/false_alarms.py                      # about 10,000 calls where the ops are smooth, order 1
    python tools/false_alarms.py --draws 5000 --order 2 --kinks

Every alarm is one of the checker's, or a mistake of the op: each is printed with lines that repeat it. Calls whose
result is not finite have no derivative, and are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from tqdm import tqdm  # noqa: E402

import tinygrad_edu as tg  # noqa: E402
from support.calls import EVERYTHING, outputs  # noqa: E402
from support.drawn import DIFFERENTIABLE, drawn_calls  # noqa: E402
from tinygrad_edu.testing import check_gradients  # noqa: E402
from tinygrad_edu.testing.reproducer import written_call  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, check, and print the alarms; return how many there were, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000, help="how many calls, of all ops together")
    parser.add_argument("--order", type=int, default=1, help="of the derivatives")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--kinks", action="store_true", help="at kinks and ties too")
    options = parser.parse_args(argv)
    each = -(-options.draws // len(DIFFERENTIABLE))
    draws, alarms = 0, []
    for name in tqdm(DIFFERENTIABLE, unit="op", file=sys.stderr):
        reports = checked(name, each, options)
        draws += len(reports)
        alarms += [report for report in reports if report]
    print(*alarms, sep="\n\n")
    print(f"{draws} draws over {len(DIFFERENTIABLE)} functions, order {options.order}: {len(alarms)} false alarms")
    return min(len(alarms), 1)


def checked(name: str, count: int, options: argparse.Namespace) -> list[str]:
    """Check a function on what is drawn for it; return a report for each draw, empty where all is right."""
    reports: list[str] = []

    @seed(options.seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn_calls(name, kinks=options.kinks))
    def run(call: Any) -> None:
        if is_finite(name, call):
            reports.append(alarm(name, call, options.order))

    run()
    return reports


def is_finite(name: str, call: Any) -> bool:
    """Tell whether the function is defined at the point."""
    with tg.no_grad(), np.errstate(all="ignore"):
        results = outputs(EVERYTHING[name](*call.args, **call.kwargs))
    return all(np.isfinite(getattr(result, "array", result)).all() for result in results)


def alarm(name: str, call: Any, order: int) -> str:
    """Return the report on a call and how to repeat it, empty where the derivative is found right."""
    report = check_gradients(EVERYTHING[name], call.args, kwargs=call.kwargs, order=order)
    if report.ok:
        return ""
    named = [(f"x{i}", value) for i, value in enumerate(call.args)]
    return f"{report}\n{written_call(EVERYTHING[name], named, call.kwargs, order)}"


if __name__ == "__main__":
    sys.exit(main())
