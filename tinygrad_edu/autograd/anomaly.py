"""Anomaly mode: remember which line made each node, and stop at the first op whose gradient is NaN."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .watching import Watcher, state, unwatch, watch

__all__ = ["OURS", "detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]

_PACKAGE = Path(__file__).parent.parent
# The package may be reached through a link, and its nn is one in a checkout: both spellings are ours.
OURS = tuple({f"{folder}{os.sep}" for folder in (_PACKAGE, _PACKAGE.resolve(), (_PACKAGE / "nn").resolve())})


class _Detector(Watcher):
    """Notes the line of every node, and refuses a NaN on the way back."""

    check_nan = True

    def made(self, node: Any, args: Sequence[Any], out: Any) -> None:
        node.trace = made_at()

    def went_back(self, node: Any, g: Any, results: Sequence[Any]) -> None:
        if self.check_nan:
            check_gradients(node, results)


_detector = _Detector()


def is_anomaly_enabled() -> bool:
    """Return True when anomaly mode is on."""
    return _detector in state.everywhere


class set_detect_anomaly:
    """Switch anomaly mode on or off; as a function at once, as a context manager until its end.

    Parameters
    ----------
    mode : bool
        On or off.
    check_nan : bool
        Raise at the first NaN in a gradient; otherwise only record the lines.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (is_anomaly_enabled(), _detector.check_nan)
        _switch(mode, check_nan)

    def __enter__(self) -> None:
        """Nothing to do: the constructor has switched."""

    def __exit__(self, *exc: object) -> None:
        _switch(*self._before)


def _switch(mode: bool, check_nan: bool) -> None:
    if mode:
        watch(_detector, everywhere=True)
    else:
        unwatch(_detector)
    _detector.check_nan = check_nan


class detect_anomaly(set_detect_anomaly):
    """Find the op whose backward makes a NaN: ``with detect_anomaly(): loss = ...; loss.backward()``.

    Every node remembers the line that made it, and the backward pass raises RuntimeError at the first
    gradient with a NaN in it, naming the op and that line. It is slow: for debugging only.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
            stacklevel=2,
        )


def made_at() -> str:
    """Return the stack of the line that is being run, without the frames of this package."""
    frames = traceback.extract_stack()
    own = [f for f in frames if not f.filename.startswith(OURS)]
    return "".join(traceback.format_list(own[-8:]))


def check_gradients(node: Any, gradients: Sequence[Any]) -> None:
    """Raise if one of the gradients that ``node`` returned holds a NaN."""
    for index, g in enumerate(gradients):
        array = getattr(g, "array", g)
        if array is not None and getattr(array, "dtype", None) is not None and np.isnan(array).any():
            raise RuntimeError(
                f"Function '{node.name()}' returned nan values in its {index}th output: the gradient of its input "
                f"{index}. The forward call that made it:\n{node.trace or '(made outside anomaly mode)'}"
            )
