"""The examples' models against PyTorch: the same weights and inputs give the same results and gradients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT

torch = pytest.importorskip("torch")
F = torch.nn.functional


def example(name: str) -> dict[str, Any]:
    """Read what an example defines."""
    return run_path(str(Path(ROOT, "examples", f"{name}.py")))


def copied(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Make PyTorch's tensors of ours, leaves where they have floating point."""
    arrays = {name: torch.tensor(t.detach().numpy().copy()) for name, t in tensors.items()}
    return {name: t.requires_grad_(t.is_floating_point()) for name, t in arrays.items()}


def assert_near(got: Any, expected: Any, what: str = "result") -> None:
    """Compare to 1e-9 of the largest entry."""
    ours, theirs = got.detach().numpy(), expected.detach().numpy()
    error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
    assert error < 1e-9, f"{what}: {error:.2e}"


def norm(x: Any, w: Mapping[str, Any], name: str) -> Any:
    return F.batch_norm(x, None, None, w[f"{name}.weight"], w[f"{name}.bias"], training=True)


def resnet18(w: Mapping[str, Any], x: Any) -> Any:
    """Compute table 1 of He et al. (2015) in PyTorch's functions, with torchvision's names of weights."""
    x = F.relu(norm(F.conv2d(x, w["conv1.weight"], stride=2, padding=3), w, "bn1"))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for stage, block in [(s, b) for s in (1, 2, 3, 4) for b in (0, 1)]:
        name = f"layer{stage}.{block}"
        stride = 2 if stage > 1 and block == 0 else 1
        out = F.relu(norm(F.conv2d(x, w[f"{name}.conv1.weight"], stride=stride, padding=1), w, f"{name}.bn1"))
        out = norm(F.conv2d(out, w[f"{name}.conv2.weight"], padding=1), w, f"{name}.bn2")
        if stride == 2:
            x = norm(F.conv2d(x, w[f"{name}.downsample.0.weight"], stride=2), w, f"{name}.downsample.1")
        x = F.relu(out + x)
    return F.linear(x.mean((2, 3)), w["fc.weight"], w["fc.bias"])


def test_resnet18_and_every_gradient_agree() -> None:
    model = example("resnet18")["ResNet18"]().to(tg.float64)
    w = copied(dict(model.named_parameters()))
    images = np.random.default_rng(0).normal(size=(1, 3, 64, 64))
    ours, theirs = model(tg.tensor(images)), resnet18(w, torch.tensor(images))
    assert_near(ours, theirs)
    F.cross_entropy(theirs, torch.tensor([3])).backward()
    tg.nn.functional.cross_entropy(ours, tg.tensor([3])).backward()
    for name, parameter in model.named_parameters():
        assert_near(parameter.grad, w[name].grad, name)


def test_recurrent_cell_is_pytorchs() -> None:
    cell = example("recurrent_cell")["RNNCell"](3, 4).to(tg.float64)
    theirs = torch.nn.RNNCell(3, 4).double()
    theirs.load_state_dict(copied(cell.state_dict()))
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    h, expected = tg.zeros(2, 4, dtype=tg.float64), torch.zeros(2, 4, dtype=torch.float64)
    for step in x:
        h, expected = cell(tg.tensor(step), h), theirs(torch.tensor(step), expected)
    assert_near(h, expected)
    (h * h).sum().backward()
    (expected * expected).sum().backward()
    for name, parameter in cell.named_parameters():
        assert_near(parameter.grad, theirs.get_parameter(name).grad, name)


def test_attention_is_pytorchs() -> None:
    rng = np.random.default_rng(0)
    ours = {name: tg.tensor(rng.normal(size=(2, 3, 5, 4)), requires_grad=True) for name in "qkv"}
    theirs = copied(ours)
    out, weights = example("attention")["attend"](*ours.values())
    expected = F.scaled_dot_product_attention(*theirs.values())
    assert_near(out, expected)
    assert_near(weights.sum(-1), torch.ones(2, 3, 5))
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    for name, tensor in ours.items():
        assert_near(tensor.grad, theirs[name].grad, name)


def test_attention_block_is_pytorchs() -> None:
    """Heads are split and joined as in ``torch.nn.MultiheadAttention``, which stacks the three projections."""
    block = example("attention")["Attention"](width=12, heads=3).to(tg.float64)
    w = copied(dict(block.named_parameters()))
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True).double()
    state = {f"out_proj.{part}": w[f"project.{part}"] for part in ("weight", "bias")}
    for part in ("weight", "bias"):
        state[f"in_proj_{part}"] = torch.cat([w[f"{name}.{part}"] for name in ("query", "key", "value")])
    theirs.load_state_dict(state)
    x = np.random.default_rng(0).normal(size=(2, 5, 12))
    out, weights = block(tg.tensor(x))
    expected, looks = theirs(*[torch.tensor(x)] * 3, average_attn_weights=False)
    assert_near(out, expected)
    assert_near(weights, looks, "weights")
