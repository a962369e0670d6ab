"""The process of one library: imports it, then answers requests, a line of JSON each way.

``python -m benchmarks.worker LIBRARY KERNELS QUICK``. Nothing but the standard library is imported before the library
is: its import is measured. What others print goes to stderr; stdout is the wire.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from typing import Any, TextIO

from .measures import MEASURES, Sample, Settings, resident

__all__ = ["main"]

# What a program imports to use them, where that is more than the library's name.
ENTRIES = {"autograd": ["autograd", "autograd.numpy"], "jax": ["jax", "jax.numpy"]}


def main(argv: list[str]) -> None:
    """Greet with what the library is, then serve until stdin ends."""
    library, kernels, quick = argv
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    began = time.perf_counter()
    for name in ENTRIES.get(library, [library]):
        importlib.import_module(name)
    seconds, lib = time.perf_counter() - began, sys.modules[library]
    settings = Settings(library, seconds, float(resident()), quick == "quick")
    if library == "tinygrad_edu":
        lib.set_kernels(kernels)
    _send(wire, describe(lib))
    serve(sys.stdin, wire, lib, settings)


def serve(requests: TextIO, wire: TextIO, lib: Any, settings: Settings) -> None:
    """Answer ``{"prepare": name}`` once the case is warm, and ``{}`` with one sample of it."""
    from .peers import maker

    sample: Sample | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if "prepare" in request:
                sample = None  # lets go of the case before
                case, make = maker(settings.library, request["prepare"])
                sample = MEASURES[case.measure](case, make(lib), settings)
                answer: dict[str, Any] = {}
            else:
                assert sample is not None, "a sample was asked for before a case was prepared"
                answer = {"value": sample()}
        except Exception:
            answer = {"error": traceback.format_exc()}
        _send(wire, answer)


def describe(lib: Any) -> dict[str, str]:
    """Return the library's version and what its speed depends on."""
    found = {"version": importlib.metadata.version(lib.__name__.replace("_", "-"))}
    if lib.__name__ == "tinygrad_edu":
        found |= lib.config()
    if lib.__name__ == "torch":
        found |= {"threads": str(lib.get_num_threads())}
    return found


def _send(wire: TextIO, answer: dict[str, Any]) -> None:
    wire.write(json.dumps(answer) + "\n")
    wire.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
