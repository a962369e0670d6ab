"""One neuron with numbers to follow by hand: its graph as a table, as a picture, and as a page to step through.

    python examples/one_neuron_drawn.py --out neuron.html

The numbers are chosen so that the sum inside is 0.8814 and its tanh 0.7071, and all gradients are round.
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import viz


def main(argv: list[str] | None = None) -> float:
    """Print what flows forward and back, draw if asked, learn for some steps; return how far o is from 1 at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="gradient steps that bring the output towards 1")
    parser.add_argument("--out", help="draw the neuron here: .svg, .png, .pdf, .html, .dot or .json")
    given = parser.parse_args(argv)

    x1, x2 = tg.tensor(2.0, requires_grad=True), tg.tensor(0.0, requires_grad=True)
    w1, w2 = tg.tensor(-3.0, requires_grad=True), tg.tensor(1.0, requires_grad=True)
    b = tg.tensor(6.8813736, requires_grad=True)

    with viz.trace():  # notes names, values and lines
        p1 = x1 * w1
        p2 = x2 * w2
        n = p1 + p2 + b
        o = tg.tanh(n)
    view = viz.graph(o, show=("value", "grad"))
    if given.out:
        view.save(given.out)

    for item in view.data.items:
        (value,), (slope,) = item.value.values, item.grad.values
        print(f"{item.name:2} {item.op or item.kind:4}  value {value:7.4f}  do/d{item.name:2} {slope:7.4f}")

    for step in range(given.steps):
        error = (tg.tanh(x1 * w1 + x2 * w2 + b) - 1) ** 2
        error.backward()
        with tg.no_grad():
            for weight in (w1, w2, b):
                weight -= 0.1 * weight.grad
                weight.grad = None
        print(f"step {step}: (o - 1)^2 = {error.item():.4f}")
    return error.item()


if __name__ == "__main__":
    main()
