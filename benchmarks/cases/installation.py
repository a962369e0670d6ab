"""What a library costs before it is used: seconds and memory of its import, bytes on the disk."""

from __future__ import annotations

from typing import Any

from ..case import Case

__all__ = ["CASES"]


def library(lib: Any) -> Any:
    """Return the library: it is measured as it is."""
    return lib


CASES = [
    Case("import time", "import", library, "import"),
    Case("memory after import", "installed", library, "imported"),
    Case("installed size", "installed", library, "size"),
    Case("installed size of its dependencies", "installed", library, "dependencies"),
]
