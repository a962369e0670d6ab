"""In-place writes and views: recorded as in PyTorch, or refused with a sentence."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), requires_grad=True)


def test_write_to_a_view_changes_the_base_and_its_gradient() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y[0].mul_(5)
    y.sum().backward()
    assert y.tolist() == [5.0, 2.0, 3.0]
    assert x.grad.tolist() == [5.0, 1.0, 1.0]


def test_view_sees_a_write_to_its_base() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    v = y[1:]
    y.mul_(3)
    v.sum().backward()
    assert x.grad.tolist() == [0.0, 3.0, 3.0]


def test_view_of_a_view() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    y = x * 1
    y.T[1:][0].mul_(4)
    (y * y).sum().backward()
    assert x.grad.tolist() == [[2.0, 32.0, 2.0], [2.0, 32.0, 2.0]]


def test_setitem_routes_the_gradient_to_the_value() -> None:
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0)
    y = x * 1
    y[1] = v[0]
    (y * tg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 3.0]
    assert v.grad.tolist() == [2.0]


def test_mask_assignment() -> None:
    x = leaf(-1.0, 2.0, -3.0)
    y = x * 1
    y[y < 0] = 0
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_write_of_a_tracked_value_into_a_constant() -> None:
    base, w = tg.zeros(4), leaf(2.0)
    view = base[:2]
    base[1:3] = w
    assert base.requires_grad
    assert view.requires_grad
    view.sum().backward()
    assert w.grad.tolist() == [1.0]


def test_augmented_assignment_of_a_computed_tensor() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y += x
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_saved_value_changed_names_both_ops() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    message = r"modified by an inplace operation: MulBackward0 \(mul\).*version 0.*version 1 since add_"
    with pytest.raises(RuntimeError, match=message):
        z.sum().backward()


def test_saved_output_changed_names_both_ops() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match=r"ExpBackward0 \(exp\).*since mul_ wrote"):
        y.sum().backward()


def test_a_write_through_detach_is_noticed() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.sum().backward()


def test_a_write_through_data_is_not() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    x.data.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_inplace_that_saves_its_output_can_be_differentiated() -> None:
    x = leaf(-1.0, 2.0)
    y = x * 1
    y.relu_()
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("write", [lambda x: x.add_(1), lambda x: x.zero_(), lambda x: x.__iadd__(1)])
def test_leaf_that_requires_grad_refuses(write) -> None:
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        write(leaf(1.0))


def test_view_of_a_leaf_that_requires_grad_refuses() -> None:
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        leaf(1.0, 2.0)[0] = 3.0


def test_leaf_may_be_written_under_no_grad() -> None:
    x = leaf(1.0)
    with tg.no_grad():
        x.add_(1)
    assert x.tolist() == [2.0]
    assert x._version == 1
    assert x.is_leaf


def test_one_of_several_views_refuses() -> None:
    y = leaf(1.0, 2.0, 3.0, 4.0) * 1
    first, _ = y.split(2)
    with pytest.raises(RuntimeError, match="returns multiple views"):
        first.mul_(2)


def test_view_made_under_no_grad_refuses() -> None:
    y = leaf(1.0, 2.0) * 1
    with tg.no_grad():
        v = y[:1]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        v.mul_(2)


def test_expanded_tensor_refuses() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        tg.ones(3).expand(2, 3).add_(1)


def test_overlapping_memory_refuses() -> None:
    x = tg.arange(5.0)
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor"):
        x[1:].add_(x[:-1])


def test_result_dtype_must_fit() -> None:
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        tg.tensor([1, 2]).add_(1.5)


def test_result_shape_must_fit() -> None:
    with pytest.raises(RuntimeError, match=r"output with shape \[1\] doesn't match the broadcast shape \[3\]"):
        tg.zeros(1).add_(tg.zeros(3))


def test_versions_are_shared_by_views() -> None:
    x = tg.zeros(4)
    v = x[1:].reshape(3, 1)
    v.add_(1)
    assert (x._version, v._version) == (1, 1)
    assert v._base is x
    x.detach().add_(1)
    assert x._version == 2


def test_hooks_stay_with_the_value_before_the_write() -> None:
    x = leaf(1.0)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    y.mul_(3)
    y.sum().backward()
    assert seen == [3.0]


def test_retained_gradient_moves_with_the_tensor() -> None:
    x = leaf(1.0)
    y = x * 1
    y.retain_grad()
    y.mul_(3)
    (y * 2).sum().backward()
    assert y.grad.tolist() == [2.0]
    assert x.grad.tolist() == [6.0]


def test_second_derivative_through_a_write() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    y[0] = x[1] ** 3
    (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [0.0, 6.0 + 27.0]
    (h,) = tg.autograd.grad(g.sum(), x)
    assert h.tolist() == [0.0, 2.0 + 18.0]


def test_inference_tensors_keep_no_version_and_cannot_be_saved() -> None:
    with tg.inference_mode():
        t = tg.ones(2) * 2
    assert t.is_inference()
    with pytest.raises(RuntimeError, match="do not track version counter"):
        t._version  # noqa: B018
    with pytest.raises(RuntimeError, match="cannot be saved for backward"):
        leaf(1.0, 2.0) * t
    with pytest.raises(RuntimeError, match="outside InferenceMode"):
        t.add_(1)


def test_an_empty_tensor_can_be_written_to() -> None:
    x = tg.ones(2, 3)[2:].exp()
    x.tanh_().zero_()
    assert x.shape == (0, 3)
    assert x._version == 2


def test_a_view_of_several_stays_refused_after_use_under_no_grad() -> None:
    x = leaf(1.0, 2.0)
    first, _ = x.unbind()
    with tg.no_grad():
        x.tanh_()
        first + 1.0
    with pytest.raises(RuntimeError, match="returned together with others"):
        first * 2
