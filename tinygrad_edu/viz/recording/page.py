"""The recording as JSON and as a page, which stands in ``page.html``, ``page.css`` and the scripts beside it."""

from __future__ import annotations

import json
from typing import Any

from ..one_page import joined, spoken

__all__ = ["as_json", "as_page"]

_SCRIPTS = ("numbers.js", "drawing.js", "page.js")


def as_json(data: dict[str, Any]) -> bytes:
    """Return data as JSON; NaN and the infinities as the strings "NaN", "Infinity" and "-Infinity"."""
    return (json.dumps(_sayable(data), allow_nan=False) + "\n").encode()


def as_page(data: dict[str, Any]) -> bytes:
    """Return data as a page of HTML, with six digits of each number."""
    text = json.dumps(_sayable(data, digits=6), allow_nan=False, separators=(",", ":"))
    return joined(__package__, _SCRIPTS, text, f"Recording of {data['model']}").encode()


def _sayable(value: Any, digits: int | None = None) -> Any:
    """Replace floats that JSON cannot say; round the others."""
    if isinstance(value, dict):
        return {key: _sayable(part, digits) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(part, digits) for part in value]
    return spoken(value, digits) if isinstance(value, float) else value
