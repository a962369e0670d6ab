"""One file of HTML that carries a graph, its style and its scripts in itself.

What the page does stands in ``page.html``, ``page.css`` and the scripts beside it; here they are joined.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib.resources import files

__all__ = ["page"]

# In the order in which they are joined: each uses what stands above it.
_SCRIPTS = (
    "words.js",
    "dom.js",
    "numbers.js",
    "colours.js",
    "graph.js",
    "groups.js",
    "folding.js",
    "levels.js",
    "ranks.js",
    "ordering.js",
    "alignment.js",
    "layout.js",
    "story.js",
    "nodes.js",
    "edges.js",
    "drawing.js",
    "camera.js",
    "charts.js",
    "cards.js",
    "panel.js",
    "search.js",
    "player.js",
    "keys.js",
    "app.js",
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
# In a script element these could end it or open a comment; inside JSON's strings they may be written as numbers.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(json_text: str, title: str) -> str:
    """Write a graph as a page that needs no server and no network.

    The page's policy lets the browser run its own script and nothing else, and fetch nothing at all.

    Parameters
    ----------
    json_text : str
        The graph, as ``as_json`` writes it.
    title : str
        What the page is called.

    Returns
    -------
    str
        The whole file, in UTF-8 once it is encoded.
    """
    style = _source("page.css")
    script = "\n".join(map(_source, _SCRIPTS))
    parts = {
        "title": html.escape(title),
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "data": json_text.translate(_UNSAFE),
    }
    # All places at once: what is put in is not searched for places.
    return _PLACE.sub(lambda place: parts[place[1]], _source("page.html"))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
