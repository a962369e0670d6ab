"""Whether other programs work on the machine at the same time: their share makes figures worthless, silently."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Load"]

LEAST_SECONDS = 1.0  # the kernel counts in ticks of 10 ms: a shorter time says nothing


class Load:
    """Count from now on what the processors do for others than this process and those of the given ids."""

    def __init__(self, processes: Iterable[int]) -> None:
        self._processes = list(processes)
        self._began, self._others = time.monotonic(), self._now()

    def of_others(self) -> float | None:
        """Return how many cores others took on average; None where it is too early, or nobody can tell.

        Time that the host of a virtual machine gave to others counts too.
        """
        elapsed, now = time.monotonic() - self._began, self._now()
        if now is None or self._others is None or elapsed < LEAST_SECONDS:
            return None
        return max(0.0, (now - self._others) / elapsed)

    def _now(self) -> float | None:
        try:
            busy = busy_seconds(Path("/proc/stat").read_text(encoding="ascii"))
            ours = sum(cpu_seconds(Path(f"/proc/{n}/stat").read_text(encoding="utf-8")) for n in self._processes)
        except OSError:
            return None
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return busy - ours - ended.ru_utime - ended.ru_stime - time.process_time()


def busy_seconds(stat: str) -> float:
    """Return the seconds for which processors were busy or taken away, from the text of ``/proc/stat``.

    The columns are user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user already.
    """
    found = re.match(r"cpu +([\d ]+)", stat)
    assert found is not None
    columns = [int(n) for n in found[1].split()[:8]]
    return (sum(columns) - sum(columns[3:5])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(stat: str) -> float:
    """Return the seconds of a process and of its ended children, from the text of ``/proc/PID/stat``."""
    columns = stat.rpartition(")")[2].split()
    return sum(map(int, columns[11:15])) / os.sysconf("SC_CLK_TCK")
