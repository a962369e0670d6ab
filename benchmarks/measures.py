"""How a figure is taken, inside the process of one library.

A measure takes what a case made and returns a function without arguments that gives one sample. It is the only module
that reads clocks and the process's memory; which case is measured when is decided elsewhere (``benchmarks.rounds``).
"""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .case import Case, Work

__all__ = ["FRESH", "MEASURES", "UNITS", "Sample", "Settings", "resident"]

Sample = Callable[[], float]

ROUND_SECONDS = 0.03  # a sample of time is repeated up to this, so that the clock and the first cold caches are small
WARM_SECONDS = 0.5
STEPS = 5  # of training, of which the highest memory is taken
SMALL_GRAPHS = 10_000  # nodes, in one or several graphs, below which resident memory is too coarse


@dataclass(frozen=True)
class Settings:
    """What a sample depends on beside its case: the library's module and what its import took."""

    library: str
    import_seconds: float = 0.0
    import_bytes: float = 0.0
    quick: bool = False


def timed(case: Case, work: Work, settings: Settings) -> Sample:
    """Seconds of one call, from as many calls as fill a moment."""
    fastest = _warm_up(work, settings.quick)
    repeats = 1 if settings.quick else max(1, int(ROUND_SECONDS / fastest))

    def sample() -> float:
        gc.collect()
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        elapsed = time.perf_counter() - began
        if not settings.quick:
            settle()
        return elapsed / repeats / case.number

    return sample


def _warm_up(work: Work, quick: bool) -> float:
    """Call it until it is warm; return the seconds of the fastest call."""
    times: list[float] = []
    while not times or (not quick and len(times) < 20 and sum(times) < WARM_SECONDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    if not quick:
        settle()
    return min(times)


def settle(limit: float = 0.5) -> None:
    """Wait until the threads of this process have gone to sleep, so that they take nothing from the next library.

    The pools of BLAS and OpenMP spin for a while after their last task, in the hope of another: OpenBLAS's for a tenth
    of a second. Their state is asked for: the clock of a process counts other threads in ticks, too coarse to see it.
    """
    until = time.perf_counter() + limit
    quiet = 0
    while quiet < 2 and time.perf_counter() < until:
        time.sleep(0.002)
        quiet = 0 if _others_run() else quiet + 1


def _others_run() -> bool:
    """Say whether a thread of this process other than the caller's is running; where nobody can tell, that it is."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return True
    own = str(threading.get_native_id())
    return any(_state(task) == "R" for task in tasks.iterdir() if task.name != own)


def _state(task: Path) -> str:
    """Return the letter of a thread's state: it follows the name, which is in parentheses."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it has ended
        return "X"


def peak(_case: Case, steps: list[Work], _settings: Settings) -> Sample:
    """Bytes that training takes at most beyond what was there before the first full step.

    Before it come steps on two images: parameters, gradients, the optimizer's state, code and threads are there. The
    memory that a step leaves allocated for the next one counts, so reused workspaces are no way to look small.
    """
    small, full = steps

    def sample() -> float:
        for _ in range(2):
            small()
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
        before = resident()
        for _ in range(STEPS):
            full()
        return float(_status("VmHWM") - before)

    return sample


def graph(case: Case, build: Callable[[int], Any], _settings: Settings) -> Sample:
    """Bytes per node by which the process grows while graphs are held.

    No such graph was there before: memory that the process keeps of one would hide the next.
    """
    kept: list[Any] = []

    def sample() -> float:
        count = max(1, SMALL_GRAPHS // case.number)
        build(10)
        gc.collect()
        before = resident()
        kept.extend(build(case.number) for _ in range(count))
        grown = resident() - before
        return max(1.0, grown) / (count * case.number)

    return sample


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return _status("VmRSS")


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise OSError(f"/proc/self/status has no {name}: memory is measured on Linux only")
    return 1024 * int(found[1])


def size(_case: Case, _lib: Any, settings: Settings) -> Sample:
    """Bytes of the library's own files."""
    return lambda: float(sum(map(_size, _packages(settings.library))))


def dependencies(_case: Case, _lib: Any, settings: Settings) -> Sample:
    """Bytes of what the library requires, and what that requires; extras apart."""

    def sample() -> float:
        seen = {_distribution_name(settings.library)}
        names = list(_required(*seen))
        while names:
            name = names.pop()
            if name not in seen:
                seen.add(name)
                names += _required(name)
        return float(max(1, sum(map(_installed, seen - {_distribution_name(settings.library)}))))

    return sample


def _packages(library: str) -> list[Path]:
    spec = importlib.util.find_spec(library)
    folder = Path(str(spec.origin)).parent if spec else Path()
    beside = [folder.parent / name for name in ("pytest_tinygrad_edu.py", "torchgen", "functorch")]
    owners = {"tinygrad_edu": beside[:1], "torch": beside[1:]}
    return [folder, *owners.get(library, [])]


def _size(path: Path) -> int:
    """Sum the bytes of a file or folder, through links, without compiled Python."""
    if path.name == "__pycache__" or not path.exists():
        return 0
    return sum(map(_size, path.iterdir())) if path.is_dir() else path.stat().st_size


def _distribution_name(library: str) -> str:
    return library.replace("_", "-").lower()


def _required(name: str) -> Iterator[str]:
    """Name the installed distributions that one requires, optional ones left out."""
    for requirement in _metadata(name).requires or [] if _metadata(name) else []:
        found = re.match(r"[\w.-]+", requirement)
        if found and "extra ==" not in requirement and _metadata(found[0]):
            yield _distribution_name(found[0])


def _installed(name: str) -> int:
    files = _metadata(name).files or []
    return sum(f.size or 0 for f in files if f.suffix != ".pyc")


def _metadata(name: str) -> Any:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


MEASURES: dict[str, Callable[[Case, Any, Settings], Sample]] = {
    "time": timed,
    "peak": peak,
    "graph": graph,
    "import": lambda _case, _lib, settings: lambda: settings.import_seconds,
    "imported": lambda _case, _lib, settings: lambda: settings.import_bytes,
    "size": size,
    "dependencies": dependencies,
}
# Those that need a process in which nothing has run yet.
FRESH = {"peak", "graph", "import"}
UNITS = {"time": "s", "import": "s"}  # the others are in bytes
