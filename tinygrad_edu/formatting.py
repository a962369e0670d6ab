"""How a Tensor prints: PyTorch's form. It knows arrays and the few fields of a Tensor that are shown."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import numpy as np

from .dtypes import get_default_dtype

__all__ = ["set_printoptions", "tensor_text"]

Array = np.ndarray[Any, Any]
Write = Callable[[Any], str]


class _Options:
    precision = 4
    threshold: float = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


_PROFILES: dict[str | None, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print.

    Parameters
    ----------
    precision : int
        Digits after the point (4).
    threshold : int or inf
        From how many elements on the middle is left out (1000).
    edgeitems : int
        How many items stay at each end of an axis then (3).
    linewidth : int
        Characters in a line (80).
    profile : {"default", "short", "full"}
        Sets the others.
    sci_mode : bool, optional
        Whether to use scientific notation; None lets the values decide.

    Raises
    ------
    ValueError
        If there is no such profile.
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: profile must be one of {list(_PROFILES)}, got {profile!r}.")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = {name: value for name, value in given.items() if value is not None}
    for name, value in {**_PROFILES.get(profile, {}), **chosen}.items():
        setattr(_Options, name, value)
    _Options.sci_mode = sci_mode


def tensor_text(tensor: Any) -> str:
    """Return the text of a tensor, as PyTorch's ``repr``."""
    kind = type(tensor).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    text = _join(prefix + _array_text(tensor.array, len(prefix)), _suffixes(tensor), len(prefix))
    return f"Parameter containing:\n{text}" if kind == "Parameter" else text


def _suffixes(tensor: Any) -> list[str]:
    """List what the values do not show: a shape without elements, an unusual dtype, the part in the graph."""
    array, parts = tensor.array, []
    if array.ndim != 1 if not array.size else not _Options.edgeitems:
        parts.append(f"size={array.shape}")
    # Whole numbers and truth values show their dtype themselves, where there are any.
    evident = (get_default_dtype(), np.int64, np.bool_) if array.size else (get_default_dtype(),)
    if array.dtype not in evident:
        parts.append(f"dtype={array.dtype}")
    if tensor.grad_fn is not None:
        parts.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        parts.append("requires_grad=True")
    return parts


def _join(text: str, suffixes: list[str], indent: int) -> str:
    """Append the suffixes, each on a new line where the line would grow too long, and close the bracket."""
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > _Options.linewidth:
            text, last = f"{text},\n{' ' * indent}{suffix}", indent + len(suffix)
        else:
            text, last = f"{text}, {suffix}", last + len(suffix) + 2
    return text + ")"


def _array_text(array: Array, indent: int) -> str:
    if not array.size:
        return "[]"
    summarize = array.size > _Options.threshold
    write, width = _choose_format((_edges(array) if summarize else array).ravel())
    return _nested(array, indent, summarize, write, width)


def _edges(array: Array) -> Array:
    """Keep the items that a summary shows."""
    n = _Options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * n:
            array = np.take(array, [*range(n), *range(size - n, size)], axis)
    return array


def _nested(array: Array, indent: int, summarize: bool, write: Write, width: int) -> str:
    if array.ndim == 0:
        return write(array.item())
    n, size = _Options.edgeitems, len(array)
    cut = summarize and size > 2 * n
    rows = [*array[:n], *array[size - n :]] if cut else list(array)
    if array.ndim == 1:
        texts = [write(value.item()) for value in rows]
        if cut:
            texts.insert(n, " ..." if n else "...")
        per_line = max(1, (_Options.linewidth - indent) // (width + 2))
        texts = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    else:
        texts = [_nested(row, indent + 1, summarize, write, width) for row in rows]
        if cut:
            texts.insert(n, "...")
    return "[" + ("," + "\n" * max(1, array.ndim - 1) + " " * (indent + 1)).join(texts) + "]"


def _choose_format(values: Array) -> tuple[Write, int]:
    """Choose one format for all values, and the width that puts columns under each other.

    As in PyTorch, zeros and what is not finite have no say in the width of floats.
    """
    if values.dtype.kind == "f":
        telling = values[np.isfinite(values) & (values != 0)].astype(np.float64)
        plain = _float_format(telling)
    else:
        telling, plain = values, str
    width = max((len(plain(value)) for value in telling.tolist()), default=1)
    return lambda value: plain(value).rjust(width), width


def _float_format(values: Array) -> Write:
    """Choose between ``1.``, ``1.0000`` and ``1.0000e+00`` by PyTorch's rules."""
    digits, sci = _Options.precision, _Options.sci_mode
    if not values.size:
        return _whole
    largest, smallest = float(np.abs(values).max()), float(np.abs(values).min())
    if sci is None:
        sci = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
    if sci:
        return lambda value: f"{value:.{digits}e}"
    return _whole if (values == np.ceil(values)).all() else lambda value: f"{value:.{digits}f}"


def _whole(value: float) -> str:
    """Write a float without digits after its point."""
    return f"{value:.0f}." if isfinite(value) else str(value)
