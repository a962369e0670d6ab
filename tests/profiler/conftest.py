"""A clock that stands still until a test moves it, so that every time in a test is exact."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tinygrad_edu.op import OPS, Op, op
from tinygrad_edu.profiler import session
from tinygrad_edu.profiler.hooks import Hooks
from tinygrad_edu.profiler.recorder import Recorder, running


class Clock:
    """Nanoseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 10**9  # a profile begins at any time

    def __call__(self) -> int:
        return self.now

    def spend(self, us: float) -> None:
        self.now += int(us * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session, "Recorder", functools.partial(Recorder, clock=clock))
    return clock


@pytest.fixture
def ops(clock: Clock) -> SimpleNamespace:
    """Two custom ops of known times: ``slow`` takes 7us, its vjp 5us and a call of ``quick``, which takes 2us."""

    @op(vjps=(lambda g, _out, _x: g * 1.0,))
    def quick(x):
        clock.spend(2)
        return x * 1.0

    def vjp(g, _out, _x):
        clock.spend(5)
        return quick(g)

    @op(vjps=(vjp,))
    def slow(x):
        clock.spend(7)
        return x * 1.0

    return SimpleNamespace(quick=quick, slow=slow)


def attributes() -> dict[str, Any]:
    """Read every attribute that a profile replaces, and every op's kernels."""
    places = Hooks(Recorder(memory=True, modules=True))._replacements()
    found = {f"{owner.__name__}.{name}": vars(owner).get(name) for owner, name, _ in places}
    assert vars(Op).get("forward") is vars(Op).get("inplace") is None
    return found | {f"kernels of {name}": (o.forward, o.inplace) for name, o in OPS.items()}


@pytest.fixture(autouse=True)
def nothing_stays_replaced() -> Iterator[None]:
    before = attributes()
    yield
    assert running.recorder is None
    after = attributes()
    both = before.keys() & after.keys()  # a test's own optimizers come and go
    assert [name for name in both if before[name] is not after[name] and before[name] != after[name]] == []
