"""How a Tensor prints: PyTorch's form. It knows arrays and the few fields of a Tensor that are shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import get_default_dtype

__all__ = ["set_printoptions", "tensor_text"]

Array = np.ndarray[Any, Any]


class _Options:
    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
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
    threshold : int
        From how many elements on the middle is left out (1000).
    edgeitems : int
        How many items stay at each end of an axis then (3).
    linewidth : int
        Characters in a line (80).
    profile : {"default", "short", "full"}
        Sets the others.
    sci_mode : bool, optional
        Whether to use scientific notation; None lets the values decide.
    """
    profiles: dict[str, dict[str, Any]] = {
        "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
        "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
        "full": {"precision": 4, "threshold": 2**62, "edgeitems": 3, "linewidth": 80},
    }
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = profiles[profile] if profile else {}
    for name, value in {**chosen, **{k: v for k, v in given.items() if v is not None}}.items():
        setattr(_Options, name, value)
    _Options.sci_mode = sci_mode


def tensor_text(tensor: Any) -> str:
    """Return the text of a tensor, as PyTorch's ``repr``."""
    prefix = "tensor(" if type(tensor).__name__ in ("Tensor", "Parameter") else f"{type(tensor).__name__}("
    array = tensor.array
    text = _array_text(array, len(prefix)) if array.size or array.ndim == 0 else "[]"
    suffixes = []
    if not array.size and array.shape != (0,):
        suffixes.append(f"size={array.shape}")
    if array.dtype not in (get_default_dtype(), np.int64, np.bool_) or (not array.size and array.dtype == np.int64):
        suffixes.append(f"dtype={array.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    text = _join(prefix + text, suffixes, " " * len(prefix)) + ")"
    return f"Parameter containing:\n{text}" if type(tensor).__name__ == "Parameter" else text


def _join(text: str, suffixes: list[str], indent: str) -> str:
    """Append the suffixes, each on a new line where the line would grow too long."""
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > _Options.linewidth:
            text, last = f"{text},\n{indent}{suffix}", len(indent) + len(suffix)
        else:
            text, last = f"{text}, {suffix}", last + len(suffix) + 2
    return text


def _array_text(array: Array, indent: int) -> str:
    summarize = array.size > _Options.threshold
    shown = _edges(array) if summarize else array
    one = _formatter(shown.ravel())
    return _nested(array, indent, summarize, one)


def _edges(array: Array) -> Array:
    """Keep the items that a summary shows."""
    n = _Options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * n:
            array = np.take(array, [*range(n), *range(size - n, size)], axis)
    return array


def _nested(array: Array, indent: int, summarize: bool, one: Any) -> str:
    if array.ndim == 0:
        return str(one(array.item()))
    n, size = _Options.edgeitems, len(array)
    cut = summarize and size > 2 * n
    rows = [*array[:n], *array[size - n :]] if cut else list(array)
    if array.ndim == 1:
        return _vector([one(v.item()) for v in rows], indent, n if cut else None)
    texts = [_nested(row, indent + 1, summarize, one) for row in rows]
    if cut:
        texts.insert(n, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(texts) + "]"


def _vector(texts: list[str], indent: int, cut: int | None) -> str:
    if cut is not None:
        texts.insert(cut, " ...")
    width = max(len(texts[0]) + 2, 1) if texts else 1
    per_line = max(1, (_Options.linewidth - indent) // width)
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _formatter(values: Array) -> Any:
    """Choose one format for all values, so that columns stand under each other."""
    if values.dtype.kind != "f":
        width = max((len(str(v)) for v in values.tolist()), default=1)
        return lambda v: str(v).rjust(width)
    finite = np.abs(values[np.isfinite(values) & (values != 0)].astype(np.float64))
    plain = _float_format(finite)
    width = max((len(plain(v)) for v in values.tolist()), default=1)
    return lambda v: plain(v).rjust(width)


def _float_format(finite: Array) -> Any:
    """Choose between ``1.``, ``1.0000`` and ``1.0000e+00`` by PyTorch's rules."""
    digits = _Options.precision
    sci = _Options.sci_mode
    if not finite.size:
        return lambda v: f"{v:.0f}." if np.isfinite(v) else str(v)
    largest, smallest = float(finite.max()), float(finite.min())
    whole = bool((finite == np.ceil(finite)).all())
    wide = largest / smallest > 1000.0 or largest > 1.0e8
    if sci if sci is not None else (wide if whole else wide or smallest < 1.0e-4):
        return lambda v: f"{v:.{digits}e}"
    if whole:
        return lambda v: f"{v:.0f}." if np.isfinite(v) else str(v)
    return lambda v: f"{v:.{digits}f}"
