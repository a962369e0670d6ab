"""Taking a value apart into what JSON can say and arrays, and putting it together; knows no files.

None, booleans, whole numbers, finite floats, strings and lists are in JSON what they are in Python.
Everything else is an object with one key, its kind: ``{"tuple": [1, 2]}``, ``{"array": {"file":
"weight"}}``.
"""

from __future__ import annotations

import base64
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .creation import from_numpy
from .tensor import Tensor

__all__ = ["assemble", "checked_dtype", "take_apart"]

Array = np.ndarray[Any, Any]
Path = tuple[Any, ...]  # the keys that lead to a value

_DEPTH = 100
_LONGEST_NAME = 200
_RULE = "only tensors, arrays, numbers, str, bytes, None, dtypes, and dicts, lists and tuples of these can be saved."


def take_apart(obj: Any) -> tuple[Any, dict[str, Array]]:
    """Return the structure of a value, and its arrays by the names that the structure gives them.

    Raises
    ------
    TypeError
        If something in it cannot be saved.
    ValueError
        If a container holds itself, or too many are inside each other.
    """
    taker = _Taker()
    structure = taker.take(obj, ())
    return structure, _place(taker.uses)


def assemble(structure: Any, read: Callable[[str], Array]) -> Any:
    """Put a value together; ``read`` returns the array of a name, a new one at each call.

    A structure that :func:`take_apart` did not make raises one of Python's own exceptions.
    """
    return _Assembler(read).build(structure)


class _Use(NamedTuple):
    """An array that was met, where, and the part of the structure that will say where it is."""

    array: Array
    path: Path
    place: dict[str, Any]


