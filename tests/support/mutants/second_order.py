"""Mistakes that only the recorded backward pass makes: the derivative is right, its own derivative is not."""

from __future__ import annotations

from typing import Any

from .building import Change
from .derivative import Derivative, plain, with_part
from .mistakes import Mistake

__all__ = ["SECOND_ORDER"]

_NAMES = ("second-order",)


def _recorded(change: Change) -> Change:
    """Leave the ordinary pass right."""
    return lambda d: change(d) if d.recorded else d.raw()


def _scaled_slope(factor: float) -> Change:
    """Keep the value; multiply what is recorded of it."""

    def change(d: Derivative) -> Any:
        right = d.right()
        value = plain(right)
        return value + (right - value) * factor

    return change


def _without_other_inputs(d: Derivative) -> Any:
    cut = [value if i == d.position else plain(value) for i, value in enumerate(d.inputs)]
    return d.raw(inputs=cut)


def _without_g(d: Derivative) -> Any:
    return d.raw(tuple(plain(g) for g in d.g) if isinstance(d.g, tuple) else plain(d.g))


SECOND_ORDER: list[Mistake] = [
    Mistake(
        "recorded: input cut off",
        _recorded(lambda d: d.raw(inputs=with_part(d.inputs, d.position, plain(d.x)))),
        _NAMES,
        2,
    ),
    Mistake("recorded: other inputs cut off", _recorded(_without_other_inputs), _NAMES, 2),
    Mistake("recorded: result cut off", _recorded(lambda d: d.raw(out=plain(d.out))), _NAMES, 2),
    Mistake("recorded: g cut off", _recorded(_without_g), _NAMES, 2),
    Mistake("recorded: all cut off", _recorded(lambda d: plain(d.right())), _NAMES, 2),
    Mistake("recorded: slope doubled", _recorded(_scaled_slope(2.0)), _NAMES, 2),
    Mistake("recorded: sign of the slope", _recorded(_scaled_slope(-1.0)), _NAMES, 2),
    Mistake("recorded: value doubled", _recorded(lambda d: d.right() * 2.0), _NAMES, 2),
]
