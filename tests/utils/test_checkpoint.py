from __future__ import annotations

import contextlib
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.autograd import grad
from tinygrad_edu.utils.checkpoint import checkpoint, checkpoint_sequential

Pair = namedtuple("Pair", "a b")


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), dtype=np.float64, requires_grad=True)


@pytest.mark.parametrize("use_reentrant", [False, True])
@pytest.mark.parametrize("computed", [False, True])
def test_gradients_are_those_without_a_checkpoint(use_reentrant: bool, computed: bool) -> None:
    found = []
    for wrapped in (False, True):
        x, w = leaf(1.0, 2.0, 3.0), leaf(0.5, -1.0, 2.0)

        def block(a: Any, w: Any = w) -> Any:
            return (a * w).exp() * a

        start = x * x if computed else x
        y = checkpoint(block, start, use_reentrant=use_reentrant) if wrapped else block(start)
        (y * start).sum().backward()
        found.append([y.tolist(), x.grad.tolist(), w.grad.tolist()])
    assert found[0] == found[1]


def test_intermediate_values_are_not_kept() -> None:
    kept: list[Any] = []

    def block(a: Any) -> Any:
        inner = a * 2
        kept.append(weakref.ref(inner.array))
        return (inner * inner).exp()

    x = leaf(1.0)
    plain = block(x)
    assert kept[0]() is not None
    y = checkpoint(block, x, use_reentrant=False)
    assert kept[1]() is None
    y.backward()
    assert len(kept) == 3
    assert kept[2]() is None
    assert y.tolist() == plain.tolist()


def test_function_is_called_twice_with_gradients_and_once_without() -> None:
    calls = []

    def block(a: Any) -> Any:
        calls.append(tg.is_grad_enabled())
        return a * 2

    x = leaf(1.0)
    with tg.no_grad():
        assert not checkpoint(block, x, use_reentrant=False).requires_grad
    assert calls == [False]
    checkpoint(block, x, use_reentrant=False).backward()
    assert calls == [False, True, True]
    assert not checkpoint(block, tg.ones(1), use_reentrant=False).requires_grad


def test_random_numbers_are_drawn_again_and_those_after_are_not_disturbed() -> None:
    def noisy(a: Any) -> Any:
        return a * tg.rand(1000, dtype=np.float64)

    x = leaf(*[1.0] * 1000)
    y = checkpoint(noisy, x, use_reentrant=False)
    after = tg.get_rng_state()
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    assert tg.get_rng_state() == after
    z = checkpoint(noisy, x, use_reentrant=False, preserve_rng_state=False)
    x.grad = None
    z.sum().backward()
    assert x.grad.tolist() != z.tolist()


def test_gradients_of_chosen_tensors() -> None:
    x, w = leaf(2.0), leaf(3.0)
    start = x * x
    y = checkpoint(lambda a: a * a * w, start, use_reentrant=False)
    g_start, g_w = grad(y, [start, w], retain_graph=True)
    assert (g_start.item(), g_w.item()) == (24.0, 16.0)
    assert x.grad is w.grad is None
    (g_x,) = grad(y, x)
    assert g_x.item() == 96.0


def test_gradients_can_be_differentiated_again() -> None:
    x, w = leaf(1.5), leaf(0.7)

    def block(a: Any) -> Any:
        return (a * w).exp() * a

    for start in (x, x * 1.0):
        results = []
        for y in (block(start), checkpoint(block, start, use_reentrant=False)):
            (first,) = grad(y, x, create_graph=True)
            (second,) = grad(first, x, create_graph=True)
            mixed = grad(second, [x, w])
            results.append([t.item() for t in (first, second, *mixed)])
        np.testing.assert_allclose(results[1], results[0], rtol=1e-12)


def test_checkpoint_inside_a_checkpoint() -> None:
    x = leaf(1.1)

    def inner(a: Any) -> Any:
        return a * a * x

    def outer(a: Any) -> Any:
        return checkpoint(inner, a * 2, use_reentrant=False) * a

    checkpoint(outer, x, use_reentrant=False).backward()
    expected = x.detach().clone().requires_grad_()
    (4 * expected**4).backward()
    assert x.grad.item() == pytest.approx(expected.grad.item())


def test_tensors_stand_in_structures() -> None:
    x, y = leaf(2.0), leaf(5.0)

    def block(pair: Any, *, scale: Any, names: Any) -> Any:
        product = pair.a * pair.b * scale["s"][0]
        return {"out": [product, (product * 2, "text")], "names": names}

    computed = [x * 1, y * 1, leaf(3.0) * 1]
    result = checkpoint(
        block,
        Pair(computed[0], computed[1]),
        scale=OrderedDict(s=(computed[2],)),
        names=["n"],
        use_reentrant=False,
    )
    assert result["names"] == ["n"]
    product, (double, text) = result["out"]
    assert text == "text"
    grads = grad(product + double, computed)
    assert [g.item() for g in grads] == [45.0, 18.0, 30.0]


def test_only_outputs_that_were_used_send_gradients_back() -> None:
    x = leaf(2.0)
    first, second, count = checkpoint(lambda a: (a * 2, a * 3, a > 1), x, use_reentrant=False)
    assert count.tolist() == [True]
    assert not count.requires_grad
    second.backward()
    assert x.grad.tolist() == [3.0]
    assert first.requires_grad


def test_what_is_handed_through_is_left_alone() -> None:
    x = leaf(2.0)
    computed = x * 1
    result = checkpoint(lambda a, b: (a, b, a * b), x, computed, use_reentrant=False)
    assert result[0] is x
    assert result[1] is computed
    (result[0] + result[1] + result[2]).backward()
    assert x.grad.tolist() == [6.0]


