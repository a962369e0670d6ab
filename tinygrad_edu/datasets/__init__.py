"""Data to learn from: labelled images and points in the plane, as NumPy arrays.

It knows files and arrays only; nothing here makes a Tensor.
"""

from . import synthetic
from .digits import Digits
from .idx import read_idx, write_idx
from .images import ImageDataset
from .mnist import MNIST, DatasetNotFoundError, FashionMNIST

__all__ = [
    "MNIST",
    "DatasetNotFoundError",
    "Digits",
    "FashionMNIST",
    "ImageDataset",
    "read_idx",
    "synthetic",
    "write_idx",
]
