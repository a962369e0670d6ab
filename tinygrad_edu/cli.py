"""The command line: ``tinygrad-edu train``, ``gradcheck`` and ``graph``.

It reads options and prints results; the work is done in ``training`` and ``commands``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 failed with a sentence, 2 wrong options.

    ``gradcheck`` answers a question, so it keeps 1 for "the derivative is wrong", and has 2 for all that prevents an
    answer.
    """
    options = _parser().parse_args(argv)
    try:
        status: int = options.run(options)
    except BrokenPipeError:  # whoever read the report went away, as `head` does; nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, RuntimeError, FloatingPointError) as error:
        sentence = str(error).replace("pass download=True", "add --download")
        print(f"tinygrad-edu {options.command}: {sentence}", file=sys.stderr)
        return 2 if options.command == "gradcheck" else 1
    except KeyboardInterrupt:
        print(f"tinygrad-edu {options.command}: stopped", file=sys.stderr)
        return 130
    return status


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
    check = commands.add_parser(
        "gradcheck",
        help="check the derivative of a function of yours",
        description="Check the derivative of a function on random inputs, and say what is wrong with it.",
        epilog="Exit status: 0 right, 1 wrong, 2 not checked. Example: tinygrad-edu gradcheck my_op.py:swish "
        "--input 3,4 --input scalar --order 2",
    )
    _add_gradcheck_options(check)
    check.set_defaults(run=_gradcheck)
    draw = commands.add_parser(
        "graph",
        help="draw what a model of yours computes",
        description="Call a model once, and draw what was recorded, with its gradients: as a page on which to step "
        "through the forward and the backward pass, or as a picture.",
        epilog="Example: tinygrad-edu graph examples/digits_cnn.py:DigitsNet --input 1,1,8,8 -o cnn.svg --depth 1",
    )
    _add_graph_options(draw)
    draw.set_defaults(run=_graph)
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


def _add_gradcheck_options(parser: argparse.ArgumentParser) -> None:
    add: Any = parser.add_argument
    _add_call_options(parser, "check", "a function, an @op, an autograd.Function, a module of nn")
    add("--order", type=_positive(int), default=1, help="2: also the derivative of the derivative (default: 1)")
    add("--json", action="store_true", help="print the report as JSON")


def _add_graph_options(parser: argparse.ArgumentParser) -> None:
    add: Any = parser.add_argument
    _add_call_options(parser, "draw", "a model, its class, or a function of Tensors")
    add("-o", "--out", type=Path, help="what to write: .html, .svg, .png, .pdf, .dot or .json (default: NAME.html)")
    add("--depth", type=_natural, help="fold modules below so many levels (default: unfold all)")
    add("--unfold", action="append", default=[], metavar="PATH", help="show this module open, such as layer1.0")
    words = "shape, dtype, value, grad, grad_norm, kept, line, op, inputs (default: shape grad_norm)"
    add(
        "--show", nargs="+", metavar="WORD", default=["shape", "grad_norm"], help=f"what stands in the picture: {words}"
    )
    directions = "forward, backward or both (default: forward)"
    add("--direction", metavar="WAY", default="forward", help=f"which way the arrows go: {directions}")
    add("--dark", action="store_true", help="light on dark")


def _add_call_options(parser: argparse.ArgumentParser, verb: str, kinds: str) -> None:
    """Add what says which function is called, and on which inputs."""
    add: Any = parser.add_argument
    add(
        "target",
        metavar="MODULE:NAME",
        help=f"what to {verb}, in a module or a file: package.module:op, my_op.py:op, module:Class.method; {kinds}",
    )
    add(
        "--input",
        action="append",
        required=True,
        dest="inputs",
        metavar="SHAPE[:DTYPE][:LOW:HIGH]",
        type=_reader("read_input"),
        help="an input, once for each: 3,4 is a random matrix, scalar one number, 5:int64:0:3 five integers of 0, 1, 2",
    )
    add(
        "--param",
        action="append",
        default=[],
        dest="params",
        metavar="NAME=VALUE",
        type=_reader("read_param"),
        help="a keyword argument of the function, once for each: dim=1",
    )
    add("--seed", type=_natural, default=0, help="of the random numbers (default: 0)")
    add("--dtype", type=_reader("read_dtype"), help="of the inputs (default: float64, or that of a module's weights)")
    add("--low", type=float, help="smallest value of the inputs (default: -2, or 0 for integers)")
    add("--high", type=float, help="all values of the inputs are below this (default: 2)")


def _reader(name: str) -> Callable[[str], Any]:
    """Read an option by a function of ``commands.inputs``, whose sentence argparse is to print."""

    def read(text: str) -> Any:
        from .commands import inputs

        try:
            return getattr(inputs, name)(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _natural(text: str) -> int:
    """Read a whole number that is not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def _gradcheck(given: argparse.Namespace) -> int:
    from .commands.gradcheck import Options, gradcheck

    return 0 if gradcheck(Options(**{**_chosen(given, Options), "params": dict(given.params)})) else 1


def _graph(given: argparse.Namespace) -> int:
    from .commands.graph import Options, graph

    view, path = graph(Options(**{**_chosen(given, Options), "params": dict(given.params)}))
    print(view)
    print(f"written: {path}")
    return 0


def _chosen(given: argparse.Namespace, options: type) -> dict[str, Any]:
    """Pick the options that a dataclass has a field for."""
    return {name: value for name, value in vars(given).items() if name in options.__dataclass_fields__}  # type: ignore[attr-defined]


def _train(given: argparse.Namespace) -> int:
    from .training import DATA, Options, train

    chosen = _chosen(given, Options)
    chosen["out"] = given.out or Path("runs") / f"{given.data}-{given.model}"
    result = train(Options(**chosen))
    print(f"test loss {result.test_loss:.4f} accuracy {result.test_accuracy:.2%}")
    print(confusion_text(result.confusion, DATA[given.data].classes))
    print("written: " + ", ".join(map(str, result.files)))
    return 0


def confusion_text(counts: Any, classes: Sequence[str]) -> str:
    """Write a confusion matrix as a table: rows are the true classes, columns the predicted ones."""
    names = [str(c)[:11] for c in classes]
    left = max(map(len, names))
    width = max(4, len(str(counts.max())) + 1)
    head = " " * (left + 1) + "".join(f"{i:>{width}}" for i in range(len(names)))
    rows = [f"{n:>{left}}:" + "".join(f"{c or '.':>{width}}" for c in row) for n, row in zip(names, counts)]
    return "\n".join(["confusion matrix (rows: true, columns: predicted)", head, *rows])