def test_computed_tensor_belongs_into_the_arguments() -> None:
    x, w = leaf(2.0), leaf(3.0)
    captured = w * w
    y = checkpoint(lambda a: a * captured, x, use_reentrant=False)
    with pytest.raises(RuntimeError, match=r"tensor of its closure .* Pass that tensor as an arg"):
        (y + captured).backward()
    w.grad = None
    captured = w * w
    y = checkpoint(lambda a, b: a * b, x, captured, use_reentrant=False)
    (y + captured).backward()
    assert x.grad.tolist() == [9.0]
    assert w.grad.tolist() == [18.0]


def test_computed_tensor_in_a_closure_that_is_used_nowhere_else() -> None:
    x, w = leaf(2.0), leaf(3.0)
    captured = w * w
    checkpoint(lambda a: a * captured, x, use_reentrant=False).backward()
    assert x.grad.tolist() == [9.0]
    assert w.grad.tolist() == [12.0]


def test_argument_that_was_written_to_is_noticed() -> None:
    x = leaf(2.0)
    computed = x * 1
    y = checkpoint(lambda a: a * a, computed, use_reentrant=False)
    computed.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_second_backward_needs_the_graph_to_be_retained() -> None:
    x = leaf(2.0)
    y = checkpoint(lambda a: a * a, x, use_reentrant=False)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_function_that_changes_its_mind_is_noticed() -> None:
    answers = iter([lambda a: (a * 2, a * 3), lambda a: a * 2])
    y, z = checkpoint(lambda a: next(answers)(a), leaf(1.0), use_reentrant=False)
    with pytest.raises(RuntimeError, match="did not return the same when it was called again"):
        (y + z).backward()


def test_choice_of_implementation() -> None:
    x = leaf(1.0)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(lambda a: a * 2, x).backward()
    assert x.grad.tolist() == [2.0]
    with pytest.raises(ValueError, match="Unexpected keyword arguments: b,c; they need use_reentr"):
        checkpoint(lambda a, b, c: a, x, b=1, c=2, use_reentrant=True)


@pytest.mark.parametrize("segments", [1, 2, 3, 7])
def test_sequential(segments: int) -> None:
    x = leaf(0.3, 0.4)
    weights = [leaf(0.1 * i, 1.0) for i in range(7)]
    calls = []

    def layer(i: int) -> Any:
        def call(a: Any) -> Any:
            calls.append(i)
            return (a * weights[i]).exp()

        return call

    y = checkpoint_sequential([layer(i) for i in range(7)], segments, x, use_reentrant=False)
    assert calls == list(range(7))
    y.sum().backward()
    last = 7 // segments * (segments - 1)
    assert sorted(calls[7:]) == list(range(last))
    found = [t.grad.tolist() for t in (x, *weights)]
    for t in (x, *weights):
        t.grad = None
    plain = x
    for i in range(7):
        plain = layer(i)(plain)
    plain.sum().backward()
    assert found == [t.grad.tolist() for t in (x, *weights)]


def test_sequential_without_a_choice_warns_once() -> None:
    functions = [lambda a: a * 2] * 4
    with pytest.warns(UserWarning, match="use_reentrant") as caught:
        y = checkpoint_sequential(functions, 4, leaf(1.0))
    assert len(caught) == 1
    assert y.tolist() == [16.0]


def test_the_two_calls_run_in_contexts_of_their_own() -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def noting(name: str) -> Iterator[None]:
        seen.append(f"enter {name}")
        yield
        seen.append(f"leave {name}")

    def block(a: Any) -> Any:
        seen.append("call")
        return a * a

    x = leaf(3.0)
    y = checkpoint(block, x, use_reentrant=False, context_fn=lambda: (noting("first"), noting("second")))
    assert seen == ["enter first", "call", "leave first"]
    y.backward()
    assert seen[3:] == ["enter second", "call", "leave second"]
    assert x.grad.tolist() == [6.0]


def test_other_shape_in_the_second_call_is_noticed_unless_the_check_is_off() -> None:
    def build(**options: Any) -> tg.Tensor:
        answers = iter([lambda a: a * 2, lambda a: a[:1] * 2])
        return checkpoint(lambda a: next(answers)(a), leaf(1.0, 2.0), use_reentrant=False, **options)

    y = build()
    with pytest.raises(RuntimeError, match=r"output 0 was \[2\] float64 and is \[1\] float64"):
        y.sum().backward()
    y = build(determinism_check="none")
    with pytest.raises(RuntimeError, match="shape"):  # it is the gradient that does not fit
        y.sum().backward()


def test_options_that_change_nothing_are_accepted() -> None:
    x = leaf(3.0)
    checkpoint(lambda a: a * a, x, use_reentrant=False, debug=True, early_stop=False).backward()
    assert x.grad.tolist() == [6.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"use_reentrant": True, "context_fn": lambda: (nullcontext(), nullcontext())}, "`context_fn` or `debug` is"),
        ({"use_reentrant": True, "debug": True}, "only supported when use_reentrant=False"),
        ({"use_reentrant": False, "determinism_check": "strict"}, "one of 'default' and 'none', but got 'strict'"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checkpoint(lambda a: a, leaf(1.0), **options)


def test_arguments_are_given_back_after_backward() -> None:
    x = leaf(2.0)
    start = x * x
    y = checkpoint(lambda pair: pair["a"] * pair["a"], {"a": start}, use_reentrant=False)
    memory = weakref.ref(start.array)
    del start
    assert memory() is not None
    y.backward()
    assert memory() is None
    assert x.grad.tolist() == [32.0]
