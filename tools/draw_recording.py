"""Draw the pictures of docs/recording-training.md: recordings of small networks that learn the digits.

Run it from the root of the repository; the same code draws the same pictures:

    python tools/draw_recording.py                  # all of them, into docs/images/recording
    python tools/draw_recording.py --output folder

The pictures of the page need the program chromium; where it is not installed they are left out, and it says so.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import tinygrad_edu as tg  # noqa: E402
from tinygrad_edu import datasets, nn  # noqa: E402
from tinygrad_edu.viz.recording import Recording, record  # noqa: E402

CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--virtual-time-budget=3000",
)


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
    program = shutil.which("chromium")
    if program is None:
        print("chromium is not installed: no pictures of the page.", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        page = recording.save(Path(scratch) / "page.html")
        frame = Path(scratch) / "phone.html"
        # A window is at least 500 pixels wide; a frame can be as narrow as a phone.
        frame.write_text(
            '<body style="margin:0"><iframe src="page.html" style="border:0;width:380px;height:800px"></iframe>'
        )
        shoot(program, page, folder / "page-light.png", "1100,860", scratch)
        dark = "--blink-settings=preferredColorScheme=0"
        shoot(program, frame, folder / "page-phone-dark.png", "500,800", scratch, dark)
        crop(folder / "page-phone-dark.png", 380)


def shoot(program: str, page: Path, target: Path, size: str, scratch: str, *flags: str) -> None:
    """Take a picture of a page."""
    window = (f"--user-data-dir={scratch}/profile", f"--window-size={size}", f"--screenshot={target.resolve()}")
    subprocess.run([program, *CHROMIUM, *window, *flags, page.as_uri()], check=True, capture_output=True)


def crop(path: Path, width: int) -> None:
    """Cut off what is to the right of the phone."""
    from matplotlib.image import imread, imsave

    imsave(path, imread(path)[:, :width])


if __name__ == "__main__":
    raise SystemExit(main())
