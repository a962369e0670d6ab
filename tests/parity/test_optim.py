"""Optimizers against PyTorch: the same parameters after 20 steps, the same state and errors."""

from __future__ import annotations

import copy
import functools
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim

torch = pytest.importorskip("torch")

SHAPES = [(), (1,), (3, 4), (2, 0), (20, 30)]  # a scalar, an empty one, one of several blocks
STEPS = 20


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_edu.optim.blocks.BLOCK", 256)


def product(**options: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(options, values)) for values in itertools.product(*options.values())]


SGD = [
    dict(zip(["lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"], values))
    for values in itertools.product([0.1], [0, 0.9], [0, 0.3], [0, 0.1], [False, True], [False, True])
    if not values[4] or (values[1] and not values[2])
]
ADAM = product(
    lr=[0.01],
    betas=[(0.9, 0.999), (0.5, 0.7)],
    eps=[1e-8, 1e-3],
    weight_decay=[0, 0.1],
    amsgrad=[False, True],
    maximize=[False, True],
)
CASES = [("SGD", options) for options in SGD]
CASES += [(name, options) for name in ("Adam", "AdamW") for options in ADAM]
DTYPES = [(np.float32, 1e-5), (np.float64, 1e-8)]


def case_id(value: Any) -> str:
    if isinstance(value, dict):
        return "-".join(f"{k}={v}" for k, v in value.items() if k != "lr" and v)
    return getattr(value, "__name__", str(value))


def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    # over several sizes; exact zeros, which an average starts from and Adam divides by
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 1, shape)
    return np.asarray(values * (rng.random(shape) > 0.1))


@functools.cache
def gradients() -> list[list[np.ndarray]]:
    rng = np.random.default_rng(0)
    return [[draw(rng, shape) for shape in SHAPES] for _ in range(STEPS + 1)]


