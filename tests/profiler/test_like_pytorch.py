"""What a program for PyTorch's profiler says works here, and means the same."""

import inspect

import pytest

import tinygrad_edu as tg
from tinygrad_edu import profiler
from tinygrad_edu.profiler.events import EventList, FunctionEvent

torch = pytest.importorskip("torch")
OURS_ONLY = {"group_by_module"}


def parameters(function):
    return {name: (p.kind, p.default) for name, p in inspect.signature(function).parameters.items() if name != "self"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (profiler.profile, torch.profiler.profile),
        (profiler.profile.key_averages, torch.profiler.profile.key_averages),
        (profiler.schedule, torch.profiler.schedule),
        (profiler.record_function, torch.profiler.record_function),
        (EventList.table, torch.autograd.profiler_util.EventList.table),
    ],
)
def test_parameters_have_the_names_kinds_and_defaults_of_pytorchs(ours, theirs):
    ours, theirs = parameters(ours), parameters(theirs)
    assert {name: ours[name] for name in ours if name not in OURS_ONLY} == {
        name: theirs.get(name) for name in ours if name not in OURS_ONLY
    }


@pytest.mark.parametrize("name", ["cpu_children", "cpu_parent", "input_shapes", "stack", "time_range", "thread"])
def test_events_have_the_attributes_of_pytorchs(name):
    with torch.profiler.profile() as prof:
        torch.ones(1).exp()
    assert hasattr(prof.events()[0], name)
    assert hasattr(FunctionEvent(0, "exp", "op", 1, None), name)


def step(lib, profiler):
    model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.ReLU())
    optimizer = lib.optim.Adam(model.parameters())
    with profiler.profile(record_shapes=True, profile_memory=True) as prof, profiler.record_function("step"):
        optimizer.zero_grad()
        model(lib.ones(2, 3)).sum().backward()
        optimizer.step()
    return prof


def test_a_step_has_the_columns_and_the_names_of_pytorchs():
    ours, theirs = step(tg, profiler), step(torch, torch.profiler)
    titles = [p.key_averages(group_by_input_shape=True).table().splitlines()[1].split("  ") for p in (ours, theirs)]
    titles = [[title.strip() for title in row if title.strip()] for row in titles]
    assert [title for title in titles[0] if title != "Kept for bwd"] == titles[1]
    labels = {"step", "Optimizer.step#Adam.step", "Optimizer.zero_grad#Adam.zero_grad"}
    backward = {"ReluBackward0", "SumBackward0"}  # of linear PyTorch says AddmmBackward0
    for prof in (ours, theirs):
        assert {row.key for row in prof.key_averages()} >= labels | backward
    row, other = ({r.key: r for r in prof.key_averages()} for prof in (ours, theirs))
    assert row["relu"].self_cpu_memory_usage == other["aten::relu"].cpu_memory_usage == 2 * 4 * 4
    assert row["relu"].count == other["aten::relu"].count == 1
