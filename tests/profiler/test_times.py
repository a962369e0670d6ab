import threading
from collections import Counter

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.profiler import profile, record_function


def by_key(prof, **options):
    return {event.key: event for event in prof.key_averages(**options)}


def names(prof):
    return [event.name for event in prof.events()]


def test_times_of_calls_inside_calls_are_exact(clock, ops):
    x = tg.ones(2, requires_grad=True)
    with profile() as prof:
        clock.spend(100)
        with record_function("block"):
            clock.spend(10)
            y = ops.slow(ops.slow(x))
        y.backward(tg.ones(2))
        clock.spend(1)
    rows = by_key(prof)
    found = {key: (row.count, row.self_cpu_time_total, row.cpu_time_total, row.cpu_time) for key, row in rows.items()}
    assert found == {
        "block": (1, 10, 24, 24),
        "slow": (2, 14, 14, 7),
        "autograd::engine": (1, 0, 14, 14),
        "SlowBackward0": (2, 10, 14, 7),
        "quick": (2, 4, 4, 2),
        "AccumulateGrad": (1, 0, 0, 0),
    }
    summary = prof.events().summary
    assert (summary.wall, summary.outside) == (139, 101)
    assert summary.phases == {"forward": 14, "backward": 14, "optimizer": 0}
    assert prof.key_averages().self_cpu_time_total == prof.events().self_cpu_time_total == 38 == 139 - 101


def test_intervals_lie_inside_each_other(clock, ops):
    x = tg.ones(2, requires_grad=True)
    with profile() as prof:
        clock.spend(3)
        ops.slow(x).backward(tg.ones(2))
    slow, engine, back, quick, leaf = prof.events()
    assert [event.time_range.start for event in (slow, engine, back, quick, leaf)] == [3, 10, 10, 15, 17]
    assert [event.time_range.elapsed_us() for event in (slow, engine, back, quick, leaf)] == [7, 7, 7, 2, 0]
    assert (slow.cpu_parent, engine.cpu_children, back.cpu_children, quick.cpu_parent) == (
        None,
        [back, leaf],
        [quick],
        back,
    )
    assert [event.phase for event in (slow, engine, back, quick, leaf)] == ["forward"] + ["backward"] * 4


def test_a_call_inside_one_of_its_name_counts_once_in_the_total(clock):
    @record_function("f")
    def f(n):
        clock.spend(1)
        return f(n - 1) if n else None

    with profile() as prof:
        f(3)
    (row,) = prof.key_averages()
    assert (row.count, row.self_cpu_time_total, row.cpu_time_total, row.cpu_time) == (4, 4, 4, 2.5)


def test_real_times_add_up_to_no_more_than_the_wall_time():
    x = tg.randn(64, 64, requires_grad=True)
    with profile() as prof:
        for _ in range(3):
            (x @ x).relu().sum().backward()
    summary = prof.events().summary
    assert 0 < prof.events().self_cpu_time_total <= summary.wall
    assert prof.events().self_cpu_time_total + summary.outside == pytest.approx(summary.wall)
    assert all(event.self_cpu_time_total >= 0 for event in prof.events())


def test_every_call_is_counted():
    x, y = tg.ones(3, requires_grad=True), tg.ones(3)
    with profile() as prof:
        z = x * y + 2.0 * x
        z = z.exp()
        z.sum().backward()
        x.detach().add_(1.0)
    ours = "mul mul add exp sum add autograd::engine SumBackward0 broadcast_to ExpBackward0 AddBackward0"
    ours += " MulBackward0 MulBackward0 AccumulateGrad"
    assert {key: row.count for key, row in by_key(prof).items()} == Counter(ours.split())


