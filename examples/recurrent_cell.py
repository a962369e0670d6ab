"""A recurrent cell, composed of ops, reads five signs one after the other and remembers whether their number is odd.

The same weights are used at every step, so the picture of the graph shows the cell five times, and the gradient of a
weight is the sum of five. This is backpropagation through time (Werbos, 1990); the cell is Elman's (1990).
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.nn import functional as F

TIME = 5


class RNNCell(nn.Module):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), with the parameters of ``torch.nn.RNNCell``."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        bound = hidden_size**-0.5
        self.weight_ih = nn.Parameter(tg.empty(hidden_size, input_size).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(tg.empty(hidden_size, hidden_size).uniform_(-bound, bound))
        self.bias_ih = nn.Parameter(tg.empty(hidden_size).uniform_(-bound, bound))
        self.bias_hh = nn.Parameter(tg.empty(hidden_size).uniform_(-bound, bound))

    def forward(self, x: tg.Tensor, h: tg.Tensor) -> tg.Tensor:
        """Map an input (N, D) and the state before (N, H) to the state after (N, H)."""
        return tg.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))


class Parity(nn.Module):
    """The cell at every step, and one linear layer on the last state."""

    def __init__(self, hidden_size: int = 32) -> None:
        super().__init__()
        self.cell = RNNCell(1, hidden_size)
        self.read = nn.Linear(hidden_size, 1)

    def forward(self, signs: tg.Tensor) -> tg.Tensor:
        """Map sequences (N, T) to one logit each (N,)."""
        h = tg.zeros(signs.shape[0], self.cell.weight_hh.shape[0])
        for x in signs.T:
            h = self.cell(x.reshape(-1, 1), h)
        return self.read(h).squeeze(1)


def every_sequence() -> tuple[tg.Tensor, tg.Tensor]:
    """Return all sequences of TIME zeros and ones as -1 and 1, (32, 5), and 1.0 where the number of ones is odd."""
    bits = (tg.arange(2**TIME).reshape(-1, 1) // 2 ** tg.arange(TIME)) % 2
    return 2.0 * bits - 1.0, (bits.sum(1) % 2).float()


def main(argv: list[str] | None = None) -> float:
    """Train on all sequences, draw if asked, and return the share of right answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="gradient steps")
    parser.add_argument("--out", help="draw the network over five steps here: .svg, .png, .pdf, .html, .dot or .json")
    given = parser.parse_args(argv)

    tg.manual_seed(0)
    signs, odd = every_sequence()
    model = Parity()
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for step in range(given.steps):
        logits = model(signs)
        loss = F.binary_cross_entropy_with_logits(logits, odd)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == given.steps - 1:
            right = ((logits > 0) == odd).float().mean().item()
            print(f"step {step:3d}  loss {loss.item():.4f}  right {right:.0%}")

    with viz.trace(model):
        logits = model(signs)
        loss = F.binary_cross_entropy_with_logits(logits, odd)
    if given.out:
        viz.graph(loss, params=model).save(given.out)
    return ((logits > 0) == odd).float().mean().item()


if __name__ == "__main__":
    main()
