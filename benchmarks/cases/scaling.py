"""How time and memory per node grow with the graph: they should not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..case import Case, Work

__all__ = ["CASES"]


def chain(lib: Any, nodes: int) -> Work:
    """Add to a 4x4 tensor many times, forward and backward."""
    x = lib.ones(4, 4, requires_grad=True)

    def work() -> None:
        x.grad = None
        z = x
        for _ in range(nodes):
            z = z + 1.0
        z.sum().backward()

    return work


def graph(lib: Any) -> Callable[[int], Any]:
    """Return what builds a chain of so many nodes and gives its end, which holds the graph."""
    x = lib.ones(4, 4, requires_grad=True)

    def build(nodes: int) -> Any:
        z = x
        for _ in range(nodes):
            z = z * 1.0
        return z

    return build


SIZES = {"1e3": 10**3, "1e4": 10**4, "1e5": 10**5, "1e6": 10**6}

CASES = [
    Case(f"chain of {label}", "scaling", functools.partial(chain, nodes=n), number=n, quick=n <= 10**4)
    for label, n in SIZES.items()
]
CASES += [
    Case(f"memory of {label} nodes", "graph-memory", graph, "graph", n, quick=n == 10**4) for label, n in SIZES.items()
]
