"""What optimizers share: groups of parameters with options, state, hooks; not how to step."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from ..autograd import enable_grad
from ..autograd.hooks import RemovableHandle, add_hook
from ..autograd.versions import increment_version
from ..tensor import Tensor

__all__ = ["Optimizer", "Params", "check_lr", "gradient_of", "refuse_implementations", "required"]

Array = np.ndarray[Any, Any]
Group = dict[str, Any]
Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[Group]


class _Required:
    """The default of an option that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Let a ``step`` call the optimizer's hooks before and after it."""

    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        optimizer: Optimizer = args[0]
        for hook in tuple(optimizer._pre_hooks.values()):
            replaced = hook(optimizer, args, kwargs)
            if replaced is not None:
                args, kwargs = _checked(replaced)
        result = step(*args, **kwargs)
        for hook in tuple(optimizer._post_hooks.values()):
            hook(optimizer, args, kwargs)
        return result

    return hooked


def _checked(replaced: Any) -> tuple[Any, Any]:
    if not (isinstance(replaced, tuple) and len(replaced) == 2):
        raise RuntimeError(
            f"a step pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
        )
    return replaced


class Optimizer:
    """Base class of the optimizers.

    An optimizer of one's own is a subclass with a ``step`` that reads ``param_groups`` and
    ``.grad``, changes the parameters under ``no_grad()``, and keeps what it needs in ``state``.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What to optimize. A dict is a group: ``{"params": ..., option: value, ...}``.
    defaults : dict
        The options of a group that does not give them itself.

    Attributes
    ----------
    param_groups : list of dict
        The groups, each with all options and its parameters under "params".
    state : dict of Tensor to dict
        What the optimizer remembers of each parameter.
    defaults : dict
        The options that were passed.

    Raises
    ------
    TypeError
        If ``params`` is one tensor, or holds something else than tensors.
    ValueError
        If there are no parameters, one is in two groups, or one was computed.
    """

    # options that belong to the class, whatever a loaded state says
    _fixed: ClassVar[dict[str, Any]] = {}

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type(params).__name__}; put it in a list."
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._pre_hooks: dict[int, Callable[..., Any]] = {}
        self._post_hooks: dict[int, Callable[..., Any]] = {}
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError(
                f"optimizer got an empty parameter list: {type(self).__name__} has nothing to "
                "optimize. An iterator such as model.parameters() is empty when it was used before."
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls) -> None:
        """Let hooks run around the ``step`` of a subclass too."""
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            options = [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
            text += f"\nParameter Group {i}\n" + "".join(options)
        return text + ")"

    # ---- optimizing

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients once more, and returns the loss.

        Returns
        -------
        The closure's loss; None without a closure.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with np.errstate(all="ignore"):  # a diverging run shows in its loss; PyTorch does not warn
            for group in self.param_groups:
                self._move([param for param in group["params"] if param.grad is not None], group)
        return loss

    def _move(self, params: list[Tensor], group: Group) -> None:
        """Move parameters of one group; those that lie in the same memory one after the other."""
        owners = {id(param.array if param.array.base is None else param.array.base) for param in params}
        for together in [params] if len(owners) == len(params) else [[param] for param in params]:
            self._update(together, group)
        increment_version(params, f"{type(self).__name__}.step")

    def _update(self, params: list[Tensor], group: Group) -> None:
        """Move parameters, in place and in any order; each has a gradient and memory of its own."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to step: define step(self, closure=None).")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool
            Set ``.grad`` to None; otherwise fill it with zeros (a parameter that then gets no
            gradient still takes a step, because of momentum and weight decay).
        """
        for param in chain.from_iterable(group["params"] for group in self.param_groups):
            if set_to_none:
                param.grad = None
            elif param.grad is not None:
                param.grad.detach_().zero_()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before every step.

        It may return other ``(args, kwargs)``; ``args`` begins with the optimizer itself.
        """
        return add_hook(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after every step."""
        return add_hook(self._post_hooks, hook)

    # ---- groups

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters, for example a layer that is trained from now on.

        Parameters
        ----------
        param_group : dict
            The parameters under "params", and options; it is completed with the defaults and kept.

        Raises
        ------
        TypeError, ValueError
            As for the class.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        names, params = _names_and_params(param_group["params"])
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        self._check_params(params)
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; each takes several steps at once.",
                stacklevel=4,  # the line that makes the optimizer
            )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_against_groups(param_group)
        self.param_groups.append(param_group)

    def _check_params(self, params: list[Any]) -> None:
        for i, param in enumerate(params):
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{type(param).__name__} (number {i} of its group)."
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError(
                    f"can't optimize a non-leaf Tensor: parameter {i} of its group, of shape "
                    f"{list(param.shape)}, was computed, and a step would not change what it was "
                    "computed from. Pass a leaf, or detach() it."
                )

    def _check_against_groups(self, new: Group) -> None:
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                without = "with names" if "param_names" in new else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {without} to the optimizer"
                )
        before = set(chain.from_iterable(group["params"] for group in self.param_groups))
        if not before.isdisjoint(new["params"]):
            shapes = [list(param.shape) for param in new["params"] if param in before]
            raise ValueError(f"some parameters appear in more than one parameter group: of shapes {shapes}.")

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to continue later, with numbers in place of the parameters.

        Returns
        -------
        dict
            "state": {number: the parameter's state}; "param_groups": the groups, with lists of
            numbers under "params". The tensors are those of the optimizer, not copies.
        """
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                numbers.setdefault(id(param), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            groups.append({**packed, "params": [numbers[id(param)] for param in group["params"]]})
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the options and a copy of the state that :meth:`state_dict` returned.

        Parameters
        ----------
        state_dict : dict
            Of an optimizer with as many groups, of as many parameters each; the order of the
            parameters decides which state belongs to which. States become the parameter's dtype,
            "step" excepted.

        Raises
        ------
        ValueError
            If the groups do not match.
        """
        saved = copy.deepcopy(state_dict["param_groups"])
        self._check_loaded(saved)
        params: dict[Any, Tensor] = {}
        for old, new in zip(self.param_groups, saved):
            params.update(zip(new["params"], old["params"]))
            new |= {"params": old["params"], **self._fixed}
            for name in old.keys() - new.keys():  # an option that is newer than the file
                new[name] = old[name]
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            state[params.get(key, key)] = _fitted(value, params[key]) if key in params else copy.deepcopy(value)
        self.state, self.param_groups = state, saved

    def _check_loaded(self, saved: list[Group]) -> None:
        if len(saved) != len(self.param_groups):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(saved)}, but "
                f"this {type(self).__name__} has {len(self.param_groups)}."
            )
        for i, (old, new) in enumerate(zip(self.param_groups, saved)):
            if len(new["params"]) != len(old["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    f"optimizer's group: group {i} was saved with {len(new['params'])} parameters "
                    f"and has {len(old['params'])} here."
                )


def _names_and_params(given: Any) -> tuple[list[str], list[Any]]:
    """Separate ``(name, tensor)`` pairs."""
    if isinstance(given, Tensor):
        return [], [given]
    if isinstance(given, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    given = list(given)
    pairs = [item for item in given if isinstance(item, tuple)]
    if pairs and len(pairs) != len(given):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing: "
            f"{len(pairs)} of {len(given)} have one."
        )
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs] or given


