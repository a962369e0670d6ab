"""How a sample is taken: without a statement about how long anything takes."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measures
from benchmarks.case import Case
from benchmarks.measures import Settings, settle, timed

CASE = Case("a case", "other", lambda _lib: None, number=10)
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured on Linux only")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock that stands still unless the work moves it."""
    now = [0.0]
    monkeypatch.setattr(measures.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(measures, "settle", lambda: None)
    return now


def test_a_sample_is_the_time_of_one_piece_of_one_call(clock: list[float]) -> None:
    calls: list[str] = []

    def work() -> None:
        calls.append("work")
        clock[0] += 0.008

    sample = timed(CASE, work, Settings("any"))
    warm = len(calls)
    assert sample() == pytest.approx(0.008 / CASE.number)
    assert len(calls) - warm == int(measures.ROUND_SECONDS / 0.008)


def test_quick_calls_once_to_warm_up_and_once_to_measure(clock: list[float]) -> None:
    calls: list[str] = []

    def work() -> None:
        calls.append("work")
        clock[0] += 1e-6

    timed(CASE, work, Settings("any", quick=True))()
    assert len(calls) == 2


def test_a_worker_waits_until_its_threads_sleep_twice_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    running = iter([True, False, True, False, False])
    monkeypatch.setattr(measures, "_others_run", lambda: next(running))
    settle(limit=60.0)
    assert list(running) == []


def test_a_library_whose_threads_never_sleep_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(measures, "_others_run", lambda: True)
    monkeypatch.setattr(measures.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    settle(limit=0.5)
    assert clock[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("text", "state"), [("7 (python) R 1 2", "R"), ("7 (a b) c) S 1", "S"), (None, "X")])
def test_state_of_a_thread_is_read_behind_its_name(tmp_path: Path, text: str | None, state: str) -> None:
    if text is not None:
        (tmp_path / "stat").write_text(text)
    assert measures._state(tmp_path) == state


@LINUX
def test_peak_sees_memory_that_a_step_gave_back() -> None:
    megabytes = 64

    def full() -> None:
        bytearray(megabytes * 2**20).count(1)  # touched, and gone again

    taken = measures.MEASURES["peak"](CASE, [lambda: None, full], Settings("any"))()
    assert taken > 0.9 * megabytes * 2**20


@LINUX
def test_memory_per_node_counts_what_is_held() -> None:
    size = 64 * 2**20
    nodes = measures.SMALL_GRAPHS

    def build(_nodes: int) -> Any:
        block = mmap.mmap(-1, size)  # pages of its own, not ones that the process has kept
        block.write(bytes(size))
        return block

    case = Case("a graph", "other", lambda _lib: None, number=nodes)
    sample = measures.MEASURES["graph"](case, build, Settings("any"))
    assert sample() == pytest.approx(size / nodes, rel=0.1)


def test_size_counts_files_of_a_folder_but_nothing_compiled(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(bytes(1000))
    (tmp_path / "a.py").write_bytes(bytes(10))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_bytes(bytes(5))
    assert measures._size(tmp_path) == 15
    assert measures._size(tmp_path / "gone") == 0
