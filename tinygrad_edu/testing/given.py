"""``check_gradients_given``: a check on inputs that hypothesis draws, and shrinks to the smallest that fails."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import Function
from ..autograd.gradcheck import GradcheckError
from ..nn import Module
from ..tensor import Tensor
from .check import check_gradients
from .reproducer import written_call
from .strategies.drawing import hypothesis
from .strategies.groups import Arguments
from .subject import name_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["check_gradients_given"]

Named = list[tuple[str, Any]]


def check_gradients_given(
    *group: SearchStrategy[Any], order: int = 2, max_examples: int | None = None, **arguments: SearchStrategy[Any]
) -> Callable[[Any], Any]:
    """Make a hypothesis test of a function of tensors: its derivatives are checked on every input that is drawn.

    Parameters
    ----------
    *group : strategies
        For the leading arguments: each draws a tuple of them, an :class:`~.strategies.Arguments`, or one argument.
        An array among the keywords of an ``Arguments`` is handed on by keyword and not checked, as
        :func:`check_gradients` does with its ``kwargs``; so is a Tensor that requires no grad. A Tensor that requires
        grad is checked.
    order : int
        Of the derivatives, as in :func:`check_gradients`.
    max_examples : int, optional
        How many inputs are drawn; by default as many as the hypothesis profile says.
    **arguments : strategies
        For the arguments of these names; floating arrays and Tensors that require grad are checked.

    Returns
    -------
    callable
        A decorator. It gives a test that pytest collects and that can be called without arguments;
        ``hypothesis.settings``, ``seed`` and ``example`` go on top of it, ``example`` with the names of ``arguments``.
        The function itself is its attribute ``function``. Arguments for which nothing is drawn are left to pytest:
        fixtures and parameters.

    Raises
    ------
    TypeError
        If there is no strategy, if something else stands in the place of one, or if the function does not take what
        is drawn.
    GradcheckError
        By the test, for the smallest input that it found with a wrong derivative: the report, and lines of code that
        repeat the check on that input.
    ImportError
        If hypothesis is not installed.

    Notes
    -----
    The test has no deadline, and the phase ``explain`` is left out. ``@settings`` on top of it replace this as well, so
    give ``deadline=None`` there.

    Examples
    --------
    >>> from tinygrad_edu.testing import check_gradients_given, strategies
    >>> @check_gradients_given(x=strategies.tensors(), y=strategies.tensors(shape=()))
    ... def test_scaled_sine(x, y):
    ...     return (x * y).sin()
    >>> test_scaled_sine()

    An op that exists already:

    >>> import tinygrad_edu as tg
    >>> check_gradients_given(strategies.broadcastable(2), max_examples=10)(tg.mul)()
    """
    every = {**dict(zip(_group_names(len(group)), group)), **arguments}
    _refuse_others(every)

    def decorate(function: Any) -> Any:
        signature = _signature_of(function)
        _refuse_unknown(function, signature, arguments)
        check = _check(function, signature, len(group), list(arguments), order)
        test = hypothesis().given(**every)(_with_settings(check, max_examples))
        test.function = test.place_as = function  # pytest shows the place of the second
        return test

    return decorate


def _check(function: Any, signature: inspect.Signature, groups: int, names: list[str], order: int) -> Any:
    """Make the function that hypothesis calls with what it has drawn, and pytest with the rest."""
    # How many arguments a group draws is not known yet, so beside one none is left to pytest.
    left = [name for name, p in signature.parameters.items() if p.kind is _PLAIN and p.default is p.empty]
    wanted = [*[name for name in left if not groups and name not in names], *_group_names(groups), *names]
    asked = inspect.Signature([inspect.Parameter(name, _PLAIN) for name in wanted])

    def check(*values: Any, **named: Any) -> None:
        __tracebackhide__ = True
        drawn = dict(asked.bind(*values, **named).arguments)
        leading, keywords = _joined([drawn.pop(name) for name in _group_names(groups)])
        args, kwargs = _bound(function, signature, leading, keywords, drawn)
        report = check_gradients(function, tuple(value for _, value in args), kwargs=kwargs, order=order)
        if not report.ok:
            code = written_call(function, args, kwargs, order).replace("\n", "\n    ")
            error = GradcheckError(f"{report}\n\n  to repeat it:\n    {code}")
            error.report = report
            raise error

    functools.update_wrapper(check, function, updated=())
    check.__name__ = name if (name := name_of(function)).isidentifier() else "function"
    check.__signature__ = asked  # type: ignore[attr-defined]
    return check


def _group_names(count: int) -> list[str]:
    return [f"group{i}" for i in range(count)]


_PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _with_settings(check: Any, max_examples: int | None) -> Any:
    """Take the profile's settings, but for what is asked, the deadline, and explanations.

    The first check of a process takes longer than the others, for what it imports. Hypothesis would explain a failure
    by the lines that only failing examples run; those are lines of the checker.
    """
    given = hypothesis()
    options = {} if max_examples is None else {"max_examples": max_examples}
    phases = [phase for phase in given.settings().phases if phase is not given.Phase.explain]
    check = given.settings(deadline=None, phases=phases, **options)(check)
    # Hypothesis refuses a second @settings; without its mark, the user's own replace these.
    vars(check).pop("_hypothesis_internal_settings_applied", None)
    return check


# ---- from what is drawn to the arguments of the function


def _joined(groups: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Put groups one after the other."""
    leading: list[Any] = []
    keywords: dict[str, Any] = {}
    for group in groups:
        found = group if isinstance(group, Arguments) else Arguments(group if isinstance(group, tuple) else (group,))
        leading += found.args
        keywords |= found.kwargs
    return leading, keywords


