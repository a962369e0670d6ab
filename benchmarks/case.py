"""What a case is, and the groups that cases are counted in. It knows no library and measures nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["GROUPS", "Case", "Group", "Make", "Work"]

Work = Callable[[], Any]
Make = Callable[[Any], Any]


@dataclass(frozen=True)
class Group:
    """A row of the table of targets.

    Parameters
    ----------
    title : str
        How it is printed.
    numpy, fast : float, optional
        The least geometric mean of PyTorch's figure divided by ours that is aimed at, with the NumPy kernels and
        with the fast ones.
    mean : bool
        Whether a mean of its ratios says anything.
    """

    title: str
    numpy: float | None = None
    fast: float | None = None
    mean: bool = True


GROUPS = {
    "overhead": Group("per-op overhead", 1.0, 1.0),
    "dense": Group("MLPs, optimizer step", 1.0, 1.2),
    "networks": Group("LeNet, ResNet-8, VGG", 0.85, 1.1),
    "convolution": Group("convolution layers", 0.6, 0.75),
    "sequences": Group("LSTM, GPT", 0.7, 0.9),
    "arrays": Group("elementwise, normalisation, pooling, softmax", 0.5, 1.0),
    "products": Group("bare matrix products of the convolutions"),
    "higher": Group("second derivatives, gradcheck"),
    "inference": Group("inference"),
    "other": Group("other"),
    "scaling": Group("graph scaling, time per node"),
    "graph-memory": Group("graph scaling, memory per node"),
    "step-memory": Group("peak memory of a training step", 1.0, 1.0),
    "import": Group("import time", 5.0, 5.0),
    "installed": Group("memory after import, installed size", mean=False),
}


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Parameters
    ----------
    name : str
        Its row in the table.
    group : str
        A key of ``GROUPS``.
    make : callable
        Takes a library, ours or PyTorch (the code is the same), and returns what the measure takes: for
        ``"time"`` a function without arguments that does the work once.
    measure : str
        A key of ``benchmarks.measures.MEASURES``.
    number : int
        How many pieces one call consists of; the figure is that of one piece.
    quick : bool
        Whether ``--quick`` runs it.
    """

    name: str
    group: str
    make: Make
    measure: str = "time"
    number: int = 1
    quick: bool = True

    @property
    def label(self) -> str:
        """What ``--cases`` is matched against."""
        return f"{self.group}: {self.name}"
