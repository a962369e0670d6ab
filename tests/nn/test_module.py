"""The Module: what is registered, how it is found, how a call runs."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


class Affine(nn.Module):
    """A layer written as a user would."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(tg.tensor([2.0, 3.0]))
        self.offset = 1.0
        self.register_buffer("calls", tg.tensor(0))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return x * self.weight + self.offset


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Affine(), Affine()])
        self.last = self.layers[0]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.last(x)


def test_assigned_parameters_and_modules_are_registered() -> None:
    model = Model()
    assert [name for name, _ in model.named_parameters()] == ["layers.0.weight", "layers.1.weight"]
    assert [name for name, _ in model.named_buffers()] == ["layers.0.calls", "layers.1.calls"]
    assert list(model.state_dict()) == [
        "layers.0.weight",
        "layers.0.calls",
        "layers.1.weight",
        "layers.1.calls",
        "last.weight",
        "last.calls",
    ]


def test_a_shared_module_is_counted_once_and_gets_both_gradients() -> None:
    model = Model()
    model(tg.tensor([1.0, 1.0])).sum().backward()
    # y = w0 (w1 (w0 + 1) + 1) + 1 for x = 1, so dy/dw0 = w1 (2 w0 + 1) + 1
    np.testing.assert_array_equal(model.last.weight.grad.numpy(), [2 * 5 + 1, 3 * 7 + 1])
    assert model.last.calls.item() == 2
    assert len(list(model.parameters())) == 2


def test_a_call_without_hooks_makes_no_tables() -> None:
    layer = Affine()
    layer(tg.ones(2))
    assert layer._hooks is None


def test_the_last_hook_removed_leaves_the_plain_result() -> None:
    layer = Affine()
    handle = layer.register_forward_hook(lambda module, args, out: out * 0)
    assert layer(tg.ones(2)).tolist() == [0.0, 0.0]
    handle.remove()
    assert layer(tg.ones(2)).tolist() == [3.0, 4.0]


def test_a_hook_may_remove_itself_while_it_runs() -> None:
    layer, seen = Affine(), []

    def once(module: Any, args: Any, out: Any) -> None:
        seen.append(out.tolist())
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer(tg.ones(2))
    layer(tg.ones(2))
    assert seen == [[3.0, 4.0]]


def test_a_hook_sees_the_gradients_in_the_middle_of_a_model() -> None:
    model, seen = nn.Sequential(Affine(), Affine()), {}
    model[1].register_full_backward_hook(
        lambda module, inputs, outputs: seen.update(inputs=inputs[0].tolist(), outputs=outputs[0].tolist())
    )
    model(tg.tensor([1.0, 1.0])).sum().backward()
    assert seen == {"inputs": [2.0, 3.0], "outputs": [1.0, 1.0]}


def test_backward_hooks_do_not_change_gradients_and_can_run_twice() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = tg.randn(5, 3)
    model(x).sum().backward()
    expected = [p.grad.numpy() for p in model.parameters()]
    calls: list[Any] = []
    for module in model.modules():
        module.register_full_backward_hook(lambda module, i, o: calls.append(module))
    for _ in range(2):
        model.zero_grad()
        out = model(x).sum()
        with pytest.warns(UserWarning, match="no inputs require gradients"):
            out.backward(retain_graph=True)
        for a, p in zip(expected, model.parameters()):
            np.testing.assert_allclose(p.grad.numpy(), a, rtol=1e-6)
    assert len(calls) == 8


def test_forgotten_super_init_says_so() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before Module\.__init__\(\) call"):
        Forgetful()


def test_forward_that_is_missing_says_so() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r'\[Empty\] is missing the required "forward"'):
        Empty()(tg.ones(1))


def test_an_attribute_that_is_missing_is_named() -> None:
    with pytest.raises(AttributeError, match="'Affine' object has no attribute 'wieght'"):
        _ = Affine().wieght


def test_a_property_that_fails_is_not_hidden_by_the_tables() -> None:
    class Broken(nn.Module):
        @property
        def size(self) -> int:
            raise AttributeError("inside the property")

    with pytest.raises(AttributeError, match="size"):
        _ = Broken().size


def test_a_plain_tensor_cannot_take_the_place_of_a_parameter() -> None:
    layer = Affine()
    with pytest.raises(TypeError, match=r"as parameter 'weight' \(nn.Parameter or None expected\)"):
        layer.weight = tg.ones(2)
    layer.weight = None
    assert list(layer.parameters()) == []


def test_training_mode_reaches_everything_below() -> None:
    model = Model()
    assert not any(module.training for module in model.eval().modules())
    assert all(module.training for module in model.train().modules())
    with pytest.raises(ValueError, match="boolean"):
        model.train("yes")


def test_to_converts_parameters_gradients_and_buffers_but_no_integers() -> None:
    layer = Affine()
    layer(tg.ones(2)).sum().backward()
    weight = layer.weight
    assert layer.to(tg.float64) is layer
    assert layer.weight is weight
    assert (weight.dtype, weight.grad.dtype) == (tg.float64, tg.float64)
    assert layer.calls.dtype == tg.int64
    assert layer(tg.ones(2, dtype=tg.float64)).dtype == tg.float64
    with pytest.raises(TypeError, match="floating point"):
        layer.to(tg.int32)
    with pytest.raises(RuntimeError, match=r"device 'cuda' is not available"):
        layer.to("cuda")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_keeps_what_is_shared_and_shares_nothing_with_the_original(copied: Any) -> None:
    model = Model()
    twin = copied(model)
    assert twin.last is twin.layers[0]
    twin.last.weight.data.fill_(0.0)
    assert model.last.weight.tolist() == [2.0, 3.0]
    assert twin(tg.ones(2)).tolist() == [1.0, 1.0]
    assert repr(twin) == repr(model)


def test_repr_of_a_tree_is_indented() -> None:
    assert repr(Model()) == ("Model(\n  (layers): ModuleList(\n    (0-1): 2 x Affine()\n  )\n  (last): Affine()\n)")


def test_a_parameter_made_without_grad_mode_still_wants_a_gradient() -> None:
    with tg.no_grad():
        parameter = nn.Parameter(tg.zeros(2))
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert not isinstance(parameter * 1, nn.Parameter)


def test_a_parameter_shares_the_memory_of_its_data() -> None:
    values = tg.zeros(2)
    parameter = nn.Parameter(values)
    values += 1
    assert parameter.tolist() == [1.0, 1.0]


def test_an_integer_parameter_is_refused_unless_it_is_frozen() -> None:
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(tg.tensor([1, 2]))
    assert nn.Parameter(tg.tensor([1, 2]), requires_grad=False).tolist() == [1, 2]


def test_an_update_under_no_grad_is_not_recorded() -> None:
    layer = Affine()
    layer(tg.ones(2)).sum().backward()
    with tg.no_grad():
        for parameter in layer.parameters():
            parameter -= 0.5 * parameter.grad
    assert layer.weight.tolist() == [1.5, 2.5]
    assert layer.weight.is_leaf
    with pytest.raises(RuntimeError, match="leaf"):
        layer.weight -= 1
