"""A graph as a drawing in Graphviz's DOT language; Graphviz itself is not needed for that.

What there is to draw is decided in ``folding``, what is written on it in ``labels``; here it gets shapes and colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .colours import DARK, LIGHT, Scale, ink_on
from .folding import Arrow, Drawn, Picture, fold
from .items import GraphData
from .labels import MARGIN, Labels, frame_label, frame_text, gradient_size, title_label
from .legend import Legend, appearance

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["Look", "dot_of", "fold_for"]

_FONT = "Helvetica,Arial,Liberation Sans,Nimbus Sans,sans-serif"  # of one width
_IN_BACKWARD = ("operation", "parameter", "leaf")


@dataclass(frozen=True)
class Look:
    """How a graph is to look; see :func:`tinygrad_edu.viz.graph`."""

    depth: int | None = None
    show: tuple[str, ...] = ("shape", "grad_norm")
    direction: str = "forward"
    dark: bool = False
    unfold: tuple[str, ...] = ()


def fold_for(data: GraphData, look: Look) -> Picture:
    """Return the nodes and arrows that a drawing has."""
    return fold(data, look.depth, "inputs" in look.show, look.unfold)


def dot_of(data: GraphData, look: Look, picture: Picture) -> str:
    """Draw a graph.

    Nodes are named ``n`` and the item's number, folded modules ``b`` and the number of the first box, frames
    ``cluster_`` and the box's number, or ``cluster_backward``. Title and legend are the label of the whole.
    """
    return _Drawing(data, look, picture).source()


class _Drawing:
    """One drawing in the making."""

    def __init__(self, data: GraphData, look: Look, picture: Picture) -> None:
        self.data, self.look, self.picture = data, look, picture
        self.theme = DARK if look.dark else LIGHT
        self.backward = look.direction == "backward"
        self.labels = Labels(data, look.show, self.backward)
        self.nodes = {i: self._name(node) for i, node in enumerate(picture.nodes) if self._is_drawn(node)}
        self.sizes = {i: gradient_size(data, picture.nodes[i]) for i in self.nodes}
        self.usual = {"margin": MARGIN, **appearance("operation", False, self.theme)}
        self.legend = Legend(self.theme, self._scale() if "grad_norm" in look.show else None)
        self.products = {(step.item, sent.source): sent.product for step in data.steps for sent in step.sent}

    def source(self) -> str:
        """Write the whole drawing."""
        from graphviz import Digraph

        theme = self.theme
        text = {"fontname": _FONT, "fontsize": "11", "fontcolor": theme.ink}
        drawing = Digraph("graph", node_attr={**text, "height": "0.3", "penwidth": "1.3", **self.usual})
        drawing.edge_attr |= {**text, "fontsize": "9", "color": theme.value_arrow, "arrowsize": "0.7"}
        drawing.graph_attr |= {**text, "labelloc": "t", "labeljust": "l"}
        drawing.graph_attr |= {"bgcolor": theme.paper, "nodesep": "0.25", "ranksep": "0.35", "pad": "0.15"}
        self._add_nodes(drawing)
        for arrow in self.picture.arrows:
            if arrow.tail in self.nodes and arrow.head in self.nodes:
                self._add_arrow(drawing, arrow)
        for above, below in self._stacked():
            drawing.edge(self.nodes[above], self.nodes[below], style="invis")
        drawing.graph_attr["label"] = self.legend.label(title_label(self.data), self.data.stopped)
        return str(drawing.source)

    def _is_drawn(self, node: Drawn) -> bool:
        return not self.backward or any(self.data.items[i].kind in _IN_BACKWARD for i in node.items)

    def _name(self, node: Drawn) -> str:
        return f"b{node.boxes[0]}" if node.boxes else f"n{node.items[0]}"

    def _scale(self) -> Scale:
        """Make the scale for all nodes but the output, whose gradient is 1 whatever the network."""
        output = self.picture.place[self.data.output]
        return Scale((size for i, size in self.sizes.items() if size is not None and i != output), self.theme)

    def _add_nodes(self, drawing: Digraph) -> None:
        """Add the nodes, each in the frame of its module; frames inside out."""
        from graphviz import Digraph

        frames: dict[int | str | None, Digraph] = {None: drawing}
        frames |= {box: Digraph(f"cluster_{box}", graph_attr=self._frame(box)) for box in self.picture.frames}
        for i in self.nodes:
            node = self.picture.nodes[i]
            frame = "backward" if self._is_of_backward_pass(node) else node.parent
            if frame not in frames:
                frames[frame] = Digraph("cluster_backward", graph_attr=self._backward_frame())
            self._add_node(frames[frame], i)
        for box in reversed(self.picture.frames):
            frames[self.data.boxes[box].parent].subgraph(frames[box])
        if "backward" in frames:
            drawing.subgraph(frames["backward"])

    def _is_of_backward_pass(self, node: Drawn) -> bool:
        item = self.data.items[node.items[0]]
        return not node.boxes and node.parent is None and item.kind == "operation" and item.stage == "backward"

    def _frame(self, box: int) -> dict[str, str]:
        colours = {"bgcolor": self.theme.frame, "color": self.theme.frame_line, "style": "rounded"}
        return {"label": frame_label(self.data.boxes[box]), "labelloc": "b", "margin": "10", **colours}

    def _backward_frame(self) -> dict[str, str]:
        colours = {"color": self.theme.gradient_arrow, "style": "rounded,dashed"}
        return {"label": frame_text("backward pass"), "labelloc": "b", "margin": "10", **colours}

    def _add_node(self, frame: Digraph, i: int) -> None:
        node = self.picture.nodes[i]
        kind = "folded" if node.boxes else self.data.items[node.items[0]].kind
        is_output = self.picture.place[self.data.output] == i
        size = self.sizes[i]
        attributes = appearance(kind, is_output, self.theme)
        fill = self.legend.fill(size, kind in (*_IN_BACKWARD, "folded"))
        if fill is not None:
            attributes["fillcolor"] = fill
            if size is None:
                attributes["style"] += ",dotted"
        self.legend.kinds |= dict.fromkeys([kind] + ["output"] * is_output)
        attributes["fontcolor"] = ink_on(attributes["fillcolor"])
        label, attributes["margin"] = self.labels.of_node(node)
        rare = {name: value for name, value in attributes.items() if self.usual.get(name) != value}
        frame.node(self.nodes[i], label, **rare)

    def _add_arrow(self, drawing: Digraph, arrow: Arrow) -> None:
        tail, head = self.nodes[arrow.tail], self.nodes[arrow.head]
        goes_back = self.look.direction != "forward" and any(self._has_gradient(use) for use in arrow.uses)
        if not self.backward:
            straight = {"weight": "8"} if self._is_made(arrow.tail) else {}  # the way of the values, rather than leaves
            drawing.edge(tail, head, **_labelled(self.labels.of_values(arrow)), **straight)
        if goes_back:
            self.legend.arrows = not self.backward
            colours = {"color": self.theme.gradient_arrow, "fontcolor": self.theme.gradient_arrow, "style": "dashed"}
            label = _labelled(self.labels.of_gradient(arrow, self.products))
            if self.backward:
                drawing.edge(head, tail, **label, **colours)
            else:  # written the way that values go, so that it takes no part in who stands above whom
                drawing.edge(tail, head, dir="back", **label, **colours)

    def _stacked(self) -> Iterator[tuple[int, int]]:
        """Say who must stand above whom besides, for frames to stand one under the other rather than side by side.

        A parameter goes below what comes into its frame from outside at the operation that uses it first.
        """
        nodes = self.picture.nodes
        seen: set[int] = set()
        comes_in: dict[int, int] = {}
        for arrow in self.picture.arrows:
            if nodes[arrow.tail].parent != nodes[arrow.head].parent and self._is_made(arrow.tail):
                comes_in.setdefault(arrow.head, arrow.tail)
        for arrow in self.picture.arrows:
            leaf, above = arrow.tail, comes_in.get(arrow.head)
            if leaf in seen or leaf not in self.nodes or self._is_made(leaf):
                continue
            seen.add(leaf)
            if above in self.nodes and nodes[leaf].parent == nodes[arrow.head].parent:
                yield (leaf, above) if self.backward else (above, leaf)

    def _is_made(self, i: int) -> bool:
        node = self.picture.nodes[i]
        return bool(node.boxes) or self.data.items[node.items[0]].kind == "operation"

    def _has_gradient(self, use: tuple[int, int]) -> bool:
        source = self.data.items[use[0]].sources[use[1]].item
        return source is not None and self.data.items[source].kind in _IN_BACKWARD


def _labelled(text: str) -> dict[str, str]:
    return {"label": f" {text} "} if text else {}  # the spaces keep it off the line
