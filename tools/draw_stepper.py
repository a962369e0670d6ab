"""Take the pictures of the page that steps through the backward pass, as the docs show them.

Run it from the root of the repository, with Chromium, chromedriver and ``pip install -e ".[test,viz,browser]"``:

    python tools/draw_stepper.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

import tinygrad_edu as tg

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "stepper"
sys.path.insert(0, str(ROOT / "tests"))  # its browser takes the pictures

from support.browser import PHONE, browser, look, open_file  # noqa: E402
from support.stepper import Page  # noqa: E402

GRAPHS = run_path(str(ROOT / "tools" / "draw_graphs.py"))

# File: which graph, which of its steps, how the page looks.
PICTURES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "scalar.png": ("scalar", 5, {"width": 1100, "height": 640}),
    "digits-cnn-dark.png": ("digits-cnn", 20, {"width": 1100, "height": 760, "dark": True}),
    "phone.png": ("scalar", 5, {"width": PHONE[0], "height": PHONE[1], "phone": True}),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put them")
    folder: Path = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, browser() as driver:
        for name, (graph, step, appearance) in PICTURES.items():
            tg.manual_seed(0)
            file = GRAPHS["PICTURES"][graph]().save(Path(scratch) / f"{graph}.html")
            look(driver, **appearance)
            open_file(driver, file)
            Page(driver).go(step)
            time.sleep(1)  # for the drawing to come to rest
            driver.save_screenshot(str(folder / name))
            print(folder / name)


if __name__ == "__main__":
    main()
