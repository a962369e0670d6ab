"""Draw the pictures of ``docs/plots.md`` anew: run the page's code where its pictures lie.

The code on the page is the code that draws, so a picture cannot show something else than the page says. From the root
of the repository: ``pip install -e ".[viz]"``, then ``python tools/draw_plots.py``.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE, PICTURES = ROOT / "docs" / "plots.md", ROOT / "docs" / "images" / "plots"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def draw(page: Path, folder: Path) -> list[Path]:
    """Run the Python blocks of a page in a folder; return the pictures there."""
    folder.mkdir(parents=True, exist_ok=True)
    code = "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))
    with contextlib.chdir(folder):
        exec(compile(code, str(page), "exec"), {"__name__": "__main__"})
    return sorted(folder.glob("*.png"))


if __name__ == "__main__":
    for picture in draw(PAGE, PICTURES):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")
