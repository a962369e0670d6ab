"""A training history as series: which metric, of which run, of which part of the data. It draws nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .reading import read_array

__all__ = ["ROLES", "Series", "read_history"]

ROLES = ("train", "validation", "test")
_WORDS = {"train": "train", "training": "train", "val": "validation", "valid": "validation"}
_WORDS |= {"validation": "validation", "test": "test"}
_ROLE = "|".join(_WORDS)
_NAME = re.compile(rf"(?:(?P<before>{_ROLE})[_ /.-])?(?P<metric>.+?)(?:[_ /.-](?P<after>{_ROLE}))?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Series:
    """One line of a plot.

    Attributes
    ----------
    metric : str
        What was measured, such as "loss": the panel that the line stands in.
    role : str or None
        The part of the data: one of ROLES, where the name says so.
    run : str or None
        The name of the run, where several are compared.
    x, y : ndarray of float64, shape (n,)
        Only where something was measured; y is NaN or infinite where that came out.
    """

    metric: str
    role: str | None
    run: str | None
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def read_history(history: Any, x: str) -> list[Series]:
    """Read the forms of a history, see :func:`training_curves`; ``x`` names the column of places.

    Raises
    ------
    TypeError
        If it is none of the forms.
    ValueError
        If there is nothing in it, or a column is longer than that of the places.
    """
    columns = _columns(history)
    runs = {name: value for name, value in columns.items() if _is_run(value)}
    found = [series for name, run in runs.items() for series in _series(_columns(run), x, name)]
    found += _series({name: value for name, value in columns.items() if name not in runs}, x, None)
    if not found:
        raise ValueError("training_curves: the history is empty; give at least one series, such as {'loss': [2.3]}.")
    return found


def _is_run(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, (list, tuple)) and bool(value) and _is_record(value[0]))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, Mapping) or hasattr(entry, "_asdict") or dataclasses.is_dataclass(entry)


def _columns(history: Any) -> dict[str, Any]:
    """Turn records into columns; one plain sequence is a loss."""
    if isinstance(history, Mapping):
        return {str(name): values for name, values in history.items()}
    if isinstance(history, str) or not isinstance(history, Iterable):
        raise TypeError(
            f"training_curves: a history is a mapping of names to numbers, a list of records, or a list of numbers; "
            f"got {type(history).__name__}."
        )
    entries = list(history)
    if not entries or not _is_record(entries[0]):
        return {"loss": entries} if entries else {}
    records = [_record(entry) for entry in entries]
    names = dict.fromkeys(name for record in records for name in record)
    return {str(name): [record.get(name) for record in records] for name in names}


def _record(entry: Any) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        return entry
    if hasattr(entry, "_asdict"):
        named: Mapping[str, Any] = entry._asdict()
        return named
    return {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}


def _series(columns: Mapping[str, Any], x: str, run: str | None) -> list[Series]:
    places = _numbers(x, columns[x]) if x in columns else None
    found = []
    for name, values in columns.items():
        if name != x:
            y = _numbers(name, values)
            if places is not None and len(y) > len(places):
                raise ValueError(
                    f"training_curves: {name!r} has {len(y)} values but {x!r} only {len(places)}; use None where "
                    "nothing was measured."
                )
            where = np.arange(1.0, len(y) + 1) if places is None else places[: len(y)]
            measured = np.array([value is not None for value in values], bool)
            found.append(Series(*_split_name(name), run, where[measured], y[measured]))
    return found


def _numbers(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    """Return the numbers of a column; None becomes NaN here and is left out later."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise TypeError(f"training_curves: {name!r} must be a list of numbers, got {type(values).__name__}.")
    try:
        return np.array([np.nan if value is None else float(read_array(value)) for value in values], float)
    except (TypeError, ValueError):
        raise TypeError(f"training_curves: {name!r} has an entry that is not one number; use loss.item().") from None


def _split_name(name: str) -> tuple[str, str | None]:
    """Split "validation_loss" into "loss" and "validation"."""
    match = _NAME.fullmatch(name)
    role = match and (match["before"] or match["after"])
    return (match["metric"], _WORDS[role.lower()]) if match and role else (name, None)
