"""Draw the graphs that the docs show, from the examples' models. Seeds are fixed.

Run it from the root of the repository, with Graphviz or ``pip install -e ".[viz]"``:

    python tools/draw_graphs.py

``--format png`` draws in another form, ``--folder`` elsewhere, ``--only attention`` one of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

import tinygrad_edu as tg
from tinygrad_edu import datasets, viz
from tinygrad_edu.nn import functional as F

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "graphs"


def example(name: str) -> dict[str, Any]:
    """Read what an example defines."""
    return run_path(str(ROOT / "examples" / f"{name}.py"))


def scalar() -> viz.GraphView:
    """Draw an expression of three numbers, with its values and gradients."""
    a, b, c = (tg.tensor(value, requires_grad=True) for value in (2.0, -3.0, 10.0))
    with viz.trace():
        d = a * b
        e = d + c
        loss = e * d
    return viz.graph(loss, show=("value", "grad"))


def digits_cnn() -> viz.GraphView:
    """Draw the network for digits with the norms of its gradients, and what it keeps for them."""
    model = example("digits_cnn")["DigitsNet"]()
    x, y = (tg.from_numpy(part[:32]) for part in datasets.Digits().arrays())
    with viz.trace(model):
        loss = F.cross_entropy(model(x), y)
    return viz.graph(loss, params=model, show=("shape", "grad_norm", "kept", "inputs"))


def resnet18(**options: Any) -> viz.GraphView:
    """Draw ResNet-18 on one image."""
    model = example("resnet18")["ResNet18"]()
    image, label = tg.randn(1, 3, 224, 224), tg.tensor([7])
    with viz.trace(model):
        loss = F.cross_entropy(model(image), label)
    return viz.graph(loss, params=model, depth=1, **options)


def resnet18_block() -> viz.GraphView:
    """Draw it with one block unfolded."""
    return resnet18(unfold=["layer2.0"])


def recurrent() -> viz.GraphView:
    """Draw a recurrent cell over five steps."""
    defined = example("recurrent_cell")
    model = defined["Parity"]()
    signs, odd = defined["every_sequence"]()
    with viz.trace(model):
        loss = F.binary_cross_entropy_with_logits(model(signs), odd)
    return viz.graph(loss, params=model)


def attention() -> viz.GraphView:
    """Draw attention with two heads, without what stands around it."""
    model = example("attention")["Attention"](width=32, heads=2)
    x = tg.randn(64, 6, 32, requires_grad=True)
    with viz.trace(model):
        out, _ = model(x)
    return viz.graph(out, params=model)


def double_backward() -> viz.GraphView:
    """Draw a curve, and the graph of its slope that a recorded backward pass adds."""
    x = tg.tensor(2.0, requires_grad=True)
    with viz.trace():
        y = example("newton")["curve"](x)
        (slope,) = tg.autograd.grad(y, x, create_graph=True)
    return viz.graph(slope, show=("value", "grad"))


def vanishing() -> viz.GraphView:
    """Draw twelve layers with sigmoids beside twelve with ReLUs."""
    model = example("vanishing_gradients")["Twins"]()
    x = tg.randn(128, 2)
    y = (x[:, :1] * x[:, 1:] > 0).float()
    with viz.trace(model):
        of_sigmoid, of_relu = model(x, y)
        loss = of_sigmoid + of_relu
    return viz.graph(loss, params=model, show=("grad_norm",))


PICTURES: dict[str, Callable[[], viz.GraphView]] = {
    "scalar": scalar,
    "digits-cnn": digits_cnn,
    "resnet18": resnet18,
    "resnet18-block": resnet18_block,
    "recurrent": recurrent,
    "attention": attention,
    "double-backward": double_backward,
    "vanishing": vanishing,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Draw all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--format", default="svg", choices=["svg", "png", "pdf", "dot", "html", "json"])
    parser.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    given = parser.parse_args(argv)
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        tg.manual_seed(0)
        print(PICTURES[name]().save(given.folder / f"{name}.{given.format}"))


if __name__ == "__main__":
    main()
