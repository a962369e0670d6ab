"""What a reader knows ops as that public functions are made of."""

from __future__ import annotations

__all__ = ["known_as"]

_KNOWN_AS = {
    "_Recompute": "checkpoint",
    "constant_pad_nd": "pad",
    "contract": "einsum",
    "masked_scale": "dropout",
    "max_over_windows": "max_pool",
    "mean_over_windows": "avg_pool",
}


def known_as(name: str) -> str:
    """Return the name of the public function for that of an op: ``"batch_norm"`` for ``"native_batch_norm"``."""
    return _KNOWN_AS.get(name, name).removeprefix("native_")
