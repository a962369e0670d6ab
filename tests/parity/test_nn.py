"""Every layer against PyTorch's: text, state, output and all gradients, both modes and dtypes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

DTYPES = ["float32", "float64"]
TOLERANCE = {
    "float32": {"rtol": 1e-4, "atol": 1e-5},
    "float64": {"rtol": 1e-9, "atol": 1e-11},
}


@dataclass
class Layer:
    """A layer made by both libraries, and the shapes (or fixed arrays) of what it is called with.

    ``float32_inside``: PyTorch has float32 constants in its float64 kernel.
    """

    text: str
    inputs: tuple[Any, ...] = ((3, 4),)
    float32_inside: bool = False

    def make(self, library: Any, dtype: str = "float32") -> Any:
        made = eval(self.text, {"nn": library.nn, "lib": library})
        return made.to(getattr(library, dtype))

    def __str__(self) -> str:
        return re.sub(r"[^\w.,()=-]", "", self.text)[:60]


LABELS = np.array([1, 0, 2])
IMAGE = (2, 4, 6, 5)
SEQUENCE = (2, 4, 7)

LAYERS = [
    Layer("nn.Identity(5, x=1)"),
    Layer("nn.Linear(4, 3)"),
    Layer("nn.Linear(4, 3, bias=False)", ((2, 5, 4),)),
    Layer("nn.Linear(4, 1)", ((4,),)),
    Layer("nn.Bilinear(4, 5, 3)", ((2, 4), (2, 5))),
    Layer("nn.Bilinear(4, 5, 3, bias=False)", ((2, 3, 4), (2, 3, 5))),
    Layer("nn.Flatten()", (IMAGE,)),
    Layer("nn.Flatten(0, 2)", (IMAGE,)),
    Layer("nn.Unflatten(1, (2, 2))", (SEQUENCE,)),
    Layer("nn.Conv1d(4, 6, 3)", (SEQUENCE,)),
    Layer("nn.Conv1d(4, 6, 3, 2, 1, groups=2)", (SEQUENCE,)),
    Layer("nn.Conv1d(4, 6, 4, padding='same', padding_mode='circular')", (SEQUENCE,)),
    Layer("nn.Conv2d(4, 6, 3)", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, 1, bias=False)", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2))", (IMAGE,)),
    Layer("nn.Conv2d(4, 8, 3, padding=1, groups=4)", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, (3, 4), padding='same')", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, 3, padding='valid')", ((4, 6, 5),)),
    Layer("nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode='reflect')", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, (3, 4), padding='same', padding_mode='replicate')", (IMAGE,)),
    Layer("nn.Conv2d(4, 6, 3, padding='valid', padding_mode='circular')", (IMAGE,)),
    Layer("nn.ConvTranspose1d(4, 6, 3, 2)", (SEQUENCE,)),
    Layer("nn.ConvTranspose2d(4, 6, 3)", (IMAGE,)),
    Layer("nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False)", (IMAGE,)),
    Layer("nn.ConvTranspose2d(4, 6, (2, 3), dilation=2)", ((4, 6, 5),)),
    Layer("nn.MaxPool1d(2)", (SEQUENCE,)),
    Layer("nn.MaxPool2d(2)", (IMAGE,)),
    Layer("nn.MaxPool2d((3, 2), 1, 1, (1, 2))", (IMAGE,)),
    Layer("nn.MaxPool2d(3, 2, ceil_mode=True)", ((4, 6, 5),)),
    Layer("nn.MaxPool2d(2, return_indices=True)", (IMAGE,)),
    Layer("nn.AvgPool1d(2)", (SEQUENCE,)),
    Layer("nn.AvgPool1d(3, 2, 1)", (SEQUENCE,)),
    Layer("nn.AvgPool2d(2)", (IMAGE,)),
    Layer("nn.AvgPool2d((3, 2), (2, 1), 1, True, False)", (IMAGE,)),
    Layer("nn.AvgPool2d(2, divisor_override=3)", (IMAGE,)),
    Layer("nn.AdaptiveAvgPool1d(3)", (SEQUENCE,)),
    Layer("nn.AdaptiveAvgPool2d(1)", (IMAGE,)),
    Layer("nn.AdaptiveAvgPool2d((4, None))", (IMAGE,)),
    Layer("nn.AdaptiveMaxPool1d(3)", (SEQUENCE,)),
    Layer("nn.AdaptiveMaxPool2d((2, 3))", (IMAGE,)),
    Layer("nn.BatchNorm1d(4)"),
    Layer("nn.BatchNorm1d(4, momentum=None)", (SEQUENCE,)),
    Layer("nn.BatchNorm1d(4, affine=False)"),
    Layer("nn.BatchNorm2d(4, 1e-3, 0.3)", (IMAGE,)),
    Layer("nn.BatchNorm2d(4, bias=False)", (IMAGE,)),
    Layer("nn.BatchNorm2d(4, track_running_stats=False)", (IMAGE,)),
    Layer("nn.InstanceNorm1d(4)", (SEQUENCE,)),
    Layer("nn.InstanceNorm2d(4, affine=True, track_running_stats=True)", (IMAGE,)),
    Layer("nn.InstanceNorm2d(4)", ((4, 3, 3),)),
    Layer("nn.LayerNorm(4)"),
    Layer("nn.LayerNorm([7], bias=False)", (SEQUENCE,)),
    Layer("nn.LayerNorm((4, 7), 1e-3)", (SEQUENCE,)),
    Layer("nn.LayerNorm(4, elementwise_affine=False)"),
    Layer("nn.RMSNorm(4)"),
    Layer("nn.RMSNorm((4, 7), 1e-3, False)", (SEQUENCE,)),
    Layer("nn.GroupNorm(2, 4)", (IMAGE,)),
    Layer("nn.GroupNorm(4, 4, bias=False)", (SEQUENCE,)),
    Layer("nn.GroupNorm(1, 4, affine=False)", (SEQUENCE,)),
    Layer("nn.Embedding(5, 3)", (np.array([[1, 4], [0, 1]]),)),
    Layer("nn.Embedding(5, 3, padding_idx=-4)", (np.array([1, 4, 1]),)),
    Layer("nn.Dropout(0.0)"),
    Layer("nn.Dropout(1.0)"),
    Layer("nn.Dropout(0.0, True)"),
    Layer("nn.Dropout1d(1.0)", (SEQUENCE,)),
    Layer("nn.Dropout2d(1.0)", (IMAGE,)),
    Layer("nn.AlphaDropout(1.0)"),
    Layer("nn.ReLU()"),
    Layer("nn.ReLU6()"),
    Layer("nn.LeakyReLU()"),
    Layer("nn.LeakyReLU(0.2)"),
    Layer("nn.ELU(0.7)"),
    Layer("nn.SELU()"),
    Layer("nn.CELU(1.3)", float32_inside=True),
    Layer("nn.GELU()"),
    Layer("nn.GELU('tanh')"),
    Layer("nn.SiLU()"),
    Layer("nn.Mish()"),
    Layer("nn.Sigmoid()"),
    Layer("nn.Tanh()"),
    Layer("nn.Softplus()"),
    Layer("nn.Softplus(2, 1)"),
    Layer("nn.Softsign()"),
    Layer("nn.Tanhshrink()"),
    Layer("nn.Hardshrink()"),
    Layer("nn.Softshrink(0.3)"),
    Layer("nn.Hardtanh()"),
    Layer("nn.Hardtanh(-0.3, 0.4)"),
    Layer("nn.Hardswish()"),
    Layer("nn.Hardsigmoid()", float32_inside=True),
    Layer("nn.LogSigmoid()"),
    Layer("nn.PReLU()"),
    Layer("nn.PReLU(4, 0.1)", (IMAGE,)),
    Layer("nn.Threshold(0.1, 0.7)"),
    Layer("nn.GLU(0)", (SEQUENCE,)),
    Layer("nn.Softmax(1)"),
    Layer("nn.Softmax(dim=0)"),
    Layer("nn.Softmax2d()", (IMAGE,)),
    Layer("nn.LogSoftmax(-1)"),
    Layer("nn.Softmin(1)"),
    Layer("nn.CrossEntropyLoss()", ((3, 4), LABELS)),
    Layer(
        "nn.CrossEntropyLoss(lib.tensor([1, 2, 0.5, 1]), ignore_index=0, label_smoothing=0.1)",
        ((3, 4), LABELS),
    ),
    Layer("nn.CrossEntropyLoss(reduction='none')", ((3, 4, 2), np.array([[1, 0], [0, 1], [2, 3]]))),
    Layer("nn.CrossEntropyLoss(reduction='sum')", ((3, 4), np.full((3, 4), 0.25))),
    Layer("nn.NLLLoss()", ((3, 4), LABELS)),
    Layer("nn.NLLLoss(lib.tensor([1.0, 2.0, 0.5, 1.0]), reduction='sum')", ((3, 4), LABELS)),
    Layer("nn.MSELoss()", ((3, 4), (3, 4))),
    Layer("nn.MSELoss(reduction='none')", ((3, 4), (3, 4))),
    Layer("nn.L1Loss()", ((3, 4), (3, 4))),
    Layer("nn.SmoothL1Loss()", ((3, 4), (3, 4))),
    Layer("nn.SmoothL1Loss(beta=0.3, reduction='sum')", ((3, 4), (3, 4))),
    Layer("nn.HuberLoss()", ((3, 4), (3, 4))),
    Layer("nn.HuberLoss('sum', 0.3)", ((3, 4), (3, 4))),
    Layer("nn.BCELoss()", (np.array([[0.2, 0.9]]), np.array([[0.0, 1.0]]))),
    Layer("nn.BCEWithLogitsLoss()", ((3, 2), np.array([[0.0, 1.0]] * 3))),
    Layer(
        "nn.BCEWithLogitsLoss(lib.tensor([1.0, 2.0]), pos_weight=lib.tensor([3.0, 1.0]))",
        ((3, 2), np.array([[0.0, 1.0]] * 3)),
    ),
    Layer("nn.KLDivLoss(reduction='batchmean')", ((3, 4), np.full((3, 4), 0.25))),
    Layer("nn.KLDivLoss(reduction='sum', log_target=True)", ((3, 4), (3, 4))),
    Layer("nn.Sequential(nn.Linear(4, 3), nn.ReLU(True), nn.Linear(3, 2))"),
    Layer("nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True))", (IMAGE,)),
]


def numbers(layer: Layer, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [
        np.asarray(value, value.dtype if value.dtype.kind == "i" else dtype)
        if isinstance(value, np.ndarray)
        else rng.uniform(-2, 2, value).astype(dtype)
        for value in layer.inputs
    ]


def tensors(library: Any, arrays: list[np.ndarray]) -> list[Any]:
    """Make inputs; those of floating point want a gradient."""
    leaves = [library.tensor(a) for a in arrays]
    return [t.requires_grad_(a.dtype.kind == "f") for t, a in zip(leaves, arrays)]


def copy_state(theirs: Any, ours: Any) -> None:
    """Put PyTorch's state into our layer, by way of NumPy."""
    state = {k: tg.tensor(v.detach().numpy().copy()) for k, v in theirs.state_dict().items()}
    assert str(ours.load_state_dict(state)) == "<All keys matched successfully>"


