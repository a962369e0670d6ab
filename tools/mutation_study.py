"""Measure the gradient checker: plant mistakes in every op's derivative, and count which are refused and named.

Run it from the root of the repository, without the variables that slow the matrix products down:

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python tools/mutation_study.py --peers torch jax

``--only tanh softmax`` takes some functions, ``--quick`` every twentieth mutant. ``--survivors``, ``--misnamed``,
``--untrue`` and ``--alarms`` print the lists behind the figures; ``--show 'tanh[0]: factor 2'`` prints our report on
one mutant; ``--out docs/gradient-checking-measured.md`` writes the document. Peers that are not installed are left
out; with ``--results FILE`` they are asked once, and not again when only our checker has changed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tqdm import tqdm  # noqa: E402

from support.calls import EVERYTHING  # noqa: E402
from support.mutants import find, mutants  # noqa: E402
from support.mutants.document import document  # noqa: E402
from support.mutants.figures import (  # noqa: E402
    kinds_table,
    misnamed,
    score_line,
    survivors,
    text_table,
    untrue,
)
from support.mutants.peers import PEERS, ours  # noqa: E402
from support.mutants.showcase import needle_table, time_of_conv2d  # noqa: E402
from support.mutants.study import Alarm, Result, calls_of, chosen_calls, examine, false_alarm, false_alarms_of_peers  # noqa: E402


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options, run the parts, print the figures."""
    options = _options(argv)
    if options.show:
        show(options.show)
        return
    start = time.perf_counter()
    peers = [name for name in options.peers if importlib.util.find_spec(name)]
    chosen = list(mutants(options.only))[:: 20 if options.quick else 1]
    known = _read(options.results)
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        alarms = [] if options.no_alarms else _alarms(pool, options)
        refused = frozenset((a.call, a.order) for a in alarms if a.refused)
        results = _run(pool, partial(examine, peers=peers, refused=refused, known=known), chosen, "mutants")
        peer_alarms = _count(_run(pool, partial(false_alarms_of_peers, peers=peers), _places(options), "peers"))
    parts: dict[str, Any] = {
        "peer_alarms": peer_alarms,
        "results": results,
        "alarms": alarms,
        "needles": [],
        "conv2d": {},
    }
    parts["peers"] = [name for group in peers for name in PEERS[group]]
    parts["seconds"] = time.perf_counter() - start
    if options.results:
        Path(options.results).write_text(json.dumps([asdict(r) for r in results]), encoding="utf-8")
    _print(options, parts)
    if not options.no_showcase:
        parts["needles"] = needle_table(peers, draws=2 if options.quick else 10)
        parts["conv2d"] = time_of_conv2d() if "torch" in peers else {}
        print(text_table(parts["needles"]))
        print(parts["conv2d"])
    if options.out:
        Path(options.out).write_text(document(**parts), encoding="utf-8")


def _read(path: str | None) -> dict[str, Result]:
    """Read the results of an earlier run."""
    if not path or not Path(path).exists():
        return {}
    return {r["mutant"]: Result(**r) for r in json.loads(Path(path).read_text(encoding="utf-8"))}


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=[], choices=list(PEERS), help="other checkers to compare with")
    parser.add_argument("--only", nargs="*", help="names of functions")
    parser.add_argument("--quick", action="store_true", help="every twentieth mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many run at a time")
    parser.add_argument("--out", help="the Markdown file to write")
    parser.add_argument("--results", help="a JSON file: peers' verdicts are taken from it if it is there; then written")
    parser.add_argument("--show", help="a mutant, as the lists print it")
    for name in ("survivors", "misnamed", "untrue", "alarms"):
        parser.add_argument(f"--{name}", action="store_true", help="print this list")
    parser.add_argument("--no-alarms", action="store_true", help="leave the right derivatives out")
    parser.add_argument("--no-showcase", action="store_true", help="leave the few wrong entries and the times out")
    return parser.parse_args(argv)


def _run(pool: Any, work: Any, items: Sequence[Any], what: str) -> list[Any]:
    return list(tqdm(pool.imap(work, items, chunksize=8), total=len(items), desc=what, file=sys.stderr))


def _alarms(pool: Any, options: argparse.Namespace) -> list[Alarm]:
    places = _places(options)
    return [a for order in (1, 2) for a in _run(pool, partial(false_alarm, order=order), places, f"order {order}")]


def _places(options: argparse.Namespace) -> list[tuple[str, int]]:
    """List the calls of right functions by name and number."""
    names = options.only or EVERYTHING
    return [(name, i) for name in names for i in range(len(calls_of(name)))][:: 20 if options.quick else 1]


def _count(alarms: Sequence[dict[str, bool]]) -> dict[str, str]:
    names = dict.fromkeys(name for a in alarms for name in a)
    return {name: f"{sum(a.get(name, False) for a in alarms)} of {sum(name in a for a in alarms)}" for name in names}


def show(name: str) -> None:
    """Print our report on one mutant, and how to make it."""
    mutant = find(name)
    for call in chosen_calls(mutant)[:3] or calls_of(mutant.function)[:1]:
        print(f"--- {mutant} at {call}")
        print(ours(mutant.make(), call, mutant.mistake.order))


def _print(options: argparse.Namespace, parts: dict[str, Any]) -> None:
    results: list[Result] = parts["results"]
    print(text_table(kinds_table(results, parts["peers"])))
    print(score_line(results))
    refused = [a for a in parts["alarms"] if a.refused]
    print(f"false alarms: {len(refused)} of {len(parts['alarms'])} checks of right derivatives")
    print(f"of the peers, at calls with something to differentiate: {parts['peer_alarms']}")
    for name, listing in (("survivors", survivors), ("misnamed", misnamed), ("untrue", untrue)):
        found = listing(results)
        print(f"{name}: {len(found)}")
        if getattr(options, name):
            print("\n".join(f"  {line}" for line in found))
    if options.alarms:
        print("\n".join(f"  {a.call} order {a.order}\n{a.report}" for a in refused))
    print(f"{parts['seconds']:.0f} s")


if __name__ == "__main__":
    main()