class Twins:
    """The same parameters and gradients, here and in PyTorch."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        start, *rest = gradients()
        self.gradients = iter(rest)
        self.ours = [tg.tensor(a.astype(dtype), requires_grad=True) for a in start]
        self.theirs = [torch.tensor(a.astype(dtype), requires_grad=True) for a in start]

    def step(self, *optimizers: Any, skip: int = -1) -> None:
        for i, (mine, other, g) in enumerate(zip(self.ours, self.theirs, next(self.gradients))):
            g = g.astype(self.dtype)
            mine.grad = None if i == skip else tg.tensor(g)
            other.grad = None if i == skip else torch.tensor(g)
        for optimizer in optimizers:
            optimizer.step()

    def compare(self, tolerance: float) -> None:
        for mine, other in zip(self.ours, self.theirs):
            assert mine.dtype == self.dtype
            np.testing.assert_allclose(mine.array, other.detach().numpy(), rtol=tolerance, atol=tolerance)


def compare_states(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> None:
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for key, mine in ours["state"].items():
        other = theirs["state"][key]
        assert list(mine) == list(other)
        for name, value in mine.items():
            assert f"torch.{value.dtype}" == str(other[name].dtype)
            np.testing.assert_allclose(value.array, other[name].numpy(), rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES, ids=case_id)
@pytest.mark.parametrize(("name", "options"), CASES, ids=case_id)
def test_twenty_steps_are_pytorchs(name: str, options: dict[str, Any], dtype: Any, tolerance: float) -> None:
    twins = Twins(dtype)
    ours = getattr(optim, name)(twins.ours, **options)
    theirs = getattr(torch.optim, name)(twins.theirs, **options)
    assert repr(ours) == repr(theirs)
    for step in range(STEPS):
        twins.step(ours, theirs, skip=2 if step == 3 else -1)
        if step == STEPS // 2:  # continue with new optimizers from the saved states
            saved = ours.state_dict(), theirs.state_dict()
            compare_states(*saved, tolerance)
            ours = getattr(optim, name)(twins.ours)
            ours.load_state_dict(copy.deepcopy(saved[0]))
            theirs = getattr(torch.optim, name)(twins.theirs)
            theirs.load_state_dict(copy.deepcopy(saved[1]))
    twins.compare(tolerance)
    compare_states(ours.state_dict(), theirs.state_dict(), tolerance)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_groups_have_options_of_their_own(name: str) -> None:
    twins = Twins(np.float64)

    def build(library: Any, params: list[Any]) -> Any:
        groups = [{"params": params[:2], "lr": 0.5}, {"params": iter(params[2:4])}]
        made = getattr(library, name)(groups, lr=0.1, weight_decay=0.01)
        made.add_param_group({"params": params[4], "weight_decay": 0.3})
        return made

    ours, theirs = build(optim, twins.ours), build(torch.optim, twins.theirs)
    for _ in range(3):
        twins.step(ours, theirs)
    twins.compare(1e-8)
    compare_states(ours.state_dict(), theirs.state_dict(), 1e-8)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_learning_rate_may_be_a_tensor_and_may_change(name: str) -> None:
    twins = Twins(np.float64)
    ours = getattr(optim, name)(twins.ours, lr=tg.tensor(0.25))
    theirs = getattr(torch.optim, name)(twins.theirs, lr=torch.tensor(0.25))
    twins.step(ours, theirs)
    for optimizer in (ours, theirs):
        optimizer.param_groups[0]["lr"] = np.float64(0.01)
    twins.step(ours, theirs)
    twins.compare(1e-8)


def test_state_of_other_dtype_becomes_the_parameters() -> None:
    states = []
    for library, twins in ((tg, Twins(np.float64)), (torch, Twins(np.float64))):
        saved = library.optim.Adam(twins.ours if library is tg else twins.theirs)
        twins.step(saved)
        single = Twins(np.float32)
        loaded = library.optim.Adam(single.ours if library is tg else single.theirs)
        loaded.load_state_dict(saved.state_dict())
        states.append(loaded.state_dict())
    compare_states(*states, 1e-6)


def test_names_of_parameters_are_kept() -> None:
    twins = Twins(np.float32)
    ours = optim.SGD(zip("abcde", twins.ours))
    theirs = torch.optim.SGD(zip("abcde", twins.theirs))
    assert ours.state_dict() == theirs.state_dict()
    assert repr(ours) == repr(theirs)


def leaf(library: Any) -> Any:
    return library.tensor([1.0], requires_grad=True)


MISTAKES = {
    "empty list": lambda lib: lib.optim.SGD([]),
    "one tensor": lambda lib: lib.optim.SGD(leaf(lib)),
    "a set": lambda lib: lib.optim.SGD([{"params": {leaf(lib)}}]),
    "no tensor": lambda lib: lib.optim.SGD([3]),
    "computed": lambda lib: lib.optim.SGD([leaf(lib) * 2]),
    "some names": lambda lib: lib.optim.SGD([("a", leaf(lib)), leaf(lib)]),
    "group is a list": lambda lib: lib.optim.SGD([leaf(lib)]).add_param_group([leaf(lib)]),
    "twice": lambda lib: twice(lib),
    "names in one group": lambda lib: lib.optim.SGD([leaf(lib)]).add_param_group({"params": [("a", leaf(lib))]}),
    "negative lr": lambda lib: lib.optim.SGD([leaf(lib)], lr=-1),
    "long lr": lambda lib: lib.optim.SGD([leaf(lib)], lr=lib.tensor([0.1, 0.2])),
    "momentum": lambda lib: lib.optim.SGD([leaf(lib)], momentum=-1),
    "sgd decay": lambda lib: lib.optim.SGD([leaf(lib)], weight_decay=-1),
    "nesterov": lambda lib: lib.optim.SGD([leaf(lib)], nesterov=True),
    "nesterov dampening": lambda lib: lib.optim.SGD([leaf(lib)], momentum=0.9, dampening=0.1, nesterov=True),
    "adam lr": lambda lib: lib.optim.Adam([leaf(lib)], lr=float("nan")),
    "eps": lambda lib: lib.optim.Adam([leaf(lib)], eps=-1),
    "beta 0": lambda lib: lib.optim.Adam([leaf(lib)], betas=(1.0, 0.9)),
    "beta 1": lambda lib: lib.optim.AdamW([leaf(lib)], betas=(0.9, -0.1)),
    "int beta": lambda lib: lib.optim.Adam([leaf(lib)], betas=(0, 0.9)),
    "adam decay": lambda lib: lib.optim.Adam([leaf(lib)], weight_decay=-1),
    "other groups": lambda lib: reload(lib, [{"params": leaf(lib)}, {"params": leaf(lib)}]),
    "other sizes": lambda lib: reload(lib, [leaf(lib), leaf(lib)]),
}


def twice(library: Any) -> None:
    x = leaf(library)
    library.optim.SGD([{"params": x}, {"params": [x]}])


def reload(library: Any, params: Any) -> None:
    library.optim.SGD([leaf(library)]).load_state_dict(library.optim.SGD(params).state_dict())


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_raise_pytorchs_exceptions(mistake: str) -> None:
    raised = []
    for library in (torch, tg):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            MISTAKES[mistake](library)
        raised.append(caught)
    theirs, ours = raised
    assert ours.type is theirs.type
    shared = str(theirs.value).split("[")[0].split(", but got")[0].rstrip(".")[:40]
    assert shared in str(ours.value)
