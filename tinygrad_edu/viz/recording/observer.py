"""Listening to a model: which call is a step, and what is heard of it. It knows hooks, not what becomes of the record.

Between the steps that are recorded the model has three hooks, on itself alone. At a step that is recorded there are
more: on its modules until the forward ends, on its parameters until the next step begins.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np

from ... import nn
from ...autograd import backward, grad, is_grad_enabled
from ...autograd.hooks import RemovableHandle
from ...tensor import Tensor
from .points import Point, Step
from .statistics import summarize

__all__ = ["OUTPUT", "Observer"]

Array = np.ndarray[Any, Any]

OUTPUT = "(model)"  # the name of the model's own output; no module has it, as its path is empty
_CALL = nn.Module.__call__.__code__
_BACKWARD = {backward.__code__, grad.__code__}


class Observer:
    """Records every ``every``-th step of a model, until :meth:`close`.

    Parameters
    ----------
    model : Module
    every : int
        It doubles when there would be more than ``keep`` steps.
    calls_per_step : int
        How many calls make a step.
    kinds : collection of str
        What to record.
    keep : int
        How many steps at most.
    """

    def __init__(self, model: nn.Module, every: int, calls_per_step: int, kinds: frozenset[str], keep: int) -> None:
        self.every, self.steps = every, list[Step]()
        self._model: nn.Module | None = model
        self._calls_per_step, self._kinds, self._keep = calls_per_step, kinds, keep
        self._calls = 0
        self._inside = False  # between the beginning of a forward that counts and its end
        self._forward: _Forward | None = None  # that forward, where it is recorded
        self._open: Step | None = None  # the step that the last recorded forward belongs to
        self._before: dict[str, Array] = {}  # its weights
        self._on_leaves: list[RemovableHandle] = []
        self._on_model = [
            model.register_forward_pre_hook(self._begin),
            model.register_forward_hook(self._end),
            model.register_forward_hook(self._give_up, always_call=True),
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> Observer:
        return self  # a copy of the model (an average of its weights) is not the model, and is not recorded

    def close(self) -> None:
        """Complete the last step, and take all hooks out."""
        self._abandon()
        self._finish()
        _remove(self._on_model)
        self._model = None

    # ---- hooks of the model itself

    def _begin(self, model: nn.Module, args: Any) -> None:
        if model is not self._model or _is_nested(model):
            return
        self._abandon()  # the last forward, if KeyboardInterrupt ended it
        if not (model.training and is_grad_enabled()):
            return
        self._inside = True
        number, call = divmod(self._calls, self._calls_per_step)
        if call == 0:
            self._finish()
            self._thin_out(number)
        if number % self.every == 0:
            self._forward = _Forward(model, self._kinds)

    def _end(self, model: nn.Module, args: Any, output: Any) -> None:
        if not self._inside or model is not self._model or _is_nested(model):
            return
        self._inside = False
        number, call = divmod(self._calls, self._calls_per_step)
        self._calls += 1
        forward, self._forward = self._forward, None
        if forward is None:
            return
        forward.hear(OUTPUT, model, output)
        forward.stop()
        if call == 0:
            self._open_step(model, number)
        if self._open is not None:
            forward.give_to(self._open)
            self._on_leaves += forward.on_leaves

    def _give_up(self, model: nn.Module, args: Any, output: Any) -> None:
        """After :meth:`_end`, or after an error in the forward: it is no step then."""
        if model is self._model and not _is_nested(model):
            self._abandon()

    def _abandon(self) -> None:
        self._inside = False
        if self._forward is not None:
            self._forward.stop()
            _remove(self._forward.on_leaves)
            self._forward = None

    # ---- steps

    def _thin_out(self, number: int) -> None:
        """Make place for a step: drop every other one, and record half as many from now on."""
        while number % self.every == 0 and len(self.steps) >= self._keep:
            self.every *= 2
            self.steps = [step for step in self.steps if step.number % self.every == 0]

    def _open_step(self, model: nn.Module, number: int) -> None:
        step = self._open = Step(number)
        self.steps.append(step)
        for name, owner, parameter in _owned_parameters(model):
            if "weights" in self._kinds:
                step.add("weights", name, Point(parameter.array, owner, trainable=parameter.requires_grad))
            if "updates" in self._kinds:
                self._before[name] = parameter.array.copy()
            if "gradients" in self._kinds and parameter.requires_grad:
                handle = parameter.register_post_accumulate_grad_hook(_gradient_noted(step, name, owner))
                self._on_leaves.append(handle)

    def _finish(self) -> None:
        """Complete the open step: the weights are now what its update made of them."""
        step, before = self._open, self._before
        self._open, self._before = None, {}
        _remove(self._on_leaves)
        if step is None or self._model is None:
            return
        for name, owner, parameter in _owned_parameters(self._model):
            if name in before and before[name].shape == parameter.shape:
                weight = step.points.get(("weights", name))
                scale = weight.summary.norm if weight else summarize(before[name]).norm
                step.add("updates", name, _update(before[name], parameter.array, scale, owner))
        for point in step.points.values():
            point.settle()


class _Forward:
    """One recorded forward: what its modules put out. It belongs to no step until it has ended well."""

    def __init__(self, model: nn.Module, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._heard: list[tuple[str, Point]] = []
        self._step: Step | None = None
        self._handles: list[RemovableHandle] = []
        # Hooks of computed tensors end with their graph. A module that hands a leaf through puts out a leaf.
        self.on_leaves: list[RemovableHandle] = []
        if kinds & {"activations", "activation_gradients"}:
            named = [(name, module) for name, module in model.named_modules() if module is not model]
            self._handles = [module.register_forward_hook(self._listener(name)) for name, module in named]

    def _listener(self, name: str) -> Callable[..., None]:
        return lambda module, args, output: self.hear(name, module, output)

    def hear(self, name: str, module: nn.Module, output: Any) -> None:
        """Note what a module puts out, and ask for the gradient that comes back to it."""
        bounds, kind = _bounds(module), type(module).__name__
        for suffix, tensor in _tensors(output):
            if tensor.dtype.kind != "f":
                continue
            if "activations" in self._kinds:
                self._heard.append((name + suffix, Point(tensor.array, kind, bounds=bounds, units=True)))
            if "activation_gradients" in self._kinds and tensor.requires_grad:
                handle = tensor.register_hook(self._gradient_heard(name + suffix, kind))
                if tensor.is_leaf:
                    self.on_leaves.append(handle)

    def _gradient_heard(self, name: str, kind: str) -> Callable[[Tensor], None]:
        def hear(g: Tensor) -> None:
            if self._step is not None:
                self._step.add("activation_gradients", name, Point(g.array, kind))

        return hear

    def stop(self) -> None:
        """Take the hooks out of the modules."""
        _remove(self._handles)

    def give_to(self, step: Step) -> None:
        """Add what was heard to a step; gradients go there too when they come."""
        self._step = step
        for name, point in self._heard:
            step.add("activations", name, point)
        self._heard.clear()


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
    handles.clear()


def _owned_parameters(model: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
    """Go through the parameters: the name, the class of the module that has it, and the parameter."""
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    for name, parameter in model.named_parameters():
        yield name, kinds[name.rpartition(".")[0]], parameter


def _gradient_noted(step: Step, name: str, owner: str) -> Callable[[Tensor], None]:
    def note(parameter: Tensor) -> None:
        if parameter.grad is not None:
            # In the place of what an earlier backward of this step left: .grad has that in it.
            step.points["gradients", name] = Point(parameter.grad.array, owner)

    return note


def _update(before: Array, after: Array, scale: float, owner: str) -> Point:
    """Compare a parameter with what it was, of norm ``scale``."""
    with np.errstate(all="ignore"):  # inf - inf, in a run that diverged
        point = Point(np.subtract(after, before, dtype=np.promote_types(before.dtype, np.float32)), owner)
    moved = point.summary.norm
    point.ratio = moved / scale if scale else (math.inf if moved else math.nan)
    return point


def _bounds(module: nn.Module) -> tuple[float, float] | None:
    """Return the range of an activation function that has one; None for other modules."""
    if isinstance(module, nn.Hardtanh):
        return module.min_val, module.max_val
    kinds = ((nn.Tanh, (-1.0, 1.0)), (nn.Softsign, (-1.0, 1.0)), (nn.Sigmoid, (0.0, 1.0)), (nn.Hardsigmoid, (0.0, 1.0)))
    return next((bounds for kind, bounds in kinds if isinstance(module, kind)), None)


def _tensors(output: Any) -> Iterator[tuple[str, Tensor]]:
    """Go through the tensors of an output, each with what to put behind the module's name."""
    waiting = [("", output)]
    while waiting:
        suffix, value = waiting.pop()
        if isinstance(value, Tensor):
            yield suffix, value
        elif isinstance(value, Mapping):
            waiting += [(f"{suffix}[{key}]", part) for key, part in reversed(list(value.items()))]
        elif isinstance(value, (tuple, list)):
            waiting += [(f"{suffix}[{i}]", part) for i, part in reversed(list(enumerate(value)))]


def _is_nested(model: nn.Module) -> bool:
    """Tell whether a model is called by its own forward, or once more by backward (as ``checkpoint`` does).

    Then the outer call, or the first one, is the step. The stack tells, and not a mark that the outer call would set:
    an interrupted call would leave it set.
    """
    calls = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        calls += code is _CALL and frame.f_locals.get("self") is model
        if calls > 1 or code in _BACKWARD:
            return True
        frame = frame.f_back
    return False
