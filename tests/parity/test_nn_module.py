"""Module against PyTorch's: a story is told to both, and what they answer must be equal."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.stories import Story, assert_same, refusal, values

torch = pytest.importorskip("torch")

STORIES: list[Story] = []


def story(function: Story) -> Story:
    STORIES.append(function)
    return function


def fill(module: Any) -> Any:
    """Give the parameters the same simple values in both libraries."""
    for k, p in enumerate(module.parameters()):
        numbers = (np.arange(np.prod(tuple(p.shape)), dtype="float32") % 5 - 2 + k) / 4
        p.data = p.data * 0 + type(p.data)(numbers.reshape(tuple(p.shape)).tolist())
    return module


def net(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = lib.nn.Linear(3, 2)
            self.shared = self.first
            self.body = lib.nn.Sequential(lib.nn.ReLU(), lib.nn.Linear(2, 2, bias=False))
            self.scale = lib.nn.Parameter(lib.ones(2))
            self.register_buffer("seen", lib.zeros(1))
            self.register_buffer("secret", lib.zeros(2), persistent=False)
            self.register_parameter("nothing", None)

        def forward(self, x: Any) -> Any:
            return self.body(self.first(x)) * self.scale

    return fill(Net())


@story
def names_of_everything(lib: Any) -> Any:
    m = net(lib)
    return [
        [k for k, _ in m.named_parameters()],
        [k for k, _ in m.named_parameters("p", recurse=False)],
        [k for k, _ in m.named_parameters(remove_duplicate=False)],
        [k for k, _ in m.named_buffers()],
        [k for k, _ in m.named_buffers("b")],
        [k for k, _ in m.named_modules()],
        [k for k, _ in m.named_modules(remove_duplicate=False)],
        [k for k, _ in m.named_children()],
        [len(list(c)) for c in (m.parameters(), m.buffers(), m.modules(), m.children())],
        list(m.state_dict()),
        list(m.state_dict(prefix="net.")),
        repr(m),
        [n for n in dir(m) if n in ("first", "body", "scale", "seen", "nothing", "0")],
    ]


@story
def looked_up_by_dotted_names(lib: Any) -> Any:
    m = net(lib)
    return [
        m.get_submodule("body.1") is m.body[1],
        m.get_submodule("") is m,
        m.get_parameter("body.1.weight") is m.body[1].weight,
        m.get_buffer("seen") is m.seen,
        refusal(lambda: m.get_submodule("body.7"))[0],
        refusal(lambda: m.get_submodule("body.training"))[0],
        refusal(lambda: m.get_parameter("seen"))[0],
        refusal(lambda: m.get_buffer("scale"))[0],
        refusal(lambda: m.get_parameter("body.1.none"))[0],
    ]


@story
def attributes_move_between_the_tables(lib: Any) -> Any:
    m = lib.nn.Module()
    tables = lambda: [list(m._parameters), list(m._buffers), list(m._modules), "a" in m.__dict__]  # noqa: E731
    seen = []
    m.a = 5
    seen.append(tables())
    m.a = lib.nn.Parameter(lib.ones(1))
    seen.append(tables())
    m.a = None
    seen.append([*tables(), m.a])
    del m.a
    m.a = lib.nn.ReLU()
    seen.append(tables())
    m.a = lib.nn.Parameter(lib.ones(1))
    seen.append(tables())
    del m.a
    m.register_buffer("a", lib.ones(2), persistent=False)
    seen.append([*tables(), list(m.state_dict())])
    m.a = lib.zeros(3)
    seen.append([*tables(), list(m.state_dict()), values(m.a)])
    m.a = None
    seen.append([*tables(), m.a])
    m.a = lib.nn.Tanh()
    seen.append(tables())
    del m.a
    m.a = lib.nn.Buffer(lib.ones(2))
    seen.append([*tables(), isinstance(m.a, lib.nn.Buffer), list(m.state_dict())])
    m.b = lib.nn.Buffer(lib.ones(2), persistent=False)
    m.c = lib.ones(1)
    seen.append([*tables(), list(m.state_dict()), isinstance(m.c, lib.nn.Buffer)])
    seen.append(hasattr(m, "none"))
    return seen


@story
def wrong_attributes_are_refused(lib: Any) -> Any:
    m = net(lib)

    class Early(lib.nn.Module):
        def __init__(self, what: str) -> None:
            if what == "parameter":
                self.a = lib.nn.Parameter(lib.ones(1))
            elif what == "module":
                self.a = lib.nn.ReLU()
            elif what == "buffer":
                self.register_buffer("a", lib.ones(1))
            elif what == "registered":
                self.register_parameter("a", None)

    def assign(name: str, value: Any) -> Callable[[], Any]:
        return lambda: setattr(m, name, value)

    leaf = lib.nn.Parameter(lib.ones(1))
    return [
        refusal(lambda: Early("parameter")),
        refusal(lambda: Early("module")),
        refusal(lambda: Early("buffer")),
        refusal(lambda: Early("registered")),
        refusal(assign("scale", lib.ones(2)))[0],
        refusal(assign("scale", 5)),
        refusal(assign("first", 5)),
        refusal(assign("first", lib.ones(2)))[0],
        refusal(assign("seen", 5)),
        refusal(lambda: m.register_parameter("a", lib.ones(1)))[0],
        refusal(lambda: m.register_parameter("a.b", None))[0],
        refusal(lambda: m.register_parameter("", None)),
        refusal(lambda: m.register_parameter("first", None)),
        refusal(lambda: m.register_parameter(5, None)),
        refusal(lambda: m.register_buffer("b", 5)),
        refusal(lambda: m.register_buffer("forward", None)),
        refusal(lambda: m.add_module("m", 5)),
        refusal(lambda: m.add_module("scale", None)),
        refusal(lambda: m.add_module("m.m", None)),
        refusal(lambda: m.none),
        refusal(lambda: lib.nn.Module()(1)),
        refusal(lambda: m.train(1))[0],
        refusal(lambda: lib.nn.Parameter(lib.tensor([1, 2])))[0],
        leaf.requires_grad,
    ]


@story
def state_goes_out_and_in(lib: Any) -> Any:
    m, other = net(lib), net(lib)
    state = m.state_dict()
    state["scale"].add_(1.0)  # it shares memory
    seen = [
        values(m.scale),
        state["scale"].requires_grad,
        m.state_dict(keep_vars=True)["scale"] is m.scale,
    ]
    snapshot = {k: v.clone() for k, v in state.items()}
    version = other.scale._version
    keys = other.load_state_dict(snapshot)
    seen += [
        repr(keys),
        str(keys),
        values(other.scale),
        other.scale._version - version,
        other.scale.is_leaf,
    ]
    kept = other.scale
    other.load_state_dict(snapshot, assign=True)
    seen += [other.scale is kept, type(other.scale).__name__, other.seen is snapshot["seen"]]
    double = {k: v.double() for k, v in snapshot.items()}
    m.load_state_dict(double)
    return [*seen, str(m.scale.dtype).removeprefix("torch.")]


@story
def keys_that_do_not_fit_are_reported_together(lib: Any) -> Any:
    m = net(lib)
    state = dict(m.state_dict())
    del state["scale"], state["first.bias"]
    state["seen"] = lib.zeros(2)
    state["extra"] = lib.zeros(1)
    state["body.9.weight"] = lib.zeros(1)
    state["body.1.weight"] = 5
    keys = net(lib).load_state_dict(
        {k: v for k, v in state.items() if k not in ("seen", "body.1.weight")}, strict=False
    )
    message = refusal(lambda: m.load_state_dict(state))[1]
    return [
        refusal(lambda: m.load_state_dict(state))[0],
        message.split("\n")[0],
        message.split("\n")[1],
        message.split("\n")[2],
        [line[:45] for line in message.split("\n")[3:]],
        repr(keys),
        list(keys.missing_keys),
        refusal(lambda: m.load_state_dict(state, strict=False))[0],
        refusal(lambda: m.load_state_dict([1, 2]))[0],
    ]


@story
def a_state_without_the_count_of_batches_is_old(lib: Any) -> Any:
    m = lib.nn.Sequential(lib.nn.BatchNorm1d(2))
    saved = m.state_dict()
    plain = {k: v for k, v in saved.items() if "num" not in k}
    newer = copy.copy(saved)
    del newer["0.num_batches_tracked"]
    return [repr(m.load_state_dict(plain)), refusal(lambda: m.load_state_dict(newer))]


@story
def what_is_done_to_all(lib: Any) -> Any:
    m = net(lib)
    order: list[str] = []
    m.apply(lambda module: order.append(type(module).__name__))
    out = m(lib.ones(2, 3)).sum()
    out.backward()
    seen: list[Any] = [order, [values(p.grad) for p in m.parameters()]]
    m.zero_grad(set_to_none=False)
    seen.append([values(p.grad) for p in m.parameters()])
    m.zero_grad()
    seen.append([p.grad is None for p in m.parameters()])
    m.requires_grad_(False)
    seen.append([p.requires_grad for p in m.parameters()])
    m.eval()
    seen.append([x.training for x in m.modules()])
    m.train()
    m.body.train(False)
    return [*seen, [x.training for x in m.modules()], m.eval() is m, m.apply(print_nothing) is m]


def print_nothing(module: Any) -> None:
    assert module is not None


@story
def conversions_keep_the_parameters(lib: Any) -> Any:
    m = net(lib)
    m.register_buffer("count", lib.tensor(3))
    m(lib.ones(2, 3)).sum().backward()
    before = list(m.parameters())
    dtypes = lambda: sorted({str(v.dtype).removeprefix("torch.") for v in m.state_dict().values()})  # noqa: E731
    seen = []
    for convert in (
        lambda: m.double(),
        lambda: m.to(lib.float32),
        lambda: m.half(),
        lambda: m.to("cpu", lib.float64),
        lambda: m.to(lib.ones(1)),
        lambda: m.to(dtype=lib.float64),
        lambda: m.float(),
        lambda: m.to("cpu"),
        lambda: m.cpu(),
    ):
        seen.append([convert() is m, dtypes(), str(m.scale.grad.dtype).removeprefix("torch.")])
    seen.append([a is b for a, b in zip(before, m.parameters())])
    m.double()(lib.ones(2, 3, dtype=lib.float64)).sum().backward()
    seen.append(values(m.scale.grad))
    seen.append(refusal(lambda: m.to(lib.int64))[0])
    m.zero_grad()
    m.requires_grad_(False)
    m.type(lib.int64)
    return [*seen, dtypes()]


@story
def copies_are_whole(lib: Any) -> Any:
    m = net(lib)
    m(lib.ones(2, 3)).sum().backward()
    m.register_forward_hook(print_result)
    twin = copy.deepcopy(m)
    twin.scale.data.add_(1)
    thin = copy.copy(m)
    return [
        twin.first is twin.shared,
        twin.first is m.first,
        values(m.scale),
        values(twin.scale),
        values(twin.scale.grad),
        type(twin.scale).__name__,
        twin.scale.requires_grad,
        thin.first is m.first,
        values(twin(lib.ones(2, 3))),
    ]


def print_result(module: Any, args: Any, result: Any) -> Any:
    return result * 2


@story
def pickles_are_whole(lib: Any) -> Any:
    m = fill(lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2)))
    m.append(m[0])
    twin = pickle.loads(pickle.dumps(m))
    return [
        twin[0] is twin[2],
        repr(twin),
        [values(v) for v in twin.state_dict().values()],
        twin[0].weight.requires_grad,
    ]


@story
def forward_hooks_in_order(lib: Any) -> Any:
    m, seen = fill(lib.nn.Linear(2, 2)), []

    class Keyword(lib.nn.Module):
        def forward(self, x: Any, factor: float = 1.0) -> Any:
            return m(x) * factor

    k = Keyword()
    add = seen.append
    k.register_forward_pre_hook(lambda mod, args: add(("pre", len(args))))
    k.register_forward_pre_hook(lambda mod, args: (args[0] * 2,))
    k.register_forward_pre_hook(lambda mod, args: args[0] + 1)
    k.register_forward_pre_hook(
        lambda mod, args, kwargs: (args, {"factor": kwargs.get("factor", 5.0) + 1}),
        with_kwargs=True,
    )
    first = k.register_forward_pre_hook(lambda mod, args: add(("first", values(args[0]))), prepend=True)
    k.register_forward_hook(lambda mod, args, out: add(("out", values(args[0]), values(out))))
    k.register_forward_hook(lambda mod, args, kwargs, out: add(kwargs), with_kwargs=True)
    k.register_forward_hook(lambda mod, args, out: out * 10)
    k.register_forward_hook(lambda mod, args, out: add(("front", values(out))), prepend=True)
    seen.append(values(k(lib.ones(1, 2))))
    seen.append(values(k(lib.ones(1, 2), factor=2.0)))
    first.remove()
    first.remove()
    seen.append(values(k(lib.ones(1, 2), factor=0.0)))
    with k.register_forward_hook(lambda mod, args, out: out * 0):
        seen.append(values(k(lib.ones(1, 2))))
    seen.append(values(k(lib.ones(1, 2))))
    k.register_forward_pre_hook(lambda mod, args, kwargs: 5, with_kwargs=True)
    seen.append(refusal(lambda: k(lib.ones(1, 2))))
    return seen


@story
def hooks_that_are_always_called(lib: Any) -> Any:
    seen: list[Any] = []

    class Broken(lib.nn.Module):
        def forward(self, x: Any) -> Any:
            raise KeyError("inside")

    m = Broken()
    m.register_forward_hook(lambda mod, args, out: seen.append("not this"))
    m.register_forward_hook(lambda mod, args, out: seen.append(out), always_call=True)
    m.register_forward_hook(lambda mod, args, kwargs, out: seen.append(kwargs), always_call=True, with_kwargs=True)
    seen.append(refusal(lambda: m(x=1)))

    def raises(mod: Any, args: Any, out: Any) -> None:
        raise ValueError("in the hook")

    m.register_forward_hook(raises, always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen.append(refusal(lambda: m(x=2)))
    return [*seen, [str(w.message) for w in caught]]


@story
def backward_hooks_see_and_replace(lib: Any) -> Any:
    seen: list[Any] = []

    class Two(lib.nn.Module):
        def forward(self, x: Any, n: int, y: Any) -> Any:
            return x * n + y, y * y

    def shown(grads: Any) -> Any:
        return [values(g) for g in grads]

    m = Two()
    m.register_full_backward_pre_hook(lambda mod, go: seen.append(("pre", shown(go))))
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(("hook", shown(gi), shown(go))))
    replaced = m.register_full_backward_hook(lambda mod, gi, go: (None if gi[0] is None else gi[0] * 10, None, gi[2]))
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(("front", shown(gi))), prepend=True)
    x, y = lib.tensor([1.0, 2.0], requires_grad=True), lib.tensor([3.0, 4.0], requires_grad=True)
    for use in (lambda a, b: a.sum() + b.sum(), lambda a, b: a.sum(), lambda a, b: (b * b).sum()):
        use(*m(x, 3, y)).backward()
        seen.append([values(x.grad), values(y.grad)])
        x.grad = y.grad = None
    replaced.remove()
    half = m.register_full_backward_pre_hook(lambda mod, go: tuple(g if g is None else g / 2 for g in go))
    m(x, 3, y.detach())[0].sum().backward()
    seen.append(values(x.grad))
    half.remove()
    a, _ = m(x, 3, y)
    (gx,) = lib.autograd.grad((a * a).sum(), [x], create_graph=True)
    seen.append(values(lib.autograd.grad(gx.sum(), [x])[0]))
    with lib.no_grad():
        m(x, 3, y)
    wrong = m.register_full_backward_hook(lambda mod, gi, go: (gi[0],))
    seen.append(refusal(lambda: m(x, 3, y)[0].sum().backward()))
    wrong.remove()
    wrong = m.register_full_backward_pre_hook(lambda mod, go: (go[0],))
    seen.append(refusal(lambda: m(x, 3, y)[0].sum().backward()))
    return seen


@story
def backward_hooks_without_inputs_that_want_gradients(lib: Any) -> Any:
    m, seen = fill(lib.nn.Linear(2, 2)), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi, [values(g) for g in go])))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m(lib.ones(1, 2)).sum().backward()
    return [*seen, values(m.weight.grad), [str(w.message)[:60] for w in caught]]


@story
def backward_hooks_in_a_chain(lib: Any) -> Any:
    m, seen = fill(lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh(), lib.nn.Linear(3, 1))), []
    for name, part in m.named_modules():
        part.register_full_backward_hook(
            lambda mod, gi, go, name=name: seen.append((name, [values(g) for g in gi], [values(g) for g in go]))
        )
    x = lib.tensor([[1.0, -1.0]], requires_grad=True)
    m(x).sum().backward()
    return [*seen, values(x.grad), [values(p.grad) for p in m.parameters()]]


@story
def state_hooks(lib: Any) -> Any:
    m, seen = lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.ReLU()), []
    m[0].register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append(("pre", prefix, keep)))
    m.register_state_dict_post_hook(lambda mod, state, prefix, meta: state.pop("0.bias") and None)
    handle = m[0].register_load_state_dict_pre_hook(
        lambda mod, state, prefix, meta, strict, missing, unexpected, errors: (
            state.setdefault(prefix + "bias", lib.zeros(1)) and None
        )
    )
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.unexpected_keys.clear())
    state = m.state_dict()
    seen.append(list(state))
    state["more"] = lib.ones(1)
    seen.append(repr(m.load_state_dict(state)))
    handle.remove()
    seen.append(refusal(lambda: m.load_state_dict(state)))
    m.register_load_state_dict_post_hook(lambda mod, keys: 5)
    return [*seen, refusal(lambda: m.load_state_dict(state))[0]]


@story
def sequential_is_a_list(lib: Any) -> Any:
    nn = lib.nn
    m = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))
    seen = [repr(m), repr(m[1:]), repr(m[-1]), repr(named), repr(named[:1]), repr(named.b), len(m)]
    seen += [repr(m + named), repr(m * 2), repr(2 * named), [type(x).__name__ for x in m]]
    m.append(nn.GELU()).insert(0, nn.ELU()).extend([nn.SiLU()])
    seen += [repr(m), repr(m.pop(1)), repr(m)]
    m[0] = nn.Identity()
    del m[1:3]
    seen.append(repr(m))
    del m[-1]
    m += nn.Sequential(nn.Mish())
    m *= 2
    seen += [repr(m), list(m._modules)]
    for wrong in (
        lambda: m[9],
        lambda: m + [nn.ReLU()],
        lambda: m * 1.5,
        lambda: m * 0,
        lambda: m.insert(0, 5),
        lambda: m.insert(99, nn.ReLU()),
        lambda: m.append(5),
        lambda: m["0"],
    ):
        seen.append(refusal(wrong)[0])
    return seen


@story
def module_list_is_a_list(lib: Any) -> Any:
    nn = lib.nn
    m = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.Linear(2, 2), nn.Linear(2, 2)])
    seen = [
        repr(m),
        repr(m[1:3]),
        repr(m[-1]),
        len(m),
        repr(nn.ModuleList()),
        [k for k, _ in m.named_parameters()],
    ]
    m.insert(1, nn.GELU())
    m.append(nn.SiLU()).extend(x for x in [nn.Mish()])
    m += [nn.ELU()]
    seen += [repr(m), repr(m + [nn.CELU()]), repr(m.pop(0)), repr(m)]
    m[0] = nn.Identity()
    del m[2:4], m[-1]
    seen += [repr(m), nn.Tanh in [type(x) for x in m]]
    return [*seen, refusal(lambda: m.extend(5)), refusal(lambda: m[9])[0], refusal(lambda: m(1))[0]]


@story
def module_dict_is_a_dict(lib: Any) -> Any:
    nn = lib.nn
    m = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    seen = [
        repr(m),
        list(m),
        list(m.keys()),
        "a" in m,
        len(m),
        [type(v).__name__ for v in m.values()],
    ]
    m.update([("c", nn.Tanh()), ("a", nn.GELU())])
    m["d"] = nn.Identity()
    m.update(nn.ModuleDict({"e": nn.ELU()}))
    seen += [repr(m), repr(m.pop("a")), [k for k, _ in m.items()]]
    del m["c"]
    seen.append(list(m))
    wrong = [
        lambda: m.update(5),
        lambda: m.update([5]),
        lambda: m.update([(1, 2, 3)]),
        lambda: m["z"],
    ]
    seen += [refusal(w)[0] for w in wrong]
    m.clear()
    return [*seen, repr(m)]


@story
def parameter_list_is_a_list(lib: Any) -> Any:
    nn = lib.nn
    m = nn.ParameterList([lib.ones(2), nn.Parameter(lib.zeros(1, 3), requires_grad=False), "text"])
    seen = [
        repr(m).replace("torch.", ""),
        len(m),
        m[-1],
        [k for k, _ in m.named_parameters()],
        type(m[0]).__name__,
    ]
    m.append(lib.ones(1)).extend([5])
    m += (lib.ones(1),)
    m[0] = lib.zeros(4)
    seen += [
        repr(m[1:4]).replace("torch.", ""),
        [type(x).__name__ for x in m],
        list(m.state_dict()),
    ]
    wrong = [lambda: m.extend(lib.ones(2)), lambda: m.extend(5), lambda: m[9], lambda: m()]
    return [*seen, *[refusal(w) for w in wrong]]


@story
def parameter_dict_is_a_dict(lib: Any) -> Any:
    nn = lib.nn
    m = nn.ParameterDict({"a": lib.ones(2), "b": 5})
    seen = [
        len(m),
        list(m),
        "a" in m,
        m["b"],
        [k for k, _ in m.named_parameters()],
        type(m["a"]).__name__,
    ]
    m.update([("c", lib.zeros(1)), ("b", 6)])
    m["d"] = lib.ones(3)
    seen += [list(m.keys()), [k for k, _ in m.items()], len(list(m.values())), list(reversed(m))]
    seen += [m.get("z", 7), m.setdefault("z", 8), m.setdefault("b", 9), m.pop("z"), m.popitem()[0]]
    seen += [
        list(m.copy()),
        list(m | nn.ParameterDict({"q": 1})),
        list(m.fromkeys(["k"], 3).items()),
    ]
    del m["c"]
    m |= nn.ParameterDict({"r": 2})
    seen += [list(m), list(m.state_dict()), refusal(lambda: m["none"])[0], refusal(lambda: m[5])[0]]
    m.clear()
    return [*seen, len(m), repr(m), refusal(lambda: m.update(5)), refusal(lambda: m(1))]


@story
def parameters_are_parameters(lib: Any) -> Any:
    values_of = lib.tensor([1.0, 2.0])
    p = lib.nn.Parameter(values_of)
    frozen = lib.nn.Parameter(values_of, requires_grad=False)
    twin = copy.deepcopy(p)
    back = pickle.loads(pickle.dumps(frozen))
    with lib.no_grad():
        inside = lib.nn.Parameter(lib.zeros(1))
        p.add_(1)
    return [
        repr(p),
        repr(frozen),
        repr(p * 2).split(",")[0],
        type(p * 2).__name__,
        isinstance(p, lib.Tensor),
        isinstance(p * 1, lib.nn.Parameter),
        p.is_leaf,
        inside.requires_grad,
        values(values_of),  # one memory
        type(twin).__name__,
        values(twin),
        type(back).__name__,
        back.requires_grad,
        tuple(lib.nn.Parameter().shape),
        type(p.detach()).__name__,
        type(p.data).__name__,
    ]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_same_story(story: Story) -> None:
    assert_same(story(tg), story(torch))
