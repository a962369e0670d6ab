"""Ops that give the same values another shape, layout or dtype: most of them are views.

The axes themselves stand in ``axes``, putting tensors together in ``joining``, taking them apart
in ``splitting``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .summation import add_up

__all__ = [
    "broadcast_tensors",
    "broadcast_to",
    "clone",
    "contiguous",
    "expand",
    "expand_as",
    "fit",
    "paste",
    "reshape",
    "sum_to",
    "to",
    "view",
    "view_as",
    "view_dtype",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# ---- broadcasting and its derivative


def fit(g: Any, shape: Shape) -> Any:
    """Sum ``g`` over the axes along which a value of ``shape`` was broadcast."""
    return g if g.shape == shape else sum_to(g, shape)


@op(
    vjps=(lambda g, _out, input_shape, _shape: broadcast_to(g, input_shape),),
    cases=Cases(
        *[
            Case((Draw(shape),), {"shape": target})
            for shape, target in [
                ((2, 3), (3,)),
                ((2, 3), (2, 1)),
                ((2, 3), (1, 1)),
                ((2, 3), ()),
                ((2, 3), (2, 3)),
                ((2, 1, 4), (1, 4)),
                ((2, 3, 2), (3, 1)),
                ((0, 3), (3,)),
                ((2, 0), (2, 1)),
                ((), ()),
            ]
        ],
        errors=[
            Error((Draw((2, 3)),), {"shape": (2,)}, ValueError, "not a broadcast form"),
            Error((Draw((3,)),), {"shape": (1, 3)}, ValueError, "not a broadcast form"),
        ],
        torch=lambda torch, inputs, params: inputs[0].sum_to_size(params["shape"]),
    ),
    register=True,
)
def sum_to(input: Array, shape: Shape) -> Array:
    """Sum to a shape that broadcasts to the input's shape: the derivative of broadcasting."""
    lead = input.ndim - len(shape)
    axes = list(range(lead))
    for axis, size in enumerate(shape, lead):
        if lead < 0 or size not in (1, input.shape[axis]):
            raise ValueError(f"sum_to: {input.shape} is not a broadcast form of {shape}.")
        if size != input.shape[axis]:
            axes.append(axis)
    if not axes:
        return input.copy()
    return np.reshape(add_up(input, tuple(axes)), shape)


@op(
    vjps=(lambda g, _out, input_shape, _shape: sum_to(g, input_shape),),
    view=True,
    cases=Cases(
        *[
            Case((Draw(shape),), {"shape": target})
            for shape, target in [
                ((3,), (2, 3)),
                ((2, 1), (2, 3)),
                ((2, 1), (2, 2, 3)),
                ((1, 3), (2, -1)),
                ((), (2, 3)),
                ((), ()),
                ((2, 3), (2, 3)),
                ((1,), (0,)),
                ((0, 1), (2, 0, 3)),
            ]
        ],
        errors=[
            Error(
                (Draw((2, 3)),),
                {"shape": (2, 4)},
                RuntimeError,
                r"expanded size of the tensor \(4\)",
            ),
            Error((Draw((2, 3)),), {"shape": (3,)}, RuntimeError, "must be greater or equal"),
            Error((Draw((2, 3)),), {"shape": (-1, 2, 3)}, RuntimeError, "non-existing dimension 0"),
        ],
        torch=lambda torch, inputs, params: torch.broadcast_to(inputs[0], params["shape"]),
    ),
    register=True,
)
def broadcast_to(input: Array, shape: Shape) -> Array:
    """Repeat along new and size-1 axes, without copying; -1 keeps a size."""
    if input.shape == shape:
        return input
    lead = len(shape) - input.ndim
    sizes, strides = list(shape), [0] * len(shape)
    for axis, (size, stride) in enumerate(zip(input.shape, input.strides), lead):
        if lead >= 0 and sizes[axis] in (size, -1):
            sizes[axis], strides[axis] = size, stride
        elif lead < 0 or size != 1:
            raise _expand_error(input.shape, shape, axis)
    if sizes and min(sizes) < 0:
        raise _expand_error(input.shape, shape, sizes.index(min(sizes)))
    if input.flags.c_contiguous:  # six times as fast as np.broadcast_to
        return np.ndarray(sizes, input.dtype, input, 0, strides)
    out = np.broadcast_to(input, sizes)
    out.flags.writeable = input.flags.writeable  # a row of it is an ordinary view
    return out


def _expand_error(have: Shape, wanted: Sequence[int], axis: int) -> RuntimeError:
    if len(wanted) < len(have):
        return RuntimeError(
            f"expand(Tensor{list(have)}, size={list(wanted)}): the number of sizes provided "
            f"({len(wanted)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(have)})."
        )
    lead = len(wanted) - len(have)
    if axis < lead:
        return RuntimeError(
            f"The expanded size of the tensor ({wanted[axis]}) isn't allowed in a leading, "
            f"non-existing dimension {axis}: expand got sizes {list(wanted)} for a tensor of shape "
            f"{list(have)}; -1 keeps a size there is."
        )
    return RuntimeError(
        f"The expanded size of the tensor ({wanted[axis]}) must match the existing size "
        f"({have[axis - lead]}) at non-singleton dimension {axis}.  Target sizes: {list(wanted)}.  "
        f"Tensor sizes: {list(have)}. Only axes of size 1 can be expanded; use repeat to copy."
    )


