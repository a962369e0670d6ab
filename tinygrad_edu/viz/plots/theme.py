"""Colours, fonts and sizes of the plots, on light and on dark; nothing else here knows what is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LABEL", "SMALL", "TICK", "TITLE", "Theme", "choose_theme", "class_colors", "style_axes"]

TITLE, LABEL, TICK, SMALL = 11.5, 10.5, 9.5, 8.5  # points; a picture is read at 100 dots per inch


@dataclass(frozen=True)
class Theme:
    """One look.

    Attributes
    ----------
    background, text, faint : str
        Behind everything; of titles, labels and marks; of grids and frames.
    series, classes : tuple of str
        Of lines and of classes, in the order they are used.
    right, wrong, missing : str
        Of right and wrong answers, and of values that are not finite.
    sequential, diverging : str
        Names of matplotlib's colour maps: from nothing to much, and away from zero to both sides.
    """

    background: str
    text: str
    faint: str
    series: tuple[str, ...]
    classes: tuple[str, ...]
    right: str
    wrong: str
    missing: str
    sequential: str
    diverging: str


# Paul Tol's schemes "muted" and "light" (Colour Schemes, 2021), each made up to ten.
_MUTED = ("#332288", "#cc6677", "#44aa99", "#ddcc77", "#88ccee", "#aa4499", "#117733", "#882255", "#999933", "#888888")
_LIGHT = ("#77aadd", "#ee8866", "#eedd88", "#44bb99", "#ffaabb", "#99ddff", "#bbcc33", "#aaaa00", "#bb99dd", "#dddddd")
# The series are the colours of Okabe and Ito (Color Universal Design, 2008), which people of every colour vision tell
# apart; the lightest of them come last on light, the darkest on dark.
LIGHT = Theme(
    background="#ffffff",
    text="#222222",
    faint="#cfcfcf",
    series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"),
    classes=_MUTED,
    right="#0072b2",
    wrong="#d55e00",
    missing="#ff2fd6",
    sequential="Blues",
    diverging="RdBu_r",
)
DARK = Theme(
    background="#1b1e23",
    text="#e8e8e8",
    faint="#4a4f57",
    series=("#56b4e9", "#e69f00", "#2fc6a0", "#e29dc3", "#f0e442", "#ff8a3d", "#bbbbbb"),
    classes=_LIGHT,
    right="#56b4e9",
    wrong="#ff8a3d",
    missing="#ff2fd6",
    sequential="cividis",
    diverging="berlin",
)


def choose_theme(dark: bool) -> Theme:
    """Return the look for a light or a dark page."""
    return DARK if dark else LIGHT


def class_colors(theme: Theme, count: int) -> list[Any]:
    """Return one colour for each class; beyond ten, steps of one colour map, which no longer differ as clearly."""
    if count <= len(theme.classes):
        return list(theme.classes[:count])
    from matplotlib import colormaps

    return [colormaps["turbo"](i / (count - 1)) for i in range(count)]


def style_axes(ax: Axes, theme: Theme, *, grid: bool = False, frame: bool = True) -> None:
    """Give axes the colours and sizes of a look."""
    ax.set_facecolor(theme.background)
    ax.tick_params(colors=theme.text, labelsize=TICK, length=3 if frame else 0)
    for text, size in ((ax.xaxis.label, LABEL), (ax.yaxis.label, LABEL), (ax.title, TITLE)):
        text.set_color(theme.text)
        text.set_fontsize(size)
    for side, spine in ax.spines.items():
        spine.set_color(theme.faint)
        spine.set_visible(frame and side in ("left", "bottom"))
    if grid:
        ax.grid(True, color=theme.faint, linewidth=0.6, alpha=0.7)
        ax.set_axisbelow(True)
