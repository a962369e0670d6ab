"""Mistakes that everybody makes get a sentence: who, what was received, the rule, the way out; PyTorch's class."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import tinygrad_edu as tg

Library = Any


class Mistake(NamedTuple):
    """A program that is wrong, written for either library, and what ours says to it."""

    name: str
    make: Callable[[Library], Any]
    error: type[Exception]
    sentence: str


def leaf(library: Library) -> Any:
    return library.tensor([1.0, 2.0], requires_grad=True)


def nn(library: Library) -> ModuleType:
    return importlib.import_module(f"{library.__name__}.nn")


def functional(library: Library) -> ModuleType:
    return importlib.import_module(f"{library.__name__}.nn.functional")


def backward_twice(library: Library) -> None:
    loss = (leaf(library) ** 3).sum()
    loss.backward()
    loss.backward()


def write_to_a_saved_value(library: Library) -> None:
    x = leaf(library) * 1
    y = x * x
    x.exp_()
    y.sum().backward()


def write_to_a_saved_result(library: Library) -> None:
    y = leaf(library).exp()
    y[0] = 0.0
    y.sum().backward()


def write_to_a_leaf_by_index(library: Library) -> None:
    leaf(library)[0] = 3.0


def scores_and_labels(library: Library, labels: list[Any], dtype: Any = None) -> Any:
    return functional(library).cross_entropy(library.ones(2, 3), library.tensor(labels, dtype=dtype))


def load_linear(library: Library, **state: tuple[int, ...]) -> None:
    nn(library).Linear(2, 3).load_state_dict({name: library.ones(*shape) for name, shape in state.items()})


MISTAKES = [
    Mistake(
        "matmul of sizes that do not meet",
        lambda t: t.ones(2, 3) @ t.ones(4, 5),
        RuntimeError,
        r"cannot be multiplied \(2x3 and 4x5\): matmul got shapes \[2, 3\] and \[4, 5\].*last size.*transpose",
    ),
    Mistake(
        "convolution of the wrong channels",
        lambda t: functional(t).conv2d(t.ones(8, 3, 32, 32), t.ones(16, 4, 3, 3)),
        RuntimeError,
        r"weight.*\[16, 4, 3, 3\], expected input\[8, 3, 32, 32\] to have 4 channels, but got 3.*conv2d.*groups=",
    ),
    Mistake(
        "convolution with a kernel larger than the image",
        lambda t: functional(t).conv2d(t.ones(1, 1, 2, 2), t.ones(1, 1, 3, 3)),
        RuntimeError,
        r"\(2 x 2\). Kernel size: \(3 x 3\).*conv2d needs room for one window; pass padding= or a smaller kernel",
    ),
    Mistake(
        "shapes that do not broadcast",
        lambda t: t.ones(2, 3) + t.ones(4),
        RuntimeError,
        r"tensor a \(3\) must match.*tensor b \(4\).*add got shapes \[2, 3\] and \[4\].*equal or 1; use unsqueeze",
    ),
    Mistake(
        "linear of the wrong features",
        lambda t: nn(t).Linear(4, 5)(t.ones(2, 3)),
        RuntimeError,
        r"linear got input \[2, 3\] and weight \[5, 4\].*last size.*\(features out, features in\)",
    ),
    Mistake(
        "backward on a non-scalar",
        lambda t: (leaf(t) * 2).backward(),
        RuntimeError,
        r"implicitly created only for scalar outputs; this one has shape \[2\].*sum\(\).*pass gradient=",
    ),
    Mistake(
        "backward twice",
        backward_twice,
        RuntimeError,
        r"second time \(PowBackward0 has already freed what it saved.*retain_graph=True",
    ),
    Mistake(
        "backward on what wants no gradient",
        lambda t: t.ones(1).sum().backward(),
        RuntimeError,
        r"does not require grad and does not have a grad_fn: it was not computed from.*requires_grad=True.*no_grad",
    ),
    Mistake(
        "in-place on a leaf that requires grad",
        lambda t: leaf(t).add_(1),
        RuntimeError,
        r"a leaf Variable that requires grad is being used in an in-place operation: add_.*no_grad\(\).*out-of-place",
    ),
    Mistake(
        "setting an element of a leaf that requires grad",
        write_to_a_leaf_by_index,
        RuntimeError,
        r"a view of a leaf Variable that requires grad.*in-place operation: fill_.*no_grad\(\)",
    ),
    Mistake(
        "saved input changed in place",
        write_to_a_saved_value,
        RuntimeError,
        r"MulBackward0 \(mul\) saved a tensor of shape \[2\] at version 0; it is at version 1 since exp_.*clone\(\)",
    ),
    Mistake(
        "saved result changed in place",
        write_to_a_saved_result,
        RuntimeError,
        r"ExpBackward0 \(exp\) saved a tensor of shape \[2\].*since fill_ wrote to it.*clone\(\)",
    ),
    Mistake(
        "integer tensor with requires_grad",
        lambda t: t.tensor([1, 2], requires_grad=True),
        RuntimeError,
        r"floating point.*this one is Long \(int64\): convert it with \.float\(\)",
    ),
    Mistake(
        "labels of dtype int32",
        lambda t: scores_and_labels(t, [0, 1], t.int32),
        RuntimeError,
        r"expected target dtype to be Long or Byte, but got Int: cross_entropy takes class indices.*\.long\(\)",
    ),
    Mistake(
        "labels of a floating-point dtype",
        lambda t: scores_and_labels(t, [0.0, 1.0]),
        RuntimeError,
        r"expected target dtype to be Long or Byte, but got Float: cross_entropy takes class indices.*\.long\(\)",
    ),
    Mistake(
        "class index too large",
        lambda t: scores_and_labels(t, [0, 3]),
        IndexError,
        r"Target 3 is out of bounds. cross_entropy got scores of 3 classes.*0 to 2.*ignore_index",
    ),
    Mistake(
        "class index negative",
        lambda t: scores_and_labels(t, [0, -1]),
        IndexError,
        r"Target -1 is out of bounds. cross_entropy got scores of 3 classes",
    ),
    Mistake(
        "as many labels as no row",
        lambda t: scores_and_labels(t, [0, 1, 2]),
        ValueError,
        r"batch_size \(2\) to match target batch_size \(3\): cross_entropy got input \[2, 3\] and target \[3\]",
    ),
    Mistake(
        "missing key in load_state_dict",
        lambda t: load_linear(t, weight=(3, 2)),
        RuntimeError,
        r"(?s)loading state_dict for Linear:.*Missing key\(s\) in state_dict: \"bias\"",
    ),
    Mistake(
        "unexpected key in load_state_dict",
        lambda t: load_linear(t, weight=(3, 2), bias=(3,), scale=(1,)),
        RuntimeError,
        r"(?s)loading state_dict for Linear:.*Unexpected key\(s\) in state_dict: \"scale\"",
    ),
    Mistake(
        "wrong shape in load_state_dict",
        lambda t: load_linear(t, weight=(4, 2), bias=(3,)),
        RuntimeError,
        r"(?s)loading state_dict for Linear:.*size mismatch for weight.*4, 2.*3, 2",
    ),
    Mistake("adding a string", lambda t: t.ones(2) + "a", TypeError, r"unsupported operand.*'Tensor' and 'str'"),
    Mistake("adding None", lambda t: t.ones(2) + None, TypeError, r"unsupported operand.*'Tensor' and 'NoneType'"),
    Mistake("adding a list", lambda t: t.ones(2) + [1.0, 2.0], TypeError, r"unsupported operand.*'Tensor' and 'list'"),
]
every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))


@every_mistake
def test_mistake_gets_a_sentence(mistake: Mistake) -> None:
    with pytest.raises(mistake.error, match=mistake.sentence) as caught:
        mistake.make(tg)
    assert type(caught.value) is mistake.error


@every_mistake
def test_mistake_gets_the_class_of_pytorch(mistake: Mistake) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is what is asked for
        mistake.make(torch)
    assert type(caught.value) is mistake.error
