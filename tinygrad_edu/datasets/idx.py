"""Read and write IDX, the array format of the MNIST files.

It knows the format only, nothing of images, labels or folders. An IDX file is two zero bytes, one
byte for the dtype, one for the number of dimensions D, then D sizes as big-endian uint32, then the
values in C order, big-endian. Its file may be gzipped.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing

__all__ = ["read_idx", "write_idx"]

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(dtype).newbyteorder("="): code for code, dtype in _DTYPES.items()}
_NAMES = ", ".join(dtype.name for dtype in _CODES)
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_DIMS = 64  # NumPy's own limit
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file into an array.

    Parameters
    ----------
    path : str or path
        The file, raw or gzipped. Its first bytes decide which, not its name.

    Returns
    -------
    ndarray
        Of the shape and dtype that the header announces, in the machine's byte order, writable.

    Raises
    ------
    ValueError
        The file is not IDX, is cut short, has bytes too many, or is a damaged gzip file.
    FileNotFoundError
        There is no such file.

    Notes
    -----
    No memory is taken on the header's word: the values are read in chunks, so a short file with
    absurd sizes in its header is refused at the price of reading it.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998
    (section "File formats").
    """
    path = Path(path)
    try:
        with _open(path) as stream:
            dtype, shape = _read_header(stream, path)
            values = _read_values(stream, path, dtype, shape)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"read_idx: {path} is a damaged gzip file ({error}); get the file again.") from error
    return values.astype(dtype.newbyteorder("="), copy=False)


def write_idx(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write one array as an IDX file, whole or not at all.

    Parameters
    ----------
    path : str or path
        The file to write; gzipped when the name ends in ``.gz``. The same array always gives the
        same bytes (no time stamp is stored).
    array : ndarray
        Of 1 to 64 dimensions; uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    TypeError
        The format has no code for the array's dtype.
    ValueError
        The array is 0-d, or one of its sizes does not fit in 32 bits.
    """
    path = Path(path)
    content = _header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()
    if path.name.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    with replacing(path) as file:
        file.write(content)


def _open(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        gzipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path, "rb") if gzipped else path.open("rb")


def _read_header(stream: io.BufferedIOBase, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = _read_header_bytes(stream, 4, path)
    zeros, code, dims = magic[:2], magic[2], magic[3]
    if zeros != b"\0\0" or code not in _DTYPES or not 1 <= dims <= _MAX_DIMS:
        raise ValueError(
            f"read_idx: {path} begins with the bytes {magic.hex(' ')}, which is no IDX file; one "
            f"begins with 00 00, a dtype ({_codes()}) and 1 to {_MAX_DIMS} dimensions. "
            "Check that this is the right file, or get it again."
        )
    shape = struct.unpack(f">{dims}I", _read_header_bytes(stream, 4 * dims, path))
    return np.dtype(_DTYPES[code]), shape


def _read_header_bytes(stream: io.BufferedIOBase, count: int, path: Path) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise ValueError(
            f"read_idx: {path} ends within its header ({len(content)} of the next {count} bytes "
            "are there); get the file again."
        )
    return content


def _read_values(stream: io.BufferedIOBase, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    announced = f"read_idx: the header of {path} announces {dtype.name} values of shape {shape}"
    # NumPy refuses a shape whose non-zero sizes overflow, even when a zero makes the array empty.
    if math.prod(size for size in shape if size) * dtype.itemsize > sys.maxsize:
        raise ValueError(f"{announced}, more than any memory holds; get the file again.")
    expected = math.prod(shape) * dtype.itemsize
    content = _read_up_to(stream, expected)
    if len(content) < expected:
        raise ValueError(
            f"{announced}, {expected} bytes, but the file is cut short after {len(content)} of "
            "them; get the file again."
        )
    if stream.read(1):  # at the end of a gzip file this also compares its checksum
        raise ValueError(f"{announced}, {expected} bytes, but more bytes follow them; get the file again.")
    return np.frombuffer(content, dtype).reshape(shape)


def _read_up_to(stream: io.BufferedIOBase, count: int) -> bytearray:
    content = bytearray()
    while chunk := stream.read(min(_CHUNK, count - len(content))):
        content += chunk
    return content


def _header(array: NDArray[Any]) -> bytes:
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _CODES:
        raise TypeError(f"write_idx: IDX has no code for {dtype}; it holds {_NAMES}. Convert with astype().")
    if not 1 <= array.ndim <= _MAX_DIMS or max(array.shape) >= 1 << 32:
        raise ValueError(
            f"write_idx: an array of shape {array.shape} does not fit; IDX needs 1 to {_MAX_DIMS} "
            "dimensions, each below 2**32. Reshape it."
        )
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, _CODES[dtype], array.ndim, *array.shape)


def _codes() -> str:
    return ", ".join(f"{code:02x} {dtype.name}" for dtype, code in _CODES.items())
