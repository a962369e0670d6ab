"""Which line of the user's code an exception came through."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

__all__ = ["place_of"]

_NOT_THE_USERS = (Path(__file__).parents[1], Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib")))


def place_of(error: BaseException, beside: str = "") -> traceback.FrameSummary | None:
    """Return the innermost line that belongs neither to this package, nor to an installed one, nor to ``beside``."""
    places = [place for place in traceback.extract_tb(error.__traceback__) if place.filename != beside]
    return next((place for place in reversed(places) if _is_the_users(Path(place.filename))), None)


def _is_the_users(path: Path) -> bool:
    return path.is_file() and not any(path.resolve().is_relative_to(folder.resolve()) for folder in _NOT_THE_USERS)