def first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_text_and_state_are_pytorchs(layer: Layer) -> None:
    theirs, ours = layer.make(torch), layer.make(tg)
    assert repr(ours) == repr(theirs)
    assert [type(m).__name__ for m in ours.modules()] == [type(m).__name__ for m in theirs.modules()]
    described = [
        [(k, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in m.state_dict().items()]
        for m in (theirs, ours)
    ]
    assert described[0] == described[1]
    for name in ("named_parameters", "named_buffers", "named_modules"):
        assert [k for k, _ in getattr(ours, name)()] == [k for k, _ in getattr(theirs, name)()]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_output_and_all_gradients_are_pytorchs(layer: Layer, training: bool, dtype: str) -> None:
    theirs, ours = layer.make(torch, dtype), layer.make(tg, dtype)
    copy_state(theirs, ours)
    for library, module in ((torch, theirs), (tg, ours)):
        module.train(training)
        for buffer in (b for b in module.buffers() if b.dtype == getattr(library, dtype)):
            with library.no_grad():
                buffer.add_(0.5)
    arrays = numbers(layer, dtype)
    tolerance = TOLERANCE["float32" if layer.float32_inside else dtype]
    for _ in range(2):  # twice: what a layer remembers counts
        results = [run(library, module, arrays) for library, module in ((torch, theirs), (tg, ours))]
        for expected, got in zip(*results):
            assert got.shape == expected.shape
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, **tolerance)
    for a, b in zip(theirs.state_dict().values(), ours.state_dict().values()):
        np.testing.assert_allclose(b.numpy(), a.numpy(), **tolerance)


def run(library: Any, module: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Give the output, and the gradients of the inputs and the parameters."""
    inputs = tensors(library, arrays)
    passed = [t * 1 if t.requires_grad else t for t in inputs]  # not leaves: they may be written to
    out = first(module(*passed))
    leaves = [t for t in [*inputs, *module.parameters()] if t.requires_grad]
    if not out.requires_grad:
        return [out.numpy()]
    weights = np.random.default_rng(7).uniform(-1, 1, tuple(out.shape)).astype(arrays[0].dtype)
    if arrays[0].dtype.kind != "f":
        weights = weights.astype(str(out.dtype).removeprefix("torch."))
    grads = library.autograd.grad((out * library.tensor(weights)).sum(), leaves, allow_unused=True)
    found = [np.zeros(tuple(t.shape)) if g is None else g.numpy() for t, g in zip(leaves, grads)]
    return [out.detach().numpy(), *found]
