"""The graph and the walk: what is kept, what is freed, what accumulates, and that size does not matter."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import autograd
from tinygrad_edu.ops.part import Part


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), requires_grad=True)


def test_fan_out_adds_up() -> None:
    x = leaf(2.0)
    y = x * x + x + x
    y.sum().backward()
    assert x.grad.tolist() == [6.0]


def test_gradients_accumulate_over_backwards() -> None:
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]


def test_diamond_is_walked_once_per_node() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    calls = []
    y.register_hook(calls.append)
    y.sum().backward()
    assert len(calls) == 1
    assert x.grad.item() == 2.0**60


def test_chain_of_a_hundred_thousand_needs_no_recursion() -> None:
    x = y = leaf(1.0)
    for _ in range(100_000):
        y = y + 0.0
    y.sum().backward()
    assert x.grad.item() == 1.0
    (g,) = autograd.grad((y * 2).sum(), x)
    assert g.item() == 2.0
    del y  # freeing must not recurse either


def test_backward_twice_raises_when_values_were_saved() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time.*retain_graph=True"):
        y.backward()


def test_backward_twice_is_fine_when_nothing_was_saved() -> None:
    x = leaf(2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.item() == 2.0


def test_retain_graph_allows_another_backward() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12.0


def test_create_graph_gives_second_and_third_derivatives() -> None:
    x = leaf(2.0)
    (first,) = autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x, create_graph=True)
    (third,) = autograd.grad(second.sum(), x)
    assert (first.item(), second.item(), third.item()) == (32.0, 48.0, 48.0)


def test_grad_leaves_grad_alone() -> None:
    x, w = leaf(2.0), leaf(5.0)
    (g,) = autograd.grad((x * w).sum(), x)
    assert g.item() == 5.0
    assert x.grad is None
    assert w.grad is None


def test_grad_of_a_computed_tensor() -> None:
    x = leaf(2.0)
    y = x * 3
    z = (y * y).sum()
    g_y, g_x = autograd.grad(z, (y, x))
    assert (g_y.item(), g_x.item()) == (12.0, 36.0)


def test_grad_refuses_what_was_not_used() -> None:
    x, w = leaf(2.0), leaf(5.0)
    with pytest.raises(RuntimeError, match=r"not to have been used in the graph|not\s+have been used in the graph"):
        autograd.grad((x * 2).sum(), w)
    assert autograd.grad((x * 2).sum(), w, allow_unused=True) == (None,)
    (zeros,) = autograd.grad((x * 2).sum(), w, materialize_grads=True)
    assert zeros.tolist() == [0.0]


def test_grad_computes_only_what_leads_to_the_inputs() -> None:
    x, w = leaf(2.0), leaf(5.0)
    reached = []
    branch = w * 7
    branch.register_hook(reached.append)
    autograd.grad((x * 2 + branch).sum(), x)
    assert reached == []


def test_backward_with_inputs_accumulates_only_there() -> None:
    x, w = leaf(2.0), leaf(5.0)
    (x * w).sum().backward(inputs=[x])
    assert x.grad.item() == 5.0
    assert w.grad is None


def test_backward_needs_a_scalar_or_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"implicitly created only for scalar outputs.*\[2\]"):
        (x * 2).backward()
    (x * 2).backward(tg.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 20.0]
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(tg.tensor([1.0]))


def test_backward_on_a_constant_raises() -> None:
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        tg.tensor(1.0).backward()


def test_several_roots_at_once() -> None:
    x = leaf(3.0)
    y = x * 2
    autograd.backward([y.sum(), (y * x).sum()])
    assert x.grad.item() == 2 + 12


def test_a_root_below_another_root() -> None:
    x = leaf(3.0)
    y = x * 2
    autograd.backward([(y * y).sum(), y.sum()])
    assert x.grad.item() == 2 * 6 * 2 + 2


def test_integer_leaf_cannot_require_grad() -> None:
    with pytest.raises(RuntimeError, match=r"floating point.*Long \(int64\).*\.float\(\)"):
        tg.tensor([1, 2], requires_grad=True)


@pytest.mark.parametrize("op", [lambda x, y: x + y, lambda x, y: (x + y).reshape(2, 1), lambda x, y: x - (-y)])
def test_two_leaves_never_share_a_gradient(op) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    start = tg.ones(2) if op(x, y).ndim == 1 else tg.ones(2, 1)
    op(x, y).backward(start)
    with tg.no_grad():
        x.grad.mul_(0)
    assert y.grad.tolist() == [1.0, 1.0]
    assert start.array.ravel().tolist() == [1.0, 1.0]


def test_a_fresh_gradient_is_kept_without_a_copy() -> None:
    x = tg.ones(64, 64, requires_grad=True)
    seen = []

    class Watch(autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value * 1

        @staticmethod
        def backward(ctx, g):
            seen.append(g.array.__array_interface__["data"][0])
            return g

    out = Watch.apply(x)
    (out * 2.0).sum().backward()
    assert x.grad.array.__array_interface__["data"][0] == seen[0]


def test_gradient_has_its_inputs_dtype() -> None:
    x = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    y = tg.tensor([1.0, 2.0], dtype=tg.float32, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (tg.float64, tg.float32)


def test_invalid_vjp_shape_is_named() -> None:
    from tinygrad_edu.op import op

    @op(vjps=(lambda g, _out, _x: g.reshape(2, 1),))
    def broken(x):
        return x * 1

    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"BrokenBackward0 returned an invalid gradient: got \[2, 1\].*\[2\]"):
        broken(x).sum().backward()


def test_memory_is_flat_over_training_without_gc() -> None:
    w = tg.ones(50, 50, requires_grad=True)
    x = tg.ones(20, 50)

    def step() -> None:
        loss = ((x @ w).tanh() ** 2).mean()
        loss.backward()
        with tg.no_grad():
            w.sub_(w.grad * 0.01)
        w.grad = None

    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            step()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            step()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 20_000


def test_nothing_of_a_finished_graph_is_a_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = (x * 2).exp() * 2.0
        y[0] = 3.0
        y.retain_grad()
        z = y[1:].tanh().sum()
        z.backward()
        refs = [weakref.ref(t) for t in (x, y, z)]
        del x, y, z
        assert [r() is None for r in refs] == [True, True, True]
    finally:
        gc.enable()


class SquareKeepingItsOutput(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return 2 * x * g


def test_training_a_network_makes_no_cycles() -> None:
    nn = tg.nn
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    optimizer = tg.optim.Adam(net.parameters())
    images, labels = tg.randn(4, 1, 6, 6), tg.tensor([0, 1, 2, 0])

    def step() -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(SquareKeepingItsOutput.apply(net(images)), labels)
        loss.backward()
        optimizer.step()

    step()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            step()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_function_that_saves_its_output_dies_without_backward() -> None:
    gc.collect()
    gc.disable()
    try:
        y = SquareKeepingItsOutput.apply(leaf(2.0))
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_grad_mode_is_of_the_thread() -> None:
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not tg.is_grad_enabled()
    assert seen == [True]


def test_backward_in_several_threads() -> None:
    results = {}

    def work(number: int) -> None:
        x = leaf(float(number))
        for _ in range(50):
            x.grad = None
            (x * x).sum().backward()
        results[number] = x.grad.item()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {n: 2.0 * n for n in range(4)}


def test_saved_arrays_are_what_the_derivative_names() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    assert (x + y).grad_fn.saved_arrays() == []
    assert len((x * y).grad_fn.saved_arrays()) == 2
    assert len((x * 2.0).grad_fn.saved_arrays()) == 0
    constant = tg.tensor([5.0, 6.0])
    kept = (x * constant).grad_fn.saved_arrays()
    assert len(kept) == 1
    assert kept[0] is constant.array


def test_next_functions_lead_to_the_leaves() -> None:
    x = leaf(1.0)
    y = x * 2 + 1
    assert y.grad_fn.name() == "AddBackward0"
    mul = y.grad_fn.next_functions[0][0]
    assert mul.name() == "MulBackward0"
    end = mul.next_functions[0][0]
    assert end.name() == "AccumulateGrad"
    assert end.variable is x


def test_reference_counts_decide_without_error_on_this_python() -> None:
    from tinygrad_edu.autograd.leaf import _limits

    if hasattr(sys, "getrefcount"):
        assert all(limit > 0 for limit in _limits)


def test_composite_of_many_ops_matches_numeric_gradient() -> None:
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=(3, 4))

    def f(x):
        return ((x * 0.5).sigmoid() @ x.T.tanh()).exp().mean()

    x = tg.tensor(x0, requires_grad=True)
    f(x).backward()
    eps = 1e-6
    for index in [(0, 0), (2, 3), (1, 2)]:
        up, down = x0.copy(), x0.copy()
        up[index] += eps
        down[index] -= eps
        numeric = (f(tg.tensor(up)) - f(tg.tensor(down))).item() / (2 * eps)
        assert x.grad[index].item() == pytest.approx(numeric, rel=1e-6)


# ---- pieces: what arrives at a part of a tensor is added in its place


def pieces_added_up(x: tg.Tensor) -> tg.Tensor:
    first, second = x.split([1, 2])
    loss = (x * 2).sum() + (first * 3).sum() + (second * x[1:]).sum() + (x[:, 0] * x[:, -1]).sum()
    for i, row in enumerate(x.unbind()):
        loss = loss + (row * (i + 1)).sum() + x[i].exp().sum() + x.narrow(1, 1, 1).select(0, i).sum()
    return loss + x.narrow(0, 0, 3).sum()


def test_overlapping_pieces_and_the_whole_add_up_as_in_a_recorded_pass() -> None:
    values = np.random.default_rng(0).normal(size=(3, 2))
    x = tg.from_numpy(values).requires_grad_()
    pieces_added_up(x).backward()
    (recorded,) = autograd.grad(pieces_added_up(x), x, create_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), recorded.detach().numpy(), rtol=1e-12)
    h = 1e-6
    for place in np.ndindex(3, 2):
        moved = [values.copy(), values.copy()]
        moved[0][place] += h
        moved[1][place] -= h
        up, down = (pieces_added_up(tg.from_numpy(m)).item() for m in moved)
        assert x.grad.numpy()[place] == pytest.approx((up - down) / (2 * h), rel=1e-7)


def test_pieces_are_padded_once_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    padded = []
    original = Part.padded
    monkeypatch.setattr(Part, "padded", lambda part, dtype: padded.append(part.shape) or original(part, dtype))
    x = tg.ones(50, 4, requires_grad=True)
    sum(row * i for i, row in enumerate(x.unbind())).sum().backward()
    assert padded == [(50, 4)]
    assert x.grad[:, 0].tolist() == list(range(50))


def test_a_piece_is_not_added_to_a_gradient_that_somebody_else_holds() -> None:
    x, seen = tg.ones(3, requires_grad=True), []
    y = x * 1
    z = y * 2
    z.register_hook(lambda g: seen.append(g))  # z's gradient becomes y's: 2 g, another array; w's is the same one
    w = y + 0
    w.register_hook(lambda g: seen.append(g))
    (w.sum() + y[1] * 5 + z.sum()).backward()
    assert [g.tolist() for g in seen] == [[1.0, 1.0, 1.0]] * 2
    assert x.grad.tolist() == [3.0, 8.0, 3.0]


def test_pieces_reach_hooks_targets_and_anomaly_mode_as_whole_gradients() -> None:
    x, seen = leaf(1.0, 2.0, 3.0), []
    y = x * 1
    y.register_hook(lambda g: seen.append(g.tolist()))
    (g,) = autograd.grad(y[1] * 2 + y[2] * 3, y)
    assert g.tolist() == seen[0] == [0.0, 2.0, 3.0]
    with pytest.warns(UserWarning, match="Anomaly"):
        detecting = autograd.detect_anomaly()
    with detecting, pytest.raises(RuntimeError, match="GetitemBackward0"):
        (x * 1)[0].backward(tg.tensor(float("nan")))


# ---- fan-out: the second gradient is added into the first where nobody else holds that


def test_second_gradient_needs_no_memory_where_the_first_is_held_by_nobody_else() -> None:
    x = tg.ones(100_000, requires_grad=True)
    y = x * 1
    loss = ((y * 2) * (y * 3)).sum()  # both products send y a fresh array
    tracemalloc.start()
    try:
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert x.grad.tolist() == [12.0] * 100_000
    assert peak < 3.5 * x.array.nbytes  # what arrives and two results; the sum is in one of them


@pytest.mark.parametrize("hold", ["root", "hook", "saved", "view"])
def test_first_gradient_is_not_written_to_where_somebody_holds_it(hold: str) -> None:
    x, held = tg.ones(3, requires_grad=True), []
    root = tg.tensor([1.0, 2.0, 3.0])

    class Keep(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            mine = g * 1
            held.append(mine[:2] if hold == "view" else mine)
            return mine

    y = x * 1
    first = Keep.apply(y) if hold in ("saved", "view") else y.clone() if hold == "hook" else y
    if hold == "hook":
        first.register_hook(held.append)
    outs = [first, y * 10]
    autograd.backward(outs, [root, root])
    assert x.grad.tolist() == [11.0, 22.0, 33.0]
    assert root.tolist() == [1.0, 2.0, 3.0]
    assert [h.tolist() for h in held] == ([] if hold == "root" else [[1.0, 2.0, 3.0][: 2 if hold == "view" else 3]])
