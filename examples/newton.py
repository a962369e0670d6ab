"""Newton's method finds the lowest point of a curve by its slope and by the slope of its slope.

``create_graph=True`` records the backward pass itself, so that it can be differentiated once more. The picture shows
both: the curve's graph, and the graph of the slope that grew out of it.
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import viz


def curve(x: tg.Tensor) -> tg.Tensor:
    """Return x^2 + e^-x, lowest where 2 x = e^-x."""
    return x * x + (-x).exp()


def main(argv: list[str] | None = None) -> float:
    """Take Newton's steps, draw the second derivative if asked, and return where the curve is lowest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="how many steps")
    parser.add_argument("--out", help="draw the slope's graph here: .svg, .png, .pdf, .html, .dot or .json")
    given = parser.parse_args(argv)

    x = tg.tensor(2.0, dtype=tg.float64, requires_grad=True)
    for step in range(given.steps):
        with viz.trace():
            y = curve(x)
            (slope,) = tg.autograd.grad(y, x, create_graph=True)
        if given.out and step == 0:
            viz.graph(slope, show=("value", "grad")).save(given.out)
        (curvature,) = tg.autograd.grad(slope, x)
        print(f"x {x.item():.6f}  y {y.item():9.6f}  slope {slope.item():9.6f}  curvature {curvature.item():.6f}")
        with tg.no_grad():
            x -= slope / curvature
    print(f"x {x.item():.6f}  y {curve(x).item():9.6f}")
    return x.item()


if __name__ == "__main__":
    main()
