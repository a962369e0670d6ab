"""Public names: every module says which are its own, they exist, and they are documented."""

from __future__ import annotations

import ast
import importlib
import inspect
from types import ModuleType

import pytest

import tinygrad_edu
from support.source import Module, package_modules
from tinygrad_edu.op import FUNCTIONS, OPS

PUBLIC_MODULES = [
    module
    for module in package_modules()
    if module.name != "__main__" and not any(p.startswith("_") for p in module.name.split("."))
]


def load(module: Module) -> ModuleType:
    if module.name.startswith("fast."):
        pytest.importorskip("numba")
    return importlib.import_module(module.dotted)


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.dotted)
def test_module_lists_its_public_names_once_and_they_exist(module: Module) -> None:
    loaded = load(module)
    names = loaded.__all__ if names_bound_in(module.tree) else []
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(loaded, name)] == []
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.dotted)
def test_public_functions_and_classes_are_documented(module: Module) -> None:
    loaded = load(module)
    public = {name: getattr(loaded, name) for name in getattr(loaded, "__all__", [])}
    ours = {name: thing for name, thing in public.items() if is_ours(thing)}
    assert [name for name, thing in ours.items() if not own_docstring(thing)] == []


def is_ours(thing: object) -> bool:
    """Tell the functions and classes of the package from plain values and other types."""
    return callable(thing) and getattr(thing, "__module__", "").startswith("tinygrad_edu")


def own_docstring(thing: object) -> str | None:
    """Return the docstring that was written for ``thing``, not one that it inherits."""
    return thing.__dict__.get("__doc__") if inspect.isclass(thing) else thing.__doc__


def names_bound_in(tree: ast.Module) -> set[str]:
    """List the public names that a module binds by importing or assigning them."""
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.If):  # what type checkers see, and __getattr__ imports when it is asked for
            bound |= names_bound_in(ast.Module(node.body, []))
    return {name for name in bound if not name.startswith("_")} - {"annotations"}


def test_the_package_exports_exactly_what_its_init_names() -> None:
    (init,) = [module for module in package_modules() if module.name == ""]
    assert names_bound_in(init.tree) == set(tinygrad_edu.__all__) - {"__version__"}


def test_names_bound_in_reads_imports_assignments_and_definitions() -> None:
    source = "from __future__ import annotations\nfrom .a import b as c, _d\ne = 1\ndef f(): ..."
    assert names_bound_in(ast.parse(source)) == {"c", "e", "f"}


@pytest.mark.parametrize("name", sorted([*OPS, *FUNCTIONS]))
def test_registered_op_explains_itself(name: str) -> None:
    thing = OPS.get(name) or FUNCTIONS[name].__wrapped__
    summary = inspect.cleandoc(thing.__doc__ or "").partition("\n")[0]
    assert len(summary) > 10, f"{name}: {summary!r}"
    assert summary.endswith((".", ":")), f"{name}: {summary!r}"
