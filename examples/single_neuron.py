"""One neuron, y = w x + b, sees ten points one after the other and learns y = -0.68 x + 2.75.

After every point it takes a small step against the gradient of that point's squared error (stochastic gradient
descent; Widrow & Hoff, 1960). It ends close to the line of least squares, y = -0.679 x + 2.741, and not on it: with a
fixed learning rate every point pulls the line a little its own way.
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg

POINTS = [(-2, 4.4), (3.7, 0.5), (4.7, -0.3), (1, 1.4), (3.4, 0.4)]
POINTS += [(1.9, 1.4), (0.5, 2), (3.7, 0.5), (-3.7, 5.6), (-1.4, 3.5)]


def main(argv: list[str] | None = None) -> tuple[float, float]:
    """Train and return weight and bias."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="how often to see all points")
    steps = parser.parse_args(argv).steps

    w = tg.tensor(0.0, requires_grad=True)
    b = tg.tensor(0.0, requires_grad=True)

    for step in range(steps):
        total = 0.0
        for x, y in POINTS:
            loss = (w * x + b - y) ** 2  # forward: the graph is recorded here
            loss.backward()  # backward: dloss/dw and dloss/db
            with tg.no_grad():  # the update itself is not part of the graph
                w -= 0.0072 * w.grad
                b -= 0.0072 * b.grad
            w.grad = b.grad = None
            total += loss.item()
        if step % 20 == 0 or step == steps - 1:
            print(f"pass {step:3d}  mean loss {total / 10:.4f}  y = {w.item():.2f} x + {b.item():.2f}")
    return w.item(), b.item()


if __name__ == "__main__":
    main()
