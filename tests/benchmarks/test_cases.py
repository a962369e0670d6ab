"""The cases, their groups, and that the libraries are given the same work."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_edu
from benchmarks import cases, models, peers
from benchmarks.case import GROUPS
from benchmarks.cases import CASES, convolution, overhead
from benchmarks.measures import MEASURES
from benchmarks.peers import functional, mygrad

MODELS: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...]]] = {
    "mlp": (lambda lib: models.mlp(lib, 20, 7, 3), (5, 20), (5, 3)),
    "lenet": (models.lenet, (2, 1, 28, 28), (2, 10)),
    "vgg": (models.vgg, (2, 3, 32, 32), (2, 10)),
    "resnet8": (models.resnet8, (2, 3, 32, 32), (2, 10)),
    "lstm": (lambda lib: models.lstm(lib, inputs=4, hidden=5, classes=3), (6, 2, 4), (2, 3)),
}


def test_names_are_unique_and_groups_and_measures_known() -> None:
    assert len(CASES) == sum(len(family.CASES) for family in cases.FAMILIES)
    assert {case.group for case in CASES.values()} == GROUPS.keys()
    assert {case.measure for case in CASES.values()} == MEASURES.keys()


def test_every_target_is_tried_by_a_quick_case() -> None:
    quick = {case.group for case in CASES.values() if case.quick}
    assert quick == GROUPS.keys()


def test_every_convolution_stands_beside_its_products() -> None:
    layers = [case.name for case in CASES.values() if case.group == "convolution"]
    assert len(layers) == 7
    assert {convolution.PRODUCTS + name for name in layers} <= CASES.keys()


@pytest.mark.parametrize("geometry", convolution.GEOMETRIES + convolution.MORE, ids=lambda g: g.name)
def test_size_of_a_convolution_is_computed_right(geometry: convolution.Geometry) -> None:
    options = {"stride": geometry.stride, "padding": geometry.padding, "dilation": geometry.dilation}
    conv = tinygrad_edu.nn.Conv2d(geometry.into, geometry.out, geometry.kernel, groups=geometry.groups, **options)
    out = conv(tinygrad_edu.zeros(1, geometry.into, geometry.size, geometry.size))
    assert out.shape[2:] == (geometry.out_size, geometry.out_size)


@pytest.mark.parametrize("name", MODELS)
def test_model_has_the_output_it_is_for(name: str) -> None:
    model, x, out = MODELS[name]
    assert model(tinygrad_edu)(tinygrad_edu.ones(*x)).shape == out


@pytest.mark.parametrize("name", MODELS)
def test_model_is_the_same_in_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    model, x, _ = MODELS[name]
    ours, theirs = model(tinygrad_edu).eval(), model(torch).eval()
    ours.load_state_dict({k: tinygrad_edu.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    batch = torch.randn(*x, generator=torch.Generator().manual_seed(0))
    expected = theirs(batch).detach().numpy()
    assert ours(tinygrad_edu.from_numpy(batch.numpy())).detach().numpy() == pytest.approx(expected, abs=1e-4)


def test_gpt_is_the_same_in_pytorch_and_sees_no_future() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = (models.gpt(lib, 11, 8, 16, heads=2, layers=2) for lib in (tinygrad_edu, torch))
    state = {k: tinygrad_edu.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    text = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 10, 9, 8]]
    logits = ours(tinygrad_edu.tensor(text)).detach().numpy()
    assert logits == pytest.approx(theirs(torch.tensor(text)).detach().numpy(), abs=1e-5)
    assert logits[0, 3] != pytest.approx(logits[1, 3], abs=1e-5)
    assert logits[0, :3] == pytest.approx(logits[1, :3], abs=1e-5)


def test_scalar_network_has_as_many_ops_as_its_name_says() -> None:
    counted = []

    class Number:
        def __add__(self, _other: Number) -> Number:
            counted.append("+")
            return self

        __mul__ = __add__

        def tanh(self) -> Number:
            return self + self

    weights = [Number() for _ in overhead.scalar_weights()]
    overhead.scalar_network([Number()] * overhead.SIZES[0], weights, Number.tanh)
    assert len(counted) == 2981


def test_peers_cases_are_ours() -> None:
    for makers in (functional.jax_makers(), functional.autograd_makers(), mygrad.MAKERS):
        assert makers.keys() <= CASES.keys()


@pytest.mark.parametrize(
    ("library", "name", "able"),
    [
        ("torch", "GPT 2 layers, width 128, 8x64", True),
        ("mygrad", "GPT 2 layers, width 128, 8x64", False),
        ("mygrad", "LeNet, batch 64", True),
        ("autograd", "LeNet, batch 64", False),
        ("jax", "import time", True),
    ],
)
def test_which_library_runs_what(library: str, name: str, able: bool) -> None:
    assert peers.runs(library, CASES[name]) is able
