"""From a recorded graph to plain data: what a node is, what flowed, what is kept, and who is inside which module.

Iterative and linear in nodes and edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..autograd.function import FunctionNode, OutputNode
from ..autograd.graph import Node
from ..autograd.known_as import known_as
from ..autograd.leaf import Leaf
from ..autograd.tracing import Note, Outside, Scope, note_of, outside_of
from ..nn import Module, Parameter
from ..record import OpNode
from ..tensor import Tensor
from .boxes import Place, boxes_of, number_runs, places_from_paths
from .formulas import derivatives, summary_line
from .items import Box, GraphData, Item, Source, Step
from .keeping import kept_by
from .stepping import go_back
from .summary import Summary

__all__ = ["read_graph"]


def read_graph(
    output: Tensor, root: Node, params: Mapping[str, Tensor] | Module | None, title: str, local: bool = True
) -> GraphData:
    """Read the whole graph behind a tensor.

    Parameters
    ----------
    output : Tensor
    root : Node
        The node that made it.
    params : mapping of str to Tensor, or Module, optional
        Names of leaves, and so of the modules around them where no trace ran.
    title : str
        What to call the output.
    local : bool
        Also compute the local derivatives.
    """
    reader = _Reader(params)
    nodes = in_order(root)
    for node in nodes:
        reader.read(node)
    items = reader.items
    items[reader.numbers[root]].name = items[reader.numbers[root]].name or title
    items[reader.numbers[root]].value = Summary.of(output.array)
    steps, stopped = _take_steps(reader, nodes, output, local)
    boxes = reader.put_into_boxes(nodes)
    return GraphData(title, items, boxes, steps, reader.numbers[root], stopped)


def in_order(root: Node) -> list[Node]:
    """List a graph so that every node stands after its inputs: in the order of a trace, else depth first."""
    nodes = _depth_first(root)
    notes = {node: note_of(node) for node in nodes}
    times: dict[Node, float] = {node: note.order for node, note in notes.items() if note is not None}
    if len(times) < len(nodes):
        return nodes
    for node in nodes:
        for edge in node.edges:
            if edge is not None and not edge.edges:  # a leaf that a later trace has met again
                times[edge] = min(times[edge], times[node] - 0.5)
    by_time = sorted(nodes, key=times.__getitem__)
    place = {node: i for i, node in enumerate(by_time)}
    right = all(edge is None or place[edge] < i for i, node in enumerate(by_time) for edge in node.edges)
    return by_time if right else nodes


def _depth_first(root: Node) -> list[Node]:
    """Postorder: the history of the first input, that of the second, ..., then the node."""
    order: list[Node] = []
    seen = {root}
    stack = [(root, iter(root.edges))]
    while stack:
        node, edges = stack[-1]
        below = next((e for e in edges if e is not None and e not in seen), None)
        if below is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(below)
            stack.append((below, iter(below.edges)))
    return order


class _Reader:
    """Makes items of nodes, one after the other."""

    def __init__(self, params: Mapping[str, Tensor] | Module | None) -> None:
        self.items: list[Item] = []
        self.numbers: dict[Node, int] = {}
        self._outside: dict[int, int] = {}
        self._entered: dict[int, Scope | None] = {}  # where a trace first saw what is not computed
        self._module = params if isinstance(params, Module) else None
        named = dict(params.named_parameters()) if isinstance(params, Module) else dict(params or {})
        self._names = {id(p._edge): name for name, p in named.items() if p._edge is not None}
        self._frozen = {id(p): name for name, p in named.items() if p._edge is None}

    def read(self, node: Node) -> None:
        """Add an item for a node, after items for what enters it from outside the graph."""
        note = note_of(node)
        item = self._leaf(node) if isinstance(node, Leaf) else self._operation(node, note)
        if note is not None:
            item.name, item.line, item.stage = item.name or note.name, note.line, note.stage
            item.value = item.value or note.value
        item.shape, item.dtype = node.shape, str(node.dtype or "")
        self._add(item)
        self.numbers[node] = len(self.items) - 1
        if note is not None and item.kind == "leaf":
            self._entered[self.numbers[node]] = note.scope

    def _add(self, item: Item) -> int:
        self.items.append(item)
        return len(self.items) - 1

    def _leaf(self, leaf: Leaf) -> Item:
        tensor = leaf.variable
        name = self._names.get(id(leaf), "")
        kind = "parameter" if name or isinstance(tensor, Parameter) else "leaf"
        item = Item("frozen" if leaf.frozen else kind, name, title=leaf.name())
        item.value = None if tensor is None else Summary.of(tensor.array)
        return item

    def _operation(self, node: Node, note: Note | None) -> Item:
        item = Item("operation", title=node.name(), freed=node.freed, kept=kept_by(node))
        item.op, item.what = _called(node)
        item.arguments = {} if note is None else note.numbers
        for i, (edge, name, formula) in enumerate(zip(node.edges, *_texts(node))):
            found = self.numbers[edge] if edge is not None else self._from_outside(node, note, i)
            item.sources.append(Source(found, name, formula if edge is not None else ""))
        return item

    def _from_outside(self, node: Node, note: Note | None, i: int) -> int | None:
        """Return the item of an input that is not in the graph, None for what is not known or a plain number."""
        outside = note.inputs[i] if note is not None and i < len(note.inputs) else None
        if outside is not None:
            return self._outside_item(outside)
        saved = getattr(node, "saved", None) if isinstance(node, OpNode) else None
        inputs = () if saved is None else (saved[0][0] if node.op.variadic else saved[0])  # type: ignore[attr-defined]
        kept = inputs[i] if inputs is not None and i < len(inputs) else None
        if not isinstance(kept, Tensor) or kept._node is not None:
            return None
        seen = outside_of(kept)
        if seen is not None and (kept.is_inference() or seen.version == kept._version):  # not written to since
            return self._outside_item(seen)
        if id(kept) not in self._outside:
            self._outside[id(kept)] = self._add(self._item_of_tensor(kept))
        return self._outside[id(kept)]

    def _outside_item(self, outside: Outside) -> int:
        if id(outside) not in self._outside:
            number = self._outside[id(outside)] = self._add(_item_of_outside(outside))
            self._entered[number] = outside.scope
        return self._outside[id(outside)]

    def _item_of_tensor(self, tensor: Tensor) -> Item:
        kind = "frozen" if isinstance(tensor, Parameter) else "input"
        value = Summary.of(tensor.array)
        return Item(kind, self._frozen.get(id(tensor), ""), shape=tensor.shape, dtype=value.dtype, value=value)

    def put_into_boxes(self, nodes: Sequence[Node]) -> list[Box]:
        """Say of every item in which box it stands."""
        operations = [node for node in nodes if node.edges]
        notes = [note_of(node) for node in operations]
        traced = any(note is not None and note.scope is not None for note in notes)
        places = [_place(note) for note in notes] if traced else self._guess(operations)
        boxes, innermost, numbers = boxes_of(places)
        for node, box in zip(operations, innermost):
            self.items[self.numbers[node]].box = box
        entered = {i: numbers.get(scope) for i, scope in self._entered.items()} if traced else {}
        _put_beside_users(self.items, boxes, entered)
        number_runs(boxes, self.items)
        return boxes

    def _guess(self, operations: Sequence[Node]) -> list[tuple[Place, ...]]:
        place = {node: i for i, node in enumerate(operations)}
        sources = [[place[e] for e in node.edges if e in place] for node in operations]
        own: list[str | None] = []
        for node in operations:
            named = [self._names[id(e)] for e in node.edges if id(e) in self._names]
            own.append(named[0].rpartition(".")[0] if named else None)
        return places_from_paths(sources, own, self._kind_of)

    def _kind_of(self, path: str) -> str:
        return type(self._module.get_submodule(path)).__name__ if self._module is not None else ""


def _called(node: Node) -> tuple[str, str]:
    """Return the name of what was called, and what its documentation says it does."""
    if isinstance(node, OpNode):
        return known_as(node.op.__name__), summary_line(node.op)
    if isinstance(node, FunctionNode):
        return known_as(node.function.__name__), summary_line(node.function)
    if isinstance(node, OutputNode):
        return f"output {node.number}", "One of several outputs of a call."
    return node.name(), ""


def _texts(node: Node) -> tuple[Sequence[str], Sequence[str]]:
    """Return for each edge the input's name and the expression of its gradient, "" where they are not known."""
    nothing = [""] * len(node.edges)
    if not isinstance(node, OpNode):
        return nothing, nothing
    formulas = derivatives(node.op)
    if node.op.variadic:
        return [f"{node.op.names[0]}[{i}]" for i in range(len(node.edges))], list(formulas) * len(node.edges)
    return node.op.names[: len(node.edges)], formulas


