"""Who is measured when, with workers that are no processes."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import rounds
from benchmarks.case import Case
from benchmarks.process import WorkerError
from benchmarks.rounds import Result, interleave, measure

TIMED = Case("a case", "other", lambda _lib: None)
FRESH = Case("a fresh case", "step-memory", lambda _lib: None, "peak")
SIZE = Case("a size", "installed", lambda _lib: None, "size")


class Pretender:
    """A worker that writes down what it is asked, and fails where it is told to."""

    def __init__(self, name: str, diary: list[str], fails: str = "") -> None:
        self.name, self.diary, self.fails = name, diary, fails

    def _do(self, what: str) -> float:
        self.diary.append(f"{self.name} {what}")
        if what == self.fails:
            raise WorkerError(f"{self.name} cannot {what}")
        return float(len(self.diary))

    def prepare(self, _case: str) -> None:
        self._do("prepare")

    def sample(self) -> float:
        return self._do("sample")

    number = -1

    def __enter__(self) -> Pretender:
        self._do("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._do("end")


def never(name: str) -> Any:
    raise AssertionError(f"{name} is started anew")


def run(case: Case, number: int, fails: str = "") -> tuple[Result, list[str]]:
    diary: list[str] = []
    workers: Any = {"a": Pretender("a", diary), "b": Pretender("b", diary, fails)}
    return measure(case, ["a", "b"], workers, never, number), diary


def test_every_other_round_goes_backwards() -> None:
    result, diary = run(TIMED, 3)
    asked = ["a sample", "b sample", "b sample", "a sample", "a sample", "b sample"]
    assert diary == ["a prepare", "b prepare", *asked]
    assert result.samples == {"a": [3.0, 6.0, 7.0], "b": [4.0, 5.0, 8.0]}


def test_one_library_that_cannot_prepare_leaves_the_others_measured() -> None:
    result, _ = run(TIMED, 2, fails="prepare")
    assert result.samples.keys() == {"a"}
    assert result.errors == {"b": "b cannot prepare"}


def test_one_library_that_fails_between_rounds_leaves_the_others_measured() -> None:
    result, _ = run(TIMED, 2, fails="sample")
    assert [len(samples) for samples in result.samples.values()] == [2]
    assert result.errors == {"b": "b cannot sample"}


def test_a_size_is_taken_once() -> None:
    result, _ = run(SIZE, 10)
    assert result.samples == {"a": [3.0], "b": [4.0]}


def test_a_fresh_sample_has_a_process_of_its_own() -> None:
    diary: list[str] = []
    start: Any = lambda name: Pretender(name, diary)  # noqa: E731
    result = measure(FRESH, ["a"], {}, start, rounds=2)
    assert diary == ["a start", "a prepare", "a sample", "a end"] * 2
    assert len(result.samples["a"]) == 2


def test_a_long_case_ends_before_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 100))
    monkeypatch.setattr(rounds.time, "monotonic", lambda: next(clock))
    result = Result(TIMED)
    interleave({"a": lambda: 1.0}, 50, result)
    assert len(result.samples["a"]) == rounds.LEAST_ROUNDS