def test_custom_function_appears_by_its_name():
    class Cube(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = tg.tensor([2.0], requires_grad=True)
    with profile() as prof:
        Cube.apply(x).backward()
    assert names(prof) == [
        "Cube",
        "mul",
        "mul",
        "autograd::engine",
        "CubeBackward",
        "mul",
        "mul",
        "mul",
        "AccumulateGrad",
    ]
    cube, back = (next(e for e in prof.events() if e.name == name) for name in ("Cube", "CubeBackward"))
    assert (len(cube.cpu_children), len(back.cpu_children)) == (2, 3)
    assert x.grad.item() == 12


def test_an_op_that_raises_is_timed_and_the_profile_goes_on(clock):
    @tg.op(vjps=(lambda g, _out, _x: g,))
    def broken(x):
        clock.spend(4)
        raise KeyError("broken")

    with profile() as prof:
        with pytest.raises(KeyError), record_function("around"):
            broken(tg.ones(1))
        tg.ones(1).exp()
    assert [(e.name, e.cpu_time_total, e.cpu_parent is None) for e in prof.events()] == [
        ("around", 4, True),
        ("broken", 4, False),
        ("exp", 0, True),
    ]


def test_labels_that_end_in_another_order_end_what_is_inside_them(clock):
    outer, inner = record_function("outer"), record_function("inner")
    with profile() as prof:
        outer.__enter__()
        inner.__enter__()
        clock.spend(1)
        outer.__exit__()
        inner.__exit__()
        with record_function("after"):
            clock.spend(1)
    assert [(event.name, event.cpu_parent) for event in prof.events()] == [("outer", None), ("after", None)]


def test_a_label_does_nothing_where_no_profile_runs():
    @record_function("label")
    def add(a, b=1):
        """Add."""
        return a + b

    assert (add(1, b=2), add.__doc__, add.__name__) == (3, "Add.", "add")
    with record_function("label") as label:
        assert label.name == "label"


def test_a_label_that_outlives_the_profile_is_dropped():
    label = record_function("label")
    with profile() as prof:
        label.__enter__()
    label.__exit__()
    assert names(prof) == []


def test_events_say_which_thread_they_ran_in():
    x = tg.ones(2)
    ready = threading.Barrier(2)

    def work():
        ready.wait()
        for _ in range(50):
            x.exp()
        seen.append(threading.get_native_id())

    seen = [threading.get_native_id()]
    with profile() as prof:
        other = threading.Thread(target=work)
        other.start()
        ready.wait()
        with record_function("main"):
            for _ in range(50):
                x.sin()
        other.join()
    calls = {(event.name, event.thread) for event in prof.events()}
    assert calls == {("main", seen[0]), ("sin", seen[0]), ("exp", seen[1])}
    assert {e.cpu_parent and e.cpu_parent.name for e in prof.events() if e.name == "exp"} == {None}
    assert {row.key: row.count for row in prof.key_averages()} == {"main": 1, "sin": 50, "exp": 50}


@pytest.mark.parametrize("kind", [tg.optim.SGD, tg.optim.Adam])
def test_optimizers_have_pytorchs_names(kind):
    weight = tg.ones(2, requires_grad=True)
    optimizer = kind([weight], lr=0.1)
    with profile() as prof:
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
    name = kind.__name__
    rows = by_key(prof)
    assert rows[f"Optimizer.step#{name}.step"].count == rows[f"Optimizer.zero_grad#{name}.zero_grad"].count == 1
    assert {e.phase for e in prof.events() if e.kind == "optimizer"} == {"optimizer"}


def test_an_optimizer_of_ones_own_is_timed(clock):
    class Nudge(tg.optim.Optimizer):
        def step(self, closure=None):
            clock.spend(6)
            return 5

    optimizer = Nudge([tg.ones(1, requires_grad=True)], {})
    with profile() as prof:
        assert optimizer.step() == 5
    assert [(e.name, e.cpu_time_total) for e in prof.events()] == [("Optimizer.step#Nudge.step", 6)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x)).tanh()


