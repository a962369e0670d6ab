"""Which module made what: the calls of modules as nested boxes, from a trace or from the paths of the parameters.

The operations come in an order in which each stands after its inputs. A box is an unbroken run of that order, so
drawing it as one node never makes a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from .items import Box, Item

__all__ = ["Place", "boxes_of", "number_runs", "places_from_paths"]

Place = tuple[Hashable, str, str, int]
"""One level of nesting: what tells it from other calls, the path, the kind of module, which call it is."""


def boxes_of(places: Sequence[tuple[Place, ...]]) -> tuple[list[Box], list[int | None], dict[Hashable, int]]:
    """Make boxes of where each operation stands, outermost level first.

    Returns
    -------
    boxes : list of Box
    innermost : list of int or None
        The number of the innermost box of each operation.
    numbers : dict
        The number of the first box of each call.
    """
    boxes: list[Box] = []
    numbers: dict[Hashable, int] = {}
    innermost: list[int | None] = []
    open_: list[tuple[Hashable, int]] = []
    for place in places:
        same = 0
        while same < min(len(open_), len(place)) and open_[same][0] == place[same][0]:
            same += 1
        del open_[same:]
        for key, path, kind, call in place[same:]:
            boxes.append(Box(path, kind, open_[-1][1] if open_ else None, call))
            open_.append((key, len(boxes) - 1))
            numbers.setdefault(key, len(boxes) - 1)
        innermost.append(open_[-1][1] if open_ else None)
    return boxes, innermost, numbers


def places_from_paths(
    sources: Sequence[Sequence[int]], own: Sequence[str | None], kind_of: Callable[[str], str]
) -> list[tuple[Place, ...]]:
    """Guess the place of every operation from those that use a parameter, whose path says where they stand.

    An operation in between stands where what comes before it and what comes after it have in common.

    Parameters
    ----------
    sources : sequence of sequence of int
        The operations that each is made from.
    own : sequence of str or None
        The path of the module whose parameter an operation uses, None where it uses none.
    kind_of : callable
        Gives the kind of the module at a path.
    """
    before = list(own)
    after = list(own)
    for i, found in enumerate(sources):
        if own[i] is None:
            before[i] = _common([before[j] for j in found])
    users: list[list[int]] = [[] for _ in sources]
    for i, found in enumerate(sources):
        for j in found:
            users[j].append(i)
    for i in reversed(range(len(sources))):
        if own[i] is None:
            after[i] = _common([after[j] for j in users[i]])
    paths = [o if o is not None else _common([b or "", a or ""]) for o, b, a in zip(own, before, after)]
    return [_levels(path or "", kind_of) for path in paths]


def _common(paths: Sequence[str | None]) -> str | None:
    """Return the longest path that all known paths lie in; None where none is known."""
    known = [path for path in paths if path is not None]
    if not known:
        return None
    parts = [path.split(".") if path else [] for path in (min(known), max(known))]  # these differ first
    same = 0
    while same < min(map(len, parts)) and parts[0][same] == parts[1][same]:
        same += 1
    return ".".join(parts[0][:same])


def _levels(path: str, kind_of: Callable[[str], str]) -> tuple[Place, ...]:
    parts = path.split(".") if path else []
    paths = [".".join(parts[: i + 1]) for i in range(len(parts))]
    return tuple((path, path, kind_of(path), 1) for path in paths)


def number_runs(boxes: list[Box], items: Sequence[Item]) -> None:
    """Give neighbouring boxes that are equal in all they do one number, so that a picture may draw them as one.

    They are calls of one module, or modules that are numbered (in a Sequential or a ModuleList): what has names of its
    own, as the two ways through a residual block, is not one thing repeated.
    """
    inside = _contents(boxes, items)
    looks: list[int] = [0] * len(boxes)
    for i in reversed(range(len(boxes))):  # what is inside comes after
        looks[i] = hash((boxes[i].kind, tuple(looks[c] if isinstance(c, int) else c for c in inside[i])))
    run = -1
    for contents in inside.values():
        before = None
        for content in contents:
            look = (looks[content], _series(boxes[content])) if isinstance(content, int) else None
            if isinstance(content, int):
                run += look != before
                boxes[content].run = run
            before = look


def _series(box: Box) -> str:
    return box.path.rpartition(".")[0] if box.name.isdigit() else box.path


def _contents(boxes: list[Box], items: Sequence[Item]) -> dict[int | None, list[Any]]:
    """List what stands directly in each box (and, under None, in none), in order: numbers of boxes, looks of ops."""
    inside: dict[int | None, list[Any]] = {None: [], **{i: [] for i in range(len(boxes))}}
    seen: set[int | None] = {None}
    for item in items:
        if item.kind != "operation":
            continue
        box, chain = item.box, []
        while box is not None and box not in seen:
            seen.add(box)
            chain.append(box)
            box = boxes[box].parent
        for found in reversed(chain):
            inside[boxes[found].parent].append(found)
        shapes = tuple(items[s.item].shape if s.item is not None else None for s in item.sources)
        inside[item.box].append((item.op, item.shape, shapes, tuple(item.arguments.items())))
    return inside
