"""Work that is split over threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import parallel
from tinygrad_edu.parallel import in_parts

LARGE = 10 * parallel.GRAIN


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = tg.get_num_threads()
    tg.set_num_threads(2)
    yield
    tg.set_num_threads(before)


def blas_threads() -> list[int]:
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_parts_cover_everything_once_and_in_order() -> None:
    assert in_parts(lambda part: list(range(7))[part], 7, LARGE) == [[0, 1, 2], [3, 4, 5, 6]]


@pytest.mark.parametrize("n", [0, 1])
def test_what_cannot_be_divided_is_one_part(n: int) -> None:
    assert in_parts(lambda part: (part.start, part.stop), n, LARGE) == [(0, n)]


def test_little_work_is_one_part_in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "GRAIN", 100)
    assert in_parts(lambda part: threading.get_ident(), 199, 199) == [threading.get_ident()]
    assert len(in_parts(lambda part: None, 200, 200)) == 2


def test_parts_run_at_the_same_time_on_threads_of_their_own() -> None:
    meeting = threading.Barrier(2, timeout=60)  # one after the other, they would never meet

    def work(part: slice) -> int:
        meeting.wait()
        return threading.get_ident()

    here, there = in_parts(work, 2, LARGE)
    assert here == threading.get_ident() != there


def test_the_blas_is_held_to_one_thread_and_gets_its_own_back() -> None:
    before = blas_threads()
    assert before
    assert in_parts(lambda part: blas_threads(), 2, LARGE) == [[1] * len(before)] * 2
    assert blas_threads() == before


def test_two_computations_at_a_time_release_the_blas_once() -> None:
    before = blas_threads()

    def compute() -> None:
        for _ in range(50):
            in_parts(lambda part: np.ones((20, 20)) @ np.ones((20, 20)), 2, LARGE)

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blas_threads() == before


def test_one_part_holds_the_blas_where_it_is_large_enough_to_wake_threads() -> None:
    before = blas_threads()
    for _ in range(40):
        in_parts(lambda part: None, 2, LARGE)
    assert parallel.rather_own_threads()
    assert in_parts(lambda part: blas_threads(), 1, LARGE) == [[1] * len(before)]
    assert in_parts(lambda part: blas_threads(), 1, 10) == [before]
    assert blas_threads() == before


def test_the_blas_keeps_its_threads_where_more_is_multiplied_than_split() -> None:
    before = blas_threads()
    for _ in range(40):
        in_parts(lambda part: None, 2, LARGE)
    answers = [parallel.rather_own_threads() for _ in range(80)]
    assert answers[0]
    assert not answers[-1]
    assert in_parts(lambda part: blas_threads(), 1, LARGE) == [before]


def test_holding_may_be_nested() -> None:
    before = blas_threads()
    with parallel.one_blas_thread:
        in_parts(lambda part: None, 2, LARGE)
        with parallel.one_blas_thread:
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_work_inside_work_is_not_split_again() -> None:
    assert in_parts(lambda part: len(in_parts(lambda inner: None, 2, LARGE)), 2, LARGE) == [1, 1]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_any_part_arrives_after_all_have_ended(failing: int) -> None:
    ended = []

    def work(part: slice) -> None:
        if part.start == failing:
            raise ValueError(f"part {part.start}")
        ended.append(part.start)

    with pytest.raises(ValueError, match=f"part {failing}"):
        in_parts(work, 2, LARGE)
    assert ended == [1 - failing]
    assert len(in_parts(lambda part: None, 2, LARGE)) == 2  # and the next computation is split as ever


def test_numpy_error_state_holds_in_every_part() -> None:
    with np.errstate(divide="ignore"):
        assert in_parts(lambda part: float(np.ones(1)[0] / np.zeros(1)[0]), 2, LARGE) == [np.inf, np.inf]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        in_parts(lambda part: np.ones(1) / np.zeros(1), 2, LARGE)


def test_one_thread_splits_nothing() -> None:
    tg.set_num_threads(1)
    assert len(in_parts(lambda part: None, 2, LARGE)) == 1
    assert set(blas_threads()) == {1}


@pytest.mark.parametrize("n", [0, -1])
def test_number_of_threads_is_positive(n: int) -> None:
    with pytest.raises(RuntimeError, match=f"expects a positive integer, but got {n}"):
        tg.set_num_threads(n)


@pytest.mark.parametrize("n", [1.0, "2", True, None])
def test_number_of_threads_is_an_integer(n: object) -> None:
    with pytest.raises(RuntimeError, match=f"expects an int, but got {type(n).__name__}"):
        tg.set_num_threads(n)  # type: ignore[arg-type]
    assert tg.get_num_threads() == 2


def test_first_number_is_that_of_the_blas_but_at_most_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel._State, "threads", None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert tg.get_num_threads() == min(cores or 1, *blas_threads())


def test_holding_the_blas_first_does_not_hide_how_many_threads_it_had() -> None:
    program = (
        "import numpy, threadpoolctl, tinygrad_edu as tg; from tinygrad_edu import parallel\n"
        "threadpoolctl.threadpool_limits(2)\n"
        "parallel._cores = lambda: 2\n"
        "with parallel.one_blas_thread: pass\n"
        "assert tg.get_num_threads() == 2\n"
        "assert all(lib.num_threads == 2 for lib in parallel._blas())"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    assert len(in_parts(lambda part: None, 2, LARGE)) == 2  # the parent's pool exists
    child = os.fork()
    if not child:
        os._exit(len(set(in_parts(lambda part: threading.get_ident(), 2, LARGE))))  # 2, or it hangs
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
