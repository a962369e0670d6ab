"""How tensors print, in texts that a reader can check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tinygrad_edu as tg


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    tg.set_printoptions(profile="default")


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (tg.tensor(3), "tensor(3)"),
        (tg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (tg.tensor([1.0, 2.5]), "tensor([1.0000, 2.5000])"),
        (tg.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
        (tg.tensor([0.0, -0.0, float("nan"), float("-inf")]), "tensor([0., -0., nan, -inf])"),
        (tg.tensor([[True], [False]]), "tensor([[ True],\n        [False]])"),
        (tg.tensor([-1, 10], dtype=tg.int32), "tensor([-1, 10], dtype=int32)"),
        (tg.zeros(0), "tensor([])"),
        (tg.zeros(2, 0), "tensor([], size=(2, 0))"),
        (tg.zeros(0, dtype=tg.int64), "tensor([], dtype=int64)"),
        (tg.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (tg.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
        (tg.nn.Parameter(tg.ones(1)), "Parameter containing:\ntensor([1.], requires_grad=True)"),
        (tg.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
        (tg.ones(1, 2, 1), "tensor([[[1.],\n         [1.]]])"),
    ],
)
def test_text(tensor: tg.Tensor, text: str) -> None:
    assert repr(tensor) == text


def test_precision() -> None:
    tg.set_printoptions(precision=2)
    assert repr(tg.tensor([1.234, 5.0])) == "tensor([1.23, 5.00])"


def test_scientific_notation_on_demand() -> None:
    tg.set_printoptions(sci_mode=True)
    assert repr(tg.tensor([2.0])) == "tensor([2.0000e+00])"
    tg.set_printoptions(sci_mode=False)
    assert repr(tg.tensor([1e-5, 0.5])) == "tensor([    0.0000,     0.5000])".replace("    0", "0")


def test_full_profile_shows_everything() -> None:
    tg.set_printoptions(profile="full")
    assert "..." not in repr(tg.arange(2000))


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match=r"profile must be one of \['default', 'short', 'full'\], got 'long'"):
        tg.set_printoptions(profile="long")


def test_format_of_one_number_is_the_number() -> None:
    assert f"{tg.tensor(2.0):.3f} {tg.tensor(7)}" == "2.000 7"
