"""The recording as a file of JSON, and as one page that carries its data, style and script in itself.

What the page does stands in ``page.html``, ``page.css`` and the scripts beside it.
"""

from __future__ import annotations

import json
import math
import re
from importlib.resources import files
from typing import Any

__all__ = ["as_json", "as_page"]

_SCRIPTS = ("numbers.js", "drawing.js", "page.js")
_PLACE = re.compile(r"/\*(style|script|data)\*/")
# In a script element these could end it or open a comment; inside JSON's strings they may be written as numbers.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def as_json(data: dict[str, Any]) -> bytes:
    """Return data as JSON; NaN and the infinities as the strings "NaN", "Infinity" and "-Infinity"."""
    return (json.dumps(_sayable(data), allow_nan=False) + "\n").encode()


def as_page(data: dict[str, Any]) -> bytes:
    """Return data as a page of HTML, with six digits of each number."""
    text = json.dumps(_sayable(data, digits=6), allow_nan=False, separators=(",", ":"))
    parts = {
        "style": _source("page.css"),
        "script": "\n".join(map(_source, _SCRIPTS)),
        "data": text.translate(_UNSAFE),
    }
    # All places at once: what is put in is not searched for places.
    return _PLACE.sub(lambda place: parts[place[1]], _source("page.html")).encode()


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _sayable(value: Any, digits: int | None = None) -> Any:
    """Replace floats that JSON cannot say; round the others."""
    if isinstance(value, dict):
        return {key: _sayable(part, digits) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(part, digits) for part in value]
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if digits is None else float(f"{value:.{digits}g}")
