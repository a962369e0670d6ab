import hashlib

import numpy as np
import pytest

from tinygrad_edu import datasets


def test_digits_are_what_the_package_ships():
    digits = datasets.Digits()
    assert (digits.data.dtype, digits.data.shape) == (np.uint8, (1797, 8, 8))
    assert (digits.targets.dtype, digits.targets.shape) == (np.int64, (1797,))
    content = digits.data.tobytes() + digits.targets.astype("<i8").tobytes()
    assert hashlib.sha256(content).hexdigest() == ("65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5")


def test_digits_are_scikit_learns():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs, ours = sklearn_datasets.load_digits(), datasets.Digits()
    np.testing.assert_array_equal(ours.data, theirs.images)
    np.testing.assert_array_equal(ours.targets, theirs.target)


def test_pixels_are_scaled_to_one():
    digits = datasets.Digits()
    images, labels = digits.arrays()
    assert (images.min(), images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(images[:, 0] * 16, digits.data)
    assert [digits[i][1] for i in range(5)] == labels[:5].tolist() == [0, 1, 2, 3, 4]
    assert digits[0][0].shape == (1, 8, 8)


def test_there_is_a_name_for_every_label():
    digits = datasets.Digits()
    assert digits.classes == list("0123456789")
    assert sorted(set(digits.targets.tolist())) == list(range(10))


def test_transforms_are_applied():
    digits = datasets.Digits(lambda image: image.sum(), lambda label: -label)
    total, label = digits[3]
    assert total == digits.data[3].sum() / 16
    assert label == -3
