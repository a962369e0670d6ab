"""The main job's parts: splits, networks, evaluation, and what is written."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu.training import Evaluation, Options, build_model, evaluate, load_splits, train
from tinygrad_edu.utils.data import TensorDataset

MNIST = ROOT.parent / "shared" / "data" / "mnist"


def quick(out: Path, **changes: Any) -> Options:
    return replace(Options(epochs=1, model="mlp", batch_size=64, out=out), **changes)


def quiet(_: str) -> None:
    """Say nothing."""


def test_digits_are_split_80_10_10_always_alike() -> None:
    first, again = load_splits(Options(seed=1)), load_splits(Options(seed=2))
    assert [len(part) for part in first] == [1438, 180, 179]
    assert [list(part.indices) for part in first] == [list(part.indices) for part in again]
    indices = [int(i) for part in first for i in part.indices]
    assert sorted(indices) == list(range(1797))


@pytest.mark.parametrize(("model", "count"), [("mlp", 64 * 128 + 128 + 128 * 10 + 10), ("cnn", 13_754)])
def test_networks(model: str, count: int) -> None:
    network = build_model(model, (1, 8, 8), 10)
    assert network(tg.rand(3, 1, 8, 8)).shape == (3, 10)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_network_for_larger_images(model: str) -> None:
    assert build_model(model, (3, 28, 28), 4)(tg.rand(2, 3, 28, 28)).shape == (2, 4)


def test_confusion_counts_true_rows_and_predicted_columns() -> None:
    answers = Evaluation(0.0, predicted=np.array([0, 1, 1, 2]), labels=np.array([0, 1, 2, 2]))
    assert answers.accuracy == 0.75
    assert answers.confusion(3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_evaluation_does_not_depend_on_the_batch_size() -> None:
    network = build_model("cnn", (1, 8, 8), 10)
    data: Any = TensorDataset(tg.rand(23, 1, 8, 8), tg.randint(10, (23,)))
    whole, parts = evaluate(network, data, 23), evaluate(network, data, 5)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert np.array_equal(parts.predicted, whole.predicted)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_training_learns(optimizer: str, tmp_path: Path) -> None:
    lr = 0.5 if optimizer == "sgd" else 2e-3
    result = train(quick(tmp_path, epochs=3, optimizer=optimizer, lr=lr), quiet)
    assert result.history[-1].train_loss < result.history[0].train_loss / 2
    assert result.test_accuracy > 0.7
    assert result.confusion.sum() == 179
    assert np.trace(result.confusion) / 179 == pytest.approx(result.test_accuracy)


def test_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    first, again, other = (train(quick(tmp_path, seed=seed), quiet) for seed in (3, 3, 4))
    assert first.test_loss == again.test_loss != other.test_loss


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_weights_come_back_with_the_same_accuracy(model: str, tmp_path: Path) -> None:
    options = quick(tmp_path, model=model)
    result = train(options, quiet)
    tg.manual_seed(77)
    network = build_model(model, (1, 8, 8), 10)
    network.load_state_dict(tg.load(tmp_path / "weights.npz"))
    again = evaluate(network, load_splits(options)[2])
    assert (again.loss, again.accuracy) == (result.test_loss, result.test_accuracy)


def test_history_is_written_as_it_was(tmp_path: Path) -> None:
    result = train(quick(tmp_path, epochs=2), quiet)
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "seconds",
    ]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["validation_loss"]) for row in rows] == [e.validation_loss for e in result.history]


def test_files_are_those_that_are_named(tmp_path: Path) -> None:
    result = train(quick(tmp_path / "a" / "b"), quiet)
    assert set(result.files) == set((tmp_path / "a" / "b").iterdir())
    assert {"graph.dot", "graph.html", "weights.npz", "history.csv"} <= {path.name for path in result.files}
    dot = (tmp_path / "a" / "b" / "graph.dot").read_text(encoding="utf-8")
    assert all(name in dot for name in ("1.weight", "1.bias", "3.weight", "3.bias", "cross_entropy"))


def test_drawing_changes_nothing_in_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = train(quick(tmp_path, model="cnn"), quiet)
    monkeypatch.setattr("tinygrad_edu.training._draw_first_step", lambda *_: [])
    assert train(quick(tmp_path, model="cnn"), quiet).test_loss == drawn.test_loss


def test_report_says_when_no_picture_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_renderer(dot: str, kind: str) -> bytes:
        raise RuntimeError("No Graphviz found.")

    monkeypatch.setattr(sys.modules["tinygrad_edu.viz.view"], "render", no_renderer)
    said: list[str] = []
    result = train(quick(tmp_path), said.append)
    assert any(line.startswith("graph.svg was not drawn. No Graphviz found.") for line in said)
    assert [path.name for path in result.files] == ["graph.dot", "graph.html", "weights.npz", "history.csv"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_diverging_loss_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"epoch 1/1: the loss is (nan|inf); try a smaller --lr than 1e\+30"):
        train(quick(tmp_path, optimizer="sgd", lr=1e30), quiet)
    assert not (tmp_path / "weights.npz").exists()


def test_unwritable_folder_is_found_out_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    with pytest.raises(OSError, match=r"cannot be written to \(.+\); choose another one with --out"):
        train(quick(tmp_path / "file" / "below"), said.append)
    assert said == []


@pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not there")
def test_t10k_files_alone_are_split() -> None:
    said: list[str] = []
    parts = load_splits(Options(data="mnist", root=MNIST), said.append)
    assert [len(part) for part in parts] == [7200, 800, 2000]
    assert "only the t10k files of mnist are there" in said[0]
