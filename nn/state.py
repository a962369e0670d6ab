"""Reading the state of a module tree into a dict, and putting such a dict back.

It knows names and tensors; files are the business of ``serialization``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..autograd.hooks import RemovableHandle, add_hook
from ..autograd.versions import increment_version
from ..tensor import Tensor
from .hooks import HookMethods
from .parameter import Parameter

__all__ = ["IncompatibleKeys", "StateMethods"]

Metadata = dict[str, Any]


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: the keys that were missing, and those not expected."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateMethods(HookMethods):
    """The part of a module that saves and loads its state."""

    _version = 1  # of the names that a class saves; one that changes them counts up
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Collect the parameters and the persistent buffers of this module and everything below it.

        Parameters
        ----------
        destination : dict, optional
            Where to put them; a new ordered dict when left out.
        prefix : str
            Put in front of every name.
        keep_vars : bool
            Give the parameters themselves, not detached tensors on their memory.

        Returns
        -------
        OrderedDict of str to Tensor
            The tensors share memory with the module: clone them to keep a snapshot.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> list(tg.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._registered("state_pre"):
            hook(self, prefix, keep_vars)
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._registered("state"):
            hook(self, destination, prefix, metadata)
        return destination  # type: ignore[no-any-return]

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of this module and everything below it.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            As :meth:`state_dict` returns it. Values are cast to the dtype that the module has.
        strict : bool
            Whether its keys must be exactly those of :meth:`state_dict`.
        assign : bool
            Put the given tensors into the module, instead of copying their values into its own. An
            optimizer must then be made afterwards.

        Returns
        -------
        IncompatibleKeys
            ``missing_keys`` and ``unexpected_keys``, lists of str.

        Raises
        ------
        RuntimeError
            One error that lists all missing and unexpected keys (when strict) and all shapes that
            do not fit. What fits has been loaded by then.
        TypeError
            If ``state_dict`` is not a mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        loading = _Loading(assign, getattr(state_dict, "_metadata", None) or {})
        loading.walk(self, dict(state_dict), "")
        if strict:
            loading.report_keys()
        if loading.errors:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(type(self).__name__, "\n\t".join(loading.errors))
            )
        return loading.keys

    def _own_state(self) -> dict[str, Tensor]:
        """Give what this module itself saves: no children."""
        saved = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {k: v for k, v in (self._parameters | saved).items() if v is not None}

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Metadata,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load what is this module's own; a class that changed its names adds to this."""
        found = (missing_keys, unexpected_keys, error_msgs)
        for hook in self._registered("load_pre"):
            hook(self, state_dict, prefix, local_metadata, strict, *found)
        own = self._own_state()
        for name, value in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.append(key)
                continue
            problem = _problem(key, state_dict[key], value)
            if problem is not None:
                error_msgs.append(problem)
            elif local_metadata.get("assign_to_params_buffers"):
                setattr(self, name, _as_member(state_dict[key], value))
            else:
                value.array[...] = state_dict[key].array
                increment_version(value, "load_state_dict")
        unexpected_keys += [
            key for key in state_dict if key.startswith(prefix) and not self._knows(key[len(prefix) :], own)
        ]

    def _knows(self, name: str, own: dict[str, Tensor]) -> bool:
        first, dot, _ = name.partition(".")
        return first in self._modules if dot else first in own

    def _registered(self, when: str) -> tuple[Callable[..., Any], ...]:
        return () if self._hooks is None else tuple(getattr(self._hooks, when).values())

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the state of this module is collected."""
        return add_hook(self._tables().state_pre, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it is collected."""
        return add_hook(self._tables().state, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before this module loads its part of a state dict, which it may change.

        It is called with ``(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)``.
        """
        return add_hook(self._tables().load_pre, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may change the two lists."""
        return add_hook(self._tables().load, hook)


class _Loading:
    """One ``load_state_dict``: what it found out on its way down the tree."""

    def __init__(self, assign: bool, metadata: dict[str, Metadata]) -> None:
        self.assign, self.metadata = assign, metadata
        self.keys = IncompatibleKeys([], [])
        self.errors: list[str] = []

    def walk(self, module: Any, state: dict[str, Any], prefix: str) -> None:
        """Load a module, then its children from the keys that start with their names."""
        metadata = dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            metadata["assign_to_params_buffers"] = True
        module._load_from_state_dict(state, prefix, metadata, True, *self.keys, self.errors)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                self.walk(child, {k: v for k, v in state.items() if k.startswith(below)}, below)
        for hook in module._registered("load"):
            if hook(module, self.keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                    "expected to return new values, if incompatible_keys need to be modified, it "
                    "should be done inplace."
                )

    def report_keys(self) -> None:
        """Turn keys that do not match into errors, the missing ones first."""
        for what, keys in (("Unexpected", self.keys[1]), ("Missing", self.keys[0])):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                self.errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")


def _problem(key: str, given: Any, own: Tensor) -> str | None:
    """Say why a value cannot be loaded."""
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", expected Tensor or Tensor-like object '
            "from checkpoint but "
            f"received {type(given)}"
        )
    if given.shape != own.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    return None


def _as_member(given: Tensor, own: Tensor) -> Tensor:
    """Make what is assigned in the place of ``own`` a parameter where that was one."""
    if not isinstance(own, Parameter):
        return given
    if isinstance(given, Parameter):
        given.requires_grad_(own.requires_grad)
        return given
    return Parameter(given, own.requires_grad)
