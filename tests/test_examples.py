"""What the examples promise: the numbers they end with."""

from __future__ import annotations

import math
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


def test_one_neuron_shows_every_value_with_its_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("one_neuron_drawn")([]) < 0.04
    table = capsys.readouterr().out
    for row in ("w1 leaf  value -3.0000  do/dw1  1.0000", "n  add   value  0.8814  do/dn   0.5000"):
        assert row in table


def test_newton_finds_where_the_slope_is_zero() -> None:
    lowest = example("newton")([])
    assert abs(2 * lowest - math.exp(-lowest)) < 1e-12


def test_recurrent_cell_learns_parity() -> None:
    assert example("recurrent_cell")([]) == 1.0


def test_attention_looks_from_the_other_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("attention")([]) > 0.95
    assert "looks most at place [5, 4, 3, 2, 1, 0]" in capsys.readouterr().out


def test_twelve_layers_learn_with_relu_and_not_with_sigmoid() -> None:
    sigmoid, relu = example("vanishing_gradients")([])
    assert sigmoid > 0.6
    assert relu < 0.1


def test_gradients_vanish_behind_sigmoids_only(capsys: pytest.CaptureFixture[str]) -> None:
    example("vanishing_gradients")(["--steps", "1"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  layer")]
    (_, _, sigmoid, relu), *_, (_, _, last_sigmoid, last_relu) = rows
    assert float(sigmoid) < 1e-6 * float(last_sigmoid)
    assert float(relu) > 0.1 * float(last_relu)


def test_resnet18_has_its_parameters_and_learns(capsys: pytest.CaptureFixture[str]) -> None:
    model = run_path(str(Path(ROOT, "examples", "resnet18.py")))["ResNet18"]()
    assert sum(p.numel() for p in model.parameters()) == 11_689_512
    example("resnet18")(["--steps", "12"])
    first, *_, last = losses(capsys.readouterr().out)
    assert last < first / 2


@pytest.mark.parametrize(
    "name", ["one_neuron_drawn", "newton", "recurrent_cell", "attention", "vanishing_gradients", "resnet18"]
)
def test_example_draws_itself_where_it_is_told_to(name: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.dot"
    example(name)(["--steps", "1", "--out", str(path)])
    assert path.read_text(encoding="utf-8").startswith("digraph")
