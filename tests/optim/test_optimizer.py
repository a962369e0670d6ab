from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.optim import blocks, sgd


def param(*values: float) -> tg.Tensor:
    made = tg.tensor(list(values), requires_grad=True)
    made.grad = tg.ones_like(made)
    return made


def test_step_without_gradient_leaves_the_parameter_and_makes_no_state() -> None:
    x, y = param(1.0), param(1.0)
    y.grad = None
    optimizer = optim.SGD([x, y], lr=1.0, momentum=0.9)
    optimizer.step()
    assert x.tolist() == [0.0]
    assert y.tolist() == [1.0]
    assert list(optimizer.state) == [x]


def test_closure_is_called_with_gradients_on_and_its_loss_returned() -> None:
    x = param(3.0)
    optimizer = optim.SGD([x], lr=0.5)

    def closure() -> tg.Tensor:
        assert tg.is_grad_enabled()
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert x.tolist() == [0.0]
    assert optimizer.step() is None


def test_zero_grad_forgets_or_fills_with_zeros() -> None:
    x, y = param(1.0), param(2.0)
    y.grad = None
    optimizer = optim.SGD([x, y])
    kept = x.grad
    optimizer.zero_grad(set_to_none=False)
    assert x.grad is kept
    assert kept.tolist() == [0.0]
    assert y.grad is None
    optimizer.zero_grad()
    assert x.grad is None


def test_zero_grad_takes_a_recorded_gradient_out_of_its_graph() -> None:
    x = tg.tensor([2.0], requires_grad=True)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    optim.SGD([x]).zero_grad(set_to_none=False)
    assert not x.grad.requires_grad
    assert x.grad.tolist() == [0.0]


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_step_between_forward_and_backward_is_noticed(name: str) -> None:
    x = param(1.0, 2.0)
    loss = (x * x).sum()
    getattr(optim, name)([x]).step()
    with pytest.raises(RuntimeError, match=rf"inplace operation.*since {name}\.step wrote to it"):
        loss.backward()


