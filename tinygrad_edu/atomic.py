"""Write a file whole or not at all; knows nothing of what is written."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of ``path`` when the block ends well.

    Until then it lives beside ``path`` under a name of its own: the same folder, because a rename
    is atomic only within one file system. Whatever ends the block early removes it, and an older
    file at ``path`` stays as it was. A new file has the permissions of the older one. Where
    ``path`` is a link, what it points to is replaced.
    """
    path = Path(os.path.realpath(path))
    # Not tempfile: its files are readable by their owner only, and would stay so after the rename.
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name without the content
        with suppress(FileNotFoundError):
            shutil.copymode(path, part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
