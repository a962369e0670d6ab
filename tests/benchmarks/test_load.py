"""What the processors did for others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.load import Load, busy_seconds, cpu_seconds

TICKS = os.sysconf("SC_CLK_TCK")


def test_idle_and_waiting_processors_are_not_busy_and_stolen_ones_are() -> None:
    columns = [10, 1, 20, 5000, 3000, 2, 3, 40, 7, 7]  # user nice system idle iowait irq softirq steal guest guest
    text = f"cpu  {' '.join(map(str, columns))}\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert busy_seconds(text) == pytest.approx((10 + 1 + 20 + 2 + 3 + 40) / TICKS)


def test_time_of_a_process_is_its_own_and_that_of_its_ended_children() -> None:
    text = "42 (a (b) c) S 1 1 1 0 -1 0 9 9 9 9 100 20 3 4 20 0"
    assert cpu_seconds(text) == pytest.approx((100 + 20 + 3 + 4) / TICKS)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the load is read on Linux only")
def test_the_columns_of_this_process_are_found() -> None:
    text = Path(f"/proc/{os.getpid()}/stat").read_text(encoding="utf-8")
    spent = os.times()
    assert cpu_seconds(text) == pytest.approx(sum(spent[:4]), abs=0.1 + 0.05 * sum(spent[:4]))


def test_others_are_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, others = iter([0.0, 10.0]), iter([100.0, 105.0])
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(Load, "_now", lambda _self: next(others))
    assert Load([]).of_others() == 0.5


def test_a_short_time_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.1])
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    assert Load([]).of_others() is None


def test_where_nobody_can_tell_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    assert Load([-1]).of_others() is None
