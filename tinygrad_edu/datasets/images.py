"""What every set of labelled images offers; does not know where the images come from."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageDataset"]

Transform = Callable[[NDArray[np.float32]], Any]
TargetTransform = Callable[[int], Any]


class ImageDataset:
    """Grey images with one class each, held in memory.

    A subclass says what its classes and its brightest pixel are and loads the two arrays; all
    that can be done with them is here, and is overridden nowhere.

    Parameters
    ----------
    data : ndarray of uint8, shape (N, H, W)
        The images, pixels from 0 to ``pixel_max``.
    targets : ndarray of integers, shape (N,)
        The number of each image's class, from 0 to ``len(classes) - 1``. Kept as int64.
    transform : callable, optional
        Called with every image that is taken by its index, a float32 array of shape (1, H, W)
        with values in [0, 1]; what it returns becomes the sample's image.
    target_transform : callable, optional
        Called with that image's label, an int; what it returns becomes the sample's label.

    Raises
    ------
    ValueError
        The two arrays do not belong together, or hold values out of range.

    Notes
    -----
    Unlike torchvision, which hands PIL images to the transform, an image is an array: scaled to
    [0, 1] and with its channel axis, as ``torchvision.transforms.ToTensor`` would make it.
    """

    classes: ClassVar[list[str]]
    pixel_max: ClassVar[int]

    def __init__(
        self,
        data: NDArray[np.uint8],
        targets: NDArray[np.integer[Any]],
        transform: Transform | None = None,
        target_transform: TargetTransform | None = None,
    ) -> None:
        self._check(data, targets)
        self.data = data
        self.targets = targets.astype(np.int64)
        self.transform = transform
        self.target_transform = target_transform

    @final
    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.data)

    @final
    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the sample ``(image, label)``: float32 (1, H, W) in [0, 1] and an int.

        Both have gone through the transforms, where there are any.

        Raises
        ------
        IndexError
            There are not so many images.
        TypeError
            The index is not an integer.
        """
        position = self._position(index)
        image = self._scaled(self.data[position])[np.newaxis]  # (H, W) -> (1, H, W)
        label = int(self.targets[position])
        return (
            image if self.transform is None else self.transform(image),
            label if self.target_transform is None else self.target_transform(label),
        )

    @final
    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return all samples at once, without the transforms.

        Returns
        -------
        images : ndarray of float32, shape (N, 1, H, W)
            Values in [0, 1].
        labels : ndarray of int64, shape (N,)
            A copy of ``targets``.
        """
        return self._scaled(self.data)[:, np.newaxis], self.targets.copy()

    @property
    @final
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class by its name."""
        return {name: number for number, name in enumerate(self.classes)}

    @final
    def __repr__(self) -> str:
        return f"Dataset {type(self).__name__}\n    Number of datapoints: {len(self)}"

    def _scaled(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.divide(pixels, self.pixel_max, dtype=np.float32)

    def _position(self, index: int) -> int:
        name = type(self).__name__
        try:
            position = operator.index(index)
        except TypeError:
            raise TypeError(
                f"{name}: an index must be an integer, got {type(index).__name__}; "
                "take many images at once from arrays()."
            ) from None
        if not -len(self) <= position < len(self):
            raise IndexError(
                f"{name}: there is no image {position}; the {len(self)} images are numbered from 0 to {len(self) - 1}."
            )
        return position

    def _check(self, data: NDArray[Any], targets: NDArray[Any]) -> None:
        received = f"images {data.dtype} {data.shape} and labels {targets.dtype} {targets.shape}"
        rule = None
        if data.dtype != np.uint8 or data.ndim != 3:
            rule = "images must be uint8 (N, H, W)"
        elif not np.issubdtype(targets.dtype, np.integer) or targets.ndim != 1:
            rule = "labels must be integers (N,)"
        elif len(data) != len(targets):
            rule = f"each image has one label ({len(data)} images, {len(targets)} labels)"
        elif data.size and data.max() > self.pixel_max:
            rule = f"a pixel must be at most {self.pixel_max}, not {data.max()}"
        elif targets.size and not 0 <= targets.min() <= targets.max() < len(self.classes):
            rule = f"a label must be 0 to {len(self.classes) - 1}, not {self._stray(targets)}"
        if rule:
            raise ValueError(
                f"{type(self).__name__}: received {received}; {rule}. "
                "Check that both belong to the same dataset and split."
            )

    def _stray(self, targets: NDArray[Any]) -> int:
        return int(targets[(targets < 0) | (targets >= len(self.classes))][0])
