"""What is measured, written once against a library with PyTorch's names: ours and PyTorch share every line."""

from __future__ import annotations

from ..case import Case
from . import arrays, convolution, dense, higher, inference, installation, networks, overhead, scaling, sequences

__all__ = ["CASES"]

FAMILIES = [overhead, dense, networks, convolution, sequences, arrays, higher, inference, scaling, installation]

# By name, in the order of the table.
CASES: dict[str, Case] = {case.name: case for family in FAMILIES for case in family.CASES}
