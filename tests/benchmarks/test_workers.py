"""The line protocol, from both ends."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

import tinygrad_edu
from benchmarks.measures import Settings
from benchmarks.process import Worker, WorkerError
from benchmarks.worker import describe, serve

FAKE = """
import json, sys
print(json.dumps({"version": "1.2"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request.get("prepare") == "die":
        sys.exit(3)
    if request.get("prepare") == "fail":
        print(json.dumps({"error": "Traceback: what went wrong"}), flush=True)
    else:
        print(json.dumps({} if "prepare" in request else {"value": 0.25}), flush=True)
"""


def fake(program: str = FAKE) -> Worker:
    return Worker([sys.executable, "-c", program])


def answers(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    wire = io.StringIO()
    lines = io.StringIO("".join(json.dumps(r) + "\n" for r in requests))
    serve(lines, wire, tinygrad_edu, Settings("tinygrad_edu", quick=True))
    return [json.loads(line) for line in wire.getvalue().splitlines()]


def test_a_worker_greets_prepares_and_samples() -> None:
    with fake() as worker:
        assert worker.hello == {"version": "1.2"}
        worker.prepare("any")
        assert worker.sample() == 0.25


def test_what_fails_in_the_worker_is_raised_and_the_worker_goes_on() -> None:
    with fake() as worker:
        with pytest.raises(WorkerError, match="what went wrong"):
            worker.prepare("fail")
        assert worker.sample() == 0.25


def test_a_worker_that_dies_says_its_exit_status() -> None:
    with fake() as worker:
        with pytest.raises(WorkerError, match="exit status 3"):
            worker.prepare("die")
        with pytest.raises(WorkerError, match="exit status 3"):
            worker.sample()


def test_a_worker_that_cannot_start_is_an_error() -> None:
    with pytest.raises(WorkerError, match="exit status 5"):
        fake("raise SystemExit(5)")


def test_serve_prepares_a_case_and_measures_it() -> None:
    prepared, first, second = answers({"prepare": "gradient penalty of an MLP"}, {}, {})
    assert prepared == {}
    assert first["value"] > 0
    assert second["value"] > 0


def test_serve_answers_what_it_cannot_do_and_goes_on() -> None:
    unknown, early, size, sampled = answers({"prepare": "no such case"}, {}, {"prepare": "installed size"}, {})
    assert "KeyError: 'no such case'" in unknown["error"]
    assert "before a case was prepared" in early["error"]
    assert size == {}
    assert 100_000 < sampled["value"] < 100_000_000


def test_our_worker_says_what_its_speed_depends_on() -> None:
    assert {"version", "blas", "kernels", "threads"} <= describe(tinygrad_edu).keys()
