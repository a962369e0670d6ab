"""Fetch one file from the first mirror that delivers it; knows URLs, not datasets.

What it does not decide: which files a dataset needs, where they go, what to say when none came.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ..atomic import replacing

__all__ = ["DownloadError", "fetch"]

_CHUNK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte


class DownloadError(Exception):
    """A mirror that did not deliver the file, and why."""


def fetch(mirrors: Iterable[str], target: str | os.PathLike[str], md5: str) -> None:
    """Download the file named like ``target`` from the first mirror that has the right one.

    Parameters
    ----------
    mirrors : iterable of str
        Addresses of folders, tried in this order.
    target : str or path
        The file to write. It appears whole, with the right checksum, or not at all; its folder
        is made when a mirror answers.
    md5 : str
        The checksum of the right file, in hexadecimal.

    Raises
    ------
    DownloadError
        No mirror delivered the file; the message says for each one why.
    OSError
        The file cannot be written here (no permission, disk full).
    """
    target = Path(target)
    reasons = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{target.name}"
        try:
            return _fetch_one(url, target, md5)
        except DownloadError as error:
            reasons.append(f"{url}: {error}")
    raise DownloadError("; ".join(reasons) or "there is no mirror to try")


def _fetch_one(url: str, target: Path, md5: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)  # finds damage; the mirrors publish nothing better
    with _open(url) as response:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            for chunk in _chunks(response, target.name):
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != md5:
                raise DownloadError(f"the MD5 sum is {digest.hexdigest()} instead of {md5}")


def _open(url: str) -> HTTPResponse:
    request = Request(url, headers={"User-Agent": "tinygrad-edu"})
    try:
        response: HTTPResponse = urlopen(request, timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise DownloadError(f"{error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise DownloadError(str(error) or type(error).__name__) from error
    return response


def _chunks(response: HTTPResponse, name: str) -> Iterator[bytes]:
    from tqdm import tqdm  # here, so that `import tinygrad_edu` does not wait for it

    length = response.length
    received = 0
    # disable=None: a bar on a terminal, silence in a log
    with tqdm(total=length, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        while chunk := _read(response):
            received += len(chunk)
            bar.update(len(chunk))
            yield chunk
    if length is not None and received < length:
        raise DownloadError(f"the connection ended after {received} of {length} bytes")


def _read(response: HTTPResponse) -> bytes:
    # Errors of the network become DownloadError here, so that an OSError from the disk stays one.
    try:
        return response.read(_CHUNK)
    except (OSError, HTTPException) as error:
        raise DownloadError(str(error) or type(error).__name__) from error
