"""Give a mutant to the checkers, and note who refused it and what ours said.

How the results are counted and written down stands in ``figures``.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import tinygrad_edu as tg
from support.calls import EVERYTHING, Call, as_tensors, calls, flat, is_float, outputs

from .judge import judge, true_names
from .listing import Mutant
from .peers import CHECKERS, PEERS, ours

__all__ = [
    "Alarm",
    "Result",
    "calls_of",
    "chosen_calls",
    "examine",
    "false_alarm",
    "false_alarms_of_peers",
    "peer_alarm",
]


@dataclass
class Result:
    """What became of one mutant.

    Attributes
    ----------
    mutant, mistake : str
        Which, and which kind of mistake it has.
    order : int
        The order of the check that should refuse it.
    equivalent : bool
        Its derivative is right at all inputs: nobody can refuse it.
    call : str
        The call at which ours refused it, or the first at which it should have.
    caught : bool
        Ours refused it; ``raised``: by an exception that is not its own.
    tellable : bool
        The mistake has a name, and can be told from others at the call.
    named : bool
        Our report gave a name that is true.
    said, wanted : list of str
        The names that it gave, and those that are true.
    untrue : list of str
        The names among its diagnoses that are not true.
    peers : dict
        Whether each of the others refused it.
    seconds : dict
        How long each took, in all.
    """

    mutant: str
    mistake: str
    order: int
    equivalent: bool = True
    call: str = ""
    calls: int = 0
    caught: bool = False
    raised: str = ""
    tellable: bool = False
    named: bool = False
    said: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    peers: dict[str, bool] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Alarm:
    """A check of a right derivative: whether it was refused, and what was said."""

    call: str
    order: int
    refused: bool
    report: str
    seconds: float


@cache
def calls_of(name: str) -> tuple[Call, ...]:
    """List the smooth calls of a function that have something to differentiate."""
    found = [call for call in calls(smooth=True) if call.name == name]
    return tuple(call for call in found if any(is_float(v) for v in flat(call.inputs())))


def chosen_calls(mutant: Mutant) -> list[Call]:
    """List the calls at which a mutant is wrong, one at which its mistake can be told first.

    Which one is drawn from the mutant's name: always the same, but not the smallest every time.
    """
    wrong = [call for call in calls_of(mutant.function) if judge(mutant, call).wrong]
    telling = [call for call in wrong if true_names(mutant, call)[1]]
    pool = telling or wrong
    if not pool:
        return []
    first = pool[zlib.crc32(str(mutant).encode()) % len(pool)]
    return [first, *[call for call in wrong if call is not first]]


def examine(
    mutant: Mutant,
    peers: Sequence[str] = (),
    refused: Collection[tuple[str, int]] = (),
    known: Mapping[str, Result] | None = None,
) -> Result:
    """Give a mutant to our checker, and to others', call by call until it is refused.

    ``refused`` lists the calls, with the order, at which ours refuses the right function: these are left out.
    ``known`` holds results of an earlier run: the others' verdicts are taken from it.
    """
    result = Result(str(mutant), mutant.mistake.name, mutant.mistake.order)
    found = chosen_calls(mutant)
    if not found:
        return result
    order = mutant.mistake.order
    result.equivalent, result.call, result.calls = False, str(found[0]), len(found)
    sound = [call for call in found if not {(str(call), 1), (str(call), order)} & set(refused)]
    _give_to_ours(mutant, sound, result)
    earlier = (known or {}).get(result.mutant, result)
    for name in [name for group in peers for name in PEERS[group]] if order == 1 else ():
        if name == "jax" and mutant.mistake.name == "writes to the input":
            continue  # JAX's arrays cannot be written to
        if name in earlier.peers:
            result.peers[name], result.seconds[name] = earlier.peers[name], earlier.seconds[name]
            continue
        start = time.perf_counter()
        result.peers[name] = _refused_by(name, mutant, found)
        result.seconds[name] = time.perf_counter() - start
    return result


def _refused_by(name: str, mutant: Mutant, found: Sequence[Call]) -> bool:
    """Let a peer refuse a mutant at one of the calls, but not where it refuses the right function too."""
    return any(_refuses(name, mutant.make(), call) and not peer_alarm(name, call.name, call.number) for call in found)


@cache
def peer_alarm(peer: str, name: str, number: int) -> bool:
    """Tell whether a peer refuses a right function at one of its calls."""
    function = EVERYTHING[name]
    return _refuses(peer, function, Call(name, number, function.cases.calls[number]))


def _refuses(name: str, function: Callable[..., Any], call: Call) -> bool:
    """An exception is a refusal too: somebody sees it."""
    try:
        return CHECKERS[name](function, call)
    except Exception:
        return True


def _give_to_ours(mutant: Mutant, found: Sequence[Call], result: Result) -> None:
    start = time.perf_counter()
    for call in found:
        try:
            report = ours(mutant.make(), call, mutant.mistake.order)
        except Exception as error:
            result.caught, result.call, result.raised = True, str(call), f"{type(error).__name__}: {error}"[:300]
            break
        if not report.ok:
            result.caught, result.call = True, str(call)
            _note_names(mutant, call, report, result)
            break
    result.seconds["ours"] = time.perf_counter() - start


def _note_names(mutant: Mutant, call: Call, report: Any, result: Result) -> None:
    wanted, result.tellable = true_names(mutant, call)
    diagnosed = {d.kind for d in report.diagnoses}
    said = diagnosed | {f.kind for f in report.findings}
    result.said, result.wanted, result.named = sorted(said), sorted(wanted), bool(said & wanted)
    judged = mutant.mistake.order == 1 and not mutant.mistake.stateful and "backward-random" not in wanted
    result.untrue = sorted(diagnosed - wanted) if judged else []


def false_alarms_of_peers(place: tuple[str, int], peers: Sequence[str]) -> dict[str, bool]:
    """Give a right function to the peers, at a call that has something to differentiate."""
    call = calls_of(place[0])[place[1]]
    results = outputs(EVERYTHING[call.name](*as_tensors(call.inputs()), **call.case.params))
    differentiable = [r for r in results if isinstance(r, tg.Tensor) and r.requires_grad]
    if not differentiable or not all(v.size for v in flat(call.inputs()) if is_float(v)):
        return {}
    return {name: peer_alarm(name, call.name, call.number) for group in peers for name in PEERS[group]}


def false_alarm(place: tuple[str, int], order: int) -> Alarm:
    """Check a right derivative, at a call that is given by the function's name and its number among the smooth ones."""
    call = calls_of(place[0])[place[1]]
    start = time.perf_counter()
    try:
        report = ours(EVERYTHING[call.name], call, order)
        refused, text = not report.ok, str(report)
    except Exception as error:
        refused, text = True, f"{type(error).__name__}: {error}"
    return Alarm(str(call), order, refused, text if refused else "", time.perf_counter() - start)
