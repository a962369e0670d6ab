"""Reads DOT back, as far as the drawings of graphs use it: nodes, arrows, frames, and the text on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

__all__ = ["Arrow", "Drawing", "Frame", "read_dot"]

_NODE = re.compile(r"^(\w+)(?: \[(.*)\])?$")
_ARROW = re.compile(r"^(\w+) -> (\w+)(?: \[(.*)\])?$")


@dataclass
class Arrow:
    tail: str
    head: str
    attributes: dict[str, str]

    @property
    def text(self) -> str:
        return text_of(self.attributes.get("label", "")).strip()


@dataclass
class Frame:
    name: str
    parent: str | None
    text: str = ""
    nodes: list[str] = field(default_factory=list)


@dataclass
class Drawing:
    """A drawing, read back; ``order`` are the invisible arrows that only say who stands above whom."""

    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    usual: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    order: list[Arrow] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)

    def label(self, node: str) -> str:
        return text_of(self.nodes[node]["label"])

    @property
    def labels(self) -> list[str]:
        return [self.label(node) for node in self.nodes]

    def look(self, node: str, attribute: str) -> str:
        return self.nodes[node].get(attribute, self.usual.get(attribute, ""))

    def called(self, heading: str) -> str:
        """Return the one node whose first line is this."""
        (found,) = [node for node in self.nodes if self.label(node).partition("\n")[0] == heading]
        return found


def read_dot(dot: str) -> Drawing:
    drawing = Drawing()
    open_: list[Frame] = []
    for line in map(str.strip, dot.splitlines()):
        inside = open_[-1] if open_ else None
        if line.startswith("subgraph "):
            open_.append(Frame(line.split()[1], inside.name if inside else None))
            drawing.frames[open_[-1].name] = open_[-1]
        elif line == "}" and open_:
            open_.pop()
        elif arrow := _ARROW.match(line):
            found = Arrow(arrow[1], arrow[2], dict(_attributes(arrow[3] or "")))
            (drawing.order if found.attributes.get("style") == "invis" else drawing.arrows).append(found)
        elif line.startswith(("graph ", "node ", "edge ")):
            _read_defaults(line, drawing, inside)
        elif node := _NODE.match(line):
            drawing.nodes[node[1]] = dict(_attributes(node[2] or ""))
            if inside:
                inside.nodes.append(node[1])
    return drawing


def text_of(label: str) -> str:
    """Return what is to be read on a label, line by line."""
    if not label.startswith("<"):
        return label
    plain = re.sub(r"<[^>]*>", "", re.sub(r"<br/>|</tr>", "\n", label[1:-1]))
    return unescape(plain).replace("\\\\", "\\")


def _read_defaults(line: str, drawing: Drawing, inside: Frame | None) -> None:
    what, _, rest = line.partition(" ")
    found = dict(_attributes(rest[1:-1]))
    if what == "graph" and inside is not None:
        inside.text = text_of(found["label"]).strip()
    elif what == "graph":
        drawing.attributes, drawing.text = found, text_of(found["label"])
    elif what == "node":
        drawing.usual = found


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    i = 0
    while i < len(text):
        name, _, rest = text[i:].partition("=")
        end = _end_of_value(rest)
        value = rest[:end]
        yield name, re.sub(r'\\"', '"', value[1:-1]) if value.startswith('"') else value
        i += len(name) + 1 + end + 1


def _end_of_value(text: str) -> int:
    if text.startswith('"'):
        found = re.match(r'"(?:[^"\\]|\\.)*"', text)
        assert found is not None
        return found.end()
    if not text.startswith("<"):
        return text.find(" ") if " " in text else len(text)
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "<") - (c == ">")
        if depth == 0:
            return i + 1
    raise ValueError(f"a label without end: {text}")
