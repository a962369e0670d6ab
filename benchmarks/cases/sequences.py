"""Training steps of models of sequences, composed of ops as one writes them by hand."""

from __future__ import annotations

from typing import Any

from .. import models
from ..case import Case, Work
from .data import labels, normal, train

__all__ = ["CASES"]


def lstm_step(lib: Any) -> Work:
    """Classify 32 sequences of 64 vectors; hidden size 128, Adam."""
    model = models.lstm(lib, inputs=64, hidden=128, classes=10)
    x, y = normal(lib, 64, 32, 64), labels(lib, 10, 32)
    return train(lib, model, lib.optim.Adam(model.parameters()), x, y)


def gpt_step(lib: Any) -> Work:
    """Predict the next of 65 characters: 2 layers of width 128 with 4 heads, 8 texts of 64, AdamW."""
    model = models.gpt(lib, vocabulary=65, context=64, width=128, heads=4, layers=2)
    text = labels(lib, 65, 8, 65)
    return train(lib, model, lib.optim.AdamW(model.parameters(), lr=1e-3), text[:, :-1], text[:, 1:])


CASES = [
    Case("LSTM 64 steps, batch 32, hidden 128", "sequences", lstm_step),
    Case("GPT 2 layers, width 128, 8x64", "sequences", gpt_step),
]
