"""Random programs of views, in-place writes, indexing and arithmetic: the same values, gradients and refusals as
PyTorch's, statement by statement.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

SHAPES = [(), (3,), (2, 3), (3, 1), (2, 1, 3), (4,), (2, 2)]

# A statement is (kind, numbers). The numbers choose variables, axes and positions, modulo what there is, so that
# every list of numbers is a program.
UNARY = ["exp", "tanh", "sigmoid", "sin", "relu", "neg", "abs", "clone"]
BINARY = ["add", "sub", "mul", "div"]
INPLACE_UNARY = ["tanh_", "sigmoid_", "relu_", "neg_", "sin_", "exp_", "zero_"]
INPLACE_BINARY = ["add_", "sub_", "mul_", "copy_"]
VIEWS = ["select", "slice", "step", "ellipsis", "new_axis", "transpose", "reshape", "flatten", "unsqueeze", "squeeze"]
VIEWS += ["expand", "chunk", "unbind", "detach", "narrow", "view", "permute", "diagonal"]
WRITES = ["set_int", "set_slice", "set_mask", "set_list", "set_number", "masked_fill_"]
READS = ["take_list", "take_mask", "sum", "mean", "amax", "cat", "stack", "where"]

statements = st.tuples(
    st.sampled_from(UNARY + BINARY + 2 * (INPLACE_UNARY + INPLACE_BINARY) + 2 * VIEWS + 2 * WRITES + READS),
    st.lists(st.integers(0, 11), min_size=4, max_size=4),
    st.sampled_from([True] * 9 + [False]),  # whether recording is on
)
starts = st.lists(st.tuples(st.sampled_from(SHAPES), st.booleans(), st.booleans()), min_size=2, max_size=3)


class Machine:
    """Runs a program on one library; the other runs the same one on its own."""

    def __init__(self, library: Any, begin: list[tuple[tuple[int, ...], bool, bool]]) -> None:
        self.library = library
        self.leaves: list[Any] = []
        self.variables: list[Any] = []
        for number, (shape, requires_grad, computed) in enumerate(begin):
            values = np.linspace(-1.3, 1.7, int(np.prod(shape))).reshape(shape) + 0.1 * number
            leaf = library.tensor(values, dtype=library.float64, requires_grad=requires_grad)
            self.leaves.append(leaf)
            self.variables.append(leaf * 1 if computed else leaf)

    def step(self, statement: tuple[str, list[int], bool]) -> str:
        """Run one statement; return what it was refused with, or nothing."""
        kind, numbers, recorded = statement
        recorded = recorded or kind in VIEWS  # a view made under no_grad is ambiguous in PyTorch itself
        x = self.variables[numbers[0] % len(self.variables)]
        y = self._fitting(tuple(x.shape), numbers[1])
        try:
            with self.library.set_grad_enabled(recorded):
                result = self._run(kind, x, y, numbers[2], numbers[3])
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            return type(error).__name__
        if result is not None and len(self.variables) < 12:
            self.variables.append(result)
        return ""

    def _fitting(self, shape: tuple[int, ...], choice: int) -> Any:
        """Choose a variable that broadcasts with the shape, where there is one."""
        fitting = []
        for v in self.variables:
            try:
                np.broadcast_shapes(shape, tuple(v.shape))
            except ValueError:
                continue
            fitting.append(v)
        return fitting[choice % len(fitting)]

    def _run(self, kind: str, x: Any, y: Any, a: int, b: int) -> Any:
        library, ndim = self.library, x.ndim
        axis = a % ndim if ndim else 0
        size = x.shape[axis] if ndim else 1
        if kind in ("zero_", "copy_", *WRITES) and expanded(x):
            return None  # PyTorch lets some writes to expanded tensors pass; here every one is refused
        if kind in BINARY:
            return getattr(library, kind)(x, y * y + 1 if kind == "div" else y)
        if kind in INPLACE_BINARY:
            return _nothing(getattr(x, kind)(y * 1 if partly_overlap(x, y) else y))
        if kind in INPLACE_UNARY:
            return _nothing(getattr(x, kind)())
        if kind in UNARY:
            return getattr(x, kind)()
        if kind in WRITES:
            return _nothing(self._write(kind, x, y, a, b))
        if kind == "select":
            return x[a % max(len(x), 1)]
        if kind == "slice":
            return x[a % 3 :]
        if kind == "step":
            return x[:: 1 + a % 2]
        if kind == "ellipsis":
            return x[..., b % max(x.shape[-1], 1) if ndim else 0]
        if kind == "new_axis":
            return x[None]
        if kind == "transpose":
            return x.transpose(axis, b % max(ndim, 1))
        if kind == "permute":
            return x.permute(tuple(range(ndim))[::-1])
        if kind in ("reshape", "view"):
            return getattr(x, kind)((-1,) if a % 2 else (1, *x.shape))
        if kind == "flatten":
            return x.flatten()
        if kind == "unsqueeze":
            return x.unsqueeze(a % (ndim + 1))
        if kind == "squeeze":
            return x.squeeze() if b % 2 else x.squeeze(axis)
        if kind == "expand":
            return x.expand((2, *x.shape))
        if kind == "chunk":
            return x.chunk(2, axis)[0]
        if kind == "unbind":
            return x.unbind(axis)[0]
        if kind == "narrow":
            return x.narrow(axis, b % max(size, 1), 1)
        if kind == "diagonal":
            return x.diagonal()
        if kind == "detach":
            return x.detach()
        if kind == "take_list":
            return x[[0, a % max(len(x), 1), 0]]
        if kind == "take_mask":
            return x[x > 0]
        if kind in ("sum", "mean", "amax"):
            return getattr(x, kind)(axis) if b % 2 else getattr(x, kind)()
        if kind in ("cat", "stack"):
            return getattr(library, kind)([x, x if b % 2 else y], axis)
        assert kind == "where"
        return library.where(x > 0, x, y)

    def _write(self, kind: str, x: Any, y: Any, a: int, b: int) -> Any:
        # `* 1`: what is written shares no memory with where it goes; PyTorch reads while it writes.
        if kind == "set_int":
            x[a % max(len(x), 1)] = y[b % max(len(y), 1)] * 1
        elif kind == "set_slice":
            x[..., a % 2 :] = y[..., a % 2 :] * 1
        elif kind == "set_mask":
            x[x > 0.5] = 0.25 * a
        elif kind == "set_list" and len(x):  # an empty axis has no place 0: a second mistake hides the first
            x[[0, a % max(len(x), 1)]] = y[b % max(len(y), 1)] * 1
        elif kind == "set_number":
            x[a % max(len(x), 1)] = 0.5 * b
        elif kind == "masked_fill_":
            x.masked_fill_(x < 0, 0.5)

    def finish(self) -> Any:
        """Differentiate everything that can be, to the leaves; a refusal counts as a result."""
        terms = [v.sum() for v in self.variables if known(v)[0] is True]
        wanted = [leaf for leaf in self.leaves if leaf.requires_grad]
        if not terms or not wanted:
            return []
        try:
            found = self.library.autograd.grad(sum(terms[1:], terms[0]), wanted, allow_unused=True)
        except RuntimeError:
            return "RuntimeError"
        return [np.zeros(tuple(w.shape)) if g is None else g.numpy() for w, g in zip(wanted, found)]


def _nothing(_: Any) -> None:
    return None


@given(starts, st.lists(statements, min_size=1, max_size=10))
@settings(max_examples=300)
def test_programs_behave_as_in_pytorch(begin: Any, program: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = Machine(tg, begin), Machine(torch, begin)
        for statement in program:
            assert ours.step(statement) == theirs.step(statement), statement
            compare(ours.variables, theirs.variables)
        a, b = ours.finish(), theirs.finish()
    if isinstance(a, str) or isinstance(b, str):
        assert a == b
        return
    for g, h in zip(a, b):
        np.testing.assert_allclose(g, h, rtol=1e-9, atol=1e-9)


def compare(ours: list[Any], theirs: list[Any]) -> None:
    """Compare values and what autograd knows of every variable."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)
        assert tuple(a.shape) == tuple(b.shape)
        assert known(a) == known(b)


def known(tensor: Any) -> tuple[Any, ...]:
    """Say what autograd knows of a tensor; a view that can no longer be used says so when it is used."""
    try:
        tensor * 1
        return tensor.requires_grad, tensor.is_leaf, tensor._version
    except RuntimeError:
        return ("refused", tensor._version)


def expanded(tensor: Any) -> bool:
    """Tell whether a tensor shows some of its memory more than once."""
    return tensor.numel() > 0 and any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape))


def partly_overlap(x: Any, y: Any) -> bool:
    """Tell whether ``y`` lies in the memory of ``x`` in another way: PyTorch refuses some, or reads while it writes."""
    (a, b), (c, d) = memory(x), memory(y)
    return a < d and c < b and (tuple(x.shape), x.stride()) != (tuple(y.shape), y.stride())


def memory(tensor: Any) -> tuple[int, int]:
    """Return the addresses between which a tensor's elements lie."""
    reach = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride()) if size)
    return tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size()
