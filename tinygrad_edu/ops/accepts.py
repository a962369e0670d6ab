"""Which dtypes an op takes: checked where its inputs are promoted, before the forward sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dtypes import promote, type_name

__all__ = ["Promote", "accepts"]

Promote = Callable[[list[Any], int], None]

_WORDS = {
    "f": ("floating point", ".float()"),
    "iu": ("integer", ".long()"),
    "iuf": ("integer and floating point", ".long() or .float()"),
    "biu": ("integer and boolean", ".long() or .bool()"),
}


def accepts(kinds: str, who: str, promote: Promote = promote) -> Promote:
    """Make the ``promote=`` of an op that is defined for some kinds of dtype only.

    Parameters
    ----------
    kinds : str
        NumPy's letters of the kinds of the promoted dtype: "f", "iu", "iuf" or "biu".
    who : str
        The op's name, for the message.
    promote : callable
        How the inputs come to one dtype first.

    Raises
    ------
    NotImplementedError
        By the returned function, for another dtype (PyTorch's class for "no such kernel").
    """
    words, way_out = _WORDS[kinds]

    def check(operands: list[Any], n: int) -> None:
        promote(operands, n)
        dtype = operands[0].dtype
        if dtype.kind not in kinds:
            raise NotImplementedError(
                f"\"{who}\" not implemented for '{type_name(dtype)}': it takes {words} tensors; convert with {way_out}."
            )

    return check
