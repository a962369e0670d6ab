"""Which nodes and arrows a picture has when modules are folded to a depth; it knows nothing of how they look.

Linear in items, boxes and arrows. Folding makes no cycle: a box is an unbroken run of the operations, see ``boxes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .items import Box, GraphData

__all__ = ["Arrow", "Drawn", "Picture", "fold"]

_HIDDEN_INPUTS = ("", "no derivative", "constants")  # not marked as cut, and so drawn on demand only


@dataclass(slots=True)
class Drawn:
    """A node of the picture.

    Attributes
    ----------
    items : list of int
        The item, or all items that a folded box hides.
    boxes : list of int
        What is folded: one box, or several equal neighbours; empty for a single item.
    module : int or None
        The box of which a single operation is all that there is, such as a linear layer: it needs no frame.
    parent : int or None
        The box in whose frame the node stands.
    owners : list of int
        For each of the items that are hidden the box that hides it.
    outputs : list of int
        Those of the hidden items that others use.
    """

    items: list[int]
    boxes: list[int] = field(default_factory=list)
    module: int | None = None
    parent: int | None = None
    owners: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Arrow:
    """An arrow of the picture, along which values flow: from node to node, for one use of a value or for several.

    ``uses`` holds (operation, position among its sources); more than one only where an end is folded.
    """

    tail: int
    head: int
    uses: list[tuple[int, int]]


@dataclass(slots=True)
class Picture:
    """What is to be drawn: nodes, arrows, the boxes that have a frame (parents first), and each item's node."""

    nodes: list[Drawn]
    arrows: list[Arrow]
    frames: list[int]
    place: list[int | None]


def fold(data: GraphData, depth: int | None, inputs: bool, unfold: Sequence[str] = ()) -> Picture:
    """Fold the modules of a graph below ``depth`` levels.

    A model itself takes up no level: at depth 1 its children are single nodes, at depth 0 it is one.

    Parameters
    ----------
    data : GraphData
    depth : int or None
        None: fold nothing.
    inputs : bool
        Draw also data and other values from outside the graph; those that were cut off are drawn anyway.
    unfold : sequence of str
        Paths of modules that stay open, with all that they stand in.
    """
    folds = _outermost_folded(data.boxes, depth, unfold)
    first = _first_of_run(data.boxes, folds)
    within = _folded_box_of_items(data, folds, first)
    shown = [inputs or item.kind != "input" or item.cut not in _HIDDEN_INPUTS for item in data.items]
    compact = _boxes_of_one_operation(data, folds)
    nodes, place = _nodes(data, within, shown, first, compact)
    arrows = _arrows(data, nodes, place)
    _note_outputs(data, nodes, place)
    frames = [i for i in range(len(data.boxes)) if folds[i] is None and i not in compact]
    return Picture(nodes, arrows, frames, place)


def _outermost_folded(boxes: Sequence[Box], depth: int | None, unfold: Sequence[str]) -> list[int | None]:
    """Return for each box the outermost folded one that holds it (perhaps itself), None where none does."""
    open_ = {path[:end] for path in unfold for end in range(len(path) + 1) if path[end : end + 1] in ("", ".")}
    open_ |= {""} if unfold else set()
    folds: list[int | None] = []
    levels: list[int] = []
    for i, box in enumerate(boxes):  # a parent comes before its children
        root = box.parent is None and box.path == ""
        levels.append((0 if box.parent is None else levels[box.parent]) + (not root))
        above = folds[box.parent] if box.parent is not None else None
        folded = depth is not None and levels[i] >= depth and box.path not in open_
        folds.append(above if above is not None else (i if folded else None))
    return folds


