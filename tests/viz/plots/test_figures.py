"""What all plots promise: a Figure of their own or the caller's, nothing cut off, no pyplot, a late import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu import nn
from tinygrad_edu.viz import plots
from tinygrad_edu.viz.plots.theme import DARK, LIGHT, class_colors

IMAGES = np.random.default_rng(0).random((4, 1, 6, 6)).astype(np.float32)
LONG = ["a class whose name is far too long to be written out"] * 3


def model() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 3))


SEVERAL_AXES: dict[str, Callable[..., Any]] = {
    "training_curves": lambda **o: plots.training_curves({"train_loss": [1.0, 0.5], "accuracy": [0.1, 0.9]}, **o),
    "predictions": lambda **o: plots.predictions(IMAGES, [0, 1, 2, 0], np.eye(4, 3), LONG, **o),
    "before_after": lambda **o: plots.before_after(IMAGES, IMAGES + 1, model=model(), labels=[0] * 4, **o),
    "saliency": lambda **o: plots.saliency(model(), IMAGES, classes=LONG, **o),
    "filters": lambda **o: plots.filters(model()[0], **o),
    "feature_maps": lambda **o: plots.feature_maps(model(), IMAGES, **o),
    "activations": lambda **o: plots.activations(**o),
}
ONE_AXES: dict[str, Callable[..., Any]] = {
    "confusion_matrix": lambda **o: plots.confusion_matrix([0, 1, 2], [0, 1, 1], classes=LONG, **o),
    "decision_regions": lambda **o: plots.decision_regions(lambda x: x, IMAGES[0, 0, :, :2], [0, 1] * 3, **o),
    "loss_surface": lambda **o: plots.loss_surface(lambda x, y: x * x + y * y, path=[[1, 1], [0, 0]], **o),
}
EVERY = SEVERAL_AXES | ONE_AXES


def test_every_plot_is_exercised_here() -> None:
    assert sorted(EVERY) == plots.__all__


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_cut_off(name: str, dark: bool) -> None:
    from matplotlib.figure import Figure

    figure = EVERY[name](dark=dark, title="A title")
    assert type(figure) is Figure
    figure.draw_without_rendering()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= whole.x1
    assert box.y1 <= whole.y1
    assert "A title" in [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]


@pytest.mark.parametrize("name", EVERY)
def test_letters_have_the_colours_of_the_look(name: str) -> None:
    for dark, theme in ((False, LIGHT), (True, DARK)):
        ax = EVERY[name](dark=dark).axes[0]
        texts = [t for t in (ax.title, ax.xaxis.label, ax.yaxis.label) if t.get_text()]
        assert all(text.get_color() in (theme.text, theme.right, theme.wrong) for text in texts)


@pytest.mark.parametrize("name", SEVERAL_AXES)
def test_part_of_a_figure_is_drawn_into(name: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    left, right = figure.subfigures(1, 2)
    assert SEVERAL_AXES[name](figure=left, title="Left") is figure
    assert SEVERAL_AXES[name](figure=right) is figure
    assert left.axes
    assert right.axes
    assert left.get_suptitle() == "Left"
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", ONE_AXES)
def test_axes_are_drawn_into(name: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    first, second = figure.subfigures(1, 2)[1].subplots(1, 2)
    assert ONE_AXES[name](ax=second) is figure
    assert second.images or second.collections
    assert not first.images
    assert not first.collections


@pytest.mark.parametrize("name", EVERY)
def test_same_arguments_give_the_same_picture(name: str) -> None:
    import io

    pictures = []
    for _ in range(2):
        file = io.BytesIO()
        EVERY[name]().savefig(file, format="png", dpi=40)
        pictures.append(file.getvalue())
    assert pictures[0] == pictures[1]


def test_classes_have_different_colours() -> None:
    for theme in (LIGHT, DARK):
        for count in (1, 2, 10, 11, 100):
            assert len({tuple(np.atleast_1d(color)) for color in class_colors(theme, count)}) == count


def test_neighbours_in_the_series_differ_for_every_colour_vision() -> None:
    # Simulated dichromats: Viénot, Brettel, Mollon, "Digital video colourmaps for checking the legibility of displays
    # by dichromats", 1999; protanopia and deuteranopia as matrices on linear RGB.
    protan = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    deutan = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    from matplotlib.colors import to_rgb

    for theme in (LIGHT, DARK):
        colors = np.array([to_rgb(color) for color in (*theme.series[:2], theme.right, theme.wrong)]) ** 2.2
        for seen in (np.eye(3), protan, deutan):
            first, second, right, wrong = np.clip(colors @ seen.T, 0, 1) ** (1 / 2.2)
            assert np.abs(first - second).max() > 0.3
            assert np.abs(right - wrong).max() > 0.3


def test_import_needs_no_matplotlib_and_a_call_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from tinygrad_edu.viz import plots\n"
        "try: plots.training_curves([1.0])\n"
        "except ImportError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == 'viz.plots draws with matplotlib: pip install "tinygrad-edu[viz]".'


def test_drawing_imports_no_pyplot() -> None:
    program = (
        "import sys\nfrom tinygrad_edu.viz import plots\nplots.training_curves([1.0]).savefig(sys.stdout.buffer)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    assert run.stdout.startswith(b"\x89PNG")
