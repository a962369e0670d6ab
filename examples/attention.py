"""Multi-head attention, composed of ops, learns to write a word backwards; its weights show where each letter looks.

Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin, "Attention Is All You Need", 2017.
"""

from __future__ import annotations

import argparse
import math

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.nn import functional as F

LETTERS, LENGTH = 8, 6


def attend(q: tg.Tensor, k: tg.Tensor, v: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
    """Return softmax(q k^T / sqrt(D)) v, (..., T, D), and the weights (..., T, T) of each row's look at all others."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.softmax(-1)
    return weights @ v, weights


class Attention(nn.Module):
    """Self-attention with several heads: each looks for something else."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.project = nn.Linear(width, width)

    def forward(self, x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        """Map (N, T, D) to (N, T, D), and return the weights (N, heads, T, T) too."""
        # Each head gets its part of the columns: (N, T, D) -> (N, heads, T, D / heads).
        q = self.query(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k = self.key(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        v = self.value(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        out, weights = attend(q, k, v)
        return self.project(out.transpose(1, 2).flatten(2)), weights


class Backwards(nn.Module):
    """Letters and places as vectors, one attention block, one letter out for each place."""

    def __init__(self, width: int = 32, heads: int = 2) -> None:
        super().__init__()
        self.letter = nn.Embedding(LETTERS, width)
        self.place = nn.Embedding(LENGTH, width)
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.name = nn.Linear(width, LETTERS)

    def forward(self, word: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        """Map words (N, T) to logits (N, T, LETTERS), and return the weights (N, heads, T, T) too."""
        x = self.letter(word) + self.place(tg.arange(LENGTH))
        looked, weights = self.attention(self.norm(x))
        return self.name(x + looked), weights


def main(argv: list[str] | None = None) -> float:
    """Train on random words, show one row of weights, draw if asked, and return the share of right letters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="gradient steps of 64 words")
    parser.add_argument("--out", help="draw the network here: .svg, .png, .pdf, .html, .dot or .json")
    given = parser.parse_args(argv)

    tg.manual_seed(0)
    model = Backwards()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for step in range(given.steps):
        word = tg.randint(0, LETTERS, (64, LENGTH))
        logits, _ = model(word)
        loss = F.cross_entropy(logits.flatten(0, 1), word.flip(1).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0 or step == given.steps - 1:
            print(f"step {step:3d}  loss {loss.item():.4f}")

    word = tg.randint(0, LETTERS, (64, LENGTH))
    with viz.trace(model):
        logits, weights = model(word)
        loss = F.cross_entropy(logits.flatten(0, 1), word.flip(1).flatten())
    looks = weights.mean((0, 1)).argmax(1).tolist()  # over words and heads
    print(f"place 0 to {LENGTH - 1} looks most at place {looks}")
    if given.out:
        viz.graph(loss, params=model).save(given.out)
    return (logits.argmax(2) == word.flip(1)).float().mean().item()


if __name__ == "__main__":
    main()
