"""Two networks of twelve layers, one with sigmoids and one with ReLUs: why the first cannot learn.

The slope of a sigmoid is at most 1/4. Between twelve layers there are eleven, so on its way back a gradient is divided
by four eleven times, and by more where a neuron is saturated: what arrives at the first layer is too small to move it
(the weights, which multiply it too, do not make up for that). Hochreiter (1991) and Bengio, Simard & Frasconi (1994)
found it; ReLU with He's initialisation (2015), whose slope is 0 or 1, is a way out.
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.nn import functional as F

LAYERS, WIDTH = 12, 16


def tower(activation: type[nn.Module]) -> nn.Sequential:
    """Build Linear, activation, Linear, activation, ... and one logit; initialised for the activation."""
    gain = nn.init.calculate_gain("relu" if activation is nn.ReLU else "sigmoid")
    layers: list[nn.Module] = []
    for i in range(LAYERS):
        linear = nn.Linear(2 if i == 0 else WIDTH, 1 if i == LAYERS - 1 else WIDTH)
        nn.init.normal_(linear.weight, std=gain * linear.in_features**-0.5)
        nn.init.zeros_(linear.bias)
        layers += [linear] if i == LAYERS - 1 else [linear, activation()]
    return nn.Sequential(*layers)


class Twins(nn.Module):
    """Both networks side by side, so that one picture has one scale of colours for both."""

    def __init__(self) -> None:
        super().__init__()
        self.sigmoid = tower(nn.Sigmoid)
        self.relu = tower(nn.ReLU)

    def forward(self, x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        """Return the loss of each network on points (N, 2) with labels 0.0 or 1.0, (N, 1)."""
        of_sigmoid = F.binary_cross_entropy_with_logits(self.sigmoid(x), y)
        of_relu = F.binary_cross_entropy_with_logits(self.relu(x), y)
        return of_sigmoid, of_relu


def gradient_norms(network: nn.Module) -> list[float]:
    """Return the norm of the gradient of every weight matrix, first layer first."""
    return [p.grad.norm().item() for name, p in network.named_parameters() if name.endswith("weight")]


def main(argv: list[str] | None = None) -> tuple[float, float]:
    """Print the gradients of both, train both, draw if asked; return the last losses of sigmoid and ReLU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="gradient steps")
    parser.add_argument("--out", help="draw both before training: .svg, .png, .pdf, .html, .dot or .json")
    given = parser.parse_args(argv)

    tg.manual_seed(0)
    x = tg.randn(128, 2)
    y = (x[:, :1] * x[:, 1:] > 0).float()  # the exclusive or of two signs
    model = Twins()
    with viz.trace(model):
        of_sigmoid, of_relu = model(x, y)
        loss = of_sigmoid + of_relu
    if given.out:
        viz.graph(loss, params=model).save(given.out)

    loss.backward()
    print("|gradient| of  sigmoid     relu")
    for i, norms in enumerate(zip(gradient_norms(model.sigmoid), gradient_norms(model.relu))):
        print("  layer {:2d}    {:.1e}  {:.1e}".format(i, *norms))

    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for step in range(given.steps):
        optimizer.zero_grad()
        of_sigmoid, of_relu = model(x, y)
        (of_sigmoid + of_relu).backward()
        optimizer.step()
        if step % 50 == 0 or step == given.steps - 1:
            print(f"step {step:3d}  loss {of_sigmoid.item():.4f} with sigmoid, {of_relu.item():.4f} with relu")
    return of_sigmoid.item(), of_relu.item()


if __name__ == "__main__":
    main()
