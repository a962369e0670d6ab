"""The main job: train a small network on images of digits, measure it, and write down what happened.

Everything here is done with the public API; it is also an example of how the parts fit together.
"""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import datasets, nn, optim, random, serialization, viz
from .atomic import replacing
from .autograd import no_grad
from .creation import from_numpy
from .tensor import Tensor
from .utils.data import DataLoader, Subset, TensorDataset, random_split

__all__ = ["Epoch", "Options", "Result", "build_model", "load_splits", "train"]

Array = np.ndarray[Any, Any]
Splits = tuple[Subset[Any], Subset[Any], Subset[Any]]
DATA: dict[str, Any] = {"digits": datasets.Digits, "mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}
OPTIMIZERS: dict[str, Any] = {"sgd": optim.SGD, "adam": optim.Adam, "adamw": optim.AdamW}
SPLIT_SEED = 0  # the split stays the same whatever --seed is, so that runs can be compared


@dataclass(frozen=True)
class Options:
    """What to train on, what to train, and how."""

    data: str = "digits"
    root: Path = Path("data")
    model: str = "cnn"
    epochs: int = 15
    batch_size: int = 32
    lr: float = 5e-3
    optimizer: str = "adamw"
    seed: int = 0
    out: Path = Path("runs/digits-cnn")
    download: bool = False


@dataclass(frozen=True)
class Epoch:
    """One line of the history."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """What came out.

    Attributes
    ----------
    history : list of Epoch
    test_loss, test_accuracy : float
    confusion : numpy.ndarray
        ``(classes, classes)``: how many images of class i (row) were taken for class j (column).
    files : list of Path
        What was written.
    """

    history: list[Epoch]
    test_loss: float
    test_accuracy: float
    confusion: Array
    files: list[Path]


def train(options: Options, say: Callable[[str], None] = print) -> Result:
    """Train, validate after every epoch, test once at the end, and write the results to ``options.out``.

    Parameters
    ----------
    options : Options
        What to do.
    say : callable
        Receives every line of the report.

    Raises
    ------
    FileNotFoundError
        If the data is not there; the sentence says which files to put where.
    FloatingPointError
        If the loss becomes NaN or infinite.
    OSError
        If ``options.out`` cannot be written to; that is found out before the training begins.
    """
    _prepare(options.out)
    random.manual_seed(options.seed)
    training, validation, test = load_splits(options, say)
    images, _ = training[0]
    classes = DATA[options.data].classes
    model = build_model(options.model, tuple(images.shape), len(classes))
    optimizer = OPTIMIZERS[options.optimizer](model.parameters(), lr=options.lr)
    say(f"{options.model} with {sum(p.numel() for p in model.parameters()):,} parameters, {options.optimizer}")
    say(f"train {len(training):,}, validation {len(validation):,}, test {len(test):,} images of {tuple(images.shape)}")
    files = _draw_first_step(model, training, options, say)
    history: list[Epoch] = []
    for number in range(1, options.epochs + 1):
        began = time.perf_counter()
        for group in optimizer.param_groups:  # half a cosine from lr towards 0 (Loshchilov & Hutter, 2017)
            group["lr"] = options.lr * (1 + math.cos(math.pi * (number - 1) / options.epochs)) / 2
        loss, accuracy = _train_epoch(model, optimizer, training, options, f"epoch {number}/{options.epochs}")
        after = evaluate(model, validation)
        history.append(Epoch(number, loss, accuracy, after.loss, after.accuracy, time.perf_counter() - began))
        say(_line(history[-1]))
    final = evaluate(model, test)
    files += _write(model, history, options.out)
    return Result(history, final.loss, final.accuracy, final.confusion(len(classes)), files)


def _prepare(out: Path) -> None:
    """Make the folder of the results, and refuse one that cannot be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        problem = "" if os.access(out, os.W_OK) else "permission denied"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise OSError(f"the folder {out} cannot be written to ({problem}); choose another one with --out.")


def load_splits(options: Options, say: Callable[[str], None] = print) -> Splits:
    """Load the data and split it.

    Digits are split 80/10/10. MNIST's training file gives nine tenths for training and one for validation, its test
    file is the test; where only the t10k files are there, four fifths of them stand for the training file.
    """
    if options.data == "digits":
        return tuple(_split(datasets.Digits(), [0.8, 0.1, 0.1]))  # type: ignore[return-value]
    kind: Any = DATA[options.data]
    if kind.available_splits(options.root) == ("t10k",) and not options.download:
        say(f"{options.root}: only the t10k files of {options.data} are there, so those are split 80/20.")
        training, validation, test = _split(kind(options.root, train=False), [0.72, 0.08, 0.2])
        return training, validation, test
    training, validation = _split(kind(options.root, train=True, download=options.download), [0.9, 0.1])
    (test,) = _split(kind(options.root, train=False), [1.0])
    return training, validation, test


def _split(data: Any, fractions: list[float]) -> list[Subset[Any]]:
    images, labels = data.arrays()
    whole = TensorDataset(from_numpy(images), from_numpy(labels))
    return random_split(whole, fractions, generator=random.Generator().manual_seed(SPLIT_SEED))


def build_model(kind: str, image: tuple[int, ...], classes: int) -> nn.Module:
    """Build the network: "mlp" has one hidden layer, "cnn" two convolutions.

    Parameters
    ----------
    kind : {"cnn", "mlp"}
    image : tuple of int
        (C, H, W).
    classes : int
        How many outputs.
    """
    channels, height, width = image
    if kind == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(channels * height * width, 128), nn.ReLU(), nn.Linear(128, classes)
        )
    return nn.Sequential(
        # No bias before a batch norm, which subtracts the mean and has a bias of its own.
        nn.Conv2d(channels, 16, 3, padding=1, bias=False),  # (N, C, H, W) -> (N, 16, H, W)
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),  # -> (N, 16, H/2, W/2)
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),  # -> (N, 32, H/4, W/4)
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def _train_epoch(
    model: nn.Module, optimizer: optim.Optimizer, data: Subset[Any], options: Options, title: str
) -> tuple[float, float]:
    """Go once through the training images; return mean loss and accuracy as they were on the way."""
    model.train()
    loader: DataLoader[Any] = DataLoader(data, options.batch_size, shuffle=True)
    total = right = 0.0
    for images, labels in _progress(loader, title):
        logits = model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not np.isfinite(loss.item()):
            raise FloatingPointError(f"{title}: the loss is {loss.item()}; try a smaller --lr than {options.lr}.")
        total += loss.item() * len(labels)
        right += (logits.argmax(1) == labels).sum().item()
    return total / len(data), right / len(data)


