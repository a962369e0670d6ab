import numpy as np
import pytest

from tinygrad_edu.datasets import synthetic

MAKERS = [synthetic.make_moons, synthetic.make_spirals]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("n", [0, 1, 2, 7, 300])
def test_every_size_gives_finite_points_and_labels(make, n):
    points, labels = make(n)
    assert (points.dtype, points.shape) == (np.float32, (n, 2))
    assert (labels.dtype, labels.shape) == (np.int64, (n,))
    assert np.isfinite(points).all()


@pytest.mark.parametrize("make", MAKERS)
def test_seed_decides_the_points(make):
    np.testing.assert_array_equal(make(rng=3)[0], make(rng=np.random.default_rng(3))[0])
    assert not np.array_equal(make(rng=3)[0], make(rng=4)[0])


@pytest.mark.parametrize("make", MAKERS)
def test_classes_are_as_large_as_each_other(make):
    counts = np.bincount(make(300)[1])
    assert (counts == counts[0]).all()


def test_moons_are_half_circles_around_their_centres():
    points, labels = synthetic.make_moons(100, noise=0.0)
    centres = np.array([[0.0, 0.0], [1.0, 0.5]])[labels]
    np.testing.assert_allclose(np.linalg.norm(points - centres, axis=1), 1.0, rtol=1e-6)
    assert (points[labels == 0, 1] >= -1e-6).all()
    assert (points[labels == 1, 1] <= 0.5 + 1e-6).all()


def test_spiral_arms_are_one_arm_turned():
    points, labels = synthetic.make_spirals(300, 3, noise=0.0)
    first, second = (points[labels == c] @ [1, 1j] for c in (0, 1))
    np.testing.assert_allclose(second, first * np.exp(2j * np.pi / 3), atol=1e-6)
    np.testing.assert_allclose(np.abs(first), np.linspace(0, 1, 100), atol=1e-6)


def test_noise_has_the_asked_spread():
    clean, noisy = (synthetic.make_spirals(30_000, noise=s)[0] for s in (0.0, 0.5))
    assert (noisy - clean).std() == pytest.approx(0.5, rel=0.02)
