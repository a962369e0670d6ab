"""The page of a graph; what it does stands in ``page.html``, ``page.css`` and the scripts beside it."""

from __future__ import annotations

from ..one_page import joined

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


def page(json_text: str, title: str) -> str:
    """Write a graph as a page that needs no server and no network.

    Parameters
    ----------
    json_text : str
        The graph, as ``as_json`` writes it.
    title : str
        What the page is called.
    """
    return joined(__package__, _SCRIPTS, json_text, title)
