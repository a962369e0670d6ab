"""The ops as operators and methods of a Tensor: one line each, that points to the op.

What an op does is said where it is defined; ``help(Tensor.exp)`` shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .inplace import apply_inplace
from .op import Op
from .ops import (
    activation,
    axes,
    comparison,
    cumulative,
    division,
    elementwise,
    extremes,
    gathering,
    indexing,
    linalg,
    lookup,
    masking,
    norms,
    powers,
    products,
    rearranging,
    rectifiers,
    reduction,
    rounding,
    selection,
    slices,
    softmax,
    sorting,
    special,
    splitting,
    statistics,
    trigonometry,
)
from .ops import shape as shape_ops
from .record import apply, apply_binary, is_tensor

__all__ = ["OpMethods"]

Method = Callable[..., Any]


def binary(op: Op) -> Method:
    """Make the method of an operator: ``x + y``."""

    def method(self: Any, other: Any) -> Any:
        return apply_binary(op, self, other)

    method.__doc__ = op.__doc__
    return method


def reflected(op: Op) -> Method:
    """Make the method of an operator whose left side is no Tensor: ``2 - x``."""

    def method(self: Any, other: Any) -> Any:
        return apply(op, (other, self)) if isinstance(other, (int, float)) else NotImplemented

    method.__doc__ = op.__doc__
    return method


def augmented(function: Callable[..., Any]) -> Method:
    """Make the method of an operator that writes: ``x += y``."""
    write = in_place(function)

    def method(self: Any, other: Any) -> Any:
        known = is_tensor(other) or isinstance(other, (int, float, np.ndarray, np.generic))
        return write(self, other) if known else NotImplemented

    method.__doc__ = write.__doc__
    return method


def in_place(function: Callable[..., Any]) -> Method:
    """Make the form that writes its result into the tensor: ``x.exp_()``.

    A derived function is run on a copy, and its result is written back.
    """

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(function, Op):
            return apply_inplace(function, function.bind((self, *args), kwargs))
        return apply_inplace(indexing.copy, (self, function(self.clone(), *args, **kwargs), False))

    method.__doc__ = f"Write the result of ``{function.__name__}`` into this tensor."
    return method


def _sizes(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Read ``f(2, 3)`` and ``f((2, 3))`` alike."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


class OpMethods:
    """Everything a Tensor can compute."""

    __slots__ = ()

    array: Any

    # ---- operators

    __add__ = binary(elementwise.add)
    __radd__ = reflected(elementwise.add)
    __iadd__ = augmented(elementwise.add)
    __sub__ = binary(elementwise.sub)
    __rsub__ = reflected(elementwise.sub)
    __isub__ = augmented(elementwise.sub)
    __mul__ = binary(elementwise.mul)
    __rmul__ = reflected(elementwise.mul)
    __imul__ = augmented(elementwise.mul)
    __truediv__ = binary(division.div)
    __rtruediv__ = reflected(division.div)
    __itruediv__ = augmented(division.div)
    __mod__ = binary(division.remainder)
    __rmod__ = reflected(division.remainder)
    __imod__ = augmented(division.remainder)
    __floordiv__ = division.floor_divide
    __ifloordiv__ = augmented(division.floor_divide)
    __pow__ = binary(powers.pow)
    __rpow__ = reflected(powers.pow)
    __ipow__ = augmented(powers.pow)
    __matmul__ = linalg.matmul
    __neg__ = elementwise.neg
    __pos__ = elementwise.positive
    __abs__ = elementwise.abs
    __and__ = binary(comparison.bitwise_and)
    __rand__ = reflected(comparison.bitwise_and)
    __iand__ = augmented(comparison.bitwise_and)
    __or__ = binary(comparison.bitwise_or)
    __ror__ = reflected(comparison.bitwise_or)
    __ior__ = augmented(comparison.bitwise_or)
    __xor__ = binary(comparison.bitwise_xor)
    __rxor__ = reflected(comparison.bitwise_xor)
    __ixor__ = augmented(comparison.bitwise_xor)
    __lshift__ = binary(comparison.bitwise_left_shift)
    __rlshift__ = reflected(comparison.bitwise_left_shift)
    __ilshift__ = augmented(comparison.bitwise_left_shift)
    __rshift__ = binary(comparison.bitwise_right_shift)
    __rrshift__ = reflected(comparison.bitwise_right_shift)
    __irshift__ = augmented(comparison.bitwise_right_shift)
    __lt__ = binary(comparison.lt)
    __le__ = binary(comparison.le)
    __gt__ = binary(comparison.gt)
    __ge__ = binary(comparison.ge)
    __eq__ = binary(comparison.eq)
    __ne__ = binary(comparison.ne)

    def __rfloordiv__(self, other: Any) -> Any:
        return division.floor_divide(other, self) if isinstance(other, (int, float)) else NotImplemented

    def __invert__(self) -> Any:
        if self.array.dtype.kind == "f":
            raise TypeError(
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors; compare first, as in "
                "~(x > 0), or convert with .bool()."
            )
        return comparison.bitwise_not(self)

    # ---- methods whose sizes may be given one by one

    def reshape(self, *shape: Any) -> Any:
        """Return the values in another shape; a view where the memory allows it."""
        return shape_ops.reshape(self, _sizes(shape))

    def view(self, *shape: Any) -> Any:
        """Return a view in another shape, or with another dtype of the same size."""
        return shape_ops.view(self, _sizes(shape))

    def view_as(self, other: Any) -> Any:
        """Return a view in the shape of another tensor."""
        return shape_ops.view(self, other.shape)

    def reshape_as(self, other: Any) -> Any:
        """Return the values in the shape of another tensor."""
        return shape_ops.reshape(self, other.shape)

    def expand(self, *sizes: Any) -> Any:
        """Return a view that repeats along axes of size 1."""
        return shape_ops.expand(self, _sizes(sizes))

    def permute(self, *dims: Any) -> Any:
        """Return a view with the axes in another order."""
        return axes.permute(self, _sizes(dims))

    def repeat(self, *repeats: Any) -> Any:
        """Return copies beside each other, so many along each axis."""
        return rearranging.repeat(self, _sizes(repeats))

    def tile(self, *dims: Any) -> Any:
        """Like :meth:`repeat`; axes that are not named stay."""
        return rearranging.tile(self, _sizes(dims))

    def flip(self, *dims: Any) -> Any:
        """Reverse the order along axes."""
        return rearranging.flip(self, _sizes(dims))

    def where(self, condition: Any, other: Any) -> Any:
        """Return this where the condition holds, ``other`` elsewhere."""
        return selection.where(condition, self, other)

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return axes.permute(self, tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self) -> Any:
        """The last two axes swapped."""
        return axes.transpose(self, -2, -1)

    # ---- arithmetic

    abs = elementwise.abs
    absolute = elementwise.absolute
    add = elementwise.add
    addcdiv = elementwise.addcdiv
    addcmul = elementwise.addcmul
    ceil = rounding.ceil
    div = division.div
    divide = division.divide
    fix = rounding.fix
    floor = rounding.floor
    floor_divide = division.floor_divide
    fmod = division.fmod
    frac = rounding.frac
    lerp = elementwise.lerp
    mul = elementwise.mul
    multiply = elementwise.multiply
    neg = elementwise.neg
    negative = elementwise.negative
    positive = elementwise.positive
    pow = powers.pow
    reciprocal = powers.reciprocal
    remainder = division.remainder
    round = rounding.round
    rsqrt = powers.rsqrt
    sgn = elementwise.sgn
    sign = elementwise.sign
    sqrt = powers.sqrt
    square = powers.square
    sub = elementwise.sub
    subtract = elementwise.subtract
    true_divide = division.true_divide
    trunc = rounding.trunc

    # ---- exponentials, trigonometry, special functions

    acos = trigonometry.acos
    acosh = trigonometry.acosh
    arccos = trigonometry.arccos
    arccosh = trigonometry.arccosh
    arcsin = trigonometry.arcsin
    arcsinh = trigonometry.arcsinh
    arctan = trigonometry.arctan
    arctan2 = trigonometry.arctan2
    arctanh = trigonometry.arctanh
    asin = trigonometry.asin
    asinh = trigonometry.asinh
    atan = trigonometry.atan
    atan2 = trigonometry.atan2
    atanh = trigonometry.atanh
    cos = trigonometry.cos
    cosh = trigonometry.cosh
    digamma = special.digamma
    erf = special.erf
    erfc = special.erfc
    erfinv = special.erfinv
    exp = powers.exp
    exp2 = powers.exp2
    expm1 = powers.expm1
    hypot = powers.hypot
    lgamma = special.lgamma
    log = powers.log
    log10 = powers.log10
    log1p = powers.log1p
    log2 = powers.log2
    logaddexp = powers.logaddexp
    logit = activation.logit
    relu = rectifiers.relu
    sigmoid = activation.sigmoid
    sin = trigonometry.sin
    sinh = trigonometry.sinh
    tan = trigonometry.tan
    tanh = trigonometry.tanh

    # ---- choices and comparisons

    allclose = comparison.allclose
    bitwise_and = comparison.bitwise_and
    bitwise_left_shift = comparison.bitwise_left_shift
    bitwise_not = comparison.bitwise_not
    bitwise_or = comparison.bitwise_or
    bitwise_right_shift = comparison.bitwise_right_shift
    bitwise_xor = comparison.bitwise_xor
    clamp = selection.clamp
    clamp_max = selection.clamp_max
    clamp_min = selection.clamp_min
    clip = selection.clip
    eq = comparison.eq
    equal = comparison.equal
    fmax = selection.fmax
    fmin = selection.fmin
    ge = comparison.ge
    greater = comparison.greater
    greater_equal = comparison.greater_equal
    gt = comparison.gt
    isclose = comparison.isclose
    isfinite = comparison.isfinite
    isinf = comparison.isinf
    isnan = comparison.isnan
    le = comparison.le
    less = comparison.less
    less_equal = comparison.less_equal
    logical_and = comparison.logical_and
    logical_not = comparison.logical_not
    logical_or = comparison.logical_or
    logical_xor = comparison.logical_xor
    lt = comparison.lt
    maximum = selection.maximum
    minimum = selection.minimum
    nan_to_num = selection.nan_to_num
    ne = comparison.ne
    not_equal = comparison.not_equal

    # ---- reductions

    all = reduction.all
    amax = extremes.amax
    amin = extremes.amin
    aminmax = extremes.aminmax
    any = reduction.any
    argmax = extremes.argmax
    argmin = extremes.argmin
    argsort = sorting.argsort
    count_nonzero = reduction.count_nonzero
    cumprod = cumulative.cumprod
    cumsum = cumulative.cumsum
    log_softmax = softmax.log_softmax
    logsumexp = reduction.logsumexp
    max = extremes.max
    mean = reduction.mean
    median = sorting.median
    min = extremes.min
    nanmean = reduction.nanmean
    nansum = reduction.nansum
    norm = norms.norm
    prod = cumulative.prod
    softmax = softmax.softmax
    sort = sorting.sort
    std = statistics.std
    sum = reduction.sum
    topk = sorting.topk
    unique = sorting.unique
    var = statistics.var

    # ---- shape

    broadcast_to = shape_ops.broadcast_to
    chunk = splitting.chunk
    clone = shape_ops.clone
    contiguous = shape_ops.contiguous
    diag = rearranging.diag
    diag_embed = rearranging.diag_embed
    diagonal = rearranging.diagonal
    expand_as = shape_ops.expand_as
    flatten = axes.flatten
    fliplr = rearranging.fliplr
    flipud = rearranging.flipud
    moveaxis = axes.moveaxis
    movedim = axes.movedim
    narrow = splitting.narrow
    ravel = axes.ravel
    repeat_interleave = rearranging.repeat_interleave
    roll = rearranging.roll
    select = splitting.select
    split = splitting.split
    squeeze = axes.squeeze
    swapaxes = axes.swapaxes
    swapdims = axes.swapdims
    t = axes.t
    tensor_split = splitting.tensor_split
    transpose = axes.transpose
    tril = rearranging.tril
    triu = rearranging.triu
    unbind = splitting.unbind
    unflatten = axes.unflatten
    unfold = rearranging.unfold
    unsqueeze = axes.unsqueeze

    # ---- indexing

    argwhere = masking.argwhere
    bincount = lookup.bincount
    gather = gathering.gather
    index_add = slices.index_add
    index_copy = slices.index_copy
    index_fill = slices.index_fill
    index_put = indexing.index_put
    index_select = slices.index_select
    masked_fill = masking.masked_fill
    masked_scatter = masking.masked_scatter
    masked_select = masking.masked_select
    nonzero = masking.nonzero
    scatter = gathering.scatter
    scatter_add = gathering.scatter_add
    take = gathering.take
    take_along_dim = gathering.take_along_dim

    # ---- products

    addmm = products.addmm
    bmm = products.bmm
    dot = products.dot
    inner = products.inner
    kron = products.kron
    matmul = linalg.matmul
    mm = products.mm
    mv = products.mv
    outer = products.outer
    trace = products.trace
    vdot = products.vdot

    # ---- in place

    abs_ = in_place(elementwise.abs)
    absolute_ = in_place(elementwise.absolute)
    acos_ = in_place(trigonometry.acos)
    acosh_ = in_place(trigonometry.acosh)
    add_ = in_place(elementwise.add)
    addcdiv_ = in_place(elementwise.addcdiv)
    addcmul_ = in_place(elementwise.addcmul)
    addmm_ = in_place(products.addmm)
    arccos_ = in_place(trigonometry.arccos)
    arccosh_ = in_place(trigonometry.arccosh)
    arcsin_ = in_place(trigonometry.arcsin)
    arcsinh_ = in_place(trigonometry.arcsinh)
    arctan2_ = in_place(trigonometry.arctan2)
    arctan_ = in_place(trigonometry.arctan)
    arctanh_ = in_place(trigonometry.arctanh)
    asin_ = in_place(trigonometry.asin)
    asinh_ = in_place(trigonometry.asinh)
    atan2_ = in_place(trigonometry.atan2)
    atan_ = in_place(trigonometry.atan)
    atanh_ = in_place(trigonometry.atanh)
    bitwise_and_ = in_place(comparison.bitwise_and)
    bitwise_left_shift_ = in_place(comparison.bitwise_left_shift)
    bitwise_not_ = in_place(comparison.bitwise_not)
    bitwise_or_ = in_place(comparison.bitwise_or)
    bitwise_right_shift_ = in_place(comparison.bitwise_right_shift)
    bitwise_xor_ = in_place(comparison.bitwise_xor)
    ceil_ = in_place(rounding.ceil)
    clamp_ = in_place(selection.clamp)
    clamp_max_ = in_place(selection.clamp_max)
    clamp_min_ = in_place(selection.clamp_min)
    clip_ = in_place(selection.clip)
    copy_ = in_place(indexing.copy)
    cos_ = in_place(trigonometry.cos)
    cosh_ = in_place(trigonometry.cosh)
    cumprod_ = in_place(cumulative.cumprod)
    cumsum_ = in_place(cumulative.cumsum)
    digamma_ = in_place(special.digamma)
    div_ = in_place(division.div)
    divide_ = in_place(division.divide)
    eq_ = in_place(comparison.eq)
    erf_ = in_place(special.erf)
    erfc_ = in_place(special.erfc)
    erfinv_ = in_place(special.erfinv)
    exp2_ = in_place(powers.exp2)
    exp_ = in_place(powers.exp)
    expm1_ = in_place(powers.expm1)
    fill_ = in_place(indexing.fill)
    fix_ = in_place(rounding.fix)
    floor_ = in_place(rounding.floor)
    floor_divide_ = in_place(division.floor_divide)
    fmod_ = in_place(division.fmod)
    frac_ = in_place(rounding.frac)
    ge_ = in_place(comparison.ge)
    greater_ = in_place(comparison.greater)
    greater_equal_ = in_place(comparison.greater_equal)
    gt_ = in_place(comparison.gt)
    hypot_ = in_place(powers.hypot)
    index_add_ = in_place(slices.index_add)
    index_copy_ = in_place(slices.index_copy)
    index_fill_ = in_place(slices.index_fill)
    index_put_ = in_place(indexing.index_put)
    le_ = in_place(comparison.le)
    lerp_ = in_place(elementwise.lerp)
    less_ = in_place(comparison.less)
    less_equal_ = in_place(comparison.less_equal)
    lgamma_ = in_place(special.lgamma)
    log10_ = in_place(powers.log10)
    log1p_ = in_place(powers.log1p)
    log2_ = in_place(powers.log2)
    log_ = in_place(powers.log)
    logical_and_ = in_place(comparison.logical_and)
    logical_not_ = in_place(comparison.logical_not)
    logical_or_ = in_place(comparison.logical_or)
    logical_xor_ = in_place(comparison.logical_xor)
    logit_ = in_place(activation.logit)
    lt_ = in_place(comparison.lt)
    masked_fill_ = in_place(masking.masked_fill)
    masked_scatter_ = in_place(masking.masked_scatter)
    mul_ = in_place(elementwise.mul)
    multiply_ = in_place(elementwise.multiply)
    nan_to_num_ = in_place(selection.nan_to_num)
    ne_ = in_place(comparison.ne)
    neg_ = in_place(elementwise.neg)
    negative_ = in_place(elementwise.negative)
    not_equal_ = in_place(comparison.not_equal)
    pow_ = in_place(powers.pow)
    reciprocal_ = in_place(powers.reciprocal)
    relu_ = in_place(rectifiers.relu)
    remainder_ = in_place(division.remainder)
    round_ = in_place(rounding.round)
    rsqrt_ = in_place(powers.rsqrt)
    scatter_ = in_place(gathering.scatter)
    scatter_add_ = in_place(gathering.scatter_add)
    sgn_ = in_place(elementwise.sgn)
    sigmoid_ = in_place(activation.sigmoid)
    sign_ = in_place(elementwise.sign)
    sin_ = in_place(trigonometry.sin)
    sinh_ = in_place(trigonometry.sinh)
    sqrt_ = in_place(powers.sqrt)
    square_ = in_place(powers.square)
    sub_ = in_place(elementwise.sub)
    subtract_ = in_place(elementwise.subtract)
    tan_ = in_place(trigonometry.tan)
    tanh_ = in_place(trigonometry.tanh)
    tril_ = in_place(rearranging.tril)
    triu_ = in_place(rearranging.triu)
    true_divide_ = in_place(division.true_divide)
    trunc_ = in_place(rounding.trunc)

    def zero_(self) -> Any:
        """Fill with zeros."""
        return apply_inplace(indexing.fill, (self, 0))
