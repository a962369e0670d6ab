"""Numbers, shapes and sizes in few letters, as they stand in a drawing, and text made safe for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from .summary import Summary

__all__ = [
    "NO_BREAK",
    "bytes_text",
    "count_text",
    "html",
    "number",
    "plural",
    "rms",
    "shape_text",
    "shortened",
    "summary_lines",
]

NO_BREAK = "\u00a0"  # a space that is drawn beside others, where common ones are drawn as one
_SHOWN = 6  # so many numbers of a tensor are written out


def number(value: float) -> str:
    """Write a number with four digits: 3, 0.1667, 1.2e-5, nan."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return str(int(value))
    text = f"{value:.4g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def shape_text(shape: Sequence[int] | None) -> str:
    """Write a shape as people do: 16×1×3×3, and "scalar" for none; "" where there is none to tell."""
    return "" if shape is None else "×".join(map(str, shape)) or "scalar"


def count_text(n: int) -> str:
    """Write a count: 1,234 in full, then 12.3 k, 11.2 M, 1.76 B."""
    if n < 10_000:
        return f"{n:,}"
    return _scaled(n, 1000.0, ("k", "M", "B", "T"))


def bytes_text(n: int) -> str:
    """Write a number of bytes: 96 B, 3.2 KiB, 11.7 MiB."""
    return f"{n} B" if n < 1024 else _scaled(n, 1024.0, ("KiB", "MiB", "GiB", "TiB"))


def _scaled(n: float, base: float, units: Sequence[str]) -> str:
    power = 0
    while power < len(units) and n >= 999.5:
        n, power = n / base, power + 1
    digits = max(0, 2 - int(math.log10(max(n, 1.0))))
    text = f"{n:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {units[power - 1]}"


def plural(n: int, noun: str) -> str:
    """Write how many there are of something."""
    return f"{count_text(n)} {noun}{'' if n == 1 else 's'}"


def rms(summary: Summary | None) -> float | None:
    """Return the norm per element (root mean square), by which tensors of all sizes compare; None for no tensor."""
    if summary is None:
        return None
    if summary.nan or summary.inf:
        return math.nan
    return summary.norm / math.sqrt(summary.size) if summary.size else 0.0


def summary_lines(word: str, summary: Summary) -> list[str]:
    """Write a tensor: all its numbers where they are few, else statistics in two lines."""
    if summary.values is not None and summary.size <= _SHOWN:
        written = [number(value) for value in summary.values]
        nested = str(np.reshape(written, summary.shape).tolist()).replace("'", "") if summary.shape else written[0]
        return [f"{word} {nested}"]
    lines = [
        f"{word} mean {number(summary.mean)}, std {number(summary.std)}",
        f"from {number(summary.minimum)} to {number(summary.maximum)}",
    ]
    odd = [f"{count_text(n)} {what}" for n, what in ((summary.nan, "NaN"), (summary.inf, "inf")) if n]
    if summary.zeros >= summary.size / 100:
        odd.append(f"{100 * summary.zeros / summary.size:.0f} % zeros")
    return lines + ([", ".join(odd)] if odd else [])


def shortened(text: str, most: int = 48) -> str:
    """Cut out the middle of a long text."""
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end - 1]}…{text[-end:]}"


def html(text: str) -> str:
    r"""Write text for an HTML-like label: markup and Graphviz's own ``\N`` are only letters then."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return escape(printable).replace("\\", "\\\\")
