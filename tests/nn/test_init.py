"""Initialisation: bounds, shapes, generators, and what it leaves of the graph."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import init


def test_xavier_bound_is_that_of_glorot_and_bengio() -> None:
    w = init.xavier_uniform_(tg.empty(300, 100)).numpy()
    bound = math.sqrt(6 / 400)
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.99 * bound


def test_kaiming_keeps_the_variance_through_rectifiers() -> None:
    x = tg.randn(500, 400)
    for _ in range(5):
        x = (x @ init.kaiming_normal_(tg.empty(400, 400), nonlinearity="relu").T).relu()
    # of a rectified normal: the mean square is half of the variance
    assert float((x * x).mean()) == pytest.approx(1.0, rel=0.3)


def test_new_linear_and_conv_layers_lie_within_one_over_the_root_of_fan_in() -> None:
    for layer, fan_in in ((nn.Linear(25, 200), 25), (nn.Conv2d(4, 50, (5, 5)), 100)):
        for parameter in layer.parameters():
            largest = float(parameter.abs().max())
            assert 0.85 / math.sqrt(fan_in) < largest <= 1 / math.sqrt(fan_in) + 1e-7


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (4, 3, 2)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = init.orthogonal_(tg.empty(*shape), gain=2.0).numpy().reshape(shape[0], -1).astype(np.float64)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(min(w.shape)), atol=1e-5)


def test_truncated_values_stay_inside_far_out_too() -> None:
    for mean, a, b in ((0.0, -0.5, 0.25), (0.0, 5.0, 6.0), (0.0, -6.0, -5.0)):
        with_warning = pytest.warns(UserWarning, match="more than 2 std") if abs(a) > 4 else None
        if with_warning is None:
            w = init.trunc_normal_(tg.empty(2000), mean, 1.0, a, b).numpy()
        else:
            with with_warning:
                w = init.trunc_normal_(tg.empty(2000), mean, 1.0, a, b).numpy()
        assert w.min() >= a
        assert w.max() <= b
        assert len(np.unique(w)) > 1500
    assert abs(w).mean() == pytest.approx(5.0 + 1 / 5.2, abs=0.02)  # the tail falls like exp(-5 x)


def test_sparse_columns_have_their_zeros() -> None:
    w = init.sparse_(tg.empty(10, 7), sparsity=0.25).numpy()
    assert (w == 0).sum(0).tolist() == [3] * 7


def test_a_generator_repeats_and_leaves_the_default_one_alone() -> None:
    tg.manual_seed(5)
    expected = tg.rand(3).tolist()
    tg.manual_seed(5)
    own = tg.random.Generator().manual_seed(1)
    first = init.normal_(tg.empty(4), generator=own).tolist()
    assert init.normal_(tg.empty(4), generator=own.manual_seed(1)).tolist() == first
    assert tg.rand(3).tolist() == expected


def test_the_seed_decides_a_new_layer() -> None:
    def made() -> list[list[float]]:
        tg.manual_seed(11)
        return nn.Linear(3, 2).weight.tolist()

    assert made() == made()


def test_a_parameter_is_filled_in_place_outside_the_graph() -> None:
    w = nn.Parameter(tg.zeros(2, 2))
    out = (w * w).sum()
    assert init.ones_(w) is w
    assert w.is_leaf
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*nn\.init"):
        out.backward()


def test_the_dtype_of_the_tensor_is_kept() -> None:
    for dtype in (tg.float16, tg.float32, tg.float64):
        assert init.kaiming_uniform_(tg.empty(4, 4, dtype=dtype)).dtype == dtype


def test_an_empty_weight_warns_and_is_left() -> None:
    with pytest.warns(UserWarning, match="no-op"):
        assert nn.Linear(0, 3).weight.shape == (3, 0)


def test_views_can_be_filled() -> None:
    w = tg.zeros(3, 4)
    init.constant_(w[1:, :2], 5.0)
    assert w.tolist() == [[0.0] * 4, [5.0, 5.0, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0]]
