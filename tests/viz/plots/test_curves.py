"""Training curves show the numbers of the history, each where it belongs."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.training import Epoch
from tinygrad_edu.viz import plots


def lines(ax: Any) -> dict[str, list[float]]:
    """Read the labelled lines of axes."""
    return {line.get_label(): line.get_ydata().tolist() for line in ax.lines if not line.get_label().startswith("_")}


def test_training_and_validation_share_a_panel() -> None:
    history = {
        "epoch": [1, 2, 3],
        "train_loss": [3.0, 2.0, 1.0],
        "val_loss": [3.5, None, 1.5],
        "accuracy/test": [0.1, 0.2, 0.3],
    }
    figure = plots.training_curves(history)
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert lines(loss) == {"train": [3.0, 2.0, 1.0], "validation": [3.5, 1.5]}
    assert loss.lines[1].get_xdata().tolist() == [1, 3]
    assert lines(accuracy) == {"test": [0.1, 0.2, 0.3]}
    assert len({line.get_color() for line in loss.lines}) == 2
    assert len({line.get_linestyle() for line in loss.lines}) == 2


@pytest.mark.parametrize("kind", ["mapping", "dict", "namedtuple", "dataclass"])
def test_forms_of_a_history_give_the_same_picture(kind: str) -> None:
    columns = {"epoch": [2, 4], "train_loss": [3.0, 2.0], "train_accuracy": [0.5, 0.6]}
    records: Any = [dict(zip(columns, values)) for values in zip(*columns.values())]
    if kind == "namedtuple":
        records = [namedtuple("Row", list(columns))(**record) for record in records]
    elif kind == "dataclass":
        extra = {"validation_loss": 1.0, "validation_accuracy": 1.0, "seconds": 1.0}
        records = [Epoch(**record, **extra) for record in records]
    figure = plots.training_curves(columns if kind == "mapping" else records, metrics=["accuracy", "loss"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["accuracy", "loss"]
    assert lines(figure.axes[1])["train"] == [3.0, 2.0]
    assert figure.axes[1].lines[0].get_xdata().tolist() == [2, 4]


def test_plain_numbers_are_a_loss_and_may_be_recorded_tensors() -> None:
    values = [tg.tensor(3.0, requires_grad=True) * 2, tg.tensor(1.0)]
    figure = plots.training_curves(values, x="step")
    assert lines(figure.axes[0]) == {"loss": [6.0, 1.0]}
    assert figure.axes[0].get_xlabel() == "step"
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2]


def test_runs_are_compared_by_colour_and_data_by_dashes() -> None:
    run = {"train_loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
    (ax,) = plots.training_curves({"SGD": run, "Adam": [{"train_loss": 1.0}, {"train_loss": 0.5}]}).axes
    assert lines(ax) == {"SGD train": [2.0, 1.0], "SGD validation": [3.0, 2.0], "Adam train": [1.0, 0.5]}
    colors = [line.get_color() for line in ax.lines]
    assert colors[0] == colors[1] != colors[2]


def test_broken_values_are_crosses_at_the_upper_edge() -> None:
    (ax,) = plots.training_curves([1.0, float("nan"), float("inf"), 2.0]).axes
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["loss"], [1.0, np.nan, np.nan, 2.0])
    (crosses,) = [line for line in ax.lines if line.get_label() == "NaN or infinite"]
    assert crosses.get_xdata().tolist() == [2, 3]
    assert "NaN or infinite" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_logarithmic_where_asked_for() -> None:
    history = {"train_loss": [1.0, 0.1], "train_accuracy": [0.1, 0.9]}
    assert [ax.get_yscale() for ax in plots.training_curves(history, log=["loss"]).axes] == ["log", "linear"]
    assert [ax.get_yscale() for ax in plots.training_curves(history, log=True).axes] == ["log", "log"]


def test_smoothing_is_a_mean_whose_weights_sum_to_one() -> None:
    (ax,) = plots.training_curves([4.0, 2.0, float("nan"), 0.0], smooth=0.5).axes
    # (4), (4 * 0.5 + 2) / 1.5, (4 * 0.25 + 2 * 0.5 + 0) / 1.75
    np.testing.assert_allclose(lines(ax)["loss"], [4.0, 4 / 1.5, np.nan, 2 / 1.75])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [4.0, 2.0, np.nan, 0.0])


def test_everything_in_the_axes_that_are_given() -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plots.training_curves({"loss": [1.0], "train_accuracy": [2.0]}, ax=ax) is ax.figure
    assert lines(ax) == {"loss": [1.0], "train accuracy": [2.0]}
    assert len({line.get_color() for line in ax.lines}) == 2


@pytest.mark.parametrize(
    ("history", "options", "error", "message"),
    [
        ({}, {}, ValueError, r"the history is empty; give at least one series"),
        ([], {}, ValueError, r"the history is empty"),
        (3.0, {}, TypeError, r"a history is a mapping of names to numbers.*; got float\."),
        ({"loss": 3.0}, {}, TypeError, r"'loss' must be a list of numbers, got float\."),
        ({"loss": ["a"]}, {}, TypeError, r"'loss' has an entry that is not one number; use loss\.item\(\)\."),
        ({"loss": [[1.0, 2.0]]}, {}, TypeError, r"'loss' has an entry that is not one number"),
        ({"epoch": [1], "loss": [1.0, 2.0]}, {}, ValueError, r"'loss' has 2 values but 'epoch' only 1; use None"),
        ([1.0], {"metrics": ["acc"]}, ValueError, r"metrics=\['acc'\], but the history has \['loss'\]; name some"),
        ([1.0], {"metrics": []}, ValueError, r"metrics=\[\], but the history has"),
        ([1.0], {"smooth": 1.0}, ValueError, r"smooth=1\.0 must be at least 0 and below 1\."),
        ([-1.0], {"log": True}, ValueError, r"'loss' has no positive value, so it has no logarithmic scale\."),
    ],
)
def test_mistakes(history: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=r"^training_curves: " + message):
        plots.training_curves(history, **options)