def _folded_box_of_items(data: GraphData, folds: Sequence[int | None], first: Mapping[int, int]) -> list[int | None]:
    """Return for each item the folded box that hides it.

    A parameter stands beside all that use it; where these are all in one folded box, or in equal ones, it goes in too.
    What enters from outside stays visible where no trace ran, which would have said where it entered.
    """
    items = data.items
    within = [folds[item.box] if item.box is not None else None for item in items]
    traced = any(item.line is not None for item in items)
    users: dict[int, set[int | None]] = {}
    for i, item in enumerate(items):
        if item.kind in ("leaf", "input") and not traced:
            within[i] = None
        for source in item.sources:
            if source.item is not None:
                box = within[i]
                users.setdefault(source.item, set()).add(None if box is None else first[box])
    for i, item in enumerate(items):
        if item.kind in ("parameter", "frozen") and within[i] is None and len(users.get(i, ())) == 1:
            within[i] = next(iter(users[i]))
    return within


def _first_of_run(boxes: Sequence[Box], folds: Sequence[int | None]) -> dict[int, int]:
    """Return for each box that is drawn as a node the first of its equal neighbours; an open one between parts them."""
    firsts: dict[int, int] = {}
    first: dict[int, int] = {}
    for i, box in enumerate(boxes):
        if folds[i] is None:
            firsts.pop(box.run, None)
        elif folds[i] == i:
            first[i] = firsts.setdefault(box.run, i)
    return first


def _boxes_of_one_operation(data: GraphData, folds: Sequence[int | None]) -> set[int]:
    """Find unfolded boxes that hold one operation and no box."""
    operations = [0] * len(data.boxes)
    for item in data.items:
        if item.kind == "operation" and item.box is not None:
            operations[item.box] += 1
    parents = {box.parent for box in data.boxes}
    return {i for i, n in enumerate(operations) if n == 1 and i not in parents and folds[i] is None}


def _nodes(
    data: GraphData, within: Sequence[int | None], shown: Sequence[bool], first: dict[int, int], compact: set[int]
) -> tuple[list[Drawn], list[int | None]]:
    nodes: list[Drawn] = []
    place: list[int | None] = []
    folded: dict[int, int] = {}
    for i, item in enumerate(data.items):
        box = within[i]
        if box is None and not shown[i]:
            place.append(None)
        elif box is None:
            inside = item.box in compact
            parent = data.boxes[item.box].parent if inside else item.box  # type: ignore[index]
            nodes.append(Drawn([i], [], item.box if inside and item.kind == "operation" else None, parent))
            place.append(len(nodes) - 1)
        else:
            if first[box] not in folded:
                nodes.append(Drawn([], [], None, data.boxes[box].parent))
                folded[first[box]] = len(nodes) - 1
            place.append(folded[first[box]])
            nodes[folded[first[box]]].items.append(i)
            nodes[folded[first[box]]].owners.append(box)
    for box, one in first.items():
        if one in folded:
            nodes[folded[one]].boxes.append(box)
    return nodes, place


def _arrows(data: GraphData, nodes: Sequence[Drawn], place: Sequence[int | None]) -> list[Arrow]:
    """Draw one arrow for each use of a value; where an end is folded, one for all values of one shape and dtype."""
    arrows: list[Arrow] = []
    joined: dict[object, Arrow] = {}
    for i, item in enumerate(data.items):
        head = place[i]
        if head is None:
            continue
        for position, source in enumerate(item.sources):
            tail = place[source.item] if source.item is not None else None
            if tail is None or tail == head:
                continue
            arrow = Arrow(tail, head, [(i, position)])
            if nodes[tail].boxes or nodes[head].boxes:
                value = data.items[source.item]  # type: ignore[index]
                arrow = joined.setdefault((tail, head, value.shape, value.dtype), arrow)
                if arrow.uses[-1] != (i, position):
                    arrow.uses.append((i, position))
                    continue
            arrows.append(arrow)
    return arrows


def _note_outputs(data: GraphData, nodes: Sequence[Drawn], place: Sequence[int | None]) -> None:
    """Note which items of a folded box others use, in order, and the graph's output."""
    used: dict[int, None] = {}
    for i, item in enumerate(data.items):
        for source in item.sources:
            if source.item is not None and place[source.item] != place[i]:
                used[source.item] = None
    used[data.output] = None
    for i in sorted(used):
        node = place[i]
        if node is not None and nodes[node].boxes and data.items[i].kind == "operation":
            nodes[node].outputs.append(i)