def test_step_works_in_place_and_stays_out_of_the_graph() -> None:
    x = param(1.0, 2.0)
    memory, before = x.array, x._version
    optim.Adam([x]).step()
    assert x.array is memory
    assert x._version == before + 1
    assert x.is_leaf
    assert x.requires_grad


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_step_neither_writes_to_the_gradient_nor_keeps_it(name: str) -> None:
    x = param(1.0, 2.0)
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(optim, name)([x], lr=0.1, weight_decay=0.5, maximize=True, **options)
    optimizer.step()
    assert x.grad.tolist() == [1.0, 1.0]
    before = x.tolist()
    for value in optimizer.state[x].values():
        assert not np.shares_memory(value.array, x.grad.array)
    assert before != [1.0, 2.0]


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (7,), (0, 5)])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_any_layout_takes_the_same_step(
    name: str, shape: tuple, transposed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygrad_edu.optim.blocks.BLOCK", 256)
    rng = np.random.default_rng(0)
    values, grads = rng.standard_normal((2, *shape))
    plain = tg.tensor(values, requires_grad=True)
    plain.grad = tg.tensor(grads)
    other = tg.from_numpy(np.asfortranarray(values) if transposed else values.copy())
    other.requires_grad_().grad = tg.from_numpy(np.asfortranarray(grads))
    options = {"momentum": 0.9, "nesterov": True} if name == "SGD" else {"amsgrad": True}
    for x in (plain, other):
        optimizer = getattr(optim, name)([x], lr=0.1, **options)
        optimizer.step()
        optimizer.step()
    np.testing.assert_allclose(plain.array, other.array, rtol=1e-13)  # a compiled step takes C order only


def test_overflow_gives_inf_without_a_warning() -> None:
    x = param(1.0)
    x.grad = tg.tensor([1e30])
    optimizer = optim.Adam([x])
    optimizer.step()
    assert np.isinf(optimizer.state[x]["exp_avg_sq"].array)
    optim.SGD([x], lr=1e30).step()
    assert np.isinf(x.array)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_float16_stays_float16(name: str) -> None:
    x = tg.tensor([1.0], dtype=np.float16, requires_grad=True)
    x.grad = tg.ones_like(x)
    getattr(optim, name)([x], lr=0.25).step()
    assert x.dtype == np.float16
    assert x.item() == pytest.approx(0.75, abs=1e-3)


def test_state_dict_numbers_parameters_across_groups() -> None:
    x, y, z = param(1.0), param(2.0), param(3.0)
    optimizer = optim.SGD([{"params": [x, y]}, {"params": [z], "lr": 0.5}], momentum=0.5)
    optimizer.step()
    saved = optimizer.state_dict()
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert saved["param_groups"][1]["lr"] == 0.5
    assert list(saved["state"]) == [0, 1, 2]
    assert saved["state"][2]["momentum_buffer"] is optimizer.state[z]["momentum_buffer"]


def test_loaded_state_is_a_copy() -> None:
    x, y = param(1.0), param(1.0)
    first = optim.SGD([x], momentum=0.5)
    first.step()
    second = optim.SGD([y], momentum=0.5)
    second.load_state_dict(first.state_dict())
    second.step()
    assert first.state[x]["momentum_buffer"].tolist() == [1.0]
    assert second.state[y]["momentum_buffer"].tolist() == [1.5]
    second.param_groups[0]["lr"] = 9.0
    assert first.param_groups[0]["lr"] == 1e-3


def test_option_that_a_saved_state_lacks_keeps_its_value() -> None:
    optimizer = optim.Adam([param(1.0)], amsgrad=True)
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["amsgrad"]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["amsgrad"] is True


def test_adamw_stays_adamw_when_it_loads_a_state_of_adam() -> None:
    x, y = param(1.0), param(1.0)
    loaded = optim.AdamW([x])
    loaded.load_state_dict(optim.Adam([y]).state_dict())
    assert loaded.param_groups[0]["decoupled_weight_decay"] is True


def test_hooks_run_around_every_step_until_removed() -> None:
    x = param(1.0)
    optimizer = optim.SGD([x], lr=1.0)
    seen = []
    before = optimizer.register_step_pre_hook(lambda *call: seen.append(("pre", x.item(), *call)))
    optimizer.register_step_post_hook(lambda *call: seen.append(("post", x.item(), *call)))
    optimizer.step()
    assert seen == [
        ("pre", 1.0, optimizer, (optimizer,), {}),
        ("post", 0.0, optimizer, (optimizer,), {}),
    ]
    before.remove()
    optimizer.step()
    assert [entry[0] for entry in seen] == ["pre", "post", "post"]


def test_pre_hook_may_replace_the_arguments() -> None:
    optimizer = optim.SGD([param(1.0)])
    optimizer.register_step_pre_hook(lambda opt, args, kwargs: (args, {"closure": lambda: 7.0}))
    assert optimizer.step() == 7.0
    optimizer.register_step_pre_hook(lambda *call: "nonsense")
    with pytest.raises(RuntimeError, match=r"must return None or a tuple .* but got nonsense"):
        optimizer.step()


class PlainSGD(optim.Optimizer):
    """An optimizer as a PyTorch program writes one."""

    def __init__(self, params: object, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: object = None) -> None:
        with tg.no_grad():
            for group in self.param_groups:
                for x in group["params"]:
                    x.sub_(x.grad * group["lr"])


def test_optimizer_of_ones_own_says_how_to_step() -> None:
    x = param(1.0)
    x.grad = tg.tensor([-5.0])
    optimizer = PlainSGD([x], lr=0.5)
    calls = []
    optimizer.register_step_post_hook(lambda *call: calls.append(call))
    optimizer.step()
    assert x.tolist() == [3.5]
    assert len(calls) == 1


def test_optimizer_that_does_not_say_how_to_step_is_told_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Optimizer does not say how to step: define st"):
        optim.Optimizer([param(1.0)], {}).step()


def test_option_may_be_required() -> None:
    with pytest.raises(ValueError, match="didn't specify a value of required optimization param"):
        optim.Optimizer([param(1.0)], {"lr": optim.optimizer.required})


def test_duplicate_parameters_of_a_group_are_reported() -> None:
    x = param(1.0)
    with pytest.warns(UserWarning, match="parameter group with duplicate parameters"):
        optim.SGD([x, x])


def test_computed_tensor_that_keeps_its_gradient_may_be_optimized() -> None:
    y = tg.tensor([1.0], requires_grad=True) * 2
    y.retain_grad()
    optimizer = optim.SGD([y], lr=1.0)
    (y * 3).sum().backward()
    optimizer.step()
    assert y.tolist() == [-1.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_optimizer_can_be_copied_with_its_parameters(copied: object) -> None:
    x = param(1.0)
    optimizer = optim.Adam([x])
    optimizer.step()
    twin = copied(optimizer)
    (y,) = twin.param_groups[0]["params"]
    assert y is not x
    assert twin.state[y]["step"].item() == 1.0


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda x: optim.SGD(x), TypeError, r"iterable of Tensors or dicts, but got Tensor; put"),
        (lambda x: optim.SGD([]), ValueError, r"empty parameter list: SGD has nothing to optimize"),
        (lambda x: optim.SGD([x * 2]), ValueError, r"non-leaf Tensor: parameter 0 .* shape \[2\]"),
        (lambda x: optim.SGD([x, 1]), TypeError, r"params is int \(number 1 of its group\)"),
        (lambda x: optim.SGD([x], lr=-0.1), ValueError, r"Invalid learning rate: -0.1"),
        (lambda x: optim.SGD([x], nesterov=True), ValueError, r"got momentum=0 and dampening=0"),
        (
            lambda x: optim.SGD([{"params": x}, {"params": x}]),
            ValueError,
            r"more than one parameter group: of shapes \[\[2\]\]",
        ),
        (lambda x: optim.SGD([x], foreach=True), RuntimeError, r"SGD: foreach=True asks for one "),
        (lambda x: optim.SGD([x], differentiable=True), RuntimeError, r"Leave differentiable out"),
        (lambda x: optim.Adam([x], fused=True), RuntimeError, r"Adam: fused=True asks for one of"),
        (lambda x: optim.AdamW([x], capturable=True), RuntimeError, r"AdamW: capturable=True asks"),
        (
            lambda x: optim.Adam([x], betas=(tg.tensor([0.9, 0.9]), tg.tensor(0.9))),
            ValueError,
            r"Tensor betas\[0\] must be 1-element; it has shape \[2\]",
        ),
        (lambda x: optim.Adam([x], betas=(0.9, 1.0)), ValueError, r"index 1: 1.0; Adam needs 0"),
        (
            lambda x: optim.SGD([x]).load_state_dict(optim.SGD([x, param(1.0)]).state_dict()),
            ValueError,
            r"group 0 was saved with 2 parameters and has 1 here",
        ),
        (
            lambda x: optim.SGD([x]).load_state_dict({"state": {}, "param_groups": []}),
            ValueError,
            r"different number of parameter groups: 0, but this SGD has 1",
        ),
    ],
)
def test_mistake_gets_a_sentence(build: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        build(param(1.0, 2.0))


def test_adam_counts_steps_in_float64_where_that_is_the_default() -> None:
    x = param(1.0)
    before = tg.get_default_dtype()
    tg.set_default_dtype(np.float64)
    try:
        optimizer = optim.Adam([x])
        optimizer.step()
    finally:
        tg.set_default_dtype(before)
    assert optimizer.state[x]["step"].dtype == np.float64


@pytest.fixture
def switches() -> Iterator[None]:
    """Put back what a test chooses: kernels and threads."""
    kernels, threads = tg.get_kernels(), tg.get_num_threads()
    yield
    tg.set_kernels(kernels)
    tg.set_num_threads(threads)


OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1, "maximize": True}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "maximize": True}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.1}),
]


