"""Calls of an op on inputs such as its ``cases`` declare, but of other shapes and values than stand there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...cases import Case, Draw, Elementwise, Reduction
from ...cases import draw as fixed_values
from .drawing import drawn, hypothesis
from .groups import Arguments
from .memory import as_tensor, several_arrays
from .numbers import elements, simplest_first
from .sizes import broadcastable_shapes, dims, shapes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["calls"]

Shape = tuple[int, ...]


@drawn
def calls(draw: DrawFn, op: Any, *, kinks: bool = False, dtype: Any = np.float64, layout: str = "any") -> Arguments:
    """Draw a call of an op, in the domain that its cases declare.

    Parameters
    ----------
    op : Op
        Made with ``cases=``. ``Elementwise`` and ``Reduction`` cases give new shapes and dims; of others, one that is
        smooth is chosen and drawn anew: values, and sizes as far as the op takes them.
    kinks : bool
        Draw the points that the cases avoid, and few other numbers, so that there are ties: where functions have no
        derivative, and kinks and poles are.
    dtype : dtype or type
        Of floating inputs.
    layout : str
        As in :func:`tensors`.

    Returns
    -------
    SearchStrategy of Arguments
        Arrays that the cases give as they are stay as they are.
    """
    inputs, params = draw(_calls(op))
    return Arguments(tuple(draw(_filled(inputs, dtype, layout, kinks))), params)


@drawn
def _calls(draw: DrawFn, op: Any) -> tuple[Sequence[Any], dict[str, Any]]:
    """Draw what the inputs are, Draws among them, and the parameters."""
    st, cases = hypothesis().strategies, op.cases
    empty = getattr(cases, "empty", True) and draw(st.integers(0, 3)) == 3  # now and then, axes of size 0
    sides = {"min_side": 0 if empty else 1, "max_side": 3}
    if isinstance(cases, Elementwise):
        wanted = draw(broadcastable_shapes(cases.n, **sides))
        return [replace(cases.value, shape=shape) for shape in wanted], dict(draw(st.sampled_from(cases.params)))
    if isinstance(cases, Reduction):
        shape, params = draw(shapes(**sides)), dict(draw(st.sampled_from(cases.params)))
        dim = draw(dims(len(shape), "none" in cases.dims, "several" in cases.dims))
        params |= {} if dim is None else {"dim": dim}
        params |= {"keepdim": draw(st.booleans())} if cases.keepdim and dim is not None else {}
        return [replace(cases.value, shape=shape)], params
    smooth = [case for case in cases.calls if case.smooth and _floating(case)]
    if not smooth:
        raise ValueError(f"calls: none of the cases of {op.__name__} is smooth and has floating inputs.")
    case = draw(st.sampled_from(smooth))
    return (case.inputs if _is_bound(case) else _resized(op, case, draw(_sizes(case)))), dict(case.params)


def _floating(case: Case) -> bool:
    """Tell whether there is anything to differentiate with respect to."""
    arrays = [v for v in case.inputs if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    return bool(arrays) or any(d.kind in ("float", "distinct") for d in _draws(case.inputs))


def _is_bound(case: Case) -> bool:
    """Tell whether the sizes are bound to arrays or numbers that stay: positions, kernel sizes, shapes."""
    given = [*case.inputs, *[value for name, value in case.params.items() if not name.startswith("dim")]]
    parts = [part for value in given for part in (value if isinstance(value, (tuple, list)) else [value])]
    return not all(
        abs(part) <= 1 if isinstance(part, int) else isinstance(part, (Draw, float, str, type(None))) for part in parts
    )


@drawn
def _sizes(draw: DrawFn, case: Case) -> dict[int, int]:
    """Draw another size for each size that occurs: axes that are equal stay so."""
    sizes = sorted({size for d in _draws(case.inputs) for size in d.shape})
    return {size: draw(hypothesis().strategies.integers(1, 4)) for size in sizes if size > 1}


def _resized(op: Any, case: Case, sizes: dict[int, int]) -> Sequence[Any]:
    """Change the sizes of the axes, if the op takes that: parameters and arrays may hold it to those that it had."""
    changed = _each(case.inputs, lambda d: replace(d, shape=tuple([sizes.get(n, n) for n in d.shape])))
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="error"):
            result = op(*fixed_values(changed, seed=0), **case.params)
    except (IndexError, RuntimeError, TypeError, ValueError, Warning):
        return case.inputs
    outputs = result if isinstance(result, (tuple, list)) else [result]
    return changed if all(np.isfinite(output).all() for output in outputs) else case.inputs


def _draws(inputs: Sequence[Any]) -> list[Draw]:
    """List the Draws, those inside the sequence of a variadic op too."""
    flat = [part for value in inputs for part in (value if isinstance(value, (tuple, list)) else [value])]
    return [part for part in flat if isinstance(part, Draw)]


def _each(inputs: Sequence[Any], change: Any) -> list[Any]:
    """Apply ``change`` to every Draw, also inside the sequence of a variadic op."""
    return [
        _each(v, change) if isinstance(v, (tuple, list)) else change(v) if isinstance(v, Draw) else v for v in inputs
    ]


@drawn
def _filled(draw: DrawFn, inputs: Sequence[Any], dtype: Any, layout: str, kinks: bool) -> list[Any]:
    """Draw values for the Draws; the distinct ones among all of their kind."""
    distinct = [d for d in _draws(inputs) if d.kind == "distinct" and not kinks]
    values = [_values(d, kinks) for d in distinct]
    together = draw(several_arrays([d.shape for d in distinct], values, dtype, layout, True)) if distinct else []
    rest = iter(together)

    def fill(d: Draw) -> Any:
        if d in distinct:
            return as_tensor(next(rest))
        kind = {"int": np.int64, "bool": np.bool_}.get(d.kind, dtype)
        return as_tensor(draw(several_arrays([d.shape], [_values(d, kinks)], kind, layout))[0])

    return _each(inputs, fill)


def _values(d: Draw, kinks: bool) -> SearchStrategy[Any]:
    st = hypothesis().strategies
    if d.kind == "bool":
        return st.booleans()  # type: ignore[no-any-return]
    if d.kind == "int":
        return st.integers(int(d.low), int(d.high) - 1)  # type: ignore[no-any-return]
    if not kinks:
        return elements(d.low, d.high, d.avoid)
    few = simplest_first(float(d.low), float(d.high), (), 0.0)[:_FEW]
    return st.sampled_from([*few, *d.avoid])  # type: ignore[no-any-return]


_FEW = 9  # of the numbers from -2 to 2: the whole ones, the halves and 0
