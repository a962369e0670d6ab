"""Functions that are called on the way: a registry with handles that remove."""

from __future__ import annotations

import itertools
from typing import Any

__all__ = ["RETAIN", "RemovableHandle", "add_hook"]

RETAIN = -1  # the key of the hook that keeps a computed tensor's gradient; it runs after the user's hooks
_ids = itertools.count()


class RemovableHandle:
    """What ``register_..._hook`` returns: ``remove()`` it, or use it as a context manager."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_ids)
        self._hooks = hooks

    def remove(self) -> None:
        """Take the hook out; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(hooks: dict[int, Any], hook: Any) -> RemovableHandle:
    """Put a hook into a registry (dicts keep the order of registration)."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