def _bound(
    function: Any, signature: inspect.Signature, leading: list[Any], keywords: dict[str, Any], named: dict[str, Any]
) -> tuple[Named, dict[str, Any]]:
    """Give by position what can be given so, because that is what is checked; each with its name.

    Arrays that were drawn as keywords stay keywords, and so does what comes after them.
    """
    try:
        given = signature.bind(*leading, **{**keywords, **named}).arguments
    except TypeError as error:
        raise TypeError(
            f"check_gradients_given: {name_of(function)}{signature} does not take the {len(leading)} leading arguments "
            f"and the keywords {sorted({**keywords, **named})} that were drawn: {error}."
        ) from None
    parameters = signature.parameters.values()
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    stay = [i for i, p in enumerate(plain) if p.name not in named and _is_constant(keywords.get(p.name))]
    end = min(stay, default=len(plain))
    last = max([i for i, p in enumerate(plain[:end]) if p.name in given], default=-1)
    args = [(p.name, given.get(p.name, p.default)) for p in plain[: last + 1]]
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            args += [(f"x{i}", value) for i, value in enumerate(given.get(p.name, ()), len(args))]
    by_keyword = [*plain[last + 1 :], *[p for p in parameters if p.kind is p.KEYWORD_ONLY]]
    kwargs = {p.name: given[p.name] for p in by_keyword if p.name in given}
    for p in parameters:
        kwargs |= given.get(p.name, {}) if p.kind is p.VAR_KEYWORD else {}
    for name, value in kwargs.items():
        if isinstance(value, Tensor) and value.requires_grad:
            raise TypeError(
                f"check_gradients_given: {name_of(function)}{signature} gets {name} by keyword, and derivatives are "
                "checked with respect to what is given by position; write a function that takes it by position, before "
                "the arrays that are drawn as keywords."
            )
    return args, kwargs


def _is_constant(value: Any) -> bool:
    """Tell whether a keyword is an array that nobody differentiates by."""
    return isinstance(value, np.ndarray) or (isinstance(value, Tensor) and not value.requires_grad)


def _signature_of(function: Any) -> inspect.Signature:
    """Read the arguments of a function; those of ``Function.apply`` and of modules stand at their ``forward``."""
    owner = getattr(function, "__self__", None)
    if not (isinstance(owner, type) and issubclass(owner, Function)):
        return inspect.signature(function.forward if isinstance(function, Module) else function)
    signature = inspect.signature(owner.forward)
    takes_ctx = owner.setup_context is Function.setup_context
    return signature.replace(parameters=list(signature.parameters.values())[takes_ctx:])


# ---- mistakes in the use


def _refuse_others(every: Mapping[str, Any]) -> None:
    """Raise unless there are strategies, and nothing but these."""
    if not every:
        raise TypeError(
            "check_gradients_given: there is nothing to draw; give a group of arguments, such as "
            "strategies.broadcastable(2), or strategies by name, such as x=strategies.tensors()."
        )
    for name, value in every.items():
        if not isinstance(value, hypothesis().strategies.SearchStrategy):
            raise TypeError(
                f"check_gradients_given: {name} is {value!r}, which is not a strategy; write @check_gradients_given("
                "x=strategies.tensors()) above the function, and hypothesis.strategies.just(...) for a fixed value."
            )


def _refuse_unknown(function: Any, signature: inspect.Signature, names: Mapping[str, Any]) -> None:
    """Raise for a name that the function does not take."""
    parameters = signature.parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    for name in names:
        if name not in signature.parameters:
            raise TypeError(
                f"check_gradients_given: {name_of(function)}{signature} has no argument {name!r}, for which a strategy "
                "was given; use the names that it has, or a group for its leading arguments."
            )