def test_modules_are_called_by_their_path_and_own_their_ops_both_ways():
    model = Net()
    with profile(with_modules=True) as prof:
        model(tg.ones(5, 3)).sum().backward()
    calls = [event.name for event in prof.events() if event.kind == "module"]
    assert calls == [f"nn.Module: Net{path}" for path in ("", ".first", ".first.0", ".first.1", ".second")]
    owners = {(e.name, e.module_hierarchy) for e in prof.events() if e.kind == "op"}
    assert owners >= {
        *[("linear", "Net.first.0"), ("relu", "Net.first.1"), ("linear", "Net.second"), ("tanh", "Net")],
        *[("LinearBackward0", "Net.first.0"), ("ReluBackward0", "Net.first.1"), ("LinearBackward0", "Net.second")],
    }
    rows = prof.key_averages(group_by_module=True)
    found = {(row.key, row.module_hierarchy): row.count for row in rows}
    assert found["LinearBackward0", "Net.first.0"] == found["LinearBackward0", "Net.second"] == 1
    assert "Module" in rows.table().splitlines()[1].split()


def test_two_models_of_a_class_have_two_names():
    first, second = nn.ReLU(), nn.ReLU()
    with profile(with_modules=True) as prof:
        for model in (first, second, first):
            model(tg.ones(1))
    calls = [event.name for event in prof.events() if event.kind == "module"]
    assert calls == ["nn.Module: ReLU", "nn.Module: ReLU_1", "nn.Module: ReLU"]


def test_modules_keep_their_names_when_checkpointing_calls_them_again():
    model = Net()
    with profile(with_modules=True) as prof:
        out = tg.utils.checkpoint.checkpoint(model, tg.ones(5, 3), use_reentrant=False)
        out.sum().backward()
    calls = [(event.name, event.phase) for event in prof.events() if event.name.endswith(".second")]
    assert calls == [("nn.Module: Net.second", "forward"), ("nn.Module: Net.second", "backward")]


def test_modules_have_no_rows_unless_asked_for():
    with profile() as prof:
        Net()(tg.ones(5, 3))
    assert {event.kind for event in prof.events()} == {"op"}


def test_shapes_of_inputs():
    x, y = tg.ones(2, 3, requires_grad=True), tg.ones(3)
    with profile(record_shapes=True) as prof:
        tg.cat([x * y, x * 2.0]).sum().backward()
        x.exp()
        y.exp()
    shapes = {event.name: event.input_shapes for event in prof.events()}
    assert shapes["cat"] == [[[2, 3], [2, 3]]]
    assert shapes["SumBackward0"] == [[]]
    assert shapes["CatBackward0"] == [[4, 3]]
    assert [e.input_shapes for e in prof.events() if e.name == "mul"][:2] == [[[2, 3], [3]], [[2, 3], []]]
    rows = prof.key_averages(group_by_input_shape=True)
    assert [row.input_shapes for row in rows if row.key == "exp"] == [[[2, 3]], [[3]]]
    assert len([row for row in prof.key_averages() if row.key == "exp"]) == 1
    assert "[[2, 3], [3]]" in rows.table()


def test_shapes_are_not_noted_unless_asked_for():
    with profile() as prof:
        tg.ones(2).exp()
    assert prof.events()[0].input_shapes == []
    assert "Input Shapes" not in prof.key_averages().table()


def test_stack_holds_the_users_lines_and_backward_those_of_forward():
    x = tg.ones(2, requires_grad=True)

    def model(x):
        return x.exp()

    with profile(with_stack=True) as prof:
        loss = model(x).sum()
        loss.backward()
    stacks = {event.name: event.stack for event in prof.events()}
    assert "): model" in stacks["exp"][0]
    assert __file__ in stacks["exp"][0]
    assert stacks["ExpBackward0"] == stacks["exp"]
    assert stacks["sum"][0] == stacks["SumBackward0"][0] != stacks["autograd::engine"][0]
    rows = prof.key_averages(group_by_stack_n=1)
    assert [row.stack for row in rows if row.key == "exp"] == [stacks["exp"][:1]]
    assert "Source Location" in rows.table()
