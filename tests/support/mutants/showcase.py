"""Two demonstrations beside the mutants: a few wrong entries among very many, and the time of one check.

The function of the first is ``x sin(x)``, entry by entry, with some entries of the gradient 2 % too large; it is given
as it is, and added up to one number.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_edu as tg
from support.calls import Call
from tinygrad_edu.cases import Case
from tinygrad_edu.op import op
from tinygrad_edu.ops.trigonometry import cos, sin

from .peers import PEERS, ours

__all__ = ["NEEDLES", "Given", "needle_table", "time_of_conv2d"]

NEEDLES = [(2_000, 1), (1_000_000, 3)]
"""How many entries, and how many of them wrong."""

_TOO_MANY = 50_000
_DRAWS = 10
_FEWER = 4


@dataclass(frozen=True)
class Given(Call):
    """A call with inputs that are given, not drawn."""

    values: tuple[np.ndarray[Any, Any], ...] = ()

    def inputs(self, dtype: Any = np.float64) -> list[Any]:
        """Give fresh copies."""
        return [np.array(v, dtype) for v in self.values]


def almost_right(n: int, wrong: int, seed: int, total: bool) -> tuple[Callable[..., Any], Given]:
    """Make the function with some entries of its gradient wrong, and a call of it."""
    rng = np.random.default_rng(seed)
    factors = np.ones(n)
    factors[rng.choice(n, wrong, replace=False)] = 1.02

    @op(vjps=(lambda g, _out, x: g * (sin(x) + x * cos(x)) * factors,))
    def x_sin_x(x: Any) -> Any:
        return x * np.sin(x)

    call = Given("x_sin_x", seed, Case(()), (rng.uniform(0.5, 1.5, n),))
    return (lambda x: x_sin_x(x).sum()) if total else x_sin_x, call


def needle_table(peers: Sequence[str], draws: int = _DRAWS) -> list[list[str]]:
    """Count in how many of several draws each checker notices the few wrong entries."""
    checkers: dict[str, Callable[..., bool]] = {"ours": lambda function, call: not ours(function, call).ok}
    for group in peers:
        checkers.update(PEERS[group])
    rows = [["entries", "wrong", "output", *checkers]]
    for n, wrong in NEEDLES:
        for total in (False, True):
            cells = [_needle_cell(name, check, n, wrong, total, draws) for name, check in checkers.items()]
            rows.append([f"{n:,}", str(wrong), "a number" if total else "as large", *cells])
    return rows


def _needle_cell(name: str, check: Callable[..., bool], n: int, wrong: int, total: bool, draws: int) -> str:
    if name == "torch slow" and n > _TOO_MANY:
        return "2,000,000 evaluations" if total else f"a matrix of {n * n * 8 / 2**40:.1f} TiB"
    draws = min(draws, _FEWER) if n > _TOO_MANY else draws
    start = time.perf_counter()
    noticed = sum(check(*almost_right(n, wrong, seed, total)) for seed in range(draws))
    seconds = (time.perf_counter() - start) / draws
    return f"{noticed} of {draws} ({seconds:.2g} s each)"


def time_of_conv2d(rounds: int = 7) -> dict[str, float]:
    """Time our check of a convolution and PyTorch's of its own, in turn; medians in seconds."""
    import torch

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((2, 3, 8, 8), (4, 3, 3, 3), (4,))]

    def we() -> None:
        tensors = [tg.from_numpy(a.copy()).requires_grad_() for a in arrays]
        from tinygrad_edu.testing import check_gradients

        assert check_gradients(tg.nn.functional.conv2d, tensors, kwargs={"padding": 1}).ok

    def they(fast: bool = False) -> None:
        tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]
        function = torch.nn.functional.conv2d
        assert torch.autograd.gradcheck(lambda x, w, b: function(x, w, b, padding=1), tensors, fast_mode=fast)

    runs: dict[str, Callable[[], None]] = {"ours": we, "torch slow": they, "torch fast": lambda: they(True)}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}
