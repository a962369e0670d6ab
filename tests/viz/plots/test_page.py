"""The page on plots and the folder of its pictures hold the same pictures, all of them small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from support.repository import ROOT

PAGE, PICTURES = ROOT / "docs" / "plots.md", ROOT / "docs" / "images" / "plots"


def test_pictures_drawn_shown_and_kept_are_the_same() -> None:
    text = PAGE.read_text(encoding="utf-8")
    code = "".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))
    drawn = re.findall(r'savefig\("([\w-]+\.png)"\)', code)
    shown = re.findall(r"\]\(images/plots/([\w-]+\.png)\)", text)
    assert sorted(drawn) == sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    assert len(set(drawn)) == len(drawn) >= 10


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 1_000_000


def test_the_tool_runs_the_code_of_a_page_in_the_folder(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("draw_plots", ROOT / "tools" / "draw_plots.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tmp_path / "page.md"
    figure = "from matplotlib.figure import Figure\nfigure = Figure(figsize=(1, 1))"
    page.write_text(f"```python\n{figure}\n```\ntext\n```bash\nexit\n```\n```python\nfigure.savefig('a.png')\n```\n")
    assert [path.name for path in tool.draw(page, tmp_path / "new")] == ["a.png"]
