"""One file of HTML that carries its data, its style and its scripts in itself: it needs no server and no network.

What a page does stands in ``page.html``, ``page.css`` and the scripts of a folder; here they are joined.
"""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
from collections.abc import Sequence
from importlib.resources import files

__all__ = ["joined", "spoken"]

_PLACE = re.compile(r"\{\{(\w+)\}\}")
# In a script element these could end it or open a comment; inside JSON's strings they may be written as numbers.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def joined(package: str, scripts: Sequence[str], json_text: str, title: str) -> str:
    """Join the sources of a page with its data.

    The page's policy lets the browser run its own script and nothing else, and fetch nothing at all.

    Parameters
    ----------
    package : str
        Where ``page.html``, ``page.css`` and the scripts stand.
    scripts : sequence of str
        In order: each uses what stands above it.
    json_text : str
        The data.
    title : str
        What the page is called.

    Returns
    -------
    str
        The whole file, in UTF-8 once it is encoded.
    """

    def source(name: str) -> str:
        return files(package).joinpath(name).read_text(encoding="utf-8")

    style, script = source("page.css"), "\n".join(map(source, scripts))
    parts = {
        "title": html.escape(title),
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "data": json_text.translate(_UNSAFE),
    }
    # All places at once: what is put in is not searched for places.
    return _PLACE.sub(lambda place: parts[place[1]], source("page.html"))


def spoken(value: float, digits: int | None = None) -> float | str:
    """Return a number that JSON can say, with so many digits: NaN and the infinities as strings, as JavaScript's."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if digits is None else float(f"{value:.{digits}g}")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
