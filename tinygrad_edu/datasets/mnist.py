"""MNIST and Fashion-MNIST: which files they need, where they lie, where they are to be had.

How such a file is read is in ``idx``, how one is fetched in ``download``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from .idx import read_idx
from .images import ImageDataset, TargetTransform, Transform

__all__ = ["MNIST", "DatasetNotFoundError", "FashionMNIST"]

_SPLITS = ("train", "t10k")
_SIDE = 28


class DatasetNotFoundError(FileNotFoundError, RuntimeError):
    """The files of a dataset are not there (torchvision raises a RuntimeError for this)."""


class MNIST(ImageDataset):
    """The MNIST handwritten digits: 60,000 images to train on and 10,000 to test with, 28x28.

    Parameters
    ----------
    root : str or path
        The folder with the data. The files may lie in ``root/MNIST/raw``, as torchvision leaves
        them, or in ``root`` itself; each raw or gzipped. For Fashion-MNIST, whose files have the
        same names, the folder is ``root/FashionMNIST/raw``.
    train : bool
        Load the split "train" (True) or "t10k" (False).
    transform : callable, optional
        Called with every image taken by its index, a float32 array of shape (1, 28, 28) in [0, 1]
        (in torchvision: a PIL image).
    target_transform : callable, optional
        Called with that image's label, an int from 0 to 9.
    download : bool
        First fetch the files that are missing, of both splits, into ``root/MNIST/raw``. What is
        there is left alone, and not compared with a checksum: it may be a subset of your own.

    Attributes
    ----------
    data : ndarray of uint8, shape (N, 28, 28)
        Pixels from 0 to 255.
    targets : ndarray of int64, shape (N,)
        The class of each image.

    Raises
    ------
    FileNotFoundError
        A file of the split is not there; the message says which, and where it is looked for.
    RuntimeError
        A file could not be downloaded; the message says what each mirror answered.
    ValueError
        A file is damaged, holds something else, or does not match its partner.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.
    """

    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]
    pixel_max: ClassVar[int] = 255
    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ]
    resources: ClassVar[list[tuple[str, str]]] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: TargetTransform | None = None,
        download: bool = False,
    ) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        if download:
            self._download()
        images, labels = self._load()
        super().__init__(images, labels, transform, target_transform)

    @classmethod
    def available_splits(cls, root: str | os.PathLike[str]) -> tuple[str, ...]:
        """Return those of "train" and "t10k" whose two files are in ``root``.

        ``train=True`` loads the first, ``train=False`` the second.
        """
        folders = cls._folders(Path(root).expanduser())
        return tuple(split for split in _SPLITS if any(not _missing(folder, split) for folder in folders))

    @classmethod
    def _folders(cls, root: Path) -> tuple[Path, Path]:
        # The folder that bears the dataset's name comes first: in root itself might lie the files
        # of another dataset, under the same names.
        return root / cls.__name__ / "raw", root

    def _load(self) -> tuple[NDArray[Any], NDArray[Any]]:
        split = "train" if self.train else "t10k"
        for folder in self._folders(self.root):
            images, labels = (_find(folder, name) for name in _names(split))
            if images and labels:
                return self._read(images), read_idx(labels)
        raise DatasetNotFoundError(self._not_found(split))

    def _read(self, path: Path) -> NDArray[Any]:
        images = read_idx(path)
        if images.shape[1:] != (_SIDE, _SIDE):
            raise ValueError(
                f"{type(self).__name__}: {path} holds {images.dtype} values of shape "
                f"{images.shape}; its images must be uint8 (N, {_SIDE}, {_SIDE}). "
                "Check that this is the right file."
            )
        return images

    def _download(self) -> None:
        # here: urllib and ssl take a fifth of the time that importing NumPy takes
        from .download import DownloadError, fetch

        raw, beside = self._folders(self.root)
        present = self.available_splits(self.root)
        for filename, md5 in self.resources:
            name = filename.removesuffix(".gz")
            if name.startswith(present) or _find(raw, name):
                continue
            try:
                fetch(self.mirrors, raw / filename, md5)
            except DownloadError as error:
                raise RuntimeError(
                    f"{type(self).__name__}: {filename} could not be downloaded ({error}). Without "
                    f"a connection, get {' and '.join(_names(name.split('-')[0]))} (raw or .gz) "
                    f"elsewhere and put them into {raw} or {beside}."
                ) from error

    def _not_found(self, split: str) -> str:
        folders = self._folders(self.root)
        missing = min((_missing(folder, split) for folder in folders), key=len)
        hint = "".join(
            f" The {other} split is there: load it with train={not self.train}."
            for other in self.available_splits(self.root)
        )
        return (
            f"{type(self).__name__}: the {split} split is incomplete: {' and '.join(missing)} "
            f"(raw or .gz) not found; looked into {folders[0]} and {folders[1]}, where both files "
            f"of a split must lie together.{hint} Put what is missing there, or pass download=True "
            "to fetch it."
        )


class FashionMNIST(MNIST):
    """Fashion-MNIST: grey 28x28 images of ten kinds of clothes, in the files and form of MNIST.

    Parameters, attributes and errors are those of :class:`MNIST`.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", 2017, https://arxiv.org/abs/1708.07747.
    """

    classes: ClassVar[list[str]] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    mirrors: ClassVar[list[str]] = [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ]
    resources: ClassVar[list[tuple[str, str]]] = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]


def _names(split: str) -> tuple[str, str]:
    return f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"


def _find(folder: Path, name: str) -> Path | None:
    """Return the file of this name, raw or gzipped, if the folder has it."""
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _missing(folder: Path, split: str) -> list[str]:
    return [name for name in _names(split) if not _find(folder, name)]
