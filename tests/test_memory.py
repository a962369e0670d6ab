"""What training keeps in memory, in bytes: for the backward pass, during it, and from one step to the next."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.metering import kept_bytes, metered, normal
from tinygrad_edu import nn
from tinygrad_edu.utils.checkpoint import checkpoint, checkpoint_sequential

F = nn.functional
KIB = 1024
ROWS, WIDTH = 64, 1024
UNIT = ROWS * WIDTH * 4  # one activation: 256 KiB, beside which Python's objects are small
OBJECTS = UNIT // 10


def is_about(found: int, wanted: float, tolerance: float) -> bool:
    """Compare as ``pytest.approx`` does, without what that allocates: an entry for every class of a base it asks for.

    How many classes there are depends on what was imported, so on the tests that run before.
    """
    return abs(found - wanted) <= tolerance


@pytest.fixture(autouse=True)
def readable_kernels() -> Iterator[None]:
    """Use the NumPy kernels: a compiled one is loaded, or compiled, when it is first called, and that takes memory."""
    before = tg.get_kernels()
    tg.set_kernels("numpy")
    yield
    tg.set_kernels(before)


def test_measuring_and_comparing_allocate_nothing() -> None:
    classes = [type("Kind", (base,), {}) for base in (Sized, Mapping) for _ in range(200)]
    with metered() as meter:
        assert is_about(meter.now, 0, KIB)
        assert is_about(meter.now, 0, KIB)
    assert len(classes) == 400


# ---- what is kept for the backward pass


KEPT: dict[str, tuple[Callable[[Any, Any], Any], float]] = {
    "add": (lambda x, y: x + y, 0),
    "mul by a number": (lambda x, y: x * 2.0, 0),
    "mul of inputs": (lambda x, y: x * y, 0),
    "mul of a result": (lambda x, y: (x + y) * y, 1),
    "square of a result": (lambda x, y: (x + y) * (x + y), 2),
    "sums and means": (lambda x, y: (x + y).sum() + (x - y).mean(), 0),
    "exp": (lambda x, y: (x + y).exp(), 1),
    "tanh twice": (lambda x, y: (x + y).tanh().tanh(), 2),
    "relu": (lambda x, y: (x + y).relu(), 1),
    "softmax": (lambda x, y: (x + y).softmax(dim=-1), 1),
    "dropout": (lambda x, y: F.dropout(x + y, 0.5), 0.25),  # a mask of one byte per number
    "views of a result": (lambda x, y: (x + y).t()[:512].reshape(-1), 0),
    "concatenation": (lambda x, y: tg.cat([x, y]), 0),
    "in place": (lambda x, y: (x + y).mul_(2.0).add_(y), 0),
    "relu and what it feeds": (lambda x, y: (x + y).relu() * y, 1),  # kept once, by two nodes
}


@pytest.mark.parametrize("name", KEPT)
def test_kept_is_what_the_derivatives_name(name: str) -> None:
    program, units = KEPT[name]
    x, y = normal(ROWS, WIDTH, grad=True), normal(ROWS, WIDTH, grad=True)
    assert kept_bytes(program(x, y), x, y) == units * UNIT


@pytest.mark.parametrize("name", KEPT)
def test_nothing_else_is_held_by_the_graph(name: str) -> None:
    program, units = KEPT[name]
    x, y = normal(ROWS, WIDTH, grad=True), normal(ROWS, WIDTH, grad=True)
    program(x, y).sum().backward()  # what is made at the first call: the plans of the ops, the random generator
    x.grad = y.grad = None
    with metered() as meter:
        result = program(x, y).sum()
        assert is_about(meter.now, units * UNIT, OBJECTS)
        result.backward()
        x.grad = y.grad = None
        assert meter.now < OBJECTS + (UNIT // 4 if name == "dropout" else 0)  # its mask lives as long as the node


def test_a_constant_factor_keeps_one_side_only() -> None:
    x, constant = normal(ROWS, WIDTH, grad=True), normal(ROWS, WIDTH)
    assert kept_bytes((x + constant) * constant, x, constant) == 0
    assert kept_bytes((x + constant) @ normal(WIDTH, 8), x) == WIDTH * 8 * 4


def test_layers_of_a_network_keep_their_inputs() -> None:
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y = normal(32, 784), tg.tensor([0] * 32)
    out = model(x)
    assert kept_bytes(out, x, *model.parameters()) == 32 * 128 * 4  # ReLU's result, the input of the next layer
    loss = F.cross_entropy(out, y)
    extra = kept_bytes(loss, x, y, out, *model.parameters()) - 32 * 128 * 4
    assert extra <= 32 * (10 + 1) * 4 + 2 * 32 * 8  # the probabilities, a sum per row; which entries, and of what rows


def test_convolution_keeps_no_windows() -> None:
    x = normal(8, 4, 32, 32)
    weight = normal(16, 4, 5, 5, grad=True)
    out = F.conv2d(x, weight)
    assert kept_bytes(out, x, weight) == 0
    hidden = out.relu()
    assert kept_bytes(F.conv2d(hidden, normal(8, 16, 3, 3, grad=True)), x, weight, hidden) <= 8 * 16 * 3 * 3 * 4


def test_batch_norm_keeps_its_input_and_a_few_numbers_per_channel() -> None:
    norm = nn.BatchNorm2d(16)
    x = normal(8, 16, 32, 32, grad=True)
    assert kept_bytes(norm(x), x, *norm.parameters(), *norm.buffers()) <= 4 * 16 * 4


def test_without_gradients_nothing_is_kept() -> None:
    model = nn.Sequential(*[nn.Linear(WIDTH, WIDTH), nn.ReLU()] * 6)
    x = normal(ROWS, WIDTH)
    with metered() as meter, tg.no_grad():
        out = model(x)
        assert is_about(meter.now, UNIT, OBJECTS)
        assert meter.peak <= 3 * UNIT + OBJECTS  # an input, a result, and what is being made
    assert out.shape == (ROWS, WIDTH)


# ---- views


VIEWS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: x.reshape(-1, 4),
    "view": lambda x: x.view(2, -1),
    "flatten": lambda x: x.flatten(),
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.permute(1, 0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x[:, None].squeeze(1),
    "expand": lambda x: x[:1].expand(500, -1),
    "a row": lambda x: x[3],
    "every second": lambda x: x[1:, ::2],
    "narrow": lambda x: x.narrow(1, 5, 7),
    "split": lambda x: x.split(10),
    "chunk": lambda x: x.chunk(4, dim=1),
    "unbind": lambda x: x.unbind(),
    "detach": lambda x: x.detach(),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("grad", [False, True])
def test_views_cost_nothing(name: str, grad: bool) -> None:
    x = normal(ROWS, WIDTH, grad=grad)
    VIEWS[name](x)
    with metered() as meter:
        made = VIEWS[name](x)
        assert meter.peak < 1000 * max(1, len(made) if isinstance(made, tuple) else 0) + 4 * KIB
    for view in made if isinstance(made, tuple) else [made]:
        assert np.shares_memory(view.array, x.array)
        if view.requires_grad:
            assert kept_bytes(view, x) == 0


# ---- the backward pass


DEEP: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "mul": lambda x: x * x.detach().sign(),
    "linear": lambda x: (x.reshape(-1, 64) @ tg.eye(64)).reshape(ROWS, WIDTH),
    "two ways": lambda x: x.tanh() + x * 0.5,
    "softmax": lambda x: x.softmax(dim=1),
    "view": lambda x: x.reshape(WIDTH, ROWS).sigmoid().reshape(ROWS, WIDTH),
}


@pytest.mark.parametrize("name", DEEP)
def test_backward_gives_back_as_it_goes(name: str) -> None:
    """A deep chain needs a few gradients beyond what it kept, not one for every layer."""
    layers = 24
    x = normal(ROWS, WIDTH, grad=True)

    at_half: list[int] = []

    def chain(hook: Any = lambda g: None) -> tg.Tensor:
        out = x
        for layer in range(layers):
            if layer == layers // 2:
                out.register_hook(hook)
            out = DEEP[name](out)
        return out.sum()

    chain().backward()  # what is made at the first call
    x.grad = None
    with metered() as meter:
        loss = chain(lambda g: at_half.append(meter.now))
        start = meter.now
        tracemalloc.reset_peak()
        loss.backward()
        assert at_half[0] <= start / 2 + 4 * UNIT
        assert meter.peak - start <= 4 * UNIT
        assert is_about(meter.now, UNIT, layers * 4 * KIB)  # x.grad, and the nodes
        del loss
        x.grad = None
        assert meter.now < 2 * OBJECTS


def test_gradient_of_a_leaf_is_stored_without_a_copy_and_added_to_in_place() -> None:
    x = normal(ROWS, WIDTH, grad=True)
    with metered() as meter:
        (x * 2.0).sum().backward()
        assert is_about(meter.now, UNIT, OBJECTS)
        assert meter.peak <= 2 * UNIT + OBJECTS
        first = x.grad.array
        (x * 2.0).sum().backward()
        assert x.grad.array is first
        assert is_about(meter.now, UNIT, OBJECTS)
    assert np.all(first == 4.0)


def test_gradients_of_the_middle_are_not_stored() -> None:
    x = normal(ROWS, WIDTH, grad=True)
    results = [x + 1.0]
    for _ in range(5):
        results.append(results[-1] + 1.0)
    with metered() as meter:
        results[-1].sum().backward()
        assert is_about(meter.now, UNIT, OBJECTS)
    assert all(result.grad_fn is not None for result in results)


# ---- training


@pytest.mark.parametrize(("name", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True})])
def test_a_step_of_an_optimizer_needs_no_second_parameter(name: str, options: dict[str, Any]) -> None:
    params = [normal(1000, 1000, grad=True) for _ in range(2)]
    for param in params:
        param.grad = normal(1000, 1000)
    optimizer = getattr(tg.optim, name)(params, **options)
    optimizer.step()
    with metered() as meter:
        optimizer.step()
        assert meter.now < 16 * KIB
        assert meter.peak < 1300 * KIB  # a buffer of 512 KiB on each of two threads; a parameter has 3,906


GROWING: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "dense": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), (4, 8), 2000),
    "convolutions": (
        lambda: nn.Sequential(
            *[nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()],
            *[nn.Dropout(0.2), nn.Linear(18, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 4)],
        ),
        (4, 1, 8, 8),
        400,
    ),
}


@pytest.mark.parametrize("name", GROWING)
def test_training_does_not_grow(name: str) -> None:
    """Nothing is left behind by a step, and no cycle that only the collector would find."""
    build, shape, steps = GROWING[name]
    model = build()
    optimizer = tg.optim.AdamW(model.parameters(), lr=1e-3)
    x, y = normal(*shape), tg.tensor([0, 1, 2, 3])

    def train(steps: int) -> int:
        gc.disable()
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        del loss
        return gc.collect()  # how many objects lay in cycles; it empties Python's lists of free tuples too

    with metered() as meter:
        try:
            train(100)
            early = meter.now
            assert train(steps - 100) == 0
            assert abs(meter.now - early) < 8 * KIB  # the smallest object that a step could leave behind makes more
        finally:
            gc.enable()


# ---- more than fits: accumulation and checkpoints


LAYERS = 32


def deep_model(layers: int = LAYERS) -> nn.Sequential:
    tg.manual_seed(0)
    made = []
    for _ in range(layers // 2):
        made += [nn.Linear(64, 64), nn.Tanh()]
    return nn.Sequential(*made)


def accumulate(model: nn.Module, x: tg.Tensor, y: tg.Tensor, parts: int) -> None:
    """Add up the gradients of a batch from parts of it; each loss is a mean, so it counts for its share."""
    for x_part, y_part in zip(x.chunk(parts), y.chunk(parts)):
        loss = F.mse_loss(model(x_part), y_part)
        (loss / parts).backward()


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_micro_batches_need_a_fraction_of_the_memory_for_the_same_gradients(parts: int) -> None:
    model, x, y = deep_model(), normal(1024, 64), normal(1024, 64)
    found, peaks = [], []
    for k in (1, parts):
        model.zero_grad()
        accumulate(model, x[:8], y[:8], 1)  # the gradients exist before as after
        model.zero_grad(set_to_none=False)
        with metered() as meter:
            accumulate(model, x, y, k)
            peaks.append(meter.peak)
        found.append([param.grad.array for param in model.parameters()])
    for whole, summed in zip(*found):
        np.testing.assert_allclose(summed, whole, rtol=1e-4, atol=1e-6)
    assert peaks[0] > LAYERS // 2 * 1024 * 64 * 4
    assert peaks[1] < 1.15 * peaks[0] / parts + 64 * KIB


@pytest.mark.parametrize("segments", [2, 4, 8, 16])
def test_checkpoints_keep_the_ends_of_segments_and_one_segment(segments: int) -> None:
    """Of L results the inputs of segments are kept, and L/s come and go: together least for s near sqrt(L)."""
    unit = 2048 * 64 * 4
    blocks = [lambda x: x.tanh() for _ in range(LAYERS)]
    x = normal(2048, 64, grad=True)
    plain = x
    for block in blocks:
        plain = block(plain)
    (expected,) = tg.autograd.grad(plain.sum(), x)
    with metered() as meter:
        loss = checkpoint_sequential(blocks, segments, x, use_reentrant=False).sum()
        kept = segments - 2 + LAYERS // segments  # the first segment's input is x; the last segment is not wrapped
        assert is_about(meter.now, kept * unit, unit / 4)
        assert meter.peak <= (kept + 2) * unit
        tracemalloc.reset_peak()
        loss.backward()
        assert meter.peak <= (kept + 6) * unit
        assert is_about(meter.now, unit, unit / 4)
    assert np.array_equal(x.grad.array, expected.array)


def test_nested_checkpoints_keep_less() -> None:
    """Sixty-four layers as four times four times four: a segment of segments."""
    unit, calls = 2048 * 64 * 4, [0]

    def layer(x: Any) -> Any:
        calls[0] += 1
        return x.tanh()

    def times_four(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def four(x: Any) -> Any:
            for _ in range(4):
                x = checkpoint(function, x, use_reentrant=False)
            return x

        return four

    x = normal(2048, 64, grad=True)
    plain = x
    for _ in range(64):
        plain = plain.tanh()
    (expected,) = tg.autograd.grad(plain.sum(), x)
    with metered() as meter:
        loss = times_four(times_four(times_four(layer)))(x).sum()
        loss.backward()
        assert meter.peak < 20 * unit  # 64 + 2 without checkpoints
    assert calls == [64 * 4]
    assert np.array_equal(x.grad.array, expected.array)
