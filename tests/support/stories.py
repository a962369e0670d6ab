"""Stories: functions told to PyTorch and to the package, whose answers must be equal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Story", "Words", "assert_same", "refusal", "values"]

Story = Callable[[Any], Any]
_OWNERS = re.compile(r"\b(torch|tinygrad_edu)\.(nn\.)?(modules\.)?(\w+\.)?(?=[A-Za-z])|torch ")


class Words(str):
    """The words of an error."""


def assert_same(ours: Any, theirs: Any) -> None:
    """Compare two answers; our error may go on where PyTorch's sentence ends."""
    if isinstance(ours, (list, tuple)) and type(ours) is type(theirs):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            assert_same(one, other)
    elif isinstance(theirs, Words):
        assert ours.startswith(theirs.rstrip(".")), f"{ours!r} does not start with {theirs!r}"
    else:
        assert ours == theirs


def values(tensor: Any, digits: int = 5) -> Any:
    """Give a tensor's numbers, rounded, as lists that can be compared."""
    if tensor is None:
        return None
    return np.round(tensor.detach().numpy().astype(float), digits).tolist()


def refusal(action: Callable[[], Any]) -> tuple[str, Words]:
    """Give the class and the words of the error that an action raises, without module names."""
    try:
        result = action()
    except Exception as error:
        words = _OWNERS.sub("", str(error)).replace("nn.Buffer, ", "").replace("Buffer, ", "")
        return type(error).__name__, Words(words.replace("nn.", ""))
    raise AssertionError(f"expected an error, got {result!r}")
