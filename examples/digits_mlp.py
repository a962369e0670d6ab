"""A network with one hidden layer learns 8x8 handwritten digits; the training loop is written out."""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, optim
from tinygrad_edu.utils.data import DataLoader, TensorDataset, random_split


def main(argv: list[str] | None = None) -> float:
    """Train, print a line per epoch, and return the accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500, help="gradient steps")
    steps = parser.parse_args(argv).steps

    tg.manual_seed(0)
    images, labels = datasets.Digits().arrays()  # (1797, 1, 8, 8) in [0, 1], (1797,)
    data = TensorDataset(tg.from_numpy(images), tg.from_numpy(labels))
    training, test = random_split(data, [0.8, 0.2])

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    print(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_function = nn.CrossEntropyLoss()
    loader = DataLoader(training, batch_size=32, shuffle=True)

    step = 0
    while step < steps:
        for x, y in loader:
            loss = loss_function(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step >= steps:
                break
        print(f"step {step:4d}  loss {loss.item():.4f}  test accuracy {accuracy(model, test):.2%}")
    return accuracy(model, test)


@tg.no_grad()
def accuracy(model: nn.Module, data: object) -> float:
    """Return the share of images that the model names rightly."""
    (batch,) = DataLoader(data, batch_size=len(data))  # type: ignore[arg-type]
    x, y = batch
    return (model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    main()
