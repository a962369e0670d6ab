import warnings

import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import Op
from tinygrad_edu.profiler import ProfilerAction, profile, schedule

PLANS = [
    {"wait": 1, "warmup": 1, "active": 2},
    {"wait": 1, "warmup": 1, "active": 2, "repeat": 2},
    {"wait": 0, "warmup": 1, "active": 1, "repeat": 1, "skip_first": 3},
    {"wait": 3, "warmup": 2, "active": 1, "skip_first": 2, "skip_first_wait": 1},
    {"wait": 2, "warmup": 0, "active": 3},
]


def quietly(make, plan):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(**plan)


@pytest.mark.parametrize("plan", PLANS)
def test_schedules_are_pytorchs(plan):
    torch = pytest.importorskip("torch")
    ours, theirs = quietly(schedule, plan), quietly(torch.profiler.schedule, plan)
    assert [ours(i).name for i in range(30)] == [theirs(i).name for i in range(30)]


def test_a_schedule_is_checked():
    with pytest.raises(AssertionError, match="Invalid profiler schedule arguments"):
        schedule(wait=0, warmup=1, active=0)
    with pytest.raises(AssertionError, match="Step must be non-negative"):
        schedule(wait=0, warmup=1, active=1)(-1)
    with pytest.warns(UserWarning, match="won't be using warmup"):
        schedule(wait=0, warmup=0, active=1)


def test_only_the_active_steps_are_recorded_and_handed_over():
    seen = []

    def ready(prof):
        seen.append((prof.step_num, [event.name for event in prof.events()]))

    x = tg.ones(1)
    with profile(schedule=schedule(wait=1, warmup=1, active=2), on_trace_ready=ready) as prof:
        for i in range(8):
            assert ("forward" in vars(Op)) == (i % 4 > 0)  # while it waits nothing is replaced
            x.exp()
            prof.step()
    steps = [(f"ProfilerStep#{i}", "exp") for i in range(10)]
    assert seen == [(4, [*steps[2], *steps[3]]), (8, [*steps[6], *steps[7]])]
    (row, other) = prof.key_averages()
    assert (row.key, row.count, other.count) == ("ProfilerStep*", 2, 2)


def test_a_recording_that_the_end_cuts_short_is_handed_over():
    seen = []
    plan = schedule(wait=0, warmup=1, active=5)
    with profile(schedule=plan, on_trace_ready=lambda prof: seen.append(len(prof.events()))) as prof:
        prof.step()
        tg.ones(1).exp()
    assert seen == [2]


def test_warming_up_is_no_recording():
    seen = []
    with profile(schedule=schedule(wait=0, warmup=2, active=1), on_trace_ready=seen.append):
        tg.ones(1).exp()
    assert seen == []


def test_without_a_schedule_steps_are_not_labelled_and_all_is_recorded():
    seen = []
    with profile(on_trace_ready=seen.append) as prof:
        tg.ones(1).exp()
        prof.step()
        tg.ones(1).sin()
    assert seen == [prof]
    assert [event.name for event in prof.events()] == ["exp", "sin"]


def test_every_step_saved_is_handed_over():
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = schedule(wait=0, warmup=0, active=1)
    with profile(schedule=plan, on_trace_ready=lambda prof: seen.append(prof.events()[0].name)) as prof:
        prof.step()
        prof.step()
    assert seen == ["ProfilerStep#0", "ProfilerStep#1", "ProfilerStep#2"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([ProfilerAction.WARMUP, ProfilerAction.NONE], "WARMUP followed by NONE"),
        ([ProfilerAction.RECORD, ProfilerAction.NONE], "RECORD followed by NONE"),
        ([ProfilerAction.RECORD, ProfilerAction.WARMUP], "RECORD followed by WARMUP"),
    ],
)
def test_schedules_that_lose_a_recording_warn(actions, message):
    with profile(schedule=actions.__getitem__) as prof, pytest.warns(UserWarning, match=message):
        prof.step()
