"""Random tensors: distributions, seeds, generators and their states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

N = 100_000
DRAWS: dict[str, tuple[Callable[[], tg.Tensor], float, float]] = {
    "rand": (lambda: tg.rand(N), 1 / 2, 1 / 12),
    "rand float64": (lambda: tg.rand(N, dtype=tg.float64), 1 / 2, 1 / 12),
    "randn": (lambda: tg.randn(N), 0, 1),
    "rand_like": (lambda: tg.rand_like(tg.ones(N)), 1 / 2, 1 / 12),
    "randn_like": (lambda: tg.randn_like(tg.ones(N)), 0, 1),
    "normal": (lambda: tg.normal(3.0, 2.0, (N,)), 3, 4),
    "normal of tensors": (lambda: tg.normal(tg.full((N,), 3.0), tg.full((N,), 2.0)), 3, 4),
    "randint": (lambda: tg.randint(2, 8, (N,)), 4.5, 35 / 12),
    "bernoulli": (lambda: tg.bernoulli(tg.full((N,), 0.3)), 0.3, 0.21),
    "multinomial": (lambda: tg.multinomial(tg.tensor([1.0, 0.0, 3.0]), N, replacement=True), 1.5, 0.75),
    "uniform_": (lambda: tg.ones(N).uniform_(-2, 4), 1, 3),
    "normal_": (lambda: tg.ones(N).normal_(3, 2), 3, 4),
    "bernoulli_": (lambda: tg.ones(N).bernoulli_(0.3), 0.3, 0.21),
    "random_": (lambda: tg.ones(N).random_(2, 8), 4.5, 35 / 12),
}


@pytest.mark.parametrize(("draw", "mean", "variance"), DRAWS.values(), ids=DRAWS)
def test_mean_and_variance(draw: Callable[[], tg.Tensor], mean: float, variance: float) -> None:
    values = draw().double()
    assert abs(values.mean().item() - mean) < 5 * (variance / N) ** 0.5
    assert values.var().item() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("draw", [draw for draw, *_ in DRAWS.values()], ids=DRAWS)
def test_seed_gives_the_same_numbers_again(draw: Callable[[], tg.Tensor]) -> None:
    tg.manual_seed(3)
    first = draw()
    assert not tg.equal(first, draw())
    tg.manual_seed(3)
    assert tg.equal(first, draw())


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_rand_lies_in_the_unit_interval(dtype: Any) -> None:
    values = tg.rand(N, dtype=dtype)
    assert values.min().item() >= 0
    assert values.max().item() < 1
    assert values.dtype == dtype


def test_generator_draws_its_own_numbers() -> None:
    one, other = tg.Generator().manual_seed(5), tg.Generator().manual_seed(5)
    before = tg.get_rng_state()
    assert tg.equal(tg.randn(4, generator=one), tg.randn(4, generator=other))
    assert tg.equal(tg.randperm(9, generator=one), tg.randperm(9, generator=other))
    assert tg.equal(tg.ones(3).uniform_(generator=one), tg.ones(3).uniform_(generator=other))
    assert tg.get_rng_state() == before


def test_state_comes_back_from_a_file(tmp_path: Path) -> None:
    tg.save({"rng": tg.get_rng_state()}, tmp_path / "state.npz")
    expected = tg.randn(5)
    tg.manual_seed(99)
    tg.set_rng_state(tg.load(tmp_path / "state.npz")["rng"])
    assert tg.equal(tg.randn(5), expected)


def test_fork_puts_the_state_back() -> None:
    tg.manual_seed(1)
    expected = tg.rand(3)
    tg.manual_seed(1)
    with tg.random.fork_rng():
        tg.rand(100)
    assert tg.equal(tg.rand(3), expected)


def test_fork_puts_the_state_back_after_an_error() -> None:
    before = tg.get_rng_state()

    @tg.random.fork_rng()
    def draw_and_fail() -> None:
        tg.rand(1)
        raise KeyError

    with pytest.raises(KeyError):
        draw_and_fail()
    assert tg.get_rng_state() == before


def test_seeds() -> None:
    assert tg.Generator().manual_seed(-3).initial_seed() == 2**64 - 3
    with tg.random.fork_rng():
        assert tg.seed() == tg.initial_seed()
        assert tg.seed() != tg.seed()


def test_numpy_seed_has_no_influence() -> None:
    tg.manual_seed(0)
    state = np.random.get_state()
    try:
        np.random.seed(1)
        first = tg.rand(2)
    finally:
        np.random.set_state(state)
    tg.manual_seed(0)
    assert tg.equal(tg.rand(2), first)


def test_randperm_holds_every_number_once() -> None:
    assert sorted(tg.randperm(50).tolist()) == list(range(50))
    assert tg.randperm(0).shape == (0,)


def test_multinomial_without_replacement_never_repeats() -> None:
    drawn = tg.multinomial(tg.ones(200, 5), 5)
    assert drawn.shape == (200, 5)
    assert np.array_equal(np.sort(drawn.numpy(), axis=1), np.broadcast_to(np.arange(5), (200, 5)))


def test_multinomial_takes_the_heavy_first_and_zeros_last() -> None:
    drawn = tg.multinomial(tg.tensor([3.0, 0.0, 1.0]).expand(4000, 3), 3).numpy()
    assert (drawn[:, 2] == 1).all()
    assert (drawn[:, 0] == 0).mean() == pytest.approx(0.75, abs=0.03)


def test_draws_of_tensors_that_require_grad() -> None:
    assert tg.rand(2, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="leaf"):
        tg.ones(2, requires_grad=True).uniform_()


@pytest.mark.parametrize(
    ("draw", "error", "sentence"),
    [
        (lambda: tg.rand(), TypeError, r"rand\(\) missing the sizes"),
        (lambda: tg.rand(-1), RuntimeError, "negative dimension"),
        (lambda: tg.rand(2, dtype=tg.int64), NotImplementedError, "cannot be drawn as int64"),
        (lambda: tg.randint(3, 3, (2,)), RuntimeError, "got from=3 >= to=3"),
        (lambda: tg.randint(0, 3), TypeError, "missing the sizes"),
        (lambda: tg.randint(0, 300, (2,), dtype=tg.uint8), RuntimeError, "range of uint8"),
        (lambda: tg.randint(0, 3, (2,), requires_grad=True), RuntimeError, "floating point"),
        (lambda: tg.randperm(-1), RuntimeError, "non-negative, got -1"),
        (lambda: tg.randperm(300, dtype=tg.uint8), RuntimeError, "uint8 without overflow"),
        (lambda: tg.normal(0.0, -1.0, (2,)), RuntimeError, "found std -1.0"),
        (lambda: tg.normal(0.0, 1.0), TypeError, "missing the sizes"),
        (lambda: tg.normal(tg.zeros(3), tg.ones(2)), RuntimeError, r"mean \(3,\) must match that of std \(2,\)"),
        (lambda: tg.bernoulli(tg.tensor([2.0])), RuntimeError, "p_in <= 1"),
        (lambda: tg.bernoulli(tg.tensor([float("nan")])), RuntimeError, "p_in <= 1"),
        (lambda: tg.bernoulli(tg.tensor([1])), NotImplementedError, "floating point"),
        (lambda: tg.multinomial(tg.ones(2), 3), RuntimeError, "without replacement: 3 of 2"),
        (lambda: tg.multinomial(tg.ones(2), 0), RuntimeError, "n_sample <= 0"),
        (lambda: tg.multinomial(tg.tensor([1.0, -1.0]), 1), RuntimeError, "element < 0"),
        (lambda: tg.multinomial(tg.zeros(2), 1), RuntimeError, "sum of probabilities <= 0"),
        (lambda: tg.multinomial(tg.ones(2, dtype=tg.int64), 1), RuntimeError, "floating-point"),
        (lambda: tg.multinomial(tg.ones(2, 2, 2), 1), RuntimeError, "1 or 2 dim"),
        (lambda: tg.ones(2).uniform_(1, 0), RuntimeError, "from=1 > to=0"),
        (lambda: tg.ones(2).normal_(0, -1), RuntimeError, "std -1"),
        (lambda: tg.ones(2).bernoulli_(2), RuntimeError, "p=2"),
        (lambda: tg.ones(2).random_(3, 3), RuntimeError, "from=3 >= to=3"),
        (lambda: tg.ones(2, dtype=tg.uint8).random_(0, 300), RuntimeError, "299 is out of bounds for uint8"),
        (lambda: tg.ones(2, dtype=tg.int64).normal_(), NotImplementedError, "normal_ is not implemented for int64"),
        (lambda: tg.manual_seed(2**64), ValueError, "64 bits"),
        (lambda: tg.manual_seed(2.5), RuntimeError, "expected an integer, but got float"),  # type: ignore[arg-type]
        (lambda: tg.set_rng_state({}), TypeError, "what get_state returned"),
        (lambda: tg.Generator(device="cuda"), RuntimeError, "'cuda' is not available"),
    ],
)
def test_refusal(draw: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        draw()


@pytest.mark.parametrize("dtype", [tg.bool, tg.uint8, tg.int8, tg.int64, tg.float16, tg.float32, tg.float64])
def test_random_fills_any_dtype(dtype: Any) -> None:
    values = tg.zeros(100, dtype=dtype).random_()
    assert values.dtype == dtype
    assert (values >= 0).all().item()
    assert values.max().item() > 0
