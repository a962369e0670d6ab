"""A run as text, as Markdown, as JSON; and the command's options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.cases import CASES
from benchmarks.markdown import main as print_markdown
from benchmarks.markdown import render
from benchmarks.record import Record, machine
from benchmarks.rounds import OURS, Result
from benchmarks.tables import line, summary

ADDS, PRODUCTS = CASES["1,000 adds of a 4x4"], CASES["1,000 products of a 4x4"]
CONV = CASES["conv 64-64 3x3 @16"]
FLOOR = CASES["products of conv 64-64 3x3 @16"]


def a_run(kernels: str = "numpy", ours: float = 0.002) -> Record:
    libraries = {OURS: {"version": "0.1.0", "kernels": kernels}, "torch": {"version": "9.9", "threads": "2"}}
    results = [
        Result(ADDS, {OURS: [ours], "torch": [0.004]}),
        Result(PRODUCTS, {OURS: [ours], "torch": [0.001]}),
        Result(CONV, {OURS: [0.012], "torch": [0.006]}),
        Result(FLOOR, {OURS: [0.004], "torch": [0.004]}),
    ]
    return Record({"date": "2020-02-02", "cpu": "a CPU, 2 cores"}, libraries, results)


def test_a_ratio_above_one_says_that_ours_is_faster() -> None:
    assert line(a_run().results[0], ["torch"]).split() == [
        *["1,000", "adds", "of", "a", "4x4", "2.00", "ms"],
        *["4.00", "ms", "2.00", "(2.00", "-", "2.00)"],
    ]


def test_a_case_that_failed_says_with_whom_and_why() -> None:
    result = Result(ADDS, {OURS: [0.002]}, {"torch": "Traceback\nRuntimeError: no"})
    first, *rest = line(result, ["torch"]).splitlines()
    assert "2.00 ms" in first
    assert rest == ["failed with PyTorch: Traceback", "RuntimeError: no"]


def test_a_case_says_that_other_programs_were_busy() -> None:
    quiet, busy = (Result(ADDS, {OURS: [0.002], "torch": [0.004]}, others=n) for n in (0.01, 0.8))
    assert "other programs" not in line(quiet, ["torch"])
    assert line(busy, ["torch"]).endswith("other programs took 0.8 cores")
    assert "| 1,000 adds of a 4x4 (other programs took 0.8 cores) |" in render([Record({}, a_run().libraries, [busy])])


def test_summary_has_the_geometric_mean_beside_the_target() -> None:
    target = "1.00 with NumPy, 1.00 with the fast kernels"
    (_, overhead, convolution, _) = summary(a_run())
    assert overhead.split() == ["per-op", "overhead", "1.00", *target.split()]
    assert "0.50  0.60 with NumPy, 0.75" in convolution


def test_markdown_puts_two_choices_of_kernels_side_by_side() -> None:
    text = render([a_run(), a_run("auto (numba 0.68)", ours=0.001)])
    assert "| group | cases | NumPy only | aim | with `fast` | aim |" in text
    assert "| per-op overhead | 2 | 1.00 | 1.00 | 2.00 | 1.00 |" in text
    assert "| conv 64-64 3x3 @16 | 3.0 | 1.5 |" in text
    assert "| 1,000 adds of a 4x4 | 2.00 ms | 4.00 ms | 2.00 | 2.00 - 2.00 |" in text


def test_other_peers_have_tables_of_their_own() -> None:
    peers = Record({}, {OURS: {"kernels": "numpy"}, "mygrad": {}, "autograd": {}})
    both, one, none = {"mygrad": [0.006], "autograd": [0.008]}, {"mygrad": [0.024]}, {}
    for case, theirs in [(ADDS, both), (PRODUCTS, one), (CONV, none)]:
        peers.results.append(Result(case, {OURS: [0.002]} | theirs))
    text = render([a_run(), peers])
    assert "## Case by case, NumPy only, beside MyGrad, HIPS autograd" in text
    assert "| per-op overhead | 6.00 | 4.00 |" in text  # sqrt(3 * 12), 4
    _, beside_peers = text.split("## Case by case, NumPy only, beside MyGrad")
    assert CONV.name not in beside_peers


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [
        ("numpy (numba 0.68)", "numpy"),
        ("auto (numba is not installed)", "numpy"),
        ("auto (numba 0.68)", "fast"),
        ("fast (numba 0.68)", "fast"),
    ],
)
def test_kernels_that_ran_are_told_from_the_choice(kernels: str, expected: str) -> None:
    assert a_run(kernels).kernels == expected


def test_parts_of_a_run_are_put_together_from_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = a_run(), a_run()
    first.results, second.results = first.results[:2], second.results[2:]
    for name, record in [("a.json", first), ("b.json", second)]:
        (tmp_path / name).write_text(json.dumps(record.to_json()), encoding="utf-8")
    print_markdown([str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert capsys.readouterr().out.rstrip() == render([a_run()]).rstrip()


def test_a_case_that_is_gone_is_left_out_of_an_old_run() -> None:
    kept = a_run().to_json()
    kept["cases"][0]["name"] = "of long ago"
    assert [result.case for result in Record.from_json(kept).results] == [PRODUCTS, CONV, FLOOR]


def test_header_names_the_variables_that_choose_the_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = machine(["--quick"])
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert found["options"] == "--quick"


def test_command_lists_the_cases_that_the_options_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", "--quick", "--cases", "^scaling"]) == 0
    assert capsys.readouterr().out.splitlines() == ["scaling: chain of 1e3", "scaling: chain of 1e4"]


def test_command_refuses_a_library_that_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--against", "torch,chainer"])
    assert "--against: chainer: it takes torch, jax, mygrad, autograd" in capsys.readouterr().err


def test_a_library_that_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mygrad" else object())
    assert command.installed(["torch", "mygrad"]) == ["torch"]
    assert "MyGrad is not installed" in capsys.readouterr().err
