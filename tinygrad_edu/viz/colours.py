"""The colours of a drawing: what kinds of things look like, and the scale on which the size of a gradient is read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "Scale", "Theme", "ink_on"]

_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one kind of paper.

    ``small``, ``middle`` and ``large`` are the ends and the middle of the scale for gradients: blue and red through
    white, which people who cannot tell red from green can tell (C. Brewer, ColorBrewer, 2003); light enough at the ends
    to be written on.
    """

    paper: str
    ink: str
    faint: str
    frame: str
    frame_line: str
    value_arrow: str
    gradient_arrow: str
    fills: dict[str, str]
    lines: dict[str, str]
    small: _Colour
    middle: _Colour
    large: _Colour
    zero: str
    broken: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1c2430",
    faint="#5a6675",
    frame="#f5f7fa",
    frame_line="#c3ccd8",
    value_arrow="#6b7686",
    gradient_arrow="#b8480b",
    fills={
        "operation": "#e6eef8",
        "parameter": "#d9eedb",
        "leaf": "#fff0c2",
        "frozen": "#e3e3e3",
        "input": "#f1eaf7",
        "output": "#f9dddd",
        "folded": "#d7ecee",
    },
    lines={
        "operation": "#4a6a99",
        "parameter": "#2f7d43",
        "leaf": "#a37800",
        "frozen": "#777777",
        "input": "#7b5a9e",
        "output": "#a8323b",
        "folded": "#17737f",
    },
    small=(67, 147, 195),
    middle=(247, 247, 247),
    large=(214, 96, 77),
    zero="#4a4a4a",
    broken="#c400c4",
)
DARK = Theme(
    paper="#15191f",
    ink="#e7ebf0",
    faint="#a3aebb",
    frame="#1c222b",
    frame_line="#465263",
    value_arrow="#8a97a8",
    gradient_arrow="#ff9a5c",
    fills={
        "operation": "#26364d",
        "parameter": "#1f3f2a",
        "leaf": "#4a3d12",
        "frozen": "#3a3a3a",
        "input": "#392c48",
        "output": "#4f2429",
        "folded": "#1d3f45",
    },
    lines={
        "operation": "#86a8d8",
        "parameter": "#6cc585",
        "leaf": "#e0b83f",
        "frozen": "#a6a6a6",
        "input": "#bb9ae0",
        "output": "#f08a92",
        "folded": "#57c2cf",
    },
    small=(98, 176, 240),
    middle=(48, 54, 63),
    large=(255, 112, 96),
    zero="#000000",
    broken="#ff5cff",
)


class Scale:
    """Sizes of gradients as colours, on a logarithmic scale about the median of the picture.

    It reaches as far as nine tenths of the sizes do, so that one far off leaves the others their colours; three powers
    of ten to each side at least, so that a sound network looks pale, and eight at most.

    Parameters
    ----------
    sizes : iterable of float
        Of everything that will be coloured. Zero, NaN and infinity have colours of their own.
    theme : Theme
    """

    LEAST, MOST, STEPS = 3.0, 8.0, 9

    def __init__(self, sizes: Iterable[float], theme: Theme) -> None:
        powers = sorted(math.log10(size) for size in sizes if 0 < size < math.inf)
        self.theme = theme
        self.middle = powers[len(powers) // 2] if powers else 0.0
        distances = sorted(abs(power - self.middle) for power in powers) or [0.0]
        self.reach = min(max(distances[-(-9 * (len(distances) - 1) // 10)], self.LEAST), self.MOST)

    def colour(self, size: float) -> str:
        """Return the colour of a size."""
        if not math.isfinite(size):
            return self.theme.broken
        if size == 0:
            return self.theme.zero
        return self._at((math.log10(size) - self.middle) / self.reach)

    def steps(self) -> list[str]:
        """Return colours from one end to the other, for a legend."""
        return [self._at(2 * i / (self.STEPS - 1) - 1) for i in range(self.STEPS)]

    def marks(self) -> tuple[float, float, float]:
        """Return the sizes at the small end, in the middle and at the large end."""
        ends = (self.middle - self.reach, self.middle, self.middle + self.reach)
        low, middle, high = (10.0 ** min(max(end, -307.0), 307.0) for end in ends)
        return low, middle, high

    def _at(self, t: float) -> str:
        t = min(max(t, -1.0), 1.0)
        end = self.theme.large if t > 0 else self.theme.small
        mixed = [round(m + (e - m) * abs(t)) for m, e in zip(self.theme.middle, end)]
        return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink_on(fill: str) -> str:
    """Return black or white, whichever is easier to read on a colour (relative luminance, WCAG 2.1, 2018)."""
    channels = [int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"
