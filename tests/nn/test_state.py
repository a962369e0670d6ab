"""Saving and loading the state of a model as a dict."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


def model() -> Any:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_a_state_put_into_another_model_gives_the_same_results() -> None:
    one, other = model(), model()
    one(tg.randn(5, 2))
    assert str(other.load_state_dict(one.state_dict())) == "<All keys matched successfully>"
    x = tg.randn(4, 2)
    assert other.eval()(x).tolist() == one.eval()(x).tolist()


def test_the_state_shares_memory_and_wants_no_gradient() -> None:
    one = model()
    state = one.state_dict()
    state["0.bias"].fill_(7.0)
    assert one[0].bias.tolist() == [7.0, 7.0, 7.0]
    assert not state["0.bias"].requires_grad


def test_loading_counts_as_a_write() -> None:
    layer = nn.Linear(1, 1)
    out = (layer.weight * layer.weight).sum()
    layer.load_state_dict({"weight": tg.ones(1, 1), "bias": tg.ones(1)})
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*load_state_dict"):
        out.backward()


def test_all_that_does_not_fit_is_said_in_one_error() -> None:
    one = model()
    state = dict(one.state_dict())
    state["0.weight"] = tg.zeros(2, 2)
    del state["0.bias"], state["1.weight"]
    state["2.weight"] = tg.zeros(1)
    with pytest.raises(RuntimeError) as error:
        one.load_state_dict(state)
    assert str(error.value).split("\n\t") == [
        "Error(s) in loading state_dict for Sequential:",
        'Missing key(s) in state_dict: "0.bias", "1.weight". ',
        'Unexpected key(s) in state_dict: "2.weight". ',
        "size mismatch for 0.weight: copying a param with shape (2, 2) from checkpoint, the shape "
        "in current model is (3, 2).",
    ]


def test_without_strict_only_shapes_must_fit() -> None:
    one = model()
    keys = one.load_state_dict({"0.bias": tg.ones(3), "other": tg.ones(1)}, strict=False)
    assert one[0].bias.tolist() == [1.0, 1.0, 1.0]
    assert keys.unexpected_keys == ["other"]
    assert "0.weight" in keys.missing_keys
    with pytest.raises(RuntimeError, match=r"size mismatch for 0\.bias"):
        one.load_state_dict({"0.bias": tg.ones(4)}, strict=False)


def test_values_are_cast_to_the_models_dtype() -> None:
    layer = nn.Linear(1, 1)
    layer.load_state_dict({"weight": tg.ones(1, 1, dtype=tg.float64), "bias": tg.tensor([3])})
    assert layer.weight.dtype == tg.float32
    assert layer.bias.tolist() == [3.0]


def test_assign_takes_the_tensors_themselves() -> None:
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    weight, bias = tg.ones(1, 1, dtype=tg.float64), tg.zeros(1, dtype=tg.float64)
    layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.array is weight.array
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad


def test_a_value_that_is_no_tensor_is_named() -> None:
    with pytest.raises(RuntimeError, match=r'"weight", expected Tensor.*received <class \'list\'>'):
        nn.Linear(1, 1).load_state_dict({"weight": [[1.0]], "bias": tg.ones(1)})


def test_something_that_is_no_dict_is_refused() -> None:
    with pytest.raises(TypeError, match="dict-like"):
        nn.Linear(1, 1).load_state_dict([("weight", 1)])


def test_buffers_that_are_not_persistent_are_not_saved() -> None:
    layer = nn.Linear(1, 1)
    layer.register_buffer("scratch", tg.zeros(3), persistent=False)
    assert list(layer.state_dict()) == ["weight", "bias"]
    layer.scratch = tg.ones(3)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == ["scratch"]


def test_a_prefix_goes_in_front_of_every_name() -> None:
    destination: dict[str, Any] = {"kept": 1}
    nn.Linear(1, 1).state_dict(destination=destination, prefix="body.")
    assert list(destination) == ["kept", "body.weight", "body.bias"]
