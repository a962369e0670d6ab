"""From DOT to a picture, by what is there: the ``dot`` program, else pygraphviz, whose wheels carry Graphviz."""

from __future__ import annotations

import subprocess

from .frame_names import cleared

__all__ = ["draw", "render"]


def render(dot: str, kind: str) -> bytes:
    """Draw DOT, with the names of frames out of the way of arrows; see :func:`draw`."""
    return draw(cleared(dot, lambda text: draw(text, "json", kind)), kind)


def draw(dot: str, kind: str, wanted: str = "") -> bytes:
    """Turn DOT into a picture with what is there: the ``dot`` program, else pygraphviz.

    ``wanted`` is the form that the user has asked for, where this one is a step on the way.

    Raises
    ------
    RuntimeError
        If neither is there, or the program cannot write this form and pygraphviz is not there; the sentence says what
        to do.
    """
    from graphviz import ExecutableNotFound, Source

    try:
        return bytes(Source(dot).pipe(format=kind, quiet=True))
    except ExecutableNotFound:
        trouble = f"No Graphviz found to draw {wanted or kind}"
    except subprocess.CalledProcessError as error:  # some builds lack a form, such as png
        trouble = f"The dot program could not draw {kind} ({_first_line(error.stderr)})"
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            f"{trouble}: install the dot program (apt-get install graphviz, brew install graphviz), "
            'or pip install "tinygrad-edu[viz]". The .dot form needs neither.'
        ) from None
    return bytes(pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot"))


def _first_line(text: bytes | str | None) -> str:
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text or ""
    return decoded.strip().partition("\n")[0] or "it said nothing"
