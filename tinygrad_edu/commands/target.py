"""Find the function that a word such as ``my_op.py:swish`` names, and say in a sentence why it is not to be had."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from ..autograd import Function
from ..nn import Module
from ..testing.places import place_of

__all__ = ["find", "importable", "raised"]


def find(target: str) -> Callable[..., Any]:
    """Return the function that ``module:name`` or ``file.py:name`` names.

    Raises
    ------
    ValueError
        With a sentence, if it cannot be imported, is not there, or is nothing to call.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise ValueError(f"{target!r} does not say which function: write MODULE:NAME or FILE.py:NAME")
    return _differentiable(_follow(_load(place), place, name), target)


@contextlib.contextmanager
def importable(target: str) -> Iterator[None]:
    """Let imports find what lies beside a file, or in the current folder, as they do for a program there."""
    place = target.rpartition(":")[0]
    entry = str((Path(place).parent if _is_file(place) else Path()).resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _load(place: str) -> Any:
    """Import a module by its name, or a file by its path."""
    path = Path(place) if _is_file(place) else None
    if path and not path.is_file():
        raise ValueError(f"there is no file {place}")
    try:
        return _load_file(path) if path else importlib.import_module(place)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and not path and (place + ".").startswith(missing + "."):
            raise ValueError(f"there is no module {place!r}, here or among the installed packages") from None
        way_out = f"; give the module by its name, PACKAGE.{Path(place).stem}" * ("relative import" in str(error))
        raise ValueError(raised(f"importing {place}", error) + way_out) from error


def _load_file(path: Path) -> Any:
    name = path.stem if path.stem not in sys.modules else f"{path.stem} of {path.resolve().parent}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickles look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _follow(module: Any, place: str, name: str) -> Any:
    """Follow a dotted name through a module."""
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError:
        close = difflib.get_close_matches(name, dir(module), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"{place} has no {name!r}{hint}") from None


def _differentiable(found: Any, target: str) -> Callable[..., Any]:
    """Return what to call: the function itself, ``apply`` of a Function, an instance of a module's class."""
    if isinstance(found, type) and issubclass(found, Function):
        return found.apply
    if isinstance(found, type) and issubclass(found, Module):
        try:
            instance: Module = found()
        except Exception as error:
            way_out = f"make one in a file, such as layer = {found.__name__}(...), and give FILE.py:layer"
            raise ValueError(f"{target} cannot be made without arguments ({error}): {way_out}") from error
        return instance
    if isinstance(found, type) or not callable(found):
        kind = "a class" if isinstance(found, type) else f"of type {type(found).__name__}"
        rule = "give a function, an @op, an autograd.Function, or a module of nn"
        raise ValueError(f"{target} is {kind}, which cannot be differentiated: {rule}")
    function: Callable[..., Any] = found
    return function


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def raised(what: str, error: BaseException) -> str:
    """Say in one sentence which exception came, and from which line of the user's."""
    sentence = f"{what} raised {type(error).__name__}: {' '.join(str(error).split())}"
    place = place_of(error)
    return f"{sentence} ({Path(place.filename).name}, line {place.lineno})" if place else sentence
