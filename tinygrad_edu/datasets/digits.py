"""The handwritten digits that come with the package; knows its two data files and nothing else."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Any, ClassVar

from numpy.typing import NDArray

from .idx import read_idx
from .images import ImageDataset, TargetTransform, Transform

__all__ = ["Digits"]


class Digits(ImageDataset):
    """The UCI handwritten digits: 1,797 grey images of 8x8 pixels in ten classes.

    They are part of the package: nothing is downloaded. The set has no train/test split of its own.

    Parameters
    ----------
    transform : callable, optional
        Called with every image taken by its index, a float32 array of shape (1, 8, 8) in [0, 1].
    target_transform : callable, optional
        Called with that image's label, an int from 0 to 9.

    Attributes
    ----------
    data : ndarray of uint8, shape (1797, 8, 8)
        Pixels from 0 to 16.
    targets : ndarray of int64, shape (1797,)
        The digit that each image shows.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0).

    Examples
    --------
    >>> from tinygrad_edu import datasets
    >>> digits = datasets.Digits()
    >>> len(digits)
    1797
    >>> image, label = digits[0]
    >>> image.shape, label
    ((1, 8, 8), 0)
    """

    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    pixel_max: ClassVar[int] = 16

    def __init__(
        self,
        transform: Transform | None = None,
        target_transform: TargetTransform | None = None,
    ) -> None:
        images, labels = _read("digits-images.idx3.gz"), _read("digits-labels.idx1.gz")
        super().__init__(images, labels, transform, target_transform)


def _read(name: str) -> NDArray[Any]:
    # As a resource, not a path beside this file: the package may be installed as a zip archive.
    with as_file(files(__package__) / "data" / name) as path:
        return read_idx(path)
