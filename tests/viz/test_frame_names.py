"""Names of frames are not crossed by arrows where the other side of the frame is free."""

from __future__ import annotations

import json
from importlib.util import find_spec
from shutil import which

import pytest

from tinygrad_edu.viz.frame_names import cleared
from tinygrad_edu.viz.rendering import draw

pytestmark = pytest.mark.skipif(
    which("dot") is None and find_spec("pygraphviz") is None, reason="neither dot nor pygraphviz is installed"
)

NAME = '<<table border="0"><tr><td>a long name</td><td width="72"></td></tr></table>>'


def frame(columns: str) -> str:
    """Draw a frame with its name at the left below, and an arrow that leaves it."""
    return f"""digraph {{
subgraph cluster_0 {{
graph [label={NAME} labelloc=b labeljust=l]
{columns}
}}
a -> outside
}}"""


def lay_out(dot: str) -> bytes:
    return draw(dot, "json")


def test_a_name_that_an_arrow_crosses_goes_to_the_other_side() -> None:
    crossed = frame("a; b; c; a -> b [style=invis constraint=false]")
    moved = cleared(crossed, lay_out)
    assert moved != crossed
    assert "labeljust=r" in moved
    assert '<td width="72"></td><td>a long name</td>' in moved


def test_a_name_that_is_free_stays() -> None:
    free = frame("z1; z2; z3; a")
    assert cleared(free, lay_out) == free


def test_invisible_arrows_do_not_count() -> None:
    hidden = frame("a; b; c").replace("a -> outside", "a -> outside [style=invis]")
    assert cleared(hidden, lay_out) == hidden


def test_nothing_is_laid_out_without_frames_or_when_it_would_take_long() -> None:
    def refuse(dot: str) -> bytes:
        raise AssertionError("laid out")

    assert cleared("digraph { a -> b }", refuse) == "digraph { a -> b }"
    large = frame("a; b") + " " * 50_000
    assert cleared(large, refuse) == large


def test_a_drawing_without_arrows() -> None:
    alone = "digraph { subgraph cluster_0 { a } }"
    assert cleared(alone, lay_out) == alone
    assert json.loads(lay_out(alone))["name"]
