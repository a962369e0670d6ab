"""Which calls are steps, what a recording leaves behind, and that the training is the same."""

from __future__ import annotations

import copy
import gc
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.recorded import batches, network, norm, train
from tinygrad_edu import nn
from tinygrad_edu.utils.checkpoint import checkpoint
from tinygrad_edu.viz.recording import record


def state(model: nn.Module) -> dict[str, bytes]:
    return {name: value.array.tobytes() for name, value in model.state_dict().items()}


# ---- which calls are steps


def test_every_kth_step_is_recorded_from_the_first() -> None:
    model = network()
    with record(model, every=3) as recording:
        train(model, batches(8))
    assert recording.steps == [0, 3, 6]


def test_evaluation_and_no_grad_are_no_steps() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=1) as recording:
        model.eval()(x)
        model.train()
        with tg.no_grad():
            model(x)
        with tg.inference_mode():
            model(x)
        assert recording.steps == []
        model(x)
    assert recording.steps == [0]
    assert recording.names("gradients") == []


def test_steps_after_closing_and_before_recording_are_not_counted() -> None:
    model = network()
    train(model, batches(2))
    recording = record(model, every=2)
    train(model, batches(3))
    recording.close()
    recording.close()
    train(model, batches(4))
    assert recording.steps == [0, 2]


def test_forward_that_raises_is_no_step() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=2) as recording:
        for _ in range(3):
            with pytest.raises(RuntimeError):
                model(tg.ones(5, 9))
        model(x).sum().backward()
        with pytest.raises(RuntimeError):
            model(tg.ones(5, 9))
        model(x)
        model(x)
    assert recording.steps == [0, 2]
    assert recording.rows("activations", "0")[0]["calls"] == 1


class Interrupted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.interrupt = nn.Linear(4, 4), False

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        y = self.first(x)
        if self.interrupt:
            raise KeyboardInterrupt
        return y


def test_interrupted_forward_is_no_step_and_leaves_nothing_behind() -> None:
    model, (x,) = Interrupted(), batches(1)
    with record(model, every=1) as recording:
        model.interrupt = True
        with pytest.raises(KeyboardInterrupt):
            model(x)
        model.interrupt = False
        model.eval()(x)
        model.train()(x)
        model.interrupt = True
        with pytest.raises(KeyboardInterrupt):
            model(x)
    assert recording.steps == [0]
    assert recording.rows("activations", "first")[0]["calls"] == 1
    assert hooks(model) == 0


def hooks(model: nn.Module) -> int:
    """Count the hooks that are in the modules and on the parameters of a model."""
    tables = [vars(module._hooks).values() for module in model.modules() if module._hooks is not None]
    on_parameters = [(p._node.hooks, p._node.after) for p in model.parameters()]
    return sum(len(table) for group in [*tables, *on_parameters] for table in group if table)


def test_closing_takes_all_hooks_out() -> None:
    model, (x,) = network(), batches(1)
    recording = record(model, every=1)
    model(x).sum().backward()
    assert hooks(model) > 0
    recording.close()
    assert hooks(model) == 0


def test_leaf_that_is_handed_through_keeps_no_hook() -> None:
    model = nn.Sequential(nn.Identity(), nn.Linear(4, 1))
    x = tg.ones(5, 4, requires_grad=True)
    with record(model, every=1) as recording:
        for _ in range(3):
            model(x).sum().backward()
    assert not x._node.hooks
    np.testing.assert_allclose(recording.values("activation_gradients", "0", "norm"), norm(x.grad.array / 3), rtol=1e-5)


class Tree(nn.Module):
    """Calls itself on two halves."""

    def __init__(self) -> None:
        super().__init__()
        self.join = nn.Linear(4, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.join(x) if len(x) == 1 else self(x[: len(x) // 2]) + self(x[len(x) // 2 :])


def test_model_that_calls_itself_takes_one_step() -> None:
    model = Tree()
    with record(model, every=2) as recording:
        for _ in range(3):
            model(tg.ones(4, 4)).sum().backward()
    assert recording.steps == [0, 2]
    assert [row["calls"] for row in recording.rows("activations", "join")] == [4, 4]


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_model_takes_one_step_each_time(reentrant: bool) -> None:
    model = network()
    with record(model, every=1) as recording:
        for x in batches(2):
            model.zero_grad()
            checkpoint(model, x, use_reentrant=reentrant).sum().backward()
    assert recording.steps == [0, 1]
    assert [row["calls"] for row in recording.rows("activations", "0")] == [1, 1]
    assert recording.values("gradients", "2.bias", "norm")[1] == pytest.approx(norm(model[2].bias.grad.array))


def test_several_recordings_of_one_model_and_a_model_inside_another() -> None:
    inner = network()
    outer = nn.Sequential(inner, nn.Linear(3, 1))
    with record(outer, every=2) as all_of_it, record(inner, every=3) as part, record(inner, every=1) as again:
        train(outer, batches(7))
    assert (all_of_it.steps, part.steps, again.steps) == ([0, 2, 4, 6], [0, 3, 6], [0, 1, 2, 3, 4, 5, 6])
    assert all_of_it.values("weights", "0.0.weight", "norm") == again.values("weights", "0.weight", "norm")[::2]
    assert all_of_it.values("activations", "0.2", "mean")[0] == part.values("activations", "2", "mean")[0]


def test_copy_of_a_recorded_model_is_not_recorded() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=1) as recording:
        twin = copy.deepcopy(model)
        twin(x).sum().backward()
        assert recording.steps == []
        model(x)
    assert recording.steps == [0]


def test_memory_is_bounded_by_recording_less_often() -> None:
    model = network()
    with record(model, every=2, keep=4) as recording:
        train(model, batches(30))
    assert recording.every == 8
    assert recording.steps == [0, 8, 16, 24]
    assert len(recording.values("updates", "0.weight", "ratio")) == 4


# ---- the training is the same


def convolutional() -> nn.Module:
    tg.manual_seed(2)
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)),
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(12, 2),
    )


@pytest.mark.parametrize("make", [network, convolutional])
def test_training_is_the_same_to_the_last_bit(make: Any) -> None:
    def trained(every: int | None) -> dict[str, bytes]:
        model = make()
        tg.manual_seed(3)  # dropout draws the same
        with record(model, every=every) if every else nullcontext():
            train(model, batches(7))
        return state(model)

    assert trained(every=1) == trained(every=3) == trained(every=None)


def test_no_cycle_keeps_a_recorded_graph() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=1):
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                output = model(x)
                node = output.grad_fn
                output.sum().backward()
            del output, node
            before = sum(type(thing).__name__ == "OpNode" for thing in gc.get_objects())
            for _ in range(3):
                model(x).sum().backward()
            after = sum(type(thing).__name__ == "OpNode" for thing in gc.get_objects())
        finally:
            gc.enable()
    assert after == before
