"""A run as it is kept: what it was measured on and every sample, to JSON and back."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import CASES
from .rounds import OURS, Result

__all__ = ["TITLES", "Record", "machine"]

TITLES = {OURS: "ours", "torch": "PyTorch", "jax": "JAX", "mygrad": "MyGrad", "autograd": "HIPS autograd"}
# They choose the BLAS's kernels and the number of threads.
VARIABLES = re.compile(r"(OPENBLAS|OMP|MKL|GOMP|KMP|NUMBA|BLIS|VECLIB)_\w+|XLA_FLAGS")


@dataclass
class Record:
    """A run: its date and machine, what each library said of itself, the results."""

    machine: dict[str, str]
    libraries: dict[str, dict[str, str]]
    results: list[Result] = field(default_factory=list)

    @property
    def kernels(self) -> str:
        """Which of our kernels it ran with: "numpy", or "fast" where numba's had their part."""
        said = self.libraries[OURS]["kernels"]
        return "numpy" if said.startswith("numpy") or "not installed" in said else "fast"

    @property
    def peers(self) -> list[str]:
        """The libraries that ours is compared with."""
        return [name for name in self.libraries if name != OURS]

    def header(self) -> list[str]:
        """Say what the figures were measured on, line by line."""
        lines = [f"{name}: {value}" for name, value in self.machine.items()]
        for library, found in self.libraries.items():
            said = ", ".join(f"{name} {value}" for name, value in found.items() if name not in self.machine)
            lines.append(f"{TITLES[library]}: {said}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can write."""
        cases = [
            {"name": r.case.name, "samples": r.samples, "errors": r.errors, "others": r.others} for r in self.results
        ]
        return {"machine": self.machine, "libraries": self.libraries, "cases": cases}

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> Record:
        """Make a run of what JSON read; cases that there are no more are left out."""
        known = [c for c in read["cases"] if c["name"] in CASES]
        results = [Result(CASES[c["name"]], c["samples"], c["errors"], c.get("others")) for c in known]
        return cls(read["machine"], read["libraries"], results)


def machine(options: Sequence[str]) -> dict[str, str]:
    """Describe where and when this process runs."""
    found = {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{_cpu()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "options": " ".join(options) or "none",
    }
    return found | {name: value for name, value in sorted(os.environ.items()) if VARIABLES.fullmatch(name)}


def _cpu() -> str:
    """Return the CPU's name where the system tells it."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown CPU"
