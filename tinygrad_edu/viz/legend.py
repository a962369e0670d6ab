"""What stands above a drawing: its title, and what shapes and colours mean, of those that occur."""

from __future__ import annotations

import math

from .colours import Scale, Theme
from .wording import NO_BREAK, html, number, shortened

__all__ = ["Legend", "appearance"]

_SHAPES = {
    "operation": {"shape": "box", "style": "filled,rounded"},
    "parameter": {"shape": "cylinder", "style": "filled"},
    "leaf": {"shape": "box", "style": "filled"},
    "frozen": {"shape": "cylinder", "style": "filled,dashed"},
    "input": {"shape": "note", "style": "filled"},
    "folded": {"shape": "box3d", "style": "filled"},
}
_WORDS = {
    "operation": "operation",
    "folded": "folded module",
    "parameter": "parameter",
    "frozen": "frozen parameter",
    "leaf": "leaf",
    "input": "outside the graph",
    "output": "output",
}
_IN_A_ROW = 5
_GAP = NO_BREAK * 5


def appearance(kind: str, is_output: bool, theme: Theme) -> dict[str, str]:
    """Return shape and colours of a kind of node; the output has a double red line, whatever it is."""
    colours = {"fillcolor": theme.fills[kind], "color": theme.lines[kind]}
    if is_output:
        colours = {"fillcolor": theme.fills["output"], "color": theme.lines["output"], "peripheries": "2"}
    return {**_SHAPES[kind], **colours}


class Legend:
    """Collects what occurs in a drawing, and explains it.

    Attributes
    ----------
    kinds : dict of str to None
        Kinds of nodes that occur.
    arrows : bool
        Whether there are arrows for values and for gradients.
    """

    def __init__(self, theme: Theme, scale: Scale | None) -> None:
        self.theme, self.scale = theme, scale
        self.kinds: dict[str, None] = {}
        self.arrows = False
        self._found: set[str] = set()

    def fill(self, size: float | None, may_have: bool) -> str | None:
        """Return the colour for the size of a gradient; None where none is shown.

        ``may_have`` tells that a gradient could be there.
        """
        if self.scale is None or (size is None and not may_have):
            return None
        if size is None:
            self._found.add("none")
            return self.theme.paper
        self._found.add("zero" if size == 0 else "size" if math.isfinite(size) else "broken")
        return self.scale.colour(size)

    def label(self, title: str, stopped: str) -> str:
        """Write title and legend, one under the other, as an HTML-like label.

        ``stopped`` is the error that ended the backward pass early, "" for none.
        """
        names = [kind for kind in _WORDS if kind in self.kinds]
        rows = [f'<td align="left">{title}</td>']
        for i in range(0, len(names), _IN_A_ROW):
            rows.append(_cell(_GAP.join(self._kind(kind) for kind in names[i : i + _IN_A_ROW])))
        if self.scale is not None and "size" in self._found:
            rows.append(self._strip(self.scale))
        notes = self._notes()
        rows += [_cell(_GAP.join(notes))] if notes else []
        if stopped:
            words = html(shortened(f"the backward pass ended early: {stopped}", 110))
            rows.append(_cell(f'<font color="{self.theme.gradient_arrow}">{words}</font>'))
        lines = "".join(f"<tr>{row}</tr>" for row in rows)
        return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{lines}</table>>'

    def _kind(self, kind: str) -> str:
        return self._marked(self.theme.lines[kind], _WORDS[kind])

    def _notes(self) -> list[str]:
        """Explain what is not on the scale, and the arrows."""
        theme, found = self.theme, self._found
        notes = [self._marked(theme.zero, "gradient exactly zero")] if "zero" in found else []
        notes += [self._marked(theme.broken, "NaN or infinite")] if "broken" in found else []
        notes += ["dotted line: no gradient"] if "none" in found else []
        if self.arrows:
            back = f'<font color="{theme.gradient_arrow}">dashed arrows: gradients sent back</font>'
            notes += ["arrows: values", back]
        return notes

    def _marked(self, colour: str, words: str) -> str:
        return f'<font color="{colour}">■</font> {words}'

    def _strip(self, scale: Scale) -> str:
        """Draw the scale between the sizes at its ends."""
        low, _, high = (number(float(f"{mark:.1g}")) for mark in scale.marks())
        strip = "".join(f'<td bgcolor="{colour}" width="14" height="12"></td>' for colour in scale.steps())
        before = _cell(f"gradient rms: {low} or less, small here")
        after = _cell(f"{high} or more, large here")
        inner = f'<td><table border="0" cellborder="0" cellspacing="0"><tr>{strip}</tr></table></td>'
        return f'<td><table border="0" cellborder="0" cellspacing="0"><tr>{before}{inner}{after}</tr></table></td>'


def _cell(text: str) -> str:
    return f'<td align="left"><font point-size="9">{text}</font></td>'
