"""The network y = W1 relu(W0 x), its gradients worked out by hand with the chain rule, and by the engine.

    h = W0 x        r = relu(h)        y = W1 r        loss = |y - t|^2 / 2

Going back, every line follows from the one above it:

    dloss/dy  = y - t
    dloss/dW1 = dloss/dy r^T            dloss/dr = W1^T dloss/dy
    dloss/dh  = dloss/dr * (h > 0)
    dloss/dW0 = dloss/dh x^T
"""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_edu as tg


def by_hand(w0: np.ndarray, w1: np.ndarray, x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dloss/dW0 and dloss/dW1."""
    h = w0 @ x
    r = np.maximum(h, 0)
    y = w1 @ r
    dy = y - t
    dw1 = dy @ r.T
    dr = w1.T @ dy
    dh = dr * (h > 0)
    return dh @ x.T, dw1


def main(argv: list[str] | None = None) -> float:
    """Compare both ways on several random networks; return the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="how many random networks")
    steps = parser.parse_args(argv).steps

    rng = np.random.default_rng(0)
    largest = 0.0
    for step in range(steps):
        x, t = rng.normal(size=(3, 1)), rng.normal(size=(2, 1))
        w0, w1 = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))

        engine_w0 = tg.tensor(w0, requires_grad=True)
        engine_w1 = tg.tensor(w1, requires_grad=True)
        y = engine_w1 @ (engine_w0 @ tg.tensor(x)).relu()
        loss = ((y - tg.tensor(t)) ** 2).sum() / 2
        loss.backward()

        hand_w0, hand_w1 = by_hand(w0, w1, x, t)
        difference = max(
            np.abs(engine_w0.grad.numpy() - hand_w0).max(),
            np.abs(engine_w1.grad.numpy() - hand_w1).max(),
        )
        largest = max(largest, float(difference))
        print(f"network {step}: loss {loss.item():.4f}, largest difference {difference:.1e}")
    return largest


if __name__ == "__main__":
    main()
