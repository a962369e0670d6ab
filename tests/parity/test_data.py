"""Loading data against PyTorch: batches, lengths, types and errors (random orders are our own)."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

Pair = namedtuple("Pair", ["a", "b"])
X, Y = np.arange(21.0, dtype=np.float32).reshape(7, 3), np.arange(7)


def rows(library: Any) -> Any:
    return library.utils.data.TensorDataset(library.from_numpy(X), library.from_numpy(Y))


def samples(library: Any) -> Any:
    """Samples of all kinds."""
    made = [{"t": library.tensor(x), "n": (1.5 * i, i, f"s{i}"), "p": Pair(x, [i > 2, b"b"])} for i, x in enumerate(X)]
    return OrderedDict(enumerate(made))


def plain(value: Any) -> Any:
    """Describe a batch: types, dtypes and values."""
    if isinstance(value, (tg.Tensor, torch.Tensor)):
        return ("tensor", str(value.dtype).removeprefix("torch."), value.tolist())
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [plain(v) for v in value])
    return value if not isinstance(value, np.ndarray) else value.tolist()


def stream(data: Any) -> Any:
    return type("Stream", (data.IterableDataset,), {"__iter__": lambda self: iter(range(3))})()


OPTIONS = [
    {},
    {"batch_size": 3},
    {"batch_size": 3, "drop_last": True},
    {"batch_size": 3, "sampler": [6, 0, 0, 2]},
    {"batch_sampler": [[5, 1], [2]]},
    {"batch_size": None},
    {"batch_size": 3, "collate_fn": list},
]


@pytest.mark.parametrize("make", [rows, samples])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_batches(make: Any, options: dict[str, Any]) -> None:
    described = []
    for library in (torch, tg):
        loader = library.utils.data.DataLoader(make(library), **options)
        described.append((len(loader), [plain(batch) for batch in loader]))
    assert described[0] == described[1]


MISTAKES = {
    "shuffle and sampler": lambda d, x: d.DataLoader(x, shuffle=True, sampler=[0]),
    "batch sampler and size": lambda d, x: d.DataLoader(x, batch_sampler=[[0]], batch_size=2),
    "no batches but drop": lambda d, x: d.DataLoader(x, batch_size=None, drop_last=True),
    "batch of none": lambda d, x: d.DataLoader(x, batch_size=0),
    "workers": lambda d, x: d.DataLoader(x, num_workers=-1),
    "prefetch": lambda d, x: d.DataLoader(x, prefetch_factor=2),
    "persistent": lambda d, x: d.DataLoader(x, persistent_workers=True),
    "context": lambda d, x: d.DataLoader(x, multiprocessing_context="fork"),
    "timeout": lambda d, x: d.DataLoader(x, timeout=-1),
    "set": lambda d, x: setattr(d.DataLoader(x), "drop_last", True),
    "shuffle nothing": lambda d, x: d.DataLoader([], shuffle=True),
    "replacement": lambda d, x: d.RandomSampler(x, replacement="yes"),
    "sampler size": lambda d, x: d.RandomSampler(x, num_samples=-2),
    "drop": lambda d, x: d.BatchSampler(x, 2, None),
    "weights": lambda d, x: d.WeightedRandomSampler([[1.0]], 2),
    "weighted size": lambda d, x: d.WeightedRandomSampler([1.0], 0),
    "lengths": lambda d, x: d.random_split(x, [3, 3]),
    "fractions": lambda d, x: d.random_split(x, [1.2, -0.2]),
    "concatenate nothing": lambda d, x: d.ConcatDataset([]),
    "concatenate streams": lambda d, x: d.ConcatDataset([stream(d)]),
    "before the first": lambda d, x: (x + x)[-99],
    "stream shuffled": lambda d, x: d.DataLoader(stream(d), shuffle=True),
    "stream sampled": lambda d, x: d.DataLoader(stream(d), sampler=[0]),
    "abstract stream": lambda d, x: d.IterableDataset(),
    "no item": lambda d, x: d.Dataset()[0],
    "collate set": lambda d, x: d.default_collate([{1}]),
    "collate none": lambda d, x: d.default_collate([None]),
    "collate strings": lambda d, x: d.default_collate([np.array(["a"])]),
    "collate lengths": lambda d, x: d.default_collate([[1], [1, 2]]),
    "collate shapes": lambda d, x: d.default_collate([np.ones(2), np.ones(3)]),
    "collate keys": lambda d, x: d.default_collate([{"a": 1}, {"b": 1}]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_raise_pytorchs_exceptions(mistake: str) -> None:
    raised = []
    for library in (torch, tg):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            MISTAKES[mistake](library.utils.data, rows(library))
        raised.append(caught)
    assert raised[1].type is raised[0].type
    assert str(raised[0].value)[:30] in str(raised[1].value)


@pytest.mark.parametrize("lengths", [[3, 4], [0.5, 0.5], [0.3, 0.3, 0.4], [0.1] * 10])
@pytest.mark.filterwarnings("ignore:Length of split at index")
def test_random_split_makes_parts_of_pytorchs_sizes(lengths: list[Any]) -> None:
    sizes = [[len(part) for part in library.utils.data.random_split(range(7), lengths)] for library in (torch, tg)]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    "value",
    [np.ones(2), np.float32(3), "s", 1, (np.ones(1), 2), {"a": [np.ones(1)]}, Pair(np.ones(1), 0)],
    ids=repr,
)
def test_convert(value: Any) -> None:
    theirs, ours = (lib.utils.data.default_convert(value) for lib in (torch, tg))
    assert plain(theirs) == plain(ours)


@pytest.mark.parametrize(
    "batch",
    [
        [np.float32(1), np.float32(2)],
        [np.float64(1), np.float64(2)],
        [np.uint8(1)],
        [np.bool_(True)],
        [np.array(1, np.int16)],
        [True, False],
        [1, True],
        [1.0, 2],
        [np.str_("a")],
        [range(2), range(2)],
        [{}],
        [[], []],
    ],
    ids=repr,
)
def test_collate(batch: list[Any]) -> None:
    theirs, ours = (lib.utils.data.default_collate(batch) for lib in (torch, tg))
    assert plain(theirs) == plain(ours)
