"""Taking the times: one stack of open calls for each thread, and the list of the finished ones.

It does not know what is timed; ``hooks`` calls it.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import FrameType
from typing import Any, TypeVar

from ..autograd.graph import Node
from .events import FunctionEvent, Summary
from .memory import Ledger

__all__ = ["Recorder", "record_function", "running"]

F = TypeVar("F", bound=Callable[..., Any])
STACK_DEPTH = 10

_PACKAGE = Path(__file__).parent.parent
# The package may be reached through a link, and its nn is one in a checkout.
_OURS = tuple({str(path) + os.sep for path in (_PACKAGE, _PACKAGE.resolve(), (_PACKAGE / "nn").resolve())})


class _Running:
    """The recorder of the profile that is running; there is one at a time in a process."""

    recorder: Recorder | None = None


running = _Running


class _Thread(threading.local):
    """What a thread is in the middle of."""

    def __init__(self) -> None:
        self.open: list[FunctionEvent] = []
        self.last: tuple[Any, FunctionEvent] | None = None  # the op or Function called last, and its event
        self.id = threading.get_native_id()


class Recorder:
    """The events of one profile.

    Parameters
    ----------
    shapes, memory, stack, modules : bool
        What to note beside the times.
    clock : callable
        The time in nanoseconds.
    """

    def __init__(
        self,
        shapes: bool = False,
        memory: bool = False,
        stack: bool = False,
        modules: bool = False,
        clock: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self.shapes, self.stack, self.modules = shapes, stack, modules
        self._clock, self._began, self._started = clock, clock(), 0
        self.ledger = Ledger(self.clock) if memory else None
        self.origins: weakref.WeakKeyDictionary[Node, FunctionEvent] = weakref.WeakKeyDictionary()
        self.events: list[FunctionEvent] = []
        self.threads: dict[int, str] = {}
        self.main = threading.get_native_id()
        self.wall: int | None = None
        self._numbers = itertools.count()
        self._thread = _Thread()

    def start(self) -> None:
        """Begin to count the wall time: when all is prepared, so that preparing is not in it."""
        self._started = self.clock()

    def clock(self) -> int:
        """Return the nanoseconds since the recorder was made."""
        return self._clock() - self._began

    def begin(
        self, name: str, kind: str, phase: str | None = None, origin: FunctionEvent | None = None
    ) -> FunctionEvent:
        """Open an event inside the one that this thread has open; ``origin``: the forward call that it belongs to."""
        thread = self._thread
        event = FunctionEvent(next(self._numbers), name, kind, thread.id, thread.open[-1] if thread.open else None)
        if phase is not None:
            event.phase = phase
        if origin is not None:
            event.forward, event.module_hierarchy = origin, origin.module_hierarchy
        if self.stack:
            event.stack = self._stack_of(event, sys._getframe(2))
        thread.open.append(event)
        event.start_ns = self.clock()
        return event

    def _stack_of(self, event: FunctionEvent, frame: FrameType) -> list[str]:
        """Return the lines that called an event; inside a backward call, those of the forward call."""
        outer: FunctionEvent | None = event
        while outer is not None:
            if outer.forward is not None:
                return outer.forward.stack
            outer = outer.cpu_parent
        return _lines(frame)

    def finish(self, event: FunctionEvent) -> None:
        """Close an event, and what was left open inside it."""
        now = self.clock()
        thread = self._thread
        if self.wall is not None or event not in thread.open:
            return  # the profile has ended meanwhile, or another thread opened it
        while thread.open.pop() is not event:
            pass
        event.finish_ns = now
        parent = event.cpu_parent
        if parent is not None:
            parent.inner_ns += now - event.start_ns
            parent.cpu_children.append(event)
        if thread.id not in self.threads:
            self.threads[thread.id] = threading.current_thread().name
        self.events.append(event)

    def called(self, what: Any, event: FunctionEvent) -> None:
        """Remember what this thread called last, so that the node which is about to be made finds it."""
        self._thread.last = (what, event)

    def link(self, node: Node, what: Any) -> FunctionEvent | None:
        """Find the forward call that made a node, if this thread's last one did; later ones ask ``origins``."""
        event = self.origins.get(node)
        last = self._thread.last
        if event is None and last is not None and last[0] is what:
            event = self.origins[node] = last[1]
            self._thread.last = None
        return event

    def close(self) -> None:
        """End the recording."""
        self.wall = self.clock()
        if self.ledger is not None:
            self.ledger.close()
        # A new list: other threads may be about to add to this one.
        self.events = sorted(self.events, key=lambda event: event.id)

    def summary(self) -> Summary:
        """Return what holds for the whole; the time outside events is that of the thread which began the profile."""
        wall = (self.clock() if self.wall is None else self.wall) - self._started
        events = list(self.events)
        phases = dict.fromkeys(("forward", "backward", "optimizer"), 0.0)
        for event in events:
            if not event.is_user_annotation:
                phases[event.phase] += event.self_cpu_time_total
        tops = [event for event in events if event.cpu_parent is None and event.thread == self.main]
        outside = wall / 1000 - sum(event.cpu_time_total for event in tops)
        ledger = self.ledger
        peaks = () if ledger is None else (ledger.peak(ledger.results), ledger.peak(ledger.kept))
        return Summary(wall / 1000, outside, phases, *peaks)


def _lines(frame: FrameType | None) -> list[str]:
    """Write down the lines that are being run, innermost first, without those of this package."""
    lines: list[str] = []
    while frame is not None and len(lines) < STACK_DEPTH:
        code = frame.f_code
        if not code.co_filename.startswith(_OURS):
            lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return lines


class record_function:
    """Label a block or a function: ``with record_function("loss"): ...`` or ``@record_function("loss")``.

    The label gets a row in the table and a bar in the trace. Where no profile runs it does nothing.

    Parameters
    ----------
    name : str
        The label.
    args : str, optional
        More text, shown in the trace.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._open: list[tuple[Recorder, FunctionEvent] | None] = []

    def __enter__(self) -> record_function:
        recorder = running.recorder
        if recorder is None:
            self._open.append(None)
        else:
            event = recorder.begin(self.name, "user_annotation")
            event.args = self.args
            self._open.append((recorder, event))
        return self

    def __exit__(self, *exc: object) -> None:
        opened = self._open.pop()
        if opened is not None:
            opened[0].finish(opened[1])

    def __call__(self, function: F) -> F:
        """Label every call of a function."""

        @functools.wraps(function)
        def labelled(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.name, self.args):
                return function(*args, **kwargs)

        return labelled  # type: ignore[return-value]
