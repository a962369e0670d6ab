"""A convolutional network, written as a Module of its own, learns 8x8 handwritten digits and is saved and loaded."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, optim
from tinygrad_edu.nn import functional as F
from tinygrad_edu.utils.data import DataLoader, TensorDataset, random_split


class DigitsNet(nn.Module):
    """Two convolutions with batch norm, one pooling, one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.classify = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Map images (N, 1, 8, 8) to logits (N, 10)."""
        x = F.relu(self.norm1(self.conv1(x)))  # (N, 16, 8, 8)
        x = F.relu(self.norm2(self.conv2(x)))  # (N, 32, 8, 8)
        x = F.max_pool2d(x, 2)  # (N, 32, 4, 4)
        return self.classify(x.flatten(1))


def main(argv: list[str] | None = None) -> float:
    """Train, save, load into a new model, and return its accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=450, help="gradient steps")
    steps = parser.parse_args(argv).steps

    tg.manual_seed(0)
    images, labels = datasets.Digits().arrays()
    data = TensorDataset(tg.from_numpy(images), tg.from_numpy(labels))
    training, test = random_split(data, [0.8, 0.2])
    model = DigitsNet()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)

    step = 0
    while step < steps:
        model.train()
        for x, y in DataLoader(training, batch_size=32, shuffle=True):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step >= steps:
                break
        print(f"step {step:4d}  loss {loss.item():.4f}  test accuracy {accuracy(model, test):.2%}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        tg.save(model.state_dict(), path)
        again = DigitsNet()
        again.load_state_dict(tg.load(path))
    print(f"after saving and loading: {accuracy(again, test):.2%}")
    return accuracy(again, test)


@tg.no_grad()
def accuracy(model: nn.Module, data: object) -> float:
    """Return the share of images that the model names rightly."""
    model.eval()
    (batch,) = DataLoader(data, batch_size=len(data))  # type: ignore[arg-type]
    x, y = batch
    return (model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    main()
