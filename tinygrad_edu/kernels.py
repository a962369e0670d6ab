"""Which kernel does the work: the NumPy one, which is there to be read, or a compiled one that stands beside it.

A NumPy function that is decorated with :func:`accelerated` is the reference. The table :data:`FAST` names the module
of ``tinygrad_edu.fast`` that has a function of the same name and the same arguments, compiled by numba. It is
imported when it is first called, never with the package.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["FAST", "REFERENCES", "accelerated", "compiled_kernels", "get_kernels", "is_compiled", "set_kernels"]

F = TypeVar("F", bound=Callable[..., Any])

CHOICES = ("numpy", "fast", "auto")

FAST: dict[str, tuple[str, int]] = {
    "adam_step": ("optim", 4096),
    "batch_norm_backward": ("norms", 512),
    "batch_norm_forward": ("norms", 512),
    "channel_moments": ("norms", 512),
    "channel_pulls": ("norms", 512),
    "channels_first": ("by_window", 4096),
    "col2im_by_entry": ("by_entry", 4096),
    "col2im_by_window": ("by_window", 4096),
    "correlate_and_weigh": ("by_window", 2048),
    "correlate_channels": ("by_channel", 2048),
    "correlate_windows": ("by_window", 2048),
    "exp": ("elementwise", 4096),
    "exponentials": ("softmax", 512),
    "gelu": ("elementwise", 512),
    "gelu_grad": ("elementwise", 512),
    "im2col_by_entry": ("by_entry", 4096),
    "im2col_by_window": ("by_window", 4096),
    "largest": ("pooling", 512),
    "layer_norm_backward": ("norms", 512),
    "layer_norm_forward": ("norms", 512),
    "log_probabilities": ("softmax", 512),
    "log_softmax_kernel": ("softmax", 512),
    "momentum_step": ("optim", 4096),
    "probabilities": ("softmax", 512),
    "put_largest": ("pooling", 256),
    "relu_grad": ("elementwise", 8192),
    "running_sums": ("cumulative", 4096),
    "scale_and_shift": ("norms", 512),
    "scale_both": ("norms", 512),
    "sgd_step": ("optim", 4096),
    "sigmoid": ("elementwise", 2048),
    "sigmoid_grad": ("elementwise", 4096),
    "silu": ("elementwise", 2048),
    "silu_grad": ("elementwise", 1024),
    "softmax_kernel": ("softmax", 512),
    "spread_channels": ("by_channel", 2048),
    "spread_means": ("pooling", 256),
    "spread_windows": ("by_window", 2048),
    "tanh_grad": ("elementwise", 4096),
    "weigh_channels": ("by_channel", 2048),
    "weigh_windows": ("by_window", 2048),
    "window_means": ("pooling", 512),
}
"""The reference's name: the module of its compiled twin, and from how many elements of the first array it pays."""

REFERENCES: dict[str, Callable[..., Any]] = {}
"""The NumPy functions of that name."""


class _State:
    choice = "auto"
    least: int | None = None  # 0: every size is fast; -1: none; None: not looked for numba yet
    loaded: dict[str, Callable[..., Any]] = {}  # noqa: RUF012


def get_kernels() -> str:
    """Return what was chosen by :func:`set_kernels`: "numpy", "fast" or "auto".

    Returns
    -------
    str
    """
    return _State.choice


def set_kernels(choice: str) -> None:
    """Choose which kernels run from now on, in all threads.

    Parameters
    ----------
    choice : {"numpy", "fast", "auto"}
        "numpy": the ones that are there to be read. "fast": the compiled ones wherever there is one. "auto" (so it is
        at first): the compiled ones where numba is installed and the arrays are large enough for it to pay.

    Raises
    ------
    ValueError
        If ``choice`` is none of the three.
    ImportError
        If "fast" is asked for and numba is not installed.

    Notes
    -----
    numba compiles a kernel when it is first called, which takes seconds, and keeps the result on disk for later runs.
    Results are the same to rounding.
    """
    if choice not in CHOICES:
        raise ValueError(f"set_kernels expects one of {', '.join(map(repr, CHOICES))}, but got {choice!r}.")
    if choice == "fast" and not _has_numba():
        raise ImportError(
            "set_kernels('fast') needs numba, which is not installed: pip install 'tinygrad-edu[fast]', or choose "
            "'numpy'."
        )
    _State.choice = choice
    _State.least = {"numpy": -1, "fast": 0, "auto": None}[choice]


def compiled_kernels() -> str:
    """Say whether compiled kernels may run now, and with which numba."""
    if not _has_numba():
        return "numba is not installed"
    from importlib.metadata import version

    return f"numba {version('numba')}"


def accelerated(reference: F) -> F:
    """Let the compiled kernel of this name in :data:`FAST` do the work of a NumPy function.

    The compiled one takes the same arguments, and returns NotImplemented for those that it was not made for (another
    dtype, memory in another order); then the reference does the work.
    """
    name = reference.__name__.lstrip("_")
    module, size = FAST[name]
    REFERENCES[name] = reference

    @functools.wraps(reference)
    def choose(*args: Any) -> Any:
        least = _State.least
        if least is None:
            least = _look()
        if least == 0 or (least > 0 and args[0].size >= size):
            result = (_State.loaded.get(name) or _load(module, name))(*args)
            if result is not NotImplemented:
                return result
        return reference(*args)

    return choose  # type: ignore[return-value]


def is_compiled(name: str, size: int) -> bool:
    """Tell whether the compiled kernel of this name gets an array of ``size`` elements."""
    least = _look() if _State.least is None else _State.least
    return least == 0 or (least > 0 and size >= FAST[name][1])


def _look() -> int:
    """Look for numba, once."""
    _State.least = 1 if _has_numba() else -1
    return _State.least


def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def _load(module: str, name: str) -> Callable[..., Any]:
    kernel: Callable[..., Any] = getattr(importlib.import_module(f".fast.{module}", __package__), name)
    _State.loaded[name] = kernel
    return kernel
