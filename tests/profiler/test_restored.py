import subprocess
import sys
import threading

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu import nn
from tinygrad_edu.op import OPS, Op
from tinygrad_edu.profiler import hooks, profile, record_function
from tinygrad_edu.record import OpNode

EVERYTHING = {"record_shapes": True, "profile_memory": True, "with_stack": True, "with_modules": True}

# That everything is as it was after every test here is checked by the fixture nothing_stays_replaced.


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_an_error_inside_ends_the_profile_and_goes_on(options):
    prof = profile(**options)

    def fail():
        with prof, record_function("open"):
            tg.ones(1).exp()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert [event.name for event in prof.events()] == ["open", "exp"]


def test_a_second_profile_is_refused_and_the_first_goes_on():
    with profile() as prof:
        with pytest.raises(RuntimeError, match=r"a profile is running already.*label them with record_function"):
            profile().start()
        tg.ones(1).exp()
    assert [event.name for event in prof.events()] == ["exp"]


def test_a_profile_can_be_used_again():
    prof = profile()
    for name in ("exp", "sin"):
        with prof:
            getattr(tg, name)(tg.ones(1))
        assert [event.name for event in prof.events()] == [name]


def test_what_was_replaced_is_put_back_when_replacing_fails(monkeypatch):
    monkeypatch.setattr(hooks.Hooks, "_of_optimizers", lambda self: [(object, "step", None)])
    with pytest.raises(TypeError):
        profile().start()
    monkeypatch.undo()
    with profile():  # it does not say that one is running
        pass


def test_an_error_in_on_trace_ready_leaves_nothing_behind():
    def fail(_):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), profile(on_trace_ready=fail):
        pass


def test_an_op_made_while_a_profile_runs_is_timed_and_works_afterwards():
    with profile(**EVERYTHING) as prof:

        @tg.op(vjps=(lambda g, _out, x: g * 3 * x * x,))
        def cube(x):
            return x * x * x

        x = tg.tensor([2.0], requires_grad=True)
        cube(x).backward()
    assert [e.name for e in prof.events() if "ube" in e.name] == ["cube", "CubeBackward0"]
    assert not hasattr(cube.forward, "_without_timer")
    x.grad = None
    cube(x).backward()
    assert (x.grad.item(), cube(np.array([2.0]))) == (12, 8)


def test_a_kernel_that_is_exchanged_while_a_profile_runs_stays_exchanged():
    op, before = OPS["exp"], OPS["exp"].forward
    with profile() as prof:
        timed = op.forward
        assert timed is not before
        op.forward = lambda x: x * 0
        tg.ones(1).exp()
        op.forward = timed  # as one does who puts back what he found
        assert tg.zeros(1).exp().item() == 1
    assert op.forward is before
    assert [event.name for event in prof.events()] == ["exp", "exp"]


def test_a_graph_goes_backward_after_the_profile_and_inside_another_one():
    x = tg.tensor([3.0], requires_grad=True)
    with profile(**EVERYTHING):
        y = x * x
        z = x.exp()
    y.backward()
    assert x.grad.item() == 6
    with profile(**EVERYTHING) as prof:
        z.backward()
    assert [(e.name, e.forward) for e in prof.events()][1] == ("ExpBackward0", None)


def model_and_data():
    tg.manual_seed(3)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)]
    return nn.Sequential(*layers), tg.randn(5, 1, 8, 8), tg.randint(0, 3, (5,))


def train(steps=3):
    model, images, labels = model_and_data()
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return [array for p in model.parameters() for array in (p.detach().numpy(), p.grad.numpy())]


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_training_gives_the_same_bits(options):
    plain = train()
    with profile(**options):
        profiled = train()
    assert [a.tobytes() for a in plain] == [a.tobytes() for a in profiled]


def second_order():
    x = tg.tensor([0.3, 0.7], requires_grad=True)
    (first,) = tg.autograd.grad((x.sin() * x.exp()).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad((first * first).sum(), x)
    return first.detach().numpy(), second.numpy()


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_double_backward_gives_the_same_bits(options):
    plain = second_order()
    with profile(**options) as prof:
        profiled = second_order()
    assert [a.tobytes() for a in plain] == [a.tobytes() for a in profiled]
    rows = {row.key: row.count for row in prof.key_averages()}
    assert rows["autograd::engine"] == 2
    assert rows["SinBackward0"] == 2  # of x.sin(), and of the sin in the first derivative of cos


def in_place_and_views():
    x = tg.arange(6.0).requires_grad_()
    y = x * 2.0
    y[2:4] *= 3.0
    y[:1] = 0.0
    y.relu_()
    (y * y).sum().backward()
    return x.grad.numpy()


@pytest.mark.parametrize("options", [{}, EVERYTHING])
def test_in_place_writes_give_the_same_bits(options):
    plain = in_place_and_views()
    with profile(**options):
        assert in_place_and_views().tobytes() == plain.tobytes()


def test_gradients_are_checked_under_a_profile():
    x = tg.rand(3, dtype=tg.float64, requires_grad=True)
    with profile(**EVERYTHING):
        assert tg.autograd.gradcheck(lambda x: (x * x).exp(), (x,))


def test_a_leaf_takes_the_gradients_memory_as_it_does_without_a_profile():
    addresses = []
    original = np.ones(1000, np.float32)

    def watching(g, _out, _x):
        result = g * 2
        addresses.append(result.__array_interface__["data"][0])
        return result

    twice = tg.op(vjps=(watching,))(lambda x: x * 2)
    for options in ({}, EVERYTHING):
        x = tg.from_numpy(original).requires_grad_()
        with profile(**options):
            twice(x).backward(tg.ones(1000))
        assert x.grad.numpy().__array_interface__["data"][0] == addresses.pop()


def test_errors_of_the_engine_are_the_same():
    x, y = tg.ones(2, requires_grad=True), tg.ones(3)
    with profile(**EVERYTHING):
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            x * y
        z = (x * x).sum()
        z.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            z.backward()


def test_profiles_may_begin_and_end_while_other_threads_compute():
    results, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            x = tg.tensor([0.5, 2.0], requires_grad=True)
            (x.exp() * x + x).sum().backward()
            results.append(x.grad.numpy().tobytes())
        results.append("well")

    interval = sys.getswitchinterval()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    try:
        sys.setswitchinterval(1e-5)
        for thread in threads:
            thread.start()
        for i in range(30):
            before = len(results)
            with profile(**(EVERYTHING if i % 2 else {})) as prof:
                while len(results) < before + 20 and all(thread.is_alive() for thread in threads):
                    prof.key_averages()
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert len(set(results)) == 2
    assert results.count("well") == 2


def test_importing_the_package_leaves_the_profiler_for_later():
    program = "import sys, tinygrad_edu as tg; print([m for m in sys.modules if 'profiler.' in m]); tg.profiler.profile"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
    assert set(tg.profiler.__all__) <= set(dir(tg.profiler))
    with pytest.raises(AttributeError, match="has no attribute 'profiles'"):
        tg.profiler.profiles  # noqa: B018


def test_attributes_are_those_of_the_classes_while_no_profile_runs():
    assert "forward" not in vars(Op)
    with profile(profile_memory=True):
        assert "forward" in vars(Op)
        assert type(vars(OpNode)["saved"]).__name__ == "WatchedSlot"
    assert type(vars(OpNode)["saved"]).__name__ == "member_descriptor"
