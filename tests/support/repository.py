"""The checkout: its root and the files that belong to it. It reads nothing that is inside them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["NN", "PACKAGE", "ROOT", "copy_to", "files"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tinygrad_edu"
NN = ROOT / "nn"


@cache
def files() -> tuple[Path, ...]:
    """List what git keeps or would keep here: tracked and new files, nothing that is ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = sorted({ROOT / name for name in listing.split("\0") if name})
    return tuple(path for path in paths if path.exists() or path.is_symlink())


def copy_to(folder: Path) -> Path:
    """Copy the repository's files, links as links, and nothing that lies around beside them."""
    for path in files():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    return folder