def _item_of_outside(outside: Outside) -> Item:
    cut = outside.why or ""
    item = Item(outside.kind, outside.name, outside.op, shape=outside.shape, dtype=str(outside.dtype), cut=cut)
    item.value, item.line = outside.value, outside.line
    return item


def _place(note: Note | None) -> tuple[Place, ...]:
    """Return the calls of modules around a node, outermost first."""
    scope: Scope | None = None if note is None else note.scope
    levels: list[Place] = []
    while scope is not None:
        levels.append((scope, scope.path, scope.kind, scope.call))
        scope = scope.parent
    return tuple(reversed(levels))


def _put_beside_users(items: list[Item], boxes: Sequence[Box], entered: Mapping[int, int | None]) -> None:
    """Put what is not computed into the innermost box that holds all who use it, and where it was first seen."""
    chains = {number: _chain(box, boxes) for number, box in entered.items() if items[number].kind != "frozen"}
    for item in items:
        if item.kind != "operation":
            continue
        chain = _chain(item.box, boxes)
        for source in item.sources:
            if source.item is not None and items[source.item].kind != "operation":
                before = chains.get(source.item, chain)
                chains[source.item] = _shared(before, chain)
    for number, chain in chains.items():
        items[number].box = chain[-1] if chain else None


def _chain(box: int | None, boxes: Sequence[Box]) -> list[int]:
    chain = []
    while box is not None:
        chain.append(box)
        box = boxes[box].parent
    return chain[::-1]


def _shared(a: Sequence[int], b: Sequence[int]) -> list[int]:
    shared = []
    for x, y in zip(a, b):
        if x != y:
            break
        shared.append(x)
    return shared


def _take_steps(reader: _Reader, nodes: Sequence[Node], output: Tensor, local: bool) -> tuple[list[Step], str]:
    """Go back through the graph, and note each gradient at its item; where it is not known, what ``.grad`` holds."""
    taken, stopped = go_back(nodes, output, local)
    for node, step in taken.items():
        reader.items[reader.numbers[node]].grad = step.grad
    for node in nodes if not taken else ():
        tensor = node.variable if isinstance(node, Leaf) else None
        if tensor is not None and tensor.grad is not None:
            reader.items[reader.numbers[node]].grad = Summary.of(tensor.grad.array)
    return [Step(reader.numbers[node], step.sent) for node, step in taken.items()], stopped
