"""A profile as a file for chrome://tracing and https://ui.perfetto.dev, in Chrome's Trace Event Format."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..atomic import replacing
from .events import FunctionEvent
from .recorder import Recorder

__all__ = ["trace_events", "write_trace"]

Entry = dict[str, Any]


def write_trace(path: str | os.PathLike[str], recorder: Recorder) -> None:
    """Write the trace, whole or not at all; compressed where the path ends in ``.gz``."""
    trace = {"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": list(trace_events(recorder))}
    content = json.dumps(trace, separators=(",", ":")).encode()
    if os.fspath(path).endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    with replacing(Path(path)) as file:
        file.write(content)


def trace_events(recorder: Recorder) -> Iterator[Entry]:
    """Yield the entries: names, a bar for each event, an arrow from forward to backward, curves of memory."""
    pid = os.getpid()
    yield _name("process_name", pid, 0, "tinygrad_edu")
    for thread, name in recorder.threads.items():
        yield _name("thread_name", pid, thread, name)
    for event in recorder.events:
        yield _bar(event, pid)
    for event in recorder.events:
        if event.forward is not None:
            yield from _arrow(event.forward, event, pid)
    if recorder.ledger is not None:
        yield from _curve("Memory of results", recorder.ledger.results, pid)
        yield from _curve("Kept for backward", recorder.ledger.kept, pid)


def _name(what: str, pid: int, tid: int, name: str) -> Entry:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0, "args": {"name": name}}


def _bar(event: FunctionEvent, pid: int) -> Entry:
    """Make a complete event: times in microseconds."""
    own = event.kind in ("module", "user_annotation")
    notes = {
        "Input Dims": event.input_shapes,
        "Module Hierarchy": event.module_hierarchy,
        "Call stack": event.stack,
        "Args": event.args,
        "Bytes made": event.self_cpu_memory_usage,
        "Bytes kept for backward": event.kept_memory_usage,
    }
    return {
        "ph": "X",
        "cat": event.kind if own else event.phase,
        "name": event.name,
        "pid": pid,
        "tid": event.thread,
        "ts": event.time_range.start,
        "dur": event.cpu_time_total,
        "args": {key: value for key, value in notes.items() if value},
    }


def _arrow(start: FunctionEvent, end: FunctionEvent, pid: int) -> Iterator[Entry]:
    for phase, event in (("s", start), ("f", end)):
        place = {"pid": pid, "tid": event.thread, "ts": event.time_range.start}
        to = {"bp": "e"} if phase == "f" else {}  # it ends at the bar around this time, not at the next one
        yield {"ph": phase, "cat": "fwdbwd", "name": "fwdbwd", "id": end.id, **place, **to}


def _curve(name: str, amounts: Sequence[tuple[int, int]], pid: int) -> Iterator[Entry]:
    for when, amount in sorted(amounts, key=lambda pair: pair[0]):
        yield {"ph": "C", "name": name, "pid": pid, "tid": 0, "ts": when / 1000, "args": {"bytes": amount}}
