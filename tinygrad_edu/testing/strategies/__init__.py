"""Strategies for hypothesis that draw inputs of differentiable functions, and shrink to small, readable ones.

They import hypothesis when they are called. A *group* draws several arguments that belong together: a tuple of the
leading arguments, or :class:`Arguments`.
"""

from .convolution import ConvGeometry, conv_geometries, convolutions
from .declared import calls
from .groups import Arguments, broadcastable, matmul_operands, reductions
from .indexing import indices
from .memory import LAYOUTS, arrays, tensors
from .numbers import elements, integers_below
from .sizes import broadcastable_shapes, dims, shapes

__all__ = [
    "LAYOUTS",
    "Arguments",
    "ConvGeometry",
    "arrays",
    "broadcastable",
    "broadcastable_shapes",
    "calls",
    "conv_geometries",
    "convolutions",
    "dims",
    "elements",
    "indices",
    "integers_below",
    "matmul_operands",
    "reductions",
    "shapes",
    "tensors",
]
