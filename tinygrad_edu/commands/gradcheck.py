"""Check a derivative from the command line: find the function, draw its inputs, check, print.

It reads no options; ``cli`` does, and hands them over as :class:`Options`.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..random import manual_seed
from ..testing import GradientReport, check_gradients
from .inputs import Input, complete, draw_inputs
from .target import find, importable, raised

__all__ = ["Options", "gradcheck"]


@dataclass(frozen=True)
class Options:
    """What to check, and on which inputs.

    Attributes
    ----------
    target : str
        ``module:name`` or ``file.py:name``.
    inputs : sequence of Input
        One for each input of the function.
    params : mapping
        Keyword arguments of the function.
    order, seed : int
        As in :func:`~tinygrad_edu.testing.check_gradients`; the seed is also that of the inputs.
    dtype, low, high
        Of the inputs that do not say their own; None: the dtype of a module's parameters or float64, from -2 up to 2,
        and for integers from 0.
    json : bool
        Print JSON instead of the table.
    """

    target: str
    inputs: Sequence[Input]
    params: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1
    seed: int = 0
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    json: bool = False


def gradcheck(options: Options) -> bool:
    """Check a function, print the report, and tell whether its derivative is right.

    Raises
    ------
    ValueError
        With a sentence, if there is no verdict: the function is not found, or cannot be called like this.
    """
    # With --json, what the user's module prints is not in the way of who reads the result.
    quiet = contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext()
    with quiet, importable(options.target):
        manual_seed(options.seed)  # for what a module draws while it is loaded, such as weights
        fn = find(options.target)
        inputs = complete(options.inputs, fn, options.dtype, options.low, options.high)
        report = _check(fn, inputs, options)
    print(_as_json(report, options, inputs) if options.json else f"{report}\n{_drawn(inputs, options.seed)}")
    return report.ok


def _check(fn: Callable[..., Any], inputs: Sequence[Input], options: Options) -> GradientReport:
    tensors = draw_inputs(inputs, options.seed)
    try:
        return check_gradients(fn, tensors, order=options.order, kwargs=options.params, seed=options.seed)
    except Exception as error:
        raise ValueError(raised(f"checking {_call(options, inputs)}", error)) from error


def _call(options: Options, inputs: Sequence[Input]) -> str:
    """Write the call as ``name(float64 [3, 4], dim=1)``."""
    words = [f"{i.dtype} {list(i.shape)}" for i in inputs]
    words += [f"{name}={value!r}" for name, value in options.params.items()]
    return f"{options.target.rpartition(':')[2]}({', '.join(words)})"


def _drawn(inputs: Sequence[Input], seed: int) -> str:
    """Say how the inputs were drawn."""
    ranges = [f"input {n} in [{i.low:g}, {i.high:g})" for n, i in enumerate(inputs) if i.dtype != "bool"]
    return f"  drawn: {', '.join([*ranges, f'seed {seed}'])}"


def _as_json(report: GradientReport, options: Options, inputs: Sequence[Input]) -> str:
    drawn = [{"shape": list(i.shape), "dtype": i.dtype, "low": i.low, "high": i.high} for i in inputs]
    params = {name: repr(value) for name, value in options.params.items()}
    call = {"target": options.target, "inputs": drawn, "params": params, "seed": options.seed}
    return json.dumps({"call": call, **report.to_dict()}, indent=2)
