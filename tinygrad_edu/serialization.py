"""Saving values to files and loading them.

A file is a zip archive (a ``.npz`` file, to NumPy): one ``.npy`` file for each memory that arrays
lie in, and ``structure.json``, which says how the value is put together. It holds data only:
nothing in it is ever run.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from .atomic import replacing
from .structure import assemble, checked_dtype, take_apart

__all__ = ["load", "save"]

Array = np.ndarray[Any, Any]
File = str | os.PathLike[str] | IO[bytes]

_FORMAT, _VERSION = "tinygrad_edu", 1
_STRUCTURE = "structure.json"
_CHUNK = 1 << 20
# What NumPy writes. A pattern, as NumPy itself reads the header as a piece of Python.
_HEADER = re.compile(rb"\{'descr': '([<>|][biuf]\d)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \}\s*")


def save(obj: Any, f: File) -> None:
    """Write a value to a file, whole or not at all.

    Parameters
    ----------
    obj : Tensor, array, number, str, bytes, None, dtype; or a dict, OrderedDict, list or tuple of
    these
        For example ``model.state_dict()``. Keys of dicts are str, bytes, numbers, None, or tuples
        of these. What shares memory shares it again after loading. Graphs and gradients are not
        saved.
    f : path, or binary file open for writing
        The file at a path is replaced when the new one is complete; it keeps its permissions.

    Raises
    ------
    TypeError
        If something in ``obj`` cannot be saved; the message says where it is. Nothing is written
        then.
    ValueError
        If a container holds itself.

    Notes
    -----
    ``numpy.load(path)`` reads the arrays of the file, by names such as "conv.weight".

    Examples
    --------
    >>> import io, tinygrad_edu as tg
    >>> file = io.BytesIO()
    >>> tg.save({"weight": tg.ones(2), "epoch": 3}, file)
    >>> tg.load(file)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    structure, arrays = take_apart(obj)
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "object": structure})
    if isinstance(f, (str, os.PathLike)):
        with replacing(Path(f)) as file:
            _write(file, text, arrays)
        return
    if not hasattr(f, "write") or hasattr(f, "encoding"):
        raise TypeError(f'save: f must be a path, or a file open for writing bytes (mode "wb"); got {f!r}.')
    _write(f, text, arrays)


def load(f: File, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read a value that :func:`save` wrote.

    Parameters
    ----------
    f : path, or binary file open for reading
        A file object must be able to seek.
    map_location : optional
        Accepted for PyTorch programs; only the CPU exists.
    weights_only : bool
        Accepted for PyTorch programs. These files hold data only, whatever it says.

    Returns
    -------
    The value, in memory of its own.

    Raises
    ------
    RuntimeError
        If the file is damaged, or was not written by :func:`save`.
    OSError
        If the file cannot be read.

    Notes
    -----
    A file from elsewhere is safe to load: no code is run, and arrays take no more memory than the
    file is long.
    """
    if isinstance(map_location, str) and not map_location.startswith("cpu"):
        raise RuntimeError(f"load: map_location={map_location!r} is not available; arrays live in NumPy, on the CPU.")
    if isinstance(f, (str, os.PathLike)):
        with Path(f).open("rb") as file:
            return _load(file, os.fspath(f))
    if not hasattr(f, "seekable") or not f.seekable():
        raise RuntimeError(f"load: {f!r} cannot seek; load(io.BytesIO(f.read())) instead.")
    return _load(f, str(getattr(f, "name", "the file")))


def _write(file: IO[bytes], text: str, arrays: dict[str, Array]) -> None:
    with ZipFile(file, "w", ZIP_STORED) as archive:
        archive.writestr(_entry(_STRUCTURE), text)
        for name, array in arrays.items():
            with archive.open(_entry(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _entry(name: str) -> ZipInfo:
    return ZipInfo(name)  # dated 1980: the same value always gives the same bytes


# ---- reading

# What zipfile, json, NumPy and our own code raise on a file whose bytes were changed or made up.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def _load(file: IO[bytes], name: str) -> Any:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(4)
    if start != b"PK\3\4":
        raise RuntimeError(f"load: {name} {_other(start)}")
    try:
        with ZipFile(file) as archive:
            if _STRUCTURE not in archive.namelist():
                raise RuntimeError(f"load: {name} {_other_archive(archive)}")
            _check_sizes(archive, size)
            return _read(archive, name)
    except _DAMAGE as error:
        raise RuntimeError(
            f"load: {name} is damaged ({type(error).__name__}: {error}); get or write it again."
        ) from error


def _other(start: bytes) -> str:
    if not start:
        return "is empty; what should have written it was interrupted."
    if start[:1] == b"\x80":
        return (
            "is a pickle, perhaps from torch.save; loading one can run code, so it is not done "
            "here. Load it where it was written, and save its arrays with numpy.savez or "
            "safetensors."
        )
    return "was not written by save: it is no zip archive. Check the path."


def _other_archive(archive: ZipFile) -> str:
    names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        return (
            "was written by torch.save, as a pickle; loading one can run code, so it is not done "
            "here. In PyTorch, save {name: tensor.numpy() ...} with numpy.savez, or use "
            "safetensors, and make tensors with from_numpy."
        )
    if any(name.endswith(".npy") for name in names):
        return "is a file of numpy.savez; read it with numpy.load and make tensors with from_numpy."
    return f"was not written by save: the archive has no {_STRUCTURE}. Check the path."


def _check_sizes(archive: ZipFile, size: int) -> None:
    """Refuse an archive that would grow when it is read."""
    entries = archive.infolist()
    if any(entry.compress_type != ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise BadZipFile("an entry is compressed or encrypted; save writes none such")
    if sum(entry.file_size for entry in entries) > size:
        raise BadZipFile(f"its entries are larger than the file, which has {size} bytes")


def _read(archive: ZipFile, name: str) -> Any:
    content = json.loads(archive.read(_STRUCTURE))
    if content["format"] != _FORMAT:
        raise ValueError(f"the format is {content['format']!r}")
    if content["version"] != _VERSION:
        raise RuntimeError(
            f"load: {name} has version {content['version']} of the format; this is version "
            f"{_VERSION}. Load it with a newer tinygrad_edu."
        )
    return assemble(content["object"], lambda array: _read_array(archive, f"{array}.npy"))


def _read_array(archive: ZipFile, name: str) -> Array:
    """Read a ``.npy`` file; NumPy's own reader takes as much memory as the header asks for."""
    with archive.open(name) as member:
        dtype, shape, order = _read_header(member, name)
        expected = math.prod(shape) * dtype.itemsize
        if expected != archive.getinfo(name).file_size - member.tell():
            raise ValueError(f"{name} does not have the {expected} bytes that its header announces")
        array = np.empty(shape, dtype, order)
        target = array.reshape(-1, order="A").view(np.uint8)
        for i in range(0, target.size, _CHUNK):
            member.readinto(target[i : i + _CHUNK])  # type: ignore[attr-defined]
    return array


def _read_header(member: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    start = member.read(10)  # the magic string, the version, and the length of the header
    header = _HEADER.fullmatch(member.read(int.from_bytes(start[8:], "little")))
    if start[:8] != b"\x93NUMPY\1\0" or header is None:
        raise ValueError(f"{name} does not begin as a .npy file of save")
    dtype, fortran, shape = header.groups()
    sizes = tuple([int(size) for size in shape.split(b",") if size])
    return checked_dtype(dtype.decode()), sizes, "F" if fortran == b"True" else "C"
