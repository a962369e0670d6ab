"""Who may import whom: the table of the architecture, held against the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_edu
from support.repository import ROOT
from support.source import Import, Module, imports_of, package_modules

# What nn, optim and utils build on: the public Tensor and the ops. Hooks and versions, not graphs.
PUBLIC = {"tensor", "creation", "random", "dtypes", "ops.*"}
PUBLIC |= {"autograd", "autograd.hooks", "autograd.versions"}
SPEED = {"kernels", "parallel"}

# Module: what of ours it may import. A row holds for a module and for those below it that have no
# row of their own; those that share a row may import each other. "ops.*" is ops and all below it.
MAY_IMPORT: dict[str, set[str]] = {
    "op": set(),
    "cases": set(),
    "dtypes": set(),
    "atomic": set(),
    "config": {"kernels", "parallel"},
    "memory": set(),
    "parallel": set(),
    "kernels": set(),  # it loads "fast" by name, when a kernel is first called
    "fast": {"parallel"},
    "ops": {"op", "cases", "dtypes"} | SPEED,
    "autograd": {"op", "dtypes", "ops.*"},
    "autograd.graph": {"ops.*", "autograd.watching"},  # the walk knows nodes, not Tensors
    "autograd.anomaly": {"autograd.watching"},
    "autograd.watching": set(),
    "autograd.gradcheck": {"op", "autograd.*", "testing", "testing.subject"},  # PyTorch's front door to the checker
    "autograd.hooks": set(),
    "autograd.modes": set(),
    "record": {"op", "dtypes", "ops.*", "autograd.*"},
    "inplace": {"op", "dtypes", "ops.*", "autograd.*", "record"},
    "formatting": {"dtypes"},
    "protocols": {"op"},
    "arguments": {"dtypes", "record"},
    "conversions": {
        "arguments",
        "dtypes",
        "ops.*",
        "record",
        "inplace",
        "random",
    },  # random: what draws in place
    "methods": {"op", "dtypes", "ops.*", "record", "inplace"},
    "tensor": {"op", "dtypes", "ops.*", "autograd.*", "record", "inplace"}
    | {"conversions", "formatting", "memory", "methods", "protocols"},
    "creation": {"arguments", "dtypes", "record", "tensor"},
    "random": {"arguments", "dtypes", "record", "tensor", "creation"},
    "structure": {"tensor", "creation", "nn.parameter"},  # a Parameter is read back as a Parameter
    "serialization": {"atomic", "creation", "structure", "tensor"},
    "datasets": {"atomic"},
    "nn": PUBLIC,
    "optim": PUBLIC | SPEED,
    "utils": PUBLIC,
    "viz": {"atomic", "cases", "creation", "tensor", "op", "record", "autograd.*", "nn"},
    "viz.plots": PUBLIC | {"nn", "nn.functional", "viz.colours"},
    "viz.recording": PUBLIC | {"atomic", "nn", "viz.one_page", "viz.wording"},
    # It stands around what it times: it replaces attributes of these while it runs, and none of them knows it.
    "profiler": {"atomic", "op", "record", "tensor", "autograd.*", "nn", "optim"},
    "testing": {"autograd.gradcheck", "cases", "nn", "op"} | PUBLIC,
    "training": {"atomic", "serialization", "datasets", "nn", "optim", "utils.*", "viz"} | PUBLIC,
    "commands": {
        "autograd",
        "cases",
        "creation",
        "nn",
        "random",
        "tensor",
        "testing",
        "testing.places",
        "testing.primal",
    }
    | {"viz"},
    "cli": {"", "commands.*", "training"},
    "__main__": {"cli"},
}
MAY_BE_IMPORTED_BY = {"viz": {"commands", "training"}, "training": {"cli"}, "cli": {"__main__"}}
MAY_BE_IMPORTED_BY |= {"testing": {"autograd.gradcheck", "commands"}, "commands": {"cli"}}
PROGRAMS = {"commands", "training", "cli", "__main__"}

REQUIRED = {"numpy", "scipy", "graphviz", "threadpoolctl", "tqdm"}
OPTIONAL = {"hypothesis", "matplotlib", "numba", "pygraphviz", "pytest", "safetensors"}
ONLY_STANDARD_LIBRARY = {"op", "atomic"}
ONLY_NUMPY = {"cases", "dtypes"}
# Imported by the functions that need them, so that `import tinygrad_edu` stays fast.
LAZY = {"scipy", "graphviz", "threadpoolctl", "tqdm"} | OPTIONAL
NUMBA = "fast"  # the package that is compiled; nobody imports it but kernels, which loads it by name

USERS_OF_THE_PUBLIC_NAMES = ("nn", "optim", "utils")


def is_below(name: str, prefix: str) -> bool:
    return name == prefix or (prefix != "" and name.startswith(prefix + "."))


def matches(name: str, allowed: str) -> bool:
    return is_below(name, allowed[:-2]) if allowed.endswith(".*") else name == allowed


def row_of(name: str) -> str:
    """Find the most specific row of the table for a module."""
    rows = [row for row in MAY_IMPORT if is_below(name, row)]
    assert rows, f"{name} has no row in MAY_IMPORT: say what it may import"
    return max(rows, key=len)


def own_rules(module: Module, found: Import) -> str | None:
    """Say what is wrong with an import of one of our own modules, None if nothing is."""
    if not found.relative:
        return "imports inside the package are relative"
    if module.name == "":
        return "the package does not import its programs" if found.target in PROGRAMS else None
    row = row_of(module.name)
    if is_below(found.target, row):
        return None
    if not any(matches(found.target, allowed) for allowed in MAY_IMPORT[row]):
        return f"{row} may import only {sorted(MAY_IMPORT[row]) or 'nothing of ours'}"
    return None


def foreign_rules(module: Module, found: Import) -> str | None:
    """Say what is wrong with an import of somebody else's module, None if nothing is."""
    package = found.target.partition(".")[0]
    if package == "torch":
        return "PyTorch is the tests' oracle; the package never imports it"
    if package in sys.stdlib_module_names:
        return None
    if module.name in ONLY_STANDARD_LIBRARY:
        return f"{module.name} imports the standard library only"
    if module.name in ONLY_NUMPY and package != "numpy":
        return f"{module.name} imports NumPy only"
    if package not in REQUIRED | OPTIONAL:
        return "it is not one of the package's dependencies"
    compiled = is_below(module.name, NUMBA)
    if package == "numba" and not compiled:
        return "numba belongs to fast"
    if package in LAZY and found.where == "top" and not compiled:  # fast is itself imported when it is needed
        return "import it inside the function that needs it"
    return None


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def violations(module: Module, tree: ast.Module | None = None) -> list[str]:
    """List the imports of a module that break a rule, each with the rule."""
    broken = []
    for found in imports_of(module, tree):
        rule = own_rules(module, found) if found.ours else foreign_rules(module, found)
        if rule is None and found.ours and is_private(found.name or ""):
            rule = "a leading underscore is private to its module"
        if rule is not None:
            what = ".".join(filter(None, [found.target, found.name]))
            broken.append(f"{module.path}:{found.line} {module.dotted} imports {what}: {rule}")
    return broken