def after_steps(name: str, options: dict[str, Any], dtype: Any) -> list[np.ndarray]:
    """Take three steps of parameters of several shapes, one of them not in C order; return them and their states."""
    rng = np.random.default_rng(0)
    shapes = [(), (0, 3), (7,), (30, 20), (20, 30), (5, 6, 7)]
    params = [tg.from_numpy(np.asarray(rng.standard_normal(shape), dtype)) for shape in shapes]
    params[3] = tg.from_numpy(np.asfortranarray(params[3].array))
    params.append(tg.from_numpy(rng.standard_normal((20, 20)).astype(dtype)[::2, ::2]))
    optimizer = getattr(optim, name)([p.requires_grad_() for p in params], lr=0.01, **options)
    for _ in range(3):
        for p in params:
            p.grad = tg.from_numpy(np.asarray(rng.standard_normal(p.shape), dtype, order="F"))
        optimizer.step()
    states = [value.array for p in params for value in optimizer.state[p].values()]
    return [p.array for p in params] + states


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
@pytest.mark.usefixtures("switches")
def test_number_of_threads_does_not_change_a_step(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tg.set_kernels("numpy")
    tg.set_num_threads(1)
    expected = after_steps(name, options, np.float64)
    monkeypatch.setattr("tinygrad_edu.optim.blocks.LONG", 1)
    monkeypatch.setattr("tinygrad_edu.optim.blocks.BLOCK", 100)
    monkeypatch.setattr("tinygrad_edu.parallel.GRAIN", 16)
    parts: list[slice] = []
    stretch = blocks._update_stretch
    monkeypatch.setattr(blocks, "_update_stretch", lambda *given: (parts.append(given[-1]), stretch(*given)))
    for threads in (2, 3):
        tg.set_num_threads(threads)
        found = after_steps(name, options, np.float64)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    assert len(parts) == 3 * (2 + 3)  # so it was cut up


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
@pytest.mark.usefixtures("switches")
def test_compiled_step_is_the_one_that_is_there_to_be_read(name: str, options: dict[str, Any], dtype: Any) -> None:
    pytest.importorskip("numba")
    results = []
    for kernels in ("numpy", "fast"):
        tg.set_kernels(kernels)
        results.append(after_steps(name, options, dtype))
    for reference, compiled in zip(*results):
        assert reference.dtype == compiled.dtype
        np.testing.assert_allclose(compiled, reference, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kernels", ["numpy", "fast"])
@pytest.mark.usefixtures("switches")
def test_nan_and_infinity_stay_what_they_are(kernels: str) -> None:
    if kernels == "fast":
        pytest.importorskip("numba")
    tg.set_kernels(kernels)
    for name in ("SGD", "Adam"):
        x = param(1.0, np.inf, 2.0, 3.0)
        x.grad = tg.tensor([np.nan, 1.0, np.inf, 0.0])
        getattr(optim, name)([x], lr=0.5).step()
        assert np.isnan(x.array[0])
        assert np.isposinf(x.array[1])
        assert not np.isfinite(x.array[2])
        assert x.array[3] == 3.0


@pytest.mark.usefixtures("switches")
def test_parameters_on_one_memory_take_their_steps_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_edu.optim.blocks.LONG", 1)
    monkeypatch.setattr("tinygrad_edu.parallel.GRAIN", 1)
    tg.set_num_threads(2)
    together: list[int] = []
    share = sgd.share
    monkeypatch.setattr(sgd, "share", lambda update, jobs: (together.append(len(jobs)), share(update, jobs)))
    memory = np.zeros(100, np.float32)
    x, y, z = (tg.from_numpy(a).requires_grad_() for a in (memory, memory[10:], np.zeros(100, np.float32)))
    for p in (x, y, z):
        p.grad = tg.ones_like(p)
    optim.SGD([x, y, z], lr=1.0).step()
    assert together == [1, 1, 1]
    assert memory.tolist() == [-1.0] * 10 + [-2.0] * 90
