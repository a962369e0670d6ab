"""ResNet-18 as torchvision builds it, from the layers there are; it learns digits for some steps and draws itself.

Its idea is in one line, ``out + x``: a block adds to what it gets, so a gradient also flows back past the block,
unchanged. He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015.

    python examples/resnet18.py --steps 0 --out resnet18.html
"""

from __future__ import annotations

import argparse

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, optim, viz
from tinygrad_edu.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and a way around them; ``downsample`` is there where the shape changes."""

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            conv = nn.Conv2d(inplanes, planes, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(planes))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Map (N, inplanes, H, W) to (N, planes, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            x = self.downsample(x)
        return F.relu(out + x)


class ResNet18(nn.Module):
    """Four stages of two blocks; each but the first halves the image and doubles the channels.

    The names in its ``state_dict`` are torchvision's.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, stride=2), BasicBlock(128, 128))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, stride=2), BasicBlock(256, 256))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, stride=2), BasicBlock(512, 512))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Map images (N, 3, H, W) to logits (N, num_classes)."""
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.maxpool(x)  # (N, 64, H/4, W/4)
        x = self.layer1(x)
        x = self.layer2(x)  # (N, 128, H/8, W/8)
        x = self.layer3(x)  # (N, 256, H/16, W/16)
        x = self.layer4(x)  # (N, 512, H/32, W/32)
        return self.fc(self.avgpool(x).flatten(1))


def coloured_digits() -> tuple[tg.Tensor, tg.Tensor]:
    """Return the digits enlarged to (1797, 3, 32, 32), and their labels."""
    images, labels = datasets.Digits().arrays()  # (1797, 1, 8, 8) in [0, 1]
    large = images.repeat(4, axis=2).repeat(4, axis=3).repeat(3, axis=1)
    return tg.from_numpy(large), tg.from_numpy(labels)


def main(argv: list[str] | None = None) -> float:
    """Train for some steps, draw if asked, and return the last loss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=30, help="gradient steps of 16 images")
    parser.add_argument("--out", help="draw the network here: .svg, .png, .pdf, .html, .dot or .json")
    parser.add_argument("--depth", type=int, default=1, help="how many levels of modules to unfold in the drawing")
    given = parser.parse_args(argv)

    tg.manual_seed(0)
    model = ResNet18(num_classes=10)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    images, labels = coloured_digits()
    optimizer = optim.AdamW(model.parameters(), lr=3e-4)
    for step in range(given.steps):
        batch = tg.randint(0, len(images), (16,))
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 5 == 0 or step == given.steps - 1:
            print(f"step {step:3d}  loss {loss.item():.4f}")

    with viz.trace(model):
        loss = F.cross_entropy(model(images[:16]), labels[:16])
    if given.out:
        viz.graph(loss, params=model, depth=given.depth).save(given.out)
    return loss.item()


if __name__ == "__main__":
    main()
