"""Freed memory stays with the process, so that the next training step needs no new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import numpy as np
{first}

def step():
    return [np.ones(2 << 18) for _ in range(8)]  # 8 blocks of 2 MiB, freed in the next line

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(first: str) -> int:
    """Count the pages that ten steps fetch from the system."""
    program = _PROGRAM.format(first=first)
    quiet = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=quiet)
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library learns from use")
def test_steps_reuse_the_memory_of_the_step_before() -> None:
    if faults("pass") < 10_000:  # 16 MiB in pages of 4 KiB, ten times
        pytest.skip("NumPy alone loses no pages here: they are large, or the thresholds are set already")
    assert faults("import tinygrad_edu") < 1_000