@composite(
    cases=Cases(
        Case((Draw((2, 1)),), {"size": (-1, 3)}),
        Case((Draw((3,)),), {"size": (2, 3)}),
        Case((Draw((2, 3)),), {"size": (2, 3)}),
        Case((Draw(()),), {"size": (2,)}),
        errors=[Error((Draw((2, 3)),), {"size": (2, 4)}, RuntimeError, "must match the existing size")],
        torch=lambda torch, inputs, params: inputs[0].expand(params["size"]),
    )
)
def expand(input: Any, size: Sequence[int]) -> Any:
    """Repeat along new and size-1 axes, without copying; -1 keeps a size."""
    return broadcast_to(input, tuple(size))


@composite(
    cases=Cases(
        Case((Draw((2, 1)), Draw((3, 2, 4)))),
        torch=lambda torch, inputs, params: inputs[0].expand_as(inputs[1]),
    )
)
def expand_as(input: Any, other: Any) -> Any:
    """Expand to the shape of ``other``."""
    return broadcast_to(input, other.shape)


@composite(
    cases=Cases(
        Case((Draw((2, 1)), Draw((3,)))),
        Case((Draw(()), Draw((2,)), Draw((1, 1)))),
        errors=[Error((Draw((2, 3)), Draw((2,))), {}, RuntimeError, "do not broadcast")],
    )
)
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Expand the tensors to their common shape, without copying.

    Raises
    ------
    RuntimeError
        If the shapes do not broadcast.
    """
    shapes = [tensor.shape for tensor in tensors]
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(
            f"broadcast_tensors: the shapes {[list(s) for s in shapes]} do not broadcast; sizes "
            "are compared from the last axis and must be equal or 1."
        ) from None
    return tuple([broadcast_to(tensor, common) for tensor in tensors])


# ---- the same values in the same order, in another shape

_RESHAPE_ERRORS = [
    (Draw((2, 3)), (4,), RuntimeError, r"shape '\[4\]' is invalid for input of size 6"),
    (Draw((2, 3)), (-1, 4), RuntimeError, r"shape '\[-1, 4\]' is invalid for input of size 6"),
    (Draw((2, 3)), (-1, -1), RuntimeError, "only one dimension can be inferred"),
    (Draw((2, 3)), (-2, 3), RuntimeError, "invalid shape dimension -2 at index 0"),
    (Draw((0,)), (0, -1), RuntimeError, "is ambiguous"),
    (Draw((2, 3)), 6, TypeError, "must be tuple of ints, not int"),
]


@op(
    vjps=(lambda g, _out, input_shape, _shape: reshape(g, input_shape),),
    view=True,
    cases=Cases(
        *[
            Case((Draw(shape),), {"shape": target})
            for shape, target in [
                ((2, 3), (6,)),
                ((2, 3), (3, 2)),
                ((2, 3), (-1,)),
                ((2, 3), (1, -1, 1)),
                ((), (1, 1)),
                ((1,), ()),
                ((0, 3), (-1, 3)),
                ((0, 3), (2, 0)),
            ]
        ],
        errors=[Error((x,), {"shape": shape}, kind, match) for x, shape, kind, match in _RESHAPE_ERRORS],
    ),
    register=True,
)
def reshape(input: Array, shape: Sequence[int]) -> Array:
    """Give the values another shape: a view where the layout allows it, else a copy.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    shape : tuple of int
        Its product is the number of elements; one size may be -1 and is inferred.

    Raises
    ------
    RuntimeError
        If the number of elements is another one.

    Examples
    --------
    >>> import numpy as np
    >>> reshape(np.arange(6), (3, -1)).tolist()
    [[0, 1], [2, 3], [4, 5]]
    """
    try:
        if min(shape, default=0) >= -1:
            return input.reshape(shape)
    except (TypeError, ValueError):
        pass
    raise _reshape_error(input.size, shape)


def _reshape_error(size: int, shape: Any) -> Exception:
    if not isinstance(shape, Sequence):
        return TypeError(f"reshape(): argument 'shape' must be tuple of ints, not {type(shape).__name__}.")
    wanted = list(shape)
    if wanted.count(-1) > 1:
        return RuntimeError(f"only one dimension can be inferred: reshape got {wanted}; give all sizes but one.")
    for i, n in enumerate(wanted):
        if n < -1:
            return RuntimeError(f"invalid shape dimension {n} at index {i} of shape {wanted}: sizes are -1 or more.")
    if not size and -1 in wanted and 0 in wanted:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {wanted} because the unspecified "
            "dimension size -1 can be any value and is ambiguous; write the size."
        )
    return RuntimeError(f"shape '{wanted}' is invalid for input of size {size}: their number of elements differs.")


@composite(
    cases=Cases(
        Case((Draw((2, 3)),), {"size": (2, 1, 3)}),
        Case((Draw((0, 3)),), {"size": (3, 0)}),
        Case((Draw(()),), {"size": (1, -1)}),
        errors=[Error((Draw((2, 3)),), {"size": (4,)}, RuntimeError, "is invalid for input of size 6")],
        torch=lambda torch, inputs, params: inputs[0].clone().view(params["size"]),
    )
)
def view(input: Any, size: Any) -> Any:
    """Give the values another shape in the same memory: :func:`reshape` that never copies.

    A dtype of the same width in the place of the size reads the same bits as that dtype.

    Raises
    ------
    RuntimeError
        If the layout in memory does not allow it.
    """
    dtype = size[0] if isinstance(size, tuple) and len(size) == 1 else size
    if isinstance(dtype, np.dtype):
        same = dtype == input.dtype
        return reshape(input, input.shape) if same else view_dtype(input, dtype)
    out = reshape(input, size)
    before, after = getattr(input, "array", input), getattr(out, "array", out)
    if before.size and not np.may_share_memory(before, after):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            f"dimension spans across two contiguous subspaces): view got size {list(size)} for a "
            f"tensor of shape {list(before.shape)}. Use .reshape(...) instead."
        )
    return out


@op(
    vjps=(None,),
    view=True,
    cases=Cases(
        Case((np.array([[-1, 2], [3, 127]], np.int8),), {"dtype": np.dtype(np.uint8)}),
        Case((Draw((3,), kind="bool"),), {"dtype": np.dtype(np.uint8)}),
        errors=[Error((Draw((3,)),), {"dtype": np.dtype(np.int8)}, RuntimeError, "4 bytes and int8 of 1")],
        torch=lambda torch, inputs, params: inputs[0].view(getattr(torch, params["dtype"].name)),
    ),
    register=True,
)
def view_dtype(input: Array, dtype: np.dtype[Any]) -> Array:
    """Read the same bits as another dtype of the same width; no gradient flows."""
    if dtype.itemsize != input.itemsize:
        raise RuntimeError(
            f"view: {input.dtype} has elements of {input.itemsize} bytes and {dtype} of "
            f"{dtype.itemsize}; only dtypes of one width share bits. Use .to(dtype) to convert the "
            "values."
        )
    return input.view(dtype)


@composite(
    cases=Cases(
        Case((Draw((2, 3)), Draw((2, 1, 3)))),
        torch=lambda torch, inputs, params: inputs[0].view_as(inputs[1]),
    )
)
def view_as(input: Any, other: Any) -> Any:
    """View in the shape of ``other``."""
    return view(input, other.shape)


# ---- copies


@op(
    vjps=(lambda g, _out, _input, _memory_format: g,),
    cases=Cases(Case((Draw((2, 3)),)), Case((Draw(()),)), Case((Draw((0, 2)),))),
    register=True,
)
def clone(input: Array, memory_format: Any = None) -> Array:
    """Copy the values in the same order of memory; row by row for "contiguous_format"."""
    return input.copy("K" if memory_format is None else "C")


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw(()),)),
        torch=lambda torch, inputs, params: inputs[0].contiguous(),
    )
)
def contiguous(input: Any) -> Any:
    """Return the tensor itself when its values lie row by row in memory, else such a copy."""
    in_order = getattr(input, "array", input).flags.c_contiguous
    return input if in_order else clone(input, "contiguous_format")


@op(
    vjps=(lambda g, _out, _input, _dtype: g,),
    cases=Cases(
        *[Case((Draw((2, 3)),), {"dtype": np.dtype(name)}, smooth=False) for name in ("float32", "int64", "bool")],
        torch=lambda torch, inputs, params: inputs[0].to(getattr(torch, params["dtype"].name)),
    ),
    register=True,
)
def to(input: Array, dtype: Any) -> Array:
    """Cast to another dtype; the engine casts the gradient back."""
    return input.astype(dtype)


@op(
    vjps=(
        lambda g, _out, _input, _value, path: paste(g, 0.0, path),
        lambda g, _out, _input, _value, path: path(g),
    ),
    cases=Cases(
        Case((Draw((2, 3)), Draw((6,))), {"path": lambda base: reshape(base, (6,))}),
        Case((Draw((2, 3)), Draw(())), {"path": lambda base: reshape(base, (3, 2))}),
        Case((Draw(()), Draw((1,))), {"path": lambda base: reshape(base, (1,))}),
        Case((Draw((0, 2)), Draw((2, 0))), {"path": lambda base: reshape(base, (2, 0))}),
        torch=False,
    ),
    register=True,
)
def paste(input: Array, value: Array, path: Any) -> Array:
    """Replace the region that ``path(input)`` shows: what a write to a view does to its base."""
    out = np.array(input, order="C")  # an array also where a 0-d gradient arrives as a NumPy number
    region = path(out)
    if np.may_share_memory(region, out):
        region[...] = value
    else:  # another layout than the base's, so a reshape on the way had to copy: go by positions
        out.reshape(-1)[path(np.arange(out.size).reshape(out.shape))] = value
    return out
