"""The measured figures as a Markdown document."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .figures import kinds_table, markdown, misnamed, score_line, survivors
from .study import Alarm, Result

__all__ = ["document"]


def document(
    results: Sequence[Result],
    alarms: Sequence[Alarm],
    peers: Sequence[str],
    peer_alarms: dict[str, str],
    needles: Sequence[Sequence[str]],
    conv2d: dict[str, float],
    seconds: float,
) -> str:
    """Write the document; parts that were not measured are left out."""
    parts = [
        _HEAD.format(machine=_machine(), seconds=seconds),
        _MUTANTS.format(count=len(results), score=score_line(results), table=markdown(kinds_table(results, peers))),
        _lists(results),
        _false_alarms(alarms, peer_alarms),
        _PEERS if peers else "",
        _NEEDLES.format(table=markdown(needles)) if needles else "",
        _times(results, alarms, peers, conv2d),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _machine() -> str:
    versions = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "scipy", "torch", "jax"))
    return f"{_cpu()}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _lists(results: Sequence[Result]) -> str:
    """List what got through, and count what was not named."""
    missed = survivors(results)
    lines = ["### What got through", ""]
    lines += [f"- {line}" for line in missed[:_SHOWN]] or ["Nothing."]
    if len(missed) > _SHOWN:
        lines.append(f"- ... and {len(missed) - _SHOWN} more; `--survivors` lists them")
    unnamed = Counter(line.split(": ", 1)[1].split("   ")[0] for line in misnamed(results))
    if unnamed:
        counts = ", ".join(f"{kind} ({count})" for kind, count in unnamed.most_common())
        lines += ["", f"Refused, but not named though it could be told: {counts}."]
    return "\n".join(lines)


_SHOWN = 20


def _false_alarms(alarms: Sequence[Alarm], peers: dict[str, str]) -> str:
    if not alarms:
        return ""
    refused = [a for a in alarms if a.refused]
    lines = ["## False alarms", "", _ALARMS.format(count=len(alarms), refused=len(refused)).strip()]
    lines += [f"- `{a.call}`, order {a.order}" for a in refused[:_SHOWN]]
    if peers:
        counts = ", ".join(f"{name} {count}" for name, count in peers.items())
        lines += ["", f"The others, at those calls that have something to differentiate and no empty input: {counts}."]
    return "\n".join(lines)


def _times(results: Sequence[Result], alarms: Sequence[Alarm], peers: Sequence[str], conv2d: dict[str, float]) -> str:
    lines = ["## Times", ""]
    for order in (1, 2):
        times = sorted(a.seconds for a in alarms if a.order == order and not a.refused)
        if times:
            lines.append(f"- a right derivative, order {order}: {1e3 * times[len(times) // 2]:.0f} ms (median)")
    for name in ("ours", *peers):
        times = sorted(r.seconds[name] for r in results if name in r.seconds)
        if times:
            lines.append(f"- a mutant, until it is refused, {name}: {1e3 * times[len(times) // 2]:.1f} ms (median)")
    if conv2d:
        each = ", ".join(f"{name} {1e3 * time:.0f} ms" for name, time in conv2d.items())
        lines += ["", _CONV2D.format(times=each).strip()]
    return "\n".join(lines)


_HEAD = """
# The gradient checker, measured

Written by `tools/mutation_study.py`, which plants mistakes in derivatives and counts which of them are refused:

```bash
env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \\
    python tools/mutation_study.py --peers torch jax --out docs/gradient-checking-measured.md
```

Measured on {machine}; mutants and right ops took
{seconds:.0f} s.
"""

_MUTANTS = """
## Planted mistakes

A mutant is an op of the package with one mistake in one derivative (`tests/support/mutants`): every op that has a
derivative, and some derived functions wrapped as an `autograd.Function`; {count:,} in all. It is given to
`check_gradients` at the inputs on which the op is tested anyway, one call after another, until it is refused.

Whether a mutant is wrong at all is decided without differences, by comparing its gradients with the right op's: by more
than 1e-9 of the largest. Those that are right at every input are counted apart and enter no score. A call at which the
right op is refused (a false alarm) counts for nothing.

A report *names* a mistake when one of its diagnoses or findings is a true account of it. It is asked to only where the
mistake can be told from others: a factor on a single entry may be anything, a transpose of a row is a reshape.

{score}

{table}

Where a column has no entry, nothing could be asked: a mistake without a name of its own, or one that the other tool
cannot be given.
"""

_ALARMS = """
All smooth calls of all right functions, checked with orders 1 and 2: {refused} of {count:,} were refused.
"""

_PEERS = """
## How the others were asked

With their defaults, in float64, order 1. The mutant stays an op on NumPy arrays: a `torch.autograd.Function`, and a
function with `jax.custom_vjp`, call its forward and its vjp. *torch slow* is `torch.autograd.gradcheck(f, inputs)`,
*torch fast* the same with `fast_mode=True`, *jax* is `jax.test_util.check_grads(f, inputs, order=1, modes=["rev"])`
(there is no forward mode to check). An exception counts as a refusal; where a tool refuses the right function too, its
refusal counts for nothing, as it does for ours. JAX's arrays cannot be written to, so the mistake of writing to one
cannot be made there. Mistakes of the recorded pass were given to ours only.

Most of what they let through is a matter of what they look for. Both modes of `gradcheck` call backward right after the
forward that belongs to it, so values left over from another call are not seen, and neither is a write to an input that
backward does not read again. The slow mode sends back one 1 at a time, of which the square is 1 too. An error of 6e-8,
that of float32, is below the tolerances that both tools have by default, and meant to be.
"""

_NEEDLES = """
## Few wrong entries among many

`x sin(x)`, entry by entry, with some entries of the gradient 2 % too large, at random places: in how many draws it
is noticed, and how long one check takes.

{table}
"""

_CONV2D = """
`conv2d`, input (2, 3, 8, 8), weight (4, 3, 3, 3), bias (4,), padding 1, float64; each checks its own, in turn, median
of seven rounds: {times}.
"""
