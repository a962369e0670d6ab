"""The command line: ``tinygrad-edu train``. It reads options and prints results; the work is done in ``training``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 failed with a sentence, 2 wrong options."""
    options = _parser().parse_args(argv)
    try:
        options.run(options)
    except BrokenPipeError:  # whoever read the report went away, as `head` does; nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, RuntimeError, FloatingPointError) as error:
        sentence = str(error).replace("pass download=True", "add --download")
        print(f"tinygrad-edu {options.command}: {sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"tinygrad-edu {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    from . import __version__

    parser = argparse.ArgumentParser("tinygrad-edu", description="An autodiff engine on NumPy to learn from.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train",
        help="train a small network on images of digits",
        description="Train a small network; by default a CNN on 1,797 handwritten digits that come with the package.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_train_options(train)
    train.set_defaults(run=_train)
    return parser


def _add_train_options(parser: argparse.ArgumentParser) -> None:
    from .training import DATA, OPTIMIZERS, Options

    defaults = Options()
    add: Any = parser.add_argument
    add("--data", choices=list(DATA), default=defaults.data, help="what to train on")
    add("--root", type=Path, default=defaults.root, help="folder of the MNIST files")
    add("--download", action="store_true", help="fetch MNIST files that are not in --root")
    add("--model", choices=["cnn", "mlp"], default=defaults.model, help="which network")
    add("--epochs", type=_positive(int), default=defaults.epochs, help="how often to see every image")
    add("--batch-size", type=_positive(int), default=defaults.batch_size, help="images in a step")
    add("--lr", type=_positive(float), default=defaults.lr, help="learning rate")
    add("--optimizer", choices=list(OPTIMIZERS), default=defaults.optimizer, help="how to step")
    add("--seed", type=int, default=defaults.seed, help="of the initial weights and the shuffling")
    add("--out", type=Path, default=None, help="folder of the results (default: runs/DATA-MODEL)")


def _positive(kind: type) -> Any:
    """Read a number above zero."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a positive {'whole ' * (kind is int)}number")
        return value

    return read


def _train(given: argparse.Namespace) -> None:
    from .training import DATA, Options, train

    names = Options.__dataclass_fields__
    chosen = {name: value for name, value in vars(given).items() if name in names}
    chosen["out"] = given.out or Path("runs") / f"{given.data}-{given.model}"
    result = train(Options(**chosen))
    print(f"test loss {result.test_loss:.4f} accuracy {result.test_accuracy:.2%}")
    print(confusion_text(result.confusion, DATA[given.data].classes))
    print("written: " + ", ".join(map(str, result.files)))


def confusion_text(counts: Any, classes: Sequence[str]) -> str:
    """Write a confusion matrix as a table: rows are the true classes, columns the predicted ones."""
    names = [str(c)[:11] for c in classes]
    left = max(map(len, names))
    width = max(4, len(str(counts.max())) + 1)
    head = " " * (left + 1) + "".join(f"{i:>{width}}" for i in range(len(names)))
    rows = [f"{n:>{left}}:" + "".join(f"{c or '.':>{width}}" for c in row) for n, row in zip(names, counts)]
    return "\n".join(["confusion matrix (rows: true, columns: predicted)", head, *rows])