def _fitted(value: Any, param: Tensor, key: Any = None) -> Any:
    """Copy a loaded state; its tensors take the parameter's dtype, but for the count of steps."""
    if isinstance(value, dict):
        return {k: _fitted(v, param, k) for k, v in value.items()}
    if not isinstance(value, Tensor):
        return copy.deepcopy(value)
    value = value.detach().clone()
    return value if key == "step" or param.dtype.kind != "f" else value.to(param.dtype)


def gradient_of(param: Any) -> Array:
    """Return a parameter's gradient as an array in C order."""
    return np.asarray(param.grad.array, order="C")


def check_lr(lr: Any) -> None:
    """Refuse a learning rate that is negative or no single number."""
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError(f"Tensor lr must be 1-element; it has shape {list(lr.shape)}.")
    if not float(lr) >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}; it must be 0 or greater.")


def refuse_implementations(optimizer: Optimizer, **choices: bool | None) -> None:
    """Refuse options that choose among PyTorch's implementations, and ``differentiable``."""
    for name, value in choices.items():
        if value:
            raise RuntimeError(
                f"{type(optimizer).__name__}: {name}=True asks for one of PyTorch's "
                "implementations; the one here updates NumPy arrays in place and is not "
                f"differentiable. Leave {name} out."
            )
