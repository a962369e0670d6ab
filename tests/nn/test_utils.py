"""Clipping gradients, and parameters as a vector."""

from __future__ import annotations

import math

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import utils


def two_parameters() -> list[nn.Parameter]:
    parameters = [nn.Parameter(tg.zeros(1)), nn.Parameter(tg.zeros(2))]
    parameters[0].grad = tg.tensor([3.0])
    parameters[1].grad = tg.tensor([0.0, 4.0])
    return parameters


def test_gradients_are_scaled_to_the_norm_that_is_allowed() -> None:
    parameters = two_parameters()
    assert utils.clip_grad_norm_(parameters, 1.0).item() == 5.0
    assert parameters[0].grad.item() == pytest.approx(0.6, rel=1e-6)
    assert utils.get_total_norm([p.grad for p in parameters]).item() == pytest.approx(1.0)


def test_gradients_that_are_small_stay_as_they_are() -> None:
    parameters = two_parameters()
    utils.clip_grad_norm_(parameters, 6.0)
    assert parameters[1].grad.tolist() == [0.0, 4.0]


def test_the_largest_element_is_a_norm_too() -> None:
    assert utils.clip_grad_norm_(two_parameters(), 1.0, math.inf).item() == 4.0


def test_a_norm_that_is_not_finite_can_be_an_error() -> None:
    parameters = two_parameters()
    parameters[0].grad = tg.tensor([math.nan])
    with pytest.raises(RuntimeError, match="non-finite, so it cannot be clipped"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_values_are_clipped_on_both_sides() -> None:
    parameters = two_parameters()
    parameters[1].grad = tg.tensor([-9.0, 0.5])
    utils.clip_grad_value_(parameters, 1.0)
    assert [p.grad.tolist() for p in parameters] == [[1.0], [-1.0, 0.5]]


def test_a_vector_of_parameters_and_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (9,)
    utils.vector_to_parameters(tg.arange(9).float(), model.parameters())
    assert model[0].weight.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert model[1].bias.tolist() == [8.0]
    with pytest.raises(TypeError, match="expected Tensor, but got: list"):
        utils.vector_to_parameters([1.0], model.parameters())
