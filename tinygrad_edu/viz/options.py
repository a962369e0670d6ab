"""The options of :func:`tinygrad_edu.viz.graph`, checked: what they may be, and a sentence for each mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ..nn import Module
from ..tensor import Tensor
from .dot import Look
from .items import DIRECTIONS, SHOWN, Box

__all__ = ["check_params", "check_unfold", "look_of"]


def look_of(depth: Any, unfold: Any, show: Any, direction: Any, dark: bool) -> Look:
    """Make a Look of the options; TypeError or ValueError for what they may not be."""
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool)):
        raise TypeError(f"graph: depth must be an int or None, got {depth!r}; depth=1 folds each child of the model.")
    if depth is not None and depth < 0:
        raise ValueError(f"graph: depth must be 0 or more, got {depth}; None unfolds all.")
    if direction not in DIRECTIONS:
        raise ValueError(f"graph: direction must be one of {DIRECTIONS}, got {direction!r}.")
    if isinstance(unfold, str) or not isinstance(unfold, (Sequence, set, frozenset)):
        raise TypeError(
            f'graph: unfold must be a sequence of paths, got {unfold!r}; for one module unfold=["layer1.0"].'
        )
    return Look(depth, _words(show), direction, bool(dark), tuple(unfold))


def _words(show: Any) -> tuple[str, ...]:
    if isinstance(show, str) or not isinstance(show, (Sequence, set, frozenset)):
        raise TypeError(f'graph: show must be a sequence of words, got {show!r}; for one word show=("value",).')
    for word in show:
        if word not in SHOWN:
            near = get_close_matches(str(word), SHOWN, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ValueError(f"graph: show has {word!r}, which is not one of {SHOWN}{hint}")
    return tuple(word for word in SHOWN if word in show)


def check_params(params: Any) -> None:
    """Raise a TypeError for what cannot name leaves."""
    if params is None or isinstance(params, Module):
        return
    if not isinstance(params, Mapping):
        kind = type(params).__name__
        raise TypeError(
            f"graph: params must be a Module or a dict of names to tensors, got {kind}; "
            "pass the model, or dict(model.named_parameters())."
        )
    for name, tensor in params.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            kinds = f"{type(name).__name__} to {type(tensor).__name__}"
            raise TypeError(f"graph: params must lead from str to Tensor, got {kinds} at {name!r}.")


def check_unfold(unfold: Sequence[str], boxes: Sequence[Box]) -> None:
    """Raise a ValueError for a path that no module in the picture has."""
    paths = list(dict.fromkeys(box.path for box in boxes))
    for path in unfold:
        if path not in paths:
            near = get_close_matches(str(path), paths, 3)
            known = f"did you mean one of {near}?" if near else f"there are {paths[:8]}."
            way_out = known if paths else "there are none: run the model inside viz.trace(model), or pass params=model."
            raise ValueError(f"graph: unfold has {path!r}, which is no module in this graph; {way_out}")
