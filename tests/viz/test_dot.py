"""What a drawing says: kinds, shapes, values, what is kept, where it was made, colours, legend."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

import tinygrad_edu as tg
from support.dot_reader import Drawing, read_dot
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.colours import DARK, LIGHT, Scale, Theme, ink_on
from tinygrad_edu.viz.items import SHOWN
from tinygrad_edu.viz.summary import Summary
from tinygrad_edu.viz.wording import bytes_text, count_text, number, shortened, summary_lines


def drawn(output: tg.Tensor, **options: Any) -> Drawing:
    return read_dot(viz.graph(output, **options).dot)


def kinds() -> tg.Tensor:
    """Make a graph with one thing of each kind."""
    parameter, leaf = nn.Parameter(tg.ones(2)), tg.ones(2, requires_grad=True)
    frozen, data = nn.Parameter(tg.ones(2), requires_grad=False), tg.ones(2)
    with viz.trace():
        return (parameter * leaf * frozen + data).sum()


@pytest.mark.parametrize("show", [("grad_norm", "inputs"), ("inputs",)])
def test_kinds_are_told_apart_by_shape_and_by_colour(show: tuple[str, ...]) -> None:
    drawing = drawn(kinds(), show=show)
    nodes = [drawing.called(name) for name in ("parameter", "leaf", "frozen", "data", "add", "output = sum")]
    attributes = ("shape", "style", "peripheries")
    shapes = {tuple(drawing.look(node, a) for a in attributes) for node in nodes}
    assert len(shapes) == len({drawing.look(node, "color") for node in nodes}) == 6


@pytest.mark.parametrize("dark", [False, True])
def test_legend_names_the_kinds_that_occur_in_their_colours(dark: bool) -> None:
    drawing = drawn(kinds(), show=("inputs",), dark=dark)
    words = ("operation", "parameter", "frozen parameter", "leaf", "outside the graph", "output")
    for name, word in zip(("add", "parameter", "frozen", "leaf", "data", "output = sum"), words):
        colour = drawing.look(drawing.called(name), "color")
        assert f'<font color="{colour}">■</font> {word}' in drawing.attributes["label"]
    assert "folded" not in drawing.text
    assert "gradient" not in drawing.text


def test_shapes_stand_on_arrows_and_at_leaves_and_output() -> None:
    drawing = drawn((tg.ones(2, 3, requires_grad=True) * 2.0).sum())
    assert [arrow.text for arrow in drawing.arrows] == ["", "2×3"]
    assert drawing.labels == ["leaf\n2×3 float32", "mul", "output = sum\nscalar float32"]


@pytest.mark.parametrize(
    ("show", "text"), [(("shape",), "2×3"), (("dtype",), "float32"), (("shape", "dtype"), "2×3 float32"), ((), "")]
)
def test_arrows_say_what_is_asked(show: tuple[str, ...], text: str) -> None:
    drawing = drawn((tg.ones(2, 3, requires_grad=True) * 2.0).sum(), show=show)
    assert drawing.arrows[-1].text == text


def traced() -> tg.Tensor:
    w, data = tg.tensor([[1.0, -2.0, 0.5]], requires_grad=True), tg.tensor([[2.0], [4.0]])
    with viz.trace():
        product = data * w
        return product.sum(dim=1).exp().sum()


@pytest.mark.parametrize(
    ("word", "heading", "line"),
    [
        ("value", "product = mul", "value [[2, -4, 1], [4, -8, 2]]"),
        ("value", "w", "value [[1, -2, 0.5]]"),
        ("grad", "exp", "grad [1, 1]"),
        ("kept", "exp", "keeps 8 B: out"),
        ("line", "product = mul", f"{Path(__file__).name}:"),
        ("line", "product = mul", "product = data * w"),
        ("op", "sum", "dim=1, keepdim=False"),
        ("inputs", "data", "2×1 float32"),
    ],
)
def test_every_word_of_show_brings_its_line_and_no_other_does(word: str, heading: str, line: str) -> None:
    loss = traced()
    with_it = drawn(loss, show=(word,))
    assert line in with_it.label(with_it.called(heading))
    without = drawn(loss, show=tuple(w for w in SHOWN if w != word))
    assert line not in "\n".join(without.labels)


def test_values_that_are_many_are_summed_up() -> None:
    w = tg.linspace(-1.0, 1.0, 101, requires_grad=True)
    with viz.trace():
        y = w.relu()
    label = drawn(y, show=("value",)).labels[-1]
    assert label == "output = relu\n101 float32\nvalue mean 0.2525, std 0.326\nfrom 0 to 1\n50 % zeros"


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("detach", "cut off by detach()"),
        ("no_grad", "cut off: made under no_grad()"),
        ("no derivative", "argmax has no derivative"),
        ("constants", "computed from data"),
    ],
)
def test_what_is_cut_off_says_why(why: str, line: str) -> None:
    w, data = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 4.0])
    with viz.trace():
        a = w * 2.0
        if why == "detach":
            b = a.detach()
        elif why == "no_grad":
            with tg.no_grad():
                b = a * 3.0
        else:
            b = a.argmax() if why == "no derivative" else data * 2.0
        loss = a * b
    if why in ("detach", "no_grad"):
        assert line in drawn(loss, show=()).label(drawn(loss, show=()).called("b"))
    else:
        assert "b" not in [label.split("\n")[0] for label in drawn(loss, show=()).labels]
    whole = drawn(loss, show=("inputs",))
    assert line in whole.label(whole.called("b"))


def test_bytes_kept_are_told_in_total_each_memory_once() -> None:
    x = tg.ones(8, requires_grad=True)
    y = x.exp()  # keeps its result, which both others keep as well
    drawing = drawn((y * y).sum() + y.sin().sum(), show=("kept",))
    assert "32 B kept for the backward pass" in drawing.text
    assert sorted(label for label in drawing.labels if "keeps" in label) == [
        "exp\nkeeps 32 B: out",
        "mul\nkeeps 32 B: input, other",
        "sin\nkeeps 32 B: input",
    ]


def test_of_much_that_is_kept_the_largest_is_named() -> None:
    model = nn.BatchNorm2d(2)
    (label,) = [t for t in drawn(model(tg.rand(2, 2, 4, 4)).sum(), show=("kept",)).labels if "keeps" in t]
    assert label.startswith("batch_norm\nkeeps ")
    assert re.search(r": [\w\[\]]+, [\w\[\]]+ and \d more$|: [\w\[\], ]+$", label)


def test_backward_pass_that_ended_early_says_so() -> None:
    class Broken(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            return x * 1.0

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            raise ValueError("no <derivative> here")

    drawing = drawn(Broken.apply(tg.ones(2, requires_grad=True)).sum())
    assert "the backward pass ended early: " in drawing.text
    assert "no <derivative> here" in drawing.text


def test_backward_graph_runs_from_the_output_to_the_leaves() -> None:
    x = tg.ones(2, requires_grad=True)
    loss = (x * 2.0).exp().sum()
    forward, backward = drawn(loss), drawn(loss, direction="backward")
    assert [(a.head, a.tail) for a in backward.arrows] == [(a.tail, a.head) for a in forward.arrows]
    assert backward.label(backward.arrows[-1].tail).startswith("output = SumBackward0")
    assert {"MulBackward0", "ExpBackward0"} <= set(backward.labels)


def test_backward_graph_has_no_data() -> None:
    drawing = drawn(kinds(), direction="backward", show=("inputs",))
    assert {label.split("\n")[0] for label in drawing.labels} >= {"parameter", "leaf", "output = SumBackward0"}
    assert not {label.split("\n")[0] for label in drawing.labels} & {"frozen", "data"}


def test_both_directions_are_told_apart() -> None:
    drawing = drawn(traced(), direction="both", show=("shape", "inputs"))
    back = [arrow for arrow in drawing.arrows if arrow.attributes.get("dir") == "back"]
    there = [arrow for arrow in drawing.arrows if "dir" not in arrow.attributes]
    assert len(there) == len(back) + 1  # no gradient goes to the data
    assert {arrow.attributes["style"] for arrow in back} == {"dashed"}
    assert not any("style" in arrow.attributes for arrow in there)
    assert "dashed arrows: gradients sent back" in drawing.text


def test_recorded_backward_pass_has_a_frame_of_its_own() -> None:
    x = tg.tensor(3.0, requires_grad=True)
    with viz.trace():
        y = x**3
        (g,) = tg.autograd.grad(y, [x], create_graph=True)
        penalty = (g - 1.0) ** 2 + y
    drawing = drawn(penalty)
    frame = drawing.frames["cluster_backward"]
    assert frame.text == "backward pass"
    inside = {drawing.label(node).split("\n")[0] for node in frame.nodes}
    assert "g = mul" in inside
    assert not inside & {"x", "y = pow", "sub", "penalty = add"}


def test_gradient_norms_are_colours_on_one_scale() -> None:
    x = tg.ones(4, requires_grad=True)
    drawing = drawn((x * 1e-3 * 1e-3 * 1e-3).sum(), show=("grad_norm",))
    fills = [drawing.look(node, "fillcolor") for node in drawing.nodes]
    assert len(set(fills[:4])) == 4  # 1e-9, 1e-6, 1e-3, 1
    blue_to_red = [int(fill[5:7], 16) - int(fill[1:3], 16) for fill in fills[:4]]
    assert blue_to_red == sorted(blue_to_red, reverse=True)
    assert "gradient rms" in drawing.text


def test_gradients_of_all_sizes_of_tensors_compare() -> None:
    small, large = tg.ones(2, requires_grad=True), tg.ones(500, requires_grad=True)
    drawing = drawn(small.sum() + large.sum(), params={"small": small, "large": large})
    assert len({drawing.look(drawing.called(name), "fillcolor") for name in ("small", "large")}) == 1


def test_zero_nan_and_no_gradient_are_told_apart() -> None:
    dead, broken, sound = (tg.ones(2, requires_grad=True) for _ in range(3))
    loss = (dead * 0.0 + broken * math.nan + sound).sum()
    drawing = drawn(loss, params={"dead": dead, "broken": broken, "sound": sound})
    fills = [drawing.look(drawing.called(name), "fillcolor") for name in ("dead", "broken", "sound")]
    assert fills[:2] == [LIGHT.zero, LIGHT.broken]
    assert fills[2] not in fills[:2]
    assert "gradient exactly zero" in drawing.text
    assert "NaN or infinite" in drawing.text
    assert "no gradient" not in drawing.text


def test_no_gradient_is_a_dotted_line() -> None:
    x = tg.ones(2, requires_grad=True)
    loss = (x * x).sum()
    loss.backward()  # frees the graph: gradients of computed values are no longer known
    drawing = drawn(loss, params={"x": x})
    styles = {drawing.label(node).split("\n")[0]: drawing.look(node, "style") for node in drawing.nodes}
    assert styles == {"x": "filled", "mul": "filled,rounded,dotted", "output = sum": "filled,rounded,dotted"}
    assert "dotted line: no gradient" in drawing.text


def test_vanishing_gradient_is_plain_to_see() -> None:
    tg.manual_seed(0)

    def spread(activation: type[nn.Module]) -> int:
        layers = [layer for _ in range(12) for layer in (nn.Linear(16, 16), activation())]
        model = nn.Sequential(*layers)
        for layer in layers[::2]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        loss = (model(tg.randn(32, 16)) ** 2).mean()
        drawing = drawn(loss, params=model)
        first, last = (drawing.look(drawing.called(f"{i}.weight"), "fillcolor") for i in (0, 22))
        return abs(int(first[1:3], 16) - int(last[1:3], 16)) + abs(int(first[5:7], 16) - int(last[5:7], 16))

    assert spread(nn.Sigmoid) > 4 * spread(nn.ReLU)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_colour(theme: Theme) -> None:
    scale = Scale([1e-3, 1.0, 1e3], theme)
    for fill in [*theme.fills.values(), *scale.steps(), theme.zero, theme.broken]:
        light, dark = sorted((_luminance(fill), _luminance(ink_on(fill))))
        assert (dark + 0.05) / (light + 0.05) >= 4.5  # WCAG 2.1, AA


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_paper_is_dark() -> None:
    light, dark = drawn(traced()), drawn(traced(), dark=True)
    assert _luminance(light.attributes["bgcolor"]) > 0.9
    assert _luminance(dark.attributes["bgcolor"]) < 0.02
    assert light.labels == dark.labels


def test_scale_is_not_stretched_by_one_that_is_far_off() -> None:
    sizes = [10.0**-i for i in range(20)]
    assert Scale([*[1.0] * 30, 1e-12], LIGHT).reach == Scale.LEAST
    assert Scale(sizes, LIGHT).reach == Scale.MOST
    assert Scale([], LIGHT).marks() == pytest.approx((1e-3, 1.0, 1e3))
    assert Scale([1e-300, 1.0, 1e300, 0.0, math.inf, math.nan], LIGHT).colour(1e300) == "#d6604d"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(3.0), "3"),
        (number(-0.0), "0"),
        (number(1 / 6), "0.1667"),
        (number(1.23456e-7), "1.235e-7"),
        (number(2e12), "2e12"),
        (number(math.nan), "nan"),
        (number(-math.inf), "-inf"),
        (count_text(9_999), "9,999"),
        (count_text(12_345), "12.3 k"),
        (count_text(999_700), "1 M"),
        (count_text(11_181_642), "11.2 M"),
        (bytes_text(1023), "1023 B"),
        (bytes_text(1024), "1 KiB"),
        (bytes_text(3 * 2**30 + 2**29), "3.5 GiB"),
        (shortened("a" * 10, 5), "aa…aa"),
        (shortened("abcde", 5), "abcde"),
    ],
)
def test_numbers_are_short(written: str, expected: str) -> None:
    assert written == expected


def test_numbers_that_are_not_finite_are_counted() -> None:
    lines = summary_lines("grad", Summary.of(tg.tensor([1.0, math.nan, math.inf, 2.0, 0.0, 1.0, 1.0, 1.0]).array))
    assert lines == ["grad mean 1, std 0.5774", "from 0 to 2", "1 NaN, 1 inf, 12 % zeros"]
