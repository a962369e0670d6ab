"""PyTorch's front door to the gradient checker: its two functions, their options, their exception.

How a derivative is judged stands in ``testing``, which is imported when a check is made. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import runtime
from .differentiate import grad
from .graph import topological
from .modes import enable_grad, inference_mode, modes

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Func = Callable[..., Any]


class GradcheckError(RuntimeError):
    """Raised for a derivative that is wrong; the message is the whole report.

    Attributes
    ----------
    report : GradientReport or None
        The report itself: wrong entries, likely mistakes, kinks, as fields.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.autograd.gradcheck import GradcheckError
    >>> x = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    >>> try:
    ...     tg.autograd.gradcheck(lambda x: x * x.detach(), x)
    ... except GradcheckError as error:
    ...     wrong = error.report.entries[0]
    >>> wrong.analytic, round(wrong.numeric, 6)
    (2.0, 4.0)
    """

    report: Any = None


def gradcheck(
    func: Func,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check that backward gives the derivative of a function, by differences.

    The call, the defaults and the verdict are PyTorch's. :func:`tinygrad_edu.testing.check_gradients` makes the
    check; called directly it needs no tolerances, takes modules and arrays, and returns its report.

    Parameters
    ----------
    func : callable
        Takes ``inputs``; returns a Tensor or a tuple or list of Tensors. Those that require no grad are not checked
        as long as one does; where none does, the function must be constant.
    inputs : Tensor or tuple
        The arguments. Checked are the Tensors with ``requires_grad=True``; anything else is handed on.
    eps : float
        Accepted for PyTorch's sake. The step of the differences is not one for all: it is chosen for every entry,
        from its size and from the noise of the function.
    atol, rtol : float
        An error up to ``atol + rtol * abs(numeric)`` is accepted, and so is one within the uncertainty of the
        differences themselves.
    raise_exception : bool
        Raise where a derivative is wrong; False: return False instead.
    nondet_tol : float
        By how much two backward passes of one call may differ.
    check_undefined_grad : bool
        Also check backward where no gradient arrives at an output: it must be treated as zeros.
    check_grad_dtypes : bool
        Accepted for PyTorch's sake. A gradient has the dtype of its input, as autograd casts it.
    check_batched_grad, check_forward_ad, check_batched_forward_grad : bool
        Must be False: there is no vmap and no forward mode here.
    check_backward_ad : bool
        Must be True, as there is nothing else to check.
    fast_mode : bool
        Accepted for PyTorch's sake. Many entries are always checked in few calls, and one that is wrong is searched
        for; no mode gives up accuracy.
    masked : bool, optional
        Must not be True: there are no sparse Tensors here.

    Returns
    -------
    bool
        True; False where a derivative is wrong and ``raise_exception=False``.

    Raises
    ------
    GradcheckError
        If a derivative is wrong. The message says which entries, and why if the mistake is a common one.
    ValueError
        If no input requires grad.
    NotImplementedError
        If one of the options is set that must not be.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> tg.autograd.gradcheck(tg.log, x)
    True
    >>> tg.autograd.gradcheck(lambda x: x * x.detach(), x, raise_exception=False)
    False
    """
    _require(check_forward_ad or check_backward_ad, "at least one of check_forward_ad or check_backward_ad to be True")
    _require(check_backward_ad or not check_batched_grad, "check_backward_ad=True, as check_batched_grad=True needs it")
    _require(
        check_forward_ad or not check_batched_forward_grad,
        "check_forward_ad=True, as check_batched_forward_grad=True needs it",
    )
    _refuse("gradcheck", check_forward_ad=check_forward_ad, check_batched_grad=check_batched_grad, masked=masked)
    given = _as_tuple(inputs)
    _check_inputs("gradcheck", given)
    options: dict[str, Any] = {"nondet_tol": nondet_tol, "check_undefined_grad": check_undefined_grad}
    with inference_mode(False):
        reached = _reaches(_trial(func, given), given)
        return _check(func, given, reached, raise_exception, atol=atol, rtol=rtol, **options)


