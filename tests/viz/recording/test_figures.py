"""The figures of a recording hold what was recorded, whatever the names, and are the same each time."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.viz.recording import Recording, record

pytest.importorskip("matplotlib")


def recorded(depth: int = 2, steps: int = 7) -> Recording:
    tg.manual_seed(1)
    model = nn.Sequential()
    for i in range(depth):
        model.add_module(f"_layer $x_{i}$ {'long ' * 9 * (i == 1)}", nn.Linear(3, 3))
        model.add_module(f"tanh{i}", nn.Tanh())
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    with record(model, every=2) as recording:
        for _ in range(steps):
            optimizer.zero_grad()
            (model(tg.randn(5, 3)) ** 2).mean().backward()
            optimizer.step()
    return recording


def texts(figure: Any) -> str:
    figure.canvas.draw()
    found = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in found)


def test_heat_map_shows_the_shares_of_each_step() -> None:
    recording = recorded()
    name = recording.names("weights")[0]
    figure = recording.plot("weights", match=name)
    (mesh,) = figure.axes[0].collections
    colors = mesh.get_array()
    assert colors.shape[1] == len(recording.steps)
    np.testing.assert_allclose((np.asarray(colors) ** 2).sum(axis=0), 1.0)
    mean = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(mean, recording.values("weights", name, "mean"))


def test_curves_are_the_recorded_numbers() -> None:
    recording = recorded()
    figure = recording.plot("updates")
    lines = figure.axes[0].lines
    names = recording.names("updates")
    assert len(lines) == len(names)
    for line, name in zip(lines, names):
        np.testing.assert_array_equal(line.get_xdata(), recording.steps)
        np.testing.assert_array_equal(line.get_ydata(), recording.values("updates", name, "ratio"))
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize("what", ["weights", "gradients", "updates", "activations", "activation_gradients"])
@pytest.mark.parametrize("kind", ["heatmap", "ridgeline", "curves"])
def test_everything_can_be_drawn_and_is_named(what: str, kind: str) -> None:
    recording = recorded()
    shown = texts(recording.plot(what, kind=kind))
    for name in recording.names(what):
        assert name[:10] in shown


def test_many_tensors_are_drawn_in_part_and_the_figure_says_so() -> None:
    recording = recorded(depth=10)
    assert "the first 12 of 20; match= chooses" in texts(recording.plot("weights"))
    figure = recording.plot("weights", kind="curves")
    assert len(figure.axes[0].lines) == 20
    assert "16 of 20" in texts(figure)


def test_one_step_and_constant_values_can_be_drawn() -> None:
    model = nn.BatchNorm1d(3)
    with record(model, every=5) as recording:
        model(tg.randn(4, 3)).sum().backward()
    for kind in ("heatmap", "ridgeline", "curves"):
        for what in ("weights", "updates"):
            texts(recording.plot(what, kind=kind, column="std"))


def test_steps_without_a_number_leave_a_gap() -> None:
    model = nn.Linear(2, 2)
    with record(model, every=1) as recording:
        for scale in (1.0, math.nan, math.inf, 2.0):
            model.zero_grad()
            (model(tg.ones(1, 2)) * scale).sum().backward()
        model(tg.ones(1, 2))
    for kind in ("heatmap", "ridgeline", "curves"):
        texts(recording.plot("gradients", kind=kind))
    (line, _) = recording.plot("gradients", column="max").axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [1.0, math.nan, math.nan, 2.0, math.nan])


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    recording = recorded()
    for suffix in ("png", "svg"):
        first = recording.save(tmp_path / f"a.{suffix}", "gradients", kind="ridgeline").read_bytes()
        again = recording.save(tmp_path / f"b.{suffix}", "gradients", kind="ridgeline").read_bytes()
        assert first == again
    assert first.startswith(b"<?xml")


def test_pyplot_is_not_used() -> None:
    before = "matplotlib.pyplot" in sys.modules
    recorded().plot()
    assert ("matplotlib.pyplot" in sys.modules) == before
