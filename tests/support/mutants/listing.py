"""All mutants: every mistake, planted at every input of every op and of some derived functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from support.calls import EVERYTHING, Call, as_tensors, calls
from tinygrad_edu.op import OPS

from .building import differentiable, mutate_function, mutate_op
from .changes import swapped_with
from .mistakes import FIRST_ORDER, Mistake
from .second_order import SECOND_ORDER
from .specific import SPECIFIC

__all__ = ["COMPOSITES", "Mutant", "find", "mutants"]

COMPOSITES = (
    "lerp",
    "addcmul",
    "rms_norm",
    "batch_norm",
    "conv2d",
    "conv_transpose2d",
    "max_pool2d",
    "avg_pool2d",
    "einsum",
    "expand",
    "take",
    "take_along_dim",
    "tile",
    "repeat_interleave",
    "pad",
    "hstack",
    "split",
    "var_mean",
    "sort",
    "max",
    "kron",
    "bmm",
    "cosine_similarity",
    "kl_div",
    "cross_entropy",
    "group_norm",
)
"""The derived functions that are wrapped as a Function whose backward runs them again."""

_READ_SEVERAL_TIMES = {
    "broadcast_to", "repeat", "unfold", "im2col", "getitem", "gather", "embedding", "index_select", "convolution",
    "mean_over_windows", "take_pixels", "diagonal_backward", "place", "index_put", "conv2d_weight", "conv2d_input",
    "expand", "take", "take_along_dim", "tile", "repeat_interleave", "pad", "conv2d", "conv_transpose2d", "avg_pool2d",
    "max_pool2d", "max_over_windows", "kron", "cumsum", "contract", "einsum", "matmul", "linear",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One mistake in one function."""

    function: str
    positions: tuple[int, ...]
    mistake: Mistake

    def make(self) -> Callable[..., Any]:
        """Build it anew, with no memory of earlier calls."""
        changes = dict.fromkeys(self.positions, self.mistake.change)
        if self.mistake.swaps:
            i, j = self.positions
            changes = {i: swapped_with(j), j: swapped_with(i)}
        right = EVERYTHING[self.function]
        return mutate_op(right, changes) if self.function in OPS else mutate_function(right, changes)

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (str(self),)  # to another process by its name: what a mistake does has none

    def __str__(self) -> str:
        return f"{self.function}[{','.join(map(str, self.positions))}]: {self.mistake.name}"


def find(name: str) -> Mutant:
    """Give the mutant that prints as ``name``."""
    known = _named(name.split("[")[0])
    if name not in known:
        raise KeyError(f"no mutant is called {name!r}; those of this function: {', '.join(known) or 'none'}")
    return known[name]


@cache
def _named(function: str) -> dict[str, Mutant]:
    return {str(mutant): mutant for mutant in mutants([function])} if function in EVERYTHING else {}


def mutants(names: Any = None) -> Iterator[Mutant]:
    """List the mutants of some functions, of all where none is named."""
    by_name: dict[str, list[Call]] = {}
    for call in calls(smooth=True):
        by_name.setdefault(call.name, []).append(call)
    for name in names or [*OPS, *COMPOSITES]:
        yield from _mutants_of(name, by_name.get(name, []))


def _mutants_of(name: str, its_calls: list[Call]) -> Iterator[Mutant]:
    positions = _positions(name, its_calls)
    for mistake in [*FIRST_ORDER, *SECOND_ORDER]:
        if mistake.name == "overwrites" and name not in _READ_SEVERAL_TIMES:
            continue
        if mistake.swaps:
            yield from (Mutant(name, pair, mistake) for pair in combinations(positions, 2))
        else:
            yield from (Mutant(name, (i,), mistake) for i in positions)
    yield from (Mutant(name, (i,), mistake) for i, mistake in SPECIFIC.get(name, []))


def _positions(name: str, its_calls: list[Call]) -> list[int]:
    """Say at which inputs a mistake can be planted; of a variadic op the first two elements."""
    op = OPS.get(name)
    if op is not None and not op.variadic:
        return [i for i, vjp in enumerate(op.vjps) if vjp is not None]
    most = max([len(differentiable(as_tensors(call.inputs()))) for call in its_calls], default=0)
    return list(range(min(most, 3 if op is None else 2)))