def gradgradcheck(
    func: Func,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the derivative of a function's gradient: that of a backward pass with ``create_graph=True``.

    The gradient is taken as a function of the inputs and of the gradients that arrive at the outputs, and checked
    like any other. Whether it is the gradient of ``func`` is what :func:`gradcheck` checks: as in PyTorch, this
    function does not ask. In its report the outputs are the gradients of the inputs, and the gradients that arrive
    are called "grad_output 0", "grad_output 1" ...

    Parameters
    ----------
    func, inputs
        As in :func:`gradcheck`.
    grad_outputs : Tensor or tuple of Tensor or None, optional
        The gradients that arrive at the outputs which require grad; None for one that gets none. Checked too if
        they require grad. Default: random numbers in [-1, 1), always the same.
    gen_non_contig_grad_outputs : bool
        Let the random ones lie in memory with gaps.
    eps, atol, rtol, raise_exception, nondet_tol
        As in :func:`gradcheck`.
    check_undefined_grad, check_grad_dtypes, check_batched_grad, fast_mode, masked
        As in :func:`gradcheck`.
    check_fwd_over_rev : bool
        Must be False: there is no forward mode here.
    check_rev_over_rev : bool
        Must be True, as there is nothing else to check.

    Returns
    -------
    bool
        True; False where a derivative is wrong and ``raise_exception=False``.

    Raises
    ------
    GradcheckError, ValueError, NotImplementedError
        As :func:`gradcheck`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> tg.autograd.gradgradcheck(tg.log, x)
    True
    """
    _require(
        check_fwd_over_rev or check_rev_over_rev, "at least one of check_fwd_over_rev or check_rev_over_rev to be True"
    )
    needs = "check_rev_over_rev=True, as {}=True needs it"
    _require(check_rev_over_rev or not check_undefined_grad, needs.format("check_undefined_grad"))
    _require(check_rev_over_rev or not check_batched_grad, needs.format("check_batched_grad"))
    _refuse(
        "gradgradcheck", check_fwd_over_rev=check_fwd_over_rev, check_batched_grad=check_batched_grad, masked=masked
    )
    given = _as_tuple(inputs)
    _check_inputs("gradgradcheck", given)
    options: dict[str, Any] = {"nondet_tol": nondet_tol, "check_undefined_grad": check_undefined_grad}
    with inference_mode(False):
        outputs = _trial(func, given)
        if not outputs:
            raise ValueError(
                f"gradgradcheck: no output of {_name(func)} requires grad, so it has no gradient to check."
            )
        arriving = _draw(outputs, gen_non_contig_grad_outputs) if grad_outputs is None else _as_tuple(grad_outputs)
        gradient = _Gradient(func, given, arriving)
        reached = _reaches(outputs, given)
        counted = (("input", given), ("grad_output", arriving))
        options["names"] = [f"{name} {i}" for name, values in counted for i in range(len(values))]
        return _check(gradient, given + arriving, reached, raise_exception, atol=atol, rtol=rtol, **options)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"Expected {what}.")


_ABSENT = {
    "check_forward_ad": "there is no forward mode here",
    "check_fwd_over_rev": "there is no forward mode here",
    "check_batched_grad": "there is no vmap here",
    "masked": "there are no sparse Tensors here",
}


def _refuse(who: str, **options: bool | None) -> None:
    for name, value in options.items():
        if value:
            raise NotImplementedError(f"{who}: {name}=True is not supported, as {_ABSENT[name]}; leave it out.")


def _check_inputs(who: str, given: Sequence[Any]) -> None:
    if not any(_wanted(value) for value in given):
        kinds = ", ".join(type(value).__name__ for value in given) or "none at all"
        raise ValueError(
            f"{who} expects at least one input tensor to require gradient, but none of them have requires_grad=True "
            f"(the inputs: {kinds}); call requires_grad_() on those to check, or use testing.check_gradients, which "
            "checks every floating one."
        )


def _check(func: Func, given: tuple[Any, ...], reached: bool, raise_exception: bool, **options: Any) -> bool:
    """Let the checker check, and put what it found in PyTorch's form."""
    from ..testing import check_gradients

    carried = any(isinstance(value, np.ndarray) for value in given)
    arguments = [_Carried(value) if isinstance(value, np.ndarray) else value for value in given]
    called = _Call(func, given, reached) if reached or carried else func
    report = check_gradients(called, arguments, check_parameters=False, **options)
    report.add(_undefined(_trial(called, given)))
    if raise_exception:
        report.raise_if_wrong()
    return bool(report)


def _undefined(outputs: Sequence[Any]) -> list[Any]:
    """Find outputs that are not finite. The checker only notes that it cannot judge them; here nobody reads notes."""
    from ..testing import Finding

    message = "output {} is {} at {}, where no derivative can be told: check inputs at which the function is defined."
    findings = []
    for k, output in enumerate(outputs):
        for index in np.argwhere(~np.isfinite(output.array))[:1].tolist():
            findings.append(Finding("nan", message.format(k, output.array[tuple(index)], index)))
    return findings


def _trial(func: Func, given: Sequence[Any]) -> list[Any]:
    """Call a function on copies of its inputs; return the outputs that require grad."""
    copies = [value.detach().clone() if isinstance(value, runtime.Tensor) else value for value in given]
    for copy, value in zip(copies, given):
        if _wanted(value):
            copy.requires_grad_()
    return _differentiable(func(*copies))


def _reaches(outputs: Sequence[Any], inputs: Sequence[Any]) -> bool:
    """Tell whether tensors come up in the graph of the outputs, of a call that did not get them as arguments."""
    own = {value._edge for value in inputs if _wanted(value)}
    return any(node in own for node in topological([output._edge for output in outputs]))


def _differentiable(result: Any) -> list[Any]:
    from ..testing.subject import outputs_of

    return [output for output in outputs_of(result) if output.requires_grad]


def _draw(outputs: Sequence[Any], gaps: bool) -> tuple[Any, ...]:
    """Draw the gradients that arrive at the outputs: the same in every run, not by the user's generator."""
    rng = np.random.default_rng(0)
    pairs = [rng.uniform(-1, 1, (*output.shape, 2)).astype(output.dtype) for output in outputs]
    arrays = [pair[..., 0] if gaps else np.array(pair[..., 0], order="C") for pair in pairs]
    return tuple([runtime.wrap(array).requires_grad_() for array in arrays])


class _Carried:
    """An argument that the checker hands on as it is: an array would be differentiated."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Call:
    """A function under check, called with what PyTorch would call it with.

    ``reached``: it reaches its inputs by another way than its arguments too, as a lambda that calls a module, the
    inputs being the module's parameters. It is then called with the caller's own tensors, which for that time have
    the values, and the place in the graph, of those that the checker calls it with.
    """

    def __init__(self, func: Func, given: tuple[Any, ...], reached: bool) -> None:
        self.func, self.given, self.reached = func, given, reached
        self.__name__ = _name(func)

    def __call__(self, *args: Any) -> Any:
        values = [value.value if isinstance(value, _Carried) else value for value in args]
        return self._lend(values) if self.reached else self.func(*values)

    def _lend(self, values: list[Any]) -> Any:
        own = [(i, tensor) for i, tensor in enumerate(self.given) if _wanted(tensor)]
        before = [(tensor.array, tensor._node, tensor._view) for _, tensor in own]
        if modes.grad and not all(np.array_equal(tensor.array, values[i].array) for i, tensor in own):
            # Backward reads the tensors that were saved, and these have their own values again by then. The checker
            # goes without a second point when it may not record there.
            raise RuntimeError("gradcheck: a function that does not only get its inputs is recorded at these only.")
        try:
            for i, tensor in own:
                tensor.array, tensor._node, tensor._view = values[i].array, values[i]._node, None
                values[i] = tensor
            return self.func(*values)
        finally:
            for (_, tensor), fields in zip(own, before):
                tensor.array, tensor._node, tensor._view = fields


class _Gradient:
    """The gradient of a function, as a function of its inputs and of the gradients that arrive at its outputs."""

    def __init__(self, func: Func, given: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
        self.func, self.count = func, len(given)
        self.wanted = [_wanted(value) for value in given + arriving]
        self.__name__ = f"the gradient of {_name(func)}"

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        with enable_grad():
            points = [value.requires_grad_() for value, wanted in zip(args, self.wanted) if wanted]
            sources = points[: sum(self.wanted[: self.count])]
            outputs, arriving = _differentiable(self.func(*args[: self.count])), args[self.count :]
            if len(arriving) == len(outputs):
                pairs = [(output, g) for output, g in zip(outputs, arriving) if g is not None]
                outputs, arriving = [output for output, _ in pairs], tuple([g for _, g in pairs])
            found = grad(outputs, sources, arriving, create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])


def _wanted(value: Any) -> bool:
    return isinstance(value, runtime.Tensor) and value.requires_grad


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _name(func: Func) -> str:
    from ..testing.subject import name_of

    return name_of(func)
