"""The package's source as text: its modules by the names they are imported by, and their imports.

Nothing is imported here: a rule about imports must hold for a module that cannot be imported too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.repository import NN, PACKAGE

__all__ = ["Import", "Module", "imports_of", "package_folders", "package_modules"]


@dataclass(frozen=True)
class Module:
    """A module: ``ops.shape`` for ``tinygrad_edu/ops/shape.py``, ``""`` for the package itself."""

    name: str
    path: Path
    is_package: bool = False

    @property
    def dotted(self) -> str:
        """The name to import it by."""
        return f"tinygrad_edu.{self.name}".rstrip(".")

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=str(self.path))


@dataclass(frozen=True)
class Import:
    """One imported name.

    ``target`` is the dotted name of the module, ``ops.shape`` for one of our own (``ours``), and
    ``name`` is what was taken from it, None for ``import target``. ``where`` is ``top`` (run when
    the module is imported), ``inside`` (a function) or ``typing`` (if TYPE_CHECKING, never run).
    """

    target: str
    name: str | None
    ours: bool
    relative: bool
    where: str
    line: int


@cache
def package_modules() -> tuple[Module, ...]:
    """List the modules of the package; those of ``nn/`` once, whether or not the link is there."""
    found = [*_modules_below(PACKAGE, ""), *_modules_below(NN, "nn")]
    return tuple(sorted(found, key=lambda module: module.name))


def package_folders() -> dict[str, Path]:
    """Map every package (a folder with ``__init__.py``) by its dotted name to its folder."""
    return {m.dotted: m.path.parent for m in package_modules() if m.is_package}


def _modules_below(folder: Path, prefix: str) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if folder == PACKAGE and parts[0] == "nn":
            continue  # reached through the link
        is_package = parts[-1] == "__init__"
        names = parts[:-1] if is_package else parts
        yield Module(".".join([prefix, *names] if prefix else names), path, is_package)


def imports_of(module: Module, tree: ast.Module | None = None) -> list[Import]:
    """Read the imports of a module, in all of its functions too."""
    found: list[Import] = []
    _collect(module, module.tree if tree is None else tree, "top", found)
    return found


def _collect(module: Module, node: ast.AST, where: str, found: list[Import]) -> None:
    for child in ast.iter_child_nodes(node):
        inner = where
        if isinstance(child, ast.Import):
            found += [_absolute(alias.name, None, where, child.lineno) for alias in child.names]
        elif isinstance(child, ast.ImportFrom) and child.level:
            found += [_relative(module, child, alias.name, where) for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            target = child.module or ""
            found += [_absolute(target, alias.name, where, child.lineno) for alias in child.names]
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            inner = "inside"
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            inner = "typing"
        _collect(module, child, inner, found)


def _absolute(target: str, name: str | None, where: str, line: int) -> Import:
    first, _, rest = target.partition(".")
    ours = first == "tinygrad_edu"
    return Import(rest if ours else target, name, ours, False, where, line)


def _relative(module: Module, node: ast.ImportFrom, name: str, where: str) -> Import:
    parts = module.name.split(".") if module.name else []
    package = parts if module.is_package else parts[:-1]
    base = package[: len(package) - (node.level - 1)]
    target = ".".join([*base, *(node.module.split(".") if node.module else [])])
    submodule = f"{target}.{name}".lstrip(".")
    if submodule in {other.name for other in package_modules()}:
        return Import(submodule, None, True, True, where, node.lineno)
    return Import(target, name, True, True, where, node.lineno)
