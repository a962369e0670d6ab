"""NumPy's protocols: ``np.exp(t)``, ``np.sum(t * t)`` and ``array + t`` are recorded like the ops they stand for.

Tables from NumPy's functions to ours, and a few functions for where their arguments differ. A function in no table
is left to NumPy, which works on the arrays; only what is listed here is recorded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .op import FUNCTIONS, OPS, runtime

__all__ = ["array_function", "array_ufunc"]

Function = Callable[..., Any]

# The name of a ufunc where it is not the op's.
_UFUNCS = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "divide": "div",
    "equal": "eq",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "rint": "round",
    "subtract": "sub",
}
_METHODS = {
    ("add", "reduce"): "sum",
    ("multiply", "reduce"): "prod",
    ("maximum", "reduce"): "amax",
    ("minimum", "reduce"): "amin",
    ("logical_and", "reduce"): "all",
    ("logical_or", "reduce"): "any",
    ("add", "accumulate"): "cumsum",
    ("multiply", "accumulate"): "cumprod",
}
# The same function under PyTorch's names for its arguments.
_RECORDED: dict[Function, str] = {
    np.all: "all",
    np.any: "any",
    np.argmax: "argmax",
    np.argmin: "argmin",
    np.argsort: "argsort",
    np.broadcast_to: "broadcast_to",
    np.count_nonzero: "count_nonzero",
    np.amax: "amax",
    np.amin: "amin",
    np.max: "amax",
    np.mean: "mean",
    np.min: "amin",
    np.nan_to_num: "nan_to_num",
    np.nanmean: "nanmean",
    np.nansum: "nansum",
    np.prod: "prod",
    np.ravel: "ravel",
    np.round: "round",
    np.squeeze: "squeeze",
    np.std: "std",
    np.sum: "sum",
    np.tile: "tile",
    np.tril: "tril",
    np.triu: "triu",
    np.var: "var",
}
_KEYWORDS = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction"}
_KEYWORDS |= {"k": "diagonal", "reps": "dims"}
# They answer about values or shapes and have no derivative, so a graph is no reason to refuse.
_WITHOUT_DERIVATIVE: set[Function] = {np.shape, np.ndim, np.size, np.allclose, np.array_equal, np.nonzero, np.argwhere}
_WITHOUT_DERIVATIVE |= {np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.result_type, np.iscomplexobj}


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy ufunc: call the op of the same meaning."""
    _refuse_out(ufunc.__name__, kwargs)
    if method == "__call__":
        function = _find(_UFUNCS.get(ufunc.__name__, ufunc.__name__))
    else:
        function = _find(_METHODS.get((ufunc.__name__, method), ""))
        kwargs = {"axis": 0, **kwargs}
    return NotImplemented if function is None else function(*inputs, **_translate(kwargs))


def array_function(self: Any, func: Function, types: Any, args: Any, kwargs: Any) -> Any:
    """Answer a NumPy function: call the op of the same meaning.

    Where there is none NumPy works on the arrays, and the result is an array outside the graph; a tensor that
    requires grad is refused then.
    """
    _refuse_out(func.__name__, kwargs)
    if func in _WRITTEN:
        return _WRITTEN[func](*args, **kwargs)
    function = _find(_RECORDED.get(func, ""))
    if function is not None:
        given = inspect.signature(func).bind(*args, **kwargs).arguments
        if func in (np.var, np.std):
            given = {**given, "ddof": given.get("ddof", given.pop("correction", 0))}
        _refuse_out(func.__name__, given)
        first, *others = given.items()
        return function(first[1], **_translate(dict(others)))
    force = func in _WITHOUT_DERIVATIVE
    return func(*_arrays(func, args, force), **{key: _arrays(func, value, force) for key, value in kwargs.items()})


def _refuse_out(name: str, kwargs: dict[str, Any]) -> None:
    if kwargs.get("out") is not None:
        raise TypeError(f"np.{name}: out= cannot take a Tensor's result; a recorded result is a new Tensor.")


def _arrays(func: Function, value: Any, force: bool) -> Any:
    """Replace Tensors by their arrays, inside tuples and lists too."""
    if isinstance(value, (tuple, list)):
        return type(value)([_arrays(func, part, force) for part in value])
    if not isinstance(value, runtime.Tensor):
        return value
    if value.requires_grad and not force:
        raise RuntimeError(
            f"np.{func.__name__} is not recorded, and a Tensor here requires grad; pass tensor.detach() for a result "
            "outside the graph."
        )
    return value.array


def _find(name: str) -> Function | None:
    return OPS.get(name) or FUNCTIONS.get(name)


