"""The names of frames out of the way of arrows: Graphviz draws arrows over them, and does not look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["cleared"]

Points = np.ndarray[Any, Any]

LARGE = 40_000  # letters of a drawing from which on it is not laid out twice
_SPACE_BEHIND = re.compile(r'(<td>.*?</td>)(<td width="\d+"></td>)')
_STEPS = np.linspace(0, 1, 9)[:, None]


def cleared(dot: str, lay_out: Callable[[str], bytes]) -> str:
    """Move the names that an arrow crosses to the other side of their frame, if that frees some.

    Parameters
    ----------
    dot : str
        The drawing, with frames named at the left.
    lay_out : callable
        Gives Graphviz's layout as JSON.
    """
    if "subgraph cluster_" not in dot or len(dot) > LARGE:
        return dot
    crossed = _crossed(lay_out(dot))
    if not crossed:
        return dot
    moved = dot
    for name in crossed:
        before, start, after = moved.partition(f"subgraph {name} {{")
        after = _SPACE_BEHIND.sub(r"\2\1", after.replace("graph [", "graph [labeljust=r ", 1), count=1)
        moved = before + start + after
    return moved if len(_crossed(lay_out(moved))) < len(crossed) else dot


def _crossed(layout: bytes) -> list[str]:
    """List the frames whose name an arrow crosses."""
    drawn = json.loads(layout)
    seen = [edge for edge in drawn.get("edges", ()) if "pos" in edge and edge.get("style") != "invis"]
    arrows = [np.concatenate(list(_curves(edge["pos"]))) for edge in seen]
    if not arrows:
        return []
    points = np.concatenate(arrows)
    frames = [thing for thing in drawn.get("objects", ()) if thing["name"].startswith("cluster")]
    return [frame["name"] for frame in frames if any(_is_hit(text, points) for text in _texts(frame))]


def _texts(frame: dict[str, Any]) -> Iterator[tuple[float, float, float, float]]:
    """Go through the words of a name: left, right, bottom, top."""
    size = 0.0
    for stroke in frame.get("_ldraw_", ()):
        size = stroke.get("size", size)
        if stroke["op"] == "T":
            (x, y), width = stroke["pt"], stroke["width"]
            left = x - {"l": 0.0, "c": width / 2, "r": width}[stroke["align"]]
            yield left, left + width, y - size / 4, y + size * 3 / 4


def _is_hit(text: tuple[float, float, float, float], points: Points) -> bool:
    left, right, bottom, top = text
    x, y = points.T
    return bool(((left < x) & (x < right) & (bottom < y) & (y < top)).any())


def _curves(pos: str) -> Iterator[Points]:
    """Go along an arrow: points on its Bezier curves, each of four control points of which the last begins the next."""
    for spline in pos.split(";"):
        corners = [part.split(",") for part in spline.split() if part[0] not in "es"]
        control = np.array(corners, float)
        for i in range(0, len(control) - 1, 3):
            a, b, c, d = control[i : i + 4]
            t, s = _STEPS, 1 - _STEPS
            yield a * s**3 + 3 * b * s * s * t + 3 * c * s * t * t + d * t**3
