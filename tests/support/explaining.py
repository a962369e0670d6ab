"""Leaves to explain, and how an explanation is read."""

from __future__ import annotations

import tinygrad_edu as tg
from tinygrad_edu.autograd import Explanation

__all__ = ["check", "leaf"]


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), requires_grad=True)


def check(found: Explanation, verdict: str, *parts: str) -> None:
    """Hold the verdict and pieces of the text against what was found."""
    text = str(found)
    assert found.verdict == verdict, text
    for part in parts:
        assert part in text, text
