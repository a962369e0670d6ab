import gc

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.profiler import profile

N = 1000
SIZE = 4 * N  # bytes of one float32 tensor


def rows_of(prof):
    rows = prof.key_averages()
    return {row.key: (row.self_cpu_memory_usage, row.cpu_memory_usage, row.kept_memory_usage) for row in rows}


def test_bytes_of_a_known_program():
    x, y = tg.ones(N, requires_grad=True), tg.ones(N, requires_grad=True)
    with profile(profile_memory=True) as prof:
        a = x * y  # keeps x and y, which are there anyway
        b = a.exp()  # keeps its result
        c = b * b  # keeps b, which is kept already
        d = c.sin()  # keeps c
        d.sum().backward()
        del a, b, c, d
    rows = rows_of(prof)
    assert rows["mul"] == (2 * SIZE, 2 * SIZE, 0)
    assert rows["exp"] == (SIZE, SIZE, SIZE)
    assert rows["sin"] == (SIZE, SIZE, SIZE)
    assert rows["sum"] == (4, 4, 0)
    summary = prof.events().summary
    assert summary.peak_kept == 2 * SIZE


def test_views_take_no_memory():
    x = tg.ones(10, 100)
    with profile(profile_memory=True) as prof:
        x[:5].t().unsqueeze(0)
        x[:5].reshape(-1, 2)
        x.expand(7, 10, 100)
        y = x.exp()
        y.t().reshape(5, 200)  # a copy: its elements are not in a row
    assert {key: own for key, (own, _, _) in rows_of(prof).items() if own} == {"exp": SIZE, "reshape": SIZE}


def test_what_several_results_share_counts_once():
    @tg.op(vjps=(None,))
    def both(x):
        return np.concatenate([x, x])[: len(x)]

    with profile(profile_memory=True) as prof:
        result = both(tg.ones(N))
    assert rows_of(prof)["both"][0] == 2 * SIZE == 2 * result.numpy().nbytes  # a piece holds the whole


def test_memory_of_calls_inside_belongs_to_them():
    @tg.op(vjps=(lambda g, _out, x: tg.exp(x) * g * 1.0,))
    def f(x):
        return x * 1.0

    x = tg.ones(N, requires_grad=True)
    with profile(profile_memory=True) as prof:
        f(x).backward(tg.ones(N))
    rows = rows_of(prof)
    assert rows["exp"] == (SIZE, SIZE, 0)
    assert rows["FBackward0"] == (SIZE, 2 * SIZE, 0)
    assert rows["AccumulateGrad"] == (0, 0, 0)  # the leaf takes the array over
    assert rows["autograd::engine"][1] == 2 * SIZE


def test_residuals_and_custom_functions_are_kept():
    class Double(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            middle = x * 1.0
            ctx.save_for_backward(middle)
            return middle * 2.0

        @staticmethod
        def backward(ctx, g):
            (middle,) = ctx.saved_tensors
            return g * 2.0 + middle * 0.0

    x = tg.ones(N, requires_grad=True)
    with profile(profile_memory=True) as prof:
        Double.apply(x).backward(tg.ones(N))
    assert rows_of(prof)["Double"] == (0, 2 * SIZE, SIZE)
    assert prof._recorder.ledger.kept[-1][1] == 0

    @tg.op(vjps=(lambda g, _out, residual, _x: g * residual,), residual=True)
    def square(x):
        return x * x, 2 * x

    with profile(profile_memory=True) as prof:
        square(x).backward(tg.ones(N))
    assert rows_of(prof)["square"] == (2 * SIZE, 2 * SIZE, SIZE)


@pytest.mark.parametrize("end", ["backward", "forget"])
def test_what_is_kept_is_let_go_by_backward_or_with_the_graph(end):
    x = tg.ones(N, requires_grad=True)
    with profile(profile_memory=True) as prof:
        y = x.exp().exp().sum()
        if end == "backward":
            y.backward()
        del y
    gc.collect()
    kept = [amount for _, amount in prof._recorder.ledger.kept]
    assert kept == [SIZE, 2 * SIZE, SIZE, 0]


def test_results_that_nobody_holds_are_let_go():
    x = tg.ones(N)
    with profile(profile_memory=True) as prof:
        for _ in range(5):
            x.exp()
    amounts = [amount for _, amount in prof._recorder.ledger.results]
    assert amounts == [SIZE, 0] * 5
    assert prof.events().summary.peak_results == SIZE


def test_nothing_is_held_by_the_profile():
    import weakref

    x = tg.ones(N, requires_grad=True)
    with profile(profile_memory=True, with_modules=True, record_shapes=True) as prof:
        y = x.exp()
        array, node = weakref.ref(y.array), weakref.ref(y.grad_fn)
        del y
        assert (array(), node()) == (None, None)
    assert len(prof.events()) == 1


def test_empty_results_and_in_place_writes():
    with profile(profile_memory=True) as prof:
        x = tg.zeros(0, 3, requires_grad=True)
        x.exp().sum().backward()
        y = tg.ones(N).requires_grad_() * 2.0
        y.exp_()
        y.sum().backward()
    rows = rows_of(prof)
    assert rows["exp"] == (SIZE, SIZE, SIZE)  # made, then copied into the memory of y, which is what it keeps
    assert prof.events().summary.peak_kept == SIZE


def test_what_a_kernel_writes_in_place_is_kept_once():
    x = tg.ones(N, requires_grad=True)
    with profile(profile_memory=True) as prof:
        y = x * 2.0
        y.relu_()
        y.exp().sum().backward()
    kept = [amount for _, amount in prof._recorder.ledger.kept]
    assert kept == [SIZE, 2 * SIZE, SIZE, 0]
    rows = rows_of(prof)
    assert rows["exp"][2] == SIZE
    assert rows.get("relu_", rows.get("relu"))[2] == SIZE


def test_memory_has_its_columns_only_when_asked_for():
    with profile(profile_memory=True) as prof:
        tg.ones(N).exp()
    table = prof.key_averages().table(sort_by="self_cpu_memory_usage")
    assert "CPU Mem  Self CPU Mem  Kept for bwd    # of Calls" in table
    assert "3.91 KB" in table
    assert table.endswith("Peak memory of results: 3.91 KB, kept for backward: 0 B\n")
    with profile() as prof:
        tg.ones(N).exp()
    assert "Mem" not in prof.key_averages().table()
    assert prof.events()[0].cpu_memory_usage == 0
