"""How a strategy of ours is written: a function that draws. Hypothesis is imported when the first of them is called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["drawn", "hypothesis", "value_of"]

P = ParamSpec("P")
T = TypeVar("T")


def hypothesis() -> ModuleType:
    """Return the module ``hypothesis``, with its strategies loaded.

    Raises
    ------
    ImportError
        If it is not installed: it is an optional package.
    """
    try:
        import hypothesis.strategies
    except ImportError as error:
        raise ImportError(
            "tinygrad_edu.testing.strategies and check_gradients_given draw their inputs with hypothesis, which is not "
            'installed: pip install "tinygrad-edu[test]". check_gradients works without it.'
        ) from error
    return hypothesis


def drawn(function: Callable[Concatenate[DrawFn, P], T]) -> Callable[P, SearchStrategy[T]]:
    """Make a strategy of a function whose first argument draws: ``hypothesis.strategies.composite``, imported late."""

    @functools.cache
    def composite() -> Any:
        return hypothesis().strategies.composite(function)

    @functools.wraps(function)
    def strategy(*args: P.args, **kwargs: P.kwargs) -> SearchStrategy[T]:
        made: SearchStrategy[T] = composite()(*args, **kwargs)
        return made

    return strategy


def value_of(draw: DrawFn, given: Any) -> Any:
    """Draw from what is a strategy, and return anything else as it is."""
    return draw(given) if isinstance(given, hypothesis().strategies.SearchStrategy) else given
