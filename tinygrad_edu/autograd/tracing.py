"""Recording of origins: where every node of a graph came from, while a trace runs.

The graph itself keeps no more than its derivatives name. A trace notes for every node the line of the user's program,
the names of the variables, the constants that entered, and what was cut off; drawings and ``explain`` read it.
"""

from __future__ import annotations

import itertools
import linecache
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np

from ..op import runtime
from .anomaly import OURS
from .graph import Node, run
from .leaf import Leaf
from .marks import Marks, Step, marks_of, step_of
from .watching import Watcher

__all__ = ["Line", "Note", "Outside", "Scope", "Trace", "local_names", "names_here", "note_of", "outside_of"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the user's program."""

    file: str
    number: int
    function: str

    @property
    def code(self) -> str:
        """The text of the line, "" when the file cannot be read."""
        return linecache.getline(self.file, self.number).strip()


@dataclass(eq=False, slots=True)
class Scope:
    """One call of a module: ``path`` is its dotted name, ``call`` counts the calls of that module from 1."""

    path: str
    kind: str
    parent: Scope | None
    call: int = 1


@dataclass(eq=False, slots=True, weakref_slot=True)
class Outside:
    """A tensor that is not in the graph: data, or what was computed where nothing was recorded.

    ``why`` is None for data, "detach", "no_grad", "no derivative" (the op, or its integer result, has none), or
    "constants" (nothing that entered wants a gradient). ``sources`` are the nodes, weakly, and outside values it was
    made from; ``notes`` stay when those nodes are gone. ``marks`` counts its zeros and NaN. ``version`` is the tensor's
    when it was noted, ``session`` the trace.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Any
    value: Any
    kind: str
    why: str | None = None
    op: str = ""
    line: Line | None = None
    scope: Scope | None = None
    sources: tuple[ReferenceType[Node] | Outside, ...] = ()
    notes: tuple[Note, ...] = ()
    marks: Marks | None = None
    version: int = 0
    session: object = None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Stay behind when the tensor is copied or saved: None in its place."""
        return type(None), ()


@dataclass(eq=False, slots=True, weakref_slot=True)
class Note:
    """What a trace knows of a node.

    ``scope`` is the innermost call of a module around it; of a leaf, around its first use. ``inputs`` holds for each
    input of the call the Outside value, or None where an edge (or a plain number) stands. ``numbers`` are the arguments
    that are no tensors. ``marks`` counts the value's zeros and NaN, ``step`` is its last step of a backward pass.
    ``sources`` are the notes of the edges: what is left of the way when nodes are gone. ``session`` is the trace that
    has met the node last.
    """

    order: int
    name: str = ""
    line: Line | None = None
    stage: str = "forward"
    scope: Scope | None = None
    value: Any = None
    inputs: tuple[Outside | None, ...] = ()
    numbers: dict[str, str] = field(default_factory=dict)
    marks: Marks | None = None
    step: Step | None = None
    node: ReferenceType[Node] | None = None
    sources: tuple[Note, ...] = ()
    session: object = None


_notes: WeakKeyDictionary[Node, Note] = WeakKeyDictionary()
_orders = itertools.count(1)  # of all traces: a graph may be made in several

# A running mean or a detached hidden state is made from that of the step before, and so from all steps. The way back
# is forgotten where it is older than so many notes, else a training loop would remember every graph that it has made.
_RECENT = 5_000


def note_of(node: Node) -> Note | None:
    """Return what a trace has noted of a node; None when none ran."""
    return _notes.get(node)


def outside_of(tensor: Any) -> Outside | None:
    """Return what a trace has noted of a tensor outside the graph."""
    found: Outside | None = tensor.__dict__.get("_outside")
    return found


class Trace(Watcher):
    """Notes the origin of every node that is recorded while it watches.

    Parameters
    ----------
    keep : callable
        Makes of an array what is to be kept of a value: the array may change later.
    """

    def __init__(self, keep: Callable[[Any], Any] = lambda array: None) -> None:
        self.keep = keep
        self.scopes: list[Scope] = []
        self._recent: deque[ReferenceType[Note | Outside]] = deque()
        self.begin()

    def begin(self) -> None:
        """Begin anew: what earlier traces have noted of leaves and of data is noted again."""
        self._session = object()

    def made(self, node: Any, args: Sequence[Any], out: Any) -> None:
        """Note a node, and give names to what it was made from."""
        note = _notes.get(node)
        if note is None:
            note = self._note_call(node, args)
        note.value = self.keep(out) if isinstance(out, np.ndarray) else None
        note.marks = marks_of(out) if isinstance(out, np.ndarray) else None

    def _note_call(self, node: Any, args: Sequence[Any]) -> Note:
        """Note where a node was made and of what; not again when its value is written over, and so its input is."""
        frame, stage = _where()
        names = local_names(frame)
        values = tuple(_inputs_of(node, args))
        for value in values:
            self._see(value, names)
        note = _notes[node] = self._new_note(node)
        note.line, note.stage = _line(frame), stage
        note.inputs = tuple(_outside(value) for value in values)
        note.sources = tuple(_notes[edge] for edge in node.edges if edge in _notes)
        note.numbers = _numbers(node, args)
        return note

    def went_back(self, node: Any, g: Any, results: Sequence[Any]) -> None:
        """Note a step back, which is what is left of it when the graph is freed."""
        note = _notes.get(node)
        if note is not None:
            note.step = step_of(node, g, results)

    def name(self, tensor: Any, name: str) -> None:
        """Give a tensor its name: a parameter its path in the model."""
        self._see(tensor, {id(tensor): name})

    def see(self, values: Sequence[Any]) -> None:
        """Note tensors that are about to enter a module: their names, and that they come from outside of it."""
        frame, _ = _where()
        names = local_names(frame)
        for value in _flat(values):
            self._see(value, names)

    def unrecorded(self, op: Any, args: Sequence[Any], result: Any) -> None:
        """Note a value that left the graph, or never was in it."""
        frame, _ = _where()
        names = local_names(frame)
        tensors = [value for value in _flat(args) if isinstance(value, runtime.Tensor)]
        for tensor in tensors:
            self._see(tensor, names)
        self._put_outside(result, op.__name__, _why(op, tensors, result), tensors, frame)

    def cut(self, source: Any, result: Any) -> None:
        """Note a detached tensor."""
        frame, _ = _where()
        self._see(source, local_names(frame))
        self._put_outside(result, "detach", "detach", [source], frame)

    def _put_outside(self, result: Any, op: str, why: str, tensors: list[Any], frame: FrameType | None) -> None:
        sources = [_source_of(tensor) for tensor in tensors]
        outside = self._made_outside(result, "")
        outside.op, outside.why, outside.line = op, why, _line(frame)
        outside.sources = tuple(source for source in sources if source is not None)
        outside.notes = tuple(note for tensor in tensors if (note := _known(tensor)) is not None)
        result.__dict__["_outside"] = outside

    def _made_outside(self, tensor: Any, name: str) -> Outside:
        kind = "frozen" if type(tensor).__name__ == "Parameter" else "input"
        made = Outside(name, tensor.array.shape, tensor.array.dtype, self.keep(tensor.array), kind, scope=self._scope)
        made.marks, made.version, made.session = marks_of(tensor), _version(tensor), self._session
        self._remember(made)
        return made

    def _see(self, tensor: Any, names: dict[int, str]) -> None:
        """Name a value at its first use by a variable; note what enters the graph from outside."""
        if isinstance(tensor, runtime.Tensor):
            name = names.get(id(tensor), "")
            node = _node_of(tensor)
            known = self._seen_outside(tensor) if node is None else self._seen_in_graph(tensor, node, name)
            known.name = known.name or name

    def _seen_outside(self, tensor: Any) -> Outside:
        """Note a value from outside: again in another trace, and again when it was written to."""
        known = outside_of(tensor)
        if known is None or (known.session is not self._session and known.why is None):
            known = self._made_outside(tensor, "")
        elif known.version != _version(tensor):  # nodes that were made before keep the note of the value before
            now = self._made_outside(tensor, known.name)
            now.why, now.op, now.line = known.why, known.op, known.line
            now.sources, now.notes = known.sources, known.notes
            known = now
        tensor.__dict__["_outside"] = known
        return known

    def _seen_in_graph(self, tensor: Any, node: Node, name: str) -> Note:
        known = _notes.get(node)
        if known is None:
            known = _notes[node] = self._new_note(node)
        elif known.session is self._session or not isinstance(node, Leaf):
            return known
        else:  # the same note: earlier graphs lead to it
            known.order, known.session, known.scope = next(_orders), self._session, self._scope
            known.name = name or known.name
        known.value = self.keep(tensor.array) if isinstance(node, Leaf) else None
        return known

    @property
    def _scope(self) -> Scope | None:
        return self.scopes[-1] if self.scopes else None

    def _new_note(self, node: Node) -> Note:
        made = Note(next(_orders), scope=self._scope, node=ref(node), session=self._session)
        self._remember(made)
        return made

    def _remember(self, made: Note | Outside) -> None:
        """Put the newest into line, and let the oldest forget what it was made from."""
        self._recent.append(ref(made))
        oldest = self._recent.popleft()() if len(self._recent) > _RECENT else None
        if oldest is not None:
            oldest.sources = ()
        if isinstance(oldest, Outside):
            oldest.notes = ()


def _version(tensor: Any) -> int:
    return 0 if tensor._counter is None else int(tensor._counter[0])


def _flat(args: Sequence[Any]) -> Iterator[Any]:
    for value in args:
        if isinstance(value, (tuple, list)):
            yield from value
        else:
            yield value


def _inputs_of(node: Any, args: Sequence[Any]) -> Sequence[Any]:
    """Return the arguments that stand for the node's edges, one for each."""
    inputs = args[0] if getattr(getattr(node, "op", None), "variadic", False) else args
    return tuple(inputs)[: len(node.edges)]


def _outside(value: Any) -> Outside | None:
    return outside_of(value) if isinstance(value, runtime.Tensor) and _node_of(value) is None else None


def _known(tensor: Any) -> Note | None:
    node = _node_of(tensor)
    return None if node is None else _notes.get(node)


def _source_of(tensor: Any) -> ReferenceType[Node] | Outside | None:
    node = _node_of(tensor)
    return ref(node) if node is not None else _outside(tensor)


def _node_of(tensor: Any) -> Node | None:
    """Return the node that made a tensor; of a view that may no longer be used, the one that once did."""
    try:
        node: Node | None = tensor._edge
    except RuntimeError:  # to refuse it is left to those who compute with it
        node = tensor._node
    return node


def _numbers(node: Any, args: Sequence[Any]) -> dict[str, str]:
    """Write the arguments that are no tensors, by name: ``{"dim": "1"}``."""
    op = getattr(node, "op", None)
    if op is None:
        return {}
    given = zip(op.names, args)
    plain = {name: value for name, value in given if not isinstance(value, (runtime.Tensor, tuple, list, type(None)))}
    sizes = {n: v for n, v in zip(op.names, args) if isinstance(v, (tuple, list)) and all(type(i) is int for i in v)}
    found = plain | sizes
    return {name: _short(found[name]) for name in op.names if name in found}


def _short(value: Any) -> str:
    text = f"array{np.shape(value)}" if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _why(op: Any, tensors: list[Any], result: Any) -> str:
    """Say why a call left no node."""
    if not any(_node_of(tensor) is not None for tensor in tensors):
        return "constants"
    if not getattr(result, "is_floating_point", lambda: True)() or not any(op.keeps):
        return "no derivative"
    return "no_grad"


def _where() -> tuple[FrameType | None, str]:
    """Find the innermost frame of the user's program, and whether the backward pass stands between."""
    stage = "forward"
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(OURS):
        if frame.f_code is run.__code__:
            stage = "backward"
        frame = frame.f_back
    return frame, stage


def _line(frame: FrameType | None) -> Line | None:
    return None if frame is None else Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def names_here() -> dict[int, str]:
    """Return the names of the tensors, by their ids, where the user's program calls us."""
    return local_names(_where()[0])


def local_names(frame: FrameType | None) -> dict[int, str]:
    """Return the names of a frame's tensors by their ids; of two names the first."""
    names: dict[int, str] = {}
    for name, value in (frame.f_locals if frame is not None else {}).items():
        if isinstance(value, runtime.Tensor) and name.isidentifier() and not name.startswith("_"):
            names.setdefault(id(value), name)
    return names
