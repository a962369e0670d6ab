"""Draw the pictures of docs/recording-training.md: recordings of small networks that learn the digits.

Run it from the root of the repository; the same code draws the same pictures:

    python tools/draw_recording.py                  # all of them, into docs/images/recording
    python tools/draw_recording.py --output folder

The pictures of the page need Chromium, chromedriver and selenium (extra ``browser``); without them they are left
out, and it says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn
from tinygrad_edu.viz.recording import Recording, record

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # its browser takes the pictures

from support.browser import browser, look, missing, open_file  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Train, record, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "recording")
    folder: Path = parser.parse_args(argv).output
    folder.mkdir(parents=True, exist_ok=True)
    small = trained(small_network(), lr=0.5)
    small.save(folder / "weights.png", match="*.weight")
    small.save(folder / "updates.png", "updates", match="*.weight")
    small.save(folder / "ridgeline.png", "activations", kind="ridgeline", match=["1", "3", "4"])
    for name, activation in (("sigmoid", nn.Sigmoid), ("relu", nn.ReLU)):
        deep = trained(deep_network(activation), lr=0.1, gain=6.0 if activation is nn.ReLU else 1.0)
        deep.save(folder / f"gradients-{name}.png", "gradients", kind="curves", match="*.weight")
    for name, lr in (("calm", 0.3), ("too-fast", 3.0)):
        trained(small_network(), lr=lr).save(
            folder / f"dead-{name}.png", "activations", match=["1", "3"], column="dead"
        )
    screenshots(small, folder)
    return 0


def small_network() -> nn.Sequential:
    """Return a network of two hidden layers."""
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 10))


def deep_network(activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return a network of ten layers with one kind of activation between them."""
    hidden = [part for _ in range(8) for part in (nn.Linear(32, 32), activation())]
    return nn.Sequential(nn.Linear(64, 32), activation(), *hidden, nn.Linear(32, 10))


def trained(model: nn.Sequential, lr: float, gain: float = 1.0) -> Recording:
    """Record the training of a model on the digits: 400 steps of plain SGD on batches of 64.

    The weights are drawn from U(-a, a), a * a = gain / fan_in: for ReLU 6, see He et al., "Delving Deep into
    Rectifiers", 2015.
    """
    generator = np.random.default_rng(0)
    for parameter in model.parameters():  # numbers of our own, whatever was drawn before
        bound = (gain / parameter.shape[-1]) ** 0.5 if parameter.ndim == 2 else 0.0
        parameter.data = tg.tensor(generator.uniform(-bound, bound, parameter.shape), dtype=tg.float32)
    digits = datasets.Digits()
    images = digits.data.reshape(-1, 64).astype(np.float32) / 16
    optimizer = tg.optim.SGD(model.parameters(), lr=lr)
    with record(model, every=10) as recording:
        for _ in range(400):
            batch = generator.integers(0, len(images), 64)
            optimizer.zero_grad()
            logits = model(tg.tensor(images[batch]))
            nn.functional.cross_entropy(logits, tg.tensor(digits.targets[batch])).backward()
            optimizer.step()
    return recording


def screenshots(recording: Recording, folder: Path) -> None:
    """Take pictures of the page: on a screen, light, and on a phone, dark."""
    if absent := missing():
        print(f"not installed: {', '.join(absent)}; no pictures of the page.", file=sys.stderr)
        return
    looks: dict[str, dict[str, Any]] = {
        "page-light.png": {"width": 1100, "height": 860},
        "page-phone-dark.png": {"width": 380, "height": 800, "phone": True, "dark": True},
    }
    with tempfile.TemporaryDirectory() as scratch, browser() as driver:
        page = recording.save(Path(scratch) / "page.html")
        for name, appearance in looks.items():
            look(driver, **appearance)
            open_file(driver, page)
            time.sleep(1)  # for the drawings to come
            driver.save_screenshot(str(folder / name))


if __name__ == "__main__":
    raise SystemExit(main())