@pytest.mark.parametrize("module", package_modules(), ids=lambda module: module.dotted)
def test_module_imports_only_what_the_table_allows(module: Module) -> None:
    assert violations(module) == []


def test_every_row_of_the_table_names_a_module() -> None:
    names = {module.name for module in package_modules()}
    assert set(MAY_IMPORT) <= names, sorted(set(MAY_IMPORT) - names)


@pytest.mark.parametrize("leaf", MAY_BE_IMPORTED_BY)
def test_a_leaf_is_imported_by_nobody_else(leaf: str) -> None:
    importers = {row for row, allowed in MAY_IMPORT.items() if {leaf, leaf + ".*"} & allowed}
    assert importers == MAY_BE_IMPORTED_BY[leaf]


@pytest.mark.parametrize(
    ("name", "source", "rule"),
    [
        ("op", "from .tensor import Tensor", "op may import only nothing of ours"),
        ("op", "import numpy", "the standard library only"),
        ("cases", "import scipy", "NumPy only"),
        ("ops.shape", "from ..tensor import Tensor", "ops may import only"),
        ("ops.shape", "def f():\n    from .. import tensor", "ops may import only"),
        ("ops.shape", "import scipy.special", "inside the function"),
        ("ops.shape", "from tinygrad_edu.op import op", "are relative"),
        ("autograd.graph", "from ..tensor import Tensor", "autograd.graph may import only"),
        ("tensor", "from .viz import draw", "tensor may import only"),
        ("nn.linear", "from ..record import wrap", "nn may import only"),
        ("nn.linear", "from ..autograd.graph import Node", "nn may import only"),
        ("", "from .training import train", "does not import its programs"),
        ("nn.linear", "from ..tensor import _secret", "private to its module"),
        ("optim.sgd", "from ..nn import Module", "optim may import only"),
        ("viz.draw", "import matplotlib.pyplot as plt", "inside the function"),
        ("viz.draw", "def f():\n    import torch", "never imports it"),
        ("viz.draw", "import pandas", "not one of the package's dependencies"),
    ],
)
def test_planted_violation_is_found(name: str, source: str, rule: str) -> None:
    found = violations(Module(name, Path("planted.py")), ast.parse(source))
    assert len(found) == 1
    assert rule in found[0]
    assert "planted.py:" in found[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ops.shape", "from ..op import op\nfrom . import linalg\nimport numpy as np"),
        ("ops.shape", "def erf(x):\n    from scipy import special"),
        ("nn.linear", "from .. import ops\nfrom . import init\nfrom .module import Module"),
        ("cli", "from . import __version__\nfrom .training import train"),
    ],
)
def test_allowed_imports_are_not_reported(name: str, source: str) -> None:
    assert violations(Module(name, Path("planted.py")), ast.parse(source)) == []


def private_attributes(tree: ast.Module, private: set[str]) -> list[str]:
    """List the uses of the named attributes, ``x._node``, with their lines."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [f"line {a.lineno}: {ast.unparse(a)}" for a in attributes if a.attr in private]


def private_slots() -> set[str]:
    """Name the attributes that a Tensor keeps to itself and the engine."""
    classes = tinygrad_edu.Tensor.__mro__
    slots = {name for cls in classes for name in getattr(cls, "__slots__", ())}
    return set(filter(is_private, slots))


@pytest.mark.parametrize(
    "module",
    [m for m in package_modules() if m.name.startswith(USERS_OF_THE_PUBLIC_NAMES)],
    ids=lambda module: module.dotted,
)
def test_nn_optim_and_utils_leave_the_private_parts_of_a_tensor_alone(module: Module) -> None:
    assert private_attributes(module.tree, private_slots()) == []


def test_planted_use_of_a_private_part_is_found() -> None:
    slot = min(private_slots())
    assert private_attributes(ast.parse(f"x = 1\ny = x.{slot}"), private_slots()) == [f"line 2: x.{slot}"]


def test_importing_the_package_loads_nothing_that_only_some_functions_need() -> None:
    program = "import sys, tinygrad_edu; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "numpy" in loaded
    assert not set(loaded) & (LAZY | {"torch"})