class _Taker:
    def __init__(self) -> None:
        self.uses: list[_Use] = []
        # By id: the number, and the object, which keeps the id from being given away again.
        self.met: dict[int, tuple[int, Any]] = {}
        self.inside: list[int] = []  # the ids of the containers around

    def take(self, value: Any, path: Path) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
            return value
        if kind is float:
            return {"float": repr(value)}
        if kind is bytes:
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, np.dtype):
            return {"dtype": _savable(value, path).str}
        if isinstance(value, np.generic):
            return {"scalar": [_savable(value.dtype, path).str, self.take(value.item(), path)]}
        if kind in (list, tuple, dict, OrderedDict):
            return self._container(value, path)
        if kind is np.ndarray or isinstance(value, Tensor):
            return self._once(value, path)
        raise TypeError(_refusal(value, path))

    def _container(self, value: Any, path: Path) -> Any:
        if id(value) in self.inside:
            raise ValueError(f"save: {_shown(path)} is the container that it is in; a file cannot hold that.")
        if len(self.inside) == _DEPTH:
            raise ValueError(f"save: more than {_DEPTH} containers inside each other, at {_shown(path[:3])}...")
        self.inside.append(id(value))
        if isinstance(value, dict):
            items = [[self._key(k, path), self.take(v, (*path, k))] for k, v in value.items()]
            node: Any = {type(value).__name__: items}
            if metadata := getattr(value, "_metadata", None):  # a module's state_dict() has it
                node = {"state_dict": [items, self.take(metadata, (*path, "_metadata"))]}
        else:
            node = [self.take(v, (*path, i)) for i, v in enumerate(value)]
            node = node if isinstance(value, list) else {"tuple": node}
        self.inside.pop()
        return node

    def _key(self, key: Any, path: Path) -> Any:
        if not _is_key(key):
            raise TypeError(
                f"save: {_shown(path)} has a key of type {type(key).__name__}; keys are str, "
                "bytes, numbers, None, and tuples of these."
            )
        return self.take(key, path)

    def _once(self, value: Any, path: Path) -> Any:
        """Describe an array or tensor where it is met first; later its number is enough."""
        if id(value) in self.met:
            return {"again": self.met[id(value)][0]}
        self.met[id(value)] = len(self.met), value
        place: dict[str, Any] = {}
        array = value.array if isinstance(value, Tensor) else value
        _savable(array.dtype, path)
        self.uses.append(_Use(array, path, place))
        if array is value:
            return {"array": place}
        if type(value) is not Tensor and type(value) is not _parameter():
            raise TypeError(_refusal(value, path))
        return {type(value).__name__: [place, value.requires_grad]}


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype; only of booleans and real numbers, as others may hold pointers."""
    found: np.dtype[Any] = np.dtype(dtype)
    if found.kind not in "biuf" or found.itemsize > 8:
        raise TypeError(f"the dtype {found} is neither bool, nor an integer or float of up to 64 bits")
    return found


def _savable(dtype: np.dtype[Any], path: Path) -> np.dtype[Any]:
    try:
        return checked_dtype(dtype)
    except TypeError as error:
        raise TypeError(f"save: {_shown(path)} cannot be saved: {error}; convert it first.") from None


def _is_key(key: Any) -> bool:
    if type(key) is tuple:
        return all(_is_key(part) for part in key)
    return key is None or type(key) in (str, bytes, int, float, bool) or isinstance(key, np.generic)


def _parameter() -> type[Tensor]:
    from .nn.parameter import Parameter

    return Parameter


def _shown(path: Path) -> str:
    return "obj" + "".join(f"[{key!r}]" for key in path)


def _refusal(value: Any, path: Path) -> str:
    kind = type(value).__name__
    plain = [t.__name__ for t in (dict, list, tuple, str, float, int) if isinstance(value, t)]
    if hasattr(value, "state_dict"):
        way_out = "save its state_dict()."
    elif isinstance(value, Tensor):
        way_out = "save its detach(), a plain Tensor."
    elif isinstance(value, np.ndarray):
        way_out = "save numpy.asarray(...) of it."
    elif isinstance(value, (set, frozenset)):
        way_out = "save a sorted list of it."
    elif plain:
        way_out = f"save {plain[0]}(...) of it, as its class would be lost."
    elif callable(value):
        way_out = "files hold no code, so that loading them runs none."
    else:
        way_out = _RULE
    return f"save: {_shown(path)} is of type {kind}; {way_out}"


# ---- where the arrays are kept


def _place(uses: list[_Use]) -> dict[str, Array]:
    """Choose what to store: each memory once, whole where different views of it are kept."""
    memories: dict[int, tuple[Array, list[_Use]]] = {}
    for use in uses:
        owner = _owner(use.array)
        memories.setdefault(id(owner), (owner, []))[1].append(use)
    files: dict[str, Array] = {}
    for owner, users in memories.values():
        layouts: dict[Any, list[_Use]] = {}
        for use in users:
            layouts.setdefault(_layout(use.array), []).append(use)
        if len(layouts) > 1 and owner.flags.forc and owner.dtype.kind in "biuf":
            name = _store(files, users[0].path, owner)
            for use in users:
                use.place.update(file=name, view=_view(use.array, owner))
        else:
            for same in layouts.values():
                name = _store(files, same[0].path, same[0].array)
                for use in same:
                    use.place.update(file=name)
    return files


def _owner(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _layout(array: Array) -> Any:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _view(array: Array, owner: Array) -> list[Any]:
    address, shape, strides, dtype = _layout(array)
    return [dtype, shape, address - _layout(owner)[0], strides]


def _store(files: dict[str, Array], path: Path, array: Array) -> str:
    """Name an array after the keys that lead to it."""
    parts = [re.sub(r"[^\w.-]|^\.+", "_", str(key)) for key in path]
    name = "/".join(parts)[:_LONGEST_NAME] or "value"
    while name in files:
        name += "_"
    files[name] = array
    return name


# ---- putting together


class _Assembler:
    def __init__(self, read: Callable[[str], Array]) -> None:
        self.read = read
        self.files: dict[str, Array] = {}
        self.counters: dict[str, Any] = {}
        self.met: list[Any] = []

    def build(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.build(part) for part in node]
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        return _BUILDERS[kind](self, content)

    def items(self, pairs: list[Any]) -> list[tuple[Any, Any]]:
        return [(self.build(key), self.build(value)) for key, value in pairs]

    def state_dict(self, content: Any) -> Any:
        pairs, metadata = content
        built: Any = OrderedDict(self.items(pairs))
        built._metadata = self.build(metadata)
        return built

    def array(self, place: dict[str, Any]) -> Array:
        name = place["file"]
        if name not in self.files:
            self.files[name] = self.read(name)
        memory = self.files[name]
        if "view" not in place:
            return memory
        dtype, shape, offset, strides = place["view"]
        flat = memory.reshape(-1, order="A")
        return np.ndarray(shape, checked_dtype(dtype), flat, offset, strides)  # checks the bounds

    def tensor(self, content: Any, kind: Callable[[Tensor, bool], Tensor]) -> Tensor:
        place, requires_grad = content
        made = from_numpy(self.array(place))
        # One version counter for one memory, so that a write to one tensor is noticed by all.
        made._counter = self.counters.setdefault(place["file"], made._counter)
        return kind(made, requires_grad is True)

    def keep(self, value: Any) -> Any:
        self.met.append(value)
        return value


_BUILDERS: dict[str, Callable[[_Assembler, Any], Any]] = {
    "float": lambda _, text: float(text),
    "bytes": lambda _, text: base64.b64decode(text, validate=True),
    "dtype": lambda _, text: checked_dtype(text),
    "scalar": lambda self, pair: checked_dtype(pair[0]).type(self.build(pair[1])),
    "tuple": lambda self, parts: tuple([self.build(part) for part in parts]),
    "dict": lambda self, pairs: dict(self.items(pairs)),
    "OrderedDict": lambda self, pairs: OrderedDict(self.items(pairs)),
    "state_dict": _Assembler.state_dict,
    "array": lambda self, place: self.keep(self.array(place)),
    "Tensor": lambda self, content: self.keep(self.tensor(content, Tensor.requires_grad_)),
    "Parameter": lambda self, content: self.keep(self.tensor(content, _parameter())),
    "again": lambda self, number: self.met[number],
}
