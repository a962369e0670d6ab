"""Layers: numbers that can be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import functional as F


def test_linear_is_x_times_weight_transposed_plus_bias() -> None:
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": tg.tensor([[2.0, 3.0]]), "bias": tg.tensor([1.0])})
    assert layer(tg.tensor([[1.0, 10.0], [0.0, 0.0]])).tolist() == [[33.0], [1.0]]


def test_linear_names_the_shapes_that_do_not_fit() -> None:
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied.*2x3.*4x5"):
        nn.Linear(4, 5)(tg.zeros(2, 3))


def test_a_convolution_of_ones_counts_its_window() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(layer.weight)
    out = layer(tg.ones(1, 1, 3, 3))
    assert out[0, 0].tolist() == [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]


def test_padding_modes_show_what_they_pad_with() -> None:
    row = tg.tensor([[1.0, 2.0, 3.0]])
    sums = {}
    for mode in ("zeros", "reflect", "replicate", "circular"):
        layer = nn.Conv1d(1, 1, 3, padding=1, bias=False, padding_mode=mode)
        nn.init.ones_(layer.weight)
        sums[mode] = layer(row)[0].tolist()
    assert sums == {
        "zeros": [3.0, 6.0, 5.0],
        "reflect": [5.0, 6.0, 7.0],
        "replicate": [4.0, 6.0, 8.0],
        "circular": [6.0, 6.0, 6.0],
    }


def test_batch_norm_remembers_a_moving_mean_and_an_unbiased_variance() -> None:
    layer = nn.BatchNorm1d(1, momentum=0.5)
    layer(tg.tensor([[0.0], [2.0]]))
    assert layer.running_mean.item() == 0.5 * 1.0
    assert layer.running_var.item() == 0.5 * 1.0 + 0.5 * 2.0
    assert layer.num_batches_tracked.item() == 1
    layer.eval()(tg.tensor([[5.0], [7.0]]))
    assert layer.num_batches_tracked.item() == 1


def test_batch_norm_without_momentum_gives_all_batches_one_weight() -> None:
    layer = nn.BatchNorm1d(1, momentum=None)
    for mean in (1.0, 2.0, 6.0):
        layer(tg.tensor([[mean - 1], [mean + 1]]))
    assert layer.running_mean.item() == pytest.approx(3.0)


def test_batch_norm_trains_to_mean_0_and_variance_1() -> None:
    out = nn.BatchNorm2d(3)(tg.randn(8, 3, 5, 5) * 4 + 2).detach().numpy()
    np.testing.assert_allclose(out.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(out.var((0, 2, 3)), 1, atol=1e-3)


def test_batch_norm_of_one_value_per_channel_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(2)(tg.ones(1, 2))
    with pytest.raises(ValueError, match="expected 4D input"):
        nn.BatchNorm2d(2)(tg.ones(1, 2))


def test_layer_norm_brings_rows_to_mean_0_and_variance_1() -> None:
    out = nn.LayerNorm((2, 3))(tg.randn(4, 2, 3)).detach().numpy()
    np.testing.assert_allclose(out.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(out.var((1, 2)), 1, atol=1e-3)


def test_dropout_keeps_the_mean_and_is_off_in_evaluation() -> None:
    layer, x = nn.Dropout(0.25), tg.ones(10_000)
    out = layer(x).numpy()
    assert set(np.round(np.unique(out), 5)) == {0.0, np.float32(1.33333)}
    assert out.mean() == pytest.approx(1.0, abs=0.03)
    assert layer.eval()(x) is x


def test_dropout_repeats_with_the_seed_and_not_without() -> None:
    def draw() -> list[float]:
        return F.dropout(tg.ones(100)).tolist()

    tg.manual_seed(3)
    first, second = draw(), draw()
    tg.manual_seed(3)
    assert draw() == first
    assert first != second


def test_dropout_sends_gradients_only_where_it_let_values_through() -> None:
    x = tg.ones(50, requires_grad=True)
    out = F.dropout(x, 0.5)
    out.sum().backward()
    assert x.grad.tolist() == out.tolist()


def test_dropout_of_channels_is_all_or_nothing() -> None:
    out = nn.Dropout2d(0.5)(tg.ones(20, 10, 3, 3)).numpy().reshape(200, 9)
    assert set(out.sum(1)) == {0.0, 18.0}


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_dropout_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 1, but got {p}"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match=f"between 0 and 1, but got {p}"):
        F.dropout(tg.ones(1), p, training=False)


def test_the_padding_row_is_zero_and_gets_no_gradient() -> None:
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3
    out = layer(tg.tensor([0, 3, 3, 0]))
    assert out[1].tolist() == [0.0, 0.0]
    out.sum().backward()
    assert layer.weight.grad.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("option", [{"max_norm": 1.0}, {"sparse": True}, {"scale_grad_by_freq": True}])
def test_embedding_options_that_are_not_offered_say_so(option: dict[str, object]) -> None:
    with pytest.raises(NotImplementedError, match=f"{next(iter(option))}=.* not offered"):
        nn.Embedding(4, 2, **option)


def test_relu_in_place_writes_into_its_input() -> None:
    x = tg.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x
    assert x.tolist() == [0.0, 2.0]
    with pytest.raises(RuntimeError, match="leaf"):
        nn.ReLU(inplace=True)(tg.tensor([-1.0], requires_grad=True))


def test_in_place_activations_change_the_version_of_what_was_saved() -> None:
    x = tg.tensor([0.5, 2.0], requires_grad=True)
    y = x.exp()  # keeps its result
    F.silu(y, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_classes() -> None:
    loss = nn.CrossEntropyLoss()(tg.zeros(4, 10), tg.tensor([0, 3, 9, 1]))
    assert loss.item() == pytest.approx(math.log(10))


def test_cross_entropy_refuses_labels_that_are_no_classes() -> None:
    loss = nn.CrossEntropyLoss()
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        loss(tg.zeros(2, 3), tg.tensor([0, 3]))
    with pytest.raises(RuntimeError, match="Long"):
        loss(tg.zeros(2, 3), tg.tensor([0.0, 1.0]))


def test_class_weights_are_buffers_and_move_with_the_loss() -> None:
    loss = nn.CrossEntropyLoss(tg.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert loss.to(tg.float64).weight.dtype == tg.float64


def test_flatten_and_unflatten_undo_each_other() -> None:
    x = tg.randn(2, 3, 4, 5)
    back = nn.Unflatten(1, (3, 4, 5))(nn.Flatten()(x))
    assert back.tolist() == x.tolist()


def test_sequential_is_a_chain_and_a_list() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    assert len(model) == 3
    assert [name for name, _ in model[1:].named_parameters()] == ["2.weight", "2.bias"]
    model.insert(0, nn.Identity())
    assert next(name for name, _ in model.named_parameters()) == "1.weight"
    x = tg.randn(3, 2)
    assert model(x).tolist() == model[3](model[2](model[1](x))).tolist()
