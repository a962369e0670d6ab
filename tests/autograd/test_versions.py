from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.autograd.versions import increment_version


def test_write_past_the_ops_is_noticed_once_it_is_counted() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    x.array[0] = 5.0
    increment_version(x, "my_kernel")
    with pytest.raises(RuntimeError, match="version 1 since my_kernel wrote to it"):
        loss.backward()


def test_views_share_the_count() -> None:
    x = tg.zeros(3)
    increment_version([x[1:], x])
    assert x._version == x[0]._version == 2


def test_tensor_of_inference_mode_is_passed_over() -> None:
    with tg.inference_mode():
        x = tg.zeros(1)
    increment_version(x)
    assert x.is_inference()
