"""Every number of a recording is the right one: of weights, gradients, updates and activations."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.recorded import batches, network, norm, train
from tinygrad_edu import nn
from tinygrad_edu.viz.recording import Recording, record


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_gradients_and_updates_are_those_of_the_step(dtype: Any) -> None:
    model = network()
    if dtype == np.float64:
        model.double()
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    weights, gradients = [], []
    with record(model, every=1) as recording:
        for x in batches(3, dtype):
            optimizer.zero_grad()
            weights.append({name: p.array.copy() for name, p in model.named_parameters()})
            (model(x) ** 2).sum().backward()
            gradients.append({name: p.grad.array.copy() for name, p in model.named_parameters()})
            optimizer.step()
    weights.append({name: p.array.copy() for name, p in model.named_parameters()})
    for i in range(3):
        for name, w in weights[i].items():
            check(recording, "weights", i, name, w)
            check(recording, "gradients", i, name, gradients[i][name])
            moved = weights[i + 1][name] - w
            check(recording, "updates", i, name, moved)
            ratio = recording.values("updates", name, "ratio")[i]
            assert ratio == pytest.approx(norm(moved) / norm(w), rel=1e-6)


def check(recording: Recording, what: str, i: int, name: str, values: np.ndarray) -> None:
    """Compare what was recorded at the i-th recorded step with an array."""
    row = next(r for r in recording.rows(what, name) if r["step"] == recording.steps[i])
    assert (row["shape"], row["dtype"]) == (values.shape, str(values.dtype))
    exact = values.astype(np.float64)
    expected = [exact.mean(), exact.std(), exact.min(), exact.max(), norm(values), float((exact == 0).mean()), 0.0, 0.0]
    found = [row[column] for column in ("mean", "std", "min", "max", "norm", "zeros", "nan", "inf")]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert row["counts"] == np.histogram(exact, row["edges"])[0].tolist()


def test_activations_and_what_comes_back_to_them() -> None:
    model, (x,) = network(), batches(1)
    values, value = [], x
    for module in model:
        value = module(value)
        value.retain_grad()
        values.append(value)
    (value**2).sum().backward()
    model.zero_grad()
    with record(model, every=1) as recording:
        (model(x) ** 2).sum().backward()
    for i, value in enumerate(values):
        check(recording, "activations", 0, str(i), value.array)
        check(recording, "activation_gradients", 0, str(i), value.grad.array)
    check(recording, "activations", 0, "(model)", values[-1].array)
    check(recording, "activation_gradients", 0, "(model)", values[-1].grad.array)


def test_dead_units_and_saturated_entries() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Hardtanh(-0.5, 0.5))
    with tg.no_grad():
        model[0].weight.copy_(tg.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
        model[0].bias.copy_(tg.tensor([0.0, 0.0, -1.0, 0.0]))
        model[2].weight.copy_(tg.eye(4))
        model[2].bias.copy_(tg.tensor([0.0, 0.0, 5.0, 0.0]))
    with record(model, every=1) as recording:
        model(tg.tensor([[3.0, -1.0], [-0.5, -2.0]]))
    (relu,), (tanh,), (hard,) = (recording.rows("activations", str(i)) for i in (1, 3, 4))
    # relu: [[3, 0, 0, 0], [0, 0.5, 0, 0]]; units 2 and 3 are silent for both examples
    assert (relu["zeros"], relu["dead"]) == (0.75, 0.5)
    assert math.isnan(relu["saturated"])
    # tanh: 0.995 and twice 0.9999 of eight; hardtanh cuts these and 0.46 stays
    assert tanh["saturated"] == 3 / 8
    assert hard["saturated"] == 3 / 8


def test_channel_is_dead_where_it_is_zero_everywhere() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    with tg.no_grad():
        model[0].weight.copy_(tg.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        model[0].bias.zero_()
    x = tg.zeros(3, 1, 4, 4)
    x[1, 0, 2, 2] = 1.0
    with record(model, every=1) as recording:
        model(x)
    assert recording.values("activations", "1", "dead") == [0.5]


def test_unit_is_dead_when_it_is_silent_in_every_call_of_the_step() -> None:
    model = nn.ReLU()
    with record(model, every=1, calls_per_step=2) as recording:
        model(tg.tensor([[1.0, -1.0, -1.0, 1.0], [-1.0, -1.0, -1.0, 1.0]]))
        model(tg.tensor([[-1.0, 1.0, -1.0, 1.0]]))
        model(tg.tensor([[1.0, -1.0]]))  # of another length: other units
        model(tg.tensor([[1.0, -1.0, -1.0, -1.0]]))
    assert recording.values("activations", "(model)", "dead") == [1 / 4, 4 / 6]


def test_accumulated_gradients_are_one_step() -> None:
    model, inputs = network(), batches(6)
    expected = copy.deepcopy(model)
    with record(model, every=1, calls_per_step=3) as recording:
        train(model, inputs, each=3)
    assert recording.steps == [0, 1]
    before = {name: p.array.copy() for name, p in expected.named_parameters()}
    outputs = [expected[0](x) for x in inputs[:3]]
    for x in inputs[:3]:
        (expected(x) ** 2).sum().backward()
    for name, p in expected.named_parameters():
        check(recording, "weights", 0, name, before[name])
        check(recording, "gradients", 0, name, p.grad.array)
        check(recording, "updates", 0, name, (p.array - np.float32(0.1) * p.grad.array) - p.array)
    row = recording.rows("activations", "0")[0]
    entries = np.concatenate([output.array.ravel() for output in outputs]).astype(np.float64)
    assert (row["calls"], row["mean"], row["std"]) == (3, pytest.approx(entries.mean()), pytest.approx(entries.std()))
    assert sum(row["counts"]) == entries.size
    assert recording.rows("activation_gradients", "0")[0]["calls"] == 3


def test_failed_call_of_a_step_of_several_is_left_out() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=1, calls_per_step=2) as recording:
        model(x).sum().backward()
        with pytest.raises(RuntimeError):
            model(tg.ones(5, 9))
        model(x).sum().backward()
    assert recording.steps == [0]
    assert recording.rows("activations", "0")[0]["calls"] == 2


def test_without_calls_per_step_the_gradient_is_what_has_accumulated() -> None:
    model, (x,) = network(), batches(1)
    with record(model, every=1) as recording:
        for _ in range(2):
            model(x).sum().backward()
    once, twice = recording.values("gradients", "2.bias", "norm")
    assert twice == pytest.approx(2 * once)
    assert recording.values("updates", "2.bias", "ratio") == [0.0, 0.0]


class Shared(nn.Module):
    """One layer under two names, called three times in all; one that is never called; one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = self.a
        self.unused = nn.Linear(4, 2)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, x: tg.Tensor) -> dict[str, Any]:
        y = self.a(self.frozen(self.b(self.a(x))))
        return {"y": y, "parts": (y * 2, [y.detach()]), "count": tg.tensor(3), "note": "text"}


