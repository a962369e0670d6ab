"""What the examples promise: the numbers they end with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from support.repository import ROOT


def example(name: str) -> Callable[[list[str]], Any]:
    """Read the main function of an example."""
    main: Callable[[list[str]], Any] = run_path(str(Path(ROOT, "examples", f"{name}.py")))["main"]
    return main


def losses(text: str) -> list[float]:
    return [float(line.split("loss ")[1].split()[0]) for line in text.splitlines() if "loss " in line]


def test_single_neuron_learns_the_line() -> None:
    w, b = example("single_neuron")([])
    assert (round(w, 2), round(b, 2)) == (-0.68, 2.75)


def test_single_neuron_gets_better(capsys: pytest.CaptureFixture[str]) -> None:
    example("single_neuron")(["--steps", "41"])
    first, *_, last = losses(capsys.readouterr().out)
    assert last < first / 10


def test_two_layers_by_hand_agree_with_the_engine() -> None:
    assert example("two_layers_by_hand")([]) < 1e-12


def test_custom_op_agrees_with_its_numeric_derivatives(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 < example("custom_op")([]) < 1e-7
    assert capsys.readouterr().out.count(", orders 1 to 2: right") == 6


@pytest.mark.parametrize("name", ["digits_mlp", "digits_cnn"])
def test_digits_are_learnt(name: str) -> None:
    assert example(name)([]) > 0.95


def test_more_steps_lower_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    for steps in ("5", "200"):
        assert isinstance(example("digits_mlp")(["--steps", steps]), float)
    found = losses(capsys.readouterr().out)
    assert found[-1] < found[0] / 2
