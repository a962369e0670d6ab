"""The networks, written once against a library with PyTorch's names (``lib.nn``, ``lib.nn.functional``)."""

from __future__ import annotations

import itertools
from typing import Any

__all__ = ["gpt", "lenet", "lstm", "mlp", "resnet8", "vgg"]


def mlp(lib: Any, *sizes: int) -> Any:
    """Build dense layers with ReLU between them."""
    nn, layers = lib.nn, []
    for into, out in itertools.pairwise(sizes):
        layers += [nn.Linear(into, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def lenet(lib: Any) -> Any:
    """Build two 5x5 convolutions of 16 and 32 channels, two dense layers; for images of 28x28."""
    nn = lib.nn
    return nn.Sequential(
        *[nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10)],
    )


def vgg(lib: Any) -> Any:
    """Build three pairs of 3x3 convolutions, 32 to 128 channels, two dense layers; for images of 32x32."""
    nn, layers, channels = lib.nn, [], 3
    for width in (32, 64, 128):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 10))


def resnet8(lib: Any) -> Any:
    """Build a convolution, three residual blocks of 16, 32 and 64 channels, a dense layer: eight layers deep."""
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, into: int, out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.shortcut = nn.Sequential()
            if stride > 1:
                self.shortcut = nn.Sequential(nn.Conv2d(into, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))

        def forward(self, x: Any) -> Any:
            y = lib.nn.functional.relu(self.bn1(self.conv1(x)))
            return lib.nn.functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    first = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)]
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lstm(lib: Any, inputs: int, hidden: int, classes: int) -> Any:
    """Build an LSTM over ``(T, N, inputs)``, step by step, and a dense layer on its last state."""
    nn = lib.nn

    class LSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gates = nn.Linear(inputs + hidden, 4 * hidden)
            self.head = nn.Linear(hidden, classes)

        def forward(self, x: Any) -> Any:
            h = c = lib.zeros(x.shape[1], hidden)
            for x_t in x.unbind(0):
                i, f, g, o = self.gates(lib.cat([x_t, h], dim=1)).chunk(4, dim=1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return self.head(h)

    return LSTM()


def gpt(lib: Any, vocabulary: int, context: int, width: int, heads: int, layers: int) -> Any:
    """Build a decoder of the GPT-2 kind over ``(N, T)`` token numbers, without dropout."""
    nn = lib.nn

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(width, 3 * width)
            self.project = nn.Linear(width, width)
            self.register_buffer("future", lib.ones(context, context).tril() == 0)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            # (N, T, 3*width) -> three of (N, heads, T, width/heads)
            q, k, v = (y.view(n, t, heads, -1).transpose(1, 2) for y in self.qkv(x).split(width, dim=2))
            scores = (q @ k.transpose(-2, -1)) * (width // heads) ** -0.5
            weights = scores.masked_fill(self.future[:t, :t], float("-inf")).softmax(dim=-1)
            return self.project((weights @ v).transpose(1, 2).reshape(n, t, width))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention = Attention()
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.positions(lib.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    return GPT()
