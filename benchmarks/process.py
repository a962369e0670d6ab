"""A worker as its parent sees it: a process that answers one line for each line."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Worker", "WorkerError", "command"]

ROOT = Path(__file__).resolve().parents[1]


class WorkerError(Exception):
    """What went wrong in a worker: its traceback, or that it is gone."""


def command(library: str, kernels: str, quick: bool) -> list[str]:
    """Return the command line of a library's worker."""
    return [sys.executable, "-m", "benchmarks.worker", library, kernels, "quick" if quick else "full"]


class Worker:
    """Start a process; ``hello`` is its first line. To be closed, or used in a ``with``."""

    def __init__(self, line: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        # An installed package has its bytecode; where none may be written, each import would compile a checkout anew.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", cwd=ROOT, env=env)
        try:
            self.hello = self._read()
        except WorkerError:
            self.close()
            raise

    @property
    def number(self) -> int:
        """The id of the process."""
        return self._process.pid

    def prepare(self, case: str) -> None:
        """Have the worker make a case and warm it up."""
        self._ask({"prepare": case})

    def sample(self) -> float:
        """Have the worker measure the prepared case once."""
        return float(self._ask({})["value"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        wire = self._process.stdin
        assert wire is not None
        try:
            wire.write(json.dumps(request) + "\n")
            wire.flush()
        except BrokenPipeError:
            raise WorkerError(f"the worker ended with exit status {self._process.wait()}") from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker ended with exit status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process by ending its input."""
        for wire in (self._process.stdin, self._process.stdout):
            assert wire is not None
            with contextlib.suppress(BrokenPipeError):  # it ended before it had read everything
                wire.close()
        self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