def _progress(loader: Any, title: str) -> Iterator[Any]:
    """Show a bar while an epoch runs, where there is a terminal to show it on."""
    from tqdm import tqdm

    yield from tqdm(loader, title, leave=False, disable=None)


@dataclass(frozen=True)
class Evaluation:
    """A model's answers on a data set."""

    loss: float
    predicted: Array
    labels: Array

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float((self.predicted == self.labels).mean())

    def confusion(self, classes: int) -> Array:
        """Count the answers: rows are the true classes, columns the predicted ones."""
        counts = np.bincount(self.labels * classes + self.predicted, minlength=classes * classes)
        return counts.reshape(classes, classes)


def evaluate(model: nn.Module, data: Subset[Any], batch_size: int = 256) -> Evaluation:
    """Let the model answer for every image of a data set, in evaluation mode."""
    model.eval()
    losses, predicted, truth = 0.0, [], []
    for images, labels in DataLoader(data, batch_size):
        with no_grad():
            logits = model(images)
        losses += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        predicted.append(logits.argmax(1).numpy())
        truth.append(labels.numpy())
    return Evaluation(losses / len(data), np.concatenate(predicted), np.concatenate(truth))


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.epoch:3d}  train loss {epoch.train_loss:.4f} accuracy {epoch.train_accuracy:7.2%}  "
        f"validation loss {epoch.validation_loss:.4f} accuracy {epoch.validation_accuracy:7.2%}  {epoch.seconds:.1f} s"
    )


def _draw_first_step(model: nn.Module, data: Subset[Any], options: Options, say: Callable[[str], None]) -> list[Path]:
    """Record one training step and draw it: as DOT and as a page to step through; as SVG where Graphviz is there."""
    model.train()
    images, labels = next(iter(DataLoader(data, options.batch_size)))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with viz.trace(model):
        loss: Tensor = nn.functional.cross_entropy(model(images), labels)
    drawing = viz.graph(loss, params=model)
    model.load_state_dict(state)  # the step was only for the drawing: batch norm's statistics go back
    files = [drawing.save(options.out / "graph.dot"), drawing.save(options.out / "graph.html")]
    try:
        files.append(drawing.save(options.out / "graph.svg"))
    except RuntimeError as error:
        say(f"graph.svg was not drawn. {error}")
    return files


def _write(model: nn.Module, history: list[Epoch], out: Path) -> list[Path]:
    """Write the weights and the history."""
    weights, table = out / "weights.npz", out / "history.csv"
    serialization.save(model.state_dict(), weights)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Epoch.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    with replacing(table) as file:
        file.write(text.getvalue().encode())
    return [weights, table]
