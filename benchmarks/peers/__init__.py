"""Which library runs which case, and how. PyTorch runs our code; the others have their own ways to say the same."""

from __future__ import annotations

from ..case import Case, Make
from ..cases import CASES
from . import functional, mygrad

__all__ = ["LIBRARIES", "maker", "runs"]

LIBRARIES = ["torch", "jax", "mygrad", "autograd"]  # that ours is measured against
_OWN_WORDS = {"jax": functional.jax_makers(), "autograd": functional.autograd_makers(), "mygrad": mygrad.MAKERS}


def runs(library: str, case: Case) -> bool:
    """Say whether a library has a case."""
    own = _OWN_WORDS.get(library)
    return own is None or case.name in own or case.group in ("import", "installed")


def maker(library: str, name: str) -> tuple[Case, Make]:
    """Return a case and what makes it for a library."""
    return CASES[name], _OWN_WORDS.get(library, {}).get(name, CASES[name].make)