def _translate(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give NumPy's keywords PyTorch's names, and leave out those that say nothing."""
    said = {key: value for key, value in kwargs.items() if value is not None and value is not np._NoValue}
    return {_KEYWORDS.get(key, key): value for key, value in said.items()}


# ---- functions whose arguments differ from PyTorch's, under NumPy's names for them


def _ours(name: str) -> Function:
    function = _find(name)
    assert function is not None, name
    return function


def _tensor(value: Any) -> Any:
    return value if isinstance(value, runtime.Tensor) else runtime.wrap(np.asarray(value))


def _joining(name: str, default: int) -> Function:
    return lambda arrays, axis=default: _ours(name)([_tensor(array) for array in arrays], axis)


def _stacking(name: str) -> Function:
    return lambda tup: _ours(name)([_tensor(array) for array in tup])


def _accumulating(name: str) -> Function:
    """Without an axis NumPy runs over all elements."""
    return lambda a, axis=None: _ours(name)(a.flatten(), 0) if axis is None else _ours(name)(a, axis)


def _where(condition: Any, *choices: Any) -> Any:
    return _ours("where")(_tensor(condition), *choices)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return _ours("clamp")(a, a_min if min is None else min, a_max if max is None else max)


def _transpose(a: Any, axes: Any = None) -> Any:
    return a.permute(tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


def _expand_dims(a: Any, axis: Any) -> Any:
    for one in sorted(np.atleast_1d(axis) % (a.ndim + np.size(axis))):
        a = a.unsqueeze(int(one))
    return a


def _flip(m: Any, axis: Any = None) -> Any:
    return _ours("flip")(m, tuple(range(m.ndim)) if axis is None else tuple(map(int, np.atleast_1d(axis))))


def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    repeats = repeats if isinstance(repeats, int) else _tensor(repeats)
    return _ours("repeat_interleave")(a.flatten() if axis is None else a, repeats, 0 if axis is None else axis)


def _sort(a: Any, axis: Any = -1) -> Any:
    return (a.flatten() if axis is None else a).sort(-1 if axis is None else axis).values


def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    indices = np.asarray(indices)
    if axis is None:
        return a.flatten()[indices]
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError("np.split: array split does not result in an equal division; array_split divides unequally.")
    return _array_split(ary, indices_or_sections, axis)


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return list(_ours("tensor_split")(ary, indices_or_sections, axis))


def _dot(a: Any, b: Any) -> Any:
    """Sum over the last axis of ``a`` and the last but one of ``b``."""
    a, b = _tensor(a), _tensor(b)
    if not a.ndim or not b.ndim:
        return a * b
    return a @ b if b.ndim == 1 or (a.ndim <= 2 and b.ndim == 2) else _ours("tensordot")(a, b, ([-1], [-2]))


def _vdot(a: Any, b: Any) -> Any:
    return _ours("dot")(_tensor(a).flatten(), _tensor(b).flatten())


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    lists = axes if isinstance(axes, int) else tuple(list(map(int, np.atleast_1d(one))) for one in axes)
    return _ours("tensordot")(_tensor(a), _tensor(b), lists)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None and (x.ndim if axis is None else np.size(axis)) != 1:
        raise NotImplementedError(
            f"np.linalg.norm: ord={ord} of a matrix is not recorded; leave it out, or use an axis."
        )
    return _ours("norm")(x, 2 if ord is None else ord, axis, keepdims)


def _isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return _ours("isclose")(_tensor(a), _tensor(b), rtol, atol, equal_nan)


def _pair(name: str) -> Function:
    return lambda a, b: _ours(name)(_tensor(a), _tensor(b))


def _einsum(subscripts: str, *operands: Any) -> Any:
    return _ours("einsum")(subscripts, *map(_tensor, operands))


def _meshgrid(*xi: Any, indexing: str = "xy") -> Any:
    return _ours("meshgrid")(*map(_tensor, xi), indexing=indexing)


_WRITTEN: dict[Function, Function] = {
    np.array_split: _array_split,
    np.clip: _clip,
    np.concatenate: _joining("cat", 0),
    np.copy: lambda a: a.clone(),
    np.cumprod: _accumulating("cumprod"),
    np.cumsum: _accumulating("cumsum"),
    np.diag: lambda v, k=0: _ours("diag")(v, k),
    np.dot: _dot,
    np.einsum: _einsum,
    np.expand_dims: _expand_dims,
    np.flip: _flip,
    np.inner: _pair("inner"),
    np.isclose: _isclose,
    np.kron: _pair("kron"),
    np.linalg.norm: _norm,
    np.meshgrid: _meshgrid,
    np.moveaxis: lambda a, source, destination: _ours("movedim")(a, source, destination),
    np.outer: lambda a, b: _ours("outer")(_tensor(a).flatten(), _tensor(b).flatten()),
    np.repeat: _repeat,
    np.reshape: lambda a, shape: a.reshape(shape if isinstance(shape, (tuple, list)) else (shape,)),
    np.roll: lambda a, shift, axis=None: _ours("roll")(a, shift, axis),
    np.hstack: _stacking("hstack"),
    np.sort: _sort,
    np.split: _split,
    np.stack: _joining("stack", 0),
    np.swapaxes: lambda a, axis1, axis2: a.transpose(axis1, axis2),
    np.take: _take,
    np.tensordot: _tensordot,
    np.trace: lambda a: _ours("trace")(a),
    np.transpose: _transpose,
    np.vdot: _vdot,
    np.vstack: _stacking("vstack"),
    np.where: _where,
}
