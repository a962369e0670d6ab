"""Every example runs with few steps, and uses only what a user of the package may use."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT, files

EXAMPLES = [path for path in files() if path.parent == ROOT / "examples" and path.suffix == ".py"]
PUBLIC_MODULES = {
    "tinygrad_edu",
    "tinygrad_edu.autograd",
    "tinygrad_edu.autograd.functional",
    "tinygrad_edu.datasets",
    "tinygrad_edu.nn",
    "tinygrad_edu.nn.functional",
    "tinygrad_edu.nn.init",
    "tinygrad_edu.optim",
    "tinygrad_edu.random",
    "tinygrad_edu.testing",
    "tinygrad_edu.utils",
    "tinygrad_edu.utils.data",
    "tinygrad_edu.viz",
}


def private_uses(source: str) -> list[str]:
    """List the modules and underscored names of the package that a program may not use."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if is_hidden(alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names if a.name.startswith("_")]
            found += [node.module] if is_hidden(node.module) else names
        elif isinstance(node, ast.Attribute) and is_private(node):
            found.append(ast.unparse(node))
    return [use for use in found if not use.startswith("__future__")]


def is_hidden(module: str) -> bool:
    return module.partition(".")[0] == "tinygrad_edu" and module not in PUBLIC_MODULES


def is_private(node: ast.Attribute) -> bool:
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return node.attr.startswith("_") and not node.attr.startswith("__") and not own


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs_with_few_steps(path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(path), "--steps", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example says what it did"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_uses_the_public_interface_only(path: Path) -> None:
    assert private_uses(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("import tinygrad_edu as tg\nfrom tinygrad_edu.utils.data import DataLoader", []),
        ("class A:\n    def f(self):\n        return self._x", []),
        ("from tinygrad_edu.record import wrap", ["tinygrad_edu.record"]),
        ("import tinygrad_edu.ops.shape", ["tinygrad_edu.ops.shape"]),
        ("from tinygrad_edu.nn import _core", ["tinygrad_edu.nn._core"]),
        ("x = t._node", ["t._node"]),
    ],
)
def test_planted_private_use_is_found(source: str, uses: list[str]) -> None:
    assert private_uses(source) == uses
