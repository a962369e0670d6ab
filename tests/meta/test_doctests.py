"""The examples in docstrings run and print what they say."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from support.source import Module, package_modules
from tinygrad_edu.op import OPS, Op, op

MODULES = [module for module in package_modules() if module.name != "__main__"]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples_in(module: ModuleType) -> Iterator[doctest.DocTest]:
    """Find the examples of a module, those of its ops too, which doctest takes for plain values.

    A method that points to an op has the op's docstring; its examples run where the op stands.
    """
    finder = doctest.DocTestFinder(exclude_empty=True)
    of_ops = {op.__doc__ for op in OPS.values()}
    yield from (found for found in finder.find(module, module.__name__) if found.docstring not in of_ops)
    for name, value in vars(module).items():
        if isinstance(value, Op) and value.forward.__module__ == module.__name__:
            yield from finder.find(value.forward, f"{module.__name__}.{name}", module)


def failures_in(module: ModuleType) -> int:
    """Run a module's examples; what went wrong is printed."""
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in examples_in(module):
        runner.run(example)
    return runner.failures


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.dotted)
def test_examples_in_docstrings_run(module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if module.name.startswith("fast."):
        pytest.importorskip("numba")
    monkeypatch.chdir(tmp_path)
    assert failures_in(importlib.import_module(module.dotted)) == 0


@pytest.mark.parametrize(("printed", "failures"), [("6", 0), ("7", 1)])
def test_examples_of_an_op_are_run(printed: str, failures: int) -> None:
    module = ModuleType("planted")

    def twice(x: int) -> int:
        return 2 * x

    twice.__doc__ = f"Double.\n\n>>> twice(3)\n{printed}\n"
    twice.__module__ = "planted"
    module.twice = op(vjps=(lambda g, _out, _x: 2 * g,))(twice)  # type: ignore[attr-defined]
    assert failures_in(module) == failures