def test_shared_unused_and_frozen_parameters() -> None:
    model, (x,) = Shared(), batches(1)
    with record(model, every=1) as recording:
        model(x)["y"].sum().backward()
    names = ["a.weight", "a.bias", "unused.weight", "unused.bias", "frozen.weight", "frozen.bias"]
    assert recording.names("weights") == names
    assert recording.names("gradients") == ["a.weight", "a.bias"]
    check(recording, "gradients", 0, "a.weight", model.a.weight.grad.array)
    assert [row["trainable"] for row in recording.rows("weights")] == [True] * 4 + [False] * 2
    (row,) = recording.rows("activations", "a")
    assert (row["calls"], sum(row["counts"])) == (3, 3 * 5 * 4)
    assert recording.rows("activation_gradients", "a")[0]["calls"] == 3


def test_outputs_inside_containers_have_names_and_others_are_passed_over() -> None:
    model, (x,) = Shared(), batches(1)
    with record(model, every=1) as recording:
        output = model(x)
        output["parts"][0].sum().backward()
    assert recording.names("activations", "(model)*") == [
        "(model)[y]",
        "(model)[parts][0]",
        "(model)[parts][1][0]",
    ]
    assert recording.names("activation_gradients", "(model)*") == ["(model)[parts][0]", "(model)[y]"][::-1]


def test_not_a_number_and_infinity_are_counted_and_left_out_of_the_rest() -> None:
    model = nn.Linear(2, 1, bias=False)
    with record(model, every=1) as recording:
        model(tg.tensor([[math.inf, 1.0], [math.nan, 1.0], [1.0, 1.0], [0.0, 0.0]]))
    (row,) = recording.rows("activations", "(model)")
    assert (row["nan"], row["inf"], row["zeros"]) == (0.25, 0.25, 0.25)
    assert sum(row["counts"]) == 2
    assert row["max"] == max(0.0, model.weight.array.sum())


def test_update_of_a_weight_of_zeros_is_infinitely_large_and_none_is_no_number() -> None:
    model = nn.Linear(2, 2)
    with tg.no_grad():
        model.weight.zero_()
        model.bias.zero_()
    with record(model, every=1) as recording:
        model(tg.ones(1, 2)).sum().backward()
        with tg.no_grad():
            model.weight += 1.0
    assert recording.values("updates", "weight", "ratio") == [math.inf]
    assert math.isnan(recording.values("updates", "bias", "ratio")[0])


def test_only_what_was_asked_for_is_recorded() -> None:
    model = network()
    with record(model, every=1, what=["gradients"]) as recording:
        train(model, batches(2))
    assert {row["what"] for row in recording.rows()} == {"gradients"}
    assert recording.names("gradients") == ["0.bias", "0.weight", "2.bias", "2.weight"]


def test_backward_of_a_backward_is_heard() -> None:
    model, (x,) = network(), batches(1)
    x.requires_grad_()
    with record(model, every=1) as recording:
        (g,) = tg.autograd.grad(model(x).sum(), [x], create_graph=True)
        (g**2).sum().backward()
    check(recording, "gradients", 0, "0.weight", model[0].weight.grad.array)
